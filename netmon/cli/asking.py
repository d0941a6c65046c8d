"""How `netmon probe` asks: the options of SNMPv1, v2c and v3, and where their secrets come from.

A key of SNMPv3 never stands on the command line, where everybody on the machine can read it: it lies in a file, in the
environment or in the configuration, or is asked for on the terminal.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from netmon.credential import Credential, Secret
from netmon.settings.problem import UnfitError
from netmon.settings.secrets import fetch
from netmon.settings.values import auth_protocol, priv_protocol, usm_key, usm_name

COMMUNITY, AUTH_KEY, PRIV_KEY = "NETMON_COMMUNITY", "NETMON_SNMP_AUTH", "NETMON_SNMP_PRIV"

LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")
VERSIONS = ("1", "2c", "3")

_AUTH, _PRIV, _USER_OPTIONS = ("auth", "auth_key"), ("priv", "priv_key"), ("user", "level", "context")
_V3 = (*_USER_OPTIONS, *_AUTH, *_PRIV)
_TOLD = ("version", "community", *_V3)


class UnclearError(Exception):
    """The options do not say how to ask; the text says why, for people, and repeats no secret."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options by which a device is asked, named as net-snmp's tools name theirs."""
    parser.add_argument(
        "-v", "--version", metavar="V", type=_version, help="SNMP version: 1, 2c or 3 (default: 3 with -u, else 2c)"
    )
    old = parser.add_argument_group("SNMPv1 and v2c")
    old.add_argument("-c", "--community", metavar="NAME", help=f"community (default: ${COMMUNITY}, else public)")
    user = parser.add_argument_group("SNMPv3")
    user.add_argument("-u", "--user", metavar="USER", type=_fitting(usm_name), help="user, as the device has it")
    user.add_argument("-l", "--level", metavar="LEVEL", choices=LEVELS, help=f"{', '.join(LEVELS)} (default)")
    user.add_argument(
        "-a", "--auth", metavar="P", type=_fitting(auth_protocol),
        help="authentication: MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512 (default: SHA-256)",
    )  # fmt: skip
    user.add_argument("-A", "--auth-key", metavar="FILE", help=f"file of its key (default: ${AUTH_KEY}, else asked for)")
    user.add_argument(
        "-x", "--priv", metavar="P", type=_fitting(priv_protocol),
        help="privacy: DES, AES, AES-192, AES-256, or AES-192-C and AES-256-C as Cisco has them (default: AES)",
    )  # fmt: skip
    user.add_argument("-X", "--priv-key", metavar="FILE", help=f"file of its key (default: ${PRIV_KEY}, else asked for)")
    user.add_argument("-n", "--context", metavar="NAME", type=_fitting(usm_name), help="context (default: none)")


def is_told(args: argparse.Namespace) -> bool:
    """Whether the options say anything of how to ask."""
    return any(getattr(args, name) is not None for name in _TOLD)


def credential(args: argparse.Namespace) -> Credential:
    """What the options say; its name tells where its secrets came from. UnclearError: they say too little, or too much."""
    told = [name for name in _V3 if getattr(args, name) is not None]
    version = args.version or ("3" if told else "2c")
    if version == "3":
        return _user(args)
    if told:
        raise UnclearError(f"--{told[0].replace('_', '-')} belongs to SNMPv3, and version {version} is to be asked")
    community, origin = _community(args.community)
    return Credential(name=origin, version=version, community=Secret(community))


def in_words(credential: Credential) -> str:
    """How a device is asked, without what is secret."""
    if credential.version != "3":
        return f"SNMPv{credential.version}, community from {credential.name}"
    protocols = " and ".join(filter(None, (credential.auth_protocol, credential.priv_protocol)))
    words = [f"SNMPv3 {level(credential)}", f"user {credential.user}", protocols]
    words += [f"context {credential.context}" if credential.context else ""]
    words += [f"{'keys' if credential.priv_protocol else 'key'} from {credential.name}" if protocols else ""]
    return ", ".join(filter(None, words))


def level(credential: Credential) -> str:
    """The security level of a credential of version 3: it follows from what is given."""
    return LEVELS[bool(credential.auth_protocol) + bool(credential.priv_protocol)]


def _community(given: str | None) -> tuple[str, str]:
    """The community and where it came from; the second may be printed."""
    if given is not None:
        return given, "--community"
    if COMMUNITY in os.environ:
        return os.environ[COMMUNITY], f"${COMMUNITY}"
    return "public", "the default"


def _user(args: argparse.Namespace) -> Credential:
    if args.community is not None:
        raise UnclearError("--community belongs to SNMPv1 and v2c; SNMPv3 has a user (-u) and keys")
    if not args.user:
        raise UnclearError("SNMPv3 asks in the name of a user: -u USER")
    wanted = LEVELS.index(args.level or LEVELS[-1])
    for needed, names in ((1, _AUTH), (2, _PRIV)):
        idle = [name for name in names if getattr(args, name) is not None] if wanted < needed else []
        if idle:
            raise UnclearError(f"--{idle[0].replace('_', '-')} has no part in the level {LEVELS[wanted]}")
    auth_key, auth_from = _key(args.auth_key, "-A", AUTH_KEY, "authentication key") if wanted else (None, "")
    priv_key, priv_from = _key(args.priv_key, "-X", PRIV_KEY, "privacy key") if wanted > 1 else (None, "")
    return Credential(
        name=" and ".join(dict.fromkeys(filter(None, (auth_from, priv_from)))),
        version="3",
        user=args.user,
        auth_protocol=(args.auth or "SHA-256") if auth_key else "",
        auth_key=auth_key,
        priv_protocol=(args.priv or "AES") if priv_key else "",
        priv_key=priv_key,
        context=args.context or "",
    )


def _key(path: str | None, option: str, variable: str, what: str) -> tuple[Secret, str]:
    """A key and where it came from. What stands behind the option is repeated only if it is the name of a file."""
    try:
        if path is not None:
            if not os.path.exists(path):
                raise UnclearError(
                    f"{option} takes the name of a file that holds the {what}, and there is no such file; the key itself "
                    "never stands on the command line, where others can read it"
                )
            return usm_key(fetch("!file", path, Path())), path
        if variable in os.environ:
            return usm_key(fetch("!env", variable, Path())), f"${variable}"
        if not sys.stdin.isatty():
            raise UnclearError(f"there is no {what}: {option} FILE or ${variable} gives it, or a terminal to ask for it on")
        typed = getpass(f"{what}: ")
        if not typed:
            raise UnclearError(f"no {what} was typed; a level without it is named by -l")
        return usm_key(Secret(typed)), "the terminal"
    except UnfitError as error:
        raise UnclearError(f"the {what} cannot be used: {error}") from None


def _version(text: str) -> str:
    if text not in VERSIONS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a version of SNMP that is spoken here; 1, 2c and 3 are")
    return text


def _fitting(read: Callable[[str], str]) -> Callable[[str], str]:
    """What reads a value of the configuration, as an option's type."""

    def fitting(text: str) -> str:
        try:
            return read(text)
        except UnfitError as error:
            raise argparse.ArgumentTypeError(f"{error}{f' ({error.hint})' if error.hint else ''}") from None

    return fitting

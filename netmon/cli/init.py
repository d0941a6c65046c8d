"""`netmon init`: a starting configuration for a province, from the register."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from netmon import scaffold, units
from netmon.cli.words import fail, table
from netmon.settings import quantities
from netmon.settings.secrets import PLACEHOLDER
from netmon.units import Register, Unit, fold

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_SHOWN = 4
"""Of what already lies in a directory so many names are told."""

_ALSO = {"hcm": "79", "hcmc": "79", "thuathienhue": "46"}
"""What people write that is no spelling of the register."""

_FORMER = {
    "Hà Giang": "08", "Yên Bái": "15", "Bắc Kạn": "19", "Bắc Giang": "24", "Vĩnh Phúc": "25", "Hòa Bình": "25",
    "Hải Dương": "31", "Thái Bình": "33", "Hà Nam": "37", "Nam Định": "37", "Quảng Bình": "44", "Quảng Nam": "48",
    "Kon Tum": "51", "Bình Định": "52", "Ninh Thuận": "56", "Phú Yên": "66", "Đắk Nông": "68", "Bình Thuận": "68",
    "Bình Phước": "75", "Bình Dương": "79", "Bà Rịa - Vũng Tàu": "79", "Long An": "80", "Tiền Giang": "82",
    "Bến Tre": "86", "Trà Vinh": "86", "Kiên Giang": "91", "Sóc Trăng": "92", "Hậu Giang": "92", "Bạc Liêu": "96",
}  # fmt: skip
"""The 29 of the 63 provinces that became a part of another on 1 July 2025 (Resolution 202/2025/QH15), by that one's code."""

_CREDENTIALS = {"community": "snmp-community"}
"""Files of secrets are called as netmon.service loads them: `!file secrets/` becomes `!credential ` and nothing else."""

_LIKENESS = 0.8
_KIND = re.compile(r"^(?:tinh|thanhpho|tp)|(?:province|city)$")

_EXAMPLE = """\
Writes netmon.yaml, targets.yaml and inventory/ for the provincial centre and the People's Committee of every commune of the
province, with their real names and codes. Addresses, interfaces, operators and capacities are examples: put in your own.
Secrets lie in DIR/secrets, which only you may read. A directory that holds anything is left alone.

examples:
  $ netmon init --province 04 -o cao-bang
  $ netmon init --province "đồng nai" --bts -o dong-nai
  $ netmon init --list
"""


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "init",
        help="write a starting configuration for a province, with all its communes",
        description="Write a starting configuration for a province, with all its communes.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--province", metavar="P", help='code or name, with or without diacritics: 04, "Cao Bằng", "cao bang"')
    what.add_argument("--list", action="store_true", help="list the provinces with their codes and numbers of communes")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("config"), help="a new directory (default: %(default)s)"
    )
    parser.add_argument("--bts", action="store_true", help="add example BTS sites, over SNMP and over MQTT, and the broker")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the configuration, or say why not; 0 when it is written."""
    register, today = units.load(), quantities.today()
    if args.list:
        print(_listed(register, today))
        return 0
    province, hint = find(args.province, register, today)
    if province is None:
        return fail(f"there is no province '{args.province}' ({hint or '`netmon init --list` shows all'})")
    directory: Path = args.output
    files = scaffold.province(province.code, register, today, secret=_secret, bts=args.bts)
    secrets = ["snmp-auth", "snmp-priv", *(["mqtt-password"] if args.bts else [])]
    try:
        write(directory, {**files, ".gitignore": "secrets/\n"}, {f"secrets/{name}": f"{PLACEHOLDER}\n" for name in secrets})
    except OSError as error:
        return fail(f"nothing was written to {directory}: {error.strerror or error}")
    print(_written(province, len(register.communes(province.code, today)), directory, bts=args.bts))
    return 0


def _secret(name: str) -> str:
    return f"!file secrets/{_CREDENTIALS.get(name, name)}"


def find(text: str, register: Register, on: date) -> tuple[Unit | None, str]:
    """The province that somebody calls so, by code or name; else None, and a hint if one was probably meant."""
    spellings = {spelling: unit for unit in register.provinces(on) for spelling in _spellings(unit)}
    former = {_plain(name): name for name in _FORMER}
    wanted = _plain(text)
    if wanted.isdecimal():
        return spellings.get(wanted.zfill(2)), ""
    if wanted in spellings:
        return spellings[wanted], ""
    near = next(iter(get_close_matches(wanted, [*spellings, *former], 1, _LIKENESS)), "")
    if near in former:
        name = former[near]
        into = spellings[_FORMER[name]]
        return None, f"{name} has been part of {into.name} ({into.code}) since 2025-07-01"
    return None, f"did you mean {spellings[near].name} ({spellings[near].code})?" if near else ""


def _spellings(unit: Unit) -> Sequence[str]:
    """ "04" and "caobang": nobody agrees on the spaces of "Hanoi"."""
    also = [spelling for spelling, code in _ALSO.items() if code == unit.code]
    return unit.code, _plain(unit.name), _plain(unit.name_en), *also


def _plain(text: str) -> str:
    """Letters and digits alone, small and without diacritics, and without the word for the kind: tỉnh, TP., City."""
    return _KIND.sub("", "".join(letter for letter in fold(text) if letter.isalnum()))


def write(directory: Path, files: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Files by name into a directory that is new or empty: all of them, or none.

    Whatever the umask, everybody may read them; secrets are for their owner's eyes only, and so is the directory they lie
    in. OSError: something is in the way.
    """
    there = os.listdir(directory) if directory.exists() else None
    if there:
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        raise FileExistsError(0, f"it holds {', '.join(sorted(there)[:_SHOWN])}{more}; name a new directory")
    beside = directory.parent if there is None else directory
    if not beside.exists():
        raise FileNotFoundError(0, f"there is no directory {beside} to make it in")
    with TemporaryDirectory(prefix=".netmon-init-", dir=beside) as name:
        stage = Path(name) / "whole"
        for path, text in files.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_text(text, encoding="utf-8")
        for made in (stage, *stage.rglob("*")):
            made.chmod(0o755 if made.is_dir() else 0o644)  # the daemon is another user, whatever root's umask
        for path, text in secrets.items():
            (stage / path).parent.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(stage / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        if there is None:
            stage.rename(directory)
        else:
            _move(stage, directory)


def _move(stage: Path, directory: Path) -> None:
    """What was prepared, into the directory around it, or all of it back."""
    moved: list[Path] = []
    try:
        for path in sorted(stage.iterdir()):
            there = path.rename(directory / path.name)
            moved.append(there)
    except BaseException:
        for path in moved:
            path.rename(stage / path.name)
        raise


def _listed(register: Register, on: date) -> str:
    provinces = register.provinces(on)
    counts = [len(register.communes(unit.code, on)) for unit in provinces]
    rows = [(unit.code, unit.name, unit.name_en, str(count)) for unit, count in zip(provinces, counts, strict=True)]
    total = f"{len(provinces)} provinces, {sum(counts):,} communes"
    return f"{table(('CODE', 'NAME', 'ENGLISH NAME', 'COMMUNES'), rows)}\n{total}"


def _written(province: Unit, communes: int, directory: Path, *, bts: bool) -> str:
    """What was written, what is left to do, and how to go on."""
    where = shlex.quote(str(directory))
    lines = [f"{directory}: {province.name}, {communes} communes.", "", "Fill in:"]
    rows = [
        ("secrets/snmp-auth", "the authentication key (SHA-256) of your devices' SNMPv3 user netmon"),
        ("secrets/snmp-priv", "its privacy key (AES)"),
        *([("secrets/mqtt-password", "the password of netmon's user at the broker")] if bts else []),
        ("inventory/provincial-centre.yaml", "the addresses of your gateway and core router"),
        ("inventory/communes.yaml", "router addresses, interfaces, operators, contracted capacities"),
        *([("inventory/bts.yaml, bts-mqtt.yaml", "your BTS sites; these are examples")] if bts else []),
        ("netmon.yaml", "another SNMP user, other protocols, devices that know SNMPv2c only: credentials"),
        ("netmon.yaml", "by hand: store.path and control; under systemd: !credential for secrets (deploy/systemd)"),
    ]
    space = max(len(name) for name, _ in rows)
    lines += [f"  {name:<{space}}  {what}" for name, what in rows]
    lines += [
        "",
        "Then:",
        f"  netmon check --config {where}",
        f"  netmon probe {scaffold.prefix(province)}-core-1 --config {where}",
        f"  netmon run --config {where}",
    ]
    return "\n".join(lines)

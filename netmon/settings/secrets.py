"""Where secrets come from: never the configuration itself, so that it can be shown, copied and kept in version control."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from netmon.credential import Secret
from netmon.octets import octets_of
from netmon.settings.problem import UnfitError

HOW = "write it as !env NAME, !file path or !credential name, so that it does not stand in the configuration"

TAGS = ("!env", "!file", "!credential")

PLACEHOLDER = "replace-this-secret"
"""What `netmon init` writes where a secret belongs that only its owner knows."""

LONGEST = 65_536
"""Octets of a file that holds a secret."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USUAL = re.compile(r"[A-Z_][A-Z0-9_]*")
"""A variable that is called as they usually are: what is called otherwise may be the secret itself, and is not repeated."""

Fetch = Callable[[str, str], Secret]
"""Gets the secret that a tag names."""


def leave(tag: str, name: str) -> Secret:
    """Leaves a secret where it is: for those who only read what netmon has found, and may not see its secrets."""
    return Secret("")


def fetch(tag: str, name: str, directory: Path) -> Secret:
    """The secret that a tag names.

    `!env` reads a variable of the environment, `!file` a file relative to the configuration, `!credential` a file of
    systemd's credentials directory (LoadCredential=). Raises UnfitError, never with what was read, nor with a name that may
    be the secret itself, written behind the tag.
    """
    if not name:
        raise UnfitError(f"{tag} names nothing", HOW)
    if tag == "!env":
        if not _VARIABLE.fullmatch(name):  # and so not repeated: it may be the secret itself
            raise UnfitError(
                "what follows !env is no name of a variable: letters, digits and _", "export NAME=… and !env NAME"
            )
        shown, usual = (name, name) if _USUAL.fullmatch(name) else ("that !env names", "NAME")
        return _not_empty(
            _variable(name, shown), f"the environment variable {shown}", f"export {usual}=… before netmon starts"
        )
    if tag == "!file":
        return _not_empty(_text_of(directory / name, tag, "/" in name), f"the file {directory / name}")
    home = os.environ.get("CREDENTIALS_DIRECTORY")
    if home is None:
        raise UnfitError(
            "there are no credentials: $CREDENTIALS_DIRECTORY is not set",
            "systemd sets it when the unit says LoadCredential=NAME:…",
        )
    if Path(name).name != name:
        raise UnfitError("a credential is named without a directory")
    return _not_empty(_text_of(Path(home) / name, tag), f"the credential {name}")


def has_control(text: str) -> bool:
    """Whether some of a text is for no eye: a control character, a byte order mark."""
    return any(unicodedata.category(letter) == "Cc" or letter == "\ufeff" for letter in text)


def _variable(name: str, shown: str) -> str | None:
    text = os.environ.get(name)
    try:
        (text or "").encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 come as lone surrogates, and could not be sent (PEP 383)
        raise UnfitError(f"the environment variable {shown} is not UTF-8 text") from None
    return text


def _text_of(path: Path, tag: str, is_path: bool = False) -> str:
    """What a file holds. One that is not there is named if it `is_path` and its directory is there."""
    try:
        return octets_of(path, LONGEST).decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        shown = os.path.lexists(path) or (is_path and os.path.isdir(path.parent))
        which = path if shown else f"the file that {tag} names"
        raise UnfitError(f"the secret in {which} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnfitError(f"the secret in {path} is not UTF-8 text") from None
    except ValueError:
        raise UnfitError("no file can have this name") from None


def _not_empty(text: str | None, source: str, hint: str = "") -> Secret:
    if text is None:
        raise UnfitError(f"{source} is not set", hint)
    if not text:
        raise UnfitError(f"{source} is empty")
    if "\n" in text or "\r" in text:
        raise UnfitError(f"{source} holds more than one line")
    if has_control(text):
        raise UnfitError(f"{source} holds a control character")
    return Secret(text)

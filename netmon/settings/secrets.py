"""Where secrets come from: never the configuration itself, so that it can be shown, copied and kept in version control."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from netmon.credential import Secret
from netmon.settings.problem import UnfitError

HOW = "write it as !env NAME, !file path or !credential name, so that it does not stand in the configuration"

TAGS = ("!env", "!file", "!credential")

PLACEHOLDER = "replace-this-secret"
"""What `netmon init` writes where a secret belongs that only its owner knows."""

Fetch = Callable[[str, str], Secret]
"""Gets the secret that a tag names."""


def leave(tag: str, name: str) -> Secret:
    """Leaves a secret where it is: for those who only read what netmon has found, and may not see its secrets."""
    return Secret("")


def fetch(tag: str, name: str, directory: Path) -> Secret:
    """The secret that a tag names.

    `!env` reads a variable of the environment, `!file` a file relative to the configuration, `!credential` a file of
    systemd's credentials directory (LoadCredential=). Raises UnfitError, never with what was read.
    """
    if not name:
        raise UnfitError(f"{tag} names nothing", HOW)
    if tag == "!env":
        return _not_empty(_variable(name), f"the environment variable {name}", f"export {name}=… before netmon starts")
    if tag == "!file":
        return _not_empty(_text_of(directory / name), f"the file {directory / name}")
    home = os.environ.get("CREDENTIALS_DIRECTORY")
    if home is None:
        raise UnfitError(
            f"there is no credential {name}: $CREDENTIALS_DIRECTORY is not set",
            f"systemd sets it when the unit says LoadCredential={name}:…",
        )
    if Path(name).name != name:
        raise UnfitError("a credential is named without a directory", f"did you mean {Path(name).name}?")
    return _not_empty(_text_of(Path(home) / name), f"the credential {name}")


def has_control(text: str) -> bool:
    """Whether some of a text is for no eye: a control character, a byte order mark."""
    return any(unicodedata.category(letter) == "Cc" or letter == "\ufeff" for letter in text)


def _variable(name: str) -> str | None:
    text = os.environ.get(name)
    try:
        (text or "").encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 come as lone surrogates, and could not be sent (PEP 383)
        raise UnfitError(f"the environment variable {name} is not UTF-8 text") from None
    return text


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise UnfitError(f"the secret in {path} cannot be read: {error.strerror}") from None
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

"""Where the secrets of a configuration lie: what its files name by !env, !file and !credential, and who may read them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from netmon.credential import Secret
from netmon.settings import yaml

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PEM = re.compile(rb"-----BEGIN ([^\r\n]*?)-----")
_PUBLIC = re.compile(rb"((X509 |TRUSTED )?CERTIFICATE|X509 CRL|PUBLIC KEY|(DH|EC) PARAMETERS)")
_PRIVATE = re.compile(rb"-----? ?BEGIN [^\r\n]*PRIVATE KEY")
_LONGEST_PEM = 2**24


class Exposed(NamedTuple):
    """A file or a directory, and its mode: others than its owner and group may read it, where it is secret, or others than
    its owner may write it."""

    path: Path
    mode: int
    secret: bool = True

    @property
    def read(self) -> bool:
        return self.secret and bool(self.mode & stat.S_IROTH)

    @property
    def written(self) -> bool:
        return bool(self.mode & (stat.S_IWGRP | stat.S_IWOTH))

    @property
    def by_anybody(self) -> bool:
        """Whether everybody on this machine may, and not its group alone."""
        return self.secret or bool(self.mode & stat.S_IWOTH)

    @property
    def sound(self) -> int:
        """The mode that it should have."""
        return self.mode & (0o640 if self.secret else 0o7755)


def secrets_named(files: Iterable[Path]) -> set[tuple[str, str]]:
    """The secrets that configuration files name, as tag and name; none of them is opened. A variable whose name is none is
    left out: it may be the secret itself."""
    found: set[tuple[str, str]] = set()

    def note(tag: str, name: str) -> Secret:
        if tag != "!env" or _VARIABLE.fullmatch(name):
            found.add((tag, name))
        return Secret("")

    for path in files:
        yaml.read(path, note)
    return found


def files_in(directory: Path) -> Iterator[Path]:
    """The files of a directory, those behind links as well, as netmon reads them. What cannot be looked at comes as it is: a
    directory that may not be read, a link to nowhere. A directory that holds itself is not gone into again."""
    return _files_in(directory, frozenset())


def _files_in(directory: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    try:
        told, names = directory.stat(), sorted(os.listdir(directory))
    except OSError:
        yield directory
        return
    above |= {(told.st_dev, told.st_ino)}
    for name in names:
        path = directory / name
        try:
            mode = path.stat()
        except OSError:
            yield path
            continue
        if stat.S_ISREG(mode.st_mode):
            yield path
        elif stat.S_ISDIR(mode.st_mode) and (mode.st_dev, mode.st_ino) not in above:
            yield from _files_in(path, above)


def holds_certificates(path: Path) -> bool:
    """Whether a file holds certificates and what else of PEM anybody may see, and nothing else of PEM; one that may not be
    read, or is too long for that, does not."""
    labels = _PEM.findall(_octets(path))
    return bool(labels) and all(map(_PUBLIC.fullmatch, labels)) and not holds_key(path)


def holds_key(path: Path) -> bool:
    """Whether a file holds a private key; one that may not be read does not."""
    return _PRIVATE.search(_octets(path)) is not None


def exposed(directory: Path) -> list[Exposed]:
    """The secret files of a configuration, and the private keys that lie in it, that more people can get at than need to;
    and what others can write of the rest: who writes a YAML file, or puts another in its place, has netmon speak its secrets
    to whom he likes."""
    home = directory.resolve()
    files = [path for path in files_in(home) if os.path.isfile(path)]
    named = secrets_named(path for path in files if path.suffix == ".yaml")
    places = {(home / name).resolve() for tag, name in named if tag == "!file"}
    if credentials := os.environ.get("CREDENTIALS_DIRECTORY"):
        places |= {Path(credentials) / name for tag, name in named if tag == "!credential"}
    places |= {path.resolve() for path in files if path.suffix != ".yaml" and holds_key(path)}
    others = {path.resolve() for path in files if path.suffix == ".yaml"}
    others |= {home, *(path.parent for path in (*others, *places))}
    found = []
    for place in sorted(places | others):
        try:
            mode = stat.S_IMODE(place.stat().st_mode)
        except OSError:
            continue  # `netmon check` says what cannot be read
        told = Exposed(place, mode, place in places)
        # In a directory as /tmp, with the sticky bit, nobody can replace what is another's.
        if told.read or (told.written and not (place.is_dir() and mode & stat.S_ISVTX)):
            found.append(told)
    return found


def _octets(path: Path) -> bytes:
    """All of a file; none where it may not be read or is no file of PEM by its length."""
    try:
        with path.open("rb") as file:
            octets = file.read(_LONGEST_PEM + 1)
    except OSError:
        return b""
    return octets if len(octets) <= _LONGEST_PEM else b""

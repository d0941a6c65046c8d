"""The wallboard's facts as JSON in parts, so that what changed can be told alone.

A part is a value of the board, or of one of its provinces; it is encoded once for all who are told.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

from netmon.web.telling import dumps, octets

_TIME, _PROVINCES = "time", "provinces"


class Board:
    """The wallboard at one moment. `revision` changes whenever anything but the time does, and is the same for the same."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        provinces: Sequence[Mapping[str, Any]] = facts.get(_PROVINCES, ())
        self.time: float = facts[_TIME]
        self._codes = [province["code"] for province in provinces]
        self._tops = {name: dumps(value) for name, value in facts.items() if name not in (_TIME, _PROVINCES)}
        self._provinces = [{name: dumps(value) for name, value in province.items()} for province in provinces]
        digest = blake2b(digest_size=8)
        for path, text in self._parts().items():
            digest.update(f"{path}\0{text}\0".encode("utf-8", "replace"))
        self.revision = digest.hexdigest()

    def text(self, time: float | None = None) -> str:
        """The whole, as it is told at `time`."""
        head = {_TIME: dumps(self.time if time is None else time), "revision": dumps(self.revision)}
        provinces = ",".join(map(_object, self._provinces))
        return _object({**head, **self._tops, _PROVINCES: f"[{provinces}]"})

    @cached_property
    def octets(self) -> bytes:
        """The whole, as it is sent."""
        return octets(self.text())

    @cached_property
    def zipped(self) -> bytes:
        """The whole with gzip."""
        return gzip.compress(self.octets, compresslevel=4, mtime=0)

    def since(self, before: Board) -> str | None:
        """What changed since an earlier board: `set` has the new parts by their path. None: parts went, and only the whole
        tells that."""
        old, new = before._parts(), self._parts()
        changed = {path: text for path, text in new.items() if old.get(path) != text}
        if self._codes != before._codes:
            changed = {path: text for path, text in changed.items() if not path.startswith(f"{_PROVINCES}/")}
            changed[_PROVINCES] = f"[{','.join(map(_object, self._provinces))}]"
        elif old.keys() - new.keys():
            return None
        head = {_TIME: dumps(self.time), "revision": dumps(self.revision), "was": dumps(before.revision)}
        return _object({**head, "set": _object(changed)})

    def _parts(self) -> dict[str, str]:
        return self._tops | {
            f"{_PROVINCES}/{n}/{name}": text for n, province in enumerate(self._provinces) for name, text in province.items()
        }


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{dumps(name)}:{text}" for name, text in members.items()) + "}"

"""The files that the writer has open: whether what lies there by their names is still them."""

from __future__ import annotations

from pathlib import Path

_HEADS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"")
"""How a journal begins, and one to which nothing was written yet."""


class Held:
    """The file, its journal and the index of that. Whoever opens and closes the file itself would drop SQLite's locks on it
    (fcntl(2)), so it is only asked about."""

    def __init__(self, path: Path) -> None:
        self.journal = path.with_name(path.name + "-wal")
        self._files = {each: _identity(each) for each in (path, self.journal, path.with_name(path.name + "-shm"))}
        self._size = 0

    def taken(self) -> str:
        """Which of them was removed or replaced, or that the journal was overwritten; "" for none. What SQLite has open is
        the old one: nothing that is committed to it would outlast this process. OSError: the disk does not answer."""
        for path, before in self._files.items():
            if _identity(path) != before:
                return f"{path.name} was removed or replaced"
        with self.journal.open("rb") as file:
            return "" if file.read(4) in _HEADS else f"{self.journal.name} was overwritten"

    def journal_size(self) -> tuple[int, bool]:
        """Bytes of the journal, and whether it is shorter than when this was asked last: SQLite began it anew, or somebody
        cut it."""
        size = self.journal.stat().st_size
        shorter, self._size = size < self._size, size
        return size, shorter


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino

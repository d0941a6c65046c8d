"""The columns of a walk: what is asked of them, how answers are read, where each of them stands, and what it has brought.

Rows of most tables are whole: each column has a value under the same index. While they are, an answer is read by position
and the next question is made from one index, which costs half of reading varbinds that may be any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import cycle
from operator import gt
from typing import NamedTuple

from netmon.snmp import ber, oid
from netmon.snmp.ber import EXCEPTIONS, Tag, Value
from netmon.snmp.errors import Malformed
from netmon.snmp.message import Opened, Request, VarBind, get_bulk_request, get_next_request, read_varbinds

_LONGEST_NAME = 0x7B  # octets of a name that goes, with all around it, into one octet of length


class Rows(NamedTuple):
    """Whole rows: the index of each; tags and values of all, row after row; `rest` are the varbinds that follow."""

    indexes: list[bytes]
    tags: bytearray
    values: list[Value]
    rest: list[VarBind]


def read_rows(opened: Opened, columns: Sequence[bytes]) -> Rows:
    """The rows that a Response begins with: a value of each of these columns under the same index. Malformed as
    `read_varbinds`, which reads the rest: a row that is not whole, one that is written in an unusual way, what follows."""
    data, at, end = opened.data, opened.at, opened.end
    starts, number, fits = data.startswith, int.from_bytes, _FITS
    indexes: list[bytes] = []
    tags = bytearray()
    values: list[Value] = []
    tagged, append = tags.append, values.append
    before, row = 4 + len(columns[0]), at
    try:
        while at < end:
            length = data[at + 3]
            index, heads, skip = data[at + before : at + 4 + length], _heads(length), 4 + length
            if index[-1] >= 0x80:
                break
            for column in columns:
                value = at + skip
                size = data[value + 1]
                if not starts(heads[size] + column + index, at):
                    raise IndexError
                tag = data[value]
                value += 2
                at = value + size
                if tag == 0x04:
                    append(data[value:at])
                elif 0 < size <= fits[tag] and data[value] < 0x80:
                    append(data[value] if size == 1 else number(data[value:at], "big"))
                elif size == 5 and not data[value] and fits[tag]:  # every second Counter32
                    append(number(data[value:at], "big"))
                elif tag in EXCEPTIONS or tag & 0x1F == 0x1F:
                    raise IndexError
                else:
                    append(ber.decode(tag, data[value:at]))
                tagged(tag)
            if at > end:
                break
            indexes.append(index)
            row = at
    except (IndexError, Malformed):
        pass  # read_varbinds knows whether it is only unusual
    whole = len(indexes) * len(columns)
    del tags[whole:], values[whole:]
    return Rows(indexes, tags, values, read_varbinds(opened._replace(at=row)) if row < end else [])


@lru_cache(maxsize=256)
def _heads(length: int) -> list[bytes]:
    """What a varbind with a name of that many octets begins with: by the number of octets of its value."""
    return [b"\x30%c\x06%c" % (4 + length + size, length) for size in range(0x80 - 4 - length)]


_FITS = [{0x02: 4, 0x41: 4, 0x42: 4, 0x43: 4, 0x46: 8}.get(tag, 0) for tag in range(256)]
"""By tag, how many octets of a number are surely within its type when they do not begin with a set bit."""


class Columns:
    """`values` holds what came, by column and index, and `tags` each column's tags, in the same order; `standing` the last
    name of each column that has not ended, to begin with the column itself; `broken` why a column ended before its end. They
    are up to date after `settle`. No column gets more than `most_rows`."""

    def __init__(self, columns: Sequence[bytes], most_rows: int) -> None:
        self.values: dict[bytes, dict[bytes, Value]] = {column: {} for column in columns}
        self.tags = {column: bytearray() for column in self.values}
        self.standing = {column: column for column in self.values}
        self.broken: dict[bytes, str] = {}
        self._most_rows = most_rows
        self._asked: list[bytes] = []
        self._index: bytes | None = None  # at which all that are asked stand
        self._longest = 0  # octets of a column that is asked
        self._room = 0  # rows that all that are asked may still have
        self._rows = Rows([], bytearray(), [], [])  # of those that are asked, not settled yet
        self._heads: list[bytes] = []
        self._heads_for = 0

    def go_on(
        self,
        values: Mapping[bytes, Mapping[bytes, Value]],
        tags: Mapping[bytes, bytearray],
        standing: Mapping[bytes, bytes],
        broken: Mapping[bytes, str],
    ) -> None:
        """Begin with what an earlier walk brought of these columns."""
        for column in [column for column in self.values if column in values]:
            self.values[column] = dict(values[column])
            self.tags[column] = bytearray(tags[column])
            if column in standing:
                self.standing[column] = standing[column]
            else:
                self.end(column, broken.get(column, ""))

    def end(self, column: bytes, why: str = "") -> None:
        """Nothing more will come of a column; `why` says so of one that is broken."""
        self.settle()
        del self.standing[column]
        if why:
            self.broken[column] = why

    # --- asking -------------------------------------------------------------------------------------------------------

    def request(self, asked: list[bytes], max_repetitions: int) -> Request:
        """The question for what follows in these columns: GETBULK, or GETNEXT when `max_repetitions` is 0."""
        if asked != self._asked or self._index is None:
            self._look_at(asked)
        index = self._index
        if index is None or self._longest + len(index) > _LONGEST_NAME:
            self.settle()
            names = [self.standing[column] for column in asked]
            return get_bulk_request(names, max_repetitions) if max_repetitions else get_next_request(names)
        size = len(index)
        if self._heads_for != size or not self._heads:
            # Each varbind to the point where the index begins, and an empty end.
            heads = [b"\x30%c\x06%c%b" % (len(column) + size + 4, len(column) + size, column) for column in asked]
            self._heads, self._heads_for = [*heads, b""], size
        varbinds = (index + b"\x05\x00").join(self._heads)
        return _request(asked, index, varbinds, max_repetitions)

    def _look_at(self, asked: list[bytes]) -> None:
        """Ask these columns from now on."""
        self.settle()
        names = [self.standing[column] for column in asked]
        index = names[0][len(asked[0]) :]
        self._asked, self._heads, self._longest = asked, [], max(map(len, asked))
        self._index = index if names == [column + index for column in asked] else None
        self._room = self._most_rows - max(len(self.values[column]) for column in asked)

    # --- taking -------------------------------------------------------------------------------------------------------

    def take(self, varbinds: Sequence[VarBind]) -> None:
        """Put the varbinds that answer the last request, or what is left of them, where they belong."""
        if not varbinds:
            return
        self.settle()
        self._index = None
        standing = self.standing
        for column, (name, tag, value) in zip(cycle(self._asked), varbinds, strict=False):
            last = standing.get(column)
            if last is None:
                continue
            if tag in EXCEPTIONS:
                self.end(column)
            elif not oid.within(name, column):
                self.end(column, _astray(name) if self._is_back(name, last) else "")
            elif not oid.follows(name[len(column) :], last[len(column) :]):
                self.end(column, _astray(name))
            elif len(self.values[column]) >= self._most_rows:
                self.end(column, f"more than {self._most_rows} rows")
            else:
                self.values[column][name[len(column) :]] = value
                self.tags[column].append(tag)
                standing[column] = name

    def _is_back(self, name: bytes, last: bytes) -> bool:
        """Whether a name that came where one behind `last` was due is of a column that is asked too: some agents leave out
        of an answer what has ended. Anywhere else, an agent may begin again when it has no more."""
        return name < last and any(oid.within(name, other) for other in self._asked) and not oid.follows(name, last)

    def take_rows(self, rows: Rows) -> bool:
        """The same of whole rows. False when they do not rise or are too many: then `take` takes them as varbinds."""
        indexes = rows.indexes
        if not indexes:
            return True
        if self._index is None or not _rise(self._index, indexes) or len(indexes) > self._room:
            return False
        self._index = indexes[-1]
        self._room -= len(indexes)
        kept = self._rows
        kept.indexes.extend(indexes)
        kept.tags.extend(rows.tags)
        kept.values.extend(rows.values)
        return True

    def settle(self) -> None:
        """Give each column what came of it in whole rows. Once for many answers: it goes all over the memory."""
        indexes, tags, values, _ = self._rows
        if not indexes:
            return
        width, last = len(self._asked), indexes[-1]
        for n, column in enumerate(self._asked):
            self.values[column].update(zip(indexes, values[n::width], strict=True))
            self.tags[column] += tags[n::width]
            self.standing[column] = column + last
        self._rows = Rows([], bytearray(), [], [])


def _request(columns: Sequence[bytes], index: bytes, varbinds: bytes, max_repetitions: int) -> Request:
    """As `Request` makes it, but for the encoding of each name by itself, which is most of the work."""
    pdu = Tag.GET_BULK if max_repetitions else Tag.GET_NEXT
    after_id = b"\x02\x01\x00%b%b" % (ber.encode(Tag.INTEGER, max_repetitions), ber.tlv(Tag.SEQUENCE, varbinds))
    before_id = ber.tlv(pdu, bytes(6 + len(after_id)))[: -6 - len(after_id)] + b"\x02\x04"
    oids = tuple([column + index for column in columns])
    request = object.__new__(Request)
    filled = (pdu, oids, 0, max_repetitions, tuple(columns), before_id, after_id, ())
    for set_slot, value in zip(_SETTERS, filled, strict=True):
        set_slot(request, value)
    return request


_SETTERS = [getattr(Request, slot).__set__ for slot in Request.__slots__]


def _astray(name: bytes) -> str:
    return f"{oid.decode(name)} came where a later OID was due"


def _rise(before: bytes, indexes: Sequence[bytes]) -> bool:
    """Whether each index comes after the one before it."""
    earlier = [before, *indexes[:-1]]
    if before.isascii() and b"".join(indexes).isascii():
        return all(map(gt, indexes, earlier))
    return all(map(oid.follows, indexes, earlier))

"""From a profile and the rows found on one device to the requests that read it: what stands at each position is known.

Every request begins with sysUpTime and holds whole rows: a row's identity, its discontinuity time and its counters come
in one PDU, so that whether two readings are comparable (SEMANTICS 3) is decided within a PDU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, compress
from operator import itemgetter
from typing import Any, NamedTuple

from netmon.catalogue import DEVICE
from netmon.model import At, Epoch, Kind, Series
from netmon.profiles.convert import Convert, converter
from netmon.profiles.rows import Row
from netmon.profiles.schema import DEVICE_INFO, SENSOR, Column, Profile, Source
from netmon.snmp.ber import Value
from netmon.snmp.message import Request, get_request
from netmon.snmp.oid import encode

SYS_UPTIME = encode("1.3.6.1.2.1.1.3.0")

Labels = tuple[tuple[str, str], ...]

_WHOLE: frozenset[type] = frozenset({int})


class Cell(NamedTuple):
    """What becomes of the value at a position. `convert` None: the value as it is."""

    position: int
    series: Series
    convert: Convert | None
    counts: bool


class Part(NamedTuple):
    """The share of one row in a request. Position 0 is sysUpTime, so 0 says "not asked"."""

    row: Row
    key: int
    key_octets: bytes
    discontinuity: int
    cells: tuple[Cell, ...]


class Odd(NamedTuple):
    """A row is not what was discovered: `column` is gone, or None when it is another row now."""

    row: Row
    column: bytes | None


@dataclass(slots=True)
class Taken:
    """What the answers to a plan's requests have brought so far, in columns as `Readings` has them."""

    series: list[Series] = field(default_factory=list)
    values: list[int | float] = field(default_factory=list)
    at: list[At] = field(default_factory=list)
    epochs: list[Epoch | None] = field(default_factory=list)

    def add(self, series: Iterable[Series], values: Iterable[int | float], at: At, epochs: Iterable[Epoch | None]) -> None:
        """Appends what came in one PDU."""
        self.series += series
        self.values += values
        self.at += [at] * (len(self.values) - len(self.at))
        self.epochs += epochs


def _picker(positions: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    """itemgetter that always makes a tuple."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda items: tuple(items[position] for position in positions)


class Batch:
    """One request and what its answer becomes: a reading for each cell of its parts, in their order."""

    __slots__ = ("_converts", "_counting", "_key_octets", "_keys", "_pick", "_spread", "parts", "request", "series")

    def __init__(self, request: Request, parts: tuple[Part, ...]) -> None:
        self.request = request
        self.parts = parts
        cells = [(part, cell) for part in parts for cell in part.cells]
        self.series = tuple(cell.series for _, cell in cells)
        # The usual answer holds the keys that were discovered and whole numbers: all of it is then taken at once.
        keyed = [part for part in parts if part.key]
        self._keys = _picker([part.key for part in keyed])
        self._key_octets = tuple(part.key_octets for part in keyed)
        self._pick = _picker([cell.position for _, cell in cells])
        self._counting = tuple(part for part in parts if any(cell.counts for cell in part.cells))
        numbered = {id(part): n for n, part in enumerate(self._counting, 1)}
        self._spread = _picker([numbered[id(part)] if cell.counts else 0 for part, cell in cells])
        self._converts = tuple((place, cell.convert) for place, (_, cell) in enumerate(cells) if cell.convert)

    def read(self, values: Sequence[Value], at: At, boots: int | None, taken: Taken) -> list[Odd]:
        """Takes the usable values of an answer; returns what was not as discovered. Another row's values are left out.
        `boots`: snmpEngineBoots, where it is told."""
        picked = self._pick(values)
        if self._keys(values) == self._key_octets and _WHOLE.issuperset(map(type, picked)):
            numbers: list[Any] = list(picked)
            for place, convert in self._converts:
                numbers[place] = convert(numbers[place])
            epochs = self._spread([None, *[self._epoch(part, values, boots) for part in self._counting]])
            if None in numbers:
                usable = [number is not None for number in numbers]
                taken.add(compress(self.series, usable), compress(numbers, usable), at, compress(epochs, usable))
            else:
                taken.add(self.series, numbers, at, epochs)
            return []
        return self._read_each(values, at, boots, taken)

    def _read_each(self, values: Sequence[Value], at: At, boots: int | None, taken: Taken) -> list[Odd]:
        odd: list[Odd] = []
        for part in self.parts:
            row, key = part.row, part.key
            if key and values[key] != part.key_octets:
                odd.append(Odd(row, None if values[key] is not None else self._column(row, key)))
                continue
            epoch = self._epoch(part, values, boots)
            for position, series, convert, counts in part.cells:
                raw = values[position]
                if type(raw) is not int and (type(raw) is not float or counts):
                    odd.append(Odd(row, self._column(row, position)))
                    continue
                value = raw if convert is None else convert(raw)
                if value is not None:
                    taken.add((series,), (value,), at, (epoch if counts else None,))
        return odd

    def _epoch(self, part: Part, values: Sequence[Value], boots: int | None) -> Epoch:
        marker = values[part.discontinuity] if part.discontinuity else None
        return Epoch(number(values[0]), boots, number(marker), part.row.identity)

    def odd_at(self, position: int) -> list[Odd]:
        """What an SNMPv1 agent means by noSuchName at this position."""
        return [
            Odd(part.row, self._column(part.row, position))
            for part in self.parts
            if position > 0 and position in (part.key, part.discontinuity, *(cell.position for cell in part.cells))
        ]

    def _column(self, row: Row, position: int) -> bytes:
        return self.request.oids[position].removesuffix(row.index)


@dataclass(frozen=True)
class Plan:
    """All requests of a device's poll, and the info series that need no asking."""

    batches: tuple[Batch, ...]
    info: tuple[Series, ...]

    @cached_property
    def measured(self) -> tuple[Series, ...]:
        """The series of all batches, in their order."""
        return tuple(chain.from_iterable(batch.series for batch in self.batches))

    def series(self) -> Iterator[Series]:
        yield from self.info
        yield from self.measured


def number(value: Value) -> int | None:
    """The value when it is a whole number."""
    return value if type(value) is int else None


def compile_plan(
    profile: Profile,
    rows: Sequence[Row],
    labels: Labels,
    *,
    texts: Mapping[str, str],
    known: Mapping[Series, Series],
    varbinds: int = 24,
) -> Plan:
    """The plan for these rows, at most `varbinds` a request where a row allows it.

    `labels` are the device's; `texts` are labels of its info series that no row has (address, profile). Series of `known`
    are used again, so that an interface keeps its series when its index changes.
    """
    batches: list[Batch] = []
    oids: list[bytes] = [SYS_UPTIME]
    parts: list[Part] = []
    for row in rows:
        shared: dict[str, Labels] = {}
        for key, discontinuity, sources in _units(profile, row, varbinds - 1):
            head = [column for column in (key, discontinuity) if column]
            if parts and len(oids) + len(head) + len(sources) > varbinds:
                batches.append(Batch(get_request(oids), tuple(parts)))
                oids, parts = [SYS_UPTIME], []
            start = len(oids)
            oids += [column + row.index for column in head]
            first = len(oids)
            oids += [source.octets + row.index for _, source in sources]
            cells = tuple(
                Cell(
                    first + n,
                    _series(row, column, source, oids[first + n], labels, shared, known),
                    converter(source, row.factors[column.scale_by]) if column.scale_by else source.convert,
                    source.counts,
                )
                for n, (column, source) in enumerate(sources)
            )
            octets = row.key[1] if row.key else b""
            parts.append(Part(row, start if key else 0, octets, first - 1 if discontinuity else 0, cells))
    if parts or not batches:
        batches.append(Batch(get_request(oids), tuple(parts)))
    return Plan(tuple(batches), tuple(_info(profile, rows, (*labels, *texts.items()), known)))


def _units(
    profile: Profile, row: Row, room: int
) -> Iterator[tuple[bytes | None, bytes | None, list[tuple[Column, Source]]]]:
    """What is asked of a row, whole: its key, its discontinuity time, its values. A row beyond `room` comes in several
    units, each with key and discontinuity time of its own."""
    columns = row.table.columns if row.table else profile.scalars
    wanted = [
        (column, source)
        for column in columns
        if column.family
        for source in [source for source in column.sources if source.octets in row.present][:1]
    ]
    key = row.key[0] if row.key and row.key[0] in row.present else None
    discontinuity = None
    if row.table and row.table.discontinuity and any(source.counts for _, source in wanted):
        marker = row.table.column(row.table.discontinuity).octets
        discontinuity = marker if marker in row.present else None
    step = max(1, room - bool(key) - bool(discontinuity))
    for start in range(0, len(wanted), step):
        yield key, discontinuity, wanted[start : start + step]


def _series(
    row: Row,
    column: Column,
    source: Source,
    name: bytes,
    labels: Labels,
    shared: dict[str, Labels],
    known: Mapping[Series, Series],
) -> Series:
    """The series of a cell; those of a row that have the same labels share them, for there are very many."""
    assert column.family
    if row.table is None:
        own, label = column.sensor or "", SENSOR
    else:
        own, label = f"{column.sensor} {row.identity}" if column.sensor else row.identity, row.table.label
    whole = shared.setdefault(own, (*labels, (label, own)) if own else labels)
    return _same(Series(column.family, whole, Kind(source.kind), name), known)


def _info(profile: Profile, rows: Sequence[Row], labels: Labels, known: Mapping[Series, Series]) -> Iterator[Series]:
    """The device's info series, always, and those of the rows that have a family for it. `labels` are what all may have."""
    common = {label[0]: label for label in labels}
    for row in rows:
        columns = row.table.columns if row.table else profile.scalars
        families = dict.fromkeys(column.info for column in columns if column.info)
        if row.table is None:
            families.setdefault(DEVICE_INFO)
        has = common | {label[0]: label for label in row.texts.items()}
        if row.table:
            has[row.table.label] = (row.table.label, row.identity)
        for family in families:
            oids = (column.octets + row.index for column in columns if column.info == family)
            whole = tuple(has.get(name) or (name, "") for name in DEVICE[family].labels)
            series = Series(family, whole, Kind.INFO, next(oids, b""))
            yield _same(series, known)


def _same(series: Series, known: Mapping[Series, Series]) -> Series:
    """The series that was there before, where it is the same to the letter: equal ones may differ in kind and OID."""
    before = known.get(series)
    return before if before is not None and (before.kind, before.oid) == (series.kind, series.oid) else series

"""From a profile and the rows found on one device to the requests that read it: what stands at each position is known.

Every request begins with sysUpTime and holds whole rows: a row's identity, its discontinuity time and its counters come
in one PDU, so that whether two readings are comparable (SEMANTICS 3) is decided within a PDU.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, compress
from operator import itemgetter
from typing import Any, NamedTuple

from netmon.catalogue import DEVICE
from netmon.model import SERIES_AT_MOST, At, Epoch, Kind, Series
from netmon.profiles.convert import Convert, converter
from netmon.profiles.rows import Row
from netmon.profiles.schema import DEVICE_INFO, INTERFACE, SENSOR, Profile, Table
from netmon.profiles.sources import Column, Named, Source
from netmon.snmp.ber import Value
from netmon.snmp.message import Request, get_request
from netmon.snmp.oid import encode

SYS_UPTIME = encode("1.3.6.1.2.1.1.3.0")

OF_ITSELF = 16
"""Room for what is said of a device itself, beside its rows: each of these has one series that names it at most."""

Labels = tuple[tuple[str, str], ...]

_WHOLE: frozenset[type] = frozenset({int})


Guarded = tuple[int, frozenset[int]]


class Cell(NamedTuple):
    """What becomes of the value at a position. `convert` None: the value as it is. `guards` are positions with the values
    that have to stand there for it to be a reading."""

    position: int
    series: Series
    convert: Convert | None
    counts: bool
    types: tuple[type, ...]
    guards: tuple[Guarded, ...] = ()


class Part(NamedTuple):
    """The share of one row in a request. Position 0 is sysUpTime, so 0 says "not asked"."""

    row: Row
    key: int
    key_octets: bytes
    discontinuity: int
    cells: tuple[Cell, ...]
    scales: tuple[tuple[int, int], ...] = ()
    """Positions of what its values are scaled by, each with the value that was discovered."""


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


def _positions(part: Part) -> set[int]:
    """All that is asked of a row."""
    guards = {position for cell in part.cells for position, _ in cell.guards}
    values = {cell.position for cell in part.cells}
    return {part.key, part.discontinuity, *values, *guards, *(position for position, _ in part.scales)}


def _picker(positions: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    """itemgetter that always makes a tuple."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda items: tuple(items[position] for position in positions)


class Batch:
    """One request and what its answer becomes: a reading for each cell of its parts, in their order."""

    __slots__ = (
        "_converts",
        "_counting",
        "_guards",
        "_key_octets",
        "_keys",
        "_pick",
        "_scale_values",
        "_scales",
        "_spread",
        "parts",
        "request",
        "series",
    )

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
        self._guards = tuple((place, *guard) for place, (_, cell) in enumerate(cells) for guard in cell.guards)
        scales = [scale for part in parts for scale in part.scales]
        self._scale_values = tuple(value for _, value in scales)
        self._scales = _picker([position for position, _ in scales])

    def read(self, values: Sequence[Value], at: At, boots: int | None, taken: Taken) -> list[Odd]:
        """Takes the usable values of an answer; returns what was not as discovered. Another row's values are left out.
        `boots`: snmpEngineBoots, where it is told."""
        picked = self._pick(values)
        known = self._keys(values) == self._key_octets and self._scales(values) == self._scale_values
        if known and _WHOLE.issuperset(map(type, picked)):
            numbers: list[Any] = list(picked)
            for place, convert in self._converts:
                numbers[place] = convert(numbers[place])
            for place, guard, allowed in self._guards:
                if values[guard] not in allowed:
                    numbers[place] = None
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
                odd.append(Odd(row, None if values[key] is not None or row.key is None else row.key[0]))
                continue
            if any(values[position] != value for position, value in part.scales):
                odd.append(Odd(row, None))  # it means another thing now
                continue
            epoch = self._epoch(part, values, boots)
            for position, series, convert, counts, types, guards in part.cells:
                raw = values[position]
                if not isinstance(raw, types):
                    odd.append(Odd(row, self._column(row, position)))
                    continue
                value: Any = raw if convert is None else convert(raw)
                if value is not None and all(values[guard] in allowed for guard, allowed in guards):
                    taken.add((series,), (value,), at, (epoch if counts else None,))
        return odd

    def _epoch(self, part: Part, values: Sequence[Value], boots: int | None) -> Epoch:
        marker = values[part.discontinuity] if part.discontinuity else None
        return Epoch(number(values[0]), boots, number(marker), part.row.identity)

    def odd_at(self, position: int) -> list[Odd]:
        """What an SNMPv1 agent means by noSuchName at this position."""
        return [
            Odd(part.row, part.row.key[0] if position == part.key and part.row.key else self._column(part.row, position))
            for part in self.parts
            if position > 0 and position in _positions(part)
        ]

    def _column(self, row: Row, position: int) -> bytes:
        return self.request.oids[position].removesuffix(row.index)


@dataclass(frozen=True)
class Plan:
    """All requests of a device's poll, and the info series that need no asking. `beyond` counts what the device has beside
    them, of rows for which there is no room."""

    batches: tuple[Batch, ...]
    info: tuple[Series, ...]
    beyond: int = 0

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
    most: int = SERIES_AT_MOST,
    first: Collection[str] = (),
) -> Plan:
    """The plan for these rows, at most `varbinds` a request where a row allows it, and `most` series, whole rows: those of
    the interfaces `first` before others, which have what room is left.

    `labels` are the device's; `texts` are labels of its info series that no row has (address, profile). Series of `known`
    are used again, so that an interface keeps its series when its index changes.
    """
    batches: list[Batch] = []
    oids: list[bytes] = [SYS_UPTIME]
    parts: list[Part] = []
    shared: dict[tuple[int, str], Labels] = {}
    kept: list[Row] = []
    count, beyond = OF_ITSELF, 0
    for row, wanted in _wanted(profile, sorted(rows, key=lambda row: _interface(row) not in first), labels, shared):
        if count + len(wanted) + 1 > most:
            beyond += len(wanted) + 1
            continue
        kept.append(row)
        count += len(wanted) + 1
        for sources in _units(row, wanted, varbinds - 1):
            head = _head(row, sources)
            if parts and len(oids) + len(head) + len(sources) > varbinds:
                batches.append(Batch(get_request(oids), tuple(parts)))
                oids, parts = [SYS_UPTIME], []
            start = len(oids)
            oids += head
            at = {name: start + n for n, name in reversed(list(enumerate(head)))}
            values = len(oids)
            oids += [source.octets + row.index for _, source, _ in sources]
            cells = tuple(
                _cell(row, column, source, series, oids[values + n], values + n, at, known)
                for n, (column, source, series) in enumerate(sources)
            )
            key = at[row.key[0]] if row.key else 0
            discontinuity = at.get(_discontinuity(row, sources) or b"", 0)
            scales = tuple((at[name + row.index], row.scales[name]) for name in _scaled_by(row, sources))
            octets = row.key[1] if row.key else b""
            parts.append(Part(row, key, octets, discontinuity, cells, scales))
    if parts or not batches:
        batches.append(Batch(get_request(oids), tuple(parts)))
    return Plan(tuple(batches), tuple(_info(profile, kept, (*labels, *texts.items()), known)), beyond)


Asked = tuple[Column, Source, Series]
"""A column of a row, where its value is, and what it becomes."""


def _interface(row: Row) -> str:
    """The interface that a row is, or is part of; "" for none."""
    return row.identity if row.table and row.table.label == INTERFACE else row.interface


def _wanted(
    profile: Profile, rows: Sequence[Row], labels: Labels, shared: dict[tuple[int, str], Labels]
) -> Iterator[tuple[Row, list[Asked]]]:
    """What is asked of each row. A series is told once: of two tables that tell of one part the first speaks."""
    given: set[Series] = set()
    for row in rows:
        found: list[Asked] = []
        for column in row.table.columns if row.table else profile.scalars:
            if not column.family or column.name not in row.active or not _guarded(row, column):
                continue
            source = next((source for source in column.sources if source.octets in row.present), None)
            if source is not None and (series := Series(column.family, _labels(row, column, labels, shared))) not in given:
                given.add(series)
                found.append((column, source, series))
        yield row, found


def _guarded(row: Row, column: Column) -> bool:
    """Whether what guards a column is told, where it has to be."""
    if column.guard is None or row.table is None or column.guard.optional:
        return True
    return row.table.column(column.guard.column).octets in row.present


def _units(row: Row, wanted: list[Asked], room: int) -> Iterator[list[Asked]]:
    """What is asked of a row, whole: its key, its discontinuity time, its values. A row beyond `room` comes in several
    units, each with key and discontinuity time of its own."""
    step = max(1, room - len(_head(row, wanted)))
    for start in range(0, len(wanted), step):
        yield wanted[start : start + step]


def _head(row: Row, sources: Sequence[Asked]) -> list[bytes]:
    """What is asked before the values, each once: what names the row, when its counters began anew, what guards and scales
    these values."""
    marks = [row.key[0]] if row.key else []
    if discontinuity := _discontinuity(row, sources):
        marks.append(discontinuity)
    columns = [octets for column, _, _ in sources for octets in _guards_of(row, column)]
    marks += [octets + row.index for octets in dict.fromkeys([*columns, *_scaled_by(row, sources)])]
    return list(dict.fromkeys(marks))


def _discontinuity(row: Row, sources: Sequence[Asked]) -> bytes | None:
    if row.table is None or row.table.discontinuity is None or not any(source.counts for _, source, _ in sources):
        return None
    marker = row.table.column(row.table.discontinuity).octets
    return marker + row.index if marker in row.present else None


def _guards_of(row: Row, column: Column) -> list[bytes]:
    """The column that guards another one, where the row has it."""
    if column.guard is None or row.table is None:
        return []
    octets = row.table.column(column.guard.column).octets
    return [octets] if octets in row.present else []


def _scaled_by(row: Row, sources: Sequence[Asked]) -> list[bytes]:
    """The columns that these values are scaled by, each once."""
    if row.table is None or not row.scales:
        return []
    names = dict.fromkeys(scale.column for column, _, _ in sources for scale in column.scale_by)
    return [octets for name in names if (octets := row.table.column(name).octets) in row.scales]


def _cell(
    row: Row,
    column: Column,
    source: Source,
    series: Series,
    name: bytes,
    position: int,
    at: Mapping[bytes, int],
    known: Mapping[Series, Series],
) -> Cell:
    """`at` has the positions of what is asked before the values."""
    assert column.family
    told = _same(Series(column.family, series.labels, Kind(source.kind), name), known)
    allowed = frozenset(column.guard.among) if column.guard else frozenset[int]()
    guards = tuple((at[octets + row.index], allowed) for octets in _guards_of(row, column))
    convert = converter(source, column.family, row.factors.get(column.name, 1))
    return Cell(position, told, convert, source.counts, source.types, guards)


def _labels(row: Row, column: Column, labels: Labels, shared: dict[tuple[int, str], Labels]) -> Labels:
    """The labels of a cell's series; those of a row that have the same share them, for there are very many."""
    assert column.family
    wants = DEVICE[column.family].labels
    if row.table is None or row.table.label is None:
        own, label = column.sensor or "", SENSOR
    else:
        own, label = f"{column.sensor} {row.identity}" if column.sensor else row.identity, row.table.label
    if label == SENSOR and INTERFACE in wants:
        return shared.setdefault((id(row), f"{INTERFACE} {own}"), (*labels, (INTERFACE, row.interface), (SENSOR, own)))
    return shared.setdefault((id(row), own), (*labels, (label, own)) if own else labels)


def _info(profile: Profile, rows: Sequence[Row], labels: Labels, known: Mapping[Series, Series]) -> Iterator[Series]:
    """The device's info series, always, and those of the rows that have a family for it. `labels` are what all may have."""
    common = {label[0]: label for label in labels}
    given: set[Series] = set()
    for row in rows:
        told: dict[str, tuple[dict[str, str], bytes]] = {}
        for part in _tellers(profile, row):
            assert part.info
            words, name = told.setdefault(part.info, ({}, b""))
            said = row.texts.get(part.name, "")
            if said and not words.get(part.told_as):
                words[part.told_as] = said
                if isinstance(part, Column) and not name:
                    told[part.info] = (words, part.octets + row.index)
        if row.table is None:
            told.setdefault(DEVICE_INFO, ({}, b""))
        own = {}
        if row.table and row.table.label:
            own = {row.table.label: row.identity} | ({INTERFACE: row.interface} if row.table.interface else {})
        for family, (words, name) in told.items():
            if not words and family != DEVICE_INFO and not own:
                continue
            has = common | {key: (key, value) for key, value in (words | own).items()}
            whole = tuple(has.get(label) or (label, "") for label in DEVICE[family].labels)
            series = Series(family, whole, Kind.INFO, name)
            # What a device is made of is told once: by its maker's MIB where there is one, for that row comes first.
            one = series if row.table and row.table.label else Series(family, ())
            if one not in given:
                given.add(one)
                yield _same(series, known)


def _tellers(profile: Profile, row: Row) -> Iterator[Named]:
    """What of a row becomes labels of info families."""
    where = row.table or profile
    columns = where.columns if isinstance(where, Table) else where.scalars
    active: list[Named] = [column for column in columns if column.name in row.active]
    return (part for part in (*active, *where.words) if part.info)


def _same(series: Series, known: Mapping[Series, Series]) -> Series:
    """The series that was there before, where it is the same to the letter: equal ones may differ in kind and OID."""
    before = known.get(series)
    return before if before is not None and (before.kind, before.oid) == (series.kind, series.oid) else series

"""What a profile file may say: scalars and tables of columns, and what each becomes.

Everything is checked when the file is read: families and their labels against the catalogue, names against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from netmon.catalogue import DEVICE
from netmon.profiles.sources import Column, Condition, Expression, Listed, Name, Named, Names, Oid, Prefix, Strict, Word
from netmon.snmp.oid import encode

PLACE = ("province", "commune", "site", "device")
"""The labels that every series of a device begins with."""

SENSOR, INTERFACE = "sensor", "interface"

DEVICE_INFO = "netmon_device_info"
"""The info family whose `address` and `profile` the poller fills in."""


def _check(columns: Sequence[Column], words: Sequence[Word], label: str | None, interface: bool) -> None:
    """Names do not repeat; every family has the labels that these columns give it. Of the labels of a table only `sensor`
    can begin with what a column says; `interface` may be there beside it."""
    parts: list[Named] = [*columns, *words]
    names = [part.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is listed twice")
    for column in columns:
        if not column.family:
            continue
        has = {*PLACE, *([label] if label else [])} | ({SENSOR} if column.sensor else set())
        wants = set(DEVICE[column.family].labels)
        if wants not in (has, has | {INTERFACE} if interface else has):
            odd = ", ".join(sorted(has ^ wants))
            raise ValueError(f"{column.family} has the labels {', '.join(sorted(wants))}: these columns differ in {odd}")
    told: dict[str, set[str]] = {}
    for part in parts:
        if part.info:
            own = part.told_as
            if own in told.setdefault(part.info, set()) and not (isinstance(part, Column) and part.when):
                raise ValueError(f"{part.info} is told its {own} twice")
            told[part.info].add(own)
    for family, labels in told.items():
        can_be = DEVICE[family].labels
        given = {*PLACE, *([label] if label else []), *([INTERFACE] if interface else [])}
        wrong = sorted(labels - (set(can_be) - given))
        if wrong or (label and label not in can_be):
            raise ValueError(f"{family} has the labels {', '.join(can_be)}, not {', '.join(wrong or [str(label)])}")


def _differ(columns: Iterable[Column], what: str) -> None:
    """No two columns that may be there at once give a family the same name."""
    seen: set[tuple[str, str]] = set()
    for column in columns:
        if column.family and not column.when:
            own = (column.family, column.sensor or "")
            if own in seen:
                raise ValueError(f"{column.family} is given twice{what}: give each another sensor")
            seen.add(own)


def _scalars(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    _check(columns, (), None, interface=False)
    _differ(columns, "")
    return columns


class Table(Strict):
    """Rows that share an index. `label` carries a row's identity: the first column or word of `identity` that is there and
    unique among the rows, else the index. `interface` names the texts that tell which port the row is part of, the first
    that is not empty.

    `when` are conditions that all have to hold of a row. Without `label` the first row that fits speaks of the device
    itself; with `alone` only where no other fits, as one closed door says nothing of the others. `steady`: an index is never
    given to another thing while the device runs, so that names are not asked with every poll. `discontinuity` tells when a
    row's counters began anew.
    """

    name: Name
    label: Name | None = None
    interface: Names = ()
    identity: Annotated[tuple[Name, ...], Listed] = ()
    alone: bool = False
    steady: bool = False
    when: Annotated[tuple[Condition, ...], Listed] = ()
    discontinuity: Name | None = None
    columns: Annotated[tuple[Column, ...], Listed, Field(min_length=1)]
    words: Annotated[tuple[Word, ...], Listed] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def named(self) -> dict[str, Column | Word]:
        """Columns and words by name."""
        parts: tuple[Column | Word, ...] = (*self.columns, *self.words)
        return {part.name: part for part in parts}

    @cached_property
    def entries(self) -> tuple[bytes, ...]:
        """The conceptual rows (RFC 2578, 7.1.12) of what is to be read: when none of them is there, the table is not."""
        asked = [column for column in self.columns if column.family or column.info]
        oids = [source.oid.rpartition(".")[0] for column in asked for source in column.sources]
        return tuple(encode(entry) for entry in dict.fromkeys(oids))

    def without(self, names: Iterable[str]) -> Table:
        """The table less some of its columns; itself when it has none of them. ValueError when it cannot do without them."""
        kept = tuple(column for column in self.columns if column.name not in names)
        words = tuple(word for word in self.words if word.name not in names)
        if len(kept) == len(self.columns) and len(words) == len(self.words):
            return self
        fields = {name: getattr(self, name) for name in Table.model_fields}
        return Table(**{**fields, "columns": kept, "words": words})

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check(self.columns, self.words, self.label, bool(self.interface))
        _differ(self.columns, f" in table {self.name}")
        if self.label is None and self.identity:
            raise ValueError(f"table {self.name} has no label that an identity could become")
        if self.label is not None and self.alone:
            raise ValueError(f"table {self.name} has a label: alone is for rows that speak of the device itself")
        marks = [*self.identity, *self.interface]
        for name in (*marks, *(part for word in self.words for part in word.parts)):
            self._has(name)
            part = self.named[name]
            if isinstance(part, Column) and (part.kind != "text" or part.family):
                raise ValueError(f"{name} is read of a row, not shown: it is a text without a family")
        numbers = [scale.column for column in self.columns for scale in column.scale_by]
        numbers += [column.guard.column for column in self.columns if column.guard]
        for name in (*numbers, *([self.discontinuity] if self.discontinuity else [])):
            self._has(name)
            part = self.named[name]
            if not isinstance(part, Column) or part.kind != "gauge" or part.family:
                raise ValueError(f"{name} is read of a row, not shown: it is a gauge without a family")
        for condition in (*self.when, *(condition for column in self.columns for condition in column.when)):
            if condition.column:
                self._has(condition.column)
        return self

    def _has(self, name: str) -> None:
        if name not in self.named:
            raise ValueError(f"table {self.name} has no column {name}")


class Sign(Strict):
    """What tells a device by more than its sysObjectID: something is answered `below` an OID, and its text `matches`."""

    below: Oid
    matches: Expression | None = None

    @cached_property
    def octets(self) -> bytes:
        return encode(self.below)


class Profile(Strict):
    """What to ask the devices whose sysObjectID begins with one of `sys_object_id`; "" matches all, and a profile without
    any is there to be extended or to be given to a device by name. `name` is the file's.

    `confirm` are signs one of which a device has to show as well: many agents answer with the sysObjectID of the software
    that they are made of. A profile has the scalars and tables of those that it `extends`, `without` what is listed there:
    scalars, tables, or columns of tables. What it says itself comes first, and stands in the place of what has the same
    name, or is a scalar of the same family. `requests_in_flight` are those that its agents can have at a time.
    """

    name: Name
    sys_object_id: Annotated[tuple[Prefix, ...], Listed] = ()
    confirm: Annotated[tuple[Sign, ...], Listed] = ()
    extends: Names = ()
    without: Annotated[tuple[Name, ...], Listed] = ()
    requests_in_flight: Annotated[int, Field(ge=1, le=16)] | None = None
    scalars: Annotated[tuple[Column, ...], Listed, AfterValidator(_scalars)] = ()
    words: Annotated[tuple[Word, ...], Listed] = ()
    tables: Annotated[tuple[Table, ...], Listed] = ()

    @property
    def in_flight(self) -> int:
        return self.requests_in_flight or 1

    @model_validator(mode="after")
    def _repeats_nothing(self) -> Self:
        tables = [table.name for table in self.tables]
        for name in tables:
            if tables.count(name) > 1:
                raise ValueError(f"{name} is listed twice")
        for scalar in self.scalars:
            if scalar.scale_by or scalar.guard or any(condition.column for condition in scalar.when):
                raise ValueError(f"{scalar.name}: scale_by, guard and conditions on columns are for the columns of a table")
        if any(word.format is None or word.parts for word in self.words):
            raise ValueError("a word of the device itself is a format without names: what is always so")
        if self.without and not self.extends:
            raise ValueError("without leaves out what is inherited: the profile extends none")
        _check(self.scalars, self.words, None, interface=False)
        return self

    def lacking(self, parents: Sequence[Profile]) -> tuple[str, ...]:
        """What it is to do without and has from none of those that it extends."""
        names: set[str] = set()
        for parent in parents:
            names |= {part.name for part in (*parent.scalars, *parent.words)}
            names |= {name for table in parent.tables for name in (table.name, *table.named)}
        return tuple(name for name in self.without if name not in names)

    def inheriting(self, parents: Sequence[Profile]) -> Profile:
        """This profile with what it has of those that it extends. ValueError when they do not fit together."""
        scalars: dict[str, Column] = {}
        words: dict[str, Word] = {}
        tables: dict[str, Table] = {}
        for parent in parents:
            scalars |= {column.name: column for column in parent.scalars}
            words |= {word.name: word for word in parent.words}
            tables |= {table.name: table for table in parent.tables}
        said_here: tuple[Named, ...] = (*self.scalars, *self.words)
        told = {part.info for part in said_here if part.info} - {DEVICE_INFO}
        given = {(column.family, column.sensor) for column in self.scalars if column.family}
        own = {part.name for part in said_here} | {table.name for table in self.tables}
        left = [table.without(self.without) for name, table in tables.items() if name not in self.without]
        kept = [
            column
            for name, column in scalars.items()
            if name not in self.without and column.info not in told and (column.family, column.sensor) not in given
        ]
        said = [word for name, word in words.items() if name not in {*self.without, *own} and word.info not in told]
        in_flight = self.requests_in_flight or max((parent.in_flight for parent in parents), default=1)
        # Its own come first: of two tables that tell of one part the first speaks.
        return Profile(
            name=self.name,
            sys_object_id=self.sys_object_id,
            confirm=self.confirm,
            requests_in_flight=in_flight,
            scalars=(*self.scalars, *(column for column in kept if column.name not in own)),
            words=(*self.words, *said),
            tables=(*self.tables, *(table for table in left if table.name not in own)),
        )

"""A profile on a recorded device: what a poll reads of it, what it does not and why, and what nothing reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from netmon.profiles.convert import explainer
from netmon.profiles.rows import Row, walked_by
from netmon.profiles.schema import Profile
from netmon.profiles.sources import Column
from netmon.snmp import VarBind, oid


@dataclass(frozen=True, slots=True)
class Absent:
    """A value that the profile asks for and does not publish: its OID, what the device says, and why that is no reading."""

    oid: str
    family: str
    sensor: str
    raw: object
    reason: str


def absent(profile: Profile, rows: Sequence[Row], values: Mapping[bytes, VarBind]) -> Iterator[Absent]:
    """What the device answers of the profile's families that becomes no reading. `values` are its objects by name."""
    given: set[tuple[str, str, str]] = set()
    for row in rows:
        for column in row.table.columns if row.table else profile.scalars:
            if not column.family or column.name not in row.active:
                continue
            source = next((source for source in column.sources if source.octets in row.present), None)
            found = values.get(source.octets + row.index) if source else None
            if source is None or found is None:
                continue
            sensor = " ".join(filter(None, (column.sensor, row.identity)))
            said = oid.decode(found.oid)
            own = (column.family, row.interface, sensor)
            if own in given:
                yield Absent(said, column.family, sensor, found.value, "another table tells it already")
                continue
            given.add(own)
            if source.counts:
                continue
            value, why = explainer(source, column.family, row.factors.get(column.name, Fraction(1)))(found.value)
            guard = _guard(column, row, values)
            if guard:
                yield Absent(said, column.family, sensor, found.value, guard)
            elif value is None:
                yield Absent(said, column.family, sensor, found.value, why)


def _guard(column: Column, row: Row, values: Mapping[bytes, VarBind]) -> str:
    if column.guard is None or row.table is None:
        return ""
    found = values.get(row.table.column(column.guard.column).octets + row.index)
    if found is None or found.value is None:
        return "" if column.guard.optional else f"{column.guard.column} is not told"
    if found.value in column.guard.among:
        return ""
    return f"{column.guard.column} is {found.value!r}"


def known(profile: Profile) -> set[bytes]:
    """The columns that a profile names, and its scalars with their instance."""
    columns = {name for table in profile.tables for name in walked_by(table)}
    return columns | {source.octets for one in profile.scalars for source in one.sources}


def unread(objects: Sequence[VarBind], named: set[bytes]) -> dict[str, int]:
    """Subtrees that were answered and that nothing reads, with the number of their objects: conceptual rows, or the groups
    of scalars. `named` is what `known` found."""
    counts: dict[str, int] = {}
    for one in objects:
        if not named.isdisjoint(_heads(one.oid)):
            continue
        name = oid.decode(one.oid).split(".")
        column = _column(name)
        counts[column] = counts.get(column, 0) + 1
    return counts


def _heads(name: bytes) -> set[bytes]:
    return {name[:n] for n in range(1, len(name) + 1)}


def _column(arcs: list[str]) -> str:
    """The likely column of an instance: up to the sub-identifier behind the entry's 1, as SMI tables have it."""
    for place in range(len(arcs) - 2, 6, -1):
        if arcs[place - 1] == "1" and place < len(arcs) - 1:
            return ".".join(arcs[: place + 1])
    return ".".join(arcs[:-1])

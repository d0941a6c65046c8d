"""The rows that a device has: what a walk found, and a stable name for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from unicodedata import normalize

from netmon.profiles.schema import Column, Profile, Table
from netmon.snmp.ber import Tag
from netmon.snmp.message import VarBind
from netmon.snmp.oid import arcs, decode


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table as it was discovered; the scalars of a profile are one row without a table.

    `key` is the column that names it and the name's octets, which every poll compares. `present` are the columns that it
    has. `texts` are the values of its info columns, `factors` those of columns that scale others, by their names.
    """

    table: Table | None
    index: bytes
    identity: str
    key: tuple[bytes, bytes] | None
    present: frozenset[bytes]
    texts: Mapping[str, str]
    factors: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.table.name if self.table else "scalars"

    def without(self, column: bytes) -> Row:
        """The row as it is asked from now on, when a column turned out not to be there."""
        return replace(self, present=self.present - {column})


_TYPES: dict[str, type | tuple[type, ...]] = {"text": bytes, "gauge": (int, float)}  # an Opaque may hold a float


def columns_of(columns: Sequence[Column]) -> list[bytes]:
    """The columns, or scalars, to look for at discovery: with fallbacks, each once."""
    return list(dict.fromkeys(source.octets for column in columns for source in column.sources))


def text(varbind: VarBind | None) -> str:
    """A value as a label: an OID dotted; text in NFC, whitespace collapsed, padding of NUL octets dropped; "" for none."""
    if varbind is None or varbind.value is None:
        return ""
    if not isinstance(varbind.value, bytes):
        return str(varbind.value)
    if varbind.tag == Tag.OID:
        return decode(varbind.value)
    return " ".join(normalize("NFC", varbind.value.rstrip(b"\0").decode("utf-8", "replace")).split())


def scalars_of(profile: Profile, found: Mapping[bytes, VarBind]) -> Row:
    """The profile's scalars as the row that a device has of them."""
    return Row(
        table=None,
        index=b"",
        identity="",
        key=None,
        present=_present(profile.scalars, found),
        texts=_texts(profile.scalars, found),
    )


def rows_of(table: Table, walked: Mapping[bytes, Mapping[bytes, VarBind]]) -> tuple[Row, ...]:
    """The rows that a walk of `columns_of(table.columns)` found: values by column and index. No two share an identity."""
    cells: dict[bytes, dict[bytes, VarBind]] = {}
    for column, values in walked.items():
        for index, varbind in values.items():
            cells.setdefault(index, {})[column] = varbind
    return tuple(
        Row(
            table=table,
            index=index,
            identity=identity,
            key=key,
            present=_present(table.columns, cells[index]),
            texts=_texts(table.columns, cells[index]),
            factors=_factors(table.columns, cells[index]),
        )
        for index, (identity, key) in _identities(table, cells).items()
    )


def _present(columns: Sequence[Column], found: Mapping[bytes, VarBind]) -> frozenset[bytes]:
    """The columns whose value is of the right type: a NULL, or a number sent as text, is no value. Nor is one whose scale
    the row does not tell."""
    factors = _factors(columns, found)
    return _shared(
        frozenset(
            source.octets
            for column in columns
            if column.scale_by is None or column.scale_by in factors
            for source in column.sources
            if source.octets in found and isinstance(found[source.octets].value, _TYPES.get(source.kind, int))
        )
    )


@lru_cache(maxsize=4096)
def _shared(columns: frozenset[bytes]) -> frozenset[bytes]:
    """The same set, once in memory: most rows of most devices have the same columns."""
    return columns


def _texts(columns: Sequence[Column], found: Mapping[bytes, VarBind]) -> dict[str, str]:
    texts = {column.name: (column, text(found.get(column.octets))) for column in columns if column.info}
    return {name: (column.names or {}).get(value, value) for name, (column, value) in texts.items()}


def _factors(columns: Sequence[Column], found: Mapping[bytes, VarBind]) -> dict[str, int]:
    """What scales other columns, by name; a number below 1 scales nothing."""
    scales = {column.scale_by for column in columns if column.scale_by}
    values = {column.name: found[column.octets].value for column in columns if column.octets in found}
    return {name: value for name, value in values.items() if name in scales and isinstance(value, int) and value > 0}


def _identities(
    table: Table, cells: Mapping[bytes, Mapping[bytes, VarBind]]
) -> dict[bytes, tuple[str, tuple[bytes, bytes] | None]]:
    """A name for each index and what it was read from: by the first identity column whose text no other unnamed row has,
    else `name#index`, else the bare index."""
    columns = [table.column(name).octets for name in table.identity]
    names: dict[bytes, tuple[str, tuple[bytes, bytes] | None]] = {}
    taken: set[str] = set()
    for column in columns:
        texts = {index: text(found.get(column)) for index, found in cells.items() if index not in names}
        times = Counter(texts.values())
        unique = {index: name for index, name in texts.items() if name and times[name] == 1 and name not in taken}
        names |= {index: (name, _key(column, cells[index])) for index, name in unique.items()}
        taken |= set(unique.values())
    for index, found in cells.items():
        if index not in names:
            suffix = ".".join(map(str, arcs(index)))
            column = next((column for column in columns if text(found.get(column))), b"")
            name = f"{text(found[column])}#{suffix}" if column else suffix
            while name in taken:
                name += f"#{suffix}"
            names[index] = (name, _key(column, found))
            taken.add(name)
    return {index: names[index] for index in cells}


def _key(column: bytes, found: Mapping[bytes, VarBind]) -> tuple[bytes, bytes] | None:
    value = found[column].value if column in found else None
    return (column, value) if isinstance(value, bytes) else None

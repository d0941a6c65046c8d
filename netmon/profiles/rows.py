"""The rows that a device has: what a walk found, and a stable name for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from unicodedata import normalize

from netmon.profiles.convert import text_of
from netmon.profiles.lookups import Cells, led_to, sub_identifiers
from netmon.profiles.schema import Profile, Table
from netmon.profiles.sources import PLACEHOLDER, Column, Condition, ScaleBy, Word
from netmon.snmp.ber import Tag
from netmon.snmp.message import VarBind
from netmon.snmp.oid import arcs, decode


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table as it was discovered; the scalars of a profile are one row without a table.

    `key` is the object that names it and the name's octets, which every poll compares. `present` are the OIDs that it has a
    value of the right type of, and `active` the names of the columns whose conditions hold. `texts` are the values of its
    info columns and words by name, `factors` what multiplies the values of columns, by their names, and `scales` the values
    by column that these rest on. `interface` is the port that it is part of, "" where that is not known.
    """

    table: Table | None
    index: bytes
    identity: str
    key: tuple[bytes, bytes] | None
    present: frozenset[bytes]
    active: frozenset[str]
    texts: Mapping[str, str]
    factors: Mapping[str, Fraction] = field(default_factory=dict)
    scales: Mapping[bytes, int] = field(default_factory=dict)
    interface: str = ""

    @property
    def name(self) -> str:
        return self.table.name if self.table else "scalars"

    def without(self, column: bytes) -> Row:
        """The row as it is asked from now on, when a column, or the object that names it, turned out not to be there."""
        if self.key is not None and column == self.key[0]:
            return replace(self, key=None)
        return replace(self, present=self.present - {column})


def columns_of(columns: Iterable[Column]) -> list[bytes]:
    """The columns, or scalars, to look for at discovery: with fallbacks, each once."""
    return list(dict.fromkeys(source.octets for column in columns for source in column.sources))


def walked_by(table: Table) -> list[bytes]:
    """The columns to walk for a table, those that its words look up included."""
    steps = [step for word in table.words for step in word.lookup or ()]
    looked_up = [oid for step in steps for oid in (step.octets, step.climbs) if oid]
    return list(dict.fromkeys([*columns_of(table.columns), *looked_up]))


def text(varbind: VarBind | None, extract: str | None = None) -> str:
    """A value as a label: an OID dotted; text in NFC, whitespace collapsed, padding of NUL octets dropped; "" for none."""
    if varbind is None or varbind.value is None:
        return ""
    if not isinstance(varbind.value, bytes):
        return str(varbind.value)
    if varbind.tag == Tag.OID:
        return decode(varbind.value)
    return normalize("NFC", text_of(varbind.value, extract))


def scalars_of(profile: Profile, found: Mapping[bytes, VarBind], sys_object_id: str = "") -> Row:
    """The profile's scalars as the row that a device has of them."""
    texts = {column.name: _said(column, found) for column in profile.scalars if column.info}
    return Row(
        table=None,
        index=b"",
        identity="",
        key=None,
        present=_present(profile.scalars, found),
        active=_active(profile.scalars, sys_object_id, {}),
        texts=texts | {word.name: word.format or "" for word in profile.words},
    )


def rows_of(table: Table, walked: Mapping[bytes, Mapping[bytes, VarBind]], sys_object_id: str = "") -> tuple[Row, ...]:
    """The rows that a walk of `walked_by(table)` found: values by column and index. No two share an identity. A row of which
    nothing is read is none."""
    own = set(columns_of(table.columns))
    cells: dict[bytes, dict[bytes, VarBind]] = {}
    for column, values in walked.items():
        if column in own:
            for index, varbind in values.items():
                cells.setdefault(index, {})[column] = varbind
    conditional = {condition.column for column in table.columns for condition in (*column.when, *table.when)}
    rows: dict[bytes, Row] = {}
    for index, has in cells.items():
        present = _present(table.columns, has)
        texts = _texts(table, index, has, walked)
        looked_at = {name: _value(table, name, has, texts) for name in conditional if name is not None}
        if not _fits(table.when, sys_object_id, looked_at):
            continue
        factors = _factors(table, has)
        active = _active(table.columns, sys_object_id, looked_at, frozenset(factors))
        read = [column for column in table.columns if column.family and column.name in active]
        told = any(texts[column.name] for column in table.columns if column.info and column.name in active)
        if told or any(source.octets in present for column in read for source in column.sources):
            interface = next((texts[name] for name in table.interface if texts.get(name)), "")
            rows[index] = Row(
                table=table,
                index=index,
                identity="",
                key=None,
                present=present,
                active=active,
                texts=texts,
                factors=factors,
                scales=_scales(table, has, factors),
                interface=interface,
            )
    if table.label is None:
        return () if table.alone and len(rows) > 1 else tuple(rows.values())[:1]
    texts_of = {index: row.texts for index, row in rows.items()}
    names = _identities(table, {index: cells[index] for index in rows}, texts_of, walked)
    return tuple(
        replace(row, identity=names[index][0], key=None if table.steady else names[index][1]) for index, row in rows.items()
    )


def _present(columns: Iterable[Column], found: Mapping[bytes, VarBind]) -> frozenset[bytes]:
    """What has a value of the right type: a NULL, or a number sent as text, is no value."""
    return _shared(
        frozenset(
            source.octets
            for column in columns
            for source in column.sources
            if source.octets in found and isinstance(found[source.octets].value, source.types)
        )
    )


def _active(
    columns: Iterable[Column],
    sys_object_id: str,
    values: Mapping[str, int | float | str | None],
    scaled: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """The columns whose conditions hold, and whose scale the row tells."""
    return _shared_names(
        frozenset(
            column.name
            for column in columns
            if (not column.scale_by or column.name in scaled) and _fits(column.when, sys_object_id, values)
        )
    )


def _scales(table: Table, has: Mapping[bytes, VarBind], factors: Mapping[str, Fraction]) -> dict[bytes, int]:
    """What the factors rest on: values by column."""
    columns = {scale.column for column in table.columns if column.name in factors for scale in column.scale_by}
    octets = (table.column(name).octets for name in columns)
    return {name: value for name in octets if isinstance(value := has[name].value, int)}


def _fits(conditions: Iterable[Condition], sys_object_id: str, values: Mapping[str, int | float | str | None]) -> bool:
    return all(condition.holds(sys_object_id, values.get(condition.column or "")) for condition in conditions)


@lru_cache(maxsize=4096)
def _shared(columns: frozenset[bytes]) -> frozenset[bytes]:
    """The same set, once in memory: most rows of most devices have the same columns."""
    return columns


@lru_cache(maxsize=4096)
def _shared_names(names: frozenset[str]) -> frozenset[str]:
    return names


def _said(column: Column, found: Mapping[bytes, VarBind]) -> str:
    said = next((one for source in column.sources if (one := text(found.get(source.octets), source.extract))), "")
    return (column.names or {}).get(said, said)


def _texts(table: Table, index: bytes, has: Mapping[bytes, VarBind], walked: Cells) -> dict[str, str]:
    """The texts of a row's info columns and words, and of what the words are made of."""
    texts = {column.name: _said(column, has) for column in table.columns if column.info or column.kind == "text"}
    for word in table.words:
        texts[word.name] = _word(word, index, texts, walked)
    return texts


def _word(word: Word, index: bytes, texts: Mapping[str, str], walked: Cells) -> str:
    if word.format is not None:
        parts = {name: texts.get(name, "") for name in word.parts}
        return PLACEHOLDER.sub(lambda found: parts[found[1]], word.format) if all(parts.values()) else ""
    start = index if word.index is None else sub_identifiers(index, word.index)
    said = text(led_to(word.lookup, start, walked), word.extract) if word.lookup else dotted(start)
    return (word.map or {}).get(said, said)


def _value(table: Table, name: str, has: Mapping[bytes, VarBind], texts: Mapping[str, str]) -> int | float | str | None:
    """What a condition looks at: a number as it is on the wire, else a text."""
    part = table.named[name]
    if isinstance(part, Word) or part.kind == "text":
        return texts.get(name) or None
    value = has[part.octets].value if part.octets in has else None
    return text_of(value) if isinstance(value, bytes) else value


def _factors(table: Table, has: Mapping[bytes, VarBind]) -> dict[str, Fraction]:
    """What multiplies the values of the columns that are scaled, by their names; none where the row does not tell."""
    factors: dict[str, Fraction] = {}
    for column in table.columns:
        found = [_factor(scale, table, has) for scale in column.scale_by]
        known = [one for one in found if one is not None]
        if found and len(known) == len(found):
            product = Fraction(1)
            for one in known:
                product *= one
            factors[column.name] = product
    return factors


def _factor(scale: ScaleBy, table: Table, has: Mapping[bytes, VarBind]) -> Fraction | None:
    octets = table.column(scale.column).octets
    value = has[octets].value if octets in has else None
    if not isinstance(value, int):
        return None
    if scale.map is not None:
        return Fraction(str(scale.map[value])) if value in scale.map else None
    if scale.power_of is not None:
        return Fraction(str(scale.power_of)) ** value if abs(value) <= _STEEPEST else None
    return Fraction(value) if value > 0 else None


_STEEPEST = 24
"""An exponent beyond this scales nothing that is measured."""


def _identities(
    table: Table,
    cells: Mapping[bytes, Mapping[bytes, VarBind]],
    texts: Mapping[bytes, Mapping[str, str]],
    walked: Cells,
) -> dict[bytes, tuple[str, tuple[bytes, bytes] | None]]:
    """A name for each index and what it was read from: by the first identity whose text no other unnamed row has, else
    `name#index`, else the bare index."""
    names: dict[bytes, tuple[str, tuple[bytes, bytes] | None]] = {}
    taken: set[str] = set()
    for name in table.identity:
        said = {index: texts[index].get(name, "") for index in cells if index not in names}
        times = Counter(said.values())
        unique = {index: own for index, own in said.items() if own and times[own] == 1 and own not in taken}
        names |= {index: (own, _key(table, name, index, cells[index], walked)) for index, own in unique.items()}
        taken |= set(unique.values())
    for index in cells:
        if index not in names:
            suffix = dotted(index)
            first = next((name for name in table.identity if texts[index].get(name)), "")
            own = f"{texts[index][first]}#{suffix}" if first else suffix
            while own in taken:
                own += f"#{suffix}"
            names[index] = (own, _key(table, first, index, cells[index], walked) if first else None)
            taken.add(own)
    return names


def dotted(index: bytes) -> str:
    """An index as people write it."""
    return ".".join(map(str, arcs(index)))


def _key(table: Table, name: str, index: bytes, found: Mapping[bytes, VarBind], walked: Cells) -> tuple[bytes, bytes] | None:
    """The object that a name was read from, and its octets; None where no object says the name as it is."""
    part = table.named[name]
    if isinstance(part, Word):
        if part.lookup is not None:
            said = led_to(part.lookup, index if part.index is None else sub_identifiers(index, part.index), walked)
            return (said.oid, said.value) if said is not None and isinstance(said.value, bytes) else None
        keys = (_key(table, inner, index, found, walked) for inner in part.parts)
        return next((key for key in keys if key is not None), None)
    said = next((found[source.octets] for source in part.sources if text(found.get(source.octets))), None)
    return (said.oid, said.value) if said is not None and isinstance(said.value, bytes) else None

"""Where values and words are found: the parts of which tables are made.

Everything is checked when the file is read: OIDs, families, units, expressions.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from netmon.catalogue import DEVICE
from netmon.profiles.measures import MEASURES
from netmon.snmp.oid import encode


def _is_oid(text: str) -> str:
    encode(text)
    return text


def _is_prefix(text: str) -> str:
    return text and _is_oid(text)


def _is_family(name: str) -> str:
    if name not in DEVICE:
        raise ValueError(f"the catalogue has no family {name}")
    return name


def _is_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from None
    return text


def _finds_something(text: str) -> str:
    if re.compile(_is_expression(text)).groups != 1:
        raise ValueError(f"'{text}' has to have one group, in parentheses: what is taken")
    return text


Oid = Annotated[str, AfterValidator(_is_oid)]
Prefix = Annotated[str, AfterValidator(_is_prefix)]
FamilyName = Annotated[str, AfterValidator(_is_family)]
Expression = Annotated[str, AfterValidator(_is_expression)]
Extract = Annotated[str, AfterValidator(_finds_something)]
Number = int | float
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SensorName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+( [A-Za-z0-9]+)*$")]
Listed = Field(strict=False)


def one_or_many(value: object) -> object:
    """One name where a list may stand."""
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[Name, ...], BeforeValidator(one_or_many), Listed]


class Strict(BaseModel):
    """A mapping of which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class Source(Strict):
    """Where a value is found and how it becomes its family's unit.

    `scale` multiplies a gauge, `offset` is added then, and `unit` says what that is in, where it is not the family's unit;
    `signed` reads an unsigned number of so many bits as one with a sign. `map` turns an enumeration, or a text, into
    numbers, with `otherwise` for what it does not list. `from_text`: a text holds the number ("-71 dBm"); a number is one
    too. `extract` is the part of a text that is meant, the group of a regular expression. `valid` is the range, both ends
    included, outside which a raw value means "no value", and `invalid` are more such values: both speak of what is on the
    wire, before `scale`, as MIBs do. Counters stay raw.
    """

    oid: Oid
    kind: Literal["gauge", "counter32", "counter64", "text"]
    scale: Number = 1
    offset: Number = 0
    unit: str = ""
    signed: Literal[8, 16, 32] | None = None
    from_text: bool = False
    extract: Extract | None = None
    map: dict[int | str, Number] | None = None
    otherwise: Number | None = None
    valid: Annotated[tuple[Number, Number], Listed] | None = None
    invalid: Annotated[tuple[Number, ...], Listed] = ()

    @cached_property
    def octets(self) -> bytes:
        """The OID as it is on the wire."""
        return encode(self.oid)

    @property
    def counts(self) -> bool:
        return self.kind in ("counter32", "counter64")

    @cached_property
    def converters(self) -> dict[tuple[str, object], Any]:
        """What was made of it for a family and a factor: one for all devices."""
        return {}

    @cached_property
    def types(self) -> tuple[type, ...]:
        """The types of usable values. An Opaque may hold a float."""
        if self.kind != "gauge":
            return (bytes,) if self.kind == "text" else (int,)
        texts = self.from_text or (self.map is not None and any(isinstance(key, str) for key in self.map))
        return (int, float, bytes) if texts else (int, float)

    @model_validator(mode="after")
    def _converts_gauges_only(self) -> Self:
        converts = self.scale != 1 or self.offset != 0 or self.unit or self.signed or self.from_text
        limits = self.valid is not None or self.invalid
        if self.kind != "gauge" and (converts or limits or self.map is not None):
            raise ValueError("scale, offset, unit, signed, map, valid and invalid are for gauges: others stay as they are")
        if self.map is not None and (converts or self.valid is not None):
            raise ValueError("a map gives the numbers themselves: it has no scale or valid")
        if self.valid and self.valid[0] > self.valid[1]:
            raise ValueError("valid is the lowest and the highest value, in this order")
        if self.otherwise is not None and self.map is None:
            raise ValueError("otherwise is for what a map leaves out: there is no map")
        if self.extract is not None and bytes not in self.types:
            raise ValueError("extract is for texts: a text, a gauge from_text, or one with a map of texts")
        return self


class Condition(Strict):
    """What holds of a row: `column` is one of these values (`is`), is none of them (`not`), or its text `matches`; or of a
    device: its sysObjectID begins with one of `sys_object_id`, or with none of `not_sys_object_id`. Read at discovery."""

    column: Name | None = None
    among: Annotated[tuple[int | str, ...], Listed] | None = Field(default=None, alias="is", min_length=1)
    other: Annotated[tuple[int | str, ...], Listed] | None = Field(default=None, alias="not", min_length=1)
    matches: Expression | None = None
    sys_object_id: Annotated[tuple[Oid, ...], Listed] | None = None
    not_sys_object_id: Annotated[tuple[Oid, ...], Listed] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        of_row = [name for name in ("among", "other", "matches") if getattr(self, name) is not None]
        of_device = [name for name in ("sys_object_id", "not_sys_object_id") if getattr(self, name) is not None]
        if (self.column is not None) != bool(of_row) or len(of_row) + len(of_device) != 1:
            raise ValueError("a condition is a column and one of is, not and matches, or one of (not_)sys_object_id")
        return self

    def holds(self, sys_object_id: str, value: int | float | str | None) -> bool:
        """Of a device with this sysObjectID and a row whose column has this value; None: it has none."""
        if self.column is None:
            prefixes = self.sys_object_id if self.sys_object_id is not None else self.not_sys_object_id or ()
            begins = any(f"{sys_object_id}.".startswith(f"{prefix}.") for prefix in prefixes)
            return begins if self.sys_object_id is not None else not begins
        if self.matches is not None:
            return value is not None and re.search(self.matches, str(value)) is not None
        if self.among is not None:
            return value in self.among
        return value not in (self.other or ())


class ScaleBy(Strict):
    """A column of the same row, read at discovery, by which values are multiplied: by its value, by what `map` makes of it,
    or by `power_of` to its value (10, or 0.1 for decimals)."""

    column: Name
    map: dict[int, Number] | None = None
    power_of: Number | None = None


class Guard(Strict):
    """A column of the same row that is asked with every poll: while it is none of these values there is no value, nor where
    it is not told, unless it is `optional`."""

    column: Name
    optional: bool = False
    among: Annotated[tuple[int, ...], Listed] = Field(alias="is", min_length=1)


class Named(Strict):
    """A part of a row, by its `name` in the file. With `info` it becomes the label `label`, or else `name`, of that
    family."""

    name: Name
    info: FamilyName | None = None
    label: Name | None = None

    @property
    def told_as(self) -> str:
        """The label that it becomes."""
        return self.label or self.name

    @model_validator(mode="after")
    def _has_what_it_labels(self) -> Self:
        if self.label is not None and self.info is None:
            raise ValueError("label is for an info family: there is none")
        return self


def _scaling(value: object) -> object:
    """A name alone is a column by whose value others are multiplied."""
    return [{"column": value}] if isinstance(value, str) else value


class Column(Source, Named):
    """A column of a table, or a scalar (its `oid` has the instance).

    With `family` it is polled; with `info` it is read at discovery, in the words of `names` where these list it. A row that
    lacks it uses `fallback`. `when` are conditions that all have to hold for the column to be there. `scale_by` are columns
    that its values are multiplied by as well, and `guard` one that must say so. `sensor` is the label of that name which a
    scalar has, and what the identities of a table's rows begin with when they become it.
    """

    family: FamilyName | None = None
    names: dict[str, str] | None = None
    when: Annotated[tuple[Condition, ...], Listed] = ()
    scale_by: Annotated[tuple[ScaleBy, ...], BeforeValidator(_scaling), Listed] = ()
    guard: Guard | None = None
    sensor: SensorName | None = None
    fallback: Source | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where to look, best first."""
        return (self,) if self.fallback is None else (self, self.fallback)

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        if self.names is not None and self.info is None:
            raise ValueError("names are for the label of an info family: there is none")
        if self.family is None:
            if self.fallback is not None and self.kind != "text":
                raise ValueError("fallback is for a text, or a column with a family")
            for key in ("scale_by", "sensor", "guard"):
                if getattr(self, key):
                    raise ValueError(f"{key} is for a column with a family: there is none")
            return self
        if self.scale_by and (self.kind != "gauge" or self.map is not None or self.fallback is not None):
            raise ValueError("scale_by is for a gauge without map and fallback")
        if self.info is not None:
            raise ValueError("a column has a family or an info family, not both")
        kind, unit = DEVICE[self.family].kind, DEVICE[self.family].unit
        for source in self.sources:
            if source.counts is not (kind == "counter") or source.kind == "text":
                raise ValueError(f"{self.family} is a {kind}: it cannot hold a {source.kind}")
            known = MEASURES.get(unit, {})
            if source.unit and source.unit not in known:
                raise ValueError(f"unit {source.unit} makes no {unit or 'ratio'}: {', '.join(known) or 'nothing else does'}")
        return self


class Step(Strict):
    """A step of a lookup: the value of `oid` at the index reached so far, followed by `suffix`. Where there is none, the
    column `climb` tells another index to look at, as a part tells what it is contained in."""

    oid: Oid
    suffix: Annotated[tuple[int, ...], Listed] = ()
    climb: Oid | None = None

    @cached_property
    def octets(self) -> bytes:
        return encode(self.oid)

    @cached_property
    def climbs(self) -> bytes | None:
        return encode(self.climb) if self.climb else None


PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")
"""Where a format has the text of that name."""


class Word(Named):
    """A text of a row that is no column of its own: sub-identifiers of its index (`index`: the first and the one behind the
    last, counted from 0, or from the end when negative), what a `lookup` leads to in other tables, from the row's index or
    from these sub-identifiers of it, or other texts put together (`format`: "{port} ONU {onu}"; nothing when one is empty).
    `map` gives names to what was found, and `extract` takes a part of it."""

    index: Annotated[tuple[int, int | None], Listed] | None = None
    lookup: Annotated[tuple[Step, ...], Listed, Field(min_length=1)] | None = None
    format: str | None = None
    map: dict[str, str] | None = None
    extract: Extract | None = None

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The names of texts that `format` puts together."""
        return tuple(PLACEHOLDER.findall(self.format or ""))

    @model_validator(mode="after")
    def _is_found_one_way(self) -> Self:
        if (self.format is not None) and (self.lookup is not None or self.index is not None):
            raise ValueError("a word has a format, or a lookup, an index or both: not all of them")
        if self.format is None and self.lookup is None and self.index is None:
            raise ValueError("a word has an index, a lookup or a format")
        if self.format is not None and re.search(r"[{}]", PLACEHOLDER.sub("", self.format)):
            raise ValueError(f"'{self.format}' has braces other than those of a name, as in {{port}}")
        return self

"""What a profile file may say: scalars and tables of columns, and what each becomes.

Everything is checked when the file is read: families and their labels against the catalogue, names against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from netmon.catalogue import DEVICE
from netmon.profiles.convert import Convert, converter
from netmon.snmp.oid import encode

PLACE = ("province", "commune", "site", "device")
"""The labels that every series of a device begins with."""

SENSOR = "sensor"
"""The label that a column can name: a stable id within its device."""

DEVICE_INFO = "netmon_device_info"
"""The info family whose `address` and `profile` the poller fills in."""


def _is_oid(text: str) -> str:
    encode(text)
    return text


def _is_prefix(text: str) -> str:
    return text and _is_oid(text)


def _is_family(name: str) -> str:
    if name not in DEVICE:
        raise ValueError(f"the catalogue has no family {name}")
    return name


Oid = Annotated[str, AfterValidator(_is_oid)]
Prefix = Annotated[str, AfterValidator(_is_prefix)]
FamilyName = Annotated[str, AfterValidator(_is_family)]
Number = int | float
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SensorName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+( [A-Za-z0-9]+)*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(_Strict):
    """Where a value is found and how it becomes its family's unit.

    `scale` multiplies a gauge; `map` turns an enumeration into numbers, with `otherwise` for what it does not list.
    `valid` is the range, both ends included, outside which a raw value means "no value", and `invalid` are more such
    values: both speak of what is on the wire, before `scale`, as MIBs do. Counters stay raw.
    """

    oid: Oid
    kind: Literal["gauge", "counter32", "counter64", "text"]
    scale: Number = 1
    map: dict[int, Number] | None = None
    otherwise: Number | None = None
    valid: Annotated[tuple[int, int], Field(strict=False)] | None = None
    invalid: Annotated[tuple[int, ...], Field(strict=False)] = ()

    @cached_property
    def octets(self) -> bytes:
        """The OID as it is on the wire."""
        return encode(self.oid)

    @cached_property
    def convert(self) -> Convert | None:
        """How a raw value becomes its family's unit; None: as it is. One for all devices."""
        return converter(self)

    @property
    def counts(self) -> bool:
        return self.kind in ("counter32", "counter64")

    @model_validator(mode="after")
    def _converts_gauges_only(self) -> Self:
        if self.kind != "gauge" and (self.scale != 1 or self.map is not None or self.valid or self.invalid):
            raise ValueError("scale, map, valid and invalid are for gauges: counters and texts stay as they are")
        if self.map is not None and (self.scale != 1 or self.valid or self.invalid):
            raise ValueError("a map gives the numbers themselves: it has no scale, valid or invalid")
        if self.valid and self.valid[0] > self.valid[1]:
            raise ValueError("valid is the lowest and the highest value, in this order")
        if self.otherwise is not None and self.map is None:
            raise ValueError("otherwise is for what a map leaves out: there is no map")
        return self


class Column(Source):
    """A column of a table, or a scalar (its `oid` has the instance).

    With `family` it is polled; with `info` it is read at discovery and becomes the label `name` of that family, in the
    words of `names` where these list it. A row that lacks it uses `fallback`. `scale_by` names a column of the same row,
    read at discovery, that its values are multiplied by as well. `sensor` is the label of that name which a scalar has,
    and what the identities of a table's rows begin with when they become it.
    """

    name: Name
    family: FamilyName | None = None
    info: FamilyName | None = None
    names: dict[str, str] | None = None
    scale_by: Name | None = None
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
            for key in ("fallback", "scale_by", "sensor"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key} is for a column with a family: there is none")
            return self
        if self.scale_by and (self.kind != "gauge" or self.map is not None or self.fallback is not None):
            raise ValueError("scale_by is for a gauge without map and fallback")
        if self.info is not None:
            raise ValueError("a column has a family or an info family, not both")
        counter = DEVICE[self.family].kind == "counter"
        for source in self.sources:
            if source.counts is not counter or source.kind == "text":
                raise ValueError(f"{self.family} is a {DEVICE[self.family].kind}: it cannot hold a {source.kind}")
        return self


def _check_columns(columns: tuple[Column, ...], labels: tuple[str, ...]) -> tuple[Column, ...]:
    """Names do not repeat; every family has the labels that these columns give it, no more and no fewer. Of the labels of a
    table only `sensor` can begin with what a column says."""
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is listed twice")
    given: dict[str, set[str]] = {}
    for column in columns:
        if column.family:
            given[column.family] = {*labels, SENSOR} if column.sensor else set(labels)
        if column.info:
            made = {"address", "profile"} if column.info == DEVICE_INFO else set()
            given.setdefault(column.info, {*labels, *made}).add(column.name)
    for family, has in given.items():
        wants = set(DEVICE[family].labels)
        if has != wants:
            odd = ", ".join(sorted(has ^ wants))
            raise ValueError(f"{family} has the labels {', '.join(DEVICE[family].labels)}: these columns differ in {odd}")
    return columns


class Table(_Strict):
    """Rows that share an index. `label` carries a row's identity: the first column of `identity` that is there and unique
    among the rows, else the index. `discontinuity` tells when a row's counters began anew."""

    name: Name
    label: Name
    identity: Annotated[tuple[Name, ...], Field(strict=False)]
    discontinuity: Name | None = None
    columns: Annotated[tuple[Column, ...], Field(strict=False, min_length=1)]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def without(self, names: Iterable[str]) -> Table:
        """The table less some of its columns; itself when it has none of them. ValueError when it cannot do without them."""
        kept = tuple(column for column in self.columns if column.name not in names)
        if len(kept) == len(self.columns):
            return self
        return Table(**{**dict(self), "columns": kept})

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_columns(self.columns, (*PLACE, self.label))
        names = {column.name for column in self.columns}
        marks = [(name, "text") for name in self.identity]
        if self.discontinuity:
            marks.append((self.discontinuity, "gauge"))
        marks += [(column.scale_by, "gauge") for column in self.columns if column.scale_by]
        for name, kind in marks:
            if name not in names:
                raise ValueError(f"table {self.name} has no column {name}")
            if self.column(name).kind != kind or self.column(name).family:
                raise ValueError(f"{name} is read of a row, not shown: it is a {kind} without a family")
        return self


class Profile(_Strict):
    """What to ask the devices whose sysObjectID begins with one of `sys_object_id`; "" matches all. `name` is the file's.

    It has the scalars and tables of the profile that it `extends` as well, `without` those whose names it lists: scalars,
    tables, or columns of tables. `requests_in_flight` are those that its agents can have at a time.
    """

    name: Name
    sys_object_id: Annotated[tuple[Prefix, ...], Field(strict=False)]
    extends: Name | None = None
    without: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    requests_in_flight: Annotated[int, Field(ge=1, le=16)] = 1
    scalars: Annotated[tuple[Column, ...], Field(strict=False), AfterValidator(partial(_check_columns, labels=PLACE))] = ()
    tables: Annotated[tuple[Table, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _repeats_nothing(self) -> Self:
        tables = [table.name for table in self.tables]
        for name in tables:
            if tables.count(name) > 1:
                raise ValueError(f"{name} is listed twice")
        if any(column.scale_by for column in self.scalars):
            raise ValueError("scale_by is for the columns of a table")
        if self.without and not self.extends:
            raise ValueError("without leaves out what is inherited: the profile extends none")
        given: dict[str, list[_Reach]] = {}
        for column, reach in self._reaches():
            if any(reach.meets(other) for other in given.get(column.family or "", ())):
                raise ValueError(f"{column.family} is given twice: give each a sensor that no other one begins with")
            given.setdefault(column.family or "", []).append(reach)
        return self

    def _reaches(self) -> Iterator[tuple[Column, _Reach]]:
        for column in self.scalars:
            if column.family:
                yield column, _Reach(column.sensor or "", open=False)
        for table in self.tables:
            for column in table.columns:
                if column.family:
                    yield column, _Reach(f"{column.sensor} " if column.sensor else "", open=True)

    def inheriting(self, parent: Profile) -> Profile:
        """This profile with what it has of the one that it extends. ValueError when they do not fit together."""
        names = {column.name for column in parent.scalars} | {table.name for table in parent.tables}
        names |= {column.name for table in parent.tables for column in table.columns}
        for name in self.without:
            if name not in names:
                raise ValueError(f"{parent.name} has no {name} to do without")
        scalars = [column for column in parent.scalars if column.name not in self.without]
        tables = [table.without(self.without) for table in parent.tables if table.name not in self.without]
        return Profile(
            name=self.name,
            sys_object_id=self.sys_object_id,
            scalars=(*scalars, *self.scalars),
            tables=(*tables, *self.tables),
        )


class _Reach(NamedTuple):
    """The values that the last label of a column's series can have: this text, or all that begin with it."""

    text: str
    open: bool

    def meets(self, other: _Reach) -> bool:
        return (
            self.text == other.text
            or (self.open and other.text.startswith(self.text))
            or (other.open and self.text.startswith(other.text))
        )

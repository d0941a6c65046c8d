"""What a profile file may say: scalars and tables of columns, and what each becomes.

Everything is checked when the file is read: families and their labels against the catalogue, names against each other.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from netmon.catalogue import DEVICE
from netmon.snmp.oid import encode

PLACE = ("province", "commune", "site", "device")
"""The labels that every series of a device begins with."""

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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(_Strict):
    """Where a value is found and how it becomes its family's unit.

    `scale` multiplies a gauge; `map` turns an enumeration into numbers, with `otherwise` for what it does not list;
    `invalid` are raw values that mean "no value". Counters stay raw.
    """

    oid: Oid
    kind: Literal["gauge", "counter32", "counter64", "text"]
    scale: Number = 1
    map: dict[int, Number] | None = None
    otherwise: Number | None = None
    invalid: Annotated[tuple[int, ...], Field(strict=False)] = ()

    @cached_property
    def octets(self) -> bytes:
        """The OID as it is on the wire."""
        return encode(self.oid)

    @property
    def counts(self) -> bool:
        return self.kind in ("counter32", "counter64")

    @model_validator(mode="after")
    def _converts_gauges_only(self) -> Self:
        if self.kind != "gauge" and (self.scale != 1 or self.map is not None or self.invalid):
            raise ValueError("scale, map and invalid are for gauges: counters and texts stay as they are")
        if self.map is not None and self.scale != 1:
            raise ValueError("a map gives the numbers themselves: it has no scale")
        if self.otherwise is not None and self.map is None:
            raise ValueError("otherwise is for what a map leaves out: there is no map")
        return self


class Column(Source):
    """A column of a table, or a scalar (its `oid` has the instance).

    With `family` it is polled; with `info` it is read at discovery and becomes the label `name` of that family. A row that
    lacks it uses `fallback`.
    """

    name: Name
    family: FamilyName | None = None
    info: FamilyName | None = None
    fallback: Source | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where to look, best first."""
        return (self,) if self.fallback is None else (self, self.fallback)

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        if self.family is None:
            if self.fallback is not None:
                raise ValueError("a fallback fills a family: there is none")
            return self
        if self.info is not None:
            raise ValueError("a column has a family or an info family, not both")
        counter = DEVICE[self.family].kind == "counter"
        for source in self.sources:
            if source.counts is not counter or source.kind == "text":
                raise ValueError(f"{self.family} is a {DEVICE[self.family].kind}: it cannot hold a {source.kind}")
        return self


def _check_columns(columns: tuple[Column, ...], labels: tuple[str, ...]) -> tuple[Column, ...]:
    """Names do not repeat; every family has the labels that these columns give it, no more and no fewer."""
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is listed twice")
    given: dict[str, set[str]] = {}
    for column in columns:
        if column.family:
            given[column.family] = set(labels)
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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_columns(self.columns, (*PLACE, self.label))
        names = {column.name for column in self.columns}
        marks = [(name, "text") for name in self.identity]
        if self.discontinuity:
            marks.append((self.discontinuity, "gauge"))
        for name, kind in marks:
            if name not in names:
                raise ValueError(f"table {self.name} has no column {name}")
            if self.column(name).kind != kind or self.column(name).family:
                raise ValueError(f"{name} tells rows apart: it is a {kind} without a family")
        return self


class Profile(_Strict):
    """What to ask the devices whose sysObjectID begins with one of `sys_object_id`; "" matches all. `name` is the file's."""

    name: Name
    sys_object_id: Annotated[tuple[Prefix, ...], Field(strict=False)]
    scalars: Annotated[tuple[Column, ...], Field(strict=False), AfterValidator(partial(_check_columns, labels=PLACE))] = ()
    tables: Annotated[tuple[Table, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _repeats_nothing(self) -> Self:
        groups = (self.scalars, *(table.columns for table in self.tables))
        names = [column.family for columns in groups for column in columns if column.family]
        names += [table.name for table in self.tables]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is listed twice")
        return self

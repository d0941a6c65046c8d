"""The shape of targets.yaml: which keys each rule has, what each may hold, and what holds when it is left out.

What the rules mean stands in `netmon.targets.definitions`. A limit that every measurement would meet, or that would warn of
nothing before it is missed, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from netmon.model import LinkKind, SiteKind
from netmon.settings import quantities
from netmon.settings.models import Shape
from netmon.settings.problem import UnfitError
from netmon.settings.values import (
    DaysAhead,
    Decibels,
    Degrees,
    DrillTime,
    Hours,
    Id,
    LinkKindName,
    LinkRoleName,
    MonthDay,
    PositiveRatio,
    Rate,
    Ratio,
    RatioBelowOne,
    RestorationTime,
    RoundTrip,
    Routes,
    SecurityLevel,
    SiteKindName,
    Text,
    WindowDays,
    one_or_many,
)
from netmon.targets.definitions import BasisKind


def _asks(coverage: float) -> float:
    if coverage == 0:
        raise UnfitError("a coverage of 0 % would prove a target by what nobody saw")
    return coverage


Floor = Annotated[Ratio, AfterValidator(_asks)]
"""The coverage below which nothing is proven."""


class Title(Shape):
    """What a target is called, in both languages."""

    vi: Text
    en: Text


class CommuneKind(StrEnum):
    """A commune's kind in the register."""

    XA = "xa"
    PHUONG = "phuong"
    DAC_KHU = "dac_khu"


class AppliesTo(Shape):
    """Which links or sites a target judges: all that have every property that is named."""

    site_kind: Annotated[list[SiteKindName], BeforeValidator(one_or_many)] = Field(default_factory=list)
    commune_kind: Annotated[list[Annotated[CommuneKind, Field(strict=False)]], BeforeValidator(one_or_many)] = Field(
        default_factory=list
    )
    kind: Annotated[list[LinkKindName], BeforeValidator(one_or_many)] = Field(default_factory=list)
    role: Annotated[list[LinkRoleName], BeforeValidator(one_or_many)] = Field(default_factory=list)
    network: Annotated[list[Text], BeforeValidator(one_or_many)] = Field(default_factory=list)
    operator: Annotated[list[Text], BeforeValidator(one_or_many)] = Field(default_factory=list)


class TargetEntry(Shape):
    """What every target has, beside its limit."""

    id: Id
    title: Title
    basis: Text
    basis_kind: Annotated[BasisKind, Field(strict=False)]
    exempt: dict[str, Text] = Field(default_factory=dict)


class PartsEntry(TargetEntry):
    """A target on sites or links."""

    applies_to: AppliesTo = AppliesTo()


class CommuneEntry(PartsEntry):
    """One that counts for the communes in which they are."""

    level: Literal["commune"]


class Of(StrEnum):
    """What an availability is of."""

    SERVICE = "service"
    LINK = "link"


def _warning(at_risk: float, info: ValidationInfo, write: Callable[[float], str]) -> float:
    """An early sign that comes before the limit, where more is worse."""
    limit = info.data.get("limit")
    if limit is not None and at_risk > limit:
        raise UnfitError(f"at_risk, {write(at_risk)}, lies beyond the limit, {write(limit)}: nobody would be warned")
    return at_risk


class PercentileEntry(CommuneEntry):
    """The 95th percentile of each direction against capacity (SEMANTICS 5)."""

    rule: Literal["percentile_utilisation"]
    limit: PositiveRatio
    window: Literal["7d"] = "7d"
    at_risk: Annotated[Ratio, Field(validate_default=True)] = 0.80
    days_at_risk: DaysAhead = 30
    coverage: Floor = 0.95
    reading: Literal["window", "daily"] = "window"

    @field_validator("at_risk")
    @classmethod
    def _warns_before_the_limit(cls, at_risk: float, info: ValidationInfo) -> float:
        return _warning(at_risk, info, quantities.write_ratio)


class AvailabilityEntry(CommuneEntry):
    """The share of the time that was available (SEMANTICS 6)."""

    rule: Literal["availability"]
    limit: PositiveRatio
    of: Annotated[Of, Field(strict=False)] = Of.SERVICE
    judge: Literal["raw", "without_declared"] = "raw"
    window: WindowDays = None
    coverage: Floor = 0.99
    budget_at_risk: Ratio = 0.75


class CapacityEntry(CommuneEntry):
    """What is contracted, and what the ports run at."""

    rule: Literal["capacity"]
    limit: Rate
    window: WindowDays = None
    coverage: Floor = 1.0
    port_speed: bool = True


class LatencyEntry(CommuneEntry):
    """The round trip to a link's check address."""

    rule: Literal["latency"]
    limit: RoundTrip
    window: WindowDays = None
    at_risk: RoundTrip = Field(default="40ms", validate_default=True)
    coverage: Floor = 0.95

    @field_validator("at_risk")
    @classmethod
    def _warns_before_the_limit(cls, at_risk: float, info: ValidationInfo) -> float:
        return _warning(at_risk, info, quantities.write_duration)


class LossEntry(CommuneEntry):
    """The echoes to a link's check address that stay unanswered."""

    rule: Literal["loss"]
    limit: RatioBelowOne
    window: WindowDays = None
    at_risk: Annotated[Ratio, Field(validate_default=True)] = 0.005
    coverage: Floor = 0.95

    @field_validator("at_risk")
    @classmethod
    def _warns_before_the_limit(cls, at_risk: float, info: ValidationInfo) -> float:
        return _warning(at_risk, info, quantities.write_ratio)


class Within(Shape):
    """The time in which service is restored, by the kind of commune at the start of the outage."""

    phuong: RestorationTime = 36 * 3600.0
    xa: RestorationTime = 72 * 3600.0
    dac_khu: RestorationTime = 72 * 3600.0


class RestorationEntry(CommuneEntry):
    """How many outages of a site ended in time."""

    rule: Literal["restoration"]
    limit: PositiveRatio
    within: Within = Within()
    window: WindowDays = None
    at_risk: Ratio = 0.5
    coverage: Floor = 0.99


class RedundancyEntry(PartsEntry):
    """How many physical routes a site has; of level province, the province's own sites."""

    rule: Literal["redundancy"]
    level: Literal["commune", "province"]
    limit: Routes
    secure_limit: Annotated[Routes, Field(validate_default=True)] = 2
    secure_levels: Annotated[list[SecurityLevel], BeforeValidator(one_or_many)] = Field(default_factory=lambda: [4, 5])
    window: WindowDays = None
    coverage: Floor = 1.0

    @field_validator("secure_limit")
    @classmethod
    def _asks_no_less_of_the_secure(cls, secure_limit: int, info: ValidationInfo) -> int:
        limit = info.data.get("limit")
        if limit is not None and secure_limit < limit:
            raise UnfitError(f"secure_limit, {secure_limit}, is less than the limit of all, {limit}")
        return secure_limit


class GrowthEntry(CommuneEntry):
    """How much more than last year's registration needs a justification."""

    rule: Literal["growth"]
    limit: Ratio
    registered: MonthDay = (1, 31)
    window: WindowDays = None
    coverage: Floor = 1.0


class BackupDrillEntry(CommuneEntry):
    """How long ago a backup may have carried traffic."""

    rule: Literal["backup_drill"]
    limit: DrillTime
    carries: Rate = 125_000.0
    window: WindowDays = Field(default="90d", validate_default=True)
    coverage: Floor = 0.95

    @field_validator("window")
    @classmethod
    def _sees_as_far_back_as_the_limit(cls, window: int | None, info: ValidationInfo) -> int | None:
        days = round(info.data.get("limit", 0) / 86_400)
        if days > (window if window is not None else 28):
            shown = f"{window}d" if window is not None else "a month"
            raise UnfitError(f"the window, {shown}, is shorter than the limit, {days}d", f"window: {days}d")
        return window


def _only(key: str, kind: StrEnum, what: str) -> AfterValidator:
    """Of a rule that judges one kind of sites or links: that kind, also where nothing is said of it."""

    def chosen(applies_to: AppliesTo) -> AppliesTo:
        if any(each is not kind for each in getattr(applies_to, key)):
            raise UnfitError(f"this rule judges {what} only: leave {key} out, or write {key}: {kind}")
        return applies_to.model_copy(update={key: [kind]})

    return AfterValidator(chosen)


class RadioEntry(CommuneEntry):
    """How long the cells at a mast were up, as their operators tell."""

    rule: Literal["radio_availability"]
    applies_to: Annotated[AppliesTo, _only("site_kind", SiteKind.BTS, "BTS sites"), Field(validate_default=True)] = (
        AppliesTo()
    )
    limit: PositiveRatio
    window: WindowDays = None
    coverage: Floor = 0.9
    budget_at_risk: Ratio = 0.75


def _range(ends: list[float]) -> list[float]:
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise UnfitError("a range is its least and its most: write it as [20, 25] or [40 %, 55 %]")
    return ends


class EquipmentRoom(Shape):
    """The climate of rooms for equipment."""

    temperature: Annotated[list[Degrees], AfterValidator(_range)] = Field(default_factory=lambda: [20.0, 25.0])
    humidity: Annotated[list[Ratio], AfterValidator(_range)] = Field(default_factory=lambda: [0.40, 0.55])


class OfficeRoom(Shape):
    """The climate of offices in which equipment stands."""

    temperature: Annotated[list[Degrees], AfterValidator(_range)] = Field(default_factory=lambda: [20.0, 32.0])
    humidity: Annotated[list[Ratio], AfterValidator(_range)] = Field(default_factory=lambda: [0.40, 0.80])


class Rooms(Shape):
    """What a room has to keep to, by its kind."""

    equipment: EquipmentRoom = EquipmentRoom()
    office: OfficeRoom = OfficeRoom()


class EnvironmentEntry(CommuneEntry):
    """In how many hours the room of a site's equipment kept to its climate."""

    rule: Literal["environment"]
    limit: PositiveRatio
    rooms: Rooms = Rooms()
    window: WindowDays = None
    at_risk: Annotated[Ratio, Field(validate_default=True)] = 0.97
    coverage: Floor = 0.9

    @field_validator("at_risk")
    @classmethod
    def _warns_above_the_limit(cls, at_risk: float, info: ValidationInfo) -> float:
        limit = info.data.get("limit")
        if limit is not None and at_risk < limit:
            written = quantities.write_ratio(at_risk), quantities.write_ratio(limit)
            raise UnfitError(f"at_risk, {written[0]}, lies below the limit, {written[1]}: nobody would be warned")
        return at_risk


class OpticalMarginEntry(CommuneEntry):
    """How far the light over a fibre stays above what its receiver needs."""

    rule: Literal["optical_margin"]
    applies_to: Annotated[AppliesTo, _only("kind", LinkKind.FIBRE, "links of fibre"), Field(validate_default=True)] = (
        AppliesTo()
    )
    limit: Decibels
    window: WindowDays = Field(default="7d", validate_default=True)
    hours: Hours = 2
    days_at_risk: DaysAhead = 56
    coverage: Floor = 0.9


class ShareEntry(TargetEntry):
    """A province's rule: how many of its communes meet a commune target (SEMANTICS 7)."""

    rule: Literal["share"]
    level: Literal["province"]
    limit: PositiveRatio
    of: str


class PooledEntry(TargetEntry):
    """A province's rule: how many outages of all its communes ended in time."""

    rule: Literal["pooled"]
    level: Literal["province"]
    limit: PositiveRatio
    of: str


TargetsEntry = Annotated[
    PercentileEntry
    | AvailabilityEntry
    | CapacityEntry
    | LatencyEntry
    | LossEntry
    | RestorationEntry
    | RedundancyEntry
    | GrowthEntry
    | BackupDrillEntry
    | RadioEntry
    | EnvironmentEntry
    | OpticalMarginEntry
    | ShareEntry
    | PooledEntry,
    Field(discriminator="rule"),
]

RULES: dict[str, type[TargetEntry]] = {
    get_args(entry.model_fields["rule"].annotation)[0]: entry for entry in get_args(get_args(TargetsEntry)[0])
}
"""Entries by the names of their rules."""


class TargetsFile(Shape):
    """targets.yaml."""

    targets: list[TargetsEntry]

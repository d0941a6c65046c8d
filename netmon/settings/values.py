"""The values that configuration files hold, as pydantic reads them: strictly, in one place each."""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints

from netmon.model import LinkKind, LinkRole, Secret, SiteKind
from netmon.settings import quantities
from netmon.settings.problem import UnfitError
from netmon.settings.secrets import HOW

Many = TypeVar("Many", bound=Sized)


def _id(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text, re.ASCII) is None:
        raise UnfitError(f"'{text}' is not an id: write letters without diacritics, digits, '.', '_' and '-'")
    return text


def _province(text: str) -> str:
    if re.fullmatch(r"\d\d", text, re.ASCII) is None:
        raise UnfitError(f"'{text}' is not the code of a province: write its two digits in quotes, such as \"04\"")
    return text


def _secret(value: object) -> Secret:
    if not isinstance(value, Secret):
        raise UnfitError("a secret must not stand here as it is", HOW)
    return value


def one_or_many(value: object) -> object:
    """What stands alone, as a list of one."""
    return value if isinstance(value, list) else [value]


def at_least_one(values: Many) -> Many:
    """The same, unless it is empty."""
    if not values:
        raise UnfitError("there must be at least one")
    return values


def _window_days(value: object) -> int | None:
    if value == "month":
        return None
    try:
        days = quantities.duration(value) / 86400
    except UnfitError:
        days = 0
    if days < 1 or days % 1:
        raise UnfitError(f"'{value}' is not a window: write it as month or 7d")
    return int(days)


SiteKindName = Annotated[SiteKind, Field(strict=False)]
LinkKindName = Annotated[LinkKind, Field(strict=False)]
LinkRoleName = Annotated[LinkRole, Field(strict=False)]
Text = Annotated[str, StringConstraints(min_length=1)]
Id = Annotated[str, AfterValidator(_id)]
Province = Annotated[str, AfterValidator(_province)]
Duration = Annotated[float, PlainValidator(quantities.duration)]
Rate = Annotated[float, PlainValidator(quantities.rate)]
Ratio = Annotated[float, PlainValidator(quantities.ratio)]
Day = Annotated[float, PlainValidator(quantities.day)]
Address = Annotated[str, PlainValidator(quantities.address)]
Endpoint = Annotated[tuple[str, int], PlainValidator(quantities.endpoint)]
Hidden = Annotated[Secret, PlainValidator(_secret)]
WindowDays = Annotated[int | None, PlainValidator(_window_days)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1)]
Retries = Annotated[int, Field(ge=0, le=10)]

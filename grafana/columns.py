"""How columns of tables are shown: what counts, shares, durations and states look like, and by which one rows are sorted."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.panels import (
    BATTERY,
    ISOLATED,
    Json,
    Text,
    override,
)
from grafana.places import tone

_BAR = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}


def counted(title: Text, colour: str) -> Json:
    """A column of counts, coloured from 1 on."""
    return override(title, **tone(steps=((None, "text"), (1, colour))), custom__width=120)


def short(title: Text, unit: str) -> Json:
    """A column of what is left above a limit: below 0 it is too little."""
    return override(title, **tone(steps=((None, ISOLATED), (0, "text"))), unit=unit, decimals=1)


def share(title: Text) -> Json:
    """A column of shares, drawn as bars of one calm colour."""
    calm = {"mode": "fixed", "fixedColor": BATTERY}
    return override(title, unit="percentunit", min=0, max=1, decimals=0, color=calm, custom__cellOptions=_BAR)


def lasting(title: Text, colour: str = "text") -> Json:
    """A column of durations."""
    fixed = {"mode": "fixed", "fixedColor": colour}
    return override(title, **tone(), unit="dtdurations", color=fixed, custom__width=150)


def state(title: Text, mappings: Sequence[Json], wide: int = 130) -> Json:
    """A column of states in the words and colours of `mappings`, so many pixels wide."""
    return override(title, **tone(tuple(mappings)), custom__width=wide)


def leads(title: Text, *ways: Json) -> Json:
    """A column whose cells lead on."""
    return override(title, links=list(ways))


def by(title: Text, *, falling: bool = False) -> Json:
    """The options of a table that is sorted by the column of that title."""
    return {"sortBy": [{"displayName": title, "desc": falling}]}

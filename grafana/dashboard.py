"""Dashboards: rows of panels at their places, what a person chooses from, and the ways to the other dashboards.

Texts are `Words` until `spoken` makes the whole JSON in one language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from grafana.panels import COLUMNS, SOURCE, SOURCE_UID, Json, Panel, Text
from netmon.model import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of panels with a title; closed ones ask nothing until they are opened."""

    title: Text
    panels: tuple[Panel, ...]
    closed: bool = False


def row(title: Text, *panels: Panel, closed: bool = False) -> Row:
    return Row(title=title, panels=panels, closed=closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a person chooses from at the top: the answer to a query; a person writes in a "textbox", which begins with it."""

    name: str
    label: Text
    query: Text = ""
    regex: Text = ""
    several: bool = False
    every: bool = False
    hidden: bool = False
    kind: Literal["query", "datasource", "textbox"] = "query"

    def json(self) -> Json:
        """The variable as Grafana reads it."""
        told: Json = {"name": self.name, "label": self.label, "type": self.kind, "hide": 2 if self.hidden else 0}
        if self.kind == "datasource":
            current = {"text": "netmon", "value": SOURCE_UID}
            return told | {"query": "prometheus", "regex": "", "current": current, "refresh": 1, "options": []}
        if self.kind == "textbox":
            written = {"text": self.query, "value": self.query}
            return told | {"query": self.query, "current": written, "options": [written | {"selected": True}]}
        chosen = {"text": "All", "value": "$__all"} if self.every else {}
        return told | {
            "datasource": SOURCE,
            "query": {"query": self.query, "refId": self.name},
            "definition": self.query,
            "regex": self.regex,
            "multi": self.several,
            "includeAll": self.every,
            **({"allValue": ".*"} if self.every else {}),
            "current": chosen,
            "options": [],
            "refresh": 2,
            "sort": 1,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard: `uid` without the language, which `build` adds."""

    uid: str
    title: Text
    about: Text
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    annotations: tuple[Json, ...] = ()
    period: str = "now-6h"
    refresh: str = "30s"
    tags: tuple[str, ...] = ()

    def json(self) -> Json:
        """The dashboard with its panels at their places; texts are `Words` still."""
        return {
            "uid": Words(f"{self.uid}-vi", f"{self.uid}-en"),
            "title": self.title,
            "description": self.about,
            "tags": ["netmon", Words("netmon-vi", "netmon-en"), *self.tags],
            "schemaVersion": 39,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "Asia/Ho_Chi_Minh",
            "weekStart": "monday",
            "time": {"from": self.period, "to": "now"},
            "timepicker": {"refresh_intervals": ["10s", "30s", "1m", "5m", "15m", "1h"]},
            "refresh": self.refresh,
            "annotations": {"list": list(self.annotations)},
            "templating": {"list": [each.json() for each in self.variables]},
            "links": _ways(self.uid),
            "panels": list(placed(self.rows)),
        }


def _ways(uid: str) -> list[Json]:
    """The other dashboards of the language, and this one in the other language."""
    common = {"icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": ""}
    others = {
        "type": "dashboards",
        "title": Words("Bảng khác", "Dashboards"),
        "tags": [Words("netmon-vi", "netmon-en")],
        "asDropdown": True,
        "url": "",
    }
    here = {
        "type": "link",
        "title": Words("English", "Tiếng Việt"),
        "url": Words(f"/d/{uid}-en", f"/d/{uid}-vi"),
        "tags": [],
        "asDropdown": False,
    }
    return [common | others, common | here]


def placed(lines: Iterable[Row]) -> Iterator[Json]:
    """Rows and panels from the top, each line of a row filled from the left. Ids count from 1."""
    number, y = 0, 0
    for each in lines:
        number += 1
        head: Json = {
            "id": number,
            "type": "row",
            "title": each.title,
            "collapsed": each.closed,
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        y += 1
        x, high, inside = 0, 0, []
        for panel in each.panels:
            number += 1
            if x + panel.width > COLUMNS:
                x, y, high = 0, y + high, 0
            inside.append(panel.json(number, x, y))
            x, high = x + panel.width, max(high, panel.height)
        y += high
        if each.closed:
            yield head | {"panels": inside}
        else:
            yield head
            yield from inside


def spoken(tree: Any, language: Literal["vi", "en"]) -> Any:
    """The same tree with every `Words` as its text in a language; keys may be `Words` too."""
    if isinstance(tree, Words):
        return tree.vi if language == "vi" else tree.en
    if isinstance(tree, Mapping):
        return {spoken(key, language): spoken(value, language) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [spoken(value, language) for value in tree]
    return tree

"""The few words that panels are written in: queries, a panel of each kind, and what refines it.

Everything is plain data of Grafana's classic dashboard schema, with a `Words` wherever a text or an address differs between
the languages. What a panel shows is in PromQL, and its limits come from queries too, so that a number stands in one place
only: the configuration of netmon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netmon.model import Words

Text = Words | str
Json = dict[str, Any]

COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SOURCE_UID = "netmon-prometheus"
"""The data source of provisioning/datasources/netmon.yaml. Where it is not there Grafana takes another Prometheus."""
LINE_HEIGHT = 8

UP, BACKUP, ISOLATED, UNREACHABLE, UNKNOWN = "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#8494a3"
AT_RISK, BATTERY = "#f0e442", "#56b4e9"
"""Okabe and Ito's palette, which every kind of colour vision tells apart: the colours of the wallboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression. Where `ref` is empty the panel gives one. `table`: rows with labels, at the last instant.
    `buckets`: those of a histogram, by `le`."""

    expr: str
    legend: Text = ""
    table: bool = False
    instant: bool = False
    ref: str = ""
    hidden: bool = False
    buckets: bool = False


def query(expr: str, legend: Text = "", **kept: Any) -> Query:
    """A query over the range that is shown; `legend` may name labels as {{label}}."""
    return Query(expr=" ".join(expr.split()), legend=legend, **kept)


def rows(expr: str, **kept: Any) -> Query:
    """A query whose answer is a table: each series a row, each label a column, beside `Value`."""
    return query(expr, table=True, instant=True, **kept)


def last(expr: str, legend: Text = "", **kept: Any) -> Query:
    """A query of the last instant only."""
    return query(expr, legend, instant=True, **kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel before it has a place: `width` of 24 columns, `height` in units of 30 pixels."""

    kind: str
    title: Text
    about: Text
    queries: tuple[Query, ...]
    width: int = 6
    height: int = LINE_HEIGHT
    unit: Text = "short"
    decimals: int | None = None
    least: float | None = None
    most: float | None = None
    colour: Json = field(default_factory=lambda: {"mode": "palette-classic"})
    steps: tuple[tuple[float | None, str], ...] = ((None, UP),)
    mappings: tuple[Json, ...] = ()
    custom: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()
    links: tuple[Json, ...] = ()
    no_value: Text = "–"

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel at its place, as Grafana reads it."""
        defaults: Json = {
            "unit": self.unit,
            "color": self.colour,
            "mappings": list(self.mappings),
            "thresholds": {"mode": "absolute", "steps": [{"color": colour, "value": at} for at, colour in self.steps]},
            "custom": self.custom,
            "links": list(self.links),
            "noValue": self.no_value,
        }
        bounds = {"decimals": self.decimals, "min": self.least, "max": self.most}
        defaults |= {name: value for name, value in bounds.items() if value is not None}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.about,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [_target(each, ref) for each, ref in zip(self.queries, _refs(self.queries), strict=True)],
            "fieldConfig": {"defaults": defaults, "overrides": list(self.overrides)},
            "options": self.options,
            "transformations": list(self.transformations),
        }


def _refs(queries: Sequence[Query]) -> Iterator[str]:
    return (each.ref or chr(ord("A") + n) for n, each in enumerate(queries))


def _target(each: Query, ref: str) -> Json:
    told: Json = {
        "refId": ref,
        "datasource": SOURCE,
        "expr": each.expr,
        "legendFormat": each.legend or "__auto",
        "editorMode": "code",
        "format": "table" if each.table else "heatmap" if each.buckets else "time_series",
        "instant": each.instant,
        "range": not each.instant,
    }
    return told | ({"hide": True} if each.hidden else {})


# --- kinds of panels --------------------------------------------------------------------------------------------------

Steps = Sequence[tuple[float | None, str]]
CALM: Steps = ((None, UP),)
_NUMBER: Json = {"width": 4, "colour": {"mode": "thresholds"}}


def graph(title: Text, about: Text, *queries: Query, unit: str = "short", fill: int = 10, **kept: Any) -> Panel:
    """Curves over time. Gaps stay gaps: netmon draws no line where nothing was seen."""
    custom = {"drawStyle": "line", "lineWidth": 2, "fillOpacity": fill, "showPoints": "never", "spanNulls": False}
    custom |= kept.pop("custom", {})
    legend = {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True}
    options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}} | kept.pop("options", {})
    kept.setdefault("width", 12)
    return Panel(
        kind="timeseries", title=title, about=about, queries=queries, unit=unit, custom=custom, options=options, **kept
    )


def figure(title: Text, about: Text, *queries: Query, unit: Text = "short", steps: Steps = CALM, **kept: Any) -> Panel:
    """A number, read from across the room, in the colour of its step."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "center",
        "textMode": "auto",
        "wideLayout": True,
    } | kept.pop("options", {})
    kept = {**_NUMBER, "height": 4, **kept}
    return Panel(
        kind="stat", title=title, about=about, queries=queries, unit=unit, options=options, steps=tuple(steps), **kept
    )


def bars(title: Text, about: Text, *queries: Query, unit: Text = "short", steps: Steps = CALM, **kept: Any) -> Panel:
    """Horizontal bars, one a series or one a row: league tables."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "text",
        "showUnfilled": True,
        "sizing": "auto",
        "namePlacement": "auto",
    } | kept.pop("options", {})
    kept = {**_NUMBER, "width": 12, **kept}
    return Panel(
        kind="bargauge", title=title, about=about, queries=queries, unit=unit, options=options, steps=tuple(steps), **kept
    )


_CELLS: tuple[Json, ...] = (
    {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": "–"}]},
    {"matcher": {"id": "byType", "options": "string"}, "properties": [{"id": "unit", "value": "string"}]},
)
"""Of every table: what the panel says when it has no row stands in no empty cell, and the code 01288 is no 1.29 K, neither
in its cell nor in the link that leads on from it."""


def table(title: Text, about: Text, *queries: Query, columns: Mapping[Any, Text], **kept: Any) -> Panel:
    """Rows of `rows(...)` queries, joined by the labels that they share. `columns` are the fields that are shown, in their
    order, with their titles; a query's value is "Value", or "Value #REF" where there are several. A column may be `Words`,
    where a label differs between the languages."""
    shown = {name: n for n, name in enumerate(columns)}
    seen = {"include": {"names": list(columns)}}
    merge: tuple[Json, ...] = ({"id": "merge", "options": {}},) if len(queries) > 1 else ()
    order = {"indexByName": shown, "renameByName": dict(columns), "excludeByName": {}}
    transformations = (
        *kept.pop("before", merge),
        {"id": "filterFieldsByName", "options": seen},
        {"id": "organize", "options": order},
        *kept.pop("after", ()),
    )
    custom = {"align": "auto", "filterable": False, "cellOptions": {"type": "auto"}} | kept.pop("custom", {})
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "countRows": False}}
    options |= kept.pop("options", {})
    kept = {**_NUMBER, "width": 12, "steps": ((None, "text"),), **kept}
    kept["overrides"] = (*_CELLS, *kept.get("overrides", ()))
    return Panel(
        kind="table",
        title=title,
        about=about,
        queries=queries,
        custom=custom,
        options=options,
        transformations=transformations,
        **kept,
    )


def states(title: Text, about: Text, *queries: Query, mappings: Sequence[Json], **kept: Any) -> Panel:
    """A state timeline: which state held when, by the colours of `mappings`."""
    custom = {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False} | kept.pop("custom", {})
    options = {
        "mergeValues": True,
        "showValue": "never",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "single", "sort": "none"},
    } | kept.pop("options", {})
    kept.setdefault("width", COLUMNS)
    return Panel(
        kind="state-timeline",
        title=title,
        about=about,
        queries=queries,
        custom=custom,
        options=options,
        mappings=tuple(mappings),
        **kept,
    )


def heatmap(title: Text, about: Text, buckets: str, *, unit: str = "s", **kept: Any) -> Panel:
    """How often what was how large: the buckets of a histogram over time. `buckets` is PromQL that keeps `le`."""
    options: Json = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "color": {
            "mode": "scheme",
            "scheme": "Blues",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 32,
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
    } | kept.pop("options", {})
    kept.setdefault("width", 12)
    asked = query(buckets, "{{le}}", buckets=True)
    return Panel(kind="heatmap", title=title, about=about, queries=(asked,), unit=unit, options=options, **kept)


EMPTY_TILE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""A transparent pixel. A map without a base layer of its own takes its tiles from the internet, and so does one with an
empty address; this one asks nobody for anything."""


def province_map(
    title: Text, about: Text, *queries: Query, colour: str, label: str, mappings: Sequence[Json], **kept: Any
) -> Panel:
    """A map of places. The queries share a label that names the place; those with the references "lat" and "lon" have where
    it lies. The field `colour` colours it by `mappings`, the field `label` is written beside it."""
    fixed = {"mode": "fixed", "fixed": 0, "min": -360, "max": 360}
    style = {
        "color": {"field": colour, "fixed": UNKNOWN},
        "opacity": 0.9,
        "size": {"fixed": 8, "min": 4, "max": 16},
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "rotation": fixed,
        "text": {"mode": "field", "field": label, "fixed": ""},
        "textConfig": {"fontSize": 12, "offsetX": 10, "offsetY": 0, "textAlign": "left", "textBaseline": "middle"},
    }
    markers = {
        "type": "markers",
        "name": title,
        "tooltip": True,
        "location": {"mode": "coords", "latitude": "Value #lat", "longitude": "Value #lon"},
        "config": {"style": style, "showLegend": False},
    }
    ground = {"url": EMPTY_TILE, "attribution": "", "minZoom": 0, "maxZoom": 18}
    options = {
        "view": {"id": "fit", "lat": 0, "lon": 0, "zoom": 10, "padding": 8, "allLayers": True, "lastOnly": False},
        "controls": {"showZoom": True, "mouseWheelZoom": False, "showAttribution": False, "showScale": True},
        "basemap": {"type": "xyz", "name": "ground", "config": ground},
        "layers": [markers],
        "tooltip": {"mode": "details"},
    } | kept.pop("options", {})
    unsaid = {"tooltip": True, "viz": False, "legend": False}
    place = tuple(override(name, custom__hideFrom=unsaid) for name in ("Value #lat", "Value #lon"))
    kept = {**_NUMBER, "width": 12, "height": 20, **kept, "overrides": (*place, *kept.get("overrides", ()))}
    return Panel(
        kind="geomap",
        title=title,
        about=about,
        queries=queries,
        options=options,
        mappings=tuple(mappings),
        transformations=(
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": {"exclude": {"names": ["Time"]}}},
        ),
        **kept,
    )


# --- what panels are refined with -------------------------------------------------------------------------------------


def values(*told: tuple[float | str, Text, str]) -> tuple[Json, ...]:
    """A mapping of values to a text and a colour."""
    options = {str(value): {"text": text, "color": colour, "index": n} for n, (value, text, colour) in enumerate(told)}
    return ({"type": "value", "options": options},)


def override(name: Text, **properties: Any) -> Json:
    """What holds for the field of that name alone; keys are Grafana's property ids, with `__` for a dot."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def of_query(ref: str, **properties: Any) -> Json:
    """What holds for the fields of one query alone."""
    return override("", **properties) | {"matcher": {"id": "byFrameRefID", "options": ref}}


def limit_line(ref: str) -> Json:
    """A query drawn as a limit: a dashed line of its own colour, not filled, that leads nowhere."""
    dashes = {"fill": "dash", "dash": [8, 8]}
    red = {"mode": "fixed", "fixedColor": ISOLATED}
    return of_query(ref, color=red, custom__lineStyle=dashes, custom__fillOpacity=0, custom__lineWidth=1, links=[])


def link(title: Text, url: Text) -> Json:
    """A data link: what a click on a value leads to."""
    return {"title": title, "url": url, "targetBlank": False}

"""The dashboards as they are made, in hand: their panels, variables, links, texts and expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from grafana import build
from netmon import catalogue
from tests.grafana import promql

Json = dict[str, Any]
LANGUAGES = ("vi", "en")

TEXT_KEYS = {
    *("title", "description", "label", "noValue", "legendFormat", "text", "titleFormat", "textFormat", "displayName"),
    *("tooltip", "content"),
}
"""Where people read. What stands under "renameByName" is read as well; a column's name and an annotation's are too."""


@cache
def dashboards() -> dict[tuple[str, str], Json]:
    """Each dashboard by its language and the name of its file ("province")."""
    return {(path.parts[0], path.stem): json.loads(text) for path, text in build.files().items()}


def names() -> list[str]:
    return sorted({name for _, name in dashboards()})


def in_both() -> list[Any]:
    """Parameters of a test: every dashboard in each language."""
    return [f"{language}/{name}" for language, name in sorted(dashboards())]


def board(key: str) -> Json:
    """By "vi/province"."""
    language, _, name = key.partition("/")
    return dashboards()[language, name]


def boxes(dashboard: Json) -> Iterator[Json]:
    """Rows and panels, those inside closed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def panels(dashboard: Json) -> Iterator[Json]:
    """The panels that show something."""
    return (panel for panel in boxes(dashboard) if panel["type"] not in ("row", "text"))


class Asked(NamedTuple):
    """An expression, and where it is asked: `target` is the panel's own, the variable or the annotation."""

    dashboard: str
    where: str
    kind: str
    expr: str
    target: Json


_OF_VARIABLE = re.compile(r"(?P<call>label_values|query_result)\((?P<inside>.*)\)", re.DOTALL)


def of_variable(query: str) -> tuple[str, str]:
    """What a query of a variable asks, and the label that it takes the values of ("" for whole rows)."""
    found = _OF_VARIABLE.fullmatch(query.strip())
    assert found, f"a variable asks by label_values(SELECTOR, LABEL) or query_result(EXPRESSION), not by {query}"
    if found["call"] == "query_result":
        return found["inside"], ""
    expr, _, label = found["inside"].rpartition(",")
    assert expr, f"label_values without a family shows labels of everything: {query}"
    return expr, label.strip()


def asked(language: str = "vi") -> list[Asked]:
    """Every expression of every dashboard."""
    found = []
    for (spoken, name), dashboard in dashboards().items():
        if spoken != language:
            continue
        for panel in panels(dashboard):
            for target in panel["targets"]:
                where = f"{panel['title']} ({target['refId']})"
                found.append(Asked(name, where, "panel", target["expr"], target))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                expr, _ = of_variable(variable["query"]["query"])
                found.append(Asked(name, f"${variable['name']}", "variable", expr, variable))
        notes = dashboard["annotations"]["list"]
        found += [Asked(name, note["name"], "annotation", note["expr"], note) for note in notes]
    return found


_BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__interval_ms": "15000", "__range": "6h", "__range_s": "21600"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$([a-zA-Z_]\w*)|\[\[(\w+)\]\]")


def variables_in(text: str) -> set[str]:
    """The variables that a text names, Grafana's own too."""
    return {next(filter(None, found.groups())) for found in _VARIABLE.finditer(text)}


def filled_in(text: str, chosen: dict[str, str] | None = None) -> str:
    """The expression as Grafana sends it; `chosen` are the variables, as regular expressions where several are chosen, and
    may say another $__rate_interval. KeyError: a variable that nobody chose."""
    known = _BUILT_IN | (chosen or {})
    return _VARIABLE.sub(lambda found: known[next(filter(None, found.groups()))], text)


FAMILIES = catalogue.DEVICE | catalogue.OWN
SCRAPED = frozenset(("job", "instance"))
PROMETHEUS_OWN = {"up": SCRAPED, "ALERTS": None, "ALERTS_FOR_STATE": None}
"""What Prometheus makes itself; alerts carry labels of their own rules."""


@cache
def metrics() -> dict[str, promql.Labels]:
    """The labels of each metric that can be asked for."""
    found: dict[str, promql.Labels] = dict(PROMETHEUS_OWN)
    for name, family in FAMILIES.items():
        labels = SCRAPED.union(family.labels)
        if family.kind == "histogram":
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def labels_of_metric(name: str) -> promql.Labels:
    return SCRAPED if name.startswith("process_") else metrics().get(name)


def labels_of(expr: str | promql.Node) -> promql.Labels:
    """The labels of what comes out of an expression, None where any may."""
    tree = promql.read(expr) if isinstance(expr, str) else expr
    return promql.labels_of(tree, labels_of_metric, lambda what: None)


def links_of(dashboard: Json) -> Iterator[tuple[str, Json, Json | None]]:
    """Where it stands, the link and its panel: data links of fields, in overrides too, and links of panels and the board."""
    for link in dashboard["links"]:
        yield "the dashboard", link, None
    for panel in panels(dashboard):
        held = [panel["fieldConfig"]["defaults"].get("links", ()), panel.get("links", ())]
        for each in panel["fieldConfig"]["overrides"]:
            held += [one["value"] for one in each["properties"] if one["id"] == "links"]
        for link in (link for links in held for link in links):
            yield f"{panel['title']}: {link['title']}", link, panel


def leaves(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value of a tree with the way to it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list):
        for n, value in enumerate(tree):
            yield from leaves(value, (*path, n))
    else:
        yield path, tree


def is_text(path: tuple[str | int, ...]) -> bool:
    """Whether people read what stands there."""
    key = path[-1]
    if path[0] == "templating" and key == "text":
        return False  # what was chosen
    if key in TEXT_KEYS or (len(path) > 1 and path[-2] == "renameByName"):
        return True
    return key == "name" and (path[0] == "annotations" or "layers" in path)

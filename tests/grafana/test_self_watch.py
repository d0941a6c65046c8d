"""netmon about itself: whatever it counts is listed, drawn and, where a person should act, alerted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import yaml

from netmon import catalogue, census, model
from netmon.pollers import payloads
from netmon.store import writer
from netmon.web import access, door, stream, telling
from tests import peers
from tests.grafana.boards import Json, board, panels

PAGE = peers.ROOT / "docs" / "self-watch.md"
RULES = yaml.safe_load((peers.ROOT / "deploy/prometheus/rules/netmon.yml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
FIGURES_ONLY = {"netmon_build_info", "netmon_config_devices", "netmon_readings_total", "netmon_scrape_series"}
"""What neither waits nor fails: it is on the dashboard and needs no line of the page."""
UNSERVED = ("cli", "discover", "sim")
"""There a person who asked for something is told at once that it failed by a bug."""


class Line(NamedTuple):
    """A line of the page."""

    what: str
    bound: str
    families: list[str]
    panel: str
    alert: str


def lines() -> Iterator[Line]:
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| What "):
            what, bound, families, panel, alert = (cell.strip() for cell in line.strip("|").split("|"))
            yield Line(what, bound, re.findall(r"`(\w+)`", families), panel, alert)


def expressions(panel: Json) -> str:
    return " ".join(target["expr"] for target in panel["targets"])


def test_every_family_of_netmon_itself_is_drawn():
    drawn = " ".join(expressions(panel) for panel in panels(board("en/itself")))
    assert [name for name in catalogue.OWN if not re.search(rf"\b{name}(?:_bucket)?\b", drawn)] == []


def test_every_family_of_netmon_itself_has_its_line_and_every_line_its_families():
    told = {family for line in lines() for family in line.families}
    assert told == set(catalogue.OWN) - FIGURES_ONLY


@pytest.mark.parametrize("line", [pytest.param(line, id=line.what) for line in lines()])
def test_a_line_is_true_of_the_dashboard_and_of_the_alerts(line: Line):
    """The panel shows its first family, an alert is of its severity, and where there is none the line says why."""
    (panel,) = (each for each in panels(board("en/itself")) if each["title"] == line.panel)
    assert re.search(rf"\b{line.families[0]}(?:_bucket)?\b", expressions(panel))
    alerts = re.findall(r"(\*\*)?\[(\w+)\]\(runbooks/\2\.md\)", line.alert)
    for bold, name in alerts:
        assert ALERTS[name]["labels"]["severity"] == ("page" if bold else "ticket")
    assert alerts or re.fullmatch(r"– \(.{10,}\)", line.alert)
    assert line.bound


def test_every_alert_of_netmon_itself_is_on_the_page():
    assert set(re.findall(r"\(runbooks/(\w+)\.md\)", PAGE.read_text())) == set(ALERTS)


@pytest.mark.parametrize(
    "bound",
    [
        f"{writer.BACKLOG:,}; then the oldest are dropped",
        f"{model.SERIES_AT_MOST:,} a device, {census.IN_ALL:,} in all",
        f"{payloads.PAYLOAD_BYTES // 2**10} KiB",
        f"{door.CONNECTIONS_AT_MOST} connections, {door.OF_ONE_ADDRESS} of one address",
        f"{telling.READS_AT_MOST} pages at once, {stream.LISTENERS_AT_MOST} listeners, {access.WRONG_AT_MOST} wrong tokens",
        f"has {stream.WAITING_AT_MOST} events waiting",
    ],
)
def test_the_bounds_on_the_page_are_those_of_the_code(bound: str):
    assert bound in PAGE.read_text()


def test_whatever_netmon_did_not_expect_is_counted():
    """Each handler that logs a traceback counts it, in the same breath: a log nobody reads is not enough."""
    silent, found = [], 0
    for path in sorted((peers.ROOT / "netmon").rglob("*.py")):
        if path.relative_to(peers.ROOT / "netmon").parts[0] in UNSERVED:
            continue
        for handler in ast.walk(ast.parse(path.read_text())):
            if isinstance(handler, ast.ExceptHandler):
                called = {ast.unparse(each.func) for each in ast.walk(handler) if isinstance(each, ast.Call)}
                if "log.exception" in called:
                    found += 1
                    counted = any(name.endswith(".count") for name in called)
                    silent += [] if counted else [f"{path.relative_to(peers.ROOT)}:{handler.lineno}"]
    assert silent == []
    assert found > 5

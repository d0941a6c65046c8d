"""Every expression of the dashboards has data, from a real Prometheus that scraped a province in a storm.

Grafana's variables are filled in as Grafana does: one value as it is, several and all as a regular expression.
"""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Iterator

import pytest

from tests.grafana.boards import Asked, asked, board, filled_in, names, of_variable, panels
from tests.grafana.province import Played, played

WITHIN_S = 150.0
"""For all expressions together, from the moment that everything has begun to go wrong."""
SHARE_AT_MOST = 10.0
"""The seeded month has an error budget that is spent two and a half times."""
EMPTY: dict[tuple[str, str], str] = {("itself", "Chứng thư web còn hạn (A)"): "the province's netmon speaks no TLS"}
"""Expressions that may be empty in a province, by dashboard and place, with the reason."""


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with played(tmp_path_factory.mktemp("province")) as made:
        yield made


def choices(made: Played, name: str) -> dict[str, str]:
    """What stands in each variable of a dashboard: what the scene knows, and all where several may be chosen."""
    chosen = {"__rate_interval": "20s", "__interval": "5s", "__range": "10m", "__range_s": "600"}
    for variable in board(f"vi/{name}")["templating"]["list"]:
        if variable["type"] == "datasource":
            chosen[variable["name"]] = "prometheus"
        elif variable["type"] != "query":
            chosen[variable["name"]] = str(variable["current"]["value"])
        elif variable.get("includeAll"):
            chosen[variable["name"]] = variable["allValue"]
        elif variable["name"] in made.chosen:
            chosen[variable["name"]] = made.chosen[variable["name"]]
        else:
            chosen[variable["name"]] = first_of(made, variable["query"]["query"], chosen)
    return chosen


def first_of(made: Played, query: str, chosen: dict[str, str]) -> str:
    """The value that a variable has when its dashboard is opened: the first of its list."""
    expr, label = of_variable(query)
    found = made.prometheus.get("/api/v1/query", query=filled_in(expr, chosen))["result"]
    return min((row["metric"].get(label, "") for row in found), default="")


def finds(made: Played, each: Asked) -> str:
    """Nothing when the expression has data, else why not."""
    query = filled_in(each.expr, choices(made, each.dashboard))
    try:
        # A slot that closes meanwhile, of which netmon has seen the end alone, takes the rates of the one before away.
        answers = [made.prometheus.get("/api/v1/query", query=query, time=str(at)) for at in (time.time(), made.begun)]
    except urllib.error.HTTPError as error:
        return error.read().decode()
    label = of_variable(each.target["query"]["query"])[1] if each.kind == "variable" else ""
    found = [row for answer in answers for row in answer["result"] if not label or row["metric"].get(label)]
    return "" if found else "no data"


@pytest.fixture(scope="module")
def empty(province: Played) -> list[str]:
    """The expressions that had no data in all the time, with their panels: each is asked until it has."""
    waiting = [each for each in asked() if (each.dashboard, each.where) not in EMPTY]
    assert len(waiting) > 300
    end = time.monotonic() + WITHIN_S
    while True:
        why = [(each, finds(province, each)) for each in waiting]
        waiting = [each for each, reason in why if reason]
        if not waiting or time.monotonic() > end:
            return [f"{each.dashboard}: {each.where}: {reason}\n    {each.expr}" for each, reason in why if reason]
        time.sleep(1)


def test_every_expression_has_data_in_a_storm(empty: list[str]):
    assert not empty, f"{len(empty)} without data:\n" + "\n".join(empty)


@pytest.mark.usefixtures("empty")
def test_what_is_shown_as_a_share_is_one(province: Played):
    """A rate divided by its capacity, and not by 8 and then multiplied: from 0 to some times the whole."""
    wrong = []
    for name in names():
        chosen = choices(province, name)
        for panel in panels(board(f"vi/{name}")):
            if panel["fieldConfig"]["defaults"]["unit"] != "percentunit":
                continue
            for target in panel["targets"]:
                answer = province.prometheus.get("/api/v1/query", query=filled_in(target["expr"], chosen))
                values = [float(row["value"][1]) for row in answer["result"]]
                if not all(0 <= value <= SHARE_AT_MOST for value in values):
                    wrong.append(f"{name}: {panel['title']} ({target['refId']}): {min(values)} to {max(values)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("empty")
def test_a_province_that_nobody_watches_is_not_calm(province: Played):
    """No 0 of what is down or open: no answer at all. Lines drawn for comparison have no family in them."""
    wrong = []
    for each in asked():
        if each.kind != "panel" or each.dashboard == "itself" or "netmon_" not in each.expr:
            continue
        chosen = choices(province, each.dashboard) | {"province": "99"}
        answer = province.prometheus.get("/api/v1/query", query=filled_in(each.expr, chosen))
        wrong += [f"{each.dashboard}: {each.where}: {row['value'][1]}" for row in answer["result"]]
    assert not wrong, "\n".join(wrong)


def test_what_may_be_empty_is_still_there():
    """The list of exceptions names nothing that is gone."""
    assert set(EMPTY) <= {(each.dashboard, each.where) for each in asked()}

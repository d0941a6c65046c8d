"""The expressions of the dashboards: what Prometheus takes, of families that netmon has, by labels that they have.

Among them are the useful rules of Grafana's own dashboard linter. Those that ask for `job` and `instance` in every
expression are kept out: two netmons may watch one province, and a dashboard shows the province.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import peers
from tests.grafana import promql
from tests.grafana.boards import (
    FAMILIES,
    PROMETHEUS_OWN,
    SCRAPED,
    Asked,
    asked,
    board,
    boxes,
    filled_in,
    in_both,
    labels_of,
    labels_of_metric,
    metrics,
    names,
    of_variable,
    panels,
    variables_in,
)

GROWING = {"rate", "increase"}
OVER_COUNTERS = GROWING | {"resets", "changes", "count_over_time", "absent", "absent_over_time", "timestamp"}
RANGE = re.compile(r"\$__rate_interval|\$__range|(?:\d+(?:ms|[smhdwy]))+(?::(?:\d+(?:ms|[smhdwy]))*)?")
LIMITS = re.compile(r"_limit\b|_capacity_bytes_per_second\b|_limit_dbm\b|_error_budget_seconds\b")
RULES = peers.ROOT / "deploy" / "prometheus" / "rules"


@cache
def choices(name: str) -> dict[str, str]:
    """Something for each variable of a dashboard."""
    return {variable["name"]: "x" for variable in board(f"vi/{name}")["templating"]["list"]}


def trees() -> Iterator[tuple[Asked, promql.Node]]:
    return ((each, promql.read(each.expr)) for each in asked())


def says(each: Asked, what: object) -> str:
    return f"{each.dashboard}: {each.where}: {what}\n    {each.expr[:400]}"


def test_prometheus_understands_every_expression(promtool: Path, tmp_path: Path):
    """promtool reads each as the expression of a rule; Grafana's variables are filled in."""
    told = asked()
    rules = [
        {"record": f"dashboard:expression_{n}", "expr": filled_in(each.expr, choices(each.dashboard))}
        for n, each in enumerate(told)
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", "--lint=none", path], capture_output=True, text=True)
    wrong = {int(number) for number in re.findall(r'"dashboard:expression_(\d+)"', done.stderr)}
    assert done.returncode == 0, "\n".join([*(says(told[n], "") for n in sorted(wrong)), done.stderr])


def test_every_metric_is_in_the_catalogue():
    """A name that netmon does not have is a panel that stays empty for good."""
    wrong = [
        says(each, selector.name or "a selector without a family")
        for each, tree in trees()
        for selector in promql.selectors(tree)
        if selector.name not in metrics() and not selector.name.startswith("process_")
    ]
    assert not wrong, "\n".join(wrong)


def test_every_label_is_one_that_the_family_has():
    """What is selected, grouped by or matched on; and two sides of a sum have the same labels, or say which count."""
    wrong: list[str] = []
    for each, tree in trees():
        promql.labels_of(tree, labels_of_metric, lambda what, each=each: wrong.append(says(each, what)))
    assert not wrong, "\n".join(wrong)


def test_what_a_legend_or_a_column_says_comes_out_of_the_expression():
    """{{label}} of a label that was aggregated away is an empty name, a column without one an empty column."""
    wrong = []
    for each, tree in trees():
        there = labels_of(tree)
        if there is None:
            continue
        if each.kind == "panel":
            texts = each.target["legendFormat"]
        elif each.kind == "annotation":
            texts = each.target["titleFormat"] + each.target["textFormat"] + each.target["tagKeys"]
        else:
            _, label = of_variable(each.target["query"]["query"])
            texts = f"{{{{{label}}}}}" if label else ""
            texts += "".join(f"{{{{{name}}}}}" for name in re.findall(r'(\w+)="\(\?<', each.target["regex"]))
        missing = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", texts)) - there
        if missing:
            wrong.append(says(each, f"says {', '.join(missing)} of {', '.join(sorted(there)) or 'no label'}"))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("key", in_both())
def test_a_column_of_a_table_is_a_label_or_a_value_of_one_of_its_queries(key: str):
    """The one that is not would be missing without a word."""
    for panel in panels(board(key)):
        kinds = [step["id"] for step in panel["transformations"]]
        if panel["type"] != "table" or set(kinds) - {"merge", "filterFieldsByName", "organize", "sortBy", "configFromData"}:
            continue
        there = {"Time"}
        for target in panel["targets"]:
            tree = promql.read(target["expr"])
            there |= labels_of(tree) or set()
            there.add("Value" if len(panel["targets"]) == 1 else f"Value #{target['refId']}")
        for step in panel["transformations"]:
            options = step["options"]
            columns = set(options.get("include", {}).get("names", ())) | set(options.get("renameByName", ()))
            assert columns <= there, f"{panel['title']}: {sorted(columns - there)}"


@pytest.mark.parametrize("key", in_both())
def test_a_link_of_a_series_reads_labels_that_the_series_has(key: str):
    for panel in panels(board(key)):
        links = panel["fieldConfig"]["defaults"]["links"]
        read = {label for link in links for label in re.findall(r"__field\.labels\.(\w+)", link["url"])}
        linked = [target for target in panel["targets"] if not target.get("hide") and is_linked(panel, target)]
        for target in linked if read else ():
            there = labels_of(target["expr"])
            missing = sorted(read - there) if there is not None else []
            assert not missing, f"{panel['title']} ({target['refId']}) has no {', '.join(missing)}"


def is_linked(panel: dict[str, Any], target: dict[str, Any]) -> bool:
    """Unless an override gives the fields of that query other links."""
    return not any(
        each["matcher"] == {"id": "byFrameRefID", "options": target["refId"]}
        and any(one["id"] == "links" for one in each["properties"])
        for each in panel["fieldConfig"]["overrides"]
    )


def test_counters_are_only_read_by_how_fast_they_grow():
    """By rate or increase over $__rate_interval, $__range or a range that is written; and nothing else is read so."""
    wrong = []
    for each, tree in trees():
        for part, above in promql.walk(tree):
            if part.kind != "selector" or part.name not in metrics():
                continue
            family = FAMILIES.get(part.name)
            growing = (family.kind == "counter") if family else part.name not in PROMETHEUS_OWN
            by = above.name if above and above.kind == "call" else ""
            if growing and by not in OVER_COUNTERS:
                wrong.append(says(each, f"{part.name} is read as it stands"))
            if not growing and by in GROWING:
                wrong.append(says(each, f"{by} of {part.name}, which is no counter"))
            if part.range and not RANGE.fullmatch(part.range):
                wrong.append(says(each, f"[{part.range}] misses samples when the step is short: [$__rate_interval]"))
    assert not wrong, "\n".join(wrong)


def test_nothing_is_asked_at_every_minute_of_a_month():
    """A subquery holds all its series at every step at once: Prometheus refuses more than fifty million samples."""
    wrong = [says(each, part.range) for each, tree in trees() for part, _ in promql.walk(tree) if part.name == "subquery"]
    assert not wrong, "\n".join(wrong)


def test_rates_are_taken_before_they_are_summed():
    """rate(sum(...)) sees a restart of one netmon as a fall of all; sum without rate of a histogram is nothing."""
    wrong = [
        says(each, f"{part.name} over {part.parts[0].name}")
        for each, tree in trees()
        for part, _ in promql.walk(tree)
        if part.kind == "call" and part.name in GROWING and part.parts[0].kind != "selector"
    ]
    assert not wrong, "\n".join(wrong)


def test_two_netmons_that_watch_one_province_are_shown_as_one():
    """What comes out of an expression of a province has neither job nor instance; netmon's own board may have."""
    wrong = []
    for each, tree in trees():
        there = labels_of(tree)
        if there and there & SCRAPED and each.dashboard != "itself" and each.kind == "panel":
            wrong.append(says(each, "shows each netmon's series"))
    assert not wrong, "\n".join(wrong)


def test_every_family_of_the_network_is_asked_for_the_chosen_province_alone():
    """Each selector of a family with a province says $province, by itself or through a regular expression."""
    wrong = []
    for each, tree in trees():
        for selector in promql.selectors(tree):
            family = FAMILIES.get(selector.name)
            if family is None or "province" not in family.labels or each.where == "$province":
                continue
            if not any(matcher.label == "province" and "province" in matcher.value for matcher in selector.matchers):
                wrong.append(says(each, f"{selector.name} of every province"))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", names())
def test_a_variable_with_several_values_is_matched_as_a_regular_expression(name: str):
    """Grafana writes two values as (a|b), which = never finds."""
    several = {
        each["name"] for each in board(f"vi/{name}")["templating"]["list"] if each.get("multi") or each.get("includeAll")
    }
    for each in asked():
        if each.dashboard != name:
            continue
        for sign, value in re.findall(r'(=~|!~|!=|=)\s*"([^"]*)"', each.expr):
            if variables_in(value) & several:
                assert sign in ("=~", "!~"), says(each, value)


@pytest.mark.parametrize("key", in_both())
def test_thresholds_that_are_typed_are_states_or_shares_of_a_limit(key: str):
    """0 and 1 are states or the first of something (0.5 for increase(), which guesses); between them lies a share of a limit
    that the configuration has. Every other limit comes from a query."""
    for panel in boxes(board(key)):
        config = panel.get("fieldConfig")
        if config is None:
            continue
        told = [config["defaults"].get("thresholds")]
        told += [one["value"] for each in config["overrides"] for one in each["properties"] if one["id"] == "thresholds"]
        steps = {step["value"] for thresholds in told if thresholds for step in thresholds["steps"]}
        shares = {step for step in steps if step not in (None, 0, 1)}
        expressions = " ".join(target["expr"] for target in panel["targets"])
        shares -= {0.5} if "increase(" in expressions else set()
        assert not shares or (LIMITS.search(expressions) and all(0 < share <= 2 for share in shares)), (
            f"{panel['title']}: {sorted(shares)}"
        )


def test_the_reader_of_expressions_finds_what_is_wrong():
    """So that the tests above can fail."""
    heard: list[str] = []

    def hear(expression: str) -> promql.Labels:
        heard.clear()
        return promql.labels_of(promql.read(expression), labels_of_metric, heard.append)

    assert hear('max by (link) (netmon_link_up{province="04"}) * on (link) group_left (circuit) netmon_link_info') == {
        "link",
        "circuit",
    }
    assert not heard
    assert hear("sum by (reason) (rate(netmon_gaps_total[$__rate_interval])) > 0") == {"reason"}
    assert hear("histogram_quantile(0.95, sum by (le) (rate(netmon_poll_lateness_seconds_bucket[5m])))") == frozenset()
    assert hear("sum(netmon_site_on_battery) or vector(0)") == frozenset()
    assert not heard
    for wrong, why in {
        'netmon_link_up{operator="vnpt"}': "selected by operator",
        "sum by (operator) (netmon_link_up)": "groups by operator",
        "max by (site) (netmon_link_up) * on (link) netmon_link_up": "on its left, on link",
        "netmon_link_up * on (link) group_left (name) netmon_link_info": "takes name",
        "netmon_link_up / netmon_link_capacity_bytes_per_second": "one alone has direction",
        "histogram_quantile(0.9, sum by (site) (netmon_link_up))": "reads le",
    }.items():
        hear(wrong)
        assert any(why in said for said in heard), (wrong, heard)
    with pytest.raises(promql.PromqlError):
        promql.read("sum(netmon_link_up")

"""A reload that changes an operator, a circuit, a name or a cause: for five minutes two info series tell of one thing.

promtool plays a small Prometheus with a series for every selector of the dashboards, and each info family twice; it runs
each expression as a rule, which fails where Prometheus would answer "duplicate series" and a panel would show nothing.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from grafana import places
from netmon.catalogue import DEVICE
from tests.grafana import promql
from tests.grafana.boards import Asked, Json, asked, board, filled_in, metrics, variables_in

BY = {
    "commune": ("province", "commune"),
    "site": ("province", "commune", "site"),
    "link": ("province", "commune", "site", "link"),
    "link_end": ("province", "commune", "site", "link", "end"),
    "device": ("province", "commune", "site", "device"),
    "target": ("target",),
    "incident": ("province", "root_kind"),
    "incident_commune": ("province", "commune"),
    "storm": ("province", "storm"),
    "maintenance": ("province", "maintenance"),
}
"""What an info family tells of, so that its other labels may change. A commune may be hit by two incidents, and two may have
one kind of root."""
NONE: list[Json] = []
ROOTS = ("commune", "site", "link", "device")


def infos() -> Iterator[tuple[str, tuple[str, ...]]]:
    return (
        (f"netmon_{name}_info", tuple(sorted(set(DEVICE[f"netmon_{name}_info"].labels) - set(kept))))
        for name, kept in BY.items()
    )


def chosen(name: str) -> dict[str, str]:
    """x in each variable, and all where all can be chosen."""
    return {each["name"]: each.get("allValue", "x") for each in board(f"vi/{name}")["templating"]["list"]}


def written(family: str, labels: dict[str, str]) -> str:
    return f"{family}{{{', '.join(f'{label}={chr(34)}{value}{chr(34)}' for label, value in sorted(labels.items()))}}}"


def of_selector(selector: promql.Node) -> dict[str, str]:
    """Labels that the selector finds: what it asks for, and x for all others."""
    asked_for = dict.fromkeys(metrics()[selector.name] or (), "x")
    for label, sign, value in selector.matchers:
        if sign in ("=", "=~"):
            asked_for[label] = "x" if variables_in(value) or not value.strip(".*+") else value.split("|")[0]
    return asked_for


def played(told: list[Asked]) -> dict[str, str]:
    """A series for each selector, with its values; those of info families twice, as before and after a change."""
    changing = dict(infos())
    found: dict[str, str] = {}
    for each in told:
        for selector in promql.selectors(promql.read(each.expr)):
            if selector.name not in metrics() or metrics()[selector.name] is None:
                continue
            labels = of_selector(selector)
            fixed = {matcher.label for matcher in selector.matchers if matcher.sign == "="}
            other = {label: f"other-{label}" for label in changing.get(selector.name, ()) if label not in fixed}
            for version in (labels, labels | other):
                found[written(selector.name, version)] = "1+0x60"
    for kind in ROOTS:
        labels = dict.fromkeys((*DEVICE["netmon_incident_info"].labels, "job", "instance"), "x") | {"root_kind": kind}
        for family in ("netmon_incident_info", "netmon_incident_start_timestamp_seconds"):
            kept = {name: value for name, value in labels.items() if name in (*DEVICE[family].labels, "job", "instance")}
            found[written(family, kept)] = "1+0x60"
    return found


def outcome(promtool: Path, home: Path, series: dict[str, str], *, expect: list[Json], rules: list[Json] = NONE) -> str:
    """What promtool says of rules and expectations at series with a value a minute; nothing if all is well."""
    (home / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": list(rules)}]}))
    one = {"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series.items()]}
    told = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [one | {"promql_expr_test": list(expect)}]}
    (home / "test.yml").write_text(yaml.safe_dump(told))
    done = subprocess.run([promtool, "test", "rules", home / "test.yml"], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def expected(expr: str, at: str, **samples: float) -> Json:
    """That an expression of any province has these values, by what its labels say."""
    told = [{"labels": f"{{{labels}}}", "value": value} for labels, value in samples.items()]
    return {"expr": filled_in(expr, {"province": ".*"}), "eval_time": at, "exp_samples": told}


def test_two_info_series_of_one_thing_break_no_panel(promtool: Path, tmp_path: Path):
    told = asked()
    rules = [
        {"record": f"dashboard:expression_{n}", "expr": filled_in(each.expr, chosen(each.dashboard))}
        for n, each in enumerate(told)
    ]
    looked = [{"expr": "vector(1)", "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": 1}]}]
    said = outcome(promtool, tmp_path, played(told), rules=rules, expect=looked)
    failed = dict(re.findall(r"rule: dashboard:expression_(\d+), time: [^,]*, err: (.*)", said))
    assert [f"{told[int(n)].dashboard}: {told[int(n)].where}: {why}" for n, why in failed.items()] == []
    assert not said


def test_what_is_said_now_goes_before_what_was_said_and_a_restart_takes_nothing_away(promtool: Path, tmp_path: Path):
    here = 'province="04", commune="c", site="s"'
    series = {
        f'netmon_link_info{{{here}, link="changed", operator="vnpt"}}': "1 1 stale",
        f'netmon_link_info{{{here}, link="changed", operator="viettel"}}': "_ _ 1+0x10",
        f'netmon_link_info{{{here}, link="gone for a while", operator="vnpt"}}': "1 1 stale",
    }
    of_each = {'link="changed", operator="viettel"': 1.0, 'link="gone for a while", operator="vnpt"': 1.0}
    said = expected(places.info("link", "operator"), "4m", **of_each)
    of_one = expected(
        places.info("link", "operator", operator="vnpt"), "4m", **{'link="gone for a while", operator="vnpt"': 1.0}
    )
    assert outcome(promtool, tmp_path, series, expect=[said, of_one]) == ""
    wrong = expected(places.info("link", "operator"), "4m", **{'link="changed", operator="vnpt"': 1.0})
    assert "FAILED" in outcome(promtool, tmp_path, series, expect=[wrong])


def test_a_commune_has_the_incident_that_cuts_it_off_before_one_whose_root_lies_in_it(promtool: Path, tmp_path: Path):
    """Wherever the root of that lies; without one it has its own."""
    series = {}
    for root, cause, start in (("far-router", "power", 100), ("own-camera", "equipment", 200), ("quiet", "works", 300)):
        root_of = f'province="04", root_kind="device", root="{root}"'
        facts = f'incident="{root}", cause="{cause}", operator="", circuit=""'
        series[f"netmon_incident_info{{{root_of}, {facts}}}"] = "1+0x10"
        series[f"netmon_incident_start_timestamp_seconds{{{root_of}}}"] = f"{start}+0x10"
    cut_off = 'province="04", root_kind="device", root="far-router", cause="power", commune="cut-off"'
    series[f"netmon_incident_commune_info{{{cut_off}}}"] = "1+0x10"
    for device, commune in (("far-router", "elsewhere"), ("own-camera", "cut-off"), ("quiet", "calm")):
        series[f'netmon_device_info{{province="04", commune="{commune}", site="s", device="{device}"}}'] = "1+0x10"
    expr = f"max by (commune, incident, cause) ({places.INCIDENT_OF_COMMUNE})"
    causes = {
        "cut-off": ("far-router", "power", 100),
        "elsewhere": ("far-router", "power", 100),
        "calm": ("quiet", "works", 300),
    }
    told = {f'commune="{c}", incident="{i}", cause="{cause}"': float(at) for c, (i, cause, at) in causes.items()}
    assert outcome(promtool, tmp_path, series, expect=[expected(expr, "4m", **told)]) == ""


def test_a_site_whose_batteries_are_empty_is_called_dark_and_stands_last(promtool: Path, tmp_path: Path):
    """One that still answers and cannot be told of stands before all, without a figure."""
    series = {}
    for site, answers in (("dark", 0), ("soon", 1), ("untold", 1)):
        of = f'province="x", commune="c", site="{site}"'
        series[f"netmon_site_on_battery{{{of}}}"] = "1+0x10"
        series[f'netmon_device_up{{{of}, device="{site}"}}'] = f"{answers}+0x10"
    series['netmon_site_dark_seconds{province="x", commune="c", site="soon", bound="likely"}'] = "600+0x10"
    found = [each for each in asked() if each.dashboard == "storm" and each.where == "Hết nguồn tiếp theo (B)"]
    expr = filled_in(found[0].expr, {"province": "x"})
    told = {f'province="x", commune="c", site="{site}"': value for site, value in (("soon", 600.0), ("dark", float("inf")))}
    assert outcome(promtool, tmp_path, series, expect=[expected(expr, "4m", **told)]) == ""

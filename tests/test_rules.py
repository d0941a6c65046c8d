"""The rules of Prometheus: each alert fires when it must and only then, says it in both languages, and has its page.

promtool runs the tests of `deploy/prometheus/tests/`; what it cannot know (whether a metric exists, whether a command does)
is asked here.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from netmon import catalogue, cli
from tests import peers

HERE = peers.ROOT / "deploy" / "prometheus"
RULES = sorted((HERE / "rules").glob("*.yml"))
TESTS = sorted((HERE / "tests").glob("*.yml"))
RUNBOOKS = peers.ROOT / "docs" / "runbooks"
SEVERITIES = {"page", "ticket", "storm", "none"}
TEXTS = ("summary_vi", "description_vi", "summary_en", "description_en")
OF_A_LINK = {"circuit", "operator"}
VIETNAMESE = re.compile("[ăâđêôơưàáạảãầấậẩẫằắặẳẵèéẹẻẽềếệểễìíịỉĩòóọỏõồốộổỗờớợởỡùúụủũừứựửữỳýỵỷỹ]", re.IGNORECASE)


def rules() -> list[dict[str, Any]]:
    documents = (yaml.safe_load(path.read_text()) for path in RULES)
    return [rule for document in documents for group in document["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDS = {rule["record"] for rule in rules() if "record" in rule}


@cache
def cases() -> list[dict[str, Any]]:
    return [case for path in TESTS for case in yaml.safe_load(path.read_text())["tests"]]


def test_promtool_takes_the_rules(promtool: Path):
    done = subprocess.run([promtool, "check", "rules", *RULES], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("SUCCESS") == len(RULES)


def test_promtool_sees_each_alert_do_what_it_must(promtool: Path):
    """All files at once: one keeps one core busy. What it computes lives shortly: GOGC saves a quarter of the time."""

    env = {**os.environ, "GOGC": "800", "GOMAXPROCS": "1"}

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, env=env)

    with ThreadPoolExecutor() as pool:
        for done in pool.map(run, TESTS):
            assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_in_both_languages_and_where_to_read_on(name: str):
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in SEVERITIES
    texts = alert["annotations"]
    assert set(texts) - OF_A_LINK == {*TEXTS, "runbook_url"}
    about_a_link = re.search(r"netmon_(link|incident)_info", texts["description_en"])
    assert set(texts) & OF_A_LINK == (OF_A_LINK if about_a_link else set())
    for text in TEXTS:
        assert bool(VIETNAMESE.search(re.sub(r"\{\{.*?\}\}", "", texts[text]))) == text.endswith("_vi"), text
    assert texts["runbook_url"] == f"https://netmon.example/docs/runbooks/{name}.md"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_firing_silent_and_in_its_words(name: str):
    """A test sees it fire, one sees it not fire where it did or could, and one reads its annotations."""
    fires, silent, worded = False, name == "NetmonHeartbeat", False
    for case in cases():
        for check in case.get("promql_expr_test", ()):
            if f'alertname="{name}"' in check["expr"]:
                fires |= bool(check["exp_samples"])
                silent |= not check["exp_samples"]
        for check in case.get("alert_rule_test", ()):
            if check["alertname"] == name:
                (expected,) = check["exp_alerts"]
                worded = set(expected["exp_annotations"]) == set(ALERTS[name]["annotations"])
                assert not re.search(
                    r"error (expanding|executing)|<no value>|\{\{|\( ?\)", " ".join(expected["exp_annotations"].values())
                )
    assert (fires, silent, worded) == (True, True, True)


def test_only_metrics_that_exist_are_named_with_labels_that_they_have():
    """In rules, in what annotations look up, and in the series of the tests."""
    families = {**catalogue.DEVICE, **catalogue.OWN}
    texts = [rule["expr"] for rule in rules()]
    texts += [text.replace('\\"', '"') for alert in ALERTS.values() for text in alert["annotations"].values()]
    texts += [series["series"] for case in cases() for series in case["input_series"]]
    named = set()
    for text in texts:
        for name, selector in re.findall(r"(?<![\w:])(netmon_\w+)(\{[^}]*\})?", text):
            family = families.get(name) or families.get(name.removesuffix("_bucket"))
            assert family, name
            extra = {"instance", "le"} if name != family.name else {"instance"}
            labels = set(re.findall(r"(\w+) ?(?:=~|!=|=)", selector))
            assert labels <= {*family.labels, *extra}, (name, labels)
            named.add(name)
        assert set(re.findall(r"\w+:netmon_\w+", text)) <= RECORDS, text
    assert len(named) > 40


def test_each_record_is_used():
    used = " ".join(rule["expr"] for rule in rules()) + " ".join(str(alert["annotations"]) for alert in ALERTS.values())
    assert not [name for name in RECORDS if not re.search(rf"{name}\b", used)]


def test_a_page_survives_a_restart_of_netmon():
    """Nothing about the network is read only as it stands this instant: a restart takes it away."""
    for rule in rules():
        about_network = re.findall(r"(last_over_time\()?(netmon_\w+)", rule["expr"])
        for over_time, name in about_network:
            # What is only ever too far ahead is no less so when it is not there for a while.
            if name in catalogue.DEVICE and name != "netmon_device_last_poll_timestamp_seconds":
                held = over_time or f"or (last_over_time({name}" in rule["expr"]
                assert held, (rule.get("alert") or rule.get("record"), name)


def test_every_alert_has_its_page_and_every_page_its_alert():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*ALERTS, "README"}
    index = (RUNBOOKS / "README.md").read_text()
    for name in ALERTS:
        page = (RUNBOOKS / f"{name}.md").read_text()
        assert f"[{name}]({name}.md)" in index
        assert page.startswith(f"# {name}\n")
        assert f"`severity: {ALERTS[name]['labels']['severity']}`" in page
        assert page.index("## Tiếng Việt") < page.index("## English")
        for heading in ("Nghĩa là gì", "Kiểm tra", "Làm gì", "What it means", "What to check", "What to do"):
            assert f"**{heading}**" in page, heading


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every command by its words: "report", "report speed"."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                found[word] = below
                found |= {f"{word} {words}": each for words, each in commands(below).items()}
    return found


def test_runbooks_and_annotations_name_only_commands_that_there_are():
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for name in cli.COMMANDS:
        import_module(f"netmon.cli.{name}").add(subparsers)
    known = commands(parser)
    parents = {words.rpartition(" ")[0] for words in known} - {""}
    texts = {path.name: path.read_text() for path in (*RUNBOOKS.glob("*.md"), peers.ROOT / "docs" / "paging.md")}
    said = {name: re.findall(r"`netmon ([^`]+)`", text) for name, text in texts.items()}
    for name, alert in ALERTS.items():
        for text in alert["annotations"].values():
            said.setdefault(name, []).extend(re.findall(rf"\bnetmon ((?:{'|'.join(known)})\b[^;]*)", text))
    for name, lines in said.items():
        for line in lines:
            words = re.findall(r"^[a-z-]+|(?<= )[a-z]+(?= |$)", line)
            if words[:1] == ["--version"] or line.startswith("--"):
                continue
            two = " ".join(words[:2])
            asked = two if two in known else words[0]
            # A command of verbs needs one of them; `netmon calendar` alone is today.
            assert asked in known, f"{name}: netmon {line}"
            assert asked not in parents - {"calendar"}, f"{name}: netmon {line}"
            below = known[asked]
            options = {option for action in below._actions for option in action.option_strings}
            assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", line)) <= options, f"{name}: netmon {line}"
    assert sum(map(len, said.values())) > 150


def test_prometheus_finds_the_rules_and_the_alertmanager():
    configuration = yaml.safe_load((HERE / "prometheus.yml").read_text())
    assert [set(HERE.glob(pattern)) for pattern in configuration["rule_files"]] == [set(RULES)]
    (alertmanager,) = configuration["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": ["127.0.0.1:9093"]}]
    (job,) = configuration["scrape_configs"]
    assert f'up{{job="{job["job_name"]}"}}' in ALERTS["NetmonAbsent"]["expr"]


def test_prometheus_takes_the_lines_for_tls_and_a_token(promtool: Path, tmp_path: Path):
    """Those that stand there commented out, with files in the places that they name."""
    marked = re.compile(r"^    # (?=(?:  )?[a-z_]+:(?: |$))", re.MULTILINE)
    text, count = marked.subn("    ", (HERE / "prometheus.yml").read_text())
    job = yaml.safe_load(text)["scrape_configs"][0]
    assert (job["scheme"], count) == ("https", 7)
    for place in (*job["tls_config"].values(), *job["authorization"].values()):
        file = tmp_path / Path(place).relative_to("/etc/prometheus")
        file.parent.mkdir(exist_ok=True)
        file.touch()
    changed = tmp_path / "prometheus.yml"
    changed.write_text(text.replace("/etc/prometheus", str(tmp_path)).replace("rules/*.yml", f"{HERE}/rules/storms.yml"))
    done = subprocess.run([promtool, "check", "config", changed], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

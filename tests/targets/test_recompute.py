"""What a verdict rests on can be handed to somebody with only Python: the script agrees with every rule, and tells what was
tampered with."""

from __future__ import annotations

import ast
import csv
import json
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from netmon.evidence import audit, write
from netmon.model import Standing
from netmon.store import Frozen, Store, dump_verdict
from netmon.targets import definitions
from tests.targets import histories
from tests.targets.histories import AVAILABILITY, PARTS, POOLED, RESTORATION, Made
from tests.targets.made import NOW, SHARE, NoMeter

RULES = [Path(audit.__file__).with_name(f"audit_{name}.py") for name in ("rules", "slopes", "told")]
SHORT = Path(__file__).resolve().parents[2] / "scripts" / "recompute"
SCRIPT = Path(audit.__file__)
COUNT, FEW = 12, 6
"""Parts of each rule, and of one that takes long."""
LONG = ("percentile", "daily", "trend", "month")
SEEN = {
    "percentile": {"met", "at_risk", "missed", "unproven"},
    "daily": {"met", "at_risk", "missed", "unproven"},
    "trend": {"met", "at_risk"},
    "month": {"missed", "at_risk"},
    "availability": {"met", "at_risk", "missed", "unproven"},
    "link_up": {"met", "missed", "unproven"},
    "latency": {"met", "at_risk", "missed", "unproven"},
    "loss": {"met", "missed", "unproven"},
    "restoration": {"met", "at_risk", "missed"},
    "capacity": {"met", "missed", "unproven"},
    "redundancy": {"met", "missed", "unproven"},
    "growth": {"met", "missed", "unproven"},
    "backup_drill": {"met", "at_risk", "unproven"},
    "radio_availability": {"met", "at_risk", "missed", "unproven", "exempt"},
    "environment": {"met", "at_risk", "missed", "unproven", "exempt"},
    "optical_margin": {"met", "at_risk", "missed", "unproven", "exempt"},
}
"""The standings that the histories of a rule come to, at least."""


@contextmanager
def store_at(path):
    """A store in which netmon was away for a while."""
    with Store.open(path, NoMeter()) as store:
        store.record_start(histories.MONTH.start - 1e6)
        store.heartbeat(NOW - 9e5)
        store.record_start(NOW - 9e5 + 3000)
        yield Made(store, random.Random(7))


@pytest.fixture
def made(tmp_path):
    with store_at(tmp_path / "netmon.db") as made:
        yield made


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    """The folder of a commune in which a rule judges several parts, and their standings, made once for each rule."""

    @cache
    def of(rule):
        home, (target, part) = tmp_path_factory.mktemp(rule), PARTS[rule]
        with store_at(home / "netmon.db") as made:
            parts = [part(made, i) for i in range(FEW if rule in LONG else COUNT)]
            hand_over(made, histories.commune_of(target, "01273", parts), parts, [target], home / "out")
        return home / "out", [each.standing.value for each in parts]

    return of


def hand_over(made, top, told, targets, out):
    known = {target.id: target for target in targets}
    write(histories.tree(top, told, known), out, made.sources(), known, "vi")
    return out


def run(folder, script=SCRIPT):
    """Without site packages and away from the project: only the standard library is there."""
    argv = [sys.executable, "-I", "-S", str(script), str(folder)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")


def renew(folder):
    """The hashes, as somebody would who tampers."""
    for sums in sorted(folder.rglob("SHA256SUMS"), reverse=True):
        names = [line[66:] for line in sums.read_text().splitlines()]
        lines = [f"{sha256((sums.parent / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
        sums.write_text("".join(lines))


def beside(found):
    """The figures that are told beside the one that is judged."""
    return sum(line.startswith(("  raw ", "  without_declared ")) for line in found.stdout.splitlines())


@pytest.mark.parametrize("rule", PARTS)
def test_a_script_without_netmon_agrees_with_every_rule(handed, rule):
    folder, standings = handed(rule)
    assert set(standings) >= SEEN[rule]
    found = run(folder)
    assert found.returncode == 0, found.stdout + found.stderr
    judged = len(standings) - standings.count("exempt") + 1
    assert found.stdout.count("agrees") == 4 * judged + beside(found) + 1
    assert (beside(found) > 0) == (rule in ("availability", "link_up", "restoration", "radio_availability"))
    assert "taken as stated" not in found.stdout
    found = run(folder, SHORT)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("agrees") == judged


@pytest.fixture
def province(made):
    """Sites of as many communes, judged for availability and restoration, and what follows for their province."""
    told = {
        target.id: [part(made, i) for i in range(COUNT)] for target, part in (PARTS["availability"], PARTS["restoration"])
    }
    communes = {
        target.id: [histories.commune_of(target, f"{i:05}", [part]) for i, part in enumerate(told[target.id])]
        for target in (AVAILABILITY, RESTORATION)
    }
    share = histories.share_of(communes[AVAILABILITY.id])
    pool = histories.pool_of({f"{i:05}": [part] for i, part in enumerate(told[RESTORATION.id])})
    return (
        share,
        pool,
        [*told[AVAILABILITY.id], *told[RESTORATION.id], *communes[AVAILABILITY.id], *communes[RESTORATION.id]],
    )


def test_it_agrees_on_a_province_down_to_every_site(made, province, tmp_path):
    share, pool, told = province
    for top, name in ((share, "share"), (pool, "pooled")):
        folder = hand_over(made, top, told, [AVAILABILITY, RESTORATION, SHARE, POOLED], tmp_path / name)
        found = run(folder, folder / "recompute.py")
        assert found.returncode == 0, found.stdout + found.stderr
        found = run(folder, folder / "audit.py")
        assert found.returncode == 0, found.stdout + found.stderr
        assert found.stdout.count("agrees") == 4 * (2 * COUNT + 1) + beside(found) + 1
        assert "taken as stated" not in found.stdout
        assert run(folder / "commune-00003").returncode == 0
        part = (folder / "commune-00003" / "parts.csv").read_text().replace(",missed,", ",met,").replace(",met,", ",missed,")
        (folder / "commune-00003" / "parts.csv").write_text(part.replace("up-3", "up-4"))
        assert run(folder).returncode == 1


# --- what was tampered with -------------------------------------------------------------------------------------------

TAMPERED = {
    "percentile": ("slots.csv", "near_receive", lambda cell: repr(float(cell) * 1.5) if cell else ""),
    "trend": ("peaks.csv", "receive", lambda cell: "1.0" if cell else ""),
    "availability": ("states.csv", "end", lambda cell: repr(float(cell) - 5)),
    "latency": ("echoes.csv", "rtt_mean_s", lambda cell: repr(float(cell) / 2) if cell else ""),
    "loss": ("echoes.csv", "answered", lambda cell: str(max(0, int(cell) - 1))),
    "restoration": ("outages.csv", "start", lambda cell: repr(float(cell) - 9e4)),
    "capacity": ("capacities.csv", "receive", lambda cell: repr(float(cell) * 0.9)),
    "redundancy": ("links.csv", "srlg", lambda cell: "one"),
    "growth": ("capacities.csv", "receive", lambda cell: "1.0"),
    "backup_drill": ("slots.csv", "near_receive", lambda cell: "1e6"),
    "radio_availability": ("cells.csv", "start", lambda cell: repr(float(cell) + 5) if cell else ""),
    "environment": ("summaries.csv", "mean", lambda cell: "39.0"),
    "optical_margin": ("summaries.csv", "least", lambda cell: repr(float(cell) - 0.1)),
}


@pytest.mark.parametrize("rule", TAMPERED)
def test_a_changed_table_fails_by_its_hash_and_with_new_hashes_by_its_figures(handed, tmp_path, rule):
    name, column, change = TAMPERED[rule]
    folder = Path(shutil.copytree(handed(rule)[0], tmp_path / "out"))
    for path in folder.rglob(name):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row[column] = change(row[column])
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0] if rows else [column])
            writer.writeheader()
            writer.writerows(rows)
    found = run(folder)
    assert (found.returncode, "is not the file that was written" in found.stdout) == (1, True)
    assert name in run(folder, SHORT).stderr
    renew(folder)
    for script in (SCRIPT, SHORT) if rule != "trend" else (SCRIPT,):  # the trend is no figure, but when it will be one
        found = run(folder, script)
        assert (found.returncode, "DIFFERS" in found.stdout) == (1, True), found.stdout + found.stderr
        assert "not the file" not in found.stdout + found.stderr


def test_a_file_that_was_slipped_in_is_told(made, tmp_path):
    target, part = PARTS["redundancy"]
    folder = hand_over(made, part(made, 0), [], [target], tmp_path / "out")
    (folder / "more.csv").write_text("a\n")
    found = run(folder)
    assert (found.returncode, "more.csv: is not listed" in found.stdout) == (1, True)


def test_an_exemption_that_the_target_does_not_give_is_told(made, tmp_path):
    target, part = PARTS["redundancy"]
    verdict = replace(part(made, 0), standing=Standing.EXEMPT, evidence={"rule": target.rule, "exempt": "storm"})
    for reasons, code in (({verdict.subject.id: "storm"}, 0), ({}, 1)):
        folder = hand_over(made, verdict, [], [replace(target, exempt=reasons)], tmp_path / str(code))
        assert run(folder).returncode == code


@pytest.mark.parametrize(("reason", "code"), [("another_kind", 0), ("nothing_there", 1)])
def test_only_an_optional_target_exempts_where_nothing_is_there(made, tmp_path, reason, code):
    target, part = PARTS["redundancy"]  # which is not optional
    verdict = replace(part(made, 0), standing=Standing.EXEMPT, evidence={"rule": target.rule, "exempt": reason})
    assert run(hand_over(made, verdict, [], [target], tmp_path / "out")).returncode == code


@pytest.mark.parametrize("rule", ["radio_availability", "environment", "optical_margin"])
def test_what_nothing_is_told_of_is_exempt_down_to_its_parts_and_only_then(made, tmp_path, rule):
    """A commune all of whose parts are exempt is; tables that hold something say that it is not."""
    target, part = PARTS[rule]
    parts = [part(made, i) for i in (10, 11)]
    assert {each.standing for each in parts} == {Standing.EXEMPT}
    commune = histories.commune_of(target, "01273", parts)
    assert (commune.standing, commune.evidence["exempt"]) == (Standing.EXEMPT, parts[0].evidence["exempt"])
    folder = hand_over(made, commune, parts, [target], tmp_path / "out")
    assert len(list(folder.glob("*/verdict.json"))) == 2
    assert run(folder).returncode == run(folder, SHORT).returncode == 0
    told = part(made, 0)
    claimed = replace(parts[0], subject=told.subject)
    folder = hand_over(made, claimed, [], [target], tmp_path / "claimed")
    found = run(folder)
    assert (found.returncode, f"{told.subject.id} is not exempt" in found.stdout) == (1, True)


def test_a_folder_that_lacks_a_table_fails_in_a_sentence(made, tmp_path):
    target, part = PARTS["redundancy"]
    folder = hand_over(made, part(made, 1), [], [target], tmp_path / "out")
    (folder / "links.csv").unlink()
    found = run(folder)
    assert (found.returncode, found.stderr) == (1, "")
    assert "links.csv: is not the file" in found.stdout
    assert "out: cannot be recomputed: FileNotFoundError" in found.stdout


def test_the_verdict_of_a_closed_month_is_held_to_the_hash_under_which_it_was_frozen(made, tmp_path):
    target, part = PARTS["availability"]
    verdict = part(made, 1)
    body = dump_verdict(verdict)
    frozen = Frozen(verdict, 1, NOW, sha256(body.encode()).hexdigest(), body)
    folder = hand_over(made, frozen, [], [target], tmp_path / "out")
    assert run(folder).returncode == 0
    path = folder / "verdict.json"
    told = json.loads(path.read_text())
    told["verdict"]["evidence"]["outage_count"] += 1
    path.write_text(json.dumps(told))
    renew(folder)
    found = run(folder)
    assert (found.returncode, "does not hold the verdict that was frozen" in found.stdout) == (1, True)


def test_another_limit_than_the_one_judged_by_is_told(made, tmp_path):
    target, part = PARTS["availability"]
    folder = hand_over(made, part(made, 0), [], [replace(target, limit=0.9)], tmp_path / "out")
    assert "limit     stated 0.995" in (found := run(folder)).stdout
    assert found.returncode == 1


# --- the script -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [SCRIPT, SHORT])
def test_it_says_in_a_sentence_what_it_cannot_recompute(tmp_path, script):
    found = run(tmp_path, script)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert "is no folder that `netmon evidence` wrote" in found.stderr


@pytest.mark.parametrize(("script", "name"), [(SCRIPT, "audit"), (SHORT, "recompute")])
def test_it_explains_itself(script, name):
    found = run("--help", script)
    assert (found.returncode, found.stderr) == (0, "")
    assert f"usage: {name} DIR" in found.stdout


@pytest.mark.parametrize("script", [SCRIPT, *RULES, SHORT])
def test_it_is_a_program_for_any_python_and_imports_only_what_comes_with_it(script):
    tree = ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_every_rule_and_every_standing_is_known_to_it():
    rules = {each.rule for each in vars(definitions).values() if isinstance(each, type) and hasattr(each, "rule")}
    assert set(audit.RULES) == rules
    assert set(audit.rules.WORST_FIRST) == {standing.value for standing in Standing} - {"exempt"}

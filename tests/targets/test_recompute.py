"""A verdict can be recomputed from the store by a script that knows nothing of netmon, and explained on the terminal."""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from netmon.cli import explain as command
from netmon.inventory import Inventory
from netmon.model import End, LinkKind, Octets, Slot, Standing, Subject
from netmon.store import Store
from netmon.targets.evaluate import Afresh, Timeline, evaluate
from netmon.targets.percentile import LinkRates
from tests.targets.made import FIRST_K, FULL, LAST_K, NOW, P95, SERVICE, SHARE, NoMeter, link, site

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "recompute"
HQ = Subject("site", "ub-01273")
LINK = Subject("link", "cb-01273-fibre")
TARGETS = """\
targets:
  - {id: tslcd_p95, level: commune, rule: percentile_utilisation, title: {vi: Lưu lượng đỉnh, en: Peak load}, window: 7d,
     limit: 90 %, basis: "Thông tư 06/2026/TT-BKHCN", basis_kind: statutory}
  - {id: availability, level: commune, rule: availability, title: {vi: Độ sẵn sàng, en: Availability}, limit: 99.5 %,
     basis: "QCVN 34:2019/BTTTT", basis_kind: proxy}
  - {id: province_up, level: province, rule: share, title: {vi: Tỷ lệ xã, en: Share of communes}, of: availability,
     limit: 95 %, basis: NOC, basis_kind: local}
"""
INVENTORY = """\
sites:
  - {id: core, name: Trung tâm, commune: "01273", kind: provincial_centre, devices: [{id: core-1, address: 127.0.0.1}]}
  - id: ub-01273
    name: UBND phường Thục Phán
    commune: "01273"
    kind: peoples_committee
    devices: [{id: r1, address: 127.0.0.2, upstreams: [core-1]}]
    links:
      - {id: cb-01273-fibre, to: core, kind: fibre, role: primary, network: tslcd_2, capacity: 200 Mbit/s,
         near: {interface: ge1}, far: {device: core-1, interface: ge2}}
"""
NETMON = """\
province: "04"
credentials:
  snmp: {version: "2c", community: !file community}
canaries: [core-1]
store: {path: netmon.db}
"""


class FromStore:
    def __init__(self, reader):
        self.reader = reader

    def rates(self, link, slots):
        near, far = (self.reader.rates(link.id, end, slots.start, len(slots)) for end in End)
        return LinkRates(
            first_k=slots.start, near_receive=near.receive, near_transmit=near.transmit,
            far_receive=far.receive, far_transmit=far.transmit, simulated=near.simulated,
        )  # fmt: skip

    def timeline(self, subject, window):
        return Timeline(self.reader.spans(subject, window.start, NOW), self.reader.absences(window.start, NOW))


def slots(rng, level, lost):
    """A week and more of slots of one end: some missing, some covered too little, the rest around `level`."""
    for k in range(FIRST_K - 400, LAST_K + 1):
        if rng.random() > lost:
            covered = rng.choice([300_000_000] * 40 + [240_000_000, 239_999_999])
            octets = int(FULL * rng.triangular(0, 1, level) * covered / 1e6)
            yield Slot(k, Octets(octets, covered), Octets(octets // 3, covered))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A configuration directory with a store in it: packed and open days, a far end, spans, an absence, verdicts."""
    home = tmp_path_factory.mktemp("province")
    (home / "inventory").mkdir()
    for name, text in {
        "netmon.yaml": NETMON, "targets.yaml": TARGETS, "inventory/all.yaml": INVENTORY, "community": "lạ",
    }.items():  # fmt: skip
        (home / name).write_text(text, encoding="utf-8")
    rng = random.Random(1)
    with Store.open(home / "netmon.db", NoMeter()) as store:
        store.put_link(LINK.id, End.NEAR, slots=list(slots(rng, 0.93, 0.06)))
        store.put_link(LINK.id, End.FAR, slots=list(slots(rng, 0.93, 0.5)))
        begin = NOW - 25 * 86400
        store.record_start(begin)
        store.begin_span(HQ, "up", begin)
        store.begin_span(HQ, "isolated", NOW - 9e5 - 1800.25)
        store.begin_span(HQ, "on_backup", NOW - 9e5)
        store.heartbeat(NOW - 8e5)
        store.record_start(NOW - 8e5 + 3000)
        for state, ago in (("up", 796_000.5), ("unknown", 500_000), ("unreachable", 499_000), ("up", 488_000)):
            store.begin_span(HQ, state, NOW - ago)
        store.fold(NOW)
        store.flush()
        places = Inventory({HQ.id: site(HQ.id)}, {}, {LINK.id: link()})
        judged = Afresh(FromStore(store.reader()))
        verdicts = list(evaluate([P95, SERVICE, SHARE], places, {"04": ["01273"]}, {}, judged, NOW))
        store.put_verdicts(verdicts, NOW)
        store.flush()
    return home


def recompute(store, verdict):
    """Run without site packages and away from the project: only the standard library is there."""
    argv = [sys.executable, "-I", "-S", str(SCRIPT), str(store), verdict]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")


@pytest.mark.parametrize("verdict", ["tslcd_p95/cb-01273-fibre", "availability/ub-01273"])
def test_a_script_without_netmon_finds_the_same_figures(judged, verdict):
    found = recompute(judged / "netmon.db", verdict)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("agrees") >= 4
    assert "None" not in found.stdout


def test_the_script_tells_when_the_store_no_longer_bears_the_verdict_out(judged, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_bytes((judged / "netmon.db").read_bytes())
    with sqlite3.connect(copy) as database:
        database.execute("DELETE FROM slot WHERE k > ?", (LAST_K - 20,))
        database.execute("UPDATE span SET until = until + 60 WHERE state = 'isolated'")
        database.execute("UPDATE span SET since = since + 60 WHERE state = 'on_backup'")
    database.close()
    for verdict in ("tslcd_p95/cb-01273-fibre", "availability/ub-01273"):
        found = recompute(copy, verdict)
        assert (found.returncode, "DIFFERS" in found.stdout) == (1, True), found.stdout + found.stderr


def test_the_script_says_in_a_sentence_what_it_cannot_recompute(judged, tmp_path):
    other, text = tmp_path / "other.db", tmp_path / "notes?.txt"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    text.write_text("not a database, " * 100)
    for store, verdict, words in (
        (tmp_path / "none.db", "availability/ub-01273", "there is no such file"),
        (tmp_path, "availability/ub-01273", "there is no such file"),
        (other, "availability/ub-01273", "not a store of netmon"),
        (text, "availability/ub-01273", "file is not a database"),
        (judged / "netmon.db", "nothing", "there is no verdict 'nothing'"),
    ):
        found = recompute(store, verdict)
        assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1), found.stderr
        assert words in found.stderr
    assert not (tmp_path / "none.db").exists()


def test_the_script_explains_itself():
    found = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert "usage: scripts/recompute STORE TARGET/SUBJECT" in found.stdout


# --- netmon explain ---------------------------------------------------------------------------------------------------


def explain(home, *words):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["explain", "--config", str(home), *words])
    return args.run(args)


def test_a_verdict_is_explained_in_the_language_asked_for(judged, capsys):
    assert explain(judged, "availability/01273", "--lang", "vi") == 0
    assert "Căn cứ: QCVN 34:2019/BTTTT" in capsys.readouterr().out
    assert explain(judged, "availability/01273", "--lang", "en") == 0
    assert "Basis: QCVN 34:2019/BTTTT" in capsys.readouterr().out


def test_a_subject_alone_gives_all_its_verdicts_worst_first(judged, capsys):
    assert explain(judged, "01273", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert {each["id"] for each in shown} == {"tslcd_p95/01273", "availability/01273"}
    order = [Standing(each["standing"]) for each in shown]
    assert order == sorted(order, key=["missed", "unproven", "at_risk", "met", "exempt"].index)
    assert explain(judged, "04", "--lang", "en") == 0
    assert "Tỉnh Cao Bằng" not in (out := capsys.readouterr().out)
    assert "Cao Bang Province (04)" in out


def test_json_holds_the_evidence_of_the_one_verdict_named(judged, capsys):
    assert explain(judged, "tslcd_p95/cb-01273-fibre", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["id"], shown["evidence"]["rule"]) == ("tslcd_p95/cb-01273-fibre", "percentile_utilisation")


def test_an_unknown_verdict_suggests_close_ones_and_fails(judged, capsys):
    assert explain(judged, "tslcd_p59/01273") == 1
    assert "did you mean" in (said := capsys.readouterr().err)
    assert "tslcd_p95/01273" in said


def test_without_a_store_it_says_so_and_fails(judged, tmp_path, capsys):
    (tmp_path / "inventory").mkdir()
    for name in ("netmon.yaml", "targets.yaml", "inventory/all.yaml", "community"):
        (tmp_path / name).write_text((judged / name).read_text(encoding="utf-8"), encoding="utf-8")
    assert explain(tmp_path, "availability/01273") == 1
    assert "there is no store" in capsys.readouterr().err


@pytest.fixture
def without_availability(judged, tmp_path):
    """The same province after the target `availability` left targets.yaml."""
    (tmp_path / "inventory").mkdir()
    for name in ("netmon.yaml", "inventory/all.yaml", "community"):
        (tmp_path / name).write_text((judged / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "netmon.db").write_bytes((judged / "netmon.db").read_bytes())
    kept, _, _ = TARGETS.partition("  - {id: availability")
    (tmp_path / "targets.yaml").write_text(kept, encoding="utf-8")
    return tmp_path


def test_a_verdict_whose_target_left_is_named_and_the_others_are_explained(without_availability, capsys):
    assert explain(without_availability, "01273", "--lang", "en") == 0
    said = capsys.readouterr()
    assert "[tslcd_p95/01273]" in said.out
    assert said.err.count("\n") == 1
    assert "availability/01273 is left out: its target is not in targets.yaml any more" in said.err
    assert explain(without_availability, "availability/01273") == 1
    assert capsys.readouterr().out == ""


def test_a_verdict_whose_target_changed_its_rule_is_left_out_too(without_availability, capsys):
    changed = TARGETS.partition("  - {id: province")[0].replace("rule: percentile_utilisation", "rule: availability")
    (without_availability / "targets.yaml").write_text(changed.replace("window: 7d,", "window: month,"), encoding="utf-8")
    assert explain(without_availability, "01273", "--lang", "en") == 0
    assert "tslcd_p95/01273 is left out: its target has another rule" in capsys.readouterr().err


@pytest.mark.parametrize(("terminal", "widest"), [(40, 60), (80, 80), (300, 120), (None, 120)])
def test_lines_fit_the_terminal_and_hang_under_what_they_continue(judged, capsys, monkeypatch, terminal, widest):
    if terminal is not None:
        monkeypatch.setenv("COLUMNS", str(terminal))
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for language in ("vi", "en"):
        assert explain(judged, "01273", "--lang", language) == 0
        lines = capsys.readouterr().out.splitlines()
        assert widest - 25 < max(map(len, lines)) <= widest
        assert any(line.startswith("    ") for line in lines)
        assert not any(line.lstrip().startswith(("%", "Mbit/s")) for line in lines)


@pytest.mark.parametrize(("language", "words"), [("vi", "phường Thục Phán, cáp quang (cb-"), ("en", "Phán, fibre (cb-")])
def test_a_link_is_named_by_its_kind_in_the_language_asked_for(judged, capsys, language, words):
    assert explain(judged, "tslcd_p95/cb-01273-fibre", "--lang", language) == 0
    assert words in capsys.readouterr().out


def test_every_kind_of_link_has_a_name_in_both_languages():
    assert set(command._LINK_KIND) == set(LinkKind)
    assert all(set(words) == {"vi", "en"} for words in command._LINK_KIND.values())

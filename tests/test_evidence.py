"""`netmon evidence` and `netmon explain`: what stands in the store, or what the daemon says, to people and into folders."""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from math import inf

import pytest

from netmon import names
from netmon.cli import evidence as evidence_command
from netmon.cli import explain as command
from netmon.control import ControlServer
from netmon.evidence import FolderError, Sources, audit, folder, gather, tables, write
from netmon.evidence.sheets import Sheet, text_of
from netmon.model import Capacity, End, LinkKind, Octets, Slot, Standing, Subject, Verdict, Window
from netmon.store import Reader, Store, dump_verdict
from netmon.targets.availability import judge_availability
from netmon.targets.percentile import judge_link, slots_needed
from netmon.targets.rollup import province_verdict, whole_verdict
from tests.targets.histories import BEFORE, MONTH, kind_at, rates_of
from tests.targets.made import FIRST_K, FULL, LAST_K, NOW, P95, SERVICE, SHARE, NoMeter, link

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


def slots(rng, level, lost):
    """A week and more of slots of one end: some missing, some covered too little, the rest around `level`."""
    for k in range(FIRST_K - 400, LAST_K + 1):
        if rng.random() > lost:
            covered = rng.choice([300_000_000] * 40 + [240_000_000, 239_999_999])
            octets = int(FULL * rng.triangular(0, 1, level) * covered / 1e6)
            yield Slot(k, Octets(octets, covered), Octets(octets // 3, covered))


def commune(target, part, window, **more):
    return replace(whole_verdict(target, Subject("commune", "01273"), [part], window, final=part.final), **more)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A configuration directory with a store in it: slots of both ends, spans, an absence, verdicts, a closed month."""
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
        store.record_start(BEFORE.start - 5000)
        store.begin_span(HQ, "up", BEFORE.start - 5000)
        store.begin_span(HQ, "isolated", BEFORE.start + 90_000.5)
        store.begin_span(HQ, "up", BEFORE.start + 99_000)
        store.begin_span(HQ, "isolated", NOW - 9e5 - 1800.25)
        store.begin_span(HQ, "on_backup", NOW - 9e5)
        store.heartbeat(NOW - 8e5)
        store.record_start(NOW - 8e5 + 3000)
        for state, ago in (("up", 796_000.5), ("unknown", 500_000), ("unreachable", 499_000), ("up", 488_000)):
            store.begin_span(HQ, state, NOW - ago)
        store.fold(NOW)
        store.flush()
        reader = store.reader()
        load = judge_link(P95, link(), rates_of(reader, link(), slots_needed(NOW)), NOW)
        for month in (BEFORE, MONTH):
            service = judge_availability(SERVICE, HQ, reader.spans(HQ, *month), reader.absences(*month), month, NOW)
            whole = commune(SERVICE, service, month)
            share = province_verdict(SHARE, "04", [("01273", whole.standing)], window=month, final=service.final)
            store.put_verdicts([service, whole, share], month.end if service.final else NOW)
        store.put_verdicts([load, commune(P95, load, load.window)], NOW)
        store.flush()
    return home


# --- netmon evidence --------------------------------------------------------------------------------------------------


def evidence(home, *words):
    parser = argparse.ArgumentParser()
    evidence_command.add(parser.add_subparsers())
    args = parser.parse_args(["evidence", "--config", str(home), *map(str, words)])
    return args.run(args)


def recomputed(out, script="audit.py"):
    return subprocess.run(
        [sys.executable, "-I", "-S", out / script, "."], capture_output=True, text=True, check=False, cwd=out
    )


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("tslcd_p95/cb-01273-fibre", {"slots.csv"}),
        ("availability/ub-01273", {"states.csv", "absences.csv"}),
        ("tslcd_p95/01273", {"parts.csv", "link-cb-01273-fibre/slots.csv"}),
        ("province_up/04", {"parts.csv", "commune-01273/parts.csv", "commune-01273/site-ub-01273/states.csv"}),
    ],
)
def test_a_verdict_becomes_a_folder_that_python_alone_recomputes(judged, tmp_path, capsys, name, inside):
    out = tmp_path / "out"
    assert evidence(judged, name, "-o", out, "--lang", "vi") == 0
    assert f"python3 {out}/recompute.py {out}" in capsys.readouterr().out
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files >= inside | {"verdict.json", "README.txt", "recompute.py", "audit.py", "SHA256SUMS"}
    assert subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=out, check=False).returncode == 0
    assert {line[66:] for line in (out / "SHA256SUMS").read_text().splitlines()} == files - {"SHA256SUMS"}
    for script in ("recompute.py", "audit.py"):
        found = recomputed(out, script)
        assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads((out / "verdict.json").read_text())["id"] == name
    text = (out / "README.txt").read_text()
    assert text.index("Chứng cứ của kết luận") < text.index("Evidence of the verdict")


def test_the_rates_are_those_of_the_store_to_the_last_bit(judged, tmp_path):
    evidence(judged, "tslcd_p95/cb-01273-fibre", "-o", tmp_path / "out")
    with (tmp_path / "out" / "slots.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = int(rows[0]["start"]) // 300
    with closing(Reader.open(judged / "netmon.db")) as reader:
        for end in End:
            stored = reader.rates(LINK.id, end, first, len(rows))
            for name, rates in (("receive", stored.receive), ("transmit", stored.transmit)):
                told = [row[f"{end.value}_{name}"] for row in rows]
                assert told == ["" if rate != rate else repr(rate) for rate in rates]
    assert rows[0]["local"].endswith("+07:00")


def test_a_closed_month_is_told_as_it_was_frozen(judged, tmp_path, capsys):
    out = tmp_path / "out"
    assert evidence(judged, "province_up/04", "--month", "2026-10", "-o", out) == 0
    assert recomputed(out).returncode == 0
    told = json.loads((out / "commune-01273" / "site-ub-01273" / "verdict.json").read_text())
    body = json.dumps(told["verdict"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert sha256(body.encode()).hexdigest() == told["frozen"]["sha256"]
    assert (told["verdict"]["final"], told["verdict"]["window"]["start"]) == (True, BEFORE.start)
    capsys.readouterr()
    assert evidence(judged, "availability/01273", "--month", "2026-09", "-o", tmp_path / "none") == 1
    assert "no frozen verdict 'availability/01273' of 2026-09; there are: 2026-10" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evidence(judged, "availability/01273", "--month", "2026-13", "-o", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_is_new_or_empty_and_nothing_else_is_touched(judged, tmp_path, capsys, monkeypatch):
    name = "availability/ub-01273"
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    (tmp_path / "arrow").symlink_to(empty)
    monkeypatch.chdir(empty)
    for out, words in (
        (full, "is not empty"), (tmp_path / "file", "is no directory"), (tmp_path / "arrow", "is no directory"),
        (tmp_path / "no" / "where", "No such file or directory"), ("", "is where you stand"),
    ):  # fmt: skip
        assert evidence(judged, name, "-o", out) == 1
        assert words in (said := capsys.readouterr().err), said
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["arrow", "empty", "file", "full", "mine.txt"]
    monkeypatch.chdir(tmp_path)
    assert evidence(judged, name, "-o", "empty") == 0
    assert recomputed(empty).returncode == 0


def test_a_folder_is_written_whole_or_not_at_all(judged, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "_sums", full)
    assert evidence(judged, "tslcd_p95/01273", "-o", tmp_path / "out") == 1
    assert "out: cannot be written: No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_in_a_sentence(judged, tmp_path, capsys):
    for name, words in (
        ("availability/ub-0127", "did you mean"), ("01273", "has several verdicts; name one: "), ("nothing", "there is no"),
    ):  # fmt: skip
        assert evidence(judged, name, "-o", tmp_path / "out") == 1
        said = capsys.readouterr().err
        assert (words in said, said.count("\n")) == (True, 1)
    assert list(tmp_path.iterdir()) == []


async def test_the_daemon_says_the_newest_and_a_part_of_another_moment_does_not_count(judged, tmp_path, capsys):
    with closing(Reader.open(judged / "netmon.db")) as reader:
        stored = reader.verdict("availability", "ub-01273")
    part = replace(stored, coverage=stored.coverage / 2)
    told = {each.id: each for each in (commune(SERVICE, part, MONTH), stored)}
    asked = []

    async def verdicts(author, request):
        asked.append(request["name"])
        return {
            "verdicts": [dump_verdict(each) for each in told.values() if each.id == request["name"]],
            "known": list(told),
        }

    (tmp_path / "netmon.yaml").write_text(NETMON + f"control: {tmp_path / 'control.sock'}\n", encoding="utf-8")
    (tmp_path / "netmon.db").symlink_to(judged / "netmon.db")
    for name in ("targets.yaml", "inventory", "community"):
        (tmp_path / name).symlink_to(judged / name)
    server = ControlServer(tmp_path / "control.sock", {"verdicts": verdicts})
    await server.start()
    try:
        for place, taken in (("apart", True), ("together", False)):
            out = tmp_path / place
            assert await asyncio.to_thread(evidence, tmp_path, "availability/01273", "-o", out) == 0
            assert (out / "site-ub-01273").exists() is not taken
            said = capsys.readouterr()
            assert ("availability/01273: site ub-01273 has no folder" in said.err) is taken
            found = recomputed(out)
            assert ("taken as stated" in found.stdout, found.returncode) == (taken, 0), found.stdout + found.stderr
            told["availability/01273"] = commune(SERVICE, stored, MONTH)
    finally:
        await server.stop()
    assert asked.count("availability/ub-01273") == evidence_command.ATTEMPTS + 1


def test_an_id_cannot_leave_the_folder_nor_become_a_formula(judged, tmp_path):
    window, names = Window(MONTH.start, NOW), ("../../evil", "=1+1", "..", "a/b")
    parts = [
        Verdict(
            target=P95.id, subject=Subject("link", name), standing=Standing.EXEMPT, value=None, limit=0.9, coverage=0.0,
            window=window, final=False, evidence={"rule": P95.rule, "exempt": "-"},
        )
        for name in names
    ]  # fmt: skip
    whole = whole_verdict(P95, Subject("commune", "01273"), parts, window, final=False)
    by_id, target = {part.id: [part] for part in parts}, replace(P95, exempt=dict.fromkeys(names, "-"))
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    with closing(Reader.open(judged / "netmon.db")) as reader:
        sources = Sources(reader=reader, sites={}, links={}, kind_at=kind_at)
        count = write(gather(whole, {P95.id: target}, by_id.__getitem__), out, sources, {P95.id: target}, "en")
        with pytest.raises(FolderError):
            write(gather(whole, {P95.id: target}, by_id.__getitem__), out, sources, {P95.id: target}, "en")
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == count == sum(path.is_file() for path in out.rglob("*"))
    with (out / "parts.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["../../evil", "'=1+1", "..", "a/b"]
    assert sum(path.is_dir() for path in out.iterdir()) == len(parts)
    assert recomputed(out).returncode == 0


def test_no_two_texts_become_one_and_each_is_read_back():
    texts = ["=A", "'=A", "''=A", "'", "it's", "\t=1", "", "A"]
    cells = [row[0] if row else "" for row in csv.reader(text_of(Sheet(("a",), [(text,) for text in texts])).splitlines())][
        1:
    ]
    assert len(set(cells)) == len(texts)
    assert [audit.rules.plain(cell) for cell in cells] == texts


def test_text_is_defused_and_figures_are_not():
    sheet = Sheet(("a",), [(text,) for text in ("=A1", "+1", "-1", "@x", "\t=1", "ok", "a=b")] + [(-1.5,), (-inf,), (None,)])
    cells = [row[0] if row else "" for row in csv.reader(text_of(sheet).splitlines())]
    assert cells == ["a", "'=A1", "'+1", "'-1", "'@x", "'\t=1", "ok", "a=b", "-1.5", "-inf", ""]


def test_a_capacity_of_the_contract_is_used_where_the_verdict_tells_none(judged):
    held = link(Capacity(-inf, FULL, FULL), Capacity(NOW - 1000, 2 * FULL, FULL))
    with closing(Reader.open(judged / "netmon.db")) as reader:
        sources = Sources(reader=reader, sites={}, links={held.id: held}, kind_at=kind_at)
        verdict = judge_link(P95, held, rates_of(reader, held, slots_needed(NOW)), NOW)
        bare = replace(verdict, evidence={**verdict.evidence, "capacities": []})
        told, found = (text_of(tables.tables(each, P95, sources)["slots.csv"]) for each in (verdict, bare))
    assert told == found
    assert f",{2 * FULL},{FULL}" in told.splitlines()[-1]


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
    assert set(names.LINK_KIND) == set(LinkKind)
    assert all(set(words) == {"vi", "en"} for words in names.LINK_KIND.values())

"""The compliance report: from frozen verdicts, or afresh and saying so; what it says of a month, in both languages."""

from __future__ import annotations

import argparse
import csv
import html
import io
import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from netmon import units
from netmon.cli import report as command
from netmon.cli.report import Progress
from netmon.exporters.prometheus import OwnMetrics
from netmon.inventory import Inventory
from netmon.model import (
    Capacity,
    End,
    Former,
    Link,
    LinkKind,
    LinkRole,
    Octets,
    Outage,
    Site,
    SiteKind,
    Slot,
    Standing,
    Subject,
)
from netmon.reports import compliance
from netmon.reports.changes import Changes
from netmon.reports.files import Report, contents, put
from netmon.reports.judged import verdicts_on
from netmon.settings import load
from netmon.store import Reader, Store
from netmon.targets.windows import month_of
from netmon.targets.words.voice import Language

OCTOBER = month_of(datetime(2026, 10, 15, tzinfo=UTC).timestamp())
DAY, FULL = 86_400, 25_000_000
NOW = OCTOBER.end + 3 * DAY
MOVED = OCTOBER.start + 14 * DAY


def title(vi: str, en: str, kind: str) -> dict[str, object]:
    return {"title": {"vi": vi, "en": en}, "basis": "Thông tư 06/2026/TT-BKHCN, Điều 5", "basis_kind": kind}


TARGETS = [
    {**title("Lưu lượng đỉnh", "Peak load", "statutory"), "id": "p95", "level": "commune", "rule": "percentile_utilisation",
     "window": "7d", "limit": "90 %", "applies_to": {"role": "primary"}},
    {**title("Độ sẵn sàng", "Availability", "proxy"), "id": "up", "level": "commune", "rule": "availability",
     "window": "month", "limit": "99.5 %"},
    {**title("Mọi xã sẵn sàng", "Every commune is available", "local"), "id": "all_up", "level": "province",
     "rule": "share", "of": "up", "limit": "95 %"},
]  # fmt: skip

MORE_TARGETS = [
    {**title("Dung lượng", "Capacity", "proxy"), "id": "capacity", "level": "commune", "rule": "capacity",
     "limit": "200 Mbit/s", "port_speed": False},
    {**title("Khôi phục", "Restoration", "proxy"), "id": "restored", "level": "commune", "rule": "restoration",
     "window": "month", "limit": "90 %", "within": {"phuong": "36h", "xa": "72h", "dac_khu": "72h"}},
]  # fmt: skip


def device(name: str) -> dict[str, object]:
    return {"id": name, "address": "192.0.2.1"}


def commune_site(code: str, links: list[dict[str, object]] | None = None) -> dict[str, object]:
    near = {"device": f"r-{code}", "interface": "ge0"}
    fibre = {"id": f"f-{code}", "to": "centre", "kind": "fibre", "role": "primary", "network": "tslcd_2",
             "capacity": "200 Mbit/s", "near": near}  # fmt: skip
    found = {"id": f"s-{code}", "name": f"UBND <{code}>", "commune": code, "kind": "peoples_committee"}
    return {**found, "devices": [device(f"r-{code}")], "links": [fibre, *(links or [])]}


def configure(directory: Path, communes: list[str], targets: list[dict[str, object]] = TARGETS) -> Path:
    centre = {"id": "centre", "name": "TT & DL", "commune": communes[0], "kind": "provincial_centre",
              "devices": [device("core")]}  # fmt: skip
    (directory / "inventory").mkdir(parents=True)
    (directory / "netmon.yaml").write_text(
        '{"province": "04", "credentials": {"c": {"version": "2c", "community": !env NOBODY_SETS_THIS}}, "poll": {},'
        '"store": {"path": "netmon.db"}}'
    )
    sites = [centre, *map(commune_site, communes)]
    (directory / "inventory/a.yaml").write_text(json.dumps({"sites": sites}))
    (directory / "targets.yaml").write_text(json.dumps({"targets": targets}))
    return directory


def fill_slots(store: Store, link: str, load: float) -> None:
    """A steady load over a month and the week before."""
    octets = Octets(int(FULL * load * 300), 300_000_000)
    slots = [Slot(k, octets, octets) for k in range(int(OCTOBER.start - 8 * DAY) // 300, int(OCTOBER.end) // 300)]
    store.put_link(link, End.NEAR, slots=slots)


def fill_states(store: Store, site: str, *, lost_s: float = 0.0, backup_s: float = 0.0) -> None:
    """A service that was up but for one outage of the core, and for a while on the backup."""
    at, subject = OCTOBER.start + 5 * DAY, Subject("site", site)
    store.begin_span(subject, "up", OCTOBER.start - DAY)
    if lost_s:
        store.begin_span(subject, "unreachable", at)
        store.open_outage(Outage(subject, "unreachable", at, at + lost_s, "core", "silent"))
        store.begin_span(subject, "up", at + lost_s)
    if backup_s:
        store.begin_span(subject, "on_backup", at + 2 * DAY)
        store.begin_span(subject, "up", at + 2 * DAY + backup_s)


COMMUNES = ["01273", "01279", "01288"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of three communes of Cao Bằng whose October is stored: one met and 40 minutes on backup, one cut off
    for six hours, one that was never seen."""
    directory = configure(tmp_path_factory.mktemp("config"), COMMUNES)
    with Store.open(directory / "netmon.db", OwnMetrics()) as store:
        fill_slots(store, "f-01273", 0.5)
        fill_states(store, "s-01273", backup_s=2400)
        fill_slots(store, "f-01279", 0.95)
        fill_states(store, "s-01279", lost_s=6 * 3600)
        store.flush()
    return directory


def run(made: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["report", "compliance", "--config", str(made), *words])
    return int(args.run(args))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def row(rows: list[dict[str, str]], target: str, unit: str) -> dict[str, str]:
    (found,) = [row for row in rows if (row["target"], row["unit"]) == (target, unit)]
    return found


def report_of(made: Path, *, now: float = NOW, inventory: Inventory | None = None) -> Report:
    settings = load(made, secrets=False)
    settings = replace(settings, inventory=inventory or settings.inventory)
    with closing(Reader.open(settings.store.path)) as reader:
        return compliance.report(settings, reader, units.load(), settings.provinces, OCTOBER, now)


def csv_of(report: Report) -> list[dict[str, str]]:
    return read(contents(report, ("csv",), ("en",))[".en.csv"].decode())


def page_of(report: Report, language: Language = "vi") -> str:
    return html.unescape(contents(report, ("html",), (language,))[f".{language}.html"].decode())


def test_a_month_that_is_not_frozen_is_judged_afresh_and_called_provisional(made: Path, tmp_path: Path, capsys):
    """The command itself, both formats and both languages."""
    assert run(made, "--month", "2026-10", "--lang", "both", "-o", str(tmp_path / "%Y" / "%m")) == 0
    there = tmp_path / "2026" / "10"
    assert sorted(path.name for path in there.iterdir()) == sorted(
        f"compliance-2026-10.{language}.{kind}" for language in ("vi", "en") for kind in ("csv", "html")
    )
    assert capsys.readouterr().out.count("compliance-2026-10") == 4
    rows = read((there / "compliance-2026-10.en.csv").read_text())
    assert {row["final"] for row in rows} == {"no"}
    assert {row["month"] for row in rows} == {"2026-10"}
    up, lost, unseen = (row(rows, "up", code) for code in COMMUNES)
    assert (up["standing"], up["measured"], up["on_backup_s"], up["coverage_ratio"]) == ("met", "1", "2400", "1")
    assert float(up["error_budget_s"]) == pytest.approx(0.005 * 31 * DAY)
    assert (lost["standing"], lost["required"], lost["required_is"]) == ("missed", "0.995", "at_least")
    assert float(lost["measured"]) == pytest.approx(1 - 6 * 3600 / (31 * DAY))
    assert float(lost["error_budget_left_s"]) == pytest.approx(0.005 * 31 * DAY - 6 * 3600)
    assert lost["cause"] == "device core (TT & DL): 6 h (1×)"
    assert (unseen["standing"], unseen["coverage_ratio"], unseen["measured"]) == ("unproven", "0", "")
    assert row(rows, "p95", "01279")["standing"] == "missed"
    assert row(rows, "all_up", "04")["level"] == "province"
    vi, en = ((there / f"compliance-2026-10.{language}.html").read_text() for language in ("vi", "en"))
    assert "SỐ LIỆU TẠM TÍNH" in vi
    assert "PROVISIONAL" in en
    order = [vi.index(f"({code})", vi.index("Độ sẵn sàng</h2>")) for code in ("01279", "01288", "01273")]
    assert order == sorted(order), "missed, then unproven, then met"


def test_the_words_of_the_report_in_both_languages(made: Path):
    report = report_of(made)
    vi, en = page_of(report), page_of(report, "en")
    for text in (
        "Báo cáo kết quả theo chỉ tiêu, tháng 10/2026: Tỉnh Cao Bằng",
        "Số đơn vị cấp xã theo kết luận",
        "Căn cứ: Thông tư 06/2026/TT-BKHCN, Điều 5 (tạm áp dụng thay cho chỉ tiêu chưa được công bố).",
        "Phường Nùng Trí Cao (01279)", "≥ 99,5 %", "99,19 %", "Không đạt", "Chưa đủ căn cứ kết luận",
        "do thiết bị core (TT & DL): 6 giờ (1 lần)", "40 phút", "−2 giờ 17 phút",
    ):  # fmt: skip
        assert text in vi, text
    for text in (
        "Compliance report, October 2026: Cao Bang Province", "Communes by verdict", "Nung Tri Cao Ward (01279)",
        "Basis: Thông tư 06/2026/TT-BKHCN, Điều 5 (proxy: it stands in for a number that is not published).",
        "≥ 99.5 %", "99.19 %", "Missed", "Unproven", "device core (TT & DL): 6 h (1×)", "40 min", "−2 h 17 min",
    ):  # fmt: skip
        assert text in en, text
    table = next(iter(report.tables.values()))
    assert [column.id for column in table.columns][:5] == ["month", "level", "province", "unit", "unit_name"]
    assert all(column.title.vi != column.title.en for column in table.columns)


def test_a_month_that_runs_is_told_as_far_as_it_has_gone(made: Path):
    now = OCTOBER.start + 10 * DAY
    report = report_of(made, now=now)
    assert "tháng chưa kết thúc; tính đến 00:00 ngày 11/10/2026" in page_of(report)
    lost = row(csv_of(report), "up", "01279")
    assert float(lost["measured"]) == pytest.approx(1 - 6 * 3600 / (10 * DAY))
    load = row(csv_of(report), "p95", "01279")
    assert (load["final"], load["month"], load["window_start_at"][:10]) == ("no", "2026-10", "2026-10-04")
    assert "Kỳ đánh giá: từ 00:00 ngày 04/10/2026 đến 00:00 ngày 11/10/2026." in page_of(report)


def test_a_closed_month_is_told_from_its_frozen_verdicts_with_revision_and_hash(tmp_path: Path):
    """Also where the configuration asks for something else now: what was frozen stands."""
    made = configure(tmp_path / "config", COMMUNES)
    settings = load(made, secrets=False)
    with Store.open(made / "netmon.db", OwnMetrics()) as store:
        fill_slots(store, "f-01273", 0.5)
        fill_states(store, "s-01273")
        store.flush()
        judged = verdicts_on(settings, store.reader(), units.load(), ("04",), OCTOBER, NOW)
        final = [one.verdict for one in judged]
        assert not any(one.final for one in judged)
        store.put_verdicts(final, OCTOBER.end + 700)
        (first,) = [verdict for verdict in final if verdict.id == "up/01273"]
        store.put_verdicts([replace(first, standing=Standing.MISSED, value=0.9, limit=0.99)], OCTOBER.end + DAY)
        store.flush()
        frozen = {(f.verdict.id, f.revision): f.sha256 for f in store.reader().frozen()}
    targets = [{**target, "limit": "90 %"} for target in TARGETS if target["id"] != "p95"]
    (made / "targets.yaml").write_text(json.dumps({"targets": targets}))
    report = report_of(made)
    rows = csv_of(report)
    assert {row["final"] for row in rows} == {"yes"}
    up = row(rows, "up", "01273")
    assert (up["standing"], up["measured"], up["required"], up["revision"]) == ("missed", "0.9", "0.99", "2")
    assert up["sha256"] == frozen["up/01273", 2]
    assert up["frozen_at"] == "2026-11-02T00:00:00+07:00"
    gone = row(rows, "p95", "01273")
    assert gone["target_title"] == "p95 (no longer in targets.yaml)"
    assert (gone["required"], gone["revision"]) == ("0.9", "1")
    page = page_of(report)
    assert "Tình trạng: đã chốt lúc 00:00 ngày 02/11/2026, lần chốt 2." in page
    assert f"r2 {up['sha256'][:12]}" in page
    assert "TẠM TÍNH" not in page


def test_what_a_simulator_made_is_marked_up_to_the_province(tmp_path: Path):
    made = configure(tmp_path / "config", COMMUNES)
    with Store.open(made / "netmon.db", OwnMetrics()) as store:
        fill_slots(store, "f-01273", 0.5)
        store.begin_span(Subject("site", "s-01273"), "up", OCTOBER.start - DAY, "simulated")
        store.flush()
    report = report_of(made)
    rows = csv_of(report)
    marked = {(row["target"], row["unit"]) for row in rows if row["simulated"] == "yes"}
    assert marked == {("up", "01273"), ("all_up", "04")}
    assert "CÓ SỐ LIỆU MÔ PHỎNG: không dùng làm căn cứ." in page_of(report)


def test_why_a_commune_is_exempt_is_told_in_the_language_of_the_report(tmp_path: Path):
    made = configure(tmp_path / "config", COMMUNES, [{**TARGETS[1], "applies_to": {"commune_kind": "dac_khu"}}])
    with Store.open(made / "netmon.db", OwnMetrics()) as store:
        fill_states(store, "s-01273")
    report = report_of(made)
    said = row(csv_of(report), "up", "01273")["notes"]
    assert "xempt: the target does not judge administrative units of this kind." in said
    assert "ược miễn: chỉ tiêu không áp dụng cho loại đơn vị hành chính này." in page_of(report)


def test_what_changed_within_the_month_is_told_with_what_held_when(made: Path):
    """A site moved to another commune, with its outage before that; a link moved; a capacity changed."""
    inventory = load(made, secrets=False).inventory
    sites, links = dict(inventory.sites), dict(inventory.links)
    sites["s-01279"] = replace(sites["s-01279"], commune="01288", former=(Former("01279", MOVED),))
    wider = (*links["f-01273"].capacities, Capacity(MOVED, 2 * FULL, FULL))
    links["f-01273"] = replace(links["f-01273"], capacities=wider)
    links["f-01288"] = replace(links["f-01288"], former=(Former("s-01273", MOVED),))
    report = report_of(made, inventory=replace(inventory, sites=sites, links=links))
    rows = csv_of(report)
    moved = (
        "Site UBND <01279> (s-01279) belonged to Nung Tri Cao Ward (01279) until 2026-10-15 00:00, then to Tan Giang Ward"
    )
    for code in ("01279", "01288"):
        assert moved in row(rows, "up", code)["notes"]
    before, after = row(rows, "up", "01279"), row(rows, "up", "01288")
    assert before["cause"].endswith("6 h (1×)"), "the outage was while the site was there"
    assert after["cause"] == ""
    assert (
        "Link f-01288 belonged to UBND <01273> until 2026-10-15 00:00, then to UBND <01288>."
        in row(rows, "p95", "01273")["notes"]
    )
    text = "Link f-01273: contracted 200.0 Mbit/s until 2026-10-15 00:00, then 400.0 Mbit/s to and 200.0 Mbit/s from"
    assert text in row(rows, "p95", "01273")["notes"]
    assert text not in row(rows, "up", "01273")["notes"], "a service does not rest on it"
    assert "điểm UBND <01279>" in page_of(report).lower().replace("ubnd", "UBND")


def test_a_commune_that_changed_its_kind_is_told_as_what_and_until_when():
    """Xã Lộc Ninh became phường Lộc Ninh on 30 April 2026, with its province."""
    april = month_of(datetime(2026, 4, 15, tzinfo=UTC).timestamp())
    changes = Changes(Inventory({}, {}, {}), units.load(), april)
    (note,) = changes.of("25270", [])
    assert note.vi == "đến hết ngày 29/04/2026 là Xã Lộc Ninh, từ ngày 30/04/2026 là Phường Lộc Ninh."
    assert note.en == "Loc Ninh Commune until 2026-04-29, Loc Ninh Ward from 2026-04-30 on."
    assert changes.of("25270", [])[0] != changes.of("75", [])[0]
    assert Changes(Inventory({}, {}, {}), units.load(), OCTOBER).of("25270", []) == []


def test_no_report_is_written_over(tmp_path: Path):
    """What says the same is left, what says something else stands beside it, all its files together."""
    first = {".vi.csv": b"1", ".vi.html": b"2"}
    assert [w.unchanged for w in put(tmp_path, "r", first)] == [False, False]
    assert [w.unchanged for w in put(tmp_path, "r", first)] == [True, True]
    changed = put(tmp_path, "r", {".vi.csv": b"1", ".vi.html": b"3"})
    assert [w.path.name for w in changed] == ["r-r2.vi.csv", "r-r2.vi.html"]
    assert [w.path.name for w in put(tmp_path, "r", {".vi.csv": b"4", ".vi.html": b"3"})] == ["r-r3.vi.csv", "r-r3.vi.html"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if "-r" not in path.name} == {
        "r.vi.csv": b"1", "r.vi.html": b"2",
    }  # fmt: skip


def test_a_month_of_which_nothing_is_known_is_no_failure_of_the_timer(made: Path, capsys):
    unit = (Path(__file__).parents[2] / "deploy/systemd/netmon-report.service").read_text()
    assert f"\nSuccessExitStatus={run(made, '--month', '2026-03')}\n" in unit
    assert capsys.readouterr().err == "netmon: nothing was measured or judged in 2026-03\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--month", "2199-01"], "has not begun"),
        (["--month", "2026-10", "--province", "08"], "province '08' is not in the configuration, which has 04"),
        (["--month", "2026-10", "-o", "x.csv", "--lang", "both"], "one file holds one format in one language"),
        (["--month", "2026-10", "-o", "x.csv", "--format", "html"], "x.csv ends with .csv, and --format says html"),
        (["--month", "2026-10", "-o", "-"], "one file holds one format in one language"),
        (["--month", "2026-10", "-o", "/proc/no/where"], "/proc/no"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(made: Path, capsys, words: list[str], told: str):
    assert run(made, *words) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_month_that_is_no_month_is_refused(made: Path, capsys):
    with pytest.raises(SystemExit):
        run(made, "--month", "2026-13")
    assert "expected a month such as 2026-10" in capsys.readouterr().err


def test_a_file_that_is_named_is_written_as_it_is_named(made: Path, tmp_path: Path):
    assert run(made, "--month", "2026-10", "--lang", "vi", "-o", str(tmp_path / "x.csv")) == 0
    text = (tmp_path / "x.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfmonth,")
    assert text.count(b"\r\n") == text.count(b"\n")


def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch, capsys):
    with Progress() as progress:
        progress("p95, 3 verdicts")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress() as progress:
        progress("p95, 3 verdicts")
        progress("p95, 4 verdicts")
    shown = capsys.readouterr().err
    assert "p95, 3 verdicts" in shown
    assert "4 verdicts" not in shown, "not more often than a person can read"
    assert shown.endswith("\r\x1b[K")


def test_a_province_of_124_communes_is_judged_afresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Lâm Đồng, 5 targets, folded days as they are at the end of a month. What it costs is printed, for the budget of 10 s
    of CPU."""
    made, register = configure(tmp_path / "config", COMMUNES, [*TARGETS, *MORE_TARGETS]), units.load()
    codes = [unit.code for unit in register.communes("68", date(2026, 10, 31))]
    sites, links = {}, {}
    for code in codes:
        sites[f"s-{code}"] = Site(
            id=f"s-{code}", name=f"UBND {code}", kind=SiteKind.PEOPLES_COMMITTEE, province="68", commune=code
        )
        links[f"f-{code}"] = Link(
            id=f"f-{code}", site=f"s-{code}", upstream_site="centre", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY,
            network="tslcd_2", capacities=(Capacity(0.0, FULL, FULL),),
        )  # fmt: skip
    settings = replace(load(made, secrets=False), provinces=("68",), inventory=Inventory(sites, {}, links))
    path = tmp_path / "netmon.db"
    with Store.open(path, OwnMetrics()) as store:
        fill_slots(store, f"f-{codes[0]}", 0.5)
        for n, code in enumerate(codes):
            fill_states(store, f"s-{code}", lost_s=120.0 * n)
        store.fold(NOW)
        store.flush()
    copy_days(path, f"f-{codes[0]}", [f"f-{code}" for code in codes[1:]])
    with closing(Reader.open(path)) as reader:
        began = time.process_time()
        report = compliance.report(settings, reader, register, ("68",), OCTOBER, NOW)
        files = contents(report, ("csv", "html"), ("vi", "en"))
        cost = time.process_time() - began
    rows = read(files[".vi.csv"].decode())
    assert len(codes) == 124
    assert len([row for row in rows if row["level"] == "commune"]) == 4 * 124
    assert {row["standing"] for row in rows if row["target"] == "up"} == {"met", "at_risk", "missed"}
    assert {(row["standing"], row["measured"]) for row in rows if row["target"] == "p95"} == {("met", "0.5")}
    with capsys.disabled():
        print(f"[{cost:.1f} s of CPU]", end="")


def copy_days(path: Path, link: str, others: list[str]) -> None:
    """The same folded days for other links: a month of 124 links takes a store too long to write."""
    kept = {
        "day": "slots, receive, receive_us, receive_present, transmit, transmit_us, transmit_present, source, "
        "thin, simulated",
        "day_rates": "receive, transmit",
    }
    with closing(sqlite3.connect(path)) as database, database:
        for other in others:
            database.execute("INSERT INTO subject (kind, name) VALUES ('link', ?)", (other,))
            for table, columns in kept.items():
                database.execute(
                    f"""INSERT INTO {table} (day, link, far, {columns})
                        SELECT day, (SELECT id FROM subject WHERE kind = 'link' AND name = ?), far, {columns} FROM {table}
                        WHERE link = (SELECT id FROM subject WHERE kind = 'link' AND name = ?)""",
                    (other, link),
                )

"""The handover of a shift: what the one who takes over at seven reads first, from a real store."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from netmon.causes import words
from netmon.desk import handover
from netmon.model import (
    VIET_NAM,
    Declared,
    Entry,
    Impact,
    Phase,
    Service,
    Verb,
    WindowChange,
    WindowKind,
    Words,
)
from netmon.reports import shift as shifts
from netmon.reports.sitrep import GoesDark, sitrep
from netmon.store import Store
from tests.reports.test_sitrep import communes, inventory, mast, seat, standpoint
from tests.store.conftest import Counts
from tests.web.desk import incident

SEVEN = datetime(2026, 11, 22, 7, 0, tzinfo=VIET_NAM).timestamp()
HOUR = 3600.0


def window(name, kind=WindowKind.MAINTENANCE, start=-HOUR, until=HOUR, **over):
    return Declared(id=name, kind=kind, name=name, start=SEVEN + start, until=SEVEN + until, declared=SEVEN - HOUR, **over)


@pytest.fixture
def reader(tmp_path):
    """A night: one incident that was restored, one that goes on, a storm, and what was written of them."""
    with Store.open(tmp_path / "n.db", Counts()) as store:
        back = incident("2026-0001", since=SEVEN - 6 * HOUR, until=SEVEN - 5 * HOUR, members=(), impact=Impact())
        before = incident("2026-0000", since=SEVEN - 40 * HOUR, until=SEVEN - 30 * HOUR, members=(), impact=Impact())
        stays = incident("2026-0002", since=SEVEN - 2 * HOUR)
        for one in (before, back, stays):
            store.put_incident(one)
        for entry in (
            Entry(SEVEN - 20 * HOUR, "2026-0002", Verb.COMMENT, "lan", "", "ca trước"),
            Entry(SEVEN - 2 * HOUR, "2026-0002", Verb.OPENED, "netmon", "", "Cáp QL3 đứt: 2 xã / Cable QL3 cut: 2 communes"),
            Entry(SEVEN - 1.5 * HOUR, "2026-0002", Verb.ACKNOWLEDGE, "noc", "Lan", ""),
            Entry(SEVEN - 1.2 * HOUR, "2026-0002", Verb.CAUSE, "noc", "Lan", "power: EVN cắt điện"),
            Entry(SEVEN - HOUR, "2026-0002", Verb.COMMENT, "noc", "", "km 12 / km 13\nđã gọi"),
        ):
            store.put_entry(entry)
        drill = window("Bão giả định", WindowKind.STORM, exercise=True)
        store.put_window(WindowChange(SEVEN - HOUR, "declare", "noc", "Lan", drill))
        store.flush()
        yield store.reader()


def told(shift, language="vi"):
    return shifts.text(shift, language, lambda subject: f"Cáp {subject.id}", lambda one: ["f1 · viettel · CB-1 · 18008098"])


def test_the_handover_tells_what_stands_and_what_changed_in_the_order_in_which_it_is_needed(reader):
    shift = handover(
        reader,
        SEVEN - 12 * HOUR,
        SEVEN,
        reader.incidents(going_on=True),
        [(each, Phase.IMPACT) for each in reader.windows()],
        ["noc", "truc-bao"],
    )
    assert told(shift).splitlines() == [
        "BÀN GIAO CA TRỰC",
        "Lúc 07:00 ngày 22/11/2026, diễn biến từ 19:00 ngày 21/11/2026",
        "Đang trực: noc, truc-bao",
        "[DIỄN TẬP] Bão giả định: đang ảnh hưởng, từ 06:00 đến 08:00",
        "",
        "Sự cố đang mở: 1",
        "  2026-0002  Cáp QL3: mất điện (netmon xác định: đứt cáp), từ 05:00 (2 giờ)",
        "      1 xã bị cô lập, 1 xã chạy dự phòng, 2 thiết bị và tuyến đang mất",
        "      noc (Lan) đã tiếp nhận",
        "      f1 · viettel · CB-1 · 18008098",
        "",
        "Sự cố đã khôi phục: 1",
        "  2026-0001  Cáp QL3: đứt cáp, khôi phục lúc 02:00 sau 1 giờ",
        "",
        "Diễn biến",
        "  05:00  2026-0002  mở: Cáp QL3 đứt: 2 xã",
        "  05:30  2026-0002  tiếp nhận (noc, Lan)",
        "  05:48  2026-0002  sửa nguyên nhân (noc, Lan): power: EVN cắt điện",
        "  06:00  2026-0002  ghi chú (noc): km 12 / km 13 đã gọi",
        "  06:00  [DIỄN TẬP] Bão giả định  khai báo (noc, Lan)",
    ]
    english = told(shift, "en")
    assert "1 commune isolated, 1 commune on backup, 2 devices and links down" in english
    assert "opened: Cable QL3 cut: 2 communes\n" in english
    assert "back at 02:00 after 1 h" in english


def test_what_was_merged_into_another_is_not_handed_over_as_restored(tmp_path):
    with Store.open(tmp_path / "n.db", Counts()) as store:
        heir = incident("2026-0009", since=SEVEN - 3 * HOUR)
        store.put_incident(heir)
        merges = words.both(*words.merged(heir))
        for name, last in (
            ("2026-0003", [merges]),
            ("2026-0004", [merges, "đã khôi phục / restored"]),
            ("2026-0005", ["đã khôi phục / restored", merges]),
        ):
            one = incident(name, since=SEVEN - 2 * HOUR, until=SEVEN - HOUR, members=(), impact=Impact())
            store.put_incident(one)
            for n, text in enumerate(last):
                store.put_entry(Entry(one.until - 60 * (len(last) - n - 1), name, Verb.RESTORED, "netmon", "", text))
            store.put_entry(Entry(one.until + 9, name, Verb.COMMENT, "lan", "", merges))
        store.flush()
        reader = store.reader()
        shift = handover(reader, SEVEN - 12 * HOUR, SEVEN, reader.incidents(going_on=True), [])
    assert [one.id for one in shift.ended] == ["2026-0004"]
    lines = told(shift).splitlines()
    assert "Sự cố đã khôi phục: 1" in lines
    assert "  06:00  2026-0003  gộp: thuộc sự cố 2026-0009" in lines
    assert "  06:00  2026-0003  ghi chú (lan): thuộc sự cố 2026-0009 / part of incident 2026-0009" in lines
    assert "  06:00  2026-0003  merged: part of incident 2026-0009" in told(shift, "en").splitlines()


def test_json_holds_the_same(reader):
    shift = handover(reader, SEVEN - 12 * HOUR, SEVEN, reader.incidents(going_on=True), [])
    found = json.loads(json.dumps(shifts.as_json(shift, lambda one: {"id": one.id})))
    assert (found["open"], found["restored"], found["situation"]) == ([{"id": "2026-0002"}], [{"id": "2026-0001"}], None)
    assert [entry["verb"] for entry in found["entries"]] == ["opened", "acknowledge", "cause", "comment"]
    assert found["changes"] == [
        {"at": SEVEN - HOUR, "verb": "declare", "author": "noc", "note": "Lan", "window": "Bão giả định"}
    ]


def test_the_gravest_incident_comes_first_and_what_nobody_took_on_before_what_somebody_did():
    def one(name, impact, **over):
        return incident(name, impact=impact, **over)

    backup, cut = Impact(on_backup=("1", "2", "3")), Impact(isolated=("1",))
    given = [
        one("d", Impact()),
        one("b", backup),
        one("taken", cut, acknowledged="lan"),
        one("a", cut),
        one("c", backup, since=1e9 + 9e8),
    ]
    assert [each.id for each in shifts.gravest_first(given)] == ["a", "taken", "b", "c", "d"]


def test_works_are_told_when_they_are_near_under_way_or_late_and_storms_while_they_stand():
    windows = [
        (window("xa", start=13 * HOUR, until=14 * HOUR), Phase.PREPARE),
        (window("sắp", start=11 * HOUR, until=14 * HOUR), Phase.PREPARE),
        (window("đang"), Phase.IMPACT),
        (window("trễ", start=-5 * HOUR, until=-HOUR), Phase.OVER),
        (window("Bão số 13", WindowKind.STORM, 40 * HOUR, 60 * HOUR), Phase.PREPARE),
        (window("Bão số 11", WindowKind.STORM, -90 * HOUR, -80 * HOUR), Phase.OVER),
    ]
    near = shifts.near(windows, SEVEN)
    assert [each.name for each, _ in near] == ["Bão số 13", "trễ", "đang", "sắp"]
    shift = shifts.Shift(at=SEVEN, since=SEVEN - HOUR, open=[], ended=[], entries=[], changes=[], windows=near)
    assert [line for line in told(shift).splitlines() if line.startswith("B") and "từ" in line] == [
        "Bão số 13: đang chuẩn bị ứng phó, từ 23:00 ngày 23/11/2026 đến 19:00 ngày 24/11/2026",
        "Bảo trì trễ: QUÁ GIỜ, chưa ai kết thúc, từ 02:00 đến 06:00",
        "Bảo trì đang: đang tiến hành, từ 06:00 đến 08:00",
        "Bảo trì sắp: sắp bắt đầu, từ 18:00 đến 21:00",
    ]
    assert "  (không có)" in told(shift)


def test_how_things_stand_comes_first_with_the_three_that_go_dark_next():
    masts = [mast(f"b{n}", n=n) for n in range(5)]
    things = inventory(*(seat("52", n) for n in range(2)), *masts, devices=[(f"c{n}", f"b{n}") for n in range(5)])
    is_ = standpoint(
        sites={"s520": Service.ISOLATED, "s521": "up"},
        devices={f"c{n}": "up" for n in range(5)},
        dark=[GoesDark(f"b{n}", SEVEN + 12 * HOUR + n * HOUR) for n in range(5)],
    )
    report = sitrep(is_, things, communes(2), {"52": Words("Tỉnh Gia Lai", "Gia Lai Province")})
    shift = shifts.Shift(
        at=is_.at, since=SEVEN, open=[], ended=[], entries=[], changes=[], windows=[], situation=replace(report, live=True)
    )
    assert told(shift).splitlines()[2:4] == [
        "Tỉnh Gia Lai: TSLCD cấp II: 1/2 xã mất liên lạc, chưa rõ nguyên nhân. Trạm BTS mất liên lạc: 0/5.",
        "Sắp hết nguồn trong 12 giờ tới: 5 điểm "
        "(Trạm b0 khoảng 19:00, Trạm b1 khoảng 20:00, Trạm b2 khoảng 21:00 và 2 nơi khác).",
    ]
    stored = replace(shift, situation=replace(report, live=False))
    assert told(stored).splitlines()[2] == "netmon không chạy; tình trạng lúc 18:36 ngày 22/11/2026:"


def test_many_incidents_are_cut_and_the_rest_is_counted():
    many = [incident(str(n)) for n in range(shifts.ROWS_AT_MOST + 1)]
    shift = shifts.Shift(at=SEVEN, since=0, open=many, ended=[], entries=[], changes=[], windows=[])
    assert "  … 1 other incident\n" in told(shift, "en")

"""`netmon status`: what the page says, that it fits, that nothing in it steers the terminal."""

import asyncio
import io
import json
import re
import unicodedata
from dataclasses import replace
from types import SimpleNamespace

import pytest

from netmon.answers import Answers
from netmon.cli.colour import SIGNS, Ink, ink
from netmon.cli.status import from_store
from netmon.cli.status_lists import show
from netmon.cli.status_view import lines, watched
from netmon.cli.words import width
from netmon.control import ControlError
from netmon.derive.states import Track
from netmon.facts import NO_WITNESS, complaints
from netmon.model import DeviceState, Outcome, Speech
from netmon.store import Store
from tests.running import province
from tests.targets.made import NoMeter

NOW = 1_795_356_000.0  # 2026-11-22 21:00 in Viet Nam
PLAIN = Ink(colour=False, unicode=True)
SECTIONS = (
    "Incidents under way",
    "Isolated, unreachable",
    "On backup link",
    "On battery, dark next",
    "Devices down",
    "Not down, but not wholly measured",
    "Targets",
)
STANDINGS = ("met", "at_risk", "missed", "unproven", "exempt")


def place(code="01290", site="cb-01290", kind="peoples_committee", name="UBND xã Bảo Lâm"):
    return {"site": site, "name": name, "kind": kind, "commune": code}


def listed(*rows):
    return {"total": sum(row.get("count", 1) for row in rows), "rows": list(rows)}


def commune(code, name, name_en, state):
    return {"code": code, "name": name, "name_en": name_en, "state": state}


def incident(**other):
    impact = {"isolated": ["01290"], "on_backup": [], "service_centres": [], "stations": ["a", "b"]}
    return {
        "id": "2026-0017",
        "province": "04",
        "root": {"kind": "cable", "id": "cb-trunk-1"},
        "cause": "fibre",
        "found_cause": "fibre",
        "corrected": None,
        "since": NOW - 7_500,
        "down": 5,
        "impact": impact,
        "acknowledged": "",
        "assigned": "",
        **other,
    }


def target(name, **counts):
    worst = [{"commune": "01290", "standing": "missed", "value": 0.97948}] if counts.get("missed") else []
    return {
        "id": name,
        "title_vi": f"Chỉ tiêu {name}",
        "title_en": f"Target {name}",
        "rule": "percentile_utilisation",
        "limit": 0.9,
        "level": "commune",
        "counts": dict.fromkeys(STANDINGS, 0) | counts,
        "worst": worst,
    }


def board(**province):
    link = {"kind": "fibre", "role": "primary", "operator": "viettel", "circuit": "CB-1"}
    calm = {
        "code": "04",
        "name": "Tỉnh Cao Bằng",
        "name_en": "Cao Bang Province",
        "communes": [
            commune("01290", "Xã Bảo Lâm", "Bao Lam Commune", "isolated"),
            commune("01294", "Xã Lý Bôn", "Ly Bon Commune", "up"),
        ],
        "devices": {"up": 9, "suspect": 0, "down": 1, "unreachable": 3, "unknown": 0},
        "cut_off": listed(
            {"state": "isolated", "since": NOW - 7_500, "count": 1, "sites": [place()], "links": [link]},
            {"state": "unreachable", "since": NOW - 60, "count": 9, "sites": [place("01294")], "cause": None},
        ),
        "on_backup": listed(),
        "on_battery": listed(
            {"since": NOW - 60, "count": 1, "sites": [place(kind="bts", name="Trạm A")], "last_known": False}
        ),
        "dark": listed(
            {
                **place(kind="bts", name="Trạm A"),
                "earliest": NOW,
                "likely": NOW + 5_400,
                "latest": NOW + 7_200,
                "since": NOW,
            },
            {**place(kind="bts", name="Trạm B"), "earliest": None, "likely": None, "latest": None, "since": NOW},
        ),
        "down": listed(
            {
                "device": {"device": "r1", **place()},
                "state": "down",
                "since": NOW,
                "detail": "silent",
                "count": 4,
                "behind": 3,
            }
        ),
        "targets": [target("good", met=2), target("tslcd_p95", missed=1, met=1)],
    }
    return {
        "version": "1.2",
        "time": NOW,
        "ready": True,
        "self_isolated": False,
        "self_isolated_since": None,
        "lost": [],
        "unheard": 0,
        "complaints": listed(),
        "incidents": [incident()],
        "storms": [],
        "maintenance": [],
        "provinces": [calm | province],
    }


def page(told, language="vi", pen=PLAIN, columns=None, rows=None, now=NOW):
    return lines(told, language, pen, now=now, columns=columns, rows=rows)


def line_of(shown, words):
    found = [line for line in shown if words in line]
    assert len(found) == 1, shown
    return found[0]


# --- what it says -------------------------------------------------------------------------------------------------------


def test_the_page_says_who_is_cut_off_since_when_why_what_fails_next_and_what_is_missed():
    shown = page(board())
    assert "■ 1 Cô lập" in line_of(shown, "● 1 Bình thường")
    assert "9 hoạt động, 3 không tới được, 1 mất kết nối" in line_of(shown, "thiết bị:")
    told = line_of(shown, "2026-0017")
    for words in (
        "2 giờ 05 phút",
        "đứt cáp",
        "chưa ai nhận",
        "Cáp cb-trunk-1",
        "1 xã cô lập",
        "2 trạm BTS",
        "5 mất kết nối",
    ):
        assert words in told
    told = line_of(shown, "Mất tuyến cáp quang VIETTEL CB-1")
    assert "■  Xã Bảo Lâm" in told
    assert "từ 18:55" in told
    assert "◆" in line_of(shown, "9 điểm không tới được")
    assert "còn 1 giờ 30 phút (21:00–23:00)" in line_of(shown, "Trạm A")
    assert "chưa ước được thời gian còn lại" in line_of(shown, "Trạm B")
    assert "kéo theo 3 thiết bị" in line_of(shown, "r1")
    assert "97,95 %" in line_of(shown, "Chỉ tiêu tslcd_p95")
    assert shown.index(line_of(shown, "Chỉ tiêu tslcd_p95")) < shown.index(line_of(shown, "Chỉ tiêu good"))
    assert "netmon explain tslcd_p95/01290" in shown[-1]


def test_a_corrected_cause_has_netmons_own_beside_it_only_where_they_differ():
    for cause, told in (("power", "mất điện (netmon: đứt cáp)"), ("fibre", "đứt cáp  ")):
        shown = page(board() | {"incidents": [incident(cause=cause, corrected=cause)]})
        assert told in line_of(shown, "2026-0017")


def test_the_same_in_english():
    shown = page(board(), "en")
    assert "taken by lan, with Minh" in line_of(
        page(board() | {"incidents": [incident(acknowledged="web:lan", assigned="Minh")]}, "en"), "2026-0017"
    )
    assert "2 h 05 min" in line_of(shown, "2026-0017")
    assert "Bao Lam Commune" in line_of(shown, "Lost: fibre VIETTEL CB-1")
    assert not [line for line in shown if "Xã" in line or "phút" in line]


@pytest.mark.parametrize(
    ("storm", "says"),
    [
        ({"phase": "prepare", "start": NOW + 3_600}, "▶ Bão số 12 · cấp độ rủi ro 4 · chuẩn bị · bắt đầu sau 1 giờ 00 phút"),
        ({"phase": "impact"}, "▶ Bão số 12 · cấp độ rủi ro 4 · đang ảnh hưởng · còn 2 giờ 00 phút"),
        ({"phase": "recover", "exercise": True}, "▶ [DIỄN TẬP] Bão số 12 · cấp độ rủi ro 4 · đang khắc phục"),
    ],
)
def test_a_storm_stands_on_top_with_its_phase_and_a_countdown(storm, says):
    whole = {"name": "Bão số 12", "level": 4, "exercise": False, "start": NOW, "until": NOW + 7_200} | storm
    assert page(board() | {"storms": [whole]})[0] == says


def test_what_is_wrong_with_netmon_itself_is_said_first():
    works = {"name": "Thay cáp", "exercise": False, "until": NOW - 1_800, "overrun": True}
    wrong = {
        "self_isolated": True,
        "self_isolated_since": NOW - 60,
        "lost": ["influx", "mqtt"],
        "unheard": 7,
        "ready": False,
    }
    shown = page(board() | wrong | {"maintenance": [works]})
    assert "netmon bị cô lập từ 20:59" in shown[0]
    assert "Mất kết nối với máy chủ MQTT: 7 thiết bị" in line_of(shown, "MQTT")
    assert "QUÁ GIỜ 30 phút" in line_of(shown, "Thay cáp")


def test_a_store_that_was_damaged_is_told_for_a_day(tmp_path):
    """By the daemon, and out of the store where none runs."""
    store = tmp_path / "netmon.db"
    Store.open(store, NoMeter()).close()
    lost = {"slot": {"stretches": 1, "rows": 120, "tail": False}, "day": {"stretches": 1, "rows": 7, "tail": True}}
    found = {"at": NOW - 86_000, "why": "row 7 missing", "aside": "netmon.db.damaged-1", "running": True, "lost": lost}
    store.with_name("netmon.db.damage").write_text(json.dumps(found))
    settings = SimpleNamespace(store=SimpleNamespace(path=store), inventory=province())
    asked = asyncio.run(Answers._trouble(SimpleNamespace(_held=lambda: None, _settings=lambda: settings)))
    stored = from_store(settings) | {"silent": False}
    assert asked["damaged"] == stored["damaged"] == found
    for told in (
        page(board() | asked, "vi")[0],
        show(stored, "vi", everything=False, now=NOW),
    ):
        assert "row 7 missing. Đã dựng lại, mất một phần của bảng: slot (≤ 120), day; tệp hỏng: netmon.db.damaged-1" in told
    whole = board() | {"damaged": found | {"lost": {}}}
    assert "damaged at 21:06 21/11: row 7 missing. It is rebuilt, nothing is lost" in page(whole, "en")[0]
    assert "damaged" not in "".join(page(whole, "en", now=NOW + 500))
    assert "hỏng" not in show(stored, "vi", everything=False, now=NOW + 500)
    store.with_name("netmon.db.damage").write_text("{")
    with pytest.raises(ControlError, match="damage: cannot be read"):
        asyncio.run(Answers._trouble(SimpleNamespace(_held=lambda: None, _settings=lambda: settings)))


def test_calm_is_said_only_when_all_is_known():
    calm = dict.fromkeys(("cut_off", "on_backup", "on_battery", "dark", "down"), listed())
    quiet = board(**calm, devices={"up": 9, "unknown": 0}) | {"incidents": []}
    assert line_of(page(quiet), "Không có sự cố")
    unsure = board(**calm, devices={"up": 8, "unknown": 1}) | {"incidents": []}
    assert not [line for line in page(unsure) if "Không có sự cố" in line]


def test_what_is_not_down_but_not_well_is_told_and_what_is_falling_is_not():
    """A refusal, an interface that is not there, a link without witness; devices of a lost broker are one number."""
    things = province(4)
    links = things.links | {"f1": replace(things.links["f1"], near=None, far=None, check=None)}
    tracks = {name: Track(state=DeviceState.UP, since=NOW, heard=NOW) for name in things.devices} | {
        "r0": Track(state=DeviceState.UP, since=NOW, heard=NOW, detail="authorizationError"),
        "r1": Track(state=DeviceState.SUSPECT, since=NOW, heard=NOW, silences=1, detail="did not answer"),
        "r2": Track(state=DeviceState.DOWN, since=NOW, heard=NOW, silences=2, detail="did not answer"),
        "r3": Track(outcome=Outcome.LOCAL, detail="the broker is away"),
    }
    devices = things.devices | {"r3": replace(things.devices["r3"], speaks=Speech.MQTT)}
    network = SimpleNamespace(inventory=replace(things, devices=devices, links=links), tracks=tracks)
    told = complaints(network, {"f2": "r2 has no interface ge0"})
    assert told["unheard"] == 1
    assert {row["id"]: row["detail"] for row in told["complaints"]["rows"]} == {
        "r0": "authorizationError",
        "f1": NO_WITNESS,
        "f2": "r2 has no interface ge0",
    }
    shown = page(board() | told, "en")
    assert "r0 · authorizationError" in line_of(shown, "01300")


# --- how it fits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [20, 79, 100])
@pytest.mark.parametrize(
    "name", ["Bão số mười hai " * 20, unicodedata.normalize("NFD", "Phường Nùng Trí Cao " * 20), "华为" * 80]
)
def test_no_line_is_wider_than_the_terminal_whatever_a_name_is_written_in(columns, name):
    storm = {"name": name, "level": 4, "exercise": False, "phase": "impact", "start": NOW, "until": NOW + 7_200}
    shown = page(board() | {"storms": [storm]}, columns=columns)
    assert max(map(width, shown)) <= columns
    assert width(shown[0]) >= columns - 1
    assert shown[0].endswith("…")


@pytest.mark.parametrize("rows", [9, 14, 24])
def test_what_finds_no_room_is_counted_and_the_targets_give_way_before_the_communes(rows):
    cut = [{"state": "isolated", "since": NOW, "count": 1, "sites": [place()], "links": []}] * 6
    many = board(
        cut_off=listed(*cut), targets=[target(f"t{n}", met=1) for n in range(15)], dark=listed(), on_battery=listed()
    )
    shown = page(many, rows=rows)
    assert len(shown) <= rows
    assert line_of(shown, "Cô lập, không tới được  6")
    if rows == 24:
        assert len([line for line in shown if "■  Xã Bảo Lâm" in line]) == 6
        assert len([line for line in shown if "Chỉ tiêu t" in line]) + int(re.search(r"và (\d+)", shown[-1])[1]) == 15


def crowded():
    """A board that has something to say in every section."""
    said = ("isolated", "on_backup", "battery", "down")
    rows = {state: {"since": NOW, "count": 1, "sites": [place()], "links": []} for state in said}
    complaint = {"id": "r9", "province": "04", "commune": "01294", "since": NOW, "detail": "refuses"}
    told = board(cut_off=listed(*[rows["isolated"] | {"state": "isolated"}] * 5), on_backup=listed(*[rows["on_backup"]] * 5))
    return told | {"complaints": listed(complaint)}


def test_a_small_terminal_has_the_gravest_sections_and_the_number_of_the_others():
    for rows in range(5, 40):
        shown = page(crowded(), "en", rows=rows)
        assert len(shown) <= rows
        headings = [n for n in SECTIONS if [line for line in shown if line.startswith(n)]]
        assert headings == list(SECTIONS[: len(headings)])
        left = len(SECTIONS) - len(headings)
        assert shown[-1].strip() == f"and {left} more sections" if left else "more sections" not in shown[-1], rows
    assert len(headings) == len(SECTIONS)
    two = crowded()
    two["provinces"] *= 2
    cut = [line for line in page(two, "en", rows=24) if line.startswith(("Isolated", "On backup", "Targets"))]
    assert cut == ["Isolated, unreachable  5", "On backup link  5"] * 2
    assert page(crowded(), "en", rows=10)[-2:] == ["  and 3 more", "  and 5 more sections"]


def test_a_narrow_terminal_has_the_gravest_states():
    assert page(board(), "en", columns=40)[1].startswith("  ■ 1 Isolated  ◆ 0 Unreachable")
    for language, states in (("vi", 78), ("en", 70)):
        assert width(page(board(on_battery=listed()), language)[1]) < states
    whole = page(board(), "en")[1]
    assert re.findall(r"[^\W\d]\w+(?: \w+)?", whole) == [
        "Isolated",
        "Unreachable",
        "On backup",
        "On battery",
        "Unknown",
        "Up",
    ]


def test_what_netmon_counts_and_does_not_list_is_no_single_province_s():
    complaint = {"id": "r9", "province": "04", "commune": "01294", "since": NOW, "detail": "refuses"}
    told = board() | {"complaints": {"total": 90, "rows": [complaint] * 40}}
    assert line_of(page(told, "en"), "and 50 more")
    told["provinces"] = [*told["provinces"], told["provinces"][0] | {"code": "06", "name_en": "Bac Kan"}]
    told["complaints"]["rows"][1:] = [complaint | {"province": "06"}] * 39
    shown = page(told, "en")
    assert [line.rpartition(" ")[2] for line in shown if line.startswith("Not down")] == ["1", "39"]
    assert "50 more" in shown[-1]
    assert not [line for line in shown[:-1] if "more" in line]


def test_a_page_that_netmon_does_not_answer_for_any_more_says_since_when():
    shown = watched(board(), "vi", PLAIN, silent=True, now=NOW + 130, columns=100, rows=30)
    assert "DỮ LIỆU CŨ: netmon không trả lời từ 21:00:00 (2 phút)" in shown[0]
    assert line_of(shown, "2026-0017")
    assert "Chưa kết nối được" in watched(None, "vi", PLAIN, silent=True, now=NOW, columns=100, rows=30)[0]


# --- what a terminal is given -------------------------------------------------------------------------------------------


def test_nothing_that_a_device_says_steers_the_terminal():
    evil = "\x1b]0;owned\x07\x1b[2J\r\n\u202egnol\u2028x"
    row = {"of": "device", "id": evil, "site": "s", "province": "04", "commune": "01290", "since": NOW, "detail": evil}
    down = {
        "device": {"device": evil, **place(name=evil)},
        "state": "down",
        "since": NOW,
        "detail": evil,
        "count": 1,
        "behind": 0,
    }
    told = board(down=listed(down), name=evil) | {"complaints": listed(row), "incidents": [incident(acknowledged=evil)]}
    for pen in (PLAIN, Ink(colour=True, unicode=True), Ink(colour=True, unicode=False)):
        text = "".join(re.sub(r"\x1b\[[0-9;]+m", "", line) for line in page(told, pen=pen))
        assert "owned" in text
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")]


def test_without_unicode_all_is_ascii_and_can_still_be_read():
    shown = page(board(), pen=Ink(colour=False, unicode=False))
    assert all(line.isascii() for line in shown)
    assert "Xa Bao Lam" in line_of(shown, "Mat tuyen cap quang")


def test_each_state_has_a_sign_of_its_own_in_either_alphabet():
    states = ("up", "on_backup", "isolated", "unreachable", "unknown", "none", "down", "battery")
    for alphabet in (0, 1):
        for group in (states, STANDINGS):
            assert len({SIGNS[state][alphabet] for state in group}) == len(group)
    assert all(width(sign) == 1 and plain.isascii() for sign, plain in SIGNS.values())


class Screen(io.TextIOWrapper):
    def __init__(self, tty, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding)
        self.tty = tty

    def isatty(self):
        return self.tty


@pytest.mark.parametrize(
    ("choice", "tty", "environ", "colour"),
    [
        ("auto", True, {"TERM": "xterm"}, True),
        ("auto", False, {"TERM": "xterm"}, False),
        ("auto", True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("auto", True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_a_terminal_that_wants_them(choice, tty, environ, colour):
    assert ink(choice, Screen(tty), environ).colour is colour
    assert ("\x1b[" in "".join(page(board(), pen=ink(choice, Screen(tty), environ)))) is colour


def test_the_alphabet_is_that_of_the_stream():
    assert ink("auto", Screen(tty=True), {}).unicode
    assert not ink("auto", Screen(tty=True, encoding="ascii"), {}).unicode

"""The situation report: what it counts agrees with a count of our own, and what it says is what it counts."""

import json
import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import (
    VIET_NAM,
    Carrier,
    CauseClass,
    CellName,
    CellState,
    Declared,
    Device,
    Impact,
    Link,
    LinkKind,
    LinkRole,
    Outage,
    Phase,
    Site,
    SiteKind,
    Subject,
    WindowKind,
    Words,
)
from netmon.reports.html import render
from netmon.reports.sitrep import GoesDark, Standpoint, Stands, operators_down, sitrep, total
from netmon.reports.sitrep_words import page, text
from tests.web.desk import incident

NOW = datetime(2026, 11, 22, 18, 36, tzinfo=VIET_NAM).timestamp()
HOUR = 3600.0
NAMES = {"52": Words("Tỉnh Gia Lai", "Gia Lai Province"), "66": Words("Tỉnh Đắk Lắk", "Dak Lak Province")}
SERVICES = ("up", "on_backup", "isolated", "unreachable", "unknown", "suspect", None)
DEVICES = ("up", "suspect", "down", "unreachable", "unknown", None)
OPERATORS = ("mobifone", "viettel", "vnpt")


def commune(province, n):
    return f"{province}{n:03}"


def communes(*sizes):
    return {
        province: {commune(province, n): Words(f"Xã {n}", f"{n} Commune") for n in range(size)}
        for province, size in zip(NAMES, sizes, strict=False)
    }


def inventory(*sites, linked=(), devices=()):
    links = [
        Link(
            id=f"f-{site}", site=site, upstream_site="centre", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY,
            network="tslcd_2", capacities=(),
        )
        for site in linked
    ]  # fmt: skip
    return Inventory(
        {site.id: site for site in sites},
        {device: Device(id=device, site=site) for device, site in devices},
        {link.id: link for link in links},
    )


def seat(province, n, suffix=""):
    kind = SiteKind.PEOPLES_COMMITTEE
    return Site(id=f"s{province}{n}{suffix}", name=f"UBND {n}", kind=kind, province=province, commune=commune(province, n))


def mast(name, province="52", n=0, operators=()):
    carriers = tuple(Carrier(operator=operator) for operator in operators)
    place = {"province": province, "commune": commune(province, n)}
    return Site(id=name, name=f"Trạm {name}", kind=SiteKind.BTS, carriers=carriers, **place)


def standpoint(**told):
    fields = {
        "at": NOW, "since": NOW - HOUR, "live": True, "devices": {}, "links": {}, "sites": {}, "on_battery": {},
        "incidents": (), "windows": (), "ended": (),
    }  # fmt: skip
    for kind in ("devices", "links", "sites"):
        if kind in told:
            told[kind] = {name: Stands(state, NOW - 180) for name, state in told[kind].items() if state}
    return Standpoint(**fields | told)


def storm(name="Bão số 12", *, exercise=False, phase=Phase.IMPACT):
    window = Declared(
        id=name, kind=WindowKind.STORM, name=name, start=0, until=NOW + HOUR, level=4, exercise=exercise
    )  # fmt: skip
    return window, phase


def ended(kind, name, start=NOW - 1800, end=NOW - 600):
    return Outage(Subject(kind, name), "isolated", start, end, "", "")


# --- what it counts ---------------------------------------------------------------------------------------------------


@st.composite
def provinces(draw):
    """Two provinces with any states: communes with no seat, one or two; masts with and without links, shared or nobody's."""
    sizes = draw(st.tuples(st.integers(0, 5), st.integers(0, 3)))
    seats, masts, linked, devices, states, battery, down, by_device = [], [], [], [], {}, {}, {}, {}
    for province, size in zip(NAMES, sizes, strict=True):
        for n in range(size + 1):  # one more than is in scope
            for suffix in "ab"[: draw(st.integers(0, 2))]:
                site = seat(province, n, suffix)
                seats.append(site)
                states[site.id] = draw(st.sampled_from(SERVICES))
        for n in range(draw(st.integers(0, 4))):
            shared = draw(st.lists(st.sampled_from(OPERATORS), unique=True, max_size=3))
            site = mast(f"m{province}{n}", province, draw(st.integers(0, size)), shared)
            masts.append(site)
            if draw(st.booleans()):
                linked.append(site.id)
                states[site.id] = draw(st.sampled_from(SERVICES))
            for each in range(draw(st.integers(0, 2))):
                devices.append((f"{site.id}-{each}", site.id))
                by_device[f"{site.id}-{each}"] = draw(st.sampled_from(DEVICES))
            down[site.id] = frozenset(draw(st.lists(st.sampled_from(OPERATORS), max_size=3)))
    for site in (*seats, *masts):
        if draw(st.booleans()):
            battery[site.id] = NOW - 60
    things = inventory(*seats, *masts, linked=(*linked, *(site.id for site in seats)), devices=devices)
    is_ = standpoint(sites=dict(states), devices=dict(by_device), on_battery=battery, operators_down=down)
    return is_, things, communes(*sizes)


def count(is_, things, province, scope):
    """The same figures, counted another way: commune by commune and mast by mast, by what is written of each."""
    found = dict.fromkeys(("lost", "on_backup", "up", "unknown", "unwatched", "stations_lost", "positions_lost"), 0)
    state = {site: is_.sites[site].state if site in is_.sites else "unknown" for site in things.sites}
    linked = {link.site for link in things.links.values()}
    dark = set()
    for site in things.sites.values():
        if site.kind != SiteKind.BTS:
            continue
        its = [is_.devices[d.id].state if d.id in is_.devices else "" for d in things.devices.values() if d.site == site.id]
        if site.id in linked:
            gone = state[site.id] in ("isolated", "unreachable")
        else:
            gone = its != [] and set(its) <= {"down", "unreachable"}
        operators = {carrier.operator for carrier in site.carriers}
        off = operators & is_.operators_down.get(site.id, frozenset())
        if gone or (operators and off == operators):
            dark.add(site.id)
        if site.province == province:
            found["positions_lost"] += (len(operators) or 1) if gone else len(off)
            found["stations_lost"] += site.id in dark
    entirely = 0
    for code in scope:
        here = {state[site.id] for site in things.sites.values() if site.commune == code and site.kind != SiteKind.BTS}
        masts = {site.id for site in things.sites.values() if site.commune == code and site.kind == SiteKind.BTS}
        if not here:
            found["unwatched"] += 1
        elif here & {"isolated", "unreachable"}:
            found["lost"] += 1
            entirely += bool(masts) and masts <= dark
        elif "on_backup" in here:
            found["on_backup"] += 1
        elif here & {"unknown", "suspect"}:
            found["unknown"] += 1
        else:
            found["up"] += 1
    return found | {"lost_entirely": entirely}


@given(provinces())
def test_the_figures_agree_with_a_count_of_our_own_and_no_commune_is_missing_or_counted_twice(world):
    is_, things, scope = world
    report = sitrep(is_, things, scope, NAMES)
    for province in report.provinces:
        counts = province.counts
        own = count(is_, things, province.code, scope[province.code])
        assert own == {name: getattr(counts, name) for name in own if name != "positions_lost"} | {
            "positions_lost": sum(counts.positions_lost.values())
        }
        assert counts.communes == counts.lost + counts.on_backup + counts.up + counts.unknown + counts.unwatched
        assert counts.lost == len(province.lost) == sum(counts.lost_by_cause.values())
        assert all(some <= counts.positions[name] for name, some in counts.positions_lost.items())
        assert counts.stations_lost + counts.stations_on_battery <= counts.stations
        assert counts.stations_lost + counts.stations_unknown <= counts.stations
    for name in ("communes", "lost", "stations", "stations_lost", "stations_on_battery"):
        assert getattr(report.total, name) == sum(getattr(province.counts, name) for province in report.provinces)


@given(provinces())
def test_text_page_and_json_say_the_same_figures_in_both_languages(world):
    report = sitrep(*world, NAMES)
    told = json.loads(json.dumps(report.as_json(), allow_nan=False))
    vi, en = text(report, "vi"), text(report, "en")
    of = [told["total"], *(province["counts"] for province in told["provinces"])]
    assert re.findall(r"TSLCD cấp II: (\d+)/(\d+) xã", vi) == [(str(c["lost"]), str(c["communes"])) for c in of]
    assert re.findall(r"TSLCD level II: (\d+)/(\d+) comm", en) == [(str(c["lost"]), str(c["communes"])) for c in of]
    lost = [(str(c["stations_lost"]), str(c["stations"])) for c in of]
    assert re.findall(r"BTS mất liên lạc: (\d+)/(\d+)", vi) == re.findall(r"stations lost: (\d+)/(\d+)", en) == lost
    assert re.findall(r"dự phòng: (\d+) xã", vi) == [str(c["on_backup"]) for c in of]
    assert re.findall(r"máy phát: (\d+) trạm BTS, (\d+) UBND", vi) == [
        (str(c["stations_on_battery"]), str(c["communes_on_battery"])) for c in of
    ]
    body = render(page(report), "vi")
    assert all(re.sub(r"^\d+\. ", "", line) in body for line in vi.splitlines() if line[:1].isdigit())


# --- what it says -----------------------------------------------------------------------------------------------------


def one_lost(**over):
    """Commune 0 of Gia Lai is cut off with both its masts; 1 runs on its backup."""
    things = inventory(
        *(seat("52", n) for n in range(3)), mast("a", operators=("viettel", "vnpt")), mast("b"), mast("c", n=1),
        linked=("s520", "s521", "s522"), devices=(("a1", "a"), ("b1", "b"), ("c1", "c"), ("c2", "c")),
    )  # fmt: skip
    told = {
        "sites": {"s520": "isolated", "s521": "on_backup", "s522": "up"},
        "devices": {"a1": "down", "b1": "unreachable", "c1": "up", "c2": "up"},
        "links": {"f-s520": "down"},
        "incidents": [incident(since=NOW - 180, cause=CauseClass.POWER, impact=Impact(isolated=("52000",)))],
    }
    return standpoint(**told | over), things, communes(4)


def lines(world, language="vi", **more):
    return text(sitrep(*world, NAMES, **more), language).splitlines()


def test_one_province_is_told_as_it_is_read_on_the_phone():
    world = one_lost(
        on_battery={"c": NOW - 60, "s521": NOW - 60, "a": NOW - 60},
        dark=[GoesDark("c", NOW + 2 * HOUR), GoesDark("a", NOW + HOUR), GoesDark("s521", NOW + 13 * HOUR)],
        ended=[ended("site", "s522"), ended("site", "s520")],
    )
    assert lines(world, before=NOW - HOUR) == [
        "BÁO CÁO NHANH TÌNH HÌNH THÔNG TIN LIÊN LẠC",
        "Tính đến 18:36 ngày 22/11/2026 (báo cáo trước: 17:36)",
        "",
        "TỈNH GIA LAI",
        "1. TSLCD cấp II: 1/4 xã mất liên lạc do mất điện: Xã 0 (từ 18:33). 1 xã chưa được giám sát.",
        "2. Mất toàn bộ liên lạc, cả TSLCD và mọi trạm BTS được giám sát: 1 xã (Xã 0).",
        "3. Trạm BTS mất liên lạc: 2/3; vị trí mất theo nhà mạng: chưa rõ nhà mạng 1/2, viettel 1/1, vnpt 1/1.",
        "4. Chạy đường dự phòng: 1 xã (Xã 1).",
        "5. Mất điện lưới, chạy ắc quy hoặc máy phát: 1 trạm BTS, 1 UBND xã (Xã 1).",
        "6. Sắp hết nguồn trong 12 giờ tới: 1 điểm (Trạm c khoảng 20:36).",
        "7. Đã khôi phục từ báo cáo trước (17:36): 0 trạm BTS, 1 xã (Xã 2 lúc 18:26).",
    ]
    assert lines(world, "en")[3:] == [
        "GIA LAI PROVINCE",
        "1. TSLCD level II: 1/4 communes disconnected (power): 0 Commune (since 18:33). 1 commune not watched.",
        "2. Everything lost, TSLCD and every base station that is watched: 1 commune (0 Commune).",
        "3. Base stations lost: 2/3; positions lost by operator: operator not known 1/2, viettel 1/1, vnpt 1/1.",
        "4. On the backup link: 1 commune (1 Commune).",
        "5. Without mains, on battery or generator: 1 base station, 1 People's Committee (1 Commune).",
        "6. Out of power within 12 h: 1 site (Trạm c about 20:36).",
        "7. Restored since 17:36: 0 base stations, 1 commune (2 Commune at 18:26).",
    ]


def test_several_provinces_begin_with_the_sum_as_the_ministry_asks_for_it():
    things = inventory(*(seat(p, n) for p in NAMES for n in range(3)), mast("a", "66"), linked=("a",))
    lost = {"s520": "isolated", "s660": "isolated", "s661": "unreachable", "a": "isolated"}
    power = incident("1", cause=CauseClass.POWER, impact=Impact(isolated=("52000", "66000")))
    fibre = incident("2", since=power.since + 1, impact=Impact(isolated=("66001",)))
    world = standpoint(sites=lost, incidents=[fibre, power]), things, communes(3, 3)
    assert lines(world)[3:7] == [
        "TỔNG CỘNG 2 TỈNH, THÀNH PHỐ",
        "1. TSLCD cấp II: 3/6 xã mất liên lạc (mất điện 2, đứt cáp 1): Gia Lai 1/3, Đắk Lắk 2/3. 3 xã chưa rõ tình trạng.",
        "2. Mất toàn bộ liên lạc, cả TSLCD và mọi trạm BTS được giám sát: 1 xã.",
        "3. Trạm BTS mất liên lạc: 1/1 (Đắk Lắk 1); vị trí mất theo nhà mạng: chưa rõ nhà mạng 1/1.",
    ]
    assert "Xã 0 (từ 18:33, mất điện), Xã 1 (từ 18:33, đứt cáp)" in text(sitrep(*world, NAMES), "vi")


def test_a_persons_cause_is_the_one_that_is_told_and_netmons_stands_beside_it():
    is_, things, scope = one_lost()
    said = replace(is_.incidents[0], corrected=CauseClass.WORKS)
    report = sitrep(replace(is_, incidents=[said]), things, scope, NAMES)
    assert report.provinces[0].counts.lost_by_cause == {"works": 1}
    assert "mất liên lạc do bảo trì có kế hoạch" in text(report, "vi")
    assert "bảo trì có kế hoạch (netmon xác định: mất điện)" in render(page(report), "vi")


@pytest.mark.parametrize(
    ("over", "cause"),
    [
        ({"members": (Subject("link", "f-s520"),)}, "fibre"),
        ({"members": (), "root": Subject("commune", "52000")}, "fibre"),
        ({"members": (Subject("link", "f-s521"),)}, "unknown"),
    ],
)
def test_the_cause_is_that_of_the_incident_that_took_its_link_or_that_a_person_opened_about_it(over, cause):
    is_, things, scope = one_lost()
    report = sitrep(replace(is_, incidents=[incident(impact=Impact(), **over)]), things, scope, NAMES)
    (lost,) = report.provinces[0].lost
    assert (lost.cause, bool(lost.incident)) == (cause, cause != "unknown")
    assert ("chưa rõ nguyên nhân" in text(report, "vi")) == (cause == "unknown")


def test_an_operator_whose_cells_are_all_told_down_is_off_the_mast_and_the_mast_is_lost_with_its_last_one():
    def off(*down):
        report = sitrep(*one_lost(devices={"a1": "up"}, operators_down={"a": frozenset(down)}), NAMES)
        counts = report.provinces[0].counts
        return counts.positions_lost, counts.stations_lost

    assert off() == ({}, 0)
    assert off("viettel") == ({"viettel": 1}, 0)
    assert off("viettel", "vnpt") == ({"viettel": 1, "vnpt": 1}, 1)
    assert off("someone_else") == ({}, 0)


def test_operators_are_down_only_where_every_cell_is_told_down():
    def cell(site, operator, name, state):
        return CellName(site, operator, "4g", name), state

    told = [
        cell("a", "viettel", "1", CellState.DOWN), cell("a", "viettel", "2", "down"), cell("a", "vnpt", "1", "down"),
        cell("a", "vnpt", "2", "up"), cell("b", "viettel", "1", "unknown"), cell("b", "vnpt", "1", "down"),
        cell("b", "vnpt", "2", "unknown"),
    ]  # fmt: skip
    assert operators_down(told) == {"a": {"viettel"}}
    assert operators_down([]) == {}


def test_a_mast_without_links_was_lost_only_if_all_its_devices_were_at_once():
    def back(*outages):
        return sitrep(*one_lost(ended=outages), NAMES).provinces[0].counts.stations_restored

    assert back(ended("device", "c1")) == 0
    assert back(ended("device", "c1", NOW - 900, NOW - 800), ended("device", "c2", NOW - 500, NOW - 400)) == 0
    assert back(ended("device", "c1", NOW - 900, NOW - 400), ended("device", "c2", NOW - 500, NOW - 300)) == 1
    assert back(ended("device", "a1")) == 0  # lost again


@pytest.mark.parametrize(
    ("storms", "marked", "warned"),
    [
        ([], False, False),
        ([storm()], False, False),
        ([storm("Diễn tập 2026", exercise=True)], True, True),
        ([storm("Diễn tập 2026", exercise=True), storm()], False, True),
        ([storm("Diễn tập 2026", exercise=True), storm(phase=Phase.PREPARE)], False, True),
        ([storm("Diễn tập 2026", exercise=True, phase=Phase.PREPARE)], False, False),
    ],
)
def test_an_exercise_marks_the_report_only_where_no_real_storm_stands_and_says_that_the_figures_are_real(
    storms, marked, warned
):
    report = sitrep(*one_lost(windows=storms), NAMES)
    vi, en = text(report, "vi"), text(report, "en")
    assert vi.startswith("[DIỄN TẬP] BÁO CÁO") == en.startswith("[EXERCISE] SITUATION") == marked == report.exercise
    assert ("số liệu trong báo cáo là tình trạng thật" in vi) == ("network's real ones" in en) == warned
    for window, _ in storms:
        assert (f"[DIỄN TẬP] {window.name} (cấp độ rủi ro 4): " in vi) == window.exercise
    assert report.provinces == sitrep(*one_lost(), NAMES).provinces


def test_what_nobody_watches_and_what_is_stored_is_said_to_be_so():
    report = sitrep(standpoint(live=False), inventory(), communes(2), NAMES)
    assert "0/2 xã mất liên lạc. 2 xã chưa được giám sát." in text(report, "vi")
    assert "netmon không chạy" in text(report, "vi")
    assert "netmon does not run" in render(page(report), "en")


def test_another_day_is_told_with_its_date_and_of_many_the_first_are_named():
    things = inventory(*(seat("52", n) for n in range(33)))
    sites = {f"s52{n}": Stands("isolated", NOW - (n + 1) * HOUR) for n in range(33)}
    report = sitrep(replace(standpoint(), sites=sites), things, communes(33), NAMES)
    said = text(report, "vi")
    assert "Xã 32 (từ 09:36 ngày 21/11/2026), Xã 31" in said
    assert "Xã 3 (từ 14:36) và 3 nơi khác." in said
    assert render(page(report), "vi").count('<td class="t">Xã ') == 33


def test_a_sum_of_nothing_is_nothing():
    assert total([]).communes == 0
    assert total([]).positions == {}

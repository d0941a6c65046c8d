"""What expressions answer in the cases that mislead a shift: silence, a restart, links that nobody can tell of, two storms.

promtool plays each case, so the values are exact.
"""

from __future__ import annotations

from pathlib import Path

from grafana import places
from tests.grafana.boards import asked, filled_in
from tests.grafana.test_reloads import Json, outcome

EVERY = ("link", "storm", "operator", "site", "network")
CHOSEN = dict.fromkeys(EVERY, ".*") | {"province": "04", "commune": "c", "__rate_interval": "5m"}
NETMONS = ("a", "b")


def told(dashboard: str, where: str) -> str:
    """The one expression that stands there."""
    (found,) = (each for each in asked() if (each.dashboard, each.where) == (dashboard, where))
    return found.expr


def answers(expr: str, at: str, *samples: tuple[str, float]) -> Json:
    kept = [{"labels": f"{{{labels}}}", "value": value} for labels, value in samples]
    return {"expr": filled_in(expr, CHOSEN), "eval_time": at, "exp_samples": kept}


def test_open_incidents_are_held_through_a_restart_and_silence_is_no_nought(promtool: Path, tmp_path: Path):
    """Two netmons tell of the same one; it ends at the sixth minute, netmon is away from 8 to 11 and then for good."""
    series = {}
    for instance in NETMONS:
        here = f'province="04", instance="{instance}"'
        series[f'netmon_communes{{{here}, state="up"}}'] = "5x7 _x2 5x3 stale"
        cut = f'{here}, root_kind="link", root="l"'
        series[f"netmon_incident_start_timestamp_seconds{{{cut}}}"] = "100x2 _x2 100 stale"
    expr = told("province", "Sự cố đang mở (A)")
    minutes = {"2m": 1.0, "5m": 1.0, "7m": 0.0, "9m": 0.0, "13m": 0.0}
    expect = [answers(expr, at, ("", value)) for at, value in minutes.items()]
    assert outcome(promtool, tmp_path, series, expect=[*expect, answers(expr, "30m")]) == ""


def test_an_open_incident_stands_while_netmon_is_away(promtool: Path, tmp_path: Path):
    series = {
        'netmon_communes{province="04", state="up"}': "5 5 stale",
        'netmon_incident_start_timestamp_seconds{province="04", root_kind="link", root="l"}': "100 100 stale",
    }
    expr = told("province", "Sự cố đang mở (A)")
    assert outcome(promtool, tmp_path, series, expect=[answers(expr, "4m", ("", 1.0)), answers(expr, "9m")]) == ""


def test_a_choice_of_communes_outlasts_a_restart_and_has_each_once_by_its_present_name(promtool: Path, tmp_path: Path):
    here = 'province="04", kind="xã"'
    series = {
        f'netmon_commune_info{{{here}, commune="c", name="Cũ", name_en="Old"}}': "1x4 stale",
        f'netmon_commune_info{{{here}, commune="c", name="Ấm", name_en="New"}}': "_x4 1x30",
        f'netmon_commune_info{{{here}, commune="d", name="Đa", name_en="Da"}}': "1x4 stale",
    }
    (variable,) = (each for each in asked() if (each.dashboard, each.where) == ("commune", "$commune"))
    listed = f"max by (commune, name) ({variable.expr})"
    now = ('commune="c", name="Ấm"', 2.0), ('commune="d", name="Đa"', 1.0)
    assert outcome(promtool, tmp_path, series, expect=[answers(listed, "20m", *now)]) == ""


def _links(family: str, **values: str) -> dict[str, str]:
    here = 'province="04", commune="c", site="s"'
    return {f'{family}{{{here}, link="{link}"}}': value for link, value in values.items()}


def test_a_link_that_nobody_can_tell_of_is_not_counted_as_down(promtool: Path, tmp_path: Path):
    """It keeps its last value."""
    series = _links("netmon_link_up", up="1x9", down="0x9", untold="0x9")
    series |= _links("netmon_link_unknown", up="0x9", down="0x9", untold="1x9")
    here = 'province="04", commune="c", site="s"'
    series |= {f'netmon_link_info{{{here}, link="{link}", operator="vnpt"}}': "1x9" for link in ("up", "down", "untold")}
    expect = [
        answers(told("commune", "Tuyến mất (A)"), "4m", ("", 1.0)),
        answers(told("storm", "Theo nhà mạng (D)"), "4m", ('operator="vnpt"', 1.0)),
    ]
    assert outcome(promtool, tmp_path, series, expect=expect) == ""


def test_two_storms_are_added_and_two_netmons_are_not(promtool: Path, tmp_path: Path):
    series = {}
    for instance in NETMONS:
        for storm, lost in (("one", 2), ("two", 3)):
            of = f'province="04", storm="{storm}", instance="{instance}"'
            series[f'netmon_storm_phase{{{of}, phase="impact"}}'] = "1x9"
            series[f'netmon_storm_communes{{{of}, state="isolated"}}'] = f"{lost}x9"
            series[f'netmon_storm_devices_down{{{of}, cause="power"}}'] = f"{lost}x9"
        port = f'province="04", commune="c", site="s", device="d", interface="1", instance="{instance}"'
        series[f"netmon_interface_receive_errors_total{{{port}}}"] = "0+60x9"
        series[f'netmon_link_end_info{{{port}, link="l", end="near"}}'] = "1x9"
    expect = [
        answers(told("storm", "Diễn biến: xã gián đoạn (isolated)"), "8m", ("", 5.0)),
        answers(told("storm", "Thiết bị mất theo nguyên nhân (A)"), "8m", ('cause="power"', 5.0)),
        answers(told("link", "Gói lỗi ở cổng hai đầu (A)"), "8m", ('device="d", interface="1"', 1.0)),
    ]
    assert outcome(promtool, tmp_path, series, expect=expect) == ""


def _incident(root_kind: str, root: str, cause: str, start: int) -> dict[str, str]:
    of = f'province="04", root_kind="{root_kind}", root="{root}"'
    return {
        f'netmon_incident_info{{{of}, incident="{root}", cause="{cause}", operator="", circuit=""}}': "1x9",
        f"netmon_incident_start_timestamp_seconds{{{of}}}": f"{start}x9",
    }


def test_a_commune_is_cut_off_by_its_fibre_whatever_falls_there_later(promtool: Path, tmp_path: Path):
    """And its dashboard has marks of what touches it alone; an incident leads to where its root lies."""
    series = _incident("link", "fibre", "fibre", 100) | _incident("device", "bts-power", "power", 200)
    series |= _incident("device", "far", "equipment", 300)
    series['netmon_incident_commune_info{province="04", root_kind="link", root="fibre", cause="fibre", commune="c"}'] = "1x9"
    series['netmon_link_info{province="04", commune="c", site="s", link="fibre"}'] = "1x9"
    for device, commune in (("bts-power", "c"), ("far", "elsewhere")):
        series[f'netmon_device_info{{province="04", commune="{commune}", site="s", device="{device}"}}'] = "1x9"
    why = f'max by (commune, cause) ({places.INCIDENT_OF_COMMUNE} and on (commune) netmon_link_info{{province="04"}})'
    marks = [each for each in asked() if (each.dashboard, each.kind) == ("commune", "annotation")]
    where = {"fibre": "c", "bts-power": "c", "far": "elsewhere"}
    expect = [
        answers(why, "4m", ('commune="c", cause="fibre"', 100.0)),
        answers(f"max by (root) ({marks[-1].expr})", "4m", ('root="fibre"', 1.0), ('root="bts-power"', 1.0)),
        answers(
            f"max by (root, commune) ({places.COMMUNE_OF_INCIDENT}) > bool 0",
            "4m",
            *((f'root="{root}", commune="{commune}"', 1.0) for root, commune in where.items()),
        ),
    ]
    assert outcome(promtool, tmp_path, series, expect=expect) == ""


def test_no_series_at_all_is_answered_by_nothing(promtool: Path, tmp_path: Path):
    """Not by a calm 0; what has no family in it is a line that is drawn for comparison."""
    quiet = [each for each in asked() if each.dashboard != "itself" and each.kind == "panel" and "netmon_" in each.expr]
    expect = [answers(each.expr, "4m") for each in quiet]
    assert len(expect) > 200
    assert outcome(promtool, tmp_path, {"other": "1x9"}, expect=expect) == ""

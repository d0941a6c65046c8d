"""deploy/alertmanager/alertmanager.yml: what the export makes, and by whom each alert is heard at each hour."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from netmon import units
from netmon.alertmanager import YEARS, NobodyError, alertmanager_yml, settings
from netmon.alertmanager.routes import refuse_mutes
from netmon.events.calendar import Calendar, Contact, Hours, Season, Shift, on_call
from netmon.public_holidays import public_days
from netmon.settings.calendar import read_calendar
from netmon.settings.secrets import leave
from tests import peers
from tests.effort import examples

SHIPPED = peers.ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
FROM_YEAR = 2026

PAGES = (
    *("NetmonOnBackup", "NetmonDeviceDown", "NetmonLinkDown", "NetmonIncident", "NetmonSiteDarkSoon"),
    *("NetmonMaintenanceOverrun", "NetmonAbsent", "NetmonNotPolling", "NetmonSelfIsolated", "NetmonBrokerAway"),
    *("NetmonStoreFailing", "NetmonStoreDamaged", "NetmonClockWrong", "NetmonCommuneIsolated", "NetmonCannotTell"),
)
TICKETS = (
    *("NetmonBackupLinkDown", "NetmonLinkFlapping", "NetmonDeviceFlapping", "NetmonDeviceRefuses", "NetmonSiteOnBattery"),
    *("NetmonPowerAlarm", "NetmonFibreFading", "NetmonOpticalMarginLow", "NetmonCapacityHigh", "NetmonCapacityCrossing"),
    *("NetmonTargetAtRisk", "NetmonTargetMissed", "NetmonProvinceTargetMissed", "NetmonNeverHeard", "NetmonInfluxBacklog"),
    *(
        "NetmonInfluxDropping",
        "NetmonPollsLate",
        "NetmonReloadRefused",
        "NetmonBug",
        "NetmonStoreLosing",
        "NetmonDiskFilling",
    ),
    *("NetmonLoopBlocked", "NetmonSeriesRefused", "NetmonStrangers", "NetmonWebCertificateExpires", "NetmonBackupOld"),
    "NetmonDropsInput",
)
ROSTERS = ["team-ngay", "team-dem", "team-le", "team-tet"]


@cache
def example_calendar() -> Calendar:
    """That of config/calendar.yaml."""
    calendar, problems = read_calendar(peers.ROOT / "config" / "calendar.yaml", leave, register=units.load())
    assert problems == []
    return calendar


@cache
def shipped() -> dict[str, Any]:
    """What stands in the file that is shipped."""
    read: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return read


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_that_is_shipped_is_what_the_export_makes() -> None:
    """Else: netmon calendar export --config config --from-year 2026 -o deploy/alertmanager/alertmanager.yml"""
    assert SHIPPED.read_text(encoding="utf-8") == alertmanager_yml(example_calendar(), FROM_YEAR)


def test_yaml_reads_the_file_as_it_was_meant() -> None:
    """The writer is netmon's own, and names may hold anything."""
    odd = Contact(id="x", name="x", email="o'brien@a.example", chat_file='/etc/"x" {y}: #z', language="en")
    calendar = replace(example_calendar(), contacts={**example_calendar().contacts, "truc-noc": odd}, seasons=())
    assert yaml.safe_load(alertmanager_yml(calendar, 2030)) == json.loads(json.dumps(settings(calendar, 2030)))


def test_amtool_finds_nothing_wrong_with_it() -> None:
    argv = [*peers.of_alertmanager("amtool"), "check-config", SHIPPED]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 templates" in checked.stdout


def test_a_calendar_that_names_nobody_makes_no_file() -> None:
    with pytest.raises(NobodyError, match="no desk"):
        alertmanager_yml(Calendar(public=public_days), FROM_YEAR)


# --- routes -----------------------------------------------------------------------------------------------------------


def route_of(**labels: str) -> list[str]:
    """The receivers that amtool finds for an alert, whatever the hour."""
    argv = [peers.require("amtool"), "config", "routes", "test", f"--config.file={SHIPPED}"]
    told = subprocess.run(
        [*argv, *(f"{k}={v}" for k, v in labels.items())], capture_output=True, text=True, check=True, timeout=20
    )
    return told.stdout.strip().split(",")


@pytest.mark.parametrize(
    ("alerts", "labels", "receivers"),
    [
        (PAGES, {"severity": "page", "commune": "01290"}, ["team-noc", *ROSTERS]),
        (("NetmonCommuneIsolated",), {"severity": "page", "commune": "01273"}, ["team-noc", *ROSTERS, "area-01273"]),
        (("NetmonLinkDown",), {"severity": "page", "commune": "01273"}, ["team-noc", *ROSTERS, "area-01273"]),
        (TICKETS, {"severity": "ticket", "commune": "01273"}, ["team-ky-thuat"]),
        (
            ("NetmonStorm", "NetmonStormLosses", "NetmonStormExpires"),
            {"severity": "storm"},
            ["team-noc", *ROSTERS, "team-bao"],
        ),
        (("NetmonStormIsolation",), {"severity": "storm"}, ["team-noc", "team-bao"]),
        (("NetmonHeartbeat",), {"severity": "none"}, ["heartbeat"]),
        (("SomebodyElses",), {}, ["team-noc"]),
    ],
)
def test_every_alert_goes_to_whom_it_concerns(alerts: tuple[str, ...], labels: dict[str, str], receivers: list[str]) -> None:
    assert {name: route_of(alertname=name, province="04", **labels) for name in alerts} == dict.fromkeys(alerts, receivers)


def test_no_alert_of_the_rules_is_forgotten_here() -> None:
    """Those of severity page and ticket, as the rules have them."""
    files = sorted((peers.ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
    groups = [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    said = {rule["alert"]: rule["labels"]["severity"] for group in groups for rule in group["rules"] if "alert" in rule}
    for severity, names in (("page", PAGES), ("ticket", TICKETS)):
        assert sorted(names) == sorted(name for name, its in said.items() if its == severity)


def test_pages_are_grouped_and_paced_as_they_are_meant_to_be() -> None:
    """A commune that is cut off is told within ten seconds, and a province's communes in one message."""
    routes = {route["matchers"][0]: route for route in shipped()["route"]["routes"]}
    pace = {name: (route["group_by"], route["group_wait"], route["group_interval"]) for name, route in routes.items()}
    by, storm = ["alertname", "province"], ["alertname", "province", "storm", "cause"]
    assert pace == {
        'alertname="NetmonHeartbeat"': (["alertname"], "0s", "1m"),
        'alertname="NetmonCommuneIsolated"': (by, "10s", "1m"),
        'severity="page"': (by, "30s", "5m"),
        'alertname="NetmonStormIsolation"': (storm, "30s", "5m"),
        'severity="storm"': (storm, "30s", "5m"),
        'severity="ticket"': (by, "5m", "30m"),
    }


def routes_under(route: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield route
    for child in route.get("routes", ()):
        yield from routes_under(child)


def test_no_route_but_that_of_tickets_is_ever_muted() -> None:
    """Service runs 24/7, Tết included (Circular 06/2026): the calendar changes who is called, and mutes no page."""
    muted = [route for route in routes_under(shipped()["route"]) if "mute_time_intervals" in route]
    assert [route["matchers"] for route in muted] == [['severity="ticket"']]
    timed = [route for route in routes_under(shipped()["route"]) if "active_time_intervals" in route]
    beside = [
        route["routes"] for route in routes_under(shipped()["route"]) if any(c in timed for c in route.get("routes", ()))
    ]
    assert sum(len([child for child in children if child in timed]) for children in beside) == len(timed) > 0
    assert all(children[0] == {"receiver": "team-noc", "continue": True} for children in beside)
    assert all(child["continue"] for children in beside for child in children)
    assert not [rule for rule in shipped()["inhibit_rules"] if "Isolated" in str(rule["target_matchers"])]


@pytest.mark.parametrize(
    "spoiled",
    [
        {"receiver": "team-noc", "matchers": ['severity="page"'], "mute_time_intervals": ["night"]},
        {"receiver": "team-noc", "routes": [{"receiver": "team-tet", "continue": True, "active_time_intervals": ["tet"]}]},
        {"receiver": "team-noc", "routes": [{"receiver": "x", "matchers": ['commune="01273"'], "continue": True},
                                            {"receiver": "team-tet", "active_time_intervals": ["tet"]}]},
    ],
)  # fmt: skip
def test_the_export_refuses_to_write_a_route_that_mutes_a_page(spoiled: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        refuse_mutes({"receiver": "team-noc", "routes": [spoiled]})


# --- hours ------------------------------------------------------------------------------------------------------------


Meaning = tuple[frozenset[int], frozenset[int], frozenset[int], list[tuple[str, str]], ZoneInfo]


def numbers(ranges: list[str]) -> frozenset[int]:
    """What Alertmanager's ranges hold, both ends included."""
    edges = [(*map(int, each.split(":")),) for each in ranges]
    return frozenset(n for edge in edges for n in range(edge[0], edge[-1] + 1))


def meaning(entry: Mapping[str, Any]) -> Meaning:
    """A time interval as Alertmanager's documentation has it: years, months, days and hours must all hold."""
    assert not set(entry) - {"years", "months", "days_of_month", "times", "location"}
    spans = entry.get("times", [{"start_time": "00:00", "end_time": "24:00"}])
    return (
        numbers(entry.get("years", ["2000:2200"])),
        numbers(entry.get("months", ["1:12"])),
        numbers(entry.get("days_of_month", ["1:31"])),
        [(span["start_time"], span["end_time"]) for span in spans],
        ZoneInfo(entry["location"]),
    )


class Hearing:
    """Who is called by the routes of a file, and when."""

    def __init__(self, read: Mapping[str, Any]) -> None:
        self.times = {each["name"]: [*map(meaning, each["time_intervals"])] for each in read["time_intervals"]}
        self.routes = {tuple(route["matchers"]): route.get("routes", []) for route in read["route"]["routes"]}

    def called(self, matcher: str, now: datetime) -> list[str]:
        """The receivers under the route with a matcher that an alert without other labels calls at an instant."""
        return [
            child["receiver"]
            for child in self.routes[(matcher,)]
            if "matchers" not in child
            and not self.within(child.get("mute_time_intervals", []), now)
            and ("active_time_intervals" not in child or self.within(child["active_time_intervals"], now))
        ]

    def within(self, names: list[str], now: datetime) -> bool:
        zones = {zone for name in names for *_, zone in self.times[name]}
        local = {zone: now.astimezone(zone) for zone in zones}
        return any(
            at.year in years
            and at.month in months
            and at.day in days
            and any(begins <= f"{at:%H:%M}" < ends for begins, ends in hours)
            for name in names
            for years, months, days, hours, zone in self.times[name]
            for at in [local[zone]]
        )


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    """Of the file that is shipped."""
    return Hearing(shipped())


def test_a_page_reaches_the_desk_and_one_roster_at_every_hour_of_three_years_and_after(hearing: Hearing) -> None:
    """What Alertmanager makes of the file is what the calendar says, hour by hour, and never only the desk."""
    first = datetime(FROM_YEAR, 1, 1, 0, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    hours = (datetime(FROM_YEAR + YEARS, 1, 1, tzinfo=first.tzinfo) - first) // timedelta(hours=1) + 1
    for now in (first + timedelta(hours=n) for n in range(hours)):
        found = hearing.called('severity="page"', now)
        assert found == [f"team-{team}" for team in on_call(example_calendar(), now.timestamp())]
        assert len(found) == 2, now
    for now in (first.replace(year=FROM_YEAR + YEARS) + timedelta(hours=n) for n in range(24 * 60)):
        assert hearing.called('severity="page"', now) in (["team-noc", "team-ngay"], ["team-noc", "team-dem"])


@pytest.mark.parametrize("matcher", ['severity="page"', 'alertname="NetmonCommuneIsolated"', 'severity="storm"'])
@pytest.mark.parametrize(
    ("instant", "team"),
    [
        *(
            ("2027-02-01T23:59", "dem"),
            ("2027-02-02T00:00", "tet"),
            ("2027-02-11T23:59", "tet"),
            ("2027-02-12T00:00", "dem"),
        ),
        *(
            ("2027-04-30T12:00", "le"),
            ("2027-03-03T06:59", "dem"),
            ("2027-03-03T07:00", "ngay"),
            ("2027-03-03T19:00", "dem"),
        ),
    ],
)
def test_rosters_change_to_the_minute_and_a_storm_adds_its_own(
    hearing: Hearing, matcher: str, instant: str, team: str
) -> None:
    now = datetime.fromisoformat(instant).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    storm = ["team-bao"] if "storm" in matcher else []
    assert hearing.called(matcher, now) == ["team-noc", f"team-{team}", *storm]
    assert {f"team-{each}" for each in on_call(example_calendar(), now.timestamp(), storm=bool(storm))} == {
        *hearing.called(matcher, now)
    }


HOURS = st.builds(Hours, st.integers(0, 1439), st.integers(0, 1439)) | st.just(Hours(0, 0))
ROSTER = st.lists(st.builds(Shift, st.sampled_from(["noc", "ngay", "dem", "bao"]), HOURS), min_size=1, max_size=4).map(tuple)
WINDOWS = ["normal", "tet", "holiday", "weekend", "floods", "storm"]
TWICE = {
    "normal": (Shift("ngay", Hours(420, 1140)), Shift("dem", Hours(1140, 420))),
    "tet": (Shift("noc"), Shift("dem")),
    "weekend": (Shift("ngay"),),
    "storm": (Shift("bao", Hours(480, 1020)), Shift("dem", Hours(1020, 480)), Shift("dem", Hours(480, 540))),
}


@hypothesis.settings(max_examples=examples(15))
@given(
    rosters=st.dictionaries(st.sampled_from(WINDOWS), ROSTER),
    minutes=st.lists(st.integers(0, YEARS * 365 * 1440), min_size=20, max_size=20),
)
@example(rosters=TWICE, minutes=[(400 + n) * 1440 + 90 * n for n in range(20)])
def test_whatever_the_rosters_each_team_has_one_route_and_is_called_as_the_calendar_says(
    rosters: dict[str, tuple[Shift, ...]], minutes: list[int]
) -> None:
    """One route a team: what it was told before a shift's end it is not told twice in the next."""
    floods = Season(name="floods", vi="Mùa lũ", en="Floods", first=(12, 20), last=(1, 10))
    calendar = replace(example_calendar(), rosters=rosters, seasons=(floods,))
    hearing = Hearing(settings(calendar, FROM_YEAR))
    start = datetime(FROM_YEAR, 1, 1, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    for now in (start + timedelta(minutes=minute) for minute in minutes):
        for matcher, storm in (('severity="page"', False), ('severity="storm"', True)):
            heard = hearing.called(matcher, now)
            assert len(set(heard)) == len(heard)
            assert set(heard) == {f"team-{team}" for team in on_call(calendar, now.timestamp(), storm=storm)}
            assert "team-noc" in heard

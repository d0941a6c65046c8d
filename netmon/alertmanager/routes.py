"""Who is told of which alert, and at which hours.

Routes of pages have no mute_time_intervals, and those that are active at times only stand beside one that always is, the
desk's. What ends while a route is not active is told to the desk only, and what still fires is told to whoever comes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netmon.alertmanager.receivers import team_receiver
from netmon.alertmanager.times import QUIET, interval_name, is_partial
from netmon.alertmanager.writing import Yaml
from netmon.events.calendar import STORM, Calendar

PAGE_REPEAT, TICKET_REPEAT = "4h", "8h"
"""Not longer than the others are on: who comes on again is told again of what fires again."""

_TICKETS = 'severity="ticket"'


def routes(calendar: Calendar) -> Yaml:
    """The tree of routes. No page is muted, whatever the hour: AssertionError if one were."""
    called = _called(calendar)
    areas = [*_area_routes(calendar)]
    storm = _children(calendar, {**called, **_storm_called(calendar, called)})
    desk = team_receiver(calendar.desk)
    page = {"repeat_interval": PAGE_REPEAT, "routes": [*_children(calendar, called), *areas]}
    by_storm = ["alertname", "province", "storm", "cause"]
    by_province = ["alertname", "province"]
    tree = {
        "receiver": desk,
        **_pace(by_province, "30s", "5m"),
        "repeat_interval": PAGE_REPEAT,
        "routes": [
            {
                "matchers": ['alertname="NetmonHeartbeat"'],
                "receiver": "heartbeat",
                **_pace(["alertname"], "0s", "1m"),
                "repeat_interval": "2m",
            },
            {"matchers": ['alertname="NetmonCommuneIsolated"'], "receiver": desk, **_pace(by_province, "10s", "1m"), **page},
            {"matchers": ['severity="page"'], "receiver": desk, **_pace(by_province, "30s", "5m"), **page},
            {
                "matchers": ['alertname="NetmonStormIsolation"'],  # each of its communes pages by itself
                "receiver": desk,
                **_pace(by_storm, "30s", "5m"),
                "repeat_interval": PAGE_REPEAT,
                "routes": [*_children(calendar, _storm_called(calendar, {})), *_provinces(areas)],
            },
            {
                "matchers": ['severity="storm"'],
                "receiver": desk,
                **_pace(by_storm, "30s", "5m"),
                "repeat_interval": PAGE_REPEAT,
                "routes": [*storm, *_provinces(areas)],
            },
            {
                "matchers": [_TICKETS],
                "receiver": team_receiver(calendar.tickets or calendar.desk),
                **_pace(by_province, "5m", "30m"),
                "repeat_interval": TICKET_REPEAT,
                "mute_time_intervals": [QUIET],
            },
        ],
    }
    refuse_mutes(tree)
    return tree


def refuse_mutes(route: Yaml) -> None:
    """AssertionError: a route mutes what is no ticket, or is active at times with none beside it that always is."""
    children = route.get("routes", [])
    assert "mute_time_intervals" not in route or route["matchers"] == [_TICKETS], route
    assert not any(map(_is_timed, children)) or children[0].keys() == {"receiver", "continue"}, route
    for child in children:
        refuse_mutes(child)


def _is_timed(route: Yaml) -> bool:
    return "active_time_intervals" in route


def _pace(group_by: list[str], wait: str, interval: str) -> Yaml:
    return {"group_by": group_by, "group_wait": wait, "group_interval": interval}


def _called(calendar: Calendar) -> dict[str, list[str]]:
    """The intervals at which each team is on, by the rosters of days."""
    called: dict[str, list[str]] = {}
    for roster, shifts in calendar.rosters.items():
        for shift in shifts if roster != STORM else ():
            name = interval_name(roster, shift.hours)
            called.setdefault(shift.team, []).append(name)
    return called


def _storm_called(calendar: Calendar, called: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The same of the roster of storms, with what they are called for anyway."""
    hours: dict[str, list[str]] = {}
    for shift in calendar.rosters.get(STORM, ()):
        hours.setdefault(shift.team, []).append(interval_name(STORM, shift.hours) if is_partial(shift.hours) else "")
    return {team: [] if "" in names else [*called.get(team, []), *names] for team, names in hours.items()}


def _children(calendar: Calendar, called: Mapping[str, list[str]]) -> list[Yaml]:
    """The desk, always, and beside it each team at its times; without times always."""
    others = [(team, names) for team, names in called.items() if team != calendar.desk]
    return [
        {"receiver": team_receiver(calendar.desk), "continue": True},
        *(
            {
                "receiver": team_receiver(team),
                **({"active_time_intervals": [*dict.fromkeys(names)]} if names else {}),
                "continue": True,
            }
            for team, names in others
        ),
    ]


def _area_routes(calendar: Calendar) -> Iterator[Yaml]:
    for code in calendar.areas:
        label = "province" if len(code) == 2 else "commune"
        yield {"matchers": [f'{label}="{code}"'], "receiver": f"area-{code}", "continue": True}


def _provinces(areas: Iterable[Yaml]) -> list[Yaml]:
    """Storms are told by province: the contacts of communes are called for what pages."""
    return [route for route in areas if route["matchers"][0].startswith("province=")]


def inhibitions() -> list[Yaml]:
    """What netmon cannot explain by itself, for it is netmon that has gone or sees nothing."""
    return [
        {
            "source_matchers": ['alertname="NetmonSelfIsolated"'],
            "target_matchers": ['alertname=~"NetmonBrokerAway|NetmonInfluxBacklog|NetmonPollsLate"'],
            "equal": ["instance"],
        },
        {
            "source_matchers": ['alertname="NetmonAbsent"'],
            "target_matchers": ['alertname="NetmonNotPolling"'],
            "equal": ["instance"],
        },
    ]

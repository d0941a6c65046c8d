"""The example province of config/ as it stands in the small hours of a night in the storm season: calm, cut, or in a storm.

What fell, fell to the states that polls alone have made; incidents, verdicts, power and the past are told beside them.
Nothing here depends on the day on which it is made, so a picture of it is the same each time.
"""

from array import array
from datetime import UTC, datetime
from functools import cache
from math import cos, pi

import pytest

from netmon import book, device_facts, history_facts
from netmon.darkness import Ends
from netmon.model import (
    At,
    CauseClass,
    Clue,
    DeviceState,
    Entry,
    Impact,
    LinkRole,
    Outage,
    Reading,
    Readings,
    Series,
    Service,
    Span,
    Standing,
    Subject,
    Summary,
    Verb,
    Verdict,
    Window,
)
from netmon.notice import Notice, NoticeKind
from netmon.settings import load
from netmon.store import Rates
from netmon.targets.definitions import Pooled, Share
from netmon.units import load as load_units
from tests import test_network
from tests.web import desk
from tests.web.boards import DAY
from tests.web.pasts import HOUR_S, answered
from tests.web.states import CONFIG, Told

NIGHT = datetime(2026, 9, 11, 19, 20, tzinfo=UTC).timestamp()
"""02:20 in Cao Bằng."""

CUT, STORM = ("cb-cable-4",), ("cb-cable-4", "cb-cable-5")
COMMUNE, STATION, SITE = "01477", "cb-bts-01708-pwr", "cb-bts-01708"
INCIDENT = "2026-0412"
FULL, FULLER = "01636", ("01392", "01729")
"""Communes whose link is overloaded, and nearly so."""

_GOOD = {
    "tslcd_p95": 0.46, "capacity": 25e6, "availability": 0.9994, "latency": 0.012, "loss": 0.0004, "restoration": 1.0,
    "redundancy": 1.0, "growth": 0.08, "backup_drill": 12 * 86_400.0, "radio_availability": 0.991, "environment": 0.997,
    "bts_environment": 0.994, "optical_margin": 8.4, "province_restoration": 1.0, "province_channels": 2.0,
}  # fmt: skip


@cache
def settings():
    return load(CONFIG, secrets=False)


class CaoBang(Told):
    """What a netmon of the example province would tell: at first that all is well."""

    def __init__(self):
        super().__init__()
        self.hotlines = settings().calendar.hotlines
        calm(self)

    def wallboard(self):
        told = super().wallboard()
        rows = book.on_the_wall(self.desk.kept.values(), self.desk.inventory, self.world.now, self.hotlines)
        return told | {"version": "0.9.0", "incidents": rows}

    def commune(self, code):
        of_it = [one for one in self.desk.kept.values() if code in (*one.impact.isolated, *one.impact.on_backup)]
        self.incidents = book.on_the_wall(of_it, self.desk.inventory, self.world.now, self.hotlines)
        return super().commune(code)

    def device(self, name):
        world, inventory = self.world, self.world.inventory
        if name not in inventory.devices:
            return None
        facts = device_facts.device(
            inventory.devices[name],
            network=world.network,
            unit=load_units().unit(inventory.site_of(name).commune, DAY),
            last=answered(name, world.now - 12),
            readings=_readings(inventory, name, world.now),
            holds_s=90.0,
            missing={},
            now=world.now,
        )
        return lambda: history_facts.of_device(self.past, facts, world.now)


# --- the states -------------------------------------------------------------------------------------------------------


def calm(facts):
    """Nothing is wrong."""
    _show(facts, _world())


def cut(facts):
    """A cable is cut with eight communes on it, two of which have a backup that works; two stations run on battery."""
    world = _world()
    world.run(1800)
    _cut(world, CUT[0])
    world.run(1500)
    now = world.now
    battery = {STATION: now - 4200, "cb-bts-01786-3-ctl": now - 1500}
    ends = {
        SITE: Ends(now - 4200, now + 3100, now + 5200, now + 8100),
        "cb-bts-01786-3": Ends(now - 1500, now + 12_000, now + 18_700, now + 26_000),
    }
    _show(facts, world, full=True, on_battery=battery, ends=ends)
    _incident(facts, INCIDENT, CUT[0], now - 1470, taken="lan", entries=True)
    works = {
        "id": "thay-cap-2026-09-12",
        "name": "Thay cáp vòng 1",
        "until": now + 6300,
        "exercise": False,
        "overrun": False,
    }
    facts.windows["maintenance"] = [works]


def storm(facts):
    """A third of the province is hit: two cables are cut, a district has no mains, batteries run out."""
    world = _world()
    world.run(600)
    dark = ("01288", "01360", "01363", "01366", "01747", "01789")
    for n, code in enumerate(dark):
        world.dead |= _all_of(world.inventory, code)
        world.run(180 if n % 2 else 240)
    _cut(world, STORM[0])
    world.run(900)
    _cut(world, STORM[1])
    world.run(600)
    now = world.now
    towns = ("01297", "01321", "01336", "01387", "01708", "01786", "01795")
    sites = [f"cb-bts-{code}" for code in towns]
    sites = [site for site in sites if site in world.inventory.sites]
    power = {site: next(d.id for d in world.inventory.devices.values() if d.site == site) for site in sites}
    battery = {power[site]: now - 7200 + 500 * n for n, site in enumerate(sites)}
    ends = {
        site: Ends(now - 7200 + 500 * n, now + 700 + 900 * n, now + 1500 + 1900 * n, now + 2400 + 2900 * n)
        for n, site in enumerate(sites)
    }
    _show(facts, world, full=True, on_battery=battery, ends=ends)
    facts.windows["storms"] = [
        {
            "id": "bao-so-7-2026", "name": "Bão số 7", "phase": "impact", "level": 4, "exercise": False, "overrun": False,
            "start": now - 5 * 3600, "until": now + 19 * 3600, "areas": ["04"],
        }
    ]  # fmt: skip
    _incident(facts, INCIDENT, STORM[0], now - 1470, taken="lan")
    _incident(facts, "2026-0413", STORM[1], now - 570)
    for n, code in enumerate(dark):
        members = tuple(Subject("device", name) for name in sorted(_all_of(world.inventory, code)))
        facts.desk.kept[f"2026-{406 + n:04}"] = desk.incident(
            f"2026-{406 + n:04}", root=Subject("commune", code), cause=CauseClass.POWER, since=now - 2900 + 240 * n,
            clues=(Clue("area_on_battery", members[0], now - 2900 + 240 * n),), members=members, ever=members,
            impact=Impact(isolated=(code,)), assigned="Điện lực Cao Bằng" if n < 2 else "",
        )  # fmt: skip


def _world():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_network, "T0", NIGHT)
        return test_network.World(settings().inventory).run(300)


def _all_of(inventory, code):
    """All devices of a commune."""
    return {device.id for device in inventory.devices.values() if inventory.sites[device.site].commune == code}


def _cut(world, cable):
    """A cable's links lose both their ends; where there is no backup, the commune is silent."""
    inventory = world.inventory
    backed = {link.site for link in inventory.links.values() if link.role is LinkRole.BACKUP}
    for link in inventory.links.values():
        if cable in link.srlg:
            world.oper_down |= {link.far}
            if link.site in backed:
                world.oper_down |= {link.near}
            else:
                world.dead |= _all_of(inventory, inventory.sites[link.site].commune)


def _incident(facts, name, cable, since, taken="", entries=False):
    """The incident of a cut cable, as its members stand."""
    inventory, network = facts.world.inventory, facts.world.network
    links = [link for link in inventory.links.values() if cable in link.srlg]
    here = {inventory.sites[link.site].commune for link in links}
    stands = {inventory.sites[site].commune: told.state for site, told in network.sites.items()}
    lost = tuple(code for code in sorted(here) if stands[code] == Service.ISOLATED)
    backup = tuple(code for code in sorted(here) if stands[code] == Service.ON_BACKUP)
    fallen = [n for n, track in network.tracks.items() if track.state in (DeviceState.DOWN, DeviceState.UNREACHABLE)]
    fallen = [name for name in fallen if inventory.site_of(name).commune in here]
    members = (*(Subject("link", link.id) for link in links), *(Subject("device", device) for device in fallen))
    facts.desk.kept[name] = desk.incident(
        name, root=Subject("cable", cable), since=since, members=members, ever=members, acknowledged=taken,
        clues=tuple(Clue("port_down", Subject("link", link.id), since + n) for n, link in enumerate(links[:3])),
        impact=Impact(isolated=lost, on_backup=backup),
    )  # fmt: skip
    if entries:
        facts.desk.lines[:] = [
            Entry(since + 2, name, Verb.OPENED, "netmon", "", f"Cáp {cable} đứt / Cable {cable} cut"),
            Entry(since + 45, name, Verb.GREW, "netmon", "", "thêm 6 thiết bị / 6 more devices"),
            Entry(since + 260, name, Verb.ACKNOWLEDGE, "lan", "", ""),
            Entry(
                since + 420,
                name,
                Verb.COMMENT,
                "lan",
                "",
                "Đã gọi VNPT và Viettel, báo mã kênh. VNPT cử đội từ Trùng Khánh.",
            ),
            Entry(
                since + 1150, name, Verb.COMMENT, "lan", "", "Đội ứng cứu: sạt lở QL34B km 12, hàn nối xong khoảng 05:00."
            ),
        ]


# --- what is told beside the states -----------------------------------------------------------------------------------


def _show(facts, world, *, full=False, **over):
    told = {"register": load_units(), "targets": settings().targets, "connections": {"mqtt": True, "influx": True}}
    facts.show(world, verdicts=_verdicts(world.now, full), **told, **over)
    facts.past = Past(world)
    facts.windows = {"storms": [], "maintenance": []}
    facts.desk.inventory, facts.desk.now = world.inventory, world.now
    facts.desk.kept.clear()
    facts.desk.lines.clear()


def _verdicts(now, full):
    """Of every target and commune; when `full`, one link is overloaded, two nearly are, and three rooms are not measured."""
    targets, communes = settings().targets, load_units().communes("04", DAY)
    bad = {("tslcd_p95", FULL): (Standing.MISSED, 0.97)} if full else {}
    for n, code in enumerate(FULLER if full else ()):
        bad["tslcd_p95", code] = Standing.AT_RISK, 0.88 - 0.03 * n
    bad |= {("environment", unit.code): (Standing.UNPROVEN, None) for unit in communes[4:7]} if full else {}
    said = []

    def say(target, subject, standing, value, days):
        window = Window(now - now % 300 - days * 86_400, now - now % 300)
        fields = {"limit": target.limit, "window": window, "final": False, "evidence": {}}
        coverage = 0.31 if standing is Standing.UNPROVEN else 0.998
        said.append(Verdict(target=target.id, subject=subject, standing=standing, value=value, coverage=coverage, **fields))

    for target in targets:
        if isinstance(target, Share | Pooled) or getattr(target, "level", "") == "province":
            lost = sum(name == getattr(target, "of", "") and how is Standing.MISSED for (name, _), (how, _) in bad.items())
            value = _GOOD.get(target.id, 1 - lost / len(communes))
            say(target, Subject("province", "04"), Standing.MISSED if lost else Standing.MET, value, 7)
            continue
        for unit in communes:
            standing, value = bad.get((target.id, unit.code), (Standing.MET, _GOOD[target.id]))
            say(target, Subject("commune", unit.code), standing, value, 7 if target.id == "tslcd_p95" else 11)
    return tuple(said)


def _readings(inventory, device, now):
    """What the power controller of a station without mains told last."""
    labels = inventory.device_labels(device)
    string, room = (*labels, ("sensor", "1")), (*labels, ("sensor", "room"))
    told = {
        Series("netmon_mains_up", labels): 0,
        Series("netmon_battery_voltage_volts", labels): 49.3,
        Series("netmon_battery_current_amperes", labels): -22.6,
        Series("netmon_battery_charge_ratio", labels): 0.58,
        Series("netmon_battery_remaining_seconds", labels): 5200,
        Series("netmon_battery_string_voltage_volts", string): 49.3,
        Series("netmon_load_current_amperes", labels): 22.6,
        Series("netmon_rectifiers", labels): 3,
        Series("netmon_ambient_temperature_celsius", room): 29.4,
        Series("netmon_humidity_ratio", room): 0.71,
        Series("netmon_door_open", labels): 0,
        Series("netmon_device_uptime_seconds", labels): 43 * 86_400,
    }
    return Readings.of([Reading(series, value, At(now - 12, 0.0)) for series, value in told.items()])


class Past:
    """What a store would know: days that follow the offices' hours, and a cut that is the province's only one this week."""

    def __init__(self, world):
        self.world, self.now = world, world.now

    def rates(self, link, end, first_k, count):
        found, tracked = self.world.inventory.links[link], self.world.network.links[link]
        capacity, primary = found.capacity_at(self.now), found.role is LinkRole.PRIMARY
        share = 0.5 if primary else 0.0
        if primary and self.world.inventory.sites[found.site].commune == FULL:
            share = 0.97
        ways = []
        for of, least in ((capacity.receive, 0.06), (capacity.transmit, 0.02)):
            values = array("f")
            for k in range(first_k, first_k + count):
                hour = (k / 12 + 7) % 24
                work = max(0.0, cos((hour - 13) / 12 * pi)) if share < 0.9 else 1.0
                waves = 0.02 * cos(k * 1.7) + 0.015 * cos(k * 0.61)
                lost = str(tracked.state) == "down" and k * 300 >= tracked.since
                values.append(
                    0.0 if lost else of * max(0.0, least + share * (work if of else 0) * 0.9 + waves * bool(share))
                )
            ways.append(values)
        return Rates(ways[0], ways[1], 0)

    def spans(self, subject, start, end):
        network = self.world.network
        told = network.tracks.get(subject.id) if subject.kind == "device" else network.sites.get(subject.id)
        state, since = str(told.state), told.since
        if state == "up":
            return [Span("up", start, end)]
        past = start + 0.62 * (end - start)
        return [
            Span("up", start, past),
            Span(state, past, past + 2400),
            Span("up", past + 2400, since),
            Span(state, since, end),
        ]

    def newest_outages(self, subjects, since, most):
        network = self.world.network
        lost = [s for s in sorted(subjects) if s.kind == "link" and str(network.links[s.id].state) == "down"]
        lost += [s for s in sorted(subjects) if s.kind == "device" and str(network.tracks[s.id].state) == "down"]
        at = {"link": network.links, "device": network.tracks}
        found = [Outage(s, "down", at[s.kind][s.id].since, None, "", "", "fibre", "fibre", INCIDENT) for s in lost]
        ended = self.now - 11 * 86_400
        old = [Outage(s, "down", ended - 2400, ended, "", "", "power", "power", "2026-0371") for s in lost[:1]]
        return (found + old)[:most]

    def figures(self, subject):
        return [("ambient_temperature_celsius", f"{STATION} room")] if subject == Subject("site", SITE) else []

    def summaries(self, subject, figure, start, end):
        hours, part = range(int(start // HOUR_S), int(end // HOUR_S) + 1), f"{STATION} room"
        means = {hour: 26.5 + 2.5 * cos((hour + 7 - 15) / 12 * pi) + 5.4 * max(0, hour - hours[-2]) for hour in hours}
        return [Summary(float(hour * HOUR_S), HOUR_S, part, at - 0.5, at, at + 0.5, 120) for hour, at in means.items()]

    def notices(self, device=None, since=0.0, most=100):
        at, source = self.now - 4203, "10.4.101.16"
        return [
            Notice(at + 3, NoticeKind.TRAP, device, "mainsFailure", source, {"phase": "L1"}),
            Notice(self.now - 11 * 86_400, NoticeKind.TRAP, device, "doorOpen", source, {"state": "closed"}),
        ]


def with_hotlines(patch):
    """The book tells the hotlines of the example's calendar."""
    patch.setattr(desk, "HOTLINES", settings().calendar.hotlines)

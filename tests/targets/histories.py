"""Random histories in a real store, and the verdicts of the real rules on them, as what `netmon evidence` starts from."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import inf
from threading import Event
from typing import Any

from netmon.evidence import Node, Sources, gather
from netmon.model import (
    Capacity,
    Carrier,
    CellName,
    Device,
    EchoSlot,
    End,
    Former,
    Link,
    LinkKind,
    LinkRole,
    Octets,
    Outage,
    Port,
    PortSpeed,
    Room,
    Site,
    SiteKind,
    Slot,
    SpeedTest,
    Subject,
    Summary,
    Verdict,
    Window,
)  # fmt: skip
from netmon.seen import StoreEvidence, Turns
from netmon.store import Reader, Store
from netmon.targets.availability import judge_availability
from netmon.targets.capacity import judge_capacity
from netmon.targets.definitions import (
    AnyTarget,
    BackupDrill,
    BasisKind,
    ContractedCapacity,
    Environment,
    Growth,
    Latency,
    Loss,
    OpticalMargin,
    Pooled,
    RadioAvailability,
    Redundancy,
    Restoration,
)  # fmt: skip
from netmon.targets.drill import judge_drill
from netmon.targets.echoes import Echoes, judge_latency, judge_loss
from netmon.targets.environment import FIGURES
from netmon.targets.growth import judge_growth
from netmon.targets.optics import DARK, MARGIN, RECEIVED
from netmon.targets.percentile import LinkRates, judge_link, judge_month, slots_needed
from netmon.targets.redundancy import judge_redundancy
from netmon.targets.restoration import judge_restoration, pooled_verdict
from netmon.targets.rollup import province_verdict, whole_verdict
from netmon.targets.rules import judge
from netmon.targets.trend import TREND_DAYS, with_trend
from netmon.targets.windows import DAY_S, day_number, month_before, month_of, slots_of
from tests.targets.made import AROUND, FULL, LAST_K, LINK_UP, NOW, P95, P95_DAILY, SERVICE, SHARE

MONTH = month_of(NOW)
BEFORE = month_before(MONTH)
_WORDS: dict[str, Any] = {"title_vi": "Chỉ tiêu", "title_en": "Target", "basis": "NOC", "basis_kind": BasisKind.LOCAL}
LATENCY = Latency(id="latency", limit=0.05, **_WORDS)
LOSS = Loss(id="loss", limit=0.01, **_WORDS)
RESTORATION = Restoration(id="restoration", limit=0.9, within_s={"xa": 7200.0, "phuong": 3600.0}, **_WORDS)
CAPACITY = ContractedCapacity(id="capacity", limit=FULL, **_WORDS)
AVAILABILITY = replace(SERVICE, budget_at_risk=0.3)
REDUNDANCY = Redundancy(id="redundancy", limit=1.0, **_WORDS)
GROWTH = Growth(id="growth", limit=0.2, **_WORDS)
DRILL = BackupDrill(id="backup_drill", limit=2 * 86400.0, window_days=3, **_WORDS)
RADIO = RadioAvailability(id="radio_availability", limit=0.95, budget_at_risk=0.2, **_WORDS)
CLIMATE = Environment(id="environment", limit=0.95, window_days=4, **_WORDS)
LIGHT = OpticalMargin(id="optical_margin", limit=3.0, **_WORDS)
POOLED = Pooled(id="restoration_of_all", limit=0.9, of="restoration", **_WORDS)


@dataclass
class Made:
    """A store that fills, the places in it, and the parts that were judged so far."""

    store: Store
    dice: random.Random
    sites: dict[str, Site] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    @property
    def reader(self) -> Reader:
        return self.store.reader()

    def site(self, name: str, **more: Any) -> Site:
        made = Site(id=name, name=name, kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune=f"c-{name}", **more)
        self.sites[name] = made
        return made

    def link(self, name: str, site: str = "ub", **more: Any) -> Link:
        facts: dict[str, Any] = {
            "kind": LinkKind.FIBRE,
            "role": LinkRole.PRIMARY,
            "capacities": (Capacity(-inf, FULL, FULL),),
        }
        facts |= {"near": Port(name, "ge1"), "far": Port("core", name)}
        made = Link(**{"id": name, "site": site, "upstream_site": "core", "network": "tslcd_2", **facts, **more})
        self.links[name] = made
        return made

    def sources(self) -> Sources:
        return Sources(reader=self.reader, sites=self.sites, links=self.links, kind_at=kind_at)


def kind_at(commune: str, unix: float) -> str:
    """Even communes are xã, odd ones phường; the ninth is something that has no time of its own."""
    number = int(commune.rpartition("-")[2] or 0)
    return "dac_khu" if number == 9 else "phuong" if number % 2 else "xa"


def rates_of(reader: Reader, link: Link, slots: range) -> LinkRates:
    near, far = (reader.rates(link.id, end, slots.start, len(slots)) for end in End)
    return LinkRates(
        first_k=slots.start, near_receive=near.receive, near_transmit=near.transmit,
        far_receive=far.receive, far_transmit=far.transmit, simulated=near.simulated,
    )  # fmt: skip


# --- one part of each rule --------------------------------------------------------------------------------------------


def load_slots(dice: random.Random, first: int, level: float, lost: float, rise: float = 0.0) -> Iterator[Slot]:
    """Slots of one end around `level`, some missing, some covered too little."""
    for k in range(first, LAST_K + 1):
        if dice.random() >= lost:
            covered = dice.choice([300_000_000] * 40 + [240_000_000, 239_999_999])
            high = level + rise * (k - LAST_K)
            octets = int(FULL * dice.triangular(0, 2 * high, high) * covered / 1e6)
            yield Slot(k, Octets(octets, covered), Octets(octets // 3, covered))


def percentile_part(made: Made, i: int, target: Any = P95) -> Verdict:
    dice = made.dice
    level = (0.2, 0.5, 0.45, 0.3, 0.49, 0.58)[i % 6]
    lost = (0.01, 0.04, 0.0, 0.3, 0.02)[i % 5]
    change = Capacity(NOW - dice.uniform(0, 9) * DAY_S, FULL * 0.9, FULL)
    link = made.link(f"load-{i}", capacities=(Capacity(-inf, FULL, FULL), change)[: 1 + i % 2])
    one_day = target is P95_DAILY and i == 3  # seen whole, and nothing of the others
    first, lost = (LAST_K - 500, 0.0) if one_day else (LAST_K - 2500, lost)
    made.store.put_link(link.id, End.NEAR, slots=list(load_slots(dice, first, level, lost)))
    made.store.put_link(link.id, End.FAR, slots=list(load_slots(dice, first, level, 0.5)))
    made.store.flush()
    return judge_link(target, link, rates_of(made.reader, link, slots_needed(NOW)), NOW)


def trend_part(made: Made, i: int) -> Verdict:
    """A met link that fills up, slowly or quickly, over seven weeks."""
    dice, rise = made.dice, (0.0, 2e-5, 5e-6, 2e-7)[i % 4]
    link = made.link(f"trend-{i}")
    slots = [slot for slot in load_slots(dice, LAST_K - 49 * 288, 0.42, 0.0, rise) if slot.k % 7 or slot.k > LAST_K - 2500]
    made.store.put_link(link.id, End.NEAR, slots=slots if rise else slots[-3000:])
    made.store.flush()
    today = day_number(NOW)
    verdict = judge_link(P95, link, rates_of(made.reader, link, slots_needed(NOW)), NOW)
    return with_trend(P95, link, verdict, made.reader.peaks(link.id, today - TREND_DAYS, today), NOW)


def month_part(made: Made, i: int) -> Verdict:
    """A link over a month that is over: its worst window."""
    window = Window(NOW // DAY_S * DAY_S - 25_200 - 9 * DAY_S, NOW // DAY_S * DAY_S - 25_200)
    link = made.link(f"month-{i}")
    slots = load_slots(made.dice, LAST_K - 18 * 288, (0.53, 0.3, 0.6)[i % 3], (0.01, 0.03)[i % 2], 0.00002)
    made.store.put_link(link.id, End.NEAR, slots=list(slots))
    made.store.flush()
    needed = range(slots_needed(window.start + DAY_S).start, slots_needed(window.end).stop)
    return judge_month(P95, link, rates_of(made.reader, link, needed), window, NOW)


def states(made: Made, subject: Subject, start: float, usual: str, bad: list[str], times: int, longest: float) -> None:
    """The usual state, broken `times` times."""
    made.store.begin_span(subject, usual, start)
    marks = sorted(made.dice.uniform(start, NOW - 7200) for _ in range(times))
    for mark, following in zip(marks, [*marks, NOW][1:], strict=True):
        made.store.begin_span(subject, made.dice.choice(bad), mark)
        made.store.begin_span(subject, usual, min(following, mark + made.dice.uniform(1, longest)))


def availability_part(made: Made, i: int, target: Any = AVAILABILITY) -> Verdict:
    times, longest = [(0, 1), (3, 1000), (3, 4000), (8, 9000), (60, 20_000)][i % 5]
    if target.of == "link":
        subject, bad = Subject("link", made.link(f"up-{i}").id), ["down", "unknown"]
    else:
        subject, bad = Subject("site", made.site(f"up-{i}").id), ["isolated", "unreachable", "on_backup", "unknown"]
    bad = [bad[-1:], bad, bad[:1], bad[-1:]][i % 4]
    states(made, subject, MONTH.start - 1000.5, "up", bad, times, longest)
    made.store.flush()
    absences = made.reader.absences(*MONTH)
    return judge_availability(target, subject, made.reader.spans(subject, *MONTH), absences, MONTH, NOW)


def echo_slots(made: Made, link: Link, first: int, usual_us: int, lost: float, silent: float) -> None:
    for k in range(first, LAST_K + 1):
        sent = 0 if made.dice.random() < silent else 30
        back = sum(made.dice.random() >= lost for _ in range(sent)) if lost else sent
        rtt = [int(usual_us * made.dice.uniform(0.6, 1.5)) for _ in range(min(back, 2))] * (back // 2)
        snmp = made.dice.randrange(3)
        worst = max(rtt, default=0)
        snmp_us = sum(int(usual_us * made.dice.uniform(0.8, 3)) for _ in range(snmp))
        made.store.put_echo(link.id, EchoSlot(k, sent, len(rtt), sum(rtt), worst, snmp, snmp_us))


def echoes_of(reader: Reader, link: Link, slots: range) -> Echoes:
    found = reader.echoes(link.id, slots.start, len(slots))
    return Echoes(
        first_k=slots.start, rtt_s=found.rtt_s, worst_s=found.worst_s, sent=found.sent, answered=found.answered,
        snmp_s=found.snmp_s, simulated=found.simulated,
    )  # fmt: skip


SHORT = Window(NOW - 2.2 * DAY_S, NOW)
"""A rolling window whose edges are no slots'."""


def latency_part(made: Made, i: int) -> Verdict:
    link = made.link(f"rtt-{i}")
    usual, silent = (30_000, 36_000, 60_000, 28_000)[i % 4], (0.01, 0.5, 0.02, 0.2, 0.97)[i % 5]
    echo_slots(made, link, LAST_K - 700, usual, 0.01, silent)
    states(made, Subject("link", link.id), SHORT.start - 99.5, "up", ["down", "unknown"], i % 4, 3000)
    made.store.flush()
    spans = made.reader.spans(Subject("link", link.id), *SHORT)
    return judge_latency(LATENCY, link, echoes_of(made.reader, link, slots_of(SHORT)), SHORT, NOW, spans)


def loss_part(made: Made, i: int) -> Verdict:
    link = made.link(f"loss-{i}")
    echo_slots(made, link, LAST_K - 700, 20_000, (0.0, 0.003, 0.02, 0.001)[i % 4], (0.0, 0.02, 0.3)[i % 3])
    states(made, Subject("link", link.id), SHORT.start - 99.5, "up", ["down", "unknown"], i % 4, 3000)
    made.store.flush()
    spans = made.reader.spans(Subject("link", link.id), *SHORT)
    return judge_loss(LOSS, link, echoes_of(made.reader, link, slots_of(SHORT)), spans, SHORT, NOW)


def restoration_part(made: Made, i: int) -> Verdict:
    site = made.site(f"back-{i}")
    subject = Subject("site", site.id)
    at = MONTH.start - (0, 9000)[i % 2]
    made.store.begin_span(subject, "up", at - 1)
    for _ in range((0, 3, 6)[i % 3]):
        at += made.dice.uniform(20_000, 90_000)
        long = made.dice.uniform(600, (3000, 9000)[i % 4 == 2])
        made.store.begin_span(subject, "isolated", at)
        made.store.open_outage(Outage(subject, "isolated", at, None, "link:=cmd", ""))
        if i % 4 == 3:
            made.store.begin_span(subject, "unknown", at + long / 3)
        made.store.begin_span(subject, "on_backup", at + long)
        made.store.close_outage(subject, at + long)
        at += long
    if i % 5 == 4:
        made.store.begin_span(subject, "isolated", NOW - 5000)
        made.store.open_outage(Outage(subject, "isolated", NOW - 5000, None, "power", ""))
    made.store.flush()
    seen = made.reader.spans(subject, *MONTH), made.reader.absences(*MONTH)
    return judge_restoration(RESTORATION, site, kind_at, made.reader.outages(subject, *MONTH), *seen, MONTH, NOW)


def capacity_part(made: Made, i: int) -> Verdict:
    before = Capacity(MONTH.start - 9e6, FULL / 2, FULL / 2)
    now = Capacity(MONTH.start + 5e5, FULL * (1, 0.4, 2)[i % 3], FULL * (1, 3)[i % 2])
    link = made.link(f"paid-{i}", site="ub", capacities=(before, now) if i % 7 else ())
    for end, since, speed in (
        (End.NEAR, MONTH.start - 5e6, FULL / 2), (End.FAR, MONTH.start - 5e6, 5 * FULL),
        (End.NEAR, MONTH.start + 9e4, 5 * FULL),
        (End.FAR, NOW - 50, (0.0, 5 * FULL, 12.5e6)[i % 4 % 3]),
    ):  # fmt: skip
        if i % 5:
            made.store.put_port_speed(link.id, PortSpeed(end, since, speed))
    made.store.put_speed_test(SpeedTest(NOW - 900 - i, "ub", "probe", "fixed", "=VNPT", 2e7, 1e7, 0.01))
    made.store.flush()
    tests = made.reader.speed_tests(*MONTH, "ub")
    return judge_capacity(CAPACITY, link, made.reader.port_speeds(link.id), tests, MONTH, NOW, heard=i % 6 != 4)


def redundancy_part(made: Made, i: int) -> Verdict:
    site = made.site(f"ways-{i}", security_level=(None, 4, 2)[i % 3])
    for n in range(i % 5):
        cables = tuple(made.dice.sample(["-a", "b", "=c"], made.dice.randrange(3)))
        made.link(f"way-{i}-{n}", site=site.id, kind=made.dice.choice([LinkKind.FIBRE, LinkKind.LTE]), srlg=cables)
    return judge_redundancy(REDUNDANCY, site, list(made.links.values()), MONTH, NOW)


def growth_part(made: Made, i: int) -> Verdict:
    site = made.site(f"more-{i}")
    for n in range(1 + i % 4):
        since = made.dice.choice([None, NOW - 9e7, NOW - 9e6])
        then = Capacity(made.dice.choice([-inf, NOW - 9.1e7]), FULL, FULL)
        now = Capacity(NOW - 8e6, FULL * made.dice.choice([1, 1.1, 1.3]), FULL)
        why = made.dice.choice(["", "=1+1", "số hóa"])
        capacities = made.dice.choice([(then, now), (then,), (now,)])
        made.link(f"more-{i}-{n}", site=site.id, since=since, capacities=capacities, justification=why)
    if i % 3 == 1:
        capacities = (Capacity(-inf, FULL, FULL), Capacity(NOW - 8e6, 9 * FULL, FULL))
        made.link(f"more-{i}-left", site="ub", former=(Former(site.id, NOW - 7e6),), capacities=capacities)
    links = [link for link in made.links.values() if site.id in (link.site, *(was.place for was in link.former))]
    return judge_growth(GROWTH, site, links, MONTH, NOW)


def drill_part(made: Made, i: int) -> Verdict:
    window = Window(NOW - 3 * DAY_S, NOW)
    site = made.site(f"drill-{i}")
    former = (Former("old", NOW - 1.5 * DAY_S),) if i % 6 > 2 else ()
    link = made.link(f"drill-{i}-lte", site=site.id, role=LinkRole.BACKUP, former=former)
    busy = LAST_K - made.dice.randrange(850) if i % 3 == 0 else None
    slots = [
        Slot(k, Octets(9_000_000 if k == busy else 3000, 300_000_000), Octets(3000, 300_000_000))
        for k in range(LAST_K - 900, LAST_K + 1)
        if made.dice.random() > (0.0, 0.01, 0.2)[i % 4 % 3]
    ]
    made.store.put_link(link.id, End.NEAR, slots=slots)
    states(made, Subject("site", site.id), window.start - 999.5, "up", ["on_backup"], int(i % 4 == 1), 4000)
    made.store.flush()
    spans = made.reader.spans(Subject("site", site.id), *window)
    rates = rates_of(made.reader, link, slots_of(window))
    return judge_drill(DRILL, link, rates, spans, window, NOW, alone=i % 8 != 5)


def from_store(made: Made, target: Any, place: Site | Link, window: Window) -> Verdict:
    """As it is judged in life."""
    made.store.flush()
    around = replace(AROUND, devices={"env": Device(id="env", site=place.id)})
    return judge(target, place, StoreEvidence(made.reader, Turns(Event())), around, window, NOW)


def radio_part(made: Made, i: int) -> Verdict:
    """A mast of two operators, of whom one may tell nothing, and of a cell that was given another name."""
    site = made.site(f"mast-{i}", carriers=(Carrier(operator="viettel"), Carrier(operator="=vnpt")))
    times, longest = [(0, 1), (8, 18_000), (4, 60_000), (6, 200_000)][i % 4]
    for operator, technology, cell in (
        ("viettel", "4g", "a/1"), ("viettel", "4g", "a/2"), ("viettel", "5g", "b"), ("=vnpt", "4g", "c")
    )[: (4, 3, 4, 0)[i // 3 % 4]]:  # fmt: skip
        subject = Subject("cell", CellName(site.id, operator, technology, cell).id)
        bad = [["down"], ["down", "unknown"], ["unknown"]][i % 3]
        states(made, subject, MONTH.start - 500.5, "up", bad, times, longest)
    if i in (1, 3, 9):
        gone = Subject("cell", CellName(site.id, "viettel", "2g", "old").id)
        made.store.begin_span(gone, "up", BEFORE.start)
        made.store.end_span(gone, BEFORE.end - 9e5)
    return from_store(made, RADIO, site, MONTH)


def gauge(made: Made, subject: Subject, figure: str, part: str, hours: Iterable[int], value: Callable[[int], float]) -> None:
    rows = []
    for hour in hours:
        mean, spread = value(hour), made.dice.uniform(0, 0.02)
        rows.append((subject, figure, Summary(hour * 3600.0, 3600, part, mean - spread, mean, mean + spread, 60)))
    made.store.put_summaries(rows)


LAST_HOUR = int(NOW // 3600)


def climate_part(made: Made, i: int) -> Verdict:
    """A room with up to two sensors of each quantity, too warm or unheard of for some hours."""
    site = made.site(f"room-{i}", room=(Room.EQUIPMENT, Room.OFFICE)[i % 2])
    for quantity, usual, wild in (("temperature", 22.0, 36.0), ("humidity", 0.5, 0.95)):
        lost = (0.0, 0.02, 0.3)[i % 3]
        odd = set(made.dice.sample(range(LAST_HOUR - 95, LAST_HOUR), (0, 4, 0, 20)[i % 4]))
        for n in range((1, 2, 0 if quantity == "humidity" else 1)[i % 7 % 3] if i < 10 else 0):
            last = LAST_HOUR - 200 if i == 9 else LAST_HOUR + 1
            hours = [hour for hour in range(LAST_HOUR - 300, last) if made.dice.random() >= lost]
            gauge(made, Subject("site", site.id), FIGURES[quantity], f"env {n}", hours,
                  lambda hour, odd=odd, usual=usual, wild=wild: wild if hour in odd else usual)  # fmt: skip
    return from_store(made, CLIMATE, site, Window(NOW - 4 * DAY_S, NOW))


def light_part(made: Made, i: int) -> Verdict:
    """A fibre that dips, fades, goes dark or is spliced, over eight weeks; the last ones tell nothing."""
    link = made.link(f"light-{i}")
    fade, dips = (0.0, 0.13, 0.01)[i % 3], (0, 1, 3, 0)[i % 4]
    for way in ("receive", "transmit")[: (2, 1)[i % 2] if i < 10 else 0]:
        hours = [hour for hour in range(LAST_HOUR - 50 * 24, LAST_HOUR + 1) if made.dice.random() >= (0.0, 0.2)[i == 6]]
        low = set(made.dice.sample(hours[-150:-1], dips))
        hours = hours[:-200] if i == 8 else hours
        unlit = hours[-40:-39] if i == 3 else hours[-60:-20] if i == 9 else []
        gauge(made, Subject("link", link.id), DARK, way, unlit, lambda _: 1.0)
        gauge(made, Subject("link", link.id), MARGIN, way, hours,
              lambda hour, low=low: 2.5 if hour in low else 8.0 - fade * (hour - LAST_HOUR) / 24)  # fmt: skip
        gauge(made, Subject("link", link.id), RECEIVED, way, hours,
              lambda hour: -16.0 - fade * (hour - LAST_HOUR) / 24 + made.dice.uniform(-0.2, 0.2)
              + (3.0 if LAST_HOUR - hour > 24 * {4: 40, 7: 20}.get(i, 99) else 0.0))  # fmt: skip
    return from_store(made, LIGHT, link, Window(NOW - 7 * DAY_S, NOW))


PARTS: dict[str, tuple[AnyTarget, Callable[[Made, int], Verdict]]] = {
    "percentile": (P95, percentile_part),
    "daily": (P95_DAILY, lambda made, i: percentile_part(made, i, P95_DAILY)),
    "trend": (P95, trend_part),
    "month": (P95, month_part),
    "availability": (AVAILABILITY, availability_part),
    "link_up": (LINK_UP, lambda made, i: availability_part(made, i, LINK_UP)),
    "latency": (LATENCY, latency_part),
    "loss": (LOSS, loss_part),
    "restoration": (RESTORATION, restoration_part),
    "capacity": (CAPACITY, capacity_part),
    "redundancy": (REDUNDANCY, redundancy_part),
    "growth": (GROWTH, growth_part),
    "backup_drill": (DRILL, drill_part),
    "radio_availability": (RADIO, radio_part),
    "environment": (CLIMATE, climate_part),
    "optical_margin": (LIGHT, light_part),
}
"""The targets, and what makes one part of each with its history."""


# --- wholes -----------------------------------------------------------------------------------------------------------


def commune_of(target: Any, code: str, parts: list[Verdict]) -> Verdict:
    window = parts[0].window if parts else MONTH
    return whole_verdict(target, Subject("commune", code), parts, window, final=False)


def share_of(communes: list[Verdict]) -> Verdict:
    standings = [(each.subject.id, each.standing) for each in communes]
    return province_verdict(SHARE, "04", standings, window=MONTH, final=False, out_of_scope={"99999": "đảo"})


def pool_of(parts: dict[str, list[Verdict]]) -> Verdict:
    return pooled_verdict(POOLED, RESTORATION, "04", parts, MONTH, final=False, out_of_scope={})


def tree(top: Verdict, told: list[Verdict], targets: dict[str, AnyTarget]) -> Node:
    """The verdict with its parts, of all that were told."""
    by_id = {verdict.id: verdict for verdict in told}
    return gather(top, targets, lambda name: [by_id[name]] if name in by_id else [])

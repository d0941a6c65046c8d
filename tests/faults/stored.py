"""A store with something in every room, and what it must never say afterwards that it did not say before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from netmon.model import (
    AuditEntry,
    Baseline,
    CauseClass,
    CounterPoint,
    Declared,
    Direction,
    EchoSlot,
    End,
    Entry,
    Epoch,
    Gap,
    Impact,
    Incident,
    Kind,
    Octets,
    Outage,
    PortSpeed,
    Slot,
    SpeedTest,
    Standing,
    Subject,
    Summary,
    Unplaced,
    Verb,
    Verdict,
    Window,
    WindowChange,
    WindowKind,
)
from netmon.notice import Notice, NoticeKind
from netmon.store import Ispeed, Store
from netmon.targets.availability import Interval, judge_availability
from tests.targets.made import LINK_UP

K0 = 20_500 * 288 - 84
"""The first slot of a local day."""

LINKS = tuple(f"lk-{n}" for n in range(40))
A_SLOT = 1_000
"""Octets of each slot."""


class Meter:
    """Remembers the last of each gauge and the sum of each counter."""

    def __init__(self) -> None:
        self.totals: dict[str, float] = {}
        self.gauges: dict[str, float] = {}

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        self.totals[family] = self.totals.get(family, 0) + amount

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        self.gauges["".join((family, *labels.values()))] = value

    def observe(self, family: str, value: float, /, **labels: str) -> None: ...


def point(k: int) -> CounterPoint:
    """Where a counter stood when slot k was closed."""
    return CounterPoint((k - K0 + 1) * A_SLOT, (k + 1) * 300.0 + 5, Kind.COUNTER64, Epoch(None, None, None, "ge0"))


def put_slot(store: Store, link: str, k: int) -> None:
    """A slot of A_SLOT octets as a poll brings it, the counter with it."""
    slots = [Slot(k, Octets(A_SLOT, 300_000_000), Octets(1, 300_000_000))]
    store.put_link(link, End.NEAR, slots=slots, baseline=Baseline(point(k), None, ()))


def state(link: str, turn: int) -> str:
    """Every third turn of a link is down."""
    return "up" if (turn + LINKS.index(link)) % 3 else "down"


def verdict(n: int) -> Verdict:
    """A closed month of a link."""
    link, month = LINKS[n % len(LINKS)], n // len(LINKS)
    window = Window(month * 1e6, (month + 1) * 1e6)
    return Verdict(
        target="use",
        subject=Subject("link", link),
        standing=Standing.MET,
        value=0.5,
        limit=0.9,
        coverage=1.0,
        window=window,
        final=True,
        evidence={"figures": [n] * 200},
    )


def fill(path: Path, slots: int = 600, links: Iterable[str] = LINKS) -> None:
    """Two days of links that go up and down, packed and not, with outages, frozen verdicts and the audit log."""
    with Store.open(path, Meter()) as store:
        for turn in range(slots):
            unix = (K0 + turn) * 300.0
            for link in links:
                put_slot(store, link, K0 + turn)
                if turn % 20 == 0:
                    subject, told = Subject("link", link), state(link, turn // 20)
                    store.begin_span(subject, told, unix)
                    if told == "down":
                        store.open_outage(Outage(subject, told, unix, None, "fibre", "cut"))
                    else:
                        store.close_outage(subject, unix)
            store.heartbeat(unix + 300)
            if turn % 50 == 0:
                store.put_verdicts([verdict(turn + n) for n in range(50)], unix)
                store.put_audit(AuditEntry(unix, "ops", "control pid 1 uid 0", "storm.declare", f"w{turn}", "", "ok"))
                store.flush()
        store.fold((K0 + slots) * 300.0)
        store.flush()


def furnish(store: Store) -> None:
    """Something in every table that `fill` leaves empty."""
    link, site, at = Subject("link", LINKS[0]), Subject("site", "s"), K0 * 300.0
    store.record_start(at + 1e6)
    store.put_link(LINKS[0], End.NEAR, unplaced=[Unplaced(Direction.RECEIVE, at, at + 900, 7)])
    store.put_link(LINKS[0], End.NEAR, gaps=[Gap(Direction.RECEIVE, at, at + 900, "reset")])
    for k in (K0, K0 + 288):
        store.put_echo(LINKS[0], EchoSlot(k, 30, 29, 290_000, 20_000, 10, 50_000))
    store.put_port_speed(LINKS[0], PortSpeed(End.NEAR, at, 1.25e8))
    store.put_summaries([(site, "ambient_temperature_celsius", Summary(at, 3600, "rtu/1", 20.0, 25.0, 31.0, 12))])
    store.put_speed_test(SpeedTest(at, "s", "probe", "fixed", "VNPT", 2e7, 1e7, 0.01))
    store.put_ispeed([Ispeed("2026-10", "04", "fixed", "VNPT", "download", 1e7, 100, "ispeed.csv")], at)
    store.put_inventory_month("2026-10", {("sites", "bts"): 120.0})
    store.put_notice(Notice(at, NoticeKind.TRAP, "r0", "linkDown", "192.0.2.1", {"ifIndex": "1"}))
    store.put_request_size("r0", 20, 40)
    storm = Declared(id="w1", kind=WindowKind.STORM, name="Bão số 3", start=at, until=at + 86_400, areas=("04",))
    store.put_window(WindowChange(at, "declare", "ops", "", storm))
    store.put_incident(
        Incident(
            id="2026-1",
            province="04",
            root=link,
            cause=CauseClass.FIBRE,
            clues=(),
            since=at,
            until=None,
            members=(link,),
            ever=(link,),
            impact=Impact(),
        )
    )
    store.put_entry(Entry(at, "2026-1", Verb.CAUSE, "ops", "", "power: trạm mất điện"))
    store.start_engine()
    store.fold((K0 + 600) * 300.0)
    store.flush()


def rows(path: Path, statement: str) -> list[Any]:
    """What a shell reads."""
    other = sqlite3.connect(path)
    try:
        return other.execute(statement).fetchall()
    finally:
        other.close()


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with all of it."""
    return rows(path, "PRAGMA integrity_check") == [("ok",)]


def spans(path: Path) -> dict[str, list[tuple[str, float, float]]]:
    """The states of links."""
    found: dict[str, list[tuple[str, float, float]]] = {}
    for name, told, since, until in rows(
        path, "SELECT name, state, since, coalesce(until, 9e99) FROM span JOIN subject s ON s.id = subject ORDER BY since"
    ):
        found.setdefault(name, []).append((told, since, until))
    return found


def falsehoods(before: Path, after: Path) -> list[str]:
    """What is said in `after` that `before` did not say: states, slots, sums of days, frozen verdicts, outages that lack."""
    wrong = []
    was = spans(before)
    for name, told in spans(after).items():
        for what, since, until in told:
            if not any(w == what and s <= since and until <= u for w, s, u in was[name]):
                wrong.append(f"{name} was not {what} in [{since}, {until})")
    for statement in (
        "SELECT s.name, k, receive, transmit FROM slot JOIN subject s ON s.id = link",
        "SELECT s.name, day, slots, receive, transmit FROM day JOIN subject s ON s.id = link",
        "SELECT s.name, day, d.receive, d.transmit FROM day_rates d JOIN subject s ON s.id = link",
        "SELECT s.name, target, window_start, revision, sha256, body FROM verdict_frozen JOIN subject s ON s.id = subject",
        "SELECT * FROM audit WHERE deed <> 'salvage'",
    ):
        wrong += [f"made up: {row}" for row in set(rows(after, statement)) - set(rows(before, statement))]
    wrong += [
        f"no outage: {row}"
        for row in rows(
            after,
            """SELECT s.name, p.since FROM span p JOIN subject s ON s.id = p.subject WHERE p.state = 'down'
               AND (p.until IS NULL OR p.until > p.since) AND NOT EXISTS (SELECT 1 FROM outage o
               WHERE o.subject = p.subject AND o.since <= p.since AND coalesce(o.until, 9e99) >= coalesce(p.until, 9e99))""",
        )
    ]
    return wrong


def verdicts(store: Store, links: Iterable[str], slots: int) -> dict[str, Standing]:
    """What the availability of links comes to over the time of `fill`."""
    reader, window = store.reader(), Window(K0 * 300.0, (K0 + slots) * 300.0)
    away: list[Interval] = [Window(each.start, each.end) for each in reader.absences(*window)]
    return {
        name: judge_availability(
            LINK_UP, Subject("link", name), reader.spans(Subject("link", name), *window), away, window, window.end
        ).standing
        for name in links
    }

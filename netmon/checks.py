"""Checks: bursts of echoes to the addresses that are reachable only over a link, and the slots that round trips fill.

An echo that comes back says that the link is up (SEMANTICS 2); all of them, slot by slot, say how long it takes and how
much is lost. The polls of the device at the commune's end tell round trips too, of another kind, kept apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Protocol

import structlog

from netmon import samples
from netmon.causes import guard
from netmon.connections import Outturn
from netmon.derive.echoes import EchoFiller
from netmon.exporters.outlets import Outlets
from netmon.inventory import Inventory
from netmon.model import SLOT_S, At, EchoSlot, Link, LinkRole, Meter, Outcome, Poll, Port, SiteKind
from netmon.network import Network
from netmon.store import Reader, Store

log = structlog.get_logger(__name__)

ECHOES = 5
"""Echoes of one burst."""

SPACING_S = 0.2
TIMEOUT_S = 2.0

HOLDS_S = 3 * SLOT_S
"""How long what the last closed slot said stays on the page."""

_SETTLED_S = 60
"""So long after the end of a slot it is closed for the links, too, of which nothing more came: before targets are judged."""


class Pinger(Protocol):
    """A burst of echoes: the seconds of each, None for silence; raises OSError where our own side fails."""

    async def echoes(self, address: str, count: int, spacing_s: float, timeout_s: float) -> Sequence[float | None]: ...


class Checks:
    """The checks of an inventory's links. Nothing but `run` waits."""

    def __init__(
        self,
        network: Network,
        *,
        store: Store,
        outlets: Outlets,
        meter: Meter,
        pinger: Pinger | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._network = network
        self._store = store
        self._outlets = outlets
        self._meter = meter
        self._pinger = pinger
        self._clock = clock
        self._inventory = Inventory({}, {}, {})
        self._fillers: dict[str, EchoFiller] = {}
        self._near: dict[str, list[str]] = {}  # links that polls go over, by the device at the commune's end
        self._under_way: set[str] = set()
        self._failed: dict[str, str] = {}  # links whose check address our own side failed to ping, and why
        self._shown: dict[str, float] = {}  # links on the page, and since when
        self._swept = 0.0  # the number of the slot in which all were closed last

    def take(self, inventory: Inventory) -> None:
        """Takes an inventory. What is there goes on; echoes of another address than now are forgotten."""
        old, self._inventory = self._inventory, inventory
        near: dict[str, list[str]] = {}
        fillers = {}
        primaries: dict[str, list[str]] = {}
        for link in inventory.links.values():
            if link.role is LinkRole.PRIMARY:
                primaries.setdefault(link.site, []).append(link.id)
        for link in inventory.links.values():
            if link.near is not None and _carries_polls(inventory, link.near, link, primaries):
                near.setdefault(link.near.device, []).append(link.id)
            elif link.check is None:
                continue
            filler = fillers[link.id] = self._fillers.get(link.id) or EchoFiller()
            if link.id in old.links and old.links[link.id].check != link.check:
                filler.forget(-inf)
        self._near, self._fillers = near, fillers
        for link_id in list(self._shown):
            gone = link_id not in inventory.links
            if gone or inventory.links[link_id].check is None or inventory.link_labels(link_id) != old.link_labels(link_id):
                del self._shown[link_id]
                self._outlets.forget(f"echo:{link_id}")

    def restore(self, reader: Reader, now: float) -> None:
        """Shows again what the last closed slots said; it is as old as these."""
        for link_id, slot in reader.newest_echoes(now).items():
            link = self._inventory.links.get(link_id)
            if link is not None and link.check is not None:
                self._shown[link_id] = (slot.k + 1) * SLOT_S
                self._outlets.put_again(f"echo:{link_id}", samples.echo_samples(self._inventory, link_id, slot))

    def due(self) -> Iterable[tuple[str, float]]:
        """The links with a check address, and how often each is asked."""
        for link in self._inventory.links.values():
            if link.check is not None:
                yield link.id, self._inventory.check_interval_s(link)

    async def run(self, link_id: str) -> Outturn | None:
        """One burst to a link's check address; None when it says nothing of the link."""
        link = self._inventory.links.get(link_id)
        if link is None or link.check is None or self._pinger is None or link_id in self._under_way:
            return None
        sent = At(self._clock(), time.monotonic())
        self._under_way.add(link_id)
        try:
            round_trips = await self._pinger.echoes(link.check, ECHOES, SPACING_S, TIMEOUT_S)
        except OSError as error:
            # Our own side failed: nothing is said of the link, and what was said of it ages.
            self._meter.count("netmon_checks_failed_total")
            why = str(error)
            if why not in self._failed.values():
                log.warning("a check address cannot be pinged", link=link_id, detail=why)
            self._failed[link_id] = why
            return None
        finally:
            self._under_way.discard(link_id)
        self._failed.pop(link_id, None)
        now_there = self._inventory.links.get(link_id)
        if now_there is None or now_there.check != link.check:
            return None  # a reload took it away meanwhile
        if not self._network.isolated_since:
            filler = self._fillers[link_id]
            self._count(filler.burst(sent.unix, round_trips))
            self._close(link_id, filler, self._clock())
        return self._network.check(link_id, sent, heard=any(seconds is not None for seconds in round_trips))

    def note_poll(self, poll: Poll) -> None:
        """Takes the round trip of a poll, for the links over which it went."""
        if poll.round_trip_s is None or poll.outcome is not Outcome.ANSWERED or self._network.isolated_since:
            return
        for link_id in self._near.get(poll.device, ()):
            filler = self._fillers[link_id]
            self._count(filler.snmp(poll.sent.unix, poll.round_trip_s))
            self._close(link_id, filler, poll.ended.unix)

    def doubt(self) -> None:
        """netmon suspects itself: what was sent since it was last proven to be connected says nothing of any link."""
        since = guard.last_proof(self._network.tracks[device] for device in self._inventory.canaries)
        for filler in self._fillers.values():
            filler.forget(since)

    def sweep(self, now: float) -> None:
        """The clock's work, every few seconds: slots of which nothing more comes, and what is too old for the page."""
        slot = (now - _SETTLED_S) // SLOT_S
        if slot != self._swept:
            self._swept = slot
            for link_id, filler in self._fillers.items():
                self._close(link_id, filler, now)
        for link_id in [link_id for link_id, since in self._shown.items() if now > since + HOLDS_S]:
            del self._shown[link_id]
            self._outlets.drop(f"echo:{link_id}")

    def shift(self, step_s: float) -> None:
        """The wall clock stepped by so much; slots do not move with it."""
        self._shown = {link_id: since + step_s for link_id, since in self._shown.items()}

    def _count(self, taken: bool) -> None:
        if not taken:
            self._meter.count("netmon_late_round_trips_total")

    def _close(self, link_id: str, filler: EchoFiller, now: float) -> None:
        for slot in filler.close(now):
            self._store.put_echo(link_id, slot)
            self._show(link_id, slot, now)

    def _show(self, link_id: str, slot: EchoSlot, now: float) -> None:
        if not slot.sent:
            return
        self._shown[link_id] = now
        figures = samples.echo_samples(self._inventory, link_id, slot)
        self._outlets.put(f"echo:{link_id}", figures, at=(slot.k + 1) * SLOT_S)


def _carries_polls(inventory: Inventory, near: Port, link: Link, primaries: Mapping[str, Sequence[str]]) -> bool:
    """Whether polls of the device at its near end are known to go over a link: the only primary one of the device's site,
    for of several nobody knows which. Over a backup they do not go while the primary one is up, and from the
    provincial centre, where netmon is, they do not go over the centre's own links. `primaries` are the primary links
    of each site."""
    site = inventory.site_of(near.device)
    return site.kind is not SiteKind.PROVINCIAL_CENTRE and primaries.get(site.id) == [link.id]

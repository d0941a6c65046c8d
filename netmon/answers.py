"""What a running netmon answers to those who ask: the listener's pages and the control socket's read commands."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from difflib import get_close_matches
from typing import Any

from netmon import __version__, facts, site_facts
from netmon.control import ControlError
from netmon.exporters.influx import Influx
from netmon.exporters.prometheus import Page
from netmon.judge import Judge
from netmon.model import LinkState
from netmon.names import names
from netmon.network import Network
from netmon.pipeline import Pipeline
from netmon.places import Later, Places
from netmon.pollers.choice import Pollers
from netmon.pulse import Blocked
from netmon.settings import Settings
from netmon.store import StoreError, dump_verdict, last_damage
from netmon.targets.asked import targets_of, told_by
from netmon.targets.later import read_once
from netmon.targets.windows import local
from netmon.targets.words import Language, explain
from netmon.units import Register
from netmon.wall import Wall


class Answers:
    """Reads the parts of one netmon, and changes none. `settings` gives those that hold now; `started` is Unix seconds."""

    def __init__(
        self,
        *,
        network: Network,
        pipeline: Pipeline,
        judge: Judge,
        pollers: Pollers,
        page: Page,
        influx: Influx | None,
        register: Register,
        settings: Callable[[], Settings],
        started: float,
        held: Callable[[], Blocked | None],
        places: Places,
        wall: Wall,
    ) -> None:
        self._places = places
        self._wall = wall
        self._network = network
        self._pipeline = pipeline
        self._judge = judge
        self._pollers = pollers
        self._page = page
        self._influx = influx
        self._register = register
        self._settings = settings
        self._started = started
        self._held = held
        self._ready = False

    def metrics(self) -> bytes:
        """The page of metrics, in text format 0.0.4. Called from a thread."""
        return self._page.render()

    def ready(self) -> bool:
        """Whether every device had its first poll, once; a reload does not take it back."""
        self._ready = self._ready or all(watch.looked for watch in self._pipeline.watches.values())
        return self._ready

    def state(self) -> Mapping[str, Any]:
        """The states of devices, links and sites."""
        polls = {name: watch.last for name, watch in self._pipeline.watches.items()}
        missing, connections = self._pipeline.missing_interfaces(), self._connections()
        return facts.state(self._network, polls, missing, ready=self.ready(), connections=connections)

    def verdicts(self) -> Mapping[str, Any]:
        """The verdicts, without their evidence."""
        return facts.verdicts(self._judge.verdicts)

    def wallboard(self) -> Mapping[str, Any]:
        """What the wallboard shows."""
        return self._wall.look(time.time(), ready=self.ready(), connections=self._connections())

    def fibre(self) -> Mapping[str, Any]:
        """The fibre links, the least margin first."""
        return {"links": self._pipeline.fibre.facts()}

    def site(self, name: str) -> Mapping[str, Any] | None:
        """All that is known of one site; None: the inventory has none of that id."""
        settings, pipeline = self._settings(), self._pipeline
        place = pipeline.inventory.sites.get(name)
        if place is None:
            return None
        return site_facts.site(
            place,
            network=self._network,
            watches=pipeline.watches,
            fed_since=pipeline.supplies.since(),
            cells=pipeline.cells.of(name),
            tested=pipeline.speed_tests.latest(),
            max_age_intervals=settings.prometheus.max_age_intervals,
            now=time.time(),
        )

    def commune(self, code: str) -> Later | None:
        """A commune with its sites, links, devices, targets and past; None: there is none of that code."""
        return self._places.commune(code)

    def device(self, name: str) -> Later | None:
        """A device with its readings, links and past; None: the inventory has none of that id."""
        return self._places.device(name)

    def search(self, text: str) -> Later:
        """The communes, sites, devices and links that are called so."""
        return self._places.search(text)

    def verdict(self, target: str, subject: str) -> Callable[[Language], Mapping[str, Any]] | None:
        """The verdict with its evidence and in words, made when it is called, in a thread; None: there is none."""
        found = next((v for v in self._judge.verdicts if v.target == target and v.subject.id == subject), None)
        settings = self._settings()
        if found is None:
            return None
        targets = targets_of(found, {each.id: each for each in settings.targets})

        def told(language: Language) -> Mapping[str, Any]:
            known = names(self._register, settings.provinces, settings.inventory, language, local(time.time()).date())
            whole = replace(found, evidence=read_once(found.evidence))
            said = "" if told_by(whole, targets) else explain(whole, targets, language, known)
            return {"id": whole.id, **json.loads(dump_verdict(whole)), "words": said.splitlines()}

        return told

    async def control_status(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """All that `netmon status` shows."""
        itself = {"version": __version__, "started": self._started}
        return {**itself, **await self._trouble(), **self.state(), **self.verdicts()}

    async def control_wallboard(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the wallboard shows, and beside it what is wrong with what is not down."""
        complaints = facts.complaints(self._network, self._pipeline.missing_interfaces())
        return {**self.wallboard(), **await self._trouble(), **complaints}

    async def control_fibre(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """All that `netmon fibre` shows."""
        return self.fibre()

    async def control_dark(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """All that `netmon dark` shows: sites and communes whose power runs out, the soonest first."""
        down = {name for name, told in self._network.links.items() if told.state == LinkState.DOWN}
        return await asyncio.to_thread(self._pipeline.operations.darkness.asked(time.time(), down))

    async def control_site(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """All that `netmon site` shows of the site of that `name`. ControlError: there is none."""
        name = str(request.get("name", ""))
        found = self.site(name)
        if found is None:
            near = get_close_matches(name, self._pipeline.inventory.sites, 3)
            raise ControlError(f"there is no site '{name}'" + (f"; did you mean {', '.join(near)}?" if near else ""))
        return {"facts": found}

    async def control_verdicts(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The verdicts with their evidence, as the store writes them: all, or those that `name` names."""
        name = request.get("name")
        found = [v for v in self._judge.verdicts if name is None or name in (v.id, v.subject.id)]
        return {"verdicts": [dump_verdict(verdict) for verdict in found], "known": [v.id for v in self._judge.verdicts]}

    async def _trouble(self) -> Mapping[str, Any]:
        """When the event loop was last held and by what, and when the store was last found damaged. ControlError: what was
        written down of that cannot be read."""
        held = self._held()
        try:
            damaged = await asyncio.to_thread(last_damage, self._settings().store.path)
        except StoreError as error:
            raise ControlError(str(error)) from error
        return {"held": held and asdict(held), "damaged": damaged and asdict(damaged)}

    def _connections(self) -> dict[str, bool]:
        """Whether the servers can be reached that netmon was told to use."""
        subscriber = self._pollers.subscriber
        known = {"mqtt": subscriber.connected} if subscriber is not None else {}
        return known | ({"influx": self._influx.reachable} if self._influx is not None else {})

"""The shift's desk: the incident book, the situation report and the handover, as the control socket and the web ask for
them.

What rests on the store is read in a thread. During a storm a situation report is written every hour, beside the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from netmon import book, declaring
from netmon.cells import Cells
from netmon.control import ControlError
from netmon.events.windows import phase
from netmon.model import Declared, Meter, Phase, WindowKind
from netmon.network import Network
from netmon.operations import Operations
from netmon.reports.hour import (
    HOUR_S,
    SHIFT_FORMATS,
    SHIFT_S,
    SITREP_FORMATS,
    directory_of,
    handover,
    keep,
    last_report,
    outages_since,
    rendered,
    report_on,
    shift_rendered,
    since_or_before,
)
from netmon.reports.sitrep import GoesDark, Sitrep, Standpoint, Stands, operators_down
from netmon.settings import Settings
from netmon.store import Reader
from netmon.targets.words.voice import Language
from netmon.units import Register

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 20.0

LATEST = 4_102_444_800.0  # the year 2100


class Desk:
    """Answers for one netmon. `settings` gives those that hold now, `hotlines` the number of each operator, `on_call` who is
    on call at an instant."""

    def __init__(
        self,
        network: Network,
        operations: Operations,
        cells: Cells,
        reader: Reader,
        register: Register,
        settings: Callable[[], Settings],
        hotlines: Callable[[], Mapping[str, str]],
        on_call: Callable[[float], Sequence[str]],
        meter: Meter,
    ) -> None:
        self._network = network
        self._operations = operations
        self._reader = reader
        self._register = register
        self._settings = settings
        self._hotlines = hotlines
        self._on_call = on_call
        self._cells = cells
        self._meter = meter
        self._hour = 0.0  # the last full hour of which a report was made
        self._fails = False

    # --- the incident book --------------------------------------------------------------------------------------------

    def on_the_wall(self, now: float) -> list[dict[str, Any]]:
        """The incidents that the wallboard shows."""
        return book.on_the_wall(self._operations.incidents.going_on(), self._network.inventory, now, self._hotlines())

    async def control_incidents(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The incidents that go on; with `all` or `since` also those that are over."""
        since, everything = request.get("since"), bool(request.get("all"))
        inventory, now, hotlines = self._network.inventory, time.time(), self._hotlines()
        if not everything and not since:
            going_on = self._operations.incidents.going_on()
            serving = inventory.links_of_site()
            return {"incidents": [book.incident_json(one, inventory, now, hotlines, serving=serving) for one in going_on]}
        start = _instant(since) if since is not None else 0.0
        live = {one.id: one for one in self._operations.incidents.going_on()}

        def read() -> Mapping[str, Any]:
            return book.list_from_store(
                self._reader, inventory, now, hotlines, everything=everything, since=start, live=live
            )

        return await asyncio.to_thread(read)

    async def control_incident(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Shows an incident with its book, opens one, or writes into the book of one. ControlError: it cannot be done."""
        action, name = str(request.get("action", "show")), str(request.get("id", ""))
        inventory, now, hotlines = self._network.inventory, time.time(), self._hotlines()
        incidents = self._operations.incidents
        try:
            note = declaring.words(request.get("by"), "by", declaring.LONGEST_NAME)
        except declaring.DeclarationError as error:
            raise book.WordingError(str(error)) from None
        if action == "open":
            root, province, cause, text = book.to_open(request, inventory)
            opened = incidents.open(root, province, cause, text, author, note)
            return {"incident": book.incident_json(opened, inventory, now, hotlines)}
        known = incidents.known(name) or await asyncio.to_thread(self._reader.incident, name)
        if known is None:
            raise book.MissingError(f"there is no incident '{name[:40]}'; `netmon incident list --all` names them")
        if action == "show":
            entries = await asyncio.to_thread(self._reader.entries, known.id)
        else:
            known = incidents.act(incidents.known(known.id) or known, action, request.get("text") or "", author, note)
            entries = []
        told = book.incident_json(known, inventory, now, hotlines)
        return {"incident": told} | ({"entries": [book.entry_json(one) for one in entries]} if action == "show" else {})

    # --- the situation report -----------------------------------------------------------------------------------------

    async def control_sitrep(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The situation report as it is now: `format` text, html or json, `lang` vi or en; `since` is the instant since
        which what was restored counts, else the report before."""
        shape, language = asked_for(request, SITREP_FORMATS)
        now = time.time()
        since = since_asked(request, now)
        before = await asyncio.to_thread(last_report, self.directory, now) if since is None else None
        made = await self._make(now, since, before)
        return {"content": await asyncio.to_thread(rendered, made, shape, language)}

    @property
    def directory(self) -> Path:
        """Where the hourly reports of storms are."""
        return directory_of(self._settings())

    async def _make(self, now: float, since: float | None, before: float | None) -> Sitrep:
        """The report, with what was restored since then, else since the report before, else in the last hour."""
        settings, network, operations = self._settings(), self._network, self._operations
        since = since_or_before(since, before, now)
        ended = await asyncio.to_thread(outages_since, self._reader, since, now)
        standpoint = Standpoint(
            at=now,
            since=since,
            live=True,
            devices={name: Stands(track.state, track.since) for name, track in network.tracks.items()},
            links={name: Stands(told.state, told.since) for name, told in network.links.items()},
            sites={name: Stands(told.state, told.since) for name, told in network.sites.items()},
            on_battery=operations.darkness.on_battery(),
            incidents=operations.incidents.going_on(),
            windows=self._windows(now),
            ended=ended,
            upstream_of={name: track.cause for name, track in network.tracks.items() if track.cause},
            operators_down=operators_down(self._cells.every()),
            dark=[GoesDark(site, round(now + left_s)) for site, left_s in operations.darkness.soonest(now)],
        )
        return await asyncio.to_thread(report_on, standpoint, settings, self._register, before)

    def _windows(self, now: float) -> list[tuple[Declared, Phase]]:
        return [(window, phase(window, now)) for window in self._operations.windows.standing()]

    async def report_forever(self) -> None:
        """While a storm strikes or is recovered from, or an exercise is held, a report every hour, on the hour."""
        while True:
            await self.report_if_due(time.time())
            await asyncio.sleep(LOOK_EVERY_S)

    async def report_if_due(self, now: float) -> bool:
        """Writes the report of the last full hour, once, if a storm had been declared and begun by then and is not over; one
        that was missed is made up for. Nothing that goes wrong here stops netmon: it is told once, until it works again.
        """
        hour = now // HOUR_S * HOUR_S
        if hour == self._hour or not any(
            window.kind is WindowKind.STORM
            and at in (Phase.IMPACT, Phase.RECOVER)
            and max(window.start, window.declared) <= hour
            for window, at in self._windows(now)
        ):
            return False
        before = await asyncio.to_thread(last_report, self.directory, now)
        if before is not None and before >= hour:
            self._hour = hour
            return False  # written before a restart
        try:
            made = await self._make(now, None, before)
            await asyncio.to_thread(keep, self.directory, made)
        except OSError as error:
            self._meter.count("netmon_reports_failed_total")
            if not self._fails:
                log.error("situation report not written", directory=str(self.directory), reason=error.strerror)
            self._fails = True
            return False
        except Exception:
            self._meter.count("netmon_bugs_total", room="daemon")
            log.exception("situation report cannot be made")
            self._hour = hour  # it would not be made a moment later either
            return False
        self._hour, self._fails = hour, False
        log.info("situation report written", directory=str(self.directory), communes_lost=made.total.lost)
        return True

    # --- the handover -------------------------------------------------------------------------------------------------

    async def control_shift(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The handover of the shift since `since`, twelve hours ago where it is not told; `format` text or json."""
        shape, language = asked_for(request, SHIFT_FORMATS)
        now = time.time()
        since = since_asked(request, now)
        since = now - SHIFT_S if since is None else since
        situation = await self._make(now, since, None)
        windows, going_on = self._windows(now), self._operations.incidents.going_on()
        read = await asyncio.to_thread(
            handover, self._reader, since, now, going_on, windows, self._on_call(now), situation=situation
        )
        settings, hotlines = self._settings(), self._hotlines()
        content = await asyncio.to_thread(shift_rendered, read, shape, language, settings, self._register, hotlines)
        return {"content": content}


def asked_for(request: Mapping[str, Any], formats: Sequence[str]) -> tuple[str, Language]:
    """The format and the language of a request. ControlError: there are no such ones."""
    shape, language = request.get("format", "text"), request.get("lang", "vi")
    if shape not in formats:
        raise ControlError(f"the format is one of {', '.join(formats)}")
    if language not in ("vi", "en"):
        raise ControlError("lang is vi or en")
    return shape, "vi" if language == "vi" else "en"


def since_asked(request: Mapping[str, Any], now: float) -> float | None:
    """The instant since which changes are asked for, None where it is not told. ControlError: it is none, or ahead."""
    if request.get("since") is None:
        return None
    since = _instant(request["since"])
    if since > now:
        raise ControlError("since lies ahead of now: nothing has changed since then")
    return since


def _instant(value: object) -> float:
    # The comparison takes integers of any size, and no NaN.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LATEST:
        raise ControlError("since is an instant in Unix seconds")
    return float(value)

"""The shift's desk: the incident book, the situation report and the handover, as the control socket and the web ask for
them.

What rests on the store is read in a thread. During a storm a situation report is written every hour, beside the store.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from netmon import book, declaring
from netmon.cells import Cells
from netmon.control import ControlError
from netmon.events.windows import phase, stands
from netmon.inventory import Inventory
from netmon.model import CellName, Declared, DeviceState, Incident, Meter, Outage, Phase, Subject, WindowKind
from netmon.names import names
from netmon.network import Network
from netmon.operations import Operations
from netmon.reports import shift as shifts
from netmon.reports import sitrep_words
from netmon.reports.files import write
from netmon.reports.html import render
from netmon.reports.shift import Shift
from netmon.reports.sitrep import GoesDark, Sitrep, Standpoint, Stands, operators_down, sitrep
from netmon.reports.table import Words
from netmon.settings import Settings
from netmon.store import Reader
from netmon.supply import ON_BATTERY
from netmon.targets.windows import local
from netmon.targets.words.voice import Language
from netmon.units import Register

log = structlog.get_logger(__name__)

HOUR_S = 3600.0
SHIFT_S = 12 * HOUR_S
"""A handover looks back so far where it is not told how far."""

BEFORE_S = 24 * HOUR_S
"""An older report is none that the next one counts from: it is another storm's."""

LOOK_EVERY_S = 20.0
KEPT = 2_000
"""Situation reports that are kept at most, some three months of hours."""

FORMATS = ("text", "html", "json")

LATEST = 4_102_444_800.0  # the year 2100


class Desk:
    """Answers for one netmon. `settings` gives those that hold now, `hotlines` the number of each operator, `on_call` who is
    on call at an instant."""

    _hour = 0.0  # the last full hour of which a report was made, or tried
    _fails = False

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
        shape, language = asked_for(request)
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
        since = _since(since, before, now)
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
        self._hour = hour
        before = await asyncio.to_thread(last_report, self.directory, now)
        if before is not None and before >= hour:
            return False  # written before a restart
        try:
            made = await self._make(now, None, before)
            await asyncio.to_thread(keep, self.directory, made)
        except OSError as error:
            if not self._fails:
                log.error("situation report not written", directory=str(self.directory), reason=error.strerror)
            self._fails = True
            return False
        except Exception:
            self._meter.count("netmon_bugs_total", room="daemon")
            log.exception("situation report cannot be made")
            return False
        self._fails = False
        log.info("situation report written", directory=str(self.directory), communes_lost=made.total.lost)
        return True

    # --- the handover -------------------------------------------------------------------------------------------------

    async def control_shift(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The handover of the shift since `since`, twelve hours ago where it is not told; `format` text or json."""
        shape, language = asked_for(request)
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


# --- with and without a daemon ----------------------------------------------------------------------------------------


def asked_for(request: Mapping[str, Any]) -> tuple[str, Language]:
    """The format and the language of a request. ControlError: there are no such ones."""
    shape, language = request.get("format", "text"), request.get("lang", "vi")
    if shape not in FORMATS:
        raise ControlError(f"the format is one of {', '.join(FORMATS)}")
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


def stored_standpoint(
    reader: Reader, inventory: Inventory, now: float, since: float | None, before: float | None
) -> Standpoint:
    """What the store knew last, as of netmon's last heartbeat."""
    at = min(reader.last_alive() or now, now)
    since = min(_since(since, before, at), at)
    battery: dict[str, float] = {}
    for device, span in reader.last_spans("supply").items():
        if span.state == ON_BATTERY and device in inventory.devices:
            site = inventory.devices[device].site
            battery[site] = min(span.start, battery.get(site, span.start))

    def told(kind: str) -> dict[str, Stands]:
        return {name: Stands(span.state, span.start) for name, span in reader.last_spans(kind).items()}

    return Standpoint(
        at=at,
        since=since,
        live=False,
        devices=told("device"),
        links=told("link"),
        sites=told("site"),
        on_battery=battery,
        incidents=reader.incidents(going_on=True),
        windows=stored_windows(reader, now),
        ended=outages_since(reader, since, at),
        upstream_of={
            outage.subject.id: outage.cause
            for outage in reader.outages(open_only=True)
            if outage.subject.kind == "device" and outage.state == DeviceState.UNREACHABLE
        },
        operators_down=operators_down((CellName.of(name), stand.state) for name, stand in told("cell").items()),
    )


def stored_windows(reader: Reader, now: float) -> list[tuple[Declared, Phase]]:
    """The windows in the store that still mean something."""
    return [(window, phase(window, now)) for window in reader.windows() if stands(window, now)]


def outages_since(reader: Reader, since: float, now: float) -> list[Outage]:
    """The outages that ended since then."""
    return [outage for outage in reader.outages(None, since, now) if outage.end is not None and outage.end >= since]


def _since(since: float | None, before: float | None, now: float) -> float:
    if since is not None:
        return since
    return before if before is not None else now - HOUR_S


def report_on(standpoint: Standpoint, settings: Settings, register: Register, before: float | None) -> Sitrep:
    """The situation report on the provinces of a configuration, with the communes that count (`scope`)."""
    today = local(standpoint.at).date()
    communes = {
        province: {
            unit.code: Words(unit.name, unit.name_en)
            for unit in register.communes(province, today)
            if unit.code not in settings.scope
        }
        for province in settings.provinces
    }
    units = [register.unit(code, today) for code in settings.provinces]
    named = {unit.code: Words(unit.name, unit.name_en) for unit in units if unit is not None}
    return sitrep(standpoint, settings.inventory, communes, named, before=before)


def rendered(report: Sitrep, shape: str, language: Language) -> str:
    """A situation report as text, as a page, or as JSON."""
    match shape:
        case "html":
            return render(sitrep_words.page(report), language)
        case "json":
            return json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
        case _:
            return sitrep_words.text(report, language)


def handover(
    reader: Reader,
    since: float,
    now: float,
    going_on: Sequence[Incident],
    windows: Sequence[tuple[Declared, Phase]],
    on_call: Sequence[str] = (),
    *,
    situation: Sitrep | None = None,
) -> Shift:
    """The handover, from the store and what is known of now."""
    ended = [one for one in reader.incidents(since=since) if one.until is not None and one.until >= since]
    return Shift(
        at=now,
        since=since,
        open=shifts.gravest_first(going_on),
        ended=sorted(ended, key=lambda one: one.until or 0.0),
        entries=reader.entries(since=since),
        changes=reader.window_log(since=since),
        windows=shifts.near(windows, now),
        on_call=on_call,
        situation=situation,
    )


def shift_rendered(
    shift: Shift, shape: str, language: Language, settings: Settings, register: Register, hotlines: Mapping[str, str]
) -> str:
    """The handover as text or as JSON. ControlError: it is no page."""
    inventory = settings.inventory

    def as_json(one: Incident) -> Mapping[str, Any]:
        return book.incident_json(one, inventory, shift.at, hotlines)

    if shape == "json":
        return json.dumps(shifts.as_json(shift, as_json), ensure_ascii=False, indent=1) + "\n"
    if shape != "text":
        raise ControlError("the handover is text or json")
    known = names(register, settings.provinces, inventory, language, local(shift.at).date())
    return shifts.text(
        shift, language, lambda subject: called(subject, known, inventory), lambda one: circuits(as_json(one))
    )


def called(subject: Subject, known: Mapping[str, str], inventory: Inventory) -> str:
    """What people call a subject: its id, with the place where it stands."""
    if subject.kind == "device" and subject.id in inventory.devices:
        return f"{subject.id} ({inventory.site_of(subject.id).name})"
    name = known.get(subject.id)
    return f"{name} ({subject.id})" if name else str(subject)


def circuits(incident: Mapping[str, Any]) -> list[str]:
    """The operator, circuit and hotline of each link of an incident."""
    return [
        " · ".join(filter(None, (link["link"], link["operator"], link["circuit"], link["hotline"])))
        for link in incident["links"][:8]
        if link["operator"] or link["circuit"]
    ]


# --- the files --------------------------------------------------------------------------------------------------------


def directory_of(settings: Settings) -> Path:
    """Where the hourly reports of storms are: beside the store."""
    return settings.store.path.parent / "sitrep"


def keep(directory: Path, report: Sitrep) -> None:
    """Writes a report in all formats and languages, and removes the oldest beyond KEPT. OSError: it cannot be written."""
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"sitrep-{local(report.at):%Y-%m-%dT%H%M%z}"
    languages: tuple[Language, ...] = ("vi", "en")
    for language in languages:
        for shape, end in (("text", "txt"), ("html", "html")):
            write(directory / f"{stem}.{language}.{end}", rendered(report, shape, language).encode())
    write(directory / f"{stem}.json", rendered(report, "json", "vi").encode())  # last: by it a report counts as written
    for old in _reports(directory)[:-KEPT]:
        for path in directory.glob(f"{old.stem}.*"):
            path.unlink(missing_ok=True)


def last_report(directory: Path, now: float) -> float | None:
    """When the newest report was made, None without any, or where it was made more than BEFORE_S before now. One that seems
    to be made ahead of now is passed over: the clock went back."""
    try:
        found = _reports(directory)
    except OSError as error:
        log.warning("situation reports not readable", directory=str(directory), reason=error.strerror)
        return None
    for path in reversed(found):
        try:
            at = float(json.loads(path.read_text(encoding="utf-8"))["at"])
        except (OSError, ValueError, KeyError, TypeError):
            log.warning("situation report not readable", path=str(path))
            continue
        if at <= now:
            return at if at > now - BEFORE_S else None
    return None


def _reports(directory: Path) -> list[Path]:
    """Their JSON files, the oldest first."""
    return sorted(directory.glob("sitrep-*.json")) if directory.is_dir() else []

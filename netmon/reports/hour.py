"""The reports of this hour, the situation report and the handover: from what the daemon sees or the store knew last to words
and files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from netmon import book
from netmon.events.windows import phase, stands
from netmon.inventory import Inventory
from netmon.model import CellName, Declared, DeviceState, Incident, Outage, Phase, Subject, Words
from netmon.names import names
from netmon.reports import shift as shifts
from netmon.reports import sitrep_words
from netmon.reports.files import write
from netmon.reports.html import render
from netmon.reports.shift import Shift
from netmon.reports.sitrep import Sitrep, Standpoint, Stands, operators_down, sitrep
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

KEPT = 2_000
"""Situation reports that are kept at most, some three months of hours."""

SITREP_FORMATS, SHIFT_FORMATS = ("text", "html", "json"), ("text", "json")


def stored_standpoint(
    reader: Reader, inventory: Inventory, now: float, since: float | None, before: float | None
) -> Standpoint:
    """What the store knew last, as of netmon's last heartbeat."""
    at = min(reader.last_alive() or now, now)
    since = min(since_or_before(since, before, at), at)
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


def since_or_before(since: float | None, before: float | None, now: float) -> float:
    """Since when what was restored counts: since then, else since the report before, else since an hour ago."""
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
    over = [one for one in reader.incidents(since=since) if one.until is not None and one.until >= since]
    ended = [one for one in over if not shifts.merged_into(reader.entries(one.id))]
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
    """The handover as text or as JSON."""
    inventory = settings.inventory

    def as_json(one: Incident) -> Mapping[str, Any]:
        return book.incident_json(one, inventory, shift.at, hotlines)

    if shape == "json":
        return json.dumps(shifts.as_json(shift, as_json), ensure_ascii=False, indent=1) + "\n"
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

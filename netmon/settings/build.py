"""From the files' models to what the house is built of. Nothing can fail here: all was checked before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from netmon.credential import Credential
from netmon.inventory import Inventory
from netmon.model import Capacity, Carrier, Device, Former, Link, Port, Room, Site, SiteKind, Speech
from netmon.octets import octets_of
from netmon.settings import models, rules
from netmon.settings.quantities import day
from netmon.targets.definitions import (
    AnyTarget,
    Availability,
    BackupDrill,
    ContractedCapacity,
    Environment,
    Growth,
    Latency,
    Loss,
    OpticalMargin,
    PercentileUtilisation,
    Pooled,
    RadioAvailability,
    Redundancy,
    Restoration,
    Selection,
    Share,
)

_EVER = day("2000-01-01")
"""A capacity without a date holds from here on: earlier than any slot."""


_ROOMS = {SiteKind.BTS: Room.EQUIPMENT, SiteKind.PROVINCIAL_CENTRE: Room.EQUIPMENT}
"""Of the kinds of sites whose equipment does not stand in an office."""


def credentials(file: models.NetmonFile) -> dict[str, Credential]:
    """Credentials by name."""
    return {name: _credential(name, entry) for name, entry in file.credentials.items()}


def _credential(name: str, entry: models.AnyCredential) -> Credential:
    if not isinstance(entry, models.UserV3):
        return Credential(name=name, version=entry.version, community=entry.community)
    return Credential(
        name=name,
        version=entry.version,
        user=entry.user,
        auth_protocol=entry.auth.protocol if entry.auth else "",
        auth_key=entry.auth.key if entry.auth else None,
        priv_protocol=entry.priv.protocol if entry.priv else "",
        priv_key=entry.priv.key if entry.priv else None,
        context=entry.context,
    )


def inventory(file: models.NetmonFile, files: Iterable[models.InventoryFile], provinces: dict[str, str]) -> Inventory:
    """Sites, devices and links in the order of the files. `provinces` gives the province of each commune."""
    entries = [entry for inventory_file in files for entry in inventory_file.sites]
    default = file.poll.credential or next(iter(file.credentials), "")
    only = {entry.id: entry.devices[0].id for entry in entries if len(entry.devices) == 1}
    return Inventory(
        sites={entry.id: _site(entry, provinces[entry.commune]) for entry in entries},
        devices={device.id: _device(device, entry.id, file.poll, default) for entry in entries for device in entry.devices},
        links={link.id: _link(link, entry.id, only) for entry in entries for link in entry.links},
        canaries=tuple(file.canaries),
    )


def _site(entry: models.SiteEntry, province: str) -> Site:
    return Site(
        id=entry.id,
        name=entry.name,
        kind=entry.kind,
        province=province,
        commune=entry.commune,
        former=tuple(Former(was.commune, was.until) for was in entry.former),
        security_level=entry.security_level,
        room=entry.room or _ROOMS.get(entry.kind, Room.OFFICE),
        carriers=tuple(
            Carrier(operator=carrier.operator, technologies=tuple(carrier.technologies), on_air=carrier.on_air)
            for carrier in entry.carriers
        ),
    )


def _device(entry: models.DeviceEntry, site: str, poll: models.Poll, credential: str) -> Device:
    interval = entry.interval if entry.interval is not None else poll.interval
    return Device(
        id=entry.id,
        site=site,
        addresses=(entry.address,) if entry.address is not None else tuple(entry.addresses),
        speaks=entry.protocol,
        engine=entry.engine,
        port=entry.port,
        credential=(entry.credential or credential) if entry.protocol is Speech.SNMP else "",
        profile=entry.profile,
        interval_s=interval,
        timeout_s=entry.timeout if entry.timeout is not None else poll.timeout,
        retries=entry.retries if entry.retries is not None else poll.retries,
        deadline_s=min(poll.deadline, interval),
        upstreams=tuple(entry.upstreams),
        also_from=tuple(entry.also_from),
        ping=entry.ping,
        layout=entry.layout or "",
        topic=(entry.topic or entry.id) if entry.layout else "",
        feeds=tuple(entry.feeds),
    )


def _link(entry: models.LinkEntry, site: str, only: dict[str, str]) -> Link:
    return Link(
        id=entry.id,
        site=site,
        upstream_site=entry.to,
        kind=entry.kind,
        role=entry.role,
        network=entry.network,
        capacities=_capacities(entry.capacity),
        operator=entry.operator,
        circuit_id=entry.circuit,
        srlg=tuple(entry.srlg),
        near=_port(entry.near, only.get(site)),
        far=_port(entry.far, only.get(entry.to)),
        check=entry.check,
        former=tuple(Former(was.site, was.until) for was in entry.former),
        since=entry.since,
        justification=entry.justification or "",
        length_km=entry.length,
        receiver_limit_dbm=entry.receiver_limit,
    )


def _port(entry: models.PortEntry | None, only: str | None) -> Port | None:
    """An end of a link; a device that is not named is its site's only one."""
    device = entry.device or only if entry is not None else None
    return Port(device, entry.interface) if entry is not None and device is not None else None


def _capacities(entry: models.AnyCapacity | None) -> tuple[Capacity, ...]:
    if entry is None:
        return ()
    if isinstance(entry, float):
        return (Capacity(_EVER, entry, entry),)
    if isinstance(entry, models.Rates):
        return (Capacity(_EVER, entry.receive, entry.transmit),)
    return tuple(Capacity(rates.valid_from, rates.receive, rates.transmit) for rates in entry)


def targets(file: rules.TargetsFile | None) -> tuple[AnyTarget, ...]:
    """Targets in the order of their file; none without one."""
    return tuple(_target(entry) for entry in file.targets) if file is not None else ()


def _target(entry: rules.TargetsEntry) -> AnyTarget:
    given: dict[str, Any] = {
        "id": entry.id,
        "title_vi": entry.title.vi,
        "title_en": entry.title.en,
        "limit": float(entry.limit),
        "basis": entry.basis,
        "basis_kind": entry.basis_kind,
        "exempt": dict(entry.exempt),
    }
    if isinstance(entry, rules.ShareEntry | rules.PooledEntry):
        return (Share if isinstance(entry, rules.ShareEntry) else Pooled)(of=entry.of, **given)
    given |= {"applies_to": _selection(entry.applies_to), "coverage": entry.coverage}
    if isinstance(entry, rules.PercentileEntry):
        return PercentileUtilisation(at_risk=entry.at_risk, days_at_risk=entry.days_at_risk, reading=entry.reading, **given)
    given["window_days"] = entry.window
    match entry:
        case rules.AvailabilityEntry():
            return Availability(of=entry.of.value, judge=entry.judge, budget_at_risk=entry.budget_at_risk, **given)
        case rules.CapacityEntry():
            return ContractedCapacity(port_speed=entry.port_speed, **given)
        case rules.LatencyEntry():
            return Latency(at_risk=entry.at_risk, **given)
        case rules.LossEntry():
            return Loss(at_risk=entry.at_risk, **given)
        case rules.RestorationEntry():
            return Restoration(within_s=entry.within.model_dump(), at_risk=entry.at_risk, **given)
        case rules.RedundancyEntry():
            return Redundancy(
                level=entry.level,
                secure_limit=float(entry.secure_limit),
                secure_levels=tuple(entry.secure_levels),
                **given,
            )
        case rules.GrowthEntry():
            return Growth(registered=entry.registered, **given)
        case rules.BackupDrillEntry():
            return BackupDrill(carries=entry.carries, **given)
        case rules.RadioEntry():
            return RadioAvailability(budget_at_risk=entry.budget_at_risk, **given)
        case rules.EnvironmentEntry():
            rooms = {
                room: {quantity: (low, high) for quantity, (low, high) in ranges.items()}
                for room, ranges in entry.rooms.model_dump().items()
            }
            return Environment(at_risk=entry.at_risk, rooms=rooms, **given)
        case rules.OpticalMarginEntry():
            return OpticalMargin(hours=entry.hours, days_at_risk=entry.days_at_risk, **given)


def _selection(entry: rules.AppliesTo) -> Selection:
    return Selection(
        site_kind=tuple(entry.site_kind),
        commune_kind=tuple(kind.value for kind in entry.commune_kind),
        kind=tuple(entry.kind),
        role=tuple(entry.role),
        network=tuple(entry.network),
        operator=tuple(entry.operator),
    )


def store_path(written: str | None, directory: Path) -> Path:
    """Where the store lies. Raises ValueError, OSError or RuntimeError for what is no path."""
    return _place(written, directory, "STATE_DIRECTORY", "/var/lib/netmon", "netmon.db")


def control_path(written: str | None, directory: Path) -> Path:
    """Where the control socket lies; raises as `store_path` does."""
    return _place(written, directory, "RUNTIME_DIRECTORY", "/run/netmon", "control.sock")


def outbox_path(written: str | None, directory: Path, store: Path) -> Path:
    """The directory in which points wait for InfluxDB: `influxdb-outbox` beside the store, unless another is named."""
    return (directory / written).resolve() if written is not None else store.with_name("influxdb-outbox")


def beside(written: str | None, directory: Path) -> Path | None:
    """A file that the configuration names, if it names one; a relative name starts at its directory."""
    return (directory / written).resolve() if written is not None else None


def digest(paths: Iterable[Path | None]) -> str:
    """What stands in files, as 64 digits that tell nothing of it; nothing where no file is named."""
    digests = [(path, _sha256(path)) for path in paths if path is not None]
    return hashlib.sha256(repr(digests).encode()).hexdigest() if digests else ""


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(octets_of(path)).hexdigest()
    except OSError as error:  # taken away since it was checked: who connects with it will say so
        return f"unread: {error.errno}"


def _place(written: str | None, directory: Path, variable: str, otherwise: str, name: str) -> Path:
    """A path of the configuration; without one, `name` in the directory that systemd gave, or in its usual place."""
    if written is not None:
        return (directory / written).resolve()
    given = os.environ.get(variable, "").partition(":")[0]
    return Path(given or otherwise) / name

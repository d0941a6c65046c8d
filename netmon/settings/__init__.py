"""The configuration: YAML files to validated settings, with every problem at once.

    netmon.yaml        who we are, how to poll, credentials, where to keep and to show, the broker and InfluxDB
    inventory/*.yaml   sites with their devices and links
    profiles/*.yaml    what to ask which device, beside what netmon brings
    layouts/*.yaml     how MQTT messages are read that are not netmon's own
    targets.yaml       what is judged
    calendar.yaml      who is called when, days off, change freezes
    maintenance.yaml   planned works

`load` reads them, or raises ConfigErrors with one line for each problem: file:line:column, what is wrong, what was
probably meant. Quantities, secrets and names are turned into netmon's own here, once; docs/configuration.md has each key.
`where` reads of netmon.yaml no more than a command needs that speaks to the daemon.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

from netmon import profiles, units
from netmon.credential import Credential, Secret
from netmon.declaring import Places
from netmon.events.calendar import Calendar
from netmon.inventory import Inventory
from netmon.layouts import Layout
from netmon.model import Declared
from netmon.profiles import Profiles
from netmon.settings import build, models, places, rules, yaml
from netmon.settings.calendar import read_calendar
from netmon.settings.checks import check
from netmon.settings.doubts import Written, doubts
from netmon.settings.faults import faults
from netmon.settings.layouts import layout_files, layouts, misfits
from netmon.settings.maintenance import read_maintenance
from netmon.settings.models import InfluxApi
from netmon.settings.problem import ConfigErrors, Problem
from netmon.settings.quantities import today as day_in_viet_nam
from netmon.settings.secrets import fetch, leave
from netmon.settings.where import Where, where
from netmon.targets.definitions import AnyTarget

__all__ = [
    "ConfigErrors",
    "InfluxApi",
    "InfluxSettings",
    "MqttSettings",
    "PollSettings",
    "Problem",
    "PrometheusSettings",
    "Settings",
    "StoreSettings",
    "TlsSettings",
    "TrapSettings",
    "WebSettings",
    "Where",
    "default_directory",
    "load",
    "where",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSettings:
    """What is not a device's own: at most `concurrency` polls at once; a silence is verified after `verify_after_s`. SNMP
    requests go at most so many a second, to all devices and to each."""

    concurrency: int = 500
    requests_per_s: float = 2_000
    device_requests_per_s: float = 100
    verify_after_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where the store lies and how long it keeps slots, slots of judged links, and daily summaries (SEMANTICS 4)."""

    path: Path
    slot_days: int = 45
    judged_slot_days: int = 400
    daily_years: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSettings:
    """Where /metrics listens; a silent device's series go after `max_age_intervals` of its polls."""

    host: str = "127.0.0.1"
    port: int = 9797
    max_age_intervals: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """The broker at which devices report. `ca`, `certificate` and `key` are PEM files; without `ca` the system's hold.

    `files` is a digest of what stands in the three, so that settings differ when one was renewed in its place. `layouts`
    are those that devices of the inventory use beside netmon's own.
    """

    host: str
    port: int
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    files: str = ""
    user: str = ""
    password: Secret | None = None
    client_id: str = "netmon"
    keepalive_s: float = 30.0
    layouts: tuple[Layout, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapSettings:
    """Where traps and informs are heard, unless sockets are handed over. `credentials` are names: every device may use them,
    beside its own. One address may send `rate` a second, and `burst` at once."""

    listen: tuple[tuple[str, int], ...] = ()
    credentials: tuple[str, ...] = ()
    rate: float = 2.0
    burst: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxSettings:
    """Where points are written. `org`, `bucket` and `token` belong to v2; `database`, `retention_policy`, `user` and
    `password` to v1. What waits lies in the directory `outbox`, at most `outbox_bytes` of it."""

    url: str
    api: InfluxApi = InfluxApi.V2
    org: str = ""
    bucket: str = ""
    token: Secret | None = None
    database: str = ""
    retention_policy: str = ""
    user: str = ""
    password: Secret | None = None
    ca: Path | None = None
    gzip: bool = False
    batch_points: int = 5_000
    every_s: float = 5.0
    timeout_s: float = 10.0
    outbox: Path
    outbox_bytes: int = 512 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What the listener speaks TLS with, PEM files; with `client_ca` only those are let in who have a certificate of it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Who may read and do something at the listener: tokens by the name of the author. Those named in `readers` may only
    read. Unless `read_open`, a token is asked of who reads, too."""

    read_open: bool = True
    tokens: Mapping[str, Secret] = field(default_factory=dict)
    readers: frozenset[str] = frozenset()
    tls: TlsSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # asyncio writes out what a task returned: seconds, of these
class Settings:
    """A configuration without faults. `provinces` are codes; `targets` are in the order of their file.

    `scope` maps the codes of communes that do not count for their province (SEMANTICS 7) to the reason. `profiles` are
    those that netmon brings and those of the directory's `profiles/`. `maintenance` are the works of maintenance.yaml.
    """

    directory: Path
    provinces: tuple[str, ...]
    inventory: Inventory
    targets: tuple[AnyTarget, ...]
    credentials: Mapping[str, Credential]
    poll: PollSettings
    store: StoreSettings
    prometheus: PrometheusSettings
    control: Path
    scope: Mapping[str, str]
    profiles: Profiles
    calendar: Calendar
    maintenance: tuple[Declared, ...] = ()
    mqtt: MqttSettings | None = None
    traps: TrapSettings | None = None
    influx: InfluxSettings | None = None
    web: WebSettings = WebSettings()
    warnings: tuple[Problem, ...] = ()


def default_directory() -> Path:
    """$NETMON_CONFIG, else /etc/netmon where it is, else ./config."""
    if named := os.environ.get("NETMON_CONFIG"):
        return Path(named)
    installed = Path("/etc/netmon")
    return installed if installed.is_dir() else Path("config")


def load(
    directory: Path, *, register: units.Register | None = None, today: date | None = None, secrets: bool = True
) -> Settings:
    """Read a configuration directory; raises ConfigErrors with everything that is wrong in it.

    Without `secrets` these are left where they are and are empty in what is returned, files of certificates and keys are not
    opened, and profiles not read: enough to find the store, the control socket and the inventory, for a shell that may not
    read them.

    `register` is the one that comes with netmon, and `today` the day in Viet Nam, unless given: a commune code must be
    in force on that day.
    """
    register = register if register is not None else units.load()
    today = today if today is not None else day_in_viet_nam()
    if reason := places.unreadable(directory):
        raise ConfigErrors([Problem(str(directory), 1, 1, f"the configuration directory cannot be read: {reason}")])
    fetched = partial(fetch, directory=directory) if secrets else leave
    netmon = yaml.read(directory / "netmon.yaml", fetched)
    names, no_inventory = places.inventory_files(directory / "inventory")
    inventory = [yaml.read(directory / "inventory" / name, fetched) for name in names if name.endswith(".yaml")]
    targets_path = directory / "targets.yaml"
    targets = yaml.read(targets_path, fetched) if os.path.lexists(targets_path) else None

    problems: list[Problem] = [*no_inventory]
    read = {}
    for model, document in _by_model(netmon, inventory, targets):
        problems += document.problems
        if document.root is not None:
            read[document.path], found = faults(document.root, model)
            problems += found
    known_profiles, misshapen = _profiles(directory / "profiles") if secrets else (Profiles({}), [])
    named = profiles.names(directory / "profiles")
    problems += [*misshapen, *check(netmon, inventory, targets, named, register, today)]
    layout_names, no_layouts = layout_files(directory / "layouts")
    known, unfit = layouts(directory / "layouts", layout_names, fetched)
    problems += [*no_layouts, *unfit, *misfits(inventory, known)]
    if netmon.root is not None:
        problems += places.paths(netmon.root, directory.resolve(), keys=secrets)
    calendar, unfit = read_calendar(directory / "calendar.yaml", fetched, register=register, today=today)
    problems += unfit
    if problems or netmon.root is None:
        raise ConfigErrors(problems)
    settings = _settings(directory, read, known, known_profiles, calendar, register, today, keys=secrets)
    declared = Places(settings.inventory, register, today)
    works, problems = read_maintenance(directory / "maintenance.yaml", fetched, declared)
    if problems:
        raise ConfigErrors(problems)
    settings = replace(settings, maintenance=works)
    written = Written.of(netmon.root, inventory, targets)
    warnings = [
        *_unread(directory / "inventory", names),
        *_unread(directory / "layouts", layout_names),
        *doubts(directory, written, settings.inventory, settings.targets, register, today),
    ]
    return replace(settings, warnings=tuple(sorted(warnings)))


def _profiles(directory: Path) -> tuple[Profiles, list[Problem]]:
    """The profiles that netmon brings with those of a directory; where these have faults, those alone."""
    try:
        return profiles.load(directory), []
    except profiles.ProfileError as error:
        return profiles.load(), [_fault(line, directory) for line in str(error).splitlines()]


def _fault(line: str, directory: Path) -> Problem:
    found = _PLACE.fullmatch(line)
    if found is None:
        return Problem(str(directory), 1, 1, line)
    return Problem(found["file"], int(found["line"]), int(found["column"]), found["text"])


_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)")


def _unread(directory: Path, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if name.endswith(".yml"):
            hint = f"did you mean {name.removesuffix('.yml')}.yaml?"
            yield Problem(str(directory / name), 1, 1, "this file is not read", hint)


def _by_model(
    netmon: yaml.Document, inventory: list[yaml.Document], targets: yaml.Document | None
) -> Iterator[tuple[type[models.Shape], yaml.Document]]:
    yield models.NetmonFile, netmon
    for document in inventory:
        yield models.InventoryFile, document
    if targets is not None:
        yield rules.TargetsFile, targets


def _settings(
    directory: Path,
    read: Mapping[Path, models.Shape],
    known: Mapping[str, Layout | None],
    known_profiles: Profiles,
    calendar: Calendar,
    register: units.Register,
    today: date,
    *,
    keys: bool,
) -> Settings:
    main = next(file for file in read.values() if isinstance(file, models.NetmonFile))
    inventory_files = [file for file in read.values() if isinstance(file, models.InventoryFile)]
    targets_file = next((file for file in read.values() if isinstance(file, rules.TargetsFile)), None)
    home = directory.resolve()
    province_of = {unit.code: province for province in main.province for unit in register.communes(province, today)}
    inventory = build.inventory(main, inventory_files, province_of)
    targets = build.targets(targets_file)
    spoken = sorted({device.layout for device in inventory.devices.values() if device.layout})
    used = tuple(layout for name in spoken if (layout := known[name]) is not None)
    host, port = main.exporters.prometheus.listen
    store = main.store
    kept = build.store_path(store.path, home)
    return Settings(
        directory=home,
        provinces=tuple(main.province),
        inventory=inventory,
        targets=targets,
        credentials=build.credentials(main),
        poll=PollSettings(
            concurrency=main.poll.concurrency,
            requests_per_s=main.poll.requests_per_second,
            device_requests_per_s=main.poll.device_requests_per_second,
            verify_after_s=main.poll.verify_after,
        ),
        store=StoreSettings(
            path=kept,
            slot_days=store.slot_days,
            judged_slot_days=store.judged_slot_days,
            daily_years=store.daily_years,
        ),
        prometheus=PrometheusSettings(host=host, port=port, max_age_intervals=main.exporters.prometheus.max_age),
        control=build.control_path(main.control, home),
        scope=dict(main.scope.excluded),
        profiles=known_profiles,
        calendar=calendar,
        mqtt=_mqtt(main.mqtt, used, home, keys=keys),
        traps=_traps(main.traps),
        influx=_influx(main.exporters.influxdb, home, kept),
        web=_web(main.web, home),
    )


def _mqtt(section: models.Mqtt | None, used: tuple[Layout, ...], home: Path, *, keys: bool) -> MqttSettings | None:
    if section is None:
        return None
    ca, certificate, key = (build.beside(name, home) for name in (section.ca, section.certificate, section.key))
    return MqttSettings(
        host=section.broker.host,
        port=section.broker.port,
        tls=section.broker.tls,
        ca=ca,
        certificate=certificate,
        key=key,
        files=build.digest((ca, certificate, key)) if keys else "",
        user=section.user or "",
        password=section.password,
        client_id=section.client_id,
        keepalive_s=section.keepalive,
        layouts=used,
    )


def _web(section: models.Web, home: Path) -> WebSettings:
    tls, secrets, readers = section.tls, {}, set()
    for name, given in section.tokens.items():
        secrets[name] = given if isinstance(given, Secret) else given.token
        if not isinstance(given, Secret) and given.right is models.Right.READ:
            readers.add(name)
    return WebSettings(
        read_open=section.read == "open",
        tokens=secrets,
        readers=frozenset(readers),
        tls=None
        if tls is None
        else TlsSettings(
            certificate=(home / tls.certificate).resolve(),
            key=(home / tls.key).resolve(),
            client_ca=build.beside(tls.client_ca, home),
        ),
    )


def _traps(section: models.Traps | None) -> TrapSettings | None:
    if section is None:
        return None
    return TrapSettings(
        listen=tuple(section.listen),
        credentials=tuple(section.credentials),
        rate=float(section.rate),
        burst=float(section.burst),
    )


def _influx(section: models.Influx | None, home: Path, store: Path) -> InfluxSettings | None:
    if section is None:
        return None
    return InfluxSettings(
        url=section.url,
        api=section.api,
        org=section.org or "",
        bucket=section.bucket or "",
        token=section.token,
        database=section.database or "",
        retention_policy=section.retention_policy or "",
        user=section.user or "",
        password=section.password,
        ca=build.beside(section.ca, home),
        gzip=section.gzip,
        batch_points=section.batch,
        every_s=section.every,
        timeout_s=section.timeout,
        outbox=build.outbox_path(section.outbox.path, home, store),
        outbox_bytes=section.outbox.size,
    )

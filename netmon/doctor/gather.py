"""What is looked at: files, the kernel, the daemon, and the servers beside it. Nothing is changed anywhere."""

from __future__ import annotations

import ctypes
import os
import pwd
import re
import shutil
import socket
import ssl
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from netmon import __version__
from netmon.backup import is_closed, is_read, last_backup
from netmon.control import ControlError, ask
from netmon.doctor.facts import Answer, Facts, Machine, Samples, StoreFacts
from netmon.secret_files import exposed, files_in, secrets_named
from netmon.settings import ConfigErrors, Settings, Where, load, where
from netmon.store import Reader, StoreError, last_damage
from netmon.weak import weaknesses

PROMETHEUS = "http://127.0.0.1:9090"

WANTED = (
    *("netmon_poll_lateness_seconds_bucket", "netmon_poll_lateness_seconds_count", "netmon_store_backlog"),
    *("netmon_store_oldest_write_seconds", "netmon_store_dropped_writes_total"),
    *("netmon_snmp_receive_drops_total", "netmon_loop_blocked_timestamp_seconds", "netmon_influx_reachable"),
    *("netmon_influx_waiting_bytes", "netmon_influx_dropped_points_total", "netmon_mqtt_connected", "netmon_traps_total"),
    *("netmon_traps_dropped_total", "netmon_bugs_total", "netmon_backup_timestamp_seconds"),
)  # fmt: skip
"""The families that are judged; the rest of the page is only read."""

_PATIENCE_S = 10.0
_UNIT = (
    *("LoadState", "ActiveState", "SubState", "NRestarts", "WatchdogUSec", "NeedDaemonReload", "NoNewPrivileges"),
    *("ProtectSystem", "UnitFileState", "StatusText", "User", "ConfigurationDirectory"),
)
_STA_UNSYNC = 0x40
_HEARTBEAT = '{alertname="NetmonHeartbeat",alertstate="firing"}'


def gather(directory: Path, prometheus: str = "", alertmanager: str = "") -> Facts:
    """Looks at an installation; takes some seconds at most, whatever does not answer."""
    settings, problems, place = _configuration(directory)
    status, unasked, pid = _daemon(place.control) if place is not None else (None, "", 0)
    pages = _pages(settings) if settings is not None else {}
    page = pages.get("/metrics")
    unit = _unit()
    # Of another configuration than the unit's nothing is known of who is to read it.
    served = bool(unit) and directory.resolve() == Path("/etc", unit.get("ConfigurationDirectory") or "netmon")
    return Facts(
        now=time.time(),
        version=__version__,
        directory=directory,
        settings=settings,
        problems=problems,
        exposed=tuple(exposed(directory)) if directory.is_dir() else (),
        weak=tuple(weaknesses(settings)) if settings is not None and not problems else (),
        store=_store(place.store) if place is not None else None,
        status=status,
        unasked=unasked,
        pages=pages,
        samples=Samples(page.body if page is not None else "", WANTED),
        machine=_machine(pid),
        unit=unit,
        unloaded=_unloaded(directory) if served else (),
        unreadable=_unreadable(directory, unit.get("User", "")) if served else (),
        certificates=tuple(_certificates(settings)) if settings is not None else (),
        prometheus=_prometheus(prometheus or PROMETHEUS),
        alertmanager=_get(f"{alertmanager}/api/v2/alerts?active=true") if alertmanager else None,
    )


def _configuration(directory: Path) -> tuple[Settings | None, tuple[str, ...], Where | None]:
    try:
        place = where(directory)
    except ConfigErrors as errors:
        return None, tuple(map(str, errors.problems)), None
    try:
        return load(directory), (), place
    except ConfigErrors as errors:
        problems = tuple(map(str, errors.problems))
    try:
        return load(directory, secrets=False), problems, place
    except ConfigErrors:
        return None, problems, place


def _daemon(path: Path) -> tuple[Mapping[str, Any] | None, str, int]:
    """Its status, or why there is none, and its process id."""
    try:
        answer = ask(path, "status", _PATIENCE_S)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.connect(str(path))
            pid, _, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    except ControlError as error:
        return None, str(error), 0
    except (OSError, ValueError) as error:
        return None, f"{path}: {getattr(error, 'strerror', None) or error}", 0
    return answer, "", pid


def _store(path: Path) -> StoreFacts:
    if is_closed(path):
        return StoreFacts(path=path, hidden=True)
    problem, size, free = "", None, None
    try:
        with closing(Reader.open(path)):
            size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.name in _parts(path.name))
    except StoreError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{path}: {error.strerror or error}"
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        free = None  # the problem of the store says it
    damaged, suspected = 0.0, ""
    try:
        found = last_damage(path)
        damaged = found.at if found is not None else 0.0
        suspected = path.with_name(f"{path.name}.suspect").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        pass  # nothing is suspected
    except (StoreError, OSError) as error:
        problem = problem or str(error)
    backup = last_backup(path)
    return StoreFacts(path=path, bytes=size, free=free, problem=problem, backup=backup, damaged=damaged, suspected=suspected)


def _parts(name: str) -> tuple[str, ...]:
    return name, f"{name}-wal"


# --- HTTP -------------------------------------------------------------------------------------------------------------


def _pages(settings: Settings) -> dict[str, Answer]:
    """What the listener answers, asked as the configuration lets one ask; nothing where we have not what it wants to see. A
    token that may only read is spoken, or another where it goes to nobody but who has the listener's key."""
    web, listen = settings.web, settings.prometheus
    if web.tls is not None and web.tls.client_ca is not None:
        return {}  # we have no certificate that it would take
    spoken = sorted(web.readers) or (sorted(web.tokens) if web.tls is not None else [])
    if not web.read_open and not spoken:
        return {}
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - asked, not listened on
    base = f"{'https' if web.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{listen.port}"
    token = "" if web.read_open else web.tokens[spoken[0]].reveal()
    context = None
    if web.tls is not None:
        try:
            context = ssl.create_default_context(cafile=str(web.tls.certificate))
        except OSError as error:
            return {path: Answer(0, error=f"{web.tls.certificate}: {error}") for path in ("/healthz", "/readyz", "/metrics")}
        # Ours and no other: it need not be signed by anybody, nor bear the address by which we ask.
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return {path: _get(base + path, token, context) for path in ("/healthz", "/readyz", "/metrics")}


def _prometheus(base: str) -> dict[str, Answer]:
    first = _get(f"{base}/api/v1/targets?state=active")
    if first.status != 200:
        return {"targets": first}
    asked = {"rules": "/api/v1/rules", "alertmanagers": "/api/v1/alertmanagers"}
    asked["heartbeat"] = f"/api/v1/query?query=ALERTS{urllib.parse.quote(_HEARTBEAT)}"
    return {"targets": first, **{name: _get(base + path) for name, path in asked.items()}}


def _get(url: str, token: str = "", context: ssl.SSLContext | None = None) -> Answer:
    if not url.startswith(("http://", "https://")):
        return Answer(0, error=f"'{url}' is no http:// or https:// address")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    # No proxy stands between us and what runs on this network; and none is handed a token.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=_PATIENCE_S) as answer:
            return Answer(answer.status, answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))
    except urllib.error.URLError as error:
        return Answer(0, error=str(error.reason))
    except (OSError, ValueError) as error:
        return Answer(0, error=str(error))


# --- the machine ------------------------------------------------------------------------------------------------------


def _machine(pid: int) -> Machine:
    groups = _read("/proc/sys/net/ipv4/ping_group_range").split()
    receive = _read("/proc/sys/net/core/rmem_max")
    synchronised, error_s = _clock()
    limit = re.search(r"^Max open files +(\d+)", _read(f"/proc/{pid}/limits"), re.MULTILINE) if pid else None
    try:
        files = len(os.listdir(f"/proc/{pid}/fd")) if pid else None
    except OSError:
        files = None
    return Machine(
        ping_groups=(int(groups[0]), int(groups[1])) if len(groups) == 2 else None,
        receive_bytes=int(receive) if receive.strip().isdigit() else None,
        clock_synchronised=synchronised,
        clock_error_s=error_s,
        files_open=files,
        files_most=int(limit[1]) if limit is not None else None,
    )


def _clock() -> tuple[bool | None, float]:
    """Whether the kernel holds its clock for synchronised, and by how much it may be off (adjtimex(2))."""
    buffer = ctypes.create_string_buffer(512)  # struct timex: modes is 0, so that nothing is set
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) < 0:
            return None, 0.0
    except (OSError, AttributeError):
        return None, 0.0
    _, _, _, most_us, _, status = struct.unpack_from("=i4xqqqqi", buffer)
    return not status & _STA_UNSYNC, most_us / 1e6


def _unit() -> dict[str, str]:
    program = shutil.which("systemctl")
    if program is None or not Path("/run/systemd/system").is_dir():
        return {}
    said = _said([program, "show", "netmon.service", f"--property={','.join(_UNIT)}"])
    told = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return told if told.get("LoadState") == "loaded" else {}


def _unloaded(directory: Path) -> tuple[str, ...]:
    """The credentials that the configuration names and the unit does not load; `systemctl show` does not print these."""
    loaded: set[str] = set()
    written = _said(["systemctl", "cat", "netmon.service"])
    for value in re.findall(r"^(?:Load|Set)Credential(?:Encrypted)?=(\S*)", written, re.MULTILINE):
        loaded = loaded | {value.split(":")[0]} if value else set()
    named = secrets_named(_read_by_netmon(directory))
    return tuple(sorted(name for tag, name in named if tag == "!credential" and name not in loaded)) if written else ()


def _unreadable(directory: Path, user: str) -> tuple[Path, ...]:
    """What of the configuration the daemon's user cannot read: only root can try that."""
    try:
        group = pwd.getpwnam(user).pw_gid
    except KeyError:
        return ()
    if os.geteuid() != 0:
        return ()
    files = _read_by_netmon(directory)
    files += [file for tag, name in secrets_named(files) if tag == "!file" and (file := directory / name).exists()]
    closed = 'for path; do [ -r "$path" ] || printf "%s\\n" "$path"; done'
    said = _said(["sh", "-c", closed, "sh", *map(str, files)], user, group)
    return tuple(map(Path, said.splitlines()))


def _read_by_netmon(directory: Path) -> list[Path]:
    """The files of a configuration that netmon reads."""
    return [path for path in files_in(directory) if path.suffix == ".yaml" and is_read(path.relative_to(directory))]


def _certificates(settings: Settings) -> list[tuple[Path, float]]:
    """Of the files that TLS is spoken with: when each expires, where openssl is here to say so."""
    mqtt, tls, influx = settings.mqtt, settings.web.tls, settings.influx
    files = [
        *((mqtt.certificate, mqtt.ca) if mqtt is not None else ()),
        *((tls.certificate, tls.client_ca) if tls is not None else ()),
        *((influx.ca,) if influx is not None else ()),
    ]
    program, found = shutil.which("openssl"), []
    for file in files:
        if file is None or program is None:
            continue
        ends = _said([program, "x509", "-enddate", "-noout", "-in", str(file)]).strip().removeprefix("notAfter=")
        try:
            found.append((file, datetime.strptime(ends, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp()))
        except ValueError:
            continue  # `netmon check` says of files what is wrong with them
    return found


def _said(words: list[str], user: str | None = None, group: int | None = None) -> str:
    """What a command prints, run as another user and his group where one is given."""
    others = None if user is None else ()
    try:
        return subprocess.run(
            words, capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
            user=user, group=group, extra_groups=others,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""

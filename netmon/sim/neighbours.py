"""The servers that stand beside a netmon: Debian's Prometheus, Alertmanager and VictoriaMetrics, and Grafana where it is.

Each listens on 127.0.0.1 alone, in the first home on its usual port where that is free, keeps what it has in the home, and
is configured by what is shipped in deploy/ and grafana/, but for addresses: nothing is ever mailed or posted anywhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

from netmon.sim.prepare import is_taken, quiet_ports
from netmon.sim.programs import Child, DemoError, Home, running
from netmon.sim.report import get

LOOPBACK = "127.0.0.1"

NEEDED: Mapping[str, str] = {
    "mosquitto": "mosquitto",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "victoria-metrics": "victoria-metrics",
}
"""Programs, and the Debian packages that have them."""

_SHIPPED = Path("deploy")
_GRAFANA = Path("/usr/share/grafana")
_SHIPPED_BOARDS = Path("grafana")
_FILES = Path("/usr/share/prometheus")
"""Where Debian's Prometheus and Alertmanager look for what is theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The ports on which each listens; `grafana` is None where that is not installed."""

    victoria: int
    prometheus: int
    alertmanager: int
    grafana: int | None


def ports(*, usual: bool) -> Neighbours:
    """The usual ones where they are wanted and free, others else: two that begin at the same moment would both find the
    usual ones free. DemoError: a program is missing; all of them are named."""
    missing = [package for program, package in NEEDED.items() if find(program) is None]
    if missing:
        line = f"apt-get install {' '.join(missing)}"
        unpacked = "scripts/peers " + " ".join(f"{name}={name}" for name in missing)
        raise DemoError(f"{', '.join(missing)}: not here. As root: {line}. Without root: {unpacked}")
    wanted = (8428, 9090, 9093, 3000)
    free = [
        port if usual and not is_taken(LOOPBACK, port) else other
        for port, other in zip(wanted, quiet_ports(len(wanted)), strict=True)
    ]
    return Neighbours(victoria=free[0], prometheus=free[1], alertmanager=free[2], grafana=free[3] if grafana() else None)


def find(program: str) -> str | None:
    """Where a program is: on PATH, or where a service's would be."""
    return shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def forget(home: Home) -> None:
    """Takes away what neighbours of an earlier run have kept."""
    for name in ("victoria-metrics", "prometheus", "alertmanager", "grafana"):
        shutil.rmtree(home.path / name, ignore_errors=True)


@contextmanager
def beside(home: Home, netmon: int, at: Neighbours) -> Iterator[list[Child]]:
    """They run while the block lasts, ready before it begins, and end in opposite order. DemoError: one does not start."""
    with ExitStack() as stack:
        children = [
            stack.enter_context(_victoria(home, at)),
            stack.enter_context(_alertmanager(home, at)),
            stack.enter_context(_prometheus(home, netmon, at)),
        ]
        if at.grafana is not None:
            children.append(stack.enter_context(_grafana(home, at)))
        yield children


def _answers(port: int, path: str) -> bool:
    try:
        get((LOOPBACK, port), path)
    except (OSError, HTTPException):
        return False
    return True


def _running(
    name: str,
    program: Sequence[str],
    home: Home,
    ready: Callable[[], bool],
    within: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> AbstractContextManager[Child]:
    (home.path / name).mkdir(exist_ok=True)
    return running(name, program, home, home.path / f"{name}.log", ready=ready, within=within, environ=environ)


def _program(name: str) -> str:
    found = find(name)
    assert found is not None, "`ports` has looked for it"
    return str(Path(found).absolute())


def _with_its_files(program: str, needed: str) -> list[str] | None:
    """The command that starts a program of which a file is to be in `_FILES`. One that was only unpacked sees its own files
    there, in a namespace of its own; None where the kernel grants none."""
    if (_FILES / needed).exists():
        return []
    places = (path / "usr/share" for path in Path(program).parent.parent.iterdir())  # as scripts/peers unpacks them
    share = next((path for path in places if (path / "prometheus" / needed).exists()), None)
    mount = f"mount -t overlay overlay -o lowerdir='{share}':/usr/share /usr/share"
    apart = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if share is None or subprocess.run([*apart, mount], capture_output=True, check=False).returncode:
        return None
    return [*apart, f'{mount} && exec "$0" "$@"']


# --- VictoriaMetrics --------------------------------------------------------------------------------------------------


def _victoria(home: Home, at: Neighbours) -> AbstractContextManager[Child]:
    name = "victoria-metrics"
    argv = [_program(name), f"-storageDataPath={home.path / name}", f"-httpListenAddr={LOOPBACK}:{at.victoria}"]
    argv += ["-retentionPeriod=1", "-memory.allowedBytes=256MB", "-loggerLevel=WARN"]
    return _running(name, argv, home, partial(_answers, at.victoria, "/health"))


# --- Prometheus -------------------------------------------------------------------------------------------------------


def _prometheus(home: Home, netmon: int, at: Neighbours) -> AbstractContextManager[Child]:
    place = home.path / "prometheus"
    shutil.copytree(_SHIPPED / "prometheus/rules", place / "rules", dirs_exist_ok=True)
    text = (_SHIPPED / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    for usual, port in ((9797, netmon), (9093, at.alertmanager)):
        text = _moved(text, usual, port)
    (place / "prometheus.yml").write_text(text, encoding="utf-8")
    program = _program("prometheus")
    argv = [program, f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'data'}"]
    argv += [f"--web.listen-address={LOOPBACK}:{at.prometheus}", f"--web.external-url=http://{LOOPBACK}:{at.prometheus}/"]
    # It finds Alertmanager some seconds after it judges its first rules; what fired before would be told a minute later.
    argv += ["--storage.tsdb.retention.time=2d", "--rules.alert.resend-delay=5s", "--log.level=warn"]
    within = _with_its_files(program, "web/templates/_base.html") or ()  # without them it shows no pages, and works
    return _running("prometheus", argv, home, partial(_answers, at.prometheus, "/-/ready"), within)


def _moved(text: str, usual: int, port: int) -> str:
    """A configuration in which a server on this machine has another port. DemoError: it names none there."""
    moved, times = re.subn(rf"\b(127\.0\.0\.1|localhost):{usual}\b", f"{LOOPBACK}:{port}", text)
    if not times:
        raise DemoError(f"what is shipped names no server on port {usual}")
    return moved


# --- Alertmanager -----------------------------------------------------------------------------------------------------


def _alertmanager(home: Home, at: Neighbours) -> AbstractContextManager[Child]:
    place = home.path / "alertmanager"
    shutil.copytree(_SHIPPED / "alertmanager/templates", place / "templates", dirs_exist_ok=True)
    text = (_SHIPPED / "alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    (place / "alertmanager.yml").write_text(nobody_is_told(text), encoding="utf-8")
    program = _program("prometheus-alertmanager")
    argv = [program, f"--config.file={place / 'alertmanager.yml'}", f"--storage.path={place / 'data'}"]
    argv += [
        f"--web.listen-address={LOOPBACK}:{at.alertmanager}",
        f"--web.external-url=http://{LOOPBACK}:{at.alertmanager}/",
    ]
    argv += ["--cluster.listen-address=", "--log.level=warn"]
    within = _with_its_files(program, "alertmanager/default.tmpl")  # which it reads whatever it is told
    if within is None:
        raise DemoError(
            "prometheus-alertmanager was only unpacked, and this kernel does not let it see its files; as root: "
            "apt-get install prometheus-alertmanager"
        )
    return _running("alertmanager", argv, home, partial(_answers, at.alertmanager, "/-/ready"), within)


def nobody_is_told(text: str) -> str:
    """The shipped routes with their receivers, each of which keeps its name and has no way to tell anybody; without the
    mail server."""
    head, found, receivers = text.partition("\nreceivers:\n")
    if not found:
        raise DemoError("the shipped alertmanager.yml has no receivers")
    head = re.sub(r"(?m)^  smtp_\w+:.*\n", "", head)
    names = re.findall(r"(?m)^  - name: \S.*$", receivers)
    return "\n".join((head, "receivers:", *names, ""))


# --- Grafana ----------------------------------------------------------------------------------------------------------


def grafana() -> list[str]:
    """How Grafana's server is started, empty where it is not installed."""
    inside = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", str(_GRAFANA / "bin")))
    for name, command in (("grafana", ["server"]), ("grafana-server", [])):
        if found := shutil.which(name, path=inside):
            return [str(Path(found).absolute()), *command]
    return []


def _grafana(home: Home, at: Neighbours) -> AbstractContextManager[Child]:
    place, shipped = home.path / "grafana", _SHIPPED_BOARDS.absolute()
    settings = {
        "PATHS_DATA": str(place / "data"),
        "PATHS_LOGS": str(place / "logs"),
        "PATHS_PLUGINS": str(place / "plugins"),
        "PATHS_PROVISIONING": str(shipped / "provisioning"),
        "SERVER_HTTP_ADDR": LOOPBACK,
        "SERVER_HTTP_PORT": str(at.grafana),
        "AUTH_ANONYMOUS_ENABLED": "true",
        "AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "LOG_MODE": "console",
        "LOG_LEVEL": "warn",
        # It asks nobody outside of this machine.
        "ANALYTICS_REPORTING_ENABLED": "false",
        "ANALYTICS_CHECK_FOR_UPDATES": "false",
        "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "NEWS_NEWS_FEED_ENABLED": "false",
        "SECURITY_DISABLE_GRAVATAR": "true",
        "PLUGINS_PREINSTALL_DISABLED": "true",
    }
    argv = [*grafana(), *(["--homepath", str(_GRAFANA)] if _GRAFANA.is_dir() else [])]
    environ = {f"GF_{name}": value for name, value in settings.items()}
    # What grafana/provisioning/netmon.env says on a server.
    environ["NETMON_PROMETHEUS_URL"] = f"http://{LOOPBACK}:{at.prometheus}"
    environ["NETMON_GRAFANA_DASHBOARDS"] = str(shipped / "dashboards")
    return _running("grafana", argv, home, partial(_answers, at.grafana or 0, "/api/health"), environ=environ)

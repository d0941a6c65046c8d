"""`scripts/stack`: the demonstration with the servers of a real province beside it, on this machine, until Ctrl-C.

A simulated Cao Bằng and its netmon as `scripts/demo` has them; a VictoriaMetrics that takes its points, a Prometheus with
the shipped rules that scrapes it, an Alertmanager with the shipped routes that is told what fires and, where Grafana is
installed, the shipped dashboards. All lies in var/stack.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from netmon.settings import Settings, load
from netmon.sim import report
from netmon.sim.demo import add_options, at_home, go_on, programs, say, where_to_look, with_a_past
from netmon.sim.neighbours import LOOPBACK, Neighbours, beside, forget, ports
from netmon.sim.prepare import control_socket, points_go_to, prepare
from netmon.sim.programs import Child, Home

HOMES = (Path("var/stack"), *(Path(f"var/stack-{n}") for n in range(2, 6)))
"""Where it lives: the first place where no other one is running."""

HEARTBEAT = "NetmonHeartbeat"
"""The alert that always fires."""

_HELP = """\
Starts a simulated Cao Bằng with a netmon that watches it (see scripts/demo), and beside it Debian's mosquitto, Prometheus,
Alertmanager and VictoriaMetrics (in the place of InfluxDB), and Grafana where it is installed; all on 127.0.0.1, with the
configuration that is shipped in deploy/ and grafana/. It prints where to look and runs until Ctrl-C. Nothing is mailed or
posted: the receivers of Alertmanager keep their names and tell nobody. No root is needed: what is not installed is fetched
into .cache/peers by scripts/peers, but for Grafana, which is its maker's package (docs/install.md)."""

_SAID = """\
--check prints one line of JSON as soon as every part says that it is well, or when the time is over:
  netmon            what scripts/demo --check says of it
  mosquitto         whether netmon is connected to it, and the messages that came
  prometheus        the health of its target, its rules, those that fail, and what fires
  alertmanager      the alerts that it has
  victoria_metrics  the points that it was given
  grafana           its health and the number of dashboards, or "not installed"
and, with exit status 1, a reason where something is missing. Logs and data lie in var/stack."""


def main(argv: Sequence[str], homes: Sequence[Path] = HOMES) -> int:
    """Prepares, starts the programs, waits, stops them in order; the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/stack", formatter_class=argparse.RawDescriptionHelpFormatter, description=_HELP, epilog=_SAID
    )
    add_options(parser)
    options = parser.parse_args(argv)
    return at_home("stack", homes, partial(_play, options), headless=options.check is not None)


def _play(options: argparse.Namespace, home: Home, usual_port: int) -> int:
    at = ports(usual=usual_port != 0)
    with control_socket(home.path) as control:
        config = prepare(home.path, keep=options.keep, port=options.port, control=control, usual_port=usual_port)
        points_go_to(config, f"http://{LOOPBACK}:{at.victoria}")
        if not options.keep:
            forget(home)
        settings = load(config)
        with_a_past(settings, seed=options.seed)
        netmon = settings.prometheus.port
        with beside(home, netmon, at) as servers, programs(home, config, settings, seed=options.seed) as ours:
            children = [*servers, *ours]
            if options.check is None:
                sys.stdout.write(
                    f"{where_to_look(ours, config, settings, seed=options.seed)}\n\n{_addresses(at, servers)}\n"
                )
                sys.stdout.flush()
                go_on(children)
            said = check(children, settings, at, options.check)
    sys.stdout.write(json.dumps(said) + "\n")
    if "reason" in said:
        say(f"stack: {said['reason']}")
    return 1 if "reason" in said else 0


def _addresses(at: Neighbours, servers: Sequence[Child]) -> str:
    named = [
        ("Prometheus", f"http://{LOOPBACK}:{at.prometheus}/classic/alerts"),
        ("Alertmanager", f"http://{LOOPBACK}:{at.alertmanager}/api/v2/alerts"),
        ("VictoriaMetrics", f"http://{LOOPBACK}:{at.victoria}/api/v1/query?query=netmon_device_up_value"),
        (
            "Grafana",
            f"http://{LOOPBACK}:{at.grafana}/dashboards" if at.grafana else "not installed; docs/install.md says how",
        ),
        ("their logs", "  ".join(str(server.log) for server in servers)),
    ]
    return "\n".join(["Beside it:", *(f"  {name:16} {where}" for name, where in named)])


# --- the check --------------------------------------------------------------------------------------------------------


def check(children: Sequence[Child], settings: Settings, at: Neighbours, within_s: float) -> dict[str, Any]:
    """What each part says once nothing is missing any more, or when the time is over; then with a `reason`. DemoError: a
    program ended."""
    give_up = time.monotonic() + within_s
    while True:
        for child in children:
            child.require_alive()
        said = look(settings, at)
        missing = lacking(said)
        if not missing:
            return said
        if time.monotonic() > give_up:
            return said | {"reason": missing}
        time.sleep(0.5)


def look(settings: Settings, at: Neighbours) -> dict[str, Any]:
    """What each part says now; nothing of one that does not answer."""
    said: dict[str, Any] = {}
    if (ours := report.look((settings.prometheus.host, settings.prometheus.port))) is not None:
        missing = ours.missing()
        said["netmon"] = ours.figures() | ({"reason": missing} if missing else {})
        said["mosquitto"] = {"connected": not ours.mqtt_away, "messages": ours.mqtt_messages}
    for name, part, port in (
        ("prometheus", _prometheus, at.prometheus),
        ("alertmanager", _alertmanager, at.alertmanager),
        ("victoria_metrics", _victoria, at.victoria),
        ("grafana", _grafana, at.grafana),
    ):
        with suppress(OSError, HTTPException):
            said[name] = "not installed" if port is None else part(port)
    return said


def lacking(said: Mapping[str, Any]) -> str:
    """The first that is missing, "" when all is well."""
    for name in ("netmon", "prometheus", "alertmanager", "victoria_metrics", "grafana"):
        if name not in said:
            return f"{name} does not answer"
    if reason := said["netmon"].get("reason"):
        return f"netmon: {reason}"
    prometheus = said["prometheus"]
    if prometheus["target"] != "up":
        return f"Prometheus: its target netmon is {prometheus['target']}"
    if not prometheus["rules"] or prometheus["failing"]:
        return f"Prometheus: {len(prometheus['failing'])} of {prometheus['rules']} rules fail: {prometheus['failing']}"
    if HEARTBEAT not in prometheus["firing"]:
        return f"Prometheus: {HEARTBEAT} does not fire"
    if untold := sorted(set(prometheus["firing"]) - set(said["alertmanager"]["alerts"])):
        return f"Alertmanager was not told of {', '.join(untold)}"
    if not said["victoria_metrics"]["points"]:
        return "VictoriaMetrics has no points"
    grafana = said["grafana"]
    if grafana != "not installed" and (grafana["health"] != "ok" or not grafana["dashboards"]):
        return f"Grafana: its database is {grafana['health']}, and it has {grafana['dashboards']} dashboards"
    return ""


def _told(port: int, path: str) -> Any:
    return json.loads(report.get((LOOPBACK, port), path))


def _prometheus(port: int) -> dict[str, Any]:
    targets = _told(port, "/api/v1/targets?state=active")["data"]["activeTargets"]
    groups = _told(port, "/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    alerts = _told(port, "/api/v1/alerts")["data"]["alerts"]
    return {
        "target": next((target["health"] for target in targets if target["labels"]["job"] == "netmon"), "absent"),
        "rules": len(rules),
        "failing": sorted(rule["name"] for rule in rules if rule["health"] == "err"),
        "firing": sorted({alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}),
    }


def _alertmanager(port: int) -> dict[str, Any]:
    return {"alerts": sorted({alert["labels"]["alertname"] for alert in _told(port, "/api/v2/alerts")})}


def _victoria(port: int) -> dict[str, Any]:
    found = re.findall(
        r'(?m)^vm_rows_inserted_total\{[^}]*type="influx"[^}]*\} (\S+)$', report.get((LOOPBACK, port), "/metrics")
    )
    return {"points": int(sum(map(float, found)))}


def _grafana(port: int) -> dict[str, Any]:
    return {
        "health": _told(port, "/api/health")["database"],
        "dashboards": len(_told(port, "/api/search?type=dash-db&limit=1000")),
    }

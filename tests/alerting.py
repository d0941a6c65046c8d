"""The whole way of an alert: a real Prometheus that scrapes netmon every second, a real Alertmanager, and a webhook that
writes down what it is told.

Rules and routes are those of deploy/; their durations are multiplied by a scale, so that what takes minutes takes seconds.
Every receiver keeps its name and becomes the one webhook.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from tests import peers

RULES = peers.ROOT / "deploy/prometheus/rules"
ROUTES = peers.ROOT / "deploy/alertmanager/alertmanager.yml"

PLAIN_ROUTES: Mapping[str, Any] = {
    "route": {
        "receiver": "page",
        "group_by": ["alertname", "province"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
    },
    "receivers": [{"name": "page"}],
}
"""Where there are none to read."""

HEARTBEAT = "NetmonHeartbeat"

_WAITS = ("group_wait", "group_interval", "repeat_interval")
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_SHORTEST_RANGE_S = 5.0
"""A range must hold some scrapes."""

T = TypeVar("T")


class Alert(NamedTuple):
    """An alert as a notification tells it; `status` is firing or resolved."""

    name: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprint: str


class Notification(NamedTuple):
    """What one receiver was told at an instant, Unix seconds; `status` is firing while any of its alerts is."""

    at: float
    receiver: str
    status: str
    group: Mapping[str, str]
    alerts: tuple[Alert, ...]

    @property
    def severity(self) -> str:
        """Of its alerts, the first by name where they differ."""
        return min((alert.labels.get("severity", "") for alert in self.alerts), default="")

    def firing(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.status == "firing")


@dataclass(repr=False)
class Alerting:
    """Prometheus, Alertmanager and what came of them. Notifications are in order of their arrival."""

    prometheus: peers.Prometheus
    alertmanager: peers.Alertmanager
    notifications: list[Notification] = field(default_factory=list)

    def told(self, severity: str = "") -> list[Notification]:
        """All notifications, or those of a severity: once where several receivers are told the same; no heartbeats."""
        found, seen = [], {}
        for note in [*self.notifications]:
            if severity not in ("", note.severity) or all(alert.name == HEARTBEAT for alert in note.alerts):
                continue
            content = (tuple(sorted(note.group.items())), tuple((alert.fingerprint, alert.status) for alert in note.alerts))
            if seen.setdefault(content, note.receiver) == note.receiver:
                found.append(note)
        return found

    def pages(self) -> list[Notification]:
        """The notifications that call somebody: pages that fire."""
        return [note for note in self.told("page") if note.status == "firing"]

    def named(self, name: str, status: str = "firing") -> list[Notification]:
        """Those of `told` that hold an alert of a name and a status."""
        return [note for note in self.told() if any(alert.name == name and alert.status == status for alert in note.alerts)]

    def firing(self, name: str = "") -> list[Mapping[str, str]]:
        """The labels of what fires in Prometheus now, of one name or of all."""
        alerts = self.prometheus.get("/api/v1/alerts")["alerts"]
        return [
            alert["labels"] for alert in alerts if alert["state"] == "firing" and name in ("", alert["labels"]["alertname"])
        ]

    def unresolved(self) -> dict[str, Alert]:
        """Alerts by fingerprint whose last notification says that they fire, whoever was told."""
        last = {alert.fingerprint: alert for note in self.told() for alert in note.alerts}
        return {key: alert for key, alert in last.items() if alert.status == "firing"}

    def wait_for(self, predicate: Callable[[Alerting], T | None], deadline: float = 20.0) -> T:
        """What a predicate of this returns once it is true. AssertionError past the deadline, with all that was told."""
        try:
            return peers.eventually(lambda: predicate(self), deadline, every_s=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; told until then: {self}") from error

    def let_pass(self, scrapes: int) -> None:
        """Waits until netmon was scraped so many times more, each time with an evaluation of all rules: what was to be told
        by then was."""
        count = "sum(count_over_time(up[1h]))"

        def so_far() -> float:
            return next(iter(self.prometheus.query(count).values()))

        wanted = so_far() + scrapes
        self.wait_for(lambda _: so_far() >= wanted, 3.0 * scrapes + 10)

    def __repr__(self) -> str:
        """What was told, a notification a line."""
        return "\n" + "\n".join(
            f"{note.at:.1f} {note.receiver} {note.status} {dict(note.group)}: "
            + ", ".join(f"{alert.name} {alert.status} {dict(alert.labels)}" for alert in note.alerts)
            for note in self.told()
        )


@contextmanager
def alerting(
    home: Path,
    netmon_port: int | Sequence[int],
    *,
    scale: float = 1 / 60,
    ranges: bool = False,
    rules: Sequence[Path] | None = None,
    routes: Mapping[str, Any] | None = None,
) -> Iterator[Alerting]:
    """Starts all of it for one netmon or several, while the block lasts.

    `scale` multiplies the waits of rules and routes, with `ranges` the ranges in expressions too. `rules` are files in place
    of those of deploy/, `routes` a configuration of Alertmanager.
    """
    ports = [netmon_port] if isinstance(netmon_port, int) else netmon_port
    home.mkdir(parents=True, exist_ok=True)
    ours = home / "rules"
    ours.mkdir()
    for path in sorted(RULES.glob("*.y*ml")) if rules is None else rules:
        text = yaml.safe_dump(scaled_rules(yaml.safe_load(path.read_text()), scale, ranges=ranges), allow_unicode=True)
        (ours / path.name).write_text(text)
    if routes is None:
        routes = yaml.safe_load(ROUTES.read_text()) if ROUTES.exists() else PLAIN_ROUTES
    notifications: list[Notification] = []
    with _sink(notifications) as sink:
        told = yaml.safe_dump(scaled_routes(routes, scale, sink), allow_unicode=True)
        with peers.alertmanager(home / "alertmanager", told) as manager:
            config = {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(ours / "*")],
                "scrape_configs": [
                    {"job_name": "netmon", "static_configs": [{"targets": [f"{peers.LOOPBACK}:{port}" for port in ports]}]}
                ],
                "alerting": {
                    "alertmanagers": [{"static_configs": [{"targets": [manager.url.removeprefix("http://")]}]}],
                },
            }
            flags = ["--rules.alert.resend-delay=1s"]
            with peers.prometheus(home / "prometheus", "", yaml.safe_dump(config), flags) as scraper:
                yield Alerting(scraper, manager, notifications)


def scaled_rules(file: Mapping[str, Any], scale: float, *, ranges: bool = False) -> dict[str, Any]:
    """A file of rules with its waits scaled; its groups are evaluated as often as everything."""
    groups = []
    for group in file["groups"]:
        rules = []
        for rule in group["rules"]:
            waits = {key: scaled(rule[key], scale) for key in ("for", "keep_firing_for") if key in rule}
            expression = _scaled_ranges(rule["expr"], scale) if ranges else rule["expr"]
            rules.append({**rule, **waits, "expr": expression})
        groups.append({**{key: value for key, value in group.items() if key != "interval"}, "rules": rules})
    return {**file, "groups": groups}


def scaled_routes(config: Mapping[str, Any], scale: float, sink: str) -> dict[str, Any]:
    """A configuration of Alertmanager with its waits scaled, all of whose receivers tell `sink`, a URL; tickets are told
    by night too, so that the hour changes nothing."""

    def scale_route(route: Mapping[str, Any]) -> dict[str, Any]:
        waits = {key: scaled(route[key], scale) for key in _WAITS if key in route}
        below = [scale_route(child) for child in route.get("routes") or ()]
        kept = {key: value for key, value in route.items() if key != "mute_time_intervals"}
        return {**kept, **waits, **({"routes": below} if below else {})}

    kept = {key: value for key, value in config.items() if key not in ("global", "templates")}
    receivers = [
        {"name": receiver["name"], "webhook_configs": [{"url": sink, "send_resolved": True}]}
        for receiver in config["receivers"]
    ]
    return {**kept, "route": scale_route(config["route"]), "receivers": receivers}


def seconds(duration: str) -> float:
    """A duration as Prometheus writes it: "1h30m"."""
    return sum(int(count) * _SECONDS[unit] for count, unit in _DURATION.findall(duration))


def scaled(duration: str | int, scale: float, shortest_s: float = 0.0) -> str:
    """A duration times `scale`, in whole milliseconds, at least one unless it was none."""
    whole = seconds(str(duration))
    return f"{max(1, round(1000 * max(shortest_s, whole * scale)))}ms" if whole else "0s"


def _scaled_ranges(expression: str, scale: float) -> str:
    """An expression with its ranges, the steps of its subqueries and its offsets scaled."""

    def within(found: re.Match[str]) -> str:
        return re.sub(
            r"(?:\d+(?:ms|[smhdwy]))+", lambda one: scaled(one[0], scale, min(_SHORTEST_RANGE_S, seconds(one[0]))), found[0]
        )

    expression = re.sub(r"\[(?:\d+(?:ms|[smhdwy]))+(?::(?:\d+(?:ms|[smhdwy]))*)?\]", within, expression)
    return re.sub(r"(\boffset\s+-?)((?:\d+(?:ms|[smhdwy]))+)", lambda found: found[1] + scaled(found[2], scale), expression)


@contextmanager
def _sink(notifications: list[Notification]) -> Iterator[str]:
    """The URL of a webhook that writes down every notification while the block lasts."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.time()
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            alerts = [
                Alert(one["labels"]["alertname"], one["status"], one["labels"], one["annotations"], one["fingerprint"])
                for one in told["alerts"]
            ]
            alerts.sort(key=lambda alert: (alert.name, alert.fingerprint))
            notifications.append(Notification(at, told["receiver"], told["status"], told["groupLabels"], tuple(alerts)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Its notifications are its log."""

    server = ThreadingHTTPServer((peers.LOOPBACK, 0), Hook)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{peers.LOOPBACK}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""What a running daemon says of itself, read over HTTP as any other program would."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

_UP = frozenset({"up", "suspect"})
_ENOUGH_DEVICES, _ENOUGH_UP, _ENOUGH_SERIES = 150, 0.8, 2_000
_ENOUGH_KEPT = 0.9
"""Of the points that the daemon says InfluxDB accepted, for the two are not counted at the same moment."""
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Figures of one moment. `expected` are the communes with a People's Committee, `judged` those that have verdicts;
    `mqtt_messages` were taken by the daemon, which is not `mqtt_away` from its broker; it says that `influx_points` were
    accepted and `influx_dropped` never will be, while the sink, if there is one, has `sink_points`."""

    devices: int
    polled: int
    up: int
    expected: frozenset[str]
    judged: frozenset[str]
    readings: int
    series: int
    verdicts: Counter[str]
    mqtt_messages: int
    mqtt_away: bool
    influx_points: int
    influx_dropped: int
    sink_points: int | None
    cpu_seconds: float | None

    def missing(self) -> str:
        """What the first cycle still lacks, "" when it is over and most devices are up."""
        unjudged = len(self.expected - self.judged)
        if self.mqtt_away:
            return "the daemon is not connected to the MQTT broker; its log says why"
        if self.polled < self.devices:
            return f"{self.devices - self.polled} of {self.devices} devices were not polled yet"
        if self.devices == 0 or self.up < _ENOUGH_UP * self.devices:
            return f"only {self.up} of {self.devices} devices are up"
        if unjudged or not self.judged:
            return f"{unjudged} of {len(self.expected)} communes have no verdict"
        if self.devices < _ENOUGH_DEVICES:
            return f"only {self.devices} devices are watched"
        if self.series <= _ENOUGH_SERIES:
            return f"the page has only {self.series} series"
        if not self.mqtt_messages:
            return "no MQTT message was taken yet"
        if not self.influx_points:
            return "no point was written to InfluxDB yet"
        if self.influx_dropped:
            return f"{self.influx_dropped} points will never reach InfluxDB; the daemon's log says why"
        if self.sink_points is not None and self.sink_points < _ENOUGH_KEPT * self.influx_points:
            return f"only {self.sink_points} of {self.influx_points} points arrived at the stand-in for InfluxDB"
        return ""

    def figures(self) -> dict[str, Any]:
        return {
            "devices": self.devices,
            "devices_up": self.up,
            "communes": len(self.judged),
            "readings": self.readings,
            "series": self.series,
            "verdicts": dict(sorted(self.verdicts.items())),
            "mqtt_messages": self.mqtt_messages,
            "influx_points": self.influx_points if self.sink_points is None else self.sink_points,
            "cpu_seconds": self.cpu_seconds,
        }


def look(daemon: tuple[str, int], sink: tuple[str, int] | None = None) -> Report | None:
    """Asks the daemon at this host and port, and the sink for its points; None while they do not answer."""
    try:
        state = json.loads(get(daemon, "/api/v1/state"))
        verdicts = json.loads(get(daemon, "/api/v1/verdicts"))["verdicts"]
        page = get(daemon, "/metrics")
        points = json.loads(get(sink, "/points"))["points"] if sink else None
    except (OSError, HTTPException):
        return None
    samples = [line for line in page.splitlines() if line and not line.startswith("#")]
    of_communes = [verdict for verdict in verdicts if verdict["subject_kind"] == "commune"]
    cpu = _sample(samples, "process_cpu_seconds_total")
    return Report(
        devices=len(state["devices"]),
        polled=sum(device["last_poll"] is not None for device in state["devices"]),
        up=sum(device["state"] in _UP for device in state["devices"]),
        expected=frozenset(site["commune"] for site in state["sites"]),
        judged=frozenset(verdict["subject"] for verdict in of_communes),
        readings=int(_sample(samples, "netmon_readings_total") or 0),
        series=len(samples),
        verdicts=Counter(verdict["standing"] for verdict in of_communes),
        mqtt_messages=_sum(samples, "netmon_mqtt_messages_total"),
        mqtt_away=_sample(samples, "netmon_mqtt_connected") == 0,
        influx_points=int(_sample(samples, "netmon_influx_points_total") or 0),
        influx_dropped=_sum(samples, "netmon_influx_dropped_points_total"),
        sink_points=points,
        cpu_seconds=None if cpu is None else round(cpu, 2),
    )


def get(address: tuple[str, int], path: str) -> str:
    """The body of a page. OSError: nobody there; HTTPException: no answer, or not a good one."""
    connection = HTTPConnection(*address, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise HTTPException(f"{path} answers {answer.status}")
        return body
    finally:
        connection.close()


def _sample(lines: list[str], name: str) -> float | None:
    """The value of a sample without labels, None when the page has none."""
    return next((float(line.split(" ")[1]) for line in lines if line.startswith(name + " ")), None)


def _sum(lines: list[str], name: str) -> int:
    """The sum of all samples of a counter with labels."""
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(name + "{"))

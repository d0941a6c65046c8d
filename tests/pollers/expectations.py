"""What another project read from the recordings of $NETMON_WALKS, in the catalogue's units, beside what netmon reads."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import NamedTuple

from netmon import profiles
from netmon.catalogue import DEVICE
from netmon.credential import Credential, Secret
from netmon.model import Device, Poll, Reading
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp import oid
from netmon.snmp.recording import Recording

WALKS = Path(os.environ.get("NETMON_WALKS", "/nonexistent"))

UNITS: dict[tuple[str, str], tuple[str, float]] = {
    ("sensors", "voltage"): ("V", 1),
    ("sensors", "current"): ("A", 1),
    ("sensors", "temperature"): ("°C", 1),
    ("sensors", "dbm"): ("dBm", 1),
    ("sensors", "charge"): ("", 0.01),
    ("sensors", "runtime"): ("s", 60),
    ("sensors", "load"): ("", 0.01),
    ("sensors", "power"): ("W", 1),
    ("sensors", "fanspeed"): ("rpm", 1),
    ("sensors", "signal"): ("dBm", 1),
    ("sensors", "frequency"): ("Hz", 1),
    ("sensors", "percent"): ("", 0.01),
    ("wireless", "power"): ("dBm", 1),
    ("wireless", "frequency"): ("Hz", 1e6),
    ("wireless", "rssi"): ("dBm", 1),
    ("wireless", "rsrp"): ("dBm", 1),
    ("wireless", "rsrq"): ("dB", 1),
    ("wireless", "sinr"): ("dB", 1),
    ("wireless", "snr"): ("dB", 1),
    ("wireless", "mse"): ("dB", 1),
    ("wireless", "xpi"): ("dB", 1),
    ("wireless", "rate"): ("B/s", 1 / 8),
    ("wireless", "distance"): ("m", 1000),
    ("processors", "usage"): ("", 0.01),
    ("mempools", "perc"): ("", 0.01),
}
"""By module and class: the unit of ours, and what makes their number it."""

BARRED = {name for module, name in UNITS if module == "sensors"} | {"power", "frequency"}
"""The classes that count for the bar."""

PORTS = {
    "ifInOctets": "netmon_interface_receive_bytes_total",
    "ifOutOctets": "netmon_interface_transmit_bytes_total",
    "ifInErrors": "netmon_interface_receive_errors_total",
    "ifOutErrors": "netmon_interface_transmit_errors_total",
    "ifInDiscards": "netmon_interface_receive_discards_total",
    "ifOutDiscards": "netmon_interface_transmit_discards_total",
    "ifInUcastPkts": "netmon_interface_receive_unicast_packets_total",
    "ifOutUcastPkts": "netmon_interface_transmit_unicast_packets_total",
    "ifSpeed": "netmon_interface_speed_bytes_per_second",
    "ifOperStatus": "netmon_interface_up",
    "ifAdminStatus": "netmon_interface_admin_up",
    "ifName": "interface",
    "ifDescr": "if_descr",
    "ifAlias": "if_alias",
}

OBJECTS = {
    "ifInOctets": ("31.1.1.1.6", "2.2.1.10"),
    "ifOutOctets": ("31.1.1.1.10", "2.2.1.16"),
    "ifInErrors": ("2.2.1.14",),
    "ifOutErrors": ("2.2.1.20",),
    "ifInDiscards": ("2.2.1.13",),
    "ifOutDiscards": ("2.2.1.19",),
    "ifInUcastPkts": ("31.1.1.1.7", "2.2.1.11"),
    "ifOutUcastPkts": ("31.1.1.1.11", "2.2.1.17"),
}
"""The columns below mib-2 that a port's counter is read from."""


class Expected(NamedTuple):
    walk: str
    module: str
    kind: str
    oid: str
    name: str
    value: str


@dataclass
class Compared:
    """Expectations that were found, those that were not, and those of which something else was read, with what."""

    found: list[Expected] = field(default_factory=list)
    missing: list[Expected] = field(default_factory=list)
    wrong: list[tuple[Expected, str]] = field(default_factory=list)


def expectations(walk: str) -> list[Expected]:
    """What the other project read from one recording."""
    with (WALKS / "expected.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["walk"] == walk]
    return [Expected(walk, row["module"], row["class"], _oid(row), row["name"], row["value"]) for row in rows]


def _oid(row: dict[str, str]) -> str:
    if row["module"] == "ports":
        return row["index"]
    return row["oid"].strip('[]"').lstrip(".")


async def read(walk: str) -> Poll:
    """Two polls of a recording by the profile that netmon chooses; the second one."""
    text = (WALKS / f"{walk}.snmprec").read_text("utf-8", "surrogateescape")
    device = Device(id="recording", site="", addresses=("192.0.2.1",), deadline_s=120.0)
    credential = Credential(name="recording", version="2c", community=Secret("public"))
    poller = SnmpPoller(Recording.parse(text), device, (), credential, profiles.load())
    await poller.poll()
    return await poller.poll()


def compare(expected: Iterable[Expected], readings: Iterable[Reading]) -> Compared:
    """Sensors by their OID, ports by their index."""
    by_oid: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.series.oid:
            by_oid.setdefault(oid.decode(reading.series.oid), []).append(reading)
    ports: dict[tuple[str, str], float] = {}
    names: dict[str, dict[str, str]] = {}
    for at, there in by_oid.items():
        for reading in there:
            if reading.series.family.startswith("netmon_interface_"):
                index = at.rpartition(".")[2]
                if reading.series.family == "netmon_interface_info":
                    names[index] = dict(reading.series.labels)
                ports[index, reading.series.family] = reading.value
    result = Compared()
    for one in expected:
        if one.module == "ports":
            if one.kind in PORTS:
                _judge_port(one, ports, names, result)
        elif (one.module, one.kind) in UNITS:
            _judge_sensor(one, by_oid.get(one.oid, []), result)
    return result


def _judge_port(
    one: Expected, ports: dict[tuple[str, str], float], names: dict[str, dict[str, str]], result: Compared
) -> None:
    ours = PORTS[one.kind]
    if not ours.startswith("netmon_"):
        said = names.get(one.oid, {}).get(ours)
        if said is None:
            result.missing.append(one)
        elif " ".join(one.value.split()) in (said, "") or said.startswith(one.value) or (one.kind == "ifAlias" and not said):
            result.found.append(one)
        else:
            result.wrong.append((one, said))
        return
    value = ports.get((one.oid, ours))
    if value is None:
        (result.found if one.value in ("", "0") and one.kind == "ifSpeed" else result.missing).append(one)
        return
    if one.kind in ("ifOperStatus", "ifAdminStatus"):
        good = value == (one.value == "up")
    elif one.value == "":
        return
    else:
        good = isclose(value, float(one.value) * (0.125 if one.kind == "ifSpeed" else 1), rel_tol=1e-6)
    if good:
        result.found.append(one)
    else:
        result.wrong.append((one, f"{value:g}"))


def _judge_sensor(one: Expected, there: list[Reading], result: Compared) -> None:
    unit, factor = UNITS[one.module, one.kind]
    fitting = [reading for reading in there if DEVICE[reading.series.family].unit == unit]
    if not fitting:
        (result.wrong if there else result.missing).append((one, _told(there)) if there else one)  # type: ignore[arg-type]
    elif any(isclose(reading.value, float(one.value) * factor, rel_tol=1e-4, abs_tol=1e-6) for reading in fitting):
        result.found.append(one)
    else:
        result.wrong.append((one, _told(fitting)))


def _told(readings: list[Reading]) -> str:
    return ", ".join(f"{reading.series.family} {reading.value:g}" for reading in readings)

"""The benches, run with numbers so small that they measure nothing: each workload still works, and says what it should."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from bench import daemon, peers, rows, wire
from bench.command import main
from bench.daemon import Paced
from bench.rows import Row
from tests.peers import require

KEYS = {"bench", "subject", "workload", "varbinds_per_s", "rss_mb", "ratio_to_netmon"}
TINY = Paced(devices=4, interval_s=1, timeout_s=0.2, windows=1)


@pytest.fixture(autouse=True)
def _what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched for a test."""
    monkeypatch.setattr("bench.extras.package", lambda name, program: require(program))


@pytest.mark.parametrize("workload", wire.WORKLOADS)
def test_an_engine_carries_every_workload_of_wire(workload: str):
    """netmon answers for all that it was asked, and black holes are silence, not losses."""
    require("snmpd")
    load = wire.WORKLOADS[workload]
    tiny = replace(load, addresses=2, silent=min(load.silent, 1), rounds=1, timeout_s=2, retries=0)
    engines = [wire.Subject("netmon", (sys.executable, "-m", "bench.subjects.netmon"))]
    if workload in ("get20", "walk25x48", "get20_v3"):
        engines.append(wire.Subject("pysnmp", (sys.executable, "-m", "bench.subjects.pysnmp")))
    if workload == "get1":
        engines.append(wire.Subject("datagrams", (sys.executable, "-m", "bench.subjects.datagrams"), reads=False))
    found = list(wire.measure({workload: tiny}, runs=1, among=lambda: iter(engines)))
    assert [(row.subject, row.note) for row in found] == [(engine.name, "") for engine in engines]
    assert not any(row.more["lost"] for row in found)
    for row in found:
        assert row.cpu_us
        assert KEYS | {"cpu_us_per_varbind"} <= row.as_json().keys()


def test_the_whole_daemon_takes_40_readings_of_a_device_while_others_are_silent():
    """What the bench calls a reading is what the daemon counts; a silent share is silent for good."""
    row = daemon.measure(replace(TINY, silent_share=0.4))
    assert (row.workload, row.more["devices"]) == ("get40_silent40", 4)
    assert row.more["readings_per_poll"] == 40
    assert row.more["polls"] > 0
    assert row.more["series"] > 40
    assert KEYS | {"cpu_us_per_reading"} <= row.as_json().keys()


def test_whole_monitors_are_measured_on_the_same_devices():
    """The exporter and collectd read the devices that the daemon reads."""
    require("prometheus-snmp-exporter")
    require("collectd")
    found = {(row.subject, row.workload): row for row in rows.compared(peers.measure(TINY, flat_rounds=1))}
    assert found.keys() == {
        ("netmon", "get40"),
        ("snmp_exporter", "get40"),
        ("snmp_exporter", "get40_flat"),
        ("collectd", "get40"),
    }
    for row in found.values():
        assert row.cpu_us
        assert row.per_s
        assert row.ratio


def test_a_ratio_is_to_netmon_on_as_many_devices():
    """What a subject costs is compared where both did the same; who failed has no ratio and says why."""

    def row(subject: str, cpu_us: float | None, devices: int, note: str = "") -> Row:
        more = {"devices": devices}
        return Row(bench="peers", subject=subject, workload="get40", cpu_us=cpu_us, note=note, more=more)

    given = [row("netmon", 4, 500), row("exporter", 12, 500), row("netmon", 3, 1000), row("late", None, 1000, "too late")]
    found = rows.compared(given)
    assert [row.ratio for row in found] == [1, 3, 1, None]
    told = json.loads(rows.as_json(found))
    assert told[1]["ratio_to_netmon"] == 3
    assert told[3]["note"] == "too late"
    assert "too late" in rows.table(found)
    assert rows.markdown(found).count("\n") == 5


def test_a_bench_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]):
    """A typing error does not run something else."""
    with pytest.raises(SystemExit):
        main(["wires"])
    assert "there is no bench wires: choose from wire, peers, daemon" in capsys.readouterr().err

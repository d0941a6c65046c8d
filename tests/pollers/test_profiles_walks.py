"""The profiles for power on recorded devices of $NETMON_WALKS, beside another project's reading of the same OIDs."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from netmon.snmp import Client, oid
from tests.pollers.test_recordings import WALKS, polls_of

RECORDINGS = {"huawei-smu_11b": "huawei_smu", "huaweiups_ups2000": "huawei_ups", "generex-ups_cs141": "generic"}
IN_OUR_UNIT = {"charge": 0.01, "load": 0.01, "runtime": 60}
"""What that project's classes are multiplied by; states it has as their numbers."""

UPS, SITE = "1.3.6.1.2.1.33.1", "1.3.6.1.4.1.2011.6.164.1"
MEANT_OTHERWISE: dict[tuple[str, str], float | None] = {
    # It takes amperes as they are. 53.5 V x 3.4 A are the 179 W of hwDcsTotalPower, and 34 A would be ten times as much.
    ("huawei-smu_11b", f"{SITE}.6.2.1.1.5.1"): 3.4,
    ("huawei-smu_11b", f"{SITE}.6.1.4.0"): 3.4,
    ("huawei-smu_11b", f"{SITE}.3.1.3.0"): 3.1,
    # It takes the frequency for hundredths of a hertz.
    ("huaweiups_ups2000", f"{UPS}.3.3.1.2.1"): 50.0,
    ("huaweiups_ups2000", f"{UPS}.4.2.0"): 50.0,
    ("huaweiups_ups2000", f"{UPS}.5.1.0"): 50.0,
    # It shows 4294967295 minutes.
    ("huaweiups_ups2000", f"{UPS}.2.3.0"): None,
    # It shows watts below 0, and kilowatts as watts.
    ("generex-ups_cs141", f"{UPS}.4.4.1.4.1"): None,
    ("generex-ups_cs141", f"{UPS}.4.4.1.4.3"): None,
}


@pytest.fixture(scope="module")
def recordings(snmpsim, tmp_path_factory) -> int:
    if not WALKS.is_dir():
        pytest.skip("NETMON_WALKS names no directory of recordings")
    some: Path = tmp_path_factory.mktemp("walks")
    for name in RECORDINGS:
        shutil.copy(WALKS / f"{name}.snmprec", some)
    port: int = snmpsim(some)
    return port


def expected(recording: str) -> dict[str, float]:
    """That project's values by OID, in our units."""
    with (WALKS / "expected.csv").open(newline="") as file:
        rows: list[dict[str, Any]] = [row for row in csv.DictReader(file) if row["walk"] == recording]
    measured = [row for row in rows if row["module"] == "sensors" and row["class"] not in ("state", "count")]
    return {row["oid"].removeprefix("."): float(row["value"]) * IN_OUR_UNIT.get(row["class"], 1) for row in measured}


@pytest.mark.parametrize("recording", RECORDINGS)
async def test_a_recorded_power_device_is_read_as_others_read_it(client: Client, recordings: int, recording: str):
    (poll,) = await polls_of(client, recordings, recording, 1)
    (info,) = [r.series for r in poll.readings if r.series.family == "netmon_device_info"]
    assert info.label("profile") == RECORDINGS[recording]
    read = {oid.decode(r.series.oid): r.value for r in poll.readings if r.series.oid}
    theirs = expected(recording)
    in_both = theirs.keys() & read.keys()
    assert len(in_both) >= 4
    for name in in_both:
        meant = MEANT_OTHERWISE.get((recording, name), theirs[name])
        assert read[name] == pytest.approx(meant), name
    assert not read.keys() & {name for (walk, name), meant in MEANT_OTHERWISE.items() if walk == recording and meant is None}


async def test_a_recorded_site_is_on_mains_with_a_full_battery(client: Client, recordings: int):
    (poll,) = await polls_of(client, recordings, "huawei-smu_11b", 1)
    read = {r.series.family: r.value for r in poll.readings}
    assert [read[f"netmon_{name}"] for name in ("mains_up", "rectifiers", "battery_charge_ratio")] == [1, 2, 1.0]
    assert read["netmon_battery_remaining_seconds"] == 4 * 3600
    assert read["netmon_power_output_watts"] == pytest.approx(53.5 * 3.4, rel=0.02)
    assert "netmon_temperature_celsius" not in read, "no sensor is fitted"

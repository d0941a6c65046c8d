"""docs/mqtt.md is true: its example runs, and its tables have every name and every reason."""

import asyncio
import re
import sys

import pytest

from netmon.catalogue import OWN
from netmon.model import Outcome
from netmon.pollers.payloads import NAMES_AT_MOST, SETTABLE, VALUES_AT_MOST
from netmon.pollers.values import HISTORY_AT_MOST, SERIES_AT_MOST
from tests.broker import broker
from tests.peers import LOOPBACK, ROOT
from tests.pollers.listening import listening, until

DEVICE = "cb-bts-01273-pwr"


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs/mqtt.md").read_text(encoding="utf-8")


async def test_the_example_is_heard_and_its_will_is_told_when_it_is_killed(page, tmp_path):
    """It runs as it stands there, and nothing about it is odd."""
    script = tmp_path / "device.py"
    script.write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    with broker(tmp_path / "broker") as made:
        async with listening(made.port) as netmon:
            netmon.poller = netmon.add(DEVICE, "cb-bts-01273")
            process = await asyncio.create_subprocess_exec(sys.executable, script, LOOPBACK, str(made.port))
            try:
                await until(lambda: netmon.tally["messages", "telemetry"] == 1 or process.returncode)
                poll = await netmon.becomes(Outcome.ANSWERED)
            finally:
                process.kill()
                await process.wait()
            assert {(r.series.family, r.series.label("sensor")): r.value for r in poll.readings[1:]} == {
                ("netmon_battery_voltage_volts", ""): 53.5,
                ("netmon_mains_up", ""): 1,
                ("netmon_temperature_celsius", "room"): 31.5,
                ("netmon_temperature_celsius", "rack"): 28,
            }
            await netmon.becomes(Outcome.SILENT, said="The broker told its will")
            assert netmon.tally.of("messages") == {"birth": 1, "status": 2, "telemetry": 1}
            assert not netmon.tally.of("rejected")
            assert not netmon.tally.of("remarks")


def test_the_tables_have_every_name_every_reason_and_every_bound(page):
    """And no name that does not exist."""
    for family in ("netmon_mqtt_rejected_total", "netmon_mqtt_remarks_total"):
        assert not [reason for reason in OWN[family].values if f"| `{reason}` |" not in page]
    tables = page[page.index("## Measurements") : page.index("## A device in Python")]
    told = {name for row in re.findall(r"^\|.*`.*\|$", tables, re.MULTILINE) for name in re.findall(r"`([a-z_]+)`", row)}
    assert told == SETTABLE.keys()
    assert f"at most {NAMES_AT_MOST} names with {VALUES_AT_MOST} sensors" in page
    assert (SERIES_AT_MOST, HISTORY_AT_MOST) == (1_000, 1_000)

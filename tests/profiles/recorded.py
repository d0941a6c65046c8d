"""What netmon reads of a made-up device in tests/recordings, by the profile that it chooses itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netmon import profiles
from netmon.credential import Credential, Secret
from netmon.model import Device, Reading
from netmon.pollers.snmp import SnmpPoller
from netmon.snmp.recording import Recording

RECORDINGS = Path(__file__).parents[1] / "recordings"
_EVERY_DEVICE = ("netmon_device_", "netmon_interface_")


@dataclass(frozen=True)
class Read:
    """`values` by family and sensor, less what every device has; an optic's sensor is "interface/sensor". `infos` are the
    labels of info series by family and sensor, less the device's place."""

    profile: str
    values: Mapping[tuple[str, str], float]
    infos: Mapping[tuple[str, str], Mapping[str, str]]


async def read(name: str, *more: str) -> Read:
    """The second poll of a recording, and of `more` lines that take the place of those of the same name."""
    lines = (RECORDINGS / f"{name}.snmprec").read_text("utf-8").splitlines()
    instances = {line.partition("|")[0]: line for line in [*lines, *more]}
    recording = Recording.parse("\n".join(instances.values()) + "\n")
    device = Device(id="recording", site="", addresses=("192.0.2.1",), deadline_s=60.0)
    credential = Credential(name="recording", version="2c", community=Secret("public"))
    poller = SnmpPoller(recording, device, (), credential, profiles.load())
    await poller.poll()
    poll = await poller.poll()
    assert poll.incomplete == ()
    infos = {_name(one): dict(one.series.labels) for one in poll.readings if one.series.family.endswith("_info")}
    values = {
        _name(one): one.value
        for one in poll.readings
        if not one.series.family.endswith("_info") and not one.series.family.startswith(_EVERY_DEVICE)
    }
    return Read(infos["netmon_device_info", ""]["profile"], values, infos)


def _name(reading: Reading) -> tuple[str, str]:
    labels = dict(reading.series.labels)
    sensor = labels.get("sensor", "")
    return reading.series.family, f"{labels['interface']}/{sensor}" if "interface" in labels else sensor


def hardware(read: Read) -> tuple[str, str, str, str]:
    """Manufacturer, model, serial and software."""
    labels = read.infos["netmon_device_hardware_info", ""]
    return labels["manufacturer"], labels["model"], labels["serial"], labels["software"]

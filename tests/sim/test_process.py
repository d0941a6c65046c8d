"""The simulator as it runs: over UDP on loopback addresses, asked by net-snmp's tools and by netmon's own client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from netmon.credential import Credential
from netmon.inventory import Inventory
from netmon.model import End, Port, Speech, Subject
from netmon.pollers.agent import wire_credential
from netmon.settings import Settings, load
from netmon.sim import seed
from netmon.sim.prepare import prepare
from netmon.sim.seed import SeedError, fill
from netmon.sim.troubles import Trouble
from netmon.snmp import V2C, Client, Community, Refused, Silent, Target, Usm, get_request, oid, walk
from netmon.store import Reader, StoreError
from netmon.store.schema import lock
from tests import peers

SYS_NAME, IF_NAME, HC_IN, HC_OUT = (
    "1.3.6.1.2.1.1.5.0",
    "1.3.6.1.2.1.31.1.1.1.1",
    "1.3.6.1.2.1.31.1.1.1.6",
    "1.3.6.1.2.1.31.1.1.1.10",
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("demo"), keep=False, port=None)


@pytest.fixture(scope="module")
def settings(config: Path) -> Settings:
    return load(config)


@pytest.fixture(scope="module")
def simulator(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Running]:
    """The province of the demonstration without its troubles."""
    log = tmp_path_factory.mktemp("sim") / "log"
    arguments = [sys.executable, "-m", "netmon.sim", "--config", config, "--troubles", "none", "--no-mqtt"]
    with peers.running(arguments, ready=lambda: '"ready": true' in log.read_text(), log=log) as running:
        yield running


def spoken(credential: Credential) -> list[str]:
    """How net-snmp's tools are told to ask with it."""
    if credential.community is not None:
        return [f"-v{credential.version}", "-c", credential.community.reveal()]
    assert credential.auth_key is not None
    assert credential.priv_key is not None
    auth = ["-a", credential.auth_protocol, "-A", credential.auth_key.reveal()]
    return [
        "-v3",
        "-lauthPriv",
        "-u",
        credential.user,
        *auth,
        "-x",
        credential.priv_protocol,
        "-X",
        credential.priv_key.reveal(),
    ]


def ask(tool: str, settings: Settings, device: str, *names: str, version: str = "") -> list[str]:
    entry = settings.inventory.devices[device]
    credential = settings.credentials[entry.credential]
    how = spoken(replace(credential, version=version or credential.version))
    command = [peers.require(tool), *how, "-t", "2", "-Onq", f"{entry.addresses[0]}:{entry.port}"]
    done = subprocess.run([*command, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if "No more variables" not in line]


@pytest.mark.usefixtures("simulator")
def test_net_snmp_finds_every_device_under_its_own_address(settings: Settings) -> None:
    """Most with SNMPv3, and the old power controllers with v2c."""
    devices = [device for device in settings.inventory.devices.values() if device.speaks is Speech.SNMP]
    versions = Counter(settings.credentials[device.credential].version for device in devices)
    assert versions == {"3": 58, "2c": 20}
    for device in devices:
        [line] = ask("snmpget", settings, device.id, SYS_NAME)
        assert line == f'.{SYS_NAME} "{device.id}"'


@pytest.mark.usefixtures("simulator")
def test_net_snmp_walks_in_rising_order_to_the_end_by_getnext_and_by_getbulk(settings: Settings) -> None:
    """net-snmp refuses an OID that does not increase; every port of every commune's link is there, whatever the way."""

    def walked(tool: str, device: str, version: str = "") -> list[str]:
        lines = ask(tool, settings, device, "1.3", version=version)
        return [line.split()[0] for line in lines if line.startswith(".1.3.6")]

    core, old = "cb-core-1", "cb-bts-01273-pwr"
    named = {line.partition(" ")[2].strip('"') for line in ask("snmpbulkwalk", settings, core, IF_NAME)}
    assert {link.far.interface for link in settings.inventory.links.values() if link.far} < named
    for device in (core, old):
        assert walked("snmpwalk", device) == walked("snmpbulkwalk", device)
    counter64 = re.compile(r"\.1\.3\.6\.1\.2\.1\.31\.1\.1\.1\.([6-9]|1[0-3])\.")
    assert walked("snmpwalk", old, "1") == [name for name in walked("snmpwalk", old) if not counter64.match(name)]


@pytest.mark.usefixtures("simulator")
async def test_our_client_sees_both_ends_of_a_link_grow_by_the_same(settings: Settings) -> None:
    """The difference of the two counters stays what it was: reading the far end before and after the near bounds it."""
    link = settings.inventory.links["cb-01279-fibre"]
    assert link.near
    assert link.far
    async with Client() as client:

        async def reader(port: Port, column: str) -> Callable[[], Awaitable[int]]:
            device = settings.inventory.devices[port.device]
            credential = wire_credential(settings.credentials[device.credential])
            target = Target(device.addresses[0], device.port, credential, timeout_s=2.0, retries=1)
            names = (await walk(client, target, [oid.encode(IF_NAME)])).rows[oid.encode(IF_NAME)]
            index = next(index for index, row in names.items() if row.value == port.interface.encode())
            request = get_request([oid.encode(column) + index])

            async def read() -> int:
                [row] = (await client.ask(target, request)).varbinds
                assert isinstance(row.value, int)
                return row.value

            return read

        far, near = await reader(link.far, HC_OUT), await reader(link.near, HC_IN)

        async def difference() -> tuple[int, int, int]:
            before, middle, after = await far(), await near(), await far()
            return before - middle, after - middle, middle

        first = await difference()
        give_up = time.monotonic() + 10
        while await near() < first[2] + 20 * (first[1] - first[0]) + 100_000:
            assert time.monotonic() < give_up
        last = await difference()
    assert max(first[0], last[0]) <= min(first[1], last[1])


@pytest.mark.usefixtures("simulator")
async def test_a_wrong_community_hears_nothing_and_a_wrong_user_hears_why(settings: Settings) -> None:
    old, core = settings.inventory.devices["cb-bts-01273-pwr"], settings.inventory.devices["cb-core-1"]
    async with Client() as client:
        for device, credential, error in ((old, Community(V2C, b"wrong"), Silent), (core, Usm(user="wrong"), Refused)):
            target = Target(device.addresses[0], device.port, credential, timeout_s=0.2, retries=0)
            with pytest.raises(error):
                await client.ask(target, get_request([oid.encode(SYS_NAME)]))


def test_the_simulator_says_what_it_cannot_play(config: Path, tmp_path: Path) -> None:
    """An address that is not a loopback address is named, with its device."""
    for path in config.rglob("*"):
        if path.is_file():
            (tmp_path / path.relative_to(config)).parent.mkdir(exist_ok=True)
            (tmp_path / path.relative_to(config)).write_text(
                path.read_text().replace("address: 127.4.0.1,", "address: 192.0.2.1,")
            )
    done = subprocess.run(
        [sys.executable, "-m", "netmon.sim", "--config", tmp_path], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert "cb-gw-1 has the address 192.0.2.1" in done.stderr


def test_the_store_is_seeded_once_and_marked_as_simulated(settings: Settings) -> None:
    now = 1_795_290_123.4
    made = fill(settings, seed=1, troubles=tuple(Trouble), days=1, now=now)
    reader = Reader.open(settings.store.path)
    try:
        for link in settings.inventory.links.values():
            rates = reader.rates(link.id, End.NEAR, made.first, 288)
            assert rates.simulated >= 288 - 9 * 12 - 2
        assert reader.last_alive() is None
        assert reader.open_spans("device") == {}
        [first, *_] = reader.spans(Subject("site", "cb-01273"), 0, now)
        assert first.state == "up"
        assert {(outage.subject.kind, outage.end is None) for outage in reader.outages()} == {
            ("device", False),
            ("link", False),
            ("site", False),
        }
    finally:
        reader.close()
    with pytest.raises(SeedError, match="only a new store is seeded"):
        fill(settings, seed=1, troubles=tuple(Trouble), days=1, now=now)


def test_a_store_has_its_name_only_once_it_is_whole(
    settings: Settings, inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose filling was interrupted, or killed before it could clean up, is made anew, not taken for a whole one."""
    path = tmp_path / "netmon.db"
    small = replace(settings, inventory=inventory, store=replace(settings.store, path=path))
    fill_anew = partial(fill, small, seed=1, troubles=(), days=1, now=1_795_290_123.4)
    with monkeypatch.context() as patched:
        patched.setattr(seed.past, "spans", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fill_anew()
    assert [path.name for path in tmp_path.glob("netmon.db*")] == ["netmon.db.lock"]
    for end in ("", "-wal", "-shm", ".lock"):
        (tmp_path / f"netmon.db.new{end}").write_bytes(b"half of a store")
    held = lock(path)
    with pytest.raises(StoreError, match="another netmon writes"):
        fill_anew()
    os.close(held)
    fill_anew()
    assert sorted(path.name for path in tmp_path.glob("netmon.db*")) == ["netmon.db", "netmon.db.lock"]
    reader = Reader.open(path)
    assert len(reader.outages()) > 0
    reader.close()


def interrupted(*arguments: object) -> NoReturn:
    raise KeyboardInterrupt


def test_the_demonstration_keeps_its_secrets_out_of_the_configuration(config: Path) -> None:
    written = [path.read_text() for path in config.rglob("*.yaml")]
    for name in ("snmp-auth", "snmp-priv", "community", "mqtt-password", "influxdb-token"):
        assert (config / name).stat().st_mode & 0o077 == 0
        assert not any((config / name).read_text() in text for text in written)


def test_a_ready_simulator_has_said_so_in_one_line_of_json(simulator: peers.Running) -> None:
    said = [json.loads(line) for line in simulator.output.splitlines() if line.startswith("{")]
    assert said == [{"ready": True, "agents": 78, "publishers": 0, "seed": 2026}]

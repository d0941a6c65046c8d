"""A province that plays at the speed of a test: a small configuration, the simulator that plays it as it is directed, and a
netmon that watches it."""

from __future__ import annotations

import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from netmon import control, units
from netmon.sim import orders
from tests import peers

PROVINCE = "04"
CABLE_OF = 4
"""So many communes of an aggregation router share a cable."""

_COMMUNITY = "!env NETMON_TEST_COMMUNITY"

Entry = dict[str, Any]


def storm_province(
    home: Path, *, communes: int = 8, stations: int = 10, backups: int = 2, aggregations: int = 2, interval: str = "2s"
) -> Path:
    """Writes the configuration of a province that is asked every `interval`; its directory.

    A gateway `gw-1` (the canary with `core-1`), a core `core-1`, aggregation routers `agg-N` on `agg-N-fibre` (cable
    `trunk-N`), and communes in turn behind them: `ub-CODE` with `ub-CODE-r1` on `ub-CODE-fibre` (four on a `cable-N-M`).
    The first `backups` have `ub-CODE-lte` to the centre besides. Base stations in turn behind the communes' routers:
    `bts-N` with the power controller `bts-N-pwr`. All speak SNMP, on addresses of their own; no link has a `check`.
    """
    codes = [unit.code for unit in units.load().communes(PROVINCE, date(2026, 7, 1))][:communes]
    config = home / "config"
    (config / "inventory").mkdir(parents=True)
    seat = codes[0]
    centre = _site("centre", "Trung tâm tỉnh", seat, "provincial_centre")
    centre["devices"] = [_device("gw-1", "127.4.0.1"), _device("core-1", "127.4.0.2", "gw-1")]
    sites = [centre]
    for n in range(1, aggregations + 1):
        site = _site(f"agg-{n}", f"Nút gom {n}", seat, "agent_point")
        site["devices"] = [_device(f"agg-{n}-r1", f"127.4.0.{10 + n}", "core-1")]
        site["links"] = [_fibre(f"agg-{n}", "centre", "core-1", f"trunk-{n}", port=n)]
        sites.append(site)
    for n, code in enumerate(codes):
        above, turn = n % aggregations + 1, n // aggregations
        place = f"ub-{code}"
        site = _site(place, f"UBND xã {code}", code, "peoples_committee")
        ups = [f"agg-{above}-r1"]
        cable = f"cable-{above}-{turn // CABLE_OF + 1}"
        site["links"] = [_fibre(place, f"agg-{above}", ups[0], cable, port=turn + 1)]
        if n < backups:
            ups.append("core-1")
            near = {"device": f"{place}-r1", "interface": "Cellular0/0/0"}
            lte = {"id": f"{place}-lte", "to": "centre", "kind": "lte", "role": "backup", "network": "internet"}
            site["links"].append({**lte, "operator": "viettel", "capacity": "30 Mbit/s", "near": near})
        site["devices"] = [_device(f"{place}-r1", f"127.4.1.{n + 1}", *ups)]
        sites.append(site)
    for n in range(1, stations + 1):
        code = codes[n % len(codes)]
        site = _site(f"bts-{n}", f"Trạm BTS {n}", code, "bts")
        site["devices"] = [_device(f"bts-{n}-pwr", f"127.4.{2 + n // 250}.{n % 250 + 1}", f"ub-{code}-r1")]
        site["carriers"] = [{"operator": "viettel", "technologies": ["4g"]}]
        sites.append(site)
    port = _free_port_everywhere()
    for site in sites:
        for device in site["devices"]:
            device["port"] = port
    (config / "inventory/all.yaml").write_text(json.dumps({"sites": sites}))
    (config / "targets.yaml").write_text(json.dumps({"targets": [AVAILABILITY]}))
    main = {
        "province": PROVINCE,
        "credentials": {"snmp": {"version": "2c", "community": ""}},
        "poll": {"interval": interval, "timeout": "0.3s", "retries": 0, "deadline": "1s", "verify_after": "0.2s"},
        "canaries": ["gw-1", "core-1"],
        "store": {"path": str(home / "netmon.db")},
        "control": str(home / "control.sock"),
        "exporters": {"prometheus": {"listen": f"{peers.LOOPBACK}:{peers.free_port('tcp')}"}},
    }
    (config / "netmon.yaml").write_text(json.dumps(main).replace('"community": ""', f'"community": {_COMMUNITY}'))
    return config


AVAILABILITY: Entry = {
    "id": "availability",
    "level": "commune",
    "rule": "availability",
    "title": {"vi": "Độ sẵn sàng", "en": "Availability"},
    "window": "month",
    "limit": "99.5 %",
    "basis": "local",
    "basis_kind": "local",
}


def _site(place: str, name: str, commune: str, kind: str) -> Entry:
    return {"id": place, "name": name, "commune": commune, "kind": kind}


def _device(name: str, address: str, *upstreams: str) -> Entry:
    return {"id": name, "address": address, **({"upstreams": [*upstreams]} if upstreams else {})}


def _fibre(place: str, to: str, far: str, cable: str, *, port: int) -> Entry:
    link = {"id": f"{place}-fibre", "to": to, "kind": "fibre", "role": "primary", "network": "tslcd_2", "srlg": [cable]}
    link |= {"operator": "vnpt", "circuit": f"{place}-VNPT", "capacity": "200 Mbit/s", "length": "8 km"}
    link["near"] = {"device": f"{place}-r1", "interface": "GigabitEthernet0/0/1"}
    return {**link, "far": {"device": far, "interface": f"GigabitEthernet0/1/{port}"}}


@dataclass
class Live:
    """A province that is played and watched. `home` holds its store and its logs."""

    home: Path
    port: int
    orders: Path
    control: Path
    netmon: peers.Running | None = None

    def order(self, do: str, **fields: Any) -> dict[str, Any]:
        """Directs the simulator; what is in force then. OrderError: it refused."""
        return orders.ask(self.orders, {"do": do, **fields})

    def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        """Asks netmon over its control socket."""
        return control.ask(self.control, command, **fields)

    def get(self, path: str) -> str | None:
        """A page of netmon, None while it serves none."""
        try:
            with urllib.request.urlopen(f"http://{peers.LOOPBACK}:{self.port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            return None

    def states(self, kind: str = "devices", key: str = "device", word: str = "state") -> Mapping[str, str]:
        """How each stands by netmon: of devices, links or sites."""
        return {row[key]: row[word] for row in json.loads(self.get("/api/v1/state") or "{}").get(kind, [])}

    def wait_for_states(self, wanted: Mapping[str, str], deadline: float = 15.0) -> None:
        """Until the devices that are named stand as is said."""

        def is_so() -> bool:
            found = self.states()
            wrong = {device: found.get(device) for device, state in wanted.items() if found.get(device) != state}
            assert not wrong, f"{wrong}, wanted {wanted}"
            return True

        peers.eventually(is_so, deadline, every_s=0.1)

    def everyone_up(self, deadline: float = 20.0) -> None:
        """Until every device is up."""
        peers.eventually(lambda: set(self.states().values()) == {"up"}, deadline, every_s=0.1)


@contextmanager
def live(home: Path, config: Path) -> Iterator[Live]:
    """Plays a province and watches it while the block lasts; enters when every device is up."""
    environment = {"NETMON_TEST_COMMUNITY": "public"}
    log = home / "sim.log"
    main = json.loads((config / "netmon.yaml").read_text().replace(_COMMUNITY, '""'))
    port = int(main["exporters"]["prometheus"]["listen"].rpartition(":")[2])
    made = Live(home, port, home / "direct.sock", Path(main["control"]))
    play = [sys.executable, "-m", "netmon.sim", "--config", config, "--direct", made.orders]
    watch = [sys.executable, "-m", "netmon", "run", "--config", config]
    with (
        peers.running(play, ready=lambda: '"ready": true' in log.read_text(), log=log, env=environment),
        peers.running(watch, ready=lambda: made.get("/healthz"), log=home / "netmon.log", env=environment) as made.netmon,
    ):
        made.everyone_up()
        yield made


def _free_port_everywhere() -> int:
    """A UDP port that is free on every loopback address."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])

"""The configuration of N devices: a site and a link each, in a real province, at addresses of 127/8.

The first site of each commune is its People's Committee, on the network that the shipped targets judge; the others are base
stations. All hang on one core router of the provincial centre, which is the first of the N.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.agent import INTERFACES
from bench.programs import LOOPBACK, ROOT
from netmon import units
from netmon.model import VIET_NAM

COMMUNITY = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be watched, and where the parts of the run listen."""

    devices: int
    agent_port: int
    silent_port: int
    sink_port: int
    http_port: int
    silent_share: float = 0.0
    interval_s: int = 30
    timeout_s: float = 2.0

    @property
    def silent(self) -> int:
        """How many devices answer nothing."""
        return int((self.devices - 1) * self.silent_share)

    def is_silent(self, n: int) -> bool:
        """Silent ones are spread evenly; the core router, 0, never is."""
        return n > 0 and int(n * self.silent_share) != int((n - 1) * self.silent_share)


def address(n: int) -> str:
    """The address of the n-th device."""
    return f"127.20.{n // 250}.{n % 250 + 1}"


def write(plan: Plan, directory: Path) -> None:
    """Writes the configuration directory; the store and the control socket lie in it too."""
    (directory / "inventory").mkdir(parents=True)
    shutil.copy(ROOT / "config/targets.yaml", directory)
    register, today = units.load(), datetime.now(VIET_NAM).date()
    province = max(register.provinces(today), key=lambda unit: len(register.communes(unit.code, today)))
    communes = [unit.code for unit in register.communes(province.code, today)]
    (directory / "netmon.yaml").write_text(_netmon(plan, province.code))
    sites = "\n".join(f"  - {json.dumps(site)}" for site in _sites(plan, communes))
    (directory / "inventory/sites.yaml").write_text(f"sites:\n{sites}\n")


def _netmon(plan: Plan, province: str) -> str:
    return f"""
province: "{province}"
poll: {{interval: {plan.interval_s}s, timeout: {plan.timeout_s}s, verify_after: {2.5 * plan.timeout_s}s}}
credentials:
  bench: {{version: "2c", community: !env BENCH_COMMUNITY}}
canaries: [core]
store: {{path: netmon.db}}
control: control.sock
exporters:
  prometheus: {{listen: "{LOOPBACK}:{plan.http_port}"}}
  influxdb:
    url: http://{LOOPBACK}:{plan.sink_port}
    org: bench
    bucket: bench
    token: !env BENCH_TOKEN
"""


def _sites(plan: Plan, communes: list[str]) -> Iterator[dict[str, object]]:
    core = {"id": "core", "address": address(0), "port": plan.agent_port}
    yield {"id": "centre", "name": "Centre", "commune": communes[0], "kind": "provincial_centre", "devices": [core]}
    for n in range(1, plan.devices):
        commune = communes[n % len(communes)]
        committee = n <= len(communes)
        port = plan.silent_port if plan.is_silent(n) else plan.agent_port
        yield {
            "id": f"site-{n}",
            "name": f"Site {n}",
            "commune": commune,
            "kind": "peoples_committee" if committee else "bts",
            "devices": [{"id": f"router-{n}", "address": address(n), "port": port, "upstreams": ["core"]}],
            "links": [
                {
                    "id": f"link-{n}",
                    "to": "centre",
                    "kind": "fibre",
                    "role": "primary",
                    "network": "tslcd_2" if committee else "backhaul",
                    "capacity": "200 Mbit/s",
                    "near": {"interface": INTERFACES[0]},
                }
            ],
        }

"""A small configuration on disk, for tests to spoil."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from netmon import units

TODAY = date(2026, 11, 1)

NETMON = """\
province: "04"
credentials:
  snmp: {version: "2c", community: !env NETMON_COMMUNITY}
canaries: [gw]
"""

V2C = 'version: "2c", community: !env NETMON_COMMUNITY'
AUTH, PRIV = "auth: {protocol: SHA-256, key: !env NETMON_KEY}", "priv: {protocol: AES, key: !env NETMON_KEY}"
V3 = f'version: "3", user: noc, {AUTH}, {PRIV}'

SOUND = NETMON.replace(V2C, V3)
"""The same without a cause for doubt."""

INVENTORY = """\
sites:
  - id: centre
    name: Trung tâm
    commune: "01273"
    kind: provincial_centre
    devices:
      - {id: gw, address: 10.4.0.1}
  - id: ubnd
    name: UBND xã Bảo Lâm
    commune: "01290"
    kind: peoples_committee
    devices:
      - {id: r1, address: 10.4.1.1, upstreams: [gw]}
    links:
      - id: fibre
        to: centre
        kind: fibre
        role: primary
        network: tslcd_2
        capacity: 200 Mbit/s
        near: {interface: ge1}
        far: {interface: ge9}
"""

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def register() -> units.Register:
    return units.load()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a configuration and returns its directory; a text of None leaves a file out."""
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    monkeypatch.setenv("NETMON_KEY", "n3tm0n-n3tm0n")

    def written(netmon: str | None = NETMON, inventory: str | None = INVENTORY, targets: str | None = None) -> Path:
        (tmp_path / "inventory").mkdir(exist_ok=True)
        for name, text in (("netmon.yaml", netmon), ("inventory/a.yaml", inventory), ("targets.yaml", targets)):
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return written

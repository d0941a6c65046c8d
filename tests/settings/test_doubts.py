"""What is allowed and probably not meant: the warnings of a configuration without faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.settings import load
from netmon.units import Register
from tests.settings.conftest import INVENTORY, NETMON, PRIV, SOUND, TODAY, V2C, V3, Write

P95 = """\
targets:
  - id: p95
    level: commune
    rule: percentile_utilisation
    title: {vi: a, en: b}
    limit: 90 %
    basis: x
    basis_kind: local
"""
SECOND = """\
      - id: lte
        to: centre
        kind: lte
        role: backup
        network: internet
        capacity: 50 Mbit/s
"""


def warned(directory: Path, register: Register) -> list[str]:
    """The warnings, with file names relative to the configuration."""
    settings = load(directory, register=register, today=TODAY)
    return [str(problem).replace(f"{directory}/", "") for problem in settings.warnings]


def test_what_is_sound_gives_no_warning(write: Write, register: Register) -> None:
    assert warned(write(SOUND, targets=P95), register) == []


def test_a_device_that_measures_a_link_too_seldom_for_slots_is_named(write: Write, register: Register) -> None:
    no_slot = "readings so far apart fill no slot of 5 minutes; 1m or less is sure to"
    seldom = INVENTORY.replace("address: 10.4.1.1,", "address: 10.4.1.1, interval: 10m,")
    assert warned(write(SOUND, inventory=seldom, targets=P95), register) == [
        f"inventory/a.yaml:13:47: 'r1' measures a link every 10m: {no_slot}"
    ]
    assert warned(write(SOUND + "poll: {interval: 6m}\n", INVENTORY, P95), register) == [
        f"netmon.yaml:5:18: 2 of the devices ('gw') measure links every 6m: {no_slot}"
    ]
    unmeasured = seldom.replace("        near: {interface: ge1}\n", "")
    assert warned(write(SOUND, unmeasured, P95), register) == [], "a device that measures no link may be polled seldom"


@pytest.mark.parametrize(
    ("applies_to", "line"),
    [
        ("{network: tslcd2}", "6:17: target 'p95' applies to no link: nothing is judged by it "
         "(no link has network 'tslcd2': did you mean tslcd_2?)"),
        ("{operator: vnpt}", "6:17: target 'p95' applies to no link: nothing is judged by it "
         "(no link has operator 'vnpt')"),
        ("{kind: lte}", "6:17: target 'p95' applies to no link: nothing is judged by it"),
    ],
)  # fmt: skip
def test_a_target_that_selects_nothing_says_so(write: Write, register: Register, applies_to: str, line: str) -> None:
    targets = P95.replace("    limit", f"    applies_to: {applies_to}\n    limit")
    assert warned(write(SOUND, targets=targets), register) == [f"targets.yaml:{line}"]


def test_a_service_target_selects_sites(write: Write, register: Register) -> None:
    targets = P95.replace("percentile_utilisation", "availability")
    assert warned(write(SOUND, targets=targets + "    applies_to: {site_kind: peoples_committee}\n"), register) == []
    assert warned(write(SOUND, targets=targets + "    applies_to: {site_kind: bts}\n"), register) == [
        "targets.yaml:9:17: target 'p95' applies to no site: nothing is judged by it"
    ]


def test_two_devices_behind_one_address_and_port_are_named(write: Write, register: Register) -> None:
    """However the address is written; another port is another agent."""
    twins = INVENTORY.replace("address: 10.4.0.1", "addresses: ['2001:db8::1', 10.4.1.1]")
    assert warned(write(SOUND, inventory=twins, targets=P95), register) == [
        "inventory/a.yaml:13:27: device 'r1' has the same address and port as 'gw'"
    ]
    ports = twins.replace("address: 10.4.1.1,", "address: '2001:DB8:0::1', port: 1161,")
    assert warned(write(SOUND, inventory=ports, targets=P95), register) == []
    assert len(warned(write(SOUND, inventory=ports.replace("1161", "161"), targets=P95), register)) == 1


def test_an_interface_is_the_same_end_of_one_link_only(write: Write, register: Register) -> None:
    """A device that the site leaves unnamed is the site's only one."""
    shared = INVENTORY + SECOND + "        near: {device: r1, interface: ge1}\n        far: {interface: ge9}\n"
    assert warned(write(SOUND, inventory=shared, targets=P95), register) == [
        "inventory/a.yaml:29:15: interface 'ge1' of 'r1' is already the near end of link 'fibre'",
        "inventory/a.yaml:30:14: interface 'ge9' of 'gw' is already the far end of link 'fibre'",
    ]


def test_an_address_is_reachable_over_one_link_alone(write: Write, register: Register) -> None:
    """However it is written."""
    checked = INVENTORY + "        check: '2001:db8::7'\n" + SECOND
    assert warned(write(SOUND, checked + "        check: '2001:DB8:0::7'\n", P95), register) == [
        "inventory/a.yaml:30:16: '2001:db8::7' is already what link 'fibre' is checked by: "
        "it is not reachable over this one alone"
    ]
    assert warned(write(SOUND, checked + "        check: '2001:db8::8'\n", P95), register) == []


def test_a_capacity_that_has_not_begun_is_none_now(write: Write, register: Register) -> None:
    history = "\n          - {from: 2026-11-02, receive: 1 Gbit/s, transmit: 1 Gbit/s}"
    inventory = INVENTORY.replace(" 200 Mbit/s", history)
    assert warned(write(SOUND, inventory=inventory, targets=P95), register) == [
        "inventory/a.yaml:21:11: link 'fibre' has no capacity now: its first begins on 2026-11-02, "
        "and until then its use is unproven"
    ]
    assert warned(write(SOUND, inventory=inventory.replace("11-02", "11-01"), targets=P95), register) == []


WEAK = [
    (V2C, "3:19: 2 devices are asked with version 2c: its community goes there in the clear "
     '(version: "3", with auth and priv, hides it)'),
    ('version: "3", user: noc', "3:19: 2 devices are asked with no proof of who asks or answers "
     "(auth: {protocol: SHA-256, key: …} gives it)"),
    (V3.replace("SHA-256", "MD5"), "3:52: 2 devices are asked with MD5, which is weak (SHA-256 where they know it)"),
    (V3.replace("AES", "DES"), "3:101: 2 devices are asked with DES, which is broken within a day (AES where they know it)"),
]  # fmt: skip


@pytest.mark.parametrize(("credential", "line"), WEAK, ids=[line[:45] for _, line in WEAK])
def test_a_weak_credential_is_one_line_for_all_the_devices_elsewhere_that_have_it(
    write: Write, register: Register, credential: str, line: str
) -> None:
    """On this machine nobody is on the way, and one that no device has does no harm."""
    netmon = NETMON.replace(V2C, credential)
    assert warned(write(netmon, targets=P95), register) == [f"netmon.yaml:{line}"]
    here = INVENTORY.replace("address: 10.", "address: 127.")
    assert warned(write(netmon, here, P95), register) == []
    unused = netmon.replace("canaries", f"  other: {{{V3}}}\npoll: {{credential: other}}\ncanaries")
    assert warned(write(unused, targets=P95), register) == []


def test_a_community_that_makers_set_is_told_but_not_repeated(
    write: Write, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write(NETMON, targets=P95)
    monkeypatch.setenv("NETMON_COMMUNITY", "private")
    assert warned(directory, register)[1:] == ["netmon.yaml:3:36: community: the one that everybody tries first"]


def test_authentication_alone_is_no_weakness(write: Write, register: Register) -> None:
    """What is measured is no secret, and no key crosses the network."""
    assert warned(write(SOUND.replace(f", {PRIV}", ""), targets=P95), register) == []

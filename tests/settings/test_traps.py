"""The section of traps: where they are heard, with which credentials, and how many."""

from __future__ import annotations

import pytest

from netmon.settings import TrapSettings
from netmon.units import Register
from tests.settings.conftest import INVENTORY, NETMON, Write
from tests.settings.test_load import good
from tests.settings.test_servers import of_main


def test_traps_are_heard_where_and_from_whom_the_section_says(write: Write, register: Register) -> None:
    assert good(write(NETMON, INVENTORY), register).traps is None
    assert good(write(NETMON + "traps: {}\n", INVENTORY), register).traps == TrapSettings(listen=(("0.0.0.0", 162),))
    traps = 'traps: {listen: ["10.4.0.9:162", "[2001:DB8::9]:1162"], credentials: snmp, rate: 5, burst: 300}\n'
    assert good(write(NETMON + traps, INVENTORY), register).traps == TrapSettings(
        listen=(("10.4.0.9", 162), ("2001:db8::9", 1162)), credentials=("snmp",), rate=5.0, burst=300.0
    )


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("traps:\n", "5:7: expected a value, found nothing (fill it in, or take the key away)"),
        ("traps: {listen: []}\n", "5:17: there must be at least one"),
        ("traps: {listen: noc.example:162}\n", "'noc.example' is not an address: write it as 0.0.0.0:162 or \"[::]:162\""),
        ("traps: {listen: 10.4.0.9}\n", "'10.4.0.9' is not a place to listen"),
        ("traps: {credentials: [snmq]}\n", "5:23: there is no credential 'snmq' (did you mean snmp?)"),
        ("traps: {rate: 0}\n", "5:15: must be from 1 to 1,000"),
        ("traps: {lisen: 10.4.0.9:162}\n", "5:9: unknown key 'lisen' (did you mean listen?)"),
    ],
)
def test_what_cannot_be_is_said(write: Write, register: Register, section: str, problem: str) -> None:
    (said,) = of_main(write(NETMON + section, INVENTORY), register)
    assert problem in said

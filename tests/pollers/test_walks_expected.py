"""Recorded devices of $NETMON_WALKS, served by snmpsim, beside what another project read from the same recordings."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from netmon.model import Poll
from tests.pollers.expectations import BARRED, OBJECTS, PORTS, WALKS, Compared, Expected, compare, expectations
from tests.pollers.test_recordings import polls_of

RADIO = r"1\.3\.6\.1\.4\.1\.193\.81\.3\.4"

DIFFERENT: dict[str, list[tuple[str, str]]] = {
    "ceraos": [
        (r"1\.3\.6\.1\.4\.1\.2281\.10\.5\.1\.1\.2\.268451906", "-99 marks a receiver that is not there"),
        (r"if(In|Out)UcastPkts (268443713|268562561)", "ifTable counts packets there; they write 0 without an ifXTable"),
    ],
    "eltek-webpower": [
        (r"1\.3\.6\.1\.4\.1\.12148\.9\.3\.20\.[23]\.0", "ampere-hours are a charge, no current"),
        (r"1\.3\.6\.1\.4\.1\.12148\.9\.3\.20\.5\.0", "a quality of 0 % is that of a battery that was never tested"),
    ],
    "enexus_sp2touch": [
        (r"1\.3\.6\.1\.4\.1\.12148\.10\.10\.12\.5\.0", "a quality of 0 % is that of a battery never tested")
    ],
    "ericsson-6600_6600": [
        (rf"{RADIO}\.5\.2\.1\.1\.[235]\.", "the MIB counts seconds, their class minutes"),
        (rf"{RADIO}\.5\.2\.1\.1\.1\.", "how long the interval has lasted says nothing of the radio"),
        (rf"{RADIO}\.3\.1\.1\.1\.8\.16863(76959|85151)", "every column of these rows is 0: the far end is not known"),
        (rf"{RADIO}\.3\.1\.8\.1\.[37]\.", "-99.9, -100 and -99 mark a radio that is off"),
        (r"ifName (2134646913|2146467969)", "two ports have one ifName: ours take ifDescr, which tells them apart"),
    ],
    "generex-ups_cs141": [(r"1\.3\.6\.1\.2\.1\.33\.1\.4\.4\.1\.4\.[13]", "a load of less than 0 W is none")],
    "huawei-smu_11b": [
        (
            r"1\.3\.6\.1\.4\.1\.2011\.6\.164\.1\.(6\.2\.1\.1\.5\.1|6\.1\.4\.0|3\.1\.3\.0)",
            "currents have a decimal (its MIB)",
        ),
    ],
    "huaweiups_ups2000": [
        (r"1\.3\.6\.1\.2\.1\.33\.1\.(3\.3\.1\.2\.1|4\.2\.0|5\.1\.0)", "this maker tells whole hertz: 50, not 5"),
        (r"1\.3\.6\.1\.2\.1\.33\.1\.4\.4\.1\.4\.1", "this maker tells whole kilowatts, which says nothing of a small load"),
        (r"1\.3\.6\.1\.2\.1\.33\.1\.2\.3\.0", "4294967295 minutes is a marker"),
    ],
    "rutos-rutx_rutx11": [(r"1\.3\.6\.1\.4\.1\.48690\.2\.2\.1\.21\.1", "RSRQ is a ratio in dB, no signal in dBm")],
    "vrp_ne8000-m8": [
        (r"2011\.5\.25\.31\.1\.1\.3\.1\.9\.172403", "they take hundredths of a dBm for microwatts: +2.56 dBm, not -5.9"),
        (r"2011\.5\.25\.31\.1\.1\.3\.1\.32\.17240324", "-4000 is no light"),
    ],
}
"""By recording: what netmon reads otherwise, or not at all, and why. By OID, or by a port's object and index."""


def barred(one: Expected) -> bool:
    """Whether it counts: readings of the classes of the bar, and what is told of ports."""
    return one.module == "ports" or (one.module in ("sensors", "wireless") and one.kind in BARRED)


def recorded(walk: str) -> set[str]:
    lines = (WALKS / f"{walk}.snmprec").read_text("utf-8", "surrogateescape").splitlines()
    return {line.partition("|")[0] for line in lines}


def left(walk: str, compared: Compared) -> tuple[list[Expected], list[tuple[Expected, str]]]:
    """What was not found, and what was read otherwise, less what is explained. A counter that the recording does not hold is
    no reading: they fill in 0."""
    there = recorded(walk)

    def explained(one: Expected) -> bool:
        where = f"{one.kind} {one.oid}" if one.module == "ports" else one.oid
        if any(re.search(pattern, where) for pattern, _ in DIFFERENT.get(walk, ())):
            return True
        objects = OBJECTS.get(one.kind, ()) if one.module == "ports" else ()
        return bool(objects) and not any(f"1.3.6.1.2.1.{column}.{one.oid}" in there for column in objects)

    missing = [one for one in compared.missing if barred(one) and not explained(one)]
    return missing, [(one, said) for one, said in compared.wrong if barred(one) and not explained(one)]


@pytest.fixture(scope="module")
def walks(snmpsim) -> int:
    if not WALKS.is_dir():
        pytest.skip("NETMON_WALKS names no directory of recordings")
    return snmpsim(WALKS)


@pytest.mark.parametrize("walk", sorted(path.stem for path in WALKS.glob("*.snmprec")))
async def test_a_recorded_device_is_read_as_others_read_it_or_for_a_reason_otherwise(client, walks, walk):
    poll: Poll = (await polls_of(client, walks, walk))[-1]
    assert not poll.incomplete, poll.detail
    compared = compare(expectations(walk), poll.readings)
    missing, wrong = left(walk, compared)
    assert not wrong
    counts = Counter(map(barred, compared.found))
    assert len(missing) <= counts[True] // 20, missing
    taken = compared.missing + [one for one, _ in compared.wrong]
    for pattern, why in DIFFERENT.get(walk, ()):
        where = [f"{one.kind} {one.oid}" if one.module == "ports" else one.oid for one in taken]
        assert any(re.search(pattern, each) for each in where), f"needless: {why}"


def test_what_ports_are_told_by_is_known():
    assert set(OBJECTS) <= set(PORTS)

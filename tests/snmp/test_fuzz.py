"""Any byte string as an answer gives a result or one typed error, in bounded time; what was once found wrong stays here."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp.client import Client
from netmon.snmp.errors import Refused
from netmon.snmp.question import Response
from netmon.snmp.second import PysnmpClient
from netmon.snmp.usm import Usm
from tests.snmp.fuzzing import KINDS, Conversation, read_alone, seeds, spoil, told_apart

SIGNED_FROM = next(kind for kind, (credential, _, _) in enumerate(KINDS) if isinstance(credential, Usm))
ANSWERS = 6000  # in this small form: `scripts/soak fuzz` is the long one


@pytest.mark.parametrize("kind", range(len(KINDS)))
async def test_right_answers_are_answers(engine: type[Client], kind: int) -> None:
    """Or else what follows would be refused at the door."""
    conversation = Conversation(engine)
    credential, _, known = KINDS[kind]
    outcomes = {type(conversation.answer(of, data, signed=signed)) for of, data, signed in seeds() if of == kind}
    if known or not isinstance(credential, Usm):
        assert Response in outcomes
    if known and isinstance(credential, Usm):
        assert Refused in outcomes
    await conversation.client.close()


async def test_spoilt_answers_are_read_alike_by_both_engines_or_refused() -> None:
    ours, theirs = Conversation(Client), Conversation(PysnmpClient)
    dice = random.Random(4711)
    right = list(seeds())
    others = [data for _, data, _ in right]
    for number in range(ANSWERS):
        kind, data, signed = dice.choice(right)
        spoilt = spoil(data, dice, others)
        found = ours.answer(kind, spoilt, signed=signed)
        if number % 8 == 0:
            assert not told_apart(found, theirs.answer(kind, spoilt, signed=signed)), (kind, spoilt.hex(), signed)
            read_alone(spoilt)
    await ours.client.close()
    await theirs.client.close()


FOUND = [
    # Numbers without octets: pysnmp took them for 0.
    (
        2,
        "303b02010104067075626c6963a22e0204010203040201000201003020300c06082b0601020101030080003010060c2b060102011f01010106822c4600",
    ),
    (6, "3031040d80001f8880a1b2c3d4e5f607180400a81e0204010203040201000201003010300e060a2b060106030f010102004100"),
    (8, "3031040d80001f8880a1b2c3d4e5f607180400a21e0204010203040201000201003010300e060a2b060106030f010102004100"),
]


@pytest.mark.parametrize(("kind", "octets"), FOUND)
async def test_what_was_once_read_in_two_ways_is_read_in_one(kind: int, octets: str) -> None:
    ours, theirs = Conversation(Client), Conversation(PysnmpClient)
    found = [each.answer(kind, bytes.fromhex(octets), signed=kind >= SIGNED_FROM) for each in (ours, theirs)]
    assert not told_apart(*found)
    assert found == [None, None]
    assert (ours.client.stats.strays["malformed"], theirs.client.stats.strays["malformed"]) == (1, 1)


@given(st.binary(max_size=300))
def test_each_reader_takes_any_octets(data: bytes) -> None:
    read_alone(data)


@pytest.mark.parametrize(
    "first", [b"", b"\x30", b"\x30\x82\xff\xff", b"\x30\x80", b"\x24\x80", b"\xff", b"\x30\x02", b"\x06\x81"]
)
def test_each_reader_takes_the_same_octets_over_and_over(first: bytes) -> None:
    for fill in (b"\x30\x80", b"\x30\x02", b"\x00", b"\xff", b"\x80", b"\x04\x00", b"\x05\x00", b"\x02\x01"):
        read_alone(first + fill * (65_000 // len(fill)))

"""Traps in words: names, and values that people can read."""

from __future__ import annotations

import pytest

from netmon.pollers.trapwords import MOST_SHOWN, in_words, trap_name
from netmon.snmp.notifications import Plain


@pytest.mark.parametrize(
    ("oid", "name"),
    [
        ("1.3.6.1.6.3.1.1.5.5", "authenticationFailure"),
        ("1.3.6.1.2.1.33.2.1", "upsTrapOnBattery"),
        ("1.3.6.1.2.1.33.2.0.1", "upsTrapOnBattery"),  # the same, sent as v1
        ("1.3.6.1.4.1.2011.5.25.0.17", "1.3.6.1.4.1.2011.5.25.0.17"),
        ("1.3.6.1.6.3.1.1.5", "1.3.6.1.6.3.1.1.5"),
    ],
)
def test_standard_traps_have_names_and_others_stay_numbers(oid: str, name: str):
    assert trap_name(oid) == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (None, ""),
        ("10.4.1.9", "10.4.1.9"),
        ("TSLCD Bảo Lạc".encode(), "TSLCD Bảo Lạc"),
        (b"ge-0/0/1\0", "ge-0/0/1"),
        (b"", ""),
        (b"\x00\x1b\x21", "001b21"),
        (b"two\nlines", "74776f0a6c696e6573"),
        (b"x" * 500, "x" * 119 + "…"),
        (bytes(500), "0" * 119 + "…"),
    ],
)
def test_a_value_is_short_text_without_control_characters(value: Plain, text: str):
    assert in_words([("1.3.6.1.2.1.2.2.1.2.3", value)]) == {"ifDescr.3": text}


def test_only_the_first_varbinds_are_told_and_how_many_are_not():
    words = in_words([(f"1.3.6.1.4.1.9.{n}", n) for n in range(MOST_SHOWN + 5)])
    assert len(words) == MOST_SHOWN + 1
    assert words["more"] == "5"


def test_an_object_that_comes_again_is_numbered():
    name, other = "1.3.6.1.2.1.2.2.1.1.3", "1.3.6.1.2.1.1.5.0"
    words = in_words([(name, 3), (other, b"r1"), (name, 4), (name, 3)])
    assert words == {"ifIndex.3": "3", "sysName": "r1", "ifIndex.3#2": "4", "ifIndex.3#3": "3"}


def test_a_scalar_loses_its_zero_and_an_unknown_object_nothing():
    names = ["1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.2.2.1.8.1003", "1.3.6.1.4.1.2011.1.0"]
    assert list(in_words([(name, 1) for name in names])) == ["sysName", "ifOperStatus.1003", names[2]]

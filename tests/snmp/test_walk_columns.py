"""Answers read by columns: the same as read varbind by varbind, whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netmon.snmp import ber
from netmon.snmp.ber import Tag, Value
from netmon.snmp.columns import read_rows
from netmon.snmp.errors import Malformed
from netmon.snmp.message import V2C, Query, VarBind, encode_response, open_response, read_varbinds
from tests.effort import examples
from tests.snmp.test_codec import values
from tests.snmp.walking import COLUMNS


def as_varbinds(octets: bytes, columns: Sequence[bytes]) -> list[VarBind]:
    rows = read_rows(open_response(octets), columns)
    found = [column + index for index in rows.indexes for column in columns]
    assert len(found) == len(rows.tags) == len(rows.values)
    return [*map(VarBind, found, rows.tags, rows.values), *rows.rest]


QUERY = Query(V2C, b"public", Tag.GET_BULK, 1 << 24, 0, 1, [])
tables = st.lists(
    st.tuples(st.sampled_from([b"\x01", b"\x02", b"\x81\x00", b"\x7f\x01"]), st.tuples(*[values] * 3)), max_size=4
).map(lambda rows: [(column + index, *cell) for index, cells in rows for column, cell in zip(COLUMNS, cells, strict=False)])


@given(rows=tables, cut=st.integers(0, 12), flips=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3))
@example(rows=[(COLUMNS[0] + b"\x01", Tag.COUNTER32, 0xFFFF_FFFF)] * 3, cut=3, flips=[])
@settings(max_examples=examples(100), deadline=None)
def test_rows_read_by_columns_are_the_varbinds_that_came(
    rows: list[tuple[bytes, int, Value]], cut: int, flips: list[tuple[int, int]]
) -> None:
    """Whatever an octet of the answer is changed to."""
    octets = bytearray(encode_response(QUERY, rows[:cut]))
    for at, octet in flips:
        octets[at % len(octets)] = octet
    try:
        open_response(bytes(octets))
    except Malformed:
        return
    same_as_varbinds(bytes(octets), COLUMNS[:3])


@pytest.mark.parametrize("tag", [*range(0x40, 0x48), 0x02, 0x03, 0x1F, 0x5F, 0x9F])
@pytest.mark.parametrize(
    "content",
    [
        *("", "00", "7f", "80", "ff", "00ff", "7fffffff", "80000000", "00ffffffff", "01ffffffff", "000000000001"),
        *("7fffffffffffffff", "00ffffffffffffffff", "01ffffffffffffffff"),
    ],
)
def test_values_are_read_by_columns_as_anywhere(tag: int, content: str) -> None:
    octets = answer_of(ber.tlv(Tag.OID, COLUMNS[0] + b"\x01") + ber.tlv(tag, bytes.fromhex(content)))
    same_as_varbinds(octets)


@pytest.mark.parametrize("trailing", [b"", b"\x00" * 20])
@pytest.mark.parametrize(
    "varbind",
    [
        ber.tlv(Tag.OID, COLUMNS[0] + b"\x81") + b"\x02\x01\x07",
        ber.tlv(Tag.OID, COLUMNS[0] + b"\x01") + b"\x02\x02\x07",
        ber.tlv(Tag.OID, COLUMNS[0] + b"\x01") + b"\x04\x7f",
        ber.tlv(Tag.OID, COLUMNS[0] + b"\x01") + b"\x02\x81\x01\x07",
        ber.tlv(Tag.OID, COLUMNS[0] + b"\x01" * 120) + b"\x02\x01\x07",
        ber.tlv(Tag.OID, COLUMNS[0] + b"\x01") + ber.tlv(Tag.OCTET_STRING, bytes(200)),
        ber.tlv(Tag.OID, COLUMNS[0]) + b"\x02\x01\x07",
        ber.tlv(Tag.OID, COLUMNS[0][:-3]) + b"\x02\x01\x07",
        b"",
    ],
    ids=[
        "broken index",
        "claims more",
        "claims most",
        "long length",
        "long name",
        "long value",
        "no index",
        "short",
        "none",
    ],
)
def test_what_is_unusual_is_read_by_columns_as_anywhere(varbind: bytes, trailing: bytes) -> None:
    """Octets behind the message are none of it."""
    same_as_varbinds(answer_of(varbind) + trailing)
    longer = bytearray(answer_of(varbind))
    if varbind:
        longer[-len(varbind) - 1] += 1  # the varbind as long as its value claims to be, beyond the end of the message
        same_as_varbinds(bytes(longer) + trailing)


def answer_of(varbind: bytes) -> bytes:
    """An answer with what is written in one varbind."""
    pdu = b"\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00" + ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.SEQUENCE, varbind))
    return ber.tlv(Tag.SEQUENCE, b"\x02\x01\x01\x04\x06public" + ber.tlv(Tag.RESPONSE, pdu))


def same_as_varbinds(octets: bytes, columns: Sequence[bytes] = COLUMNS[:1]) -> None:
    try:
        due = read_varbinds(open_response(octets))
    except Malformed:
        with pytest.raises(Malformed):
            as_varbinds(octets, columns)
    else:
        assert as_varbinds(octets, columns) == due

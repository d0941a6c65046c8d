"""BER, OIDs and messages, with pysnmp as the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

from netmon.snmp import ber, message, oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.errors import Malformed, Unsupported
from netmon.snmp.message import (
    Community,
    Query,
    VarBind,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)

ORACLES = {
    message.V1: api.PROTOCOL_MODULES[api.SNMP_VERSION_1],
    message.V2C: api.PROTOCOL_MODULES[api.SNMP_VERSION_2C],
}
V2 = ORACLES[message.V2C]
TYPES = {
    Tag.INTEGER: V2.Integer32,
    Tag.OCTET_STRING: V2.OctetString,
    Tag.OID: V2.ObjectIdentifier,
    Tag.IP_ADDRESS: V2.IpAddress,
    Tag.COUNTER32: V2.Counter32,
    Tag.GAUGE32: V2.Gauge32,
    Tag.TIME_TICKS: V2.TimeTicks,
    Tag.OPAQUE: V2.Opaque,
    Tag.COUNTER64: V2.Counter64,
}

arc = st.one_of(st.integers(0, 130), st.integers(16_300, 16_400), st.integers(0, (1 << 32) - 1))
oids = st.builds(
    lambda first, second, rest: ".".join(map(str, (first, second, *rest))),
    st.integers(0, 2),
    st.integers(0, 39),
    st.lists(arc, max_size=20),
)
names = oids.map(oid.encode)
u32, u64 = st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1)
values: st.SearchStrategy[tuple[int, Value]] = st.one_of(
    st.tuples(st.just(Tag.INTEGER), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.tuples(st.sampled_from([Tag.OCTET_STRING, Tag.OPAQUE]), st.binary(max_size=300)),
    st.tuples(st.just(Tag.OID), names),
    st.tuples(st.just(Tag.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.sampled_from([Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS]), u32),
    st.tuples(st.just(Tag.COUNTER64), u64),
    st.tuples(st.sampled_from([Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW, Tag.NULL]), st.none()),
)
varbinds = st.lists(st.builds(lambda name, value: VarBind(name, *value), names, values), max_size=8)
request_ids = st.integers(1 << 24, (1 << 31) - 1)

NAME = oid.encode("1.3.6.1.2.1.2.2.1.10.1")
QUERY = Query(message.V2C, b"public", Tag.GET, 0x01020304, 0, 0, [NAME])


def one_value(tag: int, content: bytes) -> bytes:
    """A response with one varbind whose value has exactly these octets."""
    varbind = ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + ber.tlv(tag, content))
    pdu = b"\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00" + ber.tlv(Tag.SEQUENCE, varbind)
    return ber.tlv(Tag.SEQUENCE, b"\x02\x01\x01\x04\x06public" + ber.tlv(Tag.RESPONSE, pdu))


def as_oracle(tag: int, value: Value) -> Any:
    """A value of ours as pysnmp holds it."""
    match tag:
        case Tag.NULL:
            return V2.Null("")
        case Tag.NO_SUCH_OBJECT | Tag.NO_SUCH_INSTANCE | Tag.END_OF_MIB_VIEW:
            kinds = {0x80: V2.NoSuchObject, 0x81: V2.NoSuchInstance, 0x82: V2.EndOfMibView}
            return kinds[tag]()
        case Tag.OID:
            assert isinstance(value, bytes)
            return V2.ObjectIdentifier(oid.decode(value))
        case _:
            return TYPES[Tag(tag)](value)


@given(request_ids, st.integers(0, 18), st.integers(0, 300), varbinds)
def test_a_response_of_pysnmp_reads_as_what_was_put_in(
    request_id: int, status: int, index: int, rows: list[VarBind]
) -> None:
    pdu = V2.ResponsePDU()
    V2.apiPDU.set_defaults(pdu)
    V2.apiPDU.set_request_id(pdu, request_id)
    V2.apiPDU.set_error_status(pdu, status)
    V2.apiPDU.set_error_index(pdu, index)
    V2.apiPDU.set_varbinds(pdu, [(oid.decode(row.oid), as_oracle(row.tag, row.value)) for row in rows])
    whole = V2.Message()
    V2.apiMessage.set_defaults(whole)
    V2.apiMessage.set_community(whole, "public")
    V2.apiMessage.set_pdu(whole, pdu)
    assert decode_response(encoder.encode(whole)) == (request_id, status, index, rows)


@given(request_ids, varbinds, st.sampled_from([b"", b"public", b"x" * 200]))
def test_a_response_of_ours_reads_the_same_in_pysnmp_and_here(
    request_id: int, rows: list[VarBind], community: bytes
) -> None:
    data = encode_response(QUERY._replace(request_id=request_id, community=community), rows)
    assert decode_response(data) == (request_id, 0, 0, rows)
    whole, rest = decoder.decode(data, asn1Spec=V2.Message())
    assert rest == b""
    assert bytes(V2.apiMessage.get_community(whole)) == community
    pdu = V2.apiMessage.get_pdu(whole)
    assert int(V2.apiPDU.get_request_id(pdu)) == request_id
    seen = V2.apiPDU.get_varbinds(pdu)
    assert [str(name) for name, _ in seen] == [oid.decode(row.oid) for row in rows]
    for (_, value), row in zip(seen, rows, strict=True):
        assert encoder.encode(value) == encoder.encode(as_oracle(row.tag, row.value))


@pytest.mark.parametrize("version", [message.V1, message.V2C])
@given(request_id=request_ids, asked=st.lists(oids, max_size=30), repetitions=st.integers(0, 500))
def test_requests_are_what_pysnmp_and_an_agent_of_ours_expect(
    version: int, request_id: int, asked: list[str], repetitions: int
) -> None:
    module = ORACLES[version]
    raw = [oid.encode(name) for name in asked]
    requests = [message.get_request(raw), message.get_next_request(raw)]
    if version == message.V2C:
        requests.append(message.get_bulk_request(raw, repetitions, 1))
    for request in requests:
        data = encode_request(request, Community(version, b"secret"), request_id)
        whole, rest = decoder.decode(data, asn1Spec=module.Message())
        assert rest == b""
        pdu = module.apiMessage.get_pdu(whole)
        assert pdu.tagSet.superTags[-1].tagId == request.pdu & 0x1F
        read = module.apiBulkPDU if request.pdu == Tag.GET_BULK else module.apiPDU
        assert int(read.get_request_id(pdu)) == request_id
        assert [str(name) for name, _ in read.get_varbinds(pdu)] == asked
        query = decode_request(data)
        assert query[:4] == (version, b"secret", request.pdu, request_id)
        assert (query.non_repeaters, query.max_repetitions) == (request.non_repeaters, request.max_repetitions)
        assert query.oids == raw


@given(st.binary(max_size=400))
@example(b"")
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\x30" * 1000)
def test_any_octets_are_a_response_or_malformed(data: bytes) -> None:
    try:
        _, _, _, rows = decode_response(data)
    except Malformed:
        return
    assert all(oid.decode(row.oid) for row in rows)


@given(varbinds, st.data())
def test_a_damaged_response_is_read_or_malformed_and_its_oids_can_be_printed(
    rows: list[VarBind], data: st.DataObject
) -> None:
    damaged = bytearray(encode_response(QUERY, rows))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(["change", "cut", "insert"])):
            case "change":
                damaged[at] = data.draw(st.integers(0, 255))
            case "cut" if len(damaged) > 1:
                del damaged[at]
            case _:
                damaged.insert(at, data.draw(st.integers(0, 255)))
    try:
        _, _, _, found = decode_response(bytes(damaged))
    except Malformed:
        return
    for row in found:
        oid.decode(row.oid)
        if row.tag == Tag.OID:
            assert isinstance(row.value, bytes)
            oid.decode(row.value)
        assert isinstance(row.value, int | bytes | None)


def test_a_response_cut_off_anywhere_is_malformed() -> None:
    whole = encode_response(QUERY, [(NAME, Tag.COUNTER32, 1), (NAME, Tag.OCTET_STRING, b"x" * 200)])
    decode_response(whole)
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            decode_response(whole[:size])


@pytest.mark.parametrize(
    ("tag", "content", "value"),
    [
        (Tag.COUNTER32, "ff ff ff ff", 0xFFFFFFFF),
        (Tag.COUNTER32, "ff", 0xFFFFFFFF),  # -1, as an agent with signed counters encodes it
        (Tag.COUNTER32, "00 ff ff ff ff", 0xFFFFFFFF),
        (Tag.COUNTER32, "00 00 00 00 00 00 07", 7),
        (Tag.COUNTER64, "ff ff ff ff ff ff ff ff", 0xFFFF_FFFF_FFFF_FFFF),
        (Tag.COUNTER64, "00 80 00 00 00 00 00 00 00", 1 << 63),
        (Tag.COUNTER64, "80 00 00 00 00 00 00 00", 1 << 63),
        (Tag.GAUGE32, "80 00 00 00", 1 << 31),
        (Tag.INTEGER, "ff", -1),
        (Tag.INTEGER, "00 80", 128),
        (Tag.INTEGER, "00 00 00 00 01", 1),
        (Tag.TIME_TICKS, "00", 0),
        (Tag.UINTEGER32, "05", 5),
        (0x4B, "01 02", b"\x01\x02"),
        (Tag.OPAQUE, "9f 78 04 41 48 00 00", 12.5),
        (Tag.OPAQUE, "9f 78 04 41 48 00", bytes.fromhex("9f7804414800")),
    ],
)
def test_values_are_read_as_they_are_meant(tag: int, content: str, value: Value) -> None:
    assert decode_response(one_value(tag, bytes.fromhex(content)))[3] == [(NAME, tag, value)]


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (Tag.COUNTER32, ""),
        (Tag.INTEGER, ""),
        (Tag.COUNTER32, "01 00 00 00 00"),
        (Tag.COUNTER64, "01 00 00 00 00 00 00 00 00"),
        (Tag.INTEGER, "01 00 00 00 00"),
        (Tag.OID, "2b 86"),
        (0x5F, "01"),
    ],
)
def test_values_that_cannot_be_are_malformed(tag: int, content: str) -> None:
    with pytest.raises(Malformed):
        decode_response(one_value(tag, bytes.fromhex(content)))


def test_lengths_of_any_form_are_accepted() -> None:
    """Agents write fixed-size long lengths (`82 00 05`); X.690 allows it."""

    def long(tag: int, content: bytes) -> bytes:
        return bytes((tag, 0x84)) + len(content).to_bytes(4, "big") + content

    varbind = long(0x30, long(0x06, NAME) + long(0x41, b"\x07"))
    pdu = long(0x02, b"\x09") + long(0x02, b"\x00") + long(0x02, b"\x00") + long(0x30, varbind * 2)
    data = long(0x30, long(0x02, b"\x01") + long(0x04, b"public") + long(0xA2, pdu))
    assert decode_response(data) == (9, 0, 0, [(NAME, 0x41, 7)] * 2)
    assert decode_response(data + b"padding")[0] == 9


HEAD, COUNTS = b"\x02\x01\x01\x04\x06public", b"\x02\x01\x09\x02\x01\x00\x02\x01\x00"
VARBIND = b"\x30\x07\x06\x02\x2b\x06\x41\x01\x07"


def framed(rows: bytes, after_rows: bytes = b"", after_pdu: bytes = b"") -> bytes:
    """A response whose list of varbinds holds these octets."""
    pdu = ber.tlv(Tag.RESPONSE, COUNTS + ber.tlv(Tag.SEQUENCE, rows) + after_rows)
    return ber.tlv(Tag.SEQUENCE, HEAD + pdu + after_pdu)


@pytest.mark.parametrize(
    "data",
    [
        framed(VARBIND, after_rows=b"\x05\x00"),
        framed(VARBIND, after_pdu=b"\x05\x00"),
        framed(VARBIND + b"\x30"),
        framed(VARBIND + b"\x30\x00"),
        framed(VARBIND + b"\x30\x01\x06"),
        framed(VARBIND[:-1]) + VARBIND[-1:],
        framed(b"\x30\x07\x06\x02\x2b\x86\x41\x01\x07"),
        framed(b"\x30\x06\x06\x02\x2b\x06\x41\x01\x07"),
        framed(b"\x30\x08\x06\x02\x2b\x06\x41\x01\x07\x00"),
        framed(b"\x30\x06\x06\x06\x2b\x06\x01\x02" + b"\x30\x04\x06\x00\x05\x00"),
        framed(b"\x31\x07\x06\x02\x2b\x06\x41\x01\x07"),
        framed(b"\x30\x07\x04\x02\x2b\x06\x41\x01\x07"),
        framed(b"\x30\x06\x06\x02\x2b\x06\x04\x80"),
        framed(b"\x30\x82\x02\x89\x06\x82\x02\x83" + b"\x2b" * 643 + b"\x05\x00"),
    ],
    ids=[
        *("octets after the list", "octets after the PDU", "a lone tag", "an empty varbind", "an OID without length"),
        *("a varbind that leaves the message", "an OID that ends within a sub-identifier", "a varbind too short"),
        *("a varbind too long", "an OID that leaves its varbind", "a SET of values", "a name that is no OID"),
        *("an indefinite length", "an OID too long"),
    ],
)
def test_every_length_inside_a_response_must_fit(data: bytes) -> None:
    assert decode_response(framed(VARBIND)) == (9, 0, 0, [(b"\x2b\x06", Tag.COUNTER32, 7)])
    with pytest.raises(Malformed):
        decode_response(data)


@pytest.mark.parametrize(
    "wrong",
    [
        encode_request(message.get_request([NAME]), Community(message.V2C, b"public"), 1 << 24),
        one_value(Tag.COUNTER32, b"\x01").replace(b"\x02\x01\x01\x04", b"\x02\x01\x03\x04"),
        one_value(Tag.COUNTER32, b"\x01").replace(b"\x04\x06public", b"\x44\x06public"),
    ],
    ids=["an echo of the request", "version 3", "a community of another type"],
)
def test_other_messages_are_no_response(wrong: bytes) -> None:
    with pytest.raises(Malformed):
        decode_response(wrong)


@given(request_ids, st.binary(max_size=300), st.lists(names, max_size=20))
def test_the_request_id_is_found_in_a_quote_that_reaches_it(request_id: int, community: bytes, asked: list[bytes]) -> None:
    """Routers quote as little as eight octets of UDP (RFC 792): then there is no id, and no wrong one either."""
    credential = Community(message.V2C, community)
    data = encode_request(message.get_request(asked), credential, request_id)
    seen = [message.request_id_of(data[:size]) for size in range(len(data) + 1)]
    reached = seen.index(request_id)
    assert set(seen[:reached]) <= {None}
    assert set(seen[reached:]) == {request_id}


@given(oids)
def test_oids_are_encoded_as_pysnmp_does(text: str) -> None:
    raw = oid.encode(text)
    assert ber.tlv(Tag.OID, raw) == encoder.encode(V2.ObjectIdentifier(text))
    assert oid.decode(raw) == text
    assert oid.encode("." + text) == raw


@given(oids, oids)
def test_oids_follow_one_another_by_their_numbers(one: str, other: str) -> None:
    by_number = [int(part) for part in one.split(".")] > [int(part) for part in other.split(".")]
    assert oid.follows(oid.encode(one), oid.encode(other)) == by_number


def test_order_and_subtree_do_not_fall_for_octets() -> None:
    assert oid.follows(oid.encode("1.3.16384"), oid.encode("1.3.16383"))
    assert oid.within(oid.encode("1.3.6.1.2"), oid.encode("1.3.6.1"))
    assert not oid.within(oid.encode("1.3.6.1"), oid.encode("1.3.6.1"))
    assert not oid.within(oid.encode("1.3.6.129"), oid.encode("1.3.6.1"))


@pytest.mark.parametrize("text", ["", "1", "1.40", "3.1", "1.3.x", "1..3", "1.3.-1", "1.3.4294967296", "1.3" + ".1" * 127])
def test_text_that_is_no_oid_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no OID"):
        oid.encode(text)


def test_numbers_inside_opaque_are_found() -> None:
    """The octets are those that net-snmp's `override` of a float, double and counter64 sends."""
    assert ber.opaque_number(bytes.fromhex("9f780441480000")) == 12.5
    assert ber.opaque_number(bytes.fromhex("9f79084029000000000000")) == 12.5
    assert ber.opaque_number(bytes.fromhex("9f760401020304")) == 0x01020304
    assert ber.opaque_number(bytes.fromhex("9f7a01ff")) == -1
    assert ber.opaque_number(b"\x9f\x78\x04\x41") is None
    assert ber.opaque_number(b"text") is None


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Tag.COUNTER32, -1),
        (Tag.COUNTER32, 1 << 32),
        (Tag.INTEGER, 1 << 31),
        (Tag.IP_ADDRESS, b"abc"),
        (Tag.NULL, 0),
        (0x99, 1),
    ],
)
def test_a_value_that_does_not_fit_its_tag_is_not_encoded(tag: int, value: Value) -> None:
    with pytest.raises(ValueError, match="cannot be encoded"):
        ber.encode(tag, value)


def test_secrets_do_not_print() -> None:
    assert "s3cret" not in repr(Community(message.V2C, b"s3cret"))


def test_getbulk_is_not_sent_in_v1() -> None:
    with pytest.raises(Unsupported, match="GETBULK"):
        encode_request(message.get_bulk_request([NAME], 10), Community(message.V1, b"public"), 1 << 24)

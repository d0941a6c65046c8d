"""Messages of SNMPv3: written and read here and by pysnmp, spoilt, and refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pysnmp.proto.api import v2c

from netmon.snmp import ber, oid, v3
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed
from netmon.snmp.message import get_bulk_request, get_request
from netmon.snmp.usm import REPORTABLE, Keys, Usm
from netmon.snmp.v3 import Engine, Report
from tests.snmp import usm_oracle as oracle
from tests.snmp.usm_oracle import AUTHS, ENGINE, PRIVS, user_of

NAME = oid.encode("1.3.6.1.2.1.31.1.1.1.6.1")
EVERY = [("", ""), *((auth, priv) for auth in AUTHS for priv in ("", *PRIVS))]
ids = st.integers(1 << 24, (1 << 31) - 1)
seconds = st.integers(0, (1 << 31) - 1)
users = st.sampled_from([user_of(*each) for each in (("", ""), ("MD5", ""), ("SHA", "AES"), ("SHA-512", "DES"))])


def answer_pdu(value: bytes = b"an answer") -> bytes:
    """The context and the Response that an engine gives, encoded."""
    row = ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + ber.tlv(Tag.OCTET_STRING, value)))
    pdu = ber.tlv(Tag.RESPONSE, b"\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00" + row)
    return ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OCTET_STRING, ENGINE) + b"\x04\x00" + pdu)


def sealed(usm: Usm, pdu: bytes = b"", boots: int = 7, time: int = 4711, msg_id: int = 1 << 24) -> bytes:
    """An answer to this user."""
    return v3.seal(pdu or answer_pdu(), Keys(usm, ENGINE), usm.level, boots, time, msg_id)


@pytest.mark.parametrize(("auth", "priv"), EVERY)
def test_a_request_reads_in_pysnmp_as_it_was_meant(auth: str, priv: str) -> None:
    usm = user_of(auth, priv, context="vlan-7")
    request = get_bulk_request([NAME, NAME[:-1]], 10, 1)
    whole = v3.encode_message(request, usm, Keys(usm, ENGINE), ENGINE, 7, 123456, 0x7FFFFFFF)
    header, parameters, pdu, context = oracle.read(usm, whole)
    assert (int(header[0]), int(header[1]), bytes(header[2]), int(header[3])) == (
        *((1 << 31) - 1, 65507),
        *(bytes((usm.level | REPORTABLE,)), 3),
    )
    assert [bytes(parameters[0]), *map(int, parameters[1:3]), bytes(parameters[3])] == [ENGINE, 7, 123456, b"noc"]
    assert context == b"vlan-7"
    assert pdu.tagSet == v2c.GetBulkRequestPDU.tagSet
    assert list(map(int, pdu[:3])) == [(1 << 31) - 1, 1, 10]
    assert [str(name) for name, _ in v2c.apiBulkPDU.get_varbinds(pdu)] == [
        "1.3.6.1.2.1.31.1.1.1.6.1",
        "1.3.6.1.2.1.31.1.1.1.6",
    ]


@pytest.mark.parametrize(("auth", "priv"), EVERY)
def test_an_answer_of_pysnmp_reads_as_it_was_meant(auth: str, priv: str) -> None:
    usm = user_of(auth, priv)
    pdu = v2c.ResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, 0x01020304)
    v2c.apiPDU.set_varbinds(pdu, [(oid.decode(NAME), v2c.OctetString(b"x" * 200))])
    whole = oracle.write(usm, oracle.scoped_pdu(pdu), 7, 4711, 0x01020304)
    keys = Keys(usm, ENGINE)
    envelope = v3.open_envelope(whole + b"what follows is not looked at")
    assert envelope == v3._open_envelope(whole)
    assert envelope[:6] == (0x01020304, usm.level, ENGINE, 7, 4711, b"noc")
    assert v3.authentic(whole, envelope, keys) == bool(auth)
    scoped = v3.scoped(whole, envelope, keys)
    v3.check_answer(envelope, scoped, usm, ENGINE)
    assert scoped[1:4] == (ENGINE, b"", Tag.RESPONSE)
    assert scoped.data[scoped.at : scoped.at + 6] == b"\x02\x04\x01\x02\x03\x04"
    assert scoped.data[: scoped.end].endswith(b"\x04\x81\xc8" + b"x" * 200)


def test_a_discovery_asks_nothing_in_nobodys_name() -> None:
    """RFC 3414 section 4: no engine id, no user, no varbinds, noAuthNoPriv, reportable."""
    whole = v3.encode_discovery(0x01020304)
    assert whole.hex(" ") == (
        "30 3e 02 01 03 30 11 02 04 01 02 03 04 02 03 00 ff e3 04 01 04 02 01 03 04 10 30 0e 04 00 02 01 00 02 01 00 "
        "04 00 04 00 04 00 30 14 04 00 04 00 a0 0e 02 04 01 02 03 04 02 01 00 02 01 00 30 00"
    )


@given(
    users,
    st.binary(max_size=40),
    st.lists(st.sampled_from([NAME, NAME * 9]), max_size=30),
    *(seconds, seconds, ids),
)
def test_what_is_sealed_opens_again(
    usm: Usm, engine_id: bytes, names: list[bytes], boots: int, time: int, msg_id: int
) -> None:
    """Whatever the lengths are, by the book and by the short way."""
    keys = Keys(usm, engine_id)
    whole = v3.encode_message(get_request(names), usm, keys, engine_id, boots, time, msg_id)
    envelope = v3.open_envelope(whole)
    assert envelope == v3._open_envelope(whole)
    level = usm.level | REPORTABLE
    assert envelope[:6] == (msg_id, level, engine_id, boots, time, b"noc")
    assert v3.authentic(whole, envelope, keys) == bool(usm.level)
    scoped = v3.scoped(whole, envelope, keys)
    content = msg_id.to_bytes(4, "big") + get_request(names).after_id
    assert scoped[1:4] == (engine_id, b"", Tag.GET)
    assert scoped.data[scoped.at : scoped.end] == b"\x02\x04" + content


@given(users, st.integers(0), st.integers(1, 255))
def test_no_octet_of_a_signed_message_can_be_changed(usm: Usm, place: int, by: int) -> None:
    """It opens no more, or is not authentic: nobody on the way can put words into an agent's mouth."""
    assume(usm.level)
    whole = bytearray(sealed(usm))
    whole[place % len(whole)] ^= by
    spoilt = bytes(whole)
    try:
        envelope = v3.open_envelope(spoilt)
    except Malformed:
        return
    assert not v3.authentic(spoilt, envelope, Keys(usm, ENGINE))


octets = st.sampled_from([*range(8), 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF])
spoilings = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "put"]), st.integers(0), octets),
    max_size=4,
)


@given(users, spoilings, st.binary(max_size=60))
@example(user_of(""), [], b"")
def test_whatever_comes_is_read_alike_by_both_ways_or_is_malformed(
    usm: Usm, spoilings: list[tuple[str, int, int]], rest: bytes
) -> None:
    """The short way takes nothing that the book refuses and finds nothing else in what it takes."""
    data = bytearray(sealed(usm) if spoilings else rest)
    for what, place, octet in spoilings:
        place %= max(len(data), 1)
        if what == "set":
            data[place : place + 1] = bytes((octet,))
        elif what == "cut":
            del data[place]
        else:
            data.insert(place, octet)
    try:
        envelope = v3._open_envelope(bytes(data))
    except Malformed:
        with pytest.raises(Malformed):
            v3.open_envelope(bytes(data))
        return
    assert v3.open_envelope(bytes(data)) == envelope
    keys = Keys(usm, ENGINE)
    v3.authentic(bytes(data), envelope, keys)
    try:
        found = v3.scoped(bytes(data), envelope, keys)
    except Malformed:
        return
    assert 0 < found.at <= found.end <= len(found.data)


def test_each_octet_may_have_any_value_and_both_ways_agree() -> None:
    whole = sealed(user_of("SHA"))
    for place in range(len(whole)):
        for octet in range(256):
            data = b"%b%c%b" % (whole[:place], octet, whole[place + 1 :])
            try:
                found = v3._open_envelope(data)
            except Malformed:
                found = None
            try:
                assert v3.open_envelope(data) == found
            except Malformed:
                assert found is None


@given(st.sampled_from(sorted(PRIVS)), st.binary(max_size=200))
def test_a_wrong_privacy_key_is_told_from_garbage(priv: str, value: bytes) -> None:
    usm = user_of("SHA", priv)
    whole = sealed(usm, answer_pdu(value))
    other = Keys(user_of("SHA", priv, priv_key="another password"), ENGINE)
    envelope = v3.open_envelope(whole)
    assert v3.authentic(whole, envelope, other)
    with pytest.raises(Malformed, match="cannot be decrypted: the privacy key or protocol is wrong"):
        v3.scoped(whole, envelope, other)


def test_what_has_no_keys_or_is_no_scoped_pdu_cannot_be_read() -> None:
    whole = sealed(user_of("SHA", "AES"))
    with pytest.raises(Malformed, match="there is no key"):
        v3.scoped(whole, v3.open_envelope(whole), None)
    with pytest.raises(Malformed, match="indefinite"):
        v3.open_envelope(sealed(user_of(""), b"\x30\x80"))
    plain = sealed(user_of(""), b"\x30\x03\x04\x01\x00")
    with pytest.raises(Malformed, match=r"^The message ends at octet \d+ where a tag and a length are due"):
        v3.scoped(plain, v3.open_envelope(plain), None)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("020103 3011", "020101 3011", "version 1, not SNMPv3's 3"),
        ("0401 00 020103", "0401 02 020103", "flags"),
        ("0401 00 020103", "0401 00 020102", "security model 2"),
        ("0202 1267", "0202 8267", "not from 0 to 2"),
    ],
)
def test_what_is_no_message_of_the_user_based_model_says_why(old: str, new: str, words: str) -> None:
    whole = sealed(user_of(""))
    assert whole.count(bytes.fromhex(old)) == 1
    with pytest.raises(Malformed, match=words):
        v3.open_envelope(whole.replace(bytes.fromhex(old), bytes.fromhex(new)))


@pytest.mark.parametrize(
    ("usm", "engine_id", "words"),
    [
        (user_of("SHA"), ENGINE, "security level of the request, authNoPriv"),
        (user_of("SHA", "AES"), ENGINE + b"\0", "another engine"),
        (user_of("SHA", "AES", user="root"), ENGINE, "another user"),
        (user_of("SHA", "AES", context="vlan-7"), ENGINE, "another context"),
    ],
)
def test_an_answer_must_be_to_what_was_asked(usm: Usm, engine_id: bytes, words: str) -> None:
    """RFC 3412 section 7.2.12; a downgraded answer above all."""
    whole = sealed(user_of("SHA", "AES"))
    envelope = v3.open_envelope(whole)
    scoped = v3.scoped(whole, envelope, Keys(user_of("SHA", "AES"), ENGINE))
    with pytest.raises(Malformed, match=words):
        v3.check_answer(envelope, scoped, usm, engine_id)


def test_a_signature_is_of_a_user_who_signs_and_of_a_message_that_says_so() -> None:
    signed, plain = sealed(user_of("SHA")), sealed(user_of(""))
    assert not v3.authentic(signed, v3.open_envelope(signed), Keys(user_of(""), ENGINE))
    assert not v3.authentic(plain, v3.open_envelope(plain), Keys(user_of("SHA"), ENGINE))
    assert not v3.authentic(signed, v3.open_envelope(signed), Keys(user_of("SHA-256"), ENGINE))


def test_an_engines_time_goes_on_by_our_clock_and_past_its_end_into_the_next_boot() -> None:
    """RFC 3414 section 2.2.1; the last boot has no next one."""
    engine = Engine(ENGINE, 7, 100, 5000.0)
    assert engine.now(5000.9) == (7, 100)
    assert engine.now(5061.0) == (7, 161)
    engine.time = (1 << 31) - 1
    assert engine.now(5000.0) == (7, (1 << 31) - 1)
    assert engine.now(5001.0) == (8, 0)
    engine.boots = (1 << 31) - 1
    assert engine.now(5001.0) == ((1 << 31) - 1, 0)


def test_each_report_has_a_sentence_of_its_own_without_a_secret() -> None:
    usm = user_of("SHA-256", "AES", context="vlan-7")
    told = {report: v3.explain(report, usm, "192.0.2.1:161") for report in (*Report, None)}
    assert len(set(told.values())) == len(Report) + 1 == 11
    for text in told.values():
        assert text.startswith("192.0.2.1:161 ")
        assert text.endswith(".")
        assert oracle.AUTH_KEY not in text
        assert oracle.PRIV_KEY not in text
    assert "'noc': create it there" in told[Report.UNKNOWN_USER_NAME]
    assert "authentication key or protocol (SHA-256) is wrong" in told[Report.WRONG_DIGEST]
    assert "privacy key or protocol (AES) is wrong" in told[Report.DECRYPTION_ERROR]
    assert "authPriv" in told[Report.UNSUPPORTED_SEC_LEVEL]
    assert "'vlan-7'" in told[Report.UNKNOWN_CONTEXT]
    assert v3.REPORTS[oid.encode("1.3.6.1.6.3.15.1.1.2.0")] is Report.NOT_IN_TIME_WINDOW

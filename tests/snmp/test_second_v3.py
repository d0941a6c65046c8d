"""pysnmp's SNMPv3 beside ours: the same octets go out, the same answer comes in, and what is spoilt is spoilt for both."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netmon.snmp import ber, message, second, second_v3, usm, v3
from netmon.snmp.authority import Authority
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed
from netmon.snmp.message import VarBind, encode_response
from netmon.snmp.second import PysnmpClient
from netmon.snmp.target import Target
from netmon.snmp.usm import PRIV, Usm
from netmon.snmp.v3 import Envelope
from tests.snmp.agent import UPTIME
from tests.snmp.agent_v3 import AgentV3, honest, pdu, sealed
from tests.snmp.test_codec import names, request_ids, varbinds
from tests.snmp.usm_oracle import AUTHS, ENGINE, PRIVS, user_of

EVERY = [user_of(""), *(user_of(auth, priv) for auth in AUTHS for priv in ("", *PRIVS))]
PLAIN, FULL = user_of(""), user_of("SHA", "AES")
MSG_ID = 0x01020304
seconds = st.integers(0, (1 << 31) - 1)
users = st.sampled_from(EVERY)


def id_of(credential: Usm) -> str:
    return f"{credential.auth_protocol or 'none'}/{credential.priv_protocol or 'none'}"


def revealed(whole: bytes, keys: usm.Keys) -> tuple[Envelope, bytes]:
    """What stands around a message, but for what chance has put there, and its scoped PDU without padding: of DES a whole
    block may be padding or none, and then the lengths before it take another octet, and all behind them stands elsewhere."""
    envelope = v3.open_envelope(whole)
    scoped = v3.scoped(whole, envelope, keys)
    around = envelope._replace(salt=b"", end=0, at=0, mac_at=0, mac_end=envelope.mac_end - envelope.mac_at)
    return around, scoped.data[scoped.data.index(keys.context) : scoped.end]


@given(
    *(users, st.binary(max_size=32), st.lists(names, max_size=20), st.integers(0, 500), seconds, seconds, request_ids),
    st.sampled_from(["", "vlan-7"]),
)
@example(PLAIN, bytes(32), [], 0, 0, 0, MSG_ID, "")
@example(user_of("SHA"), b"\x80" + bytes(31), [], 0, 0, 0, MSG_ID, "")
@example(user_of("SHA-512", "AES"), b"\x80" + bytes(31), [], 0, 0, 0, MSG_ID, "")
@example(user_of("SHA-384", "DES"), b"", [b"\x00", b"\x00\x81\x00\xff,"], 0, 0, 0, MSG_ID, "")  # around a length of 128
def test_both_engines_write_the_same(
    credential: Usm, engine_id: bytes, asked: list[bytes], count: int, boots: int, at: int, msg_id: int, context: str
) -> None:
    """Octet for octet where nothing is encrypted, and behind it where it is: also where an engine id looks like the place
    of a signature."""
    credential = replace(credential, context=context)
    ours, theirs = usm.Keys(credential, engine_id), second_v3.Keys(credential, engine_id)
    for request in (
        message.get_request(asked),
        message.get_next_request(asked),
        message.get_bulk_request(asked, count, count // 7),
    ):
        written = v3.encode_message(request, credential, ours, engine_id, boots, at, msg_id)
        by_pysnmp = second.encode_request_v3(request, theirs, boots, at, msg_id)
        if not credential.level & PRIV:
            assert by_pysnmp == written
            continue
        assert v3.authentic(by_pysnmp, v3.open_envelope(by_pysnmp), ours)
        assert v3.authentic(written, v3.open_envelope(written), theirs)
        assert revealed(by_pysnmp, ours) == revealed(written, theirs)


def test_both_engines_ask_alike_who_is_there() -> None:
    assert second.encode_discovery(MSG_ID) == v3.encode_discovery(MSG_ID)


Read = tuple[int, int, int, list[VarBind]]


def read_by_ours(data: bytes, credential: Usm) -> Read:
    """What the first engine makes of a message; Malformed."""
    keys = usm.keys(credential, ENGINE)
    envelope = v3.open_envelope(data)
    if envelope.flags & usm.AUTH and not v3.authentic(data, envelope, keys):
        raise Malformed("not signed")
    scoped = v3.scoped(data, envelope, keys)
    opened = message.open_pdu(scoped.data, scoped.at, scoped.end)
    return opened.request_id, opened.error_status, opened.error_index, message.read_varbinds(opened)


def read_by_pysnmp(data: bytes, credential: Usm) -> Read:
    """What the second engine makes of it; Malformed."""
    keys = second_v3.keys(credential, ENGINE)
    envelope = v3.open_envelope(data)
    if envelope.flags & usm.AUTH and not v3.authentic(data, envelope, keys):
        raise Malformed("not signed")
    return second.decode_scoped(data, envelope, v3.scoped(data, envelope, keys))


@pytest.mark.parametrize("credential", EVERY, ids=id_of)
def test_both_engines_get_the_same_answer_from_an_engine(credential: Usm) -> None:
    """Asked by either, read by either: three answers that are one."""
    rows = [(UPTIME, Tag.TIME_TICKS, 4711), (UPTIME[:-1], Tag.OCTET_STRING, "xã Đàm Thủy".encode()), (UPTIME, 0x81, None)]
    authority = Authority(ENGINE, 7, [credential])
    request = message.get_request([UPTIME])
    questions = [
        v3.encode_message(request, credential, None, ENGINE, 7, 0, MSG_ID),
        second.encode_request_v3(request, second_v3.keys(credential, ENGINE), 7, 0, MSG_ID),
    ]
    for question in questions:
        answer = authority.answer(question, 0.0, lambda query: encode_response(query, rows))
        assert answer is not None
        for read in (read_by_ours, read_by_pysnmp):
            assert read(answer, credential) == (MSG_ID, 0, 0, [VarBind(*row) for row in rows])


@given(users, varbinds, request_ids, st.sampled_from([Tag.RESPONSE, Tag.REPORT]))
def test_both_engines_read_the_same(credential: Usm, rows: list[VarBind], msg_id: int, tag: Tag) -> None:
    data = sealed(credential, pdu(tag, msg_id, rows), msg_id)
    assert read_by_pysnmp(data, credential) == read_by_ours(data, credential) == (msg_id, 0, 0, rows)


def alike(data: bytes, credential: Usm) -> bool:
    """Whether pysnmp's engine read what ours reads; False when it refuses. Neither raises anything but Malformed."""
    try:
        found: Read | None = read_by_ours(data, credential)
    except Malformed:
        found = None
    try:
        second_opinion = read_by_pysnmp(data, credential)
    except Malformed:
        return False
    assert second_opinion == found
    return True


damages = st.lists(
    st.tuples(st.integers(0), st.one_of(st.sampled_from([1 << n for n in range(8)]), st.integers(0, 255))), max_size=4
)


def damaged(data: bytes, damages: list[tuple[int, int]]) -> bytes:
    """With some octets changed."""
    spoilt = bytearray(data)
    for place, by in damages:
        spoilt[place % len(spoilt)] ^= by
    return bytes(spoilt)


@given(users, varbinds, damages)
def test_a_message_spoilt_on_its_way_is_read_alike_or_malformed(
    credential: Usm, rows: list[VarBind], damages: list[tuple[int, int]]
) -> None:
    whole = sealed(credential, pdu(Tag.RESPONSE, MSG_ID, rows), MSG_ID)
    spoilt = damaged(whole, damages)
    read = alike(spoilt, credential)
    assert read or spoilt != whole
    assert not read or not credential.level or spoilt == whole, "no octet of a signed message can be changed"


@given(st.sampled_from([PLAIN, FULL]), varbinds, damages)
def test_what_an_agent_spoils_before_it_signs_is_read_alike_or_malformed(
    credential: Usm, rows: list[VarBind], damages: list[tuple[int, int]]
) -> None:
    alike(sealed(credential, damaged(pdu(Tag.RESPONSE, MSG_ID, rows), damages), MSG_ID), credential)


NAME = ber.tlv(Tag.OID, UPTIME)


def inside(rows: bytes) -> bytes:
    """A Response with these octets for its varbinds."""
    return ber.tlv(Tag.RESPONSE, b"\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00" + ber.tlv(Tag.SEQUENCE, rows))


def nested(depth: int) -> bytes:
    value = b"\x05\x00"
    for _ in range(depth):
        value = ber.tlv(0x24, value)
    return ber.tlv(Tag.SEQUENCE, NAME + value)


@pytest.mark.parametrize("credential", [PLAIN, FULL], ids=id_of)
@pytest.mark.parametrize(
    "rows",
    [
        nested(3000),
        ber.tlv(Tag.SEQUENCE, NAME + ber.tlv(0x24, b"\x04\x00" * 30_000)),
        ber.tlv(Tag.SEQUENCE, NAME + b"\x05\x00") * 4000,
        ber.tlv(Tag.SEQUENCE, NAME + ber.tlv(Tag.INTEGER, b"\x7f" * 60_000)),
        ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, b"\x01" * 60_000) + b"\x05\x00"),
    ],
    ids=["values nested deep", "a string of 30,000 strings", "4,000 varbinds", "a number without end", "an endless name"],
)
def test_what_could_keep_pysnmp_busy_is_malformed_soon(credential: Usm, rows: bytes) -> None:
    data = sealed(credential, inside(rows), MSG_ID)
    before = time.process_time()
    with pytest.raises(Malformed):
        read_by_pysnmp(data, credential)
    assert time.process_time() - before < 1.0


def test_pysnmp_must_read_the_same_around_the_pdu() -> None:
    """Whatever ours took for the engine, the user or the context is what pysnmp takes for it."""
    data = sealed(FULL, pdu(Tag.RESPONSE, MSG_ID, []), MSG_ID)
    keys = second_v3.keys(FULL, ENGINE)
    envelope = v3.open_envelope(data)
    scoped = v3.scoped(data, envelope, keys)
    assert second.decode_scoped(data, envelope, scoped) == (MSG_ID, 0, 0, [])
    for other in (
        *({"msg_id": 1}, {"flags": 0x13}, {"engine_id": b"x"}, {"boots": 1}, {"time": 1}, {"user": b"x"}, {"salt": b"x"}),
    ):
        with pytest.raises(Malformed, match="otherwise"):
            second.decode_scoped(data, envelope._replace(**other), scoped)
    for other in ({"context_engine_id": b"x"}, {"context": b"x"}, {"pdu": Tag.REPORT}):
        with pytest.raises(Malformed, match="otherwise"):
            second.decode_scoped(data, envelope, scoped._replace(**other))


def test_what_pysnmp_cannot_decrypt_is_told_as_ours_tells_it() -> None:
    data = sealed(FULL, pdu(Tag.RESPONSE, MSG_ID, []), MSG_ID)
    envelope = v3.open_envelope(data)
    for keys in (
        second_v3.keys(user_of("SHA", "AES", priv_key="another key"), ENGINE),
        second_v3.keys(user_of("SHA"), ENGINE),
    ):
        with pytest.raises(Malformed, match="cannot be decrypted: the privacy key or protocol is wrong"):
            v3.scoped(data, envelope, keys)
    with pytest.raises(Malformed, match="cannot be decrypted"):
        v3.scoped(data, envelope._replace(salt=b"short"), second_v3.keys(FULL, ENGINE))
    with pytest.raises(Malformed, match="cannot be decrypted"):
        v3.scoped(data, envelope._replace(end=envelope.end - 1), second_v3.keys(user_of("SHA", "DES"), ENGINE))


# --- in conversation --------------------------------------------------------------------------------------------------

StartV3 = Callable[..., Awaitable[AgentV3]]
REQUEST = message.get_request([UPTIME])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What pysnmp was given to read, in order."""
    given: list[bytes] = []
    decode = second_v3.read_pdu

    def noting(data: bytes, *around: Any) -> Any:
        given.append(data)
        return decode(data, *around)

    monkeypatch.setattr(second_v3, "read_pdu", noting)
    return given


async def test_an_answer_that_pysnmp_cannot_read_is_read_once_an_attempt(agent_v3: StartV3, read: list[bytes]) -> None:
    def insisting(agent: AgentV3, data: bytes, source: Any) -> None:
        msg_id = v3.open_envelope(data).msg_id
        if len(agent.datagrams) == 2:
            bad = inside(ber.tlv(Tag.SEQUENCE, NAME + b"\x4b\x00")).replace(b"\x01\x02\x03\x04", msg_id.to_bytes(4))
            for _ in range(50):
                agent.send(sealed(FULL, bad, msg_id), source)
        else:
            honest(agent, data, source)

    there = await agent_v3(insisting)
    async with PysnmpClient() as client:
        response = await client.ask(Target(there.address, there.port, FULL, 0.3, 1), REQUEST)
        assert (response.attempts, response.values, len(read)) == (2, [4711], 3)
        assert (client.stats.strays["malformed"], client.stats.strays["late"]) == (1, 49)


async def test_what_is_not_the_agent_s_own_is_not_read(agent_v3: StartV3, read: list[bytes]) -> None:
    """Neither what strangers send nor what is not signed, is to nobody, or to another user."""

    def besieged(agent: AgentV3, data: bytes, source: Any) -> None:
        msg_id = v3.open_envelope(data).msg_id
        for credential in (PLAIN, user_of("SHA", "AES", auth_key="another key"), user_of("SHA", "AES", user="root")):
            agent.send(sealed(credential, pdu(Tag.RESPONSE, msg_id, []), msg_id), source)
        stranger.send(agent.reply(data), source)
        agent.send(sealed(FULL, pdu(Tag.RESPONSE, msg_id, []), 5), source)
        honest(agent, data, source)

    there = await agent_v3()
    stranger = await agent_v3(address="127.0.0.2", port=there.port)
    async with PysnmpClient() as client:
        target = Target(there.address, there.port, FULL, 10.0, 0)
        await client.ask(target, REQUEST)
        there.answer = besieged
        assert (await client.ask(target, REQUEST)).values == [4711]
        assert client.stats.strays == {"late": 1, "source": 1, "malformed": 3}
    assert len(read) == 3  # the Report that told the engine, and two answers

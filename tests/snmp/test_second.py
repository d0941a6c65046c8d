"""pysnmp as the second engine: it writes and reads what the first does, and nothing can keep it busy."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp import ber, message, oid, second
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed, Refused, Unsupported
from netmon.snmp.message import V1, V2C, Community, Query, VarBind, encode_response, outline_response
from netmon.snmp.second import PysnmpClient
from netmon.snmp.target import Target
from tests.snmp.agent import UPTIME, Agent, silent, ticks, uptime
from tests.snmp.test_codec import NAME, QUERY, framed, names, one_value, request_ids, varbinds

StartAgent = Callable[..., Awaitable[Agent]]
REQUEST = message.get_request([UPTIME])
V2C_ONLY = (Tag.COUNTER64, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW)


def target_of(agent: Agent, timeout_s: float = 5.0, retries: int = 0) -> Target:
    return Target(agent.address, agent.port, Community(V2C, b"public"), timeout_s, retries)


@pytest.mark.parametrize("version", [V1, V2C])
@given(
    request_id=request_ids, community=st.binary(max_size=200), asked=st.lists(names, max_size=30), count=st.integers(0, 500)
)
def test_both_engines_write_the_same_octets(
    version: int, request_id: int, community: bytes, asked: list[bytes], count: int
) -> None:
    requests = [message.get_request(asked), message.get_next_request(asked)]
    if version == V2C:
        requests.append(message.get_bulk_request(asked, count, count // 7))
    for request in requests:
        spoken = (request, Community(version, community), request_id)
        assert second.encode_request(*spoken) == message.encode_request(*spoken)


@pytest.mark.parametrize("version", [V1, V2C])
@given(request_id=request_ids, rows=varbinds, status=st.integers(0, 18), index=st.integers(0, 300))
def test_both_engines_read_the_same_answer(
    version: int, request_id: int, rows: list[VarBind], status: int, index: int
) -> None:
    """An index that points past the varbinds too: agents leave them out of an error."""
    if version == V1:
        rows = [row for row in rows if row.tag not in V2C_ONLY]
    data = encode_response(QUERY._replace(version=version, request_id=request_id), rows, status, index)
    assert outline_response(data) == (version, request_id, len(rows))
    assert second.decode_response(data, version) == message.decode_response(data) == (request_id, status, index, rows)


@given(rows=varbinds, data=st.data())
def test_a_damaged_answer_is_read_as_the_first_engine_reads_it_or_is_malformed(
    rows: list[VarBind], data: st.DataObject
) -> None:
    damaged = bytearray(encode_response(QUERY, rows))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        outline = outline_response(bytes(damaged))
        answer = second.decode_response(bytes(damaged), second.outlined(bytes(damaged)))
    except Malformed:
        return
    assert answer == message.decode_response(bytes(damaged))
    assert (outline.request_id, outline.varbinds) == (answer[0], len(answer[3]))


@pytest.mark.parametrize(
    "data",
    [
        one_value(Tag.COUNTER32, b"\xff"),
        one_value(Tag.INTEGER, b"\x00\x80\x00\x00\x00"),
        one_value(Tag.COUNTER64, b"\x07").replace(b"\x02\x01\x01\x04", b"\x02\x01\x00\x04"),
        one_value(Tag.NO_SUCH_OBJECT, b"").replace(b"\x02\x01\x01\x04", b"\x02\x01\x00\x04"),
        one_value(Tag.UINTEGER32, b"\x07"),
        one_value(Tag.OID, b""),
        one_value(Tag.OID, b"\x2b\x80\x01"),
        encode_response(QUERY, [], message.GEN_ERR, -1),
    ],
    ids=[
        *("a negative counter", "a large INTEGER", "a Counter64 in v1", "an exception in v1", "an unknown type"),
        *("an empty OID", "an OID with leading zeros", "a negative error-index"),
    ],
)
def test_what_only_the_first_engine_forgives_is_malformed_in_one_sentence(data: bytes) -> None:
    message.decode_response(data)
    with pytest.raises(Malformed) as refused:
        second.decode_response(data, outline_response(data).version)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("tag", [Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS, Tag.COUNTER64])
def test_a_number_without_octets_which_pysnmp_takes_for_0_is_malformed(tag: Tag) -> None:
    data = one_value(tag, b"")
    assert second.decode_response(data, V2C)[3][0].value == 0
    for read in (second.outlined, message.decode_response):
        with pytest.raises(Malformed, match="has no octets"):
            read(data)


def nested(depth: int) -> bytes:
    value = b"\x05\x00"
    for _ in range(depth):
        value = ber.tlv(0x24, value)
    return framed(ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + value))


@pytest.mark.parametrize(
    "data",
    [
        nested(1),
        nested(5000),
        one_value(0x24, b"\x04\x00" * 30_000),
        framed(ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, b"\x01" * 60_000) + b"\x05\x00")),
        framed(b"\x30\x80\x06\x01\x2b\x24\x80" + b"\x24\x80" * 1000),
    ],
    ids=["a value of values", "values nested deep", "a string of 30,000 strings", "an endless name", "lengths without end"],
)
def test_what_could_lead_pysnmp_astray_has_no_outline(data: bytes) -> None:
    with pytest.raises(Malformed):
        outline_response(data)


@pytest.mark.parametrize(
    "rows",
    [
        ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + ber.tlv(Tag.COUNTER64, b"\x01")) * second.MOST_VARBINDS,
        ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + ber.tlv(Tag.INTEGER, b"\x7f" * 64_000)),
        ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + ber.tlv(Tag.OID, b"\xff" * 63_999 + b"\x01")),
        ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, NAME) + ber.tlv(Tag.OID, b"\x01" * 64_000)),
    ],
    ids=["many varbinds", "a number without end", "a sub-identifier without end", "an OID of 64,000 sub-identifiers"],
)
def test_the_worst_answer_with_an_outline_is_done_with_soon(rows: bytes) -> None:
    """Some 70 ms as measured."""
    data = framed(rows)
    outline = outline_response(data)
    before = time.process_time()
    with suppress(Malformed):
        second.decode_response(data, outline.version)
    assert time.process_time() - before < 1.0


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What pysnmp was given to read, in order."""
    given: list[bytes] = []
    decode = second.decode_response

    def noting(data: bytes, version: int) -> tuple[int, int, int, list[VarBind]]:
        given.append(data)
        return decode(data, version)

    monkeypatch.setattr(second, "decode_response", noting)
    return given


async def test_an_answer_that_pysnmp_cannot_read_is_read_once_an_attempt(agent: StartAgent, read: list[bytes]) -> None:
    """A device that goes on sending it costs no more; the next attempt may bring a better one."""

    def insisting(agent: Agent, query: Query, source: Any) -> None:
        if len(agent.queries) == 1:
            for _ in range(50):
                agent.transport.sendto(
                    one_value(0x4B, b"x").replace(bytes((1, 2, 3, 4)), query.request_id.to_bytes(4)), source
                )
        else:
            uptime(agent, query, source)

    async with PysnmpClient() as client:
        response = await client.ask(target_of(await agent(insisting), timeout_s=0.3, retries=1), REQUEST)
        assert (response.attempts, response.varbinds[0].value, len(read)) == (2, 4711, 2)
        assert (client.stats.strays["malformed"], client.stats.strays["late"]) == (1, 49)


async def test_an_answer_that_stays_unreadable_is_named(agent: StartAgent) -> None:
    def unreadable(agent: Agent, query: Query, source: Any) -> None:
        agent.transport.sendto(one_value(0x4B, b"x").replace(bytes((1, 2, 3, 4)), query.request_id.to_bytes(4)), source)

    async with PysnmpClient() as client:
        with pytest.raises(Malformed, match=r"answered GET of 1\.3\.6\.1\.2\.1\.1\.3\.0 .*pysnmp cannot read it"):
            await client.ask(target_of(await agent(unreadable), timeout_s=0.1), REQUEST)
        assert client.pending == {}


async def test_more_varbinds_than_netmon_asks_for_are_not_read(agent: StartAgent, read: list[bytes]) -> None:
    def flooding(agent: Agent, query: Query, source: Any) -> None:
        rows = [(UPTIME, Tag.NULL, None)] * (second.MOST_VARBINDS + 1)
        agent.transport.sendto(encode_response(query, rows), source)

    async with PysnmpClient() as client:
        with pytest.raises(Malformed, match="1001 varbinds"):
            await client.ask(target_of(await agent(flooding), timeout_s=0.2), REQUEST)
    assert read == []


async def test_what_strangers_send_is_not_read(agent: StartAgent, read: list[bytes]) -> None:
    there, stranger = await agent(silent), await agent(silent)

    def elsewhere(agent: Agent, query: Query, source: Any) -> None:
        stranger.transport.sendto(ticks(query), source)
        stranger.transport.sendto(ticks(query._replace(request_id=5)), source)

    there.answer = elsewhere
    async with PysnmpClient() as client:
        with pytest.raises(Refused, match=f"127.0.0.1:{stranger.port} answered"):
            await client.ask(target_of(there, timeout_s=0.2), REQUEST)
        assert (client.stats.strays["source"], client.stats.strays["late"]) == (1, 1)
    assert read == []


def test_getbulk_is_not_sent_in_v1() -> None:
    with pytest.raises(Unsupported, match="GETBULK"):
        second.encode_request(message.get_bulk_request([NAME], 10), Community(V1, b"public"), 1 << 24)


def test_pysnmp_is_imported_only_by_whoever_wants_it() -> None:
    """It costs time and memory that a daemon without such a device does not spend."""
    program = (
        "import sys, netmon.snmp, netmon.pollers.snmp; before = 'pysnmp' in sys.modules; "
        "import netmon.snmp.second; print(before, 'pysnmp' in sys.modules, 'pysnmp.hlapi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "False True False\n"


@pytest.mark.parametrize("text", ["0.0", "0.39", "1.0", "1.39", "2.0", "2.39", "2.40", "2.999.3"])
def test_the_two_arcs_of_the_first_octets_come_back_as_they_went(text: str) -> None:
    content = oid.encode(text)
    data = encode_response(QUERY, [(content, Tag.OID, content)])
    assert second.decode_response(data, V2C)[3] == [VarBind(content, Tag.OID, content)]

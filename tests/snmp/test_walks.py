"""Walks over agents that end, lie, tire and fall silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netmon.snmp import oid, walks
from netmon.snmp.ber import Tag, Value
from netmon.snmp.client import Client
from netmon.snmp.errors import Malformed, Silent
from netmon.snmp.message import GEN_ERR, NO_SUCH_NAME, TOO_BIG, V1, V2C, Community, Query, encode_response
from netmon.snmp.target import Target
from netmon.snmp.walks import walk
from tests.snmp.agent import Agent, Mib, silent, successors

StartAgent = Callable[..., Awaitable[Agent]]
INDEX, DESCR, AFTER = (oid.encode(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 2, 3))
INDEXES = (1, 2, 127, 128, 129, 255, 256, 16383, 16384, 2097151, 2097152, 1 << 31)


def table(rows: tuple[int, ...] = INDEXES) -> dict[bytes, tuple[int, Value]]:
    """Two columns, the second with every other row, and something behind them."""
    mib: dict[bytes, tuple[int, Value]] = {INDEX + oid.encode_arcs((n,)): (Tag.INTEGER, n & 0xFFFF) for n in rows}
    mib |= {DESCR + oid.encode_arcs((n,)): (Tag.OCTET_STRING, b"port %d" % n) for n in rows[::2]}
    return mib | {AFTER + b"\x01": (Tag.INTEGER, 6)}


def serving(mib: Mib, most: int = 10_000) -> Callable[[Agent, Query, Any], None]:
    """Answers from a MIB; more than `most` varbinds are too big."""

    def answer(agent: Agent, query: Query, source: Any) -> None:
        rows = successors(mib, query)
        if len(rows) > most:
            agent.transport.sendto(encode_response(query, [], TOO_BIG), source)
        elif query.version == V1 and any(tag == Tag.END_OF_MIB_VIEW for _, tag, _ in rows):
            at = [tag for _, tag, _ in rows].index(Tag.END_OF_MIB_VIEW)
            same = [(name, Tag.NULL, None) for name in query.oids]
            agent.transport.sendto(encode_response(query, same, NO_SUCH_NAME, at + 1), source)
        else:
            agent.transport.sendto(encode_response(query, rows), source)

    return answer


def target_of(agent: Agent, version: int = V2C, timeout_s: float = 5.0) -> Target:
    return Target(agent.address, agent.port, Community(version, b"public"), timeout_s, 0)


def indexes(found: walks.Walk, column: bytes) -> list[int]:
    return [oid.arcs(suffix)[0] for suffix in found.rows[column]]


@pytest.mark.parametrize("version", [V1, V2C])
@pytest.mark.parametrize("repetitions", [1, 3, 50])
async def test_columns_of_different_length_are_read_to_their_ends(
    client: Client, agent: StartAgent, version: int, repetitions: int
) -> None:
    """Indexes whose encodings grow by an octet among them, where comparing octets would see an agent going backwards."""
    there = await agent(serving(table()))
    found = await walk(client, target_of(there, version), [INDEX, DESCR, AFTER], max_repetitions=repetitions)
    assert (found.complete, found.reason) == (True, "")
    assert indexes(found, INDEX) == list(INDEXES)
    assert indexes(found, DESCR) == list(INDEXES[::2])
    assert found.rows[DESCR][b"\x01"].value == b"port 1"
    assert indexes(found, AFTER) == [1]


async def test_an_empty_table_is_complete(client: Client, agent: StartAgent) -> None:
    there = await agent(serving({}))
    found = await walk(client, target_of(there), [INDEX])
    assert (found.rows, found.complete, found.reason) == ({INDEX: {}}, True, "")


@pytest.mark.parametrize("most", [1, 2, 7])
async def test_too_big_is_asked_again_in_smaller_pieces(client: Client, agent: StartAgent, most: int) -> None:
    there = await agent(serving(table(), most))
    found = await walk(client, target_of(there), [INDEX, DESCR], max_repetitions=20)
    assert found.complete
    assert (indexes(found, INDEX), indexes(found, DESCR)) == (list(INDEXES), list(INDEXES[::2]))
    assert len(there.queries) < 40


async def test_an_agent_for_which_everything_is_too_big_ends_the_walk(client: Client, agent: StartAgent) -> None:
    there = await agent(serving(table(), 0))
    found = await walk(client, target_of(there), [INDEX, DESCR])
    assert not found.complete
    assert found.reason == "1.3.6.1.2.1.2.2.1.1: tooBig; 1.3.6.1.2.1.2.2.1.2: tooBig"


@pytest.mark.parametrize(
    ("wrong", "kept"),
    [((1, 2, 2), [1, 2]), ((1, 2, 1), [1, 2]), ((5, 3, 4), [5])],
    ids=["the same again", "back to the first", "out of order"],
)
async def test_a_column_that_does_not_increase_ends_and_is_named(
    client: Client, agent: StartAgent, wrong: tuple[int, ...], kept: list[int]
) -> None:
    """The other column is read on; the agent would go round for ever."""

    def circling(agent: Agent, query: Query, source: Any) -> None:
        rows: list[tuple[bytes, int, Value]] = []
        honest = successors(table(), query._replace(oids=query.oids[-1:]))
        for n, row in zip(wrong * 7, honest, strict=False):
            rows += [(INDEX + bytes((n,)), Tag.INTEGER, n), row] if len(query.oids) == 2 else [row]
        agent.transport.sendto(encode_response(query, rows), source)

    there = await agent(circling)
    async with asyncio.timeout(5):
        found = await walk(client, target_of(there), [INDEX, DESCR])
    assert not found.complete
    assert indexes(found, INDEX) == kept
    assert indexes(found, DESCR) == list(INDEXES[::2])
    assert found.reason == f"1.3.6.1.2.1.2.2.1.1: 1.3.6.1.2.1.2.2.1.1.{wrong[len(kept)]} came where a later OID was due"


async def test_an_agent_that_invents_rows_is_stopped(
    client: Client, agent: StartAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walks, "MAX_ROWS", 100)

    def inventing(agent: Agent, query: Query, source: Any) -> None:
        (last,) = oid.arcs(query.oids[0][len(INDEX) :]) or (0,)
        rows = [(INDEX + oid.encode_arcs((last + n,)), Tag.INTEGER, 0) for n in range(1, 21)]
        agent.transport.sendto(encode_response(query, rows), source)

    found = await walk(client, target_of(await agent(inventing)), [INDEX])
    assert (len(found.rows[INDEX]), found.complete) == (100, False)
    assert "more than 100 rows" in found.reason


async def test_an_error_ends_the_column_it_points_at(client: Client, agent: StartAgent) -> None:
    def failing(agent: Agent, query: Query, source: Any) -> None:
        at = next((n for n, name in enumerate(query.oids) if name.startswith(DESCR)), None)
        if at is None:
            serving(table())(agent, query, source)
        else:
            agent.transport.sendto(encode_response(query, [], GEN_ERR, at + 1), source)

    found = await walk(client, target_of(await agent(failing)), [INDEX, DESCR, AFTER])
    assert (found.complete, found.reason) == (False, "1.3.6.1.2.1.2.2.1.2: genErr")
    assert indexes(found, INDEX) == list(INDEXES)
    assert indexes(found, AFTER) == [1]


async def test_an_answer_without_varbinds_ends_the_walk(client: Client, agent: StartAgent) -> None:
    there = await agent(lambda agent, query, source: agent.transport.sendto(encode_response(query, []), source))
    found = await walk(client, target_of(there), [INDEX])
    assert (found.complete, found.reason) == (False, "the agent answered with no varbinds")


def tiring(agent: Agent, query: Query, source: Any) -> None:
    """Answers once."""
    if len(agent.queries) == 1:
        serving(table())(agent, query, source)


async def test_what_came_before_the_silence_is_kept(client: Client, agent: StartAgent) -> None:
    there = await agent(tiring)
    found = await walk(client, target_of(there, timeout_s=0.05), [INDEX], max_repetitions=4)
    assert indexes(found, INDEX) == list(INDEXES[:4])
    assert not found.complete
    assert "did not answer GETBULK of 1.3.6.1.2.1.2.2.1.1.128" in found.reason


async def test_what_came_before_the_deadline_is_kept(client: Client, agent: StartAgent) -> None:
    there = await agent(tiring)
    found = await walk(client, target_of(there), [INDEX], max_repetitions=4, deadline=time.monotonic() + 0.1)
    assert indexes(found, INDEX) == list(INDEXES[:4])
    assert not found.complete
    assert "when the deadline came" in found.reason


async def test_a_walk_without_any_answer_is_silent(client: Client, agent: StartAgent) -> None:
    there = await agent(silent)
    with pytest.raises(Silent, match="did not answer"):
        await walk(client, target_of(there, timeout_s=0.05), [INDEX])
    with pytest.raises(Silent, match="when the deadline came"):
        await walk(client, target_of(there), [INDEX], deadline=time.monotonic() + 0.05)


async def test_an_answer_that_breaks_off_is_counted_and_no_answer(client: Client, agent: StartAgent) -> None:
    """Its first rows are whole; none of them is kept, for it is asked again."""

    def breaking(agent: Agent, query: Query, source: Any) -> None:
        octets = bytearray(encode_response(query, successors(table(), query)))
        octets[-2] += 1  # the last value claims an octet more
        agent.transport.sendto(octets, source)

    with pytest.raises(Malformed, match=r"answered GETBULK of .* with no SNMP message"):
        await walk(client, target_of(await agent(breaking), timeout_s=0.05), [INDEX], max_repetitions=3)
    assert client.stats.strays["malformed"] == 1


async def test_a_walk_goes_on_where_a_deadline_cut_it(client: Client, agent: StartAgent) -> None:
    there = await agent(tiring)
    target = target_of(there)
    found = await walk(client, target, [INDEX, DESCR], size=4, deadline=time.monotonic() + 0.1)
    assert (indexes(found, INDEX), found.complete) == (list(INDEXES[:2]), False)
    there.answer = serving(table())
    asked = len(there.queries)
    whole = await walk(client, target, [INDEX, DESCR], resume=found)
    assert (indexes(whole, INDEX), indexes(whole, DESCR)) == (list(INDEXES), list(INDEXES[::2]))
    assert (whole.complete, whole.reason) == (True, "")
    assert there.queries[asked].oids == [INDEX + b"\x02", DESCR + b"\x7f"]
    assert indexes(found, INDEX) == list(INDEXES[:2]), "the earlier walk is as it was"

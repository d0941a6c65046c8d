"""How much a walk asks for at once: it follows the agent, and few questions are lost on finding out."""

from __future__ import annotations

import asyncio

import pytest

from netmon.snmp import oid
from netmon.snmp.client import Client
from netmon.snmp.message import GEN_ERR, V2C, Community, Query, encode_response
from netmon.snmp.target import Target
from netmon.snmp.walks import walk
from tests.snmp.walking import COLUMNS, ENGINES, Agent, Direct, dense, listed, truth, walked, wanted


@pytest.mark.parametrize("engine", ENGINES)
def test_more_is_asked_until_an_answer_fills_a_frame(engine: type[Client]) -> None:
    agent = Agent(dense(200))
    sizes: list[int] = []

    def answer(query: Query) -> bytes | None:
        octets = agent(query)
        sizes.append(len(octets or b""))
        return octets

    found, asked = walked(engine, answer, size=6)
    assert found.complete
    assert wanted(asked)[:3] == [6, 12, 24]
    assert 1200 < max(sizes) <= 1472, "with its headers no longer than 1,500 octets"
    assert 48 < found.size < 72
    assert wanted(walked(engine, agent, size=300)[1])[0] == 300, "the caller's word counts for more"


@pytest.mark.parametrize("most", [1, 5, 40])
def test_loss_that_repeats_with_size_halves_it_and_is_not_tried_again(most: int) -> None:
    found, asked = walked(Client, Agent(dense(60), lost=most), size=48)
    assert found.complete
    assert listed(found.rows) == listed(truth(dense(60)))
    assert found.size <= most
    assert sum(count > most for count in wanted(asked)) <= 6


def test_an_answer_that_was_cut_short_tells_how_much_to_ask_for() -> None:
    found, asked = walked(Client, Agent(dense(20), cut=15), size=48)
    assert listed(found.rows) == listed(truth(dense(20)))
    assert wanted(asked)[0] == 48
    assert max(wanted(asked)[1:]) <= 15
    assert found.size == 15


@pytest.mark.parametrize("blamed", [1, 0], ids=["the first column is blamed", "nothing is blamed"])
def test_an_error_that_is_no_columns_fault_costs_no_rows_and_few_questions(blamed: int) -> None:
    """An agent says genErr where it means tooBig."""
    agent = Agent(dense(60))

    def answer(query: Query) -> bytes | None:
        return agent(query) if wanted([query])[0] <= 10 else encode_response(query, [], GEN_ERR, blamed)

    found, asked = walked(Client, answer, size=48)
    assert (found.complete, listed(found.rows)) == (True, listed(truth(dense(60))))
    assert len(asked) < 150


def test_the_column_that_an_error_names_is_asked_alone_and_the_others_as_before() -> None:
    found, asked = walked(Client, Agent(dense(20), failing=frozenset(COLUMNS[2:3])), size=48)
    assert found.reason == f"{oid.decode(COLUMNS[2])}: genErr"
    assert wanted(asked)[:3] == [48, 1, 45]


def test_too_big_is_told_to_the_caller_as_the_size_that_works() -> None:
    found, asked = walked(Client, Agent(dense(20), too_big=10), size=48)
    assert found.complete
    assert wanted(asked)[:4] == [48, 24, 12, 6]
    assert found.size == 6
    assert walked(Client, Agent(dense(20), too_big=0), size=48)[0].size == 1


def test_a_slow_agent_is_not_asked_for_more() -> None:
    async def run() -> list[Query]:
        async with Client() as client:
            direct = Direct(client, Agent(dense(20)))
            slow = Target("192.0.2.1", 161, Community(V2C, b"public"), timeout_s=2, retries=0)  # answers take a second
            assert (await walk(direct, slow, COLUMNS, size=12)).complete
            return direct.asked

    assert set(wanted(asyncio.run(run()))) == {12}


def test_columns_are_read_in_few_questions() -> None:
    """25 columns of 48 rows: two rows an answer, and one more to see the end."""
    columns = [COLUMNS[0][:-1] + bytes((n,)) for n in range(1, 26)]
    found, asked = walked(Client, Agent(dense(48, columns, 1_000_000)), columns)
    assert found.complete
    assert len(asked) <= 25


def test_a_walk_asks_for_no_more_than_it_may_and_tells_what_was_lost() -> None:
    """So that the next walk of that device need not find it out again."""
    agent = Agent(dense(60), lost=20)
    found, _ = walked(Client, agent, size=48)
    assert found.most <= 20
    again, asked = walked(Client, agent, size=48, most=found.most)
    assert listed(again.rows) == listed(truth(dense(60)))
    assert max(wanted(asked)) <= 20

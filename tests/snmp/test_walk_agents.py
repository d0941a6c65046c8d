"""Walks over agents of every kind: how they cut their answers changes nothing of what is read, and each walk ends."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.snmp import oid, walks
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.errors import Late, Silent
from netmon.snmp.message import GEN_ERR, NO_SUCH_NAME, TOO_BIG, V1, V2C, Community, Query, encode_response
from netmon.snmp.target import Target
from netmon.snmp.walks import Walk, walk
from tests.effort import examples
from tests.snmp.agent import Mib
from tests.snmp.test_codec import values
from tests.snmp.walking import BEHIND, COLUMNS, ENGINES, Agent, Direct, listed, truth, walked

arc = st.one_of(st.integers(0, 5), st.integers(126, 130), st.integers(16_382, 16_386), st.just((1 << 32) - 1))
indexes = st.lists(st.tuples(arc, arc) | st.tuples(arc), max_size=6, unique=True).map(
    lambda found: [oid.encode_arcs(index) for index in found]
)
plain = values.filter(lambda value: value[0] < Tag.NO_SUCH_OBJECT)


@st.composite
def mibs(draw: st.DrawFn) -> Mib:
    """Six columns, whole, with gaps or empty, and something behind them or nothing."""
    common, mib = draw(indexes), {}
    for column in COLUMNS:
        kept = draw(st.sampled_from(["all", "some", "own"]))
        own = draw(indexes) if kept == "own" else common[:: 1 if kept == "all" else 2]
        mib |= {column + index: draw(plain) for index in own}
    if draw(st.booleans()):
        mib[BEHIND] = (Tag.INTEGER, 6)
    return mib


few = st.sampled_from([1, 2, 3, 5, 6, 7, 12, 13, 1000])
agents = st.builds(Agent, mibs(), cut=few, too_big=few, lost=few, repetitions=few)
how = st.fixed_dictionaries(
    {"size": st.sampled_from([1, 2, 4, 6, 7, 20, 100]), "max_repetitions": st.sampled_from([1, 3, 50])}
)


def for_version(agent: Agent, version: int) -> Agent:
    """v1 has no Counter64."""
    if version == V1:
        agent.mib = {name: held for name, held in agent.mib.items() if held[0] != Tag.COUNTER64}
        agent.__post_init__()
    return agent


@pytest.mark.parametrize("version", [V1, V2C])
@pytest.mark.parametrize("engine", ENGINES)
@given(agent=agents, how=how, blamed=st.sampled_from([None, 0, 1, 2, 7, 99]))
@settings(max_examples=examples(40), deadline=None)
def test_an_honest_agent_is_read_whole_however_little_it_answers_at_once(
    engine: type[Client], version: int, agent: Agent, how: dict[str, int], blamed: int | None
) -> None:
    """A wrong error-index, with which v1 says that nothing follows, ends no other column."""
    agent = for_version(agent, version)
    agent.blamed = blamed
    found, asked = walked(engine, agent, version=version, **how)
    assert (found.complete, found.reason, found.standing) == (True, "", {})
    assert listed(found.rows) == listed(truth(agent.mib))
    assert len(asked) <= 40 + 3 * len(agent.mib)


@pytest.mark.parametrize("engine", ENGINES)
@given(agent=agents, how=how, failing=st.sets(st.sampled_from(COLUMNS), min_size=1), blamed=st.sampled_from([None, 0, 2]))
@settings(max_examples=examples(40), deadline=None)
def test_only_the_columns_that_fail_are_given_up(
    engine: type[Client], agent: Agent, how: dict[str, int], failing: set[bytes], blamed: int | None
) -> None:
    agent.failing, agent.blamed = frozenset(failing), blamed
    found, asked = walked(engine, agent, **how)
    assert listed(found.rows) == listed(truth(agent.mib) | {column: {} for column in failing})
    assert found.broken == dict.fromkeys(found.broken, "genErr")
    assert failing == found.broken.keys()
    assert not found.complete
    assert len(asked) <= 60 + 4 * len(agent.mib)


@pytest.mark.parametrize("version", [V1, V2C])
@pytest.mark.parametrize("engine", ENGINES)
@given(agent=agents, how=how, patience=st.lists(st.integers(1, 6), min_size=1, max_size=5))
@settings(max_examples=examples(40), deadline=None)
def test_a_walk_that_is_resumed_at_any_answer_brings_what_one_walk_brings(
    engine: type[Client], version: int, agent: Agent, how: dict[str, int], patience: list[int]
) -> None:
    """Deadlines follow each other; what an earlier walk brought is never changed by a later one."""
    agent = for_version(agent, version)

    async def run() -> None:
        async with engine() as client:
            direct = Direct(client, agent)
            target = Target("192.0.2.1", 161, Community(version, b"public"), timeout_s=8, retries=0)
            found: Walk | None = None
            for seconds in [*patience, inf]:
                before = listed(found.rows) if found else {}
                deadline = direct.clock + seconds
                try:
                    later = await walk(direct, target, COLUMNS, deadline=deadline, resume=found, **how)
                except Late:
                    continue  # nothing came: the agent does not answer so much
                finally:
                    assert direct.clock <= deadline
                if found is not None:
                    assert listed(found.rows) == before
                    assert all(listed(later.rows)[column][: len(rows)] == rows for column, rows in before.items())
                found = later
                assert found.complete == (not found.standing) == (not found.reason)
            assert found is not None
            assert found.complete
            assert listed(found.rows) == listed(truth(agent.mib))

    asyncio.run(run())


@pytest.mark.parametrize("engine", ENGINES)
@given(agent=agents, how=how, answers=st.integers(0, 12))
@settings(max_examples=examples(40), deadline=None)
def test_of_an_agent_that_dies_a_beginning_of_each_column_is_kept(
    engine: type[Client], agent: Agent, how: dict[str, int], answers: int
) -> None:
    agent.answers, agent.lost = answers, 1000
    try:
        found, asked = walked(engine, agent, **how)
    except Silent:
        assert answers == 0
        return
    whole = listed(truth(agent.mib))
    assert all(whole[column][: len(rows)] == rows for column, rows in listed(found.rows).items())
    assert all(listed(found.rows)[column] == whole[column] for column in COLUMNS if column not in found.standing)
    assert found.reason == ("" if found.complete else "nothing came")
    assert len(asked) <= answers + 2, "whether smaller questions are answered is tried once"


names = st.builds(
    lambda column, index: column + index,
    st.sampled_from([*COLUMNS, BEHIND, COLUMNS[0][:-1]]),
    st.sampled_from([oid.encode_arcs(index) for index in ((), (1,), (2,), (3,), (128,), (3, 1))]),
)
nonsense = st.tuples(
    st.lists(st.builds(lambda name, value: (name, *value), names, values), max_size=14),
    st.sampled_from([0, 0, 0, 0, 0, 0, TOO_BIG, NO_SUCH_NAME, GEN_ERR, 16, 77]),
    st.integers(0, 8),
)


@pytest.mark.parametrize("version", [V1, V2C])
@given(answers=st.lists(st.none() | nonsense, min_size=1, max_size=12), how=how)
@settings(max_examples=examples(60), deadline=None)
def test_any_answers_end_a_walk_and_what_is_kept_rises(version: int, answers: list[Any], how: dict[str, int]) -> None:
    """The agent says the same again and again, for as long as it is asked."""
    turn = 0

    def answer(query: Query) -> bytes | None:
        nonlocal turn
        turn += 1
        assert turn < 500, "the walk goes on and on"
        said = answers[turn % len(answers)]
        return None if said is None else encode_response(query, *said)

    try:
        found, _ = walked(Client, answer, version=version, **how)
    except Silent:
        return
    for column, rows in found.rows.items():
        order = [oid.arcs(index) for index in rows]
        assert order == sorted(set(order))
        assert all(each.oid == column + index for index, each in rows.items())
    assert found.complete == (not found.reason)
    assert len(found.reason) < 500


@pytest.mark.parametrize("engine", ENGINES)
def test_an_agent_that_leaves_out_what_has_ended_is_not_believed_that_the_others_ended(engine: type[Client]) -> None:
    """Its rows are shorter than those that were asked for, so that names stand where those of other columns are due."""
    long, short = COLUMNS[0], COLUMNS[1]
    agent = Agent({**{long + bytes((n,)): (Tag.INTEGER, n) for n in range(1, 9)}, short + b"\x01": (Tag.INTEGER, 1)})

    def answer(query: Query) -> bytes | None:
        rows, row = [], [agent.after(name) for name in query.oids]
        for _ in range(query.max_repetitions):
            row = [(name, *held) for name, *held in row if any(oid.within(name, asked[:-1]) for asked in query.oids)]
            rows += row
            row = [each for each in map(agent.after, [name for name, _, _ in row]) if each[1] != Tag.END_OF_MIB_VIEW]
        return encode_response(query, rows)

    found, _ = walked(engine, answer, [short, long], size=8)
    assert found.complete or found.broken, "what is missing is named"
    assert found.complete == (listed(found.rows) == listed(truth(agent.mib, [short, long])))


def test_many_broken_columns_are_told_in_a_few_words() -> None:
    columns = [COLUMNS[0][:-1] + bytes((n,)) for n in range(1, 101)]
    found, asked = walked(Client, Agent({}, failing=frozenset(columns)), columns)
    assert len(found.broken) == 100
    assert found.reason.startswith("1.3.6.1.4.1.8072.9999.1.1.1: genErr; 1.3.6.1.4.1.8072.9999.1.1.2: genErr; ")
    assert found.reason.endswith("; 96 more columns ended early too")
    assert len(found.reason) < 250
    assert len(asked) < 250


def test_an_exception_among_whole_rows_ends_its_column() -> None:
    def answer(query: Query) -> bytes | None:
        at = 1 if query.oids[0] == COLUMNS[0] else 9
        cells = [(column + bytes((n,)), Tag.INTEGER, n) for n in (at, at + 1) for column in COLUMNS[:2]]
        cells[3] = (COLUMNS[1] + bytes((at + 1,)), Tag.NO_SUCH_INSTANCE, None)
        return encode_response(query, cells if at == 1 else [(name, Tag.END_OF_MIB_VIEW, None) for name in query.oids])

    found, _ = walked(Client, answer, COLUMNS[:2], size=4)
    assert {column: list(rows) for column, rows in found.rows.items()} == {COLUMNS[0]: [b"\1", b"\2"], COLUMNS[1]: [b"\1"]}
    assert found.complete


def test_rows_whose_octets_rise_while_their_indexes_fall_are_out_of_order() -> None:
    falling = [oid.encode_arcs((n,)) for n in (1, 16_384, 16_383)]
    assert falling == sorted(falling)
    rows = [(column + index, Tag.INTEGER, 1) for index in falling for column in COLUMNS[:2]]
    found, _ = walked(Client, lambda query: encode_response(query, rows), COLUMNS[:2], size=6)
    assert [list(rows) for rows in found.rows.values()] == [falling[:2], falling[:2]]
    assert found.broken.keys() == set(COLUMNS[:2])


@pytest.mark.parametrize("engine", ENGINES)
def test_names_that_fill_more_than_one_octet_of_length_are_asked_for(engine: type[Client]) -> None:
    mib = {column + bytes((n, *[1] * 106)): (Tag.INTEGER, n) for column in COLUMNS for n in range(1, 9)}
    mib |= {column + bytes((n, *[1] * 115)): (Tag.INTEGER, n) for column in COLUMNS for n in range(9, 20)}
    found, _ = walked(engine, Agent(mib))
    assert (found.complete, listed(found.rows)) == (True, listed(truth(mib)))


def test_rows_and_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent invents rows for ever, whole ones."""
    monkeypatch.setattr(walks, "MAX_ROWS", 100)

    def inventing(query: Query) -> bytes | None:
        rows = []
        for n in range(1, query.max_repetitions + 1):
            for name in query.oids:
                column = next(column for column in COLUMNS if name.startswith(column))
                (last,) = oid.arcs(name[len(column) :]) or (0,)
                rows.append((column + oid.encode_arcs((last + n,)), Tag.INTEGER, n))
        return encode_response(query, rows)

    found, _ = walked(Client, inventing, COLUMNS[:4])
    assert {column: len(rows) for column, rows in found.rows.items()} == dict.fromkeys(COLUMNS[:4], 100)
    assert set(found.broken.values()) == {"more than 100 rows"}

"""Walks over agents of every kind, without sockets: what is read does not depend on how an agent cuts its answers."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netmon.snmp import ber, message, oid, walks
from netmon.snmp.ber import Tag, Value
from netmon.snmp.client import Client
from netmon.snmp.columns import read_rows
from netmon.snmp.errors import Late, Malformed, Silent
from netmon.snmp.message import (
    GEN_ERR,
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    V2C,
    Community,
    Query,
    Request,
    VarBind,
    decode_request,
    encode_response,
    open_response,
    read_varbinds,
)
from netmon.snmp.question import Response
from netmon.snmp.second import PysnmpClient
from netmon.snmp.target import Target
from netmon.snmp.walks import Walk, walk
from tests.snmp.agent import Mib
from tests.snmp.test_codec import values

ENGINES = [pytest.param(Client, id="netmon"), pytest.param(PysnmpClient, id="pysnmp")]
Answer = Callable[[Query], bytes | None]
COLUMNS = [oid.encode(f"1.3.6.1.4.1.8072.9999.1.1.{n}") for n in (1, 2, 3, 4, 127, 128)]
BEHIND = oid.encode("1.3.6.1.4.1.8072.9999.2.1")


class Direct:
    """Asks an agent that is a function, through what an engine reads. Every question takes a second, by its own clock."""

    def __init__(self, client: Client, answer: Answer) -> None:
        self.client = client
        self.answer = answer
        self.clock = 0.0
        self.asked: list[Query] = []

    async def ask(self, target: Target, request: Request, deadline: float = inf) -> Response:
        assert isinstance(target.credential, Community)
        query = decode_request(message.encode_request(request, target.credential, 1 << 24))
        self.asked.append(query)
        sent, self.clock = self.clock, self.clock + 1
        if sent >= deadline:
            raise Late("the deadline came")
        octets = self.answer(query)
        if octets is None:
            raise Silent("nothing came")
        response = self.client._read(cast("Any", SimpleNamespace(request=request)), open_response(octets))
        response.sent, response.received, response.attempts = sent, self.clock, 1
        return response


def walked(
    engine: type[Client], answer: Answer, columns: Sequence[bytes] = COLUMNS, version: int = V2C, **how: Any
) -> tuple[Walk, list[Query]]:
    """A walk, and what the agent was asked."""

    async def run() -> tuple[Walk, list[Query]]:
        async with engine() as client:
            direct = Direct(client, answer)
            target = Target("192.0.2.1", 161, Community(version, b"public"), timeout_s=8, retries=0)
            return await walk(direct, target, columns, **how), direct.asked

    return asyncio.run(run())


@dataclass
class Agent:
    """Answers from `mib` as well as it can. It cuts answers after `cut` varbinds, calls more than `too_big` too big, is
    silent to more than `lost`, gives at most `repetitions` rows, has genErr for what follows in `failing` columns, points
    at `blamed` for every error, and dies after `answers` answers."""

    mib: Mib
    cut: int = 1000
    too_big: int = 1000
    lost: int = 1000
    repetitions: int = 1000
    failing: frozenset[bytes] = frozenset()
    blamed: int | None = None
    answers: int = 100_000
    order: list[tuple[tuple[int, ...], bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self.order = sorted((oid.arcs(name), name) for name in self.mib)

    def after(self, name: bytes) -> tuple[bytes, int, Value]:
        at = bisect_right(self.order, (oid.arcs(name), name))
        return (
            (name, Tag.END_OF_MIB_VIEW, None) if at == len(self.order) else (self.order[at][1], *self.mib[self.order[at][1]])
        )

    def error(self, query: Query, status: int, at: int) -> bytes:
        same = [(name, Tag.NULL, None) for name in query.oids]
        return encode_response(query, same, status, at + 1 if self.blamed is None else self.blamed)

    def __call__(self, query: Query) -> bytes | None:
        wanted = len(query.oids) * (query.max_repetitions if query.pdu == Tag.GET_BULK else 1)
        self.answers -= 1
        if self.answers < 0 or wanted > self.lost:
            return None
        if wanted > self.too_big:
            return encode_response(query, [], TOO_BIG, 0)
        for at, name in enumerate(query.oids):
            if any(name.startswith(column) for column in self.failing):
                return self.error(query, GEN_ERR, at)
        row = [self.after(name) for name in query.oids]
        if query.version == V1:
            for at, (_, tag, _) in enumerate(row):
                if tag == Tag.END_OF_MIB_VIEW:
                    return self.error(query, NO_SUCH_NAME, at)
        rows = row
        for _ in range(min(query.max_repetitions, self.repetitions) - 1 if query.pdu == Tag.GET_BULK else 0):
            row = [self.after(name) for name, _, _ in row]
            rows = rows + row
        return encode_response(query, rows[: self.cut])


def truth(mib: Mib, columns: Sequence[bytes] = COLUMNS) -> dict[bytes, dict[bytes, VarBind]]:
    """What a walk has to bring."""
    names = sorted(mib, key=oid.arcs)
    return {
        column: {name[len(column) :]: VarBind(name, *mib[name]) for name in names if oid.within(name, column)}
        for column in columns
    }


def listed(rows: dict[bytes, dict[bytes, VarBind]]) -> dict[bytes, list[tuple[bytes, VarBind]]]:
    """In order, for dicts are equal in any."""
    return {column: list(cells.items()) for column, cells in rows.items()}


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
@settings(max_examples=40, deadline=None)
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
@settings(max_examples=40, deadline=None)
def test_only_the_columns_that_fail_are_given_up(
    engine: type[Client], agent: Agent, how: dict[str, int], failing: set[bytes], blamed: int | None
) -> None:
    agent.failing, agent.blamed = frozenset(failing), blamed
    found, asked = walked(engine, agent, **how)
    # Where a column begins to fail, so does the one before it, whose end the agent cannot tell: its rows are kept.
    assert listed(found.rows) == listed(truth(agent.mib) | {column: {} for column in failing})
    assert found.broken == dict.fromkeys(found.broken, "genErr")
    assert failing == found.broken.keys()
    assert not found.complete
    assert len(asked) <= 60 + 4 * len(agent.mib)


@pytest.mark.parametrize("version", [V1, V2C])
@pytest.mark.parametrize("engine", ENGINES)
@given(agent=agents, how=how, patience=st.lists(st.integers(1, 6), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
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
                try:
                    later = await walk(direct, target, COLUMNS, deadline=direct.clock + seconds, resume=found, **how)
                except Late:
                    continue  # nothing came: the agent was silent to the first question, and the second came too late
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
@settings(max_examples=40, deadline=None)
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
@settings(max_examples=100, deadline=None)
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


def dense(rows: int, columns: Sequence[bytes] = COLUMNS, value: Value = 0) -> dict[bytes, tuple[int, Value]]:
    tag = Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING
    return {column + oid.encode_arcs((n,)): (tag, value) for column in columns for n in range(1, rows + 1)}


def wanted(asked: Sequence[Query]) -> list[int]:
    """Varbinds that were asked for."""
    return [len(query.oids) * query.max_repetitions for query in asked]


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


def test_too_big_is_told_to_the_caller_as_the_size_that_works() -> None:
    found, asked = walked(Client, Agent(dense(20), too_big=10), size=48)
    assert found.complete
    assert wanted(asked)[:4] == [48, 24, 12, 6]
    assert found.size == 6


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


# --- reading by columns -----------------------------------------------------------------------------------------------


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
@settings(max_examples=300, deadline=None)
def test_rows_read_by_columns_are_the_varbinds_that_came(
    rows: list[tuple[bytes, int, Value]], cut: int, flips: list[tuple[int, int]]
) -> None:
    """Whatever an octet of the answer is changed to."""
    octets = bytearray(encode_response(QUERY, rows[:cut]))
    for at, octet in flips:
        octets[at % len(octets)] = octet
    try:
        due = read_varbinds(open_response(bytes(octets)))
    except Malformed:
        with pytest.raises(Malformed):
            as_varbinds(bytes(octets), COLUMNS[:3])
    else:
        assert as_varbinds(bytes(octets), COLUMNS[:3]) == due


@pytest.mark.parametrize("tag", [Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS, Tag.COUNTER64, Tag.UINTEGER32])
@pytest.mark.parametrize(
    "content",
    [
        *("", "00", "7f", "80", "ff", "00ff", "7fffffff", "80000000", "00ffffffff", "01ffffffff", "000000000001"),
        *("7fffffffffffffff", "00ffffffffffffffff", "01ffffffffffffffff"),
    ],
)
def test_numbers_are_read_by_columns_as_anywhere(tag: int, content: str) -> None:
    value = ber.tlv(tag, bytes.fromhex(content))
    varbind = ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, COLUMNS[0] + b"\x01") + value)
    pdu = b"\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00" + ber.tlv(Tag.SEQUENCE, varbind)
    octets = ber.tlv(Tag.SEQUENCE, b"\x02\x01\x01\x04\x06public" + ber.tlv(Tag.RESPONSE, pdu))
    try:
        due = ber.decode(tag, bytes.fromhex(content))
    except Malformed:
        with pytest.raises(Malformed):
            as_varbinds(octets, COLUMNS[:1])
    else:
        assert [each.value for each in as_varbinds(octets, COLUMNS[:1])] == [due]

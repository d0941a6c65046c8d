"""The use of a backup, against a walk through its time in steps of half a minute."""

from __future__ import annotations

from itertools import groupby
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.backups import Episode, Use, Why, used
from netmon.model import Former, Link, LinkKind, LinkRole, Span, Window

STEP = 30
FIRST = 6_000_000
START = FIRST * 300
CARRIES = 1000.0
RATES = st.sampled_from([0.0, 10.0, 999.0, 1000.0, 5000.0, nan])
STATES = ["up", "on_backup", "isolated", "unreachable", "unknown", ""]


def backup(*, former: float | None = None, since: float | None = None) -> Link:
    return Link(
        id="lte", site="a", upstream_site="b", kind=LinkKind.LTE, role=LinkRole.BACKUP, network="n", capacities=(),
        former=() if former is None else (Former("c", former),), since=since,
    )  # fmt: skip


@st.composite
def timelines(draw: st.DrawFn, states: list[str], steps: int) -> list[str]:
    """A state a step; "" is nobody's."""
    found: list[str] = []
    while len(found) < steps:
        found += [draw(st.sampled_from(states))] * draw(st.integers(1, 25))
    return found[:steps]


def spans(timeline: list[str]) -> list[Span]:
    """The runs of a timeline, some of them cut in two where the store would."""
    found, at = [], START
    for state, run in groupby(timeline):
        length = len(list(run)) * STEP
        if state:
            found.append(Span(state, float(at), float(at + length)))
        at += length
    return found


def walked(link, receive, transmit, service, primaries, slots, now, alone) -> Use:
    """What `used` says, told step by step."""
    last = min(START + slots * 300, now)
    begin = max([START, *(was.until for was in link.former if was.until <= last), link.since or 0])
    whole = [begin <= (FIRST + n) * 300 and (FIRST + n + 1) * 300 <= last for n in range(slots)]
    steps = [n for n in range(slots * 10) if begin <= START + n * STEP < last]
    loaded = [whole[n] and (receive[n] >= CARRIES or transmit[n] >= CARRIES) for n in range(slots)]
    of_slot = {n: [step for step in steps if step // 10 == n] for n in range(slots)}
    backed = [any(service[step] == "on_backup" for step in of_slot[n]) for n in range(slots)]
    seen = [
        whole[n] and (loaded[n] or not (isnan(receive[n]) or isnan(transmit[n])) or (alone and backed[n]))
        for n in range(slots)
    ]

    def why(step: int) -> Why | None:
        n = step // 10
        if service[step] == "on_backup":
            return Why.SERVICE if alone or loaded[n] else None
        if loaded[n] and not backed[n]:
            return Why.LOAD if "up" in (service[step] for step in of_slot[n]) else Why.UNKNOWN
        return None

    whys = {step: why(step) for step in steps}
    in_use = [sum(whys[step] is not None for step in of_slot[n]) for n in range(slots)]
    episodes = []
    for reason, run in groupby(steps, key=lambda step: whys[step]):
        if reason is None:
            continue
        own = list(run)
        octets, peaks, unmeasured = [0.0, 0.0], [], 0
        for step in own:
            n = step // 10
            rates = [receive[n], transmit[n]] if whole[n] else [nan, nan]
            unmeasured += STEP * any(map(isnan, rates))
            peaks += [rate for rate in rates if not isnan(rate)]
            for way, rate in enumerate(rates):
                octets[way] += 0 if isnan(rate) else rate * 300 / in_use[n]
        start, end = START + own[0] * STEP, START + (own[-1] + 1) * STEP
        episodes.append(Episode(start, end, reason, *octets, max(peaks, default=None), unmeasured))
    down = [step for step in steps if primaries and all(timeline[step] == "down" for timeline in primaries)]
    idle = [step for step in down if whys[step] is None]
    uncovered = [step for step in idle if service[step] == "isolated" or seen[step // 10]]
    return Use(
        window=Window(begin, max(begin, last)),
        episodes=tuple(episodes),
        coverage=sum(seen) / sum(whole) if any(whole) else 0.0,
        primary_down=STEP * len(down),
        uncovered=STEP * len(uncovered),
        unseen=STEP * (len(idle) - len(uncovered)),
        primary_unknown=STEP * (len(steps) - len(down) - sum(any(one[step] == "up" for one in primaries) for step in steps)),
    )


@given(st.data())
def test_the_use_of_a_backup_is_that_of_a_walk_in_small_steps(data: st.DataObject):
    """Episodes, octets, peaks, and the primary's time with and without it; with gaps, several backups and primaries."""
    slots = data.draw(st.integers(1, 8))
    receive, transmit = (data.draw(st.lists(RATES, min_size=slots, max_size=slots)) for _ in range(2))
    service = data.draw(timelines(STATES, slots * 10))
    primaries = data.draw(st.lists(timelines(["up", "down", "unknown"], slots * 10), max_size=2))
    alone = data.draw(st.booleans())
    some_step = st.integers(0, slots * 10).map(lambda n: START + n * STEP)
    link = backup(former=data.draw(st.none() | some_step), since=data.draw(st.none() | some_step))
    now = data.draw(some_step | st.just(START + 10**6))
    window = Window(START, START + slots * 300)
    found = used(
        link, FIRST, receive, transmit, spans(service), [spans(one) for one in primaries], window, now,
        carries=CARRIES, alone=alone,
    )  # fmt: skip
    expected = walked(link, receive, transmit, service, primaries, slots, now, alone)
    assert [tuple(one[:3]) for one in found.episodes] == [tuple(one[:3]) for one in expected.episodes]
    for one, other in zip(found.episodes, expected.episodes, strict=True):
        assert one[3:] == pytest.approx(other[3:])
    assert found.window == expected.window
    figures = ("coverage", "primary_down", "uncovered", "unseen", "primary_unknown")
    assert [getattr(found, name) for name in figures] == pytest.approx([getattr(expected, name) for name in figures])
    assert found.seconds + found.uncovered + found.unseen >= found.primary_down


def one_day(receive: list[float], *service: Span, down: tuple[Span, ...] = (), alone: bool = True) -> Use:
    return used(
        backup(), FIRST, receive, [0.0] * len(receive), service, [down], Window(START, START + 300 * len(receive)),
        START + 10**6, carries=CARRIES, alone=alone,
    )  # fmt: skip


def test_traffic_of_a_slot_belongs_to_the_while_on_backup():
    """Two minutes on backup within a slot with load on it: two minutes of use, and all that crossed."""
    found = one_day([0.0, 5000.0, 0.0], Span("up", START, START + 400), Span("on_backup", START + 400, START + 520))
    (episode,) = found.episodes
    assert (episode.seconds, episode.why, episode.receive, episode.peak) == (120, Why.SERVICE, 1_500_000, 5000)


def test_an_unseen_slot_parts_two_episodes_and_is_no_use():
    """Nobody saw it."""
    found = one_day([5000.0, nan, 5000.0], Span("up", START, START + 900))
    assert [(one.start - START, one.end - START, one.why) for one in found.episodes] == [
        (0, 300, Why.LOAD), (600, 900, Why.LOAD),
    ]  # fmt: skip
    assert (found.seconds, found.coverage) == (600, pytest.approx(2 / 3))


def test_of_several_backups_the_one_without_load_covered_nothing():
    """The other one did."""
    spans = Span("on_backup", START, START + 600)
    down = (Span("down", START, START + 600),)
    assert one_day([5000.0, 0.0], spans, down=down, alone=False).uncovered == 300
    assert one_day([5000.0, 0.0], spans, down=down).uncovered == 0
    assert one_day([5000.0, nan], spans, down=down, alone=False).unseen == 300

"""What is contracted and what the ports can carry, as they stand at an instant."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Capacity, End, PortSpeed, SpeedTest, Standing, Window
from netmon.targets.capacity import judge_capacity
from netmon.targets.definitions import BasisKind, ContractedCapacity
from netmon.targets.words import places
from netmon.targets.words.voice import Voice
from tests.targets.made import FULL, NOW, link

TARGET = ContractedCapacity(
    id="capacity", title_vi="", title_en="", limit=FULL, basis="VNPT, 29/06/2025", basis_kind=BasisKind.PROXY
)
NOVEMBER = Window(*(datetime(2026, month, last, 17, tzinfo=UTC).timestamp() for month, last in ((10, 31), (11, 30))))
DAY = 86_400.0
NONE = replace(link(), capacities=())


def port(speed, end=End.NEAR, since=0.0):
    return PortSpeed(end, since, speed)


PORTS = (port(FULL),)


def judge(of=None, ports=PORTS, tests=(), *, target=TARGET, now=NOW):
    return judge_capacity(target, of or link(), ports, tests, NOVEMBER, now)


@pytest.mark.parametrize(
    ("of", "ports", "standing", "value", "coverage"),
    [
        (link(), [port(FULL)], Standing.MET, FULL, 1.0),
        (link(Capacity(0, FULL, FULL - 1)), [port(FULL)], Standing.MISSED, FULL - 1, 1.0),
        (link(Capacity(0, FULL - 1, FULL)), [], Standing.MISSED, FULL - 1, 0.5),  # whatever the port says
        (link(), [], Standing.UNPROVEN, FULL, 0.5),
        (NONE, [port(FULL)], Standing.UNPROVEN, None, 0.5),
        (NONE, [], Standing.UNPROVEN, None, 0.0),
        (link(Capacity(NOW + 1, FULL, FULL)), [port(FULL)], Standing.UNPROVEN, None, 0.5),
        (link(), [port(FULL / 2)], Standing.MISSED, FULL, 1.0),
        (link(), [port(FULL), port(FULL / 2, End.FAR)], Standing.MISSED, FULL, 1.0),  # the slower end is the bottleneck
        (link(), [port(FULL, End.FAR)], Standing.MET, FULL, 1.0),  # one end is enough
        (link(), [port(0.996 * FULL)], Standing.MET, FULL, 1.0),  # whole Mbit/s
        (link(), [port(0.994 * FULL)], Standing.MISSED, FULL, 1.0),
        (link(Capacity(0, 2 * FULL, FULL)), [port(FULL)], Standing.MISSED, FULL, 1.0),  # the wider direction has to fit
        (link(), [port(FULL / 2), port(FULL, since=NOW - DAY)], Standing.MET, FULL, 1.0),  # the newest speaks
        (link(), [port(FULL), port(0, since=NOW - DAY)], Standing.UNPROVEN, FULL, 0.5),  # it does not tell any more
        (link(), [port(FULL), port(FULL / 2, since=NOW + DAY)], Standing.MET, FULL, 1.0),  # not yet
    ],
)
def test_the_contract_and_then_the_ports_are_held_against_the_limit(of, ports, standing, value, coverage):
    verdict = judge(of, ports)
    assert (verdict.standing, verdict.value, verdict.coverage) == (standing, value, coverage)
    assert verdict.limit == FULL
    json.dumps(dict(verdict.evidence), allow_nan=False)


def test_what_a_port_ran_at_is_not_known_where_no_end_was_measured_in_the_window():
    """It last spoke two years ago."""
    old = [port(FULL, since=NOW - 700 * DAY)]
    unheard = judge_capacity(TARGET, link(), old, (), NOVEMBER, NOW, heard=False)
    assert (unheard.standing, unheard.coverage) == (Standing.UNPROVEN, 0.5)
    assert (unheard.evidence["heard"], unheard.evidence["ports"]) == (False, {"near": None, "far": None})
    assert unheard.evidence["port_history"][0]["bytes_per_s"] == FULL
    slow = judge_capacity(TARGET, link(), [port(1.0)], (), NOVEMBER, NOW, heard=False)
    assert (slow.standing, slow.evidence["slow_ports"]) == (Standing.UNPROVEN, [])
    alone = judge_capacity(replace(TARGET, port_speed=False), link(), old, (), NOVEMBER, NOW, heard=False)
    assert (alone.standing, alone.coverage) == (Standing.MET, 1.0)


def test_without_port_speed_the_contract_alone_is_judged():
    target = replace(TARGET, port_speed=False)
    assert judge(ports=[port(1.0)], target=target).standing is Standing.MET
    verdict = judge(NONE, target=target)
    assert (verdict.standing, verdict.coverage) == (Standing.UNPROVEN, 0.0)


def test_a_contract_that_is_not_told_is_never_met_whatever_the_floor():
    assert judge(NONE, target=replace(TARGET, coverage=0.0)).standing is Standing.UNPROVEN


def test_a_month_that_is_over_is_judged_as_it_stood_at_its_end():
    """What changed at the first instant of the next month is not of this one."""
    grown = link(Capacity(0, FULL / 2, FULL / 2), Capacity(NOVEMBER.start + DAY, FULL, FULL), Capacity(NOVEMBER.end, 1, 1))
    early, late = judge(grown, now=NOVEMBER.start + 60), judge(grown, now=NOVEMBER.end + 3 * DAY)
    assert (early.standing, early.final) == (Standing.MISSED, False)
    assert (late.standing, late.final, late.value) == (Standing.MET, True, FULL)
    assert [held["receive"] for held in late.evidence["capacities"]] == [FULL / 2, FULL]
    assert late.evidence["capacities"][0]["start"] == NOVEMBER.start
    assert late.evidence["capacities"][0]["local_end"] == "2026-11-02T00:00:00+07:00"
    rolling = judge_capacity(replace(TARGET, window_days=7), grown, (), (), Window(NOW - 7 * DAY, NOW), NOW)
    assert not rolling.final


DAYS = st.integers(-40, 40)


@given(
    changes=st.lists(st.tuples(DAYS, st.integers(1, 4), st.integers(1, 4)), max_size=5, unique_by=lambda c: c[0]),
    ports=st.lists(st.tuples(st.sampled_from(End), DAYS, st.integers(0, 4)), max_size=6, unique_by=lambda p: p[:2]),
    at=st.integers(1, 40),
)
def test_it_is_what_a_walk_through_the_changes_says(changes, ports, at):
    """Days from the window's start, speeds as quarters of 400 Mbit/s; each change is replayed in order."""
    history = sorted(changes)
    of = replace(
        NONE, capacities=tuple(Capacity(NOVEMBER.start + d * DAY, r * FULL / 2, t * FULL / 2) for d, r, t in history)
    )
    told = [PortSpeed(end, NOVEMBER.start + d * DAY, s * FULL / 2) for end, d, s in sorted(ports, key=lambda p: p[1])]
    now = NOVEMBER.start + at * DAY
    verdict = judge(of, told, now=now)
    day = min(at, 29.99999)
    contract = None
    for d, r, t in history:
        contract = (r, t) if d <= day else contract
    speeds = {}
    for one in told:
        if (one.since - NOVEMBER.start) / DAY <= day:
            speeds[one.end] = one.bytes_per_s
    known = [speed for speed in speeds.values() if speed]
    missed = contract is not None and (min(contract) < 2 or any(speed < max(contract) * FULL / 2 for speed in known))
    proven = contract is not None and known
    assert verdict.standing is (Standing.MISSED if missed else Standing.MET if proven else Standing.UNPROVEN)
    starts = [max(0, d) for d, *_ in history if d <= day]
    held = [h for h, following in pairwise([*starts, inf]) if following > 0 and h < day]
    assert [h["start"] for h in verdict.evidence["capacities"]] == [NOVEMBER.start + h * DAY for h in held]


def test_the_ports_of_the_window_are_listed_with_what_they_ran_at_when_it_began():
    told = [port(1, since=0), port(2, since=NOVEMBER.start - 1), port(3, since=NOVEMBER.start + 1), port(4, since=NOW + 1)]
    history = judge(ports=[*told, port(5, End.FAR)]).evidence
    assert [one["bytes_per_s"] for one in history["port_history"]] == [2, 3, 5]
    assert (history["port_count"], history["ports"]) == (3, {"near": 3, "far": 5})


def test_speed_tests_stand_beside_it_by_network_and_decide_nothing():
    def speed_test(days, down, network="fixed", latency=None):
        return SpeedTest(NOVEMBER.start + days * DAY, "ub-01273", "probe", network, "VNPT", down, down / 2, latency)

    tests = [speed_test(-1, 9), speed_test(1, 10, latency=0.02), speed_test(2, 30), speed_test(3, 20), speed_test(29, 1)]
    verdict = judge(tests=[*tests, speed_test(4, 5, "mobile")])
    assert verdict.standing is Standing.MET
    assert verdict.evidence["speed_tests"] == {
        "fixed": {"count": 3, "download": 20, "upload": 10, "latency_s": 0.02},
        "mobile": {"count": 1, "download": 5, "upload": 2.5, "latency_s": None},
    }


def test_it_is_told_in_both_languages():
    grown = link(Capacity(0, FULL / 2, FULL / 2), Capacity(NOVEMBER.start + DAY, FULL, FULL))
    tests = [SpeedTest(NOW - 9, "ub-01273", "probe", "fixed", "VNPT", FULL, FULL / 2, None)]
    evidence = judge(grown, [port(FULL / 2)], tests).evidence
    vi, en = (
        "\n".join([places.rule(TARGET, say), *places.figures(evidence, TARGET, say)]) for say in map(Voice, ("vi", "en"))
    )
    assert "từ 200,0 Mbit/s trở lên, cổng đấu nối không chậm hơn dung lượng đó." in vi
    assert "Tốc độ cổng phía xã: 100,0 Mbit/s, chậm hơn dung lượng theo hợp đồng." in vi
    assert "từ 00:00 ngày 01/11/2026 đến 00:00 ngày 02/11/2026: chiều về xã 100,0 Mbit/s" in vi
    assert "Để tham khảo, 1 lần đo tốc độ mạng cố định tại điểm: trung vị tải xuống 200,0 Mbit/s" in vi
    assert "Port speed, far end: not known." in en
    assert "Contracted as of 2026-11-21 10:47: 200.0 Mbit/s to and 200.0 Mbit/s from the commune." in en
    unknown = "\n".join(places.figures(judge(NONE).evidence, TARGET, Voice("vi")))
    assert "Chưa có dung lượng theo hợp đồng" in unknown

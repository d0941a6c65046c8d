"""Two hundred random histories, from counter readings to verdicts, held against counts of another kind: octets
to the last one, the 95th percentile, availability second by second. A part of them is frozen with its figures."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from netmon.derive.slots import SlotFiller
from netmon.model import Direction, End, Service, Subject, Verdict
from netmon.store import Store
from netmon.targets.availability import judge_availability
from netmon.targets.percentile import judge_link, slots_needed
from netmon.targets.windows import month_of
from tests.targets.histories import rates_of
from tests.targets.made import FULL, LAST_K, NOW, P95, SERVICE, NoMeter, link

HISTORIES = 200
FROZEN = json.loads(Path(__file__).with_suffix(".json").read_text())
END = (LAST_K + 1) * 300
MONTH = month_of(NOW)
WAYS = {Direction.RECEIVE: "receive", Direction.TRANSMIT: "transmit"}


@dataclass(frozen=True)
class Told:
    """What became of one history: octets that were counted, stored in slots, and unplaced; and the verdicts."""

    seed: int
    counted: dict[str, int]
    stored: dict[str, int]
    steps: dict[str, list[tuple[int, int, int]]]  # octets between two instants, microseconds
    load: Verdict
    states: list[tuple[str, int, int]]  # whole seconds
    away: list[tuple[int, int]]
    service: Verdict

    def figures(self):
        load = self.load.evidence["readings"]["window"]["directions"]
        return {
            "counted": self.counted,
            "load": [self.load.standing.value, *(load[way]["value"] for way in WAYS.values())],
            "service": [self.service.standing.value, self.service.value, self.service.coverage],
        }


def history(seed: int, store: Store) -> Told:
    """Readings at uneven intervals, some of them too long for a slot; days that are folded or not; states and absences."""
    dice, name = random.Random(seed), f"link-{seed}"
    filler, counted, stored = SlotFiller(), dict.fromkeys(WAYS.values(), 0), dict.fromkeys(WAYS.values(), 0)
    steps: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    at = END - dice.choice([1, 2, 3, 7.5]) * 86_400 - dice.random() * 300
    level, pace = dice.choice([0.4, 0.7, 0.95, 1.15]), dice.choice([60, 150, 280])
    odd = dice.choice([(), (), (299.999, 300, 301, 3600)])
    while at < END + 10:
        until = at + dice.choice([*[pace] * 40, *odd]) * (0.9 + 0.2 * dice.random())
        unplaced = []
        for way, word in WAYS.items():
            octets = int(dice.uniform(0.5, 1) * level * FULL * (until - at))
            counted[word] += octets
            steps[word].append((octets, round(at * 1e6), round(until * 1e6)))
            unplaced += filler.add(way, octets, at, until)
        if (closed := filler.close(until)) or unplaced:
            store.put_link(name, End.NEAR, slots=closed, unplaced=unplaced)
        for part in unplaced:
            stored[WAYS[part.direction]] += part.octets
        at = until
    for slot in filler.baseline(None, None).open:
        stored["receive"] += slot.receive.octets
        stored["transmit"] += slot.transmit.octets
    subject, times = (
        Subject("site", name),
        [int(MONTH.start), *sorted(dice.sample(range(int(MONTH.start) + 1, int(NOW)), dice.randrange(1, 40)))],
    )
    calm = dice.choice([[Service.UP] * 40, [Service.UP] * 400, []])
    states = [(dice.choice([*calm, *Service]).value, *span) for span in pairwise([*times, int(NOW)])]
    away = [(one := dice.randrange(int(MONTH.start), int(NOW) - 9000), one + dice.randrange(1, 9000))] * dice.randrange(2)
    for state, start, _ in states:
        store.begin_span(subject, state, start)
    store.flush()
    if dice.random() < 0.6:
        store.fold(NOW)
        store.flush()
    reader = store.reader()
    midnight = month_of(NOW - 40 * 86_400).start
    sums = reader.sums(name, End.NEAR, midnight, month_of(NOW + 40 * 86_400).start)
    stored["receive"] += sums.receive
    stored["transmit"] += sums.transmit
    measured = link(name=name)
    spans = reader.spans(subject, *MONTH)
    absences = [type(MONTH)(*hole) for hole in away]
    return Told(
        seed,
        counted,
        stored,
        dict(steps),
        judge_link(P95, measured, rates_of(reader, measured, slots_needed(NOW)), NOW),
        states,
        away,
        judge_availability(SERVICE, subject, spans, absences, MONTH, int(NOW)),
    )


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("histories") / "s.db", NoMeter()) as store:
        yield [history(seed, store) for seed in range(HISTORIES)]


def test_slots_unplaced_and_open_octets_are_what_the_counters_counted(histories):
    for told in histories:
        assert told.stored == told.counted, told.seed


def test_the_percentile_is_that_of_an_independent_count(histories):
    """Each difference is shared over slots by exact fractions of its time; a slot is present with 240 s of cover."""
    seen: set[str] = set()
    for told in histories:
        for word in WAYS.values():
            octets, covered = defaultdict(int), defaultdict(int)
            for difference, start, end in told.steps[word]:
                if end - start > 300_000_000 or end <= start:
                    continue
                for k in range(start // 300_000_000, (end - 1) // 300_000_000 + 1):
                    inside = min(end, (k + 1) * 300_000_000) - max(start, k * 300_000_000)
                    octets[k] += Fraction(difference * inside, end - start) if inside < end - start else difference
                    covered[k] += inside
            used = [
                float(octets[k] * 1_000_000 / covered[k]) / FULL
                for k in range(LAST_K - 2015, LAST_K + 1)
                if covered[k] >= 240_000_000
            ]
            found = told.load.evidence["readings"]["window"]["directions"][word]
            assert found["present"] == len(used), told.seed
            if used:
                ordered = sorted(used)
                expected = ordered[-(-95 * len(ordered) // 100) - 1]
                assert found["value"] == pytest.approx(expected, rel=1e-6), told.seed
        seen.add(told.load.standing.value)
    assert seen >= {"met", "at_risk", "missed", "unproven"}


def test_availability_is_that_of_a_count_second_by_second(histories):
    available, lost = {Service.UP, Service.ON_BACKUP}, {Service.ISOLATED, Service.UNREACHABLE}
    first = int(MONTH.start)
    for told in histories:
        month = bytearray(int(NOW) - first)
        for state, start, end in told.states:
            month[start - first : end - first] = bytes([1 if state in available else 2 if state in lost else 0]) * (
                end - start
            )
        for start, end in told.away:
            month[start - first : end - first] = bytes(end - start)
        up, down = month.count(1), month.count(2)
        assert told.service.value == (pytest.approx(up / (up + down)) if up + down else None), told.seed
        assert told.service.coverage == pytest.approx((up + down) / len(month)), told.seed
        assert told.service.error_budget.spent == pytest.approx(down), told.seed


@pytest.mark.parametrize("seed", [int(seed) for seed in FROZEN])
def test_a_frozen_history_has_the_figures_that_it_always_had(histories, seed):
    """What a verdict means does not change unseen."""
    found = json.loads(json.dumps(histories[seed].figures()))
    assert found == FROZEN[str(seed)]


def test_no_history_is_met_without_its_coverage(histories):
    for told in histories:
        for verdict, floor in ((told.load, P95.coverage), (told.service, SERVICE.coverage)):
            assert verdict.standing.value not in ("met", "at_risk") or verdict.coverage >= floor, told.seed

"""What is remembered says the same as what is judged afresh from the store, to the last digit, whatever happened."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import Capacity, End, Octets, Port, Slot, Subject
from netmon.seen import StoreEvidence, Turns
from netmon.store import Store
from netmon.store.records import dump_verdict
from netmon.targets.declared import Declarations
from netmon.targets.definitions import BasisKind, Environment, OpticalMargin, RadioAvailability
from netmon.targets.evaluate import evaluate, percentile_links
from netmon.targets.evaluate import window_of as window_at
from netmon.targets.load import NEEDED, Highest, Load
from netmon.targets.memory import Memory
from netmon.targets.percentile import judge_link, rank, slots_needed, window_of
from netmon.targets.rules import Afresh
from netmon.targets.windows import month_of
from tests.effort import examples
from tests.targets.made import AROUND, FULL, LINK_UP, NOW, P95, P95_DAILY, SERVICE, SHARE, NoMeter, link, site, units

START_K = 20_500 * 288 - 84
"""The first slot of a local day."""
COMMUNE = "01273"
MONTHLY = (replace(P95_DAILY, id="daily"), replace(P95, id="lower", limit=0.6), SERVICE, LINK_UP, SHARE)
TARGETS = (P95, *MONTHLY, replace(SERVICE, id="week", window_days=7))


class Province:
    """A store that is written to as netmon does, by dice: each end stores its slots in their order, some of them late."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self.store, self.dice = store, dice
        self.k = START_K + dice.randrange(8 * 288, 11 * 288)
        self.targets = TARGETS
        self.links = {name: self.link(name) for name in ("a", "b", "c")}
        self.sites = {f"site-{name}": site(f"site-{name}") for name in self.links}
        self.waiting: dict[tuple[str, End], list[Slot]] = {(name, end): [] for name in "abc" for end in End}
        self.level = {name: dice.choice([0.3, 0.8, 0.93]) for name in "abc"}
        self.states: dict[Subject, float] = {}
        first = self.k - dice.choice([300, 2016, 2400])
        self.measured = self.k
        self.store.record_start(first * 300.0)
        for key in self.waiting:
            self.measure(key, first, self.k)
        self.write(dice.choice(["measured", "measured", "simulated"]))
        for _ in range(dice.randrange(6)):
            self.change_states(first * 300 + dice.random() * (self.k - first) * 250)
        if dice.random() < 0.7:
            store.fold(self.now)

    @property
    def now(self) -> float:
        return self.k * 300 + 75.25

    def link(self, name: str):
        dice = self.dice
        changed = [(START_K + dice.randrange(0, 11 * 288)) * 300 + dice.choice([0, 17])] * dice.randrange(2)
        capacities = [Capacity(at, FULL * dice.uniform(0.5, 2), FULL * dice.uniform(0.5, 2)) for at in (-inf, *changed)]
        made = link(*capacities[dice.random() < 0.1 :], name=name, at=f"site-{name}")
        return replace(made, near=Port("d", name), far=Port("e", name) if dice.random() < 0.7 else None)

    def measure(self, key: tuple[str, End], first: int, stop: int) -> None:
        """Slots of one end; with gaps, too little covered, or one direction missing."""
        dice, lost = self.dice, self.dice.choice([0, 0.02, 0.3])
        for k in range(first, stop):
            if dice.random() < lost:
                continue
            ways = []
            for _ in range(2):
                covered = dice.choice([300] * 30 + [240, 239]) * 1_000_000
                ways.append(Octets(int(dice.triangular(0, 1.1, self.level[key[0]]) * FULL * covered / 1e6), covered))
            self.waiting[key].append(Slot(k, *ways))

    def write(self, source: str = "measured") -> None:
        for (name, end), slots in self.waiting.items():
            self.store.put_link(name, end, slots=slots, source=source)
            slots.clear()

    def change_states(self, at: float) -> None:
        for subject in [Subject("site", f"site-{name}") for name in "abc"] + [Subject("link", name) for name in "abc"]:
            if self.dice.random() < 0.5 and at >= self.states.get(subject, 0):
                self.states[subject] = at + 300
                source = self.dice.choice(["measured", "measured", "simulated"])
                words = ("up", "on_backup", "isolated", "unknown") if subject.kind == "site" else ("up", "down", "unknown")
                self.store.begin_span(subject, "suspect", at, source)
                match self.dice.randrange(4):
                    case 0:
                        self.store.flush()
                    case 1:
                        self.store.rename_span(subject, self.dice.choice(words))
                    case 2:
                        self.store.begin_span(subject, self.dice.choice(words), at + 200.5)
                        self.store.end_span(subject, at + 300)
                    case 3:
                        self.store.begin_span(subject, self.dice.choice(words), at + 7.1, source)

    def go_on(self) -> None:
        """Some time goes by: an end may keep its slots back for long, but then it stores them up to the newest."""
        before, self.k = self.k, self.k + self.dice.choice([0, 1, 1, 1, 1, 2, 3, 12, 100, 287, 289])
        for key, slots in self.waiting.items():
            self.measure(key, self.measured, self.k)
            if self.k > max(before, self.measured) and self.dice.random() < 0.7:
                newest = Slot(self.k - 1 - self.dice.randrange(2), Octets(5, 300_000_000), Octets(9, 300_000_000))
                ready = [slot for slot in slots if slot.k < newest.k]
                self.store.put_link(*key, slots=[*ready, newest])
                self.waiting[key] = [slot for slot in slots if slot.k > newest.k]
        self.measured = max(self.measured, self.k)
        self.change_states(before * 300 + self.dice.random() * 60)
        if self.dice.random() < 0.2:
            self.store.fold(self.now)

    def reload(self) -> None:
        name = self.dice.choice("abc")
        self.links = {**self.links, name: self.link(name)}
        self.targets = self.dice.choice([TARGETS, TARGETS[1:], (replace(P95, limit=0.4), *MONTHLY)])

    def restart(self) -> None:
        """netmon was away; what its ends had left open they store once it is back, and not later."""
        self.store.heartbeat(self.now - 20)
        self.k += self.dice.choice([0, 1, 50, 700])
        self.store.record_start(self.now - 10)

    @property
    def inventory(self) -> Inventory:
        return Inventory(self.sites, {}, self.links)

    def verdicts(self, parts) -> list:
        return list(evaluate(self.targets, self.inventory, units([COMMUNE, "01279"]), parts, self.now))


def written(verdicts) -> list[str]:
    return [dump_verdict(verdict) for verdict in verdicts]


@settings(max_examples=examples(6), deadline=None)
@given(st.integers(0, 2**32))
def test_a_memory_says_what_the_whole_store_says(seed):
    """Gaps, the far end, capacities that change, late slots, restarts, packed days, reloads, a clock that goes back."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory) / "s.db", NoMeter()) as store:
        province, memory = Province(store, dice), Memory()
        earlier: list[tuple[list, list[str]]] = []
        for _ in range(dice.randrange(4, 12)):
            store.flush()
            evidence = StoreEvidence(store.reader(), Turns(Event()))
            memory.look(evidence, AROUND, percentile_links(province.targets, province.inventory), province.now)
            expected = written(province.verdicts(Afresh(evidence, AROUND)))
            found = province.verdicts(memory)
            earlier.append((found, expected))
            if dice.random() < 0.6:
                assert written(found) == expected
            match dice.randrange(10):
                case 0:
                    province.restart()
                    memory = Memory()
                    continue
                case 1 | 2:
                    province.reload()
                case 3:
                    province.k -= dice.choice([1, 3, 300])
            province.go_on()
        for found, expected in earlier:
            assert written(found) == expected, "evidence speaks of the moment of its verdict"


def looked(memory: Memory, province: Province, evidence: StoreEvidence) -> tuple[list[str], list[str]]:
    """What a memory says now, and what is said afresh."""
    province.store.flush()
    memory.look(evidence, AROUND, percentile_links(province.targets, province.inventory), province.now)
    found = written(province.verdicts(memory))
    return found, written(province.verdicts(Afresh(StoreEvidence(province.store.reader(), Turns(Event())), AROUND)))


@pytest.fixture
def province(tmp_path):
    with Store.open(tmp_path / "s.db", NoMeter()) as store:
        yield Province(store, random.Random(7))


def test_what_was_left_open_long_before_a_restart_counts_although_its_end_is_dead(province):
    """A netmon that starts closes the slots that it had open when it stopped: seconds later, however old they are."""
    memory, evidence = Memory(), StoreEvidence(province.store.reader(), Turns(Event()))
    left, province.k = province.k, province.k + 100
    for _ in range(2):
        found, expected = looked(memory, province, evidence)
        assert found == expected
        slot = Slot(left, Octets(10**9, 300_000_000), Octets(10**9, 300_000_000))
        province.store.put_link("a", End.NEAR, slots=[slot])
        province.k += 1


def test_states_that_change_while_they_are_read_are_read_again(province):
    """A suspicion that comes between two reads and is gone at the next look leaves no trace, as in the store."""
    store, subject = province.store, Subject("site", "site-a")
    store.begin_span(subject, "isolated", province.now - 3000)

    class Racing(StoreEvidence):
        def newest(self, kind):
            keys = super().newest(kind)
            store.begin_span(subject, "suspect", province.now - 50)
            store.flush()
            return keys

    memory = Memory()
    looked(memory, province, Racing(store.reader(), Turns(Event())))
    store.rename_span(subject, "isolated")
    province.k += 1
    found, expected = looked(memory, province, StoreEvidence(store.reader(), Turns(Event())))
    assert found == expected


def test_a_moving_window_leaves_simulated_states_behind(province):
    store, subject = province.store, Subject("site", "site-b")
    store.begin_span(subject, "up", province.now - 7 * 86_400 - 100, "simulated")
    store.begin_span(subject, "isolated", province.now - 7 * 86_400 + 500)
    memory, evidence = Memory(), StoreEvidence(store.reader(), Turns(Event()))
    for _ in range(3):
        found, expected = looked(memory, province, evidence)
        assert found == expected
        province.k += 1


def test_a_late_slot_of_a_day_that_has_ended_changes_the_daily_reading():
    """And the near end speaks whenever it comes, also with a whole day after the far end's slots."""
    now, slots = NOW, slots_needed(NOW)
    load = Load(replace(link(), far=Port("e", "x")), slots)
    rates = {k: 0.85 * FULL for k in slots if k != slots.start + 5}
    for k in rates:
        load.add(k, True, rates[k], 1.0, False)
    near = [0.5 * FULL] * 287 + [nan]
    load.add_day(False, slots.start + 288, near, near, 0)
    window = window_of(P95_DAILY, now)

    def both():
        return dump_verdict(load.verdict(P95_DAILY, window, now)), dump_verdict(
            judge_link(P95_DAILY, load.link, load.rates(), now)
        )

    found, expected = both()
    assert found == expected
    days = json.loads(found)["evidence"]["readings"]["daily"]["directions"]["receive"]["days"]
    assert [day["value"] for day in days] == pytest.approx([0.85, 0.5, *[0.85] * 5])
    assert load.rates().near_receive[288 + 286] == 0.5 * FULL
    assert isnan(load.rates().near_receive[288 + 287])
    load.add(slots.start + 5, False, 0.99 * FULL, 1.0, False)
    found, expected = both()
    assert found == expected


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=900), st.integers(0, 1500))
def test_the_highest_values_tell_the_percentile_of_all(changes, already):
    """Values come and go, many of them equal; when too few of the highest are left it says so."""
    every = [value % 50 for value in range(already)]
    highest = Highest(every)
    for adds, value in changes:
        if adds:
            every.append(value)
            highest.add(value)
        elif every:
            gone = every.pop(value % len(every))
            highest.remove(gone)
    every.sort()
    assert highest.count == len(every)
    if highest.enough:
        assert highest.percentile() == (every[rank(len(every)) - 1] if every else None)
        assert highest.more_than_spared(30) == (sum(value > 30 for value in every) >= NEEDED)
    else:
        assert len(highest.values) < NEEDED


class Telling:
    """Evidence of what others tell, that counts how often it is asked. The month before had none of it."""

    def __init__(self):
        self.asked = 0

    def declared(self, window):
        return Declarations((), window)

    def summaries(self, subject, figure, window, *, days=False):
        self.asked += 1
        return []

    def cells(self, site, window):
        self.asked += 1
        return {}


@pytest.mark.parametrize("rule", [RadioAvailability, Environment, OpticalMargin])
def test_what_others_tell_is_judged_once_an_hour_and_at_once_in_a_new_month(rule):
    target = rule(id="t", title_vi="", title_en="", limit=1.0, basis="", basis_kind=BasisKind.LOCAL)
    place = link(name="a") if rule is OpticalMargin else site("a")
    memory, news = Memory(), Telling()
    month = month_of(NOW)

    def judged(now):
        before = news.asked
        memory.look(news, AROUND, {}, now)
        return memory.judge(target, place, window_at(target, now), now), news.asked - before

    first, asked = judged(month.start + 5000)
    assert asked
    assert judged(month.start + 5000 + 60) == (first, 0)
    assert judged(month.start + 5000 + 3600)[1] == asked, "an hour later"
    just_before, _ = judged(month.end - 1)
    after, asked_again = judged(month.end + 1)
    if target.window_days is None:
        assert (after.window.start, asked_again) == (month.end, asked)
        assert just_before.window == month

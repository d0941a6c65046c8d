"""What operators tell of their cells: what holds, until when, what is stored and what is shown."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from netmon.cells import FORGOTTEN_S, MOST, RESTORED_S, Cells
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.inventory import Inventory
from netmon.model import Carrier, CellName, CellReport, CellState, Device, Site, SiteKind, Subject
from netmon.store import Store
from tests.effort import examples
from tests.store.conftest import Counts

T0 = 1_800_000_000.0
UP, DOWN, UNKNOWN = CellState.UP, CellState.DOWN, CellState.UNKNOWN
A, B = (CellName("s1", "viettel", "4g", name) for name in ("A-1", "B/2"))


def masts(*carriers, site="s1", commune="01273"):
    made = Site(id=site, name="BTS", kind=SiteKind.BTS, province="04", commune=commune, carriers=carriers)
    return Inventory({site: made}, {}, {})


VIETTEL = Carrier(operator="viettel", technologies=("3g", "4g"))
VNPT = Carrier(operator="vnpt", technologies=("4g", "5g"))


class Written:
    """What the store would have written: the spans of cells, by the rules of `Store.begin_span` and `end_span`."""

    def __init__(self):
        self.spans = {}

    def begin_span(self, subject, state, start, source="measured"):
        spans = self.spans.setdefault(subject, [])
        if spans and spans[-1][2] is None:
            if spans[-1][0] == state:
                return
            start = max(start, spans[-1][1])
            self.end_span(subject, start)
        if spans and (spans[-1][0], spans[-1][2]) == (state, start):
            spans[-1][2] = None
        else:
            spans.append([state, start, None])

    def end_span(self, subject, end):
        spans = self.spans[subject]
        if spans[-1][1] >= end:
            spans.pop()
        else:
            spans[-1][2] = end

    def at(self, name, unix):
        """The state at an instant, None where nothing is said."""
        spans = self.spans.get(Subject("cell", name.id), [])
        return next((state for state, start, end in spans if start <= unix and (end is None or unix < end)), None)


class Mast:
    """Cells of one inventory, with a page of their own."""

    def __init__(self, things=None, store=None, meter=None):
        self.page = Page(OwnMetrics())
        self.written = store or Written()
        self.cells = Cells(self.written, Outlets(self.page), meter or OwnMetrics())
        self.cells.follow(things or masts(VIETTEL, VNPT), T0)

    def tell(self, at, now=None, holds=900.0, **states):
        names = {"a": A, "b": B}
        told = tuple((names[key], state) for key, state in states.items())
        return self.cells.take([CellReport(T0 + at, holds, "feed", told)], T0 + (at if now is None else now))

    def held(self, name=A):
        return next((told.held for told in self.cells.of(name.site) if told.name == name), None)

    def shown(self):
        """operator/technology/state of all that is not 0."""
        lines = [line for line in self.page.render().decode().splitlines() if line.startswith("netmon_carrier_cells{")]
        found = {}
        for line in lines:
            labels, value = line[len("netmon_carrier_cells{") :].rsplit("} ", 1)
            said = dict(part.replace('"', "").split("=") for part in labels.split(","))
            assert (said["province"], said["commune"]) == ("04", "01273")
            key = "/".join((said["operator"], said["technology"], said["state"]))
            assert key not in found
            found[key] = int(float(value))
        self.series = len(lines)
        return {key: value for key, value in found.items() if value}


def test_a_technology_of_which_nothing_was_told_has_one_unknown():
    """And all three states always: a rule can rest on the series that are 0, too."""
    mast = Mast()
    assert mast.shown() == {f"{name}/unknown": 1 for name in ("viettel/3g", "viettel/4g", "vnpt/4g", "vnpt/5g")}
    assert mast.series == 12
    mast.tell(0, a=UP, b=DOWN)
    unknown = {f"{name}/unknown": 1 for name in ("viettel/3g", "vnpt/4g", "vnpt/5g")}
    assert mast.shown() == {"viettel/4g/up": 1, "viettel/4g/down": 1} | unknown, "nor does one technology tell of another"
    assert mast.series == 12


def test_a_cell_is_unknown_from_the_moment_at_which_what_was_told_ceases_to_hold():
    mast = Mast()
    mast.tell(0, a=UP)
    mast.cells.sweep(T0 + 899)
    assert mast.held().state is UP
    mast.cells.sweep(T0 + 903)
    assert mast.held()[:2] == (UNKNOWN, T0 + 900)
    assert mast.shown()["viettel/4g/unknown"] == 1
    mast.tell(1000, a=DOWN)
    assert [mast.written.at(A, T0 + at) for at in (0, 899, 900, 999, 1000)] == [UP, UP, UNKNOWN, UNKNOWN, DOWN]


def test_an_older_report_changes_nothing_and_one_ahead_of_us_is_dated_now():
    mast = Mast()
    mast.tell(600, a=DOWN)
    before = mast.held()
    assert mast.tell(599, now=605, a=UP) == ""
    assert mast.held() == before
    mast.tell(5000, now=700, a=UP)
    assert (mast.held().since, mast.held().until) == (T0 + 700, T0 + 1600)
    mast.tell(701, a=DOWN)
    assert mast.held().state is DOWN


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (CellName("s2", "viettel", "4g", "x"), "no carriers at a site 's2'"),
        (CellName("s1", "mobifone", "4g", "x"), "'mobifone' is none of the carriers of s1: viettel, vnpt"),
    ],
)
def test_cells_of_an_operator_that_is_not_on_the_mast_are_refused_with_all_that_came_with_them(name, why):
    mast = Mast()
    assert why in mast.cells.take([CellReport(T0, 900, "feed", ((A, UP), (name, UP)))], T0)
    assert mast.cells.of("s1") == []
    assert not mast.written.spans


def test_names_without_end_are_refused():
    mast = Mast()
    many = tuple((CellName("s1", "vnpt", "4g", str(n)), UP) for n in range(MOST))
    assert mast.cells.take([CellReport(T0, 900, "feed", many)], T0) == ""
    assert "more than 1000 cells" in mast.cells.take([CellReport(T0, 900, "feed", ((A._replace(operator="vnpt"), UP),))], T0)
    assert mast.tell(0, a=UP) == "", "of another operator there is room"


def test_a_mast_or_an_operator_that_left_the_inventory_is_forgotten():
    mast = Mast()
    mast.tell(0, a=UP)
    other = CellName("s1", "vnpt", "4g", "x")
    mast.cells.take([CellReport(T0, 900, "feed", ((other, UP),))], T0)
    mast.cells.follow(masts(VNPT), T0 + 100)
    assert mast.shown() == {"vnpt/4g/up": 1, "vnpt/5g/unknown": 1}
    assert mast.written.spans[Subject("cell", A.id)] == [[UP, T0, T0 + 100]]
    mast.cells.follow(masts(), T0 + 200)
    assert mast.shown() == {}
    assert mast.cells.of("s1") == []


def test_a_cell_that_has_been_unknown_for_a_month_is_forgotten():
    mast = Mast()
    mast.tell(0, a=UP, b=UP)
    mast.tell(FORGOTTEN_S, b=UP)
    mast.cells.sweep(T0 + FORGOTTEN_S + 900)
    assert [told.name for told in mast.cells.of("s1")] == [B]


def test_a_step_of_the_clock_moves_what_holds():
    mast = Mast()
    mast.tell(0, a=UP)
    mast.cells.shift(-3600)
    assert mast.held().until == T0 - 2700
    mast.cells.sweep(T0 - 2700)
    assert mast.held().state is UNKNOWN


def test_a_cell_is_known_after_a_restart_for_a_while_unless_it_is_told_again(tmp_path):
    """And time in which netmon did not run is nobody's."""

    def start(now):
        store = Store.open(tmp_path / "netmon.db", OwnMetrics())
        store.record_start(now)
        mast = Mast(store=store)
        mast.cells.restore(store.reader(), now)
        return store, mast

    store, mast = start(T0)
    mast.tell(0, a=UP, b=DOWN)
    store.record_stop(T0 + 100)
    store.close()
    store, mast = start(T0 + 130)
    assert (mast.held(A).state, mast.held(B).state) == (UP, DOWN)
    assert mast.shown()["viettel/4g/up"] == 1
    mast.tell(300, a=UP)
    mast.cells.sweep(T0 + 100 + RESTORED_S)
    assert (mast.held(A).state, mast.held(A).since, mast.held(B).state) == (UP, T0, UNKNOWN)
    store.record_stop(T0 + 1000)
    store.close()
    store, mast = start(T0 + 86_400)
    assert {told.held.state for told in mast.cells.of("s1")} == {UNKNOWN}
    store.flush()
    spans = store.reader().spans(Subject("cell", A.id), T0, T0 + 2000)
    assert [(span.state, span.start - T0, span.end - T0) for span in spans][:2] == [("up", 0, 100), ("up", 300, 1000)]
    store.close()


def test_what_was_told_again_before_a_restart_is_not_undone_by_what_is_older(tmp_path):
    """A report tells what was so when netmon was last alive, not only when it began."""
    with Store.open(tmp_path / "netmon.db", OwnMetrics()) as store:
        store.record_start(T0)
        mast = Mast(store=store)
        for at in (0, 300, 600):
            mast.tell(at, a=DOWN)
        store.record_stop(T0 + 610)
    with Store.open(tmp_path / "netmon.db", OwnMetrics()) as store:
        store.record_start(T0 + 660)
        mast = Mast(store=store)
        mast.cells.restore(store.reader(), T0 + 660)
        mast.tell(250, now=670, a=UP)
        assert mast.held()[:2] == (DOWN, T0)
        mast.tell(650, now=680, a=UP)
        assert mast.held()[:2] == (UP, T0 + 650)


def test_a_clock_that_is_wrongly_ahead_does_not_make_true_reports_old():
    """The reports bear the time of others: ahead of them what was told ceases to hold, and back with them they count."""
    mast = Mast()
    mast.tell(0, a=UP)
    mast.cells.shift(3600)
    for at in (300, 600):
        mast.tell(at, now=at + 3600, a=DOWN)
        assert mast.held().state is UNKNOWN
    mast.cells.shift(-3600)
    mast.tell(900, a=DOWN)
    assert mast.held().state is DOWN


def test_many_masts_in_one_file_take_no_longer_than_their_rows():
    """Twice the masts is twice the work: what is looked at is counted, not the time that it takes."""
    looked = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other):
            nonlocal looked
            looked += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    names = [f"s{n}" for n in range(100)]
    sites = {name: masts(VIETTEL, site=name).sites[name] for name in names}
    mast = Mast(Inventory(sites, {}, {}))
    states = tuple((CellName(Counted(name), "viettel", "4g", "A"), UP) for name in names)
    assert mast.cells.take([CellReport(T0, 900, "feed", states)], T0) == ""
    assert looked < 30 * len(names)


def test_of_two_gateways_that_contradict_each_other_the_first_speaks_until_its_word_ceases_to_hold():
    """It is counted, and told in the log once an hour. When they agree the second keeps the cell alive; a file is no
    gateway: its later word wins."""
    things, meter = masts(VIETTEL), Counts()
    things = replace(things, devices={name: Device(id=name, site="s1") for name in ("gw-1", "gw-2")})
    mast = Mast(things, meter=meter)

    def tell(at, source, state):
        mast.cells.take([CellReport(T0 + at, 900, source, ((A, state),))], T0 + at)
        return mast.held().state

    with capture_logs() as logs:
        for minute in range(0, 3600, 60):
            assert tell(minute, "gw-1", UP) is UP
            assert tell(minute + 30, "gw-2", (DOWN, UNKNOWN)[minute % 120 // 60]) is UP
    assert meter.totals["netmon_mqtt_remarks_total"] == 60
    assert [entry["event"] for entry in logs] == ["two gateways contradict each other on cells; the first one counts"]
    assert len(mast.written.spans[Subject("cell", A.id)]) == 1
    assert tell(3540 + 901, "gw-2", DOWN) is DOWN, "the first has been silent for its hold"
    assert tell(3540 + 902, "gw-2", UP) is UP
    assert tell(4700, "gw-1", UP) is UP
    mast.cells.sweep(T0 + 4442 + 900)
    assert mast.held().state is UP, "what they agree on is kept alive by either"
    assert tell(5400, "gw-1", DOWN) is DOWN, "the one that spoke first has been silent"
    assert tell(5401, "file.csv", UP) is UP
    assert tell(5402, "gw-2", UNKNOWN) is UNKNOWN
    assert meter.totals["netmon_mqtt_remarks_total"] == 60


def test_the_operators_own_gateway_counts_before_the_device_of_a_mast_whoever_spoke_first():
    """Else what stands at the mast could keep a fall from the province for as long as it says that its word holds."""
    devices = {
        "ctl": Device(id="ctl", site="s1", feeds=("vnpt",)),
        "noc": Device(id="noc", site="s9", feeds=("viettel",)),
        "noc-2": Device(id="noc-2", site="s9", feeds=("viettel",)),
    }
    meter = Counts()
    mast = Mast(replace(masts(VIETTEL), devices=devices), meter=meter)

    def tell(at, source, state, holds=900):
        mast.cells.take([CellReport(T0 + at, holds, source, ((A, state),))], T0 + at)
        return mast.held().state

    assert tell(0, "ctl", UP, holds=3 * 86_400) is UP
    assert tell(1, "noc", DOWN) is DOWN
    assert tell(2, "ctl", UP, holds=3 * 86_400) is DOWN
    assert tell(3, "noc-2", UP) is DOWN, "of two gateways of his the first counts"
    assert meter.totals["netmon_mqtt_remarks_total"] == 2
    assert tell(4, "noc", UP) is UP
    assert tell(5, "ctl", DOWN) is UP
    assert tell(4 + 901, "ctl", DOWN) is DOWN, "the gateway is silent: the mast may tell"
    assert tell(4 + 902, "noc-2", DOWN) is DOWN
    assert tell(4 + 903, "ctl", UP) is DOWN, "where both agree the gateway's word is the one that holds"


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 40),  # how much later it comes than the event before
        st.one_of(
            st.none(),  # the clock alone
            st.tuples(st.integers(-60, 20), st.sampled_from(CellState), st.integers(1, 50)),  # its age, state and hold
        ),
    ),
    max_size=25,
)


@settings(max_examples=examples(100), deadline=None)
@given(EVENTS)
def test_spans_are_what_a_second_by_second_model_says(events):
    """The model paints seconds: a report paints from its time on, but not before the last change that was told by then; and
    of whatever is shown as up there is a report that still holds."""
    mast, now, newest = Mast(), 0, None
    painted, holding = {}, {}
    for later, report in events:
        now += later
        if report is None:
            mast.cells.sweep(T0 + now)
        else:
            age, state, holds = report
            mast.tell(now + age, now=now, holds=holds, a=state)
            at = min(now + age, now)
            if newest is None or at >= newest:
                newest = at
                told = [painted.get(second) for second in range(-100, now + 1)]
                changes = [n - 100 for n in range(1, len(told)) if told[n] != told[n - 1]]
                start = max([at, *changes]) if painted else at
                for second in range(start, 3000):
                    painted[second] = state if second < at + holds or state is UNKNOWN else UNKNOWN
                holding = {second for second in range(at, at + holds) if state is UP}
        mast.cells.sweep(T0 + now)
        if painted:
            assert mast.held().state is painted[now]
        assert mast.held() is None or mast.held().state is not UP or now in holding
    for second in range(-100, now + 1):
        assert mast.written.at(A, T0 + second) == painted.get(second)


@given(st.permutations([(0, UP), (10, DOWN), (20, UNKNOWN), (30, UP)]))
def test_whatever_the_order_in_which_they_come_the_latest_report_holds(reports):
    mast = Mast()
    for at, state in reports:
        mast.tell(at, now=100, a=state)
    assert mast.held().state is UP
    assert mast.held().until == T0 + 930


def test_the_page_follows_a_mast_that_moved_to_another_commune():
    mast = Mast()
    mast.tell(0, a=UP)
    moved = masts(VIETTEL)
    mast.cells.follow(replace(moved, sites={"s1": replace(moved.sites["s1"], commune="01288")}), T0)
    assert 'commune="01288"' in mast.page.render().decode()
    assert 'commune="01273"' not in mast.page.render().decode()

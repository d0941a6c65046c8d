"""From closed slots to verdicts: what is judged when, and a month that is over."""

import json
import subprocess
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from netmon import units
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.judge import Judge, due_months
from netmon.model import Declared, End, Octets, Slot, Standing, Subject, WindowChange, WindowKind
from netmon.settings import load
from netmon.store import Store
from netmon.targets.evaluate import judged_links
from netmon.targets.windows import month_of

COMMUNE = "01273"
OCTOBER = month_of(datetime(2026, 10, 15, tzinfo=UTC).timestamp())
RATE = 25_000_000 * 0.7
FIGURES = ("raw", "without_declared")


@pytest.fixture
def settings(tmp_path):
    titles = {"title": {"vi": "x", "en": "x"}, "basis": "local", "basis_kind": "local", "level": "commune"}
    link = {"id": "f1", "to": "centre", "kind": "fibre", "role": "primary", "network": "tslcd_2", "capacity": "200 Mbit/s"}
    link["near"] = {"device": "r1", "interface": "ge0"}
    device = {"id": "r1", "address": "192.0.2.1"}
    site = {
        "id": "s1",
        "name": "UBND",
        "commune": COMMUNE,
        "kind": "peoples_committee",
        "devices": [device],
        "links": [link],
    }
    centre = {"id": "centre", "name": "TT", "commune": COMMUNE, "kind": "provincial_centre"}
    share = {**titles, "id": "all", "level": "province", "rule": "share", "of": "up", "limit": "100 %"}
    targets = [
        {**titles, "id": "p95", "rule": "percentile_utilisation", "window": "7d", "limit": "90 %"},
        {**titles, "id": "up", "rule": "availability", "window": "month", "limit": "99.5 %"},
        {**titles, "id": "up7", "rule": "availability", "window": "7d", "limit": "99.5 %"},
        share,
    ]
    text = '{"province": "04", "credentials": {"c": {"version": "2c", "community": !env NOBODY_SETS_THIS}}, "poll": {}}'
    (tmp_path / "inventory").mkdir()
    (tmp_path / "netmon.yaml").write_text(text)
    (tmp_path / "inventory/a.yaml").write_text(json.dumps({"sites": [site, centre]}))
    (tmp_path / "targets.yaml").write_text(json.dumps({"targets": targets}))
    return load(tmp_path, secrets=False)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "netmon.db", OwnMetrics()) as store:
        yield store


def fill(store, start, end):
    """Steady traffic at 70 % of the contract, and a service that was up but for two hours."""
    octets = Octets(int(RATE * 300), 300_000_000)
    slots = [Slot(k, octets, octets) for k in range(int(start // 300), int(end // 300))]
    store.put_link("f1", End.NEAR, slots=slots)
    first = max(start, OCTOBER.start)
    for at, state in ((first, "up"), (first + 86_400, "isolated"), (first + 86_400 + 7200, "up")):
        store.begin_span(Subject("site", "s1"), state, at)
    store.flush()


async def test_a_month_that_ended_gets_its_final_verdicts_once_and_they_are_frozen(settings, store):
    """The first judging of November closes October: each monthly target, on part, commune and province."""
    fill(store, OCTOBER.start - 8 * 86_400, OCTOBER.end + 3600)
    reader, page = store.reader(), Page(OwnMetrics())
    judge = Judge(units.load(), store, reader, Outlets(page), OwnMetrics())
    await judge.judge(settings, OCTOBER.end - 600)
    store.flush()
    assert reader.frozen() == []
    await judge.judge(settings, OCTOBER.end + 75)
    store.flush()
    assert reader.frozen() == []
    await judge.judge(settings, OCTOBER.end + 675)
    store.flush()
    frozen = reader.frozen()
    assert {f.verdict.window for f in frozen} == {OCTOBER}
    assert all(f.verdict.final and f.revision == 1 for f in frozen)
    names = {f.verdict.id: f.verdict for f in frozen}
    assert {name.split("/")[0] for name in names} == {"p95", "up", "all"}, "a rolling availability has no month"
    assert names["p95/f1"].standing is Standing.MET
    assert names["p95/f1"].value == pytest.approx(0.7)
    assert names["up/s1"].standing is Standing.MET
    assert names["all/04"].standing is Standing.UNPROVEN, "the other communes have no evidence"
    assert reader.verdict("up", "s1").window == month_of(OCTOBER.end), "the current verdict is November's"
    for minutes in (15, 20):
        await Judge(units.load(), store, reader, Outlets(page), OwnMetrics()).judge(settings, OCTOBER.end + 60 * minutes)
    store.flush()
    assert [f.revision for f in reader.frozen()] == [1] * len(frozen), "what is frozen is not judged again by itself"
    fewer = replace(settings, targets=settings.targets[1:])
    await judge.judge(fewer, OCTOBER.end + 1800)
    store.flush()
    assert reader.verdicts("p95") == [], "what is judged no more has no current verdict"


@pytest.mark.parametrize(("set_back_s", "frozen"), [(0, False), (31 * 86_400, False), (-86_460, True)])
async def test_no_month_is_closed_by_a_clock_that_the_netmon_before_doubted(
    settings, store, monkeypatch, set_back_s, frozen
):
    """A restart makes no clock right; for a day at most, also where it was set back by a month since."""
    fill(store, OCTOBER.start, OCTOBER.end + 900)
    Judge(units.load(), store, store.reader(), Outlets(Page(OwnMetrics())), OwnMetrics()).doubt()
    store.flush()
    now = time.time() - set_back_s
    monkeypatch.setattr("netmon.judge.time.time", lambda: now)
    judge = Judge(units.load(), store, store.reader(), Outlets(Page(OwnMetrics())), OwnMetrics())
    await judge.judge(settings, OCTOBER.end + 900)
    store.flush()
    assert bool(store.reader().frozen()) is frozen
    if not frozen:
        judge._doubted_until -= 86_401
        await judge.judge(settings, OCTOBER.end + 900)
        store.flush()
        assert store.reader().frozen()


def test_a_month_is_due_once_it_is_over_settled_and_not_frozen():
    november = month_of(OCTOBER.end)
    first = OCTOBER.start + 86_400
    assert due_months(first, set(), OCTOBER.end + 100) == [], "its last slots may still be waiting for a late poll"
    assert due_months(first, set(), OCTOBER.end + 700) == [OCTOBER]
    assert due_months(first, {OCTOBER}, OCTOBER.end + 700) == []
    assert due_months(first, set(), november.end + 700) == [OCTOBER, november]
    assert due_months(None, set(), november.end + 700) == []


async def test_what_is_said_of_a_storm_after_its_month_was_closed_changes_nothing_that_is_frozen(settings, store):
    """The two hours lay in a storm: as it was known when the month closed, and not as it was ended weeks later."""
    lost = OCTOBER.start + 86_400
    fill(store, OCTOBER.start, OCTOBER.end + 3600)
    storm = Declared(
        id="bao-so-12-2026",
        kind=WindowKind.STORM,
        name="bão số 12",
        start=lost - 3600,
        until=lost + 3600,
        areas=("04",),
        closed=lost + 3600,
    )
    store.put_window(WindowChange(lost - 7200, "declare", "lan", "", storm))
    store.flush()
    reader = store.reader()
    judge = Judge(units.load(), store, reader, Outlets(Page(OwnMetrics())), OwnMetrics())
    await judge.judge(settings, OCTOBER.end + 675)
    store.flush()
    (frozen,) = reader.frozen("up", "s1")
    assert frozen.verdict.evidence["declared"] == [[lost - 3600, lost + 3600]]
    assert [frozen.verdict.evidence[figure]["not_available"] for figure in ("raw", "without_declared")] == [7200, 3600]
    longer = replace(storm, until=OCTOBER.end + 7200, closed=None, ended=None)
    store.put_window(WindowChange(OCTOBER.end + 700, "update", "lan", "", longer))
    store.flush()
    for now in (OCTOBER.end + 975, OCTOBER.end + 1275):
        await judge.judge(settings, now)
        await Judge(units.load(), store, reader, Outlets(Page(OwnMetrics())), OwnMetrics()).judge(settings, now)
    store.flush()
    assert reader.frozen("up", "s1") == [frozen]
    current = next(verdict for verdict in judge.verdicts if verdict.id == "up/s1")
    assert current.evidence["declared"] == [[OCTOBER.end, OCTOBER.end + 1275]], "what goes on is told as it stands"
    assert [change.verb for change in reader.window_log()] == ["declare", "update"]


async def test_a_month_that_a_clock_a_day_ahead_closed_is_closed_again_when_it_is_over(settings, store):
    """For hours that had not happened, `met` would have stood for good."""
    evening = OCTOBER.end - 4 * 3600
    fill(store, OCTOBER.start, evening)
    reader = store.reader()
    judge = Judge(units.load(), store, reader, Outlets(Page(OwnMetrics())), OwnMetrics())
    for early in (evening + 86_400, evening + 86_400 + 300):
        await judge.judge(settings, early)
        store.flush()
    assert {f.verdict.standing for f in reader.frozen("up", "s1")} == {Standing.MET}
    store.begin_span(Subject("site", "s1"), "isolated", evening)
    store.flush()
    for now in (OCTOBER.end + 675, OCTOBER.end + 975):
        await judge.judge(settings, now)
        store.flush()
    frozen = reader.frozen("up", "s1")
    assert [(f.revision, f.verdict.standing) for f in frozen] == [(1, Standing.MET), (2, Standing.MISSED)]
    assert reader.verdict("up", "s1").window == month_of(OCTOBER.end)


async def test_a_judging_that_is_told_to_stop_reads_no_more_of_the_store(settings, store):
    fill(store, OCTOBER.start, OCTOBER.end)
    judge = Judge(units.load(), store, store.reader(), Outlets(Page(OwnMetrics())), OwnMetrics())
    judge.stop()
    await judge.judge(settings, OCTOBER.end)
    await judge.join()
    assert judge.verdicts == []


def test_the_communes_of_a_province_that_left_the_configuration_go(store):
    """Their names would stay on the page for ever, and be written again and again."""
    page = Page(OwnMetrics())
    judge = Judge(units.load(), store, store.reader(), Outlets(page), OwnMetrics())
    for provinces, codes in ((["04", "08"], {"04", "08"}), (["04"], {"04"})):
        judge.show_communes(provinces, 1_800_000_000.0)
        lines = [line for line in page.render().decode().splitlines() if line.startswith("netmon_commune_info{")]
        assert {line.split('province="')[1][:2] for line in lines} == codes


def test_every_commune_has_its_name_and_its_place_on_the_page(store, promtool):
    page, register = Page(OwnMetrics()), units.load()
    Judge(register, store, store.reader(), Outlets(page), OwnMetrics()).show_communes(["04"], 1_800_000_000.0)
    text = page.render()
    lines = text.decode().splitlines()
    communes = register.communes("04", date(2027, 1, 15))
    for commune in communes:
        labels = f'province="04",commune="{commune.code}"'
        assert f"netmon_commune_latitude_degrees{{{labels}}} {commune.latitude}" in lines
        assert f"netmon_commune_longitude_degrees{{{labels}}} {commune.longitude}" in lines
    told = [line.partition("{")[0] for line in lines if line.startswith("netmon_commune_")]
    families = ("netmon_commune_info", "netmon_commune_latitude_degrees", "netmon_commune_longitude_degrees")
    assert Counter(told) == dict.fromkeys(families, len(communes))
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_both_figures_of_availability_stand_side_by_side(settings, store):
    """Of all that was seen, and without the storm: whichever the target judges."""
    began = OCTOBER.start + 86_400
    fill(store, OCTOBER.start, OCTOBER.start + 10 * 86_400)
    storm = Declared(
        id="bao-10", kind=WindowKind.STORM, name="Bão", start=began, until=began + 7200, areas=("04",), declared=began
    )
    store.put_window(WindowChange(began, "declare", "lan", "", storm))
    store.flush()
    page = Page(OwnMetrics())
    judge = Judge(units.load(), store, store.reader(), Outlets(page), OwnMetrics())
    judge.show_targets(settings.targets)
    await judge.judge(settings, OCTOBER.start + 10 * 86_400)
    told = dict(line.rpartition(" ")[::2] for line in page.render().decode().splitlines() if not line.startswith("#"))
    labels = f'province="04",commune="{COMMUNE}",target="up"'
    raw, without = (float(told[f'netmon_target_availability_ratio{{{labels},counted="{c}"}}']) for c in FIGURES)
    assert raw == pytest.approx(1 - 2 / 240)
    assert without == 1.0
    assert float(told[f"netmon_target_value{{{labels}}}"]) == raw
    titles = 'unit="ratio",basis_kind="local",title_vi="x",title_en="x"'
    assert told[f'netmon_target_info{{target="p95",level="commune",rule="percentile_utilisation",{titles}}}'] == "1.0"
    assert told[f'netmon_target_info{{target="all",level="province",rule="share",{titles}}}'] == "1.0"


def test_only_links_that_a_percentile_judges_are_kept_longer(settings):
    assert judged_links(settings.targets, settings.inventory) == {"f1"}
    assert judged_links(settings.targets[1:], settings.inventory) == set()


async def test_a_bug_in_a_rule_is_counted_and_the_last_verdicts_stand(settings, store, monkeypatch):
    own = OwnMetrics()
    judge = Judge(units.load(), store, store.reader(), Outlets(Page(own)), own)
    await judge.judge(settings, OCTOBER.end)
    before = judge.verdicts
    assert before

    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("netmon.judge.evaluate", broken)
    await judge.judge(settings, OCTOBER.end + 300)
    assert judge.verdicts is before
    assert 'netmon_bugs_total{room="targets"} 1.0' in own.render().decode()


async def test_what_stands_is_written_again_once_in_a_while_and_at_the_stop(settings, store, monkeypatch):
    """Evidence is large: of the verdicts that stand only those go to the store that were written longest ago."""
    fill(store, OCTOBER.start, OCTOBER.end - 86_400)
    judge = Judge(units.load(), store, store.reader(), Outlets(Page(OwnMetrics())), OwnMetrics())
    written: list[list[str]] = []
    put = store.put_verdicts

    def noting(verdicts, at):
        written[-1].extend(verdict.id for verdict in verdicts)
        put(verdicts, at)

    monkeypatch.setattr(store, "put_verdicts", noting)
    monkeypatch.setattr("netmon.judge.STORED_IN", 3)
    now = OCTOBER.end - 86_400
    for n in range(4):
        written.append([])
        await judge.judge(settings, now + 300 * n)
    every = {verdict.id for verdict in judge.verdicts}
    assert set(written[0]) == every
    assert all(0 < len(some) < len(every) for some in written[1:])
    assert set().union(*written[1:]) == every
    written.append([])
    judge.park(now + 1000)
    assert set(written[-1]) == every
    store.flush()
    again = Judge(units.load(), store, store.reader(), Outlets(Page(OwnMetrics())), OwnMetrics())
    assert {verdict.id for verdict in again.verdicts} == every
    one = next(verdict for verdict in again.verdicts if verdict.id == "up/s1")
    assert one.evidence["rule"] == "availability", "what was stored is known before the first judging, with its evidence"
    written.append([])
    await again.judge(settings, now + 900)
    assert len(written[-1]) < len(every), "a restart writes nothing anew"


async def test_the_page_is_told_only_what_changed(settings, store, monkeypatch):
    fill(store, OCTOBER.start, OCTOBER.end)
    outlets, put = Outlets(Page(OwnMetrics())), []
    told = outlets.put_values
    monkeypatch.setattr(outlets, "put_values", lambda owner, *rest, **more: (put.append(owner), told(owner, *rest, **more)))
    judge = Judge(units.load(), store, store.reader(), outlets, OwnMetrics())
    await judge.judge(settings, OCTOBER.end - 600)
    first, put[:] = set(put), []
    await judge.judge(settings, OCTOBER.end - 300)
    assert {f"verdict:p95/{COMMUNE}", f"verdict:up/{COMMUNE}", "verdict:all/04"} <= first
    assert f"verdict:up/{COMMUNE}" in put, "its value grows with the time"
    assert "verdict:p95/01279" not in put, "nothing is known of it, as before"
    assert set(put) < first

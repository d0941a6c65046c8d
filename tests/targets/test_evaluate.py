"""Who is judged, for whom it counts, and over which time: units that change, sites that move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.inventory import Inventory
from netmon.model import CellName, Former, LinkRole, SiteKind, Span, Standing, Subject, Summary, Window
from netmon.targets.declared import Declarations
from netmon.targets.definitions import (
    BackupDrill,
    BasisKind,
    Environment,
    Pooled,
    RadioAvailability,
    Redundancy,
    Restoration,
    Selection,
    Share,
)
from netmon.targets.evaluate import Units, evaluate, window_of
from netmon.targets.rules import Afresh, Surroundings, Timeline
from netmon.targets.windows import month_of
from tests.targets.made import NOW, P95, SERVICE, link, site, window_rates

NOVEMBER = month_of(NOW)
WORDS = {"title_vi": "Chỉ tiêu", "title_en": "Target", "basis": "NOC", "basis_kind": BasisKind.LOCAL}
DRILL = BackupDrill(id="drill", limit=90 * 86_400.0, applies_to=Selection(role=(LinkRole.BACKUP,)), **WORDS)
BACK = Restoration(id="back", limit=0.9, **WORDS)
CHANNELS = Redundancy(
    id="channels", limit=2, level="province", applies_to=Selection(site_kind=(SiteKind.PROVINCIAL_CENTRE,)), **WORDS
)


class Seen:
    """States by site; an outage is told where the state is isolated. Links carry half of their capacity."""

    def __init__(self, **spans):
        self.spans = spans

    def timeline(self, subject, window):
        told = self.spans.get(subject.id, [Span("up", 0, NOW)])
        clipped = [
            Span(s, max(a, window.start), min(b, window.end)) for s, a, b in told if a < window.end and b > window.start
        ]
        return Timeline(clipped)

    def declared(self, window):
        return Declarations((), window)

    def outages(self, subject, window):
        return []

    def peaks(self, link, days):
        return []

    def rates(self, link, slots):
        return window_rates([0.5] * 2016)


def run(targets, sites, links=(), seen=None, kinds=None, communes=("01273", "01279"), now=NOW, month=None):
    places = Inventory({each.id: each for each in sites}, {}, {each.id: each for each in links})

    def kind_at(code, at):
        return (kinds or {}).get(code, lambda at: "xa")(at)

    judged = Afresh(seen or Seen(), Surroundings(places.links_of_site(), kind_at, {}, places.sites))
    found = list(evaluate(targets, places, Units({"04": communes}, {}, kind_at), judged, now, month))
    verdicts = {verdict.id: verdict for verdict in found}
    assert len(verdicts) == len(found), "no verdict is said twice"
    return verdicts


MOVED = NOVEMBER.start + 10 * 86_400
OFFICE = replace(site("office", "01279"), former=(Former("01273", MOVED),))
LOST = [Span("up", 0, MOVED - 7200), Span("isolated", MOVED - 7200, MOVED), Span("up", MOVED, NOW)]


def test_a_site_that_moved_counts_for_each_commune_as_long_as_it_was_there():
    """Two hours lost on the last day in the old commune: 2 of 240 h there, none in the new one; the site itself has both."""
    verdicts = run([SERVICE], [OFFICE], seen=Seen(office=LOST))
    old, new, whole = (verdicts[f"availability/{name}"] for name in ("01273", "01279", "office"))
    assert old.value == pytest.approx(1 - 2 / 240)
    assert (new.value, new.standing) == (1.0, Standing.MET)
    assert whole.value == pytest.approx(1 - 7200 / (NOW - NOVEMBER.start))
    assert [part["window"] for part in old.evidence["parts"]] == [[NOVEMBER.start, MOVED]]
    assert old.window == new.window == NOVEMBER


def test_a_mast_and_a_room_that_moved_count_where_they_were():
    """The cell was down, and the room too warm, only in the old commune."""

    class Told(Seen):
        def cells(self, site, window):
            return {CellName("mast", "viettel", "4g", "a"): Timeline([Span("down", 0, MOVED), Span("up", MOVED, NOW)])}

        def summaries(self, subject, figure, window, *, days=False):
            before, after = (40.0, 22.0) if figure.startswith("ambient") else (0.5, 0.5)
            starts = range(int(window.start), int(min(window.end, NOW)), 3600)
            return [Summary(at, 3600, "", 0, before if at < MOVED else after, 0, 60) for at in starts]

    mast = replace(site("mast", "01279", SiteKind.BTS), former=(Former("01273", MOVED),))
    radio = RadioAvailability(id="radio", limit=0.95, **WORDS)
    climate = Environment(id="climate", limit=0.95, applies_to=Selection(site_kind=(SiteKind.BTS,)), **WORDS)
    verdicts = run([radio, climate], [mast], seen=Told())
    for name in ("radio", "climate"):
        assert verdicts[f"{name}/01273"].standing is Standing.MISSED
        assert verdicts[f"{name}/01279"].standing is Standing.MET
        assert verdicts[f"{name}/mast"].standing is Standing.MISSED
    nowhere = run([radio, climate], [site("a")])
    assert {verdict.standing for verdict in nowhere.values()} == {Standing.EXEMPT}, "there is no mast to judge"


@given(st.lists(st.integers(1, int(NOW - NOVEMBER.start) - 1), max_size=4, unique=True))
def test_the_stays_of_a_site_fill_the_window_without_a_gap(after):
    """However often it moved, every second that was seen counts for exactly one commune."""
    times = sorted(NOVEMBER.start + seconds for seconds in after)
    codes = [f"{n:05}" for n in range(len(times) + 1)]
    moved = replace(site("s", codes[-1]), former=tuple(map(Former, codes, times)))
    verdicts = run([SERVICE], [moved], seen=Seen(s=LOST), communes=codes)
    told = [verdicts[f"availability/{code}"].evidence["worst"]["evidence"]["raw"] for code in codes]
    whole = verdicts["availability/s"].evidence["raw"]
    for figure in ("available", "not_available", "elapsed"):
        assert sum(one[figure] for one in told) == pytest.approx(whole[figure])


def test_a_unit_of_another_kind_is_not_judged_and_drops_out_of_the_share():
    """A commune that became a phường within the month is one at its end."""
    became = MOVED
    kinds = {"01273": lambda at: "phuong" if at >= became else "xa"}
    urban = replace(SERVICE, applies_to=Selection(commune_kind=("phuong",)))
    share = Share(id="share", limit=1.0, of=urban.id, **WORDS)
    sites = [site("a"), site("b", "01279")]
    verdicts = run([urban, share], sites, kinds=kinds)
    assert verdicts["availability/01273"].standing is Standing.MET
    assert verdicts["availability/01279"].standing is Standing.EXEMPT
    assert (verdicts["share/04"].value, verdicts["share/04"].evidence["judged"]) == (1.0, 1)
    before = run([urban], sites, kinds=kinds, now=became - 1)
    assert before["availability/01273"].standing is Standing.EXEMPT


def test_where_nothing_is_selected_an_optional_target_exempts_and_any_other_proves_nothing():
    verdicts = run([DRILL, P95], [site("a")])
    assert verdicts["drill/01273"].standing is Standing.EXEMPT
    assert verdicts["tslcd_p95/01273"].standing is Standing.UNPROVEN


def test_a_province_is_judged_by_its_own_sites():
    centre = site("centre", "01273", SiteKind.PROVINCIAL_CENTRE)
    routes = [replace(link(name=f"up{n}", at="centre"), srlg=(f"cable-{n}",)) for n in range(2)]
    assert run([CHANNELS], [centre], routes)["channels/04"].standing is Standing.MET
    same = [replace(each, srlg=("one-trench",)) for each in routes]
    missed = run([CHANNELS], [centre], same)["channels/04"]
    assert (missed.standing, missed.value, missed.limit, missed.subject) == (
        Standing.MISSED,
        1,
        2,
        Subject("province", "04"),
    )
    assert run([CHANNELS], [site("a")])["channels/04"].standing is Standing.UNPROVEN


def test_the_cases_of_a_province_are_those_of_its_communes():
    pooled = Pooled(id="pooled", limit=0.9, of=BACK.id, **WORDS)
    verdict = run([BACK, pooled], [site("a"), site("b", "01279")])["pooled/04"]
    assert (verdict.standing, verdict.value) == (Standing.MET, 1.0)
    assert run([BACK, pooled], [site("a")])["pooled/04"].standing is Standing.UNPROVEN, "one commune has no site"


def test_a_month_that_is_over_is_final_and_rolling_windows_have_none():
    october = month_of(NOVEMBER.start - 1)
    rolling = replace(SERVICE, id="week", window_days=7)
    verdicts = run([SERVICE, rolling, DRILL], [site("a")], month=october)
    assert set(verdicts) == {"availability/a", "availability/01273", "availability/01279"}
    assert verdicts["availability/01273"].final
    assert verdicts["availability/01273"].window == october


def test_each_target_has_its_window():
    assert window_of(SERVICE, NOW) == NOVEMBER
    assert window_of(DRILL, NOW) == Window(NOW - 90 * 86_400, NOW)
    with pytest.raises(ValueError, match="commune target"):
        window_of(Share(id="s", limit=1, of="x", **WORDS), NOW)

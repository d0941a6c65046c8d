"""Declared windows at any instant: they go forward, they end, and they explain nothing that is not theirs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.events import windows
from netmon.model import Declared, Link, LinkKind, LinkRole, Phase, Site, SiteKind, Subject, WindowKind

HOUR, DAY = 3600.0, 86_400.0
T0 = 1_800_000_000.0
ORDER = [Phase.PREPARE, Phase.IMPACT, Phase.RECOVER, Phase.OVER]

SITE = Site(id="s1", name="UBND", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune="01273")
ELSEWHERE = Site(id="s2", name="UBND", kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune="01304")
ROUTER, FIBRE = Subject("device", "r1"), Subject("link", "f1")


def link(name, *srlg):
    return Link(
        id=name, site="s1", upstream_site="c", kind=LinkKind.FIBRE, role=LinkRole.PRIMARY, network="tslcd_2", capacities=(),
        srlg=srlg,
    )  # fmt: skip


def storm(**given):
    return Declared(
        **{"id": "b", "kind": WindowKind.STORM, "name": "b", "start": T0, "until": T0 + DAY, "areas": ("04",)} | given
    )


def works(*on, **given):
    subjects = tuple(Subject(*text.split(":")) for text in on)
    base = {"id": "w", "kind": WindowKind.MAINTENANCE, "name": "w", "start": T0, "until": T0 + 4 * HOUR}
    return Declared(**base | {"subjects": subjects} | given)


def explains(window, subject=ROUTER, *, at, down=None, site=SITE, srlg=(), links=()):
    since = at if down is None else down
    return windows.explains(window, subject, site=site, srlg=srlg, down_since=since, now=at, links=links)


# --- any window -------------------------------------------------------------------------------------------------------

hours = st.integers(-100, 600).map(lambda n: T0 + n * HOUR)
maybe = st.none() | hours


@st.composite
def any_window(draw):
    kind = draw(st.sampled_from(WindowKind))
    start = draw(hours)
    return Declared(
        id="x",
        kind=kind,
        name="x",
        start=start,
        until=start + draw(st.integers(1, 200)) * HOUR,
        areas=tuple(draw(st.lists(st.sampled_from(["04", "01273", "01304", "08"]), max_size=3))),
        subjects=tuple(draw(st.lists(st.sampled_from([ROUTER, FIBRE, Subject("site", "s1"), Subject("cable", "ring")])))),
        exercise=draw(st.booleans()),
        declared=draw(hours),
        ended=draw(maybe),
        closed=draw(maybe),
        back=tuple(draw(st.lists(st.tuples(st.sampled_from(["04", "01273", "01304"]), hours), max_size=3))),
        joined=tuple(draw(st.lists(st.tuples(st.sampled_from(["04", "01273", "01304"]), hours), max_size=3))),
    )


def done(window, now):
    """Whether somebody's word has ended or closed it by now."""
    return any(at is not None and at <= now for at in (window.ended, window.closed))


def over_the_site(window, now):
    """Written anew from what a storm is: whether it strikes SITE."""
    if window.kind is not WindowKind.STORM or window.exercise:
        return False
    if now < window.start or (window.closed is not None and now >= window.closed):
        return False
    if window.ended is not None and window.ended <= window.start and window.ended <= now:
        return False
    turned = window.until if window.ended is None or window.ended > window.until else window.ended
    if now >= turned + 14 * DAY:
        return False
    first = [(window.start, code) for code in window.areas if code not in [joined for joined, _ in window.joined]]
    came = [
        at for at, code in [*first, *((at, code) for code, at in window.joined)] if code in ("04", "01273") and at <= now
    ]
    left = [at for code, at in window.back if code in ("04", "01273") and at <= now]
    return bool(came) and max(came) >= max(left, default=-1.0)


def on_the_router(window):
    return bool({"04", "01273"} & set(window.areas)) or bool({ROUTER, Subject("site", "s1")} & set(window.subjects))


@given(any_window(), st.lists(hours, min_size=2, max_size=8))
def test_a_window_only_goes_forward_and_ends(window, instants):
    phases = [ORDER.index(windows.phase(window, now)) for now in sorted(instants)]
    assert phases == sorted(phases)
    assert windows.phase(window, window.until + 14 * DAY) is Phase.OVER
    assert not windows.stands(window, window.until + 14 * DAY)
    assert windows.phase(window, windows.over_at(window)) is Phase.OVER


@given(any_window(), hours, hours)
def test_a_window_explains_what_is_its_own_and_nothing_else(window, down, now):
    if window.kind is WindowKind.STORM:
        ceased = window.until if window.ended is None else min(window.until, window.ended)
        assert explains(window, at=now, down=down) == (over_the_site(window, now) and (now < ceased or down < ceased))
        return
    fell_by_it = max(window.start, window.declared) <= down < window.until and now >= window.start
    may = on_the_router(window) and not window.exercise and not done(window, now) and now < window.until + 14 * DAY
    assert explains(window, at=now, down=down) == (fell_by_it and may)


@given(st.lists(any_window(), max_size=5), hours, st.lists(hours.map(lambda at: at + HOUR / 2), max_size=20))
def test_what_is_left_out_of_availability_is_in_order_and_past_and_just_the_time_of_the_windows(all_, now, instants):
    spans = windows.excluded(all_, subject=ROUTER, site=SITE, srlg=(), now=now)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))
    assert all(edge <= now for edge in edges)

    def left_out(window, at):
        if window.kind is WindowKind.STORM:
            return over_the_site(window, at)
        in_time = max(window.start, window.declared) <= at < window.until and not done(window, at)
        return in_time and on_the_router(window) and not window.exercise

    for at in instants:
        inside = any(start <= at < end for start, end in spans)
        assert inside == (at < now and any(left_out(window, at) for window in all_))


# --- storms -----------------------------------------------------------------------------------------------------------


def test_a_storm_without_an_end_recovers_by_itself_and_is_over_after_fourteen_days():
    standing = storm()
    after = [(-1, "prepare"), (0, "impact"), (DAY - 1, "impact"), (DAY, "recover"), (15 * DAY, "over")]
    assert [windows.phase(standing, T0 + at) for at, _ in after] == [phase for _, phase in after]


def test_a_storm_that_turned_away_before_its_onset_was_never_there():
    turned = storm(ended=T0 - HOUR)
    assert windows.phase(turned, T0 - HOUR) is Phase.OVER
    assert windows.excluded([turned], subject=ROUTER, site=SITE, srlg=(), now=T0 + 9 * DAY) == []


def test_a_commune_that_is_back_has_left_the_storm_and_its_neighbour_has_not():
    ending = storm(ended=T0 + HOUR, back=(("01273", T0 + 3 * HOUR),))
    at = T0 + 4 * HOUR
    assert not explains(ending, at=at, down=T0)
    assert explains(ending, at=at, down=T0, site=ELSEWHERE)
    assert windows.excluded([ending], subject=ROUTER, site=SITE, srlg=(), now=at) == [(T0, T0 + 3 * HOUR)]
    assert windows.excluded([ending], subject=ROUTER, site=ELSEWHERE, srlg=(), now=at) == [(T0, at)]


def test_what_falls_in_the_recovery_is_not_the_storms():
    ended = storm(ended=T0 + HOUR)
    assert explains(ended, at=T0 + 13 * DAY, down=T0 + HOUR - 1)
    assert not explains(ended, at=T0 + 13 * DAY, down=T0 + HOUR)


def test_an_exercise_explains_nothing_and_leaves_nothing_out():
    drill = storm(exercise=True)
    assert not explains(drill, at=T0 + HOUR)
    assert not windows.strikes(drill, province="04", commune="01273", now=T0 + HOUR)
    assert windows.excluded([drill], subject=ROUTER, site=SITE, srlg=(), now=T0 + HOUR) == []


# --- works ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("down", "at", "explained"),
    [
        (-60, 60, False),  # it was down before they began
        (29, 60, False),  # and before they were declared, half a minute after they began
        (60, 60, True),
        (60, 5 * HOUR, True),  # they overrun
        (4 * HOUR + 60, 5 * HOUR, False),  # it fell after their end
        (60, 7 * HOUR, False),  # they were ended, and it is still down
    ],
)
def test_works_explain_what_fell_by_them_until_they_are_ended(down, at, explained):
    window = works("device:r1", ended=T0 + 6 * HOUR, declared=T0 + 30)
    assert explains(window, at=T0 + at, down=T0 + down) is explained


def test_works_that_nobody_ended_overrun_and_those_that_were_ended_do_not():
    assert windows.overruns(works(), T0 + 4 * HOUR)
    assert not windows.overruns(works(), T0 + 4 * HOUR - 1)
    assert not windows.overruns(works(ended=T0 + 3 * HOUR), T0 + 5 * HOUR)


def test_works_on_a_cable_explain_its_links_and_whom_it_alone_connects():
    on_cable = works("cable:ring")
    one, other = link("f1", "ring"), link("f2")
    assert explains(on_cable, FIBRE, at=T0, srlg=one.srlg)
    assert not explains(on_cable, Subject("link", "f2"), at=T0, srlg=other.srlg)
    assert explains(on_cable, at=T0, links=[one])
    assert not explains(on_cable, at=T0, links=[one, other])
    assert explains(works("cable:ring", "link:f2"), at=T0, links=[one, other])
    assert not explains(on_cable, at=T0, links=[])


def test_works_declared_after_the_fact_leave_out_only_what_came_after_they_were_declared():
    late = works("device:r1", declared=T0 + HOUR)
    assert windows.excluded([late], subject=ROUTER, site=SITE, srlg=(), now=T0 + DAY) == [(T0 + HOUR, T0 + 4 * HOUR)]


def test_windows_that_overlap_leave_their_time_out_once():
    first, second = works("device:r1"), replace(works("site:s1"), start=T0 + 2 * HOUR, until=T0 + 6 * HOUR)
    assert windows.excluded([second, first], subject=ROUTER, site=SITE, srlg=(), now=T0 + DAY) == [(T0, T0 + 6 * HOUR)]


def test_an_id_is_made_of_name_and_date_without_diacritics():
    start = 1_795_280_400.0  # 2026-11-22 00:00 in Viet Nam, still the 21st in UTC
    assert windows.named(WindowKind.STORM, "Bão số 12", start) == "bao-so-12-2026"
    assert windows.named(WindowKind.MAINTENANCE, "Thay cáp: Đèo Gió", start) == "thay-cap-deo-gio-2026-11-22"
    assert windows.named(WindowKind.STORM, "台风", start) == "storm-2026"

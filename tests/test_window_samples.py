"""Storms and works on the page: what is declared, what a storm has taken, what works past their end hold down."""

from types import SimpleNamespace

import pytest

from netmon.causes.picture import Picture
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.model import CauseClass
from netmon.window_samples import count_samples, overrun, overrun_samples, storm_counts
from tests.test_windows import DAY, HOUR, INVENTORY, T0, A, B, C, Office


@pytest.fixture
def office():
    return Office()


def stands(state, since=T0):
    return SimpleNamespace(state=state, since=since)


def picture(office, down=(), unreachable=(), battery=(), since=T0):
    states = {f"r{code}": "up" for code in (A, B, C)}
    states |= dict.fromkeys((f"r{code}" for code in down), "down")
    states |= dict.fromkeys((f"r{code}" for code in unreachable), "unreachable")
    return Picture(
        at=office.now,
        sites=INVENTORY.sites,
        devices=INVENTORY.devices,
        links=INVENTORY.links,
        devices_stand={name: stands(state, since) for name, state in states.items()},
        links_stand={f"f{code}": stands("down" if code in down else "up", since) for code in (A, B, C)},
        sites_stand={f"s{code}": stands("isolated" if code in down else "up", since) for code in (A, B, C)},
        upstream_of={},
        windows=office.windows.standing(),
        on_battery={f"s{code}": since for code in battery},
    )


async def test_a_storm_and_what_it_took_stand_on_the_page_and_an_exercise_takes_nothing(office):
    await office.storm(areas=[A, B])
    await office.storm(name="Diễn tập", level=3, exercise=True)
    await office.works()
    office.now += HOUR
    seen = picture(office, down=[A, C], unreachable=[B], battery=[A, C])
    real, drill, works = office.windows.standing()
    samples = office.windows.samples(office.now)
    samples += count_samples(real, storm_counts(real, seen, {f"r{A}": CauseClass.POWER}))
    samples += overrun_samples(works, office.windows.provinces(works), seen)
    page = Page(OwnMetrics())
    Outlets(page).put("windows", samples, kept=True)
    lines = page.render().decode().splitlines()
    storm, drilled = (f'province="04",storm="{name}"' for name in ("bao-so-12-2026", "dien-tap-2026"))
    for line in (
        f'netmon_storm_info{{{storm},name="Bão số 12",level="4",exercise="no"}} 1',
        f'netmon_storm_info{{{drilled},name="Diễn tập",level="3",exercise="yes"}} 1',
        f'netmon_storm_phase{{{storm},phase="impact"}} 1',
        f'netmon_storm_phase{{{storm},phase="recover"}} 0',
        f'netmon_storm_communes{{{storm},state="isolated"}} 1',
        f'netmon_storm_communes{{{storm},state="up"}} 1',
        f'netmon_storm_devices_down{{{storm},cause="power"}} 1',
        f'netmon_storm_devices_down{{{storm},cause="upstream"}} 1',
        f'netmon_storm_devices_down{{{storm},cause="fibre"}} 0',
        f"netmon_storm_sites_on_battery{{{storm}}} 1",
        'netmon_maintenance_info{province="04",maintenance="thay-cap-2026-11-22",name="Thay cáp"} 1',
        'netmon_maintenance_overrun{province="04",maintenance="thay-cap-2026-11-22"} 0',
    ):
        assert line in lines
    assert storm_counts(drill, seen, {}) == {}


async def test_works_overrun_while_what_fell_by_them_is_down_and_by_nothing_else(office):
    await office.works()
    works = office.only()
    office.now += 3 * HOUR
    assert overrun(works, picture(office, down=[A], since=T0 + 60)) == {"04"}
    assert not overrun(works, picture(office, down=[C], since=T0 + 60))  # not on the cable
    assert not overrun(works, picture(office, down=[A], since=T0 - 60))  # before they began
    assert not overrun(works, picture(office, down=[A], since=T0 + 2.5 * HOUR))  # after their end
    office.now = T0 + HOUR
    assert not overrun(works, picture(office, down=[A], since=T0 + 60))  # not late yet


async def test_a_recovering_storm_tells_when_its_recovery_expires(office):
    await office.storm()
    (end,) = [value for series, value in office.windows.samples(T0) if series.family.endswith("end_timestamp_seconds")]
    assert end == T0 + 6 * HOUR
    later = T0 + 7 * HOUR
    (end,) = [value for series, value in office.windows.samples(later) if series.family.endswith("end_timestamp_seconds")]
    assert end == T0 + 6 * HOUR + 14 * DAY

"""How long a site's power lasts: against simulated discharges, and by properties."""

from math import exp, inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netmon.causes.dark import Left, Plant, Point, outlook
from netmon.sim.power import PowerPlant
from netmon.sim.timetable import Timetable

T0 = 1_790_000_000.0
FAILED = T0

ALL = {"volts", "amperes", "charge", "remaining_s"}


def points_of(plant, until, told=frozenset(ALL), every=60.0, since=FAILED, **more):
    """What a simulated plant told from the failure on, as its station rounds it."""
    found, at = [], since
    while at <= until:
        state = plant.at(at)
        values = {
            "volts": round(state.battery_voltage_volts, 2),
            "amperes": round(state.battery_current_amperes, 1),
            "charge": round(state.battery_charge_ratio, 4),
            "remaining_s": float(round(state.battery_remaining_seconds)),
        }
        found.append(Point(at=at, **{name: values[name] for name in told}, **more))
        at += every
    return found


def of(points, now=None, **more):
    return outlook(Plant(since=FAILED, points=points, **more), points[-1].at if now is None else now)


@given(
    load=st.floats(15, 40),
    hours=st.floats(1.2, 9),
    watched=st.floats(0.05, 0.999),
    told=st.sampled_from([ALL, {"remaining_s"}, {"charge"}, {"volts"}, {"charge", "volts"}, {"volts", "amperes"}]),
    every=st.sampled_from([60.0, 300.0]),
)
def test_the_true_end_of_a_simulated_discharge_lies_within_what_is_told_from_half_an_hour_on(
    load, hours, watched, told, every
):
    plant = PowerPlant(failures=Timetable(FAILED, 86_400.0), load_amperes=load, capacity_ampere_hours=load * hours)
    end = FAILED + plant.autonomy_s
    now = FAILED + max(1800.0, watched * plant.autonomy_s)
    assume(now < end - 60)
    points = points_of(plant, now, told, every)
    left = of(points).left
    assert left is not None
    true = end - points[-1].at
    assert left.earliest <= true + 60 <= left.latest + 120
    if "remaining_s" in told:
        assert left.likely == pytest.approx(true, abs=2)


def shepherd(taken_h, lasts_h, polarisation):
    """Volts of 24 lead-acid cells under a steady load after Shepherd (1965): a plateau, and a sharp knee at its end."""
    capacity = 1.05 * lasts_h
    cell = 2.06 - polarisation * capacity / (capacity - taken_h) + 0.05 * exp(-6 * taken_h) - 0.05 * taken_h / lasts_h
    return 24 * cell


@given(
    lasts_h=st.floats(1.5, 10), polarisation=st.floats(0.01, 0.03), watched=st.floats(0.05, 0.97),
    noise=st.sampled_from([0.0, 0.05]),
)  # fmt: skip
def test_the_voltage_alone_holds_the_true_end_of_a_battery_with_a_sharp_knee(lasts_h, polarisation, watched, noise):
    end = next(n for n in range(1, 800) if shepherd(n / 60, lasts_h, polarisation) <= 43.2)
    now = max(30, round(watched * end))
    assume(now < end - 1)
    points = [
        Point(at=FAILED + 60 * n, volts=round(shepherd(n / 60, lasts_h, polarisation) + noise * (-1) ** n, 2))
        for n in range(now + 1)
    ]
    left = of(points).left
    if left is not None:  # early on the plateau nothing falls visibly
        assert left.earliest <= 60 * (end - now) <= left.latest + 60


@given(health=st.floats(0.8, 1), lasts_h=st.floats(1.5, 10), watched=st.floats(0.1, 0.95))
def test_a_battery_that_aged_unnoticed_does_not_end_before_the_earliest_end(health, lasts_h, watched):
    end = 60 * lasts_h * health
    now = max(30, round(watched * end))
    assume(now < end - 1)
    left = of([Point(at=FAILED + 60 * n, charge=1 - n / (60 * lasts_h)) for n in range(now + 1)]).left
    assert left.earliest <= 60 * (end - now) <= left.latest


@given(
    told=st.sampled_from([ALL, {"remaining_s"}, {"charge"}, {"volts"}, {"charge", "amperes"}]), minutes=st.integers(0, 40)
)
def test_a_discharge_that_netmon_sees_only_from_its_restart_on_is_told_at_once_or_said_to_be_unknown(told, minutes):
    plant = PowerPlant(failures=Timetable(FAILED, 86_400.0), load_amperes=30, capacity_ampere_hours=120)
    start = FAILED + 5400
    found = of(points_of(plant, start + 60 * minutes, told, since=start))
    true = FAILED + plant.autonomy_s - (start + 60 * minutes)
    assert found.basis.vi
    assert found.basis.en
    if found.left is None:
        assert "remaining_s" not in told
        assert minutes < 10
    else:
        assert found.left.earliest <= true <= found.left.latest


figures = {
    "volts": st.floats(0, 400),
    "amperes": st.floats(-200, 200),
    "charge": st.floats(0, 1),
    "coulombs": st.floats(0, 1e7),
    "discharged": st.floats(0, 1e7),
    "health": st.floats(0, 1.5),
    "remaining_s": st.floats(0, 1e6),
    "load": st.floats(0, 300),
    "fuel": st.floats(0, 1),
    "litres": st.floats(0, 2000),
}
stories = st.builds(
    lambda rows, gaps: [
        Point(at=T0 + sum(gaps[: n + 1]), **row) for n, row in enumerate(rows[: len(gaps)])
    ],
    st.lists(
        st.fixed_dictionaries(
            {}, optional={**figures, "low": st.booleans(), "generator": st.booleans()}
        ), min_size=1, max_size=40
    ),
    st.lists(st.floats(1, 1200), min_size=40, max_size=40),
)  # fmt: skip


@given(points=stories, later=st.floats(0, 1e5), lithium=st.booleans())
def test_whatever_is_told_the_earliest_end_is_not_after_the_likely_one_nor_that_after_the_latest(points, later, lithium):
    found = of(points, points[-1].at + later, lithium=lithium)
    assert found.basis.vi
    assert found.basis.en
    if found.left is not None:
        earliest, likely, latest = found.left
        assert 0 <= earliest <= likely <= latest < inf


@given(
    charge=st.floats(0.05, 0.7), more=st.floats(0, 0.28), lost=st.floats(0, 0.3), minutes=st.integers(1, 90),
    amperes=st.one_of(st.none(), st.floats(-60, -1)), discharged=st.booleans(),
)  # fmt: skip
def test_with_more_charge_the_power_never_ends_sooner(charge, more, lost, minutes, amperes, discharged):
    def left_with(extra):
        return of(
            [
                Point(
                    at=FAILED + 600 + 60 * minute,
                    charge=min(1.0, charge + extra + lost * (1 - minute / minutes)),
                    coulombs=3600 * 100 * (charge + extra) if discharged else None,
                    amperes=amperes,
                )
                for minute in range(minutes + 1)
            ],
            was_full=True,
        ).left

    assume(charge + more + lost < 0.97)
    less, greater = left_with(0.0), left_with(more)
    assert less is not None
    assert greater is not None
    assert all(a <= b + 1e-6 for a, b in zip(less, greater, strict=True))


@pytest.mark.parametrize("size", [12, 24, 48])
def test_a_plant_of_12_or_24_volts_is_read_as_one_of_48(size):
    plant = PowerPlant(failures=Timetable(FAILED, 86_400.0), load_amperes=30, capacity_ampere_hours=90)
    points = points_of(plant, FAILED + 3600, {"volts"})
    small = of([point._replace(volts=point.volts * size / 48) for point in points]).left
    assert small == pytest.approx(of(points).left, rel=1e-6)


def test_the_long_string_of_a_ups_tells_nothing_by_its_voltage():
    found = of([Point(at=T0 + 60 * n, volts=216.0 - n) for n in range(40)])
    assert found.left is None
    assert found.basis.en == "the battery does not fall visibly yet"


def test_the_voltage_of_lithium_makes_the_end_come_sooner_and_less_surely():
    points = [Point(at=T0 + 600 + 60 * n, volts=50.5 - 0.03 * n) for n in range(40)]
    lead, lithium = of(points).left, of(points, lithium=True).left
    assert lithium.earliest < lead.earliest
    assert lithium.likely < lead.likely


def test_below_the_disconnection_it_may_end_at_any_moment():
    assert of([Point(at=T0 + 60, volts=43.1)]).left.earliest == 0


def test_a_reckoning_that_never_falls_is_a_setting_and_not_believed():
    constant = [Point(at=T0 + 60 * n, remaining_s=7200.0) for n in range(40)]
    assert of(constant).left is None
    falling = [point._replace(charge=0.9 - 0.01 * n) for n, point in enumerate(constant)]
    assert of(falling).left.likely == pytest.approx(51 * 60, rel=0.02)


def test_a_device_that_says_its_battery_is_low_may_be_dark_at_any_moment():
    points = [Point(at=T0 + 60 * n, remaining_s=7200.0 - 60 * n, low=True) for n in range(40)]
    found = of(points)
    assert found.left.earliest == 0
    assert found.left.likely == 7200 - 39 * 60
    assert found.basis.vi.endswith("thiết bị báo ắc quy yếu")


def test_nothing_is_made_up_of_a_device_that_tells_only_that_its_mains_failed():
    assert of([Point(at=T0 + 60)]).left is None
    assert of([Point(at=T0 + 60, low=True)]) == (
        None,
        ("thiết bị chỉ báo ắc quy yếu", "the device only says that its battery is low"),
    )


def test_a_running_generator_lasts_as_its_fuel_does_and_the_battery_after_it():
    points = [
        Point(at=T0 + 900 * n, generator=True, fuel=0.80 - 0.03 * n, remaining_s=3600.0, charge=0.4 + 0.05 * n)
        for n in range(8)
    ]
    left = of(points).left
    burnt = 0.59 / (0.03 / 900)
    assert left.likely == pytest.approx(burnt + 3600, rel=0.01)
    assert left.earliest < burnt < left.latest
    stopped = [*points, Point(at=T0 + 7200, generator=False, charge=0.8, remaining_s=3600.0)]
    assert of(stopped).left == Left(1800.0, 3600.0, 5400.0)  # it has just begun to discharge again


said_to_run = st.fixed_dictionaries(
    {"charge": st.floats(0.1, 0.95), "hours": st.floats(0.3, 10), "minutes": st.integers(12, 90)},
    optional={"litres": st.floats(0, 300), "fuel": st.floats(0, 1), "burns": st.floats(0, 0.3)},
)


@given(story=said_to_run, told=st.sampled_from([{"charge"}, {"coulombs", "amperes"}, {"remaining_s"}, {"charge", "volts"}]))
def test_a_generator_that_is_said_to_run_never_makes_the_end_later_than_a_battery_that_discharges(story, told):
    lasts_s = 3600 * story["hours"]
    assume(60 * story["minutes"] < lasts_s)

    def points(**generator):
        found = []
        for n in range(story["minutes"]):
            left_s = max(0.0, lasts_s - 60 * n)
            charge = story["charge"] * left_s / lasts_s
            values = {
                "charge": charge, "volts": 43.0 + 8 * charge, "remaining_s": left_s,
                "coulombs": 30 * left_s, "amperes": -30.0,
            }  # fmt: skip
            fuel = {
                name: max(0.0, generator[name] * (1 - story.get("burns", 0.0) * n / 60))
                for name in generator.keys() & {"litres", "fuel"}
            }
            found.append(
                Point(at=FAILED + 60 * n, generator=bool(generator) or None, **{k: values[k] for k in told}, **fuel)
            )
        return found

    battery = of(points())
    running = of(points(run=True, **{name: story[name] for name in story.keys() & {"litres", "fuel"}}))
    assume(battery.left is not None)  # early on a charge that hardly falls tells nothing
    assert all(end <= alone for end, alone in zip(running.left, battery.left, strict=True))


def test_a_battery_that_discharges_is_asked_though_a_generator_is_said_to_run():
    points = [
        Point(
            at=T0 + 60 * n, litres=100.0, generator=True, volts=50 - 0.1 * n, amperes=-20.0, charge=0.9 - 0.015 * n,
            remaining_s=3600 - 60.0 * n,
        )
        for n in range(45)
    ]  # fmt: skip
    found = of(points)
    assert found.left.likely == 960
    assert found.basis.en.endswith("the generator is said to run, and yet the battery discharges")
    drawn = of([Point(at=T0, generator=True, fuel=0.9, coulombs=36_000.0, amperes=-20.0)])
    assert drawn.left.likely == 1800
    charged = of([Point(at=T0, generator=True, litres=90.0, coulombs=36_000.0, amperes=20.0)])
    assert charged.left.likely == 30 * 3600


ALONE = ({"remaining_s"}, {"coulombs", "amperes"}, {"charge"}, {"volts"})


@given(
    hours=st.floats(0.5, 8), minutes=st.integers(1, 120), factor=st.floats(1, 50),
    liar=st.sampled_from(["remaining_s", "coulombs", "charge", "volts"]),
    stuck=st.booleans(), grain=st.sampled_from([0.0001, 0.01]),
)  # fmt: skip
def test_whatever_single_source_lies_upwards_the_end_is_not_twice_as_late_as_another_that_is_sure_of_it_says(
    hours, minutes, liar, factor, stuck, grain
):
    lasts_s = 3600 * hours
    points = []
    for n in range(minutes + 1):
        left_s = max(0.0, lasts_s - 60 * n)
        charge = round(left_s / lasts_s / grain) * grain
        values = {
            "remaining_s": left_s, "coulombs": 30 * left_s, "amperes": -30.0, "charge": charge, "volts": 43.0 + 8 * charge,
        }  # fmt: skip
        highest = {"remaining_s": 1e6, "coulombs": 1e7, "charge": 1.0, "volts": 54.0}[liar]
        values[liar] = min(highest, factor * (points[0]._asdict()[liar] / factor if stuck and points else values[liar]))
        points.append(Point(at=FAILED + 60 * n, **values))
    told = of(points).left
    for fields in ALONE:
        alone = of([Point(at=p.at, **{name: getattr(p, name) for name in fields}) for p in points]).left
        if alone is not None and alone.latest <= 2 * alone.likely:
            assert told.likely <= 2 * alone.likely + 1e-6


def test_a_reckoning_that_counts_down_from_too_much_is_not_believed_against_an_empty_battery():
    points = [
        Point(
            at=T0 + 60 * n, remaining_s=28_800 - 60.0 * n, charge=round(0.6 - 0.4 * n / 60, 2), volts=round(50 - 0.1 * n, 2),
            amperes=-40.0,
        )
        for n in range(80)
    ]  # fmt: skip
    assert of(points).left.likely == 0  # 42.1 V, where the controller has disconnected it
    assert of([point._replace(volts=None) for point in points]).left.likely == pytest.approx(630, rel=0.1)
    disconnected = of([point._replace(charge=None) for point in points])
    assert disconnected.left.likely == 0
    assert "disconnects at" in disconnected.basis.en


def test_a_stuck_count_of_coulombs_is_not_believed_against_a_charge_that_falls():
    points = [
        Point(at=T0 + 60 * n, coulombs=360_000.0, amperes=-2.0, charge=round(0.6 - 0.4 * n / 60, 2)) for n in range(60)
    ]
    assert of(points).left.likely == pytest.approx(1890, rel=0.1)


def test_one_that_is_sure_of_less_than_half_is_believed_though_the_intervals_overlap():
    told = Point(at=T0, coulombs=90_000.0, amperes=-10.0, remaining_s=3600.0)
    assert of([told]).left.likely == 3600
    assert of([told._replace(remaining_s=4600.0)]).left.likely == 9000


def test_one_coarse_step_of_the_charge_contradicts_no_reckoning():
    points = [Point(at=T0 + 60 * n, remaining_s=28_800 - 60.0 * n, charge=0.95 if n < 8 else 0.94) for n in range(16)]
    assert of(points).left.likely == 28_800 - 900


def test_the_charge_since_the_failure_is_believed_only_of_a_battery_that_was_full():
    points = [Point(at=FAILED + 720, charge=0.59)]
    assert of(points).left is None
    assert of(points, was_full=True).left.likely == pytest.approx(0.59 / 0.41 * 720)


@pytest.mark.parametrize("poured_at", [12, 16, 19])
def test_after_a_refill_only_what_was_burnt_since_counts(poured_at):
    def fuel(n):
        return 0.95 - 0.0375 * n + (0.5 if n >= poured_at else 0)

    points = [Point(at=T0 + 900 * n, generator=True, fuel=round(fuel(n), 2)) for n in range(24)]
    assert of(points).left.likely == pytest.approx(fuel(23) / 0.0375 * 900, rel=0.08)
    litres = [Point(at=T0 + 900 * n, generator=True, litres=100 * fuel(n)) for n in range(24)]
    assert of(litres).left.likely == pytest.approx(fuel(23) / 0.0375 * 900, rel=0.001)
    just_poured = of(points[: poured_at + 1])
    assert just_poured.left is None
    assert "what it burns is not known yet" in just_poured.basis.en


@pytest.mark.parametrize("dance", [lambda n: 3 * (-1) ** n, lambda n: 9 * (n == 18), lambda n: -9 * (n == 17)])
def test_a_float_that_dances_in_its_tank_is_no_refill(dance):
    points = [Point(at=T0 + 900 * n, generator=True, litres=100 - 2.0 * n + dance(n)) for n in range(24)]
    assert "watched for 345 min" in of(points).basis.en
    assert of(points).left.likely == pytest.approx(points[-1].litres / 2 * 900, rel=0.15)


def test_fuel_in_litres_is_enough_and_a_mere_ratio_is_not():
    litres = of([Point(at=T0, generator=True, litres=90.0)])
    assert litres.left == pytest.approx((18 * 3600, 30 * 3600, 60 * 3600))
    assert "taken to burn 3.0 l an hour; without the battery after it" in litres.basis.en
    ratio = of([Point(at=T0, generator=True, fuel=0.4)])
    assert ratio == (
        None,
        (
            "máy phát đang chạy, nhiên liệu 40 %, chưa rõ mức tiêu thụ",
            "the generator runs, fuel 40 %, and what it burns is not known yet",
        ),
    )


def test_what_is_left_goes_down_with_the_clock_and_never_below_nothing():
    points = [Point(at=T0 + 60 * n, remaining_s=3600.0 - 60 * n) for n in range(20)]
    now = of(points).left
    assert of(points, points[-1].at + 600).left.likely == now.likely - 600
    assert of(points, points[-1].at + 1e6).left == (0, 0, 0)

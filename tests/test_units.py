"""The register holds the units that the law made, on the day that is asked about."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from datetime import UTC, date, datetime
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.units import Register, load

TWO_LEVELS = date(2025, 7, 1)
DONG_NAI_CITY = date(2026, 4, 30)
LATER = date(2026, 11, 1)

# Xã, phường, đặc khu of each province on 2025-07-01, from the resolutions that made them.
COUNTS = {
    "01": (75, 51, 0),
    "04": (53, 3, 0),
    "08": (117, 7, 0),
    "11": (42, 3, 0),
    "12": (36, 2, 0),
    "14": (67, 8, 0),
    "15": (89, 10, 0),
    "19": (77, 15, 0),
    "20": (61, 4, 0),
    "22": (22, 30, 2),
    "24": (66, 33, 0),
    "25": (133, 15, 0),
    "31": (67, 45, 2),
    "33": (93, 11, 0),
    "37": (97, 32, 0),
    "38": (147, 19, 0),
    "40": (119, 11, 0),
    "42": (60, 9, 0),
    "44": (69, 8, 1),
    "46": (19, 21, 0),
    "48": (70, 23, 1),
    "51": (86, 9, 1),
    "52": (110, 25, 0),
    "56": (48, 16, 1),
    "66": (88, 14, 0),
    "68": (103, 20, 1),
    "75": (72, 23, 0),
    "79": (54, 113, 1),
    "80": (82, 14, 0),
    "82": (82, 20, 0),
    "86": (105, 19, 0),
    "91": (85, 14, 3),
    "92": (72, 31, 0),
    "96": (55, 9, 0),
}
CITIES = {"01", "31", "46", "48", "79", "92"}


REGISTER = load()


@pytest.fixture(scope="module")
def register() -> Register:
    return REGISTER


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    text = files("netmon").joinpath("data/units.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize(
    ("on", "dong_nai", "cities", "total"),
    [
        (TWO_LEVELS, (72, 23, 0), CITIES, (2621, 687, 13)),
        (LATER, (62, 33, 0), CITIES | {"75"}, (2611, 697, 13)),
    ],
)
def test_every_province_has_its_communes_of_each_kind(
    register: Register, on: date, dong_nai: tuple[int, int, int], cities: set[str], total: tuple[int, int, int]
) -> None:
    """Counts per province and kind are those of the law on both days, and so are the sums over the country."""
    provinces = register.provinces(on)
    found = {}
    for province in provinces:
        kinds = Counter(unit.kind for unit in register.communes(province.code, on))
        found[province.code] = (kinds.pop("xa", 0), kinds.pop("phuong", 0), kinds.pop("dac_khu", 0))
        assert not kinds
    assert found == COUNTS | {"75": dong_nai}
    assert list(found) == sorted(found)
    assert tuple(map(sum, zip(*found.values(), strict=True))) == total
    assert {unit.code: unit.kind for unit in provinces} == {
        code: "thanh_pho" if code in cities else "tinh" for code in COUNTS
    }


def test_a_kind_changes_on_its_day_and_the_code_stays(register: Register) -> None:
    """`valid_to` is the first day of the next life: no day has two units of a code, and none is missing."""
    eve = date(2026, 4, 29)
    before, after = register.unit("26485", eve), register.unit("26485", DONG_NAI_CITY)
    assert before is not None
    assert after is not None
    assert (before.name, before.name_en, before.kind) == ("Xã Nhơn Trạch", "Nhon Trach Commune", "xa")
    assert (after.name, after.name_en, after.kind) == ("Phường Nhơn Trạch", "Nhon Trach Ward", "phuong")
    changed = {unit.code for unit in register.communes("75", DONG_NAI_CITY) if register.unit(unit.code, eve) != unit}
    assert changed == {"25270", "25357", "25363", "26116", "26170", "26248", "26326", "26368", "26425", "26485"}


def test_nothing_is_in_force_before_the_two_levels(register: Register) -> None:
    assert register.provinces(date(2025, 6, 30)) == ()
    assert register.unit("04", date(2025, 6, 30)) is None


def test_cao_bang_has_its_56_communes_in_the_order_of_their_codes(register: Register) -> None:
    communes = register.communes("04", LATER)
    codes = [unit.code for unit in communes]
    assert (len(codes), codes) == (56, sorted(codes))
    names = {unit.code: (unit.name, unit.name_en) for unit in communes}
    assert names["01273"] == ("Phường Thục Phán", "Thuc Phan Ward")
    assert names["01807"] == ("Xã Thạch An", "Thach An Commune")


def test_ba_che_has_its_official_code(register: Register) -> None:
    """06978 in the official list; the package from which the file is made has 06970."""
    unit = register.unit("06978", LATER)
    assert unit is not None
    assert (unit.name, unit.parent) == ("Xã Ba Chẽ", "22")
    assert register.unit("06970", LATER) is None


def test_every_row_is_well_formed(rows: list[dict[str, str]]) -> None:
    """Codes, kinds and parents fit together, names are NFC and begin with their kind, and lives of a code do not overlap."""
    words = {"tinh": "Tỉnh ", "thanh_pho": "Thành phố ", "xa": "Xã ", "phuong": "Phường ", "dac_khu": "Đặc khu "}
    provinces = {row["code"] for row in rows if not row["parent"]}
    lives: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        is_province = row["kind"] in ("tinh", "thanh_pho")
        assert (len(row["code"]), row["code"].isdecimal()) == (2 if is_province else 5, True), row
        assert (row["parent"] == "") if is_province else (row["parent"] in provinces), row
        assert row["name"].startswith(words[row["kind"]]), row
        assert unicodedata.is_normalized("NFC", row["name"]), row
        assert row["name_en"].isascii(), row
        assert row["name"] == " ".join(row["name"].split()), row
        assert 7 <= float(row["latitude"]) <= 24, row
        assert 102 <= float(row["longitude"]) <= 118, row
        lives.setdefault(row["code"], []).append((row["valid_from"], row["valid_to"]))
    for code, spans in lives.items():
        assert spans[0][0] == "2025-07-01", code
        assert spans[-1][1] == "", code
        assert all(end == start for (_, end), (start, _) in pairwise(spans)), code


def test_communes_of_like_names_are_not_exchanged_on_the_map(register: Register) -> None:
    """Sơn Lương lies north-west of Lương Sơn by 90 km, and Thanh Bình west of Lương Hòa Lạc."""
    places = {code: register.unit(code, LATER) for code in ("08296", "04924", "30130", "28615")}
    latitude = {code: unit.latitude for code, unit in places.items() if unit}
    longitude = {code: unit.longitude for code, unit in places.items() if unit}
    assert latitude["08296"] > latitude["04924"] + 0.5
    assert longitude["30130"] < longitude["28615"] - 0.5


def unix(day: date) -> float:
    """The instant at which a day begins in Viet Nam, seven hours before it does in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() - 7 * 3600


def test_a_kind_and_a_name_are_those_of_the_instant_in_viet_nam(register: Register) -> None:
    change = unix(DONG_NAI_CITY)
    assert [register.kind_at("26485", at) for at in (change - 1, change)] == ["xa", "phuong"]
    assert [register.name_at("26485", at) for at in (change - 1, change)] == ["Xã Nhơn Trạch", "Phường Nhơn Trạch"]
    assert [register.kind_at("75", at) for at in (change - 1, change)] == ["tinh", "thanh_pho"]
    assert register.kind_at("26485", unix(TWO_LEVELS) - 1) == register.name_at("99999", change) == ""


@given(
    code=st.sampled_from(["26485", "75", "01273", "99999"]),
    start=st.integers(-40, 600),
    days=st.integers(-3, 400),
    seconds=st.sampled_from([-1, 0, 1]),
)
def test_the_lives_within_an_interval_are_those_that_some_instant_of_it_has(
    code: str, start: int, days: int, seconds: int
) -> None:
    """Against every midnight of the interval and both its ends, one by one."""
    register, first = REGISTER, unix(TWO_LEVELS) + 86_400 * start
    end = first + 86_400 * days + seconds
    midnights = [first + 86_400 * day for day in range(days + 1) if first + 86_400 * day < end]
    instants = [*midnights, *([end - 0.5] if end - 0.5 >= first else [])]
    names = dict.fromkeys(name for at in sorted(instants) if (name := register.name_at(code, at)))
    assert [unit.name for unit in register.lives(code, first, end)] == list(names)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1273", "01273"),
        ("4", "04"),
        ("Cao Bang", "04"),
        ("xa thach ann", "01807"),
        ("Phục Hoà", "01648"),
        ("Ba Chẽ", "06978"),
    ],
)
def test_a_slip_in_a_code_or_a_name_finds_what_was_meant(register: Register, written: str, meant: str) -> None:
    """Lost zeros, missing diacritics and small misspellings still lead to the unit."""
    found = register.resembling(written)
    assert meant in found
    assert len(found) <= 3


def test_nonsense_resembles_nothing(register: Register) -> None:
    assert register.resembling("qqqqqq") == []
    assert register.resembling("") == []

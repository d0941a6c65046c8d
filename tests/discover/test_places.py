"""At which site a device stands: told, said, or asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.discover.places import Places
from tests.discover.devices import configured, found, places_of, settings_of


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_of(settings_of(configured(tmp_path)))


@pytest.mark.parametrize(
    ("name", "location", "site", "commune"),
    [
        ("tan-giang-sw1", "", "tan-giang", ""),
        ("SW1", "UBND Phường Tân Giang, tầng 2", "tan-giang", ""),
        ("SW1", "ubnd phuong tan giang", "tan-giang", ""),
        ("R_01288_1", "", "tan-giang", ""),
        ("r1.01290.caobang.vn", "Unknown", "bao-lam", ""),
        ("tangiang-r2", "", "tan-giang", ""),
        ("r2", "Xã Lý Bôn, tỉnh Cao Bằng", "commune-01294", "01294"),
        ("r2", "tan-giang", "tan-giang", ""),
    ],
)
def test_a_device_says_where_it_stands(places: Places, name: str, location: str, site: str, commune: str):
    place = places.of(found("10.4.9.9", name, sys_location=location))
    assert (place.site, place.commune) == (site, commune), place.by
    assert (name in place.by) or (location in place.by), "and the engineer is told by which word"


@pytest.mark.parametrize(
    ("name", "location", "why"),
    [
        ("r9", "", "neither"),
        ("tan-giang-r1", "bao-lam", "fits bao-lam, tan-giang"),
        ("giang-r1", "phòng máy", "neither"),
        ("host012880", "", "neither"),
        ("sw", "xã Bảo Lâm, phường Tân Giang", "fits bao-lam, tan-giang"),
    ],
)
def test_what_does_not_tell_or_tells_two_things_is_asked_about(places: Places, name: str, location: str, why: str):
    place = places.of(found("10.4.9.9", name, sys_location=location))
    assert place.site == ""
    assert why in place.by


def test_a_list_goes_before_the_command_and_that_before_what_the_device_says(tmp_path: Path):
    settings = settings_of(configured(tmp_path))
    places = places_of(settings, commune="01290")
    assert places.of(found("10.4.9.9", "tan-giang-r2")).site == "bao-lam"
    assert places.of(found("10.4.9.9", "tan-giang-r2", site="centre")).site == "centre"
    new = places.of(found("10.4.9.9", site="bts-7", commune="01294"))
    assert (new.site, new.commune) == ("bts-7", "01294")
    spelt = places.of(found("10.4.9.9", site="UBND Phường Tân Giang"))
    assert spelt.site == "tan-giang", "people write its name into their lists"
    lost = places.of(found("10.4.9.9", "tan-giang-r2", site="bts-7"))
    assert (lost.site, "bts-7" in lost.by) == ("", True), "a site that is not there needs its commune"

"""What stands in a month: every figure equals a plain count, and a month is held against the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import units
from netmon.model import VIET_NAM, Carrier, Device, Former, Link, LinkKind, LinkRole, Site, SiteKind, Speech
from netmon.reports.inventory import FIGURES, UNTOLD, called, compared, figures, sections, shared_masts, summary, whole

REGISTER = units.load()
ON = date(2026, 10, 31)


def day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=VIET_NAM).timestamp()


AT = day("2026-10-31") + 86_399
DAYS = st.sampled_from([day(text) for text in ("2019-05-01", "2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01")])
COMMUNES = st.sampled_from(["01273", "01279", "01288"])
OPERATORS = st.sampled_from(["Viettel", "VNPT", "MobiFone", ""])


@dataclass
class Places:
    """Just what is counted."""

    sites: Mapping[str, Site] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)


@st.composite
def places(draw: st.DrawFn) -> Places:
    carrier = st.builds(
        Carrier,
        operator=OPERATORS,
        technologies=st.lists(st.sampled_from(["2g", "4g", "5g"]), unique=True).map(tuple),
        on_air=st.none() | DAYS,
    )
    sites = [
        Site(
            id=f"s{n}", name=f"s{n}", kind=draw(st.sampled_from(SiteKind)), province="04", commune=draw(COMMUNES),
            former=tuple(draw(st.lists(st.builds(Former, COMMUNES, DAYS), max_size=1))),
            carriers=tuple(draw(st.lists(carrier, max_size=4, unique_by=lambda each: each.operator))),
        )
        for n in range(draw(st.integers(1, 6)))
    ]  # fmt: skip
    names = st.sampled_from([site.id for site in sites])
    devices = [
        Device(
            id=f"d{n}", site=draw(names), speaks=draw(st.sampled_from(Speech)), profile=draw(st.sampled_from([None, "ups"]))
        )
        for n in range(draw(st.integers(0, 5)))
    ]
    links = [
        Link(
            id=f"l{n}", site=draw(names), upstream_site="s0", kind=draw(st.sampled_from(LinkKind)), role=LinkRole.PRIMARY,
            network=draw(st.sampled_from(["tslcd_2", "internet"])), capacities=(), operator=draw(OPERATORS),
            since=draw(st.none() | DAYS), length_km=draw(st.none() | st.integers(1, 99_999).map(lambda m: m / 1000)),
            former=tuple(draw(st.lists(st.builds(Former, names, DAYS), max_size=1))),
        )
        for n in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    return Places({s.id: s for s in sites}, {d.id: d for d in devices}, {k.id: k for k in links})


@given(places())
def test_every_figure_is_a_plain_count(made: Places):
    """Each figure is counted again by asking, for each key that could be, how many there are."""
    found = figures(made, AT)
    bts = [site for site in made.sites.values() if site.kind == "bts"]
    on_air = {site.id: [c for c in site.carriers if not c.on_air or c.on_air <= AT] for site in bts}
    live = [link for link in made.links.values() if not link.since or link.since <= AT]

    def where(site: Site) -> str:
        return site.former[0].place if site.former and site.former[0].until > AT else site.commune

    def served(link: Link) -> Site:
        return made.sites[link.former[0].place if link.former and link.former[0].until > AT else link.site]

    expected: dict[tuple[str, str], float] = {}
    for kind in SiteKind:
        expected["sites", kind.value] = sum(site.kind is kind for site in made.sites.values())
    for code in ("01273", "01279", "01288"):
        expected["commune_sites", code] = sum(where(site) == code for site in made.sites.values())
        expected["commune_bts", code] = sum(where(site) == code for site in bts)
        expected["commune_devices", code] = sum(where(made.sites[d.site]) == code for d in made.devices.values())
        expected["commune_links", code] = sum(where(served(link)) == code for link in live)
    for operator in ("Viettel", "VNPT", "MobiFone", ""):
        expected["bts_operator", operator] = sum(any(c.operator == operator for c in on_air[s.id]) for s in bts)
        for tech in ("2g", "4g", "5g"):
            expected["bts", f"{operator}/{tech}"] = sum(
                any(c.operator == operator and tech in c.technologies for c in on_air[s.id]) for s in bts
            )
        fibre = [link for link in live if link.kind == "fibre" and link.operator == operator]
        expected["fibre_km", operator] = round(sum(link.length_km or 0 for link in fibre), 3)
        expected["fibre_untold", operator] = sum(link.length_km is None for link in fibre)
    for number in range(5):
        expected["masts", str(number)] = sum(len({c.operator for c in on_air[s.id]}) == number for s in bts)
    for speech in Speech:
        expected["devices_speech", speech.value] = sum(d.speaks is speech for d in made.devices.values())
    for profile in (None, "ups"):
        expected["devices_profile", profile or ""] = sum(d.profile == profile for d in made.devices.values())
    for link_kind in LinkKind:
        expected["links_kind", link_kind.value] = sum(link.kind is link_kind for link in live)
    for network in ("tslcd_2", "internet"):
        expected["links_network", network] = sum(link.network == network for link in live)
    timeless = {key: value for key, value in found.items() if not key[0].startswith("on_air")}
    assert timeless == {key: pytest.approx(value) for key, value in expected.items() if value}
    stations = sum(value for (figure, _), value in found.items() if figure == "bts_operator")
    assert sum(value for (figure, _), value in found.items() if figure == "on_air_year") == stations
    assert {figure for figure, _ in found} <= set(FIGURES)
    assert shared_masts(found) == sum(len({c.operator for c in on_air[s.id]}) > 1 for s in bts)


def test_a_station_counts_in_the_year_and_the_month_in_which_it_went_on_air():
    """One whose first day is not told is of no year, and one that is still to come is not there."""
    site = Site(
        id="b", name="b", kind=SiteKind.BTS, province="04", commune="01273",
        carriers=(
            Carrier(operator="Viettel", technologies=("4g",), on_air=day("2019-05-01")),
            Carrier(operator="VNPT", technologies=("4g",), on_air=day("2026-10-01")),
            Carrier(operator="MobiFone", technologies=("4g",)),
            Carrier(operator="Vietnamobile", technologies=("4g",), on_air=day("2026-11-01")),
        ),
    )  # fmt: skip
    found = figures(Places({"b": site}), AT)
    assert {key: value for key, value in found.items() if key[0].startswith("on_air")} == {
        ("on_air_year", "2019"): 1,
        ("on_air_year", "2026"): 1,
        ("on_air_year", ""): 1,
        ("on_air_month", "VNPT"): 1,
    }
    assert found["masts", "3"] == 1
    assert ("bts", "Vietnamobile/4g") not in found


FIGURE_KEYS = st.tuples(st.sampled_from([*FIGURES, "a figure of another netmon"]), st.sampled_from(["", "a", "b"]))
MONTHS = st.dictionaries(FIGURE_KEYS, st.integers(1, 9).map(float))


@given(MONTHS, MONTHS)
def test_a_change_is_the_difference_and_what_is_missing_is_nought(now, before):
    """Month + change = this month, for all that is in either; without a month before there is no change."""
    lines = compared(now, before)
    assert {(line.figure, line.key) for line in lines} == {key for key in {*now, *before} if key[0] in FIGURES}
    for line in lines:
        key = (line.figure, line.key)
        assert line.value == now.get(key, 0)
        assert line.change == (line.value - before.get(key, 0) if before else None)
    assert [line.figure for line in lines] == sorted((line.figure for line in lines), key=list(FIGURES).index)


def test_the_page_names_what_is_counted_and_the_table_for_programs_keeps_the_keys():
    """Names in both languages, the commune by its register's name; without a month before there are no such columns."""
    now = {("commune_bts", "01273"): 2.0, ("masts", "2"): 2.0, ("fibre_km", "VNPT"): 12.5, ("fibre_untold", ""): 1.0}
    before = {("masts", "2"): 3.0, ("fibre_km", "VNPT"): 10.0}
    alone = sections(compared(now, None), REGISTER, ON)
    assert [len(table.columns) for table in alone] == [3, 3, 3, 5]
    lines = compared(now, before)
    table = whole(lines, REGISTER, ON, alone[0].title)
    ids = [column.id for column in table.columns]
    rows = {(row[0], row[2]): dict(zip(ids, row, strict=True)) for row in table.rows}
    assert rows["masts", "2"]["change"].number == -1
    assert rows["masts", "2"]["change"].words == ("−1", "−1")
    assert rows["masts", "2"]["name"] == ("2 doanh nghiệp dùng chung", "shared by 2 operators")
    assert rows["fibre_km", "VNPT"]["value"].words == ("12,5", "12.5")
    assert rows["fibre_km", "VNPT"]["change"].words == ("+2,5", "+2.5")
    assert rows["fibre_untold", ""]["name"] == UNTOLD
    unit = REGISTER.unit("01273", ON)
    assert unit is not None
    assert rows["commune_bts", "01273"]["name"].vi == f"{unit.name} (01273)"
    communes = sections(compared(now, {("commune_bts", "01273"): 1.0, ("commune_links", "01273"): 1.0}), REGISTER, ON)[-1]
    assert [cell.words.vi for cell in communes.rows[0][1:]] == ["0", "2 (+1)", "0", "0 (−1)"]
    assert called("bts", "Viettel/5g", REGISTER, ON).en == "Viettel, 5G"
    assert any("12,5 km" in told.vi for told in summary(now))
    assert any("chưa khai báo chiều dài" in told.vi for told in summary(now))

"""The database of connections: what was valid on a day, the quality that verdicts tell, and the totals."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import units
from netmon.model import (
    VIET_NAM,
    Capacity,
    End,
    Former,
    Link,
    LinkKind,
    LinkRole,
    PortSpeed,
    Site,
    SiteKind,
    Standing,
    Subject,
    Verdict,
    Window,
)
from netmon.reports.html import Page, render
from netmon.reports.registry import Quality, at, connections, qualities, totals
from netmon.reports.registry_tables import table, tables, title, warnings
from netmon.reports.table import write_csv
from netmon.targets.definitions import BasisKind, Latency, Loss
from netmon.targets.windows import month_of
from netmon.targets.words.voice import Voice
from tests.targets.made import LINK_UP, P95, SERVICE

REGISTER = units.load()
ON = date(2026, 4, 30)


def day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=VIET_NAM).timestamp()


@dataclass
class Places:
    """Just what is told."""

    sites: Mapping[str, Site] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)


def made(*links: Link, **sites: Site) -> Places:
    return Places(sites, {link.id: link for link in links})


def link(name: str, site: str = "a", **more) -> Link:
    return Link(
        **{
            "id": name, "site": site, "upstream_site": "core", "kind": LinkKind.FIBRE, "role": LinkRole.PRIMARY,
            "network": "tslcd_2", "capacities": (), **more,
        }
    )  # fmt: skip


def site(name: str, commune: str = "01273", province: str = "04", **more) -> Site:
    return Site(id=name, name=f"UBND {name}", kind=SiteKind.PEOPLES_COMMITTEE, province=province, commune=commune, **more)


def test_each_thing_is_what_was_valid_on_the_day():
    """Name and kind of the commune, site, capacity and port speed as at the day's end; what came later is not there."""
    places = made(
        link(
            "moved", "b", former=(Former("a", day("2026-04-30")),), since=day("2026-04-30"), operator="VNPT",
            capacities=(Capacity(day("2025-01-01"), 1e6, 1e6), Capacity(day("2026-04-30"), 25e6, 12.5e6),
                        Capacity(day("2026-05-01"), 9e9, 9e9)),
        ),
        link("later", "b", since=day("2026-05-01")),
        a=site("a", "25270", "75"), b=site("b", "25270", "75"), core=site("core"),
    )  # fmt: skip
    ports = {"moved": [PortSpeed(End.NEAR, day("2026-04-30"), 1e8), PortSpeed(End.NEAR, day("2026-05-01"), 1e9),
                       PortSpeed(End.NEAR, day("2026-01-01"), 1e7), PortSpeed(End.FAR, 0, 0)]}  # fmt: skip
    (row,) = connections(places, at(ON), ports, {}, REGISTER)
    assert (row.site.id, row.province, row.commune, row.channels) == ("b", "75", "25270", 1)
    assert row.capacity == Capacity(day("2026-04-30"), 25e6, 12.5e6)
    assert row.ports == {End.NEAR: 1e8, End.FAR: 0}
    shown = table([row], REGISTER, ON)
    cells = dict(zip([column.id for column in shown.columns], shown.rows[0], strict=True))
    assert (cells["commune_name"].vi, cells["province_name"].vi) == ("Phường Lộc Ninh", "Thành phố Đồng Nai")
    assert (cells["since"], cells["port_near"], cells["port_far"]) == ("2026-04-30", 1e8, None)
    (before,) = connections(
        made(replace(places.links["moved"], since=None), **places.sites), at(date(2026, 4, 29)), {}, {}, REGISTER
    )
    shown = table([before], REGISTER, date(2026, 4, 29))
    cells = dict(zip([column.id for column in shown.columns], shown.rows[0], strict=True))
    assert (cells["site"], cells["commune_name"].vi, cells["receive"]) == ("a", "Xã Lộc Ninh", 1e6)


LINKS = st.builds(
    link,
    st.uuids().map(str),
    site=st.sampled_from(["a", "b", "c"]),
    operator=st.sampled_from(["Viettel", "VNPT", ""]),
    since=st.none() | st.sampled_from([day("2020-01-01"), day("2026-05-01")]),
    length_km=st.none() | st.integers(1, 500).map(float),
    capacities=st.just(()) | st.integers(1, 1000).map(lambda mbit: (Capacity(0, mbit * 125e3, mbit * 250e3),)),
)
SITES = {"a": site("a"), "b": site("b", "01279"), "c": site("c", "25270", "75")}


@given(st.lists(LINKS, max_size=8))
def test_totals_are_the_sums_of_the_rows_of_a_province_and_operator(links):
    """Counted again, link by link, in exact fractions."""
    rows = connections(made(*links, **SITES), at(ON), {}, {}, REGISTER)
    there = [each for each in links if each.since != day("2026-05-01")]
    assert sorted(row.link.id for row in rows) == sorted(each.id for each in there)
    sums: dict[tuple[str, str], list] = defaultdict(lambda: [0, set(), Fraction(), Fraction(), 0, Fraction(), 0])
    for each in there:
        found = sums[SITES[each.site].province, each.operator]
        found[0] += 1
        found[1].add(each.site)
        found[2] += Fraction(each.capacities[0].receive) if each.capacities else 0
        found[3] += Fraction(each.capacities[0].transmit) if each.capacities else 0
        found[4] += not each.capacities
        found[5] += Fraction(each.length_km or 0)
        found[6] += each.length_km is None
    assert {total[:2]: list(total[2:]) for total in totals(rows)} == {
        key: [count, len(names), *more] for key, (count, names, *more) in sums.items()
    }
    assert all(row.channels == sum(each.site == row.site.id for each in there) for row in rows)
    shown = table(rows, REGISTER, ON)
    assert [row[0] for row in shown.rows] == ["link"] * len(there) + ["total"] * len(sums)


MONTH = month_of(day("2026-03-10"))
RUNNING = month_of(day("2026-04-10"))
LATENCY = Latency(id="latency", title_vi="", title_en="", limit=0.05, basis="", basis_kind=BasisKind.PROXY)
LOSS = Loss(id="loss", title_vi="", title_en="", limit=0.01, basis="", basis_kind=BasisKind.PROXY)
TARGETS = [LINK_UP, SERVICE, P95, replace(P95, id="second"), LATENCY, LOSS]


def verdict(target: str, subject: Subject, value: float | None, window: Window = MONTH, **more) -> Verdict:
    return Verdict(
        **{
            "target": target, "subject": subject, "standing": Standing.MET, "value": value, "limit": 1.0, "coverage": 0.99,
            "window": window, "final": window == MONTH, "evidence": {"rule": "r", "simulated_s": 0.0}, **more,
        }
    )  # fmt: skip


A, LINE = Subject("site", "a"), Subject("link", "line")


def found(closed, current=()) -> Quality:
    return qualities(made(link("line"), a=site("a")), TARGETS, closed, current, MONTH, at(ON))["line"]


def test_quality_is_that_of_the_closed_month_and_of_the_first_target_of_each_rule():
    """The service's availability, not the link's; the last revision; the lowest coverage."""
    closed = [
        verdict("availability", A, 0.5),
        verdict("availability", A, 0.999),
        verdict("link_up", LINE, 0.1),
        verdict("second", LINE, 0.2),
        verdict("tslcd_p95", LINE, 0.7, coverage=0.96),
        verdict("tslcd_p95", LINE, 0.9, window=month_of(day("2026-02-02")), final=True),
        verdict("loss", LINE, 0.002),
    ]
    assert found(closed) == Quality(0.999, 0.7, None, 0.002, 0.96, (), simulated=False)


def test_where_no_month_is_closed_the_running_verdict_speaks_and_says_so():
    """Only where its window touches the time from the month to the day; and what a simulator made is told."""
    simulated = {"rule": "r", "simulated_slots": 4}
    current = [
        verdict("availability", A, 0.9, RUNNING),
        verdict("latency", LINE, 0.03, RUNNING, evidence=simulated),
        verdict("loss", LINE, 0.5, month_of(day("2026-06-01"))),
        verdict("tslcd_p95", LINE, None, RUNNING),
    ]
    quality = found([verdict("availability", A, 0.8)], current)
    assert quality == Quality(0.8, None, 0.03, None, 0.99, ("latency",), simulated=True)
    assert found([]) == Quality()


def test_the_page_and_the_table_say_the_same_and_warn_of_what_is_not_proven():
    """Totals first, then the connections of each province; text of people is escaped."""
    quality = {"x": Quality(0.999, 0.812, 0.0123, 0.0, 0.97, ("latency",), simulated=True)}
    places = made(
        link("x", operator="<VNPT>", circuit_id="CB-1", length_km=12.34, since=day("2025-07-01"),
             capacities=(Capacity(0, 25e6, 12.5e6),)),
        link("y", "b", role=LinkRole.BACKUP),
        a=site("a", security_level=4), b=site("b", "01279"),
    )  # fmt: skip
    rows = connections(places, at(ON), {"x": [PortSpeed(End.NEAR, 0, 125e6)]}, quality, REGISTER)
    told = warnings(rows, ON)
    assert [words.en.rpartition(": ")[2] for words in told] == ["1.", "1.", "1."]
    page = render(Page(title=title(ON), warnings=told, tables=tables(rows, REGISTER, ON)), "vi")
    for text in (
        "UBND a (cấp độ 4)",
        "x\nCB-1",
        "&lt;VNPT&gt;",
        "01/07/2025",
        "200 / 100",
        "1.000 / -",
        "12,3 km",
        "81,2 %",
    ):
        assert text in page
    out = io.StringIO(newline="")
    write_csv(table(rows, REGISTER, ON), out, Voice("en"))
    lines = [line.split(",") for line in out.getvalue().splitlines()]
    row = dict(zip(lines[0], lines[1], strict=True))
    assert (row["receive_mbit_s"], row["transmit_mbit_s"], row["port_near_mbit_s"]) == ("200", "100", "1000")
    assert (row["availability_ratio"], row["p95_ratio"], row["latency_ms"]) == ("0.999", "0.812", "12.3")
    assert (row["since"], row["running"], row["kind"]) == ("2025-07-01", "latency", "fibre")


def test_a_network_that_people_know_is_told_in_words_on_the_page_alone():
    """Any other by its id; programs get the id of each."""
    networks = {"n1": "tslcd_1", "n2": "tslcd_2", "n3": "internet", "n4": "mobile_vpn"}
    places = made(*(link(name, network=network) for name, network in networks.items()), a=site("a"))
    rows = connections(places, at(ON), {}, {}, REGISTER)
    (_, shown) = tables(rows, REGISTER, ON)
    place = [column.id for column in shown.columns].index("kind")
    assert [[text.partition(",")[0] for text in row[place]] for row in shown.rows] == [
        ["TSLCD cấp I", "TSLCD level I"],
        ["TSLCD cấp II", "TSLCD level II"],
        ["Internet", "Internet"],
        ["mobile_vpn", "mobile_vpn"],
    ]
    plain = table(rows, REGISTER, ON)
    place = [column.id for column in plain.columns].index("network")
    assert [row[place] for row in plain.rows if row[0] == "link"] == [*networks.values()]


def test_of_a_day_without_a_link_that_is_all_that_is_warned_of():
    """Nothing is counted where nothing is."""
    (told,) = warnings([], ON)
    assert "30/04/2026 chưa có kết nối nào" in told.vi
    assert "By the end of 2026-04-30 there was no link" in told.en


def test_the_last_second_of_a_day_is_within_it():
    """And the first of the next is not."""
    assert at(ON) == pytest.approx(day("2026-05-01") - 1)

"""Which addresses are asked: CIDRs, ranges, lists, and what is wrong with them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.discover.addresses import MOST, UnclearError, Wanted, each, span, spans


@given(
    st.integers(2**24, 2**31).flatmap(lambda n: st.integers(22, 32).map(lambda bits: IPv4Network((n, bits), strict=False)))
    | st.integers(2**120, 2**127).flatmap(
        lambda n: st.integers(120, 128).map(lambda bits: IPv6Network((n, bits), strict=False))
    )
)
def test_a_network_is_its_hosts_as_the_standard_library_has_them(network: IPv4Network | IPv6Network):
    assert [wanted.address for wanted in span(str(network))] == [str(host) for host in network.hosts()]


@given(st.integers(2**24, 2**31), st.integers(0, 200))
def test_a_range_has_both_its_ends(first: int, more: int):
    low, high = ip_address(first), ip_address(first + more)
    asked = list(span(f"{low}-{high}"))
    assert (asked[0].address, asked[-1].address, len(asked)) == (str(low), str(high), more + 1)
    assert span(f"{low}-{high}").count == more + 1


def test_a_range_may_end_with_its_last_octet_alone():
    assert [wanted.address for wanted in span("10.4.1.8-10")] == ["10.4.1.8", "10.4.1.9", "10.4.1.10"]


@pytest.mark.parametrize("text", ["10.4.1.9-8", "10.4.1.1-2001:db8::1", "10.4.1.300", "10.4.1.0/33", "-", ""])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        span(text)


@pytest.mark.parametrize(
    "text",
    [
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "::ffff:224.0.0.1",
        "239.0.0.0/24",
        "223.255.255.9-224.0.0.2",
    ],
)
def test_what_is_the_address_of_no_one_machine_is_refused(text: str):
    with pytest.raises(ValueError, match="no one machine"):
        span(text)


def test_an_ipv4_address_in_the_dress_of_ipv6_is_asked_once():
    assert each(spans(["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1-::ffff:a00:2"], [])) == [
        Wanted(address="10.0.0.1"),
        Wanted(address="10.0.0.2"),
    ]


def test_a_line_that_is_too_long_for_csv_is_told_like_any_other(tmp_path: Path):
    listed = tmp_path / "list"
    listed.write_text(f"10.4.1.1\n10.4.1.2,{'x' * 131_073}\nrouter.example\n")
    with pytest.raises(UnclearError) as told:
        spans([str(listed)], [])
    assert [line.split(": ")[0] for line in str(told.value).splitlines()] == [f"{listed}:2", f"{listed}:3"]


def test_a_list_names_its_columns_or_has_them_in_order(tmp_path: Path):
    named, bare = tmp_path / "named.csv", tmp_path / "bare.csv"
    named.write_text('\ufeffName, Address,commune\n"Bộ định tuyến, mới",10.4.1.7,1288\n\n# a remark\n,10.4.1.16/30,\n')
    bare.write_text("10.4.1.7,cb-01288\n2001:db8::7\n")
    assert each(spans([str(named), str(bare), "-"], ["10.4.1.7,,01290,other", "10.4.1.9"])) == [
        Wanted(address="10.4.1.7", site="cb-01288", commune="01288", name="Bộ định tuyến, mới"),
        Wanted(address="10.4.1.17"),
        Wanted(address="10.4.1.18"),
        Wanted(address="2001:db8::7"),
        Wanted(address="10.4.1.9"),
    ], "each once, the first that tells wins, the leading zero is put back"


def test_all_that_is_wrong_is_told_with_its_place(tmp_path: Path):
    listed = tmp_path / "list"
    listed.write_text("10.4.1.1\nrouter.example\n10.4.1.0/29,,,r1\n10.4.1.2,,,r2,more\n")
    with pytest.raises(UnclearError) as told:
        spans([str(listed), "10.4.1.0/40", "nowhere.csv"], [])
    lines = str(told.value).splitlines()
    assert [line.split(": ")[0].removeprefix(f"{listed}:") for line in lines] == [
        "2",
        "3",
        "4",
        "10.4.1.0/40",
        "nowhere.csv",
    ]
    with pytest.raises(UnclearError, match="-:1: 'adress' does not"):
        spans(["-"], ["adress,site", "10.4.1.1"])


def test_more_than_a_scan_can_end_with_is_refused_before_it_is_counted_out():
    with pytest.raises(UnclearError, match=f"{MOST:,}"):
        each(spans(["2001:db8::/64"], []))

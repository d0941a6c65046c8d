"""The page of metrics is what Prometheus' text format asks for, whatever devices call themselves."""

from __future__ import annotations

import math
import re
import subprocess
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from netmon.catalogue import DEVICE, OWN, Family
from netmon.exporters.numbers import written
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.model import Meter, Series

Sample = tuple[str, tuple[tuple[str, str], ...]]


def series(family: str, device: str = "r1", **others: str) -> Series:
    """A series of a family with all its labels, plain values for those that are not given."""
    values = {"device": device, **others}
    return Series(family, tuple((name, values.get(name, f"{name}-1")) for name in DEVICE[family].labels))


def put(page: Page, owner: str, samples: list[tuple[Series, float]], kept: bool = False) -> None:
    """Puts series with their values, as the outlets do."""
    page.put(owner, tuple(one for one, _ in samples), written([value for _, value in samples]), kept)


def samples(page: bytes) -> dict[Sample, float]:
    """The device samples of a page by name and labels; fails if one is there twice."""
    found: dict[Sample, float] = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            if sample.name in DEVICE:
                labels = tuple((name, sample.labels[name]) for name in DEVICE[sample.name].labels)
                assert len(labels) == len(sample.labels)
                assert (sample.name, labels) not in found
                found[sample.name, labels] = sample.value
    return found


def full_page() -> bytes:
    """Every family of the catalogue, several owners each, and every metric of netmon's own."""
    own = OwnMetrics()
    for family in OWN.values():
        say = {"counter": own.count, "gauge": own.gauge, "histogram": own.observe}[family.kind]
        say(family.name, 1.5, **dict.fromkeys(family.labels, "x"))
    page = Page(own)
    wide = [name for name, family in DEVICE.items() if "commune" not in family.labels]
    for n in range(20):
        device = f"xã-{n}"
        put(
            page,
            device,
            [(series(name, device, site=device, commune=device), n) for name in DEVICE if name not in wide],
        )
    put(page, "province:04", [(series(name), 1) for name in wide], kept=True)
    return page.render()


def test_each_family_stands_in_one_group_under_its_help_and_type() -> None:
    """The format wants all lines of a metric together, and HELP and TYPE once, before them."""
    page = full_page()
    lines = page.decode().splitlines()
    groups: list[str] = []
    for line in lines:
        name = line.split()[2] if line.startswith("# ") else line.partition("{")[0].partition(" ")[0]
        if name not in OWN:  # histograms add suffixes
            name = next((own for own in OWN if name in (f"{own}_bucket", f"{own}_sum", f"{own}_count")), name)
        if not groups or groups[-1] != name:
            groups.append(name)
    assert max(Counter(groups).values()) == 1
    assert set(groups) >= DEVICE.keys() | OWN.keys()
    for family in (*DEVICE.values(), *OWN.values()):
        at = lines.index(f"# HELP {family.name} {family.en}")
        assert lines[at + 1] == f"# TYPE {family.name} {family.kind}"
    assert page.endswith(b"\n")


def test_no_series_is_on_the_page_twice() -> None:
    """Read by another parser: every series once, with the value that was put."""
    found = samples(full_page())
    assert len(found) == sum(20 if "commune" in family.labels else 1 for family in DEVICE.values())
    assert {value for (_, labels), value in found.items() if ("device", "xã-7") in labels} == {7}


def test_promtool_has_nothing_to_say_about_the_page(promtool: Path) -> None:
    checked = subprocess.run([promtool, "check", "metrics"], input=full_page(), capture_output=True, check=False, timeout=30)
    assert (checked.stdout.decode(), checked.stderr.decode(), checked.returncode) == ("", "", 0)


@example(value='100 %s of "C:\\n"\n')
@given(value=st.text())
def test_a_label_value_comes_back_as_it_was(value: str) -> None:
    """Backslashes, quotes, line feeds, percent signs and any letter survive."""
    page = Page(OwnMetrics())
    put(page, "r1", [(series("netmon_interface_up", interface=value), 1), (series("netmon_device_up"), 0)])
    assert samples(page.render()) == {
        ("netmon_interface_up", series("netmon_interface_up", interface=value).labels): 1,
        ("netmon_device_up", series("netmon_device_up").labels): 0,
    }


def test_half_a_letter_in_a_name_does_not_break_the_page() -> None:
    """What a device sent in another encoding may hold surrogates, which UTF-8 cannot carry."""
    page = Page(OwnMetrics())
    put(page, "r1", [(series("netmon_interface_up", interface="Gi0/1 \udce9"), 1)])
    assert b'interface="Gi0/1 ?"} 1\n' in page.render()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((5, "5"), (2**64 - 1, "18446744073709551615"), (True, "1")),
        *((0.1, "0.1"), (5.0, "5.0"), (-1e-9, "-1e-09")),
        *((math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (10**400, "+Inf"), (-(10**400), "-Inf")),
    ],
)
def test_numbers_are_written_without_loss(value: float, text: str) -> None:
    page = Page(OwnMetrics())
    put(page, "r1", [(series("netmon_device_uptime_seconds"), value)])
    line = next(line for line in page.render().decode().splitlines() if line.startswith("netmon_device_uptime_seconds{"))
    assert line.rpartition(" ")[2] == text


NAMES = ("netmon_device_up", "netmon_device_snmp_up", "netmon_device_info", "netmon_device_uptime_seconds")
COUNTED = ("netmon_interface_up", "netmon_interface_receive_bytes_total", "netmon_interface_transmit_bytes_total")
OWNERS = st.sampled_from(["r1", "r2"])
PUT = st.tuples(OWNERS, st.booleans(), st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 9))))


@example(steps=[("r1", False, [("netmon_device_up", 1)]), ("r1", False, [("netmon_device_snmp_up", 2)])])
@given(steps=st.lists(st.one_of(PUT, st.tuples(st.sampled_from(["drop", "forget"]), OWNERS)), max_size=12))
def test_the_page_holds_what_each_owner_put_last(steps: list[tuple[object, ...]]) -> None:
    """Parts replace themselves only; a drop spares kept parts and kept families; a series given twice changes nothing."""
    page = Page(OwnMetrics())
    model: dict[tuple[str, bool], dict[str, int]] = {(o, kept): {} for o in ("r1", "r2") for kept in (False, True)}
    for step in steps:
        match step:
            case ("drop", str(owner)):
                page.drop(owner)
                measured = model[owner, False]
                model[owner, False] = {name: value for name, value in measured.items() if DEVICE[name].keeps}
            case ("forget", str(owner)):
                page.forget(owner)
                model[owner, False], model[owner, True] = {}, {}
            case (str(owner), bool(kept), list(brought)):
                given_samples = [(series(name, owner), value) for name, value in brought]
                if len(dict(brought)) < len(brought) or dict(brought).keys() & model[owner, not kept].keys():
                    with pytest.raises(ValueError, match="twice"):
                        put(page, owner, given_samples, kept)
                else:
                    put(page, owner, given_samples, kept)
                    model[owner, kept] = dict(brought)
    expected = {
        (name, series(name, owner).labels): value for (owner, _), part in model.items() for name, value in part.items()
    }
    text = page.render()
    assert samples(text) == expected
    assert page.series == len(expected)
    assert f"\nnetmon_scrape_series {float(len(expected))}\n" in text.decode()
    assert {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")} & DEVICE.keys() == {
        name for name, _ in expected
    }


@given(st.permutations([(name, port) for name in COUNTED for port in "abc"]), st.lists(st.booleans(), max_size=5))
def test_numbers_find_their_lines_in_whatever_order_the_series_come(order: list[tuple[str, str]], drops: list[bool]) -> None:
    """Families stand together on the page, and need not in what an owner brings, again and again in the same object."""
    page, brought = Page(OwnMetrics()), tuple(series(name, interface=port) for name, port in order)
    for n, drop in enumerate([False, *drops]):
        if drop:
            page.drop("r1")
            assert samples(page.render()) == {}
        page.put("r1", brought, [str(100 * n + place) for place in range(len(brought))])
        found = samples(page.render())
        assert found == {(one.family, one.labels): 100 * n + place for place, one in enumerate(brought)}


@pytest.mark.parametrize(
    "wrong",
    [
        Series("netmon_nothing", ()),
        Series("netmon_device_up", (("device", "r1"),)),
        Series("netmon_device_up", tuple(reversed(series("netmon_device_up").labels))),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused_and_changes_nothing(wrong: Series) -> None:
    """An unknown family, missing labels, labels in another order (which would make a second name for one series)."""
    page = Page(OwnMetrics())
    put(page, "r1", [(series("netmon_device_snmp_up"), 1)])
    with pytest.raises(ValueError, match=wrong.family):
        put(page, "r1", [(series("netmon_device_snmp_up"), 0), (wrong, 1)])
    assert set(samples(page.render()).values()) == {1}


def test_netmon_counts_itself_under_the_names_of_the_catalogue() -> None:
    """No doubled `_total`, no `_created` series; unlabelled counters start at 0, so that their first rise is seen."""
    meter: Meter = (own := OwnMetrics())
    meter.count("netmon_polls_total", outcome="answered")
    meter.count("netmon_polls_total", 2, outcome="answered")
    meter.gauge("netmon_devices", 7, state="up")
    meter.observe("netmon_poll_duration_seconds", 0.03)
    text = own.render().decode()
    lines = text.splitlines()
    assert 'netmon_polls_total{outcome="answered"} 3.0' in lines
    assert 'netmon_devices{state="up"} 7.0' in lines
    assert 'netmon_poll_duration_seconds_bucket{le="0.05"} 1.0' in lines
    assert "netmon_snmp_requests_total 0.0" in lines
    assert "_created" not in text
    assert "_total_total" not in text
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)


def test_numbers_of_a_histogram_stand_in_its_buckets() -> None:
    """A value on a bound belongs below it; what is beyond the last bound is only in +Inf; buckets are cumulative."""
    own, bounds = OwnMetrics(), OWN["netmon_poll_duration_seconds"].buckets
    for bound in bounds:
        own.observe("netmon_poll_duration_seconds", bound)
    own.observe("netmon_poll_duration_seconds", 2 * bounds[-1])
    text = own.render().decode()
    counts = [
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("netmon_poll_duration_seconds_b")
    ]
    assert counts == [n + 1 for n in range(len(bounds) + 1)]
    assert f"netmon_poll_duration_seconds_count {len(bounds) + 1:.1f}" in text


def test_threads_lose_no_count_and_labels_come_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Family("netmon_two_labels_total", "counter", "", "Two.", "Hai.", ("one", "two"))
    monkeypatch.setitem(OWN, two.name, two)
    own = OwnMetrics()

    def count() -> None:
        for _ in range(5_000):
            own.count(two.name, one="a", two="b")
            own.count(two.name, two="b", one="a")

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b'\nnetmon_two_labels_total{one="a",two="b"} 40000.0\n' in own.render()


def test_a_counter_never_falls() -> None:
    with pytest.raises(ValueError, match="netmon_readings_total"):
        OwnMetrics().count("netmon_readings_total", -1)


def test_two_netmons_in_one_process_count_apart() -> None:
    one, two = OwnMetrics(), OwnMetrics()
    one.count("netmon_readings_total", 5)
    assert b"\nnetmon_readings_total 0.0\n" in two.render()


@pytest.mark.parametrize(
    ("family", "labels"),
    [
        ("netmon_nothing_total", {}),
        ("netmon_device_up", {}),
        ("netmon_self_isolated", {}),  # a gauge is not counted
        ("netmon_polls_total", {}),
        ("netmon_polls_total", {"reason": "x"}),
        ("netmon_polls_total", {"outcome": "answered", "device": "r1"}),
        ("netmon_readings_total", {"device": "r1"}),
    ],
)
def test_a_wrong_name_kind_or_label_of_an_own_metric_is_an_error(family: str, labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=family):
        OwnMetrics().count(family, **labels)


def test_the_questions_of_the_documentation_are_promql_about_families_that_there_are(tmp_path: Path, promtool: Path) -> None:
    text = Path(__file__).parents[1].joinpath("docs/metrics.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .+\n)+", text.partition("in PromQL")[2], re.MULTILINE)
    assert len(blocks) >= 7
    for block in blocks:
        assert set(re.findall(r"netmon_[a-z_]+", block)) <= DEVICE.keys()
    rules = [{"record": f"question_{n}", "expr": block} for n, block in enumerate(blocks)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "questions", "rules": rules}]}))
    checked = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr

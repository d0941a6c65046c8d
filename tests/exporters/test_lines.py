"""Lines are those of InfluxDB's own client, and no text or number can break one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point, WritePrecision

from netmon.catalogue import DEVICE
from netmon.exporters.lines import Lines
from netmon.exporters.numbers import written
from netmon.model import Series
from tests.exporters.conftest import series

AT = 1_753_000_000.25
TAIL = " 1753000000250000000\n"


def render(samples: list[tuple[Series, float]], at: float | list[float], lines: Lines | None = None) -> list[str]:
    """The lines of series with their values, one by one."""
    numbers = written([value for _, value in samples])
    text, count = (lines or Lines()).render("x", tuple(one for one, _ in samples), numbers, at)
    *found, rest = text.decode().split("\n")
    assert (len(found), rest) == (count, "")
    return [f"{line}\n" for line in found]


def prefix(one: Series) -> str:
    """What stands before the number of a series, by itself."""
    return render([(one, 1)], AT)[0].removesuffix(f"1{TAIL}")


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\r\t\\,= "), max_size=12)
anything = st.text(st.one_of(st.characters(), st.sampled_from("\\,= \n\r\x00\x85\u2028\ud800")), max_size=12)
families = st.sampled_from(sorted(DEVICE))


def series_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Series]:
    return families.flatmap(
        lambda name: st.tuples(*(st.tuples(st.just(label), text) for label in DEVICE[name].labels)).map(
            lambda labels: Series(name, labels)
        )
    )


@given(series_of(texts), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**62 // 1000))
def test_a_line_is_the_one_that_influxdb_client_would_write(one: Series, value: float, microseconds: int) -> None:
    """But for backslashes that its parsers do not agree on, and for the way in which it writes the same number."""
    point = Point(one.family).field("value", value).time(microseconds * 1000, WritePrecision.NS)
    for name, text in one.labels:
        point.tag(name, re.sub(r"\\{2,}|\\(?=[,= \n\r\t]|\Z)", lambda found: "/" * len(found[0]), text))
    at = microseconds / 1e6
    head, field, _ = re.split(r"(?<!\\) ", point.to_line_protocol())
    assert float(field.removeprefix("value=")) == value
    assert render([(one, value)], at) == [f"{head} value={value} {round(at * 1e6) * 1000}\n"]


@given(series_of(anything), st.one_of(st.floats(), st.integers(), st.booleans()))
def test_a_line_is_one_line_that_every_parser_cuts_alike(one: Series, value: float) -> None:
    """Whatever a device calls itself: as many tags as labels that have text, one field, one time."""
    for line in render([(one, value)], AT):
        text = line.encode().decode()  # UTF-8
        assert text.endswith(TAIL)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text[:-1])
        by_the_one_before = re.split(r"(?<!\\) ", text[:-1])
        by_pairs = re.findall(r"(?:\\.|[^ \\])+", text[:-1])
        assert by_the_one_before == by_pairs
        head, field, _ = by_pairs
        tags = re.split(r"(?<!\\),", head)[1:]
        assert tags == re.findall(r"(?:\\.|[^,\\])+", head)[1:]
        assert [tag.split("=")[0] for tag in tags] == sorted(name for name, text in one.labels if text)
        assert all(len(re.findall(r"(?<!\\)=", tag)) == 1 for tag in tags)
        assert float(field.removeprefix("value=")) == float(value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\\b", "a\\b"),
        ("a\\nb", "a\\nb"),
        ("\\\\host\\share", "//host\\share"),
        ("a\\\\\\b", "a///b"),
        ("a\\, b", "a/\\,\\ b"),
        ("a\\", "a/"),
        ("a\\\nb", "a/\\nb"),
        ("a\tb\rc", "a\\tb\\rc"),
        ("a\\\tb", "a/\\tb"),
    ],
)
def test_a_backslash_stays_where_every_server_reads_one(text: str, written: str) -> None:
    """Alone and before a plain character; elsewhere it becomes a slash."""
    assert prefix(Series("x", (("a", text),))) == f"x,a={written} value="


def test_integers_that_no_float_holds_do_not_cancel() -> None:
    assert written([10**400, -(10**400), 1.0]) == ["+Inf", "-Inf", "1.0"]


@pytest.mark.parametrize(
    ("value", "written"),
    [(1, "1"), (True, "1"), (5.0, "5.0"), (-0.5, "-0.5"), (1e300, "1e+300"), (2**64, "18446744073709551616"), (0, "0")],
)
def test_every_value_is_a_float(value: float, written: str) -> None:
    """A field has one type for good: a whole number must not make it an integer (`1i`), nor a truth a boolean."""
    assert render([(series("r1"), value)], AT) == [f"{prefix(series('r1'))}{written}{TAIL}"]


def test_what_has_no_place_in_the_protocol_is_left_out_and_nothing_else() -> None:
    values = [1.0, float("nan"), 2.0, float("inf"), float("-inf"), 10**400, 3.0]
    samples = [(series(f"r{n}"), value) for n, value in enumerate(values)]
    told = [f"{prefix(series(f'r{n}'))}{values[n]}{TAIL}" for n in (0, 2, 6)]
    assert render(samples, AT) == told
    assert render(samples, [AT] * 7) == told
    for never in (float("nan"), float("inf"), 1e30):
        assert render(samples, never) == []
        assert render(samples, [never] * 6 + [AT]) == told[-1:]


def test_each_sample_may_have_its_own_time() -> None:
    samples = [(series("r1"), 1.0), (series("r1"), 2.0)]
    assert [line.split()[-1] for line in render(samples, [AT, AT + 0.000001])] == [
        "1753000000250000000",
        "1753000000250001000",
    ]
    with pytest.raises(ValueError):
        render(samples, [AT])


def test_an_owner_may_bring_other_series_or_be_forgotten_at_any_time() -> None:
    """What is kept for it never shows in lines."""
    lines = Lines()
    for names in (["a", "b"], ["a", "b"], ["b", "a"], ["a"], ["a", "b", "c"], []):
        samples = [(series(name), n) for n, name in enumerate(names)]
        assert render(samples, AT, lines) == [f"{prefix(one)}{n}{TAIL}" for one, n in samples]
        lines.render("y", (series("y"),), ["1"], AT)
    lines.forget("x")
    lines.forget("x")
    assert render([(series("a"), 1)], AT, lines) == [f"{prefix(series('a'))}1{TAIL}"]

"""No text that a person or a device can give breaks a table's CSV or a report's page, and the page is as it is read."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netmon.model import Standing, Words
from netmon.reports.html import Page, render
from netmon.reports.table import BOM, Column, Figure, Kind, Table, defused, fit, in_words, write_csv
from netmon.targets.words.voice import Voice
from tests.browser import Browser, chromium

VI, EN = Voice("vi"), Voice("en")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
NASTY = st.sampled_from(
    [
        "<script>alert(1)</script>",
        'a"b',
        "a,b",
        "x\r\ny",
        "=1+1",
        " @SUM(A1)",
        "\t=1",
        "&amp;",
        "'",
        "-",
        "+84",
        "\x00",
        "\ud800",
    ]
)
TEXT = st.one_of(NASTY, ANY_TEXT)
NUMBER = st.floats(-1e12, 1e12)


def csv_of(table: Table, say: Voice = EN, *, human_header: bool = False) -> str:
    out = io.StringIO(newline="")
    write_csv(table, out, say, human_header=human_header)
    return out.getvalue()


class Reader(HTMLParser):
    """What stands in each cell and head of a page, and which elements there are."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += attrs
        if tag in ("td", "th", "h1", "h2", "p"):
            self._within = tag
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.texts[-1] += data


@given(st.lists(st.tuples(TEXT, TEXT, NUMBER), max_size=6))
def test_any_text_comes_back_from_csv_cell_by_cell_and_is_no_formula(rows: list[tuple[str, str, float]]):
    columns = [Column("a", Words("a", "a")), Column("b", Words("b", "b")), Column("n", Words("n", "n"), Kind.SECONDS)]
    text = csv_of(Table(title=Words("t", "t"), columns=columns, rows=rows))
    assert text.encode().decode("utf-8-sig") == text.removeprefix(BOM)
    head, *read = csv.reader(io.StringIO(text.removeprefix(BOM), newline=""), strict=True)
    assert head == ["a", "b", "n_s"]
    assert [row[:2] for row in read] == [[defused(a), defused(b)] for a, b, _ in rows]
    for (a, _, number), row in zip(rows, read, strict=True):
        assert row[0].removeprefix("'") == fit(a).removeprefix("'")
        assert not row[0].strip().startswith(("=", "+", "-", "@", "\t"))
        assert float(row[2]) == pytest.approx(number, abs=1e-9)
        assert "e" not in row[2].lower()


@given(TEXT, TEXT, st.sampled_from(list(Standing)))
@example("</td></tr></table><img src=x onerror=alert(1)>", '" onmouseover="x', Standing.MET)
def test_any_text_is_shown_on_the_page_and_never_becomes_a_part_of_it(name: str, note: str, standing: Standing):
    columns = [Column("a", Words(name, name)), Column("v", Words("v", "v"), Kind.VERDICT), Column("b", Words("b", "b"))]
    table = Table(title=Words(note, note), columns=columns, rows=[[name, standing, note]], notes=[Words(note, name)])
    page = Page(title=Words(name, note), lines=[Words(note, note)], warnings=[Words(name, name)], tables=[table])
    plain = render(Page(title=Words("x", "x"), lines=[Words("x", "x")], warnings=[Words("x", "x")], tables=[
        Table(title=Words("x", "x"), columns=columns[1:], rows=[[standing, "x"]], notes=[Words("x", "x")])
    ]), "vi")  # fmt: skip
    found, expected = Reader(), Reader()
    found.feed(render(page, "vi"))
    expected.feed(plain)
    assert found.elements == expected.elements
    assert {key for key, _ in found.attributes} == {key for key, _ in expected.attributes}
    assert found.texts[0] == fit(name)
    assert found.texts[-3:] == [fit(name) or "-", in_words(standing, Kind.VERDICT, VI), fit(note) or "-"]


def test_each_kind_of_cell_in_plain_values_and_in_words():
    kinds = [Kind.RATIO, Kind.RATE, Kind.SECONDS, Kind.COUNT, Kind.INSTANT, Kind.VERDICT, Kind.FIGURE, Kind.TEXT]
    cells = [
        0.9953,
        25_000_000,
        -8220.0,
        1234,
        1_793_469_600.0,
        Standing.AT_RISK,
        Figure(0.05, Words("50 giây", "50 s")),
        None,
    ]
    columns = [Column(kind.value, Words(f"cột {kind}", f"column {kind}"), kind) for kind in kinds]
    table = Table(title=Words("t", "t"), columns=columns, rows=[cells])
    head, human, row = csv.reader(io.StringIO(csv_of(table, VI, human_header=True).removeprefix(BOM), newline=""))
    assert head == [
        "ratio_ratio", "rate_mbit_s", "seconds_s", "count", "instant_at", "verdict", "verdict_words", "figure", "text",
    ]  # fmt: skip
    assert human[:2] == ["cột ratio", "cột rate"]
    assert row == [
        "0.9953", "200", "-8220", "1234", "2026-11-01T01:00:00+07:00", "at_risk", "Đạt, nhưng có nguy cơ không đạt",
        "0.05", "",
    ]  # fmt: skip
    vi = [in_words(cell, kind, VI) for cell, kind in zip(cells, kinds, strict=True)]
    assert vi[:4] == ["99,53 %", "200,0 Mbit/s", "−2 giờ 17 phút", "1.234"]
    assert vi[4:] == ["01:00 ngày 01/11/2026", "Đạt, nhưng có nguy cơ không đạt", "50 giây", "-"]
    with pytest.raises(TypeError):
        in_words("not a number", Kind.COUNT, VI)


def test_a_column_for_programs_alone_is_in_the_csv_and_not_on_the_page():
    columns = [Column("a", Words("a", "a")), Column("hash", Words("băm", "digest"), csv_only=True)]
    table = Table(title=Words("t", "t"), columns=columns, rows=[["x", "abcdef"]])
    assert "abcdef" in csv_of(table)
    assert "abcdef" not in render(Page(title=Words("t", "t"), tables=[table]), "en")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


async def test_a_browser_shows_it_whole_asks_for_nothing_and_prints_it_on_a4_on_its_side(browser: Browser, tmp_path: Path):
    columns = [
        Column("unit", Words("Xã, phường, đặc khu", "Commune")),
        Column("measured", Words("Đo được", "Measured"), Kind.RATIO),
        Column("standing", Words("Kết luận", "Verdict"), Kind.VERDICT),
        Column("notes", Words("Ghi chú", "Notes")),
    ]
    rows = [[f"Xã {n} <&>", n / 100, list(Standing)[n % 5], "một câu khá dài để xuống dòng. " * 6] for n in range(80)]
    tables = [Table(title=Words(f"Bảng {n}", f"Table {n}"), columns=columns, rows=rows) for n in range(2)]
    path = tmp_path / "page.html"
    path.write_text(render(Page(title=Words("Báo cáo", "Report"), tables=tables), "vi"), encoding="utf-8")
    async with browser.tab() as tab:
        await tab.show(1280, 900, "dark")
        await tab.open(path.as_uri())
        await tab.eventually("document.querySelectorAll('tbody tr').length === 160")
        assert tab.requests == [path.as_uri()]
        assert tab.said == []
        assert await tab.run("document.documentElement.scrollWidth") <= 1280
        assert await tab.run("document.documentElement.lang") == "vi"
        assert await tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "light, always"
        shapes = await tab.run("new Set([...document.querySelectorAll('td use')].map(use => use.getAttribute('href'))).size")
        assert shapes == 5
        assert await tab.run("getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
        answer = await tab.call("Page.printToPDF", preferCSSPageSize=True)
    pdf = base64.b64decode(answer["data"])
    assert pdf.count(b"/Type /Page\n") > 3
    assert b"/MediaBox [0 0 842" in pdf or b"/MediaBox [0 0 841" in pdf, "297 mm wide"

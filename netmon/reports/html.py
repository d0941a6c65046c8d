"""A report as one page that is read on a screen or printed: A4 on its side, light, complete in itself.

Pure. The page asks for nothing outside itself, runs no script, and tells a verdict by its shape and its word, never by
colour alone. Whatever comes from people or devices is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from netmon.model import Standing, Words
from netmon.reports.table import NONE, Cell, Column, Kind, Table, fit, in_words
from netmon.targets.words.voice import Language, Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page says: its title, lines below it, `warnings` in a frame, `facts` as pairs of a name and a text, tables,
    and how to read them."""

    title: Words
    lines: Sequence[Words] = ()
    warnings: Sequence[Words] = ()
    facts: Sequence[tuple[Words, str | Words]] = ()
    tables: Sequence[Table] = ()
    reading: Sequence[Words] = ()


def render(page: Page, language: Language) -> str:
    """The whole page in one language."""
    return "\n".join(_page(page, language, Voice(language))) + "\n"


_SHAPES = {
    Standing.MET: '<circle cx="8" cy="8" r="6.5"/><path d="M4.7 8.3 7 10.6 11.4 5.6" class="w"/>',
    Standing.AT_RISK: '<path d="M8 1 15.4 14.5H.6Z"/><path d="M8 5.6v4.2M8 11.4v1.5" class="w"/>',
    Standing.MISSED: '<path d="M2 2h12v12H2Z"/><path d="M5 5l6 6M11 5l-6 6" class="w"/>',
    Standing.UNPROVEN: '<path d="M8 1.2 14.8 8 8 14.8 1.2 8Z" class="o"/><path d="M6.2 6.7a1.8 1.8 0 1 1 1.8 2v.7M8 11v.9" '
    'class="l"/>',
    Standing.EXEMPT: '<path d="M3 8h10" class="l"/>',
}

_STYLE = """
:root { color-scheme: light; --ink: #1b2733; --faint: #55636f; --line: #c3ccd4; --head: #eef2f5;
  --met: #0b6e4f; --at_risk: #8a5a00; --missed: #b3261e; --unproven: #4a5a8a; --exempt: #5a6570; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.6rem 2rem 3rem; max-width: 1500px; color: var(--ink); background: #fff;
  font: 14px/1.42 "Noto Sans", "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.12rem; line-height: 1.3; margin: 1.9rem 0 .25rem; break-after: avoid; }
p { margin: .15rem 0; max-width: 70rem; }
.faint, .note { color: var(--faint); }
.note { font-size: .93em; break-after: avoid; }
.warning { margin: .8rem 0; padding: .55rem .8rem; border: 2px solid var(--at_risk); border-left-width: 8px;
  font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .9rem 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
nav ul, .reading { margin: .3rem 0; padding-left: 1.3rem; }
nav a { color: inherit; }
table { width: 100%; border-collapse: collapse; margin-top: .5rem; font-size: .93em; }
th, td { padding: .28rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--head); border-bottom: 2px solid var(--faint); vertical-align: bottom; font-weight: 600; }
td { overflow-wrap: anywhere; white-space: pre-line; }
.n { text-align: right; }
td.n { font-variant-numeric: tabular-nums; overflow-wrap: normal; white-space: nowrap; }
.v { padding-left: 1.4em; }
td.v { min-width: 11em; font-weight: 600; overflow-wrap: normal; }
td.t { min-width: 6em; }
.s { width: 1.05em; height: 1.05em; vertical-align: -.17em; margin-right: .4em; fill: currentColor; flex: none; }
symbol .w { fill: none; stroke: #fff; stroke-width: 1.9; }
symbol .o, symbol .l { fill: none; stroke: currentColor; stroke-width: 1.7; }
.met { color: var(--met); } .at_risk { color: var(--at_risk); } .missed { color: var(--missed); }
.unproven { color: var(--unproven); } .exempt { color: var(--exempt); }
footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: .6rem; font-size: .93em; }
@page { size: A4 landscape; margin: 12mm 11mm 14mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; color: #55636f; } }
@media print {
  body { padding: 0; max-width: none; font-size: 8.6pt; }
  nav { display: none; }
  h1 { font-size: 15pt; } h2 { font-size: 11pt; margin-top: 1.1rem; }
  thead { display: table-header-group; }
  tr, .warning { break-inside: avoid; }
  th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  th, td { padding: .16rem .35rem; }
  .v { padding-left: 1.2em; }
}
"""

_SECURITY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _page(page: Page, language: Language, say: Voice) -> Iterator[str]:
    title = _text(page.title, say)
    yield f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_SECURITY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield '<svg width="0" height="0" style="position:absolute" aria-hidden="true">'
    yield from (f'<symbol id="s-{name.value}" viewBox="0 0 16 16">{shape}</symbol>' for name, shape in _SHAPES.items())
    yield f"</svg>\n<h1>{title}</h1>"
    yield from (f'<p class="faint">{_text(line, say)}</p>' for line in page.lines)
    yield from (f'<p class="warning">{_text(warning, say)}</p>' for warning in page.warnings)
    if page.facts:
        yield "<dl>"
        yield from (f"<dt>{_text(name, say)}</dt><dd>{_text(fact, say)}</dd>" for name, fact in page.facts)
        yield "</dl>"
    if len(page.tables) > 1:
        links = (f'<li><a href="#t{n}">{_text(table.title, say)}</a></li>' for n, table in enumerate(page.tables, 1))
        yield f"<nav><ul>{''.join(links)}</ul></nav>"
    for n, table in enumerate(page.tables, 1):
        yield from _table(table, n, say)
    if page.reading:
        points = "".join(f"<li>{_text(point, say)}</li>" for point in page.reading)
        head = say("Cách đọc báo cáo", "How to read this report")
        yield f'<footer><b>{head}</b><ul class="reading">{points}</ul></footer>'
    yield "</body>\n</html>"


def _table(table: Table, n: int, say: Voice) -> Iterator[str]:
    yield f'<section id="t{n}">\n<h2>{_text(table.title, say)}</h2>'
    yield from (f'<p class="note">{_text(note, say)}</p>' for note in table.notes)
    if not table.rows:
        yield f"<p>{say('Không có dòng nào.', 'No rows.')}</p>\n</section>"
        return
    shown = [(place, column) for place, column in enumerate(table.columns) if not column.csv_only]
    yield f"<table>\n<thead><tr>{''.join(_heads((column for _, column in shown), say))}</tr></thead>\n<tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(_cell(column, row[place], say) for place, column in shown)}</tr>"
    yield "</tbody>\n</table>\n</section>"


def _heads(columns: Iterable[Column], say: Voice) -> Iterator[str]:
    for column in columns:
        yield f'<th scope="col" class="{_class(column.kind)}">{_text(column.title, say)}</th>'


def _cell(column: Column, cell: Cell, say: Voice) -> str:
    words = escape(in_words(cell, column.kind, say))
    if isinstance(cell, Standing):
        shape = f'<svg class="s" aria-hidden="true"><use href="#s-{cell.value}"/></svg>'
        return f'<td class="v {cell.value}">{shape}{words}</td>'
    return f'<td class="{_class(column.kind)}">{words or NONE}</td>'


def _class(kind: Kind) -> str:
    return {Kind.TEXT: "t", Kind.VERDICT: "v", Kind.INSTANT: "i"}.get(kind, "n")


def _text(words: str | Words, say: Voice) -> str:
    return escape(fit(say(*words) if isinstance(words, Words) else words))

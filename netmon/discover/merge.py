"""A proposal as a difference to the inventory that is there: text put in at the right lines, nothing else touched.

What comes out is for `patch -p1`; no file is written. Comments, order and spelling of what stands there are kept, for the
text itself is added to, where YAML's own marks say that an item ends.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from netmon.discover.identify import clean
from netmon.discover.proposal import Proposal
from netmon.discover.text import device_flow, device_lines, link_flow, link_lines, remarks_of, scalar
from netmon.settings.yaml import Document, Items, Table

DISCOVERED = "# discovered:"
"""How a remark on something known begins. One that stands in the file already is not made again."""

_NAMED = re.compile(r"(?:[&!]\S*[ \t]*){1,2}(?:#[^\n]*)?\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*")
"""The anchor and the tag of a block, up to what is in it. In one line with a key they would be the key's own."""


@dataclass(frozen=True, slots=True)
class _Insertion:
    """Text that is put in before the character `at`."""

    at: int
    text: str


def merged(documents: Iterable[Document], proposal: Proposal) -> dict[Path, str]:
    """The new texts of the files that change, by path. `documents` are those of the inventory, read without fault."""
    changed: dict[Path, str] = {}
    documents = list(documents)
    only = dict(_no_more_alone(documents, proposal))
    for document in documents:
        insertions = [*_insertions(document, proposal), *_named(document, only)]
        if insertions:
            changed[document.path] = _with(document.text, insertions)
    return changed


def patch(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The unified difference, for `patch -p1` in the directory that the names start from. What `old` lacks is a new file.

    A name with white space ends with a tab, as git writes it: patch(1) would else take its first word for all of it.
    """
    parts: list[str] = []
    for name, text in new.items():
        before = old.get(name)
        end = "\t" if any(map(str.isspace, name)) else ""
        source = f"a/{name}{end}" if before is not None else "/dev/null"
        lines = difflib.unified_diff(_lines(before or ""), _lines(text), source, f"b/{name}{end}")
        parts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(parts)


def sites_of(document: Document) -> list[str]:
    """The ids of the sites in a file."""
    return [name for site in _sites(document) if (name := site.text("id")) is not None]


def _lines(text: str) -> list[str]:
    """Lines as patch(1) sees them: a line ends with a line feed, whatever else YAML takes for its end."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _with(text: str, insertions: Iterable[_Insertion]) -> str:
    """A text with everything put in; what goes to the same place keeps its order."""
    newline = "\r\n" if "\r\n" in text else "\n"
    parts, at = [], 0
    for insertion in sorted(insertions, key=lambda insertion: insertion.at):
        parts.append(text[at : insertion.at])
        if at != insertion.at == len(text) and not text.endswith("\n"):
            parts.append(newline)  # the last line had no end
        parts.append(insertion.text.replace("\n", newline))
        at = insertion.at
    return "".join([*parts, text[at:]])


def _insertions(document: Document, proposal: Proposal) -> Iterator[_Insertion]:
    for site in _sites(document):
        name = site.text("id")
        devices = [device for device in proposal.placed() if device.place.site == name]
        links = [link for link in proposal.links if link.site == name]
        appended: list[str] = []
        for key, news, lines, flow in (
            ("devices", devices, device_lines, device_flow),
            ("links", links, link_lines, link_flow),
        ):
            yield from _added(document.text, site, key, news, lines, flow, appended)
            notes = proposal.remarks if key == "devices" else proposal.link_remarks
            for item in site.tables(key):
                yield from _remarked(document.text, item, notes.get(item.text("id") or "", ()))
        if appended:
            at = _line_end(document.text, _end(document.text, site.node))
            yield _Insertion(at, _indented(_column(document.text, site.node), appended))


def _sites(document: Document) -> list[Table]:
    return document.root.tables("sites") if document.root is not None else []


def _no_more_alone(documents: Iterable[Document], proposal: Proposal) -> Iterator[tuple[str, str]]:
    """Sites whose only device gets company, and that device."""
    joined = {device.place.site for device in proposal.placed()}
    for site in (site for document in documents for site in _sites(document)):
        devices = site.tables("devices")
        name, device = site.text("id"), devices[0].text("id") if len(devices) == 1 else None
        if name in joined and name is not None and device is not None:
            yield name, device


def _named(document: Document, only: Mapping[str, str]) -> Iterator[_Insertion]:
    """Ends of links that left out the device, for their site had only one. An end that others are aliases of is one end."""
    done: set[int] = set()
    for site in _sites(document):
        for link in site.tables("links"):
            for end, home in (("near", site.text("id")), ("far", link.text("to"))):
                port = link.table(end)
                if port and "device" not in port and home is not None and home in only:
                    first = port.key_mark(next(iter(port)))
                    node: Any = port.node
                    if (at := cast("Any", first).index) in done:
                        continue
                    done.add(at)
                    between = ", " if node.flow_style else f"\n{' ' * first.column}"
                    yield _Insertion(at, f"device: {scalar(only[home])}{between}")


def _added(
    text: str,
    site: Table,
    key: str,
    news: Sequence[Any],
    lines: Callable[[Any], list[str]],
    flow: Callable[[Any], str],
    appended: list[str],
) -> Iterator[_Insertion]:
    """New items of a list of a site, as the list is written: in block, in brackets, or not yet; in block it is appended."""
    if not news:
        return
    items = site.get(key)
    listed: Any = items.node if isinstance(items, Items) else site.node
    if listed.flow_style:
        start, indent = _line_start(text, listed)
        remarks = [f"{DISCOVERED} {new.id}: {remark}\n" for new in news for remark in remarks_of(lines(new))]
        yield _Insertion(start, "".join(f"{indent}{remark}" for remark in remarks))
    flows = ", ".join(map(flow, news))
    if not isinstance(items, Items):
        if listed.flow_style:
            yield _Insertion(_end(text, listed.value[-1][1]), f", {key}: [{flows}]")
        else:
            appended += [f"{key}:", *(f"  {line}" for new in news for line in lines(new))]
    elif (listed := cast("Any", items.node)).flow_style:
        at = _end(text, items.nodes[-1]) if items.nodes else text.index("[", listed.start_mark.index) + 1
        yield _Insertion(at, f", {flows}" if items.nodes else flows)
    else:
        at = _line_end(text, _end(text, items.node))
        yield _Insertion(at, _indented(_column(text, items.node), [line for new in news for line in lines(new)]))


def _indented(columns: int, lines: Iterable[str]) -> str:
    return "".join(f"{' ' * columns}{line}\n" for line in lines)


def _remarked(text: str, item: Table, notes: Sequence[str]) -> Iterator[_Insertion]:
    """Remarks above an item that is known, unless they stand there already."""
    start, indent = _line_start(text, item.node)
    above = list(takewhile(lambda line: line.startswith("#"), map(str.strip, reversed(text[:start].split("\n")[:-1]))))
    for note in notes:
        line = f"{DISCOVERED} {clean(note)}"
        if line not in above:
            yield _Insertion(start, f"{indent}{line}\n")


def _end(text: str, node: Any) -> int:
    """Where a node ends in the text. The mark of a block would be where the next thing begins, after blank lines."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    if not isinstance(node.value, list):
        return start + len(text[start:end].rstrip())
    if node.flow_style:
        return end
    parts = [part for child in node.value for part in (child if isinstance(child, tuple) else (child,))]
    return max([start, *(_end(text, part) for part in parts if part.start_mark.index >= start)])  # an alias is elsewhere


def _column(text: str, node: Any) -> int:
    """How far the items or keys of a block are indented. Its mark stands at its anchor or tag, where it has one."""
    named = _NAMED.match(text, node.start_mark.index)
    return named.end() - text.rfind("\n", 0, named.end()) - 1 if named else int(node.start_mark.column)


def _line_start(text: str, node: Any) -> tuple[int, str]:
    """Where the line begins in which a node does, and how far it is indented."""
    at = node.start_mark.index
    start = text.rfind("\n", 0, at) + 1
    head = text[start:at]
    return start, " " * (len(head) - len(head.lstrip(" ")))


def _line_end(text: str, at: int) -> int:
    """Behind the line in which a character stands, with its comment."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1

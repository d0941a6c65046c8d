"""A proposal as YAML for people to review: what is likely is marked `# check`, what is not known is a comment."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date

from netmon.discover.found import Found, Interface
from netmon.discover.identify import clean
from netmon.discover.proposal import UNKNOWN_NETWORK, NewDevice, NewLink, NewSite, Proposal
from netmon.settings.quantities import write_rate

_PLAIN = re.compile(r"[^\W\d_][\w./-]*(?: [\w(./-][\w()./-]*)*|(?:\d{1,3}\.){3}\d{1,3}")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_SHOWN = 12
"""Interfaces that are named in a comment; of the others only the number."""

_WIDTH = 118

_FALLBACK = "generic"
"""The profile of whatever no other claims: to pin a device to it would keep it from a better one."""


def scalar(text: str) -> str:
    """A text as a value of YAML 1.1, quoted where it would else be something other than this text."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def device_lines(device: NewDevice, *, remark: bool = True) -> list[str]:
    """An item of a site's `devices`, as block lines without indentation."""
    lines = _block(_device(device))
    if remark and device.place.by:
        lines.append(f"  # check the site: {clean(device.place.by)}")
    described = [f"  {line}" for line in _described(device.found)]
    return [*lines, *described, *(f"  # check: {clean(note)}" for note in device.notes)]


def device_flow(device: NewDevice) -> str:
    """The same within brackets, in one line, without its comments."""
    return f"{{{', '.join(f'{key}: {value}' for key, value, _ in _device(device))}}}"


def link_lines(link: NewLink) -> list[str]:
    """An item of a site's `links`, as block lines without indentation."""
    ends = (("near", link.near), ("far", link.far))
    unknown = [
        f"  # {name}: {{device: {scalar(end.device)}, interface: …}}  LLDP does not tell which"
        for name, end in ends
        if not end.interface
    ]
    wanting = ["  # capacity: what the contract says, such as 200 Mbit/s", "  # operator, circuit, srlg, check: …"]
    return [*_block(_link(link)), *unknown, *wanting]


def link_flow(link: NewLink) -> str:
    """The same within brackets, in one line, without its comments."""
    return f"{{{', '.join(f'{key}: {value}' for key, value, _ in _link(link))}}}"


def _device(device: NewDevice) -> Iterator[tuple[str, str, str]]:
    """Keys, values and remarks."""
    found = device.found
    yield "id", scalar(device.id), ""
    if len(found.addresses) == 1:
        yield "address", scalar(found.addresses[0]), ""
    else:
        yield "addresses", f"[{', '.join(map(scalar, found.addresses))}]", ""
    if device.port != 161:
        yield "port", str(device.port), ""
    yield "credential", scalar(found.credential), ""
    if found.profile not in ("", _FALLBACK):
        yield "profile", scalar(found.profile), f"its sysObjectID is {found.sys_object_id or 'not told'}"
    if device.upstreams:
        yield "upstreams", f"[{', '.join(map(scalar, device.upstreams))}]", "check: nearer the core, by LLDP"


def _link(link: NewLink) -> Iterator[tuple[str, str, str]]:
    network = f"as the other links to {link.to} have" if link.network != UNKNOWN_NETWORK else "tslcd_2, internet, …?"
    yield "id", scalar(link.id), ""
    yield "to", scalar(link.to), ""
    yield "kind", link.kind, f"check: {link.why}"
    yield "role", link.role, "check"
    yield "network", scalar(link.network), f"check: {network}"
    for name, end in (("near", link.near), ("far", link.far)):
        if end.interface:
            doubt = "check: as LLDP tells it" if name == "far" and not link.surely else ""
            yield name, f"{{device: {scalar(end.device)}, interface: {scalar(end.interface)}}}", doubt


def _block(keys: Iterable[tuple[str, str, str]]) -> list[str]:
    return [
        f"{'  ' if n else '- '}{key}: {value}{f'  # {clean(remark)}' if remark else ''}"
        for n, (key, value, remark) in enumerate(keys)
    ]


def remarks_of(lines: Iterable[str]) -> list[str]:
    """What the comments of an item's lines ask to check, each with the key behind which it stands."""
    parts = [line.lstrip("- ").partition("# ") for line in lines]
    return [f"{key.strip()}  {remark}".strip() for key, _, remark in parts if remark.startswith("check")]


def site_lines(site: NewSite, devices: Sequence[NewDevice], links: Sequence[NewLink]) -> list[str]:
    """An item of `sites` with what stands in it, as block lines without indentation."""
    lines = [
        f"- id: {scalar(site.id)}  # check: {clean(site.by)}",
        f"  name: {scalar(site.name)}  # check",
        f'  commune: "{site.commune}"',
        f"  kind: {site.kind}  # check",
    ]
    return [*lines, *_part("devices", map(device_lines, devices)), *_part("links", map(link_lines, links))]


def _part(key: str, items: Iterable[list[str]]) -> list[str]:
    lines = [f"    {line}" for item in items for line in item]
    return [f"  {key}:", *lines] if lines else []


def document(proposal: Proposal, today: date, *, merged: bool, left: Collection[str] = ()) -> str:
    """A new file of the inventory. With `merged`, what belongs to known sites is added to their files, but for the sites
    that are `left`; without, it stands here as comments."""
    known = {site.id for site in proposal.sites}
    placed = proposal.placed()
    blocks = [
        site_lines(
            site,
            [device for device in placed if device.place.site == site.id],
            [link for link in proposal.links if link.site == site.id],
        )
        for site in proposal.sites
    ]
    lines = [
        f"# Found by netmon discover on {today}: {len(proposal.devices)} devices that the inventory does not have.",
        "# Review every line; what is marked `check` was concluded, not told.",
    ]
    lines += ["sites:", *(f"  {line}" for block in blocks for line in block)] if blocks else ["sites: []"]
    if not merged or left:
        hint = "" if merged else " (--merge makes a patch of it)"
        others = {device.place.site for device in placed} | {link.site for link in proposal.links}
        for site in sorted(others & {*left} if merged else others - known):
            devices = [device_lines(device) for device in placed if device.place.site == site]
            links = [link_lines(link) for link in proposal.links if link.site == site]
            lines += [f"# For the site {site}, which is in the inventory already{hint}:"]
            lines += _commented([*_part("devices", devices), *_part("links", links)])
        remarks = [*proposal.remarks.items(), *proposal.link_remarks.items()]
        lines += [f"# {name}: {clean(note)}" for name, notes in remarks for note in notes]
    lines += _questions(proposal)
    return "\n".join(lines) + "\n"


def _questions(proposal: Proposal) -> Iterator[str]:
    """What only the engineer knows: the sites of devices, and directions."""
    for device in proposal.unplaced():
        yield f"# Which site? {clean(device.place.by)}."
        yield from _commented(device_lines(device, remark=False))
    for ask in proposal.asks:
        yield f"# Which way? {clean(ask)}"


def _commented(lines: Iterable[str]) -> list[str]:
    return [f"#   {line}" for line in lines]


def _described(found: Found) -> Iterator[str]:
    """What a device says of itself, as comments."""
    if found.profile == _FALLBACK:
        yield f"# profile: {_FALLBACK}: its sysObjectID {clean(found.sys_object_id) or '(not told)'} has none of its own"
    made = " ".join(filter(None, (found.manufacturer, found.model)))
    told = [made, f"serial {found.serial}" if found.serial else "", f"software {found.software}" if found.software else ""]
    if hardware := ", ".join(filter(None, told)):
        yield f"# {clean(hardware)[:_WIDTH]}"
    if said := ", ".join(filter(None, (found.sys_name, found.sys_location, found.sys_descr))):
        yield f"# says: {clean(said)[:_WIDTH]}"
    for word, interfaces in (
        ("up", [one for one in found.interfaces if one.up]),
        ("not up", [one for one in found.interfaces if not one.up]),
    ):
        if interfaces:
            yield from _wrapped(f"# {word}: ", [_interface(one) for one in interfaces])
    if found.incomplete:
        yield f"# could not be read whole: {clean(', '.join(found.incomplete))}"


def _interface(one: Interface) -> str:
    facts = [write_rate(one.speed) if one.speed else "", f'"{one.alias}"' if one.alias else "", "optic" if one.optic else ""]
    told = ", ".join(filter(None, facts))
    return clean(f"{one.name} ({told})" if told else one.name)


def _wrapped(head: str, items: Sequence[str]) -> Iterator[str]:
    shown = list(items[:_SHOWN])
    if more := len(items) - len(shown):
        shown.append(f"and {more} more")
    line = head
    for n, item in enumerate(shown):
        part = f"{item}{', ' if n < len(shown) - 1 else ''}"
        if len(line) + len(part) > _WIDTH and line != head:
            yield line.rstrip()
            line = "#   "
        line += part
    yield line.rstrip()

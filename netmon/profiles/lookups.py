"""Lookups: from a row of one table to a text in another, by indexes and by what columns hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netmon.profiles.sources import Step
from netmon.snmp.ber import Tag
from netmon.snmp.message import VarBind
from netmon.snmp.oid import arcs, encode_arcs

Cells = Mapping[bytes, Mapping[bytes, VarBind]]
"""What walks found: values by column and index suffix, in raw octets."""

_HIGHEST = 16
"""How often a lookup climbs: entPhysicalContainedIn of a broken agent may go in circles."""


def sub_identifiers(index: bytes, part: tuple[int, int | None]) -> bytes:
    """Those of an index from the first to the one before the last, as the index of another table."""
    return encode_arcs(arcs(index)[part[0] : part[1]])


def led_to(steps: Sequence[Step], index: bytes, cells: Cells) -> VarBind | None:
    """The value that the last step finds; None when one leads nowhere."""
    found: VarBind | None = None
    for n, step in enumerate(steps):
        if n:
            index_of_next = _index(found)
            if index_of_next is None:
                return None
            index = index_of_next
        found = _at(step, index, cells)
        if found is None:
            return None
    return found


def _at(step: Step, index: bytes, cells: Cells) -> VarBind | None:
    values, suffix = cells.get(step.octets, {}), encode_arcs(step.suffix) if step.suffix else b""
    for _ in range(_HIGHEST):
        found = values.get(index + suffix)
        if found is not None and found.value not in (None, b""):
            return found
        above = cells.get(step.climbs, {}).get(index) if step.climbs else None
        if above is None or not isinstance(above.value, int) or above.value <= 0:
            return None
        index = encode_arcs((above.value,))
    return None


def _index(found: VarBind | None) -> bytes | None:
    """The index that a value is: a number, or the last sub-identifier of a row pointer."""
    if found is None:
        return None
    if isinstance(found.value, int):
        return encode_arcs((found.value,)) if found.value >= 0 else None
    if found.tag == Tag.OID and isinstance(found.value, bytes):
        return encode_arcs(arcs(found.value)[-1:])
    return None

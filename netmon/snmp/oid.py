"""Object identifiers: dotted text for people, raw content octets (no tag, no length) as keys.

Octets cannot be compared as they are: 16383 is `ff 7f` and 16384 is `81 80 00`. `follows` compares sub-identifiers.
"""

from __future__ import annotations


def encode(text: str) -> bytes:
    """Content octets of a dotted OID; a leading dot is accepted. ValueError for anything that is no OID."""
    try:
        arcs = [int(part) for part in text.removeprefix(".").split(".")]
    except ValueError:
        raise ValueError(f"{text!r} is no OID: numbers with dots between them are expected") from None
    if not 2 <= len(arcs) <= 128 or min(arcs) < 0 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39) or max(arcs) >= 1 << 32:
        raise ValueError(f"{text!r} is no OID: 2 to 128 sub-identifiers below 2^32 are expected, the first at most 2")
    return encode_arcs((arcs[0] * 40 + arcs[1], *arcs[2:]))


def encode_arcs(arcs: tuple[int, ...]) -> bytes:
    """Content octets of sub-identifiers, such as an index to be appended to a column."""
    octets = bytearray()
    for arc in arcs:
        shift = max(arc.bit_length() - 1, 0) // 7 * 7
        while shift:
            octets.append(0x80 | (arc >> shift & 0x7F))
            shift -= 7
        octets.append(arc & 0x7F)
    return bytes(octets)


def arcs(content: bytes) -> tuple[int, ...]:
    """Sub-identifiers as they are encoded: in a whole OID the first holds two arcs, in an index suffix one.

    ValueError when the octets end within a sub-identifier.
    """
    if content.isascii():
        return tuple(content)
    found = []
    arc = 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            found.append(arc)
            arc = 0
    if content[-1] & 0x80:
        raise ValueError(f"the OID {content.hex()} ends within a sub-identifier")
    return tuple(found)


def decode(content: bytes) -> str:
    """Dotted text of the content octets of a whole OID; empty octets are 0.0, as agents mean them."""
    first, *rest = arcs(content) or (0,)
    root = min(first // 40, 2)
    return ".".join(map(str, (root, first - 40 * root, *rest)))


def within(content: bytes, root: bytes) -> bool:
    """Whether an OID lies below `root`, and is not `root` itself."""
    return content.startswith(root) and len(content) > len(root)


def follows(content: bytes, other: bytes) -> bool:
    """Whether an OID comes after another in the order of a walk (RFC 3416 section 4.2.2)."""
    if content.isascii() and other.isascii():
        return content > other
    return arcs(content) > arcs(other)

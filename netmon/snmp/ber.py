"""The Basic Encoding Rules as SNMP uses them (X.690; RFC 3417 section 8): definite lengths, no recursion.

Lenient where agents in the field are: lengths and integers may carry leading zeros, and a counter that was encoded as a
negative integer is read as the unsigned number that was meant.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from netmon.snmp.errors import Malformed

Value = int | float | bytes | None


class Tag(IntEnum):
    """Tags of SNMP: the universal ones, the application types of RFC 2578, the exceptions and PDUs of RFC 3416."""

    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL = 0x05
    OID = 0x06
    SEQUENCE = 0x30
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    UINTEGER32 = 0x47
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82
    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    GET_BULK = 0xA5
    INFORM = 0xA6
    TRAP = 0xA7
    REPORT = 0xA8


EXCEPTIONS = frozenset({Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW})
"""Tags that stand in a response where a value is missing (RFC 3416 section 3)."""

_BITS: dict[int, int] = {
    Tag.COUNTER32: 32,
    Tag.GAUGE32: 32,
    Tag.TIME_TICKS: 32,
    Tag.UINTEGER32: 32,
    Tag.COUNTER64: 64,
}
_MAX_OID = 640  # 128 sub-identifiers of at most five octets


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length in its shortest form, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int) -> bytes:
    """Content octets of an INTEGER or an unsigned type: two's complement, shortest form."""
    return value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True)


def encode(tag: int, value: Value) -> bytes:
    """A whole value, tag and length included. ValueError when the value does not fit its tag."""
    match value:
        case None if tag == Tag.NULL or tag in EXCEPTIONS:
            return bytes((tag, 0))
        case int() if tag == Tag.INTEGER and -(1 << 31) <= value < 1 << 31:
            return tlv(tag, integer(value))
        case int() if tag in _BITS and 0 <= value < 1 << _BITS[tag]:
            return tlv(tag, integer(value))
        case bytes() if tag in (Tag.OCTET_STRING, Tag.OID, Tag.OPAQUE) or (tag == Tag.IP_ADDRESS and len(value) == 4):
            return tlv(tag, value)
    raise ValueError(f"{value!r} cannot be encoded with tag 0x{tag:02x}")


def header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start and end of the content that begins at `at` and must lie before `end`. Malformed when it does not."""
    if at + 2 > end:
        raise Malformed(f"The message ends at octet {end} where a tag and a length are due.")
    tag, size, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise Malformed(f"Octet {at} begins a tag of several octets, which SNMP does not have.")
    if size >= 0x80:
        octets = size & 0x7F
        if octets == 0 or start + octets > end:
            raise Malformed(f"The length at octet {at + 1} is indefinite or cut off.")
        size = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if start + size > end:
        raise Malformed(f"The value at octet {at} claims {size} octets where {end - start} are left.")
    return tag, start, start + size


def decode(tag: int, content: bytes) -> Value:
    """The value of content octets: unsigned for counters, gauges and ticks, the number inside an Opaque that holds one,
    bytes for what is no number.

    Unknown tags keep their octets. Malformed when a number is empty or too large for its type.
    """
    bits = _BITS.get(tag)
    if bits is not None or tag == Tag.INTEGER:
        if not content:
            raise Malformed(f"A number (tag 0x{tag:02x}) has no octets.")
        number = int.from_bytes(content, "big", signed=True)
        if bits is None:
            if not -(1 << 31) <= number < 1 << 32:
                raise Malformed("An INTEGER does not fit into 32 bits.")
            return number
        if not -(1 << (bits - 1)) <= number < 1 << bits:
            raise Malformed(f"An unsigned number (tag 0x{tag:02x}) does not fit into {bits} bits.")
        return number & ((1 << bits) - 1)
    if tag == Tag.OID:
        check_oid(content)
    elif tag == Tag.OPAQUE:
        wrapped = opaque_number(content)
        return content if wrapped is None else wrapped
    elif tag == Tag.NULL or tag in EXCEPTIONS:
        return None
    return content


def check_oid(content: bytes) -> None:
    """Malformed for content octets that end within a sub-identifier or are longer than any OID can be."""
    if content and content[-1] & 0x80:
        raise Malformed("An OID ends within a sub-identifier.")
    if len(content) > _MAX_OID:
        raise Malformed(f"An OID has {len(content)} octets; {_MAX_OID} are the most that 128 sub-identifiers need.")


def opaque_number(content: bytes) -> float | int | None:
    """The number inside an Opaque: Float, Double, Counter64, I64 or U64 of NET-SNMP-TC; None for other content."""
    if len(content) < 4 or content[0] != 0x9F or content[2] != len(content) - 3:
        return None
    kind, body = content[1], content[3:]
    if kind == 0x78 and len(body) == 4:
        return float(struct.unpack(">f", body)[0])
    if kind == 0x79 and len(body) == 8:
        return float(struct.unpack(">d", body)[0])
    if kind in (0x76, 0x7B) and len(body) <= 9:
        return int.from_bytes(body, "big", signed=True) & 0xFFFF_FFFF_FFFF_FFFF
    if kind == 0x7A and len(body) <= 8:
        return int.from_bytes(body, "big", signed=True)
    return None

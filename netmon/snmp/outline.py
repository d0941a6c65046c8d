"""The outline of a trap or an inform: where its parts lie in the octets (RFC 1157, RFC 3412, RFC 3414, RFC 3416).

Every length is checked to fit, and no value to hold others, so that what passes cannot lead a decoder that recurses astray.
Each function raises Malformed for what is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from netmon.snmp import ber
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed

V1, V2C, V3 = 0, 1, 3
TRAP_V1 = 0xA4
AUTHENTIC, PRIVATE, REPORTABLE = 1, 2, 4
"""Bits of msgFlags (RFC 3412, section 6.4)."""

USM = 3
MOST_VARBINDS = 64
"""Of a notification: some 10 ms of pysnmp's time."""

NO_ERROR = b"\x02\x01\x00\x02\x01\x00"
_OPENINGS = {TRAP_V1: 5, Tag.TRAP: 3, Tag.INFORM: 3}  # values that stand before the varbinds
_CONSTRUCTED = 0x20


class Part(NamedTuple):
    """A value of a message: its tag, where its content begins and ends, and where the whole of it starts."""

    tag: int
    at: int
    end: int
    start: int


@dataclass(frozen=True, slots=True)
class MessageV3:
    """An SNMPv3 message of the user-based security model, whose scoped PDU may be encrypted."""

    data: bytes
    id: int
    flags: int
    engine: bytes
    boots: int
    time: int
    user: bytes
    digest_part: Part
    salt: bytes
    scoped: Part

    @property
    def digest(self) -> bytes:
        return self.data[self.digest_part.at : self.digest_part.end]

    @property
    def without_digest(self) -> bytes:
        """The message as its digest was made over it: zeros in its place."""
        at, end = self.digest_part.at, self.digest_part.end
        return self.data[:at] + bytes(end - at) + self.data[end:]

    def request_id(self) -> int:
        """That of the PDU, 0 where it cannot be read (RFC 3412, section 7.1.3)."""
        if self.scoped.tag != Tag.SEQUENCE:
            return 0
        try:
            _, pdu = open_scoped(self.data, self.scoped.start)
            return _number(self.data, _part(self.data, pdu.at, pdu.end, Tag.INTEGER))
        except Malformed:
            return 0


def open_message(data: bytes) -> tuple[int, int, int]:
    """The version of a message, and where what follows it begins and ends. Octets after the message are ignored."""
    whole = _part(data, 0, len(data), Tag.SEQUENCE)
    version = _part(data, whole.at, whole.end, Tag.INTEGER)
    number = _number(data, version)
    if number not in (V1, V2C, V3):
        raise Malformed(f"The message has version {number}, which is none of SNMP's.")
    return number, version.end, whole.end


def open_community(data: bytes, at: int, end: int) -> tuple[bytes, Part]:
    """The community and the PDU of a v1 or v2c message."""
    community = _part(data, at, end, Tag.OCTET_STRING)
    pdu = _any(data, community.end, end)
    if pdu.end != end:
        raise Malformed(f"{end - pdu.end} octets follow the PDU inside the message.")
    return data[community.at : community.end], pdu


def open_v3(data: bytes, at: int, end: int) -> MessageV3:
    """The parts of a v3 message."""
    head = _part(data, at, end, Tag.SEQUENCE)
    identity = _part(data, head.at, head.end, Tag.INTEGER)
    most = _part(data, identity.end, head.end, Tag.INTEGER)
    flags = _part(data, most.end, head.end, Tag.OCTET_STRING)
    model = _part(data, flags.end, head.end, Tag.INTEGER)
    if flags.end - flags.at != 1 or _number(data, model) != USM:
        raise Malformed("The message has no flags, or is not of the user-based security model.")
    octets = _part(data, head.end, end, Tag.OCTET_STRING)
    security = _part(data, octets.at, octets.end, Tag.SEQUENCE)
    engine = _part(data, security.at, security.end, Tag.OCTET_STRING)
    boots = _part(data, engine.end, security.end, Tag.INTEGER)
    time = _part(data, boots.end, security.end, Tag.INTEGER)
    user = _part(data, time.end, security.end, Tag.OCTET_STRING)
    digest = _part(data, user.end, security.end, Tag.OCTET_STRING)
    salt = _part(data, digest.end, security.end, Tag.OCTET_STRING)
    scoped = _any(data, octets.end, end)
    if salt.end != security.end or security.end != octets.end or scoped.end != end:
        raise Malformed("Octets follow where the message has nothing more to say.")
    bits = data[flags.at] & 7
    if bits & PRIVATE and not bits & AUTHENTIC:
        raise Malformed("The flags ask for privacy without authentication, which SNMPv3 does not have.")
    return MessageV3(
        data,
        _number(data, identity),
        bits,
        data[engine.at : engine.end],
        _number(data, boots),
        _number(data, time),
        data[user.at : user.end],
        digest,
        data[salt.at : salt.end],
        scoped,
    )


def open_scoped(data: bytes, at: int = 0) -> tuple[bytes, Part]:
    """The context, as it is written, and the PDU of a scoped PDU. Octets after it, which a cipher adds, are ignored."""
    scoped = _part(data, at, len(data), Tag.SEQUENCE)
    engine = _part(data, scoped.at, scoped.end, Tag.OCTET_STRING)
    name = _part(data, engine.end, scoped.end, Tag.OCTET_STRING)
    pdu = _any(data, name.end, scoped.end)
    if pdu.end != scoped.end:
        raise Malformed("Octets follow the PDU inside the scoped PDU.")
    return data[scoped.at : name.end], pdu


def check_notification(data: bytes, pdu: Part) -> None:
    """Malformed unless the PDU is a trap or an inform, with no more varbinds than a decoder is given."""
    if pdu.tag not in _OPENINGS:
        raise Malformed(f"A PDU with tag 0x{pdu.tag:02x} is neither a trap nor an inform.")
    at = pdu.at
    for _ in range(_OPENINGS[pdu.tag]):
        tag, _, at = ber.header(data, at, pdu.end)
        if tag & _CONSTRUCTED:
            raise Malformed(f"A value before octet {at} holds others, which none there may.")
    rows = _part(data, at, pdu.end, Tag.SEQUENCE)
    if rows.end != pdu.end:
        raise Malformed("The PDU does not end with one list of varbinds.")
    at, count = rows.at, 0
    while at < rows.end:
        row = _part(data, at, rows.end, Tag.SEQUENCE)
        name = _part(data, row.at, row.end, Tag.OID)
        ber.check_oid(data[name.at : name.end])
        tag, _, stop = ber.header(data, name.end, row.end)
        if tag & _CONSTRUCTED or stop != row.end:
            raise Malformed(f"The varbind at octet {at} is not a name and one value.")
        at, count = row.end, count + 1
    if count > MOST_VARBINDS:
        raise Malformed(f"The notification has {count} varbinds; {MOST_VARBINDS} are the most that are read.")


def acknowledged(data: bytes, pdu: Part) -> bytes:
    """The Response to an inform: the same request id and varbinds, no error (RFC 3416, section 4.2.7)."""
    identity = _part(data, pdu.at, pdu.end, Tag.INTEGER)
    status = _part(data, identity.end, pdu.end, Tag.INTEGER)
    index = _part(data, status.end, pdu.end, Tag.INTEGER)
    return ber.tlv(Tag.RESPONSE, data[pdu.at : identity.end] + NO_ERROR + data[index.end : pdu.end])


def _any(data: bytes, at: int, end: int) -> Part:
    return Part(*ber.header(data, at, end), at)


def _part(data: bytes, at: int, end: int, tag: int) -> Part:
    part = _any(data, at, end)
    if part.tag != tag:
        raise Malformed(f"Octet {at} has tag 0x{part.tag:02x} where 0x{tag:02x} is due.")
    return part


def _number(data: bytes, part: Part) -> int:
    """A number of the headers, none of which needs more than 32 bits."""
    number = int.from_bytes(data[part.at : part.end], "big", signed=True)
    if not 0 < part.end - part.at <= 5 or not -(2**31) <= number < 2**31:
        raise Malformed(f"The number at octet {part.at} does not fit into 32 bits.")
    return number

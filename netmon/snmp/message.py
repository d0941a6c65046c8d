"""SNMPv1 and v2c messages (RFC 1157, RFC 3416): requests encoded once, responses decoded in one pass.

The client's side is `get_request`, `get_next_request`, `get_bulk_request` and `encode_request`; `open_response`, and then
`read_values` of what a GET asked or `read_varbinds` of anything; `decode_response` is both at once. SNMPv3 wraps the same
PDUs (v3.py). An agent's side, for simulators and tests, is `decode_request` and `encode_response`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from netmon.snmp import ber, oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.errors import Malformed, Unsupported

V1, V2C, V3 = 0, 1, 3
NO_ERROR, TOO_BIG, NO_SUCH_NAME, GEN_ERR, AUTHORIZATION_ERROR = 0, 1, 2, 5, 16

_ERROR_NAMES = (
    *("noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength"),
    *("wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed"),
    *("undoFailed", "authorizationError", "notWritable", "inconsistentName"),
)

_NAMES = {Tag.GET: "GET", Tag.GET_NEXT: "GETNEXT", Tag.GET_BULK: "GETBULK"}


class VarBind(NamedTuple):
    """A name and its value. `oid` and OID values are raw content octets; an exception has its tag and the value None."""

    oid: bytes
    tag: int
    value: Value


@dataclass(frozen=True, slots=True)
class Community:
    """SNMPv1 (`version` 0 on the wire) or v2c (1)."""

    version: int
    name: bytes = field(repr=False)
    head: bytes = field(init=False, repr=False, compare=False)
    """Version and community as every message carries them."""

    def __post_init__(self) -> None:
        if self.version not in (V1, V2C):
            raise ValueError(f"a community belongs to version 0 (v1) or 1 (v2c), not {self.version}")
        head = ber.encode(Tag.INTEGER, self.version) + ber.encode(Tag.OCTET_STRING, self.name)
        object.__setattr__(self, "head", head)


def error_name(status: int) -> str:
    """The name of an error-status, such as tooBig (RFC 3416 section 3)."""
    return _ERROR_NAMES[status] if 0 <= status < len(_ERROR_NAMES) else f"error-status {status}"


@dataclass(frozen=True, slots=True)
class Request:
    """A question that is asked of many devices many times: all but the request id is encoded when it is made."""

    pdu: Tag
    oids: tuple[bytes, ...]
    non_repeaters: int = 0
    max_repetitions: int = 0
    columns: tuple[bytes, ...] = ()
    """What the names of an answer lie in, row after row, when a walk asks."""
    before_id: bytes = field(init=False, repr=False, compare=False)
    after_id: bytes = field(init=False, repr=False, compare=False)
    names: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The OIDs with their tags and lengths, as an answer has them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(ber.tlv(Tag.OID, name) for name in self.oids))
        names = b"".join(ber.tlv(Tag.SEQUENCE, name + b"\x05\x00") for name in self.names)
        after_id = (
            ber.encode(Tag.INTEGER, self.non_repeaters)
            + ber.encode(Tag.INTEGER, self.max_repetitions)
            + ber.tlv(Tag.SEQUENCE, names)
        )
        whole = ber.tlv(self.pdu, b"\x02\x04" + bytes(4) + after_id)
        object.__setattr__(self, "after_id", after_id)
        object.__setattr__(self, "before_id", whole[: len(whole) - len(after_id) - 4])

    def __str__(self) -> str:
        names = oid.decode(self.oids[0]) if self.oids else "nothing"
        more = f" and {len(self.oids) - 1} more" if len(self.oids) > 1 else ""
        return f"{_NAMES[self.pdu]} of {names}{more}"


def get_request(oids: Sequence[bytes]) -> Request:
    """GET of these instances."""
    return Request(Tag.GET, tuple(oids))


def get_next_request(oids: Sequence[bytes]) -> Request:
    """GETNEXT: the instance after each of these."""
    return Request(Tag.GET_NEXT, tuple(oids))


def get_bulk_request(oids: Sequence[bytes], max_repetitions: int, non_repeaters: int = 0) -> Request:
    """GETBULK (v2c): one successor of the first `non_repeaters` names, up to `max_repetitions` of each of the others."""
    return Request(Tag.GET_BULK, tuple(oids), non_repeaters, max_repetitions)


def check_speakable(request: Request, community: Community) -> None:
    """Unsupported when the version has no such PDU: GETBULK in v1."""
    if request.pdu == Tag.GET_BULK and community.version == V1:
        raise Unsupported("SNMPv1 has no GETBULK; use GETNEXT.")


def encode_request(request: Request, community: Community, request_id: int) -> bytes:
    """The datagram. `request_id` is in [2^24, 2^31), so that it always takes four octets. Unsupported: GETBULK in v1."""
    check_speakable(request, community)
    head, before_id, after_id = community.head, request.before_id, request.after_id
    size = len(head) + len(before_id) + 4 + len(after_id)
    if size < 0x80:
        start = b"\x30%c" % size
    elif size < 0x100:
        start = b"\x30\x81%c" % size
    else:
        start = b"\x30\x82" + size.to_bytes(2, "big")
    return b"".join((start, head, before_id, request_id.to_bytes(4, "big"), after_id))


def request_id_of(data: bytes) -> int | None:
    """The request id of a message that may be cut off behind it, as an ICMP error quotes it; None when it is not there."""
    end = len(data)
    try:
        at = 2 + (data[1] & 0x7F if data[1] >= 0x80 else 0)
        at = ber.header(data, at, end)[2]
        at = ber.header(data, at, end)[2]
        at += 2 + (data[at + 1] & 0x7F if data[at + 1] >= 0x80 else 0)
        tag, start, stop = ber.header(data, at, end)
    except (IndexError, Malformed):
        return None
    return int.from_bytes(data[start:stop], "big") if tag == Tag.INTEGER else None


# --- responses --------------------------------------------------------------------------------------------------------

_varbind = partial(tuple.__new__, VarBind)  # a third of the cost of VarBind(...), which passes through Python


def version_of(data: bytes) -> int | None:
    """The version that a message says it has, cheaply; None when it is not where it should be."""
    at = 2 if len(data) < 2 or data[1] < 0x80 else data[1] - 0x7E
    return data[at + 2] if data[at : at + 2] == b"\x02\x01" and len(data) > at + 2 else None


class Opened(NamedTuple):
    """A Response whose list of varbinds, `data[at:end]`, has not been read yet."""

    request_id: int
    error_status: int
    error_index: int
    data: bytes
    at: int
    end: int


def open_response(data: bytes) -> Opened:
    """What stands before the varbinds of a v1 or v2c Response. Malformed for anything else.

    Octets after the message are ignored; inside it every length must fit exactly.
    """
    try:
        # The usual head: a known version, a short community, four octets of request id, no error.
        size, at = data[1], 2
        if size >= 0x80:
            at = size - 0x7E
            size = int.from_bytes(data[2:at], "big")
        end = at + size
        pdu = at + 5 + data[at + 4]
        size, body = data[pdu + 1], pdu + 2
        if size >= 0x80:
            body += size - 0x80
            size = int.from_bytes(data[pdu + 2 : body], "big")
        length, rows = data[body + 13], body + 14
        if length >= 0x80:
            rows += length - 0x80
            length = int.from_bytes(data[body + 14 : rows], "big")
        if (
            data[at : at + 4] in _VERSIONS
            and data[body + 6 : body + 13] == _NO_ERROR_THEN_ROWS
            and data[pdu] == 0xA2
            and data[body] == 0x02
            and data[body + 1] == 0x04
            and data[0] == 0x30
            and data[body + 13] != 0x80  # a length without end
            and data[at + 4] < 0x80
            and end == body + size == rows + length <= len(data)
        ):
            return Opened(int.from_bytes(data[body + 2 : body + 6], "big", signed=True), 0, 0, data, rows, end)
    except IndexError:
        pass
    _, request_id, error_status, error_index, at, end = _open_response(data)
    return Opened(request_id, error_status, error_index, data, at, end)


_VERSIONS = (b"\x02\x01\x01\x04", b"\x02\x01\x00\x04")
_NO_ERROR_THEN_ROWS = b"\x02\x01\x00\x02\x01\x00\x30"


def open_pdu(data: bytes, at: int, end: int) -> Opened:
    """The same of a PDU whose content is `data[at:end]`, as a v3 message brings it."""
    request_id, error_status, error_index, at, end = _open_body(data, at, end)
    return Opened(request_id, error_status, error_index, data, at, end)


def read_values(opened: Opened, names: Sequence[bytes]) -> list[Value] | None:
    """The values of a Response to a request for these (`Request.names`): None when it holds other names, or the same
    written in another way: `read_varbinds` tells. Malformed for a value that is none."""
    data, at = opened.data, opened.at
    starts, number = data.startswith, int.from_bytes
    values: list[Value] = []
    append = values.append
    try:
        for name in names:
            stop = at + 2 + data[at + 1]
            value = at + 2 + len(name)
            if not starts(name, at + 2) or data[at] != 0x30 or data[value + 1] != stop - value - 2:
                return None
            tag, content = data[value], data[value + 2 : stop]
            at = stop
            if tag == 0x04:
                append(content)
            elif tag in _MOST and content[0] < 0x80:
                plain = number(content, "big")
                append(plain if plain <= _MOST[tag] else ber.decode(tag, content))
            elif tag & 0x1F == 0x1F:
                return None  # a tag of several octets, which SNMP does not have
            else:
                append(ber.decode(tag, content))
    except IndexError:
        return None
    # The names follow each other without a gap: when the last one ends where it must, so did all.
    return values if at == opened.end else None


_MOST = {0x02: (1 << 31) - 1, 0x41: (1 << 32) - 1, 0x42: (1 << 32) - 1, 0x43: (1 << 32) - 1, 0x46: (1 << 64) - 1}
"""Numbers that are surely within their type when they do not begin with a set bit."""


def read_varbinds(opened: Opened) -> list[VarBind]:
    """The varbinds, whatever they are. Malformed when they are none. OIDs are checked to the point where `oid.decode`
    cannot fail on them."""
    data, at, end = opened.data, opened.at, opened.end
    from_bytes = int.from_bytes
    found: list[tuple[bytes, int, Value]] = []
    append = found.append
    try:
        while at < end:
            # The usual varbind has lengths below 128 and fits: each check makes the next look into the message safe.
            size, length = data[at + 1], data[at + 3]
            stop = at + 2 + size
            if size < 0x80 and length <= size - 4 and stop <= end and data[at] == 0x30 and data[at + 2] == 0x06:
                value = at + 4 + length
                tag, content = data[value], data[value + 2 : stop]
                if data[value + 1] == len(content) and data[value - 1] < 0x80 and tag & 0x1F != 0x1F:
                    name = data[at + 4 : value]
                    at = stop
                    if tag == 0x04:
                        append((name, tag, content))
                    elif tag in _MOST and content and content[0] < 0x80:
                        plain = from_bytes(content, "big")
                        append((name, tag, plain if plain <= _MOST[tag] else ber.decode(tag, content)))
                    else:
                        append((name, tag, ber.decode(tag, content)))
                    continue
            varbind, at = _decode_varbind(data, at, end)
            append(varbind)
    except IndexError:
        raise Malformed("The message ends within a varbind.") from None
    return list(map(_varbind, found))


def decode_response(data: bytes) -> tuple[int, int, int, list[VarBind]]:
    """Request id, error status, error index and varbinds of a v1 or v2c Response. Malformed for anything else."""
    opened = open_response(data)
    return opened.request_id, opened.error_status, opened.error_index, read_varbinds(opened)


class Outline(NamedTuple):
    """What a Response is without its values."""

    version: int
    request_id: int
    varbinds: int


def outline_response(data: bytes) -> Outline:
    """The outline of a v1 or v2c Response in which every length fits and no value holds others. Malformed for anything else.

    What passes cannot lead a decoder that recurses astray; its cost is that of so many varbinds in so many octets.
    """
    version, request_id, _, _, at, end = _open_response(data)
    count = 0
    while at < end:
        _, tag, _, stop = _open_varbind(data, at, end)
        if tag & _CONSTRUCTED:
            raise Malformed(f"The varbind at octet {at} has a value of values (tag 0x{tag:02x}), which SNMP does not have.")
        count += 1
        at = stop
    return Outline(version, request_id, count)


_CONSTRUCTED = 0x20  # the bit of a tag (X.690 section 8.1.2.5)


def _decode_varbind(data: bytes, at: int, end: int) -> tuple[VarBind, int]:
    """A varbind by the book, and where the next one begins."""
    name, tag, value, stop = _open_varbind(data, at, end)
    return VarBind(name, tag, ber.decode(tag, data[value:stop])), stop


def _open_varbind(data: bytes, at: int, end: int) -> tuple[bytes, int, int, int]:
    """A varbind's name, its value's tag, where the value's content begins, and where that and the varbind end."""
    tag, start, stop = ber.header(data, at, end)
    name_tag, name, name_end = ber.header(data, start, stop)
    if tag != Tag.SEQUENCE or name_tag != Tag.OID:
        raise Malformed(f"The varbind at octet {at} is no SEQUENCE that begins with an OID.")
    value_tag, value, value_end = ber.header(data, name_end, stop)
    if value_end != stop:
        raise Malformed(f"The varbind at octet {at} has {stop - value_end} octets too many.")
    ber.check_oid(data[name:name_end])
    return data[name:name_end], value_tag, value, stop


def _open_response(data: bytes) -> tuple[int, int, int, int, int, int]:
    """Version, request id, error status and index; where the list of varbinds begins and where it ends."""
    version, _, pdu, at, end = _open_message(data)
    if pdu != Tag.RESPONSE:
        raise Malformed(f"A PDU with tag 0x{pdu:02x} came where 0x{Tag.RESPONSE:02x} was due.")
    return version, *_open_body(data, at, end)


def _open_message(data: bytes) -> tuple[int, bytes, int, int, int]:
    """Version, community, PDU tag, where the PDU's content begins and ends."""
    tag, at, end = ber.header(data, 0, len(data))
    if tag != Tag.SEQUENCE:
        raise Malformed(f"The message begins with tag 0x{tag:02x}, not with a SEQUENCE.")
    version, at = _integer(data, at, end)
    if version not in (V1, V2C):
        raise Malformed(f"The message has version {version}, neither v1 (0) nor v2c (1).")
    tag, start, at = ber.header(data, at, end)
    if tag != Tag.OCTET_STRING:
        raise Malformed(f"The community has tag 0x{tag:02x}, not OCTET STRING.")
    community = data[start:at]
    tag, at, stop = ber.header(data, at, end)
    if stop != end:
        raise Malformed(f"{end - stop} octets follow the PDU inside the message.")
    return version, community, tag, at, stop


def _open_body(data: bytes, at: int, end: int) -> tuple[int, int, int, int, int]:
    request_id, at = _integer(data, at, end)
    first, at = _integer(data, at, end)
    second, at = _integer(data, at, end)
    tag, at, stop = ber.header(data, at, end)
    if tag != Tag.SEQUENCE or stop != end:
        raise Malformed("The PDU does not end with one list of varbinds.")
    return request_id, first, second, at, stop


def _integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    tag, start, stop = ber.header(data, at, end)
    if tag != Tag.INTEGER or not 0 < stop - start <= 8:
        raise Malformed(f"Octet {at} begins no INTEGER where one is due.")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


# --- an agent's side --------------------------------------------------------------------------------------------------


class Query(NamedTuple):
    """A request as an agent sees it. `pdu` is a tag; of the two counts only GETBULK makes use."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    non_repeaters: int
    max_repetitions: int
    oids: list[bytes]


def decode_request(data: bytes) -> Query:
    """What is asked: GET, GETNEXT, GETBULK or SET of v1 or v2c. Malformed for anything else."""
    version, community, pdu, at, end = _open_message(data)
    if pdu not in (Tag.GET, Tag.GET_NEXT, Tag.GET_BULK, Tag.SET):
        raise Malformed(f"A PDU with tag 0x{pdu:02x} is no request.")
    request_id, first, second, at, end = _open_body(data, at, end)
    oids = []
    while at < end:
        varbind, at = _decode_varbind(data, at, end)
        oids.append(varbind.oid)
    return Query(version, community, pdu, request_id, max(first, 0), max(second, 0), oids)


def encode_response(
    query: Query, varbinds: Iterable[tuple[bytes, int, Value]], error_status: int = NO_ERROR, error_index: int = 0
) -> bytes:
    """The answer to a query. ValueError when a value does not fit its tag."""
    rows = [ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, name) + ber.encode(tag, value)) for name, tag, value in varbinds]
    pdu = (
        ber.encode(Tag.INTEGER, query.request_id)
        + ber.encode(Tag.INTEGER, error_status)
        + ber.encode(Tag.INTEGER, error_index)
        + ber.tlv(Tag.SEQUENCE, b"".join(rows))
    )
    head = ber.encode(Tag.INTEGER, query.version) + ber.encode(Tag.OCTET_STRING, query.community)
    return ber.tlv(Tag.SEQUENCE, head + ber.tlv(Tag.RESPONSE, pdu))

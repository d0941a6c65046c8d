"""The second engine: the same conversations, their bytes written and read by pysnmp.

Sockets, attempts, matching and errors are the first engine's. pysnmp's own transport is not used: it hears neither of ICMP
errors nor of failures to send, and never compares where an answer comes from. Nor are its MIBs.

It costs some fifty times the first engine's CPU a varbind, and forgives agents less. An answer is Malformed as a whole when
it holds a counter that was encoded as a negative integer, an INTEGER above 2^31 - 1, a Counter64 or an exception in v1, an
unknown type, an empty OID, an OID with leading zeros in a sub-identifier, a negative error-index, or over 1,000 varbinds.

Of SNMPv3, second_v3.py has what stands around a PDU. When that must be proven, hidden or sent is the first engine's again.

Importing this module imports pysnmp and its ciphers (42 ms and 11 MB as measured): do so only once a device
wants it.
"""

from __future__ import annotations

from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto import rfc1155, rfc1902
from pysnmp.proto.api import v1, v2c

from netmon.snmp import ber, oid, second_v3, usm
from netmon.snmp.ber import Tag, Value
from netmon.snmp.client import Client
from netmon.snmp.errors import Malformed
from netmon.snmp.message import (
    V1,
    V2C,
    Community,
    Opened,
    Request,
    VarBind,
    check_speakable,
    get_request,
    open_response,
    outline_response,
    read_varbinds,
)
from netmon.snmp.question import Question, Response
from netmon.snmp.second_v3 import reading
from netmon.snmp.target import Target
from netmon.snmp.usm import Usm
from netmon.snmp.v3 import Envelope, Scoped

MOST_VARBINDS = 1000
"""Varbinds of one answer that pysnmp is given: more than netmon ever asks for, and some 70 ms of the loop's time."""

_MODULES: dict[int, Any] = {V1: v1, V2C: v2c}
_PDUS = {Tag.GET: "GetRequestPDU", Tag.GET_NEXT: "GetNextRequestPDU", Tag.GET_BULK: "GetBulkRequestPDU"}


class PysnmpClient(Client):
    """A `Client` that speaks through pysnmp; open it and ask as there.

    pysnmp is given an answer only when its outline, its id and its source fit, and one for each attempt: what it cannot
    read is not tried again, so that no agent and no stranger can keep the loop busy.
    """

    def write(self, target: Target, request: Request, request_id: int, now: float) -> bytes:
        credential, engine = target.credential, target.engine
        if isinstance(credential, Community):
            return encode_request(request, credential, request_id)
        if engine is None:
            return encode_discovery(request_id)
        return encode_request_v3(request, second_v3.keys(credential, engine.id), *engine.now(now), request_id)

    def _keys(self, credential: Usm, engine_id: bytes) -> usm.Keys:
        return second_v3.keys(credential, engine_id)

    def _read(self, question: Question, opened: Opened) -> Response:
        try:
            read = decode_response(opened.data, outlined(opened.data))
        except Malformed:
            del self.pending[opened.request_id]
            raise
        return _response(question, read, len(opened.data))

    def _read_scoped(self, question: Question, data: bytes, envelope: Envelope, scoped: Scoped, opened: Opened) -> Response:
        try:
            read = decode_scoped(data, envelope, scoped)
        except Malformed:
            del self.pending[envelope.msg_id]
            raise
        return _response(question, read, len(data))


Read = tuple[int, int, int, list[VarBind]]
"""Request id, error status, error index and varbinds of a PDU, as pysnmp reads them."""


def _response(question: Question, read: Read, octets: int) -> Response:
    _, error_status, error_index, rows = read
    values = [row.value for row in rows] if tuple(row.oid for row in rows) == question.request.oids else None
    return Response(rows, values, error_status, error_index, octets)


def encode_request(request: Request, community: Community, request_id: int) -> bytes:
    """The datagram, as pysnmp writes it. Unsupported: GETBULK in v1."""
    check_speakable(request, community)
    module = _MODULES[community.version]
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community.name)
    module.apiMessage.set_pdu(message, _pdu(request, module, request_id))
    return bytes(encoder.encode(message))


def encode_discovery(msg_id: int) -> bytes:
    """The question to an engine of SNMPv3 who it is (RFC 3414 section 4)."""
    return encode_request_v3(get_request(()), second_v3.NOBODY, 0, 0, msg_id)


def encode_request_v3(request: Request, keys: second_v3.Keys, boots: int, time: int, msg_id: int) -> bytes:
    """The datagram of SNMPv3, as pysnmp writes it. Its request id is its msgID."""
    return second_v3.encode_message(_pdu(request, v2c, msg_id), keys, boots, time, msg_id)


def _pdu(request: Request, module: Any, request_id: int) -> Any:
    pdu = getattr(module, _PDUS[request.pdu])()
    if request.pdu == Tag.GET_BULK:
        fields = module.apiBulkPDU
        fields.set_defaults(pdu)
        fields.set_non_repeaters(pdu, request.non_repeaters)
        fields.set_max_repetitions(pdu, request.max_repetitions)
    else:
        fields = module.apiPDU
        fields.set_defaults(pdu)
    fields.set_request_id(pdu, request_id)
    fields.set_varbinds(pdu, [(oid.decode(name), module.null) for name in request.oids])
    return pdu


def decode_response(data: bytes, version: int) -> Read:
    """A Response of that version. For messages that have an outline (`outlined`) only. Malformed for what pysnmp refuses."""
    module = _MODULES[version]
    with reading():
        message, _ = decoder.decode(data, asn1Spec=module.Message())
        return _read_pdu(module.apiMessage.get_pdu(message), module)


def decode_scoped(data: bytes, envelope: Envelope, scoped: Scoped) -> Read:
    """A Response or Report of SNMPv3, once v3.py has taken it out of its envelope. Malformed for what has no outline, and
    for what pysnmp refuses."""
    pdu = ber.tlv(Tag.RESPONSE, scoped.data[scoped.at : scoped.end])
    outlined(ber.tlv(Tag.SEQUENCE, _AS_V2C.head + pdu))
    with reading():
        return _read_pdu(second_v3.read_pdu(data, envelope, scoped), v2c)


_AS_V2C = Community(V2C, b"")


def outlined(data: bytes) -> int:
    """The version of a message that pysnmp may be given; Malformed for any other."""
    version, _, varbinds = outline_response(data)
    if varbinds > MOST_VARBINDS:
        raise Malformed(f"The answer has {varbinds} varbinds; {MOST_VARBINDS} are the most that pysnmp is given.")
    read_varbinds(open_response(data))  # Malformed for a number without octets, which pysnmp takes for 0
    return version


def _read_pdu(pdu: Any, module: Any) -> Read:
    request_id, error_status, error_index = map(int, pdu[:3])  # get_error_index refuses what points past the varbinds
    varbinds = [_varbind(name, value) for name, value in module.apiPDU.get_varbinds(pdu)]
    return request_id, error_status, error_index, varbinds


def _varbind(name: Any, value: Any) -> VarBind:
    outermost = value.tagSet.superTags[-1]
    return VarBind(_octets(name), outermost.tagClass | outermost.tagId, _plain(value))


def _plain(value: Any) -> Value:
    """A value of pysnmp's as netmon holds it. Malformed for a type that is none of SNMP's."""
    match value:
        case univ.Null():  # which is an OctetString too
            return None
        case univ.Integer():
            return int(value)
        case rfc1155.Opaque() | rfc1902.Opaque():
            return ber.decode(Tag.OPAQUE, bytes(value))
        case univ.OctetString():
            return bytes(value)
        case univ.ObjectIdentifier():
            return _octets(value)
    raise Malformed(f"A value is a {type(value).__name__}, which SNMP does not have.")


def _octets(name: Any) -> bytes:
    """Content octets of an OID of pysnmp's."""
    first, second, *rest = name
    octets = oid.encode_arcs((first * 40 + second, *rest))
    ber.check_oid(octets)
    return octets

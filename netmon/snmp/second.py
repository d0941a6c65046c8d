"""The second engine: the same conversations, their bytes written and read by pysnmp.

Sockets, attempts, matching and errors are the first engine's. pysnmp's own transport is not used: it hears neither of ICMP
errors nor of failures to send, and never compares where an answer comes from. Nor are its MIBs.

It costs some fifty times the first engine's CPU a varbind, and forgives agents less. An answer is Malformed as a whole when
it holds a counter that was encoded as a negative integer, an INTEGER above 2^31 - 1, a Counter64 or an exception in v1, an
unknown type, an empty OID, an OID with leading zeros in a sub-identifier, a negative error-index, or over 1,000 varbinds.

Importing this module imports pysnmp (13 ms and 1.3 MB as measured): do so only once a device wants it.
"""

from __future__ import annotations

import time
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto.api import v1, v2c

from netmon.snmp import ber, oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.client import Client
from netmon.snmp.errors import Malformed
from netmon.snmp.message import V1, V2C, Community, Request, VarBind, check_speakable, outline_response

MOST_VARBINDS = 1000
"""Varbinds of one answer that pysnmp is given: more than netmon ever asks for, and some 70 ms of the loop's time."""

_MODULES: dict[int, Any] = {V1: v1, V2C: v2c}
_PDUS = {Tag.GET: "GetRequestPDU", Tag.GET_NEXT: "GetNextRequestPDU", Tag.GET_BULK: "GetBulkRequestPDU"}
_LONGEST_COMPLAINT = 200


class PysnmpClient(Client):
    """A `Client` that speaks through pysnmp; open it and ask as there.

    pysnmp is given an answer only when its outline, its id and its source fit, and one for each attempt: what it cannot
    read is not tried again, so that no agent and no stranger can keep the loop busy.
    """

    def _encode(self, request: Request, community: Community, request_id: int) -> bytes:
        return encode_request(request, community, request_id)

    def _received(self, data: bytes, source: tuple[Any, ...]) -> None:
        received = time.monotonic()
        try:
            version, request_id, varbinds = outline_response(data)
        except Malformed as error:
            self._garbage(error, source)
            return
        question = self._asked(request_id, source)
        if question is None:
            return
        try:
            if varbinds > MOST_VARBINDS:
                raise Malformed(f"The answer has {varbinds} varbinds; {MOST_VARBINDS} are the most that pysnmp is given.")
            answer = decode_response(data, version)
        except Malformed as error:
            del self._pending[request_id]
            self._count("malformed")
            question.malformed = error
        else:
            question.succeed(*answer, received)


def encode_request(request: Request, community: Community, request_id: int) -> bytes:
    """The datagram, as pysnmp writes it. Unsupported: GETBULK in v1."""
    check_speakable(request, community)
    module = _MODULES[community.version]
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
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community.name)
    module.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def decode_response(data: bytes, version: int) -> tuple[int, int, int, list[VarBind]]:
    """Request id, error status, error index and varbinds of a Response of that version, as pysnmp reads them.

    For messages that have an outline (`outline_response`) only. Malformed for what pysnmp refuses.
    """
    module = _MODULES[version]
    try:
        message, _ = decoder.decode(data, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(message)
        request_id, error_status, error_index = map(int, pdu[:3])  # get_error_index refuses what points past the varbinds
        varbinds = [_varbind(name, value) for name, value in module.apiPDU.get_varbinds(pdu)]
        return request_id, error_status, error_index, varbinds
    except Malformed:
        raise
    except Exception as error:  # errors of pyasn1, and of Python wherever pyasn1 did not expect them
        complaint = " ".join(str(error).split())[:_LONGEST_COMPLAINT]
        raise Malformed(f"pysnmp cannot read it ({type(error).__name__}: {complaint}).") from error


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

"""SNMP on the wire: BER, messages, the asynchronous client. Imports nothing of netmon.

async with Client() as client:
    target = Target("192.0.2.1", 161, Community(V2C, b"public"), timeout_s=2.0, retries=1)
    response = await client.ask(target, get_request([oid.encode("1.3.6.1.2.1.1.3.0")]))

`netmon.snmp.second.PysnmpClient` does the same through pysnmp; it is imported by whoever wants it.
"""

from netmon.snmp import oid
from netmon.snmp.ber import EXCEPTIONS, Tag, Value, opaque_number
from netmon.snmp.client import Asker, Client, Event, Stats
from netmon.snmp.errors import Late, LocalFailure, Malformed, Refused, Silent, SnmpError, Unsupported
from netmon.snmp.message import (
    AUTHORIZATION_ERROR,
    GEN_ERR,
    NO_ERROR,
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    V2C,
    Community,
    Query,
    Request,
    VarBind,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    error_name,
    get_bulk_request,
    get_next_request,
    get_request,
)
from netmon.snmp.question import Response
from netmon.snmp.size import RequestSize
from netmon.snmp.target import Credential, Target
from netmon.snmp.usm import Usm
from netmon.snmp.walks import Walk, walk

__all__ = [
    "AUTHORIZATION_ERROR",
    "EXCEPTIONS",
    "GEN_ERR",
    "NO_ERROR",
    "NO_SUCH_NAME",
    "TOO_BIG",
    "V1",
    "V2C",
    "Asker",
    "Client",
    "Community",
    "Credential",
    "Event",
    "Late",
    "LocalFailure",
    "Malformed",
    "Query",
    "Refused",
    "Request",
    "RequestSize",
    "Response",
    "Silent",
    "SnmpError",
    "Stats",
    "Tag",
    "Target",
    "Unsupported",
    "Usm",
    "Value",
    "VarBind",
    "Walk",
    "decode_request",
    "decode_response",
    "encode_request",
    "encode_response",
    "error_name",
    "get_bulk_request",
    "get_next_request",
    "get_request",
    "oid",
    "opaque_number",
    "walk",
]

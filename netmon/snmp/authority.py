"""An authoritative engine's side of SNMPv3 (RFC 3412, RFC 3414): for simulated agents and for tests.

An agent that answers v2c answers SNMPv3 with an `Authority` before it: what is asked reaches the agent as a query of v2c
whose community is the user, and what the agent says to that goes back sealed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from netmon.snmp import ber, v3
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed
from netmon.snmp.message import V2C, Query, decode_request
from netmon.snmp.usm import AUTH, LEVEL, PRIV, REPORTABLE, Keys, Usm
from netmon.snmp.v3 import Envelope, Report, Scoped

_WINDOW_S = 150  # RFC 3414 section 2.2.3


class Authority:
    """An engine that knows `users`, each with the context that it names besides the default one.

    `started` is when this boot began, on the clock of `answer`; `counts` holds the counters that Reports tell.
    """

    __slots__ = ("boots", "counts", "engine_id", "started", "users")

    def __init__(self, engine_id: bytes, boots: int, users: Iterable[Usm], started: float = 0.0) -> None:
        self.engine_id = engine_id
        self.boots = boots
        self.started = started
        self.users = {usm.user.encode(): Keys(usm, engine_id) for usm in users}
        self.counts: Counter[Report] = Counter()

    def time(self, now: float) -> int:
        """snmpEngineTime: whole seconds since this boot."""
        return max(int(now - self.started), 0)

    def answer(self, data: bytes, now: float, respond: Callable[[Query], bytes | None]) -> bytes | None:
        """The answer to a datagram of SNMPv3, None where an engine says nothing.

        `respond` gives the agent's answer to a query of v2c, as `encode_response` makes it, or None.
        """
        try:
            envelope = v3.open_envelope(data)
        except Malformed:
            return None
        keys = self.users.get(envelope.user)
        level = envelope.flags & LEVEL
        # The order is RFC 3414's, section 3.2: steps 3 to 8.
        if envelope.engine_id != self.engine_id:
            return self._report(envelope, now, Report.UNKNOWN_ENGINE_ID)
        if keys is None:
            return self._report(envelope, now, Report.UNKNOWN_USER_NAME)
        if level & ~keys.level:
            return self._report(envelope, now, Report.UNSUPPORTED_SEC_LEVEL)
        if level & AUTH:
            if not v3.authentic(data, envelope, keys):
                return self._report(envelope, now, Report.WRONG_DIGEST)
            if envelope.boots != self.boots or abs(envelope.time - self.time(now)) > _WINDOW_S:
                return self._report(envelope, now, Report.NOT_IN_TIME_WINDOW, keys, AUTH)
        try:
            scoped = v3.scoped(data, envelope, keys)
        except Malformed:
            return self._report(envelope, now, Report.DECRYPTION_ERROR) if level & PRIV else None
        try:
            query = decode_request(_as_v2c(scoped, envelope.user))
        except Malformed:
            return None
        if scoped.context_engine_id != self.engine_id:
            return self._report(envelope, now, Report.UNKNOWN_PDU_HANDLER, keys, level, query.request_id)
        if scoped.context not in (b"", keys.usm.context.encode()):
            return self._report(envelope, now, Report.UNKNOWN_CONTEXT, keys, level, query.request_id)
        response = respond(query)
        if response is None:
            return None
        pdu = ber.tlv(Tag.OCTET_STRING, scoped.context_engine_id) + ber.tlv(Tag.OCTET_STRING, scoped.context)
        return self._seal(pdu + _pdu_of(response), keys, level, now, envelope.msg_id)

    def _report(
        self, envelope: Envelope, now: float, report: Report, keys: Keys | None = None, level: int = 0, request_id: int = 0
    ) -> bytes | None:
        """A Report, counted; None to a message that wants none. What could not be read has the request id 0."""
        self.counts[report] += 1
        if not envelope.flags & REPORTABLE:
            return None
        counter = ber.tlv(Tag.OID, report.value) + ber.encode(Tag.COUNTER32, self.counts[report])
        rows = ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.SEQUENCE, counter))
        body = ber.encode(Tag.INTEGER, request_id) + b"\x02\x01\x00\x02\x01\x00" + rows
        pdu = ber.tlv(Tag.OCTET_STRING, self.engine_id) + b"\x04\x00" + ber.tlv(Tag.REPORT, body)
        if keys is None:
            keys = Keys(Usm(user=""), self.engine_id)
            keys.user = ber.tlv(Tag.OCTET_STRING, envelope.user)
        return self._seal(pdu, keys, level, now, envelope.msg_id)

    def _seal(self, pdu: bytes, keys: Keys, level: int, now: float, msg_id: int) -> bytes:
        return v3.seal(ber.tlv(Tag.SEQUENCE, pdu), keys, level, self.boots, self.time(now), msg_id)


def _as_v2c(scoped: Scoped, user: bytes) -> bytes:
    """The PDU as a message of v2c."""
    pdu = ber.tlv(scoped.pdu, scoped.data[scoped.at : scoped.end])
    return ber.tlv(Tag.SEQUENCE, ber.encode(Tag.INTEGER, V2C) + ber.tlv(Tag.OCTET_STRING, user) + pdu)


def _pdu_of(response: bytes) -> bytes:
    """The PDU of a message of v2c."""
    _, at, end = ber.header(response, 0, len(response))
    for _ in ("version", "community"):
        _, _, at = ber.header(response, at, end)
    return response[at:end]

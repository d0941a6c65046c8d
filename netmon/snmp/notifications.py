"""Traps and informs (RFC 3416, RFC 3584; SNMPv3: RFC 3412, RFC 3414) as they come off the socket, decoded by pysnmp.

`Notifications.read` takes a datagram and what its sender may prove itself with. Outline, community and digest are checked
first, over the octets and in constant time, so that pysnmp, which takes about a millisecond, sees only what is authentic,
well formed and small. Of pysnmp these are used: PDUs, the mapping of v1 traps to snmpTrapOID, keys and ciphers; not its
engine, whose table of users cannot hold two devices that have one user name and different keys.

Whoever sends a v3 trap is its authority: keys are localised for the engine id that the trap names. For informs we are: our
engine id lasts, its boots rise with each start, discovery is answered, and what was taken is acknowledged.

Importing this module imports pysnmp and cryptography (some 20 MB): do so only where notifications are wanted.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Any

from pyasn1.codec.ber import decoder
from pyasn1.type import univ
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v1, v2c
from pysnmp.proto.proxy import rfc2576

from netmon.snmp import ber, oid
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed, SnmpError
from netmon.snmp.keyring import Community, Keys, User
from netmon.snmp.outline import (
    AUTHENTIC,
    NO_ERROR,
    PRIVATE,
    REPORTABLE,
    TRAP_V1,
    USM,
    V1,
    V2C,
    V3,
    MessageV3,
    Part,
    acknowledged,
    check_notification,
    open_community,
    open_message,
    open_scoped,
    open_v3,
)

__all__ = ["MOST_OCTETS", "Community", "Notification", "Notifications", "Plain", "Proof", "Untaken", "User"]

MOST_OCTETS = 8192
"""Of a datagram: what is longer is cut off, and then it is malformed."""

WINDOW_S = 150
"""How far the clocks of two engines may be apart (RFC 3414, section 2.2.3)."""

ENGINES = 20_000
"""Engines of senders that are remembered; beyond them the one that was heard longest ago is forgotten."""

_PDUS: dict[int, Any] = {TRAP_V1: v1.TrapPDU, Tag.TRAP: v2c.SNMPv2TrapPDU, Tag.INFORM: v2c.InformRequestPDU}
_VERSIONS = {V1: "1", V2C: "2c", V3: "3"}
_UPTIME, _TRAP, _TRAP_COMMUNITY = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.1.1.4.1.0", "1.3.6.1.6.3.18.1.4.0"
_USM_STATS = "1.3.6.1.6.3.15.1.1"  # RFC 3414, section 5
_LEVEL, _WINDOW, _USER, _ENGINE, _DIGEST, _DECRYPTION = range(1, 7)
_LONGEST_COMPLAINT = 200

Proof = Community | User
Plain = int | bytes | str | None
"""A value: a number, octets, an OID or an address as dotted text, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What was sent, whatever its version: `trap` is snmpTrapOID, `uptime` sysUpTime in 1/100 s. `proof` is the first of
    those offered that fits. `reply` is what the sender of an inform waits for, b"" for a trap."""

    version: str
    trap: str
    uptime: int | None
    varbinds: tuple[tuple[str, Plain], ...]
    proof: Proof
    reply: bytes = field(default=b"", repr=False)


class Untaken(SnmpError):  # noqa: N818 - named for what it says, as the others are
    """A datagram that is no notification to be believed.

    `reason`: `malformed`; `credential`, nothing that was offered fits; `replay`, of v3, from before what was heard last;
    `discovery`, which is no fault: a sender of informs asks for our engine id or its time. `reply` is to be sent back.
    """

    def __init__(self, reason: str, text: str, reply: bytes = b"") -> None:
        super().__init__(text)
        self.reason = reason
        self.reply = reply


class _Peer:
    """A user's keys for one engine, and where the engine's clock stood when it was heard last, `at` on ours."""

    __slots__ = ("at", "boots", "keys", "time")

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.boots = self.time = -1
        self.at = 0.0


class Notifications:
    """Reads what comes. `engine_id` and `boots` are our own (RFC 3411): the one lasts for good, the other rises with each
    start."""

    def __init__(self, engine_id: bytes, boots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine_id = engine_id
        self._boots = boots
        self._clock = clock
        self._started = clock()
        self._peers: OrderedDict[tuple[User, bytes], _Peer] = OrderedDict()
        self._stats: Counter[int] = Counter()

    def read(self, data: bytes, proofs: Iterable[Proof]) -> Notification:
        """The notification in a datagram whose sender may prove itself with any of these. Untaken for what is none."""
        try:
            version, at, end = open_message(data)
            if version == V3:
                return self._read_v3(open_v3(data, at, end), [proof for proof in proofs if isinstance(proof, User)])
            community, pdu = open_community(data, at, end)
            # All are compared, so that the time tells nothing of which one it was.
            fits = [proof for proof in proofs if isinstance(proof, Community) and compare_digest(proof.name, community)]
            if not fits:
                raise Untaken("credential", "Its community is that of no credential that holds there.")
            if (version == V1) != (pdu.tag == TRAP_V1):
                raise Malformed(f"A PDU with tag 0x{pdu.tag:02x} does not belong to version {_VERSIONS[version]}.")
            taken = _decoded(version, data, pdu, fits[0])
            if pdu.tag == Tag.INFORM:
                head = ber.encode(Tag.INTEGER, version) + ber.tlv(Tag.OCTET_STRING, community)
                taken = replace(taken, reply=ber.tlv(Tag.SEQUENCE, head + acknowledged(data, pdu)))
            return taken
        except Malformed as error:
            raise Untaken("malformed", str(error)) from error

    # --- SNMPv3 -------------------------------------------------------------------------------------------------------

    def _read_v3(self, message: MessageV3, users: list[User]) -> Notification:
        ours = message.engine == self._engine_id
        if not ours and (message.flags & REPORTABLE or not 5 <= len(message.engine) <= 32):
            # Nobody answers a trap: who wants an answer has to name us as the authority.
            raise Untaken("discovery", "The sender asks for our engine id.", self._report(message, _ENGINE))
        users = [user for user in users if compare_digest(user.name, message.user)]
        if not users:
            text = f"No credential that holds there has the user {_shown(message.user)}."
            raise Untaken("credential", text, self._report(message, _USER))
        user, peer = self._authenticate(message, users)
        if user.auth_protocol:
            self._check_time(message, user, peer, ours)
        if message.flags & (AUTHENTIC | PRIVATE) != user.level:
            raise self._of_another_level(message)
        if user.auth_protocol:
            self._remember(message, user, peer)
        scoped = self._decrypted(message, user, peer)
        context, pdu = open_scoped(scoped)
        if ours != (pdu.tag == Tag.INFORM):
            raise Malformed("The authority of an inform is its receiver, that of a trap its sender: here it is not so.")
        taken = _decoded(V3, scoped, pdu, user)
        if pdu.tag == Tag.INFORM:
            answer = ber.tlv(Tag.SEQUENCE, context + acknowledged(scoped, pdu))
            taken = replace(taken, reply=self._written(message, answer, user.level, user, peer))
        return taken

    def _authenticate(self, message: MessageV3, users: list[User]) -> tuple[User, _Peer]:
        """The user whose key made the digest, and what is known of it there. One that has no key has nothing to prove."""
        signed = bool(message.flags & AUTHENTIC)
        fitting = [user for user in users if bool(user.auth_protocol) == signed]
        for user in fitting:
            peer = self._peers.get((user, message.engine)) or _Peer(Keys(user, message.engine))
            if not signed or compare_digest(peer.keys.digest(message.without_digest), message.digest):
                return user, peer
        if not fitting:
            raise self._of_another_level(message)
        text = f"Its digest is wrong: the user {_shown(message.user)} has another auth key or protocol there."
        raise Untaken("credential", text, self._report(message, _DIGEST))

    def _of_another_level(self, message: MessageV3) -> Untaken:
        text = f"The user {_shown(message.user)} sends with more or less security than its credential says."
        return Untaken("credential", text, self._report(message, _LEVEL))

    def _check_time(self, message: MessageV3, user: User, peer: _Peer, ours: bool) -> None:
        """RFC 3414, section 3.2 step 7."""
        if ours:
            if message.boots != self._boots or abs(self._time() - message.time) > WINDOW_S:
                report = self._report(message, _WINDOW, user, peer)
                raise Untaken("discovery", "The sender asks for the time of our engine.", report)
            return
        least = peer.time + self._clock() - peer.at - WINDOW_S
        if message.boots < peer.boots or (message.boots == peer.boots and message.time < least):
            text = (
                f"It is from {message.time} s after boot {message.boots}, and {peer.time} s after boot {peer.boots} was "
                "heard before: somebody sent it again, or the device does not count its boots."
            )
            raise Untaken("replay", text)

    def _remember(self, message: MessageV3, user: User, peer: _Peer) -> None:
        if (message.boots, message.time) > (peer.boots, peer.time):
            peer.boots, peer.time, peer.at = message.boots, message.time, self._clock()
        self._peers[user, message.engine] = peer
        self._peers.move_to_end((user, message.engine))
        if len(self._peers) > ENGINES:
            self._peers.popitem(last=False)

    def _decrypted(self, message: MessageV3, user: User, peer: _Peer) -> bytes:
        part = message.scoped
        if (part.tag == Tag.OCTET_STRING) != bool(user.priv_protocol):
            raise Malformed("The flags say one thing of the message's privacy, and its octets another.")
        if not user.priv_protocol:
            return message.data[part.start : part.end]
        try:
            plain = peer.keys.decrypt(message.data[part.at : part.end], message.boots, message.time, message.salt)
            open_scoped(plain)
        except Exception as error:  # pysnmp's, a cipher's; or nonsense came out
            text = f"It cannot be decrypted: the user {_shown(message.user)} has another priv key or protocol there."
            raise Untaken("credential", text, self._report(message, _DECRYPTION, user, peer)) from error
        return plain

    # --- what we say --------------------------------------------------------------------------------------------------

    def _time(self) -> int:
        """snmpEngineTime."""
        return int(self._clock() - self._started)

    def _report(self, message: MessageV3, about: int, user: User | None = None, peer: _Peer | None = None) -> bytes:
        """A Report of one of the usmStats, authentic where the user is; nothing where the sender wants none."""
        self._stats[about] += 1
        if not message.flags & REPORTABLE:
            return b""
        value = ber.encode(Tag.COUNTER32, self._stats[about] % 2**32)
        row = ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, oid.encode(f"{_USM_STATS}.{about}.0")) + value)
        pdu = ber.tlv(Tag.REPORT, ber.encode(Tag.INTEGER, message.request_id()) + NO_ERROR + ber.tlv(Tag.SEQUENCE, row))
        context = ber.tlv(Tag.OCTET_STRING, self._engine_id) + ber.tlv(Tag.OCTET_STRING, b"")
        level = AUTHENTIC if user is not None else 0
        return self._written(message, ber.tlv(Tag.SEQUENCE, context + pdu), level, user, peer)

    def _written(self, message: MessageV3, scoped: bytes, level: int, user: User | None, peer: _Peer | None) -> bytes:
        """What answers a message, as the authority, with that much security."""
        now, salt, digest = self._time(), b"", b""
        if peer is not None and level & PRIVATE:
            hidden, salt = peer.keys.encrypt(scoped, self._boots, now)
            scoped = ber.tlv(Tag.OCTET_STRING, hidden)
        if user is not None and level & AUTHENTIC:
            digest = bytes(user.digest_size)
        last = ber.tlv(Tag.OCTET_STRING, salt)
        clock = ber.encode(Tag.INTEGER, self._boots) + ber.encode(Tag.INTEGER, now)
        names = ber.tlv(Tag.OCTET_STRING, self._engine_id) + clock + ber.tlv(Tag.OCTET_STRING, message.user)
        security = ber.tlv(Tag.SEQUENCE, names + ber.tlv(Tag.OCTET_STRING, digest) + last)
        flags = ber.tlv(Tag.OCTET_STRING, bytes((level,)))
        numbers = ber.encode(Tag.INTEGER, message.id) + ber.encode(Tag.INTEGER, MOST_OCTETS)
        head = ber.tlv(Tag.SEQUENCE, numbers + flags + ber.encode(Tag.INTEGER, USM))
        body = head + ber.tlv(Tag.OCTET_STRING, security) + scoped
        written = ber.tlv(Tag.SEQUENCE, ber.encode(Tag.INTEGER, V3) + body)
        if peer is not None and digest:
            end = len(written) - len(scoped) - len(last)
            written = written[: end - len(digest)] + peer.keys.digest(written) + written[end:]
        return written


# --- pysnmp -----------------------------------------------------------------------------------------------------------


def _decoded(version: int, data: bytes, pdu: Part, proof: Proof) -> Notification:
    """The notification in a PDU, as pysnmp reads it."""
    check_notification(data, pdu)
    try:
        read, _ = decoder.decode(data[pdu.start : pdu.end], asn1Spec=_PDUS[pdu.tag]())
        if version == V1:
            read = rfc2576.v1_to_v2(read)
        values = [(str(name), _plain(value)) for name, value in v2c.apiPDU.get_varbinds(read)]
    except Exception as error:  # errors of pyasn1, and of Python wherever pyasn1 did not expect them
        complaint = " ".join(str(error).split())[:_LONGEST_COMPLAINT]
        raise Malformed(f"pysnmp cannot read it ({type(error).__name__}: {complaint}).") from error
    first = dict(reversed(values))
    trap, uptime = first.get(_TRAP), first.get(_UPTIME)
    if not isinstance(trap, str):
        raise Malformed("The notification does not say what it notifies of: it has no snmpTrapOID.")
    return Notification(
        version=_VERSIONS[version],
        trap=trap,
        uptime=uptime if isinstance(uptime, int) else None,
        varbinds=tuple((name, value) for name, value in values if name not in (_UPTIME, _TRAP, _TRAP_COMMUNITY)),
        proof=proof,
    )


def _plain(value: Any) -> Plain:
    """A value of pysnmp's as netmon holds it."""
    match value:
        case univ.Null():  # which is an OctetString too
            return None
        case univ.OctetString() if value.tagSet == rfc1902.IpAddress.tagSet:
            return ".".join(map(str, bytes(value)))
        case univ.Integer():
            return int(value)
        case univ.OctetString():
            return bytes(value)
        case univ.ObjectIdentifier():
            return str(value)
    raise Malformed(f"A value is a {type(value).__name__}, which SNMP does not have.")


def _shown(user: bytes) -> str:
    """A user's name that came over the wire."""
    return repr(user[:32].decode("utf-8", "replace"))

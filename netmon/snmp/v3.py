"""SNMPv3 messages with the user-based security model (RFC 3412, RFC 3414), from the side of who asks.

`encode_discovery` asks an engine who it is, and `encode_message` asks it what one wants to know. What comes back is taken
out of its envelope in steps, each a function: `open_envelope`, `authentic`, `scoped`, `check_answer`; the PDU's content is
message.py's again. `Engine` holds what is known of the other side, `explain` puts its Reports into words.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from hmac import compare_digest
from typing import NamedTuple

from netmon.snmp import ber, oid
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed
from netmon.snmp.message import Request, get_request
from netmon.snmp.usm import AUTH, LEVEL, PRIV, REPORTABLE, Keys, Usm
from netmon.snmp.usm import keys as keys_of

_LONGEST_ENGINE_ID = 32  # RFC 3411, SnmpEngineID
_LATEST = (1 << 31) - 1  # the greatest msgID, snmpEngineBoots and snmpEngineTime


class Engine:
    """An authoritative engine as it was last heard: `boots`, `time` in seconds, and `at`, our monotonic clock then."""

    __slots__ = ("at", "boots", "id", "time")

    def __init__(self, id: bytes, boots: int, time: int, at: float) -> None:  # noqa: A002 - as the RFC names it
        self.id = id
        self.boots = boots
        self.time = time
        self.at = at

    def __repr__(self) -> str:
        return f"Engine({self.id.hex()}, boots={self.boots}, time={self.time}, at={self.at})"

    def now(self, monotonic: float) -> tuple[int, int]:
        """Its boots and time at an instant of our monotonic clock. Time past 2^31 - 1 is another boot (RFC 3414 2.2.1)."""
        time = self.time + int(monotonic - self.at)
        if time <= _LATEST:
            return self.boots, time
        return min(self.boots + 1, _LATEST), time - _LATEST - 1


# --- what goes out ----------------------------------------------------------------------------------------------------


def encode_discovery(msg_id: int) -> bytes:
    """The question to an engine who it is, and what time it has: by nobody, of nothing (RFC 3414 section 4)."""
    return encode_message(_NOTHING, _NOBODY, None, b"", 0, 0, msg_id)


def encode_message(
    request: Request, usm: Usm, keys: Keys | None, engine_id: bytes, boots: int, time: int, msg_id: int
) -> bytes:
    """The datagram, at the user's security level. Its request id is its msgID, which is in [2^24, 2^31), so that both
    always take four octets. Without `keys` those of the user at that engine are looked up."""
    if keys is None:
        keys = keys_of(usm, engine_id)
    context, before_id, after_id = keys.context, request.before_id, request.after_id
    start = _start(0x30, len(context) + len(before_id) + 4 + len(after_id))
    pdu = b"".join((start, context, before_id, msg_id.to_bytes(4, "big"), after_id))
    return seal(pdu, keys, keys.level | REPORTABLE, boots, time, msg_id)


def seal(pdu: bytes, keys: Keys, flags: int, boots: int, time: int, msg_id: int) -> bytes:
    """A scoped PDU, encoded, as a message from or to the engine of these keys: encrypted and signed as its flags say."""
    salt = b""
    if flags & PRIV:
        pdu, salt = keys.encrypt(pdu, boots, time)
        pdu = _start(0x04, len(pdu)) + pdu
    mac_size = keys.mac_size if flags & AUTH else 0
    parameters = b"%b%b%b%b\x04%c%b\x04%c%b" % (
        *(keys.engine, _number(boots), _number(time), keys.user),
        *(mac_size, bytes(mac_size), len(salt), salt),
    )
    parameters = _start(0x30, len(parameters)) + parameters
    header = b"%b\x02\x03\x00\xff\xe3\x04\x01%c\x02\x01\x03" % (_number(msg_id), flags)  # msgMaxSize 65507
    body = b"\x02\x01\x03\x30%c%b%b%b%b" % (len(header), header, _start(0x04, len(parameters)), parameters, pdu)
    message = _start(0x30, len(body)) + body
    if not mac_size:
        return message
    end = len(message) - len(pdu) - 2 - len(salt)
    return b"".join((message[: end - mac_size], keys.mac(message), message[end:]))


def _start(tag: int, size: int) -> bytes:
    """Tag and length; all of ours fit into two octets."""
    if size < 0x80:
        return b"%c%c" % (tag, size)
    if size < 0x100:
        return b"%c\x81%c" % (tag, size)
    return b"%c\x82%c%c" % (tag, size >> 8, size & 0xFF)


def _number(value: int) -> bytes:
    """An INTEGER that is not negative."""
    size = value.bit_length() // 8 + 1
    return b"\x02%c%b" % (size, value.to_bytes(size, "big"))


_NOTHING = get_request(())
_NOBODY = Usm(user="")


# --- what comes in ----------------------------------------------------------------------------------------------------


class Envelope(NamedTuple):
    """A message but for its scoped PDU, which lies in `data[at:end]`, encrypted or not. The authentication parameters lie in
    `data[mac_at:mac_end]`."""

    msg_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    mac_at: int
    mac_end: int
    salt: bytes
    at: int
    end: int


_envelope = partial(tuple.__new__, Envelope)


def open_envelope(data: bytes) -> Envelope:
    """What stands around the scoped PDU of a message of SNMPv3. Malformed for anything else.

    Octets after the message are ignored; inside it every length must fit exactly.
    """
    try:
        # The usual envelope: a msgID of four octets, security parameters of less than 128.
        size, at = data[1], 2
        if size >= 0x80:
            at = size - 0x7E
            size = int.from_bytes(data[2:at], "big")
        end = at + size
        sec = at + 5 + data[at + 4]
        boots = sec + 6 + data[sec + 5]
        time = boots + 2 + data[boots + 1]
        user = time + 2 + data[time + 1]
        mac = user + 2 + data[user + 1]
        salt = mac + 2 + data[mac + 1]
        pdu = salt + 2 + data[salt + 1]
        size, start = data[pdu + 1], pdu + 2
        if size >= 0x80:
            start += size - 0x80
            size = int.from_bytes(data[pdu + 2 : start], "big")
        flags = data[sec - 4]
        if (
            data[at : at + 4] == b"\x02\x01\x03\x30"
            and data[at + 5 : at + 7] == b"\x02\x04"
            and data[sec - 3 : sec + 1] == b"\x02\x01\x03\x04"
            and data[sec + 2] == 0x30
            and data[sec + 4] == data[user] == data[mac] == data[salt] == 0x04
            and data[at + 11] == data[boots] == data[time] == 0x02
            and data[sec - 6] == 0x04
            and data[sec - 5] == 0x01
            # Whatever makes up less than 128 octets has lengths of less than 128 itself.
            and 0x80 > data[sec + 1] == pdu - sec - 2 == data[sec + 3] + 2
            and data[at + 4] == data[at + 12] + 14
            and 0 < data[at + 12] <= 4
            and 0 < data[boots + 1] <= 4
            and 0 < data[time + 1] <= 4
            and data[at + 7] < 0x80
            and data[at + 13] < 0x80
            and data[boots + 2] < 0x80
            and data[time + 2] < 0x80
            and flags & LEVEL != PRIV
            and data[sec + 5] <= _LONGEST_ENGINE_ID
            and data[pdu] == (0x04 if flags & PRIV else 0x30)
            and data[pdu + 1] != 0x80
            and data[0] == 0x30
            and end == start + size <= len(data)
        ):
            number = int.from_bytes
            return _envelope(
                (
                    *(number(data[at + 7 : at + 11], "big"), flags, data[sec + 6 : boots]),
                    *(number(data[boots + 2 : time], "big"), number(data[time + 2 : user], "big"), data[user + 2 : mac]),
                    *(mac + 2, salt, data[salt + 2 : pdu], start if flags & PRIV else pdu, end),
                )
            )
    except IndexError:
        pass
    return _open_envelope(data)


def _open_envelope(data: bytes) -> Envelope:
    """The same by the book."""
    at, end = _field(data, 0, len(data), Tag.SEQUENCE)
    version, at = _unsigned(data, at, end)
    if version != 3:
        raise Malformed(f"The message has version {version}, not SNMPv3's 3.")
    at, stop = _field(data, at, end, Tag.SEQUENCE)
    msg_id, at = _unsigned(data, at, stop)
    _, at = _unsigned(data, at, stop)  # msgMaxSize: no request of ours comes near it
    start, at = _field(data, at, stop, Tag.OCTET_STRING)
    flags = data[start] if at - start == 1 else -1
    model, at = _unsigned(data, at, stop)
    if flags < 0 or flags & LEVEL == PRIV or at != stop:
        raise Malformed("The message's flags, or what follows them, are none of SNMPv3's.")
    if model != 3:
        raise Malformed(f"The message has security model {model}, not the user-based one (3).")
    at, pdu = _field(data, at, end, Tag.OCTET_STRING)
    at, stop = _field(data, at, pdu, Tag.SEQUENCE)
    start, at = _field(data, at, stop, Tag.OCTET_STRING)
    engine_id = data[start:at]
    if len(engine_id) > _LONGEST_ENGINE_ID:
        raise Malformed(f"The engine id has {len(engine_id)} octets; 32 are the most (RFC 3411).")
    boots, at = _unsigned(data, at, stop)
    time, at = _unsigned(data, at, stop)
    start, at = _field(data, at, stop, Tag.OCTET_STRING)
    user = data[start:at]
    mac_at, mac_end = _field(data, at, stop, Tag.OCTET_STRING)
    start, at = _field(data, mac_end, stop, Tag.OCTET_STRING)
    if not at == stop == pdu:
        raise Malformed("The security parameters are not six values that fit exactly.")
    salt = data[start:at]
    at, stop = _field(data, pdu, end, Tag.OCTET_STRING if flags & PRIV else Tag.SEQUENCE)
    if stop != end:
        raise Malformed(f"{end - stop} octets follow the scoped PDU inside the message.")
    at = at if flags & PRIV else pdu
    return Envelope(msg_id, flags, engine_id, boots, time, user, mac_at, mac_end, salt, at, end)


def authentic(data: bytes, envelope: Envelope, keys: Keys) -> bool:
    """Whether the message is signed with the user's key (RFC 3414 section 6.3.2); compared in constant time."""
    start, end = envelope.mac_at, envelope.mac_end
    size = keys.mac_size
    if not envelope.flags & AUTH or not size or end - start != size:
        return False
    message = b"".join((data[:start], bytes(size), data[end : envelope.end]))
    return compare_digest(keys.mac(message), data[start:end])


class Scoped(NamedTuple):
    """A PDU and the context that it is of: `pdu` is its tag, `data[at:end]` its content."""

    data: bytes
    context_engine_id: bytes
    context: bytes
    pdu: int
    at: int
    end: int


def scoped(data: bytes, envelope: Envelope, keys: Keys | None) -> Scoped:
    """The scoped PDU of a message, decrypted if it is encrypted. Malformed when it is none: of one that was encrypted, that
    its keys are wrong."""
    if not envelope.flags & PRIV:
        return _open_scoped(data, envelope.at, envelope.end)
    if keys is None:
        raise Malformed("The message is encrypted, and there is no key to read it with.")
    try:
        data = keys.decrypt(data[envelope.at : envelope.end], envelope.salt, envelope.boots, envelope.time)
        return _open_scoped(data, 0, len(data))
    except Malformed as error:
        raise Malformed(f"The message cannot be decrypted: the privacy key or protocol is wrong ({error})") from None


def _open_scoped(data: bytes, at: int, end: int) -> Scoped:
    at, end = _field(data, at, end, Tag.SEQUENCE)  # what follows is padding
    start, at = _field(data, at, end, Tag.OCTET_STRING)
    engine_id = data[start:at]
    start, at = _field(data, at, end, Tag.OCTET_STRING)
    context = data[start:at]
    pdu, at, stop = ber.header(data, at, end)
    if stop != end:
        raise Malformed(f"{end - stop} octets follow the PDU inside the scoped PDU.")
    return _scoped((data, engine_id, context, pdu, at, stop))


_scoped = partial(tuple.__new__, Scoped)


def check_answer(envelope: Envelope, scoped: Scoped, usm: Usm, engine_id: bytes) -> None:
    """Malformed unless a Response is from this engine, to this user, of the same context, and at the user's security level
    (RFC 3412 section 7.2.12, RFC 3414 section 3.2)."""
    if envelope.flags & LEVEL != usm.level:
        raise Malformed(f"The answer does not have the security level of the request, {usm.level_name}.")
    if envelope.engine_id != engine_id or scoped.context_engine_id != engine_id:
        raise Malformed("The answer is from or of another engine than the one that was asked.")
    if envelope.user != usm.user.encode() or scoped.context != usm.context.encode():
        raise Malformed("The answer is to another user, or of another context.")


def _field(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the value with this tag, which begins at `at`, begins and ends."""
    start = at + 2
    if start <= end and data[at] == tag and data[at + 1] <= 0x7F and start + data[at + 1] <= end:
        return start, start + data[at + 1]
    found, start, stop = ber.header(data, at, end)
    if found != tag:
        raise Malformed(f"Octet {at} has tag 0x{found:02x} where 0x{tag:02x} is due.")
    return start, stop


def _unsigned(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An INTEGER from 0 to 2^31 - 1, and where the next value begins."""
    start, stop = _field(data, at, end, Tag.INTEGER)
    if not 0 < stop - start <= 8:
        raise Malformed(f"Octet {at} begins no INTEGER of SNMPv3.")
    value = int.from_bytes(data[start:stop], "big", signed=True)
    if not 0 <= value <= _LATEST:
        raise Malformed(f"The INTEGER at octet {at} is {value}, not from 0 to 2^31 - 1.")
    return value, stop


# --- reports ----------------------------------------------------------------------------------------------------------


class Report(Enum):
    """Why an engine would not answer: the counter that its Report names (RFC 3412, RFC 3413, RFC 3414)."""

    UNSUPPORTED_SEC_LEVEL = oid.encode("1.3.6.1.6.3.15.1.1.1.0")
    NOT_IN_TIME_WINDOW = oid.encode("1.3.6.1.6.3.15.1.1.2.0")
    UNKNOWN_USER_NAME = oid.encode("1.3.6.1.6.3.15.1.1.3.0")
    UNKNOWN_ENGINE_ID = oid.encode("1.3.6.1.6.3.15.1.1.4.0")
    WRONG_DIGEST = oid.encode("1.3.6.1.6.3.15.1.1.5.0")
    DECRYPTION_ERROR = oid.encode("1.3.6.1.6.3.15.1.1.6.0")
    UNKNOWN_SECURITY_MODEL = oid.encode("1.3.6.1.6.3.11.2.1.1.0")
    INVALID_MSG = oid.encode("1.3.6.1.6.3.11.2.1.2.0")
    UNKNOWN_PDU_HANDLER = oid.encode("1.3.6.1.6.3.11.2.1.3.0")
    UNKNOWN_CONTEXT = oid.encode("1.3.6.1.6.3.12.1.5.0")


REPORTS = {report.value: report for report in Report}
"""Reports by the octets of the OID that they carry."""


def explain(report: Report | None, usm: Usm, target: str) -> str:
    """What an engineer has to put right after a Report; None is one that no standard knows."""
    user = f"the user {usm.user!r}"
    match report:
        case Report.UNKNOWN_USER_NAME:
            return f"{target} does not know {user}: create it there, or correct user in the credential."
        case Report.WRONG_DIGEST:
            return (
                f"{target} knows {user} but not this signature: the authentication key or protocol "
                f"({usm.auth_protocol}) is wrong in the credential or there."
            )
        case Report.DECRYPTION_ERROR:
            return (
                f"{target} cannot decrypt what {user} asks: the privacy key or protocol ({usm.priv_protocol}) "
                "is wrong in the credential or there."
            )
        case Report.UNSUPPORTED_SEC_LEVEL:
            return (
                f"{target} does not let {user} speak at {usm.level_name}: give the user what that needs there, "
                "or correct auth and priv in the credential."
            )
        case Report.NOT_IN_TIME_WINDOW:
            return (
                f"{target} takes the request of {user} for an old one, even after its clock was set by it: "
                "its engine time jumps, its engine boots are stuck, or another device has the same engine id."
            )
        case Report.UNKNOWN_ENGINE_ID:
            return (
                f"{target} disowns the engine id that it told: several agents may share the address, "
                "or its engine id changes while it runs."
            )
        case Report.UNKNOWN_CONTEXT:
            what = f"the context {usm.context!r}" if usm.context else "a default context"
            return f"{target} does not have {what}: correct context in the credential, or create it there."
        case Report.UNKNOWN_PDU_HANDLER:
            return f"{target} has nothing that answers for its own engine id: check that its SNMP agent is fully running."
        case Report.UNKNOWN_SECURITY_MODEL:
            return f"{target} does not have the user-based security model: enable SNMPv3 with USM there, or use v2c."
        case Report.INVALID_MSG:
            return f"{target} calls the message of {user} invalid: its SNMPv3 may be at fault; update it, or use v2c."
        case None:
            return f"{target} refused what {user} asks with a Report that no standard knows."

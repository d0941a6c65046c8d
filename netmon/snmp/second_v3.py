"""SNMPv3 of the second engine: messages in pysnmp's own ASN.1, their keys and ciphers from pysnmp's own services.

What pysnmp is given has been taken out of its envelope by v3.py before, and was found to be signed where it says so. pysnmp
must read the same: where the two do not agree, the message is Malformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

from netmon.snmp import keyring, usm
from netmon.snmp.errors import Malformed
from netmon.snmp.usm import AUTH, PRIV, REPORTABLE, Usm
from netmon.snmp.v3 import Envelope, Scoped

_MSG_MAX_SIZE, _SECURITY_MODEL = 65507, 3
_LONGEST_COMPLAINT = 200


@contextmanager
def reading() -> Iterator[None]:
    """Whatever pysnmp and pyasn1 raise is Malformed, in one sentence."""
    try:
        yield
    except Malformed:
        raise
    except Exception as error:  # errors of pyasn1, and of Python wherever pyasn1 did not expect them
        complaint = " ".join(str(error).split())[:_LONGEST_COMPLAINT]
        raise Malformed(f"pysnmp cannot read it ({type(error).__name__}: {complaint}).") from error


class Keys(usm.Keys):
    """One user at one engine, by pysnmp: to be used wherever netmon's own are, which do the same."""

    __slots__ = ("_ring",)

    def __init__(self, usm: Usm, engine_id: bytes) -> None:
        super().__init__(Usm(user=usm.user, context=usm.context), engine_id)  # a user without keys, which are here
        user = keyring.User(
            name=usm.user.encode(),
            auth_protocol=usm.auth_protocol,
            auth_key=usm.auth_key.encode(),
            priv_protocol=usm.priv_protocol,
            priv_key=usm.priv_key.encode(),
        )
        self.usm, self.level = usm, usm.level
        self.mac_size = user.digest_size if usm.auth_protocol else 0
        self._ring = keyring.Keys(user, engine_id)

    def mac(self, message: bytes) -> bytes:
        return self._ring.digest(message)

    def encrypt(self, scoped: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        return self._ring.encrypt(scoped, boots, time)

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        if not self.level & PRIV:
            raise Malformed("The message is encrypted, but its user has no privacy.")
        with reading():
            return self._ring.decrypt(data, boots, time, salt)


@lru_cache(maxsize=20_000)
def keys(usm: Usm, engine_id: bytes) -> Keys:
    """The keys of a user at an engine, made when first asked for."""
    return Keys(usm, engine_id)


NOBODY = Keys(Usm(user=""), b"")
"""Who asks an engine who it is (RFC 3414 section 4)."""


def encode_message(pdu: Any, keys: Keys, boots: int, time: int, msg_id: int) -> bytes:
    """The datagram with a PDU of pysnmp's, at the user's security level and reportable."""
    scoped = ScopedPDU()
    scoped.setComponentByPosition(0, keys.engine_id)
    scoped.setComponentByPosition(1, keys.usm.context.encode())
    scoped.setComponentByPosition(2).getComponentByPosition(2).setComponentByType(
        pdu.tagSet, pdu, verifyConstraints=False, matchTags=False, matchConstraints=False
    )
    message = SNMPv3Message()
    message.setComponentByPosition(0, 3)
    header = message.setComponentByPosition(1).getComponentByPosition(1)
    for place, value in enumerate((msg_id, _MSG_MAX_SIZE, bytes((keys.level | REPORTABLE,)), _SECURITY_MODEL)):
        header.setComponentByPosition(place, value)
    salt = b""
    content = message.setComponentByPosition(3).getComponentByPosition(3)
    if keys.level & PRIV:
        hidden, salt = keys.encrypt(bytes(encoder.encode(scoped)), boots, time)
        content.setComponentByPosition(1, hidden)
    else:
        content.setComponentByPosition(0, scoped)

    def signed(mac: bytes) -> bytes:
        parameters = UsmSecurityParameters()
        user = keys.usm.user.encode()
        for place, value in enumerate((keys.engine_id, boots, time, user, mac, salt)):
            parameters.setComponentByPosition(place, value)
        message.setComponentByPosition(2, encoder.encode(parameters))
        return bytes(encoder.encode(message))

    # Written twice: pysnmp does not tell where the signature stands, and to look for its zeros is to find others.
    unsigned = signed(bytes(keys.mac_size))
    return signed(keys.mac(unsigned)) if keys.level & AUTH else unsigned


def read_pdu(data: bytes, envelope: Envelope, scoped: Scoped) -> Any:
    """The PDU of a message as pysnmp reads it. Malformed when it refuses, or finds anything else around it than `envelope`
    and `scoped` say."""
    message, _ = decoder.decode(data, asn1Spec=SNMPv3Message())
    parameters, _ = decoder.decode(message[2], asn1Spec=UsmSecurityParameters())
    header, content = message[1], message[3]
    if envelope.flags & PRIV:
        inner, _ = decoder.decode(scoped.data, asn1Spec=ScopedPDU())
    else:
        inner = content.getComponentByName("plaintext")
    pdu = inner[2].getComponent()
    outermost = pdu.tagSet.superTags[-1]
    found = (
        *(int(header[0]), bytes(header[2])[0], int(header[3])),
        *(bytes(parameters[0]), int(parameters[1]), int(parameters[2]), bytes(parameters[3]), bytes(parameters[5])),
        *(bytes(inner[0]), bytes(inner[1]), outermost.tagClass | outermost.tagFormat | outermost.tagId),
    )
    if found != (
        *(envelope.msg_id, envelope.flags, _SECURITY_MODEL),
        *(envelope.engine_id, envelope.boots, envelope.time, envelope.user, envelope.salt),
        *(scoped.context_engine_id, scoped.context, scoped.pdu),
    ):
        raise Malformed("pysnmp reads what stands around the PDU otherwise.")
    return pdu

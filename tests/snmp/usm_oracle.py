"""SNMPv3 as pysnmp does it: keys, signatures, privacy and whole messages, for ours to be compared with."""

from __future__ import annotations

from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel, UsmSecurityParameters

from netmon.snmp.usm import Usm

_USM = (1, 3, 6, 1, 6, 3, 10, 1)
_ESO = (1, 3, 6, 1, 4, 1, 9, 12, 6, 1)
AUTH_IDS = {
    name: (*_USM, 1, number) for number, name in enumerate(("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"), 2)
}
AUTHS: dict[str, Any] = {name: SnmpUSMSecurityModel.AUTH_SERVICES[found] for name, found in AUTH_IDS.items()}
PRIVS: dict[str, Any] = {
    name: SnmpUSMSecurityModel.PRIV_SERVICES[found]
    for name, found in {
        "DES": (*_USM, 2, 2),
        "AES": (*_USM, 2, 4),
        "AES-192": (*_ESO, 1),
        "AES-256": (*_ESO, 2),
        "AES-192-C": (*_ESO, 101),
        "AES-256-C": (*_ESO, 102),
    }.items()
}
ENGINE = bytes.fromhex("80001f8880a1b2c3d4e5f60718")
AUTH_KEY, PRIV_KEY = "mật khẩu ký", "mật khẩu mã hoá"


def user_of(auth: str, priv: str = "", **more: str) -> Usm:
    """The user "noc" with these protocols."""
    secrets = {"auth_key": AUTH_KEY if auth else "", "priv_key": PRIV_KEY if priv else ""}
    return Usm(**{"user": "noc", "auth_protocol": auth, "priv_protocol": priv} | secrets | more)


def signing_key(auth: str) -> Any:
    return AUTHS[auth].localize_key(AUTHS[auth].hash_passphrase(AUTH_KEY.encode()), OctetString(ENGINE))


def privacy_key(auth: str, priv: str) -> Any:
    master = PRIVS[priv].hash_passphrase(AUTH_IDS[auth], PRIV_KEY.encode())
    return PRIVS[priv].localize_key(AUTH_IDS[auth], master, OctetString(ENGINE))


def encrypt(auth: str, priv: str, data: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
    found, salt = PRIVS[priv].encrypt_data(privacy_key(auth, priv), (boots, time, None), data)
    return bytes(found), bytes(salt)


def decrypt(auth: str, priv: str, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
    key = privacy_key(auth, priv)
    return bytes(PRIVS[priv].decrypt_data(key, (boots, time, OctetString(salt)), OctetString(data)))


def scoped_pdu(pdu: Any, context: bytes = b"") -> bytes:
    """A PDU of pysnmp's in this engine's context, encoded."""
    whole = ScopedPDU()
    whole.setComponentByPosition(0, ENGINE)
    whole.setComponentByPosition(1, context)
    whole.setComponentByPosition(2).getComponentByPosition(2).setComponentByType(
        pdu.tagSet, pdu, verifyConstraints=False, matchTags=False, matchConstraints=False
    )
    return bytes(encoder.encode(whole))


def write(usm: Usm, scoped: bytes, boots: int, time: int, msg_id: int) -> bytes:
    """A message of pysnmp's at the user's level, around an encoded scoped PDU."""
    auth, priv = usm.auth_protocol, usm.priv_protocol
    content, salt = encrypt(auth, priv, scoped, boots, time) if priv else (scoped, b"")
    parameters = UsmSecurityParameters()
    mac = bytes(AUTHS[auth].digest_length if auth else 0)
    for place, value in enumerate((ENGINE, boots, time, usm.user.encode(), mac, salt)):
        parameters.setComponentByPosition(place, value)
    message = SNMPv3Message()
    message.setComponentByPosition(0, 3)
    header = message.setComponentByPosition(1).getComponentByPosition(1)
    for place, value in enumerate((msg_id, 65507, bytes((usm.level,)), 3)):
        header.setComponentByPosition(place, value)
    message.setComponentByPosition(2, encoder.encode(parameters))
    data = message.setComponentByPosition(3).getComponentByPosition(3)
    if priv:
        data.setComponentByPosition(1, content)
    else:
        plain = data.setComponentByPosition(0).getComponentByPosition(0)
        data.setComponentByPosition(0, decoder.decode(content, asn1Spec=plain)[0])
    whole = bytes(encoder.encode(message))
    return bytes(AUTHS[auth].authenticate_outgoing_message(signing_key(auth), whole)) if auth else whole


def read(usm: Usm, whole: bytes) -> tuple[Any, Any, Any, bytes]:
    """Header, security parameters, PDU and context of a message, once pysnmp has found its signature right."""
    auth, priv = usm.auth_protocol, usm.priv_protocol
    message, rest = decoder.decode(whole, asn1Spec=SNMPv3Message())
    assert (int(message[0]), bytes(rest)) == (3, b"")
    parameters, rest = decoder.decode(message[2], asn1Spec=UsmSecurityParameters())
    assert bytes(rest) == b""
    if auth:
        AUTHS[auth].authenticate_incoming_message(signing_key(auth), parameters[4], whole)
    data = message[3]
    if priv:
        plain = decrypt(auth, priv, bytes(data.getComponentByName("encryptedPDU")), bytes(parameters[5]), *parameters[1:3])
        scoped, _ = decoder.decode(plain, asn1Spec=ScopedPDU())
    else:
        scoped = data.getComponentByName("plaintext")
    assert bytes(scoped[0]) == bytes(parameters[0])
    return message[1], parameters, scoped[2].getComponent(), bytes(scoped[1])

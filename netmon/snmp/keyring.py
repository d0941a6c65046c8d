"""What senders of notifications prove themselves with: communities, and users of SNMPv3 with their keys, by pysnmp.

pysnmp makes the keys (RFC 3414, appendix A.2, and the longer AES keys of Blumenthal's and Reeder's drafts) and knows the
ciphers. Digests are the standard library's: pysnmp looks for the place of a digest by its octets, and compares byte by byte.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pyasn1.type import univ
from pysnmp.proto.secmod.rfc3414 import service as usm

from netmon.snmp.outline import AUTHENTIC, PRIVATE

_MD5, _SHA, _SHA2 = usm.hmacmd5.HmacMd5, usm.hmacsha.HmacSha, usm.hmacsha2.HmacSha2
_AUTH: dict[str, tuple[tuple[int, ...], str, int]] = {  # its name in pysnmp, the hash, octets of a digest
    "MD5": (_MD5.SERVICE_ID, "md5", 12),
    "SHA": (_SHA.SERVICE_ID, "sha1", 12),
    "SHA-224": (_SHA2.SHA224_SERVICE_ID, "sha224", 16),
    "SHA-256": (_SHA2.SHA256_SERVICE_ID, "sha256", 24),
    "SHA-384": (_SHA2.SAH384_SERVICE_ID, "sha384", 32),
    "SHA-512": (_SHA2.SHA512_SERVICE_ID, "sha512", 48),
}
_PRIV: dict[str, Any] = {
    "DES": usm.des.Des(),
    "AES": usm.aes.Aes(),
    "AES-192": usm.aes192.AesBlumenthal192(),
    "AES-256": usm.aes256.AesBlumenthal256(),
    "AES-192-C": usm.aes192.Aes192(),
    "AES-256-C": usm.aes256.Aes256(),
}
_AUTH_SERVICES: dict[tuple[int, ...], Any] = usm.SnmpUSMSecurityModel.AUTH_SERVICES


@dataclass(frozen=True, slots=True)
class Community:
    """Who sends notifications of v1 and v2c knows this name."""

    name: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who sends notifications of v3 with these keys. Protocols are named as in the configuration, "" for none; its messages
    have the level that follows from them, no other."""

    name: bytes
    auth_protocol: str = ""
    auth_key: bytes = field(default=b"", repr=False)
    priv_protocol: str = ""
    priv_key: bytes = field(default=b"", repr=False)

    @property
    def level(self) -> int:
        """What msgFlags says of its messages."""
        return AUTHENTIC * bool(self.auth_protocol) | PRIVATE * bool(self.priv_protocol)

    @property
    def digest_size(self) -> int:
        return _AUTH[self.auth_protocol][2]


class Keys:
    """The keys of one user for one engine, each made when it is needed first."""

    __slots__ = ("_auth", "_engine_id", "_priv", "_user")

    def __init__(self, user: User, engine_id: bytes) -> None:
        self._user = user
        self._engine_id = engine_id
        self._auth = self._priv = b""

    def digest(self, message: bytes) -> bytes:
        """That of a whole message which has zeros in its place (RFC 3414, section 6.3; RFC 7860)."""
        name, algorithm, size = _AUTH[self._user.auth_protocol]
        if not self._auth:
            master = _auth_master(self._user.auth_protocol, self._user.auth_key)
            self._auth = bytes(_AUTH_SERVICES[name].localize_key(master, univ.OctetString(self._engine_id)))
        return hmac.digest(self._auth, message, algorithm)[:size]

    def decrypt(self, hidden: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """Raises whatever pysnmp does for what cannot be decrypted; a wrong key gives nonsense."""
        service = _PRIV[self._user.priv_protocol]
        given = (boots, time, univ.OctetString(salt))
        return bytes(service.decrypt_data(self._priv_key(), given, univ.OctetString(hidden)))

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """What is hidden, and the salt that goes with it."""
        hidden, salt = _PRIV[self._user.priv_protocol].encrypt_data(self._priv_key(), (boots, time, None), plain)
        return bytes(hidden), bytes(salt)

    def _priv_key(self) -> univ.OctetString:
        if not self._priv:
            user, name = self._user, _AUTH[self._user.auth_protocol][0]
            master = _priv_master(user.auth_protocol, user.priv_protocol, user.priv_key)
            localize = _PRIV[user.priv_protocol].localize_key
            self._priv = bytes(localize(name, master, univ.OctetString(self._engine_id)))
        return univ.OctetString(self._priv)


@lru_cache(maxsize=256)
def _auth_master(protocol: str, passphrase: bytes) -> univ.OctetString:
    """A passphrase made into a key: a megabyte is hashed."""
    return _AUTH_SERVICES[_AUTH[protocol][0]].hash_passphrase(passphrase)


@lru_cache(maxsize=256)
def _priv_master(auth: str, protocol: str, passphrase: bytes) -> univ.OctetString:
    return _PRIV[protocol].hash_passphrase(_AUTH[auth][0], passphrase)

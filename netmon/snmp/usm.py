"""The user-based security model's keys (RFC 3414, RFC 3826, RFC 7860): from a password to octets proven and octets hidden.

A password is hashed once for all engines, its key is localised once for each engine, and `Keys` holds what is ready to
use there. Nothing here prints a secret.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from netmon.snmp import ber
from netmon.snmp.ber import Tag
from netmon.snmp.errors import Malformed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

AUTH, PRIV, REPORTABLE = 1, 2, 4
"""Bits of msgFlags (RFC 3412 section 6.4); the first two are the security level."""

LEVEL = AUTH | PRIV
_LEVELS = {0: "noAuthNoPriv", AUTH: "authNoPriv", LEVEL: "authPriv"}


class _Auth(NamedTuple):
    hash: Callable[[bytes], Any]
    size: int  # octets of the MAC that are sent


class _Priv(NamedTuple):
    size: int  # octets of the localised key
    reeder: bool = False


_AUTHS = {
    "MD5": _Auth(hashlib.md5, 12),
    "SHA": _Auth(hashlib.sha1, 12),
    "SHA-224": _Auth(hashlib.sha224, 16),
    "SHA-256": _Auth(hashlib.sha256, 24),
    "SHA-384": _Auth(hashlib.sha384, 32),
    "SHA-512": _Auth(hashlib.sha512, 48),
}
_PRIVS = {
    "DES": _Priv(16),
    "AES": _Priv(16),
    "AES-192": _Priv(24),
    "AES-256": _Priv(32),
    "AES-192-C": _Priv(24, reeder=True),
    "AES-256-C": _Priv(32, reeder=True),
}
_ALSO_CALLED = {"SHA-1": "SHA", "AES-128": "AES"}
_SHORTEST_PASSWORD = 8  # RFC 3414 section 11.2
_LONGEST_USER = 32  # RFC 3414 section 5, usmUserName


@dataclass(frozen=True, slots=True, kw_only=True)
class Usm:
    """A user of SNMPv3, whose security level follows from what is given. ValueError, in words, for what cannot be.

    `auth_protocol` is MD5, SHA (also called SHA-1), SHA-224, SHA-256, SHA-384 or SHA-512. `priv_protocol` is DES, AES (also
    called AES-128), AES-192 or AES-256 with keys extended as draft-blumenthal-aes-usm-04 has it, or AES-192-C or AES-256-C
    with keys extended as draft-reeder-snmpv3-usm-3desede-00 has it, which is Cisco's way. Keys are passwords.
    """

    user: str
    auth_protocol: str = ""
    auth_key: str = field(default="", repr=False)
    priv_protocol: str = ""
    priv_key: str = field(default="", repr=False)
    context: str = ""

    def __post_init__(self) -> None:
        if len(self.user.encode()) > _LONGEST_USER:
            raise ValueError(f"the user {self.user!r} has more than {_LONGEST_USER} octets")
        for kind, known in (("auth", _AUTHS), ("priv", _PRIVS)):
            given, key = getattr(self, f"{kind}_protocol"), getattr(self, f"{kind}_key")
            protocol = _ALSO_CALLED.get(given, given)
            object.__setattr__(self, f"{kind}_protocol", protocol)
            if protocol and protocol not in known:
                raise ValueError(f"{kind}_protocol {given!r} is none of {', '.join(known)}")
            if protocol and len(key.encode()) < _SHORTEST_PASSWORD:
                raise ValueError(f"{kind}_key of user {self.user!r} is shorter than {_SHORTEST_PASSWORD} octets (RFC 3414)")
            if key and not protocol:
                raise ValueError(f"user {self.user!r} has a {kind}_key but no {kind}_protocol")
        if self.priv_protocol and not self.auth_protocol:
            raise ValueError(f"user {self.user!r} has privacy without authentication, which SNMPv3 does not have (RFC 3414)")

    @property
    def level(self) -> int:
        """The security level as bits of msgFlags."""
        return (AUTH if self.auth_protocol else 0) | (PRIV if self.priv_protocol else 0)

    @property
    def level_name(self) -> str:
        """noAuthNoPriv, authNoPriv or authPriv."""
        return _LEVELS[self.level]


# --- keys -------------------------------------------------------------------------------------------------------------


def password_to_key(protocol: str, password: bytes) -> bytes:
    """The digest of 2^20 octets of repeated password (RFC 3414 A.2.1 and A.2.2): 1 to 3 ms of CPU."""
    length = 1 << 20
    return _digest(protocol, (password * (length // len(password) + 1))[:length])


def localise(protocol: str, key: bytes, engine_id: bytes) -> bytes:
    """A user's key at one engine (RFC 3414 section 2.6)."""
    return _digest(protocol, key + engine_id + key)


def privacy_key(auth_protocol: str, priv_protocol: str, key: bytes, engine_id: bytes) -> bytes:
    """A localised key of the length that a privacy protocol needs.

    One that is too short goes on with the digest of itself (Blumenthal), or with what it gives as a password (Reeder: 1 to
    3 ms of CPU for each engine).
    """
    size, reeder = _PRIVS[priv_protocol]
    found = localise(auth_protocol, key, engine_id)
    while len(found) < size:
        if reeder:
            found += localise(auth_protocol, password_to_key(auth_protocol, found), engine_id)
        else:
            found += _digest(auth_protocol, found)
    return found[:size]


def _digest(protocol: str, data: bytes) -> bytes:
    found: bytes = _AUTHS[protocol].hash(data).digest()
    return found


_user_key = lru_cache(maxsize=1024)(password_to_key)


# --- authentication and privacy at one engine -------------------------------------------------------------------------


class Keys:
    """One user at one engine, with what every message between them carries; some 3 kB. Not for use by two threads.

    `keys` makes them and keeps them. `engine`, `user` and `context` (engine id and name) are encoded.
    """

    __slots__ = ("_inner", "_outer", "_privacy", "context", "engine", "engine_id", "level", "mac_size", "user", "usm")

    def __init__(self, usm: Usm, engine_id: bytes) -> None:
        self.usm = usm
        self.engine_id = engine_id
        self.level = usm.level
        self.engine = ber.tlv(Tag.OCTET_STRING, engine_id)
        self.user = ber.tlv(Tag.OCTET_STRING, usm.user.encode())
        self.context = self.engine + ber.tlv(Tag.OCTET_STRING, usm.context.encode())
        self.mac_size = 0
        self._privacy: _Aes | _Des | None = None
        if usm.auth_protocol:
            new, self.mac_size = _AUTHS[usm.auth_protocol]
            key = localise(usm.auth_protocol, _user_key(usm.auth_protocol, usm.auth_key.encode()), engine_id)
            # RFC 2104: the two keyed blocks never change, so each MAC starts from hashes that have absorbed them.
            key = key.ljust(new(b"").block_size, b"\0")
            self._inner = new(bytes(octet ^ 0x36 for octet in key))
            self._outer = new(bytes(octet ^ 0x5C for octet in key))
        if usm.priv_protocol:
            key = _user_key(usm.auth_protocol, usm.priv_key.encode())
            key = privacy_key(usm.auth_protocol, usm.priv_protocol, key, engine_id)
            self._privacy = _Des(key) if usm.priv_protocol == "DES" else _Aes(key)

    def __repr__(self) -> str:
        return f"Keys({self.usm!r}, engine_id={self.engine_id.hex()})"

    def mac(self, message: bytes) -> bytes:
        """The authentication parameters of a message in which they are still zeros. Only for a user with authentication."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        found: bytes = outer.digest()[: self.mac_size]
        return found

    def encrypt(self, scoped: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """Ciphertext and privacy parameters of a scoped PDU. Only for a user with privacy."""
        assert self._privacy is not None
        return self._privacy.encrypt(scoped, boots, time)

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        """What was encrypted, perhaps with padding behind it. Malformed for lengths that cannot be, or without privacy."""
        if self._privacy is None:
            raise Malformed("The message is encrypted, but its user has no privacy.")
        if len(salt) != 8:
            raise Malformed(f"The privacy parameters have {len(salt)} octets, not 8.")
        return self._privacy.decrypt(data, salt, boots, time)


@lru_cache(maxsize=20_000)
def keys(usm: Usm, engine_id: bytes) -> Keys:
    """The keys of a user at an engine, made when first asked for."""
    return Keys(usm, engine_id)


class _Aes:
    """CFB128 with 128, 192 or 256 bits (RFC 3826 section 3), in contexts that last: a new one costs more than a message.

    CFB forgets its past with every block of ciphertext: a context whose last block of ciphertext was the IV is one that has
    just been started with it.
    """

    __slots__ = ("_decryptor", "_encryptor", "_last", "_salt")

    def __init__(self, key: bytes) -> None:
        # cryptography is 7 MB that only privacy needs.
        from cryptography.hazmat.decrepit.ciphers.modes import CFB
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        cipher = Cipher(AES(key), CFB(bytes(16)))
        self._encryptor: CipherContext = cipher.encryptor()
        self._decryptor: CipherContext = cipher.decryptor()
        self._last = bytes(16)  # the last block that the encryptor gave
        self._salt = int.from_bytes(os.urandom(8), "big")

    def encrypt(self, scoped: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        number = self._salt = self._salt + 1 & 0xFFFF_FFFF_FFFF_FFFF
        size = len(scoped)
        # The block that the encryptor turns into the IV is the IV, masked as it will mask it: with the cipher of _last.
        mask = int.from_bytes(self._decryptor.update(self._last + bytes(16))[16:], "big")
        first = (boots << 96 | time << 64 | number) ^ mask
        found = self._encryptor.update(first.to_bytes(16, "big") + scoped + bytes(-size % 16))
        self._last = found[-16:]
        return found[16 : 16 + size], number.to_bytes(8, "big")

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        size = len(data)
        iv = (boots << 32 | time).to_bytes(8, "big") + salt
        return self._decryptor.update(iv + data + bytes(-size % 16))[16 : 16 + size]


class _Des:
    """CBC-DES (RFC 3414 section 8): half of the localised key is the key, the other half makes the IV. Contexts last here
    too: to CBC the IV is the block of ciphertext before the first."""

    __slots__ = ("_decryptor", "_encryptor", "_last", "_pre_iv", "_salt")

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        cipher = Cipher(TripleDES(key[:8] * 3), CBC(bytes(8)))  # three times the same key is DES
        self._encryptor: CipherContext = cipher.encryptor()
        self._decryptor: CipherContext = cipher.decryptor()
        self._last = bytes(8)  # the last block that the encryptor gave
        self._pre_iv = int.from_bytes(key[8:], "big")
        self._salt = int.from_bytes(os.urandom(4), "big")

    def encrypt(self, scoped: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        self._salt = self._salt + 1 & 0xFFFF_FFFF
        salt = boots << 32 | self._salt
        padded = scoped + bytes(-len(scoped) % 8)
        number = int.from_bytes
        first = number(padded[:8], "big") ^ salt ^ self._pre_iv ^ number(self._last, "big")
        found = self._encryptor.update(first.to_bytes(8, "big") + padded[8:])
        self._last = found[-8:]
        return found, salt.to_bytes(8, "big")

    def decrypt(self, data: bytes, salt: bytes, boots: int, time: int) -> bytes:
        if len(data) % 8:
            raise Malformed(f"{len(data)} octets of ciphertext are no whole number of DES blocks.")
        iv = (int.from_bytes(salt, "big") ^ self._pre_iv).to_bytes(8, "big")
        return self._decryptor.update(iv + data)[8:]

"""Keys, signatures and privacy of SNMPv3, against the vectors of the standards and with pysnmp as the oracle."""

from __future__ import annotations

import hmac
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp import usm
from netmon.snmp.errors import Malformed
from netmon.snmp.usm import Keys, Usm, keys, localise, password_to_key, privacy_key
from tests.snmp import usm_oracle as oracle
from tests.snmp.usm_oracle import AUTH_KEY, AUTHS, ENGINE, PRIV_KEY, PRIVS, user_of

SECOND = st.integers(0, (1 << 31) - 1)


@pytest.mark.parametrize(
    ("protocol", "key", "localised"),
    [
        ("MD5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        ("SHA", "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_keys_are_those_of_rfc_3414_appendix_a_3(protocol: str, key: str, localised: str) -> None:
    found = password_to_key(protocol, b"maplesyrup")
    assert found.hex() == key
    assert localise(protocol, found, bytes.fromhex("000000000000000000000002")).hex() == localised


@pytest.mark.parametrize("auth", AUTHS)
def test_a_signature_is_the_hmac_of_the_localised_key_cut_to_length(auth: str) -> None:
    """RFC 3414 sections 6 and 7: 12 octets; RFC 7860 section 4.2: 16, 24, 32, 48."""
    whole = hmac.digest(bytes(oracle.signing_key(auth)), b"a message", {"SHA": "sha1"}.get(auth, auth.replace("-", "")))
    size = {"MD5": 12, "SHA": 12, "SHA-224": 16, "SHA-256": 24, "SHA-384": 32, "SHA-512": 48}[auth]
    mine = Keys(user_of(auth), ENGINE)
    assert mine.mac(b"a message") == whole[:size]
    assert mine.mac(b"a message") == whole[:size], "the second must not go on from the first"
    assert mine.mac_size == AUTHS[auth].digest_length == size


@pytest.mark.parametrize("priv", PRIVS)
@pytest.mark.parametrize("auth", AUTHS)
def test_privacy_is_pysnmps_for_every_pair_of_protocols(auth: str, priv: str) -> None:
    """Keys as pysnmp extends and cuts them, and each deciphers what the other has enciphered."""
    key = privacy_key(auth, priv, password_to_key(auth, PRIV_KEY.encode()), ENGINE)
    assert key == bytes(oracle.privacy_key(auth, priv))
    mine = Keys(user_of(auth, priv), ENGINE)
    assert oracle.decrypt(auth, priv, *mine.encrypt(b"what is asked", 7, 4711), 7, 4711)[:13] == b"what is asked"
    data, salt = oracle.encrypt(auth, priv, b"what is answered", 7, 4711)
    assert mine.decrypt(data, salt, 7, 4711)[:16] == b"what is answered"


def test_aes_is_that_of_nists_vectors() -> None:
    """CFB128-AES128 and CFB128-AES256 of SP 800-38A, F.3.14 and F.3.18, whose IV is taken for boots, time and salt."""
    plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    vectors = {
        "2b7e151628aed2a6abf7158809cf4f3c": "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b",
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": "dc7e84bfda79164b7ecd8486985d3860"
        "39ffed143b28b1c832113c6331e5407b",
    }
    for key, cipher in vectors.items():
        made = usm._Aes(bytes.fromhex(key))
        for _ in range(2):
            found = made.decrypt(bytes.fromhex(cipher), bytes.fromhex("08090a0b0c0d0e0f"), 0x00010203, 0x04050607)
            assert found.hex() == plain
        made._salt = 0x08090A0B0C0D0E0E
        assert made.encrypt(bytes.fromhex(plain), 0x00010203, 0x04050607)[0].hex() == cipher


@given(st.sampled_from(sorted(PRIVS)), st.lists(st.tuples(st.binary(max_size=700), SECOND, SECOND), min_size=2, max_size=6))
def test_messages_come_back_as_they_went_whatever_went_before(priv: str, messages: list[tuple[bytes, int, int]]) -> None:
    """Contexts that last carry nothing from one message to the next, in whatever order they are read."""
    mine, theirs = keys(user_of("SHA-256", priv), ENGINE), Keys(user_of("SHA-256", priv), ENGINE)
    sent = [(*mine.encrypt(plain, boots, time), boots, time) for plain, boots, time in messages]
    for each, (plain, _, _) in reversed(list(zip(sent, messages, strict=True))):
        assert theirs.decrypt(*each)[: len(plain)] == plain
    assert len({salt for _, salt, _, _ in sent}) == len(sent)


@pytest.mark.parametrize("priv", ["DES", "AES"])
def test_salts_begin_anywhere_and_never_repeat(priv: str) -> None:
    """RFC 3414 section 8.1.1.1 and RFC 3826 section 3.1.2.1; a counter at its end goes on from its beginning."""
    first, second = (Keys(user_of("SHA", priv), ENGINE) for _ in range(2))
    salts = {first.encrypt(b"same", 1, 1)[1] for _ in range(1000)}
    assert len(salts) == 1000
    assert second.encrypt(b"same", 1, 1)[1] not in salts
    assert first._privacy is not None
    first._privacy._salt = (1 << (32 if priv == "DES" else 64)) - 1
    assert first.encrypt(b"same", 9, 1)[1] == (bytes((0, 0, 0, 9)) if priv == "DES" else bytes(4)) + bytes(4)


@pytest.mark.parametrize(
    ("priv", "data", "salt", "words"),
    [
        ("DES", bytes(9), bytes(8), "9 octets of ciphertext are no whole number of DES blocks"),
        ("DES", bytes(8), bytes(7), "7 octets, not 8"),
        ("AES", bytes(9), b"", "0 octets, not 8"),
        ("", bytes(9), bytes(8), "its user has no privacy"),
    ],
)
def test_what_cannot_have_been_encrypted_is_malformed(priv: str, data: bytes, salt: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        Keys(user_of("SHA", priv), ENGINE).decrypt(data, salt, 1, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"auth_protocol": "SHA-2"}, "auth_protocol 'SHA-2' is none of MD5, SHA, SHA-224"),
        ({"priv_protocol": "3DES"}, "priv_protocol '3DES' is none of DES, AES, AES-192"),
        ({"auth_protocol": "", "auth_key": ""}, "privacy without authentication"),
        ({"auth_key": "bảy bả"}, None),
        ({"auth_key": "seven77"}, "auth_key of user 'noc' is shorter than 8 octets"),
        ({"priv_key": ""}, "priv_key of user 'noc' is shorter than 8 octets"),
        ({"priv_protocol": ""}, "has a priv_key but no priv_protocol"),
        ({"user": "ủ" * 11}, "more than 32 octets"),
    ],
)
def test_a_user_that_cannot_be_is_refused_in_words_without_secrets(given: dict[str, str], words: str | None) -> None:
    whole = {"user": "noc", "auth_protocol": "SHA", "auth_key": AUTH_KEY, "priv_protocol": "AES", "priv_key": PRIV_KEY}
    if words is None:
        assert Usm(**whole | given).level == usm.LEVEL, "octets count, not letters"
        return
    with pytest.raises(ValueError, match=words) as refused:
        Usm(**whole | given)
    assert "khẩu" not in str(refused.value)
    assert "seven" not in str(refused.value)


def test_the_level_follows_from_what_is_given_and_names_have_one_form() -> None:
    assert [(user_of(*each).level, user_of(*each).level_name) for each in (("",), ("MD5",), ("MD5", "DES"))] == [
        (0, "noAuthNoPriv"),
        (usm.AUTH, "authNoPriv"),
        (usm.AUTH | usm.PRIV, "authPriv"),
    ]
    assert user_of("SHA-1", "AES-128") == user_of("SHA", "AES")


def test_no_secret_is_printed_and_keys_are_made_once() -> None:
    made = keys(user_of("SHA-256", "AES-256"), ENGINE)
    assert "khẩu" not in repr(made) + repr(made.usm)
    assert keys(user_of("SHA-256", "AES-256"), ENGINE) is made
    assert keys(user_of("SHA-256", "AES-256"), ENGINE + b"\1") is not made
    assert keys(user_of("SHA-256", "AES-256", context="vlan-7"), ENGINE) is not made


def test_cryptography_is_imported_only_for_privacy() -> None:
    """It costs memory that a daemon without such a device does not spend."""
    program = (
        "import sys; from netmon.snmp.usm import Keys, Usm; "
        "user = dict(user='noc', auth_protocol='SHA', auth_key='password'); "
        "Keys(Usm(**user), b'12345'); before = 'cryptography' in sys.modules; "
        "Keys(Usm(**user, priv_protocol='AES', priv_key='password'), b'12345'); print(before, 'cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "False True\n"

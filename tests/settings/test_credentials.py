"""Credentials of SNMPv3 as people write them: what they become, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.credential import Credential, Secret
from netmon.pollers.agent import wire_credential
from netmon.settings import ConfigErrors, load
from netmon.settings.values import AUTH_PROTOCOLS, PRIV_PROTOCOLS
from netmon.units import Register
from tests.settings.conftest import NETMON, TODAY, Write

KEY, OTHER = "kh0a-xac-thuc", "kh0a-ma-hoa"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("KEY", KEY), ("OTHER", OTHER), ("SHORT", "ng4n")):
        monkeypatch.setenv(name, text)


def with_credential(text: str) -> str:
    return NETMON.replace('version: "2c", community: !env NETMON_COMMUNITY', text)


def read(directory: Path, register: Register, *, secrets: bool = True) -> Credential:
    return load(directory, register=register, today=TODAY, secrets=secrets).credentials["snmp"]


def test_a_user_has_what_was_written(write: Write, register: Register) -> None:
    """Two names of one protocol are one, and keys are hidden."""
    auth, priv = "auth: {protocol: SHA-1, key: !env KEY}", "priv: {protocol: AES-128, key: !env OTHER}"
    found = read(write(with_credential(f'version: "3", user: noc, {auth}, {priv}, context: vrf')), register)
    assert found == Credential(
        name="snmp", version="3", user="noc", auth_protocol="SHA", auth_key=Secret(KEY), priv_protocol="AES",
        priv_key=Secret(OTHER), context="vrf",
    )  # fmt: skip
    assert KEY not in repr(found)


@pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
@pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
def test_the_wire_speaks_every_protocol_that_may_be_written(write: Write, register: Register, auth: str, priv: str) -> None:
    text = f"auth: {{protocol: {auth}, key: !env KEY}}, priv: {{protocol: {priv}, key: !env OTHER}}"
    found = read(write(with_credential(f'version: "3", user: noc, {text}')), register)
    assert wire_credential(found)


def test_keys_that_were_left_where_they_are_are_not_judged(write: Write, register: Register) -> None:
    """Whoever reads only the inventory may not see the keys, and needs none."""
    directory = write(with_credential('version: "3", user: noc, auth: {protocol: SHA, key: !file nowhere}'))
    assert read(directory, register, secrets=False).auth_key == Secret("")


AUTH = "auth: {protocol: SHA, key: !env KEY}"
SPOILED = [
    ("version: 3, user: noc", '3:19: expected text, found a number (write it in quotes: "3")'),
    ('version: "4", user: noc', "3:19: '4' is not one of 1, 2c, 3"),
    (f'version: "3", {AUTH}', "3:9: missing key 'user'"),
    (f'version: "3", user: "", {AUTH}', "3:30: expected text, found nothing"),
    (f'version: "3", user: {"ủy-ban-" * 4}, {AUTH}', "3:30: must be at most 32 octets, and is 36"),
    (f'version: "3", user: noc, context: {"x" * 33}', "3:44: must be at most 32 octets, and is 33"),
    ('version: "3", user: noc, priv: {protocol: AES, key: !env KEY}',
     "3:41: priv needs auth: SNMPv3 encrypts nothing that it has not authenticated (RFC 3414)"),
    ('version: "3", user: noc, auth: {protocol: SHA256, key: !env KEY}',
     f"3:52: 'SHA256' is not one of {', '.join(AUTH_PROTOCOLS)} (did you mean SHA-256?)"),
    (f'version: "3", user: noc, {AUTH}, priv: {{protocol: AES256C, key: !env KEY}}',
     f"3:90: 'AES256C' is not one of {', '.join(PRIV_PROTOCOLS)} (did you mean AES-256-C?)"),
    ('version: "3", user: noc, auth: {protocol: SHA, key: !env SHORT}',
     "3:62: a key has at least 8 characters, and this one is shorter (RFC 3414, section 11.2)"),
    ('version: "3", user: noc, auth: {protocol: SHA, key: !file keys/auth}',
     "3:62: the secret in the file that !file names cannot be read: No such file or directory"),
    ('version: "3", user: noc, auth: {protocol: SHA, key: ng4n-ng4n}',
     "3:62: a secret must not stand here as it is (write it as !env NAME, !file path or !credential name, "
     "so that it does not stand in the configuration)"),
    ('version: "3", user: noc, auth: SHA', "3:41: expected keys and values, found text"),
    ('version: "3", user: noc, community: !env KEY',
     "3:35: unknown key 'community' (the keys here are version, user, auth, priv, context)"),
]  # fmt: skip


@pytest.mark.parametrize(("credential", "line"), SPOILED, ids=[line[:45] for _, line in SPOILED])
def test_what_is_wrong_with_a_user_is_one_line(write: Write, register: Register, credential: str, line: str) -> None:
    """With its place, and never with a key."""
    directory = write(with_credential(credential))
    with pytest.raises(ConfigErrors) as raised:
        load(directory, register=register, today=TODAY)
    said = [str(problem).replace(f"{directory}/", "") for problem in raised.value.problems]
    assert said == [f"netmon.yaml:{line}"]
    assert "ng4n" not in str(raised.value)

"""SNMPv3 against engines that others wrote: net-snmp's agent and pysnmp's, in every combination that they have."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon.snmp import oid
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.errors import Refused, Silent
from netmon.snmp.message import V2C, Community, get_bulk_request, get_next_request, get_request
from netmon.snmp.target import Credential, Target
from netmon.snmp.usm import Usm
from netmon.snmp.walks import walk
from tests import peers
from tests.snmp.usm_oracle import AUTHS, PRIVS, user_of

SYSTEM, INTERFACES = oid.encode("1.3.6.1.2.1.1"), oid.encode("1.3.6.1.2.1.2.2")
STILL = get_request(
    [oid.encode(f"1.3.6.1.2.1.{rest}") for rest in ("1.5.0", "1.1.0", "1.2.0", "2.1.0", "1.99.0", "2.2.1.6.1")]
)
ANYONE = user_of("", user="anyone")
EVERY = [ANYONE, *(user_of(auth, priv, user=f"{auth}/{priv}") for auth in AUTHS for priv in ("", *PRIVS))]
FULL = user_of("SHA-256", "AES", user="SHA-256/AES")
LEVELS = {"noAuthNoPriv": "noauth", "authNoPriv": "auth", "authPriv": "priv"}


def config(users: list[Usm]) -> str:
    """What makes an snmpd know these users, each at its own level and at no lower one."""
    lines = ["sysName cb-router-1"]
    for usm in users:
        auth = f'{usm.auth_protocol} "{usm.auth_key}"' if usm.auth_protocol else ""
        priv = f'{usm.priv_protocol} "{usm.priv_key}"' if usm.priv_protocol else ""
        lines += [f"createUser {usm.user} {auth} {priv}", f"rouser {usm.user} {LEVELS[usm.level_name]}"]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Snmpd]:
    with peers.snmpd(tmp_path_factory.mktemp("snmpd"), config(EVERY)) as running:
        yield running


def target_of(agent: peers.Snmpd, credential: Credential, timeout_s: float = 10.0, retries: int = 0) -> Target:
    return Target(agent.host, agent.port, credential, timeout_s, retries)


async def test_every_combination_that_net_snmp_has_brings_what_v2c_brings(client: Client, agent: peers.Snmpd) -> None:
    plain = await client.ask(target_of(agent, Community(V2C, b"public")), STILL)
    tags = [each.tag for each in plain.varbinds]
    assert Tag.NO_SUCH_OBJECT in tags or Tag.NO_SUCH_INSTANCE in tags
    assert plain.varbinds[0].value == b"cb-router-1"
    for usm in EVERY:
        target = target_of(agent, usm)
        for _ in range(2):
            response = await client.ask(target, STILL)
            assert response.varbinds == plain.varbinds, usm
            assert (response.attempts, response.engine_boots) == (1, 1)
    assert client.stats.requests == 1 + 3 * len(EVERY)
    assert not any(client.stats.strays.values())


async def test_a_walk_brings_the_names_that_v2c_brings(client: Client, agent: peers.Snmpd) -> None:
    found = {}
    for credential in (Community(V2C, b"public"), FULL):
        walked = await walk(client, target_of(agent, credential), [SYSTEM, INTERFACES])
        assert (walked.complete, walked.reason) == (True, "")
        found[credential] = {root: list(rows) for root, rows in walked.rows.items()}
    plain, hidden = found.values()
    assert hidden == plain
    assert len(hidden[INTERFACES]) > 20


async def test_getnext_and_getbulk_go_on_behind_what_was_asked(client: Client, agent: peers.Snmpd) -> None:
    target = target_of(agent, FULL)
    following = await client.ask(target, get_next_request([SYSTEM]))
    assert following.varbinds[0].oid == SYSTEM + b"\x01\x00"
    bulk = await client.ask(target, get_bulk_request([SYSTEM], 4))
    assert [each.oid for each in bulk.varbinds] == [SYSTEM + bytes((n, 0)) for n in range(1, 5)]


@pytest.mark.parametrize(
    ("usm", "sentence"),
    [
        (user_of("SHA-256", "AES", user="nobody"), "does not know the user 'nobody'"),
        (
            user_of("SHA-256", "AES", user="SHA-256/AES", auth_key="another key"),
            r"authentication key or protocol \(SHA-256\)",
        ),
        (user_of("MD5", "AES", user="SHA-256/AES"), r"authentication key or protocol \(MD5\)"),
        (user_of("SHA-256", "AES", user="SHA-256/"), "does not let the user 'SHA-256/' speak at authPriv"),
        (user_of("MD5", user="anyone"), "does not let the user 'anyone' speak at authNoPriv"),
    ],
)
async def test_what_is_wrong_is_said_at_once(client: Client, agent: peers.Snmpd, usm: Usm, sentence: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Refused, match=sentence):
        await client.ask(target_of(agent, usm, timeout_s=30.0, retries=1), STILL)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "usm",
    [
        user_of("SHA-256", "AES", user="SHA-256/AES", priv_key="another key"),
        user_of("SHA-256", "AES-256", user="SHA-256/AES"),
        user_of("SHA", "AES-256-C", user="SHA/AES-256"),
        user_of("SHA-256", "DES", user="SHA-256/AES"),
    ],
    ids=["another key", "a longer key", "a key made longer in another way", "another cipher"],
)
async def test_a_wrong_privacy_key_or_protocol_is_told_though_net_snmp_says_nothing(
    client: Client, agent: peers.Snmpd, usm: Usm
) -> None:
    with pytest.raises(Refused, match="privacy key or protocol"):
        await client.ask(target_of(agent, usm, timeout_s=0.3, retries=1), STILL)


async def test_a_level_that_is_too_low_is_an_error_of_the_agent(client: Client, agent: peers.Snmpd) -> None:
    """The user is known and its signature right; what it may read at this level is the agent's business."""
    response = await client.ask(target_of(agent, user_of("SHA-256", user="SHA-256/AES")), STILL)
    assert response.error_status == 16


async def test_a_restarted_agent_is_followed_silently(client: Client, tmp_path: Path) -> None:
    """Its boots grow, and its time begins again."""
    with peers.snmpd(tmp_path / "snmpd", config([FULL, ANYONE])) as agent:
        targets = [target_of(agent, FULL), target_of(agent, ANYONE)]
        for boots in (1, 2):
            for target in targets:
                response = await client.ask(target, STILL)
                assert (response.attempts, response.engine_boots) == (1, boots)
            if boots == 1:
                agent.restart()
        assert client.stats.requests == 2 * 2 + 3
        agent.freeze()
        for target in targets:
            target.timeout_s = 0.1
            with pytest.raises(Silent):
                await client.ask(target, STILL)
            assert target.engine is None
        agent.thaw()
        for target in targets:
            target.timeout_s = 10.0
            assert (await client.ask(target, STILL)).engine_boots == 2


async def test_an_agent_that_became_another_engine_is_learned_anew(client: Client, tmp_path: Path) -> None:
    """A device that was replaced by another one with the same address and users."""
    with peers.snmpd(tmp_path / "one", config([FULL])) as agent:
        target = target_of(agent, FULL)
        await client.ask(target, STILL)
        assert target.engine is not None
        before = target.engine.id
        agent.stop()
        another = peers.Snmpd(tmp_path / "other", config([FULL]), port=agent.port)
        another.start()
        try:
            response = await client.ask(target, STILL)
        finally:
            another.stop()
    assert (response.attempts, response.varbinds[0].value) == (1, b"cb-router-1")
    assert target.engine.id != before


# --- pysnmp's own agent -----------------------------------------------------------------------------------------------

NAMES = {"SHA-224": "SHA224", "SHA-256": "SHA256", "SHA-384": "SHA384", "SHA-512": "SHA512", "AES-192": "AES192BLMT"}
NAMES |= {"AES-256": "AES256BLMT", "AES-192-C": "AES192", "AES-256-C": "AES256"}
SPEAKERS = [*zip(AUTHS, PRIVS, strict=True), ("MD5", "AES-256-C"), ("SHA", "AES-256"), ("SHA-512", ""), ("", "")]


def of_cabinet(auth: str, priv: str, **more: str) -> Usm:
    """A user whose passwords go through a command line."""
    keys = {"auth_key": "to sign with" if auth else "", "priv_key": "to hide with" if priv else ""}
    return user_of(auth, priv, **({"user": f"{auth}-{priv}", "context": "cabinet"} | keys | more))


OF_PYSNMP = [of_cabinet(auth, priv) for auth, priv in SPEAKERS]
RECORDED = "1.3.6.1.2.1.1.5.0|4|cb-cabinet-7\n1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615\n"


@pytest.fixture(scope="module")
def pysnmp_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an snmpsim, which is pysnmp's agent; its recording is the context "cabinet"."""
    home = tmp_path_factory.mktemp("snmpsim")
    (home / "data").mkdir()
    (home / "data" / "cabinet.snmprec").write_text(RECORDED)
    port = peers.free_port()
    argv: list[str | Path] = [
        peers.require("snmpsim-command-responder"),
        "--v3-engine-id=auto",
        f"--data-dir={home / 'data'}",
    ]
    argv += [f"--cache-dir={home / 'index'}", "--logging-method=stderr", "--log-level=error"]
    if os.geteuid() == 0:
        argv += ["--process-user=root", "--process-group=root"]
    for usm in OF_PYSNMP:
        argv.append(f"--v3-user={usm.user}")
        for kind in ("auth", "priv"):
            protocol, key = getattr(usm, f"{kind}_protocol"), getattr(usm, f"{kind}_key")
            if protocol:
                argv += [f"--v3-{kind}-proto={NAMES.get(protocol, protocol)}", f"--v3-{kind}-key={key}"]
    argv.append(f"--agent-udpv4-endpoint={peers.LOOPBACK}:{port}")
    with peers.running(argv, ready=lambda: peers.answers_snmp(port, "cabinet"), log=home / "log", deadline_s=60):
        yield port


async def test_pysnmp_s_agent_answers_in_every_protocol(client: Client, pysnmp_agent: int) -> None:
    asked = get_request([oid.encode("1.3.6.1.2.1.1.5.0"), oid.encode("1.3.6.1.2.1.31.1.1.1.6.1")])
    for usm in OF_PYSNMP:
        response = await client.ask(Target(peers.LOOPBACK, pysnmp_agent, usm, 10.0, 0), asked)
        assert response.values == [b"cb-cabinet-7", (1 << 64) - 1], usm


async def test_pysnmp_s_agent_says_what_is_wrong(client: Client, pysnmp_agent: int) -> None:
    for usm, sentence in (
        (of_cabinet("MD5", "DES", user="nobody"), "does not know the user"),
        (of_cabinet("MD5", "DES", auth_key="another key"), "authentication key or protocol"),
        (of_cabinet("MD5", "DES", priv_key="another key"), "privacy key or protocol"),
    ):
        with pytest.raises(Refused, match=sentence):
            await client.ask(Target(peers.LOOPBACK, pysnmp_agent, usm, 0.5, 1), STILL)

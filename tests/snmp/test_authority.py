"""SNMPv3 in conversation: our asking with our engine, net-snmp's asking with our engine, ours with net-snmp's."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netmon.snmp import oid, v3
from netmon.snmp.authority import Authority
from netmon.snmp.ber import Tag
from netmon.snmp.message import Query, encode_response, get_request
from netmon.snmp.usm import PRIV, REPORTABLE, Keys, Usm, keys
from netmon.snmp.v3 import Engine, Report
from tests import peers
from tests.snmp.usm_oracle import AUTHS, ENGINE, PRIVS, user_of

SYS_NAME = oid.encode("1.3.6.1.2.1.1.5.0")
ASKED = get_request([SYS_NAME])
FULL, SIGNER, ANYONE = user_of("SHA", "AES"), user_of("SHA-256", user="signer"), user_of("", user="anyone")
EVERY = [user_of(auth, priv, user=f"{auth}/{priv}") for auth in AUTHS for priv in ("", *PRIVS)]
BOOTS, NOW, TIME = 7, 5000.0, 4000
MSG_ID = 0x01020304


def respond(query: Query) -> bytes:
    """Every name has the user's as its value."""
    return encode_response(query, [(name, Tag.OCTET_STRING, query.community) for name in query.oids])


@pytest.fixture
def authority() -> Authority:
    return Authority(ENGINE, BOOTS, [FULL, SIGNER, ANYONE], started=NOW - TIME)


def ask(usm: Usm, engine_id: bytes = ENGINE, boots: int = BOOTS, at: int = TIME) -> bytes:
    return v3.encode_message(ASKED, usm, None, engine_id, boots, at, MSG_ID)


def told(authority: Authority, question: bytes) -> tuple[Report, int]:
    """The report that a question gets, and how often it has been given."""
    whole = authority.answer(question, NOW, respond)
    assert whole is not None
    envelope = v3.open_envelope(whole)
    assert (envelope.engine_id, envelope.boots, envelope.time) == (ENGINE, BOOTS, TIME)
    assert not envelope.flags & REPORTABLE
    scoped = v3.scoped(whole, envelope, Keys(FULL, ENGINE))
    assert scoped.pdu == Tag.REPORT
    report = next(report for name, report in v3.REPORTS.items() if name in scoped.data)
    return report, scoped.data[-1]


@pytest.mark.parametrize("usm", [FULL, SIGNER, ANYONE], ids=lambda usm: usm.level_name)
def test_a_user_is_answered_at_the_level_at_which_it_asked(authority: Authority, usm: Usm) -> None:
    whole = authority.answer(ask(usm), NOW, respond)
    assert whole is not None
    envelope = v3.open_envelope(whole)
    scoped = v3.scoped(whole, envelope, keys(usm, ENGINE))
    v3.check_answer(envelope, scoped, usm, ENGINE)
    assert v3.authentic(whole, envelope, keys(usm, ENGINE)) == bool(usm.level)
    assert (envelope.msg_id, scoped.pdu) == (MSG_ID, Tag.RESPONSE)
    assert scoped.data[scoped.at : scoped.at + 6] == b"\x02\x04\x01\x02\x03\x04"
    assert scoped.data[: scoped.end].endswith(usm.user.encode())
    assert not authority.counts


def test_a_discovery_tells_who_the_engine_is_and_what_time_it_has(authority: Authority) -> None:
    assert told(authority, v3.encode_discovery(MSG_ID)) == (Report.UNKNOWN_ENGINE_ID, 1)
    assert told(authority, v3.encode_discovery(MSG_ID)) == (Report.UNKNOWN_ENGINE_ID, 2)


@pytest.mark.parametrize(
    ("usm", "at_odds", "report"),
    [
        (FULL, {"engine_id": ENGINE + b"\0"}, Report.UNKNOWN_ENGINE_ID),
        (user_of("SHA", "AES", user="nobody"), {}, Report.UNKNOWN_USER_NAME),
        (user_of("SHA-256", "AES", user="signer"), {}, Report.UNSUPPORTED_SEC_LEVEL),
        (user_of("SHA", "AES", auth_key="another key"), {}, Report.WRONG_DIGEST),
        (user_of("SHA-256", "AES"), {}, Report.WRONG_DIGEST),
        (user_of("SHA", "AES", priv_key="another key"), {}, Report.DECRYPTION_ERROR),
        (user_of("SHA", "DES"), {}, Report.DECRYPTION_ERROR),
        (FULL, {"boots": BOOTS + 1}, Report.NOT_IN_TIME_WINDOW),
        (FULL, {"at": TIME + 151}, Report.NOT_IN_TIME_WINDOW),
        (FULL, {"at": TIME - 151}, Report.NOT_IN_TIME_WINDOW),
        (user_of("SHA", "AES", context="vlan-7"), {}, Report.UNKNOWN_CONTEXT),
    ],
)
def test_each_fault_is_counted_and_told_by_its_own_report(
    authority: Authority, usm: Usm, at_odds: dict[str, Any], report: Report
) -> None:
    assert told(authority, ask(usm, **at_odds)) == (report, 1)
    assert authority.counts == {report: 1}


def test_only_the_clock_is_told_with_a_signature(authority: Authority) -> None:
    """Whoever takes the time from a Report must be able to trust it (RFC 3414 section 3.2, step 7)."""
    for question, signed in ((ask(FULL, at=0), True), (ask(user_of("SHA", "AES", auth_key="another key")), False)):
        whole = authority.answer(question, NOW, respond)
        assert whole is not None
        assert v3.authentic(whole, v3.open_envelope(whole), Keys(FULL, ENGINE)) is signed


def test_another_engines_context_has_no_handler_and_the_users_own_context_has(authority: Authority) -> None:
    elsewhere = Keys(FULL, ENGINE)
    elsewhere.context = elsewhere.context.replace(ENGINE, ENGINE[::-1])
    question = v3.encode_message(ASKED, FULL, elsewhere, ENGINE, BOOTS, TIME, MSG_ID)
    assert told(authority, question) == (Report.UNKNOWN_PDU_HANDLER, 1)
    usm = user_of("SHA", "AES", context="vlan-7")
    assert Authority(ENGINE, BOOTS, [usm], NOW - TIME).answer(ask(usm), NOW, respond) is not None


def test_nothing_is_said_to_what_is_no_question_nor_where_the_agent_says_nothing(authority: Authority) -> None:
    plain = Keys(Usm(user=""), b"")
    unreportable = v3.seal(b"\x30\x00", plain, 0, 0, 0, MSG_ID)
    assert authority.answer(unreportable, NOW, respond) is None
    assert authority.answer(b"\x30\x00", NOW, respond) is None
    assert authority.answer(v3.seal(b"\x30\x00", keys(FULL, ENGINE), 7, BOOTS, TIME, MSG_ID)[:-1], NOW, respond) is None
    assert authority.answer(ask(FULL), NOW, lambda query: None) is None
    response = authority.answer(ask(FULL), NOW, respond)
    assert response is not None
    assert authority.answer(response, NOW, respond) is None, "an answer is no question"


# --- net-snmp ---------------------------------------------------------------------------------------------------------


@contextmanager
def serving(authority: Authority) -> Iterator[int]:
    """The port at which an authority answers while the block lasts."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind((peers.LOOPBACK, 0))

        def serve() -> None:
            while True:
                data, source = server.recvfrom(65536)
                if not data:
                    return
                answer = authority.answer(data, time.monotonic(), respond)
                if answer is not None:
                    server.sendto(answer, source)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with socket.socket(type=socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"", server.getsockname())
            thread.join(10)


def snmpget(port: int, usm: Usm) -> str:
    """What net-snmp's own asking prints."""
    argv = [str(peers.require("snmpget")), "-v3", "-u", usm.user, "-l", usm.level_name, "-Oqv", "-r", "0", "-t", "10"]
    for flag, value in (("-a", usm.auth_protocol), ("-A", usm.auth_key), ("-x", usm.priv_protocol), ("-X", usm.priv_key)):
        argv += [flag, value] if value else []
    argv += ["-n", usm.context] if usm.context else []
    target = [f"{peers.LOOPBACK}:{port}", "1.3.6.1.2.1.1.5.0"]
    done = subprocess.run([*argv, *target], capture_output=True, text=True, timeout=30, env={"MIBS": ""})
    return done.stdout.strip() or done.stderr.strip()


def test_net_snmp_is_answered_in_every_combination() -> None:
    users = [*EVERY, user_of("", user="anyone")]
    authority = Authority(ENGINE, BOOTS, users, started=time.monotonic() - TIME)
    with serving(authority) as port:
        assert [snmpget(port, usm) for usm in users] == [f'"{usm.user}"' for usm in users]


def test_net_snmp_understands_our_reports() -> None:
    authority = Authority(ENGINE, BOOTS, [FULL, SIGNER], started=time.monotonic() - TIME)
    with serving(authority) as port:
        assert "Unknown user name" in snmpget(port, user_of("SHA", "AES", user="nobody"))
        assert "Authentication failure" in snmpget(port, user_of("SHA", "AES", auth_key="another key"))
        assert "Decryption error" in snmpget(port, user_of("SHA", "AES", priv_key="another key"))
        assert "Unsupported security level" in snmpget(port, user_of("SHA-256", "AES", user="signer"))


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Snmpd]:
    lines = ["sysName cb-router-1"]
    for usm in EVERY:
        priv = f'{usm.priv_protocol} "{usm.priv_key}"' if usm.priv_protocol else ""
        lines += [
            f'createUser {usm.user} {usm.auth_protocol} "{usm.auth_key}" {priv}',
            f"rouser {usm.user} {'priv' if usm.level & PRIV else 'auth'}",
        ]
    with peers.snmpd(tmp_path_factory.mktemp("snmpd"), "\n".join(lines)) as agent:
        yield agent


@pytest.fixture
def line(snmpd: peers.Snmpd) -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.settimeout(10)
        made.connect((snmpd.host, snmpd.port))
        yield made


@pytest.fixture
def engine(line: socket.socket) -> Engine:
    """Who the snmpd is, as it tells."""
    line.send(v3.encode_discovery(MSG_ID))
    whole = line.recv(65536)
    envelope = v3.open_envelope(whole)
    assert Report.UNKNOWN_ENGINE_ID.value in v3.scoped(whole, envelope, None).data
    return Engine(envelope.engine_id, envelope.boots, envelope.time, time.monotonic())


def test_an_snmpd_is_asked_in_every_combination(line: socket.socket, engine: Engine) -> None:
    for usm in EVERY:
        made = keys(usm, engine.id)
        line.send(v3.encode_message(ASKED, usm, made, engine.id, *engine.now(time.monotonic()), MSG_ID))
        whole = line.recv(65536)
        envelope = v3.open_envelope(whole)
        assert v3.authentic(whole, envelope, made), usm
        scoped = v3.scoped(whole, envelope, made)
        v3.check_answer(envelope, scoped, usm, engine.id)
        assert scoped.pdu == Tag.RESPONSE
        assert scoped.data[: scoped.end].endswith(b"\x04\x0bcb-router-1")


@pytest.mark.parametrize(
    ("usm", "late_s", "report", "signed"),
    [
        (user_of("SHA", "AES", user="nobody"), 0, Report.UNKNOWN_USER_NAME, False),
        (user_of("SHA", "AES", user="SHA/AES", auth_key="another key"), 0, Report.WRONG_DIGEST, False),
        (user_of("SHA", "AES", user="SHA/"), 0, Report.UNSUPPORTED_SEC_LEVEL, False),
        (user_of("SHA", "AES", user="SHA/AES"), 1000, Report.NOT_IN_TIME_WINDOW, True),
    ],
)
def test_the_reports_of_an_snmpd_are_told_apart(
    line: socket.socket, engine: Engine, usm: Usm, late_s: int, report: Report, signed: bool
) -> None:
    boots, at = engine.now(time.monotonic())
    line.send(v3.encode_message(ASKED, usm, None, engine.id, boots, at + late_s, MSG_ID))
    whole = line.recv(65536)
    envelope = v3.open_envelope(whole)
    scoped = v3.scoped(whole, envelope, None)
    assert (envelope.msg_id, scoped.pdu) == (MSG_ID, Tag.REPORT)
    assert report.value in scoped.data
    assert v3.authentic(whole, envelope, keys(usm, engine.id)) is signed

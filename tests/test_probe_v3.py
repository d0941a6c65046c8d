"""`netmon probe` over SNMPv3: a real agent for every level and every refusal, and where keys may come from."""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from netmon.cli import asking, engine_id, probe
from netmon.snmp.ber import Tag
from netmon.snmp.message import decode_request, encode_response
from tests import peers
from tests.peers import Snmpd, free_port

AUTH, PRIV = "khoa-xac-thuc", "khoa-ma-hoa"
USERS = f"""\
createUser secret SHA-256 "{AUTH}" AES "{PRIV}"
rouser secret priv
createUser signed SHA "{AUTH}"
rouser signed auth
createUser open
rouser open noauth
createUser long MD5 "{AUTH}" AES-256 "{PRIV}"
rouser long priv
sysName cb-core-1
"""


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (asking.COMMUNITY, asking.AUTH_KEY, asking.PRIV_KEY):
        monkeypatch.delenv(name, raising=False)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with peers.snmpd(tmp_path_factory.mktemp("snmpd"), USERS) as started:
        yield started


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(asking.AUTH_KEY, AUTH)
    monkeypatch.setenv(asking.PRIV_KEY, PRIV)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    probe.add(parser.add_subparsers())
    args = parser.parse_args(["probe", *words])
    code: int = args.run(args)
    return code


def told(identity: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in identity.partition("\n\n")[0].splitlines())


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("engine", ["netmon", "pysnmp"])
@pytest.mark.parametrize(
    ("words", "how"),
    [
        ("-u secret", "SNMPv3 authPriv, user secret, SHA-256 and AES, keys from $NETMON_SNMP_AUTH and $NETMON_SNMP_PRIV"),
        ("-u signed -l authNoPriv -a SHA-1", "SNMPv3 authNoPriv, user signed, SHA, key from $NETMON_SNMP_AUTH"),
        ("-u open -l noAuthNoPriv", "SNMPv3 noAuthNoPriv, user open"),
    ],
)
def test_each_level_is_asked_and_told(
    agent: Snmpd, capsys: pytest.CaptureFixture[str], words: str, how: str, engine: str
) -> None:
    assert run("127.0.0.1", "--port", str(agent.port), "--profile", "generic", "--engine", engine, *words.split()) == 0
    said = capsys.readouterr()
    identity = told(said.out)
    assert (identity["sys_name"], identity["asked_with"]) == ("cb-core-1", how)
    assert re.fullmatch(r"80001f88[0-9a-f]+ \(enterprise 8072, net-snmp\)", identity["engine_id"])
    assert re.fullmatch(r"1, the last one \d+ s ago", identity["engine_boots"])
    assert "netmon_interface_up" in said.out
    assert said.err == ""


REFUSALS = [
    ("-u nobody", "does not know the user 'nobody'"),
    ("-u secret -a SHA-512", "the authentication key or protocol (SHA-512) is wrong"),
    ("-u secret -x DES", "privacy key or protocol probably wrong."),
    ("-u secret -X {other}", "privacy key or protocol probably wrong."),
    ("-u secret -A {other}", "the authentication key or protocol (SHA-256) is wrong"),
    ("-u signed -a SHA", "does not let the user 'signed' speak at authPriv"),
    ("-u secret -l authNoPriv", "answered authorizationError to GET of 1.3.6.1.2.1.1.3.0. It knows who asks but shows "
     "nothing: its access control (VACM) has no line for that user, or wants a higher security level."),
    ("-u long -a MD5 -x AES-256-C", "privacy key or protocol probably wrong."),
]  # fmt: skip


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(("words", "why"), REFUSALS, ids=[words for words, _ in REFUSALS])
def test_each_refusal_says_what_to_mend_and_no_key(
    agent: Snmpd, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: str, why: str
) -> None:
    (tmp_path / "other").write_text("mot-khoa-khac\n")
    given = words.format(other=tmp_path / "other").split()
    assert run("127.0.0.1", "--port", str(agent.port), "-t", "0.2", "-r", "0", *given) == 1
    said = capsys.readouterr()
    assert why in said.err
    assert f"asked 127.0.0.1:{agent.port} (SNMPv3 " in said.err
    assert said.out == ""
    assert not any(key in said.err for key in (AUTH, PRIV, "mot-khoa-khac"))


@pytest.mark.usefixtures("keys")
def test_silence_is_no_fault_of_a_user(snmpd: Callable[..., Snmpd], capsys: pytest.CaptureFixture[str]) -> None:
    """An SNMPv3 agent tells a stranger who it is: one that says nothing is not there, or does not speak it."""
    frozen = snmpd(USERS)
    frozen.freeze()
    try:
        assert run("127.0.0.1", "--port", str(frozen.port), "-t", "0.1", "-r", "0", "-u", "secret") == 1
    finally:
        frozen.thaw()
    assert "nothing came. Likely: SNMPv3 is not switched on there, an access list" in capsys.readouterr().err


@pytest.mark.usefixtures("keys")
def test_a_device_is_asked_as_the_configuration_has_it(
    agent: Snmpd, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By its id, with its own credential, or any address with one of the credentials; what an option says is preferred."""
    (tmp_path / "netmon.yaml").write_text(
        f"""\
province: "04"
credentials:
  snmp: {{version: "3", user: signed, auth: {{protocol: SHA, key: !env {asking.AUTH_KEY}}}}}
  other: {{version: "3", user: nobody, auth: {{protocol: SHA, key: !env {asking.AUTH_KEY}}}}}
poll: {{credential: snmp}}
"""
    )
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "a.yaml").write_text(
        f"""\
sites:
  - id: centre
    name: Trung tâm
    commune: "01273"
    kind: provincial_centre
    devices:
      - {{id: core, address: 127.0.0.1, port: {agent.port}, profile: generic}}
"""
    )
    known = ("--config", str(tmp_path))
    how = f"SNMPv3 authNoPriv, user signed, SHA, key from credential snmp of {tmp_path}"
    assert run("core", *known) == 0
    assert told(capsys.readouterr().out)["asked_with"] == how
    assert run("127.0.0.1", *known, "--port", str(agent.port), "--credential", "snmp") == 0
    assert told(capsys.readouterr().out)["asked_with"] == how
    assert run("127.0.0.1", *known, "--port", str(agent.port)) == 1
    assert f"127.0.0.1 is no device of {tmp_path}: --credential snmp, other" in capsys.readouterr().err
    assert run("core", *known, "--credential", "other") == 1
    assert "does not know the user 'nobody'" in capsys.readouterr().err
    assert run("core", *known, "-u", "open", "-l", "noAuthNoPriv") == 0


# --- a device that answers from another address -----------------------------------------------------------------------


@contextlib.contextmanager
def two_faced() -> Iterator[int]:
    """The port of an agent that is asked at 127.0.0.1 and answers from 127.0.0.9."""
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as asked, socket.socket(type=socket.SOCK_DGRAM) as answering:
        asked.bind(("127.0.0.1", port))
        answering.bind(("127.0.0.9", port))

        def serve() -> None:
            while True:
                data, source = asked.recvfrom(65535)
                if not data:
                    return
                query = decode_request(data)
                rows = [(name, Tag.TIME_TICKS, 4711) for name in query.oids]
                answering.sendto(encode_response(query, rows), source)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            answering.sendto(b"", ("127.0.0.1", port))
            thread.join()


def test_the_address_that_answered_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with two_faced() as port:
        words = ("127.0.0.1", "--port", str(port), "-t", "0.2", "-r", "0", "--profile", "generic")
        assert run(*words) == 1
        said = capsys.readouterr().err
        assert f"but 127.0.0.9:{port} answered; list that address under also_from if it is the device's own." in said
        assert "To try it: --also-from and that address" in said
        assert run(*words, "--also-from", "127.0.0.9") == 0


# --- where keys come from ---------------------------------------------------------------------------------------------


def test_a_key_is_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(asking, "getpass", lambda prompt: prompts.append(prompt) or AUTH)
    found = asking.credential(options("-u", "noc"))
    assert prompts == ["authentication key: ", "privacy key: "]
    assert (found.name, found.auth_protocol, found.priv_protocol) == ("the terminal", "SHA-256", "AES")
    assert found.auth_key is not None
    assert found.auth_key.reveal() == AUTH


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    asking.add_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("-u noc", "there is no authentication key: -A FILE or $NETMON_SNMP_AUTH gives it"),
        ("-u noc -A {auth}", "there is no privacy key: -X FILE or $NETMON_SNMP_PRIV gives it"),
        (f"-u noc -A {AUTH}", "-A takes the name of a file that holds the authentication key, and there is no such file"),
        ("-u noc -A {short}", "the authentication key cannot be used: a key has at least 8 characters"),
        ("-u noc -A {empty}", "the authentication key cannot be used: the file {empty} is empty"),
        ("-u noc -c public", "--community belongs to SNMPv1 and v2c"),
        ("-u noc -l authNoPriv -x AES -A {auth}", "--priv has no part in the level authNoPriv"),
        ("-u noc -l noAuthNoPriv -A {auth}", "--auth-key has no part in the level noAuthNoPriv"),
        ("-v 2c -u noc", "--user belongs to SNMPv3, and version 2c is to be asked"),
        ("-v 3", "SNMPv3 asks in the name of a user: -u USER"),
        ("-a SHA", "SNMPv3 asks in the name of a user: -u USER"),
    ],
)
def test_options_that_do_not_say_how_to_ask(tmp_path: Path, words: str, why: str) -> None:
    """Told in words, without what may be a key."""
    files = {"auth": AUTH, "short": "ngan", "empty": ""}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = {name: str(tmp_path / name) for name in files}
    with pytest.raises(asking.UnclearError) as raised:
        asking.credential(options(*words.format(**paths).split()))
    assert str(raised.value).startswith(why.format(**paths))
    assert AUTH not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-u noc -a SHA256", "SHA-384, SHA-512 (did you mean SHA-256?)"),
        ("-u noc -x 3DES", "(did you mean DES?)"),
        (f"-u {'x' * 33}", "must be at most 32 octets, and is 33"),
        ("-v 4", "'4' is not a version of SNMP that is spoken here; 1, 2c and 3 are"),
    ],
)  # fmt: skip
def test_a_wrong_value_of_an_option_is_told_in_words(capsys: pytest.CaptureFixture[str], words: str, said: str) -> None:
    with pytest.raises(SystemExit):
        options(*words.split())
    assert said in capsys.readouterr().err


# --- engine ids -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        ("80001f8880d857c6001d49026b00000000", "(enterprise 8072, net-snmp)"),
        ("800007db03001882abcdef", "(enterprise 2011, Huawei, MAC 00:18:82:ab:cd:ef)"),
        ("8000000901c0000201", "(enterprise 9, Cisco, 192.0.2.1)"),
        ("800000090220010db8000000000000000000000001", "(enterprise 9, Cisco, 2001:db8::1)"),
        ("80004fb804c4906368", '(enterprise 20408, "Đch")'),
        ("80004fb8041b5b324a", "(enterprise 20408)"),
        ("000000090300000000000001", "(enterprise 9, Cisco)"),
        ("8000000903aa", "(enterprise 9, Cisco)"),
        ("80", "(not of 5 to 32 octets, as RFC 3411 has it)"),
        ("", "(not of 5 to 32 octets, as RFC 3411 has it)"),
    ],
)
def test_an_engine_id_tells_its_maker_and_what_stands_behind(octets: str, said: str) -> None:
    """RFC 3411, SnmpEngineID; what is no printable text stays octets."""
    assert engine_id.in_words(bytes.fromhex(octets)) == f"{octets} {said}"

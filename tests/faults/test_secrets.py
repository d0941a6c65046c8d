"""No secret is told: canaries are planted wherever a secret may stand, every command and endpoint is driven, also wrongly,
and all that came of it is searched for them, as they are and as a wire or a file would write them."""

import base64
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from netmon import units
from netmon.cli import COMMANDS
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, load
from tests.broker import broker
from tests.live import storm_province
from tests.peers import LOOPBACK, eventually, free_port, running

CANARIES = {
    "community": "cnry-cmty-Xk3v",
    "snmp-auth": "cnry-auth-8Tq5wz2",
    "snmp-priv": "cnry-priv-4Rm9yh7",
    "other-auth": "cnry-othr-6Jp1sd8",
    "mqtt": "cnry-mqtt-Lw7c",
    "influxdb": "cnry-infl-Qe2n==",
    "operate": "cnry-operate-Zt6b3Hd9Ks4Gf1Wq",
    "read": "cnry-read-Vn8x2Mc5Lp7Jy3Rd",
}


@cache
def forms(text):
    """A secret as it may be met."""
    raw = text.encode()
    made = [raw, text[::-1].encode(), raw.hex().encode(), raw.hex(" ").encode(), raw.hex(":").encode()]
    made.append(urllib.parse.quote(text, safe="").encode())
    # Wherever it lies in what was encoded; the ends depend on their neighbours.
    made.extend(base64.b64encode(b"\0" * offset + raw)[4:-4] for offset in range(3))
    made.append(json.dumps("".join(f"\\u{ord(letter):04x}" for letter in text)).encode())
    return tuple(dict.fromkeys(made))


def told(output, where, found):
    for name, secret in CANARIES.items():
        for form in forms(secret):
            if form in output:
                at = output.index(form)
                found.append(f"{name} in {where}: …{output[max(0, at - 60) : at]!r} *** ")


REPORTS = ("compliance", "registry", "speed", "inventory", "backups")


DRIVER = """
import gc, json, os, sys, traceback
import netmon.daemon, netmon.settings
from netmon.cli import main

codes = []
gc.freeze()
for words, to in json.load(sys.stdin):
    pid = os.fork()
    if not pid:
        file = os.open(to, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        try:
            code = main(words)
        except SystemExit as error:
            code = error.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # to take all modules down again costs more than most commands
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
json.dump(codes, sys.stdout)
"""
"""Calls of the command line, each in a process of its own; only the imports are shared, which take longest."""


class Parrot(http.server.BaseHTTPRequestHandler):
    """A database that refuses every write and repeats what it was sent, as proxies do."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"code": "unauthorized", "message": f"you said {self.headers}"}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@contextmanager
def parrot():
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Parrot) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


class Place:
    """A netmon with a secret in every place that takes one."""

    def __init__(self, home, mqtt_port, influx_port):
        self.home = home
        self.config = storm_province(home, communes=2, stations=1, backups=1, aggregations=1)
        self.secrets = home / "kept"
        self.secrets.mkdir(mode=0o700)
        for name, secret in CANARIES.items():
            (self.secrets / name).write_text(secret + "\n")
            (self.secrets / name).chmod(0o600)
        old = json.loads((self.config / "netmon.yaml").read_text().replace("!env NETMON_TEST_COMMUNITY", '""'))
        self.port = int(old["exporters"]["prometheus"]["listen"].rpartition(":")[2])
        self.control = old["control"]
        self.store = old["store"]["path"]
        self.traps = free_port()
        (self.config / "netmon.yaml").write_text(f"""
province: "04"
credentials:
  snmp: {{version: "2c", community: !file {self.secrets}/community}}
  v3:
    version: "3"
    user: netmon
    auth: {{protocol: SHA-256, key: !env CANARY_AUTH}}
    priv: {{protocol: AES-128, key: !credential snmp-priv}}
  other: {{version: "3", user: other, auth: {{protocol: SHA-1, key: !file {self.secrets}/other-auth}}}}
poll: {json.dumps({**old["poll"], "credential": "snmp"})}
canaries: [gw-1, core-1]
store: {{path: {self.store}}}
control: {self.control}
exporters:
  prometheus: {{listen: "{LOOPBACK}:{self.port}"}}
  influxdb:
    url: http://{LOOPBACK}:{influx_port}
    org: noc
    bucket: netmon
    token: !file {self.secrets}/influxdb
    every: 1s
mqtt: {{broker: "mqtt://{LOOPBACK}:{mqtt_port}", user: netmon, password: !file {self.secrets}/mqtt}}
traps: {{listen: ["{LOOPBACK}:{self.traps}"], credentials: [v3]}}
web:
  tokens:
    an: !file {self.secrets}/operate
    prometheus: {{token: !file {self.secrets}/read, right: read}}
""")
        inventory = self.config / "inventory/all.yaml"
        things = json.loads(inventory.read_text())
        for site in things["sites"]:
            for device in site["devices"]:
                if device["id"].startswith("agg"):
                    device["credential"] = "v3"
                if device["id"].startswith("bts"):
                    device["credential"] = "other"
        inventory.write_text(json.dumps(things))
        self.env = {"CANARY_AUTH": CANARIES["snmp-auth"], "CREDENTIALS_DIRECTORY": str(self.secrets)}

    def netmon(self, *calls):
        """The exit code and all the output of each call of the command line."""
        answers = [self.home / f"answer-{number}" for number in range(len(calls))]
        given = json.dumps([([str(word) for word in words], str(to)) for words, to in zip(calls, answers, strict=True)])
        done = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=given.encode(),
            env={**os.environ, **self.env},
            capture_output=True,
            timeout=300,
            check=True,
            cwd=self.home,
        )
        outputs = [answer.read_bytes() for answer in answers]
        for answer in answers:
            answer.unlink()
        return list(zip(json.loads(done.stdout), outputs, strict=True))

    def http(self, path, method="GET", headers=None, body=None):
        url = f"http://{LOOPBACK}:{self.port}{path}"
        request = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                # Of a stream the beginning.
                octets = answer.read1(1 << 20) if path.endswith("/stream") else answer.read()
                return answer.status, bytes(answer.headers) + octets
        except urllib.error.HTTPError as error:
            return error.code, bytes(error.headers) + error.read()


@pytest.fixture
def place(tmp_path):
    """It, watched by a netmon that logs all it can."""
    with ExitStack() as stack:
        mosquitto = stack.enter_context(broker(tmp_path / "broker"))
        place = Place(tmp_path, mosquitto.port, stack.enter_context(parrot()))
        log = tmp_path / "sim.log"
        play = [sys.executable, "-m", "netmon.sim", "--config", place.config, "--no-mqtt"]
        stack.enter_context(running(play, ready=lambda: '"ready": true' in log.read_text(), log=log, env=place.env))
        watch = [sys.executable, "-m", "netmon", "run", "--config", place.config, "--log-level", "debug"]
        place.log = tmp_path / "netmon.log"

        def ready():
            try:
                return place.http("/readyz")[0] == 200
            except OSError:
                return False

        place.running = stack.enter_context(running(watch, ready=ready, log=place.log, env=place.env))
        yield place


def commands(place):
    """Every command, as it is meant and with words that it has to complain of."""
    here, out = ["--config", place.config], place.home / "out"
    out.mkdir()
    token = CANARIES["operate"]
    return {
        "init": [["--province", "04", "-o", out / "init"], ["--province", token]],
        "discover": [["127.4.1.1", *here, "--credential", "snmp", "--yes", "--commune", "01273", "-o", out / "found.yaml"]],
        "check": [here, ["--config", place.secrets], ["--config", place.secrets / "operate"]],
        "run": [here],  # a second one: the store is held
        "status": [here, [*here, "--json"], [*here, "--all"]],
        "site": [["centre", *here], ["nowhere", *here]],
        "fibre": [here],
        "dark": [here],
        "explain": [["availability/01273", *here], ["nothing", *here]],
        "evidence": [["availability/01273", "-o", out / "evidence", *here]],
        "report": [
            [name, *here, "-o", out / "reports"] for name in ("compliance", "registry", "speed", "inventory", "backups")
        ]
        + [[name, *here] for name in ("sitrep", "shift")],
        "storm": [["list", *here], ["declare", "--name", "Bão", *here]],
        "maintenance": [["list", *here]],
        "cells": [[place.config / "netmon.yaml", *here]],
        "incident": [["list", "--all", *here], ["show", token, *here]],
        "calendar": [["show", *here], ["export", *here, "-o", out / "alertmanager.yml"]],
        "notices": [[*here, "--json"]],
        "probe": [
            ["agg-1-r1", *here],
            ["bts-1-pwr", *here],
            ["127.4.0.11", "--port", "1", *here, "--credential", "v3", "-t", "0.2", "-r", "0"],
            ["127.4.0.11", "-v", "3", "-u", "netmon", "-A", place.secrets / "snmp-priv", "-X", place.secrets / "snmp-auth"],
        ],
        "profile": [["list"], ["test", "auto", place.secrets / "operate"]],
        "reload": [here],
        "backup": [["-o", out / "backup", *here]],
        "restore": [[place.secrets / "operate", *here], ["--verify", out / "backup.tar"]],
        "doctor": [here, [*here, "--json"]],
        "audit": [here, [*here, "--json"], [*here, "--log"]],
    }


def requests(place):
    """Every path that there is, with what fits and what does not, by everyone who may come."""
    paths = [path for path in place.http("/api/v1")[1].decode().split("\n") if path.startswith("/")]
    paths += ["/", "/metrics", "/healthz", "/readyz", "/static/wallboard.js", "/nowhere", "/api/v1/nowhere"]
    real = {"site": "centre", "target": "availability", "subject": "01273", "code": "01273", "device": "agg-1-r1", "id": "1"}
    operate, read = CANARIES["operate"], CANARIES["read"]
    everyone = [
        {},
        {"Authorization": f"Bearer {operate}"},
        {"Authorization": f"Bearer {read}"},
        {"Authorization": f"Bearer {operate}x"},
        {"Authorization": "Basic " + base64.b64encode(f"an:{operate}".encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(f"{operate}:an".encode()).decode()},
        {"Authorization": operate},
    ]
    json_in = {"Content-Type": "application/json"}
    for path in dict.fromkeys(paths):
        for each in (path.format(**real), path.format(**dict.fromkeys(real, "x")), f"{path.format(**real)}?q=core&{read}"):
            yield each, "GET", {}, None
        for body in (b'{"action": "list"}', b"no json"):
            yield path.format(**real), "POST", {**everyone[1], **json_in}, body
    for headers in everyone:  # whom it knows it asks before it looks at the path
        for path in ("/", "/api/v1/storms", "/api/v1/incidents", "/api/v1/nowhere"):
            yield path, "GET", headers, None
            yield path, "POST", {**headers, **json_in}, b'{"action": "list"}'


@pytest.mark.fault("secrets")
def test_no_command_endpoint_log_or_file_tells_a_secret(place, measured):
    found, answers = [], 0
    eventually(lambda: "401" in place.log.read_text() or "unauthorized" in place.log.read_text(), 30.0)
    known = commands(place)
    assert set(known) == set(COMMANDS), "a command that is not driven"
    calls = [[command, *words] for command, each in known.items() for words in [*each, ["--help"]]]
    for words, (_, output) in zip(calls, place.netmon(*calls), strict=True):
        for word in map(str, words):  # what stands on the command line is in the history of the shell already
            if word in CANARIES.values():
                output = output.replace(word.encode(), b"")
        told(output, f"netmon {' '.join(map(str, words))}", found)
    for path, method, headers, body in requests(place):
        _, output = place.http(path, method, headers, body)
        told(
            output.replace(CANARIES["read"].encode(), b"") if CANARIES["read"] in path else output, f"{method} {path}", found
        )
        answers += 1
    for order in ({"command": "status"}, {"command": "site", "site": "centre"}, {"command": "wallboard"}, {"command": "no"}):
        try:
            answer = ask(place.control, **order, timeout_s=20)
        except ControlError as error:
            answer = str(error)
        told(json.dumps(answer).encode(), f"control {order}", found)
    trap = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with trap:
        trap.sendto(
            bytes.fromhex("302602010104") + b"\x0e" + CANARIES["community"].encode() + b"\xa7\x11", (LOOPBACK, place.traps)
        )
    process = place.running.process
    told(Path(f"/proc/{process.pid}/cmdline").read_bytes(), "the command line", found)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["1", "1"], core  # the only one at which a piped core is not made either
    process.send_signal(signal.SIGHUP)
    eventually(lambda: place.log.read_text().count("reloaded") >= 1 or "reload" in place.log.read_text(), 20.0)
    assert place.running.stop() == 0
    files = 0
    for path in sorted(place.home.rglob("*")):
        if path.is_file() and place.secrets not in path.parents and path.parent.name != "broker":
            told(path.read_bytes(), str(path.relative_to(place.home)), found)
            files += 1
    assert not found, "\n".join(found)
    assert b"cnry" not in place.log.read_bytes()
    measured(f"{len(CANARIES)} secrets; {len(calls)} commands, {answers} requests and {files} files searched: none told")


SNMP = 'credentials: {snmp: {version: "2c", %s}}\n'
V3 = 'credentials: {snmp: {version: "3", user: u, %s}}\n'
SOUND = "community: !env NETMON_TEST_COMMUNITY"
MQTT = SNMP % SOUND + 'mqtt: {broker: "%s", user: u, password: !env NETMON_TEST_COMMUNITY}\n'
INFLUX = SNMP % SOUND + "exporters: {influxdb: {%s, org: o, bucket: b}}\n"
TOKENS = SNMP % SOUND + "web: {tokens: {%s}}\n"

WRONG = (
    SNMP % 'community: "SECRET"',
    V3 % 'auth: {protocol: SHA-256, key: "SECRET"}',
    V3 % 'auth: "SECRET"',
    *(SNMP % f"community: {tag} SECRET" for tag in ("!env", "!file", "!credential", "!vault", "!", "!!str", "!!binary")),
    *(SNMP % f'community: {tag} "SECRET"' for tag in ("!env", "!file", "!credential")),
    *(SNMP % f"community: {text}" for text in ("[SECRET]", "{SECRET: x}", "{SECRET}", "*SECRET", "@SECRET", '"SECRET')),
    *(SNMP % f"{SOUND}, {key}" for key in ("SECRET: x", "? SECRET", "password: SECRET", "community: SECRET")),
    SNMP % f"{SOUND}, SECRET: 1, SECRET: 2",
    "credentials: {snmp: SECRET}\n",
    *(
        MQTT % url
        for url in ("SECRET", "netmon:SECRET", "mqtt:SECRET", "mqtt://h:SECRET", "mqtt://h/SECRET", "mqtts:u:SECRET@h")
    ),
    MQTT.replace("user", "SECRET: x, user") % "mqtt://h",
    *(
        INFLUX % f'url: "{url}"'
        for url in ("SECRET", "http://h:SECRET", "http://h/?q=SECRET", "http://u:SECRET@[::1", "h/SECRET?")
    ),
    INFLUX % 'url: "http://h/SECRET/write"',
    INFLUX % 'url: "http://h", SECRET: x',
    INFLUX % 'url: "http://h", token: SECRET',
    TOKENS % "lan: SECRET",
    TOKENS % "lan: [SECRET]",
    TOKENS % "lan: {token: SECRET, right: read}",
    TOKENS % "lan: {token: !env NETMON_TEST_COMMUNITY, right: read, SECRET: x}",
)
"""Files with a secret where it does not belong."""


@pytest.mark.fault("secrets")
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(tmp_path, monkeypatch):
    """Also one that could be the name of a variable, of a file, or of a host."""
    monkeypatch.setenv("NETMON_TEST_COMMUNITY", "a-community-of-20-letters")
    register, found = units.load(), []
    for credentials in ("", str(tmp_path)):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", credentials)
        if not credentials:
            monkeypatch.delenv("CREDENTIALS_DIRECTORY")
        for text in WRONG if not credentials else [text for text in WRONG if "!credential" in text]:
            for secret in ("cnry-cmty-Xk3v", "Cnry_TinhCaoBang2026", "cnry"):
                (tmp_path / "netmon.yaml").write_text('province: "04"\n' + text.replace("SECRET", secret))
                with pytest.raises(ConfigErrors) as raised:
                    load(tmp_path, register=register)
                said = [line.removeprefix(str(tmp_path)) for line in str(raised.value).splitlines()]
                assert [line for line in said if line.startswith("/netmon.yaml:")], text
                found += [f"{text}{line}" for line in said if secret in line]
    assert not found, "\n".join(found)

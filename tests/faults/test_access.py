"""Curious people before the listener: who guesses, who listens on the way, and who denies what was done."""

import asyncio
import json
import re
import signal
import socket
import sqlite3
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPException
from random import Random

import aiohttp
import pytest

from netmon import control
from netmon.audit import ADDRESSES_AT_MOST, Audit
from netmon.credential import Secret
from netmon.exporters.prometheus import OwnMetrics
from netmon.settings import WebSettings
from netmon.store import Reader, Store
from netmon.web import Listener
from netmon.web.access import WRONG_AT_MOST
from tests import certificates
from tests.faults.guide import checked
from tests.faults.matrix import size
from tests.peers import LOOPBACK, eventually, free_port, running
from tests.web.boards import Facts

OPERATE, READ = "operate-0123456789abcdef", "read-0123456789abcdefghi"
READING = ("/", "/metrics", "/api/v1/wallboard", "/api/v1/stream", "/api/v1/incidents", "/static/wallboard.js", "/nowhere")


# --- strangers --------------------------------------------------------------------------------------------------------


def _guess(random):
    """What somebody who has no token sends."""
    token = "".join(random.choices("0123456789abcdef", k=random.choice((0, 1, 20, 24, 4000))))
    name = random.choice(("lan", "prometheus", "", "admin"))
    made = random.choice((READ[: random.randrange(len(READ))], f"{READ}x{token}", READ.upper(), token))
    how = random.choice(("bearer", "basic", "raw", "none"))
    if how == "basic":
        return {"Authorization": aiohttp.encode_basic_auth(name, made)}
    return {"bearer": {"Authorization": f"Bearer {made}"}, "raw": {"Authorization": made}, "none": {}}[how]


@pytest.mark.fault("strangers")
async def test_who_has_no_token_reads_nothing_and_guesses_seldom(tmp_path, measured):
    addresses, each = size((12, 25), (400, 100))
    random, clock, begun = Random(9), [0.0], time.monotonic()
    meter = OwnMetrics()
    settings = WebSettings(
        read_open=False,
        tokens={"lan": Secret(OPERATE), "prometheus": Secret(READ)},
        readers=frozenset({"prometheus"}),
    )
    with Store.open(tmp_path / "netmon.db", meter) as store:
        audit = Audit(store)
        listener = Listener(
            Facts(),
            LOOPBACK,
            0,
            deeds={"storm": None},
            settings=lambda: settings,
            meter=meter,
            forbid=audit.forbid,
            clock=lambda: clock[0],
        )
        url = f"http://{await listener.start()}"
        statuses = {}

        async def try_all(n):
            found, looked_at = [], 0
            local = aiohttp.TCPConnector(local_addr=(f"127.2.{n // 250}.{n % 250 + 1}", 0), limit=1)
            async with aiohttp.ClientSession(connector=local) as http:
                for _ in range(each):
                    headers = _guess(random)
                    path = random.choice(READING)
                    async with http.get(url + path, headers=headers) as answer:
                        assert answer.status in (401, 429), headers
                        await answer.read()
                    looked_at += answer.status == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
                    found.append(answer.status)
            assert looked_at <= WRONG_AT_MOST
            for status in found:
                statuses[status] = statuses.get(status, 0) + 1

        async with aiohttp.ClientSession() as http:
            for begin in range(0, addresses, 20):
                await asyncio.gather(*(try_all(n) for n in range(begin, min(begin + 20, addresses))))
                async with http.get(f"{url}/metrics", headers={"Authorization": f"Bearer {READ}"}) as answer:
                    assert answer.status == 200, "who is known reads meanwhile"
        await listener.stop()
        audit.close()
        store.flush()
        lines = store.reader().audit_entries(most=10_000)
    assert statuses[429] > 0
    attempts = sum(json.loads(line.detail)["count"] for line in lines)
    assert {line.result for line in lines} == {"forbidden"}
    minutes = int((time.monotonic() - begun) / 60) + 1
    assert len({line.origin for line in lines}) >= min(addresses, ADDRESSES_AT_MOST + 1)
    assert len(lines) <= (minutes + 1) * (ADDRESSES_AT_MOST + 1), "one at once, and one a minute with what came meanwhile"
    unheard = addresses * each - attempts  # those that named no token at all
    assert 0 < unheard < addresses * each
    assert not [line for line in lines if READ in repr(line) or OPERATE in repr(line)]
    measured(
        f"{addresses * each:,} requests of {addresses} addresses without a right token: none was answered, at most "
        f"{WRONG_AT_MOST} tokens of an address were looked at, {attempts:,} attempts are {len(lines)} lines of the audit log"
    )


# --- on the wire ------------------------------------------------------------------------------------------------------


class Post:
    """A real netmon that speaks TLS and asks for tokens, with a device that never answers."""

    def __init__(self, home, **web):
        self.home, self.config, self.port = home, home / "config", free_port("tcp")
        (self.config / "inventory").mkdir(parents=True)
        for name, token in (("lan", OPERATE), ("prometheus", READ)):
            (self.config / name).write_text(token)
        self.authority = certificates.authority(home / "ca")
        self.own = certificates.issued(self.config, "netmon", self.authority)
        self.web = web
        self.write()
        device = {"id": "r1", "address": LOOPBACK, "port": free_port("udp")}
        site = {"id": "s1", "name": "UBND", "commune": "01273", "kind": "peoples_committee", "devices": [device]}
        (self.config / "inventory/all.yaml").write_text(json.dumps({"sites": [site]}))
        self.stack, self.daemon = ExitStack(), None

    def write(self, extra=""):
        text = f"""
province: "04"
credentials: {{snmp: {{version: "2c", community: !env NETMON_TEST_COMMUNITY}}}}
poll: {{interval: 5s, timeout: 0.3s, retries: 0, deadline: 1s}}
store: {{path: {self.home}/netmon.db}}
control: {self.home}/control.sock
exporters: {{prometheus: {{listen: "{LOOPBACK}:{self.port}"}}}}
web:
  read: token
  tls: {{certificate: netmon.pem, key: netmon.key{self.web.get("tls", "")}}}
  tokens:
    lan: !file lan
    prometheus: {{token: !file prometheus, right: read}}
{extra}"""
        (self.config / "netmon.yaml").write_text(text)

    def start(self, ready):
        self.daemon = self.stack.enter_context(
            running(
                [sys.executable, "-m", "netmon", "run", "--config", self.config],
                ready=ready,
                log=self.home / "netmon.log",
                env={"NETMON_TEST_COMMUNITY": "public"},
            )
        )

    def kill(self):
        self.daemon.process.kill()
        self.daemon.process.wait()

    def ask(self, command, **fields):
        return control.ask(self.home / "control.sock", command, **fields)

    def trusting(self, pair=None, *, old=False):
        """What somebody speaks TLS with who knows netmon's authority, and perhaps bears a certificate."""
        context = ssl.create_default_context(cafile=self.authority.certificate)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        if old:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore"):
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        return context

    def get(self, path, tls, token=READ, port=None, body=None):
        """The status and the text of an answer. OSError: there was none."""
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if body else {})
        url = f"https://{LOOPBACK}:{port or self.port}{path}"
        data = json.dumps(body).encode() if body else None
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10, context=tls) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def is_ready(self, tls):
        try:
            return self.get("/healthz", tls)[0] == 200
        except OSError:
            return False

    def reader(self):
        return closing(Reader.open(self.home / "netmon.db"))

    def log(self):
        with self.reader() as reader:
            return [(line.deed, line.about, line.result) for line in reader.audit_entries()]


@pytest.fixture
def post(tmp_path):
    with ExitStack() as stack:

        def make(**web):
            made = Post(tmp_path, **web)
            stack.callback(made.stack.close)
            return made

        yield make


@contextmanager
def _wire(port):
    """Somebody on the way: passes all on to a port, and keeps what it sees."""
    seen, stopped = bytearray(), threading.Event()

    def pass_on(source, target):
        with suppress(OSError):
            while octets := source.recv(65536):
                seen.extend(octets)
                target.sendall(octets)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve():
        ends, threads = [], []
        while not stopped.is_set():
            with suppress(TimeoutError):
                here, _ = listening.accept()
                here.settimeout(None)
                there = socket.create_connection((LOOPBACK, port))
                ends += [here, there]
                for pair in ((here, there), (there, here)):
                    threads.append(threading.Thread(target=pass_on, args=pair))
                    threads[-1].start()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for end in ends:
            end.close()

    with socket.create_server((LOOPBACK, 0)) as listening:
        listening.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], seen
        finally:
            stopped.set()
            thread.join()


def _serial(port, tls):
    """The certificate that is shown to who comes now."""
    with (
        socket.create_connection((LOOPBACK, port), timeout=10) as bare,
        tls.wrap_socket(bare, server_hostname=LOOPBACK) as end,
    ):
        return end.getpeercert()["serialNumber"]


@pytest.mark.fault("eavesdropper")
def test_who_listens_on_the_way_reads_nothing_and_who_has_no_certificate_is_not_let_in(post, prometheus, measured):
    """A real Prometheus scrapes over TLS with its certificate and its token; somebody between the two keeps all octets."""
    here = post(tls=", client_ca: ../ca/ca.pem")
    known = certificates.issued(here.home / "clients", "prometheus", here.authority)
    tls = here.trusting(known)
    here.start(lambda: here.is_ready(tls))
    with _wire(here.port) as (wire, seen):
        config = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: netmon
    scheme: https
    authorization: {{credentials_file: {here.config}/prometheus}}
    tls_config: {{ca_file: {here.authority.certificate}, cert_file: {known.certificate}, key_file: {known.key}}}
    static_configs: [{{targets: ["{LOOPBACK}:{wire}"]}}]
"""
        server = prometheus("", config)
        (over,) = server.query("netmon_web_certificate_expiry_timestamp_seconds").values()
        assert over > time.time()
        assert here.get("/api/v1/wallboard", tls, port=wire)[0] == 200
        assert here.get("/api/v1/storms", tls, OPERATE, wire, {"action": "declare"})[0] == 400
        assert len(seen) > 10_000
        for secret in (READ, OPERATE, "netmon_", "Authorization", "wallboard"):
            assert secret.encode() not in seen, secret
    stranger = certificates.issued(here.home / "others", "x", certificates.authority(here.home / "others", "other-ca"))
    kept_out = 0
    for _ in range(size(1, 50)):
        for context in (
            here.trusting(),
            here.trusting(stranger),
            here.trusting(known, old=True),
        ):
            with pytest.raises((OSError, HTTPException)):
                here.get("/healthz", context)
            kept_out += 1
        with pytest.raises((OSError, HTTPException)):
            urllib.request.urlopen(f"http://{LOOPBACK}:{here.port}/healthz", timeout=10)
        kept_out += 1
    counted = re.search(r'netmon_web_refused_total\{reason="tls"\} (\d+)', here.get("/metrics", tls)[1])
    assert int(counted[1]) >= kept_out

    # A renewed certificate is shown after a reload, to those who come then; one that does not fit is refused with it.
    first = _serial(here.port, tls)
    request = urllib.request.Request(
        f"https://{LOOPBACK}:{here.port}/api/v1/stream", headers={"Authorization": f"Bearer {READ}"}
    )
    with urllib.request.urlopen(request, timeout=20, context=tls) as stream:
        assert stream.readline() == b"retry: 2000\n"
        fitting = here.own.key.read_text()
        certificates.issued(here.config, "netmon", here.authority)
        fresh = here.own.key.read_text()
        here.own.key.write_text(fitting)
        with pytest.raises(control.ControlError, match=r"netmon\.key is not the key of"):
            here.ask("reload")
        assert _serial(here.port, tls) == first
        here.own.key.write_text(fresh)
        here.ask("reload")
        assert _serial(here.port, tls) != first
        while b"event: alive" not in stream.readline():
            pass
    measured(
        f"{len(seen):,} octets seen on the way between Prometheus and netmon, no token and no figure among them; {kept_out} "
        "attempts without TLS 1.2 or without a certificate of the authority all kept out and counted; a renewed certificate "
        "is shown after the reload while a stream goes on"
    )


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.fault("audit-log")
def test_what_was_answered_stands_in_the_log_and_a_log_that_was_rewritten_shows(post, measured):
    here = post()
    tls, wanted = here.trusting(), []
    storm = {"name": "bão số 12", "level": "4", "areas": "04", "until": "+36h"}
    for turn in range(size(1, 20)):
        here.start(lambda: here.is_ready(tls))
        made = here.ask("storm", action="declare", by="trực ban", **storm | {"name": f"bão số {turn}"})["window"]["id"]
        wanted.append(("storm declare", made, "done"))
        status, told = here.get("/api/v1/storms", tls, OPERATE, body={"action": "end", "id": made, "close": True})
        assert status == 200, told
        wanted.append(("storm end", made, "done"))
        status, told = here.get("/api/v1/incidents", tls, OPERATE, body={"on": "site:s1", "text": "mất điện"})
        assert status == 201, told
        wanted.append(("incident open", json.loads(told)["incident"]["id"], "done"))
        assert here.get("/api/v1/storms", tls, READ, body={"action": "declare", **storm})[0] == 403
        wanted.append(("POST", "/api/v1/storms", "forbidden"))
        assert here.get("/api/v1/storms", tls, OPERATE, body={"action": "declare", "level": "9"})[0] == 400
        wanted.append(("storm declare", "", "refused"))
        if turn % 4 == 0:
            here.write("poll: 5\n")
            with pytest.raises(control.ControlError, match="written twice"):
                here.ask("reload")
            wanted.append(("reload", "", "refused"))
            here.write()
            here.ask("reload")
            wanted.append(("reload", "", "done"))
            for extra, result in (("", "done"), ("poll: 5\n", "refused")):
                here.write(extra)
                here.daemon.process.send_signal(signal.SIGHUP)
                wanted.append(("reload", "", result))
                eventually(lambda: here.log()[-1] == wanted[-1] and len(here.log()) == len(wanted))
            here.write()
        here.kill()  # in the moment in which the last was answered
    path = here.home / "netmon.db"
    with here.reader() as reader:
        lines, (count, last) = reader.audit_entries(), reader.audit_end()
        assert reader.verify_audit() is None
    assert here.log() == wanted
    hangups = [(line.who, line.result) for line in lines if line.origin == "signal"]
    assert hangups[:2] == [("SIGHUP", "done"), ("SIGHUP", "refused")]
    assert count == len(wanted)
    assert checked(path) == f"{last} after the last line\n"
    origins = {line.origin for line in lines}
    assert f"web {LOOPBACK}" in origins
    assert [origin for origin in origins if re.fullmatch(r"control pid \d+ uid \d+", origin)]
    assert {line.who for line in lines if line.origin.startswith("web")} == {"web:lan", "web:prometheus"}
    assert '"by":"trực ban"' in lines[0].detail

    forged = 0
    for rewrite in (
        "UPDATE audit SET who = 'nobody' WHERE id = {n}",
        "DELETE FROM audit WHERE id = {n}",
        "REPLACE INTO audit SELECT id, at, 'x', origin, deed, about, detail, result, digest FROM audit WHERE id = {n}",
        "INSERT INTO audit SELECT id + 1000, at, who, origin, deed, about, '', result, digest FROM audit WHERE id = {n}",
    ):
        for n in range(1, count if size(False, True) else 4):
            copy = here.home / "forged.db"
            with closing(sqlite3.connect(path)) as honest, closing(sqlite3.connect(copy)) as other:
                honest.backup(other)
            with closing(sqlite3.connect(copy, isolation_level=None)) as other:
                with pytest.raises(sqlite3.IntegrityError, match="it is never changed"):
                    other.execute(rewrite.format(n=n))
                for verb in ("update", "delete", "insert"):
                    other.execute(f"DROP TRIGGER audit_stands_{verb}")
                other.execute(rewrite.format(n=n))
                found = count + 1 if rewrite.startswith("INSERT INTO") else n
            with closing(Reader(copy)) as reader:
                assert reader.verify_audit() == found
            assert checked(copy) == f"line {found} is not what was written\n"
            copy.unlink()
            forged += 1
    measured(
        f"{len(wanted)} deeds and attempts, and {size(1, 20)} times kill -9 as soon as the last was answered: all in the "
        f"log once, in their order; {forged} rewritten logs, each told with its first wrong line by netmon and by the "
        "guide's program"
    )

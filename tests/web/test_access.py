"""Who may read and write at the listener, by which token, and what every answer keeps to itself."""

import asyncio
import base64
import json
import ssl
from contextlib import suppress

import aiohttp
import pytest

from netmon.credential import Secret
from netmon.exporters.prometheus import OwnMetrics
from netmon.model import Caller
from netmon.settings import TlsSettings, WebSettings
from netmon.web import Listener, access, door
from netmon.web.access import FORGIVEN_EVERY_S, WRONG_AT_MOST
from tests.certificates import authority, issued
from tests.peers import LOOPBACK
from tests.test_network import province
from tests.web.boards import Facts
from tests.web.desk import Desk, incident
from tests.web.states import Wall

OPERATE, READ = "operate-0123456789abcdef", "read-0123456789abcdefghi"
ONE = "/api/v1/incidents/2027-0001"
PATHS = ("/", "/static/wallboard.js", "/metrics", "/api/v1", "/api/v1/wallboard", "/api/v1/stream", "/api/v1/incidents", ONE)
HARDENED = {
    "Cache-Control",
    "Content-Security-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(name, token):
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{token}'.encode()).decode()}"}


class Api:
    """A listener that asks for tokens, with an incident book behind it; what it counts, and whom it kept out."""

    def __init__(self):
        self.desk, self.meter, self.now, self.kept_out = Desk(province(), incident()), OwnMetrics(), 0.0, []
        tokens = {"lan": Secret(OPERATE), "prometheus": Secret(READ)}
        self.settings = WebSettings(read_open=False, tokens=tokens, readers=frozenset({"prometheus"}))
        self.listener = Listener(
            Facts(),
            LOOPBACK,
            0,
            deeds=self.desk.handlers,
            settings=lambda: self.settings,
            meter=self.meter,
            forbid=lambda *attempt: self.kept_out.append(attempt),
            clock=lambda: self.now,
        )

    async def ask(self, path, headers=None, method="GET", **options):
        async with self.http.request(method, path, headers=headers, **options) as answer:
            text = "" if path.endswith("stream") and answer.status == 200 else await answer.text()
            return answer.status, answer.headers, text

    async def act(self, headers=None, path=ONE, **options):
        body = json.dumps({"action": "acknowledge", "text": "đã gọi"})
        return await self.ask(path, {"Content-Type": "application/json"} | headers, "POST", data=body, **options)

    def counted(self, family, **labels):
        wanted = "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
        lines = self.meter.render().decode().splitlines()
        (line,) = [line for line in lines if line.startswith(family + wanted)]
        return float(line.split()[1])

    def port(self):
        return int(self.where.rpartition(":")[2])

    async def raw(self, octets):
        """What is answered to octets as they are, until the other side closes."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port())
        writer.write(octets)
        async with asyncio.timeout(10):
            told = await reader.read()
        writer.close()
        return told.decode()


@pytest.fixture
async def api():
    api = Api()
    api.where = await api.listener.start()
    async with aiohttp.ClientSession(f"http://{api.where}") as api.http:
        yield api
    await api.listener.stop()


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_where_a_token_is_asked_for_nothing_but_health_is_told_without(api):
    for path in (*PATHS, "/nowhere", "/api/v1/nowhere"):
        status, headers, text = await api.ask(path)
        assert status == 401, path
        assert headers["WWW-Authenticate"].startswith('Basic realm="netmon", charset="UTF-8", Bearer'), path
        assert (headers["Content-Type"].startswith("application/json")) == path.startswith("/api/"), path
        assert "token" in (json.loads(text)["error"] if path.startswith("/api/") else text)
    for path in ("/healthz", "/readyz"):
        assert (await api.ask(path))[0] == 200
    assert api.counted("netmon_web_refused_total", reason="unknown") == len(PATHS) + 2
    assert api.kept_out == [], "a browser asks first without a password: that is no attempt"


@pytest.mark.parametrize(
    "headers",
    [bearer(READ), bearer(OPERATE), basic("prometheus", READ), basic("lan", OPERATE), {"Authorization": f"BEARER {READ}"}],
)
async def test_a_token_reads_as_bearer_and_as_basic(api, headers):
    for path in PATHS:
        assert (await api.ask(path, headers))[0] == 200, path
    assert (await api.ask("/nowhere", headers))[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        bearer("wrong"),
        bearer(READ[:-1]),
        basic("lan", READ),
        basic("", READ),
        basic("Prometheus", READ),
        basic("prometheus", ""),
        {"Authorization": f"Basic {READ}"},
        {"Authorization": f"Digest {READ}"},
        {"Authorization": READ},
        {"Authorization": "Basic"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()},
    ],
)
async def test_what_is_no_token_of_this_name_reads_nothing(api, headers):
    assert (await api.ask("/metrics", headers))[0] == 401


async def test_who_guesses_is_not_listened_to_for_reading_either(api):
    for n in range(WRONG_AT_MOST):
        assert (await api.ask("/metrics", bearer(f"guess-{n}")))[0] == 401
    for path, kind in (("/metrics", "text/plain"), ("/api/v1/state", "application/json")):
        status, headers, _ = await api.ask(path, basic("prometheus", READ))
        assert (status, headers["Retry-After"]) == (429, str(int(FORGIVEN_EVERY_S) + 1))
        assert headers["Content-Type"].startswith(kind)
    assert (await api.ask("/healthz"))[0] == 200
    assert api.counted("netmon_web_refused_total", reason="limit") == 2
    assert len(api.kept_out) == WRONG_AT_MOST + 2
    caller, deed, about, why = api.kept_out[-1]
    assert (caller, deed, about) == (Caller("", f"web {LOOPBACK}"), "GET", "/api/v1/state")
    assert "too many wrong tokens" in why
    assert READ not in repr(api.kept_out)
    api.now += FORGIVEN_EVERY_S
    assert (await api.ask("/metrics", basic("prometheus", READ)))[0] == 200


async def test_a_token_that_is_taken_away_reads_no_more(api):
    assert (await api.ask("/metrics", bearer(READ)))[0] == 200
    api.settings = WebSettings(read_open=False, tokens={"lan": Secret(OPERATE)})
    assert (await api.ask("/metrics", bearer(READ)))[0] == 401


async def test_who_was_let_in_of_late_is_let_in_while_a_neighbour_guesses(api):
    assert (await api.ask("/metrics", bearer(READ)))[0] == 200
    for n in range(WRONG_AT_MOST + 1):
        await api.ask("/metrics", bearer(f"guess-{n}"))
    assert (await api.ask("/metrics", basic("prometheus", READ)))[0] == 200
    assert (await api.ask("/metrics", bearer(OPERATE)))[0] == 429, "a right one that was not seen here is a guess"
    held = api.settings
    api.settings = WebSettings(read_open=False, tokens={"lan": Secret(OPERATE)})
    assert [(await api.ask("/metrics", bearer(READ)))[0] for _ in range(3)] == [401, 429, 429], "it was taken away"
    api.settings = held
    assert (await api.ask("/metrics", bearer(READ)))[0] == 429
    api.now += 100 * FORGIVEN_EVERY_S
    assert (await api.ask("/metrics", bearer(READ)))[0] == 200
    api.now += access.KNOWN_FOR_S
    for n in range(WRONG_AT_MOST + 1):
        await api.ask("/metrics", bearer(f"guess-{n}"))
    assert (await api.ask("/metrics", bearer(READ)))[0] == 429, "that was long ago"


async def test_what_is_remembered_of_addresses_is_bounded(api, monkeypatch):
    monkeypatch.setattr(access, "ADDRESSES_AT_MOST", 3)
    monkeypatch.setattr(access, "KNOWN_AT_MOST", 1)
    seen = api.listener._access
    for n in (0, 1, 2, 0, 3):
        seen._note_wrong(f"192.0.2.{n}", 0.0)
    assert list(seen._wrong) == ["192.0.2.2", "192.0.2.0", "192.0.2.3"], "who was quiet longest is forgotten"
    for token in (READ, OPERATE):
        assert (await api.ask("/metrics", bearer(token)))[0] == 200
    assert len(seen._known) == 1


async def test_when_it_is_another_matter_who_may_read_all_who_are_in_come_again(api, tmp_path):
    head = f"GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ}\r\n\r\n"

    async def come(path, tls=None):
        reader, writer = await asyncio.open_connection(LOOPBACK, api.port(), ssl=tls)
        writer.write((head % path).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        return reader, writer

    async def is_over(came):
        for reader, writer in came:
            async with asyncio.timeout(10):
                await reader.read()  # to its end
            writer.close()

    came = [await come("/api/v1/stream"), await come("/healthz")]
    api.listener.renew()
    (reader, _), (idle, writer) = came
    await reader.readuntil(b"event: wallboard")
    await idle.readuntil(b"ok\n")
    writer.write((head % "/healthz").encode())
    assert (await idle.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200"), "nothing was another matter"
    api.settings = WebSettings(read_open=False, tokens={"lan": Secret(OPERATE)})
    api.listener.renew()
    await is_over(came)

    both = [authority(tmp_path, name) for name in ("ca", "ca2")]
    known = issued(tmp_path, "screen", both[0])
    own = issued(tmp_path, "netmon", both[0])
    client = ssl.create_default_context(cafile=both[0].certificate)
    client.load_cert_chain(known.certificate, known.key)
    files = TlsSettings(certificate=own.certificate, key=own.key, client_ca=both[0].certificate)
    api.settings = WebSettings(tls=files)
    api.listener.renew()
    reader, writer = await come("/healthz", client)
    issued(tmp_path, "netmon", both[0])
    api.listener.renew()
    writer.write((head % "/healthz").encode())
    await reader.readuntil(b"HTTP/1.1 200")
    both[0].certificate.write_bytes(both[1].certificate.read_bytes())
    api.listener.renew()
    await is_over([(reader, writer)])


async def test_a_certificate_that_does_not_fit_changes_nothing(api, tmp_path):
    own = issued(tmp_path, "netmon", authority(tmp_path))
    api.settings = WebSettings(tls=TlsSettings(certificate=own.certificate, key=own.key))
    api.listener.renew()
    before = api.listener._door._tls
    own.certificate.write_text(own.certificate.read_text().replace("CERTIFICATE", "TRUSTED CERTIFICATE"))
    with pytest.raises(OSError, match=r"web\.tls\.certificate: .* cannot be used: no certificate"):
        api.listener.renew()
    assert api.listener._door._tls is before


async def test_a_browser_that_was_given_a_password_bears_it_for_the_board_and_its_stream(browser):
    """As a screen on the wall does; who acts there types in a token of their own."""
    async with browser.tab() as tab:
        wall = Wall(tab)
        wall.settings = WebSettings(
            read_open=False, tokens={"screen": Secret(READ), "lan": Secret(OPERATE)}, readers=frozenset({"screen"})
        )
        await wall.start()
        await tab.open(wall.url.replace("//", f"//screen:{READ}@"))
        await tab.eventually("document.readyState === 'complete'")
        await wall.open()
        wall.desk.kept["2027-0001"] = incident()
        await tab.eventually("!!document.querySelector('.row.incident')")
        assert not await tab.run("document.body.classList.contains('stale')")
        act = """fetch("/api/v1/incidents/2027-0001", {method: "POST", body: '{"action": "acknowledge", "text": "đã gọi"}',
            headers: {"Content-Type": "application/json"%s}}).then((answer) => answer.status)"""
        assert await tab.run(act % "") == 403
        assert await tab.run(act % ', Authorization: "Bearer wrong"') == 401
        assert await tab.run(act % f', Authorization: "Bearer {OPERATE}"') == 200
        assert [author for author, _ in wall.desk.calls] == ["web:lan"]
        await wall.listener.stop()


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_a_token_to_read_writes_nothing_and_one_to_operate_does_both_ways(api):
    status, _, text = await api.act(bearer(READ))
    assert (status, api.desk.calls) == (403, [])
    assert "may read, and no more" in json.loads(text)["error"]
    assert api.kept_out[0][0] == Caller("web:prometheus", f"web {LOOPBACK}")
    assert api.counted("netmon_web_refused_total", reason="right") == 1
    assert (await api.act(basic("prometheus", READ)))[0] == 403
    assert (await api.act(basic("lan", OPERATE)))[0] == 200
    assert [author for author, _ in api.desk.calls] == ["web:lan"]


@pytest.mark.parametrize("read_open", [True, False])
async def test_a_page_of_another_origin_does_nothing_with_the_password_that_a_browser_holds(api, read_open):
    """The browser sends Basic with whatever a page asks; what it says of the page is believed, and forms send no JSON."""
    api.settings = WebSettings(read_open=read_open, tokens=api.settings.tokens)
    held = basic("lan", OPERATE)
    for page in (
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{api.where}"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert (await api.act(held | page))[0] == 403, page
    own = {"Origin": f"http://{api.where}"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert (await api.act(held | own | {"Content-Type": kind}))[0] == 415, kind
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    _, headers, _ = await api.ask(ONE, held | asked | {"Access-Control-Request-Headers": "content-type"}, "OPTIONS")
    assert not [name for name in headers if name.startswith("Access-Control-")]
    assert api.desk.calls == []
    assert api.counted("netmon_web_refused_total", reason="origin") == 5
    assert (await api.act(held | own))[0] == 200


async def test_who_writes_without_a_token_is_an_attempt_and_is_asked_for_no_password(api):
    status, headers, _ = await api.act({})
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="netmon"')
    assert api.kept_out[0][:3] == (Caller("", f"web {LOOPBACK}"), "POST", ONE)


# --- every answer -----------------------------------------------------------------------------------------------------


def _head(answer):
    first, *lines = answer.partition("\r\n\r\n")[0].split("\r\n")
    return int(first.split()[1]), {name: value for name, _, value in (line.partition(": ") for line in lines)}


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", 401),
        (b"GET /healthz HTTP/1.1", 200),
        (b"GET /nowhere HTTP/1.1\r\nAuthorization: Bearer " + READ.encode(), 404),
        (b"PUT /metrics HTTP/1.1\r\nAuthorization: Bearer " + READ.encode(), 405),
        (b"GET /api/v1/sites/x HTTP/1.1\r\nAuthorization: Bearer " + READ.encode(), 500),
        (b"GET /healthz HTTP/1.1\r\nExpect: 200-maybe", 417),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example", 421),
        (b"POST " + ONE.encode() + b" HTTP/1.1\r\nContent-Length: 99999\r\nContent-Type: application/json"
         b"\r\nAuthorization: Bearer " + OPERATE.encode(), 413),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"GET /\x00 HTTP/1.1", 400),
        (b"GET / HTTP/9.9", 400),
    ],
)  # fmt: skip
async def test_every_answer_is_hardened_what_aiohttp_says_by_itself_too(api, request_line, status):
    """And tells nothing of what it is made of, nor repeats what it was asked."""
    api.listener._facts.site = lambda name: {}["a secret of ours"]
    host = b"" if b"Host" in request_line else b"\r\nHost: localhost"
    answer = await api.raw(request_line + host + b"\r\nConnection: close\r\n\r\n" + b" " * 99_999 * (status == 413))
    found, headers = _head(answer)
    assert found == status
    assert headers.keys() >= HARDENED
    assert headers["Server"] == "netmon"
    assert "Strict-Transport-Security" not in headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not [word for word in ("aiohttp", "Python", "yyyy", "a secret of ours", "Traceback") if word in answer]
    assert api.counted("netmon_web_requests_total", code=f"{status // 100}xx") == 1
    if status == 400:
        assert api.counted("netmon_web_refused_total", reason="malformed") == 1


# --- who takes all the room -------------------------------------------------------------------------------------------


async def test_who_never_says_what_it_wants_is_sent_away_and_others_come_in(api, monkeypatch):
    monkeypatch.setattr(door, "HEAD_S", 0.3)
    monkeypatch.setattr(door, "CONNECTIONS_AT_MOST", 8)
    slow = [await asyncio.open_connection(LOOPBACK, api.port()) for _ in range(12)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
    async with asyncio.timeout(20):
        for reader, _ in slow:
            with suppress(ConnectionResetError):  # with what it has not read the other side cannot say goodbye
                assert await reader.read() == b""
    for _, writer in slow:
        writer.close()
    assert api.counted("netmon_web_refused_total", reason="slow") == 8
    assert api.counted("netmon_web_refused_total", reason="busy") == 4
    assert (await api.ask("/healthz"))[0] == 200
    assert api.listener._door.connections == 1


def test_room_is_kept_for_this_machine_and_nobody_else_takes_it_all(monkeypatch):
    taken = door.Door(None, OwnMetrics(), None)
    for _ in range(door.OF_ONE_ADDRESS):
        assert taken._has_room("192.0.2.1")
        taken._talks[object()] = "192.0.2.1"
    assert not taken._has_room("192.0.2.1")
    for n in range(door.OF_ONE_ADDRESS):
        assert taken._has_room(f"2001:db8:0:7::{n:x}")
        taken._talks[object()] = access.whose(f"2001:db8:0:7::{n:x}")
    assert not taken._has_room("2001:db8:0:7:a::1"), "a host may take any address of its network"
    assert taken._has_room("2001:db8:0:8::1")
    while taken._has_room("192.0.2.2"):
        taken._talks[object()] = f"198.51.100.{len(taken._talks) % 250}"
    assert len(taken._talks) == door.CONNECTIONS_AT_MOST - door.NEAR_ONES
    assert taken._has_room("127.0.0.1")
    assert taken._has_room("::1")

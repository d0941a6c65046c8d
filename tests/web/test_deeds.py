"""What people do over HTTP: who may, what is refused with which status, and that what is refused is not done."""

import json

import aiohttp
import pytest
from structlog.testing import capture_logs

from netmon.credential import Secret
from netmon.exporters.prometheus import OwnMetrics
from netmon.settings import WebSettings
from netmon.web import Listener
from netmon.web.access import FORGIVEN_EVERY_S, WRONG_AT_MOST
from netmon.web.deeds import BODY_LIMIT
from tests.peers import LOOPBACK
from tests.test_network import province
from tests.web.boards import Facts
from tests.web.desk import Desk, incident

TOKEN = "0123456789abcdef0123"
ONE = "/api/v1/incidents/2027-0001"
ACK = {"action": "acknowledge", "text": "đã gọi"}
JSON = {"Content-Type": "application/json"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Api:
    """A listener with an incident book behind it, and what it counts."""

    def __init__(self):
        self.desk = Desk(province(), incident())
        self.tokens = {"desk": Secret("another-token-of-20-x"), "lan": Secret(TOKEN), "unfetched": Secret("")}
        self.meter, self.now = OwnMetrics(), 0.0
        self.listener = Listener(
            Facts(),
            LOOPBACK,
            0,
            deeds=self.desk.handlers,
            settings=lambda: WebSettings(tokens=self.tokens),
            meter=self.meter,
            clock=lambda: self.now,
        )

    async def post(self, path=ONE, body=ACK, headers=BEARER, **options):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(path, data=data, headers=JSON | headers, **options) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None, answer.headers

    async def get(self, path):
        async with self.http.get(path) as answer:
            return answer.status, json.loads(await answer.text())

    def counted(self, result):
        lines = self.meter.render().decode().splitlines()
        (line,) = [line for line in lines if line.startswith(f'netmon_deeds_total{{result="{result}"}}')]
        return float(line.split()[1])


@pytest.fixture
async def api():
    api = Api()
    api.where = await api.listener.start()
    async with aiohttp.ClientSession(f"http://{api.where}") as api.http:
        yield api
    await api.listener.stop()


async def test_a_token_writes_and_its_name_is_the_author(api):
    status, told, headers = await api.post()
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert told["incident"]["acknowledged"] == "web:lan"
    (line,) = api.desk.lines[1:]
    assert (line.author, line.verb, line.text) == ("web:lan", "acknowledge", "đã gọi")
    assert (api.counted("ok"), api.counted("refused"), api.counted("forbidden")) == (1, 0, 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer đ"}, 401),
        (BEARER | {"Origin": "https://evil.example"}, 403),
        (BEARER | {"Origin": "null"}, 403),
        (BEARER | {"Origin": ""}, 403),
        (BEARER | {"Origin": "http://["}, 403),
        (BEARER | {"Sec-Fetch-Site": "cross-site"}, 403),
        (BEARER | {"Sec-Fetch-Site": "same-site"}, 403),
        (BEARER | {"Sec-Fetch-Site": "none"}, 403),
        (BEARER | {"Content-Type": "text/plain"}, 415),
        (BEARER | {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (BEARER | {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_who_may_not_is_told_so_and_nothing_is_done(api, headers, status):
    with capture_logs() as logs:
        found, told, answered = await api.post(headers=headers)
    assert (found, api.desk.calls) == (status, [])
    assert told["error"]
    assert answered.get("WWW-Authenticate", "").startswith("Bearer") == (status == 401)
    assert "Access-Control-Allow-Origin" not in answered
    assert api.counted("forbidden" if status < 415 else "refused") == 1
    assert TOKEN not in repr(logs)


async def test_the_page_itself_may_also_behind_a_proxy_that_speaks_tls(api):
    assert (await api.post(headers=BEARER | {"Origin": f"http://{api.where}"}))[0] == 200
    proxied = {"Origin": "https://noc.example", "Sec-Fetch-Site": "same-origin"}
    assert (await api.post(body={"action": "comment", "text": "x"}, headers=BEARER | proxied))[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (ONE, b"{", 400, "not JSON"),
        (ONE, b"\xff\xfe", 400, "not JSON"),
        (ONE, b"[" * 60_000, 400, "not JSON"),
        (ONE, [ACK], 400, "object"),
        (ONE, ACK | {"by": "somebody else"}, 400, "not by"),
        (ONE, ACK | {"id": "2027-0002"}, 400, "not id"),
        (ONE, {"action": "delete", "text": ""}, 400, "'delete'"),
        (ONE, {"action": "comment", "text": 7}, 400, "text"),
        ("/api/v1/incidents/2027-9999", ACK, 404, "no incident '2027-9999'"),
        (ONE, {"action": "close", "text": ""}, 409, "still down"),
        ("/api/v1/incidents", {"on": "link:nowhere", "text": "x"}, 404, "no link"),
        ("/api/v1/storms", {"level": 2}, 400, "3, 4 or 5"),
        (ONE, b'{"text":"' + b"x" * BODY_LIMIT + b'"}', 413, "65536"),
    ],
)
async def test_what_cannot_be_done_is_one_clear_error(api, path, body, status, says):
    found, told, _ = await api.post(path, body)
    assert found == status
    assert says in told["error"]
    assert len(api.desk.lines) == 1
    assert api.counted("refused") == 1


async def test_a_body_that_does_not_say_how_long_it_is_is_bounded_too(api):
    async def endless():
        while True:
            yield b" " * 16_384

    try:
        async with api.http.post(ONE, data=endless(), headers=JSON | BEARER) as answer:
            assert answer.status == 413
    except aiohttp.ClientConnectionError:
        pass  # it was hung up on before it had read the answer
    assert api.counted("refused") == 1


@pytest.mark.parametrize("command", ["storm", "maintenance"])
async def test_storms_and_works_go_to_the_commands_that_the_socket_has(api, command):
    path = {"storm": "/api/v1/storms", "maintenance": "/api/v1/maintenance"}[command]
    status, told, _ = await api.post(path, {"action": "declare", "areas": ["04"], "command": "reload"})
    assert (status, told) == (200, {"declared": command})
    assert api.desk.calls == [("web:lan", {"action": "declare", "areas": ["04"], "command": command})]


async def test_an_incident_is_opened_by_hand(api):
    status, told, _ = await api.post("/api/v1/incidents", {"on": "f1", "cause": "fibre", "text": "máy xúc"})
    assert (status, told["incident"]["root"]["id"]) == (201, "f1")


async def test_wrong_tokens_are_limited_by_address_and_forgiven_one_by_one(api):
    wrong = {"Authorization": "Bearer guess"}
    with capture_logs() as logs:
        for _ in range(WRONG_AT_MOST):
            assert (await api.post(headers=wrong))[0] == 401
        status, _, headers = await api.post(headers=wrong)
        assert (status, headers["Retry-After"]) == (429, str(int(FORGIVEN_EVERY_S) + 1))
        assert (await api.post())[0] == 429, "a right one is not looked at either, lest it be guessed"
    assert [line["event"] for line in logs] == ["wrong tokens"]
    api.now = FORGIVEN_EVERY_S
    assert (await api.post())[0] == 200
    assert (await api.post(headers=wrong))[0] == 401
    assert (await api.post(headers=wrong))[0] == 429
    api.now = 100 * FORGIVEN_EVERY_S
    assert (await api.post(headers=wrong))[0] == 401


async def test_a_token_that_is_taken_away_ends_at_once(api):
    assert (await api.post())[0] == 200
    api.tokens = {"desk": api.tokens["desk"]}
    assert (await api.post(body={"action": "comment", "text": "x"}))[0] == 401


async def test_reading_needs_no_token(api):
    status, told = await api.get("/api/v1/incidents")
    assert (status, [each["id"] for each in told["incidents"]]) == (200, ["2027-0001"])
    status, told = await api.get(ONE)
    assert (status, told["incident"]["id"], told["entries"][0]["verb"]) == (200, "2027-0001", "opened")
    assert (await api.get("/api/v1/incidents?all"))[0] == 200
    status, told = await api.get("/api/v1/incidents?month=3")
    assert (status, "not month" in told["error"]) == (400, True)
    assert (await api.get("/api/v1/incidents/nothing"))[0] == 404


async def test_what_a_bug_spoils_is_an_error_of_ours_and_not_done(api):
    async def spoilt(author, request):
        raise KeyError("a bug")

    api.desk.handlers["storm"] = spoilt
    async with api.http.post("/api/v1/storms", data=b"{}", headers=JSON | BEARER) as answer:
        assert answer.status == 500
    assert api.counted("ok") == 0


async def test_without_commands_there_is_nothing_to_do():
    listener = Listener(Facts(), LOOPBACK, 0)
    where = await listener.start()
    async with aiohttp.ClientSession(f"http://{where}") as http, http.post("/api/v1/storms", json={}) as answer:
        assert answer.status in (404, 405)
    await listener.stop()

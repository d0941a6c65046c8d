"""The listener over real HTTP: its routes, the headers of every answer, and files that ask nothing of the world."""

import asyncio
import json
import re
from importlib.resources import files

import aiohttp
import pytest
from structlog.testing import capture_logs

from netmon.web import Listener, coding, door
from netmon.web.strangers import QUIET_S, Complaints
from tests.peers import LOOPBACK
from tests.store.conftest import Counts
from tests.web.boards import Facts

STATIC = sorted(files("netmon.web").joinpath("static").iterdir(), key=lambda file: file.name)
PATHS = (
    "/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1",
    "/api/v1/state",
    "/api/v1/verdicts",
    "/api/v1/wallboard",
    "/api/v1/fibre",
)
SVG = "http://www.w3.org/2000/svg"


@pytest.fixture
async def get():
    """Asks a listener for a path: status, headers and text."""
    listener = Listener(Facts(), LOOPBACK, 0)
    where = await listener.start()
    async with aiohttp.ClientSession(f"http://{where}") as http:

        async def ask(path, **options):
            async with http.get(path, **options) as answer:
                return answer.status, answer.headers, await answer.text()

        yield ask
    await listener.stop()


@pytest.mark.parametrize("path", [*PATHS, "/static/wallboard.js", "/nowhere"])
async def test_every_answer_is_kept_to_itself(get, path):
    """Also an error's: no script but ours, nothing loaded from elsewhere, no framing, no guessing, no referrer."""
    status, headers, _ = await get(path)
    assert status == (404 if path == "/nowhere" else 200)
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_a_file_that_did_not_change_is_not_sent_again(get):
    _, headers, _ = await get("/static/wallboard.css")
    assert headers["Content-Type"] == "text/css; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"
    status, again, text = await get("/static/wallboard.css", headers={"If-None-Match": headers["ETag"]})
    assert (status, again["ETag"], text) == (304, headers["ETag"], "")
    status, _, text = await get("/static/wallboard.css", headers={"If-None-Match": '"another"'})
    assert status == 200
    assert text


@pytest.mark.parametrize(("query", "words"), [("", ["ĐẠT"]), ("?lang=vi", ["ĐẠT"]), ("?lang=en", ["MET"])])
async def test_a_verdict_is_told_with_its_words_in_vietnamese_unless_asked_otherwise(get, query, words):
    status, headers, text = await get(f"/api/v1/verdicts/availability/01273{query}")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert json.loads(text) == {"id": "availability/01273", "words": words}


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("availability/99999", 404, "no such verdict"),
        ("availability/01273?lang=fr", 400, "vi or en"),
        ("availability/01273?month=2026-10", 400, "not month"),
    ],
)
async def test_what_is_no_verdict_or_no_language_is_one_clear_error(get, path, status, says):
    found, _, text = await get(f"/api/v1/verdicts/{path}")
    assert found == status
    assert says in json.loads(text)["error"]


async def test_facts_are_never_kept_by_a_cache(get):
    _, headers, _ = await get("/api/v1/wallboard")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/wallboard", "/static/wallboard.css"])
async def test_who_refuses_gzip_gets_none_and_caches_are_told_that_answers_differ(get, path, monkeypatch):
    monkeypatch.setattr(coding, "is_near", lambda request: False)
    for said in ("gzip;q=0", "gzip; q=0.0, *", "identity", "br", "*;q=0", "gzip;q=much"):
        _, headers, _ = await get(path, headers={"Accept-Encoding": said})
        assert "Content-Encoding" not in headers, said
        assert headers["Vary"] == "Accept-Encoding"
    for said in ("gzip", "br, GZIP;q=0.1", "*", "identity;q=0, *;q=0.5"):
        _, headers, _ = await get(path, headers={"Accept-Encoding": said})
        assert headers["Content-Encoding"] == "gzip", said
        assert headers["Vary"] == "Accept-Encoding"


async def test_metrics_are_not_zipped_for_the_same_machine(get):
    _, headers, _ = await get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in headers


async def test_a_long_page_comes_whole_in_pieces(monkeypatch):
    page = b"".join(b"netmon_device_up %d\n" % n for n in range(60_000))
    monkeypatch.setattr(Facts, "metrics", lambda self: page)
    listener = Listener(Facts(), LOOPBACK, 0)
    where = await listener.start()
    async with aiohttp.ClientSession(f"http://{where}") as http, http.get("/metrics") as answer:
        assert (answer.content_length, await answer.read()) == (len(page), page)
    await listener.stop()


async def test_who_goes_away_while_a_long_page_is_sent_is_no_failure(monkeypatch):
    """Prometheus gives up at its time limit: nothing of netmon failed."""
    gone = asyncio.Event()
    monkeypatch.setattr(Facts, "metrics", lambda self: b"netmon_device_up 1\n" * 600_000)
    answer = Listener._metrics

    async def answered(self, request):
        try:
            return await answer(self, request)
        finally:
            gone.set()

    monkeypatch.setattr(Listener, "_metrics", answered)
    listener = Listener(Facts(), LOOPBACK, 0)
    with capture_logs() as logs:
        where = await listener.start()
        reader, writer = await asyncio.open_connection(LOOPBACK, int(where.rpartition(":")[2]))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readexactly(1000)
        writer.transport.abort()
        async with asyncio.timeout(10):
            await gone.wait()
        await listener.stop()
    assert logs == []


async def test_plain_and_zipped_share_a_weak_tag(get):
    """A strong one would promise the same bytes (RFC 9110, 8.8.1)."""
    tags = {(await get("/", headers={"Accept-Encoding": said}))[1]["ETag"] for said in ("gzip", "identity")}
    (tag,) = tags
    assert tag.startswith('W/"')


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9797", "127.0.0.1:1", "127.8.9.10", "[::1]:9797", None])
async def test_a_loopback_listener_answers_to_its_own_names(get, host):
    assert (await get("/api/v1/state", headers={"Host": host} if host else {}))[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:9797", "10.0.0.1", "localhost.evil", "[::1", ""])
@pytest.mark.parametrize("path", ["/", "/metrics", "/nowhere"])
async def test_a_page_whose_name_was_rebound_to_loopback_reads_nothing(get, host, path):
    status, headers, text = await get(path, headers={"Host": host})
    assert (status, text.count("\n")) == (421, 1)
    assert "loopback" in text
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "host", "status", "allow", "says"),
    [
        ("GET", "/api/v1/nowhere", "localhost", 404, None, "/api/v1 lists them"),
        ("POST", "/api/v1/state", "localhost", 405, "GET,HEAD", "takes GET, HEAD, not POST"),
        ("GET", "/api/v1/storms", "localhost", 405, "POST", "takes POST, not GET"),
        ("OPTIONS", "/api/v1/storms", "localhost", 405, "POST", "takes POST, not OPTIONS"),
        ("HEAD", "/api/v1/storms", "localhost", 405, "POST", None),
        ("GET", "/api/v1/state", "evil.example", 421, None, "loopback"),
        ("HEAD", "/api/v1/state", "evil.example", 421, None, None),
    ],
)
async def test_a_program_is_refused_in_json_by_the_router_too(method, path, host, status, allow, says):
    listener = Listener(Facts(), LOOPBACK, 0, deeds={"storm": None})
    where = await listener.start()
    async with (
        aiohttp.ClientSession(f"http://{where}") as http,
        http.request(method, path, headers={"Host": host}) as answer,
    ):
        text = await answer.text()
    await listener.stop()
    assert (answer.status, answer.headers.get("Allow")) == (status, allow)
    assert (answer.content_type, answer.headers.get("Cache-Control")) == ("application/json", "no-store")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if says is None:
        assert text == ""
    else:
        told = json.loads(text)
        assert list(told) == ["error"]
        assert says in told["error"]


async def test_what_is_not_for_programs_is_refused_in_plain_words(get):
    status, headers, text = await get("/nowhere")
    assert (status, headers["Content-Type"], text) == (404, "text/plain; charset=utf-8", "404: Not Found")


async def test_a_listener_for_others_answers_to_any_name():
    listener = Listener(Facts(), "0.0.0.0", 0)
    port = (await listener.start()).rpartition(":")[2]
    url = f"http://{LOOPBACK}:{port}/healthz"
    async with aiohttp.ClientSession() as http, http.get(url, headers={"Host": "netmon.example"}) as answer:
        assert answer.status == 200
    await listener.stop()


async def test_requests_that_are_none_are_one_short_line_in_the_log():
    """Whoever knocks with rubbish can neither fill the journal nor write into it."""
    listener = Listener(Facts(), LOOPBACK, 0)
    host, port = (await listener.start()).split(":")
    with capture_logs() as said:
        for rubbish in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\nFORGED line\r\n\r\n") * 20:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(rubbish)
            assert (await reader.read()).startswith(b"HTTP/1.0 400")
            writer.close()
        await listener.stop()
    assert [(line["event"], line["count"]) for line in said] == [
        ("malformed requests refused", 1),
        ("malformed requests since the last line", 39),
    ]
    assert "FORGED" not in repr(said)


async def test_an_expectation_that_is_no_text_is_no_fault_of_netmon():
    """The server trips over it by itself, while it repeats it."""
    meter = Counts()
    listener = Listener(Facts(), LOOPBACK, 0, meter=meter)
    host, port = (await listener.start()).split(":")
    with capture_logs() as said:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: \xf5\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        await listener.stop()
    assert [line["event"] for line in said] == ["malformed requests refused"]
    assert "netmon_bugs_total" not in meter.totals


async def test_a_request_that_fails_here_is_told_with_its_error_and_not_once_a_screen():
    facts = Facts()
    facts.state = lambda: 1 / 0
    now = [1000.0]
    listener, meter = Listener(facts, LOOPBACK, 0), Counts()
    listener._complaints = Complaints(meter, clock=lambda: now[0])
    where = await listener.start()
    with capture_logs() as said:
        async with aiohttp.ClientSession(f"http://{where}") as http:
            for at in (1000.0, 1001.0, 1002.0, 1000.0 + QUIET_S):
                now[0] = at
                async with http.get("/api/v1/state") as answer:
                    assert answer.status == 500
        await listener.stop()
    assert [(line["log_level"], line["count"]) for line in said] == [("error", 1), ("error", 3)]
    assert meter.totals["netmon_bugs_total"] == 4
    assert isinstance(said[0]["exc_info"], ZeroDivisionError)


async def test_connections_that_cannot_be_taken_are_counted(monkeypatch):
    meter, loop, troubles = Counts(), asyncio.get_running_loop(), [OSError(24, "Too many open files")]
    accepted = loop.sock_accept

    async def accept(listening):
        if troubles:
            raise troubles.pop()
        return await accepted(listening)

    monkeypatch.setattr(loop, "sock_accept", accept)
    monkeypatch.setattr(door, "NO_SOCKET_S", 0.0)
    listener = Listener(Facts(), LOOPBACK, 0, meter=meter)
    async with aiohttp.ClientSession(f"http://{await listener.start()}") as http, http.get("/healthz") as answer:
        assert answer.status == 200
    await listener.stop()
    assert meter.totals["netmon_web_refused_total"] == 1


async def test_a_stop_that_overtakes_a_request_is_no_failure(monkeypatch):
    """The server may give up waiting for a request in the very moment in which it ends; before a stop that is a fault."""
    listener = Listener(Facts(), LOOPBACK, 0)
    await listener.start()

    def trip():
        listener._complaints.logger().error("Unhandled exception", exc_info=asyncio.InvalidStateError("invalid state"))

    monkeypatch.setattr(listener._stream, "stop", trip)
    with capture_logs() as said:
        await listener.stop()
    assert said == []
    with capture_logs() as said:
        listener._complaints.stopping = False
        trip()
    assert [line["log_level"] for line in said] == ["error"]


@pytest.mark.parametrize("path", ["/static/", "/static/../__init__.py", "/static/%2e%2e/pages.py", "/static/wallboard.html"])
async def test_nothing_but_the_files_of_the_page_can_be_asked_for(get, path):
    assert (await get(path))[0] == 404


async def test_the_api_lists_what_there_is(get):
    _, _, text = await get("/api/v1")
    assert set(PATHS) <= set(text.split())


async def test_the_page_is_there_and_so_is_all_that_it_names(get):
    _, headers, page = await get("/")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "static/wallboard.js" in named
    for path in named:
        assert (await get(f"/{path}"))[0] == 200, path


@pytest.mark.parametrize("file", STATIC, ids=lambda file: file.name)
def test_no_file_names_another_host_or_makes_markup_of_text(file):
    """URLs are relative, so the page also works behind a proxy's prefix; text from outside can only become text."""
    text = file.read_text(encoding="utf-8").replace(SVG, "")
    assert not re.findall(r"""\w+://|["'(]//|url\(|@import""", text)
    assert not re.findall(r"""(?:src|href)="/|fetch\("/""", text)
    markup = r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function|srcdoc|setHTML\w*|DOMParser)\b"
    assert not re.findall(markup, text)
    assert not re.findall(r"<[^>]+\s(style|on\w+)=", text), "the policy forbids it"


async def test_a_site_is_told_as_a_whole_and_an_unknown_one_is_one_clear_error(get):
    status, headers, text = await get("/api/v1/sites/cb-bts-01273")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert json.loads(text) == {"site": "cb-bts-01273", "name": "Trạm"}
    status, _, text = await get("/api/v1/sites/cb-bts-9")
    assert (status, json.loads(text)) == (404, {"error": "the inventory has no such site"})

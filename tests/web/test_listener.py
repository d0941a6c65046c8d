"""The listener over real HTTP: its routes, the headers of every answer, and files that ask nothing of the world."""

import re
from importlib.resources import files

import aiohttp
import pytest

from netmon.web import Listener
from tests.peers import LOOPBACK
from tests.web.boards import Facts

STATIC = sorted(files("netmon.web").joinpath("static").iterdir(), key=lambda file: file.name)
PATHS = ("/", "/metrics", "/healthz", "/readyz", "/api/v1", "/api/v1/state", "/api/v1/verdicts", "/api/v1/wallboard")
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


async def test_facts_are_never_kept_by_a_cache(get):
    _, headers, _ = await get("/api/v1/wallboard")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Encoding"] == "deflate"


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

"""The screens of the guide for the shift: everything stands on them, nothing lies on anything else; and their pictures.

    NETMON_SCREENS=docs/operators/images scripts/test tests/web/test_screens.py

makes the pictures of the guide anew. Without it they are made in a scratch directory.
"""

import os
from pathlib import Path

import pytest

from tests.web import screens
from tests.web.pictures import reduced, size
from tests.web.screens import COMMUNE, INCIDENT, STATION, CaoBang
from tests.web.states import FAST, Wall

LARGEST = 150_000
"""Bytes of a picture."""

STILL = """
    const loaded = performance.now();
    performance.now = () => loaded;
"""
"""The page's clock stands: a picture does not depend on how busy the machine is."""

AMISS = """
(() => {
  const found = [];
  const named = (node) => node.id || node.className || node.localName;
  const say = (what, node) => found.push(`${what}: ${named(node)} "${node.textContent.slice(0, 40)}"`);
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) found.push(`${scrollWidth} pixels on a screen of ${innerWidth}`);
  const seen = (selector) => [...document.querySelectorAll(selector)].filter((node) => node.getClientRects().length);
  for (const node of seen(WHOLE)) {
    const isOwn = !node.closest(".unseen") && getComputedStyle(node).display !== "inline";
    if (isOwn && node.scrollWidth > node.clientWidth + 1) say("cut", node);
  }
  const parts = seen(PARTS).map((node) => ({ node, ...node.getBoundingClientRect().toJSON() }));
  for (const [n, a] of parts.entries()) {
    if (a.left < -1 || a.right > innerWidth + 1) say("beside the screen", a.node);
    for (const b of parts.slice(n + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const scrolled = a.node.matches(".panel") !== b.node.matches(".panel"); // a page is longer than the screen
      if (wide > 1 && high > 1 && !scrolled && !a.node.contains(b.node)) say(`lies under ${named(b.node)}`, a.node);
    }
  }
  return found;
})()
"""
"""What is wrong with how a screen is laid out."""

WHOLE = "h1, h2, h3, h4, button, .banner, .window p, .toll li, .tile *, .cut_off .title, #clock, dialog :is(dt, dd, kbd)"
"""What must be read whole, and is never cut."""

PARTS = "header, #banners > *, #windows > *, #map, #incidents, #lists > .list, #targets, .panel, footer"
"""What lies beside one another, and never one on the other."""

ON_ONE_SCREEN = "document.documentElement.scrollHeight <= innerHeight"


@pytest.fixture
async def wall(browser, monkeypatch):
    screens.with_hotlines(monkeypatch)
    async with browser.tab() as tab:
        wall = Wall(tab, CaoBang())
        await wall.start()
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=FAST + STILL)
        await tab.show(1920, 1080)
        yield wall
        await wall.listener.stop()
        assert all(url.startswith(f"{wall.url}/") for url in tab.requests), "no request leaves"
        assert await tab.run("window.refused") is None


@pytest.fixture
def home(tmp_path):
    """Where pictures go."""
    home = Path(os.environ.get("NETMON_SCREENS") or tmp_path)
    home.mkdir(parents=True, exist_ok=True)
    return home


@pytest.fixture
async def shoot(wall, browser, home):
    """Keeps a picture of what is on the screen."""

    async def shoot(name, *, scheme="dark", stale=False):
        if await wall.tab.run("innerWidth") == 1920:
            await sized(wall.tab, 1600, 900, scheme)  # the same in fewer bytes, and larger beside a text
        assert await amiss(wall.tab) == [], name
        assert stale or not wall.tab.said, name
        path = home / f"{name}.png"
        await wall.tab.screenshot(path)
        picture = path.read_bytes()
        async with browser.tab() as desk:
            path.write_bytes(await reduced(desk, picture))
        assert size(path.read_bytes()) == size(picture)
        assert 5_000 < path.stat().st_size < LARGEST, name

    return shoot


async def sized(tab, width, height, scheme="dark"):
    """Another screen, once the page is laid out on it."""
    await tab.show(width, height, scheme)
    await tab.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def amiss(tab):
    return await tab.run(AMISS.replace("WHOLE", repr(WHOLE)).replace("PARTS", repr(PARTS)))


async def seen(wall, selector):
    return [" ".join(text.split()) for text in await wall.tab.texts(selector)]


async def fits(wall, where=""):
    """On no screen of a control room anything is cut, lies on anything else, or is beside it."""
    for width, height in ((1366, 768), (1920, 1080)):
        await sized(wall.tab, width, height)
        assert await amiss(wall.tab) == [], f"{where} {width}x{height}"
        assert await wall.tab.run(ON_ONE_SCREEN), f"{where} {width}x{height}"


# --- the board --------------------------------------------------------------------------------------------------------


async def test_calm(wall, shoot):
    await wall.open()
    await fits(wall, "calm")
    assert await wall.tab.run("document.querySelectorAll('.commune.up').length") == 56
    assert (await seen(wall, ".tile.up .value"))[0] == "56"
    assert await seen(wall, "#banners > *, #windows > *, .row") == []
    await shoot("calm")


async def test_cut(wall, shoot):
    screens.cut(wall.facts)
    await wall.open()
    await fits(wall, "cut")
    assert [await seen(wall, f".tile.{kind} .value") for kind in ("isolated", "on_backup", "battery")] == [
        ["6"],
        ["2"],
        ["2"],
    ]
    assert len(await seen(wall, ".cut_off .row")) == 6
    assert (await seen(wall, "#incidents .title"))[-1].startswith("Cáp cb-cable-4")
    assert "6 xã cô lập" in " ".join(await seen(wall, "#incidents .row"))
    assert len(await seen(wall, ".dark .row")) == 2
    assert "Thay cáp vòng 1" in (await seen(wall, "#windows p"))[0]
    await shoot("cut")
    await sized(wall.tab, 1920, 1080, "light")
    await shoot("light", scheme="light")
    await wall.open("?lang=en")
    await fits(wall, "cut, in English")
    await shoot("cut-en")


async def test_storm(wall, shoot):
    screens.storm(wall.facts)
    await wall.open()
    await fits(wall, "storm")
    assert (await seen(wall, "#windows p"))[0].startswith("Bão số 7 · cấp độ rủi ro 4 · đang ảnh hưởng · còn 18 giờ 59 phút")
    assert len(await seen(wall, ".dark .row")) >= 2
    assert await seen(wall, "#incidents .causes li") != []
    await shoot("storm")
    await wall.open("?lang=vi&view=wall")
    await fits(wall, "storm, large type")
    await shoot("wall")
    await wall.tab.show(390, 844)
    await wall.open()
    assert await wall.tab.run("document.documentElement.scrollWidth") == 390
    await shoot("phone")


async def test_stale(wall, shoot):
    screens.cut(wall.facts)
    await wall.open()
    assert not wall.tab.said
    await wall.listener.stop()
    await wall.tab.eventually("document.body.classList.contains('stale')")
    assert (await seen(wall, ".banner.stale"))[0].startswith("Dữ liệu cũ từ ")
    await fits(wall, "stale")
    await shoot("stale", stale=True)
    await wall.start()


# --- what is opened from it -------------------------------------------------------------------------------------------


async def test_the_pages_of_a_commune_and_a_device(wall, shoot):
    screens.cut(wall.facts)
    await wall.open()
    for route, title, name in (
        (f"commune/{COMMUNE}", "Xã Trùng Khánh", "commune"),
        (f"device/{STATION}", STATION, "device"),
    ):
        await wall.tab.run(f"location.hash = '#/{route}'")
        await wall.tab.eventually(f"document.querySelector('#page .unit:not([hidden]) h2')?.textContent === {title!r}")
        assert len(await seen(wall, "#page .unit:not([hidden]) .panel")) > 4
        for width, height in ((1366, 768), (1920, 1080)):
            await sized(wall.tab, width, height)
            assert await amiss(wall.tab) == [], f"{name} {width}x{height}"
        await shoot(name)
    await wall.tab.run(f"document.querySelector('[data-lang=en]').click(); location.hash = '#/commune/{COMMUNE}'")
    await wall.tab.eventually(
        "document.querySelector('#page .unit:not([hidden]) h2')?.textContent === 'Trung Khanh Commune'"
    )
    await shoot("commune-en")


async def test_the_dialogs(wall, shoot):
    screens.cut(wall.facts)
    await wall.open()
    await wall.enter()
    await wall.click("#keys")
    assert len(await seen(wall, "#help kbd")) > 12
    await shoot("keys")
    await wall.tab.run("document.getElementById('help').close()")
    await wall.click("#search")
    await wall.tab.eventually("document.querySelector('#find').open")
    await wall.tab.run(
        "(box => { box.value = 'trung khanh'; box.dispatchEvent(new Event('input', { bubbles: true })); })"
        "(document.querySelector('#find input'))"
    )
    await wall.tab.eventually("document.querySelectorAll('#hits li').length > 2")
    assert "Trùng Khánh" in (await seen(wall, "#hits li"))[0]
    await shoot("search")
    await wall.tab.run("document.getElementById('find').close()")
    await wall.click(".incident .title")
    await wall.tab.eventually("document.querySelectorAll('#book .entries li').length === 5")
    assert INCIDENT in (await seen(wall, "#book h2"))[0]
    assert any("18008119" in text for text in await seen(wall, "#book .circuits li")), "the hotline to call"
    await shoot("incident")
    bottom = "document.querySelector('#book .deeds').getBoundingClientRect().bottom"
    assert await wall.tab.run(f"{bottom} < innerHeight"), "nobody scrolls to take it on"

"""The search as a real browser shows it."""

import json
from dataclasses import replace

import pytest

from netmon.units import Register
from tests.web.places import Wall
from tests.web.test_page import HOSTILE
from tests.web.test_wallboard import unit

STATUS = "document.querySelector('#find .said').textContent"


@pytest.fixture
async def wall(browser):
    async with browser.tab() as tab:
        wall = Wall(tab)
        wall.url = f"http://{await wall.listener.start()}"
        await tab.show(1366, 768)
        yield wall
        wall.facts.held.set()
        await wall.listener.stop()


async def find(wall, text):
    """Opens the search if it is closed, and types."""
    if not await wall.tab.run("document.querySelector('#find').open"):
        await wall.tab.run("document.querySelector('#search').click()")
        await wall.tab.eventually("document.querySelector('#find').open")
    box = "document.querySelector('#find input')"
    await wall.tab.run(f"{box}.value = {json.dumps(text)}, {box}.dispatchEvent(new Event('input', {{ bubbles: true }}))")


async def test_what_is_typed_is_found_chosen_with_arrows_and_opened_with_enter(wall):
    await wall.open()
    await wall.tab.press("/", 191)
    await wall.tab.eventually("document.querySelector('#find').open")
    assert await wall.tab.run("document.activeElement === document.querySelector('#find input')")
    await find(wall, "CB-f1")
    await wall.tab.eventually("document.querySelectorAll('#find .hits li').length > 1")
    hits = await wall.tab.texts("#find .hits li > *")
    assert hits[:3] == ["Mất", "CB-f1", "Tuyến · f1 · Xã 01301"], "state in words, name, kind and commune"
    shape = "document.querySelector('#find .hits path').className.baseVal"
    assert await wall.tab.run(shape) == "mark cross down"
    await find(wall, "01302")
    await wall.tab.eventually("document.querySelector('#find .hits b')?.textContent === 'Xã 01302'")
    assert await wall.tab.texts("#find .about") == ["Đơn vị · 01302"]
    await find(wall, "r1")
    await wall.tab.eventually("document.querySelector('#find .hits b')?.textContent === 'r1'")
    await wall.tab.press("ArrowDown", 40)
    await wall.tab.press("ArrowUp", 38)
    selected = "document.querySelector('#find [aria-selected=true]')"
    assert await wall.tab.run(
        f"{selected}.id === document.querySelector('#find input').getAttribute('aria-activedescendant')"
    )
    await wall.tab.press("Enter", 13)
    await wall.shown()
    assert await wall.tab.run("location.hash") == "#/device/r1"
    assert not await wall.tab.run("document.querySelector('#find').open")
    assert not wall.tab.said


async def test_a_later_question_takes_the_place_of_one_that_is_under_way(wall):
    await wall.open()
    wall.facts.held.clear()
    await find(wall, "0130")
    await wall.tab.eventually(f"{STATUS} === 'Đang tìm…'")
    await find(wall, "01305")
    await wall.tab.press("Enter", 13)  # before the answer came
    wall.facts.held.set()
    await wall.tab.eventually("location.hash === '#/commune/01305'")
    assert not wall.tab.said


async def test_nothing_found_and_a_failure_are_said_clearly_and_escape_closes(wall):
    await wall.open(query="?lang=en")
    await find(wall, "<b>nobody</b>")
    await wall.tab.eventually(f"{STATUS} === 'Nothing found for “<b>nobody</b>”.'")
    assert not await wall.tab.texts("#find .hits li")
    wall.facts.fails = True
    await find(wall, "r1")
    await wall.tab.eventually(f"{STATUS} === 'The search failed: netmon does not answer.'")
    wall.facts.fails = False
    await find(wall, "r1")
    await wall.tab.eventually(f"{STATUS}.includes('hit')")
    await find(wall, "")
    assert await wall.tab.run(STATUS) == ""
    await wall.tab.press("Escape", 27)
    await wall.tab.eventually("!document.querySelector('#find').open")
    assert await wall.tab.run("location.hash") == "#/"


async def test_a_site_that_is_found_is_shown_in_its_commune_and_names_are_only_text(wall):
    world = wall.facts.world
    sites = {key: replace(site, name=f"{HOSTILE} {key}") for key, site in world.inventory.sites.items()}
    world.reload(replace(world.inventory, sites=sites))
    communes = [unit(f"0{1300 + n}", name=HOSTILE) for n in range(20)]
    wall.facts.over |= {"register": Register([unit("04", ""), *communes])}
    await wall.open()
    await find(wall, "s1")
    await wall.tab.eventually("document.querySelectorAll('#find .hits li').length > 0")
    assert HOSTILE in (await wall.tab.texts("#find .hits b"))[0]
    assert HOSTILE in (await wall.tab.texts("#find .about"))[0]
    await wall.tab.run("document.querySelector('#find .hits li').click()")
    await wall.shown()
    assert await wall.tab.run("location.hash") == "#/site/s1"
    assert await wall.tab.run("window.pwned") is None
    assert await wall.tab.run("document.querySelectorAll('#find img, #page img').length") == 0

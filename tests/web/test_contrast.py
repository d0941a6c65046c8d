"""What axe-core finds on the wallboard and its pages against WCAG 2.1, levels A and AA: nothing, in any theme."""

from importlib.resources import files

import pytest

from tests.web import states
from tests.web.states import FAST, Wall

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
CHECK = """axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"] }).then(
    ({ violations, passes }) => [violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((node) =>
        `${node.html.slice(0, 90)} ${node.any[0]?.message ?? ""}`).join(" | ")}`), passes.length])"""
THEMES = {"dark": ("dark", ""), "light": ("light", ""), "wall": ("dark", "&view=wall")}
STALE = "document.body.classList.contains('stale')"


@pytest.fixture(params=THEMES)
def theme(request):
    return request.param


@pytest.fixture
async def wall(browser, theme):
    scheme, query = THEMES[theme]
    async with browser.tab() as tab:
        wall = Wall(tab)
        await wall.start()
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=FAST)
        await tab.show(1920, 1080, scheme)
        wall.query = f"?lang=vi{query}"
        yield wall
        await wall.listener.stop()


async def violations(tab):
    """What is wrong with what is on the screen. axe comes over DevTools: netmon does not serve it."""
    if await tab.run("!window.axe"):
        await tab.run(f"{AXE}; true")
    found, passes = await tab.run(CHECK)
    assert passes > 10, "it looked"
    return found


async def test_the_board_is_legible_to_everyone_calm_or_not_and_when_it_is_stale(wall):
    states.calm(wall.facts)
    await wall.open(wall.query)
    assert await violations(wall.tab) == [], "calm"
    states.storm(wall.facts)
    await wall.tab.eventually("document.querySelectorAll('.incident').length === 16")
    assert await violations(wall.tab) == [], "storm"
    await wall.listener.stop()
    await wall.tab.eventually(STALE)
    assert await violations(wall.tab) == [], "stale"
    await wall.start()


ONE_TYPE = pytest.mark.parametrize("theme", ["dark", "light"], indirect=True)
"""Colours are those of either theme, whatever the type."""


@ONE_TYPE
async def test_every_dialog_is_legible_to_everyone(wall):
    states.cut(wall.facts)
    await wall.open(wall.query)
    await wall.enter()
    for opener, dialog in (("#keys", "help"), ("#opening", "by-hand"), (".incident .title", "book"), ("#search", "find")):
        await wall.click(opener)
        await wall.tab.eventually(f"document.getElementById('{dialog}').open")
        assert await violations(wall.tab) == [], dialog
        await wall.tab.run(f"document.getElementById('{dialog}').close()")
    await wall.click("#key")
    await wall.click("#key")
    assert await violations(wall.tab) == [], "token"


@ONE_TYPE
async def test_the_pages_of_a_commune_and_a_device_are_legible_to_everyone(wall):
    states.cut(wall.facts)
    code = wall.facts.wallboard()["provinces"][0]["communes"][7]["code"]
    await wall.open(wall.query)
    for route in (f"#/commune/{code}", "#/device/r7"):
        await wall.tab.run(f"location.hash = '{route}'")
        await wall.tab.eventually("document.querySelectorAll('#page svg').length > 0")
        assert await violations(wall.tab) == [], route


@pytest.mark.parametrize("theme", ["light"], indirect=True)
async def test_on_a_phone_as_well(wall):
    states.storm(wall.facts)
    await wall.tab.show(390, 844, "light")
    await wall.open(wall.query)
    assert await violations(wall.tab) == []


TEXTS = {"--text", "--muted", "--faint", "--warn"}
MARKS = {"--up", "--on-backup", "--isolated", "--unreachable", "--unknown", "--battery"}


async def test_text_stands_out_four_and_a_half_times_and_marks_three_times_wherever_they_stand(wall):
    """What axe cannot see: names on the map, with lines and marks beneath."""
    await wall.open(wall.query)
    style = "getComputedStyle(document.documentElement)"
    colours = {
        name: (await wall.tab.run(f"{style}.getPropertyValue('{name}')")).strip()
        for name in TEXTS | MARKS | {"--ground", "--raised"}
    }
    for ground in ("--ground", "--raised"):
        for name in TEXTS | {"--isolated"}:  # a missed target is said in the colour of what is isolated
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for name in MARKS:
            assert contrast(colours[name], colours[ground]) >= 3, (name, ground)


def contrast(one, other):
    """WCAG 2.1, 1.4.3: of the relative luminances of two colours like "#0e1318" or "#fff"."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

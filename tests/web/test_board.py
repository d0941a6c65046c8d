"""The wallboard in its states, as somebody on shift uses it: by eye, by keyboard, from afar, on a phone and on paper."""

import base64

import pytest

from netmon.units import Register
from netmon.web.board import Board
from tests.web import states
from tests.web.states import FAST, Wall
from tests.web.test_wallboard import unit

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
HERE = "document.activeElement"
CODE = f"{HERE}.dataset.code"


@pytest.fixture
async def wall(browser):
    async with browser.tab() as tab:
        wall = Wall(tab)
        await wall.start()
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=FAST)
        await tab.show(1920, 1080)
        yield wall
        said = list(tab.said)  # once netmon stops the page asks in vain, and the browser says so
        await wall.listener.stop()
        assert not said
        assert await tab.run("window.refused") is None


async def press(wall, *keys):
    for key in keys:
        if key in KEYS:
            await wall.tab.press(key, KEYS[key])
        else:
            await wall.tab.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
            await wall.tab.call("Input.dispatchKeyEvent", type="keyUp", key=key)


def is_seen(selector):
    """Whether an element lies wholly on the screen."""
    box = f"document.querySelector({selector!r}).getBoundingClientRect()"
    return (
        f"(b => b.width > 0 && b.top >= 0 && b.left >= 0 && b.bottom <= innerHeight + 1 && b.right <= innerWidth + 1)({box})"
    )


# --- by eye -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["?lang=vi", "?lang=vi&view=wall"])
@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768)])
async def test_in_a_storm_all_that_matters_stands_on_the_screen(wall, size, query):
    states.storm(wall.facts)
    await wall.tab.show(*size)
    await wall.open(query)
    assert await wall.tab.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [*size]
    for selector in (
        "#windows .toll",
        "#map",
        "#incidents",
        ".cut_off .row",
        ".list.dark h3",
        ".list.down h3",
        "#targets",
        "footer",
    ):
        assert await wall.tab.run(is_seen(selector)), selector
    share = "document.querySelector('#map').offsetHeight / innerHeight"
    assert await wall.tab.run(share) > (0.2 if "wall" in query else 0.3), "targets do not push the map away"
    lines = await wall.tab.texts("#rules .title")
    assert len(lines) >= (1 if "wall" in query else 12)
    assert any(line.startswith("Lưu lượng phân vị 95") for line in lines), "the target that is missed never gives way"
    cut = (
        "[...document.querySelectorAll('#rules tr')].filter(line => line.getBoundingClientRect().height > 0 && "
        "line.getBoundingClientRect().bottom > document.querySelector('#targets').getBoundingClientRect().bottom + 1)"
    )
    assert await wall.tab.run(f"{cut}.length") == 0, "no half line"
    assert len(await wall.tab.texts(".cut_off .row")) >= 2
    lists = "document.querySelector('#lists')"
    assert await wall.tab.run(f"{lists}.scrollHeight <= {lists}.clientHeight + 1")


@pytest.mark.parametrize("view", ["desk", "wall"])
async def test_the_longest_name_and_the_largest_numbers_have_room_in_the_header(wall, view):
    states.calm(wall.facts)
    units = [unit(f"{n:05}", name=f"Phường Số {n}") for n in range(168)]
    city = unit("04", "", kind="thanh_pho", name="Thành phố Hồ Chí Minh", name_en="Ho Chi Minh City")
    wall.facts.over |= {"register": Register([city, *units])}
    await wall.open(f"?lang=vi&view={view}")
    largest = {".tile .value": "48", ".tile.up .value": "168", ".tile.devices .value": "4950", ".tile .of": "/5000"}
    for place, number in largest.items():
        every = f"document.querySelectorAll('{place}').forEach((node) => {{ node.textContent = '{number}'; }})"
        await wall.tab.run(f"{every}, true")
    assert await wall.tab.run("(head => head.scrollWidth <= head.clientWidth)(document.querySelector('header'))")
    assert await wall.tab.run(is_seen("#clock"))


async def test_large_type_can_be_read_from_five_metres(wall):
    """A screen of 55 inches has 0.63 mm a pixel: letters of 14 mm, 1/350 of the distance, are of type of 31 pixels."""
    states.storm(wall.facts)
    await wall.open("?view=wall")
    sizes = "[...document.querySelectorAll('.tile .value, .cut_off .row .title, .commune.loud .name')]"
    found = await wall.tab.run(f"{sizes}.map(node => parseFloat(getComputedStyle(node).fontSize))")
    assert min(size for size in found if size) >= 31


async def test_links_between_communes_lie_under_their_marks_and_say_their_state_twice(wall):
    states.cut(wall.facts)
    await wall.open()
    lines = "[...document.querySelectorAll('#lines .line')]"
    seen = await wall.tab.run(f"{lines}.map(line => line.getAttribute('class'))")
    assert seen.count("line up") == 53
    assert sorted(set(seen)) == ["line down", "line part", "line up"]
    assert seen[-1] == "line down", "what is lost lies on top"
    style = "(n => [getComputedStyle(n).strokeDasharray, parseFloat(getComputedStyle(n).strokeWidth)])"
    looks = [await wall.tab.run(f"{style}(document.querySelector('#lines .{kind}'))") for kind in ("up", "part", "down")]
    assert len({dash for dash, _ in looks}) == 3, "not by colour alone"
    assert [width for _, width in looks] == sorted(width for _, width in looks)
    order = "document.querySelector('#lines').compareDocumentPosition(document.querySelector('#dots'))"
    assert await wall.tab.run(order) == 4, "the marks are drawn after the lines"
    assert await wall.tab.texts("#legend li") == ["Tuyến mất", "Tuyến mất một phần", "Tuyến bình thường"]


async def test_who_goes_dark_next_is_counted_down(wall):
    states.cut(wall.facts)
    await wall.open()
    assert await wall.tab.texts(".list.dark h3 span") == ["Sắp mất nguồn", "1"]
    assert await wall.tab.texts(".list.dark .lasting") == ["còn 2 giờ 05 phút"]
    assert (await wall.tab.texts(".list.dark .since"))[0].count(":") == 2
    wall.facts.world.now += 7000
    wall.facts.world.network.isolated_since = 0
    await wall.tab.eventually("document.querySelector('.list.dark .lasting').textContent === 'còn 8 phút'")
    assert await wall.tab.run("document.querySelector('.list.dark .row').classList.contains('soon')")


async def test_incidents_are_counted_by_cause_with_the_age_of_the_oldest(wall):
    states.storm(wall.facts)
    await wall.open()
    assert await wall.tab.texts("#incidents .causes li") == [
        "6Đứt cáp15 phút", "5Mất điện13 phút", "5Chưa rõ nguyên nhân14 phút",
    ]  # fmt: skip


async def test_a_storm_says_its_phase_what_is_left_and_what_it_did_to_its_area(wall):
    states.storm(wall.facts)
    await wall.open()
    assert await wall.tab.texts("#windows p") == ["Bão số 12 · cấp độ rủi ro 4 · đang ảnh hưởng · còn 5 giờ 33 phút"]
    assert await wall.tab.texts("#windows .toll li") == ["16 xã mất kết nối", "7 dự phòng"]
    assert await wall.tab.run("[...document.querySelectorAll('.steps i')].map(step => step.className)") == [
        "past",
        "now",
        "",
    ]
    wall.facts.windows["storms"][0] |= {"phase": "recover", "back": 3}
    await wall.tab.eventually("document.querySelectorAll('#windows .toll li').length === 3")
    assert (await wall.tab.texts("#windows .toll li"))[2] == "3 khôi phục"
    wall.facts.windows["storms"][0]["areas"] = [wall.facts.wallboard()["provinces"][0]["communes"][0]["code"]]
    await wall.tab.eventually("document.querySelector('#windows .toll li').textContent === '1 xã mất kết nối'")


async def test_figures_of_targets_are_said_in_their_own_units(wall):
    states.cut(wall.facts)
    await wall.open("?lang=en")
    said = """import("./static/targets.js").then(({ figureOf }) =>
        ["capacity", "latency", "optical_margin", "redundancy", "availability"].map((rule, n) =>
            figureOf({ number: String, percent: (value) => `${100 * value} %` }, { rule }, [25e6, 0.05, 3, 2, 0.5][n])))"""
    assert await wall.tab.run(said) == ["200\u00a0Mbit/s", "50\u00a0ms", "3\u00a0dB", "2", "50 %"]
    assert await wall.tab.run("document.querySelectorAll('.part.missed').length") == 1
    assert "97\u00a0%" in (await wall.tab.texts("#rules .named"))[0]


async def test_a_phone_scrolls_down_and_never_sideways(wall):
    await wall.tab.show(390, 844)
    states.storm(wall.facts)
    await wall.open()
    assert await wall.tab.run("document.documentElement.scrollWidth") == 390
    tops = (
        "['#windows', '#map', '#incidents', '#lists', '#targets', 'footer']"
        ".map(name => document.querySelector(name).getBoundingClientRect().top)"
    )
    order = await wall.tab.run(tops)
    assert order == sorted(order)
    assert len(await wall.tab.texts(".cut_off .row")) == 16, "whoever scrolls sees all"
    assert (await wall.tab.texts("#rules .shares"))[0].startswith("Không đạt")


async def test_it_is_light_and_asks_for_nothing_twice(wall):
    """All that is loaded, as it comes over the wire, with the first event of a stormy province of 56 communes."""
    states.storm(wall.facts)
    await wall.open()
    taken = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    files = await wall.tab.run(f"{taken}.reduce((sum, entry) => sum + entry.transferSize, 0)")
    event = len(Board(wall.facts.wallboard()).text().encode())
    assert files > 20_000
    assert files + event < 200_000
    assert len(set(wall.tab.requests)) == len(wall.tab.requests)


async def test_what_loads_at_first_is_little_even_where_nothing_is_zipped(browser):
    """All of it as it lies in the files, with the first event of a stormy province of 56 communes; the pages come later."""
    async with browser.tab() as tab:
        wall = Wall(tab)
        states.storm(wall.facts)
        await wall.start()
        await wall.open()
        loaded = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/static/'))"
        names = await wall.tab.run(f"{loaded}.map(({{ name }}) => name.split('/').at(-1))")
        files = await wall.tab.run(f"{loaded}.reduce((sum, entry) => sum + entry.decodedBodySize, 0)")
        page = await wall.tab.run("performance.getEntriesByType('navigation')[0].decodedBodySize")
        event = len(Board(wall.facts.wallboard()).text().encode())
        await wall.listener.stop()
    assert {"wallboard.js", "words.js", "wallboard.css", "print.css"} <= set(names)
    assert not {"pages.js", "pages.css"} & set(names)
    assert 100_000 < files + page + event < 200_000


async def test_the_pages_open_while_netmon_is_away_and_are_asked_for_until_they_come(wall):
    """They come by themselves, soon after the board; what could not be had then is asked for again."""
    later = "performance.now = (was => () => was() + 6_000)(performance.now.bind(performance)), true"
    states.cut(wall.facts)
    await wall.tab.call("Network.setBlockedURLs", urls=["*/spark.js"])
    await wall.open()
    await wall.tab.run(later)
    await wall.tab.eventually("performance.getEntriesByType('resource').some(({ name }) => name.endsWith('pages.js'))")
    await wall.tab.run("location.hash = '#/device/core'")
    await wall.tab.eventually("!!document.querySelector('#page .waiting')")
    await wall.tab.call("Network.setBlockedURLs", urls=[])
    await wall.tab.run(later)
    await wall.tab.eventually("!!document.querySelector('#page .unit')")
    await wall.listener.stop()
    await wall.tab.run("location.hash = '#/commune/01273'")
    await wall.tab.eventually("!!document.querySelector('#page .note')")
    await wall.start()
    await wall.tab.eventually("!document.body.classList.contains('stale')")
    wall.tab.said.clear()


async def test_the_tab_is_named_after_what_is_looked_at(wall):
    states.cut(wall.facts)
    await wall.open()
    name = await wall.tab.run("document.title")
    assert name.endswith("Cao Bằng · netmon")
    await wall.tab.run("location.hash = '#/device/core'")
    await wall.tab.eventually(f"document.title === {name.replace('Cao Bằng', 'core')!r}")
    await wall.tab.run("location.hash = '#/'")
    await wall.tab.eventually(f"document.title === {name!r}")


async def test_in_a_great_storm_a_wall_names_as_many_as_it_can(wall):
    """Rows are of one line before any goes, what is well says nothing, and causes are told with their age."""
    states.storm(wall.facts)
    await wall.open("?lang=vi&view=wall")
    assert await wall.tab.texts(".cut_off .tail") == []
    assert len(await wall.tab.texts(".cut_off .row")) >= 3
    assert len(await wall.tab.texts("#rules .title")) == 1, "the target that is missed"
    assert len(await wall.tab.texts("#incidents .causes .lasting")) == 3
    states.cut(wall.facts)
    await wall.tab.eventually("document.querySelectorAll('.cut_off .row').length === 1")
    assert len(await wall.tab.texts(".cut_off .tail")) == 1
    assert len(await wall.tab.texts("#rules .title")) >= 4


# --- by keyboard ------------------------------------------------------------------------------------------------------


async def test_the_map_and_each_list_is_one_stop_of_the_tab_key(wall):
    states.storm(wall.facts)
    await wall.open()
    stops = []
    what = f"""(here => here.closest("#map, #incidents, .list, #targets, header, footer")?.id
        || here.closest(".list")?.classList[1] || here.closest("header, footer")?.localName)({HERE})"""
    for _ in range(20):
        await press(wall, "Tab")
        stops.append(await wall.tab.run(what))
        assert await wall.tab.run(f"{HERE}.matches(':focus-visible')")
        if stops[-1] == "footer" and stops.count("footer") == 3:
            break
    assert stops[:7] == ["header", "map", "incidents", "cut_off", "on_backup", "dark", "down"]
    assert set(stops[7:]) == {"footer"}


async def test_arrows_lead_to_the_nearest_commune_and_enter_opens_its_page(wall):
    states.storm(wall.facts)
    await wall.open()
    await press(wall, "1")
    first = await wall.tab.run(CODE)
    assert await wall.tab.run(f"{HERE}.classList.contains('isolated')"), "the worst is where one begins"
    spot = f"(b => [b.x, b.y])({HERE}.querySelector('.mark').getBoundingClientRect())"
    place = {first: await wall.tab.run(spot)}
    for key, along in (("ArrowLeft", (0, -1)), ("ArrowUp", (1, -1)), ("ArrowRight", (0, 1)), ("ArrowDown", (1, 1))):
        before = await wall.tab.run(spot)
        await press(wall, key)
        code = await wall.tab.run(CODE)
        place[code] = after = await wall.tab.run(spot)
        axis, sign = along
        assert (after[axis] - before[axis]) * sign > 0, key
    assert len(place) >= 3
    name = (await wall.tab.texts("#tip p"))[0]
    assert (await wall.tab.run(f"{HERE}.getAttribute('aria-label')")).startswith(f"{name}: ")
    assert await wall.tab.run("document.querySelectorAll('.commune[tabindex=\"0\"]').length") == 1
    await press(wall, "Enter")
    await wall.tab.eventually(f"location.hash === '#/commune/{code}' && !document.querySelector('#page').hidden")
    assert not await wall.tab.texts("#facts")
    await press(wall, "Escape")
    await wall.tab.eventually("location.hash === '#/' && document.querySelector('#page').hidden")
    assert await wall.tab.run(CODE) == code, "where one was"


async def test_a_commune_that_falls_while_it_has_the_focus_keeps_it(wall):
    states.calm(wall.facts)
    await wall.open()
    code = wall.facts.wallboard()["provinces"][0]["communes"][5]["code"]
    await wall.focus(f'[data-code="{code}"]')
    wall.facts.world.dead = {"r5", "p5"}
    wall.facts.world.run(90)
    await wall.tab.eventually("document.querySelectorAll('.commune.isolated').length === 1")
    assert await wall.tab.run(CODE) == code
    assert (await wall.tab.texts("#tip p"))[1].startswith("Cô lập từ ")


async def test_each_key_does_what_the_dialog_of_keys_says(wall):
    states.storm(wall.facts)
    await wall.open()
    await press(wall, "?")
    assert await wall.tab.run("document.querySelector('#help').open")
    told = await wall.tab.texts("#help kbd")
    assert told == ["/", "↑", "↓", "←", "→", "Enter", "Esc", "1", "2", "3", "4", "5", "6", "7", "t", "w", "l", "p", "?"]
    await press(wall, "w")
    assert await wall.tab.run("document.documentElement.dataset.view") == "desk", "a dialog keeps keys to itself"
    await press(wall, "Escape")
    await press(wall, "w", "t", "l")
    root = "document.documentElement"
    assert await wall.tab.run(f"[{root}.dataset.view, {root}.dataset.theme, {root}.lang]") == ["wall", "light", "en"]
    await press(wall, "w")
    for key, place in enumerate(("#map", "#incidents", ".cut_off", ".on_backup", ".dark", ".down", "#targets"), 1):
        await press(wall, str(key))
        assert await wall.tab.run(f"!!{HERE}.closest('{place}')"), place
    await press(wall, "3", "ArrowDown")
    rows = "[...document.querySelectorAll('.cut_off a.title')]"
    assert await wall.tab.run(f"{rows}.indexOf({HERE})") == 1
    await wall.tab.run("window.print = () => { window.printed = true; }")
    await press(wall, "p")
    assert await wall.tab.run("window.printed")
    await press(wall, "/")
    await wall.tab.eventually("document.querySelector('#find').open")
    await press(wall, "t")
    assert await wall.tab.run(f"{root}.dataset.theme") == "light", "what is typed is no key"


async def test_an_address_leads_to_a_page_and_one_that_makes_no_sense_to_the_board(wall):
    states.calm(wall.facts)
    await wall.tab.open(f"{wall.url}/?lang=vi#/device/core")
    await wall.tab.eventually("!document.querySelector('#page').hidden && document.querySelector('#facts').hidden")
    for nonsense in ("#/commune/", "#/device/%E0%A4%A", "#/elsewhere/1"):
        await wall.tab.run(f"location.hash = '{nonsense}'")
        await wall.tab.eventually("document.querySelector('#page').hidden && !document.querySelector('#facts').hidden")


# --- on paper, and in time --------------------------------------------------------------------------------------------


async def test_paper_has_the_map_all_rows_and_all_targets_and_no_controls(wall):
    states.storm(wall.facts)
    await wall.open("?lang=vi&view=wall")
    pdf = await wall.tab.call("Page.printToPDF", preferCSSPageSize=True)
    body = base64.b64decode(pdf["data"])
    assert 1 <= body.count(b"/Type /Page\n") <= 3
    assert b"/MediaBox [0 0 841" in body, "A4, across"
    await wall.tab.call("Emulation.setEmulatedMedia", media="print")
    await wall.tab.run("dispatchEvent(new Event('beforeprint'))")
    assert len(await wall.tab.texts(".cut_off .row")) == 16
    assert len(await wall.tab.texts("#incidents .row")) == 16
    assert len(await wall.tab.texts("#rules tr")) == await wall.tab.run("document.querySelectorAll('#rules tr').length")
    assert await wall.tab.texts("footer, #search, #tip, button:not(.title)") == []
    assert await wall.tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    await wall.tab.call("Emulation.setEmulatedMedia", media="")
    await wall.tab.run("dispatchEvent(new Event('afterprint'))")
    assert len(await wall.tab.texts(".cut_off .row")) < 16

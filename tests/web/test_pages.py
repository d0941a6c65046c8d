"""The pages of communes and devices as a real browser shows them."""

import json
from dataclasses import replace

import pytest

from netmon.catalogue import DEVICE
from netmon.units import Register
from tests.web.places import CAPACITY, Wall
from tests.web.test_page import HOSTILE
from tests.web.test_wallboard import unit

PATHS = "[...document.querySelectorAll('#page .link[data-key=f1] .spark path')].map(path => path.getAttribute('d'))"
CONTRASTS = """
(() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0);
  const groundOf = (node) => {
    for (; node; node = node.parentElement) {
      const ground = parse(getComputedStyle(node).backgroundColor);
      if (ground.length === 3 || ground[3] === 1) return ground;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll('#page *, #find[open] *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const [text, ground] = [light(parse(getComputedStyle(node).color)), light(groundOf(node))];
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${node.className} ${node.textContent.slice(0, 30)}`);
  }
  return found;
})()
"""


@pytest.fixture
async def wall(browser):
    async with browser.tab() as tab:
        wall = Wall(tab)
        wall.url = f"http://{await wall.listener.start()}"
        await tab.show(1920, 1080)
        yield wall
        wall.facts.held.set()
        await wall.listener.stop()
        assert all(url.startswith(f"{wall.url}/") for url in tab.requests), "no request leaves"


async def test_a_commune_s_page_says_how_it_stands_why_and_on_what_it_hangs_in_both_languages(wall):
    await wall.open("#/commune/01301")
    assert await wall.text("#page h2") == "Xã 01301"
    assert (await wall.text("#page .status > *")).startswith("Cô lập từ ")
    why = "Mất tuyến cáp quang VNPT CB-f1; 4G/5G VNPT CB-b1 · Đứt cáp"
    assert await wall.text("#page .title .why") == why
    assert await wall.text("#page .title .about") == "Xã · mã 01301 · Xã 04 · Chỉ tiêu xấu nhất: Không đạt"
    assert "Mất cáp quang VNPT từ " in await wall.text("#page .link[data-key=f1] > .head > *")
    about = "f1 · tuyến chính · mã kênh CB-f1 · tslcd_2 · đi centre · hợp đồng 2 Mbit/s"
    assert await wall.text("#page .link[data-key=f1] .about") == about
    traffic = await wall.text("#page .link[data-key=f1] .spark .head > *")
    assert traffic.startswith("Chiều về xã 2,4 Mbit/s (120 % hợp đồng) "), "as its last slot had it"
    assert " trước ngưỡng 90 %: 1,8 Mbit/s Chiều từ xã đi " in traffic, "and how long ago that was"
    assert "Cô lập S1 UBND" in await wall.text("#page .site .top > *")
    assert "Không tới được p1 SNMP" in await wall.text("#page .site li > *")
    assert "Do mất r1" in await wall.text("#page .site li > *")
    outages = await wall.tab.texts("#page tbody tr")
    assert len(outages) == 10
    assert await wall.tab.texts("#page .of-outages button.more") == ["và 19 mục khác"]
    await wall.tab.run("document.querySelector('#page .of-outages button.more').click()")
    assert len(await wall.tab.texts("#page tbody tr")) == 29
    await wall.tab.run("document.querySelector('[data-lang=en]').click()")
    assert await wall.text("#page h2") == "01301 Commune"
    assert (await wall.text("#page .status > *")).startswith("Isolated since ")
    assert await wall.text("#page .title .why") == "Lost: fibre VNPT CB-f1; 4G/5G VNPT CB-b1 · Fibre cut"
    assert len(await wall.tab.texts("#page tbody tr")) == 29, "what was unfolded stays so"
    assert not wall.tab.said


async def test_a_sparkline_draws_what_was_measured_and_nothing_else(wall):
    """Slot 106 stands alone between two gaps, 100 to 105 and 107 to 111."""
    await wall.open("#/commune/01301")
    _, line, limit, *_ = await wall.tab.run(PATHS)
    top = CAPACITY * 1.2  # the day's most is above the capacity, which is on the scale whatever there is
    y = round(100 - 100 * 200_000 / top, 3)
    runs = line.split("M")[1:]
    assert [run.split(" ")[0] for run in runs] == ["0", "106", "112"]
    assert [run.rsplit("H", 1)[1] for run in runs] == ["100", "107", "288"]
    assert runs[1].startswith(f"106 {y:g}"[:8])
    assert limit.startswith("M0 ")
    assert await wall.tab.texts("#page .link[data-key=f1] .scale span") == ["2,4\u00a0Mbit/s", "0", "2\u00a0Mbit/s", "0"]
    plot = "document.querySelector('#page .link[data-key=f1] .plot')"
    sentence = (await wall.tab.run(f"{plot}.getAttribute('aria-label')")).replace("\u00a0", " ")
    assert sentence.startswith("Chiều về xã: thấp nhất 800 kbit/s, trung bình ")
    assert "cao nhất 2,4 Mbit/s; hiện tại 2,4 Mbit/s " in sentence
    assert " trước; ngưỡng 90 %: 1,8 Mbit/s; 11 khoảng không có số liệu." in sentence
    await wall.tab.run(f"{plot}.focus()")
    await wall.tab.press("Home", 36)
    for _ in range(106):
        await wall.tab.run(f"{plot}.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'ArrowRight', bubbles: true }}))")
    assert (await wall.text("#page .read")).endswith(": 1,6 Mbit/s")
    await wall.tab.press("ArrowLeft", 37)
    assert (await wall.text("#page .read")).endswith(": không có số liệu")
    assert await wall.tab.run("location.hash") == "#/commune/01301"
    middle = "(box => ({ clientX: box.left + box.width * 0.502, clientY: box.top + 3 }))(plot.getBoundingClientRect())"
    await wall.tab.run(f"(plot => plot.dispatchEvent(new PointerEvent('pointermove', {middle})))({plot})")
    at = await wall.tab.run(f"{plot}.querySelector('.cursor').getAttribute('x')")
    assert at == "144"


async def test_a_verdict_is_explained_in_place_when_somebody_asks(wall):
    await wall.open("#/commune/01301")
    assert await wall.tab.texts("#page .judged .standing") == ["Không đạt", "Không đạt"]
    facts = await wall.text("#page .judged[data-key=p95] .facts span")
    assert facts.startswith("Giá trị 97 % Mức yêu cầu 90 % Độ phủ số liệu 100 % · ")
    assert not wall.facts.explained
    button = "document.querySelector('#page .judged[data-key=p95] button')"
    await wall.tab.run(f"{button}.click()")
    await wall.tab.eventually("document.querySelectorAll('#page .words p').length === 2")
    assert await wall.tab.texts("#page .words p") == ["KHÔNG ĐẠT", "Kỳ: 7 ngày"]
    assert await wall.tab.run(f"{button}.getAttribute('aria-expanded')") == "true"
    await wall.tab.run("document.querySelector('[data-lang=en]').click()")
    await wall.tab.eventually("document.querySelector('#page .words').textContent === 'MISSED'")
    assert wall.facts.explained == [("p95", "01301", "vi"), ("p95", "01301", "en")]
    await wall.tab.run(f"{button}.click()")
    assert not await wall.tab.texts("#page .words p")
    wall.facts.fails = True
    await wall.tab.run(f"{button}.click()")
    await wall.tab.eventually(
        "document.querySelector('#page .words').textContent === 'The explanation could not be fetched.'"
    )


async def test_the_strip_tells_each_state_by_height_and_reads_it_out(wall):
    await wall.open("#/commune/01301")
    states = await wall.tab.run("[...document.querySelectorAll('#page .plot .span')].map(path => path.dataset.state)")
    assert states == ["up", "isolated"]
    shares = [share.replace("\u00a0", " ") for share in await wall.tab.texts("#page .totals li")]
    assert shares == ["Bình thường 29 ngày 22 giờ (99,72 %)", "Cô lập 2 giờ 00 phút (0,28 %)"]
    await wall.tab.run("document.querySelector('#page .strip .plot').focus()")
    for _ in range(2):
        await wall.tab.press("ArrowLeft", 37)
    assert (await wall.text("#page .strip .read")).startswith("Cô lập: ")
    assert (await wall.text("#page .strip .read")).endswith("(2 giờ 00 phút)")


async def test_a_device_with_hundreds_of_readings_is_a_few_lines_that_open(wall):
    wall.facts.many = {"r2": 399}
    await wall.open("#/device/r2")
    assert await wall.text("#page .of-readings .calm") == "Hiện 400 trên 657 trị số"
    assert len(await wall.tab.texts("#page .reading")) == 1
    line = await wall.text("#page summary > *")
    assert line == "Tốc độ của cổng, không phải của hợp đồng · 399 trị số 1 Gbit/s đến 2 Gbit/s 12 giây trước"
    assert await wall.text("#page .reading.old > *") == "Nhiệt độ của bộ phận · cpu 61,25 °C cũ, 2 giờ 00 phút trước"
    assert await wall.tab.run("document.querySelectorAll('#page .reading').length") == 1, "what is folded is not made"
    await wall.tab.run("document.querySelector('#page summary').click()")
    await wall.tab.eventually("document.querySelectorAll('#page .reading').length === 400")
    assert not wall.tab.said


async def test_a_core_with_many_links_shows_the_first_and_makes_the_rest_when_asked(wall):
    await wall.open("#/device/core")
    links = await wall.tab.texts("#page .link > .head .state")
    assert links == ["Mất", "Mất", *["Hoạt động"] * 4], "what is down stands first"
    assert await wall.tab.texts("#page .of-links button.more") == ["và 14 mục khác"]
    await wall.tab.run("document.querySelector('#page .of-links button.more').click()")
    assert await wall.tab.run("document.querySelectorAll('#page .link').length") == 20
    assert not await wall.tab.texts("#page .of-links button.more")


async def test_a_device_s_page_says_what_it_is_and_how_it_was(wall):
    await wall.open("#/device/p0", "?lang=en")
    assert await wall.text("#page h2") == "p0"
    identity = dict(zip(*[await wall.tab.texts(f"#page dl {part}") for part in ("dt", "dd")], strict=True))
    assert identity["Upstreams"] == "r0"
    assert identity["Addresses"] == "192.0.2.100"
    assert identity["Last poll"] == "12 s ago, answered"
    readings = dict(zip(*[await wall.tab.texts(f"#page .reading .{part}") for part in ("name", "value")], strict=True))
    assert readings["Mains"] == "there"
    assert readings["Voltage of the battery"] == "53.5\u00a0V"
    assert readings["Charge that is left in the battery"] == "92\u00a0%"
    assert readings["Relative humidity at a sensor · room"] == "–", "what is no number is none"
    assert await wall.tab.texts("#page .of-figures .head b") == ["Temperature of the air of a room · room"]
    assert await wall.tab.texts("#page .of-figures .scale span") == ["30\u00a0°C", "22\u00a0°C"]
    band = await wall.tab.run("document.querySelector('#page .of-figures .band').getAttribute('d')")
    assert band.count("Z") == 168
    assert "linkDown" in await wall.text("#page .of-notices li")
    assert await wall.tab.texts("#page .of-states .totals li") == [
        "Up 6 d 22 h (98.81\u00a0%)",
        "Down 2 h 00 min (1.19\u00a0%)",
    ]


async def test_an_unknown_place_says_so_with_a_way_back_and_the_back_button_and_reload_work(wall):
    await wall.open()
    await wall.go("#/commune/01301")
    await wall.shown()
    await wall.go("#/device/r1")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent === 'r1'")
    await wall.tab.run("history.back()")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent === 'Xã 01301'")
    await wall.tab.run("location.reload()")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent === 'Xã 01301'")
    await wall.go(f"#/device/{'%3Cimg%3E'}")
    await wall.tab.eventually(
        "document.querySelector('#page .note').textContent.includes('Không có thiết bị nào tên <img>.')"
    )
    assert not await wall.tab.texts("#page .unit")
    await wall.tab.run("document.querySelector('#page .back').click()")
    await wall.tab.eventually("document.querySelector('#page').hidden && !document.querySelector('#facts').hidden")


async def test_a_site_s_address_opens_its_commune_with_the_site_in_view(wall):
    await wall.open("#/site/s1")
    assert await wall.text("#page h2") == "Xã 01301"
    await wall.tab.eventually("document.activeElement.dataset.site === 's1'")


async def test_a_slow_answer_says_that_it_is_awaited_and_can_be_left(wall):
    wall.facts.held.clear()
    await wall.open()
    await wall.go("#/commune/01301")
    await wall.tab.eventually("document.querySelector('#page .note').textContent === 'Đang tải…'")
    assert await wall.tab.run("document.querySelector('#page').getAttribute('aria-busy')") == "true"
    await wall.later(4_000)
    await wall.tab.eventually("document.querySelector('#page .note').textContent.startsWith('netmon trả lời chậm')")
    await wall.tab.run("document.querySelector('#page .back').click()")
    await wall.tab.eventually("document.querySelector('#page').hidden")
    wall.facts.held.set()
    await wall.go("#/commune/01302")
    await wall.shown()
    assert await wall.text("#page h2") == "Xã 01302"
    assert not wall.tab.said, "what was left fails nobody"


async def test_a_page_follows_the_board_in_place_and_says_when_its_facts_are_old(wall):
    await wall.open("#/commune/01301")
    told = await wall.text("#page .told")
    assert told.startswith("Số liệu lúc ")
    await wall.tab.run("document.querySelector('#page .judged button').focus()")
    await wall.tab.run("document.querySelector('#page').scrollTop = 120")
    await wall.tab.run("document.querySelector('#page .link').seen = true")
    asked = len(wall.facts.asked)
    wall.facts.world.dead = set()
    wall.facts.world.run(60)
    await wall.later(10_500)
    await wall.tab.eventually("document.querySelector('#page .status .state').textContent === 'Bình thường'")
    assert len(wall.facts.asked) == asked + 1
    assert await wall.tab.run("document.querySelector('#page .link').seen"), "changed in place"
    assert await wall.tab.run("document.activeElement.getAttribute('aria-expanded')") == "false", "the focus stays"
    assert await wall.tab.run("document.querySelector('#page').scrollTop") == 120
    wall.facts.fails = True
    await wall.later(31_000)
    await wall.tab.eventually("document.querySelector('#page').classList.contains('stale')")
    assert (await wall.text("#page .told")).startswith("Dữ liệu cũ: số liệu lúc ")
    assert await wall.text("#page .status .state") == "Bình thường", "what was known last is still there"
    wall.facts.fails = False
    await wall.later(10_500)
    await wall.tab.eventually("!document.querySelector('#page').classList.contains('stale')")


async def test_an_incident_of_the_commune_opens_its_book(wall):
    await wall.open("#/commune/01301")
    assert await wall.tab.texts("#page .of-incidents button") == ["Đứt cáp · Cáp QL3"]
    await wall.tab.eventually("!document.querySelector('#page .of-incidents button').disabled")
    await wall.tab.run("document.querySelector('#page .of-incidents button').click()")
    await wall.tab.eventually("document.querySelector('#book').open")
    assert "2027-0001" in await wall.text("#book h2")


async def test_an_incident_of_a_province_that_is_not_chosen_opens_its_book_as_well(wall):
    units = [unit("01", "", kind="tinh"), unit("00001", "01"), unit("04", "", kind="tinh"), unit("01301")]
    wall.facts.over |= {"register": Register(units), "provinces": ("01", "04")}
    await wall.open("#/commune/01301")
    assert not await wall.tab.run("document.querySelectorAll('#incidents li').length"), "the other province is chosen"
    await wall.tab.eventually("!document.querySelector('#page .of-incidents button').disabled")
    await wall.tab.run("document.querySelector('#page .of-incidents button').click()")
    await wall.tab.eventually("document.querySelector('#book').open")
    assert "2027-0001" in await wall.text("#book h2")


async def test_names_from_outside_are_only_ever_text(wall):
    world = wall.facts.world
    inventory = world.inventory
    sites = {key: replace(site, name=HOSTILE) for key, site in inventory.sites.items()}
    links = {
        key: replace(link, operator=HOSTILE, circuit_id=HOSTILE, network=HOSTILE) for key, link in inventory.links.items()
    }
    world.reload(replace(inventory, sites=sites, links=links))
    names = {"name": HOSTILE, "name_en": HOSTILE}
    communes = [unit(f"0{1300 + n}", **names) for n in range(20)]
    wall.facts.over |= {"register": Register([unit("04", "", **names), *communes]), "scope": {"01301": HOSTILE}}
    await wall.open("#/commune/01301")
    for selector in ("h2", ".title .why", ".title .about", ".link .about", ".site b"):
        assert HOSTILE.lower() in (await wall.text(f"#page {selector}")).lower()
    await wall.go("#/device/r1")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent === 'r1'")
    assert HOSTILE in await wall.text("#page dd")
    assert await wall.tab.run("window.pwned") is None
    assert await wall.tab.run("document.querySelectorAll('#page img, #page script').length") == 0
    assert not wall.tab.said


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_all_text_can_be_read_and_a_phone_never_scrolls_sideways(wall, scheme):
    wall.facts.many = {"r2": 30}
    await wall.tab.show(390, 844, scheme)
    for route in ("#/commune/01301", "#/commune/01303", "#/device/r2"):
        await wall.open(route)
        assert await wall.tab.run(CONTRASTS) == []
        assert await wall.tab.run("document.documentElement.scrollWidth") == 390
    await wall.tab.show(1920, 1080, scheme)
    assert await wall.tab.run("(page => page.scrollWidth <= page.clientWidth)(document.querySelector('#page'))")


async def test_every_reading_that_is_one_or_nought_has_its_words(wall):
    """Else a door would be `1`. What is said of a device's own state is no reading."""
    own = {"netmon_device_up", "netmon_device_state", "netmon_device_explained"}
    told = {name for name, family in DEVICE.items() if family.en.startswith("1 ") and "device" in family.labels}
    await wall.open()
    flags = 'import("./static/words-pages.js").then(({ PAGE_WORDS }) => Object.keys(PAGE_WORDS.vi.flags))'
    assert set(await wall.tab.run(flags)) == told - own


async def test_both_languages_say_everything(wall):
    await wall.open()
    shapes = await wall.tab.run(
        """import("./static/words-pages.js").then(({ PAGE_WORDS }) => {
            const shape = (word) => Array.isArray(word) ? [word.length, word[3]] : typeof word === "object"
                ? Object.keys(word).sort().map((key) => [key, shape(word[key])]) : typeof word;
            return Object.values(PAGE_WORDS).map((words) => JSON.stringify(shape(words)));
        })"""
    )
    assert len(shapes) == 2
    assert shapes[0] == shapes[1]
    assert len(json.loads(shapes[0])) > 50

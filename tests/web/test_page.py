"""The wallboard as a real browser shows it."""

from dataclasses import replace
from itertools import combinations

import pytest

from netmon.darkness import Ends
from netmon.model import Device, Standing
from netmon.units import Register
from tests.test_network import World, province
from tests.web.states import FAST, Wall
from tests.web.test_wallboard import T0, register, unit, verdict

HOSTILE = '<img src=x onerror="window.pwned=1">\'"</script><script>window.pwned=2</script>'


@pytest.fixture
async def wall(browser):
    """A wall of 1920 x 1080 that is told at once."""
    async with browser.tab() as tab:
        wall = Wall(tab)
        wall.facts.tells = False
        await wall.start()
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=FAST)
        await tab.show(1920, 1080)
        yield wall
        await wall.listener.stop()
        assert tab.requests
        assert all(url.startswith(f"{wall.url}/") for url in tab.requests), "no request leaves"
        assert await tab.run("window.refused") is None, "the policy refused something"


def in_trouble():
    """One commune on its backup, then one cut off, then a lone device."""
    world = World(province(20)).run(60)
    world.oper_down = {world.inventory.links["f2"].near}
    world.run(300)
    world.dead = {"r1", "p1"}
    world.run(300)
    world.dead |= {"p4"}
    return world.run(330)


async def test_each_commune_is_a_mark_whose_shape_is_its_state(wall):
    wall.facts.show(in_trouble(), register=register(21), on_battery={"p3": T0})
    await wall.open()
    dots = "[...document.querySelectorAll('.commune')]"
    marks = dict(await wall.tab.run(f"{dots}.map(dot => [dot.dataset.code, dot.children[1].className.baseVal])"))
    assert len(marks) == 21
    assert marks["01300"] == "mark circle up"
    assert marks["01301"] == "mark square isolated"
    assert marks["01302"] == "mark triangle on_backup"
    assert marks["01320"] == "mark point none"
    assert await wall.tab.run("document.querySelectorAll('.commune .bolt:not([d=\"\"])').length") == 1
    assert list(marks)[-2:] == ["01302", "01301"], "the worst is drawn last, on top"
    names = await wall.tab.texts(".commune.loud .name")
    assert sorted(names) == ["01301", "01302"]


async def test_the_lists_say_it_in_vietnamese_and_in_english(wall):
    wall.facts.show(in_trouble(), register=register(20), on_battery={"p3": T0})
    await wall.open("")
    assert await wall.tab.run("document.documentElement.lang") == "vi"
    assert await wall.tab.texts(".list h3 .title") == [
        "Cô lập, không tới được",
        "Dùng đường dự phòng",
        "Sắp mất nguồn",
        "Thiết bị mất kết nối",
    ]
    assert await wall.tab.texts(".cut_off .row .cause") == ["Mất tuyến cáp quang; 4G/5G"]
    assert await wall.tab.texts(".down .row .cause") == ["r1 không trả lời, kéo theo 1 thiết bị", "p4 không trả lời"]
    assert await wall.tab.texts(".row .lasting") == ["10 phút", "15 phút", "16 phút", "10 phút", "5 phút"]
    assert await wall.tab.texts(".tile .value") == ["18", "1", "1", "0", "0", "1", "39"]
    assert await wall.tab.texts(".share") == ["Không đạt 50\u00a0% (≥ 100\u00a0%)"]
    assert (await wall.tab.texts(".named"))[0] == "Không đạt: 01301 97\u00a0% · 01300 91\u00a0%"
    await wall.tab.run("document.querySelector('[data-lang=en]').click()")
    assert await wall.tab.run("document.documentElement.lang") == "en"
    assert await wall.tab.texts(".cut_off .row .cause") == ["Lost: fibre; 4G/5G"]
    assert await wall.tab.texts(".part.missed") == ["2", "2"]
    await wall.open("")
    assert await wall.tab.run("document.documentElement.lang") == "en", "the choice is kept"
    await wall.open("?lang=vi")
    assert await wall.tab.run("document.documentElement.lang") == "vi", "the address decides"
    assert not wall.tab.said


async def test_a_miss_by_a_hair_is_told_from_its_limit(wall):
    wall.facts.show(wall.facts.world, verdicts=[verdict("up", "01300", Standing.MISSED, 0.994999)])
    await wall.open()
    assert (await wall.tab.texts(".named"))[1] == "Không đạt: 01300 99,4999\u00a0%"


async def test_both_languages_say_everything(wall):
    """A word that one language lacks would read `undefined` on somebody's wall."""
    await wall.open()
    shapes = await wall.tab.run(
        """import("./static/words.js").then(({ WORDS }) => {
            const shape = (word) => typeof word === "object"
                ? Object.keys(word).sort().map((key) => [key, shape(word[key])]) : typeof word;
            return Object.values(WORDS).map((words) => JSON.stringify(shape(words)));
        })"""
    )
    assert len(shapes) == 2
    assert shapes[0] == shapes[1]


async def test_names_from_outside_are_only_ever_text(wall):
    world = World(province(3))
    inventory = world.inventory
    sites = {key: replace(site, name=HOSTILE) for key, site in inventory.sites.items()}
    links = {key: replace(link, operator=HOSTILE, circuit_id=HOSTILE) for key, link in inventory.links.items()}
    world.reload(replace(inventory, sites=sites, links=links))
    world.run(60)
    world.dead = {"r1", "p1"}
    world.oper_down = {links["f2"].near}
    world.run(120)
    names = {"name": HOSTILE, "name_en": HOSTILE}
    wall.facts.show(
        world,
        register=Register([unit("04", "", **names), *(unit(f"0130{n}", **names) for n in range(3))]),
        on_battery={"core": T0},
        scope={"01300": HOSTILE},
        version=HOSTILE,
        connections={HOSTILE: False},
    )
    await wall.open()
    assert HOSTILE in (await wall.tab.texts("h1"))[0]
    assert HOSTILE in (await wall.tab.texts(".dark .row .title"))[0]
    assert HOSTILE.upper() in (await wall.tab.texts(".cut_off .row .cause"))[0]
    assert HOSTILE in (await wall.tab.texts(".banner.lost"))[0]
    await wall.tab.run("document.querySelector('[data-code=\"01300\"]').focus()")
    assert HOSTILE in " ".join(await wall.tab.texts("#tip"))
    assert await wall.tab.run("window.pwned") is None
    assert await wall.tab.run("document.querySelectorAll('img').length") == 0
    assert not wall.tab.said


async def test_what_changes_is_changed_in_place(wall):
    await wall.open()
    await wall.tab.run("document.querySelector('[data-code=\"01301\"]').seen = true")
    wall.facts.world.dead = {"r1", "p1"}
    wall.facts.world.run(90)
    await wall.tab.eventually("document.querySelector('[data-code=\"01301\"]').classList.contains('isolated')")
    assert await wall.tab.run("document.querySelector('[data-code=\"01301\"]').seen")
    await wall.tab.run("document.querySelector('.cut_off .row').seen = true")
    wall.facts.world.run(120)
    await wall.tab.eventually("document.querySelector('.cut_off .lasting').textContent === '3 phút'")
    assert await wall.tab.run("document.querySelector('.cut_off .row').seen")
    wall.facts.world.dead = set()
    wall.facts.world.run(120)
    await wall.tab.eventually("!document.querySelector('.row')")
    assert await wall.tab.texts(".list .count") == ["Không có"] * 4


async def test_netmons_own_troubles_are_told_on_top(wall):
    wall.facts.world.dead = set(wall.facts.world.inventory.devices)
    wall.facts.world.run(120)
    wall.facts.over = {"connections": {"influx": False, "mqtt": False}, "ready": False}
    await wall.open("?lang=en")
    alone, broker, starting, influx = await wall.tab.texts(".banner")
    assert influx.startswith("InfluxDB"), "what explains no state is told last"
    assert alone.startswith("netmon is cut off since ")
    assert broker.startswith("The MQTT broker is away")
    assert starting.startswith("netmon has just started")
    assert (await wall.tab.texts(".tile.unknown .value")) == ["6"]
    assert await wall.tab.texts(".list .count") == ["Unknown"] * 4, "an empty list claims nothing"


async def test_a_wall_hides_what_does_not_fit_and_counts_it(wall):
    """Nobody scrolls a wall; the communes that are cut off give way last."""
    world = World(province(56)).run(60)
    world.oper_down = {world.inventory.links[f"f{n}"].near for n in range(20, 32)}
    for first in range(4):
        world.dead |= {f"{kind}{n}" for kind in "rp" for n in range(first, 20, 4)}
        world.run(300)
    wall.facts.show(world, register=register(56), on_battery={"p40": T0})
    await wall.open()
    assert await wall.tab.run("document.documentElement.scrollHeight") == 1080
    lists = "document.querySelector('#lists')"
    assert await wall.tab.run(f"{lists}.scrollHeight <= {lists}.clientHeight + 1")
    shown = [len(await wall.tab.texts(f".{kind} .row")) for kind in ("cut_off", "down")]
    assert shown[0] > shown[1] >= 1
    assert await wall.tab.texts(".cut_off .more") == [f"và {20 - shown[0]} mục khác"]
    assert len(await wall.tab.texts(".dark .row")) == 1


async def test_none_is_said_only_where_everything_is_known(wall):
    """A commune whose site has no link, and a device that never spoke: nothing is known of either, nor said."""
    world = wall.facts.world
    links = {key: link for key, link in world.inventory.links.items() if link.site != "s1"}
    new = Device(id="new", site="s1", addresses=("192.0.2.99",))
    world.reload(replace(world.inventory, links=links, devices={**world.inventory.devices, "new": new}))
    await wall.open()
    of_sites, of_devices = ["chưa rõ (1 xã)"] * 2, ["chưa rõ (1 thiết bị)"] * 2
    assert await wall.tab.texts(".list .count") == of_sites + of_devices, "no count of what the list holds"
    assert await devices_of(wall, "01301") == "Thiết bị1 chưa rõ"
    assert await devices_of(wall, "01302") == "Thiết bị2/2 bình thường"
    world.dead = {"p1"}
    world.run(90)
    await wall.tab.eventually("document.querySelector('.down .row') !== null")
    assert await devices_of(wall, "01301") == "Thiết bị1/3 mất kết nối, 1 chưa rõ"


async def devices_of(wall, code):
    """What the commune's tip says of its devices."""
    await wall.tab.run(f"document.querySelector('[data-code=\"{code}\"]').focus()")
    return (await wall.tab.texts("#tip p"))[2]


async def test_battery_that_nobody_confirms_is_said_to_be_last_known(wall):
    ends = {name: Ends(T0, None, None, None) for name in ("s1", "s3")}
    wall.facts.show(in_trouble(), register=register(20), on_battery={"p1": T0, "p3": T0}, ends=ends)
    await wall.open()
    said = dict(zip(*[await wall.tab.texts(f".dark .row .{part}") for part in ("title", "cause")], strict=True))
    assert said == {"01301": "Mất điện lưới (lần cuối biết)", "01303": "Mất điện lưới"}
    await wall.tab.run("document.querySelector('[data-code=\"01301\"]').focus()")
    assert "Nguồn điệnChạy ắc quy (lần cuối biết)" in await wall.tab.texts("#tip p")
    assert await wall.tab.run("document.querySelectorAll('.bolt.past').length") == 1


async def test_an_instant_that_has_no_date_leaves_the_rest_to_be_seen(wall):
    ends = {"s1": Ends(T0, 1e16, 1e16, 1e16), "s3": Ends(T0, T0 + 100, T0 + 200, T0 + 300)}
    wall.facts.show(in_trouble(), register=register(20), on_battery={"p1": T0, "p3": T0}, ends=ends)
    await wall.open()
    assert await wall.tab.texts(".dark .row .title") == ["01303", "01301"]
    assert "–" in (await wall.tab.texts(".dark .row .since"))[1]
    assert not wall.tab.said


async def test_who_is_dark_already_does_not_go_dark_next(wall):
    """netmon counts the site of p1, which is silent, no longer among those that go dark."""
    wall.facts.show(in_trouble(), register=register(20), on_battery={"p1": T0, "p3": T0})
    wall.facts.over |= {"ends": {"s3": Ends(T0, None, None, None)}}
    await wall.open()
    assert await wall.tab.texts(".dark .row .title") == ["01303", "01301"], "it stands last"
    assert await wall.tab.texts(".dark .row .cause") == ["Mất điện lưới", "Có thể đã mất nguồn"]
    world = World(province(44)).run(60)
    world.dead = {"r1", "p1"}
    world.run(90)
    ends = {f"s{n}": Ends(T0, None, None, None) for n in range(44) if n != 1}
    wall.facts.show(world, register=register(44), on_battery={"p1": T0}, ends=ends)
    last = "document.querySelector('.dark .row:last-child .cause')"
    await wall.tab.eventually(
        f"{last}?.textContent === 'Mất điện lưới (lần cuối biết)'"
    )  # of a list cut short none can tell


async def test_days_are_written_as_they_are_read(wall):
    wall.facts.show(in_trouble(), register=register(20), on_battery={"p3": T0 - 86_400 * 3})
    await wall.open()
    for language in ("vi", "en"):
        await wall.tab.run(f"document.querySelector('[data-lang={language}]').click()")
        assert (await wall.tab.texts(".dark .row .since"))[0].endswith(" 12/01")


async def test_a_name_that_must_be_there_is_pushed_inside_the_chart(wall):
    """Left, right, above or below: so near to the edge so long a name stands in none of these places."""
    await wall.open()
    spots = await wall.tab.run(
        """import("./static/map.js").then(({ nameplates }) => [true, false].map((must) => {
            const name = { code: "a", x: 120, y: 50, r: 5, width: 300, height: 16, must };
            return nameplates([name], [name], 390, 200).get("a") ?? null;
        }))"""
    )
    left = {"start": 0, "middle": 150, "end": 300}
    x = spots[0]["x"] - left[spots[0]["anchor"]]
    assert 0 <= x <= 90
    assert spots[1] is None


async def test_a_province_that_nobody_looks_at_still_raises_its_number(wall):
    world = in_trouble()
    sites = dict(world.inventory.sites)
    for n, province_code in ((1, "48"), (2, "48")):
        sites[f"s{n}"] = replace(sites[f"s{n}"], province=province_code, commune=f"2033{n}")
    world.reload(replace(world.inventory, sites=sites))
    both = Register(
        [
            unit("04", "", name="Tỉnh Cao Bằng"),
            unit("48", "", name="Thành phố Đà Nẵng"),
            unit("01300"),
            unit("20331", "48"),
            unit("20332", "48"),
        ]
    )
    wall.facts.show(world, register=both, provinces=("04", "48"))
    await wall.open()
    assert await wall.tab.texts("#provinces button") == ["Tỉnh Cao Bằng0", "Thành phố Đà Nẵng1"]
    assert await wall.tab.texts("#provinces .count") == ["1"]
    assert await wall.tab.run("document.title") == "(1) Cao Bằng · netmon"
    glyphs = "[...document.querySelectorAll('#provinces .glyph')].filter(node => node.getClientRects().length)"
    assert await wall.tab.run(f"{glyphs}.map(node => node.firstChild.className.baseVal)") == ["mark square isolated"]
    wall.facts.world.dead = set()
    wall.facts.world.run(120)
    await wall.tab.eventually("document.title === 'Cao Bằng · netmon'")
    assert not await wall.tab.texts("#provinces .count")


async def test_names_on_the_map_never_lie_over_each_other_nor_hide_a_bolt(wall):
    """When a whole city is cut off there is no room for its names: the marks stand alone, and the list names them."""
    world = World(province(60)).run(60)
    for first in range(4):
        world.dead |= {f"{kind}{n}" for kind in "rp" for n in range(first, 40, 4)}
        world.run(300)
    crowd = [
        unit(f"0{1300 + n}", latitude=16 + (n % 8) / 80, longitude=108 + (n // 8) / 80, name=f"Xã Tân Thuận Đông {n}")
        for n in range(60)
    ]
    outskirts = [unit("09999", latitude=17, longitude=110), unit("09998", latitude=15, longitude=106)]
    battery = {f"p{n}": T0 for n in range(60)}
    wall.facts.show(world, register=Register([unit("04", ""), *crowd, *outskirts]), on_battery=battery)
    await wall.open()
    boxes = """(selector => [...document.querySelectorAll(selector)].map(node => node.getBoundingClientRect())
        .filter(box => box.width).map(box => [box.left, box.right, box.top, box.bottom]))"""
    names = await wall.tab.run(f"{boxes}('.commune .name')")
    bolts = await wall.tab.run(f"{boxes}('.commune .bolt')")
    assert len(names) >= 4
    assert len(bolts) == 60
    assert max(covered(one, [other]) for one, other in combinations(names, 2)) < 0.1
    assert max(covered(name, bolts) for name in names) < 0.1


def covered(box, others):
    """How much of a box (left, right, top, bottom) lies under others, at most 1 where these are apart."""
    area = 0.0
    for other in others:
        wide = min(box[1], other[1]) - max(box[0], other[0])
        high = min(box[3], other[3]) - max(box[2], other[2])
        area += max(wide, 0.0) * max(high, 0.0)
    return area / ((box[1] - box[0]) * (box[3] - box[2]))


async def test_communes_of_one_name_are_told_apart_by_their_code(wall):
    """Lộc Thạnh and Lộc Thành are both Loc Thanh in English."""
    names = {"01300": ("Xã Lộc Thạnh", "Loc Thanh Commune"), "01301": ("Xã Lộc Thành", "Loc Thanh Commune")}
    names |= {
        "01302": ("Xã Mỹ Tho", "My Tho Commune"),
        "01303": ("Phường Mỹ Tho", "My Tho Ward"),
        "01304": ("Xã An", "An Commune"),
    }
    units = [unit(code, name=vi, name_en=en) for code, (vi, en) in names.items()]
    wall.facts.show(in_trouble(), register=Register([unit("04", ""), *units]))
    await wall.open("?lang=en")
    assert await wall.tab.texts(".cut_off .row .title") == ["Loc Thanh (01301)"]
    await wall.tab.run("document.querySelector('[data-code=\"01300\"]').focus()")
    assert (await wall.tab.texts("#tip p"))[0] == "Loc Thanh Commune (01300)"
    await wall.tab.run("document.querySelector('[data-lang=vi]').click()")
    assert await wall.tab.texts(".cut_off .row .title") == ["Lộc Thành"]
    assert await wall.tab.texts(".on_backup .row .title") == ["Mỹ Tho (01302)"]


async def test_a_name_cannot_turn_round_what_stands_beside_it(wall):
    """Bidirectional controls (U+202E and its kin) would make a reader read another text than was written."""
    turned = "Xã \u202eA\u2066B\u2069\u202c"
    wall.facts.show(in_trouble(), register=Register([unit("04", "", name=turned), unit("01301", name=turned)]))
    await wall.open()
    assert await wall.tab.texts("h1") == ["Xã AB"]
    assert await wall.tab.texts(".cut_off .row .title") == ["AB"]
    assert await wall.tab.run("document.title") == "(1) Xã AB · netmon"


async def test_a_tip_breaks_a_word_that_is_longer_than_it(wall):
    wall.facts.over = {"scope": {"01300": "x" * 900}}
    await wall.open()
    await wall.tab.run("document.querySelector('[data-code=\"01300\"]').focus()")
    assert await wall.tab.run("(tip => tip.scrollWidth <= tip.clientWidth)(document.querySelector('#tip'))")


async def test_what_is_not_proven_is_not_read_as_not_achieved(wall):
    share = verdict("all", "04", Standing.UNPROVEN, 0.0, kind="province")
    wall.facts.over = {"verdicts": [share, verdict("p95", "01300", Standing.UNPROVEN)]}
    await wall.open()
    assert await wall.tab.texts(".share") == ["mới đủ số liệu 0\u00a0% (≥ 100\u00a0%)"]


async def test_a_phone_shows_all_rows_and_never_scrolls_sideways(wall):
    await wall.tab.show(390, 844, "light")
    wall.facts.show(in_trouble(), register=register(20))
    await wall.open()
    assert await wall.tab.run("document.documentElement.scrollWidth") == 390
    assert await wall.tab.run("document.documentElement.dataset.theme") == "light"
    assert len(await wall.tab.texts(".row")) == 4


async def test_islands_far_out_stand_in_an_inset_and_leave_the_mainland_its_room(wall):
    """Đà Nẵng with Hoàng Sa: 400 km of sea would shrink the rest to a spot."""
    mainland = [unit(f"0130{n}", latitude=16 + n / 20, longitude=108 + n / 20) for n in range(6)]
    far = unit("20333", name="Đặc khu Hoàng Sa", kind="dac_khu", latitude=16.568, longitude=112.135)
    wall.facts.over = {"register": Register([unit("04", ""), *mainland, far])}
    await wall.open()
    assert "Hoàng Sa" in await wall.tab.texts(".commune .name")
    places = await wall.tab.run(
        "[...document.querySelectorAll('.commune')].map(g => [g.dataset.code, g.getBoundingClientRect().x])"
    )
    across = [x for code, x in places if code != "20333"]
    assert max(across) - min(across) > 300
    assert dict(places)["20333"] > max(across)

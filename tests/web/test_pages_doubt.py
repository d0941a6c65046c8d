"""What the pages of communes and devices say of what nobody knows to be so now."""

from dataclasses import replace
from math import nan

import pytest

from netmon.model import DeviceState, Speech
from tests.test_network import World, province
from tests.web.places import Gapped, Wall, with_stations
from tests.web.test_wallboard import register


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


async def test_what_nobody_can_confirm_is_said_to_be_last_known_and_a_rate_that_is_not_the_last_one_how_old_it_is(wall):
    facts, world = wall.facts, wall.facts.world
    facts.show(world, register=register(20), on_battery={"p1": world.now - 600})
    past, last = facts.past.rates, int(world.now // 300) - 1

    def late(link, end, first_k, count):
        told = past(link, end, first_k, count)
        told.receive[last - first_k] = told.transmit[last - first_k] = nan
        return told

    facts.past.rates = late
    world.now = (last + 1) * 300.0 + 30
    await wall.open("#/commune/01301")
    assert "chạy ắc quy (lần cuối biết)" in await wall.text("#page .of-power li > *")
    told = await wall.tab.texts("#page .link[data-key=f1] .spark .now")
    assert all(text.endswith(" trước") for text in told), told
    plot = "document.querySelector('#page .link[data-key=f1] .plot')"
    sentence = (await wall.tab.run(f"{plot}.getAttribute('aria-label')")).replace("\u00a0", " ")
    assert "; hiện tại " in sentence
    assert " trước; ngưỡng 90 %" in sentence, "the sentence says the same"
    assert not wall.tab.said


async def test_what_cannot_speak_is_unknown_and_never_said_to_have_its_mains(wall):
    world = with_stations(wall.facts.world)
    wall.facts.show(world, register=register(20))
    await wall.open("#/commune/01304")
    unsure, rest = "Chưa rõ ở 1/2 điểm", "Điểm còn lại không báo mất điện lưới"
    assert await wall.text("#page .of-power .calm") == f"{unsure}. {rest}"
    await wall.tab.run("document.querySelector('[data-lang=en]').click()")
    rest = "The other site does not report its mains lost"
    assert await wall.text("#page .of-power .calm") == f"Unknown at 1 of 2 sites. {rest}"
    await wall.go("#/commune/01305")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent.startsWith('01305')")
    assert await wall.text("#page .of-power .calm") == "None of 2 sites reports its mains lost"
    wall.facts.show(world, register=register(20), on_battery={"p4": world.now - 60})
    await wall.open("#/commune/01304", "?lang=en")
    assert await wall.text("#page .of-power .calm") == "Unknown at 1 of 2 sites", "beside the one that is on battery"


async def test_a_site_without_links_is_as_its_worst_device_and_english_is_left_to_the_pointer(wall):
    world = with_stations(wall.facts.world)
    tracks, said = world.network.tracks, "198.51.100.42:161 did not answer GET of 1.3.6.1"
    tracks["c4"] = tracks["c4"]._replace(detail=said)
    tracks["d4"] = tracks["d4"]._replace(state=DeviceState.UNREACHABLE, cause="core")
    wall.facts.show(world, register=register(20))
    await wall.open("#/commune/01304")
    row = "#page .site[data-site=t4]"
    assert await wall.text(f"{row} .top .state") == "Mất kết nối"
    assert (await wall.text(f"{row} .top .about")).startswith("Trạm BTS · từ ")
    assert await wall.tab.texts(f"{row} ul .why") == ["không trả lời", "Do mất core"]
    assert await wall.tab.run(f"document.querySelector('{row} ul .why').title") == said
    assert await wall.text("#page .site[data-site=s4] .top .state") == "Bình thường"
    assert said not in await wall.text("#page")
    await wall.go("#/device/c4")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent === 'c4'")
    assert await wall.text("#page .title .why") == "không trả lời"
    assert await wall.tab.run("document.querySelector('#page .title .why').title") == said
    await wall.tab.run("document.querySelector('[data-lang=en]').click()")
    assert await wall.text("#page .title .why") == "does not answer"
    await wall.go("#/commune/01305")
    await wall.tab.eventually("document.querySelector('#page h2')?.textContent.startsWith('01305')")
    assert await wall.text("#page .site[data-site=t5] .top .state") == "Up"


async def test_nothing_calm_is_said_while_netmon_itself_is_cut_off(wall):
    world = World(province(20)).run(60)
    world.dead = set(world.inventory.devices)
    wall.facts.show(world.run(600), register=register(20), verdicts=())
    await wall.open("#/commune/01303")
    assert (await wall.text("#page .status .state")) == "Chưa rõ"
    assert await wall.text("#page .of-incidents .calm") == "Chưa rõ"
    assert await wall.text("#page .of-power .calm") == "Chưa rõ ở 1/1 điểm"
    assert await wall.tab.texts("#page .site ul .why") == ["netmon bị cô lập"] * 2
    assert await wall.tab.texts("#page .link > .why") == ["netmon bị cô lập"] * 2
    assert (await wall.text("#page .title .about")).endswith("Chỉ tiêu xấu nhất: Chưa đánh giá")
    assert await wall.text("#page .of-targets .calm") == "Chưa đánh giá chỉ tiêu nào"


async def test_what_nobody_saw_is_a_place_of_its_own_on_a_strip(wall):
    wall.facts.past = Gapped(wall.facts.world.now, {})
    await wall.open("#/commune/01303", "?lang=en")
    shares = [share.replace("\u00a0", " ") for share in await wall.tab.texts("#page .totals li")]
    assert shares == ["Up 27 d 23 h (93.31 %)", "Suspect 10 min (0.02 %)", "Not watched 2 d 0 h (6.67 %)"]
    await wall.tab.run("document.querySelector('#page .strip .plot').focus()")
    read = []
    for _ in range(4):
        await wall.tab.press("ArrowLeft", 37)
        read.append((await wall.text("#page .strip .read")).partition(":")[0])
    assert read == ["Suspect", "Up", "Not watched", "Up"]
    assert await wall.text("#page .of-outages .calm") == "No outage seen; 2 d 0 h not watched"
    await wall.tab.run("document.querySelector('[data-lang=vi]').click()")
    outages = "Không ghi nhận lần mất kết nối nào; 2 ngày 0 giờ không theo dõi được"
    assert await wall.text("#page .of-outages .calm") == outages


@pytest.mark.parametrize("newest", [287, 280])
async def test_the_sentence_of_a_sparkline_agrees_with_the_api_where_there_are_gaps(wall, newest):
    slots = {3: 50_000.0, 4: 100_000.0, 90: 150_000.0, 200: 200_000.0, 201: 225_000.0, newest: 175_000.0}
    wall.facts.past = Gapped(wall.facts.world.now, slots)
    await wall.open("#/commune/01301", "?lang=en")
    told = await wall.tab.run("fetch('api/v1/communes/01301').then(answer => answer.json())")
    link = next(row for row in told["links"] if row["link"] == "f1")

    def rate(value):
        return f"{8 * value / 1e6:.3g} Mbit/s" if value >= 125_000 else f"{8 * value / 1e3:.3g} kbit/s"

    for n, way in enumerate(("receive", "transmit")):
        values = told["history"]["links"]["f1"][way]
        known = [value for value in values if value is not None]
        assert len(known) == 6
        now = f"now {rate(link['rate'][way])}" if newest == 287 else "none now"
        levels = f"least {rate(min(known))}, mean {rate(sum(known) / 6)}, most {rate(max(known))}"
        limit = f"limit 90 %: {rate(0.9 * link['capacity'][way])}"
        plot = f"document.querySelectorAll('#page .link[data-key=f1] .plot')[{n}]"
        sentence = (await wall.tab.run(f"{plot}.getAttribute('aria-label')")).replace("\u00a0", " ").partition(": ")[2]
        assert sentence.startswith(f"{levels}; {now}")
        assert f"; {limit}; {values.count(None)} slots without figures. " in sentence
    assert (link["rate"] is None) == (newest == 280)
    empty = await wall.tab.run("document.querySelector('#page .link[data-key=b1] .plot').getAttribute('aria-label')")
    assert empty == "Towards the commune: No figures yet."


async def test_why_a_link_or_a_device_is_unknown_is_said_in_words(wall):
    world, tracks = wall.facts.world, wall.facts.world.network.tracks
    links, devices = dict(world.inventory.links), dict(world.inventory.devices)
    links["b3"] = replace(links["b3"], near=None)
    devices["p3"] = replace(devices["p3"], addresses=(), speaks=Speech.MQTT)
    world.reload(replace(world.inventory, links=links, devices=devices))
    tracks["p3"] = tracks["p3"]._replace(state=DeviceState.UNKNOWN, outcome="local", detail="the broker is away")
    wall.facts.show(world, register=register(20), connections={"mqtt": False})
    await wall.open("#/commune/01303")
    witness = "#page .link[data-key=b3] > .why"
    assert await wall.text(witness) == "chưa khai báo cổng hay địa chỉ để kiểm tra"
    assert (await wall.tab.run(f"document.querySelector('{witness}').title")).startswith("It has no witness")
    assert await wall.tab.texts("#page .site ul .why") == ["mất kết nối với máy chủ MQTT"]
    assert await wall.text("#page .of-incidents .calm") == "1 thiết bị chưa rõ"

"""Incidents, storms and works on the wallboard, in a real browser: read by all, written by who has a token."""

from dataclasses import replace

import pytest
from aiohttp import web

from netmon.causes.words import CAUSES
from netmon.model import CauseClass, Entry, Impact, Subject, Verb
from tests.peers import LOOPBACK
from tests.web.desk import T0, Desk, incident
from tests.web.states import FAST, TOKEN, Told, Wall
from tests.web.test_page import in_trouble
from tests.web.test_wallboard import register

LAST = "document.querySelector('#book ol li').textContent"
HOSTILE = '<img src=x onerror="window.pwned=1">\u202etxt'


def in_the_book():
    """A province in trouble, and in the book the cut cable that explains it."""
    facts = Told()
    facts.show(in_trouble(), register=register(20))
    inventory = facts.world.inventory
    links = inventory.links | {
        "f1": replace(inventory.links["f1"], operator="viettel", circuit_id="CB-01301-VT-01", srlg=("QL3",)),
        "f2": replace(inventory.links["f2"], operator="mobifone"),
    }
    facts.desk = Desk(replace(inventory, links=links), incident(), now=facts.world.now)
    return facts


@pytest.fixture
async def wall(browser):
    async with browser.tab() as tab:
        wall = Wall(tab, in_the_book())
        await wall.start()
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=FAST)
        await tab.show(1920, 1080)
        yield wall
        await wall.listener.stop()


async def test_incidents_are_said_with_root_cause_impact_and_who_has_them_in_both_languages(wall):
    now = wall.facts.world.now
    wall.desk.kept["2027-0001"] = incident(corrected=CauseClass.FIBRE)  # as netmon found it: nothing stands beside it
    wall.desk.kept["2027-0002"] = incident(
        "2027-0002", root=Subject("device", "r5"), since=now - 300, members=(Subject("device", "r5"),),
        ever=(Subject("device", "r5"),), impact=Impact(stations=("a", "b")), corrected=CauseClass.POWER,
        acknowledged="web:lan", assigned="Tổ 3",
    )  # fmt: skip
    wall.desk.kept["2027-0003"] = incident("2027-0003", until=now)
    wall.desk.kept["2027-0004"] = incident("2027-0004", province="48")
    await wall.open()
    assert await wall.tab.texts("#incidents h3 span") == ["Sự cố đang diễn ra", "2"]
    assert await wall.tab.texts("#incidents .title[type]") == ["Cáp QL3", "01305 · r5"]
    assert await wall.tab.texts("#incidents .cause") == [
        "Đứt cáp · 1 xã cô lập · 1 xã dự phòng · 2 thiết bị/tuyến mất",
        "Mất điện (netmon: Đứt cáp) · 2 trạm BTS · 1 thiết bị/tuyến mất",
    ]
    assert await wall.tab.texts("#incidents .who") == ["Chưa ai nhận", "lan nhận, giao Tổ 3"]
    assert (await wall.tab.texts("#incidents .lasting"))[1] == "5 phút"
    await wall.tab.run("document.querySelector('[data-lang=en]').click()")
    assert (await wall.tab.texts("#incidents .cause"))[1] == "Power (netmon: Fibre cut) · 2 BTS · 1 device/link down"
    assert not wall.tab.said


async def test_the_page_names_causes_as_netmon_does_everywhere(wall):
    await wall.open()
    for n, language in enumerate(("vi", "en")):
        said = await wall.tab.run(f"import('./static/words.js').then(({{ WORDS }}) => WORDS.{language}.cause)")
        assert said == {cause.value: words[n][0].upper() + words[n][1:] for cause, words in CAUSES.items()}


async def test_a_calm_province_says_that_there_is_no_incident(wall):
    wall.desk.kept.clear()
    await wall.open()
    assert await wall.tab.texts("#incidents h3 span") == ["Sự cố đang diễn ra", "Không có"]
    assert await wall.tab.texts("#windows p") == []


async def test_a_netmon_that_tells_no_incidents_shows_no_panel(wall):
    wall.facts.tells = False
    await wall.open()
    assert await wall.tab.texts("#incidents *, #key, #opening") == []


async def test_the_keyboard_opens_the_book_with_circuit_and_hotline_and_without_a_token_it_is_only_read(wall):
    await wall.open()
    await wall.tab.run("document.querySelector('.incident .title').focus()")
    await wall.tab.press("Enter", 13)
    await wall.tab.call("Input.dispatchKeyEvent", type="char", text="\r")
    await wall.tab.eventually("document.querySelector('#book ol').children.length")
    assert await wall.tab.texts("#book h2") == ["Cáp QL3 · 2027-0001"]
    assert (await wall.tab.texts("#book .circuits li"))[0] == "CB-01301-VT-01VIETTEL · hotline 18008098 · cáp quang · 01301"
    assert "Bằng chứngf1: không có ánh sáng ở đầu thu" in await wall.tab.texts("#book dl > div")
    assert (await wall.tab.texts("#book ol li"))[0].endswith("netmonmở: mất 2"), (
        "netmon's own lines are read in one language"
    )
    assert await wall.tab.texts("#book .read-only") == ["Chỉ xem. Nhập mã truy cập để ghi vào sổ."]
    assert await wall.tab.texts("#book [data-deed]") == []
    await wall.tab.press("Escape", 27)
    await wall.tab.eventually("!document.querySelector('#book').open")


async def test_who_has_a_token_acknowledges_and_it_is_kept_out_of_every_address(wall):
    await wall.open()
    await wall.enter()
    await wall.click(".incident .title")
    await wall.tab.run("document.querySelector('#book textarea').value = 'Đã gọi Viettel'")
    await wall.click("[data-deed=acknowledge]")
    await wall.tab.eventually("document.querySelector('#book .said').textContent === 'Đã ghi.'")
    assert wall.desk.kept["2027-0001"].acknowledged == "web:lan"
    await wall.tab.eventually(f"{LAST}.endsWith('web:lannhận việc: Đã gọi Viettel')")
    await wall.tab.eventually("document.querySelector('.incident .who').textContent === 'lan nhận'")
    assert await wall.tab.run("document.querySelector('[data-deed=acknowledge]').disabled"), "it is taken"
    assert await wall.tab.run("document.querySelector('[data-deed=close]').disabled"), "two are still down"
    assert not any(TOKEN in url for url in wall.tab.requests)
    assert TOKEN not in await wall.tab.run("JSON.stringify(localStorage) + location.href + document.cookie")
    assert await wall.tab.run("sessionStorage.getItem('netmon.token')") == TOKEN
    await wall.tab.run("document.querySelector('#book .leave').click()")
    await wall.click("#key")
    assert await wall.tab.run("sessionStorage.length") == 0, "it is forgotten when somebody says so"
    assert not wall.tab.said


async def test_a_cause_is_corrected_and_what_is_restored_closed_and_reopened(wall):
    await wall.open()
    await wall.enter()
    await wall.click(".incident .title")
    await wall.tab.run("document.querySelector('#book select').value = 'power'")
    await wall.tab.run("document.querySelector('#book textarea').value = 'EVN cắt điện'")
    await wall.click("[data-deed=cause]")
    await wall.tab.eventually("document.querySelector('#book dd').textContent === 'Mất điện (netmon: Đứt cáp)'")
    await wall.tab.eventually(f"{LAST}.endsWith('sửa nguyên nhân: Mất điện: EVN cắt điện')")
    kept = wall.desk.kept
    kept["2027-0001"] = replace(kept["2027-0001"], members=(), until=wall.desk.now)
    await wall.click("[data-deed=close]")
    await wall.tab.eventually("!document.querySelector('[data-deed=reopen]').hidden")
    assert kept["2027-0001"].closed == wall.desk.now
    await wall.click("[data-deed=reopen]")
    await wall.tab.eventually("document.querySelector('[data-deed=reopen]').hidden")
    assert kept["2027-0001"].closed is None


async def test_a_wrong_token_is_said_so_and_dropped(wall):
    await wall.open()
    await wall.enter("0000000000000000000")
    await wall.click(".incident .title")
    await wall.click("[data-deed=acknowledge]")
    await wall.tab.eventually("document.querySelector('#book .said').textContent.startsWith('Mã truy cập không đúng')")
    assert await wall.tab.texts("#book [data-deed]") == []
    assert wall.desk.kept["2027-0001"].acknowledged == ""


async def test_an_incident_is_opened_by_hand(wall):
    await wall.open()
    await wall.enter()
    await wall.click("#opening")
    for name, value in (("on", "link:f7"), ("cause", "fibre"), ("text", "Máy xúc ở cầu")):
        await wall.tab.run(f"document.querySelector('#by-hand [name={name}]').value = '{value}'")
    await wall.click("#by-hand .deeds button")
    await wall.tab.eventually("!document.querySelector('#by-hand').open")
    await wall.tab.eventually("document.querySelectorAll('.incident').length === 2")
    assert await wall.tab.texts("#incidents .title[type]") == ["Cáp QL3", "01307 · f7"]


async def test_what_people_and_devices_write_is_only_ever_text(wall):
    kept = wall.desk.kept["2027-0001"]
    wall.desk.kept["2027-0001"] = replace(kept, root=Subject("cable", HOSTILE), assigned=HOSTILE)
    wall.desk.lines.append(Entry(T0, "2027-0001", Verb.COMMENT, HOSTILE, HOSTILE, HOSTILE))
    wall.facts.windows["storms"] = [window("storm", name=HOSTILE)]
    await wall.open()
    await wall.click(".incident .title")
    await wall.tab.eventually("document.querySelector('#book ol').children.length === 2")
    seen = HOSTILE.replace("\u202e", "")
    assert await wall.tab.texts("#incidents .who") == [f"giao {seen}"]
    assert seen in (await wall.tab.texts("#book ol li"))[0]
    assert await wall.tab.run("document.querySelectorAll('img').length") == 0
    assert await wall.tab.run("window.pwned") is None


async def test_a_page_of_another_origin_can_do_nothing(wall):
    """Even one that came to know a token."""

    async def page(request):
        return web.Response(text="<title>foreign</title>", content_type="text/html")

    foreign = web.Application()
    foreign.router.add_get("/", page)
    runner = web.AppRunner(foreign)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    port = runner.addresses[0][1]
    await wall.tab.open(f"http://{LOOPBACK}:{port}/")
    await wall.tab.eventually("document.title === 'foreign'")
    target = f"{wall.url}/api/v1/incidents/2027-0001"
    body = """JSON.stringify({action: "acknowledge", text: ""})"""
    tries = (
        f"{{headers: {{Authorization: 'Bearer {TOKEN}', 'Content-Type': 'application/json'}}}}",
        "{mode: 'no-cors', headers: {'Content-Type': 'text/plain'}}",
        "{mode: 'no-cors', credentials: 'include'}",
    )
    for options in tries:
        outcome = await wall.tab.run(
            f"fetch('{target}', {{method: 'POST', body: {body}, ...{options}}}).then(it => it.type, () => 'failed')"
        )
        assert outcome in ("failed", "opaque"), "it can neither read the answer nor be let through"
    form = f"{{method: 'post', enctype: 'text/plain', action: '{target}'}}"
    await wall.tab.run(f"document.body.append(window.form = Object.assign(document.createElement('form'), {form}))")
    await wall.tab.run("form.submit()")
    await wall.tab.eventually("location.pathname.startsWith('/api') && document.body.textContent.includes('another origin')")
    await runner.cleanup()
    assert wall.desk.calls == []
    assert wall.desk.kept["2027-0001"].acknowledged == ""


def window(kind, **over):
    fields = {"id": kind, "name": "Bão số 12", "phase": "impact", "level": 4, "exercise": False, "overrun": False}
    return fields | over if "until" in over else fields | {"start": 0, "until": 0} | over


async def test_storms_and_works_under_way_stand_above_all(wall):
    now = wall.facts.world.now
    wall.facts.windows = {
        "storms": [
            window("a", exercise=True, start=now - 60, until=now + 20_000.5),
            window("b", name="Bão số 13", phase="prepare", level=5, start=now + 7_200.5, until=now + 9_000),
            window("c", name="Bão số 11", phase="recover", level=3),
        ],
        "maintenance": [
            window("m", name="Thay router", start=now - 60, until=now + 1_200.5),
            window("n", name="Hàn cáp", start=now - 60, until=now - 600, overrun=True),
        ],
    }
    await wall.open()
    assert await wall.tab.texts("#windows p") == [
        "[DIỄN TẬP] Bão số 12 · cấp độ rủi ro 4 · đang ảnh hưởng · còn 5 giờ 33 phút",
        "Bão số 13 · cấp độ rủi ro 5 · chuẩn bị · bắt đầu sau 2 giờ 00 phút",
        "Bão số 11 · cấp độ rủi ro 3 · đang khắc phục",
        "Đang bảo trì: Hàn cáp (QUÁ GIỜ 10 phút) · Thay router (còn 20 phút)",
    ]


@pytest.mark.parametrize("view", ["desk", "wall"])
async def test_of_a_line_too_long_the_names_give_way_and_never_what_they_end_in(wall, view):
    now = wall.facts.world.now
    long = "Siêu bão Kalmaegi (bão số 13) và hoàn lưu gây mưa lũ diện rộng ở các tỉnh miền núi phía Bắc"
    wall.facts.windows = {
        "storms": [window("a", name=long, level=5, exercise=True, start=now - 60, until=now + 90_000.5, back=7)],
        "maintenance": [
            *(window(f"m{n}", name=long, start=now - 60, until=now + 9_000 + n) for n in range(4)),
            window("late", name="Hàn cáp", start=now - 60, until=now - 600, overrun=True),
        ],
    }
    await wall.open(f"?lang=vi&view={view}")
    storm, works = await wall.tab.texts("#windows p")
    assert storm.endswith(" · cấp độ rủi ro 5 · đang ảnh hưởng · còn 25 giờ 00 phút")
    assert works.startswith("Đang bảo trì: Hàn cáp (QUÁ GIỜ 10 phút) · Siêu bão")
    assert works.endswith(" · và 2 mục khác")
    ends = "[...document.querySelectorAll('#windows .end')].filter(node => node.textContent)"
    inside = "(end => end.getBoundingClientRect().right <= end.closest('p').getBoundingClientRect().right + 1)"
    assert await wall.tab.run(f"{ends}.every({inside})"), "what it ends in is seen"
    cut = "[...document.querySelectorAll('#windows .name')].filter(node => node.scrollWidth > node.clientWidth + 1).length"
    assert await wall.tab.run(cut) >= 3, "and the names are cut for it"
    assert await wall.tab.run("document.documentElement.scrollWidth") == 1920


async def test_nobody_counts_down_to_what_has_passed(wall):
    now = wall.facts.world.now
    wall.facts.windows = {
        "storms": [window("a", start=now - 60, until=now - 5), window("b", phase="prepare", start=now - 5, until=now + 60)],
        "maintenance": [window("m", name="Thay router", start=now - 60, until=now - 5)],
    }
    await wall.open()
    assert await wall.tab.texts("#windows p") == [
        "Bão số 12 · cấp độ rủi ro 4 · đang ảnh hưởng",
        "Bão số 12 · cấp độ rủi ro 4 · chuẩn bị",
        "Đang bảo trì: Thay router",
    ]


async def test_an_incident_keeps_the_focus_whatever_becomes_of_it_and_hands_it_on_when_it_ends(wall):
    for n in (2, 3):
        wall.desk.kept[f"2027-000{n}"] = incident(f"2027-000{n}", root=Subject("device", f"r{n}"), impact=Impact())
    await wall.open()
    here = "document.activeElement.closest('.row')?.dataset.key"
    await wall.focus("#incidents [data-key='2027-0002'] .title")
    wall.desk.kept["2027-0002"] = replace(wall.desk.kept["2027-0002"], impact=Impact(isolated=("01302",)))
    await wall.tab.eventually("!!document.querySelector('[data-key=\"2027-0002\"] .mark.isolated')")
    assert await wall.tab.run(here) == "2027-0002"
    wall.desk.kept["2027-0009"] = incident("2027-0009", since=wall.desk.now - 1)
    await wall.tab.eventually("document.querySelectorAll('.incident').length === 4")
    assert await wall.tab.run(here) == "2027-0002"
    del wall.desk.kept["2027-0002"]
    await wall.tab.eventually("document.querySelectorAll('.incident').length === 3")
    assert (await wall.tab.run(here)).startswith("2027-"), "the nearest of the list has it"
    wall.desk.kept.clear()
    await wall.tab.eventually("!document.querySelector('.incident')")
    assert await wall.tab.run("document.activeElement.id") == "incidents"


async def test_lists_are_fitted_again_when_only_incidents_become_more(wall):
    await wall.open("?lang=vi&view=wall")
    now = wall.facts.world.now
    for n in range(30):
        name = f"2027-1{n:03}"
        wall.desk.kept[name] = incident(name, root=Subject("device", f"r{n % 20}"), since=now - n, impact=Impact())
    await wall.tab.eventually("document.querySelectorAll('.incident').length === 31")
    lists = "document.querySelector('#lists')"
    assert await wall.tab.run(f"{lists}.scrollHeight <= {lists}.clientHeight + 1")


async def test_a_page_opens_an_incident_of_another_province_and_one_that_is_no_longer_on_the_wall(wall):
    wall.desk.kept["2027-0004"] = incident("2027-0004", province="48")
    await wall.tab.open(f"{wall.url}/?lang=vi#/commune/01301")
    buttons = "[...document.querySelectorAll('#page .incidents button.open, #page button.open')]"
    await wall.tab.eventually(f"{buttons}.length >= 2 && !!document.querySelector('.incident')")
    await wall.tab.run(f"window.buttons = {buttons}, true")
    del wall.desk.kept["2027-0001"]
    wall.desk.kept["2027-0001"] = incident(until=wall.desk.now)
    await wall.tab.eventually("!document.querySelector('.incident')")
    for n in range(2):
        await wall.tab.run(f"buttons[{n}].click()")
        await wall.tab.eventually("document.querySelector('#book').open")
        assert (await wall.tab.texts("#book h2"))[0].startswith("Cáp QL3 · 2027-000")
        await wall.click("#book .leave")
    assert not wall.tab.said


async def test_on_a_wall_whole_rows_stand_and_every_list_keeps_its_place(wall):
    now = wall.facts.world.now
    for n in range(30):
        name = f"2027-1{n:03}"
        wall.desk.kept[name] = incident(name, root=Subject("device", f"r{n % 20}"), since=now - n, impact=Impact())
    await wall.open()
    rows = "[...document.querySelectorAll('.incident')]"
    box = "document.querySelector('#incidents ul').getBoundingClientRect()"
    cut = (
        f"{rows}.filter(row => (r => r.top < {box}.bottom - 1 && r.bottom > {box}.bottom + 1)(row.getBoundingClientRect()))"
    )
    assert await wall.tab.run(f"{cut}.length") == 0
    seen = await wall.tab.run(f"{rows}.filter(row => row.getBoundingClientRect().bottom <= {box}.bottom + 1).length")
    assert 3 <= seen <= 9
    assert await wall.tab.texts("#incidents .more") == [f"và {31 - seen} mục khác"]
    lists = "document.querySelector('#lists')"
    assert await wall.tab.run(f"{lists}.scrollHeight <= {lists}.clientHeight + 1")
    await wall.tab.show(390, 844)
    await wall.tab.eventually("document.querySelector('#incidents .more').hidden")
    assert len(await wall.tab.texts("#incidents .title[type]")) == 31
    assert await wall.tab.run("document.documentElement.scrollWidth") == 390

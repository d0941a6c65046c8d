"""What may be written into the incident book, and what incidents look like to programs."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import book
from netmon.causes.words import both, merged
from netmon.control import ControlError
from netmon.model import CauseClass, Declared, Entry, Impact, Phase, SiteKind, Subject, Verb, WindowKind
from tests.test_network import province
from tests.web.desk import HOTLINES, T0, Desk, incident

OVER = {"members": (), "until": T0 + 300}
CLOSED = OVER | {"closed": T0 + 400}


@pytest.fixture(scope="module")
def inventory():
    """Two communes share the cable QL3; one of its links has a circuit."""
    whole = province()
    links = {
        "f1": replace(whole.links["f1"], operator="viettel", circuit_id="CB-1", srlg=("QL3",)),
        "f2": replace(whole.links["f2"], operator="vnpt", srlg=("QL3", "DT209")),
    }
    return replace(whole, links=whole.links | links)


@pytest.mark.parametrize(
    ("stands", "action", "text", "written"),
    [
        ({}, "acknowledge", "", (Verb.ACKNOWLEDGE, "")),
        ({}, "ack", "  đã gọi ", (Verb.ACKNOWLEDGE, "đã gọi")),
        (OVER, "acknowledge", "", (Verb.ACKNOWLEDGE, "")),
        ({}, "comment", "dòng 1\ndòng 2", (Verb.COMMENT, "dòng 1\ndòng 2")),
        (CLOSED, "comment", "bổ sung", (Verb.COMMENT, "bổ sung")),
        ({"acknowledged": "lan"}, "assign", "Tổ 3", (Verb.ASSIGN, "Tổ 3")),
        ({}, "cause", "power EVN: cắt điện", (Verb.CAUSE, "power: EVN: cắt điện")),
        ({}, "cause", "power: EVN cắt điện", (Verb.CAUSE, "power: EVN cắt điện")),
        ({}, "cause", "fibre", (Verb.CAUSE, "fibre")),
        (CLOSED, "cause", "works", (Verb.CAUSE, "works")),
        ({"corrected": CauseClass.POWER}, "cause", "power: xác nhận", (Verb.CAUSE, "power: xác nhận")),
        (OVER, "close", "hàn xong", (Verb.CLOSE, "hàn xong")),
        ({"members": (), "ever": ()}, "close", "", (Verb.CLOSE, "")),
        (CLOSED, "reopen", "lại mất", (Verb.REOPEN, "lại mất")),
    ],
)
def test_what_fits_is_written_as_it_is_meant(stands, action, text, written):
    assert book.accept(incident(**stands), action, text) == written


@pytest.mark.parametrize(
    ("stands", "action", "text", "error", "says"),
    [
        ({"acknowledged": "lan"}, "ack", "", book.RefusedError, "acknowledged by lan already"),
        (CLOSED, "ack", "", book.RefusedError, "closed already: reopen it first"),
        (CLOSED, "assign", "Tổ 3", book.RefusedError, "reopen it first"),
        (CLOSED, "close", "", book.RefusedError, "closed already"),
        ({}, "close", "", book.RefusedError, "goes on: 2 are still down"),
        ({}, "reopen", "", book.RefusedError, "is not closed"),
        ({"corrected": CauseClass.POWER}, "cause", "power", book.RefusedError, "corrected to power already"),
        ({}, "comment", "  ", book.WordingError, "says something"),
        ({}, "assign", "", book.WordingError, "1 to 64"),
        ({}, "assign", "x" * 65, book.WordingError, "1 to 64"),
        ({}, "assign", "a\nb", book.WordingError, "1 to 64"),
        ({}, "cause", "", book.WordingError, "there are: fibre"),
        ({}, "cause", "rain: a lot", book.WordingError, "'rain'"),
        ({}, "comment", "x" * 2001, book.WordingError, "at most 2000"),
        ({}, "comment", "a\x1b[2J", book.WordingError, "control"),
        ({}, "comment", "\ud800", book.WordingError, "control"),
        ({}, "comment", 7, book.WordingError, "is a text"),
        ({}, "opened", "", book.WordingError, "'opened'"),
        ({}, "delete", "", book.WordingError, "there are: ack"),
    ],
)
def test_what_does_not_fit_is_one_sentence_of_the_right_kind(stands, action, text, error, says):
    with pytest.raises(error, match=says) as raised:
        book.accept(incident(**stands), action, text)
    assert isinstance(raised.value, ControlError)
    assert isinstance(raised.value, ValueError)
    assert "\n" not in str(raised.value)


@given(st.sampled_from([*CauseClass, "rain", ""]), st.text(max_size=40), st.sampled_from(["", " ", ":", ": "]))
def test_a_correction_that_is_written_can_always_be_read_again(cause, reason, between):
    """The store and the reports take the class from the text up to its colon."""
    try:
        _, text = book.accept(incident(), "cause", f"{cause}{between}{reason}")
    except book.WordingError:
        return
    assert CauseClass(text.partition(":")[0]) in CauseClass
    assert book.accept(incident(), "cause", text)[1] == text, "written once more it is the same"


def test_the_circuit_and_the_hotline_stand_on_every_incident_of_a_link(inventory):
    def links(root, *ever):
        told = book.incident_json(incident(root=root, ever=ever), inventory, T0, HOTLINES)
        return [(each["link"], each["circuit"], each["hotline"]) for each in told["links"]]

    first, second = ("f1", "CB-1", "18008098"), ("f2", "", "")
    assert links(Subject("link", "f1")) == [first]
    assert links(Subject("cable", "QL3"), Subject("link", "f2")) == [first, second]
    assert links(Subject("device", "r1")) == [first, ("b1", "", "")], (
        "a device at a commune's end shows what serves its site"
    )
    assert links(Subject("site", "s1"), Subject("device", "p1")) == [first, ("b1", "", "")]
    assert links(Subject("netmon", "")) == []


def test_a_corrected_cause_keeps_the_automatic_one_beside_it(inventory):
    told = book.incident_json(incident(corrected=CauseClass.POWER), inventory, T0)
    assert (told["cause"], told["corrected"], told["found_cause"]) == ("power", "power", "fibre")
    told = book.incident_json(incident(), inventory, T0)
    assert (told["cause"], told["corrected"], told["found_cause"]) == ("fibre", None, "fibre")


def test_an_incident_is_told_as_plain_json_with_places_and_how_long_it_lasts(inventory):
    gone = Subject("device", "taken-away")
    told = book.incident_json(incident(members=(Subject("device", "r1"), gone)), inventory, T0 + 90)
    assert json.loads(json.dumps(told)) == told
    assert told["lasted_s"] == 90
    (clue,) = told["clues"]
    assert (clue["what"], clue["of"]["id"], clue["vi"]) == ("no_light", "f1", "f1: không có ánh sáng ở đầu thu")
    assert told["members"] == [
        {
            "kind": "device",
            "id": "r1",
            "site": "s1",
            "name": "S1",
            "commune": "01301",
            "site_kind": SiteKind.PEOPLES_COMMITTEE,
        },
        {"kind": "device", "id": "taken-away"},
    ]
    assert book.incident_json(incident(until=T0 + 5), inventory, T0 + 90)["lasted_s"] == 5


def test_the_wall_has_the_gravest_first_none_that_is_over_and_few_names(inventory):
    many = tuple(Subject("device", f"d{n}") for n in range(500))
    incidents = [
        incident("new", since=T0 + 9, impact=Impact(), members=many),
        incident("cut", impact=Impact(isolated=("01301",))),
        incident("over", until=T0 + 1),
        *(incident(f"small-{n}", since=T0 - n, impact=Impact()) for n in range(60)),
    ]
    told = book.on_the_wall(incidents, inventory, T0 + 10)
    assert [each["id"] for each in told[:4]] == ["cut", "new", "small-0", "small-1"]
    assert len(told) == 40
    assert (told[1]["down"], len(told[1]["members"])) == (500, 6)


def test_what_a_person_names_is_found_or_nearly(inventory):
    assert book.subject_of("link:f1", inventory) == book.subject_of("f1", inventory) == Subject("link", "f1")
    assert book.subject_of("QL3", inventory) == Subject("cable", "QL3")
    assert book.subject_of("commune:01301", inventory) == Subject("commune", "01301")
    with pytest.raises(book.MissingError, match="no link 'f11'; did you mean f1"):
        book.subject_of("link:f11", inventory)
    with pytest.raises(book.MissingError, match="no device, link, site, cable or commune 'zzz'"):
        book.subject_of("zzz", inventory)
    both = replace(inventory, devices=inventory.devices | {"f1": inventory.devices["r1"]})
    with pytest.raises(book.WordingError, match="write device:f1 or link:f1"):
        book.subject_of("f1", both)


@pytest.mark.parametrize("on", ["link:f1", "device:r1", "site:s1", "cable:QL3", "commune:01301"])
def test_a_person_opens_an_incident_about_anything_that_has_a_province(inventory, on):
    request = {"on": on, "cause": "fibre", "text": "máy xúc ở cầu"}
    assert book.to_open(request, inventory) == (book.subject_of(on, inventory), "04", CauseClass.FIBRE, "máy xúc ở cầu")


def test_who_opens_an_incident_says_what_happened_and_may_leave_the_cause(inventory):
    assert book.to_open({"on": "f1", "text": "?"}, inventory)[2] is CauseClass.UNKNOWN
    with pytest.raises(book.WordingError, match="what happened"):
        book.to_open({"on": "f1"}, inventory)
    with pytest.raises(book.WordingError, match="class of causes"):
        book.to_open({"on": "f1", "text": "?", "cause": "rain"}, inventory)


def test_without_a_daemon_the_store_is_read(inventory):
    desk = Desk(inventory, incident("a"), incident("b", **OVER))
    desk.lines.append(Entry(T0 + 1, "a", Verb.COMMENT, "noc", "Lan", "đã gọi"))
    assert [each["id"] for each in book.list_from_store(desk, inventory, T0)["incidents"]] == ["a"]
    assert len(book.list_from_store(desk, inventory, T0, everything=True)["incidents"]) == 2
    told = book.from_store(desk, "a", inventory, T0)
    assert told["entries"][1] == {
        "at": T0 + 1, "incident": "a", "verb": "comment", "author": "noc", "note": "Lan", "text": "đã gọi", "part_of": "",
    }  # fmt: skip
    desk.lines.append(Entry(T0 + 2, "b", Verb.RESTORED, "netmon", "", both(*merged(incident("a")))))
    listed = {
        each["id"]: each["part_of"] for each in book.list_from_store(desk, inventory, T0, everything=True)["incidents"]
    }
    assert listed == {"a": "", "b": "a"}, "it was merged, and not restored"
    assert book.from_store(desk, "b", inventory, T0)["entries"][-1]["part_of"] == "a"
    with pytest.raises(book.MissingError, match="no incident 'c'"):
        book.from_store(desk, "c", inventory, T0)


def test_a_window_is_told_as_a_banner_needs_it():
    storm = Declared(
        id="bao-12", kind=WindowKind.STORM, name="Bão số 12", start=T0, until=T0 + 9, level=4, exercise=True, areas=("04",),
        back=(("01273", T0 + 5),),
    )  # fmt: skip
    assert "back" not in book.window_json(storm, Phase.IMPACT), "it is counted from its recovery on"
    assert book.window_json(storm, Phase.RECOVER) == {
        "id": "bao-12", "name": "Bão số 12", "phase": "recover", "level": 4, "exercise": True, "start": T0, "until": T0 + 9,
        "areas": ["04"], "back": 1, "overrun": False,
    }  # fmt: skip


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u2069", "\u202a"])
def test_a_text_does_not_read_as_what_it_does_not_say(mark):
    with pytest.raises(book.WordingError, match="control characters"):
        book.accept(incident(), "comment", f"trạm {mark}đã có điện")

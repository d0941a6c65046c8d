"""calendar.yaml: what is right becomes a Calendar, and what is wrong has its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from netmon import units
from netmon.events.calendar import Calendar, Contact, Holiday, Hours, Mail, Season, Shift
from netmon.public_holidays import public_days
from netmon.settings.calendar import read_calendar
from netmon.settings.problem import Problem
from netmon.settings.secrets import leave

Read = Callable[[str], tuple[Calendar, list[Problem]]]

WHOLE = """\
days_off: [{date: 2027-02-11, name: Hoán đổi}]
days_worked: [{date: 2027-02-20}]
windows:
  tet: {days_before_eve: 5, until: 8, freeze: false}
  weekend: {freeze: true}
  night: {from: 21:00, until: "24:00"}
  seasons:
    - {id: floods, name: Mùa lũ, name_en: Floods, from: 09-01, until: 10-31, freeze: true}
    - {id: games, name: Đại hội, from: 2027-05-01, until: 2027-05-20}
contacts:
  noc: {name: Trực, email: noc@a.example, phone: 0206 1}
  app: {name: App, webhook: "https://a.example/hook", token_file: /s/token, chat_file: /s/chat, language: en}
teams: {desk: [noc, app], night: noc}
desk: desk
heartbeat: app
rosters:
  normal: [{team: desk, from: 07:00, until: 19:00}, {team: night, from: 19:00, until: 07:00}]
  floods: [{team: desk}]
areas: {"04": noc, "01273": [noc, app]}
hotlines: {vnpt: 1800 1091}
mail: {smarthost: "mail.a.example:587", from: netmon@a.example}
"""


@pytest.fixture
def read(tmp_path: Path, register: units.Register) -> Read:
    """Reads a file with this text."""

    def read_it(text: str) -> tuple[Calendar, list[Problem]]:
        (tmp_path / "calendar.yaml").write_text(text, encoding="utf-8")
        return read_calendar(tmp_path / "calendar.yaml", leave, register=register, today=date(2026, 11, 1))

    return read_it


def test_each_key_arrives(read: Read) -> None:
    calendar, problems = read(WHOLE)
    assert problems == []
    off = date(2027, 2, 11)
    assert calendar == Calendar(
        public=public_days,
        off={off: Holiday(off, "Hoán đổi", "Hoán đổi")},
        work=frozenset({date(2027, 2, 20)}),
        tet_before=5,
        tet_until=8,
        frozen=frozenset({"holiday", "weekend"}),
        seasons=(
            Season(name="floods", vi="Mùa lũ", en="Floods", first=(9, 1), last=(10, 31), freeze=True),
            Season(name="games", vi="Đại hội", en="Đại hội", first=date(2027, 5, 1), last=date(2027, 5, 20)),
        ),
        night=Hours(21 * 60, 0),
        contacts={
            "noc": Contact(id="noc", name="Trực", email="noc@a.example", phone="0206 1"),
            "app": Contact(
                id="app",
                name="App",
                webhook="https://a.example/hook",
                token_file="/s/token",
                chat_file="/s/chat",
                language="en",
            ),
        },
        teams={"desk": ("noc", "app"), "night": ("noc",)},
        desk="desk",
        tickets="desk",
        heartbeat="app",
        rosters={"normal": (Shift("desk", Hours(420, 1140)), Shift("night", Hours(1140, 420))), "floods": (Shift("desk"),)},
        areas={"04": ("noc",), "01273": ("noc", "app")},
        hotlines={"vnpt": "1800 1091"},
        mail=Mail(smarthost="mail.a.example:587", sender="netmon@a.example"),
    )


def test_without_a_file_the_days_are_the_laws_and_nobody_is_named(tmp_path: Path) -> None:
    assert read_calendar(tmp_path / "calendar.yaml", leave) == (Calendar(public=public_days), [])


def test_a_faulty_file_gives_the_bare_calendar_beside_its_faults(read: Read) -> None:
    calendar, problems = read(WHOLE.replace("night: noc}", "night: nco}"))
    assert calendar == Calendar(public=public_days)
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("night: noc}", "night: nco}", "13:34: there is no contact 'nco' (did you mean noc?)"),
        ("desk: desk\n", "desk: dsk\n", "14:7: there is no team 'dsk' (did you mean desk?)"),
        ("desk: desk\n", "",
         "15:1: nobody is always called: a desk is wanted, the team that every page reaches at every hour (desk: TEAM)"),
        ("heartbeat: app", "heartbeat: ap", "15:12: there is no contact 'ap' (did you mean app?)"),
        ("{team: night, from: 19:00, until: 07:00}", "{team: night, from: 19:00, until: 06:30}",
         "17:3: nobody of roster 'normal' is on call from 06:30 to 07:00 (a roster covers all hours)"),
        ("{team: night, from", "{team: nigt, from", "17:60: there is no team 'nigt' (did you mean night?)"),
        ("  floods: [{team", "  flods: [{team", "18:3: there is no window 'flods' for a roster (did you mean floods?)"),
        ("07:00, until: 19:00}", "7h, until: 19:00}", "17:31: '7h' is not a time of day: write it as 07:30"),
        ("until: \"24:00\"", "until: \"24:30\"", "6:31: '24:30' is not a time of day: write it as 07:30"),
        ('"01273": [', '"01274": [', "19:20: there is no province or commune '01274'"),
        ('"04": noc', '"4": noc',
         "19:9: '4' is not the code of a province or commune: write it in quotes, as \"04\" or \"01273\""),
        ("2027-02-20", "2027-02-11", "2:22: 2027-02-11 is a day off, too: it can be one of both"),
        ("2027-02-11,", "2027-02-30,", "1:19: neither a number nor a day (text is written in quotes)"),
        ("2027-02-11,", "2207-02-11,", "1:19: the calendar is known from 2013 to 2099"),
        ("id: games", "id: floods", "9:12: the season 'floods' is already there"),
        ("id: games", "id: tet", "9:12: 'tet' is a name of netmon's own (give the season another)"),
        ("until: 2027-05-20", "until: 2027-04-20", "9:7: it ends before it begins"),
        ("until: 2027-05-20", "until: 05-20", "9:7: from and until are both days of one year, or both of every year"),
        ("from: 09-01", "from: 09-31", "8:57: '09-31' does not come every year"),
        ("from: 09-01", "from: 1/9", "8:57: '1/9' is not a day: write it as 2027-02-11, or for every year as 09-01"),
        ("days_before_eve: 5", "days_before_eve: 16", "4:26: days before the eve of Tết: from 0 to 15"),
        ("/s/token", "s/token", "12:67: 's/token' is read by Alertmanager: write it with its directory, as "
         "/etc/prometheus/secrets/…"),
        ("email: noc@a.example, ", "", "11:8: nothing reaches this contact: write an email, a webhook or a chat_file"),
        ("email: noc@a.example", "email: noc", "11:28: 'noc' is not an address of mail: write it as truc@cb.example"),
        ("mail: {sm", "mial: {sm", "21:1: unknown key 'mial' (did you mean mail?)"),
        ("days_off:", "off:", "1:1: the key off is not text (write it in quotes: \"off\")"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(read: Read, old: str, new: str, told: str) -> None:
    assert WHOLE.count(old) == 1
    _, problems = read(WHOLE.replace(old, new))
    assert told in [str(problem).rpartition("/calendar.yaml:")[2] for problem in problems]


def test_mail_needs_a_server(read: Read) -> None:
    text = "".join(line for line in WHOLE.splitlines(keepends=True) if not line.startswith("mail:"))
    _, problems = read(text)
    assert [str(problem).rpartition("/calendar.yaml:")[2] for problem in problems] == [
        "10:1: 'noc' is called by mail, and nothing says how it leaves (mail: …)"
    ]


def test_a_file_that_is_not_yaml_is_one_line(read: Read) -> None:
    calendar, problems = read("desk: [")
    assert calendar == Calendar(public=public_days)
    assert len(problems) == 1
    assert "not YAML" in str(problems[0])

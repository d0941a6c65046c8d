"""`netmon calendar`: what it shows of a day and a year, and the files that it makes."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest

from netmon import cli, units
from netmon.alertmanager import alertmanager_yml
from netmon.cli.calendar import today
from netmon.events.calendar import Calendar
from netmon.model import VIET_NAM
from netmon.public_holidays import public_days
from netmon.settings.calendar import read_calendar
from netmon.settings.secrets import leave
from netmon.targets.words.voice import Voice
from tests import peers

CONFIG = peers.ROOT / "config"


def example() -> Calendar:
    return read_calendar(CONFIG / "calendar.yaml", leave, register=units.load())[0]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=VIET_NAM).timestamp()


def test_a_day_of_tet_is_shown_with_who_is_called_and_until_when_works_wait() -> None:
    assert today(example(), Voice("vi"), at("2027-02-06T23:00")) == "\n".join(
        [
            "2027-02-06 23:00:00  Thứ Bảy, Tết Nguyên Đán",
            "Kỳ: tet (Tết Nguyên đán), holiday (Ngày nghỉ lễ), weekend (Cuối tuần), night (Ban đêm)",
            "Lịch trực: tet",
            "Hạn chế thay đổi: holiday (Ngày nghỉ lễ), ít nhất đến 2027-02-07 00:00:00",
            "Hạn chế thay đổi: tet (Tết Nguyên đán), ít nhất đến 2027-02-07 00:00:00",
            "",
            "KÍP  TÊN                       ĐIỆN THOẠI     E-MAIL               CHỈ KHI",
            "noc  Bàn trực NOC              0200 000 0001  noc@cb.example",
            "     Hệ thống tiếp nhận sự cố  -              -",
            "tet  Kíp trực Tết              0200 000 0005  truc-tet@cb.example",
            "     Lãnh đạo trực             0200 000 0006  lanh-dao@cb.example",
            "bao  Ban chỉ huy PCTT tỉnh     0200 000 0007  pctt@cb.example      có bão",
            "     Lãnh đạo trực             0200 000 0006  lanh-dao@cb.example  có bão",
        ]
    )


def test_a_calendar_that_names_nobody_says_so() -> None:
    told = today(Calendar(public=public_days), Voice("en"), at("2027-03-03T12:00"))
    assert told.splitlines()[1:] == ["Windows: none", "Roster: normal", "Nobody is on call: calendar.yaml names none"]


def test_a_year_is_shown_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calendar", "--config", str(CONFIG), "--lang", "vi", "show", "--year", "2027"]) == 0
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines() if line.isupper()] == [
        ["NGÀY", "NGÀY", "NGHỈ"],
        ["TỪ", "ĐẾN", "KỲ", "TÊN"],
    ]
    assert "2027-02-06  Thứ Bảy   Tết Nguyên Đán\n" in shown
    assert "2027-02-11  Thứ Năm   Nghỉ hoán đổi dịp Tết\n" in shown
    assert "2027-02-02  2027-02-11  tet           Tết Nguyên đán\n" in shown
    assert "2027-06-15  2027-09-30  flood-season  Mùa mưa lũ\n" in shown
    assert shown.endswith("Ngày làm việc bù: 2027-02-20\n")
    assert cli.main(["calendar", "show", "--year", "2030", "--lang", "en", "--config", str(CONFIG)]) == 0
    shown = capsys.readouterr().out
    assert "2030-02-02  Sat  Lunar New Year\n" in shown
    assert shown.startswith("DAY              DAY OFF\n")


def test_the_export_replaces_a_file_whole_and_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text("old")
    path.chmod(0o640)
    argv = ["calendar", "export", "--config", str(CONFIG), "--from-year", "2028", "-o", str(path)]
    assert cli.main(argv) == 0
    assert path.read_text(encoding="utf-8") == alertmanager_yml(example(), 2028)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [*tmp_path.iterdir()] == [path]


def test_what_cannot_be_made_leaves_the_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a desk there is nobody to route to, and a broken calendar.yaml is said with its place."""
    path = tmp_path / "alertmanager.yml"
    path.write_text("old")
    argv = ["calendar", "export", "--config", str(tmp_path), "-o", str(path)]
    assert cli.main(argv) == 1
    assert "names no desk" in capsys.readouterr().err
    (tmp_path / "calendar.yaml").write_text("desk: noc\n")
    assert cli.main(argv) == 1
    assert "calendar.yaml:1:7: there is no team 'noc' (there is no team at all)" in capsys.readouterr().out
    assert path.read_text() == "old"
    (tmp_path / "calendar.yaml").unlink()
    assert cli.main([*argv[:4], "--format", "json", "-o", str(tmp_path / "no" / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_json_tells_days_windows_and_rosters(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calendar", "--config", str(CONFIG), "export", "--format", "json", "--from-year", "2026"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["years"] == [2026, 2027, 2028]
    assert {"date": "2026-11-24", "name_vi": "Ngày Văn hóa Việt Nam", "name_en": "Vietnam Cultural Day"} in told["days_off"]
    tet = {"window": "tet", "name_vi": "Tết Nguyên đán", "name_en": "Lunar New Year"}
    assert {**tet, "from": "2028-01-22", "until": "2028-01-31"} in told["windows"]
    assert told["rosters"]["2028-01-22"] == "tet"
    assert told["rosters"]["2026-11-24"] == "holiday"
    assert "2026-11-25" not in told["rosters"]


def test_icalendar_keeps_its_lines_short_and_its_days_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calendar.yaml").write_text(
        f"days_off: [{{date: 2027-06-01, name: 'Nghỉ; theo {'quyết định ' * 9}số 1, 2027'}}]\n", encoding="utf-8"
    )
    argv = ["calendar", "--config", str(tmp_path), "--lang", "vi", "export", "--format", "ics", "--from-year", "2027"]
    assert cli.main(argv) == 0
    text = capsys.readouterr().out
    lines = text.split("\r\n")
    assert text.count("\n") == len(lines) - 1
    assert max(len(line.encode()) for line in lines) <= 75
    unfolded = text.replace("\r\n ", "")
    assert f"SUMMARY:Nghỉ\\; theo {'quyết định ' * 9}số 1\\, 2027\r\n" in unfolded
    assert "UID:tet-2027-02-02@netmon\r\n" in unfolded
    assert "DTSTART;VALUE=DATE:20270202\r\nDTEND;VALUE=DATE:20270212\r\nSUMMARY:Tết Nguyên đán\r\n" in unfolded
    assert unfolded.count("BEGIN:VEVENT") == unfolded.count("END:VEVENT") == unfolded.count("DTSTAMP:")


@pytest.mark.parametrize("year", ["1999", "2100", "x"])
def test_a_year_that_no_table_holds_is_refused(year: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["calendar", "show", "--year", year])
    assert ended.value.code == 2
    assert "2013 to 2099" in capsys.readouterr().err

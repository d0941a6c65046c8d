"""`netmon notices`: what it shows of the store, in the language of the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netmon import cli
from netmon.notice import Notice, NoticeKind
from netmon.store import Store
from tests.settings.conftest import INVENTORY, NETMON
from tests.store.conftest import Counts


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/a.yaml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "netmon.yaml").write_text(f"{NETMON}store: {{path: {tmp_path / 'n.db'}}}\n", encoding="utf-8")
    return tmp_path


def test_notices_are_shown_in_the_language_of_the_terminal(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    with Store.open(home / "n.db", Counts()) as store:
        assert _lines(home, capsys) == ["Chưa nhận được tin nào."]
        assert _lines(home, capsys, "--lang", "en") == ["No notices."]
        store.put_notice(Notice(1_790_000_000.0, NoticeKind.TRAP, "gw", "linkDown", "10.4.1.1", {"ifIndex.3": "3"}))
        store.put_notice(Notice(1_790_000_001.0, NoticeKind.EVENT, "gw", "door_open"))
        store.flush()
    assert _lines(home, capsys) == [
        "LÚC                  THIẾT BỊ  LOẠI     TIN        TỪ        KÈM THEO",
        "2026-09-21 21:13:20  gw        trap     linkDown   10.4.1.1  ifIndex.3=3",
        "2026-09-21 21:13:21  gw        sự kiện  door_open",
    ]
    assert _lines(home, capsys, "--lang", "en") == [
        "WHEN                 DEVICE  KIND   WHAT       FROM      CARRIES",
        "2026-09-21 21:13:20  gw      trap   linkDown   10.4.1.1  ifIndex.3=3",
        "2026-09-21 21:13:21  gw      event  door_open",
    ]
    assert [json.loads(line)["kind"] for line in _lines(home, capsys, "--json")] == ["trap", "event"]


def _lines(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert cli.main(["notices", "--config", str(home), *words]) == 0
    return capsys.readouterr().out.splitlines()

"""The backup report on the example province, and the gauge of how long each backup was used lately."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from netmon import backups
from netmon.backups import LATELY_DAYS, Backups, known
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.inventory import Inventory
from netmon.model import SLOT_S, End, Octets, Slot, Subject, Window
from netmon.reports.backups import SHOWN, Line, episodes
from netmon.settings import load
from netmon.store import Reader, Store
from netmon.targets.windows import DAY_S, midnight, month_of
from tests.targets.made import NoMeter

CONFIG = Path(__file__).resolve().parents[2] / "config"
INVENTORY = load(CONFIG, secrets=False).inventory
MONTH = month_of(1_792_000_000)  # October 2026
NOW = MONTH.end + 3 * DAY_S
LTE, SKY = "cb-01304-lte", "cb-01327-leo"
LOAD, IDLE = 500_000, 2_000
FALL = MONTH.start + 5 * DAY_S + 90
"""When the primary of the commune with the LTE backup falls: for two hours on backup, then ten minutes cut off."""


def slot(k: int, rate: float) -> Slot:
    octets = Octets(round(rate * SLOT_S), SLOT_S * 1_000_000)
    return Slot(k, octets, Octets(octets.octets // 2, octets.covered_us))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October: the LTE backup took over once; the satellite has load on one slot, and half of the month was not seen."""
    directory = tmp_path_factory.mktemp("state")
    first, stop = int(MONTH.start // SLOT_S), int(MONTH.end // SLOT_S)
    busy = range(int(FALL // SLOT_S), int((FALL + 7200) // SLOT_S) + 1)
    with Store.open(directory / "netmon.db", NoMeter()) as store:
        store.put_link(LTE, End.NEAR, slots=[slot(k, LOAD if k in busy else IDLE) for k in range(first, stop)])
        half = (first + stop) // 2
        store.put_link(SKY, End.NEAR, slots=[slot(k, LOAD if k == first + 10 else IDLE) for k in range(first, half)])
        for site, link in (("cb-01304", "cb-01304-fibre"), ("cb-01327", "cb-01327-fibre")):
            store.begin_span(Subject("site", site), "up", MONTH.start)
            store.begin_span(Subject("link", link), "up", MONTH.start)
        store.begin_span(Subject("link", "cb-01304-fibre"), "down", FALL)
        store.begin_span(Subject("site", "cb-01304"), "on_backup", FALL)
        store.begin_span(Subject("site", "cb-01304"), "isolated", FALL + 7200)
        for subject in (Subject("site", "cb-01304"), Subject("link", "cb-01304-fibre")):
            store.begin_span(subject, "up", FALL + 7800)
        store.flush()
    return directory


@pytest.fixture
def made(state: Path, calling: Callable[..., Callable[..., dict[str, Path]]]) -> Callable[..., dict[str, Path]]:
    """Calls the command; what it wrote by name."""
    return partial(calling(state, NOW), "backups")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_month_of_backups_tells_each_one_and_each_time(made):
    """What took over, for how long and how much; what did not cover; what was not seen."""
    files = made("--lang", "both")
    assert sorted(files) == sorted(
        f"backups-2026-10{end}"
        for end in (".vi.csv", ".en.csv", ".vi.html", ".en.html", "-episodes.vi.csv", "-episodes.en.csv")
    )
    found = rows(files["backups-2026-10.en.csv"])
    assert len(found) == sum(link.role == "backup" for link in INVENTORY.links.values())
    lte = found[0]
    assert lte["link"] == LTE, "most time not covered first"
    told = (
        "kind",
        "operator",
        "episodes",
        "use_s",
        "longest_s",
        "primary_down_s",
        "uncovered_s",
        "unseen_s",
        "coverage_ratio",
    )
    assert [lte[key] for key in told] == ["lte", "mobifone", "1", "7200", "7200", "7800", "600", "0", "1"]
    assert lte["receive_octets"] == str(25 * SLOT_S * LOAD), "all that crossed in the slots that it touched"
    assert lte["peak_mbit_s"] == "4"
    assert lte["last_use_at"] == "2026-10-06T02:01:30+07:00"
    assert (lte["notes"], lte["simulated"]) == ("", "no")
    sky = next(row for row in found if row["link"] == SKY)
    assert (sky["episodes"], sky["use_s"], sky["coverage_ratio"]) == ("1", "300", "0.5")
    assert sky["notes"] == "not seen for 372 h: it may have carried traffic then"
    unheard = next(row for row in found if row["link"] == "cb-01351-lte")
    assert (unheard["episodes"], unheard["primary_down_s"], unheard["uncovered_s"]) == ("0", "", "")
    said = "nothing was seen: it may have carried traffic; how the primary was is not known for 744 h"
    assert unheard["notes"] == said
    whys = {row["link"]: (row["why_id"], row["unmeasured_s"]) for row in rows(files["backups-2026-10-episodes.en.csv"])}
    assert whys == {LTE: ("service", "0"), SKY: ("load", "0")}
    page = files["backups-2026-10.vi.html"].read_text(encoding="utf-8")
    for said in ("mất tuyến chính", "có tải khi tuyến chính vẫn hoạt động", "3,8 GB", "2 giờ", "vệ tinh quỹ đạo thấp"):
        assert said in page


def test_some_units_only(made, capsys):
    """A commune by its code, or a province; what has no site is refused."""
    assert {row["link"] for row in rows(made("--unit", "01304", "--lang", "en")["backups-2026-10.en.csv"])} == {LTE}
    assert len(rows(made("--unit", "04", "--lang", "vi")["backups-2026-10.vi.csv"])) > 10
    made("--unit", "99999", code=1)
    assert "no site of the configuration is in 99999" in capsys.readouterr().err


def test_a_page_shows_the_longest_of_many_times(state):
    """The CSV has them all."""
    (lte,) = [one for one in backups.backups(INVENTORY, ()) if one.link.id == LTE]
    reader = Reader.open(state / "netmon.db")
    use = known(reader, lte, MONTH, NOW).use
    short = [use.episodes[0]._replace(start=float(n), end=n + 1.0) for n in range(SHOWN)]
    lines = [Line(lte, replace(use, episodes=(*short, *use.episodes)), False)]
    shown = episodes(lines, SHOWN)
    assert (len(shown.rows), shown.rows[-1][2], len(episodes(lines).rows)) == (SHOWN, FALL, SHOWN + 1)
    assert "200" in shown.notes[0].vi
    reader.close()


class Counted:
    """A reader that counts what it is asked for."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.days: list[int] = []

    def rates(self, link: str, end: End, first_k: int, count: int):
        self.days.append(first_k)
        return self.reader.rates(link, end, first_k, count)

    def __getattr__(self, name: str):
        return getattr(self.reader, name)


def test_the_gauge_is_the_use_of_the_last_thirty_days_and_asks_for_old_ones_once(state):
    """It equals the use of one long window, also when days go by; what leaves the inventory leaves the page."""
    page = Page(OwnMetrics())
    reader = Counted(Reader.open(state / "netmon.db"))
    few = Inventory(INVENTORY.sites, INVENTORY.devices, {LTE: INVENTORY.links[LTE]})
    shown = Backups(reader, Outlets(page), NoMeter())

    def value() -> str:
        (line,) = [line for line in page.render().decode().splitlines() if f'link="{LTE}"' in line]
        return line.split()[-1]

    async def watch() -> None:
        now = MONTH.end - DAY_S + 7_000
        (lte,) = backups.backups(few, ())
        await shown.show(few, (), now)
        assert float(value()) == 7200
        while now < MONTH.start + 38 * DAY_S:
            reader.days.clear()
            await shown.show(few, (), now)
            start = midnight(now) - (LATELY_DAYS - 1) * DAY_S
            assert float(value()) == known(reader.reader, lte, Window(start, midnight(now) + DAY_S), now).use.seconds
            now += DAY_S
        assert float(value()) == 0
        assert len(reader.days) == 2
        await shown.show(replace(few, links={}), (), now)
        assert LTE not in page.render().decode()

    asyncio.run(watch())
    reader.close()

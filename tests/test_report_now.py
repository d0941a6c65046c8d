"""The reports of the hour beside a running netmon and without one: what is asked, what is written, and what may go wrong."""

import json
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest
import structlog
from structlog.testing import capture_logs

from netmon import desk as desks
from netmon import units
from netmon.cells import Cells
from netmon.cli import main
from netmon.cli.report_now import since_when
from netmon.control import ControlError, ControlServer
from netmon.declaring import DeclarationError
from netmon.desk import Desk
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import Page
from netmon.model import VIET_NAM, CellName, CellState, Declared, Impact, Outage, Subject, WindowKind
from netmon.reports import hour as hours
from netmon.reports.hour import directory_of, keep, last_report, report_on, stored_standpoint
from netmon.settings import load
from netmon.store import Store
from tests.running import World
from tests.settings.conftest import INVENTORY, NETMON
from tests.store.conftest import Counts
from tests.web.desk import incident

HOUR = 3600.0
NOW = datetime(2026, 11, 22, 14, 20, tzinfo=VIET_NAM).timestamp()
FULL = NOW - 20 * 60


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    (tmp_path / "inventory").mkdir()
    mast = """  - id: bts
    name: Trạm BTS Bảo Lâm
    commune: "01290"
    kind: bts
    carriers: [{operator: viettel}]
    devices:
      - {id: ctl, address: 10.4.1.2}
"""
    (tmp_path / "inventory/a.yaml").write_text(INVENTORY + mast, encoding="utf-8")
    places = f"control: {tmp_path / 'c.sock'}\nstore: {{path: {tmp_path / 'n.db'}}}\n"
    (tmp_path / "netmon.yaml").write_text(NETMON + places, encoding="utf-8")
    return tmp_path


@pytest.fixture
def store(config):
    with Store.open(config / "n.db", Counts()) as opened:
        yield opened


@pytest.fixture
def run(config, capsys):
    def run(*words):
        code = main(["report", *words, "--lang", "vi", "--config", str(config)])
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    structlog.reset_defaults()  # the command sends its log to standard error


# --- without a daemon -------------------------------------------------------------------------------------------------


def test_without_store_and_daemon_it_is_one_error(run, config):
    for report in ("sitrep", "shift"):
        code, out, err = run(report)
        assert (code, out) == (1, "")
        assert err == f"netmon: {config / 'n.db'}: there is no store here\n"


def test_of_a_store_without_anything_nothing_is_known(run, store):
    code, out, _ = run("sitrep")
    assert code == 0
    assert "TSLCD cấp II: 0/56 xã mất liên lạc. 1 xã chưa rõ tình trạng. 55 xã chưa được giám sát." in out
    assert "Trạm BTS mất liên lạc: 0/1. 1 trạm BTS chưa rõ tình trạng." in out
    assert "netmon không chạy: đây là tình trạng sau cùng đã lưu." in out
    assert run("shift")[0] == 0


def test_the_store_tells_what_netmon_saw_last_as_of_then(config, store, run):
    store.record_start(NOW - HOUR)
    for kind, name, state in (("site", "ubnd", "isolated"), ("device", "ctl", "up"), ("supply", "ctl", "on_battery")):
        store.begin_span(Subject(kind, name), state, NOW - 600)
    for cell in ("1", "2"):
        store.begin_span(Subject("cell", CellName("bts", "viettel", "4g", cell).id), CellState.DOWN, NOW - 600)
    store.put_incident(incident("2026-0001", since=NOW - 600, impact=Impact(isolated=("01290",))))
    store.open_outage(Outage(Subject("site", "gone"), "isolated", NOW - 900, NOW - 700, "", ""))
    store.heartbeat(NOW)
    store.flush()
    settings = load(config, secrets=False)
    is_ = stored_standpoint(store.reader(), settings.inventory, NOW + 86_400, None, None)
    assert (is_.at, is_.since, len(is_.ended)) == (NOW, NOW - HOUR, 1)
    counts = report_on(is_, settings, units.load(), None).total
    assert (counts.lost, counts.lost_by_cause, counts.stations_lost) == (1, {"fibre": 1}, 1)
    assert counts.positions_lost == {"viettel": 1}
    ahead = stored_standpoint(store.reader(), settings.inventory, NOW - 60, None, None)
    assert ahead.at == NOW - 60  # the clock was ahead when netmon stopped
    assert "BTS mất liên lạc: 1/1; vị trí mất theo nhà mạng: viettel 1/1." in run("sitrep")[1]
    assert "Sự cố đang mở: 1\n  2026-0001" in run("shift", "--since", "2026-11-22T06:00")[1]


def test_a_time_of_the_day_is_the_last_one_and_what_lies_ahead_is_refused(run, store):
    assert since_when("06:00", NOW) == NOW - 8 * HOUR - 20 * 60
    assert since_when("22:00", NOW) == NOW - 16 * HOUR - 20 * 60
    assert since_when("now", NOW) == NOW
    for text in ("+6h", "2026-11-23", "22h"):
        with pytest.raises(DeclarationError):
            since_when(text, NOW)
    code, out, err = run("sitrep", "--since", "2099-01-01")
    assert (code, out) == (1, "")
    assert "--since 2099-01-01 lies ahead" in err


def test_it_goes_to_a_file_and_json_is_the_whole_report(run, store, config):
    code, out, _ = run("sitrep", "--format", "json", "-o", str(config / "s.json"))
    assert (code, out) == (0, f"{config / 's.json'}\n")
    told = json.loads((config / "s.json").read_text(encoding="utf-8"))
    assert set(told) == {"at", "since", "before", "live", "exercise", "storms", "total", "provinces"}
    assert told["provinces"][0]["counts"]["communes"] == 56
    assert run("sitrep", "-o", str(config / "none" / "s.txt"))[0] == 1


# --- beside a daemon --------------------------------------------------------------------------------------------------


class Running:
    """A netmon that runs, its desk, and storms as the test declares them."""

    def __init__(self, config):
        self.settings = load(config, secrets=False)
        self.meter = Counts()
        self.world = World(config / "n.db", self.settings.inventory, now=NOW - 120).run(120)
        self.storms = []
        self.cells = Cells(self.world.store, Outlets(Page(self.world.own)), self.meter)
        self.restart()

    def restart(self):
        operations = SimpleNamespace(
            darkness=self.world.operations.darkness,
            incidents=self.world.incidents,
            windows=SimpleNamespace(standing=lambda: tuple(self.storms)),
        )
        self.desk = Desk(
            self.world.network, operations, self.cells, self.world.reader, units.load(), lambda: self.settings, dict,
            lambda now: ("noc",), self.meter,
        )  # fmt: skip
        return self

    def declare(self, start, **over):
        fields = {"id": "b", "name": "Bão số 12", "start": start, "until": NOW + 9 * HOUR, "declared": start, "level": 4}
        self.storms = [Declared(**{"kind": WindowKind.STORM} | fields | over)]

    @property
    def written(self):
        return sorted(path.name for path in self.desk.directory.glob("*"))


@pytest.fixture
def running(config):
    running = Running(config)
    yield running
    running.world.close()


async def test_in_a_storm_a_report_is_written_every_full_hour_and_only_once(running):
    due = running.desk.report_if_due
    assert not await due(NOW)
    running.declare(NOW - 600)
    assert not await due(NOW), "it began after the last full hour"
    assert await due(FULL + HOUR)
    assert not await due(FULL + HOUR + 20)
    assert not await running.restart().desk.report_if_due(FULL + HOUR + 600), "written before the restart"
    assert await running.desk.report_if_due(FULL + 2 * HOUR + 300), "netmon was away at the hour"
    stems = ("sitrep-2026-11-22T1500+0700", "sitrep-2026-11-22T1605+0700")
    assert running.written == [
        f"{stem}.{end}" for stem in stems for end in ("en.html", "en.txt", "json", "vi.html", "vi.txt")
    ]
    told = json.loads((running.desk.directory / f"{stems[1]}.json").read_text(encoding="utf-8"))
    assert (told["before"], told["since"], told["live"]) == (FULL + HOUR, FULL + HOUR, True)
    assert [storm["phase"] for storm in told["storms"]] == ["impact"]


@pytest.mark.parametrize(
    ("over", "writes"),
    [
        ({"exercise": True}, True),
        ({"ended": NOW - 60}, True),  # recovered from
        ({"closed": NOW - 60}, False),
        ({"declared": NOW - 60}, False),  # of a storm that nobody had declared by then
        ({"start": NOW + 60}, False),
        ({"kind": WindowKind.MAINTENANCE}, False),
    ],
)
async def test_storms_and_exercises_that_strike_or_are_recovered_from_are_reported(running, over, writes):
    running.declare(**{"start": NOW - 5 * HOUR} | over)
    assert await running.desk.report_if_due(NOW) == writes
    if writes:
        said = next(running.desk.directory.glob("*.vi.txt")).read_text(encoding="utf-8")
        assert said.startswith("[DIỄN TẬP]") == over.get("exercise", False)


async def test_a_directory_that_cannot_be_written_is_one_error_until_it_can(running):
    running.declare(NOW - 5 * HOUR)
    running.desk.directory.write_text("a file")
    with capture_logs() as logs:
        for hour in range(3):
            assert not await running.desk.report_if_due(NOW + hour * HOUR)
    assert [line["log_level"] for line in logs] == ["error"]
    assert running.meter.totals["netmon_reports_failed_total"] == 3
    running.desk.directory.unlink()
    assert await running.desk.report_if_due(NOW + 2 * HOUR + 20), "in the same hour, as soon as it can be written"
    assert not await running.desk.report_if_due(NOW + 2 * HOUR + 40)


async def test_a_fault_of_our_own_is_counted_and_stops_nothing(running, monkeypatch):
    running.declare(NOW - 5 * HOUR)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(desks, "report_on", lambda *_: 1 / 0)
        assert not await running.desk.report_if_due(NOW)
    assert [line["event"] for line in logs] == ["situation report cannot be made"]
    assert running.meter.totals["netmon_bugs_total"] == 1
    assert await running.desk.report_if_due(NOW + HOUR)


async def test_a_daemon_answers_in_every_shape_and_refuses_what_is_none(running, config):
    running.world.dead = {"r1"}
    running.world.run(90)
    server = ControlServer(config / "c.sock", {"sitrep": running.desk.control_sitrep, "shift": running.desk.control_shift})
    await server.start()
    try:
        for shape in ("text", "html", "json"):
            told = (await running.desk.control_sitrep("root", {"format": shape, "lang": "en"}))["content"]
            assert "1/56" in told or json.loads(told)["total"]["lost"] == 1
        shift = (await running.desk.control_shift("root", {"lang": "vi"}))["content"]
        assert "Đang trực: noc\nTỉnh Cao Bằng: TSLCD cấp II: 1/56 xã mất liên lạc do " in shift
        assert json.loads((await running.desk.control_shift("root", {"format": "json"}))["content"])["on_call"] == ["noc"]
        for bad in ({"since": "x"}, {"since": True}, {"since": 9e9}, {"since": float("nan")}, {"since": -1}, {"lang": "fr"}):
            with pytest.raises(ControlError):
                await running.desk.control_sitrep("root", bad)
        with pytest.raises(ControlError):
            await running.desk.control_shift("root", {"format": "html"})
    finally:
        await server.stop()


def test_the_oldest_reports_are_removed_and_what_cannot_be_read_or_lies_ahead_is_passed_over(config, store, monkeypatch):
    settings = load(config, secrets=False)
    directory = directory_of(settings)
    assert last_report(directory, NOW) is None
    monkeypatch.setattr(hours, "KEPT", 3)
    is_ = stored_standpoint(store.reader(), settings.inventory, NOW, None, None)
    for hour in range(5):
        made = report_on(replace(is_, at=NOW + hour * HOUR), settings, units.load(), None)
        keep(directory, made)
    assert len(list(directory.iterdir())) == 3 * 5
    assert last_report(directory, NOW + 9 * HOUR) == NOW + 4 * HOUR
    assert last_report(directory, NOW + 3.5 * HOUR) == NOW + 3 * HOUR
    assert last_report(directory, NOW + 100 * HOUR) is None
    for path, text in zip(sorted(directory.glob("*.json"))[1:], ("[]", '{"at": "never"}'), strict=True):
        path.write_text(text)
    with capture_logs() as logs:
        assert last_report(directory, NOW + 9 * HOUR) == NOW + 2 * HOUR
    assert len(logs) == 2

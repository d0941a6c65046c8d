"""`netmon storm` and `netmon maintenance` against a real control socket and a real store, with and without a daemon."""

import asyncio
import getpass
import json
import threading

import pytest
from structlog.testing import capture_logs

from netmon import units
from netmon.cli import main
from netmon.control import ControlServer
from netmon.settings import load
from netmon.store import Store
from netmon.windows import Windows
from tests.store.conftest import Counts

NETMON = """\
province: "04"
credentials: {snmp: {version: 2c, community: !file secret}}
store: {path: netmon.db}
control: control.sock
"""
INVENTORY = """\
sites:
  - id: centre
    name: Trung tâm
    commune: "01273"
    kind: provincial_centre
    devices: [{id: core, address: 10.4.0.1}]
  - id: xa
    name: UBND xã Quảng Lâm
    commune: "01304"
    kind: peoples_committee
    devices: [{id: r01304, address: 10.4.1.7, upstreams: [core]}]
    links:
      - {id: f01304, to: centre, kind: fibre, role: primary, network: tslcd_2, capacity: 200 Mbit/s, near: {interface: ge0}, srlg: [ring]}
"""  # noqa: E501


class Center:
    """A configuration, and a daemon of which only the windows are there."""

    def __init__(self, home):
        self.home = home
        (home / "inventory").mkdir()
        (home / "netmon.yaml").write_text(NETMON)
        (home / "secret").write_text("s3cr3t\n")
        (home / "inventory/all.yaml").write_text(INVENTORY, encoding="utf-8")
        self.store = Store.open(home / "netmon.db", Counts())
        inventory = load(home).inventory
        windows = Windows(self.store.reader(), self.store, inventory=lambda: inventory, register=units.load())
        handlers = {"storm": windows.control_storm, "maintenance": windows.control_maintenance}
        self.server = ControlServer(home / "control.sock", handlers)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.on_loop(self.server.start())
        self.runs = True

    def on_loop(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def stop(self):
        if self.runs:
            self.runs = False
            self.on_loop(self.server.stop())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()
            self.store.close()


@pytest.fixture
def center(tmp_path):
    with capture_logs():  # the daemon's own are not what a command says
        made = Center(tmp_path)
        yield made
        made.stop()


@pytest.fixture
def netmon(center, capsys):
    """Runs a command: the exit code, what it said, what it complained of."""

    def run(*words):
        code = main([*words, "--config", str(center.home)])
        return code, *capsys.readouterr()

    return run


STORM = ("storm", "declare", "--name", "Bão số 12", "--level", "4", "--areas", "04,01304", "--until", "+6h")


def test_a_storm_lives_from_its_declaration_to_its_end(netmon):
    code, out, _ = netmon(*STORM, "--by", "trực ban")
    name = out.split(":")[0]
    assert (code, name.rpartition("-")[0], out.split()[-1]) == (0, "bao-so-12", "impact")
    assert netmon("storm", "update", name, "--level", "5", "--note", "giật cấp 14")[0] == 0
    code, out, _ = netmon("storm", "list", "--lang", "vi")
    assert code == 0
    assert all(
        word in out for word in (name, "5 (tím)", "đang ảnh hưởng", "Tỉnh Cao Bằng", f"{getpass.getuser()} (trực ban)")
    )
    assert netmon("storm", "end", name)[0] == 0
    assert "recover" in netmon("storm", "list", "--lang", "en")[1]
    code, _, wrong = netmon("storm", "end", name)
    assert (code, "being recovered from already" in wrong) == (1, True)
    assert netmon("storm", "end", name, "--close")[0] == 0
    assert netmon("storm", "list", "--lang", "en")[1] == "No storm is declared.\n"
    (past,) = json.loads(netmon("storm", "list", "--all", "--json")[1])
    assert (past["id"], past["phase"], past["note"]) == (name, "over", "giật cấp 14")


def test_an_exercise_is_marked_in_both_languages(netmon):
    netmon(*STORM, "--exercise")
    assert "[DIỄN TẬP] Bão số 12" in netmon("storm", "list", "--lang", "vi")[1]
    assert "[EXERCISE] Bão số 12" in netmon("storm", "list", "--lang", "en")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--areas", "Quang Lam"), "did you mean 01304"),
        (("--until", "2020-01-01"), "until lies before from"),
        (("--level", "1"), "there is no storm of level 1"),
        (("--name", "a\x1b[31m"), "control character"),
    ],
)
def test_a_wrong_word_is_one_line_of_complaint(netmon, words, said):
    code, out, wrong = netmon(*STORM, *words)
    assert (code, out) == (1, "")
    assert said in wrong
    assert wrong.count("\n") == 1


def test_works_are_declared_on_what_the_inventory_has_and_warned_of_in_a_storm(netmon):
    netmon(*STORM)
    words = ("maintenance", "declare", "--name", "Thay cáp", "--on", "cable:ring", "--on", "device:core", "--until", "+2h")
    code, out, _ = netmon(*words)
    assert (code, "! it lies in the area of a storm: Bão số 12" in out) == (0, True)
    listed = netmon("maintenance", "list", "--lang", "en")[1]
    assert "under way" in listed
    assert "cable:ring, device:core" in listed
    code, _, wrong = netmon(*words, "--on", "cable:rong")
    assert (code, "did you mean cable:ring" in wrong) == (1, True)
    assert netmon("maintenance", "end", out.split(":")[0])[0] == 0
    assert netmon("maintenance", "list", "--lang", "en")[1] == "No works are declared.\n"


def test_without_a_daemon_the_list_and_the_log_come_from_the_store_and_nothing_can_be_declared(netmon, center):
    name = netmon(*STORM, "--by", "trực ban")[1].split(":")[0]
    center.stop()
    assert name in netmon("storm", "list")[1]
    (line,) = json.loads(netmon("storm", "list", "--log", "--json")[1])
    assert (line["verb"], line["author"], line["note"]) == ("declare", getpass.getuser(), "trực ban")
    assert "declared" in netmon("storm", "list", "--log", "--lang", "en")[1]
    code, _, wrong = netmon(*STORM)
    assert (code, "no daemon listens" in wrong) == (1, True)

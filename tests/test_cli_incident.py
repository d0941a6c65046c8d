"""`netmon incident` as people type it: against a control socket, and against the store where no daemon runs."""

import asyncio
import json
from dataclasses import replace
from functools import partial

import pytest

from netmon import book
from netmon.causes.words import both, merged
from netmon.cli import main
from netmon.control import ControlServer
from netmon.model import CauseClass, Entry, Impact, Subject, Uncounted, Verb
from netmon.settings import load
from netmon.store import Store
from tests.settings.conftest import INVENTORY, NETMON
from tests.web.desk import T0, Desk, incident


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A commune whose fibre has a circuit."""
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    (tmp_path / "inventory").mkdir()
    fibre = INVENTORY.replace(
        "        role: primary\n", "        role: primary\n        operator: viettel\n        circuit: CB-1\n"
    )
    (tmp_path / "inventory/a.yaml").write_text(fibre, encoding="utf-8")
    places = f"control: {tmp_path / 'c.sock'}\nstore: {{path: {tmp_path / 'n.db'}}}\n"
    (tmp_path / "netmon.yaml").write_text(NETMON + places, encoding="utf-8")
    return tmp_path


@pytest.fixture
def lone():
    """One commune cut off by its fibre."""
    link = Subject("link", "fibre")
    return incident(root=link, members=(link,), ever=(link,), clues=(), impact=Impact(isolated=("01290",)))


@pytest.fixture
async def netmon(config, lone, capsys):
    """Runs the command beside a daemon; its exit code and what it said."""
    desk = Desk(load(config, secrets=False).inventory, lone)
    server = ControlServer(config / "c.sock", desk.handlers)
    await server.start()

    async def run(*words):
        code = await asyncio.to_thread(main, ["incident", *words, "--config", str(config)])
        return code, capsys.readouterr()

    run.desk = desk
    yield run
    await server.stop()


async def test_the_list_says_what_goes_on_in_either_language(netmon):
    code, said = await netmon("list", "--lang", "en")
    head, line = said.out.splitlines()
    assert code == 0
    assert head.split() == ["INCIDENT", "SINCE", "LASTS", "CAUSE", "ROOT", "DOWN", "HITS", "WHO"]
    assert " 10 min " in line
    assert "Link fibre, UBND xã Bảo Lâm" in line
    assert "1 commune isolated" in line
    _, said = await netmon("list", "--lang", "vi")
    assert "đứt cáp" in said.out
    netmon.desk.kept.clear()
    assert (await netmon("list", "--lang", "vi"))[1].out == "không có sự cố nào đang diễn ra\n"


async def test_a_shift_takes_an_incident_on_corrects_it_and_reads_both_causes(netmon):
    me = None
    for words in (
        ("ack", "2027-0001", "called", "Viettel", "--by", "Lan"),
        ("assign", "2027-0001", "Tổ 3"),
        ("cause", "2027-0001", "power", "EVN:", "no mains"),
    ):
        code, said = await netmon(*words, "--lang", "en")
        assert code == 0, said.err
        me = netmon.desk.calls[-1][0]
    assert netmon.desk.calls[0][1]["by"] == "Lan"
    assert [line.text for line in netmon.desk.lines[1:]] == ["called Viettel", "Tổ 3", "power: EVN: no mains"]
    _, said = await netmon("show", "2027-0001", "--lang", "en")
    assert f"cause: power (corrected by {me}; netmon found fibre cut)" in said.out
    assert "communes isolated: 1 (Bao Lam Commune)" in said.out
    assert "assigned to: Tổ 3" in said.out
    (circuit,) = [line.split() for line in said.out.splitlines() if "CB-1" in line]
    assert circuit == ["fibre", "viettel", "CB-1", "18008098"]
    _, said = await netmon("show", "2027-0001", "--lang", "vi")
    assert f"nguyên nhân: mất điện ({me} sửa; netmon tìm ra đứt cáp)" in said.out


async def test_a_correction_that_says_what_netmon_found_has_nothing_beside_it(netmon):
    assert (await netmon("cause", "2027-0001", "fibre", "seen"))[0] == 0
    _, said = await netmon("show", "2027-0001", "--lang", "vi")
    assert "nguyên nhân: đứt cáp\n" in said.out


async def test_what_was_merged_is_told_so_and_not_as_restored(netmon, lone):
    text = both(*merged(incident("2027-0009")))
    netmon.desk.lines.append(Entry(T0 + 60, lone.id, Verb.RESTORED, "netmon", "", text))
    for language, verb in (("vi", "gộp"), ("en", "merged")):
        _, said = await netmon("show", lone.id, "--lang", language)
        assert said.out.splitlines()[-1].split()[-len(text.split()) - 1 :] == [verb, *text.split()]
    over = book.incident_json(replace(lone, until=T0 + 60, members=()), netmon.desk.inventory, T0 + 600)

    async def listed(author, request):
        return {"incidents": [over | {"part_of": "2027-0009"}, over | {"id": "2027-0002", "part_of": ""}]}

    netmon.desk.handlers["incidents"] = listed
    for language, state, restored in (("vi", "(gộp)", "(đã khôi phục)"), ("en", "(merged)", "(over)")):
        _, said = await netmon("list", "--all", "--lang", language)
        _, gone, other = said.out.splitlines()
        assert gone.startswith(f"{lone.id} {state} ")
        assert other.startswith(f"2027-0002 {restored} ")


async def test_what_the_book_refuses_is_one_line_and_exit_code_1(netmon):
    for words, says in (
        (("close", "2027-0001"), "goes on: 1 is still down"),
        (("cause", "2027-0001", "rain"), "'rain' is no class of causes"),
        (("show", "2027-0009"), "no incident '2027-0009'"),
        (("open", "--on", "link:fibr", "--text", "x"), "did you mean fibre?"),
    ):
        code, said = await netmon(*words)
        assert (code, said.out, said.err.count("\n")) == (1, "", 1)
        assert says in said.err


async def test_an_incident_is_opened_by_hand_and_told_as_json(netmon):
    code, said = await netmon("open", "--on", "fibre", "--cause", "fibre", "--text", "máy xúc ở cầu", "--json")
    told = json.loads(said.out)
    assert (code, told["incident"]["root"]["id"], netmon.desk.lines[-1].text) == (0, "fibre", "máy xúc ở cầu")


def test_without_a_daemon_the_store_is_read_and_nothing_is_written(config, lone, capsys):
    netmon = partial(_run, config, capsys)
    store = Store.open(config / "n.db", Uncounted())
    store.put_incident(lone)
    store.put_entry(Entry(T0, lone.id, Verb.OPENED, "netmon", "", "đứt / cut"))
    store.put_entry(Entry(T0 + 9, lone.id, Verb.CAUSE, "noc", "Lan", "power: EVN"))
    store.put_incident(incident("2027-0002", until=T0 + 60, members=()))
    store.close()
    assert [each["id"] for each in json.loads(netmon("list", "--json")[1].out)["incidents"]] == ["2027-0001"]
    assert len(json.loads(netmon("list", "--all", "--json")[1].out)["incidents"]) == 2
    shown = json.loads(netmon("show", "2027-0001", "--json")[1].out)
    assert (shown["incident"]["cause"], shown["incident"]["found_cause"]) == (CauseClass.POWER, CauseClass.FIBRE)
    assert "corrected by Lan (noc)" in netmon("show", "2027-0001", "--lang", "en")[1].out
    code, said = netmon("ack", "2027-0001")
    assert code == 1
    assert "no daemon listens" in said.err
    assert len(json.loads(netmon("show", "2027-0001", "--json")[1].out)["entries"]) == 2


def test_without_daemon_and_store_it_says_so(config, capsys):
    code, said = _run(config, capsys, "list")
    assert code == 1
    assert said.err.startswith("netmon: ")


def _run(config, capsys, *words):
    code = main(["incident", *words, "--config", str(config)])
    return code, capsys.readouterr()

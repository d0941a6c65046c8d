"""What the desk refuses in one sentence: instants that are none, and notes that would be more than a name."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from netmon import units
from netmon.book import WordingError
from netmon.control import ControlError
from netmon.desk import Desk
from tests.running import World, province


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "n.db", province(3)).run(65)
    world.cut(1)
    yield world.run(60)
    world.close()


@pytest.fixture
def desk(world):
    settings = SimpleNamespace(provinces=("04",), inventory=world.things)
    return Desk(
        world.network, world.operations, None, world.reader, units.load(), lambda: settings, dict, lambda now: (), world.own
    )


@pytest.mark.parametrize("since", [10**400, -(10**400), float("nan"), float("inf"), -1, True, "now", [1]])
async def test_an_instant_that_is_none_is_one_sentence(desk, since):
    for ask in (desk.control_incidents, desk.control_sitrep, desk.control_shift):
        with pytest.raises(ControlError, match="since is an instant in Unix seconds"):
            await ask("lan", {"since": since})


@pytest.mark.parametrize("by", ["\x1b[2J", "Lan\nnetmon", "\u202eLan", 7, ["Lan"], "L" * 200])
async def test_a_note_on_who_says_it_is_a_line_of_plain_text(desk, world, by):
    (incident,) = world.going_on()
    for asked in (
        {"action": "comment", "id": incident.id, "text": "đã gọi"},
        {"action": "open", "on": "s2", "text": "mất"},
    ):
        with pytest.raises(WordingError, match=r"^by "):
            await desk.control_incident("lan", asked | {"by": by})
    assert len(world.verbs(incident.id)) == 1
    assert [one.id for one in world.going_on()] == [incident.id]


async def test_all_incidents_are_told_as_they_are_now_and_not_as_they_were_written(desk, world):
    (incident,) = world.going_on()
    world.store.put_incident(replace(incident, members=()))
    world.store.flush()
    told = await desk.control_incidents("lan", {"all": True})
    assert told["incidents"][-1]["down"] == len(incident.members)

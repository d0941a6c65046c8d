"""Which profile a device gets: by what it says it is, by what else it answers, and one's own before netmon's."""

from __future__ import annotations

import pytest

from netmon import profiles
from netmon.credential import Credential, Secret
from netmon.model import Device
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import Profiles
from netmon.snmp.recording import Recording
from tests.test_profiles_values import polled

NET_SNMP = "sys_object_id: [1.3.6.1.4.1.99999.1]\n"
GATEWAY = NET_SNMP + "confirm: [{below: 1.3.6.1.4.1.48690}]"
CONTROLLER = NET_SNMP + "confirm: [{below: 1.3.6.1.2.1.1.1, matches: '^GSE'}, {below: 1.3.6.1.4.1.2011.6.164}]"


@pytest.mark.parametrize(
    ("recording", "chosen"),
    [
        ("1.3.6.1.4.1.48690.7.3.0|4|x\n", "own1"),
        ("1.3.6.1.2.1.1.1.0|4|GSE200M\n", "own2"),
        ("1.3.6.1.4.1.2011.6.164.1.1.0|2|1\n", "own2"),
        ("1.3.6.1.2.1.1.1.0|4|Linux\n1.3.6.1.4.1.48691.1.0|2|1\n", "own0"),
        ("", "own0"),
    ],
)
async def test_a_device_with_anothers_sys_object_id_is_told_by_what_else_it_answers(recording: str, chosen: str):
    poller = await polled(recording, NET_SNMP, GATEWAY, CONTROLLER)
    assert poller.profile == chosen
    assert poller.why[-1].startswith(f"{chosen}: its sysObjectID 1.3.6.1.4.1.99999.1 begins with 1.3.6.1.4.1.99999.1")
    assert len(poller.why) == {"own2": 1, "own1": 2, "own0": 3}[chosen] or chosen == "own1"


async def test_a_device_that_does_not_say_what_it_is_is_told_by_its_own_subtree():
    """The agent has no sysObjectID at all, or one that nobody knows."""
    for said in ("", "1.3.6.1.2.1.1.2.0|6|0.0\n", "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n"):
        for subtree, chosen in (("1.3.6.1.4.1.12148.10.2.1.0|2|1\n", "eltek_sp2_unnamed"), ("", "generic")):
            poller = SnmpPoller(
                Recording.parse("1.3.6.1.2.1.1.3.0|67|4711\n" + said + subtree),
                Device(id="d", site="", addresses=("192.0.2.1",)),
                (),
                Credential(name="c", version="2c", community=Secret("public")),
                profiles.load(),
            )
            await poller.poll()
            assert poller.profile == chosen


def test_a_profile_of_ones_own_comes_before_those_that_netmon_brings(tmp_path):
    (tmp_path / "mine.yaml").write_text("sys_object_id: [1.3.6.1.4.1.2011.6.164]\nextends: generic\n", "utf-8")
    known = profiles.load(tmp_path)
    assert known.matching("1.3.6.1.4.1.2011.6.164.1.2").name == "mine"
    assert isinstance(known, Profiles)


def test_the_faults_of_all_own_files_are_told_with_their_places(tmp_path):
    (tmp_path / "a.yaml").write_text("sys_object_id: [x]\n", "utf-8")
    (tmp_path / "b.yaml").write_text("scalars: [{name: a, oid: 1.3.6, kind: gauge, scael: 1}]\n", "utf-8")
    with pytest.raises(profiles.ProfileError) as caught:
        profiles.load(tmp_path)
    assert [line.split(": ", 1)[0] for line in str(caught.value).splitlines()] == [
        f"{tmp_path}/a.yaml:1:17",
        f"{tmp_path}/b.yaml:1:53",
    ]

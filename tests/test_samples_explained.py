"""What the page says of what explains a state: explicit zeros, and nothing that begins to page while nobody knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import samples
from netmon.causes.explained import BY_DEVICE, BY_LINK, BY_SITE
from netmon.connections import Told
from netmon.derive.states import Track
from netmon.model import CauseClass, DeviceState, Impact, Incident, LinkState, Subject
from netmon.network import Network
from tests.test_network import T0, province

THINGS = province(2)


def network(**tracks):
    found = Network(THINGS, T0)
    found.tracks.update(tracks)
    return found


def by(shown, family):
    """What is told to explain something, and what is told not to."""
    told = {dict(series.labels)["by"]: value for series, value in shown if series.family == family}
    assert set(told.values()) <= {0, 1}
    return {word for word, value in told.items() if value}, set(told)


@given(
    st.sampled_from(DeviceState),
    st.sampled_from([True, False, None]),
    st.sampled_from(["answered", "silent", "local", ""]),
    st.booleans(),
    st.sets(st.sampled_from(BY_DEVICE)),
)
def test_a_device_that_is_shown_as_down_says_of_each_reason_whether_it_holds(state, up, outcome, isolated, said):
    net = network(r0=Track(state, T0, outcome=outcome, shown_up=up))
    net.isolated_since = T0 if isolated else 0.0
    holds, told = by(samples.device_samples(net, "r0", frozenset(said)), "netmon_device_explained")
    if up is False or said - {"self"}:
        assert told == set(BY_DEVICE)
    assert told >= {"upstream", "self"}
    assert holds - {"self", "upstream"} == said - {"self", "upstream"}
    if state is DeviceState.UNKNOWN and up is False:
        assert "self" in holds, "it begins to page nowhere"
    if state is not DeviceState.UNKNOWN:
        assert "self" not in holds
    if state is DeviceState.UNREACHABLE:
        assert "upstream" in holds


@pytest.mark.parametrize(
    ("state", "known", "router", "holds"),
    [
        (LinkState.UP, "up", DeviceState.UP, None),
        (LinkState.UNKNOWN, "up", DeviceState.UNREACHABLE, None),
        (LinkState.DOWN, "down", DeviceState.UP, set()),
        (LinkState.UNKNOWN, "down", DeviceState.UNREACHABLE, {"device"}),
        (LinkState.UNKNOWN, "down", DeviceState.UNKNOWN, {"self"}),
    ],
)
def test_a_link_that_was_down_when_netmon_ceased_to_know_goes_on_where_it_was(state, known, router, holds):
    net = network(r0=Track(router, T0), core=Track(DeviceState.UP, T0))
    net.connections.links["f0"] = Told(state, T0, last_known=known)
    found, told = by(samples.link_samples(net, "f0"), "netmon_link_explained")
    assert (found, told) == ((holds, set(BY_LINK)) if holds is not None else (set(), set()))


def test_a_site_says_of_each_reason_whether_it_holds():
    found = samples.site_samples(network(), "s0", {"storm"})
    assert by(found, "netmon_site_explained") == ({"storm"}, set(BY_SITE))
    assert found[-len(BY_SITE) :] == samples.site_explained(THINGS, "s0", {"storm"})


def test_an_incident_names_the_circuit_of_its_link_and_leaves_a_zero_where_it_was():
    fell = (Subject("link", "f0"),)
    over = Incident(
        id="2027-0001",
        province="04",
        root=fell[0],
        cause=CauseClass.FIBRE,
        clues=(),
        since=T0,
        until=None,
        members=fell,
        ever=fell,
        impact=Impact(isolated=("01300",)),
        corrected=CauseClass.POWER,
    )
    shown = samples.incident_samples(over, THINGS, True)
    about = next(dict(series.labels) for series, _ in shown if series.family == "netmon_incident_info")
    assert (about["cause"], about["root_kind"], about["root"]) == ("power", "link", "f0")
    assert "incident" not in {
        name for series, _ in shown if series.family != "netmon_incident_info" for name, _ in series.labels
    }
    why = [dict(series.labels) for series, _ in shown if series.family == "netmon_incident_commune_info"]
    assert [(each["commune"], each["root"], each["cause"]) for each in why] == [("01300", "f0", "power")]
    on_the_page = dict(shown)
    for series, value in samples.incident_over("04", fell[0]):
        assert on_the_page[series] == 1
        assert value == 0

"""The heart of it: whatever is lost, something pages for it. Over random networks with rings, redundant upstreams, shared
cables, storms and works; who pages is worked out here anew, from the labels and the states alone."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netmon.causes.explained import BY_DEVICE, BY_LINK, BY_SITE, explanations, pages
from netmon.causes.graph import Graph
from netmon.causes.incidents import gather
from netmon.causes.paths import path_up
from netmon.causes.picture import Picture
from netmon.derive.states import Track
from netmon.events import windows
from netmon.model import (
    Declared,
    Device,
    DeviceState,
    Incident,
    Link,
    LinkKind,
    LinkRole,
    Port,
    SiteKind,
    Subject,
    WindowKind,
)
from tests.causes.places import FELL, NOW, Land, Numbers, Told, storm, works
from tests.effort import examples

FALLEN = ("down", "unreachable")
KINDS = (*[SiteKind.PEOPLES_COMMITTEE] * 3, SiteKind.BTS, SiteKind.SERVICE_CENTRE)
TIMES = st.sampled_from([FELL, FELL + 60, FELL + 110, FELL + 200, FELL - 500, NOW - 20])


@st.composite
def lands(draw: st.DrawFn) -> Land:
    """States are drawn as they come, whether a network could bring them about or not: loops of upstreams, unreachable
    devices behind live ones, isolated sites with live devices."""
    land = Land().site("centre", "c0", SiteKind.PROVINCIAL_CENTRE).device("d0", "centre")
    sites = draw(st.integers(2, 6))
    devices = draw(st.integers(2, 9))
    for n in range(sites):
        land.site(f"s{n}", f"c{draw(st.integers(0, 3))}", draw(st.sampled_from(KINDS)))
    names = [f"d{n}" for n in range(devices + 1)]
    for name in names[1:]:
        ups = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        land.device(name, f"s{draw(st.integers(0, sites - 1))}", *[up for up in ups if up != name])
    for name in names:
        state = draw(st.sampled_from(["up", "down", "down", "unreachable", "unreachable", "suspect", "unknown"]))
        land.device_states[name] = Told(state, draw(TIMES))
        if state == "unreachable" and draw(st.booleans()):
            land.told.setdefault("upstream_of", {})[name] = draw(st.sampled_from(names))
    for n in range(draw(st.integers(0, 8))):
        near = draw(st.sampled_from(["", "", *names]))
        far = draw(st.sampled_from(["", "d0:1/1", "d1:1/2", "d2:1/3"]))
        site = land.devices[near].site if near else f"s{draw(st.integers(0, sites - 1))}"
        cables = tuple(draw(st.lists(st.sampled_from("qr"), max_size=2, unique=True)))
        role = draw(st.sampled_from(list(LinkRole)))
        land.link(f"l{n}", site, near=f"{near}:w{n}" if near else "", far=far, srlg=cables, role=role,
                  kind=draw(st.sampled_from([LinkKind.FIBRE, LinkKind.LTE])))  # fmt: skip
        land.link_states[f"l{n}"] = Told(draw(st.sampled_from(["up", "down", "down", "unknown"])), draw(TIMES))
        land.service(draw(st.sampled_from(["up", "on_backup", "isolated", "isolated", "unreachable", "unknown"])), site)
        if land.links[f"l{n}"].far and draw(st.booleans()):
            land.told.setdefault("ports", {})[land.links[f"l{n}"].far] = draw(st.sampled_from([True, False]))
    batteries = draw(st.sets(st.sampled_from(sorted(land.sites)), max_size=3))
    declared = draw(st.lists(st.sampled_from([
        storm("c1"), storm("c0", "c2"), storm("04"), storm("04", exercise=True), works(Subject("link", "l0")),
        works(Subject("device", "d1")), works(Subject("cable", "q")), works(areas=["c1"]), works(Subject("site", "s0")),
        works(Subject("device", "d0")), works(Subject("site", "centre")), works(areas=["c0"]), works(Subject("site", "s1")),
        replace(works(Subject("device", "d2")), exercise=True),
    ]), max_size=2))  # fmt: skip
    local = draw(st.sets(st.sampled_from(names), max_size=3))
    return land.tell(on_battery={site: draw(TIMES) for site in sorted(batteries)}, windows=declared, local=local)


class Witness:
    """Who pages, told by the contract: no code of causes is asked but for its answers."""

    def __init__(self, picture: Picture, incidents: list[Incident], *, weather: bool = True) -> None:
        self.picture = picture
        self.weather = weather  # False: what a storm explains counts for nothing
        self.incidents = incidents
        self.said = explanations(picture, incidents)

    def site_of(self, subject: Subject) -> str:
        return (self.picture.devices if subject.kind == "device" else self.picture.links)[subject.id].site

    def is_declared(self, kind: WindowKind) -> bool:
        phases = ("impact", "recover")
        return any(
            one.kind is kind and not one.exercise and windows.phase(one, self.picture.at) in phases
            for one in self.picture.windows
        )

    def site_pages(self, site: str) -> bool:
        """NetmonCommuneIsolated, unless works say that it was to be expected."""
        committee = self.picture.sites[site].kind is SiteKind.PEOPLES_COMMITTEE
        isolated = site in self.picture.sites_stand and self.picture.sites_stand[site].state == "isolated"
        return committee and isolated and "maintenance" not in self.said.get(Subject("site", site), ())

    def holds(self, subject: Subject, seen: frozenset[Subject] = frozenset()) -> bool:
        """Whether a loss pages, or each reason that is given for its not paging ends in something that does."""
        if subject in seen:
            return False
        by = self.said.get(subject, frozenset())
        if by and not self.weather and not (by := by - {"storm"}):
            return False
        return all(self.reason_holds(reason, subject, seen | {subject}) for reason in by)

    def reason_holds(self, reason: str, subject: Subject, seen: frozenset[Subject]) -> bool:
        if reason == "upstream":
            return self.upstream_holds(subject, seen)
        if reason == "site":
            site = self.site_of(subject)
            backup = self.picture.sites_stand[site].state == "on_backup" if subject.kind == "link" else False
            return self.site_pages(site) or (backup and self.holds(Subject("site", site), seen))
        if reason == "device":
            near = self.picture.links[subject.id].near
            assert near is not None
            fallen = self.picture.devices_stand[near.device].state in ("down", "unreachable")
            return fallen and self.holds(Subject("device", near.device), seen)
        if reason == "incident":
            return self.incident_holds(subject, seen)
        if reason == "storm":
            return self.is_declared(WindowKind.STORM)
        if reason == "maintenance":
            return self.is_declared(WindowKind.MAINTENANCE)
        return subject.kind == "device" and subject.id in self.picture.local

    def upstream_holds(self, subject: Subject, seen: frozenset[Subject]) -> bool:
        stand = self.picture.devices_stand
        if stand[subject.id].state != "unreachable":
            return False
        upstream = self.picture.upstream_of.get(subject.id, "")
        known = stand[upstream].state if upstream else ""
        # one that is unknown shows and pages what it was known as: it was fallen when it became a reason
        if known == "unknown" or (known in FALLEN and self.holds(Subject("device", upstream), seen)):
            return True
        live = [
            up
            for up in (*self.picture.devices[subject.id].upstreams, upstream)
            if up and stand[up].state in ("up", "suspect")
        ]
        return any(self.picture.at - stand[up].since <= 120.0 for up in live)

    def incident_holds(self, subject: Subject, seen: frozenset[Subject]) -> bool:
        """NetmonIncident, or an isolated commune of it, or the device that is its root."""
        for one in self.incidents:
            parts = [part for part in (*one.members, one.root) if part.kind in ("device", "link")]
            of_site = subject.kind == "site" and any(self.site_of(part) == subject.id for part in one.members)
            if subject in one.members or of_site:
                root_pages = one.root in one.members and self.is_watched(one.root) and self.holds(one.root, seen)
                if pages(one, self.picture) or root_pages or any(self.site_pages(self.site_of(p)) for p in parts):
                    return True
        return False

    def is_watched(self, subject: Subject) -> bool:
        """Links in reserve are told by tickets."""
        return subject.kind == "device" or self.picture.links[subject.id].role is LinkRole.PRIMARY

    def is_cut_by_works(self, site: str) -> bool:
        """Whether works are done on a whole site, or on each link of it that is down: on the link, on its cable, at its near
        end, or at its far end if that is lost itself."""
        real = [one for one in self.picture.windows if one.kind is WindowKind.MAINTENANCE and not one.exercise]
        links = [link for link in self.picture.links.values() if link.site == site]
        down = [link for link in links if self.picture.links_stand[link.id].state == "down"]

        def here(one: Declared, place: str) -> bool:
            where = self.picture.sites[place]
            return Subject("site", place) in one.subjects or bool({where.commune, where.province} & set(one.areas))

        def at(one: Declared, port: Port | None) -> bool:
            device = port.device if port else ""
            return bool(port) and (Subject("device", device) in one.subjects or here(one, self.picture.devices[device].site))

        def on(one: Declared, link: Link) -> bool:
            return bool({Subject("link", link.id), *(Subject("cable", name) for name in link.srlg)} & set(one.subjects))

        def cut(one: Declared, link: Link) -> bool:
            far = link.far if link.far and self.picture.devices_stand[link.far.device].state in FALLEN else None
            return on(one, link) or at(one, link.near) or at(one, far)

        if any(here(one, site) or (links and all(on(one, link) for link in links)) for one in real):
            return True
        return bool(down) and all(any(cut(one, link) for one in real) for link in down)


@settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(lands())
def test_whatever_is_lost_something_pages_for_it(land: Land):
    picture = land.picture()
    incidents, _ = gather(picture, [], Numbers())
    witness = Witness(picture, incidents)
    for device, told in picture.devices_stand.items():
        if told.state in ("down", "unreachable"):
            assert witness.holds(Subject("device", device)), (device, witness.said)
    for link, told in picture.links_stand.items():
        if told.state == "down":
            assert witness.holds(Subject("link", link)), (link, witness.said)
            assert "self" not in witness.said.get(Subject("link", link), ())
    for site, told in picture.sites_stand.items():
        by = witness.said.get(Subject("site", site), frozenset())
        if told.state == "isolated":
            assert by <= {"maintenance"}
            assert not by or (witness.is_declared(WindowKind.MAINTENANCE) and witness.is_cut_by_works(site))
        elif told.state == "on_backup":
            assert witness.holds(Subject("site", site)), (site, witness.said)
    in_any_weather = Witness(picture, incidents, weather=False)
    for device in may_be_dark_by(picture):
        assert in_any_weather.holds(Subject("device", device)), (device, witness.said)


def may_be_dark_by(picture: Picture) -> list[str]:
    """Lost devices of committees of which nobody knows whether they are isolated, and at the far ends of their links."""
    dark = {
        site.id
        for site in picture.sites.values()
        if site.kind is SiteKind.PEOPLES_COMMITTEE
        and (site.id not in picture.sites_stand or picture.sites_stand[site.id].state in ("unknown", "unreachable"))
    }
    far = {link.far.device for link in picture.links.values() if link.far and link.site in dark}
    return [
        name
        for name, device in picture.devices.items()
        if (device.site in dark or name in far) and picture.devices_stand[name].state in FALLEN
    ]


TRACKS = st.builds(
    Track,
    state=st.sampled_from([DeviceState.UP, DeviceState.SUSPECT, DeviceState.DOWN, DeviceState.UNREACHABLE]),
    silent_since=st.sampled_from([0.0, 50.0, 100.0]),
    silent_again=st.sampled_from([0.0, 55.0, 105.0]),
    heard=st.sampled_from([0.0, 40.0, 60.0, 110.0]),
    asked=st.sampled_from([0.0, 60.0, 120.0]),
)


@given(TRACKS, st.lists(TRACKS, max_size=3))
def test_no_upstream_explains_a_fall_if_the_device_answered_after_it_had_gone_mute(fallen: Track, ups: list[Track]):
    tracks = {"low": fallen, **{f"u{n}": track for n, track in enumerate(ups)}}
    path = path_up(
        Device(id="low", site="s", upstreams=tuple(tracks)[1:]), tracks, {n: Device(id=n, site="s") for n in tracks}
    )
    forwards = {f"u{n}" for n, up in enumerate(ups) if up.fallen and 0.0 < up.silent_again < fallen.heard}
    assert path.cause not in forwards
    assert not forwards & set(path.ask)
    if len(forwards) == len(ups):
        assert path.live


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lands())
def test_a_storm_folds_single_things_of_one_commune_in_its_area_and_nothing_else(land: Land):
    """Neither the centre, nor what devices of another commune hang on, nor anything outside of its area."""
    picture = land.picture()
    for subject, by in explanations(picture, gather(picture, [], Numbers())[0]).items():
        words = {"device": BY_DEVICE, "link": BY_LINK, "site": BY_SITE}[subject.kind]
        assert by
        assert by <= set(words)
        if "storm" in by:
            site = picture.sites[subject.id if subject.kind == "site" else Witness(picture, []).site_of(subject)]
            real = [one for one in picture.windows if one.kind is WindowKind.STORM and not one.exercise]
            assert any(site.commune in one.areas or site.province in one.areas for one in real)
            assert site.kind is not SiteKind.PROVINCIAL_CENTRE
            here = {device.id for device in picture.devices.values() if device.site == site.id}
            hanging = [device for device in picture.devices.values() if here & set(device.upstreams)]
            assert all(picture.sites[device.site].commune == site.commune for device in hanging)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lands(), st.randoms(use_true_random=False))
def test_incidents_hold_each_loss_once_whatever_the_order_and_go_on_without_a_change(land: Land, random):
    """Gathered from mappings in another order they are the same; gathered again they are the same and nothing is noted."""
    incidents, steps = gather(land.picture(), [], Numbers())
    members = [member for one in incidents for member in one.members]
    assert len(members) == len(set(members))
    assert len({one.root for one in incidents}) == len(incidents) == len(steps)
    kept = ("sites", "devices", "links", "device_states", "link_states", "site_states")
    shuffled = Land(**{name: dict(sample(random, getattr(land, name))) for name in kept}, told=land.told)
    assert gather(shuffled.picture(), [], Numbers()) == (incidents, steps)
    assert gather(shuffled.picture(), incidents[::-1], Numbers()) == (incidents, [])
    graph = Graph(land.picture(), like=earlier(land))
    assert gather(graph.picture, incidents, Numbers(), graph=graph) == (incidents, [])
    assert explanations(graph.picture, incidents, graph=graph) == explanations(land.picture(), incidents)


def earlier(land: Land) -> Graph:
    """The same inventory when nothing was lost."""
    graph = Graph(replace(land.picture(), devices_stand={}, links_stand={}, sites_stand={}))
    for site in land.sites.values():
        graph.carries_communes(site)
    return graph


def sample(random, mapping):
    return random.sample(list(mapping.items()), len(mapping))


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lands(), st.data())
def test_through_all_changes_each_loss_is_in_one_incident_and_an_incident_without_loss_ends(land: Land, data: st.DataObject):
    """Numbers are never used twice, what ended is told once, and whatever is known to be back is in none."""
    number, standing, at = Numbers(), [], NOW
    seen: dict[str, Incident] = {}
    for _ in range(4):
        picture = land.picture(at)
        standing, steps = gather(picture, standing, number)
        going = [one for one in standing if one.until is None]
        members = [member for one in going for member in one.members]
        assert len(members) == len(set(members))
        assert len({one.root for one in going}) == len(going)
        down = {Subject("device", name) for name, told in picture.devices_stand.items() if told.state == "down"}
        down |= {Subject("link", name) for name, told in picture.links_stand.items() if told.state == "down"}
        up = {Subject("device", name) for name, told in picture.devices_stand.items() if told.state in ("up", "suspect")}
        assert down <= set(members)
        assert not up & set(members)
        assert all(set(one.members) <= set(one.ever) for one in standing)
        assert all(one.members for one in going)
        for step in steps:
            assert step.text.count(" / ") >= 1
            assert (step.verb == "opened") == (step.incident.id not in seen)
            seen[step.incident.id] = step.incident
        for name in land.devices:
            if data.draw(st.integers(0, 3)) == 0:
                land.device_states[name] = Told(data.draw(st.sampled_from(["up", "down", "unknown"])), at + 10.0)
        for name in land.links:
            if data.draw(st.integers(0, 3)) == 0:
                land.link_states[name] = Told(data.draw(st.sampled_from(["up", "down", "unknown"])), at + 10.0)
        at += data.draw(st.sampled_from([60.0, 300.0, 1200.0]))

"""What could stand in the inventory, from what was found: new sites, devices and links, and remarks on what is known.

Pure. Nothing is invented: what is not known stays out, what is likely is marked for the engineer to check, and where the
choice is his he is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netmon.discover import topology
from netmon.discover.found import Found, Interface, differ
from netmon.discover.places import Place, Places, id_of
from netmon.discover.topology import Cable, End, Stranger
from netmon.inventory import Inventory
from netmon.model import Link, LinkKind, LinkRole, Port, SiteKind, Speech

UNKNOWN_NETWORK = "unknown"

_KINDS = {
    "39": LinkKind.FIBRE,  # sonet
    "171": LinkKind.FIBRE,  # pos
    "188": LinkKind.MICROWAVE,  # radioMAC
    "243": LinkKind.LTE,  # wwanPP
    "244": LinkKind.LTE,  # wwanPP2
    "250": LinkKind.FIBRE,  # gpon
}
"""IANAifType numbers that say what a port is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """A site that the inventory lacks. `by` tells how its commune is known."""

    id: str
    name: str
    commune: str
    kind: SiteKind
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device that the inventory lacks. Without a site it is shown and asked about. `notes` are for its reader."""

    id: str
    found: Found
    place: Place
    port: int = 161
    upstreams: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link that LLDP shows and the inventory lacks. `why` tells what its kind was taken from."""

    id: str
    site: str
    to: str
    kind: LinkKind
    why: str
    role: LinkRole
    network: str
    near: End
    far: End
    surely: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What could be added, and what is to be said: `remarks` by the id of a known device, `link_remarks` by that of a known
    link, `asks` about neither."""

    sites: tuple[NewSite, ...] = ()
    devices: tuple[NewDevice, ...] = ()
    links: tuple[NewLink, ...] = ()
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    link_remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asks: tuple[str, ...] = ()

    def placed(self) -> list[NewDevice]:
        return [device for device in self.devices if device.place.site]

    def unplaced(self) -> list[NewDevice]:
        return [device for device in self.devices if not device.place.site]


def propose(found: Iterable[Found], inventory: Inventory, places: Places, *, port: int = 161) -> Proposal:
    """What the inventory lacks. `port` is the one at which the devices were asked."""
    draft = _Draft(inventory, places, port)
    for device in sorted(found, key=lambda device: not draft.at_home(device)):  # an address is proof, a name is none
        draft.take(device)
    draft.connect()
    return draft.proposal()


def kind_of(interfaces: Iterable[Interface | None]) -> tuple[LinkKind, str]:
    """What a cable between two ports probably is, and what says so."""
    ends = [interface for interface in interfaces if interface is not None]
    for end in ends:
        if end.if_type in _KINDS:
            return _KINDS[end.if_type], f"{end.name} has the ifType {end.if_type}"
    for end in ends:
        if end.optic:
            return LinkKind.FIBRE, f"an optical module is read in {end.name}"
    return LinkKind.COPPER, "no optical module is read at either end"


class _Draft:
    """A proposal under way: first the devices are taken, then they are connected."""

    def __init__(self, inventory: Inventory, places: Places, port: int) -> None:
        self._inventory, self._places, self._port = inventory, places, port
        self._by_address = {
            (address, device.port): device.id
            for device in inventory.devices.values()
            if device.speaks is Speech.SNMP
            for address in (*device.addresses, *device.also_from)
        }
        self._by_name = {name.casefold(): name for name in inventory.devices}
        self._ids = {*inventory.devices}
        self._found: dict[str, Found] = {}
        self._new: dict[str, NewDevice] = {}
        self._sites: dict[str, NewSite] = {}
        self._links: list[NewLink] = []
        self._upstreams: dict[str, list[str]] = {}
        self._notes: dict[str, list[str]] = {}
        self._link_notes: dict[str, list[str]] = {}
        self._asks: list[str] = []

    def proposal(self) -> Proposal:
        return Proposal(
            sites=tuple(self._sites.values()),
            devices=tuple(
                replace(
                    device,
                    upstreams=tuple(self._upstreams.get(device.id, ())),
                    notes=tuple(self._notes.get(device.id, ())),
                )
                for device in self._new.values()
            ),
            links=tuple(self._links),
            remarks={name: notes for name, notes in self._notes.items() if name in self._inventory.devices},
            link_remarks=self._link_notes,
            asks=tuple(self._asks),
        )

    # --- devices ------------------------------------------------------------------------------------------------------

    def at_home(self, found: Found) -> str:
        """The inventory's device that has one of its addresses, "" if none has."""
        return next((self._by_address[at] for a in found.addresses if (at := (a, self._port)) in self._by_address), "")

    def take(self, found: Found) -> None:
        """A device that was found: the inventory's, or a new one."""
        known = self.at_home(found)
        if known in self._found:
            self._again(known, found)
            return
        names = (found.told.name.casefold(), found.sys_name.casefold(), found.sys_name.casefold().partition(".")[0])
        known = known or next((self._by_name[name] for name in names if name in self._by_name), "")
        if known and known not in self._found:
            self._found[known] = found
            self._compare(known, found)
            return
        name = self._free(id_of(found.told.name) or id_of(found.sys_name) or id_of(f"device-{found.addresses[0]}"))
        self._found[name] = found
        place = self._places.of(found)
        self._new[name] = NewDevice(id=name, found=found, place=place, port=self._port)
        if known:
            self._note(name, f"the inventory's {known} was found at {', '.join(self._found[known].addresses)} as well")
        if place.commune and place.site not in self._sites:
            unit = self._places.unit(place.commune)
            self._sites[place.site] = NewSite(
                id=place.site,
                name=unit.name if unit is not None else place.site,
                commune=place.commune,
                kind=SiteKind.PEOPLES_COMMITTEE,
                by=place.by,
            )

    def _again(self, name: str, found: Found) -> None:
        """A known device answers at a second address of its own; whether as itself is worth a word, a new one it is not."""
        first = self._found[name]
        if found.sys_name.casefold() != first.sys_name.casefold() or differ(found, first):
            at, other = ", ".join(first.addresses), ", ".join(found.addresses)
            said = f"calls itself {found.sys_name}" if found.sys_name else "tells no name"
            self._note(name, f"is another device at {other} than at {at}, it seems: there it {said}")
        else:
            self._compare(name, found)

    def _free(self, wanted: str) -> str:
        name = wanted
        number = 2
        while name in self._ids:
            name, number = f"{wanted}-{number}", number + 1
        self._ids.add(name)
        return name

    def _compare(self, name: str, found: Found) -> None:
        """What a known device is other than the inventory says."""
        device = self._inventory.devices[name]
        other = [address for address in found.addresses if address not in (*device.addresses, *device.also_from)]
        if other:
            self._note(name, f"answers at {', '.join(other)}, which the inventory does not have")
        if found.profile and device.profile and device.profile != found.profile:
            self._note(name, f"its sysObjectID {found.sys_object_id} fits the profile {found.profile}, not {device.profile}")
        if found.credential != device.credential:
            self._note(name, f"answers the credential {found.credential}")
        there = {interface.name for interface in found.interfaces}
        named = {}
        for link in self._inventory.links.values():
            for port in (link.near, link.far):
                if port is not None and port.device == name:
                    named[port.interface] = link.id
        for interface, link_id in named.items():
            if there and interface not in there:
                self._note(name, f"has no interface {interface}, which the link {link_id} names")
        if "interfaces" in found.incomplete or "its poll" in found.incomplete:
            self._note(name, "could not be read whole")

    def _note(self, name: str, text: str) -> None:
        notes = self._notes.setdefault(name, [])
        if text not in notes:
            notes.append(text)

    # --- connections --------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Links and upstreams from what the devices hear."""
        found, strangers = topology.cables(self._found, self._inventory)
        hops = topology.distances(self._found, self._inventory, found)
        for cable in found:
            one, other = hops.get(cable.one.device), hops.get(cable.other.device)
            if one is None or other is None:
                self._ask(cable, "no way from either to the core is known")
            elif one == other:
                if self._site(cable.one.device) != self._site(cable.other.device):
                    self._ask(cable, "both are as far from the core")
            else:
                self._join(cable, *((cable.one, cable.other) if one > other else (cable.other, cable.one)))
        for stranger in strangers:
            self._note(stranger.device, _told_of(stranger))

    def _ask(self, cable: Cable, why: str) -> None:
        known = self._witnessed(cable.one, cable.other)
        if known is None:
            self._asks.append(f"{_end(cable.one)} and {_end(cable.other)} hear each other: which is upstream? ({why})")

    def _site(self, name: str) -> str:
        if name in self._new:
            return self._new[name].place.site
        return self._inventory.devices[name].site

    def _join(self, cable: Cable, low: End, high: End) -> None:
        """`high` is nearer the core."""
        below, above = self._site(low.device), self._site(high.device)
        if low.device not in self._new:
            device = self._inventory.devices[low.device]
            if high.device not in device.upstreams and (above or high.device not in self._new):
                self._note(low.device, f"hears {_end(high)} at {low.interface or '?'}, which is none of its upstreams")
        elif above and high.device not in self._upstreams.get(low.device, ()):
            self._upstreams.setdefault(low.device, []).append(high.device)
        elif not above:
            self._note(low.device, f"hears {_end(high)}, which has no site yet: its upstream, once it has one")
        if below and above and below != above:
            self._link(cable, low, high, below, above)

    def _witnessed(self, low: End, high: End) -> Link | None:
        """The link that has one of these interfaces at an end already."""
        ends = {Port(end.device, end.interface) for end in (low, high) if end.interface}
        return next((link for link in self._inventory.links.values() if ends & {link.near, link.far}), None)

    def _link(self, cable: Cable, low: End, high: End, below: str, above: str) -> None:
        if self._witnessed(low, high) is not None:
            return
        bare = [
            link
            for link in self._inventory.links.values()
            if (link.site, link.upstream_site) == (below, above) and link.near is None and link.far is None
        ]
        if len(bare) == 1:
            self._link_notes.setdefault(bare[0].id, []).append(f"LLDP: near {_end(low)}, far {_end(high)}")
            return
        kind, why = kind_of((self._interface(low), self._interface(high)))
        roles = [link.role for link in self._inventory.links.values() if link.site == below]
        roles += [link.role for link in self._links if link.site == below]
        networks = {link.network for link in self._inventory.links.values() if link.upstream_site == above}
        taken = {*self._inventory.links, *(link.id for link in self._links)}
        stem, number = f"{below[:28]}-to-{above[:26]}", 1
        while (name := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        self._links.append(
            NewLink(
                id=name,
                site=below,
                to=above,
                kind=kind,
                why=why,
                role=LinkRole.BACKUP if LinkRole.PRIMARY in roles else LinkRole.PRIMARY,
                network=networks.pop() if len(networks) == 1 else UNKNOWN_NETWORK,
                near=low,
                far=high,
                surely=cable.surely,
            )
        )

    def _interface(self, end: End) -> Interface | None:
        found = self._found.get(end.device)
        return next((one for one in found.interfaces if one.name == end.interface), None) if found is not None else None


def _end(end: End) -> str:
    return f"{end.device} ({end.interface})" if end.interface else end.device


def _told_of(stranger: Stranger) -> str:
    heard = stranger.heard
    who = heard.neighbour or f"chassis {heard.chassis}"
    port = f" ({heard.port})" if heard.port else ""
    if stranger.namesake:
        return f"hears {who}{port} at {heard.interface}: its chassis {heard.chassis} is not that of {stranger.namesake}"
    return f"hears {who}{port} at {heard.interface}: no device, or more than one, is known by that"

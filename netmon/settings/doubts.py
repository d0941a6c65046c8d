"""What is allowed in a configuration and yet is probably not meant: its warnings. They are sought in what has no faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from netmon.credential import Secret
from netmon.inventory import Inventory
from netmon.model import SLOT_S, VIET_NAM, Link, Port, Speech
from netmon.settings import listener, quantities, servers, urls
from netmon.settings.problem import Problem, meant, problem_at
from netmon.settings.secrets import PLACEHOLDER
from netmon.settings.yaml import Document, Table
from netmon.targets.definitions import AnyTarget, ContractedCapacity, Latency, Loss, PartsTarget, PercentileUtilisation
from netmon.units import Register


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The files as written: netmon.yaml, those of the inventory, targets.yaml where there is one."""

    netmon: Table
    inventory: Sequence[Table]
    targets: Table | None

    @classmethod
    def of(cls, netmon: Table, inventory: Iterable[Document], targets: Document | None) -> Written:
        """Of documents that have no faults, and so have roots."""
        roots = [document.root for document in inventory if document.root is not None]
        return cls(netmon=netmon, inventory=roots, targets=targets.root if targets is not None else None)

    def devices(self) -> Iterator[Table]:
        return (device for root in self.inventory for site in root.tables("sites") for device in site.tables("devices"))

    def links(self) -> Iterator[Table]:
        return (link for root in self.inventory for site in root.tables("sites") for link in site.tables("links"))


def doubts(
    directory: Path,
    written: Written,
    inventory: Inventory,
    targets: tuple[AnyTarget, ...],
    register: Register,
    today: date,
) -> Iterator[Problem]:
    """A line for each, as for a fault."""
    if not inventory.canaries:
        text = "no canaries: netmon cannot tell its own lost network from a province that fell"
        yield Problem(str(directory / "netmon.yaml"), 1, 1, text, "name the gateway and a device of the provincial centre")
    if not targets:
        yield Problem(str(directory / "targets.yaml"), 1, 1, "no targets: nothing is judged")
    yield from _placeholders(written.netmon)
    yield from _credentials(written.netmon, inventory)
    yield from _servers(written.netmon, inventory)
    yield from listener.doubts(written.netmon, directory.resolve(), quantities.day(today))
    yield from _slow_witnesses(written, inventory)
    yield from _twins(written)
    yield from _shared_interfaces(written, inventory)
    yield from _shared_checks(written, inventory)
    yield from _capacities(written, inventory, targets, today)
    if written.targets is not None:
        kinds = {site.commune: register.kind_at(site.commune, quantities.day(today)) for site in inventory.sites.values()}
        for entry, target in zip(written.targets.tables("targets"), targets, strict=True):
            if isinstance(target, PartsTarget):
                yield from _selected(entry, target, inventory, kinds)


def _placeholders(table: Table) -> Iterator[Problem]:
    """Secrets that nobody has filled in since `netmon init`."""
    for key, value in table.items():
        if isinstance(value, Table):
            yield from _placeholders(value)
        elif value == Secret(PLACEHOLDER):
            yield problem_at(table.value_mark(key), f"{key}: still the placeholder that netmon init wrote")


def _credentials(main: Table, inventory: Inventory) -> Iterator[Problem]:
    """What proves little, or can be read on the way: told once for all the devices elsewhere that are asked with it."""
    elsewhere = [device for device in inventory.devices.values() if not all(map(urls.here, device.addresses))]
    asked = Counter(device.credential for device in elsewhere)
    for name, credential in main["credentials"].items():
        if not asked[name]:
            continue
        devices = f"{asked[name]} devices are asked" if asked[name] > 1 else "a device is asked"
        auth, priv = credential.table("auth"), credential.table("priv")
        if credential["version"] != "3":
            text = f"{devices} with version {credential['version']}: its community goes there in the clear"
            yield problem_at(credential.value_mark("version"), text, 'version: "3", with auth and priv, hides it')
            if credential["community"] in _DEFAULTS:
                yield problem_at(credential.value_mark("community"), "community: the one that everybody tries first")
        elif auth is None:
            text = f"{devices} with no proof of who asks or answers"
            yield problem_at(credential.value_mark("version"), text, "auth: {protocol: SHA-256, key: …} gives it")
        if auth is not None and auth["protocol"] == "MD5":
            yield problem_at(auth.value_mark("protocol"), f"{devices} with MD5, which is weak", "SHA-256 where they know it")
        if priv is not None and priv["protocol"] == "DES":
            text = f"{devices} with DES, which is broken within a day"
            yield problem_at(priv.value_mark("protocol"), text, "AES where they know it")


_DEFAULTS = (Secret("public"), Secret("private"))


def _servers(main: Table, inventory: Inventory) -> Iterator[Problem]:
    """A broker that nobody uses, and secrets that whoever is on the way can read."""
    mqtt, influx = main.table("mqtt"), servers.section(main)
    if mqtt is not None:
        if not any(device.speaks is Speech.MQTT for device in inventory.devices.values()):
            text = "no device speaks MQTT: the broker is asked for nothing"
            yield problem_at(main.key_mark("mqtt"), text, "a device that does has protocol: mqtt")
        broker = urls.broker(mqtt["broker"])
        if not broker.tls and not urls.here(broker.host):
            text = f"{broker.host} is another machine: passwords and reports go there in the clear"
            yield problem_at(mqtt.value_mark("broker"), text, f"mqtts://{urls.bracketed(broker.host)} encrypts them")
    secret = next((key for key in ("token", "password") if influx is not None and key in influx), "")
    if influx is not None and secret:
        url = urls.http(influx["url"])
        if url.startswith("http://") and not urls.here(urls.host_of(url)):
            text = f"{urls.host_of(url)} is another machine: the {secret} goes there in the clear"
            yield problem_at(influx.value_mark("url"), text, "https:// encrypts it")


def _slow_witnesses(written: Written, inventory: Inventory) -> Iterator[Problem]:
    """Readings that lie further apart than a slot fill none (SEMANTICS 4): no rate, no percentile. Polled or reported."""
    witnesses = {port.device for port in inventory.links_by_port()}
    slow = {name for name in witnesses if inventory.devices[name].interval_s >= SLOT_S}
    by_default = []
    for device in written.devices():
        if device["id"] in slow and "interval" in device:
            text = f"'{device['id']}' measures a link every {device['interval']}: {_NO_SLOT}"
            yield problem_at(device.value_mark("interval"), text)
        elif device["id"] in slow:
            by_default.append(device["id"])
    poll = written.netmon.table("poll")
    if by_default and poll is not None:
        text = f"{len(by_default)} of the devices ('{by_default[0]}') measure links every {poll['interval']}"
        yield problem_at(poll.value_mark("interval"), f"{text}: {_NO_SLOT}")


_NO_SLOT = "readings so far apart fill no slot of 5 minutes; 1m or less is sure to"


def _twins(written: Written) -> Iterator[Problem]:
    """Two devices behind one address and port are one device, or one of them is mistyped."""
    first: dict[tuple[str, object], str] = {}
    for device in written.devices():
        key = "address" if "address" in device else "addresses"
        for text, mark in device.texts(key):
            name = first.setdefault((quantities.address(text), device.get("port", 161)), device["id"])
            if name != device["id"]:
                yield problem_at(mark, f"device '{device['id']}' has the same address and port as '{name}'")


def _shared_interfaces(written: Written, inventory: Inventory) -> Iterator[Problem]:
    """An interface is the end of one link; what it counts is not to be told apart by two."""
    first: dict[tuple[str, Port], str] = {}
    for entry in written.links():
        link = inventory.links[entry["id"]]
        for end, port in (("near", link.near), ("far", link.far)):
            if port is None:
                continue
            name = first.setdefault((end, port), link.id)
            if name != link.id:
                text = f"interface '{port.interface}' of '{port.device}' is already the {end} end of link '{name}'"
                yield problem_at(entry.value_mark(end), text)


def _shared_checks(written: Written, inventory: Inventory) -> Iterator[Problem]:
    """An echo that comes back over any of two links tells nothing of either."""
    first: dict[str, str] = {}
    for entry in written.links():
        link = inventory.links[entry["id"]]
        if link.check is not None and (name := first.setdefault(link.check, link.id)) != link.id:
            text = f"'{link.check}' is already what link '{name}' is checked by: it is not reachable over this one alone"
            yield problem_at(entry.value_mark("check"), text)


def _capacities(written: Written, inventory: Inventory, targets: Iterable[AnyTarget], today: date) -> Iterator[Problem]:
    judging = [target for target in targets if isinstance(target, PercentileUtilisation | ContractedCapacity)]
    now = quantities.day(today)
    for entry in written.links():
        link = inventory.links[entry["id"]]
        if link.capacities and link.capacities[0].valid_from > now:
            begins = datetime.fromtimestamp(link.capacities[0].valid_from, VIET_NAM).date()
            text = f"link '{link.id}' has no capacity now: its first begins on {begins}, and until then its use is unproven"
            yield problem_at(entry.value_mark("capacity"), text)
        judged = any(target.applies_to.takes_link(link, inventory.sites[link.site]) for target in judging)
        if judged and not link.capacities:
            yield problem_at(entry.node.start_mark, f"link '{link.id}' has no capacity: what is judged by it stays unproven")


def _selected(entry: Table, target: PartsTarget, inventory: Inventory, kinds: Mapping[str, str]) -> Iterator[Problem]:
    """A target that selects nothing is unproven for ever, and one of round trips where no echo can be sent. An optional one
    may select nothing, unless by a word that no link has. `kinds` are those of the communes."""
    selection = target.applies_to
    sites = {site.id: site for site in inventory.sites.values() if selection.takes_commune(kinds[site.commune])}
    links = [
        link for link in inventory.links.values() if link.site in sites and selection.takes_link(link, sites[link.site])
    ]
    mark = entry.value_mark("applies_to")
    if not (any(map(selection.takes_site, sites.values())) if target.judges == "site" else links):
        every = inventory.links.values()
        hints = _unused("network", selection.network, every) + _unused("operator", selection.operator, every)
        if hints or not target.optional:
            text = f"target '{target.id}' applies to no {target.judges}: nothing is judged by it"
            yield problem_at(mark, text, "; ".join(hints))
    bare = [link.id for link in links if link.check is None]
    if bare and isinstance(target, Latency | Loss):
        text = f"target '{target.id}': {len(bare)} of its links without 'check' ('{bare[0]}'), where no echo is sent"
        unproven = "their loss stays unproven" if isinstance(target, Loss) else "only an answer over SNMP may prove it met"
        yield problem_at(mark, f"{text}: {unproven}")


def _unused(key: str, wanted: Iterable[str], links: Iterable[Link]) -> list[str]:
    """What was probably meant by the values that no link has."""
    used = {getattr(link, key) for link in links} - {""}
    found = [(word, meant(word, sorted(used))) for word in wanted if word not in used]
    return [f"no link has {key} '{word}'{f': {hint}' if hint else ''}" for word, hint in found]

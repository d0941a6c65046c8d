"""What must fit together across the files: names that must be there, ids that must differ, paths that must end.

The checks read the files as written, not the models: they run over whatever could be read, so that one fault does not
hide another. A name that stands anywhere in a file that could not be read is taken as known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import eq

from netmon.model import VIET_NAM, Speech
from netmon.settings import quantities, servers
from netmon.settings.models import Poll
from netmon.settings.problem import Mark, Problem, UnfitError, meant, problem_at
from netmon.settings.rules import RULES, CommuneKind
from netmon.settings.yaml import Document, Table
from netmon.units import Register, Unit, fold

_SHOWN = 8
"""Of a longer circle only the beginning and the end are named."""

_COMMUNE_KINDS = tuple(CommuneKind)

_TAKEN_OF = {"share": "", "pooled": "restoration"}
"""What the rules of a province are taken of: commune targets of any rule, or of one."""

_ASKING = ("address", "addresses", "port", "credential", "profile", "timeout", "retries", "also_from", "ping", "engine")
"""What only a device has that is asked."""


@dataclass(slots=True)
class Named:
    """The things of one kind by id, and where each was first written."""

    word: str
    tables: dict[str, Table] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()

    def add(self, table: Table) -> Iterator[Problem]:
        name = table.text("id")
        if name is None:
            return
        first = self.tables.setdefault(name, table)
        if first is not table:
            at = first.value_mark("id")
            text = f"{self.word} id '{name}' is already used in {at.name}:{at.line + 1}:{at.column + 1}"
            yield problem_at(table.value_mark("id"), text)

    def want(self, name: str, mark: Mark) -> Iterator[Problem]:
        if name not in self.tables and name not in self.elsewhere:
            yield problem_at(mark, f"there is no {self.word} '{name}'", meant(name, self.tables))


def check(
    netmon: Document,
    inventory: Iterable[Document],
    targets: Document | None,
    profiles: Iterable[str],
    register: Register,
    today: date,
) -> Iterator[Problem]:
    """Everything that does not fit. Each document may have failed to be read."""
    inventory = list(inventory)
    main = netmon.root
    provinces = [name for name, _ in main.texts("province")] if main is not None else []
    if main is not None:
        yield from _provinces(main, register, today)
    units = _Units(register, today, provinces)
    sites, devices, links, targeted = Named("site"), Named("device"), Named("link"), Named("target")
    carriers = Named("carrier")
    unread = frozenset(word for document in inventory if document.root is None for word in _words(document))
    sites.elsewhere = devices.elsewhere = links.elsewhere = carriers.elsewhere = unread
    for document in inventory:
        for site in document.root.tables("sites") if document.root is not None else []:
            yield from sites.add(site)
            for device in site.tables("devices"):
                yield from devices.add(device)
            for link in site.tables("links"):
                yield from links.add(link)
            for carrier in site.tables("carriers"):
                if (operator := carrier.text("operator")) is not None:
                    carriers.tables.setdefault(operator, carrier)
    credentials = _credentials(netmon)
    known_profiles = list(profiles)
    place = {id(device): site for site in sites.tables.values() for device in site.tables("devices")}

    if main is not None:
        yield from _main(main, devices, credentials, units)
    for site in sites.tables.values():
        yield from units.want(site.text("commune"), site.value_mark("commune"))
        for was in site.tables("former"):
            until = _read(quantities.day, was.get("until"))
            if until is not None:
                yield from units.want_before(was.text("commune"), until, was.value_mark("commune"))
        yield from _in_order(site.tables("former"))
        yield from _carriers(site)
        for device in site.tables("devices"):
            yield from _device(device, devices, credentials)
            yield from _feeds(device, carriers)
            if not _reports(device):
                yield from _profile(device, known_profiles)
        for link in site.tables("links"):
            yield from _link(link, site, sites, devices, place)
    yield from _circles(devices.tables)
    if targets is not None and targets.root is not None:
        entries = targets.root.tables("targets")
        for entry in entries:
            yield from targeted.add(entry)
        for entry in entries:
            yield from _target(entry, targeted, units)


def _main(main: Table, devices: Named, credentials: Named, units: _Units) -> Iterator[Problem]:
    for name, mark in main.texts("canaries"):
        yield from devices.want(name, mark)
        if name in devices.tables and _reports(devices.tables[name]):
            text = f"'{name}' speaks MQTT: a canary is asked, and netmon cannot ask it"
            yield problem_at(mark, text, "name the gateway and a device of the provincial centre")
    yield from servers.misfits(main)
    reporting = [device for device in devices.tables.values() if _reports(device)]
    if reporting and main.get("mqtt") is None:
        text = f"{len(reporting)} of the devices speak MQTT, and netmon.yaml does not say where they report"
        yield problem_at(reporting[0].value_mark("protocol"), text, "mqtt: {broker: mqtt://127.0.0.1:1883}")
    poll = main.table("poll")
    for name, mark in poll.texts("credential") if poll is not None else []:
        yield from credentials.want(name, mark)
    traps = main.table("traps")
    for name, mark in traps.texts("credentials") if traps is not None else []:
        yield from credentials.want(name, mark)
    if poll is not None:
        yield from _patience(poll)
    if len(credentials.tables) > 1 and (poll is None or "credential" not in poll):
        asked = {name: device for name, device in devices.tables.items() if not _reports(device)}
        bare = [name for name, device in asked.items() if "credential" not in device]
        if bare:
            text = f"there are several credentials, and {len(bare)} of the devices name none ('{bare[0]}')"
            yield problem_at(main.value_mark("credentials"), text, "a default is named in poll: {credential: …}")
    scope = main.table("scope")
    excluded = scope.table("except") if scope is not None else None
    for code in excluded or ():
        yield from units.want(code, excluded.key_mark(code)) if excluded is not None else ()


def _patience(poll: Table) -> Iterator[Problem]:
    timeout = _read(quantities.duration, poll.get("timeout", quantities.write_duration(Poll().timeout)))
    deadline = _read(quantities.duration, poll.get("deadline", quantities.write_duration(Poll().deadline)))
    if timeout is not None and deadline is not None and timeout > deadline:
        text = f"the timeout is longer than the deadline of a whole poll, {quantities.write_duration(deadline)}"
        yield problem_at(poll.value_mark("timeout"), text)


def _read(read: Callable[[object], float], value: object) -> float | None:
    """A quantity, or None for what is none: that has been complained of elsewhere."""
    try:
        return read(value)
    except UnfitError:
        return None


def _device(device: Table, devices: Named, credentials: Named) -> Iterator[Problem]:
    for name, mark in device.texts("upstreams"):
        yield from devices.want(name, mark)
    if _reports(device):
        for key in _ASKING:
            if key in device:
                text = f"'{device.text('id')}' speaks MQTT: it has no '{key}', for it is never asked"
                yield problem_at(device.key_mark(key), text)
        return
    may_be_asked = device.text("protocol") in (None, Speech.SNMP)  # of another word the model complains
    if may_be_asked and "address" not in device and not device.get("addresses"):
        yield problem_at(device.node.start_mark, "missing key 'address'", "or 'addresses', a list that is tried in order")
    if "address" in device and "addresses" in device:
        yield problem_at(device.key_mark("addresses"), "'address' and 'addresses' are both there: write one of them")
    for name, mark in device.texts("credential"):
        yield from credentials.want(name, mark)


def _feeds(device: Table, carriers: Named) -> Iterator[Problem]:
    """An operator's gateway speaks netmon's own MQTT, and for operators that are on a mast."""
    if "feeds" in device and not _reports(device):
        yield problem_at(device.key_mark("feeds"), "'feeds' is of devices that speak MQTT", "protocol: mqtt")
    elif "feeds" in device and "layout" in device:
        yield problem_at(device.key_mark("feeds"), "'feeds' is of devices without a layout: no layout tells of cells")
    for operator, mark in device.texts("feeds"):
        yield from carriers.want(operator, mark)


def _reports(device: Table) -> bool:
    """Whether a device speaks by itself, over MQTT."""
    return device.text("protocol") == Speech.MQTT


def _profile(device: Table, known: list[str]) -> Iterator[Problem]:
    name = device.text("profile")
    if name is not None and name not in known:
        hint = meant(name, known) or f"there are {', '.join(known)}"
        yield problem_at(device.value_mark("profile"), f"there is no profile '{name}'", hint)


def _link(link: Table, site: Table, sites: Named, devices: Named, place: Mapping[int, Table]) -> Iterator[Problem]:
    to = link.text("to")
    if to is not None:
        yield from sites.want(to, link.value_mark("to"))
        if to == site.text("id"):
            yield problem_at(link.value_mark("to"), "a link leads to another site than its own")
    upstream = sites.tables.get(to) if to is not None else None
    for end, home in (("near", site), ("far", upstream)):
        port = link.table(end)
        if port is not None:
            yield from _end(port, end, home, devices, place)
    for was in link.tables("former"):
        if (before := was.text("site")) is not None:
            yield from sites.want(before, was.value_mark("site"))
    yield from _in_order(link.tables("former"))
    yield from _history(link.tables("capacity"))


def _carriers(site: Table) -> Iterator[Problem]:
    """An operator has one entry on a mast: else it would be counted twice."""
    first: dict[str, Table] = {}
    for carrier in site.tables("carriers"):
        operator = carrier.text("operator")
        if operator is not None and first.setdefault(operator, carrier) is not carrier:
            yield problem_at(carrier.value_mark("operator"), f"operator '{operator}' is already there")


def _in_order(former: Iterable[Table]) -> Iterator[Problem]:
    """Where it belonged before, the earliest first: each until a later day than the one before."""
    before, written = float("-inf"), ""
    for was in former:
        until = _read(quantities.day, was.get("until"))
        if until is None:
            continue
        if until <= before:
            text = f"these stand in the order of their days: {was['until']} is not after {written}"
            yield problem_at(was.value_mark("until"), text)
        else:
            before, written = until, str(was["until"])


def _history(capacities: Iterable[Table]) -> Iterator[Problem]:
    """The days of a contract's capacities rise: what is out of order or there twice is a slip of the pen."""
    before, written = float("-inf"), ""
    for capacity in capacities:
        begins = _read(quantities.day, capacity.get("from"))
        if begins is None:
            continue
        if begins == before:
            yield problem_at(capacity.value_mark("from"), f"a capacity from {written} is already there")
        elif begins < before:
            text = f"the capacities are in the order of their days: {capacity['from']} is before {written}"
            yield problem_at(capacity.value_mark("from"), text)
        else:
            before, written = begins, str(capacity["from"])


def _end(port: Table, end: str, home: Table | None, devices: Named, place: Mapping[int, Table]) -> Iterator[Problem]:
    name = port.text("device")
    if name is None:
        count = len(home.tables("devices")) if home is not None else 1
        if "device" not in port and home is not None and count != 1:
            text = f"missing key 'device': site '{home.text('id')}' has {count or 'no'} devices"
            yield problem_at(port.node.start_mark, text)
        return
    yield from devices.want(name, port.value_mark("device"))
    there = place.get(id(devices.tables.get(name)))
    if there is not None and home is not None and there is not home:
        whose = "the link's own site" if end == "near" else "the site that the link leads to"
        text = f"device '{name}' is at site '{there.text('id')}', not at {whose}, '{home.text('id')}'"
        yield problem_at(port.value_mark("device"), text, meant(name, _ids(home.tables("devices"))))


def _target(entry: Table, targets: Named, units: _Units) -> Iterator[Problem]:
    exempt = entry.table("exempt")
    if exempt is not None:
        for code in exempt:
            yield from units.want(code, exempt.key_mark(code))
    of, rule = entry.text("of"), entry.text("rule") or ""
    if rule not in _TAKEN_OF or of is None:
        return
    mark, judged = entry.value_mark("of"), targets.tables.get(of)
    fit = [
        name
        for name, table in targets.tables.items()
        if table.text("level") == "commune" and _TAKEN_OF[rule] in ("", table.text("rule"))
    ]
    if judged is None:
        yield problem_at(mark, f"there is no target '{of}'", meant(of, fit))
    elif judged.text("level") == "province":
        yield problem_at(mark, f"target '{of}' is of level province: a {rule} target is taken of a commune target")
    elif of not in fit and judged.text("rule") in RULES:
        text = f"target '{of}' has the rule {judged.text('rule')}: a {rule} target is taken of one with {_TAKEN_OF[rule]}"
        yield problem_at(mark, text, f"did you mean {fit[0]}?" if len(fit) == 1 else "")


def _circles(devices: Mapping[str, Table]) -> Iterator[Problem]:
    """Upstreams that lead back: each circle once, at the step that closes it. Depth first, without recursion."""
    upstreams = {name: device.texts("upstreams") for name, device in devices.items()}
    done: set[str] = set()
    for start in upstreams:
        path: dict[str, Iterator[tuple[str, Mark]]] = {} if start in done else {start: iter(upstreams[start])}
        while path:
            here = next(reversed(path))
            step = next(path[here], None)
            if step is None:
                done.add(here)
                del path[here]
                continue
            name, mark = step
            if name in path:
                circle = [*list(path)[list(path).index(name) :], name]
                shown = circle if len(circle) <= _SHOWN else [*circle[: _SHOWN - 2], "…", *circle[-2:]]
                yield problem_at(mark, f"upstreams lead in a circle: {' → '.join(shown)}")
            elif name in upstreams and name not in done:
                path[name] = iter(upstreams[name])


class _Units:
    """The communes of the provinces that are configured; all communes while that is not known."""

    def __init__(self, register: Register, today: date, provinces: list[str]) -> None:
        self._register, self._today, self._provinces = register, today, provinces
        self._ours = [unit.code for province in provinces for unit in register.communes(province, today)]
        self._hints: dict[str, str] = {}

    def want(self, code: str | None, mark: Mark) -> Iterator[Problem]:
        if code is None:
            return
        unit = self._commune(code)
        if unit is None:
            yield problem_at(mark, f"there is no commune '{code}'", self._hint(code))
        elif self._provinces and unit.parent not in self._provinces:
            province = self._register.unit(unit.parent, self._today)
            of = f"{province.name} ({unit.parent})" if province is not None else unit.parent
            text = f"commune {code}, {unit.name}, belongs to {of}, not to province {', '.join(self._provinces)}"
            twins = [code for code in self._ours if (ours := self._commune(code)) and fold(ours.name) == fold(unit.name)]
            yield problem_at(mark, text, f'did you mean "{twins[0]}"?' if twins else "")

    def want_before(self, code: str | None, until: float, mark: Mark) -> Iterator[Problem]:
        """A commune of any province, in force until then: places may have come from another."""
        if code is None or self._register.kind_at(code, until - 1) in _COMMUNE_KINDS:
            return
        day = datetime.fromtimestamp(until - 1, VIET_NAM).date()
        later = self._register.lives(code, until, quantities.day(self._today) + 1)
        hint = f"{later[0].name} is one since {later[0].valid_from}" if later and later[0].parent else self._hint(code)
        yield problem_at(mark, f"there was no commune '{code}' on {day}", hint)

    def _hint(self, text: str) -> str:
        """The likeliest communes of the configured provinces, by code and name."""
        if text not in self._hints:
            codes = _near_codes(text, self._ours) if self._ours and text.isdecimal() else self._register.resembling(text, 20)
            found = [unit for code in codes if (unit := self._commune(code)) is not None]
            likely = [unit for unit in found if not self._ours or unit.code in self._ours][:2]
            said = " or ".join(f'"{unit.code}", {unit.name}' for unit in likely)
            self._hints[text] = f"did you mean {said}?" if said else ""
        return self._hints[text]

    def _commune(self, code: str) -> Unit | None:
        unit = self._register.unit(code, self._today)
        return unit if unit is not None and unit.parent else None


def _near_codes(text: str, codes: Iterable[str]) -> list[str]:
    """Codes that differ from `text` in one or two of their digits, the nearest first; leading zeros may be missing."""
    agreement = {code: sum(map(eq, code, text.zfill(5))) for code in codes}
    return sorted((code for code in agreement if agreement[code] >= 3), key=lambda code: -agreement[code])


def _provinces(main: Table, register: Register, today: date) -> Iterator[Problem]:
    for code, mark in main.texts("province"):
        unit = register.unit(code, today)
        if re.fullmatch(r"\d\d", code) and (unit is None or unit.parent):
            near = [register.unit(other, today) for other in register.resembling(code, 20)]
            said = " or ".join(f'"{unit.code}", {unit.name}' for unit in near if unit is not None and not unit.parent)
            yield problem_at(mark, f"there is no province '{code}'", f"did you mean {said}?" if said else "")


def _credentials(netmon: Document) -> Named:
    named = Named("credential")
    if netmon.root is None:
        named.elsewhere = _words(netmon)
        return named
    table = netmon.root.table("credentials")
    for name in table or ():
        credential = table.table(name) if table is not None else None
        if credential is not None:
            named.tables[name] = credential
    return named


def _ids(tables: Iterable[Table]) -> list[str]:
    return [name for table in tables if (name := table.text("id")) is not None]


def _words(document: Document) -> frozenset[str]:
    return frozenset(re.findall(r"[\w.-]+", document.text))

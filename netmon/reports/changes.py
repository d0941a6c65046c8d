"""What changed within a month and bears on its figures: kinds and names of communes, where sites and links belonged,
capacities. Each figure uses what held at its time; a report says what held when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from math import inf
from typing import Protocol

from netmon.model import Capacity, Link, Site, Window, Words
from netmon.targets.windows import local
from netmon.targets.words.voice import Voice
from netmon.units import Register

_VI, _EN = Voice("vi"), Voice("en")


class Places(Protocol):
    """What is asked of the inventory."""

    @property
    def sites(self) -> Mapping[str, Site]: ...

    @property
    def links(self) -> Mapping[str, Link]: ...


class Changes:
    """What changed in a month, by commune and by link."""

    def __init__(self, places: Places, register: Register, month: Window) -> None:
        self._register = register
        self._month = month
        self._moves: dict[str, list[Words]] = {}
        self._capacities = {link.id: list(_capacities(link, month)) for link in places.links.values()}
        for site in places.sites.values():
            for was, now, at in _steps([(former.place, former.until) for former in site.former], site.commune, month):
                told = _moved(
                    ("điểm", "site"), f"{site.name} ({site.id})", at, self._named(was, at - 1), self._named(now, at)
                )
                self._tell(told, was, now)
        for link in places.links.values():
            for was, now, at in _steps([(former.place, former.until) for former in link.former], link.site, month):
                names = [Words(places.sites[each].name, places.sites[each].name) for each in (was, now)]
                told = _moved(("tuyến", "link"), link.id, at, *names)
                self._tell(told, *(places.sites[each].commune_at(at) for each in (was, now)))

    def of(self, unit: str, links: Iterable[str]) -> list[Words]:
        """What to know of a commune or a province and of the links that its verdict rests on."""
        found = [*_lives(self._register, unit, self._month), *self._moves.get(unit, ())]
        return found + [note for link in links for note in self._capacities.get(link, ())]

    def _named(self, code: str, unix: float) -> Words:
        unit = self._register.unit(code, local(unix).date())
        return Words(code, code) if unit is None else Words(f"{unit.name} ({code})", f"{unit.name_en} ({code})")

    def _tell(self, note: Words, *communes: str) -> None:
        for commune in dict.fromkeys(communes):
            self._moves.setdefault(commune, []).append(note)


def _steps(former: Sequence[tuple[str, float]], now: str, month: Window) -> Iterator[tuple[str, str, float]]:
    """From where to where, and when, of the moves within the month."""
    for (was, until), (following, _) in pairwise([*former, (now, inf)]):
        if month.start < until < month.end:
            yield was, following, until


def _moved(what: tuple[str, str], name: str, at: float, was: Words, now: Words) -> Words:
    return Words(
        f"{what[0]} {name} thuộc {was.vi} đến {_VI.at(at)}, sau đó thuộc {now.vi}.",
        f"{what[1]} {name} belonged to {was.en} until {_EN.at(at)}, then to {now.en}.",
    )


def _lives(register: Register, code: str, month: Window) -> Iterator[Words]:
    """The changes of a unit's kind or name."""
    lives = register.lives(code, *month)
    for before, after in pairwise(lives):
        on = after.valid_from
        yield Words(
            f"đến hết ngày {on - timedelta(days=1):%d/%m/%Y} là {before.name}, từ ngày {on:%d/%m/%Y} là {after.name}.",
            f"{before.name_en} until {on - timedelta(days=1)}, {after.name_en} from {on} on.",
        )


def _capacities(link: Link, month: Window) -> Iterator[Words]:
    """The changes of a link's contracted capacity."""
    before = link.capacity_at(month.start)
    for capacity in link.capacities:
        if month.start < capacity.valid_from < month.end:
            was, now = _both_ways(before), _both_ways(capacity)
            yield Words(
                f"tuyến {link.id}: dung lượng {was.vi} đến {_VI.at(capacity.valid_from)}, sau đó {now.vi}.",
                f"link {link.id}: contracted {was.en} until {_EN.at(capacity.valid_from)}, then {now.en}.",
            )
            before = capacity


def _both_ways(capacity: Capacity | None) -> Words:
    """A capacity; that of each direction where they differ."""
    if capacity is None:
        return Words("chưa có hợp đồng", "nothing")
    if capacity.receive == capacity.transmit:
        return Words(_VI.mbit(capacity.receive), _EN.mbit(capacity.receive))
    return Words(
        f"{_VI.mbit(capacity.receive)} chiều về xã và {_VI.mbit(capacity.transmit)} chiều từ xã đi",
        f"{_EN.mbit(capacity.receive)} to and {_EN.mbit(capacity.transmit)} from the commune",
    )

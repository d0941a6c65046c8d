"""The time that declared windows (storms, maintenance) take out of what is told without them (SEMANTICS 6).

What a window means is `events.windows`' work; here it is found for each site and link, however many windows were declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from netmon.events.windows import ends_of, excluded, over_at
from netmon.model import Declared, Link, Site, Subject, Window
from netmon.targets.windows import stays

What = str | Subject
"""What a window is declared on: the code of an area, or what works are done on."""


class Declarations:
    """The declared windows that touch a span of time, by what they are declared on."""

    def __init__(self, windows: Iterable[Declared], within: Window) -> None:
        self._within = within
        self._on: dict[What, dict[str, Declared]] = {}
        for window in windows:
            if not window.exercise and window.start < within.end and over_at(window) > within.start:
                on: set[What] = {*window.areas, *window.subjects, *(code for code, _ in window.joined)}
                for what in on:
                    self._on.setdefault(what, {})[window.id] = window

    def of_site(self, site: Site, links: Iterable[Link], now: float) -> list[Window]:
        """The intervals of a site, in order and none after `now`: each of them by the commune in which it was then. `links`
        are those that ever served it."""
        return list(self._of(Subject("site", site.id), site, (), links, now))

    def of_link(self, link: Link, sites: Mapping[str, Site], now: float) -> list[Window]:
        """The intervals of a link, by the site that it serves; none where the inventory does not know that any more."""
        at = min(now, self._within.end)
        site = sites.get(link.site_at(at), sites.get(link.site))
        return [] if site is None else list(self._of(Subject("link", link.id), site, link.srlg, (link,), now))

    def _of(self, subject: Subject, site: Site, srlg: Sequence[str], links: Iterable[Link], now: float) -> Iterator[Window]:
        if not self._on:
            return
        for commune, stay in stays(site, self._within):
            until = min(now, stay.end)
            here = site if commune == site.commune else replace(site, commune=commune)
            serving = [link for link in links if subject.kind == "link" or link.site_at(until) == site.id]
            on: list[What] = [subject, Subject("site", site.id), site.province, commune, *_cables(srlg)]
            on += [each for link in serving for each in (Subject("link", link.id), *_cables(link.srlg), *ends_of(link))]
            found = {name: window for what in on for name, window in self._on.get(what, {}).items()}
            if not found:
                continue
            for start, end in excluded(found.values(), subject=subject, site=here, srlg=srlg, now=until, links=serving):
                if (start := max(start, stay.start)) < end:
                    yield Window(start, end)


def _cables(names: Iterable[str]) -> Iterator[Subject]:
    return (Subject("cable", name) for name in names)

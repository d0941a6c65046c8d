"""What the store knows of the past of a commune or a device, as JSON values for their pages. Reads wait for the disk: they
are made in a thread.

Instants are Unix seconds, rates bytes per second in the directions of the commune, None where nothing was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from netmon.catalogue import DEVICE
from netmon.link_facts import finite
from netmon.model import SLOT_S, End, Outage, Span, Subject, Summary
from netmon.notice import Notice
from netmon.store import Rates
from netmon.store.newest import CLOSING_S

DAY_S = 86_400.0
HOUR_S = 3600

SLOTS = 288
"""A day of slots."""

LINKS_AT_MOST = 24
"""Links whose rates one page shows."""
OUTAGES_AT_MOST, OUTAGES_S = 50, 30 * DAY_S
SERVICE_S, STATES_S, FIGURES_S = 30 * DAY_S, 7 * DAY_S, 7 * DAY_S
SPANS_AT_MOST = 500
FIGURES_AT_MOST = 24
NOTICES_AT_MOST = 20


class Past(Protocol):
    """What is asked of a store (`store.Reader`)."""

    def rates(self, link: str, end: End, first_k: int, count: int) -> Rates: ...

    def spans(self, subject: Subject, start: float, end: float) -> list[Span]: ...

    def newest_outages(self, subjects: Collection[Subject], since: float, most: int) -> list[Outage]: ...

    def figures(self, subject: Subject) -> list[tuple[str, str]]: ...

    def summaries(self, subject: Subject, figure: str, start: float, end: float) -> list[Summary]: ...

    def notices(self, device: str | None = None, since: float = 0.0, most: int = 100) -> list[Notice]: ...


def of_commune(
    past: Past, told: dict[str, Any], subjects: Collection[Subject], seat: str | None, now: float
) -> dict[str, Any]:
    """The facts of a commune with its past: rates of its links, outages of its `subjects`, the service of its People's
    Committee (`seat`)."""
    rates = with_rates(past, told["links"], now)
    return told | {
        "outages": outages(past, subjects, now),
        "history": {
            "from": (int(now // SLOT_S) - SLOTS) * SLOT_S,
            "step_s": SLOT_S,
            "links": rates,
            "service": states(past, Subject("site", seat), now, SERVICE_S) if seat is not None else [],
        },
    }


def of_device(past: Past, told: dict[str, Any], now: float) -> dict[str, Any]:
    """The facts of a device with its past: its states and outages, what it told by itself, rates of its links, and the
    figures that are kept of it: of its site those parts that are its own, and those of its links."""
    name = told["device"]
    subject, rates = Subject("device", name), with_rates(past, told["links"], now)

    def is_own(of: Subject, part: str) -> bool:
        return of.kind != "site" or part.split(" ")[0] == name

    sources = [subject, Subject("site", told["site"]), *(Subject("link", link) for link in rates)]
    return told | {
        "notices": notices(past, name),
        "outages": outages(past, [subject], now),
        "history": {
            "from": now - STATES_S,
            "to": now,
            "states": states(past, subject, now, STATES_S),
            "links": rates,
            "figures": figures(past, sources, now, is_own),
        },
    }


def with_rates(past: Past, links: Sequence[dict[str, Any]], now: float) -> dict[str, Any]:
    """The rates of the first links of a page over a day, by link; into each row goes the rate of its last closed slot."""
    first = int(now // SLOT_S) - SLOTS
    found = {}
    for row in links[:LINKS_AT_MOST]:
        name = row["link"]
        near, far = (past.rates(name, end, first, SLOTS) for end in (End.NEAR, End.FAR))
        # What the commune's end lacks comes from the far one (SEMANTICS 2).
        told = {
            "receive": [_rate(*both) for both in zip(near.receive, far.receive, strict=True)],
            "transmit": [_rate(*both) for both in zip(near.transmit, far.transmit, strict=True)],
        }
        row["rate"] = _last_rate(told, now)
        found[name] = {"from": first * SLOT_S, "step_s": SLOT_S, **told}
    return found


def _last_rate(told: Mapping[str, Sequence[float | None]], now: float) -> dict[str, Any] | None:
    """The rate of the slot that ended last, `at` its end; of the one before while that may not be closed yet."""
    end = now // SLOT_S * SLOT_S
    for back in (1, 2) if now - end < CLOSING_S else (1,):
        receive, transmit = told["receive"][-back], told["transmit"][-back]
        if (receive, transmit) != (None, None):
            return {"at": end - (back - 1) * SLOT_S, "receive": receive, "transmit": transmit}
    return None


def _rate(near: float, far: float) -> float | None:
    known = finite(near) if finite(near) is not None else finite(far)
    return None if known is None else round(known)


def outages(past: Past, subjects: Collection[Subject], now: float) -> list[dict[str, Any]]:
    """The newest outages of some subjects within 30 days."""
    return [
        {
            "subject_kind": outage.subject.kind,
            "subject": outage.subject.id,
            "state": outage.state,
            "start": outage.start,
            "end": outage.end,
            "cause": outage.cause,
            "cause_class": outage.cause_class,
            "incident": outage.incident,
        }
        for outage in past.newest_outages(subjects, now - OUTAGES_S, OUTAGES_AT_MOST)
    ]


def states(past: Past, subject: Subject, now: float, lasting_s: float) -> list[list[Any]]:
    """The states that a subject was seen in, each as from, to and state; of very many the newest. While netmon did not run
    nobody saw it (SEMANTICS 6): that is a gap, whatever it was before and after."""
    return [[span.start, span.end, span.state] for span in past.spans(subject, now - lasting_s, now)[-SPANS_AT_MOST:]]


def notices(past: Past, device: str) -> list[dict[str, Any]]:
    """What a device told by itself, the newest first."""
    return [
        {"at": one.at, "kind": one.kind, "name": one.name, "source": one.source, "detail": dict(one.detail)}
        for one in reversed(past.notices(device, most=NOTICES_AT_MOST))
    ]


def figures(
    past: Past, subjects: Iterable[Subject], now: float, wanted: Callable[[Subject, str], bool]
) -> list[dict[str, Any]]:
    """Hours of a week of the figures that the store has of some subjects, of the parts that are `wanted`."""
    first = (now - FIGURES_S) // HOUR_S * HOUR_S
    count = int(now // HOUR_S - first // HOUR_S) + 1
    found: list[dict[str, Any]] = []
    for subject in subjects:
        parts = sorted(gauge for gauge in past.figures(subject) if wanted(subject, gauge[1]))
        for figure in dict.fromkeys(name for name, _ in parts):
            hours = past.summaries(subject, figure, first, now)
            for part in (part for name, part in parts if name == figure):
                if len(found) == FIGURES_AT_MOST:
                    return found
                own = [hour for hour in hours if hour.part == part]
                if own:
                    found.append(_figure(subject, figure, part, own, first, count))
    return found


def _figure(subject: Subject, figure: str, part: str, hours: Iterable[Summary], first: float, count: int) -> dict[str, Any]:
    columns: dict[str, list[float | None]] = {name: [None] * count for name in ("mean", "least", "most")}
    for hour in hours:
        place = int((hour.start - first) // HOUR_S)
        if 0 <= place < count:
            for name, column in columns.items():
                column[place] = finite(getattr(hour, name))
    family = DEVICE.get(f"netmon_{figure}") or DEVICE.get(f"netmon_link_{figure}")
    return {
        "subject_kind": subject.kind,
        "subject": subject.id,
        "figure": figure,
        "part": part,
        "unit": family.unit if family else "",
        "title_vi": family.vi if family else figure,
        "title_en": family.en if family else figure,
        "from": first,
        "step_s": HOUR_S,
        **columns,
    }

"""The incident book: what people may write into it, what an incident is from then on, and both as JSON.

The book is append-only: an incident is changed by nothing but an entry with its author, and what netmon found stays beside
what a person makes of it. Instants are Unix seconds, null where there is none. What cannot be done is a ControlError in one
sentence, of the kind that tells a server how to answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Protocol
from unicodedata import category

from netmon.causes.words import CLUES, clue_told
from netmon.control import ControlError
from netmon.events.windows import returned
from netmon.inventory import Inventory
from netmon.model import CauseClass, Clue, Declared, Entry, Incident, Link, Phase, Subject, Verb
from netmon.reports.shift import merged_into, part_of

TEXT_AT_MOST = 2_000
NAME_AT_MOST = 64
"""Characters of a comment or a reason, and of an assignee."""

NAMED_AT_MOST = 500
"""Members and links that one answer names; its counts hold all."""

ON_THE_WALL_AT_MOST = 40
NAMED_ON_THE_WALL_AT_MOST = 6

VERBS = {
    "ack": Verb.ACKNOWLEDGE,
    **{verb.value: verb for verb in (Verb.ACKNOWLEDGE, Verb.COMMENT, Verb.ASSIGN, Verb.CAUSE, Verb.CLOSE, Verb.REOPEN)},
}
"""What people may write into the book of an incident that is there, by the word for it."""

_CAUSES = ", ".join(CauseClass)

_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows: with them a text reads as what it does not say."""


class MissingError(ControlError, ValueError):
    """There is no such incident or subject."""


class RefusedError(ControlError, ValueError):
    """What is asked for does not fit how the incident stands."""


class WordingError(ControlError, ValueError):
    """The words are off, however the incident stands."""


class Books(Protocol):
    """Where incidents and their entries are kept: the store's reader."""

    def incidents(self, *, going_on: bool = False, since: float = 0.0, most: int = 1000) -> list[Incident]: ...

    def incident(self, name: str, /) -> Incident | None: ...

    def entries(self, incident: str | None = None, since: float = 0.0, most: int = 1000) -> list[Entry]: ...


# --- what people may write --------------------------------------------------------------------------------------------


def accept(incident: Incident, action: str, text: str) -> tuple[Verb, str]:
    """What is to be written when somebody says `action` with `text` of this incident.

    RefusedError: it does not fit how the incident stands; WordingError: the words are off. Both are ValueErrors.
    """
    verb = VERBS.get(action)
    if verb is None:
        raise WordingError(f"'{action}' cannot be done to an incident; there are: {', '.join(VERBS)}")
    text = _read(text)
    if incident.closed is not None and verb in (Verb.ACKNOWLEDGE, Verb.ASSIGN, Verb.CLOSE):
        raise RefusedError(f"{incident.id} is closed already" + ("" if verb is Verb.CLOSE else ": reopen it first"))
    match verb:
        case Verb.ACKNOWLEDGE if incident.acknowledged:
            raise RefusedError(f"{incident.id} is acknowledged by {incident.acknowledged} already: assign hands it on")
        case Verb.COMMENT if not text:
            raise WordingError("a comment says something")
        case Verb.ASSIGN:
            return verb, _name(text)
        case Verb.CAUSE:
            cause, reason = _cause(text)
            if cause is incident.corrected and not reason:
                raise RefusedError(f"the cause of {incident.id} is corrected to {cause} already")
            return verb, f"{cause}: {reason}" if reason else str(cause)
        case Verb.CLOSE if incident.members:
            down = len(incident.members)
            raise RefusedError(f"{incident.id} goes on: {down} {'is' if down == 1 else 'are'} still down")
        case Verb.REOPEN if incident.closed is None:
            raise RefusedError(f"{incident.id} is not closed")
    return verb, text


def to_open(request: Mapping[str, Any], inventory: Inventory) -> tuple[Subject, str, CauseClass, str]:
    """What a person opens an incident about, because somebody called: its root, province, cause and the first text, from
    `on`, `cause` and `text` of a request. It has no members: it lasts until somebody closes it."""
    root = subject_of(_read(request.get("on")), inventory)
    cause = _class(str(request.get("cause") or CauseClass.UNKNOWN))
    text = _read(request.get("text"))
    if not text:
        raise WordingError("an incident that a person opens says what happened")
    if root.kind == "commune":
        sites = [site for site in inventory.sites.values() if site.commune == root.id]
    elif root.kind == "cable":
        sites = [inventory.sites[link.site] for link in _links([root], inventory, {})]
    else:
        sites = [inventory.sites[_site_of(root, inventory)]]
    return root, sites[0].province, cause, text


def subject_of(text: str, inventory: Inventory) -> Subject:
    """What a person names: "link:f1", or "f1" where it is clear what that is. MissingError: there is none."""
    known = {
        "device": inventory.devices.keys(),
        "link": inventory.links.keys(),
        "site": inventory.sites.keys(),
        "cable": {cable for link in inventory.links.values() for cable in link.srlg},
        "commune": {site.commune for site in inventory.sites.values()},
    }
    kind, colon, name = text.partition(":")
    if colon and kind in known:
        found = [Subject(kind, name)] if name in known[kind] else []
    else:
        kind, name = "", text
        found = [Subject(each, text) for each, names in known.items() if text in names]
    if len(found) == 1:
        return found[0]
    if found:
        raise WordingError(f"'{text}' is several things: write {' or '.join(map(str, found))}")
    near = get_close_matches(name, {each for one in known if kind in ("", one) for each in known[one]}, 3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise MissingError(f"there is no {kind or 'device, link, site, cable or commune'} '{name}'{hint}")


def _read(text: object) -> str:
    if not isinstance(text, str | None):
        raise WordingError("what is said is a text")
    text = (text or "").strip()
    if len(text) > TEXT_AT_MOST:
        raise WordingError(f"a text has at most {TEXT_AT_MOST} characters, and this one has {len(text)}")
    if any(sign not in "\n\t" and (category(sign) in ("Cc", "Cs") or sign in _TURNS) for sign in text):
        raise WordingError("a text has no control characters")
    return text


def _name(text: str) -> str:
    if not text or "\n" in text or len(text) > NAME_AT_MOST:
        raise WordingError(f"an incident is assigned to a name of 1 to {NAME_AT_MOST} characters")
    return text


def _cause(text: str) -> tuple[CauseClass, str]:
    """ "power: no mains" or "power no mains" as its class and the reason."""
    found = re.fullmatch(r"([^\s:]*)\s*:?\s*(.*)", text, re.DOTALL)
    assert found is not None
    return _class(found[1]), found[2]


def _class(word: str) -> CauseClass:
    try:
        return CauseClass(word)
    except ValueError:
        raise WordingError(f"'{word}' is no class of causes; there are: {_CAUSES}") from None


# --- as JSON ----------------------------------------------------------------------------------------------------------

Hotlines = Mapping[str, str]
"""The number to call, by operator as the links name him."""

_NO_HOTLINES: Hotlines = MappingProxyType({})
_Serving = Mapping[str, Sequence[Link]]


def incident_json(
    incident: Incident,
    inventory: Inventory,
    now: float,
    hotlines: Hotlines = _NO_HOTLINES,
    *,
    most: int = NAMED_AT_MOST,
    serving: _Serving | None = None,
) -> dict[str, Any]:
    """An incident as programs read it. `serving` are the inventory's links by site, for those who ask for many.

    `cause` is the one that holds and `found_cause` netmon's own; `links` are those that fell and those that serve where
    something fell, each with its operator, his hotline and the circuit to name to him.
    """
    serving = inventory.links_of_site() if serving is None else serving
    links = _links([incident.root, *incident.ever], inventory, serving, most)
    return {
        "id": incident.id,
        "province": incident.province,
        "root": _told(incident.root, inventory),
        "cause": incident.said_cause,
        "found_cause": incident.cause,
        "corrected": incident.corrected,
        "clues": [_clue(clue, inventory) for clue in incident.clues[:most]],
        "since": incident.since,
        "until": incident.until,
        "lasted_s": max(0.0, (incident.until if incident.until is not None else now) - incident.since),
        "down": len(incident.members),
        "fell": len(incident.ever),
        "members": [_told(member, inventory) for member in incident.members[:most]],
        "impact": {
            "isolated": list(incident.impact.isolated),
            "on_backup": list(incident.impact.on_backup),
            "service_centres": list(incident.impact.service_centres),
            "stations": list(incident.impact.stations),
        },
        "links": [
            {
                "link": link.id,
                "site": link.site,
                "commune": inventory.sites[link.site].commune,
                "kind": link.kind,
                "role": link.role,
                "operator": link.operator,
                "circuit": link.circuit_id,
                "hotline": hotlines.get(link.operator, ""),
            }
            for link in links
        ],
        "acknowledged": incident.acknowledged,
        "assigned": incident.assigned,
        "closed": incident.closed,
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """A line of a book as programs read it; `part_of`: the incident that netmon merged it into there."""
    return {
        "at": entry.at,
        "incident": entry.incident,
        "verb": entry.verb,
        "part_of": part_of(entry.verb, entry.text),
        "author": entry.author,
        "note": entry.note,
        "text": entry.text,
    }


def window_json(window: Declared, phase: Phase, *, overrun: bool = False) -> dict[str, Any]:
    """A storm or works as the wallboard's banner tells them: `areas` by their codes; of a storm that is recovered
    from `back`, how many communes it has let go. `overrun`: works past their end with something still down."""
    return {
        "id": window.id,
        "name": window.name,
        "phase": phase,
        "level": window.level,
        "exercise": window.exercise,
        "start": window.start,
        "until": window.until,
        "areas": list(window.areas),
        "overrun": overrun,
    } | ({"back": len(returned(window))} if phase is Phase.RECOVER else {})


def on_the_wall(
    incidents: Iterable[Incident], inventory: Inventory, now: float, hotlines: Hotlines = _NO_HOTLINES
) -> list[dict[str, Any]]:
    """The incidents that a wallboard shows: those that are not over, the gravest first, few enough and with few enough names
    to be asked for every few seconds."""
    serving = inventory.links_of_site()
    shown = sorted((incident for incident in incidents if incident.until is None), key=_gravest_first)
    return [
        incident_json(incident, inventory, now, hotlines, most=NAMED_ON_THE_WALL_AT_MOST, serving=serving)
        for incident in shown[:ON_THE_WALL_AT_MOST]
    ]


def _gravest_first(incident: Incident) -> tuple[float, ...]:
    impact = incident.impact
    return (
        -len(impact.isolated),
        -len(impact.on_backup),
        -len(impact.service_centres),
        -len(impact.stations),
        -len(incident.members),
        -incident.since,
    )


def _clue(clue: Clue, inventory: Inventory) -> dict[str, Any]:
    """A piece of evidence, for programs and in both languages."""

    def name_of(subject: Subject) -> str:
        return inventory.sites[subject.id].name if subject.kind == "site" and subject.id in inventory.sites else subject.id

    vi, en = clue_told(clue, name_of) if clue.what in CLUES else (clue.what, clue.what)  # an older netmon's word
    return {"what": clue.what, "of": _told(clue.subject, inventory), "at": clue.at, "vi": vi, "en": en}


def _told(subject: Subject, inventory: Inventory) -> dict[str, Any]:
    """A subject with its place, where it has one that is still in the inventory."""
    site = inventory.sites.get(_site_of(subject, inventory))
    place = {} if site is None else {"site": site.id, "name": site.name, "commune": site.commune, "site_kind": site.kind}
    return {"kind": subject.kind, "id": subject.id, **place}


def _site_of(subject: Subject, inventory: Inventory) -> str:
    match subject.kind:
        case "device" if subject.id in inventory.devices:
            return inventory.devices[subject.id].site
        case "link" if subject.id in inventory.links:
            return inventory.links[subject.id].site
        case "site" if subject.id in inventory.sites:
            return subject.id
    return ""


def _links(subjects: Iterable[Subject], inventory: Inventory, serving: _Serving, most: int = NAMED_AT_MOST) -> list[Link]:
    """Links themselves, those in a cable, and those that serve the sites of devices, each once; the first so many."""
    found: dict[str, Link] = {}
    for subject in dict.fromkeys(subjects):
        if len(found) >= most:
            break
        if subject.kind == "link":
            links: Iterable[Link] = filter(None, [inventory.links.get(subject.id)])
        elif subject.kind == "cable":
            links = (link for link in inventory.links.values() if subject.id in link.srlg)
        else:
            links = serving.get(_site_of(subject, inventory), ())
        found.update((link.id, link) for link in links)
    return list(found.values())[:most]


# --- from the store ---------------------------------------------------------------------------------------------------


def list_from_store(
    books: Books,
    inventory: Inventory,
    now: float,
    hotlines: Hotlines = _NO_HOTLINES,
    *,
    everything: bool = False,
    since: float = 0.0,
    live: Mapping[str, Incident] = MappingProxyType({}),
) -> dict[str, Any]:
    """The answer to "incidents": those that go on; with `everything` or `since` also those that are over (not before it).
    `live` are those that a running netmon knows better than its store, by id. `part_of` is the incident that one which is
    over was merged into, "" where it was restored."""
    found = books.incidents(going_on=not everything and not since, since=since)
    serving = inventory.links_of_site()
    told = (live.get(each.id, each) for each in found)
    return {
        "incidents": [
            incident_json(each, inventory, now, hotlines, serving=serving)
            | {"part_of": merged_into(books.entries(each.id)) if each.until is not None else ""}
            for each in told
        ]
    }


def from_store(
    books: Books, name: str, inventory: Inventory, now: float, hotlines: Hotlines = _NO_HOTLINES
) -> dict[str, Any]:
    """The answer to "incident" with the action "show": the incident and its whole book. MissingError: there is none."""
    incident = books.incident(name)
    if incident is None:
        raise MissingError(f"there is no incident '{name}'; `netmon incident list --all` names them")
    entries = [entry_json(entry) for entry in books.entries(name)]
    return {"incident": incident_json(incident, inventory, now, hotlines), "entries": entries}

"""What people say of storms and works, on the command line, over the API or in a file, as windows: read and checked once.

Instants are local to Viet Nam unless they bring a zone: "2026-11-22T14:00", "14:00", "now", "+6h"; programs may give Unix
seconds. Levels of storms are those of Decision 18/2021/QD-TTg, Article 4: of the five there are 3 to 5 for storms. What
cannot be is one DeclarationError, in words for the one who wrote it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any

from netmon.events.windows import RECOVERY_S, in_since, phase, struck_until
from netmon.inventory import Inventory
from netmon.model import VIET_NAM, Declared, Phase, Subject, WindowKind
from netmon.units import Register

LEVELS = (3, 4, 5)

LONGEST_NAME, LONGEST_NOTE, MOST_PLACES = 80, 500, 1000
"""Characters of a name, and of a note or an author's; places of a window."""

DAY_S = 86_400.0

LONGEST_S = {WindowKind.STORM: 30 * DAY_S, WindowKind.MAINTENANCE: 14 * DAY_S}
"""No window is declared for longer. A storm can be extended while it lasts, works cannot."""

BEFORE_S, AHEAD_S = 7 * DAY_S, 366 * DAY_S
"""A window begins at most so long before it is declared, and so long after: anything else is a slip of the year."""

_EARLIEST, _LATEST = 946_684_800.0, 4_102_419_600.0  # 2000 to 2099; no calendar of Viet Nam is known after that
_SPAN = re.compile(r"\+(\d{1,6}(?:\.\d{1,3})?) ?([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class DeclarationError(ValueError):
    """What was written cannot be. `hint` says what was probably meant."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(f"{text} ({hint})" if hint else text)
        self.text = text
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Places:
    """What there is to name: units as they are on a day, and the inventory."""

    inventory: Inventory
    register: Register
    on: date


# --- single values ----------------------------------------------------------------------------------------------------


def absolute(value: object) -> float:
    """An instant that needs no other: ISO 8601 with or without a zone, a day (its midnight), or Unix seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _in_our_time(value, value)
    found: date | None = value if isinstance(value, date) else None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            raise DeclarationError(
                f"'{value[:80]}' is not a time", "write it as 2026-11-22T14:00, 14:00, now or +6h"
            ) from None
    if found is None:
        raise DeclarationError("expected a time", "write it as 2026-11-22T14:00")
    if not isinstance(found, datetime):
        found = datetime.combine(found, time())
    try:
        unix = (found if found.tzinfo is not None else found.replace(tzinfo=VIET_NAM)).timestamp()
    except (OverflowError, ValueError):
        raise DeclarationError(f"'{value}' is not a time that netmon can keep") from None
    return _in_our_time(unix, value)


def begins(value: object, now: float) -> float:
    """When a window begins: an absolute instant, "now", "+6h" from now, or a time of today."""
    if (later := _later(value, now)) is not None:
        return later
    if isinstance(value, str) and (clock := _OF_DAY.fullmatch(value.strip())):
        return _at_clock(now, int(clock[1]), int(clock[2]))
    return absolute(value)


def ends(value: object, start: float, now: float) -> float:
    """When a window ends: an absolute instant, "now", "+6h" from its start or from now if it has begun, or the first time
    of that name after its start."""
    begun = max(start, now)
    if (later := _later(value, begun)) is not None:
        return now if value == "now" else later
    if isinstance(value, str) and (clock := _OF_DAY.fullmatch(value.strip())):
        at = _at_clock(begun, int(clock[1]), int(clock[2]))
        return at if at > begun else _in_our_time(at + DAY_S, value)
    return absolute(value)


def words(value: object, what: str, most: int, *, needed: bool = False) -> str:
    """A text of one line, of so many characters at most, for people to read."""
    if value is None or value == "":
        if needed:
            raise DeclarationError(f"{what} is missing")
        return ""
    if not isinstance(value, str):
        raise DeclarationError(f"{what} must be text")
    text = unicodedata.normalize("NFC", value).strip()
    if not text.isprintable():
        raise DeclarationError(f"{what} has a control character or a line of its own: write it as one line of plain text")
    if len(text) > most:
        raise DeclarationError(f"{what} has {len(text)} characters: at most {most} fit")
    if not text and needed:
        raise DeclarationError(f"{what} is missing")
    return text


def level(value: object) -> int:
    """A level that a storm can have."""
    found = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 3 else value
    if not isinstance(found, int) or isinstance(found, bool):
        raise DeclarationError(f"'{value}' is no level: storms have 3, 4 or 5")
    if found not in LEVELS:
        raise DeclarationError(f"there is no storm of level {found}: Decision 18/2021/QD-TTg gives storms 3, 4 or 5")
    return found


def areas(value: object, places: Places) -> tuple[str, ...]:
    """Codes of provinces and communes that are in force, each once."""
    found = []
    for code in _list(value, "the areas"):
        if places.register.unit(code, places.on) is None:
            near = places.register.resembling(code)
            meant = ", ".join(f"{each} ({_place(places, each)})" for each in near if places.register.unit(each, places.on))
            raise DeclarationError(f"there is no unit with the code '{code}'", f"did you mean {meant}?" if meant else "")
        found.append(code)
    return tuple(dict.fromkeys(found))


def communes(value: object, places: Places) -> tuple[str, ...]:
    """As `areas`, of works: no provinces, for works on all of one would explain whatever falls in it."""
    found = areas(value, places)
    for code in found:
        if _parent(places, code) == "":
            raise DeclarationError(f"works are not done on a whole province: {code} is one, name communes, sites or cables")
    return found


def subjects(value: object, places: Places) -> tuple[Subject, ...]:
    """What works are done on: device:ID, link:ID, site:ID or cable:NAME, as the inventory has them."""
    inventory = places.inventory
    known: dict[str, Iterable[str]] = {
        "device": inventory.devices,
        "link": inventory.links,
        "site": inventory.sites,
        "cable": {name for link in inventory.links.values() for name in link.srlg},
    }
    found = []
    for text in _list(value, "what works are done on"):
        kind, _, name = text.partition(":")
        if kind not in known or not name:
            raise DeclarationError(f"'{text}' does not say what it is: write device:, link:, site: or cable: and its name")
        if name not in known[kind]:
            near = get_close_matches(name, known[kind], 1, 0.6)
            meant = f"did you mean {kind}:{near[0]}?" if near else ""
            raise DeclarationError(f"the inventory has no {kind} '{name}'", meant)
        found.append(Subject(kind, name))
    return tuple(dict.fromkeys(found))


# --- windows ----------------------------------------------------------------------------------------------------------

_ENVELOPE = ("command", "action", "by")
_FIELDS = {
    WindowKind.STORM: ("name", "level", "areas", "from", "until", "note", "exercise"),
    WindowKind.MAINTENANCE: ("name", "on", "areas", "from", "until", "note"),
}
_FIXED = ("exercise",)


def declared(kind: WindowKind, asked: Mapping[str, Any], places: Places, now: float) -> Declared:
    """A new window as it was asked for, without an id."""
    known(asked, _FIELDS[kind])
    exercise = asked.get("exercise", False)
    if not isinstance(exercise, bool):
        raise DeclarationError("exercise is true or false")
    if asked.get("until") is None:
        raise DeclarationError("until is missing: every window ends")
    start = begins(asked["from"], now) if asked.get("from") is not None else now
    window = Declared(
        id="",
        kind=kind,
        name=words(asked.get("name"), "the name", LONGEST_NAME, needed=True),
        start=start,
        until=ends(asked["until"], start, now),
        areas=_areas_of(kind)(asked.get("areas"), places),
        subjects=subjects(asked.get("on"), places),
        level=level(asked.get("level")) if kind is WindowKind.STORM else 0,
        exercise=exercise,
        note=words(asked.get("note"), "the note", LONGEST_NOTE),
        declared=now,
    )
    fits(window)
    if window.until <= now:
        raise DeclarationError("until is over already")
    if not now - BEFORE_S <= start <= now + AHEAD_S:
        raise DeclarationError("from lies too far off: at most 7 days before now and 366 days after it")
    return window


def updated(window: Declared, asked: Mapping[str, Any], places: Places, now: float) -> Declared:
    """A window with what was asked to change, which is never what is past: one that has begun keeps its start, works keep
    what they are done on then, and one that is past its end, or was ended, its end. What comes into a storm after its onset
    counts from now on, and what is taken away until now."""
    known(asked, ("id", *(name for name in _FIELDS[window.kind] if name not in _FIXED)))
    given = {name for name, value in asked.items() if value is not None and name not in ("id", *_ENVELOPE)}
    if not given:
        raise DeclarationError("nothing is to change: say what")
    at = phase(window, now)
    if "from" in given and at is not Phase.PREPARE:
        raise DeclarationError("it has begun: its start is a fact now")
    if "until" in given and window.ended is not None:
        raise DeclarationError("it was ended: declare another one if it goes on")
    works = window.kind is WindowKind.MAINTENANCE
    if "until" in given and works and now >= window.until:
        raise DeclarationError("its end has passed: declare other works for what is still to be done")
    start = begins(asked["from"], now) if "from" in given else window.start
    if "from" in given and start < now:
        raise DeclarationError("from has passed: an update moves it to now at the earliest")
    changed = replace(
        window,
        start=start,
        until=ends(asked["until"], start, now) if "until" in given else window.until,
        name=words(asked["name"], "the name", LONGEST_NAME, needed=True) if "name" in given else window.name,
        areas=_areas_of(window.kind)(asked["areas"], places) if "areas" in given else window.areas,
        subjects=subjects(asked["on"], places) if "on" in given else window.subjects,
        level=level(asked["level"]) if "level" in given else window.level,
        note=words(asked["note"], "the note", LONGEST_NOTE) if "note" in given else window.note,
    )
    goes_on = window.kind is WindowKind.STORM and "until" in given
    fits(changed, since=max(changed.start, now) if goes_on else changed.start)
    if "until" in given and changed.until <= now:
        raise DeclarationError("until is over already: `end` ends it now")
    if "from" in given and start > now + AHEAD_S:
        raise DeclarationError("from lies too far off: at most 366 days after now")
    if works:
        return _of_works(window, changed, now)
    if at is Phase.PREPARE:
        return changed
    if changed.areas != window.areas:
        changed = _moved(window, changed, places, now)
    if at is Phase.RECOVER and phase(changed, now) is Phase.IMPACT:
        changed = _joined(changed, _that_left(changed, places, now), now)  # who was back has to come back once more
    return changed


def goes_on(closed: Declared, anew: Declared, now: float) -> bool:
    """Whether a storm that is declared anew is one that was closed, and might still be recovered from."""
    lately = closed.closed is not None and now < struck_until(closed) + RECOVERY_S
    return lately and closed.exercise == anew.exercise and (anew.start <= now or struck_until(closed) <= closed.start)


def reopened(closed: Declared, anew: Declared, now: float) -> Declared:
    """A storm that was closed and is declared anew: the time between is not its own. It keeps its id and its past."""
    at = min(closed.closed if closed.closed is not None else now, now)
    if phase(replace(closed, closed=None), now) is Phase.OVER or closed.start >= at:
        return replace(anew, id=closed.id)  # it never struck
    past = _joined(closed, (), closed.start, also=closed.areas)
    return replace(
        anew,
        id=closed.id,
        start=closed.start,
        back=(*past.back, *((code, at) for code in closed.areas)),
        joined=(*past.joined, *((code, max(anew.start, at)) for code in anew.areas)),
    )


def known(asked: Mapping[str, Any], fields: Iterable[str]) -> None:
    """Raises DeclarationError where something is asked that has no meaning here: a slip must not be taken for silence."""
    names = (*fields, *_ENVELOPE)
    for name in asked:
        if name not in names:
            near = get_close_matches(name, names, 1, 0.6)
            raise DeclarationError(f"there is no '{name}' here", f"did you mean {near[0]}?" if near else "")


def fits(window: Declared, *, since: float | None = None) -> None:
    """Raises DeclarationError where the parts of a window do not fit together. `since`: from when on its length counts."""
    if window.until <= window.start:
        raise DeclarationError("until lies before from")
    longest = LONGEST_S[window.kind]
    if window.until - (window.start if since is None else since) > longest:
        hint = "it can be extended while it lasts" if window.kind is WindowKind.STORM else ""
        raise DeclarationError(f"it is too long: at most {longest / DAY_S:.0f} days", hint)
    if not window.areas and not window.subjects:
        what = "areas is missing: codes of provinces or communes"
        raise DeclarationError(what if window.kind is WindowKind.STORM else "say what works are done on: on, or areas")


# --- parts ------------------------------------------------------------------------------------------------------------


def _areas_of(kind: WindowKind) -> Callable[[object, Places], tuple[str, ...]]:
    return areas if kind is WindowKind.STORM else communes


def _of_works(was: Declared, changed: Declared, now: float) -> Declared:
    """Works as changed: what they are done on counts from when it was said, and is a fact once they have begun."""
    if (was.start, set(was.areas), set(was.subjects)) == (changed.start, set(changed.areas), set(changed.subjects)):
        return changed
    if phase(was, now) is not Phase.PREPARE:
        raise DeclarationError("it has begun: what it is done on is a fact now", "declare other works for what is more")
    return replace(changed, declared=now)


def _moved(was: Declared, changed: Declared, places: Places, now: float) -> Declared:
    """A storm that lasts, over other areas from now on; the past is what it was."""
    gone = [code for code in was.areas if code not in changed.areas]
    stay = [code for code in was.areas if code in changed.areas and _parent(places, code) in gone]
    come = [code for code in changed.areas if code not in was.areas]
    come += [code for code in stay if _is_in(was, code, places, now)]
    left = tuple((code, now) for code in gone if _parent(places, code) not in changed.areas)
    return replace(
        _joined(replace(changed, areas=was.areas), come, now, also=gone), areas=changed.areas, back=(*was.back, *left)
    )


def _joined(storm: Declared, come: Iterable[str], now: float, *, also: Iterable[str] = ()) -> Declared:
    """A storm into which codes come now. What was in it from the start is told apart: they, and `also` others."""
    codes, told = tuple(come), {code for code, _ in storm.joined}
    begun = ((code, storm.start) for code in (*codes, *also) if code in storm.areas and code not in told)
    return replace(storm, joined=(*storm.joined, *dict.fromkeys(begun), *((code, now) for code in codes)))


def _that_left(storm: Declared, places: Places, now: float) -> tuple[str, ...]:
    """The communes of a storm's areas that are back."""
    left = dict.fromkeys(code for code, _ in storm.back if {code, _parent(places, code)} & set(storm.areas))
    return tuple(code for code in left if not _is_in(storm, code, places, now))


def _is_in(storm: Declared, code: str, places: Places, now: float) -> bool:
    return in_since(storm, province=_parent(places, code) or code, commune=code, now=now) is not None


def _parent(places: Places, code: str) -> str | None:
    """The province of a commune, "" of a province; None: the code is no longer in force."""
    unit = places.register.unit(code, places.on)
    return unit.parent if unit is not None else None


def _later(value: object, base: float) -> float | None:
    if not isinstance(value, str):
        return None
    if value == "now":
        return base
    span = _SPAN.fullmatch(value.strip())
    return _in_our_time(base + float(span[1]) * _SECONDS[span[2]], value) if span is not None else None


def _at_clock(day: float, hour: int, minute: int) -> float:
    midnight = datetime.fromtimestamp(day, VIET_NAM).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + timedelta(hours=hour, minutes=minute)).timestamp()


def _in_our_time(unix: float, written: object) -> float:
    if not _EARLIEST <= unix < _LATEST:
        shown = f"'{str(written)[:40]}'" if isinstance(written, str | float | date) else "that number"
        raise DeclarationError(f"{shown} is no time of this century")
    return float(unix)


def _list(value: object, what: str) -> list[str]:
    """A list of texts, or a text with commas."""
    parts = value.split(",") if isinstance(value, str) else value if value is not None else ()
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise DeclarationError(f"{what} must be a list of texts")
    if len(parts) > MOST_PLACES:
        raise DeclarationError(f"{what}: at most {MOST_PLACES} fit")
    found = [words(part, what, LONGEST_NAME) for part in parts]
    return [part for part in found if part]


def _place(places: Places, code: str) -> str:
    unit = places.register.unit(code, places.on)
    above = places.register.unit(unit.parent, places.on) if unit is not None and unit.parent else None
    return ", ".join(each.name for each in (unit, above) if each is not None)

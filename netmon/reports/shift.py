"""The handover of a shift: how things stand, who goes dark next, what is declared, incidents that are open, what changed
since an hour, who is on call.

Pure: what it tells comes in. As text for the one who takes over, in Vietnamese or English, or as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netmon.causes.words import CAUSES
from netmon.model import Declared, Entry, Incident, Phase, Subject, Verb, WindowChange, WindowKind, Words
from netmon.reports.sitrep import Sitrep
from netmon.reports.sitrep_words import EXERCISE, PHASES, at, dark_told, headlines, n
from netmon.targets.words.voice import Language, Voice

VERBS = {
    Verb.OPENED: Words("mở", "opened"),
    Verb.GREW: Words("lan rộng", "grew"),
    Verb.FOUND: Words("xác định nguyên nhân", "cause found"),
    Verb.RESTORED: Words("đã khôi phục", "restored"),
    Verb.RELAPSED: Words("tái diễn", "relapsed"),
    Verb.OPEN: Words("mở theo tin báo", "opened by a person"),
    Verb.ACKNOWLEDGE: Words("tiếp nhận", "acknowledged"),
    Verb.COMMENT: Words("ghi chú", "comment"),
    Verb.ASSIGN: Words("giao cho", "assigned"),
    Verb.CAUSE: Words("sửa nguyên nhân", "cause corrected"),
    Verb.CLOSE: Words("đóng", "closed"),
    Verb.REOPEN: Words("mở lại", "reopened"),
}
MERGED = Words("gộp", "merged")
"""What netmon's "restored" is where an incident turned out to be part of another: nothing came back."""

WINDOW_VERBS = {
    "declare": Words("khai báo", "declared"),
    "update": Words("cập nhật", "updated"),
    "end": Words("kết thúc", "ended"),
    "close": Words("đóng", "closed"),
    "back": Words("xã đã trở lại", "commune back"),
    "expire": Words("hết hạn", "expired"),
    "warn": Words("sắp hết hạn", "expires soon"),
    "reopen": Words("mở lại", "reopened"),
}

NETMON = "netmon"
"""The author of what nobody wrote."""

_PART_OF = re.compile(r"thuộc sự cố (\S+) / part of incident \1")

WORKS = {
    Phase.PREPARE: Words("sắp bắt đầu", "ahead"),
    Phase.IMPACT: Words("đang tiến hành", "under way"),
    Phase.RECOVER: Words("đã hết giờ", "past their end"),
    Phase.OVER: Words("QUÁ GIỜ, chưa ai kết thúc", "PAST THEIR END, and nobody ended them"),
}

ROWS_AT_MOST = 200
DARK_AT_MOST = 3
AHEAD_S = 12 * 3600.0
"""Works that start within this time are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What one shift hands to the next. `open` are incidents, the gravest first; `ended` those that were restored since,
    without those that were merged into another; `entries` the lines of the book since, in order; `changes` those of the
    log of windows. `windows` are storms, and works that are under way, late or near. `on_call` are names as the calendar
    has them, `situation` how things stand."""

    at: float
    since: float
    open: Sequence[Incident]
    ended: Sequence[Incident]
    entries: Sequence[Entry]
    changes: Sequence[WindowChange]
    windows: Sequence[tuple[Declared, Phase]]
    on_call: Sequence[str] = ()
    situation: Sitrep | None = None


def part_of(verb: str, text: str) -> str:
    """The incident that a line of the book merges its own into, "" where it does not (see `causes.words.merged`)."""
    found = _PART_OF.fullmatch(text) if verb == Verb.RESTORED else None
    return found[1] if found else ""


def merged_into(entries: Sequence[Entry]) -> str:
    """The incident that one which is over was merged into at last, "" where it was restored; `entries` are its book."""
    last = next((entry for entry in reversed(entries) if entry.verb is Verb.RESTORED), None)
    return part_of(last.verb, last.text) if last is not None else ""


def gravest_first(incidents: Iterable[Incident]) -> list[Incident]:
    """By whom they hit, communes before all; among equals those that nobody has taken on, then the longest."""

    def gravity(one: Incident) -> tuple[object, ...]:
        hit = one.impact
        counts = (hit.isolated, hit.on_backup, hit.service_centres, hit.stations, one.members)
        return (*(-len(each) for each in counts), bool(one.acknowledged), one.since, one.id)

    return sorted(incidents, key=gravity)


def near(windows: Iterable[tuple[Declared, Phase]], now: float) -> list[tuple[Declared, Phase]]:
    """Storms that stand, and works under way, late, or to start within AHEAD_S; what began first comes first."""
    found = [
        (window, phase)
        for window, phase in windows
        if (phase is not Phase.OVER if window.kind is WindowKind.STORM else window.start <= now + AHEAD_S)
    ]
    return sorted(found, key=lambda each: (each[0].kind is not WindowKind.STORM, each[0].start, each[0].id))


def as_json(shift: Shift, incident_json: Callable[[Incident], Mapping[str, Any]]) -> dict[str, Any]:
    """The handover as JSON values (docs/sitrep.md); `incident_json` makes those of an incident."""
    return {
        "at": shift.at,
        "since": shift.since,
        "situation": shift.situation.as_json() if shift.situation is not None else None,
        "open": [incident_json(one) for one in shift.open],
        "restored": [incident_json(one) for one in shift.ended],
        "entries": [entry._asdict() for entry in shift.entries],
        "windows": [
            {
                "id": window.id,
                "name": window.name,
                "kind": window.kind,
                "phase": phase,
                "exercise": window.exercise,
                "start": window.start,
                "until": window.until,
            }
            for window, phase in shift.windows
        ],
        "changes": [
            {"at": one.at, "verb": one.verb, "author": one.author, "note": one.note, "window": one.window.id}
            for one in shift.changes
        ],
        "on_call": list(shift.on_call),
    }


def text(
    shift: Shift, language: Language, called: Callable[[Subject], str], circuits: Callable[[Incident], Sequence[str]]
) -> str:
    """The handover as lines. `called` is what people call a subject; `circuits` tells the circuit, operator and hotline of
    the links of an incident."""
    return "\n".join(_lines(shift, language, called, circuits)) + "\n"


def _lines(
    shift: Shift, language: Language, called: Callable[[Subject], str], circuits: Callable[[Incident], Sequence[str]]
) -> Iterator[str]:
    say, now = Voice(language), shift.at
    yield say("BÀN GIAO CA TRỰC", "SHIFT HANDOVER")
    yield say(
        f"Lúc {say.at(now)}, diễn biến từ {at(shift.since, now, say)}",
        f"{say.at(now)}, changes since {at(shift.since, now, say)}",
    )
    if shift.on_call:
        yield say("Đang trực: ", "On call: ") + ", ".join(shift.on_call)
    if shift.situation is not None:
        yield from _situation(shift.situation, language)
    yield from (_window(window, phase, now, say) for window, phase in shift.windows)
    yield ""
    yield say("Sự cố đang mở: ", "Open incidents: ") + _count(shift.open, say)
    for one in shift.open[:ROWS_AT_MOST]:
        yield from _incident(one, now, say, called, circuits(one))
    yield from _rest(shift.open, say)
    yield ""
    yield say("Sự cố đã khôi phục: ", "Incidents restored: ") + _count(shift.ended, say)
    for one in shift.ended[-ROWS_AT_MOST:]:
        until = one.until if one.until is not None else now
        back = say(f"khôi phục lúc {at(until, now, say)}", f"back at {at(until, now, say)}")
        lasted = say(f"sau {say.lasting(until - one.since)}", f"after {say.lasting(until - one.since)}")
        yield f"  {one.id}  {called(one.root)}: {say(*CAUSES[one.said_cause])}, {back} {lasted}"
    yield from _rest(shift.ended, say)
    yield ""
    yield say("Diễn biến", "What happened")
    told = [*((one.at, _entry(one, say)) for one in shift.entries), *((one.at, _change(one, say)) for one in shift.changes)]
    told.sort(key=lambda line: line[0])
    for when, line in told[-ROWS_AT_MOST:]:
        yield f"  {at(when, now, say)}  {line}"
    if not told:
        yield say("  (không có)", "  (nothing)")


def _situation(situation: Sitrep, language: Language) -> Iterator[str]:
    say = Voice(language)
    if not situation.live:
        when = say.at(situation.at)
        yield say(f"netmon không chạy; tình trạng lúc {when}:", f"netmon does not run; how things stood at {when}:")
    yield from headlines(situation, language)
    for province in situation.provinces:
        yield from dark_told(province, situation.at, say, DARK_AT_MOST)


def _window(window: Declared, phase: Phase, now: float, say: Voice) -> str:
    mark = say(*EXERCISE) if window.exercise else ""
    storm = window.kind is WindowKind.STORM
    name = window.name if storm else say(f"Bảo trì {window.name}", f"Works {window.name}")
    told = say(*(PHASES if storm else WORKS)[phase])
    start, until = at(window.start, now, say), at(window.until, now, say)
    when = say(f"từ {start} đến {until}", f"{start} to {until}")
    return f"{mark}{name}: {told}, {when}"


def _count(incidents: Sequence[Incident], say: Voice) -> str:
    return say.number(len(incidents))


def _rest(incidents: Sequence[Incident], say: Voice) -> Iterator[str]:
    """How many are not told."""
    if (rest := len(incidents) - ROWS_AT_MOST) > 0:
        yield f"  … {n(rest, 'sự cố khác', 'other incident', 'other incidents', say)}"


def _incident(
    one: Incident, now: float, say: Voice, called: Callable[[Subject], str], circuits: Sequence[str]
) -> Iterator[str]:
    cause = say(*CAUSES[one.said_cause])
    if one.corrected is not None and one.corrected is not one.cause:
        found = say(*CAUSES[one.cause])
        cause += say(f" (netmon xác định: {found})", f" (netmon found: {found})")
    since, lasts = at(one.since, now, say), say.lasting(max(0.0, now - one.since))
    yield f"  {one.id}  {called(one.root)}: {cause}, " + say(f"từ {since} ({lasts})", f"since {since} ({lasts})")
    hit = one.impact
    counts = (
        (hit.isolated, "xã bị cô lập", "commune isolated", "communes isolated"),
        (hit.on_backup, "xã chạy dự phòng", "commune on backup", "communes on backup"),
        (hit.service_centres, "trung tâm phục vụ mất kết nối", "service centre cut off", "service centres cut off"),
        (hit.stations, "trạm BTS mất liên lạc", "base station lost", "base stations lost"),
        (one.members, "thiết bị và tuyến đang mất", "device or link down", "devices and links down"),
    )
    if told := [n(len(who), vi, single, many, say) for who, vi, single, many in counts if who]:
        yield "      " + ", ".join(told)
    people = [
        say(f"{one.acknowledged} đã tiếp nhận", f"acknowledged by {one.acknowledged}")
        if one.acknowledged
        else say("CHƯA AI TIẾP NHẬN", "NOBODY HAS ACKNOWLEDGED IT"),
        *([say(f"đã giao cho {one.assigned}", f"assigned to {one.assigned}")] if one.assigned else []),
    ]
    yield "      " + "; ".join(people)
    for line in circuits:
        yield f"      {line}"


def _entry(entry: Entry, say: Voice) -> str:
    verb = MERGED if part_of(entry.verb, entry.text) else VERBS[entry.verb]
    return f"{entry.incident}  {say(*verb)}{_who(entry.author, entry.note)}" + (
        f": {_own(entry, say)}" if entry.text else ""
    )


def _own(entry: Entry, say: Voice) -> str:
    """What netmon writes into the book in both languages, in one; what people write as they wrote it, on one line."""
    vi, mark, en = entry.text.partition(" / ")
    if entry.author == NETMON and mark and " / " not in en:
        return say(vi, en)
    return " ".join(entry.text.split())


def _change(change: WindowChange, say: Voice) -> str:
    words = WINDOW_VERBS.get(change.verb, Words(change.verb, change.verb))
    mark = say(*EXERCISE) if change.window.exercise else ""
    return f"{mark}{change.window.name}  {say(*words)}{_who(change.author, change.note)}"


def _who(author: str, note: str) -> str:
    """Who it was; netmon itself needs no name."""
    if author in ("", NETMON):
        return ""
    return f" ({author}, {note})" if note else f" ({author})"

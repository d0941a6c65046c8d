"""Incidents and their book.

Of an incident its automatic facts are kept as they are now. What people made of it stands in the book alone, of which no
line is ever changed, and is read from there: whoever writes the facts anew undoes nothing.
"""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from netmon.model import CauseClass, Clue, Entry, Finding, Impact, Incident, Outage, Subject, Verb
from netmon.store.connections import Connections
from netmon.store.database import Database

FORGOTTEN_INCIDENT = "until < ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE incident = incident.id AND at >= ?1)"
"""Incidents that retention takes: that ended long ago, and of which nobody wrote since."""

FORGOTTEN_ENTRY = "at < ?1 AND NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = entry.incident)"
"""The lines that go after them."""

SAID_CAUSE = "(SELECT cause FROM entry WHERE incident = o.incident AND verb = 'cause' ORDER BY id DESC LIMIT 1)"
"""The cause that a person gave to the incident of an outage `o`; NULL where nobody did."""

_DECIDES = (Verb.ACKNOWLEDGE, Verb.ASSIGN, Verb.CAUSE, Verb.CLOSE, Verb.REOPEN)
"""The verbs by which people change how an incident stands."""

_FACTS = "id, province, root_kind, root, cause, since, until, body"

IncidentRow = tuple[str, str, str, str, str, float, float | None, str]
"""An incident's automatic facts as they are written, in the order of the columns."""

FindingRow = tuple[str, str, str, str]
"""What is written beside an outage: class, incident, root (kind:id) and clues as JSON."""


# --- writes -----------------------------------------------------------------------------------------------------------


def incident_row(incident: Incident) -> IncidentRow:
    """The facts of an incident. ValueError: an instant that is no finite number."""
    body = {
        "clues": incident.clues,
        "members": incident.members,
        "ever": incident.ever,
        "impact": incident.impact._asdict(),
    }
    facts = (incident.id, incident.province, *incident.root, incident.cause.value, incident.since, incident.until)
    return (*facts, _json(body))


def put_incident(database: Database, row: IncidentRow) -> None:
    """Writes the facts of an incident in place of those before."""
    kept = ", ".join(f"{column} = excluded.{column}" for column in _FACTS.split(", ")[1:])
    database.execute(
        f"INSERT INTO incident ({_FACTS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET {kept}", row
    )


def sound_entry(entry: Entry) -> Entry:
    """The line as it is written. ValueError: it corrects the cause to what is no class of causes."""
    if entry.verb is Verb.CAUSE:
        corrected(entry.text)
    return entry._replace(verb=Verb(entry.verb))


def add_entry(database: Database, entry: Entry) -> None:
    """Appends a line to the book."""
    database.execute("INSERT INTO entry (at, incident, verb, author, note, text) VALUES (?, ?, ?, ?, ?, ?)", entry)


def finding_row(incident: str, finding: Finding) -> FindingRow:
    """What is written of a finding beside an outage. ValueError: an instant that is no finite number."""
    return (finding.cause.value, incident, str(finding.root), _json(finding.clues))


def explain_outage(database: Database, subject: Subject, row: FindingRow) -> None:
    """Writes why beside the open outage of a subject, or beside its newest when none is open and that is in no other
    incident."""
    database.execute(
        """UPDATE outage SET class = ?1, incident = ?2, root = ?3, clues = ?4 WHERE (until IS NULL OR incident IN ('', ?2))
           AND id = (SELECT id FROM outage WHERE subject = ?5 ORDER BY until IS NULL DESC, since DESC, id DESC LIMIT 1)""",
        (*row, database.subject(*subject)),
    )


def explain_again(database: Database, subject: Subject, row: FindingRow) -> None:
    """Writes why beside the outages of a subject that are in the incident already, but for those of a device that an
    upstream was lost to: its own reason is none of theirs."""
    database.execute(
        """UPDATE outage SET class = ?1, root = ?3, clues = ?4 WHERE subject = ?5 AND incident = ?2
           AND (state <> 'unreachable' OR ?6)""",
        (*row, database.subject(*subject), subject.kind != "device"),
    )


def _json(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


# --- what people made of it -------------------------------------------------------------------------------------------


def corrected(text: str) -> CauseClass:
    """The class that a line corrects the cause to: what stands before the colon. ValueError: that is none."""
    word = text.partition(":")[0].strip()
    try:
        return CauseClass(word)
    except ValueError:
        raise ValueError(f"{word!r} is no class of causes; it is one of {', '.join(CauseClass)}") from None


def signed(author: str, note: str) -> str:
    """Who said something, for people: the author, with the name beside it where one was given."""
    return f"{author} ({note})" if note else author


def as_written(incident: Incident, entries: Iterable[Entry]) -> Incident:
    """The automatic facts of an incident with what its book, in order, makes of it."""
    said: dict[str, Any] = {"corrected": None, "acknowledged": "", "assigned": "", "closed": None}
    for entry in entries:
        match entry.verb:
            case Verb.CAUSE:
                said["corrected"] = corrected(entry.text)
            case Verb.ACKNOWLEDGE:
                said["acknowledged"] = signed(entry.author, entry.note)
            case Verb.ASSIGN:
                said["assigned"] = entry.text
            case Verb.CLOSE:
                said["closed"] = entry.at
            case Verb.REOPEN:
                said["closed"] = None
    return replace(incident, **said)


# --- reads ------------------------------------------------------------------------------------------------------------


class BookReads(Connections):
    """Reads of incidents, their book, and the outages that they explain."""

    def incidents(self, *, going_on: bool = False, since: float = 0.0, most: int = 1000) -> list[Incident]:
        """The incidents that were not over before `since`, or only those that go on, the newest first."""
        return self._incidents(
            "(until IS NULL OR (until >= ? AND NOT ?)) ORDER BY since DESC, id DESC LIMIT ?", since, going_on, most
        )

    def incident_ids(self) -> list[str]:
        """The ids of all incidents, also of those of which only lines of the book are there."""
        return [name for (name,) in self._rows("SELECT id FROM incident UNION SELECT incident FROM entry")]

    def incident(self, name: str) -> Incident | None:
        """The incident of this id."""
        found = self._incidents("id = ?", name)
        return found[0] if found else None

    def entries(self, incident: str | None = None, since: float = 0.0, most: int = 1000) -> list[Entry]:
        """The last lines of the book since then, of an incident if asked, in the order in which they were written."""
        rows = self._rows(
            """SELECT at, incident, verb, author, note, text FROM entry
               WHERE (? IS NULL OR incident = ?) AND at >= ? ORDER BY id DESC LIMIT ?""",
            incident, incident, since, most,
        )  # fmt: skip
        return self._loaded(_line, reversed(rows))

    def outages(
        self, subject: Subject | None = None, start: float = 0.0, end: float = float("inf"), *, open_only: bool = False
    ) -> list[Outage]:
        """Outages that touch [start, end), whole, in order of their start. Where a person corrected the cause of their
        incident, `cause_class` is that; `found_class` is always netmon's."""
        rows = self._rows(
            f"""SELECT s.kind, s.name, state, since, until, o.cause, evidence, coalesce({SAID_CAUSE}, class), class, incident
                FROM outage o JOIN subject s ON s.id = subject
                WHERE (? IS NULL OR (s.kind = ? AND s.name = ?)) AND since < ? AND coalesce(until, 9e999) > ?
                  AND (until IS NULL OR NOT ?) ORDER BY since, o.id""",
            *((None, None, None) if subject is None else (subject.kind, *subject)), end, start, open_only,
        )  # fmt: skip
        return [Outage(Subject(kind, name), *rest) for kind, name, *rest in rows]

    def _incidents(self, condition: str, *values: object) -> list[Incident]:
        decides = ", ".join(f"'{verb.value}'" for verb in _DECIDES)
        with self._snapshot() as database:
            rows = database.execute(f"SELECT {_FACTS} FROM incident WHERE {condition}", values).fetchall()
            lines = database.execute(
                f"""SELECT at, incident, verb, author, note, text FROM entry
                    WHERE incident IN (SELECT value FROM json_each(?)) AND verb IN ({decides}) ORDER BY id""",
                (json.dumps([row[0] for row in rows]),),
            ).fetchall()
        of: dict[str, list[Entry]] = {}
        for line in self._loaded(_line, lines):
            of.setdefault(line.incident, []).append(line)
        return [as_written(each, of.get(each.id, ())) for each in self._loaded(_incident, rows)]


def load_entry(row: Sequence[Any]) -> Entry:
    """A line of the book, of its columns but the number. ValueError: its verb is none."""
    at, incident, verb, author, note, text = row
    return Entry(at, incident, Verb(verb), author, note, text)


def _line(*row: Any) -> Entry:
    return sound_entry(load_entry(row))


def _incident(*row: Any) -> Incident:
    return load_incident(row)


def load_incident(row: Sequence[Any]) -> Incident:
    """The automatic facts of an incident, of what `incident_row` made."""
    name, province, root_kind, root, cause, since, until, body = row
    told = json.loads(body)
    return Incident(
        id=name,
        province=province,
        root=Subject(root_kind, root),
        cause=CauseClass(cause),
        clues=tuple(Clue(what, Subject(*subject), at) for what, subject, at in told["clues"]),
        since=since,
        until=until,
        members=tuple(Subject(*member) for member in told["members"]),
        ever=tuple(Subject(*member) for member in told["ever"]),
        impact=Impact(**{name: tuple(codes) for name, codes in told["impact"].items()}),
    )

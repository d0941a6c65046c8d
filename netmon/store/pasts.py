"""Reads for the pages of communes and devices: the newest outages of several subjects, and which figures are kept of one."""

# ruff: noqa: S608 - statements are put together from this room's own words only; every value is bound

from __future__ import annotations

import json
from collections.abc import Collection

from netmon.model import Outage, Subject
from netmon.store.book import SAID_CAUSE
from netmon.store.connections import Connections


class PastReads(Connections):
    """What such a page asks for beside rates and spans."""

    def newest_outages(self, subjects: Collection[Subject], since: float, most: int) -> list[Outage]:
        """The outages of any of the subjects that were not over before `since`: those that go on, then the newest."""
        rows = self._rows(
            f"""SELECT s.kind, s.name, state, o.since, until, o.cause, evidence, coalesce({SAID_CAUSE}, class), class,
                       incident
                FROM json_each(?) sought
                JOIN subject s ON s.kind = sought.value ->> 0 AND s.name = sought.value ->> 1
                JOIN outage o ON o.subject = s.id
                WHERE until IS NULL OR until > ? ORDER BY until IS NOT NULL, o.since DESC, o.id DESC LIMIT ?""",
            json.dumps(list(subjects)), since, most,
        )  # fmt: skip
        return [Outage(Subject(kind, name), *rest) for kind, name, *rest in rows]

    def figures(self, subject: Subject) -> list[tuple[str, str]]:
        """The figures of a subject of which hours and days are kept, each with its part."""
        return self._rows(
            """SELECT figure, part FROM gauge WHERE subject = (SELECT id FROM subject WHERE kind = ? AND name = ?)
               ORDER BY figure, part""",
            *subject,
        )

"""Where the reports of one device lie in our time: what its clock says, ours stepping, and the network holding things back.

Pure: the instant of arrival comes in as an argument. SEMANTICS 9 has the rules.
"""

from __future__ import annotations

from typing import NamedTuple

from netmon.model import At

FUTURE_S = 120.0
"""A time further ahead than this is replaced."""

PAST_S = 120.0
"""What is older than this, and than three periods, is history."""

STEP_S = 1.0
"""So much of a change of the wall clock against the monotonic one is a step (SEMANTICS 3)."""

JITTER_S = 5.0
"""Reports that were not held back come with leads that differ by less than this."""


class Moment(NamedTuple):
    """When something was measured, on our present time line. `odd`: the remark `future` or `history`, "" for neither.
    `age_s`: how old it was when it came."""

    at: At
    odd: str
    age_s: float


class Times:
    """What is known of one device's clock, and of what our own did since the device's last live report.

    The allowance is by how much our wall clock stepped while the device's did not: as long as what the device tells does
    not fit our clock, but fits it less the allowance, the device is believed and its times are moved by the allowance.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None  # of our wall clock against the monotonic one, at the last live report
        self._allowance_s = 0.0
        self._session: str | None = None  # the one whose clock is ahead by `_lead_s`
        self._lead_s = 0.0
        self._led = At(0.0, 0.0)  # when a report came last with that lead

    def place(self, ts: float, session: str, at: At, late_s: float) -> Moment:
        """The moment of a report of this session that says `ts` (ms) and came `at`; older than `late_s` it is history."""
        raw_s = at.unix - ts / 1000
        allowance_s = self._allow(raw_s, at, late_s)
        age_s = raw_s - allowance_s
        if age_s > late_s:
            return Moment(_ago(at, max(raw_s - self._allowance_s, 0.0)), "history", age_s)
        offset_s = at.unix - at.monotonic
        if self._offset_s is not None and not allowance_s and abs(offset_s - self._offset_s) > STEP_S:
            self._session = None  # it was ours that was wrong
        self._offset_s, self._allowance_s = offset_s, allowance_s
        delay_s = self._delay(session, -age_s, at, late_s)
        return Moment(_ago(at, age_s), "", age_s) if delay_s is None else Moment(_ago(at, delay_s), "future", delay_s)

    def _allow(self, raw_s: float, at: At, late_s: float) -> float:
        if self._offset_s is None or -FUTURE_S <= raw_s <= late_s:
            return 0.0
        allowance_s = self._allowance_s + (at.unix - at.monotonic) - self._offset_s
        return allowance_s if abs(allowance_s) > STEP_S else 0.0

    def _delay(self, session: str, lead_s: float, at: At, late_s: float) -> float | None:
        """How long a report was on its way whose clock is ahead, None if it is not. The report that was least delayed has
        the widest lead; against it the others of the session keep their distances. A lead that shrinks too far, or for too
        long, says that the clock was set."""
        known = session == self._session
        was_set = max(self._lead_s - lead_s, at.monotonic - self._led.monotonic) > 2 * late_s
        if not known or was_set or lead_s > self._lead_s:
            if lead_s <= FUTURE_S and (not known or was_set):
                self._session = None if known else self._session
                return None
            self._session, self._lead_s = session, lead_s
        if lead_s >= self._lead_s - JITTER_S:
            self._led = at
        return self._lead_s - lead_s


def _ago(at: At, seconds: float) -> At:
    return At(at.unix - seconds, at.monotonic - seconds)

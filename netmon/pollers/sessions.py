"""The lives of a device that reports by itself: which one speaks, how often it reports, what was lost on the way.

A session is one life. It is what makes a last will harmless that comes late, and what shows that two speak under one name
(SEMANTICS 9). Two that have one session too, such as a device and a copy of its memory card, show by their `seq`: it goes on
now where the one stood, now where the other did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netmon.pollers.payloads import Telemetry

LOST_AT_MOST = 1_000
"""Most messages that one gap in `seq` counts as lost: a larger jump says something else."""

_REMEMBERED = 8
"""Sessions of a device, and messages of one feed after which another one of the same session is forgotten."""

Remark = Callable[[str, int], None]
"""Notes what was odd, and how often."""


@dataclass(slots=True)
class _Session:
    """`seq` and `ts` are of its newest message, `period_s` of its birth; `other` is the `seq` at which it stood before it
    began anew, `since` so many messages, and `swaps` how often it went on at the other one since."""

    name: str
    period_s: float | None = None
    seq: int | None = None
    ts: float = 0.0
    other: int | None = None
    since: int = 0
    swaps: int = 0


class Sessions:
    """The last few sessions of one device."""

    def __init__(self) -> None:
        self._known: dict[str, _Session] = {}
        self._current: _Session | None = None
        self._sure = False  # the current one was heard live, and not only from the broker's memory
        self._period_s: float | None = None
        self._speaker: _Session | None = None  # whose telemetry came last
        self.turn = 0
        """How often telemetry did not go on where the one before it stood: counters on both sides are not to be compared."""

    @property
    def current(self) -> str | None:
        """The name of the session that speaks now."""
        return self._current.name if self._current else None

    @property
    def period_s(self) -> float | None:
        """How often the device reports, as the birth of its session said, else as the last birth did."""
        return (self._current and self._current.period_s) or self._period_s

    def always(self, name: str) -> None:
        """The device has one session and no births: a will is always of the life that speaks."""
        self._current = self._known[name] = _Session(name)

    def birth(self, name: str, period_s: float, live: bool, remark: Remark) -> None:
        """A session is born, or the broker remembers that it was."""
        self._hear(name, remark, live=live, birth=True).period_s = self._period_s = period_s

    def telemetry(self, body: Telemetry, late: bool, remark: Remark) -> None:
        """A message of a session; `late` ones may come in the name of one that is over, which says nothing of who speaks."""
        session = self._known.get(body.session) if late else self._hear(body.session, remark, live=True)
        if session is None:
            return
        if not late:
            returns = session is not self._speaker and session.seq is not None
            self.turn += returns or _turns(session, body, remark)
            self._speaker = session
        if session.seq is not None and body.seq > session.seq + 1:
            remark("lost", min(body.seq - session.seq - 1, LOST_AT_MOST))
        if session.seq is None or body.seq > session.seq or body.ts > session.ts:
            session.seq = body.seq  # where it falls while time goes on, it began anew
        session.ts = max(session.ts, body.ts)

    def _hear(self, name: str, remark: Remark, *, live: bool, birth: bool = False) -> _Session:
        """The session that speaks. It becomes the current one if it is new, or born live, or if the current one is known
        from the broker's memory only. One that was over and speaks while another lives: they are two."""
        session = self._known.get(name)
        past = session is not None and session is not self._current
        if session is None:
            session = self._known[name] = _Session(name)
        if past and live and self._sure:
            remark("interleaved", 1)
        if not past or (live and (birth or not self._sure)):
            self._sure = live or (self._sure and session is self._current)
            self._current = session
        if len(self._known) > _REMEMBERED:
            del self._known[next(each for each, life in self._known.items() if life is not self._current)]
        return session


def _turns(session: _Session, body: Telemetry, remark: Remark) -> bool:
    """Whether a live message does not go on where its session stood: it begins anew, or goes on where it stood before. Once,
    that may be a restart and a loss; there and back are two that speak."""
    seq, other = session.seq, session.other
    session.since += 1
    if session.since > _REMEMBERED:
        session.other, session.swaps = None, 0
    if seq is None or body.seq == seq + 1 or (body.seq <= seq and body.ts <= session.ts):
        return False
    if other is not None and 0 < body.seq - other <= LOST_AT_MOST and (body.seq <= seq or other > seq):
        session.seq, session.swaps = other, session.swaps + 1
        if session.swaps > 1:
            remark("interleaved", 1)
    elif body.seq > seq:
        return False
    else:
        session.swaps = 0
    session.other, session.since = seq, 0
    return True

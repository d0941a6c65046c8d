"""The rules on a link's echoes, latency and loss: both are counted in slots of the window that have ended.

The figure of latency is the 95th percentile, by nearest rank, of the slots' mean round trips to the link's check address;
that of loss the share of all its echoes that stayed unanswered while the link was up. Round trips are in seconds, shares
ratios; a verdict's evidence is in these units, with instants in Unix seconds and, beside them, as local ISO 8601.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import filterfalse
from math import ceil, floor, isnan
from typing import Any

from netmon.model import SLOT_S, Link, LinkState, Span, Standing, Subject, Verdict, Window
from netmon.targets.availability import clipped
from netmon.targets.definitions import Latency, Loss
from netmon.targets.percentile import rank
from netmon.targets.windows import iso, slots_of

WORST = 10
"""How many of the worst slots a verdict shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoes:
    """What the store holds of a link's round trips, a column each from slot `first_k` on; a slot outside is absent.

    `rtt_s` is the mean round trip of the echoes that were answered and `snmp_s` that of SNMP requests to the device at the
    commune's end, NaN where there was none; `worst_s` the longest round trip of an echo. `simulated` counts the slots that a
    simulator made.
    """

    first_k: int
    rtt_s: Sequence[float]
    worst_s: Sequence[float]
    sent: Sequence[int]
    answered: Sequence[int]
    snmp_s: Sequence[float]
    simulated: int = 0

    def within(self, slots: range) -> range:
        """Those of the slots that the columns hold."""
        start = max(slots.start, self.first_k)
        return range(start, max(start, min(slots.stop, self.first_k + len(self.rtt_s))))

    def cut(self, held: range) -> slice:
        """Where these slots, all of them held, lie in the columns."""
        return slice(held.start - self.first_k, held.stop - self.first_k)


# --- latency ----------------------------------------------------------------------------------------------------------


def judge_latency(
    target: Latency, link: Link, echoes: Echoes, window: Window, now: float, spans: Sequence[Span] | None = None
) -> Verdict:
    """The verdict on a link's round trips over `window`, as far as it has gone at `now`. `spans` are the link's states;
    None: nobody tells them, and it is taken for up.

    A slot in which no echo was sent is present when the link was up throughout and an SNMP round trip was within the limit,
    for the way through the link is part of it; while the link is down the device is reached another way. One beyond the
    limit may be the agent's slowness, and the slot is unseen; so is one of which no echo came back. More slots above the
    limit than the percentile leaves above itself in the whole window, when nothing is missing, is a miss whatever the
    coverage.
    """
    slots, elapsed = slots_of(window), _elapsed(window, now)
    held = echoes.within(elapsed)
    cut = echoes.cut(held)
    figures, snmp, sent = list(echoes.rtt_s[cut]), echoes.snmp_s[cut], echoes.sent[cut]
    up = [elapsed] if spans is None else list(_whole(_pieces(spans, elapsed)))
    lasting = {k for run in up for k in echoes.within(run)}
    from_snmp = snmp_beyond = snmp_refused = 0
    for i, k in enumerate(held):
        if not isnan(figures[i]) or isnan(snmp[i]):
            continue
        if snmp[i] > target.limit:
            snmp_beyond += 1
        elif sent[i] or k not in lasting:
            snmp_refused += 1
        else:
            figures[i] = snmp[i]
            from_snmp += 1
    present = sorted(filterfalse(isnan, figures))
    n = len(present)
    p95 = present[rank(n) - 1] if n else None
    above = n - bisect_right(present, target.limit)
    spared = len(slots) - rank(len(slots))
    coverage = n / len(elapsed) if elapsed else 0.0
    return Verdict(
        target=target.id,
        subject=Subject("link", link.id),
        standing=_standing(target, p95, coverage, beyond=above > spared),
        value=p95,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "value": p95,
            "rank": rank(n),
            "present": n,
            "elapsed": len(elapsed),
            "slots": len(slots),
            "coverage": coverage,
            "above": above,
            "spared": spared,
            "from_snmp": from_snmp,
            "snmp_beyond": snmp_beyond,
            "snmp_refused": snmp_refused,
            "sent": sum(sent),
            "answered": sum(echoes.answered[cut]),
            **_between(elapsed),
            "worst_slots": list(_slowest(echoes, held, figures, present)),
            "simulated_slots": echoes.simulated,
        },
    )


def _slowest(echoes: Echoes, held: range, figures: Sequence[float], present: Sequence[float]) -> Iterator[dict[str, Any]]:
    """The slots with the longest means, of equal ones the later first."""
    if not present:
        return
    least = present[-WORST:][0]
    found = [(figure, k) for figure, k in zip(figures, held, strict=True) if figure >= least]
    for figure, k in sorted(found, reverse=True)[:WORST]:
        i = k - echoes.first_k
        by_echo = not isnan(echoes.rtt_s[i])
        yield {
            "start": k * SLOT_S,
            "local": iso(k * SLOT_S),
            "mean_s": figure,
            "worst_s": echoes.worst_s[i] if by_echo else None,
            "by": "echo" if by_echo else "snmp",
        }


# --- loss -------------------------------------------------------------------------------------------------------------


def judge_loss(target: Loss, link: Link, echoes: Echoes, spans: Sequence[Span], window: Window, now: float) -> Verdict:
    """The verdict on the echoes that a link lost over `window`, as far as it has gone at `now`. `spans` are its states.

    Only slots count that lie wholly in time when the link was up: an outage is judged by availability, not again as loss. A
    slot in which the link was up and every echo was lost counts. Any other is not seen: no echo was sent, the state was not
    known throughout, or the link was down. Coverage is of all slots that have ended: a link that was hardly ever up has not
    shown that it loses nothing.

    A miss that nothing unseen could undo: the share is above the limit even if every slot that may still count, none that
    touches time when the link was down, had held as many echoes as the fullest slot of all, each of them answered.
    """
    elapsed = _elapsed(window, now)
    pieces = _pieces(spans, elapsed)
    held = echoes.within(elapsed)
    sent = lost = up = seen = 0
    losses: list[tuple[int, int]] = []  # echoes lost and the slot
    for whole in _whole(pieces):
        up += len(whole)
        within = echoes.within(whole)
        cut = echoes.cut(within)
        for k, out, back in zip(within, echoes.sent[cut], echoes.answered[cut], strict=True):
            if out:
                seen += 1
                sent += out
                if back < out:
                    lost += out - back
                    losses.append((out - back, k))
    down = {
        k
        for run in _runs(pieces, LinkState.DOWN)
        for k in range(floor(run.start / SLOT_S), ceil(run.end / SLOT_S))
    }  # fmt: skip
    judged = len(elapsed) - len(down)
    fullest = max(echoes.sent[echoes.cut(held)], default=0)
    possible = sent + (judged - seen) * fullest
    value = lost / sent if sent else None
    least = lost / possible if possible else 0.0
    coverage = seen / len(elapsed) if elapsed else 0.0
    return Verdict(
        target=target.id,
        subject=Subject("link", link.id),
        standing=_standing(target, value, coverage, beyond=least > target.limit),
        value=value,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "value": value,
            "lost": lost,
            "sent": sent,
            "least": least,
            "fullest": fullest,
            "seen": seen,
            "up": up,
            "judged": judged,
            "down": len(down),
            "elapsed": len(elapsed),
            "coverage": coverage,
            **_between(elapsed),
            "losing_slots": len(losses),
            "worst_slots": [
                {
                    "start": k * SLOT_S,
                    "local": iso(k * SLOT_S),
                    "lost": missing,
                    "sent": echoes.sent[k - echoes.first_k],
                }
                for missing, k in nlargest(WORST, losses)
            ],
            "simulated_slots": echoes.simulated,
        },
    )


# --- both -------------------------------------------------------------------------------------------------------------


def _pieces(spans: Sequence[Span], elapsed: range) -> list[Span]:
    """The states during these slots."""
    return list(clipped(spans, (), Window(elapsed.start * SLOT_S, elapsed.stop * SLOT_S)))


def _whole(pieces: Sequence[Span]) -> Iterator[range]:
    """The slots that lie wholly in time when the link was up."""
    for run in _runs(pieces, LinkState.UP):
        yield range(ceil(run.start / SLOT_S), floor(run.end / SLOT_S))


def _runs(pieces: Sequence[Span], state: str) -> list[Span]:
    """The times in one state, those that touch made one."""
    runs: list[Span] = []
    for piece in pieces:
        if piece.state != state:
            continue
        if runs and runs[-1].end == piece.start:
            runs[-1] = Span(state, runs[-1].start, piece.end)
        else:
            runs.append(piece)
    return runs


def _elapsed(window: Window, now: float) -> range:
    """The slots of the window that have ended at `now`."""
    slots = slots_of(window)
    return range(slots.start, max(slots.start, min(slots.stop, floor(now / SLOT_S))))


def _between(elapsed: range) -> dict[str, Any]:
    """The instants between which the slots lie."""
    start, end = elapsed.start * SLOT_S, elapsed.stop * SLOT_S
    return {"start": start, "end": end, "local_start": iso(start), "local_end": iso(end)}


def _standing(target: Latency | Loss, value: float | None, coverage: float, *, beyond: bool) -> Standing:
    """What a figure says. `beyond`: it is a miss whatever the coverage."""
    if beyond:
        return Standing.MISSED
    if value is None or coverage < target.coverage:
        return Standing.UNPROVEN
    if value > target.limit:
        return Standing.MISSED
    return Standing.AT_RISK if value > target.at_risk else Standing.MET

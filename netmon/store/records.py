"""What the store gives back that is no noun of the house, and how baselines and verdicts are written as text."""

from __future__ import annotations

import json
from array import array
from hashlib import sha256
from typing import Any, NamedTuple

from netmon.model import (
    Baseline,
    CounterPoint,
    Epoch,
    Kind,
    Octets,
    Slot,
    Standing,
    Subject,
    Verdict,
    Window,
)

MEASURED, SIMULATED, MIXED = 0, 1, 2
"""The `source` of a row. Only a packed day can be mixed."""


class Absence(NamedTuple):
    """netmon was not watching in [start, end). `reason`: `stopped` (it was told to), `died`, or `clock`
    (it ran, and the clock went ahead over it)."""

    start: float
    end: float
    reason: str


class OpenSpan(NamedTuple):
    """A subject has been in `state` since `start`, Unix seconds."""

    state: str
    start: float


class Rates(NamedTuple):
    """Rates of consecutive slots in bytes per second, float32, NaN where a slot is not present in that direction;
    `simulated` counts those that were never measured."""

    receive: array[float]
    transmit: array[float]
    simulated: int


class Sums(NamedTuple):
    """Octets of all slots of some days, whether present or not, and how many slots there were."""

    receive: int
    transmit: int
    slots: int


class EchoRows(NamedTuple):
    """Round trips of consecutive slots, in seconds: the mean and the longest of the echoes that were answered, NaN where
    none was; echoes sent and answered; the mean of SNMP round trips, NaN without one. `simulated` counts the slots that were
    never measured."""

    rtt_s: array[float]
    worst_s: array[float]
    sent: array[int]
    answered: array[int]
    snmp_s: array[float]
    simulated: int


class Ispeed(NamedTuple):
    """A median that VNNIC's i-speed published for a unit (its code) and a month ("2026-10"). `network`: fixed, mobile,
    mobile_5g; `metric`: download, upload (bytes per second), latency (seconds); `source`: the name of the imported file."""

    month: str
    unit: str
    network: str
    operator: str
    metric: str
    median: float
    samples: int
    source: str


class Frozen(NamedTuple):
    """A closed window's verdict as it was stated at `at`. `sha256` is that of the UTF-8 bytes of `body`."""

    verdict: Verdict
    revision: int
    at: float
    sha256: str
    body: str


def is_as_stated(body: str, digest: str) -> bool:
    """Whether a frozen verdict is the one that was stated."""
    return sha256(body.encode()).hexdigest() == digest


def source_code(source: str) -> int:
    """The number of `measured` or `simulated`. ValueError: another word."""
    try:
        return {"measured": MEASURED, "simulated": SIMULATED}[source]
    except KeyError:
        raise ValueError(f"a source is measured or simulated, not {source!r}") from None


def dump_baseline(baseline: Baseline) -> str:
    """JSON: [receive, transmit, open slots]; a point is [value, unix, kind, epoch]. Integers keep all 64 bits."""
    return json.dumps([baseline.receive, baseline.transmit, baseline.open], separators=(",", ":"), ensure_ascii=False)


def load_baseline(body: str) -> Baseline:
    """What `dump_baseline` wrote. ValueError, TypeError: it is something else."""
    receive, transmit, open_slots = json.loads(body)
    return Baseline(
        receive=_point(receive),
        transmit=_point(transmit),
        open=tuple(Slot(int(k), Octets(*towards), Octets(*away)) for k, towards, away in open_slots),
    )


def _point(parts: list[Any] | None) -> CounterPoint | None:
    if parts is None:
        return None
    value, unix, kind, epoch = parts
    return CounterPoint(int(value), float(unix), Kind(kind), Epoch(*epoch))


def dump_verdict(verdict: Verdict) -> str:
    """The canonical JSON of a verdict: keys sorted, no spaces, UTF-8, finite numbers. Equal verdicts give equal bytes.

    TypeError or ValueError: the evidence holds something that is not JSON.
    """
    return json.dumps(
        {
            "target": verdict.target,
            "subject": {"kind": verdict.subject.kind, "id": verdict.subject.id},
            "standing": verdict.standing.value,
            "value": None if verdict.value is None else float(verdict.value),
            "limit": float(verdict.limit),
            "coverage": float(verdict.coverage),
            "window": {"start": float(verdict.window.start), "end": float(verdict.window.end)},
            "final": verdict.final,
            "evidence": dict(verdict.evidence),
            "asked": dict(verdict.asked),
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def load_verdict(body: str) -> Verdict:
    """What `dump_verdict` wrote."""
    parts = json.loads(body)
    return Verdict(
        target=parts["target"],
        subject=Subject(**parts["subject"]),
        standing=Standing(parts["standing"]),
        value=parts["value"],
        limit=parts["limit"],
        coverage=parts["coverage"],
        window=Window(**parts["window"]),
        final=parts["final"],
        evidence=parts["evidence"],
        asked=parts.get("asked", {}),
    )

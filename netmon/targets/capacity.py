"""The capacity rule: what is contracted for a link reaches the limit, and its ports can carry what is contracted.

The inventory tells the contract, the ports tell their own speed (ifHighSpeed, IF-MIB), which is never taken for the
capacity: a port of 1 Gbit/s says nothing of a circuit of 50 Mbit/s, but one of 100 Mbit/s cannot carry 200. The speed tests
of the site's probes stand beside it as evidence and are not judged. Everything is in bytes per second; instants are Unix
seconds and, beside them, local ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from statistics import median
from typing import Any

from netmon.model import Capacity, End, Link, PortSpeed, SpeedTest, Standing, Subject, Verdict, Window
from netmon.targets.definitions import ContractedCapacity
from netmon.targets.windows import iso

ROUNDING = 0.005
"""By so much a port may seem slower than the contract: ifHighSpeed is in whole Mbit/s."""

SHOWN = 20
"""How many capacities and port speeds a verdict shows: the newest."""


def judge_capacity(
    target: ContractedCapacity,
    link: Link,
    ports: Sequence[PortSpeed],
    tests: Sequence[SpeedTest],
    window: Window,
    now: float,
    heard: bool = True,
) -> Verdict:
    """The verdict on a link as it stands at `now`, or at the window's end once that is over.

    The value is the contracted capacity of the narrower direction. `ports` are what the ports at both ends said, in order of
    time; one that does not tell now (0) is not known, whatever it said before. `heard`: an end of the link was measured
    in the window; where none was, no port's speed is known, for what it ran at then may be long gone. A contract or a
    port that falls short is a miss though the other be unknown.
    """
    last = min(now, window.end - 1e-6)  # the end itself belongs to the next window
    contract = link.capacity_at(last)
    value = None if contract is None else min(contract.receive, contract.transmit)
    newest = {end: _newest(ports, end, last) for end in End}
    told = {end: port.bytes_per_s for end, port in newest.items() if port is not None and port.bytes_per_s > 0}
    known = told if heard else {}
    slow = _slow(known, contract) if target.port_speed else []
    facts = [contract is not None, bool(known)] if target.port_speed else [contract is not None]
    coverage = sum(facts) / len(facts)
    if value is not None and (value < target.limit or slow):
        standing = Standing.MISSED
    elif value is None or coverage < target.coverage:
        standing = Standing.UNPROVEN
    else:
        standing = Standing.MET
    capacities = list(_capacities(link, window, last))
    running = [_newest(ports, end, window.start) for end in End]
    within = [port for port in ports if port in running or window.start < port.since <= last]
    return Verdict(
        target=target.id,
        subject=Subject("link", link.id),
        standing=standing,
        value=value,
        limit=target.limit,
        coverage=coverage,
        window=window,
        final=target.window_days is None and now >= window.end,
        evidence={
            "rule": target.rule,
            "at": last,
            "local": iso(last),
            "contracted": None if contract is None else {"receive": contract.receive, "transmit": contract.transmit},
            "port_speed": target.port_speed,
            "heard": heard,
            "ports": {end.value: known.get(end) for end in End},
            "slow_ports": [end.value for end in slow],
            "capacity_count": len(capacities),
            "capacities": capacities[-SHOWN:],
            "port_count": len(within),
            "port_history": [
                {"end": port.end.value, "since": port.since, "local": iso(port.since), "bytes_per_s": port.bytes_per_s}
                for port in within[-SHOWN:]
            ],
            "speed_tests": _medians([test for test in tests if window.start <= test.at <= last]),
        },
    )


def _newest(ports: Sequence[PortSpeed], end: End, last: float) -> PortSpeed | None:
    told = [port for port in ports if port.end is end and port.since <= last]
    return max(told, key=lambda port: port.since, default=None)


def _slow(known: dict[End, float], contract: Capacity | None) -> list[End]:
    """The ends whose port cannot carry what is contracted in the wider direction."""
    if contract is None:
        return []
    needed = max(contract.receive, contract.transmit) * (1 - ROUNDING)
    return [end for end, speed in known.items() if speed < needed]


def _capacities(link: Link, window: Window, last: float) -> Iterator[dict[str, Any]]:
    """The capacities that held within the window as far as it has gone, with the instants between which each did."""
    changes = [*link.capacities, Capacity(inf, 0.0, 0.0)]
    for capacity, following in pairwise(changes):
        start, end = max(capacity.valid_from, window.start), min(following.valid_from, last)
        if start < end:
            yield {
                "start": start,
                "end": end,
                "local_start": iso(start),
                "local_end": iso(end),
                "receive": capacity.receive,
                "transmit": capacity.transmit,
            }


def _medians(tests: Sequence[SpeedTest]) -> dict[str, dict[str, Any]]:
    """The medians by network, with the number of tests that each rests on."""
    return {
        network: {
            "count": len(of),
            "download": median(test.download for test in of),
            "upload": median(test.upload for test in of),
            "latency_s": median(latencies) if (latencies := [t.latency_s for t in of if t.latency_s is not None]) else None,
        }
        for network in sorted({test.network for test in tests})
        if (of := [test for test in tests if test.network == network])
    }

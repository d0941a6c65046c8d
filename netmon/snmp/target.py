"""An agent to be asked: where it is, how to speak to it, and what was learned while it was spoken to."""

from __future__ import annotations

import random
from ipaddress import IPv6Address, ip_address
from math import inf
from typing import Any

from netmon.snmp.message import Community
from netmon.snmp.places import Pace, Places
from netmon.snmp.usm import Usm
from netmon.snmp.v3 import Engine

Credential = Community | Usm

SOONEST_S = 0.25
"""No question is sent again sooner: agents are far slower at some tables than at others."""

_JITTER = 0.25
_SMOOTH, _VARY = 1 / 8, 1 / 4  # alpha and beta of RFC 6298


def canonical(address: str) -> str:
    """An address as the kernel writes it. ValueError for names."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(parsed)


def endpoint(peer: tuple[Any, ...]) -> str:
    """Address and port for people."""
    return f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"


class Target:
    """An agent, asked at most `in_flight` questions at a time and `requests_per_s`. The last attempt of a question waits
    `timeout_s`; up to `retries` attempts come before it, each of which waits no longer than that, nor than the agent's
    answers use to take.

    `also_from` holds further addresses from which its answers may come. Addresses only: a host name is a ValueError.
    """

    __slots__ = (
        "_deviation_s",
        "_smoothed_s",
        "address",
        "also_from",
        "credential",
        "engine",
        "pace",
        "peer",
        "places",
        "port",
        "retries",
        "timeout_s",
    )

    def __init__(
        self,
        address: str,
        port: int,
        credential: Credential,
        timeout_s: float,
        retries: int,
        also_from: frozenset[str] = frozenset(),
        *,
        in_flight: int = 1,
        requests_per_s: float = inf,
    ) -> None:
        self.address = canonical(address)
        self.port = port
        self.credential = credential
        self.timeout_s = timeout_s
        self.retries = retries
        self.also_from = frozenset(canonical(other).partition("%")[0] for other in also_from)
        self.peer = (self.address.partition("%")[0], port)
        """Address and port as the kernel reports them for what comes back: a link-local address without its zone."""
        self.places = Places(in_flight)
        self.pace = Pace(requests_per_s)
        self.engine: Engine | None = None
        """The SNMPv3 engine there, once it was discovered."""
        self._smoothed_s = 0.0
        self._deviation_s = 0.0

    def __str__(self) -> str:
        return endpoint((self.address, self.port))

    def __repr__(self) -> str:
        v3 = "" if isinstance(self.credential, Community) else ", v3"
        return f"Target({self}{v3})"

    def takes_from(self, source: tuple[Any, ...]) -> bool:
        """Whether what comes from there may be this agent's."""
        return source[:2] == self.peer or (source[0] in self.also_from and source[1] == self.port)

    def took(self, round_trip_s: float) -> None:
        """Learns how long an answer took (RFC 6298 section 2). Each attempt has an id of its own, so that an answer to a
        repeated question is a sample like any other."""
        if not self._smoothed_s:
            self._smoothed_s, self._deviation_s = round_trip_s, round_trip_s / 2
            return
        self._deviation_s += _VARY * (abs(self._smoothed_s - round_trip_s) - self._deviation_s)
        self._smoothed_s += _SMOOTH * (round_trip_s - self._smoothed_s)

    def patience_s(self, attempt: int) -> float:
        """How long the attempt of this number, from 1 on, waits: doubled from each to the next, and never quite the same,
        so that devices whose way was cut do not all come again at once."""
        if attempt > self.retries or not self._smoothed_s:
            return self.timeout_s
        usual_s = max(SOONEST_S, self._smoothed_s + 4 * self._deviation_s)
        return min(self.timeout_s, usual_s * (1 << attempt - 1) * random.uniform(1, 1 + _JITTER))  # noqa: S311 - no secret

"""Asks addresses politely, one credential after the other: few at a time, at one pace for all, each once.

One datagram asks an address for sysUpTime and sysObjectID. Where SNMPv3 is tried first, that one is the discovery of its
engine, which every agent of SNMPv3 answers whoever asks: silence to it spares the address all other users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

import structlog

from netmon.credential import Credential
from netmon.discover.addresses import Wanted
from netmon.discover.found import Found, Seen
from netmon.model import Outcome
from netmon.pollers.agent import wire_credential
from netmon.pollers.discovery import SYS_OBJECT_ID
from netmon.profiles import SYS_UPTIME
from netmon.snmp import (
    AUTHORIZATION_ERROR,
    Asker,
    Client,
    LocalFailure,
    Malformed,
    Refused,
    Response,
    Silent,
    Target,
    Unsupported,
    get_request,
)
from netmon.snmp.places import Pace

log = structlog.get_logger(__name__)

_WHO = get_request([SYS_UPTIME, SYS_OBJECT_ID])
_CLOSED = "port unreachable"
NOBODY = "nothing listens at that port"
"""The detail of an address whose machine says by ICMP that it has no agent."""

_NONE_FITS = "answers SNMPv3, but none of the credentials fits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How an address is asked: at which port, how patiently, how often again."""

    port: int = 161
    timeout_s: float = 2.0
    retries: int = 0


class Identify(Protocol):
    """What is done with an address that answers: it is asked who it is."""

    async def __call__(self, client: Asker, wanted: Wanted, credential: Credential) -> Found: ...


class Credentials:
    """The credentials in the order in which they are tried: the one that worked last comes first."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        self.order = list(credentials)

    def worked(self, credential: Credential) -> None:
        self.order.remove(credential)
        self.order.insert(0, credential)

    def for_address(self, known: str) -> list[Credential]:
        """The order for an address whose device has a credential in the inventory, "" where it has none."""
        return sorted(self.order, key=lambda credential: credential.name != known)


@dataclass(slots=True)
class Progress:
    """How far a scan has come."""

    total: int
    done: int = 0
    found: int = 0

    def count(self, seen: Seen) -> None:
        self.done += 1
        self.found += seen.found is not None


def polite(rate: float) -> Client:
    """A client that sends at most so many requests a second, never two of them at once."""
    client = Client(requests_per_s=rate)
    client.pace = Pace(rate, burst=1)
    return client


async def scan(
    wanted: Sequence[Wanted],
    credentials: Credentials,
    identify: Identify,
    client: Client,
    manners: Manners,
    *,
    parallel: int,
    known: Callable[[str], str] = lambda address: "",
    tell: Callable[[Seen], None],
) -> None:
    """Asks all of them, `parallel` at a time, and tells what became of each as soon as that is known. When it is cancelled,
    what has not been told was not finished. `known` gives the name of the credential that the inventory has for an address.
    """
    waiting = iter(wanted)

    async def work() -> None:
        for one in waiting:
            try:
                seen = await look(client, one, credentials, identify, manners, known(one.address))
            except Exception as error:
                log.exception("an address could not be scanned", address=one.address)
                seen = Seen(address=one.address, outcome=Outcome.BUG, detail=f"{one.address}: {error!r}")
            tell(replace(seen, port=manners.port))

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(parallel, len(wanted))):
            workers.create_task(work())


async def look(
    client: Asker, wanted: Wanted, credentials: Credentials, identify: Identify, manners: Manners, known: str = ""
) -> Seen:
    """Tries the credentials on one address until one is answered."""
    address = wanted.address
    engine = None
    v3_silent = False
    refusals: list[str] = []
    silence = ""
    for credential in credentials.for_address(known):
        v3 = credential.version == "3"
        if v3 and v3_silent:
            continue
        target = Target(address, manners.port, wire_credential(credential), manners.timeout_s, manners.retries)
        target.engine = engine
        try:
            response = await client.ask(target, _WHO, inf)
            if refusal := _refusal(target, response):
                refusals.append(f"{refusal} ({credential.name})")
                continue
            credentials.worked(credential)
            found = await identify(client, wanted, credential)
            return Seen(address=address, outcome=Outcome.ANSWERED, v3=v3, found=found)
        except Silent as error:
            silence = str(error)
            v3_silent = v3_silent or (v3 and engine is None)
        except (LocalFailure, Unsupported) as error:
            return Seen(address=address, outcome=Outcome.LOCAL, detail=str(error))
        except (Refused, Malformed) as error:
            if _CLOSED in str(error):
                return Seen(address=address, outcome=Outcome.REFUSED, detail=NOBODY)
            refusals.append(f"{error} ({credential.name})")
            engine = target.engine or engine
    if refusals:
        v3_there = engine is not None
        said = f"{address} {_NONE_FITS}: {' '.join(refusals)}" if v3_there else " ".join(refusals)
        return Seen(address=address, outcome=Outcome.REFUSED, detail=said, v3=v3_there)
    return Seen(address=address, outcome=Outcome.SILENT, detail=silence)


def _refusal(target: Target, response: Response) -> str:
    """Why an answer is none: the credential is known there and may see nothing."""
    if response.error_status == AUTHORIZATION_ERROR:
        return f"{target} answered authorizationError: its access control shows nothing."
    if response.values is not None and not response.error_status and not isinstance(response.values[0], int):
        return f"{target} answers without sysUpTime: its access control shows nothing."
    return ""

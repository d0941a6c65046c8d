"""A device's SNMP agent behind one or several addresses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import inf

import structlog

from netmon.credential import Credential, Secret
from netmon.model import Device, Outcome
from netmon.snmp import (
    AUTHORIZATION_ERROR,
    GEN_ERR,
    NO_SUCH_NAME,
    V1,
    V2C,
    Asker,
    Community,
    Late,
    LocalFailure,
    Refused,
    Request,
    Response,
    Silent,
    SnmpError,
    Tag,
    Target,
    Unsupported,
    Usm,
    VarBind,
    error_name,
    get_next_request,
    get_request,
    oid,
)
from netmon.snmp import Credential as WireCredential

log = structlog.get_logger(__name__)

FAILED = (NO_SUCH_NAME, GEN_ERR)
"""Error statuses that are about one name of a request: the others have values all the same."""


class Unanswered(Exception):  # noqa: N818 - how a conversation ends, not a fault
    """No address answered the first request; `Agent.failures` says what each did."""


class Agent:
    """Asks a device: the first request of a conversation goes to its addresses in turn until one answers, the others go
    to that one. The address that answered is the first to be tried next time; when none did for want of time, the one
    behind the first is."""

    def __init__(self, client: Asker, device: Device, credential: Credential, requests_per_s: float = inf) -> None:
        wire = wire_credential(credential)
        self.client = client
        self.device = device.id
        self.targets = [
            Target(
                address,
                device.port,
                wire,
                device.timeout_s,
                device.retries,
                frozenset(device.also_from),
                requests_per_s=requests_per_s,
            )
            for address in device.addresses
        ]
        self.target = self.targets[0]
        self._first = 0  # the address to begin with
        self.deadline = inf
        self.answered = False
        self.round_trip_s: float | None = None
        self.failures: list[tuple[Outcome, str]] = []

    def allow(self, in_flight: int) -> None:
        """So many requests may be under way at a time."""
        for target in self.targets:
            target.places.cap = in_flight

    def begin(self, deadline: float) -> None:
        """A new conversation, which ends at `deadline` (monotonic seconds)."""
        self.deadline = deadline
        self.answered = False
        self.round_trip_s = None
        self.failures = []

    async def ask(self, request: Request) -> Response:
        """Raises Unanswered when no address answers the first request, later SnmpError as the client does."""
        if self.answered:
            return await self.client.ask(self.target, request, self.deadline)
        order = [*self.targets[self._first :], *self.targets[: self._first]]
        hurried = False
        for n, target in enumerate(order):
            now = time.monotonic()
            share = now + (self.deadline - now) / (len(order) - n)
            try:
                response = await self.client.ask(target, request, share)
                if response.error_status == AUTHORIZATION_ERROR:
                    raise Refused(f"{target} answered authorizationError to {request}.")
            except SnmpError as error:
                self.failures.append((_outcome(error), str(error)))
                hurried = hurried or isinstance(error, Late)
                if time.monotonic() >= self.deadline:
                    break
                continue
            if target is not self.target:
                log.warning("device answers at another address", device=self.device, address=target.address)
            self.target = target
            self._first = self.targets.index(target)
            self.answered = True
            self.round_trip_s = response.received - response.sent
            return response
        if hurried:
            self._first = (self._first + 1) % len(self.targets)
        raise Unanswered

    async def get(self, oids: Sequence[bytes]) -> dict[bytes, VarBind]:
        """Values of instances, as many as can be had: without those that SNMPv1 or the agent itself makes an error of, and
        in halves where the error does not tell which one it is about, or is about the size. Raises as `ask`, and SnmpError
        for any other error status of one instance."""
        if not oids:
            return {}
        request = get_request(oids)
        response = await self.ask(request)
        status, index = response.error_status, response.error_index
        if status in FAILED and 1 <= index <= len(oids):
            return await self.get([*oids[: index - 1], *oids[index:]])
        if status and len(oids) > 1:
            half = len(oids) // 2
            return await self.get(oids[:half]) | await self.get(oids[half:])
        if status in FAILED:
            return {}
        if status:
            raise SnmpError(f"{self.target} answered {error_name(status)} to {request}.")
        return {varbind.oid: varbind for varbind in response.varbinds}

    async def following(self, oids: Sequence[bytes]) -> dict[bytes, VarBind]:
        """What an agent has next behind each of these names, by that name; behind the last it is the end of the view, and
        what it makes an error of by itself is left out. Raises as `get`."""
        if not oids:
            return {}
        request = get_next_request(oids)
        response = await self.ask(request)
        status, index = response.error_status, response.error_index
        if status == NO_SUCH_NAME and 1 <= index <= len(oids):
            last = oids[index - 1]  # nothing follows behind it, nor behind what comes after it
            left = [name for name in oids if name != last and not oid.follows(name, last)]
            ended = {name: VarBind(name, Tag.END_OF_MIB_VIEW, None) for name in oids if name not in left}
            return ended | await self.following(left)
        if status and len(oids) > 1:
            half = len(oids) // 2
            return await self.following(oids[:half]) | await self.following(oids[half:])
        if status in (GEN_ERR, NO_SUCH_NAME):
            return {}
        if status:
            raise SnmpError(f"{self.target} answered {error_name(status)} to {request}.")
        return dict(zip(oids, response.varbinds, strict=False))


def wire_credential(credential: Credential) -> WireCredential:
    """A credential as the wire takes it. ValueError when it lacks what its version needs."""

    def revealed(secret: Secret | None) -> str:
        return secret.reveal() if secret else ""

    if credential.version == "3":
        return Usm(
            user=credential.user,
            auth_protocol=credential.auth_protocol,
            auth_key=revealed(credential.auth_key),
            priv_protocol=credential.priv_protocol,
            priv_key=revealed(credential.priv_key),
            context=credential.context,
        )
    if credential.community is None:
        raise ValueError(f"credential {credential.name} has no community, which SNMP v{credential.version} needs")
    return Community({"1": V1, "2c": V2C}[credential.version], credential.community.reveal().encode())


def _outcome(error: SnmpError) -> Outcome:
    """An agent that answers garbage is alive; a request that cannot be put is our own affair."""
    if isinstance(error, Silent):
        return Outcome.SILENT
    return Outcome.LOCAL if isinstance(error, LocalFailure | Unsupported) else Outcome.REFUSED

"""How each device is heard: which poller it gets, and the connections that the pollers share.

One SNMP client for all devices that netmon's own engine asks; one of pysnmp's, loaded only where a device wants it; one
subscription for all that report over MQTT; one ear for traps and informs, where they are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from netmon.credential import Credential
from netmon.model import CellReport, Device, Engine, Meter, Speech, SpeedTest
from netmon.notice import Tell
from netmon.pollers.icmp import Pinger
from netmon.pollers.mqtt import MqttPoller, Subscriber
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import Profiles
from netmon.settings import MqttSettings, PollSettings, TrapSettings
from netmon.snmp import Client, Event, RequestSize

if TYPE_CHECKING:
    from netmon.pollers.traps import Traps

log = structlog.get_logger(__name__)

_BUFFER_HINT = "raise net.core.rmem_max (deploy/systemd/60-netmon.conf) or lower poll.concurrency"

Remember = Callable[[str, int, int], None]
Labels = tuple[tuple[str, str], ...]

_STRAYS = ("late", "source", "malformed")
_COUNTED: Mapping[str, str] = {
    "request": "netmon_snmp_requests_total",
    "retry": "netmon_snmp_retries_total",
    "timeout": "netmon_snmp_timeouts_total",
}


class Wake(Protocol):
    """Asks for a poll of a device, now or in so many seconds."""

    def __call__(self, device: str, after_s: float = 0.0, /) -> None: ...


class Pollers:
    """Makes pollers. Open it in a running loop: `async with Pollers(...)`. `tell` hears what devices say by themselves,
    `tested` the speed tests and `celled` the states of cells among it, `remember` how many varbinds a device turned out to
    bear at once, and how many not.
    """

    def __init__(
        self,
        profiles: Profiles,
        meter: Meter,
        wake: Wake,
        tell: Tell,
        tested: Callable[[SpeedTest], None],
        celled: Callable[[CellReport], str],
        rates: PollSettings,
        remember: Remember,
    ) -> None:
        self.pinger = Pinger()
        self.subscriber: Subscriber | None = None
        self.traps: Traps | None = None
        self.profiles = profiles
        self._meter = meter
        self._wake = wake
        self._tell = tell
        self._tested = tested
        self._celled = celled
        self._rates = rates
        self._remember = remember
        self._sizes: dict[str, RequestSize] = {}
        self._engines: dict[Engine, Client] = {}
        self._drops = 0
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._engines[Engine.NETMON] = await self._open.enter_async_context(Client(self._count, self._rates.requests_per_s))
        await self._open.enter_async_context(self.pinger)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def subscribe(self, broker: MqttSettings | None) -> Subscriber | None:
        """Another broker, or none: devices that speak MQTT need new pollers. The caller runs the subscriber."""
        self.subscriber = None
        if broker is not None:
            self.subscriber = Subscriber(broker, self._meter, self._wake, self._tell, self._tested, self._celled)
        return self.subscriber

    def hear_traps(self, settings: TrapSettings, handed_over: Sequence[socket], engine: tuple[bytes, int]) -> Traps:
        """Hears traps on the sockets that were handed over, else where the settings say; the caller closes. OSError: a place
        to listen cannot be had. `engine` is netmon's own engine id and boots."""
        from netmon.pollers.traps import Traps, open_sockets

        sockets = handed_over or open_sockets(settings.listen)
        self.traps = Traps(engine, self._meter, self._wake, self._tell)
        self.traps.listen(sockets)
        return self.traps

    def make(
        self,
        device: Device,
        labels: Labels,
        credentials: Mapping[str, Credential],
        first: Callable[[], Collection[str]] = tuple,
    ) -> SnmpPoller | MqttPoller:
        """The poller of a device, whose series begin with `labels`; interfaces `first` are read before others where there is
        not room for all."""
        if device.speaks is Speech.MQTT:
            assert self.subscriber is not None, "a configuration with such devices names a broker"
            return self.subscriber.poller(device, labels)
        client = self._client(device.engine)
        return SnmpPoller(
            client,
            device,
            labels,
            credentials[device.credential],
            self.profiles,
            pinger=self.pinger,
            size=self._sizes.setdefault(device.id, RequestSize()),
            learned=partial(self._learned, device.id),
            first=first,
            requests_per_s=self._rates.device_requests_per_s,
        )

    def recall(self, sizes: Mapping[str, tuple[int, int]]) -> None:
        """What was remembered of the devices' requests before the restart. Call before the first poller is made."""
        self._sizes = {device: RequestSize(varbinds, ceiling) for device, (varbinds, ceiling) in sizes.items()}

    def _learned(self, device: str, size: RequestSize) -> None:
        self._remember(device, size.varbinds, size.ceiling)

    def count_drops(self) -> None:
        """Counts what the kernel threw away since the last time because a receive buffer was full."""
        drops = sum(client.drops() for client in self._engines.values())
        if drops > self._drops:
            log.warning("answers were lost in a full receive buffer", datagrams=drops - self._drops, hint=_BUFFER_HINT)
            self._meter.count("netmon_snmp_receive_drops_total", drops - self._drops)
            self._drops = drops

    def _client(self, engine: Engine) -> Client:
        client = self._engines.get(engine)
        if client is None:
            from netmon.snmp.second import PysnmpClient

            second = PysnmpClient(self._count)
            second.pace = self._engines[Engine.NETMON].pace
            self._open.push_async_callback(second.close)
            client = self._engines[engine] = second
        return client

    def _count(self, event: Event) -> None:
        if event in _STRAYS:
            self._meter.count("netmon_snmp_strays_total", reason=event)
        else:
            self._meter.count(_COUNTED[event])

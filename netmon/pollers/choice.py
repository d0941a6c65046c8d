"""How each device is heard: which poller it gets, and the connections that the pollers share.

One SNMP client for all devices that netmon's own engine asks; one of pysnmp's, loaded only where a device wants it; one
subscription for all that report over MQTT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Self

from netmon.credential import Credential
from netmon.model import Device, Engine, Meter, Speech
from netmon.pollers.icmp import Pinger
from netmon.pollers.mqtt import MqttPoller, Subscriber
from netmon.pollers.snmp import SnmpPoller
from netmon.profiles import Profiles
from netmon.settings import MqttSettings
from netmon.snmp import Asker, Client, Event

Labels = tuple[tuple[str, str], ...]

_STRAYS = ("late", "source", "malformed")
_COUNTED: Mapping[str, str] = {
    "request": "netmon_snmp_requests_total",
    "retry": "netmon_snmp_retries_total",
    "timeout": "netmon_snmp_timeouts_total",
}


class Pollers:
    """Makes pollers. Open it in a running loop: `async with Pollers(...)`. `wake(device)` asks for a poll now."""

    def __init__(self, profiles: Profiles, meter: Meter, wake: Callable[[str], None]) -> None:
        self.pinger = Pinger()
        self.subscriber: Subscriber | None = None
        self._profiles = profiles
        self._meter = meter
        self._wake = wake
        self._engines: dict[Engine, Asker] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._engines[Engine.NETMON] = await self._open.enter_async_context(Client(self._count))
        await self._open.enter_async_context(self.pinger)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def subscribe(self, broker: MqttSettings | None) -> Subscriber | None:
        """Another broker, or none: devices that speak MQTT need new pollers. The caller runs the subscriber."""
        self.subscriber = Subscriber(broker, self._meter, self._wake) if broker is not None else None
        return self.subscriber

    def make(self, device: Device, labels: Labels, credentials: Mapping[str, Credential]) -> SnmpPoller | MqttPoller:
        """The poller of a device, whose series begin with `labels`."""
        if device.speaks is Speech.MQTT:
            assert self.subscriber is not None, "a configuration with such devices names a broker"
            return self.subscriber.poller(device, labels)
        client = self._client(device.engine)
        return SnmpPoller(client, device, labels, credentials[device.credential], self._profiles, pinger=self.pinger)

    def _client(self, engine: Engine) -> Asker:
        client = self._engines.get(engine)
        if client is None:
            from netmon.snmp.second import PysnmpClient

            second = PysnmpClient(self._count)
            self._open.push_async_callback(second.close)
            client = self._engines[engine] = second
        return client

    def _count(self, event: Event) -> None:
        if event in _STRAYS:
            self._meter.count("netmon_snmp_strays_total", reason=event)
        else:
            self._meter.count(_COUNTED[event])

"""The reports of simulated base stations, speed probes and operators' feeds: a connection, a session and a will for each
(SEMANTICS 9, MQTT 3.1.1).

They return by themselves when the broker does, and bring what they measured meanwhile. One that is cut off goes without a
word, as when its fibre breaks: the broker then speaks its will.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from random import Random

import aiomqtt

from netmon.cancellation import give_way
from netmon.settings import MqttSettings
from netmon.sim.feeds import Feed
from netmon.sim.probes import Probe
from netmon.sim.stations import Station

Reporter = Station | Probe | Feed

Clock = Callable[[], float]
"""Unix seconds that never run backwards."""

_KEEPALIVE_S = 60
_BETWEEN_S = 0.02
"""Between the first connections of two stations."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 15.0
_LOOK_S = 5.0
"""How often a station without power looks whether it has some again."""
_REMEMBERED = 40
"""Reports that a station keeps for later while nobody hears it."""


class Line:
    """The way to the broker, shared by all stations, so that its loss is told once."""

    def __init__(self, broker: MqttSettings, clock: Clock, say: Callable[[str], None]) -> None:
        self._broker = broker
        self._say = say
        self._lost = False
        self.clock = clock

    def client(self, station: Reporter, session: str) -> aiomqtt.Client:
        """A connection to be, with its will."""
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.user or None,
            password=self._broker.password.reveal() if self._broker.password else None,
            identifier=station.device,
            protocol=aiomqtt.ProtocolVersion.V311,
            keepalive=_KEEPALIVE_S,
            will=aiomqtt.Will(f"{station.topic}/status", _json(state="offline", session=session), qos=1, retain=True),
        )

    def found(self) -> None:
        if self._lost:
            self._say("the broker is back")
        self._lost = False

    def missed(self, why: aiomqtt.MqttError) -> None:
        if not self._lost:
            self._say(f"the broker at {self._broker.host}:{self._broker.port} is away: {why}")
        self._lost = True


async def report(stations: Iterable[Reporter], line: Line) -> None:
    """Lets every station report until it is cancelled."""
    async with asyncio.TaskGroup() as group:
        for station in stations:
            group.create_task(_live(station, line))
            await asyncio.sleep(_BETWEEN_S)


async def _live(station: Reporter, line: Line) -> None:
    """Connects again and again. A wait doubles up to its bound, and dice spread it."""
    dice, wait, told = Random(station.device), _FIRST_WAIT_S, None
    while True:
        give_way()
        at = line.clock()
        if station.cut_off(at):
            back = station.next_change(at) or inf
            await asyncio.sleep(min(back - at, _LOOK_S) + _FIRST_WAIT_S * dice.random())
            continue
        session = f"{int(line.clock() * 1000):x}"
        life = _Life(station, line.clock, session, told)
        try:
            async with line.client(station, session) as client:
                line.found()
                wait = _FIRST_WAIT_S
                await life.run(client)
        except aiomqtt.MqttError as error:
            give_way()
            line.missed(error)
            await asyncio.sleep(wait * (1 + dice.random()))
            wait = min(2 * wait, _LONGEST_WAIT_S)
        told = life.told


class _Life:
    """One connection of a station; `told` is the time of its last report."""

    def __init__(self, station: Reporter, clock: Clock, session: str, told: float | None) -> None:
        self._station = station
        self._clock = clock
        self._session = session
        self._seq = 0
        self.told = told

    async def run(self, client: aiomqtt.Client) -> None:
        """Reports until the station is cut off. MqttError: the broker is gone."""
        station, at = self._station, self._clock()
        birth = _json(session=self._session, period_s=station.period_s, ts=_ms(at))
        await client.publish(f"{station.topic}/birth", birth, qos=1, retain=True)
        status = _json(state="online", session=self._session)
        await client.publish(f"{station.topic}/status", status, qos=1, retain=True)
        for missed in self._missed(at):
            await self._tell(client, missed)
        await self._tell(client, at)
        await self._tell_cells(client, at)
        happened, due = station.events(at), station.due(at)
        while True:
            change = station.next_change(at)
            await _wait(client, min(due, change or due) - self._clock())
            at = self._clock()
            if station.cut_off(at):
                return await _vanish(client)
            for event in set(station.events(at)) - set(happened):
                await client.publish(f"{station.topic}/event", _json(ts=_ms(at), event=event), qos=1)
            happened = station.events(at)
            if at >= due:
                await self._tell(client, at)
                await self._tell_cells(client, at)
                due = station.due(at)

    def _missed(self, now: float) -> list[float]:
        """When it would have reported since its last report, as far back as it remembers."""
        instants, period = [], self._station.period_s
        if self.told is not None:
            due = self._station.due(max(self.told, now - _REMEMBERED * period))
            while due < now:
                instants.append(due)
                due += period
        return instants

    async def _tell(self, client: aiomqtt.Client, at: float) -> None:
        self._seq += 1
        telemetry = _json(ts=_ms(at), seq=self._seq, session=self._session, m=self._station.measures(at))
        await client.publish(f"{self._station.topic}/telemetry", telemetry)
        if test := self._station.speed_test(at):
            speed = _json(ts=_ms(at), session=self._session, **test)
            await client.publish(f"{self._station.topic}/speed", speed, qos=1)
        self.told = at

    async def _tell_cells(self, client: aiomqtt.Client, at: float) -> None:
        """What an operator's gateway knows now: nobody asks it what it knew."""
        for cells in self._station.cells(at):
            await client.publish(f"{self._station.topic}/cells", _json(ts=_ms(at), **cells), qos=1)


async def _wait(client: aiomqtt.Client, seconds: float) -> None:
    """Waits. MqttError at once when the connection ends meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for _ in client.messages:
                pass


async def _vanish(client: aiomqtt.Client) -> None:
    """Ends a connection without a DISCONNECT."""
    transport = client._client.socket()  # aiomqtt knows only polite ends
    if isinstance(transport, socket.socket):
        with suppress(OSError):
            transport.shutdown(socket.SHUT_RDWR)
    with suppress(aiomqtt.MqttError):
        async for _ in client.messages:
            pass


def _ms(at: float) -> int:
    return int(at * 1000)


def _json(**values: object) -> str:
    return json.dumps(values, separators=(",", ":"))

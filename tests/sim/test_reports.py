"""Base stations that report, at a real mosquitto and at the embedded broker: sessions, wills, and coming back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from sys import executable

import aiomqtt
import pytest

from netmon.credential import Secret
from netmon.settings import MqttSettings, load
from netmon.sim.broker import Kind
from netmon.sim.feeds import Feed, Mast
from netmon.sim.power import PowerPlant
from netmon.sim.prepare import is_taken, prepare
from netmon.sim.reports import Line, Reporter, report
from netmon.sim.stations import Station
from netmon.sim.timetable import Timetable
from tests import peers

NEVER = Timetable(1e12, 1)
Message = tuple[str, str, dict[str, object]]
"""Device, kind, payload."""


class Heard(list[Message]):
    """What a subscriber has taken, in order."""

    def __init__(self) -> None:
        self.more = asyncio.Condition()

    async def wait_for(self, wanted: Callable[[], object], deadline_s: float = 20.0) -> None:
        async with asyncio.timeout(deadline_s), self.more:
            await self.more.wait_for(lambda: bool(wanted()))

    def of(self, device: str, kind: str) -> list[dict[str, object]]:
        return [payload for name, what, payload in self if (name, what) == (device, kind)]


@pytest.fixture(params=list(Kind))
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param is Kind.MOSQUITTO:
        peers.require("mosquitto")
    return Kind(request.param)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("demo"), keep=False, port=None, usual_port=0)


@pytest.fixture(scope="module")
def settings(config: Path) -> MqttSettings:
    found = load(config).mqtt
    assert found
    return found


@pytest.fixture
def broker(kind: Kind, config: Path, settings: MqttSettings, tmp_path: Path) -> Callable[[], AbstractContextManager[object]]:
    argv = [executable, "-m", "netmon.sim.broker", "--config", config, "--home", tmp_path / "broker", "--kind", kind]
    ready = lambda: is_taken(settings.host, settings.port)  # noqa: E731
    return lambda: peers.running(argv, ready=ready, log=tmp_path / "broker.log")


@pytest.fixture
def running(broker: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
    with broker():
        yield


def station(name: str, **changed: object) -> Station:
    made = Station(
        device=name,
        topic=f"netmon/v1/04/01300/site/{name}",
        period_s=0.2,
        plant=PowerPlant(),
        door=NEVER,
        booted=0.0,
        rectifiers=2,
    )
    return replace(made, **changed)


@asynccontextmanager
async def listening(settings: MqttSettings) -> AsyncIterator[Heard]:
    """A subscriber to everything that comes back when the broker does."""
    heard, subscribed = Heard(), asyncio.Event()
    assert settings.password

    async def listen() -> None:
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    settings.host, settings.port, username=settings.user, password=settings.password.reveal()
                ) as client:
                    await client.subscribe("netmon/v1/#", qos=1)
                    subscribed.set()
                    async for message in client.messages:
                        device, what = message.topic.value.split("/")[5:]
                        assert isinstance(message.payload, bytes)
                        async with heard.more:
                            heard.append((device, what, json.loads(message.payload)))
                            heard.more.notify_all()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(subscribed.wait(), 10)
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def reporting(settings: MqttSettings, *stations: Reporter, said: list[str] | None = None) -> AsyncIterator[None]:
    task = asyncio.create_task(report(stations, Line(settings, time.time, (said if said is not None else []).append)))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.usefixtures("running")
async def test_a_station_is_born_is_online_and_reports_on_its_grid(settings: MqttSettings) -> None:
    now = time.time()
    async with listening(settings) as heard, reporting(settings, station("a", door=Timetable(now + 1, 0.5, 1))):
        await heard.wait_for(lambda: len(heard.of("a", "event")) >= 2)  # the first ones may be missed by a slow start
    [birth], [status] = heard.of("a", "birth"), heard.of("a", "status")
    assert birth["period_s"] == 0.2
    assert status == {"state": "online", "session": birth["session"]}
    told = heard.of("a", "telemetry")
    assert [message["seq"] for message in told] == list(range(1, len(told) + 1))
    assert {message["session"] for message in told} == {birth["session"]}
    phases = [int(message["ts"]) % 200 for message in told[1:]]  # type: ignore[call-overload]
    assert sorted(phases)[len(phases) // 2] < 100
    assert {event["event"] for event in heard.of("a", "event")[:2]} == {"door_open", "door_closed"}
    assert [what for _, what, _ in heard[:3]] == ["birth", "status", "telemetry"]


@pytest.mark.usefixtures("running")
async def test_a_feed_tells_its_cells_with_every_report_and_none_of_the_past(settings: MqttSettings) -> None:
    mast = Mast(site="tower", operator="vnpt", cells=(("A", "4g"),), plant=PowerPlant())
    feed = Feed(device="f", topic="netmon/v1/04/01300/site/f", period_s=0.2, phase=0.0, booted=0.0, masts=(mast,))
    async with listening(settings) as heard, reporting(settings, feed):
        await heard.wait_for(lambda: len(heard.of("f", "cells")) >= 3)
    told = heard.of("f", "cells")
    assert told[0].items() >= {"operator": "vnpt", "period_s": 0.2, "site": "tower"}.items()
    assert told[0]["cells"] == [{"cell": "A", "technology": "4g", "state": "up"}]
    reports = [message["ts"] for message in heard.of("f", "telemetry")]
    assert {message["ts"] for message in told} <= set(reports)


@pytest.mark.usefixtures("running")
async def test_the_will_of_a_station_that_is_cut_off_speaks_and_it_comes_back_with_what_it_measured(
    settings: MqttSettings,
) -> None:
    """The will has the session of its birth and no time; the next life has another one."""
    cut = Timetable(time.time() + 1, 1.2, 1000)
    async with listening(settings) as heard, reporting(settings, station("a", lost=(cut,)), station("b")):
        await heard.wait_for(lambda: len(heard.of("a", "birth")) == 2)
        born = len(heard)
        await heard.wait_for(lambda: len(heard.of("a", "telemetry")) and heard[born + 10 :])
    first, second = heard.of("a", "birth")
    assert heard.of("a", "status")[:2] == [
        {"state": "online", "session": first["session"]},
        {"state": "offline", "session": first["session"]},
    ]
    assert second["session"] != first["session"]
    times = [int(message["ts"]) / 1000 for message in heard.of("a", "telemetry")]  # type: ignore[call-overload]
    assert times == sorted(times)
    assert max(later - sooner for sooner, later in pairwise(times)) < 1.0
    assert [message["state"] for message in heard.of("b", "status")] == ["online"]


async def test_stations_come_back_when_the_broker_does_and_say_once_that_it_was_away(
    settings: MqttSettings, broker: Callable[[], AbstractContextManager[object]]
) -> None:
    said: list[str] = []
    stations = [station(name) for name in "abcdefgh"]
    with broker():
        pass
    async with reporting(settings, *stations, said=said):
        with broker():
            async with listening(settings) as heard:
                await heard.wait_for(lambda: all(heard.of(name, "telemetry") for name in "abcdefgh"))
        before = len(said)
        with broker():
            async with listening(settings) as again:
                await again.wait_for(lambda: all(again.of(name, "telemetry") for name in "abcdefgh"))
    lives = [{str(birth["session"]) for birth in each.of("a", "birth")} for each in (heard, again)]
    assert not lives[0] & lives[1]
    assert len(said) - before in (1, 2)
    assert said[-1] == "the broker is back"
    assert f"the broker at 127.0.0.1:{settings.port} is away" in said[-2]


@pytest.mark.usefixtures("running")
async def test_a_broker_lets_in_its_user_and_nobody_else(settings: MqttSettings) -> None:
    for user, password in ((settings.user, Secret("wrong")), ("other", settings.password), ("", None)):
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=user or None,
            password=password.reveal() if password else None,
            timeout=5,
        )
        with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
            async with client:
                pass

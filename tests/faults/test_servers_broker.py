"""A daemon whose MQTT broker dies, freezes and comes back with old news, and devices that share a name."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netmon.derive.counters import interval
from netmon.pollers.mqtt import LONGEST_WAIT_S
from tests.broker import Broker, Sender, answers_mqtt, broker, ms, sender
from tests.faults.matrix import ROOT, size
from tests.peers import LOOPBACK, eventually, free_port
from tests.pollers.desk import Desk
from tests.pollers.listening import listening
from tests.pollers.listening import until as until_here
from tests.test_daemon import COMMUNE, Installation
from tests.test_daemon_servers import tower

DEVICES = [f"d{n}" for n in range(size(8, 1000))]
TWINS = {"apart": "t1", "alike": "t2"}
"""Devices under whose names two speak, by whether their sessions differ."""

UNSEEN = frozenset((*DEVICES[100:], *TWINS.values(), "g1"))
"""Of whom no alert is asked: more than promtool bears, and those that other tests let speak and that wait for their time."""

WEEK_MS = 7 * 86_400_000
FIRING = 'ALERTS{alertstate="firing", alertname!~"NetmonHeartbeat|NetmonClockWrong|NetmonNotPolling"}'
"""But the one that always does, and those that see that time stands still on the page."""

RECEIVED = "interface_receive_bytes_total"


class Watched:
    """A daemon, its broker, and the devices that report there."""

    def __init__(self, home: Path) -> None:
        self.broker = Broker(home / "broker")
        self.broker.start()
        where = {"broker": f"mqtt://{LOOPBACK}:{self.broker.port}", "keepalive": "1s"}
        self.here = Installation(home, {}, mqtt=where)
        tower(self.here, *DEVICES, *TWINS.values(), "g1")
        self.here.start()
        self.session = "life-0"

    def there(self) -> None:
        """Starts the broker anew where a test that failed left none."""
        if not answers_mqtt(self.broker.port):
            self.broker.stop()
            self.broker.start()

    async def all_report(self) -> None:
        """A new life of every device, until netmon says that they are up."""
        self.there()
        self.session = f"life-{int(self.session.partition('-')[2]) + 1}"
        await self.when(lambda: self.connected == 1)
        async with sender(self.broker.port) as client:
            for device in DEVICES:
                one = Sender(client.client, topic(device), self.session)
                await one.birth(period_s=600)
                await one.status("online")
                await one.telemetry({"battery_voltage_volts": 53.5})
        await self.when(lambda: self.states() == {"up"})

    @property
    def connected(self) -> float | None:
        return self.here.metric("netmon_mqtt_connected")

    def states(self) -> set[str]:
        return {state for device, state in self.here.state().items() if device in DEVICES}

    def count(self, family: str, **labels: str) -> float:
        told = ",".join(f'{name}="{value}"' for name, value in labels.items())
        return self.here.metric(f"netmon_mqtt_{family}_total{{{told}}}" if told else f"netmon_mqtt_{family}_total ") or 0.0

    @staticmethod
    async def when(look: Callable[[], bool], deadline_s: float = 60.0) -> None:
        await asyncio.to_thread(eventually, look, deadline_s, every_s=0.1)

    def firing(self, home: Path, promtool: Path) -> list[str]:
        """The alerts that fire when the page of the first devices has looked like this for twenty minutes, each as often as
        it does: promtool bears no more."""
        page = self.here.get("/metrics").splitlines()
        lines = [line.rpartition(" ") for line in page if not line.startswith("#") and device_of(line) not in UNSEEN]
        series = [{"series": of_instance(name), "values": f"{value}+0x30"} for name, _, value in lines if value != "NaN"]
        series.append({"series": 'up{job="netmon", instance="n"}', "values": "1+0x30"})
        asked = {"expr": FIRING, "eval_time": "19m", "exp_samples": []}
        rules = [str(path) for path in (ROOT / "deploy/prometheus/rules").glob("*.yml")]
        case = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
        (home / "case.yml").write_text(yaml.safe_dump({"rule_files": rules, "evaluation_interval": "15s", "tests": [case]}))
        done = subprocess.run([promtool, "test", "rules", home / "case.yml"], capture_output=True, text=True)
        assert done.returncode == 0 or "exp: nil" in done.stdout + done.stderr, done
        return re.findall(r'alertname="(\w+)", alertstate', done.stdout + done.stderr)

    def notices(self, device: str) -> list[dict]:
        argv = [sys.executable, "-m", "netmon", "notices", device, "--json", "--config", self.here.config]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


def topic(device: str) -> str:
    return f"netmon/v1/04/{COMMUNE}/tower/{device}"


def device_of(line: str) -> str:
    """The device of a line of the page, "" where it has none."""
    return line.partition('device="')[2].partition('"')[0]


def of_instance(name: str) -> str:
    """As Prometheus keeps a series that it scraped."""
    family, brace, labels = name.partition("{")
    return f'{family}{{{labels[:-1] + ", " if brace else ""}instance="n", job="netmon"}}'


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """For all tests of this module: each begins with a broker that is there, and leaves it so."""
    made = Watched(tmp_path_factory.mktemp("watched"))
    try:
        yield made
    finally:
        made.here.stack.close()
        made.broker.stop()


@pytest.mark.fault("broker-killed")
async def test_a_broker_that_is_killed_is_one_alert_and_what_it_forgot_costs_nothing(
    watched: Watched, tmp_path: Path, promtool: Path, measured: Callable[[str], None]
) -> None:
    """It comes back without its disk: no birth is retained any more, and every device is known at its next word."""
    await watched.all_report()
    connects = watched.count("connects")
    watched.broker.kill()
    await watched.when(lambda: watched.connected == 0 and watched.states() == {"unknown"})
    firing = await asyncio.to_thread(watched.firing, tmp_path, promtool)
    assert firing == ["NetmonBrokerAway"]
    watched.broker.disk.unlink(missing_ok=True)
    watched.broker.start()
    remarks = watched.count("remarks", reason="interleaved")
    await watched.all_report()
    assert watched.count("connects") == connects + 1
    assert watched.count("remarks", reason="interleaved") == remarks
    firing = await asyncio.to_thread(watched.firing, tmp_path, promtool)
    assert firing == []
    seen = len([device for device in DEVICES if device not in UNSEEN])
    measured(
        f"{len(DEVICES):,} devices unknown; the page of {seen} fires 1 alert, of the broker; all up again, 1 connect more"
    )


@pytest.mark.fault("broker-frozen")
async def test_a_broker_that_freezes_is_away_by_its_keepalive_and_back_when_it_thaws(
    watched: Watched, measured: Callable[[str], None]
) -> None:
    """No connection is closed: nothing but the silence tells."""
    await watched.all_report()
    connects = watched.count("connects")
    watched.broker.freeze()
    try:
        await watched.when(lambda: watched.connected == 0 and watched.states() == {"unknown"})
    finally:
        watched.broker.thaw()
    await watched.all_report()
    made = watched.count("connects") - connects
    assert 1 <= made <= 2
    measured(f"{len(DEVICES):,} devices unknown while it stands still, all up again after it, {made:.0f} connect more")


@pytest.mark.fault("broker-old-retained")
async def test_last_weeks_births_and_wills_wake_no_one_and_kill_no_one(
    watched: Watched, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    """Of devices that are there and of one that is not; a report that somebody retained is not taken."""
    ghost = "g1"
    old = {"session": "last-week", "ts": ms() - WEEK_MS}
    with broker(tmp_path / "last-week") as then:
        async with sender(then.port) as client:
            for n, device in enumerate([*DEVICES, ghost]):
                one = Sender(client.client, topic(device), "last-week")
                await one.raw("birth", json.dumps({**old, "period_s": 600}).encode(), retain=True)
                await one.status("online" if n % 2 or device == ghost else "offline")
                await one.raw("telemetry", json.dumps({**old, "seq": 1, "m": {"mains_up": 0}}).encode(), retain=True)
        saved = await asyncio.to_thread(then.saved)
    await watched.all_report()
    assert watched.here.state()[ghost] != "up"
    retained, remarks = watched.count("rejected", reason="retained"), watched.count("remarks", reason="interleaved")
    connects, seen = watched.count("connects"), set()
    watched.broker.kill()
    shutil.copy(saved, watched.broker.disk)
    await watched.when(lambda: watched.connected == 0)
    watched.broker.start()

    def heard() -> bool:
        seen.update(watched.states())
        return watched.count("rejected", reason="retained") == retained + len(DEVICES) + 1

    await watched.when(heard)
    assert watched.count("connects") == connects + 1
    seen |= watched.states()
    assert seen <= {"up", "unknown"}
    assert watched.here.state()[ghost] != "up"
    await watched.all_report()
    assert watched.count("remarks", reason="interleaved") == remarks
    async with sender(watched.broker.port) as client:
        for device in [*DEVICES, ghost]:
            for kind in ("birth", "status", "telemetry"):
                await client.client.publish(f"{topic(device)}/{kind}", b"", qos=1, retain=True)
    measured(
        f"{3 * len(DEVICES) + 3:,} retained messages of last week: 0 devices up by them, 0 down, {len(DEVICES) + 1:,}"
        " reports rejected as retained"
    )


@pytest.mark.fault("broker-killed")
async def test_a_broker_that_throws_netmon_out_at_once_is_asked_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], None]
) -> None:
    """By chance, so that many do not come together; one connection a wait, and never more than a minute apart."""
    tries, waits = size(60, 1000), []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) < tries:
            await asyncio.sleep(0)
        else:
            await asyncio.Event().wait()

    like_asyncio = SimpleNamespace(**{name: getattr(asyncio, name) for name in dir(asyncio) if name != "sleep"}, sleep=wait)
    monkeypatch.setattr("netmon.pollers.mqtt.asyncio", like_asyncio)
    came = 0

    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x03")  # CONNACK: unavailable
        writer.close()

    server = await asyncio.start_server(slam, LOOPBACK, port := free_port("tcp"))
    async with server, listening(port, wait=False) as netmon:
        await until_here(lambda: len(waits) == tries, 60)
        assert netmon.tally["connects"] == 0
    assert came == tries
    for n, seconds in enumerate(waits):
        assert 1 <= seconds <= min(LONGEST_WAIT_S, 2.0 ** (n + 1))
    late = waits[6:]
    assert len(set(late)) == len(late)
    assert 20 < sum(late) / len(late) < 41
    measured(f"{tries:,} connections closed at once: waits of 1 to 60 s by chance, {sum(late) / len(late):.0f} s on average")


# --- two under one name -----------------------------------------------------------------------------------------------


@pytest.mark.fault("mqtt-interleaved")
@pytest.mark.parametrize("kind", TWINS)
async def test_two_that_speak_as_one_device_are_named_once_and_the_device_stays_up(
    watched: Watched, kind: str, measured: Callable[[str], None]
) -> None:
    """With sessions of their own, or with one session and two runs of `seq`."""
    device, rounds = TWINS[kind], size(8, 1000)
    before = watched.count("remarks", reason="interleaved")
    seen = []
    watched.there()
    await watched.when(lambda: watched.connected == 1)
    async with AsyncExitStack() as stack:
        sessions = ("x", "y") if kind == "apart" else ("x", "x")
        one, other = [
            await stack.enter_async_context(sender(watched.broker.port, topic(device), session)) for session in sessions
        ]
        one.seq, other.seq = 7_000, 10
        taken = watched.count("messages", kind="telemetry") + 1
        await other.telemetry({"mains_up": True})
        await watched.when(lambda: watched.here.state()[device] == "up")
        for n in range(rounds):
            for who in (one, other):
                await who.telemetry({"battery_voltage_volts": 50.0 + n % 5, "mains_up": True})
            seen.append(watched.here.state()[device])
        await watched.when(lambda: watched.count("messages", kind="telemetry") == taken + 2 * rounds)
    assert {*seen, watched.here.state()[device]} == {"up"}
    remarks = watched.count("remarks", reason="interleaved") - before
    assert remarks >= rounds - 2
    logged = (watched.here.home / "netmon.log").read_text().splitlines()
    assert len([line for line in logged if "two speak by turns" in line and f"device={device}" in line]) == 1
    names = [(notice["kind"], notice["name"]) for notice in await asyncio.to_thread(watched.notices, device)]
    assert names == [("twin", "two speak under its name")]
    measured(
        f"sessions {kind}: {2 * rounds:,} reports by turns, {remarks:.0f} remarks, 1 line in the log, 1 notice, always up"
    )


@pytest.mark.fault("mqtt-interleaved")
@pytest.mark.parametrize("kind", TWINS)
@pytest.mark.parametrize("uptime", [False, True])
def test_counters_of_two_devices_are_not_compared(kind: str, uptime: bool) -> None:
    """Not even when both began to run at the same moment. Once each of them has spoken there is a gap at every turn."""
    desk, readings = Desk(), []
    seqs, sessions = {True: 7_000, False: 10}, {True: "x", False: "y" if kind == "apart" else "x"}
    for n in range(20):
        desk.now, who = n * 60.0, n % 2 == 0
        seqs[who] += 1
        m = {RECEIVED: {"wan": n * 1000 + (9 * 10**11 if who else 4 * 10**9)}}
        desk.tell(session=sessions[who], seq=seqs[who], **m, **({"device_uptime_seconds": 5_000 + n * 60} if uptime else {}))
        readings += [reading for reading in desk.look().readings if reading.series.family == f"netmon_{RECEIVED}"]
    assert len(readings) == 20
    reasons = [interval(a.at, b.at, a.epoch, b.epoch)[1] for a, b in itertools.pairwise(readings)]
    assert reasons[1:] == ["discontinuity"] * 18


@given(
    runs=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=8, max_size=60),
    start=st.integers(0, 5000),
    other=st.integers(0, 5000),
)
def test_two_runs_of_seq_in_one_session_are_seen_when_each_has_spoken_twice(
    runs: list[tuple[bool, int]], start: int, other: int
) -> None:
    """Whatever their numbers, as long as both lose few messages."""
    if abs(start - other) < 400:
        other = start + 400
    desk, seqs, spoke, seen = Desk(), {True: start, False: other}, [], 0
    for who, lost in runs:
        desk.now += 1
        seqs[who] += 1 + lost
        spoke.append(who)
        seen += dict(desk.tell(seq=seqs[who]).remarks).get("interleaved", 0)
    turns = sum(a != b for a, b in itertools.pairwise(spoke))
    if (
        max((len(run) for run in re.findall("1+|0+", "".join(str(int(who)) for who in spoke))), default=0) <= 6
        and turns >= 4
    ):
        assert seen


@given(st.data())
def test_one_device_is_never_taken_for_two(data: st.DataObject) -> None:
    """It loses messages, tells some late or twice, and begins anew with the session that it had."""
    desk, seq, dice, began = Desk(), 0, random.Random(data.draw(st.integers(0, 2**32))), 0
    for n in range(60):
        desk.now += 1
        match dice.choice(["next"] * 8 + ["lost", "twice", "late", "anew"]):
            case "lost":
                seq += dice.randrange(2, 20)
            case "anew" if n - began > 9:  # not twice within some messages
                seq, began = dice.randrange(2), n
            case "late" if seq > 2:
                desk.tell(seq=seq - 2, ts=desk.ms(desk.now - 3))
            case "twice":
                desk.tell(seq=seq, ts=desk.ms(desk.now - 1))
        seq += 1
        assert "interleaved" not in dict(desk.tell(seq=seq).remarks)

"""The subscriber at a real mosquitto: killed, frozen, restarted with old news, refused, flooded."""

import asyncio
import contextlib
import json
import random
import re
import shutil
import subprocess
import sys

import aiomqtt
import pytest
import structlog

from netmon.credential import Secret
from netmon.model import At, Lull, Outcome
from netmon.settings import MqttSettings
from tests.broker import broker, ms, sender
from tests.peers import LOOPBACK, free_port, require
from tests.pollers.listening import Listening, listening, until

VOLTS = "battery_voltage_volts"
TOPIC = "netmon/v1/04/01273/s1/d1"


@pytest.fixture(scope="module")
def quiet_broker(tmp_path_factory):
    """One mosquitto for the tests that do not harm it. Each test clears what it let be retained."""
    with broker(tmp_path_factory.mktemp("broker")) as made:
        yield made


@pytest.fixture
def own_broker(tmp_path):
    with broker(tmp_path / "broker") as made:
        yield made


@contextlib.asynccontextmanager
async def visitor(port, session="a"):
    """A device that leaves nothing retained behind."""
    async with sender(port, session=session) as device:
        try:
            yield device
        finally:
            for kind in ("birth", "status"):
                await device.client.publish(f"{TOPIC}/{kind}", b"", qos=1, retain=True)


def volts(poll):
    return [reading.value for reading in poll.readings if reading.series.family == f"netmon_{VOLTS}"]


# --- day by day -------------------------------------------------------------------------------------------------------


async def test_what_a_device_tells_is_in_the_next_poll_and_asks_for_it(quiet_broker):
    """Birth, state, telemetry and an event, each counted; the poll is asked for when something came."""
    async with listening(quiet_broker.port) as netmon, visitor(quiet_broker.port) as device:
        assert isinstance(await netmon.poll(), Lull)
        netmon.woken.clear()
        with structlog.testing.capture_logs() as logs:
            await device.birth(period_s=10)
            await device.status("online")
            await device.telemetry({VOLTS: 53.5})
            await device.event("door_open")
            await until(lambda: netmon.tally.seen == 4)
        assert netmon.tally.of("messages") == {"birth": 1, "status": 1, "telemetry": 1, "event": 1}
        assert netmon.woken == ["d1"]
        poll = await netmon.poll()
        assert (poll.outcome, volts(poll), poll.period_s) == (Outcome.ANSWERED, [53.5], 10)
        assert isinstance(await netmon.poll(), Lull)
        assert [(entry["device"], entry["notice"]) for entry in logs] == [("d1", "door_open")]
        assert [(notice.kind, notice.device, notice.name) for notice in netmon.told] == [("event", "d1", "door_open")]
        assert netmon.tally.gauges == {"netmon_mqtt_connected": 1}
    assert netmon.tally.gauges == {"netmon_mqtt_connected": 0}


async def test_a_speed_test_is_handed_on_and_a_wrong_one_counted(quiet_broker):
    async with listening(quiet_broker.port) as netmon, visitor(quiet_broker.port) as device:
        await device.speed(93.1, 88)
        await device.speed(93.1, -88)
        await until(lambda: netmon.tally.seen == 2)
        assert netmon.tally.of("messages") == {"speed": 1}
        assert netmon.tally.of("rejected") == {"payload": 1}
        assert [(test.device, test.site, test.network, test.upload) for test in netmon.tested] == [
            ("d1", "s1", "fixed", 11e6)
        ]


CUT_OFF = """
import os, sys
import paho.mqtt.client as paho
topic, port, ts = sys.argv[1], int(sys.argv[2]), sys.argv[3]
device = paho.Client(paho.CallbackAPIVersion.VERSION2)
device.will_set(topic + "/status", '{"state": "offline", "session": "z"}', qos=1)
device.connect("127.0.0.1", port)
device.loop_start()
device.publish(topic + "/birth", '{"session": "z", "period_s": 60, "ts": %s}' % ts, qos=1).wait_for_publish(10)
os._exit(1)
"""


async def test_a_device_that_is_cut_off_is_silent_by_its_will(quiet_broker):
    """The broker speaks for it when its connection breaks without a goodbye."""
    async with listening(quiet_broker.port) as netmon:
        arguments = (TOPIC, str(quiet_broker.port), str(ms()))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", CUT_OFF, *arguments)
        await netmon.becomes(Outcome.SILENT, said="The broker told its will")
        await process.wait()
        async with visitor(quiet_broker.port, "b") as device:
            await device.birth()
            await netmon.becomes(Outcome.ANSWERED)
            await device.status("offline", "z")  # the will of the life before, told again
            await until(lambda: netmon.tally["rejected", "stale_will"] == 1)
            assert isinstance(await netmon.poll(), Lull)


async def test_a_device_that_a_reload_adds_is_told_what_the_broker_remembers(quiet_broker):
    """Its birth came when nobody knew it."""
    async with sender(quiet_broker.port, "netmon/v1/04/01273/s1/d2") as device:
        async with listening(quiet_broker.port) as netmon:
            await device.birth(period_s=7)
            await until(lambda: netmon.tally["rejected", "stranger"] == 1)
            poller = netmon.add("d2")
            await until(lambda: netmon.tally["messages", "birth"] == 1)
            await device.telemetry({VOLTS: 50})
            await until(lambda: netmon.tally["messages", "telemetry"] == 1)
            assert (await poller.poll()).period_s == 7
            netmon.subscriber.keep({"d1"})
            await device.telemetry({VOLTS: 50})
            await until(lambda: netmon.tally["rejected", "stranger"] == 2)
        await device.raw("birth", b"", retain=True)


async def test_more_retained_births_than_a_broker_queues_all_come(quiet_broker):
    """A province has more devices than the 1,000 messages that mosquitto queues for a subscriber."""
    count, births = 1500, [f"netmon/v1/04/01273/s1/r{n}/birth" for n in range(1500)]
    async with sender(quiet_broker.port) as device:
        for topic in births:
            await device.client.publish(topic, b"{}", retain=True)
        await device.client.publish("done", b"", qos=1)
        async with listening(quiet_broker.port) as netmon:
            await until(lambda: netmon.tally["rejected", "stranger"] == count)
        for topic in births:
            await device.client.publish(topic, b"", retain=True)
        await device.client.publish("done", b"", qos=1)


# --- the broker goes away ---------------------------------------------------------------------------------------------


@pytest.mark.fault("broker-killed")
async def test_a_broker_that_is_killed_and_comes_back_is_one_trouble(own_broker):
    """Its devices are unknown meanwhile, every one of them is asked anew, and what they tell then is taken as ever."""
    async with listening(own_broker.port) as netmon:
        netmon.add("d2")
        async with sender(own_broker.port) as device:
            await device.telemetry({VOLTS: 50})
            await netmon.becomes(Outcome.ANSWERED)
            netmon.woken.clear()
            with structlog.testing.capture_logs() as logs:
                own_broker.kill()
                poll = await netmon.becomes(Outcome.LOCAL, said="it closed the connection")
                assert re.match(
                    rf"The broker mqtt://{LOOPBACK}:\d+ is away since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d: it", poll.detail
                )
                assert netmon.woken == ["d1", "d2"]
                assert netmon.tally.gauges == {"netmon_mqtt_connected": 0}
                await netmon.becomes(Outcome.LOCAL, said="nothing listens there")
                own_broker.start()
                await until(lambda: netmon.subscriber.connected)
        assert netmon.woken == ["d1", "d2", "d1", "d2"]
        assert isinstance(await netmon.poll(), Lull)
        async with sender(own_broker.port, session="b") as device:
            await device.telemetry({VOLTS: 51})
            assert volts(await netmon.becomes(Outcome.ANSWERED)) == [51]
    assert netmon.tally["connects"] == 2
    told = [entry["event"] for entry in logs]
    assert (told[:2], told[-1]) == (["broker is away"] * 2, "broker is back")
    assert len(told) <= 4


@pytest.mark.fault("broker-frozen")
async def test_a_frozen_broker_is_noticed_by_its_keepalive(own_broker):
    """A hung machine closes no connection."""
    async with listening(own_broker.port, keepalive_s=1) as netmon:
        own_broker.freeze()
        await netmon.becomes(Outcome.LOCAL, said="did not answer within the keepalive of 1 s")
        own_broker.thaw()
        await until(lambda: netmon.subscriber.connected)
        async with sender(own_broker.port) as device:
            await device.telemetry({VOLTS: 50})
            await netmon.becomes(Outcome.ANSWERED)


@pytest.mark.fault("broker-old-retained")
async def test_a_broker_restarted_with_an_old_disk_brings_no_one_back_and_kills_no_one(own_broker):
    """Its retained messages tell of the life before: an old birth and an old will."""
    async with sender(own_broker.port, session="old") as device:
        await device.birth()
        await device.status("offline")
    old = own_broker.saved()
    async with listening(own_broker.port) as netmon:
        await until(lambda: netmon.tally.seen == 2)
        assert isinstance(await netmon.poll(), Lull)
        async with sender(own_broker.port, session="new") as device:
            await device.birth(period_s=100)
            await device.status("online")
            await device.telemetry({VOLTS: 50})
            await netmon.becomes(Outcome.ANSWERED)
            await until(lambda: netmon.tally.seen == 5)
        own_broker.kill()
        shutil.copy(old, own_broker.disk)
        own_broker.start()
        await until(lambda: netmon.tally["connects"] == 2)
        await until(lambda: netmon.tally.seen == 7)
        assert netmon.tally.of("rejected") == {"stale_will": 1}
        assert isinstance(await netmon.poll(), Lull)
        async with sender(own_broker.port, session="new") as device:
            await device.telemetry({VOLTS: 51}, seq=2)
            poll = await netmon.becomes(Outcome.ANSWERED)
        assert (volts(poll), poll.period_s) == ([51], 100)
        assert netmon.tally.of("remarks") == {}


# --- it will not have us ----------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(tmp_path):
    """A broker that lets in the user `netmon` with the password `right`."""
    passwords = tmp_path / "passwords"
    subprocess.run([require("mosquitto_passwd"), "-b", "-c", passwords, "netmon", "right"], check=True)
    with broker(tmp_path / "broker", f"allow_anonymous false\npassword_file {passwords}") as made:
        yield made


async def test_a_wrong_password_is_told_once_and_tried_again(guarded):
    """It is not shown."""
    before = guarded.log.count("not authorised")
    with structlog.testing.capture_logs() as logs:
        async with listening(guarded.port, wait=False, user="netmon", password=Secret("wr0ng")) as netmon:
            poll = await netmon.becomes(Outcome.LOCAL, said="it refuses the user netmon or its password")
            await until(lambda: guarded.log.count("not authorised") >= before + 2)
    assert [entry["event"] for entry in logs] == ["broker is away"]
    assert "wr0ng" not in poll.detail + str(logs)
    async with listening(guarded.port, user="netmon", password=Secret("right")) as netmon:
        assert netmon.tally["connects"] == 1


@pytest.mark.parametrize("said", [aiomqtt.MqttError("not authorised"), None], ids=["refused", "connected"])
async def test_an_answer_of_the_broker_at_the_moment_of_the_end_does_not_undo_it(monkeypatch, said):
    """As `asyncio.wait_for` of Python 3.11 has it: who is cancelled as the answer comes is told the answer alone."""
    asked = asyncio.Event()

    async def connect(self):
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        if said is not None:
            raise said

    async def subscribe(self, topics):
        return [qos for _, qos in topics]

    async def leave(self, *_):
        pass

    for name, does in (("__aenter__", connect), ("subscribe", subscribe), ("__aexit__", leave)):
        monkeypatch.setattr(aiomqtt.Client, name, does)
    running = asyncio.create_task(Listening(MqttSettings(host=LOOPBACK, port=1)).subscriber.run_forever())
    await asked.wait()
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=10)
    assert done
    assert running.cancelled()


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that only itself vouches for; its key lies beside it."""
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [require("openssl"), "req", *kind, *name, "-keyout", key, "-out", made]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho drops a socket whose handshake failed
async def test_a_certificate_that_nobody_vouches_for_is_refused_in_words(tmp_path, certificate):
    """With its authority in hand the same broker is spoken to."""
    config = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {certificate.with_name('key.pem')}"
    with broker(tmp_path / "broker", config, tls=True) as sealed:
        async with listening(sealed.port, wait=False, tls=True) as netmon:
            await netmon.becomes(Outcome.LOCAL, said="its certificate is not trusted: self-signed certificate")
        async with listening(sealed.port, tls=True, ca=certificate) as netmon:
            assert netmon.subscriber.where() == f"mqtts://{LOOPBACK}:{sealed.port}"
        async with listening(sealed.port, wait=False, tls=True, ca=tmp_path / "none.pem") as netmon:
            await netmon.becomes(Outcome.LOCAL, said="none.pem: No such file or directory")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (b"\x00\x00\x80\x01\x01\x01", "it refuses the subscription to netmon/v1/+/+/+/+/telemetry"),
        (b"\x00\x00\x01\x01\x01", "it answers the subscription to 6 topics with 5 words"),
    ],
)
async def test_a_refused_subscription_leaves_the_devices_unknown(codes, said):
    """A broker that answers SUBSCRIBE with 0x80 will never deliver."""

    async def refuse(reader, writer):
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x00")
        packet = await reader.read(1000)
        writer.write(bytes([0x90, 2 + len(codes)]) + (packet[2:4] if packet[1] < 128 else packet[3:5]) + codes)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, LOOPBACK, port := free_port("tcp"))
    async with server, listening(port, wait=False) as netmon:
        await netmon.becomes(Outcome.LOCAL, said=said)
        assert not netmon.tally["connects"]


async def test_before_the_first_try_has_failed_nothing_is_said_of_the_devices():
    """A reload that makes the subscriber anew must not make everything unknown. After ten seconds the broker is away."""
    netmon = Listening(MqttSettings(host="::1", port=1883))
    made = netmon.subscriber.clock()
    netmon.subscriber.clock = lambda: At(made.unix + 9, made.monotonic + 9)
    assert isinstance(await netmon.poll(), Lull)
    netmon.subscriber.clock = lambda: At(made.unix + 11, made.monotonic + 11)
    poll = await netmon.poll()
    assert (poll.outcome, poll.detail) == (Outcome.LOCAL, "The broker mqtt://[::1]:1883 has not been reached yet.")


async def test_a_first_try_that_fails_is_told_at_once():
    """Not when the devices' turns come."""
    async with listening(free_port("tcp"), wait=False) as netmon:
        await until(lambda: netmon.woken)
        assert (await netmon.poll()).outcome is Outcome.LOCAL


async def test_history_asks_for_a_look_and_is_handed_over_also_while_the_broker_is_away(own_broker):
    async with listening(own_broker.port) as netmon:
        async with sender(own_broker.port) as device:
            for hours in (2, 1):
                netmon.woken.clear()
                await device.telemetry({VOLTS: 50}, ts=ms() - hours * 3_600_000)
                await until(lambda: netmon.woken)
                if hours == 2:
                    lull = await netmon.poll()
                    assert isinstance(lull, Lull)
                    assert [reading.value for reading in lull.history] == [50]
        own_broker.kill()
        await until(lambda: not netmon.subscriber.connected)
        assert [reading.value for reading in (await netmon.poll()).history] == [50]


# --- floods -----------------------------------------------------------------------------------------------------------


def spoilt(dice: random.Random, good: dict) -> bytes:
    """A payload that does not fit: noise, or a good one with a part cut out, turned or made absurd."""
    text = json.dumps(good).encode()
    absurd = [None, "x", -1, True, [], {"a": {"b": 1}}, 1e300, "9" * 50]
    match dice.randrange(4):
        case 0:
            return b"\x00" + dice.randbytes(dice.randrange(60))
        case 1:
            return text[: dice.randrange(len(text))]
        case 2:
            return text.replace(dice.choice([b"{", b'"', b":", b","]), b"\xff", 1)
    return json.dumps(good | {"ts": dice.choice(absurd)}).encode()


async def test_twenty_thousand_bad_messages_cost_their_senders_and_nobody_else(quiet_broker):
    """Each is counted once and for its reason, the log shows a few, and the good one after them is taken."""
    dice = random.Random(9)
    sent = {"payload": 0, "topic": 0, "stranger": 0, "size": 0}
    async with listening(quiet_broker.port) as netmon, visitor(quiet_broker.port) as device:
        with structlog.testing.capture_logs() as logs:
            for n in range(20_000):
                good = {"ts": ms(), "seq": n, "session": "a", "m": {VOLTS: 50}}
                reason = dice.choices(list(sent), [97, 1.5, 1.4, 0.1])[0]
                sent[reason] += 1
                payload = b" " * 65_537 if reason == "size" else spoilt(dice, good)
                topic = {"topic": f"netmon/v1//{n}/s1/d1/birth", "stranger": f"netmon/v1/04/01273/s1/x{n}/event"}.get(reason)
                await device.client.publish(topic or f"{TOPIC}/telemetry", payload)
            await device.telemetry({VOLTS: 53.5})
            await until(lambda: netmon.tally["messages", "telemetry"] == 1, 60)
        assert netmon.tally.of("rejected") == sent
        assert netmon.tally.of("messages") == {"telemetry": 1}
        assert volts(await netmon.poll()) == [53.5]
        assert len(logs) <= 110
        misfits = [entry for entry in logs if entry.get("device") == "d1" and entry["reason"] in ("payload", "size")]
        assert len(misfits) == 1
        assert misfits[0]["why"]


async def test_a_blast_leaves_the_rest_of_netmon_its_turns_and_does_not_pile_up(quiet_broker):
    """What one device shouts between two looks is kept up to a bound, and what is left out is counted."""
    blast = 5_000
    async with listening(quiet_broker.port) as netmon, visitor(quiet_broker.port) as device:
        longest, running = 0.0, True

        async def watch():
            nonlocal longest
            loop = asyncio.get_running_loop()
            while running:
                before = loop.time()
                await asyncio.sleep(0)
                longest = max(longest, loop.time() - before)

        watching = asyncio.create_task(watch())
        for n in range(blast):
            await device.client.publish(
                f"{TOPIC}/telemetry", json.dumps({"ts": ms(), "seq": n, "session": "a", "m": {VOLTS: n}})
            )
        await until(lambda: netmon.tally.seen == blast)
        running = False
        await watching
        poll = await netmon.poll()
        assert volts(poll) == [blast - 1]
        assert len(poll.history) == 1_000
        assert netmon.tally.of("remarks") == {"excess": blast - 1_001}
        assert netmon.woken.count("d1") == 2  # when the connection stood, and for the first message
        assert longest < 2.0


async def test_a_bug_of_ours_costs_its_message_and_not_the_connection(quiet_broker, monkeypatch):
    """A retained message that trips netmon would else throw it out at each connection."""
    async with listening(quiet_broker.port) as netmon, visitor(quiet_broker.port) as device:
        with monkeypatch.context() as tripped, structlog.testing.capture_logs() as logs:
            tripped.setattr("netmon.pollers.mqtt.place_of", lambda topic: 1 / 0)
            await device.telemetry({VOLTS: 50})
            await until(lambda: netmon.tally["netmon_bugs", "pollers"] == 1)
        assert [entry["event"] for entry in logs] == ["message failed by a bug"]
        await device.telemetry({VOLTS: 51})
        assert volts(await netmon.becomes(Outcome.ANSWERED)) == [51]

"""Devices whose messages have another layout than netmon's own, at a real broker: heard, asked, refused."""

import contextlib
import json
import re
import subprocess
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import aiomqtt
import pytest
import structlog

from netmon.credential import Secret
from netmon.model import At, Device, Lull, Outcome, Speech
from netmon.settings import MqttSettings
from netmon.settings.layouts import layouts
from netmon.settings.secrets import leave
from tests.broker import broker, sender
from tests.peers import LOOPBACK, ROOT, require
from tests.pollers.listening import Listening, listening, until

BROUGHT, _ = layouts(Path("none"), [], leave)
TASMOTA, TELTONIKA = BROUGHT["tasmota"], BROUGHT["teltonika"]
SENSOR = "tele/phong-may-01/SENSOR"
ROOM = {"SI7021": {"Temperature": 24.2, "Humidity": 59.4}, "TempUnit": "C"}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with broker(tmp_path_factory.mktemp("broker")) as made:
        yield made.port


def add(netmon, device, layout, topic):
    labels = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", device))
    return netmon.subscriber.poller(Device(id=device, site="s1", speaks=Speech.MQTT, layout=layout, topic=topic), labels)


def told(poll):
    return {(r.series.family.removeprefix("netmon_"), r.series.label("sensor")): r.value for r in poll.readings[1:]}


def now_there():
    return datetime.now().astimezone().isoformat()


async def test_a_tasmota_is_heard_under_its_topic_and_silent_by_its_will(port):
    """State and sensors come in the same second, and both count; the broker tells its will when it is cut off."""
    async with listening(port, layouts=(TASMOTA,)) as netmon:
        netmon.poller = add(netmon, "t1", "tasmota", "phong-may-01")
        will = aiomqtt.Will("tele/phong-may-01/LWT", "Offline", qos=1, retain=True)
        async with aiomqtt.Client(LOOPBACK, port, will=will) as device:
            time = now_there()
            await device.publish("tele/phong-may-01/LWT", "Online", qos=1, retain=True)
            await device.publish("tele/phong-may-01/STATE", json.dumps({"Time": time, "UptimeSec": 611}), qos=1)
            await device.publish(SENSOR, json.dumps(ROOM | {"Time": time}), qos=1)
            await until(lambda: netmon.tally["messages", "telemetry"] == 2)
            poll = await netmon.poll()
            assert poll.outcome is Outcome.ANSWERED
            assert told(poll)["device_uptime_seconds", ""] == 611
            assert told(poll)["humidity_ratio", "SI7021"] == 0.594
            assert poll.readings[0].series.label("profile") == "tasmota"
            assert not netmon.tally.of("rejected")
            assert not netmon.tally.of("remarks")
            device._client._sock_close()  # without a goodbye
            await netmon.becomes(Outcome.SILENT, said="The broker told its will at")
            with contextlib.suppress(aiomqtt.MqttError):
                await device.publish("x", qos=1)
    async with aiomqtt.Client(LOOPBACK, port) as device:
        await device.publish("tele/phong-may-01/LWT", b"", qos=1, retain=True)


async def test_a_topic_speaks_only_for_the_device_that_the_inventory_gives_it(port):
    """Strangers, other topics, netmon's own topics under its name, and what is not JSON: counted, and nothing stops."""
    async with listening(port, layouts=(TASMOTA, TELTONIKA)) as netmon, aiomqtt.Client(LOOPBACK, port) as device:
        poller = add(netmon, "t1", "tasmota", "a")
        with structlog.testing.capture_logs() as logs:
            await device.publish("tele/b/SENSOR", "{}", qos=1)
            await device.publish("router/a/uptime", "5", qos=1)  # the topic of a Tasmota is none of a Teltonika
            await device.publish("netmon/v1/04/01273/s1/t1/telemetry", "{}", qos=1)
            await device.publish("tele/a/SENSOR", "{", qos=1)
            await device.publish("tele/a/SENSOR", '{"UptimeSec": 1}', qos=1)
            await until(lambda: netmon.tally.seen == 5)
        assert netmon.tally.of("rejected") == {"stranger": 3, "payload": 1}
        assert [entry["device"] for entry in logs if entry.get("sample") == "b'{'"] == ["t1"]
        assert (await poller.poll()).outcome is Outcome.ANSWERED
        add(netmon, "t1", "tasmota", "b")  # a reload gave it another topic
        await device.publish("tele/a/SENSOR", "{}", qos=1)
        await device.publish("tele/b/SENSOR", "{}", qos=1)
        await until(lambda: netmon.tally.seen == 7)
        assert (netmon.tally["rejected", "stranger"], netmon.tally["messages", "telemetry"]) == (4, 2)


async def test_what_a_broker_remembers_is_no_sign_of_life(port):
    async with aiomqtt.Client(LOOPBACK, port) as device:
        await device.publish("tele/old/SENSOR", "{}", qos=1, retain=True)
        await device.publish("tele/old/LWT", "Online", qos=1, retain=True)
        async with listening(port, layouts=(TASMOTA,)) as netmon:
            poller = add(netmon, "t1", "tasmota", "old")
            await until(lambda: netmon.tally["rejected", "retained"] and netmon.tally["messages", "status"])
            assert isinstance(await poller.poll(), Lull)
        for kind in ("SENSOR", "LWT"):
            await device.publish(f"tele/old/{kind}", b"", qos=1, retain=True)


async def test_a_teltonika_is_asked_at_each_interval_and_once_only(port):
    """A look that an answer brought forward asks nothing."""
    async with listening(port, layouts=(TELTONIKA,)) as netmon, aiomqtt.Client(LOOPBACK, port) as router:
        await router.subscribe("get/1100123456/command", qos=1)
        netmon.poller = add(netmon, "r1", "teltonika", "1100123456")
        assert isinstance(await netmon.poll(), Lull)
        asked = []
        async for message in router.messages:
            asked.append(message.payload.decode())
            if len(asked) == len(TELTONIKA.ask):
                break
            await router.publish(f"router/1100123456/{asked[-1]}", "253", qos=1)
        assert asked == ["temperature", "signal", "connection", "uptime"]
        poll = await netmon.becomes(Outcome.ANSWERED)
        assert told(poll)["temperature_celsius", "modem"] == 25.3
        await netmon.poll()
        await router.publish("get/1100123456/command", "done", qos=1)
        assert (await anext(aiter(router.messages))).payload == b"done"


# --- a broker that does not grant everything --------------------------------------------------------------------------


def granting(home, *topics):
    """The configuration of a mosquitto that answers a subscription to any other topic with 0x80."""
    acls = [{"acltype": "subscribePattern", "topic": topic, "priority": 0, "allow": True} for topic in topics]
    rules = {
        "defaultACLAccess": {
            "publishClientSend": True,
            "publishClientReceive": True,
            "subscribe": False,
            "unsubscribe": True,
        },
        "roles": [{"rolename": "hears", "acls": acls}],
        "groups": [{"groupname": "all", "roles": [{"rolename": "hears"}]}],
        "anonymousGroup": "all",
    }
    (home / "rules.json").write_text(json.dumps(rules))
    places = (Path("/usr/lib"), ROOT / ".cache/peers")
    plugin = next((found for at in places for found in at.rglob("mosquitto_dynamic_security.so")), None)
    if plugin is None:
        pytest.skip("mosquitto's dynamic-security plugin is not here")
    return f"allow_anonymous true\nplugin {plugin}\nplugin_opt_config_file {home / 'rules.json'}"


async def test_a_refused_layout_costs_its_own_devices_and_no_others(tmp_path):
    """Told once, also when netmon subscribes anew; a layout that is granted in part is heard in part."""
    config = granting(tmp_path, "netmon/v1/#", "tele/+/LWT", "router/#", "get/#")
    with broker(tmp_path / "broker", config) as strict, structlog.testing.capture_logs() as logs:
        async with listening(strict.port, layouts=(TASMOTA, TELTONIKA)) as netmon:
            tasmota, router = add(netmon, "t1", "tasmota", "a"), add(netmon, "r1", "teltonika", "1100123456")
            said = "refuses netmon the subscription to tele/+/SENSOR, tele/+/STATE."
            poll = await tasmota.poll()
            assert (poll.outcome, poll.detail) == (Outcome.LOCAL, f"The broker {netmon.subscriber.where()} {said}")
            async with sender(strict.port) as device:
                await device.client.publish("router/1100123456/uptime", "5", qos=1)
                await device.telemetry({"battery_voltage_volts": 53.5})
                await until(lambda: netmon.tally.seen == 2)
            assert (await netmon.poll()).outcome is Outcome.ANSWERED
            assert told(await router.poll())["device_uptime_seconds", ""] == 5
            assert netmon.tally["connects"] == 1
            (entry,) = [entry for entry in logs if entry["event"] == "broker refuses layouts"]
            assert entry["topics"] == sorted(
                [*(f"device/+/{ask}" for _, ask in TELTONIKA.ask), "tele/+/SENSOR", "tele/+/STATE"]
            )


class Grants:
    """A client whose broker refuses the topics that begin so."""

    def __init__(self, refused):
        self.refused = refused

    async def subscribe(self, topics):
        return [128 if self.refused and topic.startswith(self.refused) else 1 for topic, _ in topics]


async def test_a_layout_that_is_granted_at_last_has_its_patience_anew():
    """What could not come is no silence; and a refusal is told when it is news."""
    netmon = Listening(replace(MqttSettings(host="::1", port=1883), layouts=(TASMOTA,)))
    subscriber, poller = netmon.subscriber, add(netmon, "t1", "tasmota", "a")
    subscriber._connected, made = True, subscriber.clock()
    with structlog.testing.capture_logs() as logs:
        for hours, refused in enumerate(("tele/", "tele/", "")):
            subscriber.clock = lambda hours=hours: At(made.unix + 3600 * hours, made.monotonic + 3600 * hours)
            await subscriber._subscribe(Grants(refused))
            poll = await poller.poll()
            assert isinstance(poll, Lull) if not refused else poll.outcome is Outcome.LOCAL
    assert [entry["event"] for entry in logs] == ["broker refuses layouts"]


@pytest.fixture
def guarded(tmp_path):
    """A broker with the rights that its guide installs, those of the layouts among them; each user's password is x."""
    guide = (ROOT / "deploy/mosquitto/README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"(?:^    (?:user|topic) .*\n+)+", guide, re.MULTILINE)
    acl, passwords = tmp_path / "acl", tmp_path / "passwords"
    acl.write_text(
        (ROOT / "deploy/mosquitto/acl").read_text(encoding="utf-8") + re.sub("^    ", "", lines, flags=re.MULTILINE)
    )
    passwords.touch(mode=0o600)
    for user in ("netmon", "phong-may-01", "cb-01273-lte"):
        subprocess.run([require("mosquitto_passwd"), "-b", passwords, user, "x"], check=True)
    config = f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}"
    with broker(tmp_path / "broker", config) as made:
        yield made


async def test_the_lines_of_the_guide_let_both_layouts_be_heard(guarded):
    """And none of their devices speaks for another."""
    fields = {"layouts": (TASMOTA, TELTONIKA), "user": "netmon", "password": Secret("x")}
    room = aiomqtt.Client(LOOPBACK, guarded.port, username="phong-may-01", password="x")
    router = aiomqtt.Client(LOOPBACK, guarded.port, username="cb-01273-lte", password="x")
    async with listening(guarded.port, **fields) as netmon, room, router:
        tasmota, teltonika = add(netmon, "t1", "tasmota", "phong-may-01"), add(netmon, "r1", "teltonika", "1100123456")
        await router.subscribe("get/1100123456/command", qos=1)
        assert isinstance(await teltonika.poll(), Lull)
        assert (await anext(aiter(router.messages))).payload == b"temperature"
        await room.publish("router/1100123456/uptime", "6", qos=1)  # as another
        await router.publish("router/1100123456/uptime", "5", qos=1)
        await room.publish(SENSOR, json.dumps(ROOM), qos=1)
        await until(lambda: netmon.tally.seen == 2)
        assert told(await teltonika.poll())["device_uptime_seconds", ""] == 5
        assert told(await tasmota.poll())["humidity_ratio", "SI7021"] == 0.594


# --- many of them -----------------------------------------------------------------------------------------------------


def test_ten_thousand_devices_are_taken_up_in_no_time():
    """Nothing else gets its turn meanwhile."""
    netmon = Listening(replace(MqttSettings(host="::1", port=1883), layouts=(TASMOTA,)))
    began = time.process_time()
    for number in range(10_000):
        add(netmon, f"t{number}", "tasmota", f"a{number}")
    assert time.process_time() - began < 3


def test_devices_that_change_their_topics_crosswise_are_known_by_the_new_ones():
    netmon = Listening(replace(MqttSettings(host="::1", port=1883), layouts=(TASMOTA,)))
    for device, topic in (("t1", "a"), ("t2", "b"), ("t3", "c"), ("t1", "b"), ("t2", "a"), ("t3", "d")):
        add(netmon, device, "tasmota", topic)
    hears = {topic: netmon.subscriber._known_as.get(("tasmota", topic)) for topic in "abcd"}
    assert hears == {"a": "t2", "b": "t1", "c": None, "d": "t3"}
    netmon.subscriber.keep({"t1"})
    assert netmon.subscriber._known_as == {("tasmota", "b"): "t1"}

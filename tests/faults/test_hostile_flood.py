"""A flood on any input: netmon counts what it turns away, and every device that behaves is asked on time and answers."""

import http.client
import json
import os
import random
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from netmon.snmp import oid
from netmon.snmp.ber import Tag
from netmon.snmp.message import V2C, Query, encode_response
from tests import live
from tests.broker import broker
from tests.faults.matrix import size
from tests.peers import LOOPBACK, eventually, free_port
from tests.snmp.test_notifications import GOOD

LASTS_S = size(1.5, 30.0)
STRANGER = "127.9.9.9"
DROPPED = "netmon_traps_dropped_total"
LOUD = "MQTT messages of one device"
POLL = {"interval": "5s", "timeout": "1.5s", "retries": 1, "deadline": "4.5s", "verify_after": "1s"}
_LINE = re.compile(r"^(netmon_\w+)(\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


class Counters:
    """netmon's own, as its page has them."""

    def __init__(self, page):
        self._found = {name + (labels or ""): float(value) for name, labels, value in _LINE.findall(page)}

    def __getitem__(self, start):
        return sum(value for name, value in self._found.items() if name.startswith(start))

    def since(self, before, start):
        """By how much these went up."""
        return self[start] - before[start]


@contextmanager
def at_rate(per_s, *sends):
    """Sends in threads, so many a second together as far as the machine can, while the block lasts; the count of each."""
    over, sent = threading.Event(), [0] * len(sends)

    def go_on(n):
        began = time.monotonic()
        while not over.is_set():
            due = int((time.monotonic() - began) * per_s / len(sends)) - sent[n]
            for _ in range(min(due, 500)):
                with suppress(BlockingIOError, ConnectionError):
                    sends[n]()
                sent[n] += 1
            over.wait(0.005)

    threads = [threading.Thread(target=go_on, args=(n,)) for n in range(len(sends))]
    for thread in threads:
        thread.start()
    try:
        yield sent
    finally:
        over.set()
        for thread in threads:
            thread.join()


def udp_port_of(pid, but):
    """The UDP port from which a process asks: bound to any address, and not one that it listens on."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}").removeprefix("socket:[").removesuffix("]"))
    for line in Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[1].rpartition(":")[2], 16)
        if fields[9] in inodes and port not in but:
            return port
    raise AssertionError("it has no socket for SNMP")


@pytest.fixture
def province(tmp_path):
    """A province of routers that are asked, and two devices that report, one of which will speak too much."""
    config = live.storm_province(tmp_path, communes=3, stations=size(2, 20))
    traps = free_port("udp")
    with broker(tmp_path / "broker", "allow_anonymous true\nmax_queued_messages 100000") as mosquitto:
        text = (config / "netmon.yaml").read_text()
        more = {
            "mqtt": {"broker": f"mqtt://{LOOPBACK}:{mosquitto.port}"},
            "traps": {"listen": f"0.0.0.0:{traps}", "rate": 10, "burst": 100},
        }
        text = re.sub(r'"poll": \{[^}]*\}', f'"poll": {json.dumps(POLL)}', text)
        (config / "netmon.yaml").write_text(text[:-1] + ", " + json.dumps(more)[1:])
        devices = [{"id": name, "protocol": "mqtt", "interval": "5s"} for name in ("quiet", "loud")]
        site = {"id": "tower", "name": "Trạm", "commune": "01273", "kind": "bts", "devices": devices}
        (config / "inventory/tower.yaml").write_text(json.dumps({"sites": [site]}))
        reporter = paho.Client(paho.CallbackAPIVersion.VERSION2, "reporter")
        reporter.connect(LOOPBACK, mosquitto.port)
        reporter.loop_start()
        seq = [0]

        def report():
            seq[0] += 1
            now = int(time.time() * 1000)
            for name in ("quiet", "loud"):
                body = {"ts": now, "seq": seq[0], "session": "a", "m": {"battery_voltage_volts": 53.5}}
                reporter.publish(f"netmon/v1/04/01273/tower/{name}/telemetry", json.dumps(body))

        try:
            with at_rate(2, report), live.live(tmp_path, config) as running:
                running.traps, running.mqtt = traps, mosquitto.port
                yield running
        finally:
            reporter.disconnect()
            reporter.loop_stop()


@pytest.mark.fault("flood")
def test_a_flood_on_any_input_leaves_polling_on_time(province, measured):
    devices = len(province.states()) - 2
    counters = lambda: eventually(lambda: Counters(province.get("/metrics") or ""), 20)  # noqa: E731
    told = []
    for name, per_s, flood, refusals in floods(province):
        before = counters()
        with flood as sent:
            asked = before["netmon_polls_total{"]
            rounds = size(1, 5) * devices
            eventually(lambda: counters()["netmon_polls_total{"] - asked >= rounds, 60, every_s=0.3)  # noqa: B023
            eventually(lambda: sum(sent) >= per_s * LASTS_S / 4, 120)  # noqa: B023 - a busy machine sends as fast as it can
        after = counters()
        assert after.since(before, "netmon_polls_skipped_total") == 0, name
        for outcome in ("local", "bug") if name == LOUD else ("silent", "local", "bug"):
            assert after.since(before, f'netmon_polls_total{{outcome="{outcome}"}}') == 0, (name, outcome)
        assert after.since(before, "netmon_bugs_total") == 0, name
        refused = sum(after.since(before, start) for start in refusals)
        assert refused > 0 or not refusals, name
        states = dict(province.states())
        del states["loud"]  # whoever shouts is not understood
        assert set(states.values()) == {"up"}, name
        late = after.since(before, "netmon_poll_lateness_seconds_count") - after.since(
            before, 'netmon_poll_lateness_seconds_bucket{le="1.0"}'
        )
        polls = after.since(before, "netmon_polls_total{")
        turned = f", {refused:.0f} of them turned away and counted" if refusals else ""
        told.append(f"{sum(sent)} {name}{turned}: {polls:.0f} polls, none skipped or silent, {late:.0f} later than 1 s")
    measured("; ".join(told))


def floods(province):
    """What comes, how many a second, what sends it, and the counters that tell of it."""
    dice = random.Random(4711)
    stranger, known, stray = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(3))
    stranger.bind((STRANGER, 0))
    known.bind(("127.4.0.2", 0))  # core-1
    for sock in (stranger, known, stray):
        sock.setblocking(False)
    place = (LOOPBACK, province.traps)
    yield "traps of a stranger", 20_000, at_rate(20_000, lambda: stranger.sendto(GOOD, place)), [DROPPED]
    yield "traps of a device", 20_000, at_rate(20_000, lambda: known.sendto(GOOD, place)), [DROPPED]

    ours = (LOOPBACK, udp_port_of(province.netmon.process.pid, {province.traps}))
    uptime = (oid.encode("1.3.6.1.2.1.1.3.0"), Tag.TIME_TICKS, 1)
    late = encode_response(Query(V2C, b"public", Tag.GET, 77, 0, 0, []), [uptime])
    strays = [late, dice.randbytes(60), late[:20], b""]
    yield (
        "strays to the SNMP client",
        20_000,
        at_rate(20_000, lambda: stray.sendto(dice.choice(strays), ours)),
        [
            "netmon_snmp_strays_total",
            "netmon_snmp_receive_drops_total",
        ],
    )
    for sock in (stranger, known, stray):
        sock.close()

    loud = paho.Client(paho.CallbackAPIVersion.VERSION2, "loud")
    loud.connect(LOOPBACK, province.mqtt)
    loud.loop_start()
    topic = "netmon/v1/04/01273/tower/loud/"
    bodies = [
        b"\xff" * 100,
        b"{}",
        b"[" * 500,
        json.dumps({"ts": 1, "seq": 1, "session": "a", "m": {}}).encode(),
        b"x" * 70_000,
    ]
    weights = (30, 30, 30, 30, 1)
    publish = lambda: loud.publish(topic + dice.choice(("telemetry", "event", "x")), *dice.choices(bodies, weights))  # noqa: E731
    yield (
        "MQTT messages of one device",
        5_000,
        at_rate(5_000, publish),
        ["netmon_mqtt_rejected_total", "netmon_mqtt_remarks"],
    )
    loud.disconnect()
    loud.loop_stop()

    askers = [http.client.HTTPConnection(LOOPBACK, province.port, timeout=30) for _ in range(6)]

    def ask(asker):
        try:
            asker.request("GET", dice.choice(("/metrics", "/api/v1/state", "/api/v1/wallboard")))
            asker.getresponse().read()
        except (http.client.HTTPException, OSError):
            asker.close()

    yield "requests of heavy pages", 500, at_rate(500, *(partial(ask, asker) for asker in askers)), []
    for asker in askers:
        asker.close()

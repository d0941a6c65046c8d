"""The daemon among servers: a real broker, a real Prometheus, and a real VictoriaMetrics in the place of InfluxDB."""

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.broker import broker, sender
from tests.peers import LOOPBACK, eventually, free_port
from tests.test_daemon import AGENT, COMMUNE, Installation
from tests.victoria import victoria

TOPIC = f"netmon/v1/04/{COMMUNE}/tower/d1"
VOLTS, RECEIVED = "netmon_battery_voltage_volts", "netmon_interface_receive_bytes_total"


async def until(look, deadline_s=15.0):
    """What `look` returns once it is true; the loop goes on meanwhile."""
    return await asyncio.to_thread(eventually, look, deadline_s)


def status(here):
    """What `netmon status` prints."""
    argv = [sys.executable, "-m", "netmon", "status", "--config", here.config]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={"PATH": ""}).stdout


def tower(here, *devices):
    """Puts a site with devices that report over MQTT into the inventory."""
    entries = [{"id": name, "protocol": "mqtt", "interval": "1s"} for name in devices]
    site = {"id": "tower", "name": "Trạm BTS", "commune": COMMUNE, "kind": "bts", "devices": entries}
    (here.config / "inventory/tower.yaml").write_text(json.dumps({"sites": [site]}))


@pytest.fixture
def install(tmp_path, snmpd):
    """An installation with one router and a device that reports; `mqtt` and `influxdb` are their sections."""
    with ExitStack() as stack:

        def make(**netmon):
            agent = snmpd(AGENT, community="s3cr3t-canary")
            here = Installation(tmp_path, {"r1": agent.port}, **netmon)
            if influxdb := netmon.get("influxdb"):
                del here.netmon["influxdb"]
                here.netmon["exporters"]["influxdb"] = influxdb
                here.write()
            stack.callback(here.stack.close)
            return here

        yield make


@pytest.fixture
def mosquitto(tmp_path):
    with broker(tmp_path / "broker") as running:
        yield running


def mqtt_of(server):
    return {"broker": f"mqtt://{LOOPBACK}:{server.port}", "keepalive": "5s"}


LAG_MS = 2_000


async def test_both_stores_have_the_same_figure_at_the_same_moment(install, mosquitto, prometheus, tmp_path):
    """Of a polled counter and of a reported voltage: what Prometheus scraped is what was newest in the database then."""
    with victoria(tmp_path / "victoria") as database:
        influxdb = {"url": database.url, "org": "noc", "bucket": "netmon", "every": "1s"}
        here = install(mqtt=mqtt_of(mosquitto), influxdb=influxdb)
        tower(here, "d1")
        here.start()
        server = prometheus(f"{LOOPBACK}:{here.port}")
        async with sender(mosquitto.port, TOPIC) as device:
            await device.birth(period_s=1)
            for tenth in range(60):
                await device.telemetry({"battery_voltage_volts": 48 + tenth / 10})
                await asyncio.sleep(0.2)  # a device reports at its own pace; nothing waits for this

        def scraped(family):
            rows = server.get("/api/v1/query", query=f'{family}{{device=~"r1|d1"}}[60s]')["result"]
            return {row["metric"].get("interface", "-"): row["values"] for row in rows}

        for family, key in ((VOLTS, "-"), (RECEIVED, "lo")):
            seen = [(float(at), float(value)) for at, value in (await until(lambda f=family: scraped(f)))[key]]

            def stored(family=family, newest=seen[-1][1], key=key):
                found = {dict(labels).get("interface", "-"): points for labels, points in database.stored(family).items()}
                points = found.get(key, {})
                return points if newest in points.values() else None

            points = sorted((await until(stored)).items())
            assert len(seen) >= 3
            for at, value in seen:
                newest_two = [figure for ms, figure in points if ms <= at * 1000 + 1][-2:]
                # A scrape may fall between a reading and the end of its poll, when the page has the one before; and a busy
                # machine reads the page some time after the moment that the scrape is dated to, or fills it late.
                about = [figure for ms, figure in points if abs(ms - at * 1000) <= LAG_MS]
                assert value in {*newest_two, *about}, (family, at, value, newest_two, about)
            assert len({value for _, value in seen}) > 1, "nothing moved: equality would prove nothing"


async def test_a_reload_sends_what_waits_to_another_database(install, tmp_path):
    influxdb = {"url": f"http://{LOOPBACK}:{free_port('tcp')}", "org": "noc", "bucket": "netmon", "every": "1s"}
    here = install(influxdb=influxdb)
    here.start()
    await until(lambda: here.metric("netmon_influx_waiting_bytes") > 0)
    assert here.metric("netmon_influx_reachable") == 0
    with victoria(tmp_path / "victoria") as database:
        here.netmon["exporters"]["influxdb"]["url"] = database.url
        here.write()
        here.daemon.process.send_signal(signal.SIGHUP)
        await until(lambda: here.metric("netmon_influx_points_total") > 0, 90)
    assert "next start" not in here.daemon.output


async def test_a_dead_broker_is_one_sentence_and_its_devices_unknown_and_back_again(install, mosquitto):
    """Its devices are unknown because of netmon itself; the router that is polled stays up; the first report ends it."""
    here = install(mqtt=mqtt_of(mosquitto))
    tower(here, "d1", "d2")
    here.start()
    await until(lambda: here.metric("netmon_mqtt_connected") == 1)
    async with sender(mosquitto.port, TOPIC) as device:
        await device.birth(period_s=10)
        await device.telemetry({"battery_voltage_volts": 53.5, "mains_up": 0})
        await until(lambda: (here.state()["d1"], here.state()["r1"]) == ("up", "up"))
        rows = json.loads(here.get("/api/v1/wallboard"))["provinces"][0]["on_battery"]["rows"]
        assert [site["site"] for row in rows for site in row["sites"]] == ["tower"]
        mosquitto.kill()
        await until(lambda: here.state()["d1"] == "unknown")
    assert here.state()["r1"] == "up"
    assert here.metric("netmon_mqtt_connected") == 0
    assert (
        here.metric(f'netmon_device_explained{{province="04",commune="{COMMUNE}",site="tower",device="d1",by="self"}}') == 1
    )
    assert here.metric(f'netmon_device_up{{province="04",commune="{COMMUNE}",site="tower",device="d1"}}') == 1
    said = await asyncio.to_thread(status, here)
    assert "The MQTT broker is away: 2 devices that report over it are unknown." in said
    assert "d2" not in said
    mosquitto.start()
    await until(lambda: here.metric("netmon_mqtt_connected") == 1, 30)
    async with sender(mosquitto.port, TOPIC, "b") as device:
        await device.birth(period_s=10)
        await device.telemetry({"battery_voltage_volts": 53.0})
        await until(lambda: here.state()["d1"] == "up")


async def test_a_reload_brings_a_broker_and_its_devices(install, mosquitto):
    """A netmon that knew of no broker hears a device a moment after the reload, and forgets it after the next one."""
    here = install()
    here.start()
    await until(lambda: here.state() == {"r1": "up"})
    assert here.metric("netmon_mqtt_connected") != 0, "no alert of a broker that nobody named"
    here.netmon["mqtt"] = mqtt_of(mosquitto)
    here.write()
    tower(here, "d1")
    here.daemon.process.send_signal(1)
    async with sender(mosquitto.port, TOPIC) as device:
        await until(lambda: here.metric("netmon_mqtt_connected") == 1)
        await device.birth(period_s=10)
        await device.telemetry({"battery_voltage_volts": 53.5})
        await until(lambda: here.state().get("d1") == "up")
    del here.netmon["mqtt"]
    here.write()
    (here.config / "inventory/tower.yaml").unlink()
    here.daemon.process.send_signal(1)
    await until(lambda: here.state() == {"r1": "up"})
    assert here.metric(f"{VOLTS}{{") is None
    assert here.metric("netmon_mqtt_connected") != 0


def test_a_device_asked_by_pysnmp_says_the_same_as_one_asked_by_netmon(install):
    """One agent, two devices, two engines: the same families, labels and interfaces on the page."""
    here = install()
    inventory = here.config / "inventory/all.yaml"
    here.write()
    second = {"id": "r2", "address": LOOPBACK, "port": here.agents["r1"], "engine": "pysnmp"}
    site = {"id": "site-r2", "name": "UBND r2", "commune": COMMUNE, "kind": "peoples_committee", "devices": [second]}
    inventory.write_text(json.dumps({"sites": [*json.loads(inventory.read_text())["sites"], site]}))
    here.start()
    eventually(lambda: here.state() == {"r1": "up", "r2": "up"})

    def series(device):
        page = [line.rpartition(" ")[0] for line in here.get("/metrics").splitlines() if f'device="{device}"' in line]
        lines = [line for line in page if not line.startswith("netmon_link_")]  # the first has a link, the second none
        return {line.replace(f'"site-{device}"', '"-"').replace(f'device="{device}"', "-") for line in lines}

    eventually(lambda: any("netmon_interface_receive_bytes_total" in line for line in series("r2")))
    assert series("r1") == series("r2")
    assert here.daemon.stop() == 0

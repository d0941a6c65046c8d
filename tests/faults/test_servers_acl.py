"""The shipped configuration of mosquitto lets no device be another: by password, and by certificate."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from netmon.credential import Secret
from tests import peers
from tests.faults.matrix import size
from tests.pollers.listening import listening, until

MOSQUITTO = peers.ROOT / "deploy/mosquitto"
A, B, STRANGER, DISMISSED = "cb-bts-01273-pwr", "cb-bts-01273-ups", "cb-bts-01276-pwr", "cb-bts-01279-pwr"
SITE = "netmon/v1/04/01273/cb-bts-01273"
BY_CERTIFICATE = "## Certificates instead of passwords"
KINDS = ("birth", "status", "telemetry", "event", "speed", "cells")
PASSWORD = "mật khẩu của {}"

FOREIGN = (
    *(f"{SITE}/{B}/{kind}" for kind in KINDS),
    *(f"netmon/v1/04/01276/other-site/{B}/{kind}" for kind in KINDS),
    f"{SITE}/netmon/telemetry",
    f"{SITE}/{A}x/telemetry",
    f"{SITE}/{A.upper()}/telemetry",
    f"{SITE}//telemetry",
    f"netmon/v1/{A}/telemetry",
    f"netmon/v1/04/01273/{A}/{B}/telemetry",
    f"netmon/v2/04/01273/cb-bts-01273/{A}/telemetry",
    f"/{SITE}/{A}/telemetry",
    "netmon",
    "netmon/v1",
    "$SYS/broker/uptime",
    "$share/x/netmon/v1",
    f"$SYS/{SITE}/{A}/telemetry",
    "$CONTROL/dynamic-security/v1",
    "tele/phong-may-01/SENSOR",
    "get/1100123456/command",
)
"""Where A has nothing to say."""


@dataclass
class Deployed:
    """A mosquitto as the guide sets it up, at other ports and under another root."""

    home: Path
    here: int
    field: int
    program: peers.Running

    @property
    def authority(self) -> Path:
        return self.home / "certs/ca.crt"

    def tls(self, user: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        if user and (self.home / f"certs/{user}.crt").exists():
            context.load_cert_chain(self.home / f"certs/{user}.crt", self.home / f"certs/{user}.key")
        return context

    def netmon(self, client_id: str = "netmon") -> aiomqtt.Client:
        return aiomqtt.Client(
            peers.LOOPBACK, self.here, identifier=client_id, username="netmon", password=PASSWORD.format("netmon")
        )

    def device(self, user: str, **options: object) -> aiomqtt.Client:
        """A device of the field, with its own secret."""
        known = {"username": user, "password": PASSWORD.format(user), "tls_context": self.tls(user)}
        return aiomqtt.Client("localhost", self.field, **known | options)  # type: ignore[arg-type]

    def reload(self) -> None:
        self.program.process.send_signal(signal.SIGHUP)

    def run(self, line: str) -> None:
        """A line of the guide, where its certificates lie."""
        peers.require(line.split()[0])
        subprocess.run(["/bin/sh", "-c", line], cwd=self.home / "certs", check=True, capture_output=True)


def guide(section: str, *kinds: str) -> list[str]:
    """Lines of a section of the guide for the shell, of those that begin so."""
    text = (MOSQUITTO / "README.md").read_text().replace("mqtt.cb.example", "localhost").replace("\\\n", " ")
    lines = text.partition(section)[2].partition("\n## ")[0].splitlines()
    return [line.strip() for line in lines if line.startswith("    ") and line.strip().startswith(kinds)]


def deploy(home: Path, *, certificates: bool) -> Deployed:
    (home / "certs").mkdir(parents=True)
    made = Deployed(home, peers.free_port("tcp"), peers.free_port("tcp"), None)  # type: ignore[arg-type]
    for line in guide("2. **Certificate.**", "openssl"):
        made.run(line)
    (home / "netmon.passwd").touch(mode=0o600)
    for user in ("netmon", A, B, STRANGER, DISMISSED):
        made.run(f"mosquitto_passwd -b {home}/netmon.passwd {user} {shlex.quote(PASSWORD.format(user))}")
    if certificates:
        authority, touch, printf, empty, one, *_ = guide(BY_CERTIFICATE, "openssl", "touch", "printf")
        for line in (authority, touch, printf, empty, *(one.replace(A, user) for user in (A, B, STRANGER, DISMISSED))):
            made.run(line)
    (home / "netmon.acl").write_text((MOSQUITTO / "acl").read_text())
    text = (MOSQUITTO / "mosquitto.conf").read_text().replace("/etc/mosquitto/", f"{home}/")
    text = text.replace("listener 1883 ", f"listener {made.here} ")
    text = text.replace("listener 8883", f"listener {made.field} {peers.LOOPBACK}")
    if certificates:
        first, mark, second = text.partition("# --- devices, by certificate")
        assert mark
        head = first.partition("# --- devices ---")[0]
        text = head + re.sub(r"(?m)^#(?=[a-z])", "", second.partition("\n")[2]).replace(
            "listener 8884", f"listener {made.field} {peers.LOOPBACK}"
        )
    (home / "conf.d").mkdir()
    (home / "conf.d/netmon.conf").write_text(text)
    user = "user root\n" if os.geteuid() == 0 else ""
    (home / "mosquitto.conf").write_text(
        f"{user}persistence true\npersistence_location {home}/\nlog_dest stdout\ninclude_dir {home}/conf.d\n"
    )
    return made


@pytest.fixture(scope="module", params=["password", "certificate"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    made = deploy(tmp_path_factory.mktemp(request.param) / "etc", certificates=request.param == "certificate")

    def listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((peers.LOOPBACK, port)) == 0

    argv = [peers.require("mosquitto"), "-c", made.home / "mosquitto.conf"]
    log = made.home / "log"
    with peers.running(argv, ready=lambda: listens(made.here) and listens(made.field), log=log) as made.program:
        yield made


async def heard(client: aiomqtt.Client, last: str) -> list[tuple[str, bytes]]:
    """What came, to the message on this topic."""
    found = []
    async with asyncio.timeout(20):
        async for message in client.messages:
            found.append((message.topic.value, bytes(message.payload)))
            if message.topic.value == last:
                return found
    raise AssertionError("never")


async def cut_off(client: aiomqtt.Client) -> None:
    """Connects, and is gone without a goodbye."""
    async with client:
        client._client.socket().shutdown(socket.SHUT_RDWR)
        await anext(aiter(client.messages))


async def comes_in(client: aiomqtt.Client) -> bool:
    """Whether the broker lets somebody in."""
    try:
        async with client:
            return True
    except aiomqtt.MqttError:
        return False


@pytest.mark.fault("mqtt-impersonation")
async def test_a_device_speaks_for_no_other_and_hears_nobody(deployed: Deployed, measured: Callable[[str], None]) -> None:
    """Nor do its will and what it lets be retained; and netmon's own user speaks for none."""
    async with AsyncExitStack() as stack:
        netmon = await stack.enter_async_context(deployed.netmon())
        witness = await stack.enter_async_context(deployed.device(STRANGER))
        await netmon.subscribe("netmon/v1/#", qos=1)
        curious = ["#", "+/#", "$SYS/#", "netmon/v1/#", f"{SITE}/{B}/#", f"{SITE}/{A}/#", f"$share/x/{SITE}/#"]
        for wanted in curious:
            await witness.subscribe(wanted, qos=1)
        tried = 0
        for retain in (False, True):
            async with deployed.device(A) as device:
                for topic in FOREIGN:
                    for _ in range(size(1, 20)):
                        await asyncio.wait_for(device.publish(topic, b"not mine", qos=1, retain=retain), 10)
                        tried += 1
        for name in (B, A):
            will = aiomqtt.Will(f"{SITE}/{name}/status", b"offline", qos=1)
            with pytest.raises(aiomqtt.MqttError):
                await cut_off(deployed.device(A, will=will))
        for topic in (f"{SITE}/{A}/telemetry", f"{SITE}/netmon/status"):
            await netmon.publish(topic, b"as netmon", qos=1, retain=True)
        async with deployed.device(A) as device:
            await device.publish(f"{SITE}/{A}/event", b"own", qos=1)
        async with deployed.device(B) as device:
            await device.publish(f"{SITE}/{B}/event", b"last", qos=1)
        assert await heard(netmon, f"{SITE}/{B}/event") == [
            (f"{SITE}/{A}/status", b"offline"),
            (f"{SITE}/{A}/event", b"own"),
            (f"{SITE}/{B}/event", b"last"),
        ]
        await witness.unsubscribe(curious)  # answered after all that was sent before
        assert not len(witness.messages)
    async with deployed.netmon("another") as later:
        await later.subscribe("netmon/v1/#", qos=1)
        async with deployed.device(B) as device:
            await device.publish(f"{SITE}/{B}/event", b"last", qos=1)
        assert await heard(later, f"{SITE}/{B}/event") == [(f"{SITE}/{B}/event", b"last")], "nothing was retained"
    measured(
        f"{tried:,} messages to {len(FOREIGN)} foreign topics, a will and {len(curious)} subscriptions: nothing went through"
    )


@pytest.mark.fault("mqtt-impersonation")
async def test_a_device_tells_of_no_other_masts_cells_but_an_operators_gateway_does(deployed: Deployed) -> None:
    """The topic is its own, so the broker lets it through; the mast stands in the payload."""
    secret = Secret(PASSWORD.format("netmon"))
    async with listening(deployed.here, user="netmon", password=secret) as netmon:
        netmon.add(A, site="cb-bts-01273")
        netmon.add(B, site="cb-bts-01273", feeds=("viettel",))

        async def tell(user: str, state: str, place: str, **mast: str) -> None:
            cells = [{"cell": "X", "technology": "4g", "state": state}]
            body = {"ts": time.time_ns() // 10**6, "operator": "viettel", "period_s": 86_400, "cells": cells, **mast}
            async with deployed.device(user) as device:
                await device.publish(f"netmon/v1/04/01276/{place}/{user}/cells", json.dumps(body), qos=1)

        await tell(A, "up", "cb-bts-01273", site="mast-far")
        await tell(A, "up", "mast-far", site="mast-far")
        await tell(A, "up", "mast-far")
        await tell(B, "down", "cb-bts-01273", site="mast-far")
        await until(lambda: any(report.source == B for report in netmon.celled))
        told = [(report.source, name.site, state) for report in netmon.celled for name, state in report.states]
        assert told == [(A, "cb-bts-01273", "up"), (B, "mast-far", "down")]
        assert netmon.tally.of("rejected") == {"cells": 2}


@pytest.mark.fault("mqtt-impersonation")
async def test_a_client_id_is_nobodys_to_take(deployed: Deployed) -> None:
    """The broker puts the user in its place: the device and netmon stay connected."""
    async with deployed.netmon() as netmon, deployed.device(B) as device:
        await netmon.subscribe(f"{SITE}/{B}/event", qos=1)
        for taken in (B, "netmon"):
            async with deployed.device(A, identifier=taken) as thief:
                await thief.publish(f"{SITE}/{B}/event", b"stolen", qos=1)
        await device.publish(f"{SITE}/{B}/event", b"still here", qos=1)
        assert await heard(netmon, f"{SITE}/{B}/event") == [(f"{SITE}/{B}/event", b"still here")]


@pytest.mark.fault("mqtt-impersonation")
async def test_nobody_comes_in_without_a_secret_of_his_own(deployed: Deployed) -> None:
    """Anonymous, with a wrong password, with another's name, over a line that is not sealed, or with a certificate of an
    authority of his own."""
    plain = {"tls_context": ssl.create_default_context(cafile=deployed.authority)}
    by_certificate = (deployed.home / f"certs/{A}.crt").exists()
    attempts = [
        plain | {"username": None, "password": None},
        plain | {"username": A, "password": "sai"},
        plain | {"username": A, "password": ""},
        {"tls_context": None},
    ]
    if by_certificate:
        forged = deployed.home / "forged"
        forged.mkdir(exist_ok=True)
        kind = f"-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN={A}"
        deployed.run(f"openssl req {kind} -keyout {forged}/key.pem -out {forged}/own.pem")
        context = ssl.create_default_context(cafile=deployed.authority)
        context.load_cert_chain(forged / "own.pem", forged / "key.pem")
        attempts.append({"tls_context": context})
    clients = [deployed.device(A, **{"timeout": 1, **options}) for options in attempts]
    clients.append(aiomqtt.Client(peers.LOOPBACK, deployed.here, timeout=1))
    assert await asyncio.gather(*map(comes_in, clients)) == [False] * len(clients)
    assert await comes_in(deployed.device(A))


@pytest.mark.fault("mqtt-impersonation")
async def test_a_right_that_was_taken_back_is_gone(deployed: Deployed) -> None:
    """As the guide does it; all others stay. A password ends the connection that stands, too."""
    by_certificate = (deployed.home / f"certs/{DISMISSED}.crt").exists()
    async with deployed.device(A) as other:
        if by_certificate:
            revoke, renew = guide(BY_CERTIFICATE, "openssl ca")[1:]
            deployed.run(revoke.replace(A, DISMISSED))
            deployed.run(renew)
            deployed.reload()
        else:
            with pytest.raises(aiomqtt.MqttError):
                await dismissed(deployed)
        for _ in range(20):
            if not await comes_in(deployed.device(DISMISSED, timeout=1)):
                break
        else:
            raise AssertionError("it still comes in")
        await other.publish(f"{SITE}/{A}/event", b"still here", qos=1)
    assert await comes_in(deployed.device(A))


async def dismissed(deployed: Deployed) -> None:
    """MqttError: a device that is connected while its password is taken away is out."""
    async with deployed.device(DISMISSED) as connected:
        (line,) = guide("## Take a device's right away", "mosquitto_passwd")
        deployed.run(line.replace(A, DISMISSED).replace("/etc/mosquitto", str(deployed.home)))
        deployed.reload()
        async with asyncio.timeout(20):
            await anext(aiter(connected.messages))

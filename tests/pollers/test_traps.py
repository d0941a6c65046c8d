"""The ear for traps: who is heard, how much, and what becomes of it; over real sockets on loopback."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from netmon import catalogue
from netmon.credential import Credential, Secret
from netmon.inventory import Inventory
from netmon.model import At, Device, Outcome, Speech
from netmon.notice import Notice
from netmon.pollers import traps as room
from netmon.pollers.snmp import now
from netmon.pollers.traps import Traps, open_sockets
from netmon.settings import TrapSettings
from netmon.snmp import Client, ber, oid
from netmon.snmp.ber import Tag
from tests import peers
from tests.snmp.test_notifications import COLD_START, GOOD, IF_INDEX, TRAP_OID, trap_v2, varbind

HERE, THERE, ELSEWHERE = peers.LOOPBACK, "127.0.0.2", "127.0.0.3"
PUBLIC = {"c": Credential(name="c", version="2c", community=Secret("public"))}
OTHER = varbind("1.3.6.1.6.3.1.1.4.1.0", ber.tlv(Tag.OID, oid.encode(COLD_START)))


def trap_v3(user: bytes) -> bytes:
    """From a user, as far as one reads who does not know it."""
    of = lambda *parts: ber.tlv(Tag.SEQUENCE, b"".join(parts))  # noqa: E731
    number, text = (lambda value: ber.encode(Tag.INTEGER, value)), (lambda value: ber.tlv(Tag.OCTET_STRING, value))
    engine = bytes.fromhex("80001f888001020304")
    security = of(text(engine), number(1), number(1), text(user), text(b""), text(b""))
    scoped = of(text(engine), text(b""), ber.tlv(Tag.TRAP, number(1) + number(0) + number(0) + of()))
    return of(number(3), of(number(1), number(1500), text(b"\0"), number(3)), text(security), scoped)


def inventory(*devices: Device) -> Inventory:
    return Inventory({}, {device.id: device for device in devices}, {})


def device(name: str, address: str = HERE, **fields: Any) -> Device:
    return Device(id=name, site="s", **{"addresses": (address,), "credential": "c"} | fields)


class Ear:
    """Traps that are heard, with all that they bring about."""

    def __init__(self, *devices: Device, settings: TrapSettings | None = None, clock: Callable[[], At] = now) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.woken: list[tuple[str, float]] = []
        self.told: list[Notice] = []
        wake = lambda name, after_s: self.woken.append((name, after_s))  # noqa: E731
        self.traps = Traps((bytes.fromhex("80004fb805aabbcc"), 1), self, wake, self.told.append, clock)
        self.take(*devices, settings=settings)

    def take(self, *devices: Device, settings: TrapSettings | None = None) -> None:
        self.traps.take(inventory(*devices), PUBLIC, settings or TrapSettings())

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        self.counts[family.removeprefix("netmon_").removesuffix("_total"), *labels.values()] += int(amount)

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        raise AssertionError(family)

    observe = gauge

    @property
    def taken(self) -> int:
        return sum(amount for key, amount in self.counts.items() if key[0] == "traps")

    @property
    def dropped(self) -> dict[str, int]:
        return {key[1]: amount for key, amount in self.counts.items() if key[0] == "traps_dropped"}

    def heard(self) -> int:
        """Datagrams, whatever became of them."""
        return self.taken + sum(self.dropped.values())

    async def until(self, look: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not look():  # noqa: ASYNC110 - what is waited for is a count
                await asyncio.sleep(0.005)


@contextmanager
def hearing(ear: Ear, *sockets: socket.socket) -> Iterator[tuple[str, int]]:
    """The ear on a free port, or on these sockets; gives the place of the first."""
    bound = sockets or tuple(open_sockets([(HERE, 0)]))
    place = bound[0].getsockname()
    ear.traps.listen(bound)
    try:
        yield place
    finally:
        ear.traps.close()


@pytest.fixture
async def sender() -> AsyncIterator[Callable[..., socket.socket]]:
    """Sockets that send: `sender(address)`."""
    opened: list[socket.socket] = []

    def open_one(address: str = HERE) -> socket.socket:
        opened.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM))
        opened[-1].bind((address, 0))
        opened[-1].setblocking(False)
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


async def test_a_trap_is_told_once_and_wakes_its_device(sender):
    """A repetition within a minute is counted, and no more; neither changes anything else."""
    ear = Ear(device("r1"), device("r2", THERE))
    with hearing(ear) as place, capture_logs() as logs:
        for _ in range(3):
            sender().sendto(GOOD, place)
        await ear.until(lambda: ear.heard() == 3)
        sender(THERE).sendto(trap_v2(OTHER), place)
        await ear.until(lambda: ear.heard() == 4)
    assert ear.counts == {("traps", "trap"): 4}
    first, second = ear.told
    assert first[1:] == ("trap", "r1", "linkDown", HERE, {"ifIndex.3": "3"})
    assert (second.device, second.name, second.source) == ("r2", "coldStart", THERE)
    assert [(entry["device"], entry["notice"], entry["carries"]) for entry in logs if "notice" in entry] == [
        ("r1", "linkDown", "ifIndex.3=3"),
        ("r2", "coldStart", ""),
    ]
    assert [name for name, _ in ear.woken] == ["r1", "r1", "r2"]


async def test_a_device_is_woken_at_once_and_then_once_in_five_seconds(sender):
    """What comes between is seen by a poll at their end: none is lost, and none is doubled."""
    instant = [100.0]
    ear = Ear(device("r1"), clock=lambda: At(0.0, instant[0]))
    with hearing(ear) as place:
        for heard, at in enumerate((100.0, 101.0, 103.0, 104.9, 105.5, 120.0), 1):
            instant[0] = at
            sender().sendto(GOOD, place)
            await ear.until(lambda heard=heard: ear.heard() == heard)
    assert ear.woken == [("r1", 0.0), ("r1", 4.0), ("r1", 4.5), ("r1", 0.0)]


async def test_who_may_not_speak_is_counted_and_named_once(sender):
    """A stranger, a wrong community, nonsense, and a datagram that is too long; the good one behind them is taken."""
    ear = Ear(device("r1"), Device(id="m1", site="s", speaks=Speech.MQTT))
    with hearing(ear) as place, capture_logs() as logs:
        for data, source in (
            *[(GOOD, THERE)] * 3,
            *[(trap_v2(TRAP_OID, community=b"private"), HERE)] * 2,
            (b"nonsense", HERE),
            (trap_v2(TRAP_OID, varbind(IF_INDEX, ber.encode(Tag.OCTET_STRING, bytes(9000)))), HERE),
            (GOOD, HERE),
        ):
            sender(source).sendto(data, place)
        await ear.until(lambda: ear.heard() == 8)
    assert ear.dropped == {"stranger": 3, "credential": 2, "malformed": 2}
    assert (ear.taken, [notice.device for notice in ear.told]) == (1, ["r1"])
    warned = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [(entry["source"], entry.get("reason")) for entry in warned] == [
        (THERE, None), (HERE, "credential"), (HERE, "malformed"),
    ]  # fmt: skip


async def test_the_next_reason_why_an_address_is_refused_is_told_at_once(sender):
    """Each once, and not without end: the text of a reason may have a stranger's user in it."""
    ear = Ear(device("r1"))
    users = [b"first", b"second", b"first", b"third", b"fourth", b"fifth"]
    with hearing(ear) as place, capture_logs() as logs:
        for user in users:
            sender().sendto(trap_v3(user), place)
        await ear.until(lambda: ear.heard() == len(users))
    assert ear.dropped == {"credential": len(users)}
    told = [entry["why"] for entry in logs if entry.get("reason") == "credential"]
    assert len(told) == room.REFUSALS_TOLD == 4
    assert all(user in why for user, why in zip(("first", "second", "third", "fourth"), told, strict=True))


async def test_what_a_reload_changes_holds_for_the_next_datagram(sender):
    """Addresses, further ones, and credentials that all may use, on the same socket."""
    ear = Ear(device("r1"))
    private = trap_v2(TRAP_OID, community=b"private")
    credentials = PUBLIC | {"traps": Credential(name="traps", version="1", community=Secret("private"))}
    with hearing(ear) as place:
        sender(THERE).sendto(GOOD, place)
        await ear.until(lambda: ear.heard() == 1)
        changed = inventory(device("r2", also_from=(THERE,), addresses=("192.0.2.1",)))
        ear.traps.take(changed, credentials, TrapSettings(credentials=("traps",)))
        for data, source in ((GOOD, THERE), (private, THERE), (GOOD, HERE)):
            sender(source).sendto(data, place)
        await ear.until(lambda: ear.heard() == 4)
    assert ear.dropped == {"stranger": 2}
    assert [(notice.device, notice.name) for notice in ear.told] == [("r2", "linkDown")] * 2


async def test_devices_behind_one_address_that_nothing_tells_apart_are_all_told_of_and_woken(sender):
    ear = Ear(*[device(f"r{n}", port=161 + n) for n in range(10)])
    with hearing(ear) as place:
        sender().sendto(GOOD, place)
        await ear.until(lambda: ear.heard())
    assert [notice.device for notice in ear.told] == [f"r{n}" for n in range(room.MOST_BEHIND)]
    assert ear.woken == [(f"r{n}", 0.0) for n in range(room.MOST_BEHIND)]


async def test_an_inform_that_comes_again_is_acknowledged_again_and_told_once(sender):
    """The acknowledgement comes from the address that was spoken to, though the socket is bound to all."""
    ear = Ear(device("r1", THERE))
    inform = trap_v2(OTHER, tag=Tag.INFORM)
    with hearing(ear, *open_sockets([("0.0.0.0", 0)])) as (_, port):
        r1 = sender(THERE)
        r1.connect((ELSEWHERE, port))  # the kernel refuses what comes from elsewhere
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            for _ in range(2):
                await loop.sock_sendall(r1, inform)
                assert await loop.sock_recv(r1, 500) == trap_v2(OTHER, tag=Tag.RESPONSE)
    assert ear.counts == {("traps", "inform"): 2}
    assert [(notice.kind, notice.name) for notice in ear.told] == [("inform", "coldStart")]


@pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"), reason="there is no IPv6 here")
async def test_ipv6_is_heard_and_ipv4_on_a_socket_of_both(sender):
    """systemd opens one socket for both: what comes by IPv4 has the address of its device all the same."""
    both = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.bind(("::", 0))
    ear = Ear(device("six", "::1"), device("four", THERE))
    inform = trap_v2(OTHER, tag=Tag.INFORM)
    with hearing(ear, both) as (_, port, *_):
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            for source, to in (("::1", "::1"), (THERE, ELSEWHERE)):
                one = sender(source)
                one.connect((to, port))
                await loop.sock_sendall(one, inform)
                assert await loop.sock_recv(one, 500) == trap_v2(OTHER, tag=Tag.RESPONSE)
    assert [(notice.device, notice.source) for notice in ear.told] == [("six", "::1"), ("four", THERE)]


@pytest.mark.parametrize("client", [Client], indirect=True)  # which engine asks is all the same to who hears traps
async def test_a_flood_of_20_000_traps_leaves_polls_and_other_devices_untouched(sender, box, poller_of, monkeypatch):
    """Each datagram is taken or counted as dropped; the flood is told when it begins and when it is over."""
    monkeypatch.setattr(room, "LOOK_S", 0.05)
    flood, settings = 20_000, TrapSettings(rate=20.0, burst=50.0)
    ear = Ear(device("r1"), device("r2", THERE), settings=settings)
    poller = poller_of((await box()).port)
    polls = []
    with hearing(ear) as place, capture_logs() as logs:
        loop = asyncio.get_running_loop()
        began = loop.time()

        def pour() -> None:
            with socket.socket(type=socket.SOCK_DGRAM) as source:
                source.bind((HERE, 0))
                for _ in range(flood):
                    source.sendto(GOOD, place)

        thread = threading.Thread(target=pour)
        thread.start()
        while thread.is_alive() or len(polls) < 5:
            polls.append(await poller.poll())
        thread.join()
        await ear.until(lambda: ear.heard() == flood)
        lasted_s = loop.time() - began
        other = sender(THERE)
        other.sendto(trap_v2(OTHER), place)
        await ear.until(lambda: any(notice.device == "r2" for notice in ear.told))
        await ear.until(lambda: any(notice.name == "is over" for notice in ear.told))
    assert {poll.outcome for poll in polls} == {Outcome.ANSWERED}
    assert 0 < ear.counts["traps", "trap"] - 1 <= settings.burst + settings.rate * lasted_s + 1
    assert set(ear.dropped) <= {"flood", "overflow", "busy"}
    begins, over = [notice for notice in ear.told if notice.kind == "flood"]
    assert (begins.device, begins.name, begins.source) == ("r1", "begins", HERE)
    assert over.detail["dropped"] == str(ear.dropped["flood"])
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        "a flood of traps begins",
        "a flood of traps is over",
    ]
    assert len([entry for entry in logs if entry.get("notice") == "linkDown"]) == 1
    assert len([name for name, _ in ear.woken if name == "r1"]) <= 2 + lasted_s / room.WAKE_S


async def test_a_flood_that_lasts_is_told_of_when_its_address_goes_or_netmon_stops(sender):
    for end in ("goes", "stops"):
        ear = Ear(device("r1"), settings=TrapSettings(rate=0.001, burst=1.0))
        with hearing(ear) as place:
            for _ in range(3):
                sender().sendto(GOOD, place)
            await ear.until(lambda ear=ear: ear.heard() == 3)
            if end == "goes":
                ear.take()
                assert len(ear.told) == 3
        assert [(notice.name, dict(notice.detail).get("dropped")) for notice in ear.told[1:]] == [
            ("begins", None), ("is over", "2"),
        ]  # fmt: skip


@pytest.mark.parametrize("turn_s", [0.0, room.TURN_S])
async def test_what_the_kernel_drops_is_counted(turn_s, sender, monkeypatch):
    """While the loop is busy elsewhere its buffer fills: every datagram that was sent is heard or counted, also where a turn
    of a slow machine ends before the flood is one."""
    monkeypatch.setattr(room, "RECEIVE_BUFFER", 0)
    monkeypatch.setattr(room, "TURN_S", turn_s)
    ear = Ear(device("r1"), settings=TrapSettings(burst=10.0))
    with hearing(ear) as place:
        source = sender()
        for _ in range(3000):
            source.sendto(GOOD, place)
        await ear.until(lambda: ear.heard() == 3000)
    assert ear.dropped["overflow"] > 0
    assert ear.taken <= 11
    over = ear.told[-1]
    assert (over.name, over.detail["overflow"]) == ("is over", str(ear.dropped["overflow"]))
    assert ear.taken + int(over.detail["dropped"]) + int(over.detail["overflow"]) == 3000


async def test_a_flood_is_told_what_was_lost_in_it_and_not_what_others_lost_before(sender, monkeypatch):
    """Also of an address that speaks all the time, and in the second flood of two."""
    instant, kernel = [1000.0], [0]
    monkeypatch.setattr(room, "_kernel_drops", lambda _: kernel[0])
    ear = Ear(device("r1"), settings=TrapSettings(rate=2.0, burst=4.0), clock=lambda: At(0.0, instant[0]))
    with hearing(ear) as place:
        source = sender()

        async def hears(datagrams: int) -> None:
            heard = ear.heard() - ear.dropped.get("overflow", 0) + datagrams
            for _ in range(datagrams):
                source.sendto(GOOD, place)
            await ear.until(lambda: ear.heard() - ear.dropped.get("overflow", 0) == heard)

        await hears(2)
        kernel[0] += 5000  # somebody else's
        for _ in range(30):
            instant[0] += 0.45
            await hears(1)
        for lost in (3, 7):
            await hears(2)
            kernel[0] += lost
            await hears(20)
            instant[0] += 30.0
            ear.traps._watch_floods()
            assert (ear.told[-1].name, ear.told[-1].detail["overflow"]) == ("is over", str(lost))


async def test_decoding_takes_no_more_than_its_share_of_the_loop(sender, monkeypatch):
    """When it is used up, what comes from any device is dropped and counted, and said once."""
    monkeypatch.setattr(room, "SHARE", 0.0)
    monkeypatch.setattr(room, "STORE_S", 1e-9)
    ear = Ear(device("r1"), device("r2", THERE))
    with hearing(ear) as place, capture_logs() as logs:
        sender().sendto(GOOD, place)
        await ear.until(lambda: ear.heard() == 1)
        for address in (HERE, THERE, THERE):
            sender(address).sendto(trap_v2(OTHER), place)
        await ear.until(lambda: ear.heard() == 4)
    assert (ear.taken, ear.dropped) == (1, {"busy": 3})
    assert len([entry for entry in logs if entry["log_level"] == "warning"]) == 1


async def test_a_bug_is_counted_and_the_next_trap_is_heard(sender):
    ear = Ear(device("r1"))
    read, ear.traps._notifications = ear.traps._notifications, None
    with hearing(ear) as place, capture_logs():
        sender().sendto(GOOD, place)
        await ear.until(lambda: ear.counts["bugs", "pollers"])
        ear.traps._notifications = read
        sender().sendto(GOOD, place)
        await ear.until(lambda: ear.taken)
    assert [notice.name for notice in ear.told] == ["linkDown"]


def test_a_port_that_another_has_is_an_error_and_leaves_nothing_open():
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind((HERE, 0))
        with pytest.raises(OSError, match="in use"):
            open_sockets([(HERE, 0), taken.getsockname()])


def test_the_guide_explains_every_reason_and_kind():
    guide = (peers.ROOT / "docs" / "traps.md").read_text(encoding="utf-8")
    for family in ("netmon_traps_total", "netmon_traps_dropped_total"):
        assert family in guide
        assert all(f"`{value}`" in guide for value in catalogue.OWN[family].values)

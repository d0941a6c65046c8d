"""Datagrams to the port of traps: from who may speak, with right credentials and spoilt insides, and from strangers."""

from __future__ import annotations

import os
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from netmon.credential import Credential, Secret
from netmon.inventory import Inventory
from netmon.model import At, Device
from netmon.notice import Notice
from netmon.pollers.traps import Traps
from netmon.settings import TrapSettings
from netmon.snmp import ber, oid, v3
from netmon.snmp.ber import Tag
from netmon.snmp.usm import Keys, Usm
from tests.snmp.agent_v3 import BOOTS, TIME
from tests.snmp.fuzzing import HIDDEN, ID, OLD, SIGNER, scratched, spoil
from tests.snmp.usm_oracle import AUTH_KEY, ENGINE, PRIV_KEY
from tests.soak.fuzz.frame import Item

HERE, STRANGER = "192.0.2.1", "203.0.113.9"
OUR_ENGINE = bytes.fromhex("80004fb805aabbcc")
USERS = {"signer": SIGNER, "hidden": HIDDEN, "old": OLD}
_TRAP_V1 = 0xA4


class _Socket:
    """A socket on which one datagram waits at a time; to the loop it is a pipe into which nobody writes."""

    def __init__(self) -> None:
        self.ends = os.pipe()
        self.waiting: deque[tuple[bytes, str]] = deque()
        self.sent: list[bytes] = []

    def recvmsg(self, octets: int, control: int) -> tuple[bytes, list[Any], int, tuple[str, int]]:
        if not self.waiting:
            raise BlockingIOError
        data, source = self.waiting.popleft()
        return data[:octets], [], 0, (source, 40_000)

    def sendmsg(self, parts: list[bytes], *_: Any) -> None:
        self.sent = [bytes(part) for part in parts]

    def fileno(self) -> int:
        return self.ends[0]

    def close(self) -> None:
        for end in self.ends:
            os.close(end)

    def getsockopt(self, *_: Any) -> bytes:
        return bytes(36)


class _Datagrams:
    """`kind`: "plain", or the name of the user that seals a PDU; an "i" before it makes us the authority; "stranger"."""

    together = 1
    most_mb = 96
    cpu_s = 0.2  # pysnmp reads, a millisecond a message and some more for many values
    cpu_s_an_octet = 1e-4

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._notices = 0
        self._woken = 0
        self._ticks = 0.0
        self._started = time.monotonic()
        self._makers = {(name, engine): Keys(usm, engine) for name, usm in USERS.items() for engine in (ENGINE, OUR_ENGINE)}
        self.traps = Traps((OUR_ENGINE, BOOTS), self, self._wake, self._tell, self._clock)
        names = ("v2c", *USERS)
        devices = [Device(id=name, site="s", addresses=(HERE,), credential=name) for name in names]
        known = {"v2c": Credential(name="v2c", version="2c", community=Secret("public"))}
        known |= {name: _credential(name, usm) for name, usm in USERS.items()}
        inventory = Inventory({}, {device.id: device for device in devices}, {})
        self.traps.take(inventory, known, TrapSettings(rate=1e9, burst=1_000_000_000))
        self._socket: Any = _Socket()
        self.traps._sockets[self._socket] = 0

    def _clock(self) -> At:
        self._ticks += 20.0  # so that neither its share of the loop's time nor the sparing of notices keeps anything off
        return At(1.8e9 + self._ticks, self._ticks)

    def _wake(self, device: str, after_s: float) -> None:
        self._woken += 1

    def _tell(self, notice: Notice) -> None:
        self._notices += 1
        assert len(notice.detail) <= 20
        assert all(len(key) + len(text) < 4000 for key, text in notice.detail.items()), notice

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        self.counts[f"{family.removeprefix('netmon_')} {' '.join(labels.values())}"] += int(amount)

    def gauge(self, family: str, value: float, /, **labels: str) -> None: ...

    observe = gauge

    def seeds(self) -> list[Item]:
        def tlv(tag: int, *parts: bytes) -> bytes:
            return ber.tlv(tag, b"".join(parts))

        def bind(name: str, value: bytes) -> bytes:
            return tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, oid.encode(name)), value)

        number = lambda value: ber.encode(Tag.INTEGER, value)  # noqa: E731
        binds = tlv(
            Tag.SEQUENCE,
            bind("1.3.6.1.2.1.1.3.0", ber.encode(Tag.TIME_TICKS, 4711)),
            bind("1.3.6.1.6.3.1.1.4.1.0", ber.tlv(Tag.OID, oid.encode("1.3.6.1.6.3.1.1.5.3"))),
            bind("1.3.6.1.2.1.2.2.1.1.3", number(3)),
            bind("1.3.6.1.2.1.31.1.1.1.18.3", ber.tlv(Tag.OCTET_STRING, "TSLCD Bảo Lạc".encode())),
            bind("1.3.6.1.4.1.2011.1.1", ber.tlv(Tag.OPAQUE, bytes.fromhex("9f780442280000"))),
            bind("1.3.6.1.4.1.2011.1.2", ber.encode(Tag.COUNTER64, (1 << 64) - 1)),
        )
        items = []
        for pdu in (Tag.TRAP, Tag.INFORM):
            whole = tlv(pdu, number(ID), number(0), number(0), binds)
            plain = tlv(Tag.SEQUENCE, number(1), ber.tlv(Tag.OCTET_STRING, b"public"), whole)
            items += [Item("plain", plain), Item("stranger", plain)]
            for name in USERS:
                for mine in ("", "i"):
                    engine = OUR_ENGINE if mine else ENGINE
                    scoped = tlv(Tag.SEQUENCE, ber.tlv(Tag.OCTET_STRING, engine), b"\x04\x00", whole)
                    items.append(Item(f"{mine}{name}", scoped))
        old = [ber.tlv(Tag.OID, oid.encode("1.3.6.1.4.1.2011")), ber.tlv(Tag.IP_ADDRESS, b"\x0a\x04\x01\x09")]
        old += [number(2), number(0), ber.encode(Tag.TIME_TICKS, 123), binds]
        items.append(Item("plain", tlv(Tag.SEQUENCE, number(0), ber.tlv(Tag.OCTET_STRING, b"public"), tlv(_TRAP_V1, *old))))
        return [*items, *(Item("plain", self._sealed(item)) for item in items if item.kind not in ("plain", "stranger"))]

    def _sealed(self, item: Item) -> bytes:
        mine = item.kind.startswith("i")
        name, engine = item.kind.removeprefix("i"), OUR_ENGINE if mine else ENGINE
        maker = self._makers[name, engine]
        if maker._privacy is not None:
            maker._privacy._salt = ID  # not by chance, so that a seed brings the same again
        passed = int(time.monotonic() - self._started)
        ticks = passed if mine else TIME + passed
        return v3.seal(item.data[:7000], maker, USERS[name].level, BOOTS, ticks, ID)

    def spoil(self, item: Item, dice: random.Random, others: list[Item]) -> Item:
        data = [dice.choice(others).data for _ in range(4)]
        spoilt = spoil(item.data, dice, data) if dice.random() < 0.8 else scratched(item.data, dice, data)
        return Item(item.kind, spoilt)

    async def give(self, item: Item) -> str:
        data = item.data if item.kind in ("plain", "stranger") else self._sealed(item)
        self._socket.waiting.append((data, STRANGER if item.kind == "stranger" else HERE))
        before, notices = self.counts.copy(), self._notices
        self.traps._readable(self._socket)
        changed = self.counts - before
        assert sum(changed.values()) == 1, f"{changed}: one datagram is counted once"
        return f"{next(iter(changed))}: {item.kind} {self._notices - notices} told, {len(self._socket.sent)} sent back"

    def check(self) -> None:
        assert not self.counts["bugs_total pollers"]
        assert len(self.traps._repeats._told) <= 5000
        assert len(self.traps._misfits._told) <= 1000


def _credential(name: str, usm: Usm) -> Credential:
    return Credential(
        name=name,
        version="3",
        user=usm.user,
        auth_protocol=usm.auth_protocol,
        auth_key=Secret(AUTH_KEY),
        priv_protocol=usm.priv_protocol,
        priv_key=Secret(PRIV_KEY) if usm.priv_protocol else None,
    )


@asynccontextmanager
async def datagrams(dice: random.Random) -> AsyncIterator[_Datagrams]:
    given = _Datagrams()
    yield given
    given.traps.close()

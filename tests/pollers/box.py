"""A scripted device: a MIB in a dict behind a real UDP socket, with the faults that devices have."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self

from netmon.snmp import GEN_ERR, NO_SUCH_NAME, TOO_BIG, Query, Tag, Value, encode_response, oid
from tests.snmp.agent import Agent, successors

SYSTEM = "1.3.6.1.2.1.1"
IF = "1.3.6.1.2.1.2.2.1"
IFX = "1.3.6.1.2.1.31.1.1.1"


class Box:
    """`mib` is by dotted instance. `varbinds` is the most that fit an answer; a GET of more
    than it `swallows` has none; `dumb_after` falls silent after that many
    queries; `hidden` are instances that GETNEXT shows and GET does not have; who asks for one
    that is `failing` gets `failure`, with its place where it `tells_which`; `status` is answered instead of values."""

    def __init__(self) -> None:
        self.mib: dict[str, tuple[int, Value]] = {
            f"{SYSTEM}.1.0": (Tag.OCTET_STRING, b"A scripted box"),
            f"{SYSTEM}.2.0": (Tag.OID, oid.encode("1.3.6.1.4.1.99999.1")),
            f"{SYSTEM}.5.0": (Tag.OCTET_STRING, b"box"),
            f"{SYSTEM}.6.0": (Tag.OCTET_STRING, "Cao Bằng".encode()),
        }
        self.varbinds = 1000
        self.swallows = 1000
        self.dumb_after = 10**9
        self.hidden: set[str] = set()
        self.failing: set[str] = set()
        self.failure = GEN_ERR
        self.tells_which = True
        self.status = 0
        self.reboot(1000.0)
        self.agent = Agent(self._answer)

    async def open(self, address: str = "127.0.0.1", port: int = 0) -> Self:
        await self.agent.open(address, port)
        self.address, self.port = self.agent.address, self.agent.port
        return self

    @property
    def queries(self) -> list[Query]:
        return self.agent.queries

    def gets(self) -> list[list[str]]:
        """The names of the GETs so far."""
        return [[oid.decode(name) for name in query.oids] for query in self.queries if query.pdu == Tag.GET]

    def forget(self) -> None:
        self.queries.clear()

    def reboot(self, uptime_s: float = 1.0) -> None:
        """Sets how long it has been up."""
        self.booted = time.monotonic() - uptime_s

    def add_interface(self, index: int, name: str, descr: str | None = None, *, hc: bool = True, octets: int = 1000) -> None:
        rows: Mapping[str, tuple[int, Value]] = {
            f"{IF}.2": (Tag.OCTET_STRING, (descr if descr is not None else name).encode()),
            f"{IF}.3": (Tag.INTEGER, 6),
            f"{IF}.5": (Tag.GAUGE32, 100_000_000),
            f"{IF}.7": (Tag.INTEGER, 1),
            f"{IF}.8": (Tag.INTEGER, 2),
            **{f"{IF}.{column}": (Tag.COUNTER32, octets + column) for column in (10, 13, 14, 16, 19, 20)},
        }
        more: Mapping[str, tuple[int, Value]] = {
            f"{IFX}.1": (Tag.OCTET_STRING, name.encode()),
            f"{IFX}.6": (Tag.COUNTER64, octets + 2**40),
            f"{IFX}.10": (Tag.COUNTER64, octets + 2**41),
            f"{IFX}.15": (Tag.GAUGE32, 100),
            f"{IFX}.18": (Tag.OCTET_STRING, b"to the province"),
            f"{IFX}.19": (Tag.TIME_TICKS, 7),
        }
        for column, value in (rows | more if hc else rows).items():
            self.mib[f"{column}.{index}"] = value

    def remove_interface(self, index: int) -> None:
        for name in [name for name in self.mib if name.startswith((IF, IFX)) and name.endswith(f".{index}")]:
            del self.mib[name]

    def _answer(self, agent: Agent, query: Query, source: Any) -> None:
        if len(self.queries) > self.dumb_after or (query.pdu == Tag.GET and len(query.oids) > self.swallows):
            return
        mib = {oid.encode(name): value for name, value in self.mib.items()}
        mib[oid.encode(f"{SYSTEM}.3.0")] = (Tag.TIME_TICKS, int((time.monotonic() - self.booted) * 100) % 2**32)
        status, index = self.status, 0
        if query.pdu == Tag.GET:
            absent = (Tag.NO_SUCH_INSTANCE, None)
            hidden = {oid.encode(name) for name in self.hidden}
            values = [(name, *(absent if name in hidden else mib.get(name, absent))) for name in query.oids]
        else:
            values = successors(mib, query)
        missing = [
            place for place, (_, tag, _) in enumerate(values, 1) if tag in (Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW)
        ]
        if query.version == 0 and missing:
            status, index = NO_SUCH_NAME, missing[0]
            values = [(name, Tag.NULL, None) for name in query.oids]
        failing = [place for place, name in enumerate(query.oids, 1) if oid.decode(name) in self.failing]
        if failing:
            values = [(name, Tag.NULL, None) for name in query.oids]
            status, index = self.failure, failing[0] if self.tells_which else 0
        if len(values) > self.varbinds and query.pdu == Tag.GET:
            status, values = TOO_BIG, []
        agent.transport.sendto(encode_response(query, values, status, index), source)

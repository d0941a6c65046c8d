"""A recorded device: a `.snmprec` file (OID|tag|value, as snmpsim serves it), asked without a network.

A `Recording` is an `Asker`: whatever speaks to agents can be run on it. Its values stand still.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Self

from netmon.snmp import oid
from netmon.snmp.ber import Tag, Value
from netmon.snmp.message import Request, VarBind
from netmon.snmp.question import Response
from netmon.snmp.target import Target

_SYS_UPTIME = oid.encode("1.3.6.1.2.1.1.3.0")

Read = Callable[[str], Value]


def _ip_address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def _octets(text: str) -> bytes:
    return text.encode("utf-8")


def _escaped(text: str) -> bytes:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1", "replace")


_READ: dict[str, tuple[int, Read]] = {
    "2": (Tag.INTEGER, int),
    "4": (Tag.OCTET_STRING, _octets),
    "4x": (Tag.OCTET_STRING, bytes.fromhex),
    "4e": (Tag.OCTET_STRING, _escaped),
    "5": (Tag.NULL, lambda text: None),
    "6": (Tag.OID, oid.encode),
    "64": (Tag.IP_ADDRESS, _ip_address),
    "64x": (Tag.IP_ADDRESS, bytes.fromhex),
    "65": (Tag.COUNTER32, int),
    "66": (Tag.GAUGE32, int),
    "67": (Tag.TIME_TICKS, int),
    "68": (Tag.OPAQUE, _octets),
    "68x": (Tag.OPAQUE, bytes.fromhex),
    "70": (Tag.COUNTER64, int),
}
"""By the tag in the file: the tag on the wire, and how its text is read."""


class Recording:
    """The objects of a recorded device, in lexicographic order."""

    def __init__(self, objects: Iterable[VarBind]) -> None:
        keyed = sorted({oid.arcs(one.oid): one for one in objects}.items())
        self._keys = [key for key, _ in keyed]
        self._objects = [one for _, one in keyed]
        self._by_name = {one.oid: one for one in self._objects}
        self.asked: set[bytes] = set()
        """The names whose values were asked for by a GET."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The recording in a file's text. ValueError with the line that is none, and why."""
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, _, rest = line.partition("|")
            tag, bar, value = rest.partition("|")
            if not bar or tag not in _READ:
                raise ValueError(f"line {number}: OID|tag|value is expected, with one of the tags {', '.join(_READ)}")
            try:
                on_wire, read = _READ[tag]
                found.append(VarBind(oid.encode(name), on_wire, read(value)))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
        return cls(found)

    @property
    def objects(self) -> Sequence[VarBind]:
        """All of them, in order."""
        return self._objects

    async def ask(self, target: Target, request: Request, deadline: float = inf) -> Response:
        """The answer to a request, as an SNMPv2 agent gives it."""
        if request.pdu == Tag.GET:
            self.asked.update(request.oids)
            found = [self._by_name.get(name) or self._missing(name) for name in request.oids]
            return self._response(found, [one.value for one in found])
        if request.pdu == Tag.GET_NEXT:
            return self._response([self._next(name) for name in request.oids], None)
        single, repeated = request.oids[: request.non_repeaters], list(request.oids[request.non_repeaters :])
        came = [self._next(name) for name in single]
        for _ in range(request.max_repetitions if repeated else 0):
            row = [self._next(name) for name in repeated]
            came += row
            if all(one.tag == Tag.END_OF_MIB_VIEW for one in row):
                break
            repeated = [one.oid for one in row]
        return self._response(came, None)

    def _missing(self, name: bytes) -> VarBind:
        if name == _SYS_UPTIME:  # every agent has it, and many recordings do not
            return VarBind(name, Tag.TIME_TICKS, 8_640_000)
        return VarBind(name, Tag.NO_SUCH_INSTANCE, None)

    def _next(self, name: bytes) -> VarBind:
        place = bisect_right(self._keys, oid.arcs(name))
        return self._objects[place] if place < len(self._objects) else VarBind(name, Tag.END_OF_MIB_VIEW, None)

    @staticmethod
    def _response(varbinds: list[VarBind], values: list[Value] | None) -> Response:
        now = time.monotonic()
        return Response(varbinds, values, 0, 0, 64, sent=now, received=now, attempts=1)

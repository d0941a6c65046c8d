"""The objects of a simulated device: SNMPv2-MIB system, IF-MIB ifTable and ifXTable (RFC 3418, RFC 2863), of a router its
board and its optical modules (ENTITY-MIB, HUAWEI-ENTITY-EXTENT-MIB), and of a power controller what
HUAWEI-SITE-MONITOR-MIB says of its plant.

A `View` holds the objects of one life of a device in lexicographic order; their values are computed when they are asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from netmon.sim.hardware import hardware
from netmon.sim.power import PowerPlant, PowerState
from netmon.sim.province import Interface, Machine, Role
from netmon.sim.traffic import Flow
from netmon.snmp import oid
from netmon.snmp.ber import Tag

Value = int | bytes
Read = Callable[[float], Value]
"""The value of an object at an instant (Unix seconds), within the width of its tag."""
Column = tuple[int, Tag, Read]

_SYSTEM = "1.3.6.1.2.1.1"
_IF_NUMBER = "1.3.6.1.2.1.2.1"
_IF_ENTRY = "1.3.6.1.2.1.2.2.1"
_IF_X_ENTRY = "1.3.6.1.2.1.31.1.1.1"
_IF_TABLE_LAST_CHANGE = "1.3.6.1.2.1.31.1.5"

_SITE_MONITOR = "1.3.6.1.4.1.2011.6.164.1"
_NOT_FITTED = 2**31 - 1

_PACKET = 740
"""Mean octets of a packet."""
_ERRORS_ONE_IN = 2_000_000
_DISCARDS_ONE_IN = 45


class Object(NamedTuple):
    """An object instance; `name` is its OID's content octets."""

    name: bytes
    tag: Tag
    read: Read


class View:
    """Objects in the order of a walk."""

    __slots__ = ("_keys", "_places", "_types", "objects")

    def __init__(self, objects: Iterable[Object]) -> None:
        keyed = sorted(((oid.arcs(entry.name), entry) for entry in objects), key=lambda pair: pair[0])
        self.objects = [entry for _, entry in keyed]
        self._keys = [key for key, _ in keyed]
        self._types = {key[:-1] for key in self._keys}
        self._places = {entry.name: n for n, entry in enumerate(self.objects)}

    def get(self, name: bytes) -> Object | None:
        place = self._places.get(name)
        return None if place is None else self.objects[place]

    def after(self, name: bytes) -> int:
        """The place of the first object behind a name; as many as there are objects when there is none."""
        place = self._places.get(name)
        return bisect_right(self._keys, oid.arcs(name)) if place is None else place + 1

    def has_type(self, name: bytes) -> bool:
        """Whether a name lies below an object type that is here: what tells noSuchInstance from noSuchObject."""
        arcs = oid.arcs(name)
        return any(arcs[:n] in self._types for n in range(1, len(arcs)))


def view(machine: Machine, life: int, booted: float) -> View:
    """The objects of a device that has restarted `life` times, last at `booted` (Unix seconds)."""
    power = _power(machine.plant) if machine.plant else ()
    parts = () if machine.plant else (Object(oid.encode(name), tag, read) for name, tag, read in hardware(machine, life))
    return View([*_system(machine, booted), *_interfaces(machine, life, booted), *parts, *power])


def _ticks(booted: float, at: float) -> int:
    """1/100 s from `booted` to `at`, modulo 2^32 as sysUpTime counts them."""
    return int((at - booted) * 100) % 2**32


def _fixed(value: Value) -> Read:
    return lambda at: value


def _system(machine: Machine, booted: float) -> Iterator[Object]:
    columns: tuple[Column, ...] = (
        (1, Tag.OCTET_STRING, _fixed(machine.role.description.encode())),
        (2, Tag.OID, _fixed(oid.encode(machine.role.object_id))),
        (3, Tag.TIME_TICKS, lambda at: _ticks(booted, at)),
        (4, Tag.OCTET_STRING, _fixed("Trung tâm điều hành mạng tỉnh".encode())),
        (5, Tag.OCTET_STRING, _fixed(machine.id.encode())),
        (6, Tag.OCTET_STRING, _fixed(machine.location.encode())),
        (7, Tag.INTEGER, _fixed(72 if machine.role is Role.POWER else 78)),
    )
    for column, tag, read in columns:
        yield Object(oid.encode(f"{_SYSTEM}.{column}.0"), tag, read)


def _interfaces(machine: Machine, life: int, booted: float) -> Iterator[Object]:
    rows = machine.rows(life)
    yield Object(oid.encode(f"{_IF_NUMBER}.0"), Tag.INTEGER, _fixed(len(rows)))
    yield Object(oid.encode(f"{_IF_TABLE_LAST_CHANGE}.0"), Tag.TIME_TICKS, _fixed(0))
    for index, interface in rows:
        for column, tag, read in _if_columns(interface, index, booted):
            yield Object(oid.encode(f"{_IF_ENTRY}.{column}.{index}"), tag, read)
        for column, tag, read in _if_x_columns(interface, booted):
            yield Object(oid.encode(f"{_IF_X_ENTRY}.{column}.{index}"), tag, read)


def _if_columns(interface: Interface, index: int, booted: float) -> Iterator[Column]:
    received, sent = _counters(interface, booted)

    def status(at: float) -> int:
        return 1 if interface.up_at(at) else 2

    def last_change(at: float) -> int:
        change = interface.down.last_change(at) if interface.down else None
        return _ticks(booted, change) if change is not None and change > booted else 0

    yield 1, Tag.INTEGER, _fixed(index)
    yield 2, Tag.OCTET_STRING, _fixed(f"{interface.name} Interface".encode())
    yield 3, Tag.INTEGER, _fixed(interface.if_type)
    yield 4, Tag.INTEGER, _fixed(1500)
    yield 5, Tag.GAUGE32, _fixed(min(interface.speed, 2**32 - 1))
    yield 6, Tag.OCTET_STRING, _fixed(interface.mac)
    yield 7, Tag.INTEGER, _fixed(1)
    yield 8, Tag.INTEGER, status
    yield 9, Tag.TIME_TICKS, last_change
    yield 10, Tag.COUNTER32, lambda at: received(at) % 2**32
    yield 11, Tag.COUNTER32, lambda at: received(at) // _PACKET % 2**32
    yield 13, Tag.COUNTER32, _fixed(0)
    yield 14, Tag.COUNTER32, lambda at: received(at) // (_PACKET * _ERRORS_ONE_IN) % 2**32
    yield 15, Tag.COUNTER32, _fixed(0)
    yield 16, Tag.COUNTER32, lambda at: sent(at) % 2**32
    yield 17, Tag.COUNTER32, lambda at: sent(at) // _PACKET % 2**32
    discarded = _PACKET * _DISCARDS_ONE_IN
    yield 19, Tag.COUNTER32, (lambda at: sent(at) // discarded % 2**32) if interface.full else _fixed(0)
    yield 20, Tag.COUNTER32, _fixed(0)


def _if_x_columns(interface: Interface, booted: float) -> Iterator[Column]:
    received, sent = _counters(interface, booted)
    yield 1, Tag.OCTET_STRING, _fixed(interface.name.encode())
    for column in (2, 3, 4, 5):
        yield column, Tag.COUNTER32, _fixed(0)
    yield 6, Tag.COUNTER64, received
    yield 7, Tag.COUNTER64, lambda at: received(at) // _PACKET
    for column in (8, 9):
        yield column, Tag.COUNTER64, _fixed(0)
    yield 10, Tag.COUNTER64, sent
    yield 11, Tag.COUNTER64, lambda at: sent(at) // _PACKET
    for column in (12, 13):
        yield column, Tag.COUNTER64, _fixed(0)
    yield 14, Tag.INTEGER, _fixed(1)
    yield 15, Tag.GAUGE32, _fixed(interface.speed // 1_000_000)
    yield 16, Tag.INTEGER, _fixed(2)
    yield 17, Tag.INTEGER, _fixed(1 if interface.if_type == 6 else 2)
    yield 18, Tag.OCTET_STRING, _fixed(interface.alias.encode())
    yield 19, Tag.TIME_TICKS, _fixed(0)


def _counters(interface: Interface, booted: float) -> tuple[Callable[[float], int], Callable[[float], int]]:
    """Octets in and out of an interface since its device started."""

    def since(flows: tuple[Flow, ...]) -> Callable[[float], int]:
        base = sum(flow.carried(booted) for flow in flows)
        return lambda at: sum(flow.carried(at) for flow in flows) - base

    return since(interface.into), since(interface.out)


def _power(plant: PowerPlant) -> Iterator[Object]:
    """One AC input with one phase, two rectifiers, one string of batteries in slot 5, one DC output, one sensor in the room.
    Volts, amperes and the battery's temperature are in tenths."""

    def tenths(value: Callable[[PowerState], float]) -> Read:
        return lambda at: round(10 * value(plant.at(at)))

    def whole(value: Callable[[PowerState], float]) -> Read:
        return lambda at: round(value(plant.at(at)))

    def rectified(now: PowerState) -> float:
        return now.output_current_amperes + now.battery_current_amperes if now.mains_up else 0.0

    def charging(now: PowerState) -> int:
        return 3 if not now.mains_up else 2 if now.battery_current_amperes > 0 else 1

    volts, amperes = tenths(lambda now: now.output_voltage_volts), tenths(lambda now: now.output_current_amperes)
    watts = whole(lambda now: now.output_voltage_volts * now.output_current_amperes)
    into_battery = tenths(lambda now: now.battery_current_amperes)
    objects: tuple[tuple[str, Tag, Read], ...] = (
        ("3.1.3.0", Tag.GAUGE32, tenths(rectified)),
        ("3.1.4.0", Tag.GAUGE32, _fixed(2)),
        ("4.1.3.0", Tag.GAUGE32, _fixed(1)),
        ("4.2.1.0", Tag.INTEGER, into_battery),
        ("4.2.2.0", Tag.GAUGE32, whole(lambda now: now.battery_remaining_seconds / 60)),
        ("4.2.3.0", Tag.INTEGER, whole(charging)),
        ("4.2.10.0", Tag.GAUGE32, whole(lambda now: 100 * now.battery_charge_ratio)),
        ("4.4.1.1.3.5", Tag.OCTET_STRING, _fixed(b"Battery String1")),
        ("4.4.2.1.2.5", Tag.INTEGER, into_battery),
        ("4.4.2.1.3.5", Tag.GAUGE32, whole(lambda now: 1000 * now.battery_charge_ratio)),
        ("4.4.2.1.6.5", Tag.INTEGER, tenths(lambda now: now.temperature_celsius)),
        ("5.1.4.0", Tag.GAUGE32, _fixed(1)),
        ("5.2.1.1.3.1", Tag.OCTET_STRING, _fixed(b"AC Distribution")),
        ("5.2.1.1.4.1", Tag.GAUGE32, tenths(lambda now: now.mains_voltage_volts)),
        ("5.2.1.1.5.1", Tag.GAUGE32, _fixed(_NOT_FITTED)),
        ("5.2.1.1.6.1", Tag.GAUGE32, _fixed(_NOT_FITTED)),
        ("5.2.1.1.99.1", Tag.INTEGER, lambda at: 1 if plant.at(at).mains_up else 2),
        ("6.1.3.0", Tag.GAUGE32, volts),
        ("6.1.4.0", Tag.INTEGER, amperes),
        ("6.1.5.0", Tag.GAUGE32, watts),
        ("6.2.1.1.3.1", Tag.OCTET_STRING, _fixed(b"DC Distribution")),
        ("6.2.1.1.4.1", Tag.GAUGE32, volts),
        ("6.2.1.1.5.1", Tag.INTEGER, amperes),
        ("6.2.1.1.6.1", Tag.GAUGE32, watts),
        ("8.2.1.1.3.1", Tag.OCTET_STRING, _fixed(b"Environment temperature sensor1")),
        ("8.2.1.1.4.1", Tag.INTEGER, whole(lambda now: now.temperature_celsius)),
    )
    for instance, tag, read in objects:
        yield Object(oid.encode(f"{_SITE_MONITOR}.{instance}"), tag, read)

"""What a simulated router says that it is made of: ENTITY-MIB (RFC 6933), and what HUAWEI-ENTITY-EXTENT-MIB tells of its
board and of the optical modules in its ports. Powers are in hundredths of a dBm, as routers of this maker have them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from math import pi, sin
from random import Random

from netmon.sim.optics import HIGH_LIMIT_DBM, LOW_LIMIT_DBM, Optic
from netmon.sim.province import Interface, Machine
from netmon.snmp import Tag, oid

Value = int | bytes
Read = Callable[[float], Value]
Named = tuple[str, Tag, Read]
"""An object: its OID, the tag of its value, and the value at an instant."""

_ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
_ALIAS = "1.3.6.1.2.1.47.1.3.2.1.2"
_IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
_STATE = "1.3.6.1.4.1.2011.5.25.31.1.1.1.1"
_OPTIC = "1.3.6.1.4.1.2011.5.25.31.1.1.3.1"

_CHASSIS, _BOARD, _PORTS = 16777216, 16842752, 16850000
_DAY_S = 86_400.0


def hardware(machine: Machine, life: int) -> Iterator[Named]:
    """All of it, in one life of the device: ports that are renumbered take their modules along."""
    dice = Random(f"{machine.id}/board")
    busy, memory, warmth, phase = dice.uniform(8, 30), dice.randrange(35, 60), dice.uniform(34, 46), dice.random()
    model, _, software = (
        machine.role.description.removeprefix("Huawei ").removesuffix(" (simulated)").partition(" Versatile")
    )
    serial = hashlib.sha256(machine.id.encode()).hexdigest()[:12].upper()
    facts = ((2, model), (7, f"{model} chassis"), (10, software.rpartition("Version ")[2]), (11, serial), (12, "Huawei"))
    for column, said in (*facts, (13, model)):
        yield f"{_ENTITY}.{column}.{_CHASSIS}", Tag.OCTET_STRING, _fixed(said.encode())
    yield f"{_ENTITY}.4.{_CHASSIS}", Tag.INTEGER, _fixed(0)
    yield f"{_ENTITY}.5.{_CHASSIS}", Tag.INTEGER, _fixed(3)
    yield f"{_ENTITY}.4.{_BOARD}", Tag.INTEGER, _fixed(_CHASSIS)
    yield f"{_ENTITY}.5.{_BOARD}", Tag.INTEGER, _fixed(9)
    yield f"{_ENTITY}.7.{_BOARD}", Tag.OCTET_STRING, _fixed(f"{model} board 0".encode())
    yield f"{_STATE}.5.{_BOARD}", Tag.INTEGER, lambda at: round(busy + 5 * sin(2 * pi * (at / 3600 + phase)))
    yield f"{_STATE}.7.{_BOARD}", Tag.INTEGER, _fixed(memory)
    yield f"{_STATE}.11.{_BOARD}", Tag.INTEGER, lambda at: round(warmth + 4 * sin(2 * pi * at / _DAY_S))
    for index, interface in machine.rows(life):
        if interface.optic is not None:
            yield from _module(index, interface, interface.optic)


def _module(index: int, interface: Interface, optic: Optic) -> Iterator[Named]:
    entity = _PORTS + index
    yield f"{_ENTITY}.4.{entity}", Tag.INTEGER, _fixed(_BOARD)
    yield f"{_ENTITY}.5.{entity}", Tag.INTEGER, _fixed(10)
    yield f"{_ENTITY}.7.{entity}", Tag.OCTET_STRING, _fixed(interface.name.encode())
    yield f"{_ALIAS}.{entity}.0", Tag.OID, _fixed(oid.encode(f"{_IF_INDEX}.{index}"))
    yield f"{_OPTIC}.5.{entity}", Tag.INTEGER, lambda at: round(optic.temperature_celsius(at))
    yield f"{_OPTIC}.6.{entity}", Tag.INTEGER, _fixed(3290)
    yield f"{_OPTIC}.7.{entity}", Tag.INTEGER, _fixed(round(20 + 5 * optic.transmit_dbm))
    yield f"{_OPTIC}.8.{entity}", Tag.INTEGER, lambda at: round(100 * optic.receive_dbm(at))
    yield f"{_OPTIC}.9.{entity}", Tag.INTEGER, _fixed(round(100 * optic.transmit_dbm))
    yield f"{_OPTIC}.13.{entity}", Tag.INTEGER, _fixed(round(100 * LOW_LIMIT_DBM))
    yield f"{_OPTIC}.14.{entity}", Tag.INTEGER, _fixed(round(100 * HIGH_LIMIT_DBM))


def _fixed(value: Value) -> Read:
    return lambda at: value

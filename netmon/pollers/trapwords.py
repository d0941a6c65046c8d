"""Traps in words: the names of those that every network has, and what they carry as short text.

Sources: SNMPv2-MIB (RFC 3418), IF-MIB (RFC 2863), BRIDGE-MIB (RFC 4188), UPS-MIB (RFC 1628), BGP4-MIB (RFC 4273),
OSPF-TRAP-MIB (RFC 4750), VRRP-MIB (RFC 2787), RMON-MIB (RFC 2819), ENTITY-MIB (RFC 6933), NET-SNMP-AGENT-MIB. Other names
stay numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from netmon.snmp.notifications import Plain

MOST_SHOWN = 16
"""Varbinds of one notification that are put in words."""

_LONGEST = 120

_TRAPS = {
    "1.3.6.1.6.3.1.1.5.1": "coldStart",
    "1.3.6.1.6.3.1.1.5.2": "warmStart",
    "1.3.6.1.6.3.1.1.5.3": "linkDown",
    "1.3.6.1.6.3.1.1.5.4": "linkUp",
    "1.3.6.1.6.3.1.1.5.5": "authenticationFailure",
    "1.3.6.1.6.3.1.1.5.6": "egpNeighborLoss",
    "1.3.6.1.2.1.14.16.2.2": "ospfNbrStateChange",
    "1.3.6.1.2.1.15.0.1": "bgpEstablishedNotification",
    "1.3.6.1.2.1.15.0.2": "bgpBackwardTransNotification",
    "1.3.6.1.2.1.15.7.1": "bgpEstablished",
    "1.3.6.1.2.1.15.7.2": "bgpBackwardTransition",
    "1.3.6.1.2.1.16.0.1": "risingAlarm",
    "1.3.6.1.2.1.16.0.2": "fallingAlarm",
    "1.3.6.1.2.1.17.0.1": "newRoot",
    "1.3.6.1.2.1.17.0.2": "topologyChange",
    "1.3.6.1.2.1.33.2.1": "upsTrapOnBattery",
    "1.3.6.1.2.1.33.2.2": "upsTrapTestCompleted",
    "1.3.6.1.2.1.33.2.3": "upsTrapAlarmEntryAdded",
    "1.3.6.1.2.1.33.2.4": "upsTrapAlarmEntryRemoved",
    "1.3.6.1.2.1.47.2.0.1": "entConfigChange",
    "1.3.6.1.2.1.68.0.1": "vrrpTrapNewMaster",
    "1.3.6.1.4.1.8072.4.0.1": "nsNotifyStart",
    "1.3.6.1.4.1.8072.4.0.2": "nsNotifyShutdown",
    "1.3.6.1.4.1.8072.4.0.3": "nsNotifyRestart",
}
_OBJECTS = {
    "1.3.6.1.2.1.1.5": "sysName",
    "1.3.6.1.2.1.2.2.1.1": "ifIndex",
    "1.3.6.1.2.1.2.2.1.2": "ifDescr",
    "1.3.6.1.2.1.2.2.1.7": "ifAdminStatus",
    "1.3.6.1.2.1.2.2.1.8": "ifOperStatus",
    "1.3.6.1.2.1.31.1.1.1.1": "ifName",
    "1.3.6.1.2.1.31.1.1.1.18": "ifAlias",
    "1.3.6.1.2.1.33.1.2.2": "upsSecondsOnBattery",
    "1.3.6.1.2.1.33.1.2.3": "upsEstimatedMinutesRemaining",
    "1.3.6.1.2.1.33.1.6.2.1.2": "upsAlarmDescr",
    "1.3.6.1.6.3.1.1.4.3": "snmpTrapEnterprise",
    "1.3.6.1.6.3.18.1.3": "snmpTrapAddress",
}


def trap_name(oid: str) -> str:
    """linkDown for 1.3.6.1.6.3.1.1.5.3; the number itself where it has no name here."""
    if oid in _TRAPS:
        return _TRAPS[oid]
    # A v1 trap of a MIB that was written for v2 has a zero before its last number (RFC 3584, section 3.1).
    enterprise, _, specific = oid.rpartition(".0.")
    return _TRAPS.get(f"{enterprise}.{specific}", oid)


def in_words(varbinds: Sequence[tuple[str, Plain]]) -> dict[str, str]:
    """What a notification carries, as short text by name; a name that comes again is numbered (ifIndex.3#2), and `more`
    says how much of it is not there."""
    words: dict[str, str] = {}
    times: Counter[str] = Counter()
    for oid, value in varbinds[:MOST_SHOWN]:
        name = _object_name(oid)
        times[name] += 1
        words[name if times[name] == 1 else f"{name}#{times[name]}"] = _text(value)
    return words | ({"more": str(len(varbinds) - MOST_SHOWN)} if len(varbinds) > MOST_SHOWN else {})


def _object_name(oid: str) -> str:
    """ifIndex.3 for 1.3.6.1.2.1.2.2.1.1.3; a scalar's .0 goes."""
    column, instance = oid, ""
    while column:
        if column in _OBJECTS:
            return _OBJECTS[column] + (f".{instance}" if instance not in ("", "0") else "")
        column, _, last = column.rpartition(".")
        instance = f"{last}.{instance}" if instance else last
    return oid


def _text(value: Plain) -> str:
    match value:
        case None:
            return ""
        case bytes():
            return _octets(value)
    return _short(str(value))


def _octets(value: bytes) -> str:
    """Text where it is text, else hexadecimal."""
    try:
        text = value.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        text = ""
    return _short(text) if text.isprintable() and (text or not value) else _short(value[:_LONGEST].hex())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

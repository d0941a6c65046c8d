"""What can go wrong between netmon and an agent. Each prints as one sentence for an engineer."""

# ruff: noqa: N818 - they are named for what happened, as the outcomes of a poll are

from __future__ import annotations


class SnmpError(Exception):
    """Any failure of SNMP; the text is a whole sentence."""


class Silent(SnmpError):
    """Nothing usable came back in time. The device may be down, unreachable, or may not know the community."""


class Late(Silent):
    """The caller's deadline came before the answer."""


class Refused(SnmpError):
    """Something lives there but would not be measured: a closed port, or an answer from an address not expected."""


class LocalFailure(SnmpError):
    """Our own side failed: no route, no descriptor, a full send buffer. Says nothing of the device."""


class Malformed(SnmpError):
    """Bytes that are no SNMP message, or not the one expected (RFC 1157, RFC 3416)."""


class Unsupported(SnmpError):
    """The request cannot be put this way: GETBULK in SNMPv1."""

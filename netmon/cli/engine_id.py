"""What an SNMPv3 engine id says of the machine that has it (RFC 3411, SnmpEngineID)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

MAKERS = {
    9: "Cisco", 11: "HP", 318: "APC", 2011: "Huawei", 2254: "Delta", 2636: "Juniper", 3902: "ZTE", 6527: "Nokia",
    8072: "net-snmp", 12356: "Fortinet", 14988: "MikroTik", 25506: "H3C", 41112: "Ubiquiti",
}  # fmt: skip
"""Private enterprise numbers (IANA) that are met in a province."""

_BY_FORM, _LENGTHS = 0x80, {1: 4, 2: 16, 3: 6}
_SHORTEST, _LONGEST = 5, 32


def in_words(engine_id: bytes) -> str:
    """The octets, the maker's enterprise number, and what stands behind it: "80001f88… (enterprise 8072, net-snmp)"."""
    if not _SHORTEST <= len(engine_id) <= _LONGEST:
        return f"{engine_id.hex()} (not of {_SHORTEST} to {_LONGEST} octets, as RFC 3411 has it)"
    number = int.from_bytes(engine_id[:4], "big") & 0x7FFF_FFFF
    said = [f"enterprise {number}", MAKERS.get(number, ""), _rest(engine_id[4], engine_id[5:]) if _formed(engine_id) else ""]
    return f"{engine_id.hex()} ({', '.join(filter(None, said))})"


def _formed(engine_id: bytes) -> bool:
    """Whether the fifth octet says what follows; older ids are twelve octets of the maker's own."""
    return bool(engine_id[0] & _BY_FORM)


def _rest(form: int, rest: bytes) -> str:
    if _LENGTHS.get(form, len(rest)) != len(rest):
        return ""
    if form == 1:
        return str(IPv4Address(rest))
    if form == 2:
        return str(IPv6Address(rest))
    if form == 3:
        return f"MAC {rest.hex(':')}"
    text = rest.decode("utf-8", "replace") if form == 4 else ""
    return f'"{text}"' if text and text.isprintable() else ""

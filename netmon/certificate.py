"""What a PEM file of certificates says of itself, as far as netmon asks: until when it holds (RFC 5280, section 4.1.2.5)."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _VERSION = 0x30, 0x17, 0xA0


def expiry(pem: str) -> float:
    """When the first certificate of a file is over, in Unix seconds. ValueError: there is none in it."""
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if not 0 <= begin < end:
        raise ValueError("no certificate in PEM form")
    rest = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)])
    try:
        for _ in range(2):  # Certificate, TBSCertificate
            _, rest, _ = _element(rest)
        if rest[0] == _VERSION:
            _, _, rest = _element(rest)
        for _ in range(3):  # serialNumber, signature, issuer
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, after = _element(validity)
        tag, told, _ = _element(after)
    except IndexError:
        raise ValueError("no certificate in PEM form") from None
    year = "%y" if tag == _UTC_TIME else "%Y"
    return datetime.strptime(told.decode("ascii"), f"{year}%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _element(octets: bytes) -> tuple[int, bytes, bytes]:
    """The first element of DER (ITU-T X.690): its tag, what is in it, and what follows it. IndexError: it is cut short."""
    tag, length, start = octets[0], octets[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(octets[2:start], "big")
    if len(octets) < start + length:
        raise IndexError
    return tag, octets[start : start + length], octets[start + length :]

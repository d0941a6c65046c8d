"""Quantities as people write them, turned into base units at the edge and back.

Durations are seconds (`50ms`, `30s`, `5m`, `1h`, `7d`), rates bytes per second (`200 Mbit/s`), sizes bytes (`512 MB`),
lengths kilometres (`12.4 km`), powers dBm (`-28 dBm`), margins dB (`3 dB`), ratios 0 to 1 (`90 %` or `0.9`), days the Unix
second at which they begin in Asia/Ho_Chi_Minh, days of the year month and day (`01-31`). Every reader raises UnfitError with
what is accepted.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_address
from math import inf

from netmon.model import VIET_NAM
from netmon.settings.problem import UnfitError

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_DURATION = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
_BYTES = {"bit/s": Decimal("0.125"), "kbit/s": Decimal(125), "Mbit/s": Decimal(125_000), "Gbit/s": Decimal(125_000_000)}
_LENGTH = {"m": Decimal("0.001"), "km": Decimal(1)}
_SIZE = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
_LIKE_POWER = re.compile(rf"[-\u2212]\s*{_NUMBER}\s*(?:db|dbm)?", re.IGNORECASE)
_LIKE_DECIBELS = re.compile(rf"{_NUMBER}\s*db", re.IGNORECASE)
_LIKE_SIZE = re.compile(rf"{_NUMBER}\s*([mg])(i?)b?", re.IGNORECASE)
_LIKE_DURATION = re.compile(rf"{_NUMBER}\s*(ms|s|m|h|d)(?:ec|econd|in|inute|our|r|ay)?s?", re.IGNORECASE)
_LIKE_LENGTH = re.compile(rf"{_NUMBER}\s*(km|m)", re.IGNORECASE)
_LIKE_RATE = re.compile(rf"{_NUMBER}\s*([kKmMgG]?)(?:bps|b/s|bits?(?:/s|ps)?)")
_PORTS = 65535
_COMMON_YEAR = 2001


def duration(value: object) -> float:
    """`50ms`, `30s`, `5m`, `1h`, `7d` as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|[smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is not a duration: write it as 50ms, 30s, 5m, 1h or 7d", _duration_hint(value))
    seconds = float(Decimal(found[1]) * _DURATION[found[2]])
    if seconds <= 0:
        raise UnfitError(f"{_shown(value)} is no time at all: a duration is longer than 0s")
    return seconds


def rate(value: object) -> float:
    """`64 kbit/s`, `200 Mbit/s`, `1 Gbit/s` as bytes per second."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kMG]?bit/s)", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is not a rate: write it as 64 kbit/s, 200 Mbit/s or 1 Gbit/s", _rate_hint(value))
    octets = float(Decimal(found[1]) * _BYTES[found[2]])
    if not 0 < octets < inf:
        raise UnfitError(f"{_shown(value)} is what no link carries: a rate is more than 0 bit/s, and finite")
    return octets


def ratio(value: object) -> float:
    """`90 %` or `0.9` as 0.9."""
    part: int | float
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?) ?%", value)):
        part = float(Decimal(found[1]) / 100)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        part = value
    else:
        hint = f"did you mean {value.replace(',', '.')}?" if isinstance(value, str) and "," in value else ""
        raise UnfitError(f"{_shown(value)} is not a ratio: write it as 90 % or 0.9", hint)
    if not 0 <= part <= 1:
        hint = f"did you mean {value} %?" if not isinstance(value, str) and 1 < part <= 100 else ""
        raise UnfitError(f"{_shown(value)} is not a ratio: it lies from 0 % to 100 %, or from 0 to 1", hint)
    return float(part)


def size(value: object) -> int:
    """`512 MB`, `2 GB`, `512 MiB`, `2 GiB` as bytes."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([MG]i?B)", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is not a size: write it as 512 MB, 2 GB, 512 MiB or 2 GiB", _size_hint(value))
    return int(Decimal(found[1]) * _SIZE[found[2]])


def length(value: object) -> float:
    """`12.4 km`, `850 m` as kilometres."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?(k?m)", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is not a length: write it as 12.4 km or 850 m", _length_hint(value))
    return float(Decimal(found[1]) * _LENGTH[found[2]])


def power(value: object) -> float:
    """`-28 dBm` as that: light at a receiver."""
    found = re.fullmatch(r"(-?\d{1,3}(?:\.\d{1,9})?) ?dBm", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is not a power: write it as -28 dBm", _power_hint(value))
    return float(found[1])


def decibels(value: object) -> float:
    """`3 dB` as that: light above what a receiver needs."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?) ?dB", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is no margin: write it as 3 dB", _decibels_hint(value))
    return float(found[1])


def month_day(value: object) -> tuple[int, int]:
    """`01-31` as a day of every year, month and day."""
    found = re.fullmatch(r"(\d\d)-(\d\d)", value) if isinstance(value, str) else None
    if found is None:
        raise UnfitError(f"{_shown(value)} is not a day of the year: write month and day as 01-31")
    month, day_of_month = int(found[1]), int(found[2])
    try:
        date(_COMMON_YEAR, month, day_of_month)
    except ValueError:
        raise UnfitError(f"{_shown(value)} does not come every year") from None
    return month, day_of_month


def day(value: object) -> float:
    """`2025-07-01` as the Unix second at which that day begins in Asia/Ho_Chi_Minh."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise UnfitError(f"{_shown(value)} is not in the calendar") from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise UnfitError(f"{_shown(value)} is not a day: write it as 2025-07-01")
    return datetime(value.year, value.month, value.day, tzinfo=VIET_NAM).timestamp()


def today() -> date:
    """The day that it is in Asia/Ho_Chi_Minh."""
    return datetime.now(VIET_NAM).date()


def address(value: object) -> str:
    """An IPv4 or IPv6 address. Names are not resolved: an answer is known by the address that it comes from."""
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(ip_address(value))
    except ValueError:
        raise UnfitError(f"{_shown(value)} is not an IP address: write it as 10.4.0.1 or 2001:db8::1") from None


def endpoint(value: object) -> tuple[str, int]:
    """`127.0.0.1:9797` or `[::1]:9797` as host and port; port 0 lets the system choose a free one."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\]:\s]+)):(\d{1,5})", value) if isinstance(value, str) else None
    if found is None or int(found[3]) > _PORTS:
        raise UnfitError(f'{_shown(value)} is not a place to listen: write it as 127.0.0.1:9797 or "[::1]:9797"')
    return found[1] or found[2], int(found[3])


def write_duration(seconds: float) -> str:
    """The shortest of `50ms`, `30s`, `5m`, `1h`, `7d` that `duration` reads as exactly these seconds."""
    exact = Decimal(repr(seconds))
    for unit, size in reversed(_DURATION.items()):
        if size > 1 and exact % size == 0:
            return f"{_plain(exact / size)}{unit}"
    return f"{_plain(exact)}s" if exact >= 1 else f"{_plain(exact * 1000)}ms"


def write_rate(octets: float) -> str:
    """Bytes per second in the largest unit of which there is at least one; `rate` reads it as exactly this."""
    exact = Decimal(repr(octets))
    unit = next((unit for unit, size in reversed(_BYTES.items()) if exact >= size), "bit/s")
    return f"{_plain(exact / _BYTES[unit])} {unit}"


def write_ratio(part: float) -> str:
    """0.9 as `90 %`; `ratio` reads it as exactly this."""
    return f"{_plain(Decimal(repr(part)) * 100)} %"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return f"'{value}'"


def _may_lack_its_unit(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return number and re.fullmatch(r"\d+(?:\.\d+)?", str(value)) is not None


def _duration_hint(value: object) -> str:
    if _may_lack_its_unit(value):
        return f"did you mean {value}s?"
    if isinstance(value, str) and (found := _LIKE_DURATION.fullmatch(value)):
        return f"did you mean {found[1].replace(',', '.')}{found[2].lower()}?"
    return ""


def _rate_hint(value: object) -> str:
    if _may_lack_its_unit(value):
        return f"did you mean {value} Mbit/s?"
    found = _LIKE_RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return ""
    prefix = {"K": "k", "m": "M", "g": "G"}.get(found[2], found[2])
    return f"did you mean {found[1].replace(',', '.')} {prefix}bit/s?"


def _power_hint(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"did you mean {value} dBm?"
    found = _LIKE_POWER.fullmatch(value) if isinstance(value, str) else None
    return f"did you mean -{found[1].replace(',', '.')} dBm?" if found is not None else ""


def _decibels_hint(value: object) -> str:
    if _may_lack_its_unit(value):
        return f"did you mean {value} dB?"
    found = _LIKE_DECIBELS.fullmatch(value) if isinstance(value, str) else None
    return f"did you mean {found[1].replace(',', '.')} dB?" if found is not None else ""


def _length_hint(value: object) -> str:
    if _may_lack_its_unit(value):
        return f"did you mean {value} km?"
    found = _LIKE_LENGTH.fullmatch(value) if isinstance(value, str) else None
    return f"did you mean {found[1].replace(',', '.')} {found[2].lower()}?" if found is not None else ""


def _size_hint(value: object) -> str:
    if _may_lack_its_unit(value):
        return f"did you mean {value} MB?"
    found = _LIKE_SIZE.fullmatch(value) if isinstance(value, str) else None
    return f"did you mean {found[1].replace(',', '.')} {found[2].upper()}{found[3].lower()}B?" if found is not None else ""

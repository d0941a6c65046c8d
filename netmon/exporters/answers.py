"""What an InfluxDB's answer to a write means for the lines that were sent. Pure.

Answers as InfluxDB 1.x, 2.x and VictoriaMetrics give them, and the proxies in front of them:
https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

RETRY_AFTER_AT_MOST_S = 3600.0
"""A receiver that asks for more is asked again after this."""

_SAMPLE = 300
_DROPPED = re.compile(r"\bdropped=(\d+)")


class Result(StrEnum):
    """The words of netmon_influx_writes_total: `refused` waits for an operator, `busy` and `failed` for the receiver."""

    OK = "ok"
    REFUSED = "refused"
    REJECTED = "rejected"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a write ended. `status` is HTTP's, 0 when none came; `detail` a short sentence, the receiver's if it said one.

    `dropped`: of a rejected write, how many lines were bad when all others were kept; None when nothing was kept.
    `retry_after_s`: what the receiver asked for.
    """

    result: Result
    status: int = 0
    detail: str = ""
    dropped: int | None = None
    retry_after_s: float | None = None


def judge(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Answer:
    """The answer to a write; `headers` in any case of letters, `now` in Unix seconds."""
    text = _sentence(body)
    detail = shortened(text) or f"HTTP status {status}"
    if 200 <= status < 300:
        return Answer(result=Result.OK, status=status)
    match status:
        case 400 | 422:
            return Answer(result=Result.REJECTED, status=status, detail=detail, dropped=_dropped(text))
        case 413:
            return Answer(result=Result.TOO_LARGE, status=status, detail=detail)
        case 429 | 503:
            asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
            return Answer(result=Result.BUSY, status=status, detail=detail, retry_after_s=_retry_after(asked, now))
    temporary = status >= 500 or status in (408, 425)
    return Answer(result=Result.FAILED if temporary else Result.REFUSED, status=status, detail=detail)


def shortened(text: str) -> str:
    """One line of at most some 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _SAMPLE else line[:_SAMPLE] + "…"


def _sentence(body: bytes) -> str:
    """What the receiver says: `message` (v2) or `error` (v1) of its JSON, else the body as it is."""
    text = body.decode(errors="replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(said, dict):
        return str(said.get("message") or said.get("error") or text)
    return text


def _dropped(text: str) -> int | None:
    """A partial write says how many points it dropped, but counts lines that it could not read only by naming them."""
    if "partial write" not in text:
        return None
    match = _DROPPED.search(text)
    return max(int(match[1]) if match else 0, text.count("unable to parse"))


def _retry_after(asked: str, now: float) -> float | None:
    """Seconds, or a date of HTTP (RFC 9110, 10.2.3); None when it is neither."""
    if asked.isascii() and asked.isdigit():
        return RETRY_AFTER_AT_MOST_S if len(asked) > 4 else min(float(asked), RETRY_AFTER_AT_MOST_S)
    try:
        date = parsedate_to_datetime(asked)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_AT_MOST_S)

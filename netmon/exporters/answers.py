"""What an InfluxDB's answer to a write means for the lines that were sent. Pure.

Answers as InfluxDB 1.x, 2.x, 3.x and VictoriaMetrics give them, and whatever else stands at the address or before it. Points
are dropped only on the word of an InfluxDB; what another server says of a write is for an operator, and they are kept.
https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite
https://docs.influxdata.com/influxdb3/core/write-data/troubleshoot/
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum

from netmon.settings import InfluxSettings

RETRY_AFTER_AT_MOST_S = 3600.0
"""A receiver that asks for more is asked again after this."""

ANSWER_BYTES = 2**16
"""What is read of an answer's body: one that names each of many bad lines is cut."""

LISTED_AT_MOST = 100
"""InfluxDB 3 lists no more bad lines than these: there may be others."""

SHORTEST_SECRET = 4
"""What is shorter is not looked for in what a receiver says: it would be found everywhere."""

_SAMPLE = 300
_DROPPED = re.compile(r"\bdropped=(\d{1,9})(?!\d)")
_LISTED = re.compile(r"\bline (\d{1,9})\b")
"""Of a line that is quoted these find nothing: it would have an escaped space, or an escaped equals sign."""

_CUT = re.compile(r'\s*\{\s*"(?:error|code|message)"\s*:\s*"')
"""How the answer of an InfluxDB begins whose end is missing."""


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

    `dropped`: of a rejected write, how many lines were bad when all others were kept; None when nothing was kept, or it is
    not known how many.
    `retry_after_s`: what the receiver asked for.
    """

    result: Result
    status: int = 0
    detail: str = ""
    dropped: int | None = None
    retry_after_s: float | None = None


def judge(status: int, headers: Mapping[str, str], body: bytes, now: float, hide: Callable[[str], str] = str) -> Answer:
    """The answer to a write; `headers` in any case of letters, `now` in Unix seconds. `hide` takes out of what the receiver
    said what nobody may read."""
    told = {name.lower(): value for name, value in headers.items()}
    readable = told.get("content-encoding", "identity").strip().lower() in ("", "identity")
    text = body[:ANSWER_BYTES].decode(errors="replace") if readable else ""
    said = _said(text)
    detail = shortened(hide(text if said is None else said.text)) or f"HTTP status {status}"
    if 200 <= status < 300:
        if status == 204 or not body or not _is_html(told.get("content-type", ""), text):
            return Answer(result=Result.OK, status=status)
        return Answer(result=Result.REFUSED, status=status, detail=f"a page of HTML, is this InfluxDB? {detail}")
    match status:
        case 400 | 422:
            if said is None:
                return Answer(result=Result.REFUSED, status=status, detail=f"is this InfluxDB? {detail}")
            return Answer(result=Result.REJECTED, status=status, detail=detail, dropped=said.dropped)
        case 413:
            return Answer(result=Result.TOO_LARGE, status=status, detail=detail)
        case 429 | 503:
            asked = told.get("retry-after", "")
            return Answer(result=Result.BUSY, status=status, detail=detail, retry_after_s=_retry_after(asked, now))
    temporary = status >= 500 or status in (408, 425)
    return Answer(result=Result.FAILED if temporary else Result.REFUSED, status=status, detail=detail)


def shortened(text: str) -> str:
    """One line of at most some 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _SAMPLE else line[:_SAMPLE] + "…"


def basic(settings: InfluxSettings) -> str:
    """User and password as basic authentication has them (RFC 7617)."""
    known = f"{settings.user}:{settings.password.reveal() if settings.password else ''}"
    return base64.b64encode(known.encode()).decode()


def hiding(settings: InfluxSettings) -> Callable[[str], str]:
    """Takes the secrets out of what a receiver or a proxy repeats, in each form in which they are sent."""
    known = [basic(settings).rstrip("=")] if settings.user else []
    if settings.password is not None:
        known.append(settings.password.reveal())
    if settings.token is not None and settings.token.reveal():
        known += [settings.token.reveal(), f"Token {settings.token.reveal()}"]
    secrets = sorted((secret for secret in known if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    return hide


@dataclass(frozen=True, slots=True)
class _Said:
    """What an InfluxDB says of lines: its sentence, and how many of them it did not keep if it says that."""

    text: str
    dropped: int | None


def _said(text: str) -> _Said | None:
    """`error` (1.x, 3.x), or `code` and `message` (2.x), of a JSON object; None when no InfluxDB speaks."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        cut = len(text.encode()) >= ANSWER_BYTES and _CUT.match(text)
        return _Said(text, None) if cut else None
    if not isinstance(answer, dict):
        return None
    message, error = answer.get("message"), answer.get("error")
    if isinstance(message, str) and isinstance(answer.get("code"), str):
        return _Said(message, _dropped(message, answer.get("data")))
    return _Said(error, _dropped(error, answer.get("data"))) if isinstance(error, str) else None


def _dropped(text: str, data: object) -> int | None:
    """A partial write counts the points that it dropped (1.x, 2.x), and lists lines that it could not read (all but 2.x)."""
    if "partial write" not in text:
        return None
    if isinstance(data, list):
        listed = {one["line_number"] for one in data if isinstance(one, dict) and isinstance(one.get("line_number"), int)}
    else:
        listed = {int(number) for number in _LISTED.findall(text)}
    if listed:
        return len(listed) if len(listed) < LISTED_AT_MOST else None
    counted = _DROPPED.findall(text)
    return max(int(counted[-1]) if counted else 0, text.count("unable to parse")) or None


def _is_html(kind: str, text: str) -> bool:
    return "html" in kind.lower() or text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))


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

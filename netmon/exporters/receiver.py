"""How the receiver of the points stands: here or away, since when, how long to wait for it, and what people are told of it.

An outage is told when it begins and when it is over, not at each try. A size that is too large may be so for a while only:
it is tried again, less and less often.
"""

from __future__ import annotations

import random
from urllib.parse import urlsplit

import structlog

from netmon.exporters.answers import Answer, Result, shortened
from netmon.exporters.delivery import Delivery
from netmon.model import Meter
from netmon.settings import InfluxApi, InfluxSettings

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Waits double from the first to the longest, and are shortened by up to a half, so that several netmons do not come back
at once."""

REFUSED_WAIT_S = 30.0
"""How often a receiver is asked again whether an operator has mended what it refused."""

LARGEST_BYTES = 2**20
"""Of one request: what a proxy takes that was not told otherwise."""

GROW_FIRST_S, GROW_LONGEST_S = 10.0, 3600.0
"""After a request that was too large smaller ones are made for so long; each time that larger ones are tried, and in vain,
twice as long."""

log = structlog.get_logger(__name__)


class Receiver:
    """What is known of the receiver `where`; `check` is what an operator looks at when it refuses."""

    def __init__(self, where: str, check: str, meter: Meter) -> None:
        self.largest = LARGEST_BYTES
        self._where = where
        self._check = check
        self._meter = meter
        self._since: float | None = None
        self._failures = 0
        self._told: set[bool] = set()
        self._rejecting = self._rejecting_all = False
        self._grow_at = -GROW_LONGEST_S
        self._grow_wait_s = GROW_FIRST_S

    @property
    def reachable(self) -> bool:
        """False while it takes nothing, or rejects every point."""
        return not self.away and not self._rejecting_all

    @property
    def away(self) -> bool:
        """True from an answer that must be waited out until points are accepted again."""
        return self._since is not None

    def failed(self, answer: Answer, now: float) -> float:
        """It took nothing: the seconds to wait. `now` is monotonic. What must be mended is told apart from what passes."""
        refused = answer.result is Result.REFUSED
        if refused and refused not in self._told:
            log.error(
                "InfluxDB refuses what netmon writes",
                influxdb=self._where,
                status=answer.status,
                detail=answer.detail,
                check=self._check,
            )
        elif refused not in self._told:
            log.warning("InfluxDB takes no points", influxdb=self._where, status=answer.status, detail=answer.detail)
        self._told.add(refused)
        self._failures += 1
        self._since = now if self._since is None else self._since
        if answer.result is Result.TOO_LARGE:  # even a small request was: it is not about sizes
            self._grow_at = now
        self._meter.gauge("netmon_influx_reachable", 0)
        if refused:
            return REFUSED_WAIT_S
        if answer.retry_after_s is not None:
            return max(answer.retry_after_s, FIRST_WAIT_S)
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._failures - 1, 16))
        return wait * random.uniform(0.5, 1.0)  # noqa: S311  # no secret

    def accepted(self, now: float, **waiting: int) -> None:
        """It took points; `waiting` is told of what was kept while it was away."""
        self._meter.gauge("netmon_influx_reachable", 1)
        if self._rejecting_all:
            log.info("InfluxDB accepts points again", influxdb=self._where)
            self._rejecting_all = False
        if self._since is not None:
            log.info("InfluxDB takes points again", influxdb=self._where, away_s=round(now - self._since), **waiting)
        self._since, self._failures = None, 0
        self._told.clear()

    def rejected(self, answer: Answer, sample: bytes) -> None:
        """It found lines bad, `sample` among them. Told once, until a batch has gone through whole."""
        if not self._rejecting:
            line = shortened(sample.decode(errors="replace"))
            log.warning("InfluxDB rejects points", influxdb=self._where, detail=answer.detail, sample=line)
        self._rejecting = True

    def too_large(self, largest: int, now: float) -> None:
        """A request was too large; the next ones have at most `largest` bytes."""
        if now - self._grow_at > GROW_LONGEST_S:  # long after larger ones were tried and went through
            self._grow_wait_s = GROW_FIRST_S
        self.largest = largest
        self._grow_at = now + self._grow_wait_s

    def settled(self, delivery: Delivery, now: float) -> None:
        """A batch is through. Requests may grow again if it had to be cut for its size."""
        self._rejecting = delivery.rejected > 0
        if delivery.rejected and not delivery.accepted:
            self._meter.gauge("netmon_influx_reachable", 0)
            if not self._rejecting_all:
                log.error("InfluxDB rejects every point of a batch", influxdb=self._where, check=self._check)
            self._rejecting_all = True
        if self.largest < min(delivery.bytes, LARGEST_BYTES) and now >= self._grow_at:
            self.largest = min(self.largest * 2, LARGEST_BYTES)
            self._grow_wait_s = min(self._grow_wait_s * 2, GROW_LONGEST_S)


def named(settings: InfluxSettings) -> str:
    """A receiver's name for people, without secrets."""
    url = urlsplit(settings.url)
    plain = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    if settings.api is InfluxApi.V1:
        return f"database {settings.database} at {plain}"
    return f"bucket {settings.bucket} of {settings.org} at {plain}"

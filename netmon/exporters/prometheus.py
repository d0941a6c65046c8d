"""The page that Prometheus scrapes, in its text format 0.0.4.

A device's lines are rendered once, when it is polled, and only joined at the scrape: `Page` holds them as bytes, by family
and by owner (a device, a link, a commune: whoever hands them in). netmon's own metrics, `OwnMetrics`, stand below them and
come from prometheus_client. Nothing carries a timestamp, so a series that is no longer on the page is stale at once.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from netmon.catalogue import DEVICE, OWN, Family
from netmon.model import Series

_Owner = tuple[str, bool]
_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_NUMBERS = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf", "True": "1", "False": "0"}


class OwnMetrics:
    """netmon's metrics about itself, as the rooms count them (a `Meter`).

    A family that the catalogue's OWN does not list as that kind, or labels other than its own, raise ValueError.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's only switch, for the whole process
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._metrics = {family.name: self._made(family) for family in OWN.values()}
        for family in OWN.values():
            for value in family.values:
                self.count(family.name, 0, **{family.labels[0]: value})

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        self._of(Counter, family, labels).inc(amount)

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        self._of(Gauge, family, labels).set(value)

    def observe(self, family: str, value: float, /, **labels: str) -> None:
        self._of(Histogram, family, labels).observe(value)

    def render(self) -> bytes:
        """The metrics as text, each family with its HELP and TYPE."""
        return generate_latest(self._registry)

    def _made(self, family: Family) -> Counter | Gauge | Histogram:
        match family.kind:
            case "counter":
                # The library puts the suffix back.
                return Counter(family.name.removesuffix("_total"), family.en, family.labels, registry=self._registry)
            case "gauge":
                return Gauge(family.name, family.en, family.labels, registry=self._registry)
            case "histogram":
                return Histogram(family.name, family.en, family.labels, registry=self._registry, buckets=family.buckets)
        raise ValueError(f"{family.name} is a {family.kind}, and nothing makes those")

    def _of(self, kind: type[_Metric], family: str, labels: Mapping[str, str]) -> _Metric:
        metric = self._metrics.get(family)
        if not isinstance(metric, kind):
            raise ValueError(f"netmon counts no {kind.__name__.lower()} {family} about itself")
        if labels.keys() != set(OWN[family].labels):
            raise ValueError(f"{family} has the labels {OWN[family].labels}, not {tuple(labels)}")
        return metric.labels(**labels) if labels else metric


@dataclass(slots=True)
class _Block:
    """What one owner handed in last: its series, and for each family the lines without their values and where in the
    samples these stand. Kept so that the next samples of the same series cost only their numbers."""

    series: list[Series]
    families: dict[str, tuple[str, tuple[int, ...]]]


class Page:
    """The series of all owners, and below them netmon's own metrics.

    An owner has two parts, which do not touch each other: what it measured, and with `kept` what is known of it while it is
    silent (SEMANTICS 8). Each `put` replaces one part. No series is on the page twice as long as owners do not share any.
    """

    def __init__(self, own: OwnMetrics) -> None:
        self._own = own
        self._heads = {
            name: f"# HELP {name} {_help(family.en)}\n# TYPE {name} {family.kind}\n".encode()
            for name, family in DEVICE.items()
        }
        self._lines: dict[str, dict[_Owner, bytes]] = {name: {} for name in DEVICE}
        self._blocks: dict[_Owner, _Block] = {}
        self._series = 0

    @property
    def series(self) -> int:
        """Series of devices, links, sites and units on the page now."""
        return self._series

    def put(self, owner: str, samples: Sequence[tuple[Series, float]], kept: bool = False) -> None:
        """Replaces what the owner had in this part.

        A family or labels that the catalogue does not know, or a series given twice, raise ValueError and change nothing.
        """
        key = (owner, kept)
        series = [one for one, _ in samples]
        block = self._blocks.get(key)
        if block is None or block.series != series:
            block = self._lay_out(key, series)
        numbers = [_NUMBERS.get(number, number) for number in [str(value) for _, value in samples]]
        for family, (template, places) in block.families.items():
            text = template % tuple([numbers[place] for place in places])
            self._lines[family][key] = text.encode(errors="replace")

    def drop(self, owner: str) -> None:
        """The owner is silent: its measured series go, but for families that the catalogue keeps."""
        block = self._blocks.get((owner, False))
        if block is not None:
            self._lay_out((owner, False), [one for one in block.series if DEVICE[one.family].keeps])

    def forget(self, owner: str) -> None:
        """The owner is no longer part of the inventory: everything of it goes."""
        for kept in (False, True):
            self._lay_out((owner, kept), [])

    def render(self) -> bytes:
        """The whole page: each family with HELP, TYPE and its lines in one group, then netmon's own."""
        self._own.gauge("netmon_scrape_series", self._series)
        parts: list[bytes] = []
        for family, lines in self._lines.items():
            if lines:
                parts.append(self._heads[family])
                parts += lines.values()
        parts.append(self._own.render())
        return b"".join(parts)

    def _lay_out(self, key: _Owner, series: list[Series]) -> _Block:
        """Gives a part of an owner other series: families that it no longer has go, others wait for their numbers."""
        owner, kept = key
        other = self._blocks.get((owner, not kept))
        seen = {(one.family, one.labels) for one in other.series} if other else set()
        prefixes: dict[str, list[str]] = {}
        places: dict[str, list[int]] = {}
        for place, one in enumerate(series):
            if (one.family, one.labels) in seen:
                raise ValueError(f"{owner} has the series {_prefix(one)} twice")
            seen.add((one.family, one.labels))
            prefixes.setdefault(one.family, []).append(_prefix(one))
            places.setdefault(one.family, []).append(place)
        block = _Block(
            series,
            {
                family: ("".join(f"{text.replace('%', '%%')} %s\n" for text in texts), tuple(places[family]))
                for family, texts in prefixes.items()
            },
        )
        before = self._blocks.pop(key, None)
        if before is not None:
            self._series -= len(before.series)
            for family in before.families.keys() - block.families.keys():
                del self._lines[family][key]
        if series:
            self._blocks[key] = block
            self._series += len(series)
        return block


def _prefix(series: Series) -> str:
    """`name{label="value",…}`, checked against the catalogue."""
    family = DEVICE.get(series.family)
    if family is None:
        raise ValueError(f"{series.family} is not in the catalogue")
    if tuple(name for name, _ in series.labels) != family.labels:
        raise ValueError(f"{series.family} has the labels {family.labels}, not {series.labels}")
    labels = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in series.labels)
    return f"{series.family}{{{labels}}}"


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")

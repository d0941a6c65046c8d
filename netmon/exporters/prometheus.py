"""The page that Prometheus scrapes, in its text format 0.0.4.

A device's lines are rendered once, when it is polled, and only joined at the scrape: `Page` holds them as bytes, by family
and by owner (a device, a link, a commune: whoever hands them in). netmon's own metrics, `OwnMetrics`, stand below them and
come from prometheus_client. Nothing carries a timestamp, so a series that is no longer on the page is stale at once.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock
from typing import NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from netmon.catalogue import DEVICE, OWN
from netmon.model import Series

_Owner = tuple[str, bool]

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_CUT_BYTES = b"\n" + bytes(15)
_CUT = _CUT_BYTES.decode()
"""Stands before each family in an owner's text, which is cut there. No label has a line feed; what is long is found fast."""


class OwnMetrics(Collector):
    """netmon's metrics about itself, as the rooms count them (a `Meter`), from any thread.

    A family that the catalogue's OWN does not list as that kind, labels other than its own, or a counter that would fall
    raise ValueError.

    They are kept here as bare numbers and handed to prometheus_client at the scrape: netmon counts a dozen times a poll, and
    the library's own counters would cost more than all else that is done with its answer.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._lock = Lock()
        self._found: dict[tuple[object, ...], _Cell] = {}  # by what was said, in whatever order its labels came
        self._cells: dict[str, dict[tuple[str, ...], _Cell]] = {family: {} for family in OWN}
        for family in OWN.values():
            for value in family.values:
                self._cell(family.kind, family.name, {family.labels[0]: value})
            if not family.labels:
                self._cell(family.kind, family.name, {})
        self._registry.register(self)

    def count(self, family: str, amount: float = 1, /, **labels: str) -> None:
        if amount < 0:
            raise ValueError(f"{family} counts, and cannot go down by {-amount}")
        cell = self._found.get(("counter", family, *labels.items())) or self._cell("counter", family, labels)
        with self._lock:
            cell.numbers[0] += amount

    def gauge(self, family: str, value: float, /, **labels: str) -> None:
        cell = self._found.get(("gauge", family, *labels.items())) or self._cell("gauge", family, labels)
        cell.numbers[0] = value

    def observe(self, family: str, value: float, /, **labels: str) -> None:
        cell = self._found.get(("histogram", family, *labels.items())) or self._cell("histogram", family, labels)
        place = bisect_left(cell.buckets, value)
        with self._lock:
            cell.numbers[place] += 1
            cell.numbers[-1] += value

    def render(self) -> bytes:
        """The metrics as text, each family with its HELP and TYPE."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics as prometheus_client writes them (its `Collector`)."""
        for family in OWN.values():
            with self._lock:
                cells = [(labels, list(cell.numbers)) for labels, cell in self._cells[family.name].items()]
            match family.kind:
                case "counter":
                    counter = CounterMetricFamily(family.name, family.en, labels=family.labels)
                    for labels, (total,) in cells:
                        counter.add_metric(labels, total)
                    yield counter
                case "gauge":
                    gauge = GaugeMetricFamily(family.name, family.en, labels=family.labels)
                    for labels, (value,) in cells:
                        gauge.add_metric(labels, value)
                    yield gauge
                case "histogram":
                    histogram = HistogramMetricFamily(family.name, family.en, labels=family.labels)
                    ends = [*map(floatToGoString, family.buckets), "+Inf"]
                    for labels, (*counts, total) in cells:
                        histogram.add_metric(labels, list(zip(ends, accumulate(counts), strict=True)), total)
                    yield histogram

    def _cell(self, kind: str, name: str, labels: Mapping[str, str]) -> _Cell:
        """Where the numbers of these labels stand, from now on found by them as they came."""
        family = OWN.get(name)
        if family is None or family.kind != kind:
            raise ValueError(f"netmon has no {kind} {name} about itself")
        if labels.keys() != set(family.labels):
            raise ValueError(f"{name} has the labels {family.labels}, not {tuple(labels)}")
        fresh = _Cell([0.0] * (len(family.buckets) + 2 if kind == "histogram" else 1), family.buckets)
        with self._lock:
            cell = self._cells[name].setdefault(tuple(labels[label] for label in family.labels), fresh)
            self._found[kind, name, *labels.items()] = cell
        return cell


class _Cell(NamedTuple):
    """The numbers of one set of labels: a counter's or a gauge's one; of a histogram how many fell into each bucket and
    beyond the last, and their sum. `buckets` are the upper ends."""

    numbers: list[float]
    buckets: tuple[float, ...]


@dataclass(slots=True)
class _Block:
    """What one owner handed in: its series, the pieces of their text with room for the numbers, the families in it, and the
    lines of each. `places`: where among the numbers that of each line stands, None where the series come by family."""

    series: tuple[Series, ...]
    places: list[int] | None
    pieces: Sequence[str]
    families: tuple[str, ...]
    lines: list[bytes]

    def write(self, numbers: Sequence[str]) -> None:
        pieces = list(self.pieces)
        pieces[2::3] = numbers if self.places is None else [numbers[place] for place in self.places]
        self.lines = "".join(pieces).encode(errors="replace").split(_CUT_BYTES)[1:]


class Page:
    """The series of all owners, and below them netmon's own metrics.

    An owner has two parts, which do not touch each other: what it measured, and with `kept` what is known of it while it is
    silent (SEMANTICS 8). Each `put` replaces one part. No series is on the page twice as long as owners do not share any.
    `render` may be called from another thread.
    """

    def __init__(self, own: OwnMetrics) -> None:
        self.own = own
        self._heads = {
            name: f"# HELP {name} {_help(family.en)}\n# TYPE {name} {family.kind}".encode()
            for name, family in DEVICE.items()
        }
        self._names = {name: (f"{_CUT}{name}{{", f"\n{name}{{") for name in DEVICE}  # of a family's first line, of others
        self._blocks: dict[_Owner, _Block] = {}
        self._series = 0

    @property
    def series(self) -> int:
        """Series of devices, links, sites and units on the page now."""
        return self._series

    def put(self, owner: str, series: tuple[Series, ...], numbers: Sequence[str], kept: bool = False) -> None:
        """Replaces what the owner had in this part. Numbers come as text (`exporters.numbers`). As long as `series` is the
        same object, nothing but these is looked at.

        A family or labels that the catalogue does not know, or a series given twice, raise ValueError and change nothing.
        """
        block = self._blocks.get((owner, kept))
        if block is not None and block.pieces and (block.series is series or block.series == series):
            block.write(numbers)
            return
        fresh = self._lay_out(owner, series, kept)
        fresh.write(numbers)
        if kept:
            fresh.pieces = ()  # what is known seldom changes
        self._replace((owner, kept), fresh)

    def drop(self, owner: str) -> None:
        """The owner is silent: its measured series go, but for families that the catalogue keeps."""
        block = self._blocks.get((owner, False))
        if block is not None:
            left = self._lay_out(owner, tuple(one for one in block.series if DEVICE[one.family].keeps), kept=False)
            written = dict(zip(block.families, block.lines, strict=True))
            left.lines = [written[family] for family in left.families]
            self._replace((owner, False), left)

    def forget(self, owner: str) -> None:
        """The owner is no longer part of the inventory: everything of it goes."""
        for kept in (False, True):
            self._replace((owner, kept), None)

    def render(self) -> bytes:
        """The whole page: each family with HELP, TYPE and its lines in one group, then netmon's own."""
        self.own.gauge("netmon_scrape_series", self._series)
        alike: dict[tuple[str, ...], list[list[bytes]]] = {}  # owners with the same families, which are most, at once
        for block in list(self._blocks.values()):  # a copy: the loop's thread may put meanwhile
            alike.setdefault(block.families, []).append(block.lines)
        lines: dict[str, list[bytes]] = {family: [head] for family, head in self._heads.items()}
        for families, texts in alike.items():
            for family, column in zip(families, zip(*texts, strict=True), strict=True):
                lines[family] += column
        return b"\n".join([text for texts in lines.values() if len(texts) > 1 for text in texts] + [self.own.render()])

    def _replace(self, key: _Owner, block: _Block | None) -> None:
        before = self._blocks.get(key)
        self._series += (len(block.series) if block else 0) - (len(before.series) if before else 0)
        if block is not None and block.series:
            self._blocks[key] = block
        else:
            self._blocks.pop(key, None)

    def _lay_out(self, owner: str, series: tuple[Series, ...], kept: bool) -> _Block:
        """The text of an owner's series, by family, without the numbers. Pieces that are the same are in memory once."""
        other = self._blocks.get((owner, not kept))
        seen = set(other.series) if other else set()
        places: dict[str, list[int]] = {}
        for place, one in enumerate(series):
            _check(one)
            if one in seen:
                raise ValueError(f"{owner} has the series {one.family}{{{_labels(one)}twice")
            seen.add(one)
            places.setdefault(one.family, []).append(place)
        known: dict[tuple[tuple[str, str], ...], str] = {}
        pieces: list[str] = []
        for family, found in places.items():
            first, other_ones = self._names[family]
            for n, place in enumerate(found):
                one = series[place]
                labels = known.get(one.labels) or known.setdefault(one.labels, _labels(one))
                pieces += [other_ones if n else first, labels, ""]
        order = [place for found in places.values() for place in found]
        return _Block(series, None if order == sorted(order) else order, tuple(pieces), tuple(places), [])


def _check(series: Series) -> None:
    """ValueError: the catalogue does not have such a series."""
    family = DEVICE.get(series.family)
    if family is None:
        raise ValueError(f"{series.family} is not in the catalogue")
    if tuple(name for name, _ in series.labels) != family.labels:
        raise ValueError(f"{series.family} has the labels {family.labels}, not {series.labels}")


def _labels(series: Series) -> str:
    """`label="value",…} `: what stands between the name and the number."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in series.labels) + "} "


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")

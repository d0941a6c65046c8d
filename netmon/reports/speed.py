"""Speeds by unit and operator: medians of what probes at sites measured, and beside them what i-speed published.

The statistic is the median, as i-speed's is. The two stand in columns of their own and are never mixed: i-speed's come from
people's telephones and computers, ours from probes at known places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median
from typing import NamedTuple

from netmon.model import Site, SpeedTest, Words
from netmon.reports.ispeed import METRICS, NETWORKS
from netmon.reports.registry_tables import named
from netmon.reports.table import Cell, Column, Figure, Kind, Table
from netmon.store import Ispeed
from netmon.targets.words.voice import Voice
from netmon.units import Register

FEWEST = 10
"""A median of fewer samples is marked."""

ALL = ""
"""The operator of a median over all operators."""


class Key(NamedTuple):
    """Of what a median is: a unit's code, a network (fixed, mobile, mobile_5g), an operator or ALL."""

    unit: str
    network: str
    operator: str


class Median(NamedTuple):
    """Bytes per second, or seconds of latency, and how many measurements it is the median of: of them, so many were
    simulated."""

    value: float
    samples: int
    simulated: int = 0


Medians = dict[Key, dict[str, Median]]
"""By what they are of, and by metric: download, upload, latency."""


@dataclass(slots=True)
class Measured:
    """What probes measured. `unplaced` counts the measurements of sites that the configuration does not know any more."""

    medians: Medians = field(default_factory=dict)
    unplaced: int = 0


def measured(tests: Iterable[SpeedTest], sites: Mapping[str, Site], province_of: Callable[[str, float], str]) -> Measured:
    """Medians by commune and by province, by operator and over all of them.

    A measurement counts for the commune that its site belonged to when it was made; `province_of` tells the province of a
    commune at an instant. An even number of samples has the mean of the two in the middle.
    """
    found = Measured()
    values: dict[Key, dict[str, list[tuple[float, bool]]]] = {}
    for test in tests:
        site = sites.get(test.site)
        if site is None:
            found.unplaced += 1
            continue
        commune = site.commune_at(test.at)
        province = province_of(commune, test.at) or site.province
        read = {"download": test.download, "upload": test.upload, "latency": test.latency_s}
        for unit in {commune, province}:
            for operator in {test.operator, ALL}:
                of = values.setdefault(Key(unit, test.network, operator), {})
                for metric, value in read.items():
                    if value is not None:
                        of.setdefault(metric, []).append((value, test.simulated))
    found.medians = {key: {metric: _middle(each) for metric, each in of.items()} for key, of in values.items()}
    return found


def _middle(samples: Sequence[tuple[float, bool]]) -> Median:
    return Median(median(value for value, _ in samples), len(samples), sum(simulated for _, simulated in samples))


def published(rows: Iterable[Ispeed]) -> Medians:
    """What i-speed published, as it stands."""
    found: Medians = {}
    for row in rows:
        found.setdefault(Key(row.unit, row.network, row.operator), {})[row.metric] = Median(row.median, row.samples)
    return found


# --- as tables ----------------------------------------------------------------------------------------------------------

NETWORK = {
    "fixed": Words("Mạng cố định", "Fixed"),
    "mobile": Words("Mạng di động", "Mobile"),
    "mobile_5g": Words("Mạng di động 5G", "Mobile 5G"),
}
_METRIC = {
    "download": Words("Tải xuống, Mbit/s", "Download, Mbit/s"),
    "upload": Words("Tải lên, Mbit/s", "Upload, Mbit/s"),
    "latency": Words("Độ trễ, ms", "Latency, ms"),
}
_SAMPLES = Words("Số mẫu", "Samples")
_ALL = Words("(tất cả doanh nghiệp)", "(all operators)")
_FEW = Words("ít mẫu", "few samples")
_SIMULATED = Words("mô phỏng", "simulated")
_THEIRS = "i-speed: "


class Row(NamedTuple):
    """What is said of one key: our medians by metric, and i-speed's."""

    key: Key
    ours: Mapping[str, Median]
    theirs: Mapping[str, Median]

    @property
    def simulated(self) -> int:
        """How many of our measurements were simulated: those of the metric that has most of them."""
        return max((found.simulated for found in self.ours.values()), default=0)


def rows(ours: Medians, theirs: Medians, units: Sequence[str]) -> list[Row]:
    """A row for whatever was measured or published of `units`, in their order.

    An operator that i-speed spells with other capitals than our probes stands in our row, unless that has one already.
    """
    place = {unit: n for n, unit in enumerate(units)}
    spelled = {key.operator.casefold(): key.operator for key in sorted(ours)}
    beside: Medians = {}
    for key, medians in theirs.items():
        spelling = spelled.get(key.operator.casefold(), key.operator)
        same = key._replace(operator=spelling)
        beside[key if same != key and (same in theirs or same in beside) else same] = medians
    keys = {key for key in (*ours, *beside) if key.unit in place}
    in_order = sorted(keys, key=lambda key: (NETWORKS.index(key.network), place[key.unit], key.operator))
    return [Row(key, ours.get(key, {}), beside.get(key, {})) for key in in_order]


def few(row: Row, fewest: int) -> list[str]:
    """The metrics of which we have too few samples to speak for a unit."""
    return [metric for metric in METRICS if metric in row.ours and row.ours[metric].samples < fewest]


def tables(found: Sequence[Row], register: Register, on: date, fewest: int = FEWEST) -> list[Table]:
    """For the page: a table a network."""
    columns = [Column("name", Words("Đơn vị hành chính", "Unit")), Column("operator", Words("Doanh nghiệp", "Operator"))]
    for whose in ("", _THEIRS):
        heads = [*((metric, _METRIC[metric]) for metric in METRICS), ("samples", _SAMPLES)]
        columns += [
            Column(f"{whose}{name}", Words(*(_led(whose, text) for text in words)), Kind.FIGURE) for name, words in heads
        ]
    return [
        Table(title=NETWORK[network], columns=columns, rows=[_shown(row, register, on, fewest) for row in mine])
        for network in NETWORKS
        if (mine := [row for row in found if row.key.network == network])
    ]


def _led(by: str, title: str) -> str:
    """A title behind whose it is."""
    return f"{by}{title[0].lower()}{title[1:]}" if by else title


def _shown(row: Row, register: Register, on: date, fewest: int) -> list[Cell]:
    marked = few(row, fewest)
    cells: list[Cell] = [named(register, row.key.unit, on, code_too=True), row.key.operator or _ALL]
    for medians, marks in ((row.ours, marked), (row.theirs, [])):
        cells += [_median(medians.get(metric), metric, few=metric in marks) for metric in METRICS]
        cells.append(_samples(medians))
    return cells


def _median(found: Median | None, metric: str, *, few: bool = False) -> Figure | None:
    if found is None:
        return None
    number = _people_s(found.value, metric)
    said = (Voice("vi").number(number, 1), Voice("en").number(number, 1))
    return Figure(number, Words(*(f"{text} ({mark})" if few else text for text, mark in zip(said, _FEW, strict=True))))


def _people_s(value: float, metric: str) -> float:
    """Mbit/s, or milliseconds."""
    return round(value * 1e3 if metric == "latency" else value * 8 / 1e6, 9)


def _samples(medians: Mapping[str, Median]) -> Figure | None:
    """One count where all metrics have it, else one a metric; behind it, of how many nothing was measured."""
    counts = [medians[metric].samples if metric in medians else 0 for metric in METRICS]
    simulated = [medians[metric].simulated if metric in medians else 0 for metric in METRICS]
    if not any(counts):
        return None
    said = [_one_or_each(counts, say) for say in (Voice("vi"), Voice("en"))]
    if any(simulated):
        marks = [_one_or_each(simulated, say) for say in (Voice("vi"), Voice("en"))]
        said = [f"{text} ({word}: {mark})" for text, word, mark in zip(said, _SIMULATED, marks, strict=True)]
    return Figure(max(counts), Words(*said))


def _one_or_each(counts: Sequence[int], say: Voice) -> str:
    told = counts[:1] if len(set(counts)) == 1 else counts
    return " / ".join(say.number(n) for n in told)


def whole(found: Sequence[Row], register: Register, on: date, title: Words, fewest: int = FEWEST) -> Table:
    """All rows, for programs: `few_samples` names the metrics that people see marked, `simulated` counts measurements."""
    columns = [
        Column("unit", Words("Mã đơn vị", "Unit's code")),
        Column("unit_name", Words("Đơn vị hành chính", "Unit")),
        Column("network", Words("Mạng", "Network")),
        Column("operator", Words("Doanh nghiệp", "Operator")),
    ]
    for whose, said in (("", ""), ("ispeed_", _THEIRS)):
        for metric, words in _METRIC.items():
            unit = "ms" if metric == "latency" else "mbit_s"
            columns.append(Column(f"{whose}{metric}_{unit}", Words(*(_led(said, text) for text in words)), Kind.FIGURE))
            samples = Words(*(f"{_led(said, what)}: {count.lower()}" for what, count in zip(words, _SAMPLES, strict=True)))
            columns.append(Column(f"{whose}{metric}_samples", samples, Kind.COUNT))
    columns.append(Column("few_samples", Words("Chỉ tiêu ít mẫu", "Figures of few samples")))
    columns.append(Column("simulated", Words("Số mẫu mô phỏng", "Simulated samples"), Kind.COUNT))
    return Table(title=title, columns=columns, rows=[_plain(row, register, on, fewest) for row in found])


def _plain(row: Row, register: Register, on: date, fewest: int) -> list[Cell]:
    cells: list[Cell] = [row.key.unit, named(register, row.key.unit, on), row.key.network, row.key.operator or None]
    for medians in (row.ours, row.theirs):
        for metric in METRICS:
            found = medians.get(metric)
            cells += [_median(found, metric), None if found is None else found.samples]
    return [*cells, " ".join(few(row, fewest)) or None, row.simulated]

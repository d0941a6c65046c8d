"""A real receiver stores what was measured: the same series, figures and times, over both APIs and over its own absence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netmon.exporters.numbers import written
from netmon.model import Series
from netmon.settings import InfluxApi
from tests.exporters.conftest import Counts, Fast, Start, series, until
from tests.peers import eventually
from tests.victoria import Labels, Victoria, victoria

AT = 1_753_000_000.125

NAMES = (
    "plain",
    "xã Tân Lập, huyện cũ = phường",
    "C:\\ Label:  Serial Number 12ab",
    "trailing\\",
    "\\\\server\\share,x",
    "a\\\\ b\\,c\\=d",
    "line\nfeed\ttab\x00nul",
    '"quoted" {braces} #hash',
    "",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    with victoria(tmp_path_factory.mktemp("victoria")) as server:
        yield server


def labels(one: Series, **read: str) -> Labels:
    """As VictoriaMetrics has them, which adds the database as a label."""
    return tuple(sorted((name, read.get(name, text)) for name, text in one.labels if text))


async def stored(server: Victoria, family: str, enough: Callable[[dict[Labels, dict[int, float]]], bool]) -> dict:
    """What is stored of a family once there is enough of it, without the label `db`."""

    def look() -> dict | None:
        found = {
            tuple(label for label in known if label[0] != "db"): values for known, values in server.stored(family).items()
        }
        return found if enough(found) else None

    return await asyncio.to_thread(eventually, look, 20.0, every_s=0.1)


@pytest.mark.parametrize("api", [InfluxApi.V2, InfluxApi.V1])
@pytest.mark.parametrize("gzip", [False, True])
async def test_series_values_and_times_are_stored_as_written(
    shared: Victoria, start: Start, meter: Counts, api: InfluxApi, gzip: bool
) -> None:
    """Whatever devices call themselves, each is one series under its own name, with all its figures."""
    site = f"{api}-{gzip}".lower()
    family = "netmon_interface_info" if gzip else "netmon_temperature_celsius"
    last = "if_alias" if gzip else "sensor"
    known = [series("r1", family, site=site, **{last: name}) for name in NAMES]
    figures = [0.0, -40.5, 1e-9, 12345678901234.5, 2**63, 1e300, 0.1 + 0.2, 7, True]
    influx = await start(shared.url, api=api, gzip=gzip)
    for n in range(3):
        influx.write("r1", tuple(known), written([value * (n + 1) for value in figures]), AT + n)
    await until(lambda: meter.accepted == 27)
    read = {
        "C:\\ Label:  Serial Number 12ab": "C:/ Label:  Serial Number 12ab",
        "trailing\\": "trailing/",
        "\\\\server\\share,x": "//server\\share,x",
        "a\\\\ b\\,c\\=d": "a// b/,c/=d",
        "line\nfeed\ttab\x00nul": "line\\nfeed\\ttab?nul",
    }
    expected = {
        labels(one, **{last: read.get(name, name)}): {
            1_753_000_000_125 + n * 1000: pytest.approx(float(value * (n + 1)), rel=1e-12) for n in range(3)
        }
        for one, name, value in zip(known, NAMES, figures, strict=True)
    }

    def complete(found: dict[Labels, dict[int, float]]) -> bool:
        return sum(len(values) for known, values in found.items() if ("site", site) in known) == 27

    found = await stored(shared, family, complete)
    assert {known: values for known, values in found.items() if ("site", site) in known} == expected


@pytest.mark.fault("influx-away")
@pytest.mark.parametrize("api", [InfluxApi.V2, InfluxApi.V1])
async def test_nothing_is_lost_while_the_receiver_is_stopped_and_started(
    start: Start, meter: Counts, tmp_path: Path, api: InfluxApi
) -> None:
    """Each point that was written before, during and after is stored exactly once."""
    with victoria(tmp_path / "victoria") as server:
        influx = await start(server.url, Fast(100), api=api, batch_points=500)
        sent = 0

        def write(points: int) -> None:
            nonlocal sent
            numbers = range(sent, sent + points)
            influx.write("r1", (series("r1"),) * points, [str(n) for n in numbers], [AT + n for n in numbers])
            sent += points

        write(2_200)
        await until(lambda: meter.accepted == 2_200)
        await asyncio.to_thread(server.stop)
        write(3_000)
        await until(lambda: meter.gauges["netmon_influx_waiting_bytes"] > 0)
        await until(lambda: not influx._closed)
        assert meter.gauges["netmon_influx_reachable"] == 0
        await asyncio.to_thread(server.start)
        write(1_300)
        await until(lambda: influx.waiting_points == 0)
        assert (meter.accepted, meter.dropped()) == (6_500, 0)
        found = await stored(server, "netmon_temperature_celsius", lambda found: sum(map(len, found.values())) == 6_500)
        assert found == {labels(series("r1")): {1_753_000_000_125 + n * 1000: float(n) for n in range(6_500)}}

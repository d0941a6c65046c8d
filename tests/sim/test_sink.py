"""The stand-in for InfluxDB, judged by InfluxDB's own client."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from netmon.credential import Secret
from netmon.exporters.answers import judge
from netmon.settings import InfluxSettings
from netmon.sim import sink
from tests import peers

LETTERS = st.characters(exclude_categories=["C", "Z"]) | st.just(" ")
NAMES = st.text(LETTERS.filter(lambda letter: letter != "\\"), min_size=1).filter(lambda text: text.strip())
"""A backslash before a comma is ambiguous in the line protocol itself."""
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans() | st.text(LETTERS)


@given(
    NAMES.filter(lambda name: not name.startswith("#")),
    st.dictionaries(NAMES, NAMES),
    st.dictionaries(NAMES, VALUES, min_size=1),
    st.integers(0, 2**62),
)
def test_every_line_of_the_client_is_a_point(
    name: str, tags: dict[str, str], fields: dict[str, float | bool | str], time: int
) -> None:
    point = Point.from_dict({"measurement": name, "tags": tags, "fields": fields, "time": time})
    assert sink.is_point(point.to_line_protocol())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a",
        "a b",
        "a b=",
        "a,b c=1",
        "a,b= c=1",
        "a b=1 x",
        "a b=1 1 1",
        ",a=b c=1",
        "a b=NaN",
        "a b=1,",
        'a b="',
        "#a b=1",
    ],
)
def test_what_is_no_point_is_told(line: str) -> None:
    assert not sink.is_point(line)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    port = peers.free_port("tcp")
    settings = InfluxSettings(
        url=f"http://127.0.0.1:{port}", org=sink.ORG, bucket="netmon", token=Secret("bí mật"), outbox=peers.ROOT
    )
    assert sink.address(settings) == ("127.0.0.1", port)
    runner = await sink.serve(settings, "127.0.0.1", port)
    yield settings.url
    await runner.cleanup()


async def test_points_are_counted_and_everything_else_is_refused_as_influxdb_does(url: str) -> None:
    good, two = {"org": "simulated", "bucket": "netmon"}, b"a,t=x v=1 5\n\nb v=2i\n"
    token = {"Authorization": "Token bí mật"}
    async with aiohttp.ClientSession() as session:

        async def write(body: bytes, query: dict[str, str] = good, headers: dict[str, str] = token) -> tuple[int, str]:
            async with session.post(f"{url}/api/v2/write", params=query, data=body, headers=headers) as answer:
                return answer.status, await answer.text()

        assert await write(two) == (204, "")
        assert (await write(two, headers={}))[0] == 401
        assert (await write(two, headers={"Authorization": "Token other"}))[0] == 401
        assert (await write(two, query={"org": "noc", "bucket": "netmon"}))[0] == 404
        status, text = await write(b"a v=1\nbroken\nanother\n")
        assert (status, json.loads(text)["code"]) == (400, "invalid")
        assert json.loads(text)["message"] == "partial write: unable to parse 'broken' dropped=2"
        assert judge(status, {}, text.encode(), 0).dropped == 2
        assert (await write(b"\xff v=1\n"))[0] == 400
        assert (await write(gzip.compress(two), headers={**token, "Content-Encoding": "gzip"}))[0] == 204
        async with session.get(f"{url}/points") as answer:
            assert await answer.json() == {"points": 5}

"""A reload brings another receiver, token or authority to an exporter that runs, and costs no point."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from netmon.credential import Secret
from netmon.settings import InfluxApi
from tests.exporters.conftest import Counts, Start, until
from tests.exporters.faulty import Say, faulty
from tests.exporters.test_influx import points, settled
from tests.peers import require


async def test_what_the_old_receiver_refused_goes_to_the_new_one_with_the_new_token(
    start: Start, meter: Counts, tmp_path: Path
) -> None:
    """Also by the other API; the outbox stays where it is."""
    async with faulty(lambda _: Say(401)) as old, faulty() as new:
        influx = await start(old.url, batch_points=10, token=Secret("0ld-token"))
        lines = points(influx, 50)
        await until(lambda: influx._outbox.points == 50)
        with capture_logs() as logs:
            token = Secret("n3w-token")
            await influx.renew(replace(influx._settings, url=new.url, token=token, outbox=tmp_path / "elsewhere"))
            await influx.renew(influx._settings)
            await settled(influx, meter, 50)
            told = [entry["event"] for entry in logs]
        assert not (tmp_path / "elsewhere").exists()
        assert {request.headers["authorization"] for request in new.requests} == {"Token n3w-token"}
        assert [event for event in told if "new settings" in event] == ["InfluxDB is written to as the new settings say"]
        await influx.renew(replace(influx._settings, api=InfluxApi.V1, user="u", password=Secret("v1-password")))
        lines += points(influx, 10, 50)
        await settled(influx, meter, 60)
        assert new.requests[-1].target.startswith("/write?db=netmon")
    assert new.accepted == lines
    assert meter.gauges["netmon_influx_reachable"] == 1


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """A certificate that can be read."""
    made = tmp_path / "ca.crt"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ca"]
    argv = [require("openssl"), "req", *kind, "-keyout", tmp_path / "key", "-out", made]
    subprocess.run(argv, check=True, capture_output=True)
    return made


async def test_authorities_are_read_anew_and_those_that_cannot_be_read_change_nothing(
    start: Start, meter: Counts, ca: Path
) -> None:
    async with faulty() as receiver:
        influx = await start(receiver.url, batch_points=10, ca=ca)
        first = influx._api
        await influx.renew(influx._settings)
        assert influx._api is not first
        second = influx._api
        with capture_logs() as logs:
            await influx.renew(replace(influx._settings, url="http://127.0.0.1:9", ca=ca.with_name("gone")))
        assert influx._api is second
        assert [entry["event"] for entry in logs] == ["InfluxDB is written to as before the reload"]
        points(influx, 10)
        await settled(influx, meter, 10)

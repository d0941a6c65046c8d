"""A running netmon, asked for its stream, its places and by search, as a browser does."""

import json
import urllib.parse
import urllib.request
from contextlib import ExitStack
from itertools import islice

import pytest

from tests.peers import LOOPBACK, eventually
from tests.test_daemon import AGENT, COMMUNE, Installation


@pytest.fixture
def here(tmp_path, snmpd):
    with ExitStack() as stack:
        agent = snmpd(AGENT, community="s3cr3t-canary")
        here = Installation(tmp_path, {"r1": agent.port})
        here.agent = agent
        stack.callback(here.stack.close)
        here.start()
        yield here


def events(answer):
    """The events of a stream, as name and data, until it ends."""
    name = None
    for line in answer:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def state(communes):
    return next(row["state"] for row in communes if row["code"] == COMMUNE)


def test_a_running_netmon_tells_its_places_and_what_changes_until_it_stops(here):
    eventually(lambda: here.state().get("r1") == "up")
    device = json.loads(here.get("/api/v1/devices/r1"))
    assert (device["state"], device["outcome"], device["site"]) == ("up", "answered", "site-r1")
    assert {"netmon_interface_up", "netmon_device_uptime_seconds"} <= {row["family"] for row in device["readings"]}
    assert [link["near"] for link in device["links"]] == ["r1 lo"]
    commune = eventually(lambda: (told := json.loads(here.get(f"/api/v1/communes/{COMMUNE}")))["state"] == "up" and told)
    assert {site["site"] for site in commune["sites"]} == {"centre", "site-r1"}
    assert len(commune["history"]["links"]["r1-fibre"]["receive"]) == 288
    sought = json.loads(here.get(f"/api/v1/search?q={urllib.parse.quote('ubnd R1')}"))
    assert [(hit["kind"], hit["id"], hit["state"]) for hit in sought["hits"]] == [("site", "site-r1", "up")]
    with urllib.request.urlopen(f"http://{LOOPBACK}:{here.port}/api/v1/stream", timeout=20) as answer:
        told = events(answer)
        name, board = next(told)
        assert name == "wallboard"
        assert state(board["provinces"][0]["communes"]) == "up"
        here.agent.stop()
        for name, data in islice(told, 30):
            changed = data["set"].get("provinces/0/communes") if name == "changes" else None
            if changed and state(changed) != "up":
                break
        else:
            pytest.fail("nothing was told of it")
        here.daemon.stop()
        assert len(list(told)) < 30, "the stream ends with netmon"
    assert "Traceback" not in here.daemon.output

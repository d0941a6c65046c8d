"""What an operator's feed tells of cells: its schema, its times, and who it may speak for."""

import json
from dataclasses import replace

import pytest

from netmon.model import CellName, CellState
from netmon.pollers.payloads import CELLS_AT_MOST, CellFeed, Unfit, decode
from tests.broker import broker
from tests.peers import LOOPBACK
from tests.pollers.desk import LABELS, T0, Desk
from tests.pollers.listening import listening, until

CELL = {"cell": "CB0123-1", "technology": "4g", "state": "up"}
MADE = {"operator": "viettel", "period_s": 300, "cells": [CELL, {**CELL, "cell": "CB0123-2", "state": "down"}]}


@pytest.fixture
def desk():
    return Desk()


def tell(desk, after_s=None, retained=False, **changed):
    return desk.post("cells", retained, **{"ts": desk.ms(after_s)} | MADE | changed)


def test_a_feed_tells_of_the_site_that_it_names_and_else_of_its_own(desk):
    """It holds for three periods of the feed, which need not be the device's; and it is a sign of life."""
    report = tell(desk).cells
    assert (report.at, report.holds_s, report.source) == (T0, 900, "d1")
    assert report.states == (
        (CellName("s1", "viettel", "4g", "CB0123-1"), CellState.UP),
        (CellName("s1", "viettel", "4g", "CB0123-2"), CellState.DOWN),
    )
    assert tell(desk, site="s1").cells.states == report.states
    desk.mailbox.rename(replace(desk.mailbox.device, feeds=("vnpt", "viettel")), LABELS)
    assert {name.site for name, _ in tell(desk, site="s9").cells.states} == {"s9"}
    desk.now = 89
    assert tell(desk).rejected == ""
    assert desk.outcome(150) == "answered"


@pytest.mark.parametrize("feeds", [(), ("vnpt",)])
def test_of_another_mast_nobody_tells_but_a_gateway_of_that_operator(desk, feeds):
    """Nor does the place in its topic make another site its own; and it is told why it is silent."""
    desk.mailbox.rename(replace(desk.mailbox.device, feeds=feeds), LABELS)
    receipt = tell(desk, site="s9")
    assert (receipt.rejected, receipt.cells) == ("cells", None)
    assert "of cells of 'viettel' at 's9', and may only at its own site s1" in receipt.why
    moved = desk.post("cells", place=("04", "01276", "s9"), ts=desk.ms(), **MADE)
    assert {name.site for name, _ in moved.cells.states} == {"s1"}
    desk.look(100)
    tell(desk, site="s9")
    assert "It speaks, but what it sends is not taken: it tells of cells" in desk.look().detail


def test_a_report_of_the_past_goes_to_its_own_time_and_one_of_the_future_is_dated_now(desk):
    desk.now = 1000
    late = tell(desk, 100)
    assert (late.cells.at, late.remarks) == (T0 + 100, (("history", 1),))
    assert desk.outcome() == "silent"
    early = tell(desk, 1500)
    assert (early.cells.at, early.remarks) == (T0 + 1000, (("future", 1),))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"cells": []}, "length >= 1"),
        ({"cells": [{**CELL, "cell": str(n)} for n in range(CELLS_AT_MOST + 1)]}, f"length <= {CELLS_AT_MOST}"),
        ({"cells": [{**CELL, "state": "off"}]}, "Invalid enum value 'off'"),
        ({"cells": [{**CELL, "technology": "LTE"}]}, "Invalid enum value 'LTE'"),
        ({"cells": [{**CELL, "cell": "a\nb"}]}, "control characters"),
        ({"cells": [CELL, {**CELL, "state": "down"}]}, "the cell CB0123-1 is told twice"),
        ({"operator": ""}, "length >= 1"),
        ({"period_s": 0}, ">= 1"),
        ({"ts": None}, "`null`"),
    ],
)
def test_a_payload_that_does_not_fit_is_one_clear_error(desk, changed, why):
    receipt = tell(desk, **changed)
    assert (receipt.rejected, receipt.cells) == ("payload", None)
    assert why in receipt.why


def test_a_feed_must_not_be_retained_and_bytes_of_any_kind_do_no_harm(desk):
    """A retained one would come again at each connection, as if it were told now."""
    assert tell(desk, retained=True).rejected == "retained"
    for payload in (b"", b"\xff", b"[" * 100_000, b'{"cells": 1}'):
        with pytest.raises(Unfit):
            decode("cells", payload)
    whole = decode("cells", json.dumps({"ts": 1, **MADE}).encode())
    assert isinstance(whole, CellFeed)


async def test_a_report_is_handed_on_and_one_that_is_refused_is_counted_and_told(tmp_path):
    """The connection goes on: the next message is heard."""
    import aiomqtt

    with broker(tmp_path / "broker") as made:
        async with listening(made.port) as netmon, aiomqtt.Client(LOOPBACK, made.port) as device:
            topic, body = "netmon/v1/04/01273/s1/d1/cells", json.dumps({"ts": T0 * 1000, **MADE})
            await device.publish(topic, body, qos=1)
            await until(lambda: netmon.tally["messages", "cells"])
            netmon.refusal = "'viettel' is none of the carriers of s1: vnpt"
            await device.publish(topic, body, qos=1)
            await until(lambda: netmon.tally["rejected", "cells"])
            assert len(netmon.celled) == 2
            assert netmon.tally.of("messages") == {"cells": 1}

"""What is done at night, and again at each start of the day."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime

import pytest

from netmon import upkeep
from netmon.inventory import Inventory
from netmon.model import VIET_NAM, Site, SiteKind
from netmon.settings import load
from netmon.store import Store
from tests.store.conftest import Counts
from tests.targets.made import NoMeter


def at(*when):
    return datetime(*when, tzinfo=VIET_NAM).timestamp()


@pytest.fixture
def settings(tmp_path):
    text = '{"province": "04", "credentials": {"c": {"version": "2c", "community": !env NOBODY_SETS_THIS}}}'
    (tmp_path / "inventory").mkdir()
    (tmp_path / "netmon.yaml").write_text(text)
    site = {"id": "s", "name": "S", "commune": "01273", "kind": "peoples_committee"}
    (tmp_path / "inventory/a.yaml").write_text(json.dumps({"sites": [site]}))
    return load(tmp_path, secrets=False)


def test_the_inventory_of_a_month_that_is_over_is_counted_once(settings, tmp_path):
    """A restart later on the first, with another configuration, does not change what stood when the month ended."""
    bts = Site(id="b", name="B", kind=SiteKind.BTS, province="04", commune="01273")
    more = replace(settings, inventory=Inventory({**settings.inventory.sites, "b": bts}, {}, {}))
    with Store.open(tmp_path / "s.db", NoMeter()) as store:
        upkeep.keep(store, more, at(2026, 10, 31, 2), nightly=True)
        upkeep.keep(store, settings, at(2026, 11, 1, 2), nightly=True)
        upkeep.keep(store, more, at(2026, 11, 1, 11), nightly=False)
        store.flush()
        october = store.reader().inventory_month("2026-10")
        assert not any("bts" in key for key in october)
        upkeep.keep(store, more, at(2026, 11, 2, 2), nightly=False)
        store.flush()
        assert any("bts" in key for key in store.reader().inventory_month("2026-11"))
        assert store.reader().inventory_month("2026-10") == october


async def test_a_store_that_cannot_be_looked_through_is_counted(settings, tmp_path):
    meter = Counts()
    with Store.open(tmp_path / "s.db", NoMeter()) as store:
        store.doubtful = True
        (tmp_path / "s.db").rename(tmp_path / "elsewhere.db")
        night = asyncio.create_task(upkeep.keep_forever(store, lambda: settings, meter))
        await asyncio.to_thread(meter.wait_for, "netmon_bugs_total", 1)
        night.cancel()
        await asyncio.gather(night, return_exceptions=True)
        (tmp_path / "elsewhere.db").rename(tmp_path / "s.db")
    assert meter.totals == {"netmon_bugs_total": 1}

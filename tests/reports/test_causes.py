"""Why a commune was not served, in reports: by class and root, as a person corrected it, with netmon's word beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon.exporters.prometheus import OwnMetrics
from netmon.inventory import Inventory
from netmon.model import (
    CauseClass,
    Device,
    Entry,
    Finding,
    Impact,
    Incident,
    Outage,
    Site,
    SiteKind,
    Standing,
    Subject,
    Verb,
    Verdict,
    Window,
)
from netmon.reports.causes import Causes
from netmon.store import Store

HQ = Subject("site", "hq")
MONTH = Window(0.0, 30 * 86_400.0)
HOUR = 3600.0
SITES = [
    Site(id=name, name=named, kind=SiteKind.PEOPLES_COMMITTEE, province="04", commune="01273")
    for name, named in (("hq", "UBND phường Thục Phán"), ("hub", "Trạm Hub"))
]
INVENTORY = Inventory({each.id: each for each in SITES}, {"core": Device(id="core", site="hub")}, {})
VERDICT = Verdict(
    target="up",
    subject=Subject("commune", "01273"),
    standing=Standing.MISSED,
    value=0.9,
    limit=0.99,
    coverage=1.0,
    window=MONTH,
    final=True,
    evidence={"rule": "availability", "parts": [{"kind": "site", "id": "hq"}]},
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "netmon.db", OwnMetrics()) as store:
        yield store


def lose(store: Store, at: float, hours: float, cause: CauseClass | None, root: str, incident: str, word: str = "") -> None:
    """An outage of the commune's site, explained as the keeper of incidents does."""
    store.open_outage(Outage(HQ, "isolated", at, at + hours * HOUR, word, ""))
    if cause is None:
        return
    subject = Subject(*root.split(":"))
    store.explain_outage(HQ, incident, Finding(cause, subject))
    if incident:
        store.put_incident(
            Incident(
                id=incident, province="04", root=subject, cause=cause, clues=(), since=at, until=at + hours * HOUR,
                members=(), ever=(HQ,), impact=Impact(),
            )
        )  # fmt: skip


def correct(store: Store, incident: str, text: str) -> None:
    store.put_entry(Entry(MONTH.end, incident, Verb.CAUSE, "lan", "", text))


def told(store: Store, now: float = MONTH.end) -> tuple[str, str]:
    store.flush()
    found = Causes(INVENTORY, store.reader(), now).of(VERDICT)
    assert found is not None
    return found.vi, found.en


def test_outages_are_added_up_by_class_and_root(store: Store) -> None:
    lose(store, 1 * HOUR, 2, CauseClass.FIBRE, "cable:QL3", "2026-0001")
    lose(store, 10 * HOUR, 1, CauseClass.FIBRE, "cable:QL3", "2026-0002")
    lose(store, 20 * HOUR, 4, CauseClass.POWER, "site:hub", "2026-0003")
    lose(store, 30 * HOUR, 0.5, CauseClass.UPSTREAM, "device:core", "", "device:core")
    vi, en = told(store)
    assert en == "power, Trạm Hub: 4 h (1×); fibre cut, cable QL3: 3 h (2×); upstream, device core (Trạm Hub): 30 min (1×)"
    assert vi == (
        "mất điện, Trạm Hub: 4 giờ (1 lần); đứt cáp, cáp QL3: 3 giờ (2 lần); "
        "mất kết nối tuyến trên, do thiết bị core (Trạm Hub): 30 phút (1 lần)"
    )


def test_a_corrected_cause_is_told_with_netmons_own_beside_it(store: Store) -> None:
    """Only of its incident, and the last word holds."""
    lose(store, 1 * HOUR, 3, CauseClass.FIBRE, "cable:QL3", "2026-0001")
    lose(store, 10 * HOUR, 2, CauseClass.FIBRE, "cable:QL3", "2026-0002")
    correct(store, "2026-0001", "equipment: bo mạch hỏng")
    correct(store, "2026-0001", "power: trạm lặp mất điện, đã xác minh")
    vi, en = told(store)
    assert en == "power, cable QL3 (netmon found: fibre cut): 3 h (1×); fibre cut, cable QL3: 2 h (1×)"
    assert vi.startswith("mất điện, cáp QL3 (netmon xác định: đứt cáp): 3 giờ (1 lần); đứt cáp, cáp QL3")
    correct(store, "2026-0001", "fibre: đúng là đứt cáp")
    assert told(store)[1] == "fibre cut, cable QL3: 5 h (2×)", "who agrees with netmon corrects nothing"


def test_what_nobody_explained_is_told_as_it_always_was(store: Store) -> None:
    lose(store, 1 * HOUR, 3, None, "", "", "core")
    lose(store, 10 * HOUR, 2, None, "", "")
    lose(store, 20 * HOUR, 1, CauseClass.MONITORING, "netmon:netmon", "2026-0001")
    assert told(store)[1] == "device core (Trạm Hub): 3 h (1×); cause not known: 2 h (1×); monitoring: 1 h (1×)"


def test_an_outage_that_goes_on_counts_up_to_now_and_not_to_the_end_of_its_month(store: Store) -> None:
    store.open_outage(Outage(HQ, "isolated", 10 * HOUR, None, "core", ""))
    assert told(store, 11 * HOUR)[1] == "device core (Trạm Hub): 1 h (1×)"
    assert told(store, MONTH.end + HOUR)[1] == "device core (Trạm Hub): 710 h (1×)"

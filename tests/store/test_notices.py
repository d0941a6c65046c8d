"""Notices: what devices told by themselves, bounded in age and number; and our SNMP engine's boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from netmon.model import Subject
from netmon.notice import Notice, NoticeKind
from netmon.store import Store, facts, schema
from tests.store.conftest import Counts

DAY = 86_400.0


def notice(at: float, device: str = "r1", name: str = "linkDown", kind: NoticeKind = NoticeKind.TRAP) -> Notice:
    return Notice(at, kind, device, name, "10.4.1.1", {"ifAlias.3": "TSLCD Bảo Lạc"})


def test_notices_come_back_as_they_were_told_the_newest_last(store: Store) -> None:
    told = [
        notice(100.0),
        notice(90.0, "r2"),
        Notice(110.0, NoticeKind.EVENT, "m1", "door_open"),
        notice(120.0, name="linkUp"),
    ]
    for each in told:
        store.put_notice(each)
    store.flush()
    reader = store.reader()
    assert reader.notices() == told
    assert reader.notices("r1") == [told[0], told[3]]
    assert reader.notices("r1", most=1) == [told[3]]
    assert reader.notices(since=100.0) == [told[0], *told[2:]]
    assert reader.notices("r9") == []


def test_notices_are_kept_as_long_as_slots_that_are_judged(store: Store) -> None:
    now = 1_000 * DAY
    for days in (399, 402):
        store.put_notice(notice(now - days * DAY))
    store.prune(now)
    store.flush()
    assert [each.at for each in store.reader().notices()] == [now - 399 * DAY]


def test_a_device_that_never_stops_telling_displaces_the_oldest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two prunings, too: the file cannot be filled by it."""
    monkeypatch.setattr(facts, "MOST_NOTICES", 30)
    monkeypatch.setattr(facts, "NOTICES_TRIMMED_EVERY", 10)
    for at in range(100):
        store.put_notice(notice(float(at)))
    store.flush()
    assert [each.at for each in store.reader().notices()] == [float(at) for at in range(70, 100)]


def test_a_noisy_device_displaces_none_but_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it tells, and whichever of two devices behind one address comes last."""
    monkeypatch.setattr(facts, "MOST_NOTICES", 30)
    monkeypatch.setattr(facts, "MOST_OF_DEVICE", 5)
    monkeypatch.setattr(facts, "NOTICES_TRIMMED_EVERY", 10)
    store.put_notice(notice(0.0, "quiet"))
    for at in range(1, 100):
        store.put_notice(notice(float(at), f"noisy{at % 2}"))
    store.flush()
    assert [each.at for each in store.reader().notices()] == [0.0, *(float(at) for at in range(90, 100))]


def test_the_engine_keeps_its_id_and_counts_its_boots(path: Path, meter: Counts, tmp_path: Path) -> None:
    """RFC 3411, SnmpEngineID and snmpEngineBoots: another store is another engine."""
    started = []
    for _ in range(3):
        with Store.open(path, meter) as store:
            started.append(store.start_engine())
    with Store.open(tmp_path / "other.db", meter) as store:
        other = store.start_engine()
    engine = started[0][0]
    assert started == [(engine, 1), (engine, 2), (engine, 3)]
    assert other[1] == 1
    assert other[0] != engine
    assert 5 <= len(engine) <= 32
    assert engine[0] & 0x80


def test_a_store_from_before_notices_is_brought_up_to_date(
    path: Path, meter: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with Store.open(path, meter) as store:
            store.begin_span(Subject("device", "r1"), "up", 1.0)
    with Store.open(path, meter) as store:
        store.put_notice(notice(2.0))
        store.flush()
        assert store.reader().open_spans("device")["r1"].state == "up"
        assert store.reader().notices() == [notice(2.0)]

"""The embedded store: slots, echoes, summaries, states, outages, netmon's own absence, verdicts and what reports rest on, in
one SQLite file (docs/store.md)."""

from netmon.store.book import signed
from netmon.store.damage import Damage, last_damage
from netmon.store.reader import Reader
from netmon.store.records import (
    Absence,
    EchoRows,
    Frozen,
    Ispeed,
    OpenSpan,
    Rates,
    Sums,
    dump_verdict,
    load_verdict,
)
from netmon.store.schema import NewerStoreError, StoreError
from netmon.store.store import Store

__all__ = [
    "Absence",
    "Damage",
    "EchoRows",
    "Frozen",
    "Ispeed",
    "NewerStoreError",
    "OpenSpan",
    "Rates",
    "Reader",
    "Store",
    "StoreError",
    "Sums",
    "dump_verdict",
    "last_damage",
    "load_verdict",
    "signed",
]

"""The embedded store: slots, states, outages, netmon's own absence and verdicts in one SQLite file (docs/store.md)."""

from netmon.store.reader import Reader
from netmon.store.records import Absence, Frozen, OpenSpan, Rates, Sums, dump_verdict, load_verdict
from netmon.store.schema import StoreError
from netmon.store.store import Store

__all__ = ["Absence", "Frozen", "OpenSpan", "Rates", "Reader", "Store", "StoreError", "Sums", "dump_verdict", "load_verdict"]

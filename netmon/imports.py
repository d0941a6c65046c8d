"""Imports: figures of others that the command line hands to a running daemon, which alone may write to its store."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import structlog

from netmon import cellfile
from netmon.cellfile import CellFileError
from netmon.cells import Cells
from netmon.control import ControlError
from netmon.reports import ispeed
from netmon.reports.ispeed import IspeedError
from netmon.store import Store
from netmon.units import Register

log = structlog.get_logger(__name__)

HOLDS_AT_MOST_S = 7 * 86_400.0
"""Nobody knows today whether a cell was up last week."""


class Imports:
    """Takes imports into one store, and into the cells of a running netmon. Whoever has a command carried out waits for the
    commit."""

    def __init__(self, store: Store, register: Register, cells: Cells) -> None:
        self._store = store
        self._register = register
        self._cells = cells

    async def control_ispeed(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """VNNIC's medians from the text of a CSV file, all of them or none. ControlError: what is wrong, line by line."""
        text, name, now = request.get("text"), request.get("name"), time.time()
        if not isinstance(text, str) or not isinstance(name, str):
            raise ControlError("an import has the text of a file and its name")
        try:
            rows = await asyncio.to_thread(ispeed.read, text, name, self._register, now)
        except IspeedError as error:
            raise ControlError(str(error)) from None
        self._store.put_ispeed(rows, now)
        log.info("i-speed figures imported", by=author, file=name, rows=len(rows))
        return {"stored": len(rows)}

    async def control_cells(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """States of cells from the text of a CSV file, all of them or none, that hold for `holds_s`. Returns how many were
        told, and how many of these hold by now. ControlError: what is wrong, line by line."""
        text, name, operator = request.get("text"), request.get("name"), request.get("operator", "")
        holds_s, now = request.get("holds_s"), time.time()
        if not isinstance(text, str) or not isinstance(name, str) or not isinstance(operator, str):
            raise ControlError("an import has the text of a file and its name, and perhaps an operator")
        if not isinstance(holds_s, int | float) or not 0 < holds_s <= HOLDS_AT_MOST_S:
            raise ControlError(f"what a file tells holds for more than 0 and at most {HOLDS_AT_MOST_S:g} s")
        refusal = self._cells.refusal
        try:
            reports = await asyncio.to_thread(cellfile.read, text, name, holds_s, operator, refusal, now)
        except CellFileError as error:
            raise ControlError(str(error)) from None
        if why := self._cells.take(reports, now):
            raise ControlError(f"{name} is not imported, nothing of it: {why}")
        told = {cell for report in reports for cell, _ in report.states}
        held = self._cells.states(told)
        log.info("states of cells imported", by=author, file=name, cells=len(told), operator=operator)
        return {"told": len(told), "states": dict(Counter(str(state) for state in held))}

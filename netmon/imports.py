"""Imports: figures of others that the command line hands to a running daemon, which alone may write to its store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog

from netmon.control import ControlError
from netmon.reports import ispeed
from netmon.reports.ispeed import IspeedError
from netmon.store import Store
from netmon.units import Register

log = structlog.get_logger(__name__)

STORED_WITHIN_S = 5.0


class Imports:
    """Takes imports into one store."""

    def __init__(self, store: Store, register: Register) -> None:
        self._store = store
        self._register = register

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
        try:
            await asyncio.to_thread(self._store.flush, STORED_WITHIN_S)
        except TimeoutError:
            raise ControlError("the store takes its time: the figures are stored as soon as it can") from None
        log.info("i-speed figures imported", by=author, file=name, rows=len(rows))
        return {"stored": len(rows)}

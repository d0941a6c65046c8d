"""Every deed leaves a line in the audit log before it is answered: who, from where, what, and with what result.

Commands come in over the control socket, over HTTP and by a signal; all three have them carried out here. A command that is
not known to write nothing is taken for one that writes, so that a new one is not forgotten.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import structlog

from netmon.control import ControlError, Handler, UnwrittenError
from netmon.model import AuditEntry, Caller
from netmon.store import Store, StoreError

log = structlog.get_logger(__name__)

READING = frozenset(
    {"status", "wallboard", "fibre", "verdicts", "site", "incidents", "sitrep", "shift", "dark", "readiness"}
)
"""Commands that write nothing."""

LOOKING = (None, "list", "show")
"""Actions of the other commands that write nothing."""

WITH_ACTIONS = frozenset({"storm", "maintenance", "incident"})
"""The commands that have such actions."""

WRITTEN_WITHIN_S = 5.0
"""A commit takes milliseconds. Whoever asks waits ten seconds for an answer."""

VALUE_AT_MOST = 400
"""Characters of a value that the log repeats. Of a longer one, as the text of a file, it has the digest."""

ONE_LINE_S = 60.0
"""What is forbidden to one address, with one token or none of ours, is one line in so many seconds."""

ADDRESSES_AT_MOST = 20
"""So many addresses are told apart meanwhile; all others share a line, or one for each token that they bear."""

OTHERS = "other addresses"

DONE, REFUSED, FORBIDDEN = "done", "refused", "forbidden"


class Audit:
    """Writes the log of one netmon into its store. `clock` tells Unix seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._strangers: dict[tuple[str, str], _Minute] = {}

    async def carry_out(
        self, caller: Caller, command: str, handler: Handler, request: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Has a command done, and answers when what it wrote and its line in the log are committed: what a person was told
        is done outlives a kill. ControlError: the command's own; UnwrittenError: the store does not commit."""
        if writes_nothing(command, request):
            return await handler(caller.author, request)
        try:
            told = await handler(caller.author, request)
        except UnwrittenError as error:  # it was done all the same
            self._write(caller, command, request, {}, str(error), DONE)
            raise
        except ControlError as error:
            self._write(caller, command, request, {}, str(error))
            with suppress(UnwrittenError):  # nothing was done that could be lost
                await self._settle()
            raise
        except BaseException as error:  # a bug, or netmon stops: what was begun is told all the same
            self._write(caller, command, request, {}, f"it ended with {type(error).__name__}")
            raise
        self._write(caller, command, request, told)
        await self._settle()
        return told

    def forbid(self, caller: Caller, deed: str, about: str, why: str) -> None:
        """Someone asked for what is not theirs. The first time is told at once; what else comes of the same address in the
        same name within a minute is one line with its count."""
        key = (caller.origin, caller.author)
        if key not in self._strangers and len(self._strangers) >= ADDRESSES_AT_MOST:
            key = (OTHERS, caller.author)
        entry = AuditEntry(self._clock(), caller.author, key[0], deed, about, _json({"why": why, "count": 1}), FORBIDDEN)
        minute = self._strangers.get(key)
        if minute is None:
            self._put(entry)
            self._begin(key)
        else:
            minute.count += 1
            minute.last = entry._replace(detail=_json({"why": why, "count": minute.count}))

    def close(self) -> None:
        """Writes what is counted and not told yet."""
        for minute in self._strangers.values():
            minute.timer.cancel()
            if minute.last is not None:
                self._put(minute.last)
        self._strangers.clear()

    def _begin(self, key: tuple[str, str]) -> None:
        self._strangers[key] = _Minute(asyncio.get_running_loop().call_later(ONE_LINE_S, self._over, key))

    def _over(self, key: tuple[str, str]) -> None:
        if (last := self._strangers.pop(key).last) is not None:
            self._put(last)
            self._begin(key)

    def _write(
        self,
        caller: Caller,
        command: str,
        request: Mapping[str, Any],
        told: Mapping[str, Any],
        why: str | None = None,
        result: str = REFUSED,
    ) -> None:
        asked = {name: _short(value) for name, value in request.items() if name not in ("command", "action", "id")}
        entry = AuditEntry(
            at=self._clock(),
            who=caller.author,
            origin=caller.origin,
            deed=f"{command} {request['action']}" if "action" in request else command,
            about=_about(request, told),
            detail=_json(asked if why is None else asked | {"why": why}),
            result=DONE if why is None else result,
        )
        if not self._put(entry):
            raise UnwrittenError("its line in the audit log cannot be written: the log of netmon says why")

    def _put(self, entry: AuditEntry) -> bool:
        try:
            self._store.put_audit(entry)
        except StoreError as error:
            log.error("a line of the audit log is lost", reason=str(error), **entry._asdict())
            return False
        return True

    async def _settle(self) -> None:
        try:
            await asyncio.to_thread(self._store.settle, WRITTEN_WITHIN_S)
        except (TimeoutError, StoreError):
            raise UnwrittenError("taken, but not written yet: the store does not commit") from None


@dataclass(slots=True)
class _Minute:
    """What is forbidden to an address in one name: when it is told next, and how often it came since it was told last."""

    timer: asyncio.TimerHandle
    count: int = 0
    last: AuditEntry | None = None


def writes_nothing(command: str, request: Mapping[str, Any]) -> bool:
    """Whether a command, as it is asked, only looks."""
    return command in READING or (command in WITH_ACTIONS and request.get("action") in LOOKING)


def _about(request: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """The window or the incident that a command made or named, else the file that it brought."""
    for made in (told.get("window"), told.get("incident"), request):
        if isinstance(made, Mapping) and made.get("id"):
            return str(_short(made["id"]))
    return str(_short(request.get("name", "")))


def _short(value: object) -> object:
    """A value as the log repeats it."""
    text = value if isinstance(value, str) else _json(value)
    if len(text) <= VALUE_AT_MOST:
        return value
    return f"{len(text)} characters, SHA-256 {sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

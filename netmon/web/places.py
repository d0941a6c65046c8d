"""Single places as JSON: communes, devices, and search for what somebody means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from netmon.web import telling

LONGEST = 80
"""Characters of what may be sought."""

Later = Callable[[], Mapping[str, Any]]


class PlaceFacts(Protocol):
    """What is told of places. Each is called on the loop; what it returns, in a thread. None: there is no such place."""

    def commune(self, code: str) -> Later | None: ...

    def device(self, name: str) -> Later | None: ...

    def search(self, text: str) -> Later: ...


class Places:
    """Answers for the places that `facts` knows."""

    def __init__(self, facts: PlaceFacts, reads: telling.Reads) -> None:
        self._facts = facts
        self._reads = reads

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Adds the paths."""
        router.add_get("/api/v1/communes/{code}", self._commune)
        router.add_get("/api/v1/devices/{device}", self._device)
        router.add_get("/api/v1/search", self._search)

    async def _commune(self, request: web.Request) -> web.Response:
        if refused := telling.unknown_keys(request):
            return refused
        code = request.match_info["code"]
        return await self._tell(request, lambda: self._facts.commune(code), "there is no such commune here")

    async def _device(self, request: web.Request) -> web.Response:
        if refused := telling.unknown_keys(request):
            return refused
        name = request.match_info["device"]
        return await self._tell(request, lambda: self._facts.device(name), "the inventory has no such device")

    async def _search(self, request: web.Request) -> web.Response:
        if refused := telling.unknown_keys(request, "q"):
            return refused
        asked = request.query.getall("q", [])
        if len(asked) != 1 or not 1 <= len(text := asked[0].strip()) <= LONGEST:
            return telling.refusal(400, f"q is what is sought: 1 to {LONGEST} characters")
        return await self._tell(request, lambda: self._facts.search(text), "")

    async def _tell(self, request: web.Request, look: Callable[[], Later | None], missing: str) -> web.Response:
        if self._reads.full:
            return telling.busy(telling.TOO_MANY)
        found = look()
        if found is None:
            return telling.refusal(404, missing)
        return telling.answer(request, await self._reads.run(lambda: telling.dumps(found())))

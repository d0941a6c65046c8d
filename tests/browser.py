"""A real Chromium without a screen, driven over its DevTools protocol: what a page looks like to those who read it.

It resolves no names and reaches nothing but this machine. Its profile lies in a directory of its own.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.peers import LOOPBACK, require, running

SWITCHES = (
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--no-proxy-server",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}",
    "--hide-scrollbars",
    "--mute-audio",
)


@dataclass
class Tab:
    """One tab with a store of its own (localStorage, cookies). `requests` are the addresses that it asked for, `said` what
    it wrote to the console."""

    socket: aiohttp.ClientWebSocketResponse
    session: str = ""
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def call(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol; its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json(message)
        return await asyncio.wait_for(self._waiting[number], 30)

    async def listen(self) -> None:
        """Takes answers and events until the socket closes."""
        async for frame in self.socket:
            message = json.loads(frame.data)
            if "id" in message:
                waiting = self._waiting.pop(message["id"])
                if "error" in message:
                    waiting.set_exception(AssertionError(message["error"]["message"]))
                else:
                    waiting.set_result(message["result"])
            elif message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            elif message["method"] == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.said.append(details.get("exception", details).get("description", details["text"]))
            elif message["method"] == "Log.entryAdded":
                self.said.append(message["params"]["entry"]["text"])

    async def show(self, width: int, height: int, scheme: str = "dark") -> None:
        """The size of the screen in pixels, and the colour scheme that its user prefers."""
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; an AssertionError where it throws."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise AssertionError(details.get("exception", details).get("description", details["text"]))
        return answer["result"].get("value")

    async def eventually(self, expression: str, deadline_s: float = 15.0) -> Any:
        """The value of an expression once it is true; past the deadline an AssertionError with what the page said."""
        end = asyncio.get_running_loop().time() + deadline_s
        while True:
            wrong = ""
            try:
                if found := await self.run(expression):
                    return found
            except AssertionError as error:
                wrong = str(error)  # the page may be under way to another one
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"not so within {deadline_s:g} s: {expression} {wrong} {self.said[-3:]}")
            await asyncio.sleep(0.05)

    async def texts(self, selector: str) -> list[str]:
        """What stands in each element, as it is seen: without what is hidden."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        seen: list[str] = await self.run(
            f"{found}.filter(node => node.getClientRects().length).map(node => node.textContent)"
        )
        return seen

    async def press(self, key: str, code: int) -> None:
        """One key, by its name and its Windows key code ("Tab", 9)."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def screenshot(self, path: Path) -> None:
        """What is on the screen, as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


@dataclass(frozen=True)
class Browser:
    """A running Chromium, by the address of its DevTools."""

    address: str

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """An empty tab, closed with what it stored when the block ends."""
        async with aiohttp.ClientSession() as http, http.ws_connect(self.address, max_msg_size=0) as socket:
            tab = Tab(socket)
            listening = asyncio.create_task(tab.listen())
            try:
                context = (await tab.call("Target.createBrowserContext"))["browserContextId"]
                target = await tab.call("Target.createTarget", url="about:blank", browserContextId=context)
                attached = await tab.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
                tab.session = attached["sessionId"]
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await tab.call(f"{domain}.enable")
                yield tab
                tab.session = ""
                await tab.call("Target.disposeBrowserContext", browserContextId=context)
            finally:
                listening.cancel()


@contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    """A Chromium with a fresh profile under `home`; it takes seconds to start: share one among the tests of a module."""
    home.mkdir(parents=True, exist_ok=True)
    written = home / "profile" / "DevToolsActivePort"
    written.unlink(missing_ok=True)
    argv: list[str | Path] = [require("chromium-headless-shell"), *SWITCHES, f"--user-data-dir={home / 'profile'}"]
    if os.geteuid() == 0:
        argv.append("--no-sandbox")

    def where() -> list[str]:
        return written.read_text().split() if written.is_file() else []

    with running(argv, ready=lambda: len(where()) == 2, log=home / "chromium.log", deadline_s=60, env={"HOME": str(home)}):
        port, path = where()
        yield Browser(f"ws://{LOOPBACK}:{port}{path}")

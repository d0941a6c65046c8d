"""Server-sent events over real HTTP: what listeners are told, and that none of them costs or holds up anything."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from structlog.testing import capture_logs

from netmon import web
from netmon.web import Listener, stream
from netmon.web.board import Board
from netmon.web.stream import Stream
from tests.peers import LOOPBACK
from tests.web.boards import Facts
from tests.web.test_wallboard import register

PATH = "/api/v1/stream"
FAST = {"look_every_s": 0.02, "alive_every_s": 0.2}
PATIENCE_S = 20.0


class Room:
    """A listener, the facts behind it, and how often they were looked at."""

    def __init__(self, facts=None, **pace):
        self.facts, self.looks = facts or Facts(), 0
        self.stream = Stream(self.look, **FAST | pace)
        self.listener = Listener(self.facts, LOOPBACK, 0, stream=self.stream)

    def look(self):
        self.looks += 1
        return self.facts.wallboard()

    @asynccontextmanager
    async def open(self):
        self.where = await self.listener.start()
        async with aiohttp.ClientSession(f"http://{self.where}") as self.http:
            yield self
        await self.listener.stop()

    @asynccontextmanager
    async def hear(self):
        async with self.http.get(PATH, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status == 200
            yield Ear(answer)

    @asynccontextmanager
    async def knock(self, path=PATH):
        """A listener that takes nothing unless told to: its socket, with a small buffer."""
        with socket.socket() as bare:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            bare.setblocking(False)
            host, port = self.where.split(":")
            loop = asyncio.get_running_loop()
            await loop.sock_connect(bare, (host, int(port)))
            await loop.sock_sendall(bare, f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            if path == PATH:
                await eventually(lambda: self.stream.listeners > 0)
            yield bare


class Ear:
    """Takes events, and keeps the board that they make."""

    def __init__(self, answer):
        self.answer, self.board = answer, None

    async def next(self):
        """The name and the data of the next event."""
        async with asyncio.timeout(PATIENCE_S):
            name = data = None
            while line := (await self.answer.content.readline()).decode():
                field, _, value = line.rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = json.loads(value)
                elif name is not None:
                    self.take(name, data)
                    return name, data
        return "end", None

    async def until(self, wanted):
        while (event := await self.next())[0] != wanted:
            assert event[0] != "end"
        return event[1]

    def take(self, name, data):
        if name == "wallboard":
            self.board = data
        elif name == "changes":
            assert data["was"] == self.board["revision"], "it builds on what was told before"
            for path, value in data["set"].items():
                *way, last = path.split("/")
                part = self.board
                for step in way:
                    part = part[int(step) if isinstance(part, list) else step]
                part[last] = value
            self.board |= {"time": data["time"], "revision": data["revision"]}


async def eventually(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is a count
            await asyncio.sleep(0.005)


def trouble(facts):
    world = facts.world
    world.dead = {"r1", "p1"}
    facts.show(world.run(120))


class Big:
    """A board with a part of a third of a megabyte, and what the room asks of facts beside it."""

    def __init__(self):
        self.n = 0

    def wallboard(self):
        self.n += 1
        return {"time": float(self.n), "provinces": [{"code": "04", "n": self.n, "big": f"{self.n}" + "x" * 300_000}]}

    def __getattr__(self, name):
        return lambda *asked: None


# --- what is told -----------------------------------------------------------------------------------------------------


async def test_a_listener_gets_the_whole_board_then_only_what_changed():
    async with Room().open() as room, room.hear() as ear:
        assert ear.answer.headers["Content-Type"] == "text/event-stream"
        assert ear.answer.headers["Cache-Control"] == "no-store"
        assert "Content-Encoding" not in ear.answer.headers
        assert await ear.answer.content.readline() == b"retry: 2000\n"
        name, first = await ear.next()
        async with room.http.get("/api/v1/wallboard") as answer:
            asked = await answer.json()
        assert name == "wallboard"
        assert {**first, "time": 0} == {**asked, "time": 0}
        before = first["revision"]
        trouble(room.facts)
        changes = await ear.until("changes")
        assert set(changes["set"]) == {f"provinces/0/{part}" for part in ("communes", "devices", "cut_off", "down", "links")}
        async with room.http.get("/api/v1/wallboard") as answer:
            asked = await answer.json()
        assert ear.board == {**asked, "time": changes["time"]}
        assert asked["revision"] != before


async def test_that_only_time_goes_on_is_no_change():
    async with Room(alive_every_s=0.05).open() as room, room.hear() as ear:
        before = (await ear.next())[1]
        for _ in range(3):
            room.facts.world.now += 7
            name, data = await ear.next()
            assert (name, list(data)) == ("alive", ["time"])
        assert data["time"] > before["time"]
        assert room.looks > 2
        async with room.http.get("/api/v1/wallboard") as answer:
            assert (await answer.json())["revision"] == before["revision"]


async def test_other_provinces_after_a_reload_come_as_a_whole():
    async with Room().open() as room, room.hear() as ear:
        await ear.until("wallboard")
        room.facts.show(room.facts.world, provinces=("48", "04"), register=register(2))
        changes = await ear.until("changes")
        assert list(changes["set"]) == ["provinces"]
        assert [province["code"] for province in ear.board["provinces"]] == ["48", "04"]


def test_parts_that_went_make_the_board_be_told_anew():
    fuller = Board({"time": 1.0, "incidents": [], "provinces": []})
    assert Board({"time": 1.0, "provinces": []}).since(fuller) is None
    assert json.loads(fuller.since(Board({"time": 1.0, "provinces": []})))["set"] == {"incidents": []}


def test_what_no_utf_8_has_does_not_stop_the_board():
    """A device may tell half a character in JSON."""
    told = Board({"time": 1.0, "provinces": [{"code": "04", "down": "\ud83d \u2028 </script> \n event: x"}]})
    assert json.loads(stream.telling.octets(told.text()))["provinces"][0]["down"].startswith("? \u2028 </script> \n")
    assert "\n" not in told.text()


# --- what it costs ----------------------------------------------------------------------------------------------------


async def test_one_look_serves_all_and_nobody_looks_while_nobody_listens():
    async with Room(look_every_s=3600.0).open() as room:
        assert room.looks == 0
        async with room.hear() as one, room.hear() as two, room.hear() as three:
            boards = [await ear.until("wallboard") for ear in (one, two, three)]
            assert len({board["revision"] for board in boards}) == 1
            assert room.looks == 1
        await eventually(lambda: room.stream.listeners == 0)
        assert room.stream._watching is None
        async with room.hear() as again:
            await again.until("alive")


async def test_all_who_ask_for_the_whole_are_told_the_same_octets(monkeypatch):
    async with Room(look_every_s=3600.0).open() as room:
        told = set()
        for coding in ("gzip", "identity", "gzip", "identity"):
            async with room.http.get("/api/v1/wallboard", headers={"Accept-Encoding": coding}) as answer:
                assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
                assert answer.headers.get("Content-Encoding", "identity") == coding
                told.add(await answer.read())
        assert (room.looks, len(told)) == (1, 1)
        async with room.http.head("/api/v1/wallboard") as answer:
            assert int(answer.headers["Content-Length"]) > 0
        async with room.hear() as ear:
            assert (await ear.until("wallboard"))["revision"] == json.loads(told.pop())["revision"]
        assert room.looks == 1
        monkeypatch.setattr(web, "BOARDS_AT_ONCE", 0)
        async with room.http.get("/api/v1/wallboard") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


async def test_a_board_that_nobody_takes_is_given_up(monkeypatch):
    monkeypatch.setattr(web, "PATIENCE_S", 0.2)
    facts = Big()
    facts.wallboard = lambda: {"time": 1.0, "provinces": [{"code": "04", "big": "x" * 20_000_000}]}
    async with Room(facts).open() as room, room.knock("/api/v1/wallboard"):
        await eventually(lambda: room.listener._boards_sent == 1)
        await eventually(lambda: room.listener._boards_sent == 0)


async def test_there_are_so_many_and_the_next_is_told_to_come_again(monkeypatch):
    monkeypatch.setattr(stream, "LISTENERS_AT_MOST", 2)
    async with Room().open() as room:
        async with room.hear(), room.hear(), room.http.get(PATH) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
            assert "too many" in (await answer.json())["error"]
        await eventually(lambda: room.stream.listeners == 0)
        async with room.hear() as ear:
            await ear.until("wallboard")


async def test_one_that_cannot_follow_gets_the_board_anew():
    async with Room(Big(), alive_every_s=3600.0).open() as room, room.knock() as slow:
        await eventually(lambda: room.facts.n > 60)
        reader, writer = await asyncio.open_connection(sock=slow, limit=2**20)
        ear = Ear(type("Answer", (), {"content": reader}))
        while (await reader.readline()) != b"\r\n":
            pass
        seen = [await ear.next() for _ in range(2)]
        while ear.board["provinces"][0]["n"] < 50:
            seen.append(await ear.next())
        assert sum(name == "wallboard" for name, _ in seen) > 1
        assert len(seen) < 40, "what was missed was not sent"
        writer.close()


async def test_one_that_takes_nothing_is_dropped_without_a_word():
    with capture_logs() as logs:
        async with Room(Big(), patience_s=0.2).open() as room, room.knock():
            await eventually(lambda: room.stream.listeners == 0)
            assert room.stream._watching is None
    assert logs == []


async def test_one_that_takes_nothing_is_dropped_though_the_system_would_keep_all_that_is_sent():
    """One that takes little, now and then, stays."""

    class Small(Big):
        def wallboard(self):
            return {"time": 1.0, "provinces": [{"code": "04", "big": "x" * 100_000}]}

    pace = {"look_every_s": 0.05, "alive_every_s": 0.05, "patience_s": 0.5}
    async with Room(Small(), **pace).open() as room, room.knock() as slow:
        loop, until = asyncio.get_running_loop(), asyncio.get_running_loop().time() + 1.5
        while loop.time() < until:
            assert await loop.sock_recv(slow, 1024)
            await asyncio.sleep(0.05)
        assert room.stream.listeners == 1
        await eventually(lambda: room.stream.listeners == 0)


async def test_one_that_vanishes_is_forgotten_without_a_word():
    with capture_logs() as logs:
        async with Room(alive_every_s=0.02).open() as room:
            async with room.knock():
                assert room.stream.listeners == 1
            await eventually(lambda: room.stream.listeners == 0)
    assert logs == []


async def test_a_stop_waits_for_no_stream():
    """Not even for one whose events cannot be sent: the server would wait a second before it gave up on it."""
    with capture_logs() as logs:
        async with Room(Big(), patience_s=3600.0).open() as room, room.knock(), room.hear() as ear:
            await ear.until("changes")
            await eventually(lambda: room.facts.n > 20)
            assert room.stream.listeners == 2
            room.stream.stop()
            await eventually(lambda: room.stream.listeners == 0)
            with suppress(aiohttp.ClientPayloadError):  # cut off within an event, or not
                while (await ear.next())[0] != "end":
                    pass
            async with room.http.get(PATH) as answer:
                assert answer.status == 503
    assert logs == []


async def test_a_look_that_fails_ends_the_streams_and_is_told():
    """Whoever listens shall not take silence for calm."""
    with capture_logs() as logs:
        async with Room().open() as room, room.hear() as ear:
            await ear.until("wallboard")
            room.facts.wallboard = lambda: 1 / 0
            with pytest.raises(aiohttp.ClientPayloadError):
                await ear.until("end")
            async with room.http.get(PATH) as answer:
                assert answer.status == 500
            del room.facts.wallboard
            async with room.hear() as again:
                await again.until("alive")
    assert {line["log_level"] for line in logs} == {"error", "info"}
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


# --- who may ask ------------------------------------------------------------------------------------------------------


async def test_a_stream_is_guarded_like_every_other_path():
    async with Room(look_every_s=3600.0).open() as room:
        for ask, status in (
            (room.http.get(PATH, headers={"Host": "evil.example"}), 421),
            (room.http.get(f"{PATH}?since=1"), 400),
            (room.http.head(PATH), 405),
            (room.http.post(PATH), 405),
        ):
            async with ask as answer:
                assert answer.status == status
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with room.hear() as ear:
            assert "default-src 'none'" in ear.answer.headers["Content-Security-Policy"]
        assert room.looks == 1

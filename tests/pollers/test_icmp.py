"""Ping on the loopback, and what it says when it may not."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.pollers import icmp
from netmon.pollers.icmp import Pinger, PingError, PingUnavailable, _round_trip_s

try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    ALLOWED = True
except PermissionError:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
        ALLOWED = True
    except PermissionError:
        ALLOWED = False
needs_ping = pytest.mark.skipif(not ALLOWED, reason="neither net.ipv4.ping_group_range nor CAP_NET_RAW allows a ping")


def without(kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the kernel refuse sockets of a kind."""
    real = socket.socket

    def refuse(family: int, wanted: int, *rest: Any) -> socket.socket:
        if wanted & 0xF == kind:
            raise PermissionError(1, "Operation not permitted")
        return real(family, wanted, *rest)

    monkeypatch.setattr(icmp.socket, "socket", refuse)


@needs_ping
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_echo_comes_back_from_the_loopback(address: str):
    async with Pinger() as pinger:
        round_trip = await pinger.ping(address, 5.0)
    assert round_trip is not None
    assert 0 < round_trip < 5


@needs_ping
async def test_many_pings_share_a_socket_and_each_gets_its_own_answer():
    async with Pinger() as pinger:
        round_trips = await asyncio.gather(*(pinger.ping(f"127.0.0.{n}", 5.0) for n in range(1, 101)))
        assert len(pinger._sockets) == 1
        assert not pinger._waiting
    assert None not in round_trips


@needs_ping
async def test_silence_is_none_and_a_late_echo_disturbs_nobody():
    async with Pinger() as pinger:
        assert await pinger.ping("127.0.0.1", 0.0) is None
        assert await pinger.ping("127.0.0.1", 5.0) is not None


@needs_ping
async def test_what_cannot_be_sent_is_our_own_failure():
    async with Pinger() as pinger:
        with pytest.raises(PingError, match=r"255\.255\.255\.255 could not be pinged"):
            await pinger.ping("255.255.255.255", 1.0)


@needs_ping
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_burst_tells_the_round_trip_of_each_echo_in_turn(address: str):
    async with Pinger() as pinger:
        began = time.monotonic()
        round_trips = await pinger.echoes(address, 5, 0.02, 5.0)
        assert time.monotonic() - began >= 0.08
        assert not pinger._waiting
    assert len(round_trips) == 5
    assert all(seconds is not None and 0 < seconds < 1 for seconds in round_trips)


@needs_ping
async def test_a_loop_that_is_busy_makes_no_round_trip_longer():
    """The kernel says when the echo came; 50 ms of our own work are none of the link's. A kernel begins to stamp some time
    after the first socket asked for it: until then the time of reading stands in, so that it may take more than one burst.
    """
    async with Pinger() as pinger:
        for _ in range(100):
            burst = asyncio.create_task(pinger.echoes("127.0.0.1", 1, 0.0, 5.0))
            await asyncio.sleep(0)  # it is sent
            time.sleep(0.05)  # noqa: ASYNC251 - what it is about
            [round_trip] = await burst
            assert round_trip is not None
            assert round_trip >= 0
            if round_trip < 0.05:
                return
    pytest.fail("No echo was told apart from our own work.")


@given(took=st.floats(0, 100), waited=st.floats(-1e6, 1e6))
def test_what_an_echo_waited_for_us_is_taken_off_unless_the_wall_clock_was_stepped(took: float, waited: float):
    if waited < 0 or waited >= took + 0.001:
        assert _round_trip_s(took, waited) == took
    else:
        assert _round_trip_s(took, waited) == max(took - waited, 0.0)


@needs_ping
async def test_a_burst_that_partly_fails_by_our_own_fault_tells_nothing(monkeypatch: pytest.MonkeyPatch):
    async with Pinger() as pinger:
        real, sent = pinger._send, []

        def third_fails(address: str, *rest: Any) -> None:
            sent.append(address)
            if len(sent) == 3:
                raise PingError("no route")
            real(address, *rest)

        monkeypatch.setattr(pinger, "_send", third_fails)
        with pytest.raises(PingError, match="no route"):
            await pinger.echoes("127.0.0.1", 5, 0.0, 5.0)
        assert not pinger._waiting


@needs_ping
async def test_a_pinger_that_is_closed_ends_the_burst_under_way():
    pinger = Pinger()
    burst = asyncio.create_task(pinger.echoes("127.0.0.1", 2, 0.0, 5.0))
    await asyncio.sleep(0)
    await pinger.close()
    with pytest.raises(PingError, match="closed"):
        await burst


async def test_a_raw_socket_serves_where_datagram_sockets_are_not_granted(monkeypatch: pytest.MonkeyPatch):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except PermissionError:
        pytest.skip("raw sockets need CAP_NET_RAW")
    without(socket.SOCK_DGRAM, monkeypatch)
    async with Pinger() as pinger:
        assert await pinger.ping("127.0.0.1", 5.0) is not None
        assert await pinger.ping("::1", 5.0) is not None


async def test_without_any_socket_the_error_names_the_sysctl(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(icmp.socket, "socket", refuse)
    async with Pinger() as pinger:
        with pytest.raises(PingUnavailable, match=r"net\.ipv4\.ping_group_range"):
            await pinger.ping("127.0.0.1", 1.0)

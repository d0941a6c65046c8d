"""What netmon needs of systemd: of its notify protocol (sd_notify(3)) ready, reloading, status and watchdog, and the sockets
that it opened for us (sd_listen_fds(3)).

Every call does nothing where the service manager did not ask for it.
"""

from __future__ import annotations

import os
import socket
import time

import structlog

log = structlog.get_logger(__name__)

_FIRST_SOCKET = 3  # SD_LISTEN_FDS_START


def line() -> socket.socket | None:
    """A socket to send to the service manager; None where it did not ask for it. OSError: there is no descriptor left."""
    if not os.environ.get("NOTIFY_SOCKET"):
        return None
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)


def notify(over: socket.socket | None = None, /, **fields: str) -> None:
    """Sends fields such as READY="1" or STATUS="..." to the service manager, `over` a line that is kept or one of its own;
    never waits for it, and only says so in the log when it cannot be told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # Linux' abstract namespace
        address = "\0" + address[1:]
    text = "\n".join(f"{key}={value}" for key, value in fields.items())
    try:
        peer = over or line()
        assert peer is not None
        try:
            peer.sendto(text.encode(), address)
        finally:
            if peer is not over:
                peer.close()
    except OSError as error:
        log.warning("the service manager could not be told", fields=sorted(fields), detail=str(error))


def reloading() -> None:
    """A reload began; READY=1 ends it. MONOTONIC_USEC is what Type=notify-reload asks for."""
    notify(RELOADING="1", MONOTONIC_USEC=str(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000))


def watchdog_period_s() -> float | None:
    """How often to say WATCHDOG=1: half of what the unit allows. None without a watchdog."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2e6


def handed_over(name: str) -> list[socket.socket]:
    """Sockets that the service manager opened for us under that FileDescriptorName=. They are ours to close."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    count = int(os.environ.get("LISTEN_FDS", "0"))
    places = [_FIRST_SOCKET + place for place in range(count) if names[place : place + 1] == [name]]
    found = [socket.socket(fileno=place) for place in places]
    for sock in found:
        sock.set_inheritable(False)
    return found

"""Reading the configuration, at the start and anew while netmon runs, and what of it has to wait for the next start."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from pathlib import Path

from netmon.control import ControlError
from netmon.settings import Settings

RELOAD_S = 60.0
"""How long a reload may read; a secret's file on a share that hangs must not hold it for ever."""


class BadConfigurationError(ControlError):
    """The configuration has errors; the text names them, a line a problem."""


async def read_in_child(directory: Path) -> Settings:
    """Settings read by a child process: composing megabytes of YAML would hold up the loop for seconds, and leave 100 MB of
    memory in pieces that nobody gets back.

    BadConfigurationError: they have errors. ControlError: the child could not read them.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # not from the directory that the daemon happens to stand in
            "-m",
            "netmon.settings",
            str(directory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise ControlError(f"the configuration could not be read: {error}") from error
    try:
        async with asyncio.timeout(RELOAD_S):
            out, err = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise ControlError(f"reading the configuration took more than {RELOAD_S:g} s") from None
    if child.returncode == os.EX_CONFIG:
        raise BadConfigurationError(err.decode(errors="replace").strip())
    if child.returncode != 0:
        raise ControlError(err.decode(errors="replace").strip() or f"the reader ended with {child.returncode}")
    settings = pickle.loads(out)  # noqa: S301 - written by our own child, over a pipe
    assert isinstance(settings, Settings)
    return settings


def started_anew(old: Settings, new: Settings) -> list[str]:
    """The settings that differ but take effect only when netmon starts."""
    return [
        name
        for name, was, now in (
            ("store.path", old.store.path, new.store.path),
            ("exporters.prometheus", old.prometheus, new.prometheus),
            ("exporters.influxdb", old.influx is None, new.influx is None),
            ("exporters.influxdb.outbox", _outbox(old), _outbox(new)),
            ("traps.listen", old.traps and old.traps.listen, new.traps and new.traps.listen),
            ("control", old.control, new.control),
            ("poll.concurrency", old.poll.concurrency, new.poll.concurrency),
            ("poll.requests_per_second", old.poll.requests_per_s, new.poll.requests_per_s),
            ("poll.device_requests_per_second", old.poll.device_requests_per_s, new.poll.device_requests_per_s),
        )
        if was != now
    ]


def _outbox(settings: Settings) -> tuple[Path, int] | None:
    influx = settings.influx
    return None if influx is None else (influx.outbox, influx.outbox_bytes)

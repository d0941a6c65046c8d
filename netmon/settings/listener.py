"""What is probably not meant in how the listener is reached: who can read on the way, who can read at all, and whose files
TLS rests on."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from netmon.certificate import expiry
from netmon.octets import octets_of
from netmon.settings import quantities, urls
from netmon.settings.problem import Problem, problem_at
from netmon.settings.yaml import Table

EXPIRES_SOON_S = 21 * 86_400.0
"""An authority that signs by hand wants weeks."""


def doubts(main: Table, directory: Path, now: float) -> Iterator[Problem]:
    """A line for each, as for a fault. `now` is the beginning of the day."""
    web = main.table("web")
    tls = web.table("tls") if web is not None else None
    yield from _reached(main, web, tls)
    if tls is not None:
        yield from _files(tls, directory, now)


def _reached(main: Table, web: Table | None, tls: Table | None) -> Iterator[Problem]:
    exporters = main.table("exporters")
    prometheus = exporters.table("prometheus") if exporters is not None else None
    if prometheus is None or "listen" not in prometheus:
        return  # on loopback
    host, _ = quantities.endpoint(prometheus["listen"])
    if urls.here(host):
        return
    mark = prometheus.value_mark("listen")
    if tls is None:
        what = "what is read and the tokens" if web is not None and web.get("tokens") else "what is read"
        text = f"{host} is reached from other machines: {what} can be read on the way"
        yield problem_at(mark, text, "web: {tls: {certificate: …, key: …}} encrypts it")
    asked = web is not None and web.text("read") == "token"
    if not asked and (tls is None or "client_ca" not in tls):
        text = f"{host} is reached from other machines: whoever reaches it reads the whole network, and /metrics"
        yield problem_at(mark, text, "web: {read: token} asks for a token")


def _files(tls: Table, directory: Path, now: float) -> Iterator[Problem]:
    """What the files tell of themselves; one that this user may not read is another's to look at."""
    try:
        key = (directory / tls["key"]).resolve()
        mode = key.stat().st_mode
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            text = f"key: every user of this machine can read {key}"
            yield problem_at(tls.value_mark("key"), text, f"chmod 640 {key}")
        over = expiry(octets_of(directory / tls["certificate"]).decode("ascii", "replace"))
    except (OSError, ValueError):
        return
    if over < now + EXPIRES_SOON_S:
        day = datetime.fromtimestamp(over, UTC).date()
        text = f"certificate: it {'expired' if over < now else 'expires'} on {day}: browsers and Prometheus refuse it then"
        yield problem_at(tls.value_mark("certificate"), text, "renew it; a reload takes it")

"""The agent of `wire` and `peers`: Debian's snmpd, which answers at every address of 127/8 and holds the table of a load."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.programs import LOOPBACK, Program, find, free_port, running
from bench.subjects.load import AUTH_KEY, COLUMN, COLUMNS, COMMUNITY, PRIV_KEY, ROWS, USER
from netmon.snmp import V2C, Community, encode_request, get_request, oid


def _config() -> str:
    table = (
        f"override .{COLUMN}.{column}.{row} counter {1_000_000 * column + row}"
        for column in range(1, COLUMNS + 1)
        for row in range(1, ROWS + 1)
    )
    user = f"createUser {USER} SHA {AUTH_KEY} AES {PRIV_KEY}"
    return "\n".join([f"rocommunity {COMMUNITY}", user, f"rouser {USER} priv", *table, ""])


@contextmanager
def snmpd(home: Path) -> Iterator[tuple[Program, int]]:
    """The agent and its port while the block lasts. MissingError: there is no snmpd."""
    home.mkdir(parents=True, exist_ok=True)
    config, port = home / "snmpd.conf", free_port()
    config.write_text(_config())
    argv: list[str | Path] = [find("snmpd"), "-f", "-Lo", "-r", "-I", "-smux", "-C", "-c", config, f"udp:0.0.0.0:{port}"]
    env = {"SNMP_PERSISTENT_DIR": str(home / "state"), "SNMPCONFPATH": str(home), "MIBS": ""}
    with running("snmpd", argv, home, ready=lambda: answers(port), env=env) as program:
        yield program, port


def answers(port: int) -> bool:
    """Whether an agent answers there."""
    question = encode_request(get_request([oid.encode("1.3.6.1.2.1.1.3.0")]), Community(V2C, COMMUNITY.encode()), 1 << 24)
    with socket.socket(type=socket.SOCK_DGRAM) as sock, suppress(OSError):
        sock.settimeout(0.2)
        sock.connect((LOOPBACK, port))
        sock.send(question)
        return bool(sock.recv(1500))
    return False

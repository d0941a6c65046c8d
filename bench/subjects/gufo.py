"""gufo-snmp, whose codec is Rust: a session, so a socket, for each device. It reads a table column after column."""

from __future__ import annotations

import asyncio

from gufo.snmp import Aes128Key, Sha1Key, SnmpVersion, User  # type: ignore[import-not-found]
from gufo.snmp.aio import SnmpSession  # type: ignore[import-not-found]

from bench.subjects.load import AUTH_KEY, COLUMN, COMMUNITY, PER_ANSWER, PRIV_KEY, USER, Load, drive


async def main() -> None:
    """Runs the load."""
    load = Load.from_argv()
    names = load.names()
    user = None
    if load.version == "3":
        user = User(USER, auth_key=Sha1Key(AUTH_KEY.encode()), priv_key=Aes128Key(PRIV_KEY.encode()))

    def session(peer: tuple[str, int]) -> SnmpSession:
        version = SnmpVersion.v3 if user else SnmpVersion.v2c
        return SnmpSession(*peer, community=COMMUNITY, user=user, version=version, timeout=load.timeout_s)

    refreshed: set[SnmpSession] = set()

    async def get(session: SnmpSession) -> int:
        if user and session not in refreshed:
            refreshed.add(session)
            await session.refresh()
        for _ in range(load.retries + 1):
            try:
                return len(await session.get_many(names))
            except TimeoutError:
                continue
        return 0

    async def whole(session: SnmpSession) -> int:
        found = 0
        async for _ in session.getbulk(COLUMN, max_repetitions=PER_ANSWER):
            found += 1
        return found

    await drive(load, get if load.get else whole, [*map(session, load.healthy())], [*map(session, load.black_holes())])


if __name__ == "__main__":
    asyncio.run(main())

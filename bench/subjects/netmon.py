"""netmon's engine: one `Client`, so one socket, for all devices."""

from __future__ import annotations

import asyncio

from bench.subjects.load import AUTH_KEY, COMMUNITY, PER_ANSWER, PRIV_KEY, USER, Load, drive
from netmon.snmp import V2C, Client, Community, Silent, Target, Usm, get_request, oid, walk


async def main() -> None:
    """Runs the load."""
    load = Load.from_argv()
    credential: Community | Usm = Community(V2C, COMMUNITY.encode())
    if load.version == "3":
        credential = Usm(user=USER, auth_protocol="SHA-1", auth_key=AUTH_KEY, priv_protocol="AES-128", priv_key=PRIV_KEY)
    request = get_request([oid.encode(name) for name in load.names()])
    columns = [oid.encode(name) for name in load.columns()]

    def target(peer: tuple[str, int]) -> Target:
        return Target(*peer, credential, timeout_s=load.timeout_s, retries=load.retries)

    async with Client() as client:

        async def get(target: Target) -> int:
            try:
                response = await client.ask(target, request)
            except Silent:
                return 0
            return len(response.values or ())

        async def whole(target: Target) -> int:
            walked = await walk(client, target, columns, size=PER_ANSWER)
            return sum(map(len, walked.values.values()))

        await drive(load, get if load.get else whole, [*map(target, load.healthy())], [*map(target, load.black_holes())])


if __name__ == "__main__":
    asyncio.run(main())

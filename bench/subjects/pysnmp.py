"""pysnmp by its own transport: for v2c its lighter architecture, v1arch, for v3 the whole engine. MIBs are not looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pysnmp.hlapi.v1arch.asyncio as v1arch
import pysnmp.hlapi.v3arch.asyncio as v3arch

from bench.subjects.load import AUTH_KEY, COLUMN, COMMUNITY, PER_ANSWER, PRIV_KEY, USER, Load, drive


def _v2c(load: Load) -> tuple[Any, Callable[[Any], Awaitable[int]]]:
    dispatcher, community = v1arch.SnmpDispatcher(), v1arch.CommunityData(COMMUNITY, mpModel=1)
    asked = [(name, v1arch.Null("")) for name in load.names()]

    async def get(target: Any) -> int:
        failed, status, _, varbinds = await v1arch.get_cmd(dispatcher, community, target, *asked, lookupMib=False)
        return 0 if failed or status else len(varbinds)

    async def whole(target: Any) -> int:
        start, found = v1arch.ObjectType(v1arch.ObjectIdentity(COLUMN)), 0
        walked = v1arch.bulk_walk_cmd(
            dispatcher, community, target, 0, PER_ANSWER, start, lookupMib=False, lexicographicMode=False
        )
        async for _, _, _, varbinds in walked:
            found += len(varbinds)
        return found

    return v1arch.UdpTransportTarget, get if load.get else whole


def _v3(load: Load) -> tuple[Any, Callable[[Any], Awaitable[int]]]:
    engine, context = v3arch.SnmpEngine(), v3arch.ContextData()
    user = v3arch.UsmUserData(
        USER, AUTH_KEY, PRIV_KEY, authProtocol=v3arch.USM_AUTH_HMAC96_SHA, privProtocol=v3arch.USM_PRIV_CFB128_AES
    )
    asked = [v3arch.ObjectType(v3arch.ObjectIdentity(name)) for name in load.names()]

    async def get(target: Any) -> int:
        failed, status, _, varbinds = await v3arch.get_cmd(engine, user, target, context, *asked, lookupMib=False)
        return 0 if failed or status else len(varbinds)

    return v3arch.UdpTransportTarget, get


async def main() -> None:
    """Runs the load."""
    load = Load.from_argv()
    transport, ask = _v3(load) if load.version == "3" else _v2c(load)

    async def target(peer: tuple[str, int]) -> Any:
        return await transport.create(peer, timeout=load.timeout_s, retries=load.retries)

    healthy = [await target(peer) for peer in load.healthy()]
    await drive(load, ask, healthy, [await target(peer) for peer in load.black_holes()])


if __name__ == "__main__":
    asyncio.run(main())

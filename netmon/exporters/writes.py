"""The two write APIs of InfluxDB, over HTTP and HTTPS.

https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite
https://docs.influxdata.com/influxdb/v1/tools/api/#write-http-endpoint
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Protocol

import aiohttp

from netmon.exporters.answers import ANSWER_BYTES, basic
from netmon.settings import InfluxApi, InfluxSettings

_TEXT = "text/plain; charset=utf-8"
_PLAIN = {"Accept-Encoding": "identity"}


def api_of(settings: InfluxSettings) -> Api:
    """The one that the settings ask for. OSError, with a sentence: its authorities cannot be read."""
    return _API[settings.api](settings, _tls(settings))


class Api(Protocol):
    """POSTs lines; returns status, headers and at most ANSWER_BYTES of the body, as they came: a compressed body was not
    asked for and is not unpacked. Raises aiohttp's errors, OSError, TimeoutError and ValueError. `CHECK` is what an operator
    looks at when they are refused."""

    CHECK: str

    def __init__(self, settings: InfluxSettings, tls: ssl.SSLContext) -> None: ...

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]: ...

    async def close(self) -> None: ...


class _V2:
    """/api/v2/write, through influxdb-client: it makes the URL, the headers and the session of aiohttp, and gives back the
    answer of aiohttp unread (`_preload_content=False`), for what it reads it reads whole. Its gzip works at level 9 and is
    left off."""

    CHECK = "url, org, bucket and token, and that the token may write to the bucket"

    def __init__(self, settings: InfluxSettings, tls: ssl.SSLContext) -> None:
        # Only who writes to such a server pays for the library: 13 MB, and a quarter of a second at every start.
        from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
        from influxdb_client.service.write_service import WriteService

        self._settings = settings
        self._tls = tls
        self._new_client, self._service = InfluxDBClientAsync, WriteService
        self._client: InfluxDBClientAsync | None = None

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        settings = self._settings
        if self._client is None:
            self._client = self._new_client(
                settings.url,
                settings.token.reveal() if settings.token else "",
                timeout=settings.timeout_s * 1000,
                ssl_context=self._tls,
                allow_redirects=False,
                client_session_kwargs={"auto_decompress": False, "headers": _PLAIN},
            )
        how = {"precision": "ns", "content_type": _TEXT} | ({"content_encoding": "gzip"} if settings.gzip else {})
        answer = await self._service(self._client.api_client).post_write_async(  # type: ignore[no-untyped-call]
            settings.org, settings.bucket, body, async_req=False, _preload_content=False, **how
        )
        return answer.status, answer.headers, await _beginning(answer)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]


class _V1:
    """/write of InfluxDB 1.x, with the user and password as basic authentication, never in the URL."""

    CHECK = "url, database, retention_policy, user and password, and that the database exists"

    def __init__(self, settings: InfluxSettings, tls: ssl.SSLContext) -> None:
        self._settings = settings
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._url = settings.url.rstrip("/") + "/write"
        self._headers = {"Content-Type": _TEXT, **_PLAIN}
        if settings.gzip:
            self._headers["Content-Encoding"] = "gzip"
        if settings.user:
            self._headers["Authorization"] = f"Basic {basic(settings)}"
        self._parameters = {"db": settings.database, "precision": "ns"}
        if settings.retention_policy:
            self._parameters["rp"] = settings.retention_policy

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
            connector = aiohttp.TCPConnector(ssl=self._tls)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False)
        answer = await self._session.post(
            self._url, params=self._parameters, headers=self._headers, data=body, allow_redirects=False
        )
        return answer.status, answer.headers, await _beginning(answer)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


_API: Mapping[InfluxApi, type[Api]] = {InfluxApi.V2: _V2, InfluxApi.V1: _V1}


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Of the body, at most ANSWER_BYTES; the connection is closed when there is more."""
    body = b""
    async with answer:
        while len(body) < ANSWER_BYTES and (chunk := await answer.content.read(ANSWER_BYTES - len(body))):
            body += chunk
        if not answer.content.at_eof():
            answer.close()
    return body


def _tls(settings: InfluxSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca)
    except OSError as error:  # also ssl.SSLError
        why = error.strerror or error
        raise OSError(f"{settings.ca}: no certificates of authorities can be read from it: {why}") from error

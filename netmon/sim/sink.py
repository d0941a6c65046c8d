"""A stand-in for InfluxDB's v2 write API: it checks the token, counts the well-formed lines as points, and forgets them.

POST /api/v2/write    204; 400 when a line is malformed (the others count), 401 for another token, 404 for another org
GET /points           {"points": so many were accepted}
"""

from __future__ import annotations

import re
from hmac import compare_digest
from urllib.parse import urlsplit

from aiohttp import web

from netmon.settings import InfluxApi, InfluxSettings

ORG = "simulated"
"""The organisation whose points the simulator takes: a configuration that names it means this sink."""

_LARGEST = 32 * 2**20
_TEXT = r"(?:\\.|[^,= \\\n])+"
_VALUE = r"""(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[iu]?|"(?:\\.|[^"\\])*"|[tTfF]|true|True|TRUE|false|False|FALSE)"""
_LINE = re.compile(
    rf"(?:\\.|[^, \\\n#])(?:\\.|[^, \\\n])*(?:,{_TEXT}={_TEXT})* {_TEXT}={_VALUE}(?:,{_TEXT}={_VALUE})*(?: -?\d+)?"
)


def is_point(line: str) -> bool:
    """Whether a line is a point of the line protocol."""
    return _LINE.fullmatch(line) is not None


class Sink:
    """What has been accepted so far."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._org, self._bucket = settings.org, settings.bucket
        self._token = f"Token {settings.token.reveal() if settings.token else ''}"
        self.points = 0

    async def write(self, request: web.Request) -> web.Response:
        """POST /api/v2/write."""
        if not compare_digest(request.headers.get("Authorization", "").encode(), self._token.encode()):
            return _refused(401, "unauthorized", "unauthorized access")
        if (request.query.get("org"), request.query.get("bucket")) != (self._org, self._bucket):
            return _refused(404, "not found", "no such organization or bucket")
        try:
            lines = (await request.read()).decode().split("\n")
        except UnicodeDecodeError as error:
            return _refused(400, "invalid", str(error))
        written = [line for line in lines if line.strip() and not line.startswith("#")]
        bad = [line for line in written if not is_point(line)]
        self.points += len(written) - len(bad)
        if bad:
            return _refused(400, "invalid", f"partial write: unable to parse '{bad[0][:200]}' dropped={len(bad)}")
        return web.Response(status=204)

    async def told(self, request: web.Request) -> web.Response:
        """GET /points."""
        return web.json_response({"points": self.points})


def _refused(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


def address(settings: InfluxSettings | None) -> tuple[str, int] | None:
    """Where the sink of a configuration listens, None when its points go somewhere else."""
    if settings is None or settings.api is not InfluxApi.V2 or settings.org != ORG:
        return None
    parts = urlsplit(settings.url)
    return parts.hostname or "", parts.port or 8086


async def serve(settings: InfluxSettings, host: str, port: int) -> web.AppRunner:
    """Listens; `cleanup` of what is returned ends it. OSError: the address is taken."""
    sink, application = Sink(settings), web.Application(client_max_size=_LARGEST)
    application.router.add_post("/api/v2/write", sink.write)
    application.router.add_get("/points", sink.told)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner

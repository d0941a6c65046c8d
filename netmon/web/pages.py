"""The wallboard's own files, read once and served with their ETag, and the headers that keep every answer to itself.

No page of netmon asks for anything from elsewhere: the policy below makes the browser refuse it, whatever a page says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from importlib.resources import files

from aiohttp import ETag, web

from netmon.web import coding

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
UNUSED = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi"),
    *("payment", "usb", "xr-spatial-tracking"),
)
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    "Referrer-Policy": "no-referrer",
    "Server": "netmon",  # else the versions of what it is made of
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ALWAYS_TLS = "max-age=31536000"
"""A browser that once came over TLS comes over nothing else for a year (RFC 6797)."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE = "wallboard.html"


def put_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Puts the headers on an answer that is about to leave."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    if request.secure:
        response.headers["Strict-Transport-Security"] = ALWAYS_TLS


def add_to(router: web.UrlDispatcher) -> None:
    """Adds the page at / and each file beside it under /static/; nothing else can be asked for."""
    for file in sorted(files("netmon.web").joinpath("static").iterdir(), key=lambda file: file.name):
        suffix = "." + file.name.rpartition(".")[2]
        if suffix in TYPES:
            path = "/" if file.name == PAGE else f"/static/{file.name}"
            router.add_get(path, _serve(file.read_bytes(), TYPES[suffix]))


def _serve(body: bytes, content_type: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    # Weak, for the same bytes are sent plain or zipped.
    tag = ETag(sha256(body).hexdigest()[:32], is_weak=True)

    async def answer(request: web.Request) -> web.StreamResponse:
        known = request.if_none_match or ()
        response = web.Response(status=304)
        if not any(seen.value in (tag.value, "*") for seen in known):
            response = web.Response(body=body, content_type=content_type, charset="utf-8")
        coding.zip_for(request, response)
        response.etag = tag
        response.headers["Cache-Control"] = "no-cache"
        return response

    return answer

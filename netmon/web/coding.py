"""Which content codings a client takes (RFC 9110, 12.5.3), and answers sent in one."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from aiohttp import web


def accepts(header: str, coding: str) -> bool:
    """Whether an Accept-Encoding names `coding`, or `*`, with a weight above 0. What cannot be read is not accepted."""
    weights = dict(_weights(header.lower().split(",")))
    return weights.get(coding, weights.get("*", 0.0)) > 0.0


def takes_gzip(request: web.BaseRequest) -> bool:
    """Whether this client may be answered with gzip."""
    return accepts(",".join(request.headers.getall("Accept-Encoding", ())), "gzip")


def is_near(request: web.BaseRequest) -> bool:
    """Whether this client is on the same machine."""
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def zip_for(request: web.BaseRequest, response: web.Response) -> None:
    """Sends the answer, if it has a body, with gzip where the client takes it, and says that others may get it otherwise."""
    response.headers["Vary"] = "Accept-Encoding"
    if response.body and takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)


def _weights(items: Iterable[str]) -> Iterable[tuple[str, float]]:
    for item in items:
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = next((part.removeprefix("q=") for part in parameters if part.startswith("q=")), "1")
        try:
            yield name, float(weight)
        except ValueError:
            yield name, 0.0

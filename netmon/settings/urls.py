"""Where servers are, as people write it: `mqtts://broker.example`, `http://127.0.0.1:8086`.

Every reader raises UnfitError with what is accepted. Of what was written it repeats a known scheme and no more: what is no
URL may be the password that belongs beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from netmon.settings.problem import UnfitError, meant

BROKER_PORTS = {"mqtt": 1883, "mqtts": 8883}
_HTTP = ("http", "https")
_PORTS = 65_535
_URL = re.compile(
    r"(?P<scheme>[a-z]+)://(?:(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)|\[(?P<six>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>\d{1,5}))?(?P<path>/[A-Za-z0-9._~/-]*)?",
    re.ASCII,
)
_SLIPPED = re.compile(r"(?P<scheme>[A-Za-z]+)(?::/?|//?)(?P<rest>[^:/].*)")
"""A scheme of whose three signs some are missing: `mqtts//h`, `mqtt:h`."""
_WRITES = re.compile(r"/(?:api/v2/)?write/?$")


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker; `tls` when the connection is encrypted."""

    host: str
    port: int
    tls: bool


def broker(value: object) -> Broker:
    """`mqtt://127.0.0.1:1883` or `mqtts://broker.example`; without a port the usual one, 1883 or 8883."""
    found = _parts(value, tuple(BROKER_PORTS), "mqtt://127.0.0.1:1883 or mqtts://broker.example")
    if (found["path"] or "/") != "/":
        raise UnfitError("a broker has no path", "write the host and perhaps a port")
    scheme = found["scheme"]
    return Broker(_host(found), int(found["port"] or BROKER_PORTS[scheme]), scheme == "mqtts")


def http(value: object) -> str:
    """`http://127.0.0.1:8086` or `https://influx.example/some/path`, without a slash at its end."""
    found = _parts(value, _HTTP, "http://127.0.0.1:8086 or https://influx.example")
    url = found[0].rstrip("/")
    if writes := _WRITES.search(url):
        raise UnfitError(f"{writes[0]} is where points are written: netmon adds that by itself", "leave it out")
    return url


def here(host: str) -> bool:
    """Whether a host is this machine by a loopback address or name: what is sent to it crosses no network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def bracketed(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_of(url: str) -> str:
    """The host of a URL that `http` gave."""
    found = _URL.fullmatch(url)
    return _host(found) if found is not None else ""


def _parts(value: object, schemes: tuple[str, ...], example: str) -> re.Match[str]:
    if not isinstance(value, str):
        raise UnfitError(f"expected a URL such as {example}")
    if "@" in value:
        raise UnfitError("a URL holds no user and no password", "write them beside it, as keys of their own")
    if "?" in value or "#" in value:
        raise UnfitError("a URL holds no query: what it says is written beside it, as keys of their own")
    scheme = value.partition("://")[0] if "://" in value else ""
    if scheme and scheme not in schemes:
        what = f"'{scheme}://'" if scheme.isascii() and scheme.isalpha() else "its scheme"
        raise UnfitError(f"{what} cannot be: write it as {example}", meant(scheme, schemes))
    found = _URL.fullmatch(value)
    if found is None or (found["port"] and not 0 < int(found["port"]) <= _PORTS) or not _is_address(found["six"]):
        hint = f"behind {scheme}:// come a host and perhaps a port" if scheme else _with_scheme(value, schemes)
        raise UnfitError(f"this is no URL: write it as {example}", hint)
    return found


def _with_scheme(value: str, schemes: tuple[str, ...]) -> str:
    scheme, rest = schemes[0], value
    found = _SLIPPED.fullmatch(value)
    if found is not None and found["scheme"].casefold() in schemes and not found["rest"].isdecimal():  # else a port
        scheme, rest = found["scheme"].casefold(), found["rest"]
    return f"begin it with {scheme}://" if _URL.fullmatch(f"{scheme}://{rest}") else ""


def _host(found: re.Match[str]) -> str:
    return str(found["name"] or found["six"])


def _is_address(six: str | None) -> bool:
    """What stands in brackets must be an IPv6 address; where nothing does, nothing is wrong."""
    try:
        return six is None or ip_address(six).version == 6
    except ValueError:
        return False

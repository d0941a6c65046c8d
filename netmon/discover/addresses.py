"""Which addresses a scan is to ask: CIDRs, ranges and single addresses, as words or as lines of a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from pathlib import Path

ASKED_FREELY = 65_536
"""More addresses than these are asked only by somebody who says so twice."""

MOST = 2**20
"""At 50 requests a second these already take six hours; an IPv6 network is not scanned but listed."""

COLUMNS = ("address", "site", "commune", "name")
_SHOWN = 8
_WORD = re.compile(r"[0-9A-Fa-f:.]+(/\d+|-[0-9A-Fa-f:.]+)?")

_Address = IPv4Address | IPv6Address
_ALL = IPv4Address("255.255.255.255")


class UnclearError(ValueError):
    """What is to be scanned cannot be told; the text has a line for each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An address to ask, and what its list says of the device behind it: site, commune (official code), name."""

    address: str
    site: str = ""
    commune: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Addresses from `first` to `last`, of which the same is told."""

    first: _Address
    last: _Address
    site: str = ""
    commune: str = ""
    name: str = ""

    @property
    def count(self) -> int:
        return int(self.last) - int(self.first) + 1

    def __iter__(self) -> Iterator[Wanted]:
        kind = type(self.first)
        for number in range(int(self.first), int(self.last) + 1):
            yield Wanted(address=str(kind(number)), site=self.site, commune=self.commune, name=self.name)


def span(text: str) -> Span:
    """`10.4.1.7`, `10.4.1.0/24`, `10.4.1.1-10.4.1.50` or `10.4.1.1-50`. ValueError for anything else, and for what is the
    address of no one machine.

    Of an IPv4 network its own address and the one of all are left out, of an IPv6 one the routers' anycast. An IPv4
    address that is written as one of IPv6 (RFC 4291, 2.5.5.2) is the IPv4 address.
    """
    first, last = (_plain(end) for end in _ends(text))
    if type(last) is not type(first) or int(last) < int(first):
        raise ValueError(f"{text} does not go from a lower address to a higher one")
    for end in (first, last):
        if end.is_multicast or end.is_unspecified or end == _ALL:
            raise ValueError(f"{end} is the address of no one machine")
    return Span(first=first, last=last)


def _plain(address: _Address) -> _Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _ends(text: str) -> tuple[_Address, _Address]:
    if "/" in text:
        network = ip_network(text, strict=False)
        first, last = network.network_address, network.broadcast_address
        if network.prefixlen < network.max_prefixlen - 1:
            first += 1
            last = last - 1 if isinstance(network, IPv4Network) else last
        return first, last
    low, dash, high = text.partition("-")
    first = ip_address(low.strip())
    if not dash:
        return first, first
    high = high.strip()
    if high.isdecimal() and isinstance(first, IPv4Address):
        high = f"{low.rpartition('.')[0].strip()}.{high}"
    return first, ip_address(high)


def spans(words: Iterable[str], stdin: Iterable[str]) -> list[Span]:
    """What the words mean, each a span, the name of a file, or `-` for `stdin`. UnclearError tells all that is wrong."""
    found: list[Span] = []
    problems: list[str] = []
    for word in words:
        if word == "-":
            _listed("-", stdin, found, problems)
        elif _WORD.fullmatch(word) and not Path(word).is_file():
            try:
                found.append(span(word))
            except ValueError as error:
                problems.append(f"{word}: {error}")
        else:
            try:
                lines = Path(word).read_text(encoding="utf-8-sig").splitlines()
            except UnicodeDecodeError:
                problems.append(f"{word}: is not UTF-8 text")
            except OSError as error:
                hint = "neither addresses (10.4.1.0/24, 10.4.1.1-50, 2001:db8::1) nor a file that can be read"
                problems.append(f"{word}: {hint}: {error.strerror}")
            else:
                _listed(word, lines, found, problems)
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise UnclearError("\n".join([*problems[:_SHOWN], *more]))
    return found


def each(spans: Sequence[Span]) -> list[Wanted]:
    """Every address once; what an earlier span tells of it holds, filled up by what a later one adds. UnclearError: there
    are more than any scan ends with."""
    count = sum(part.count for part in spans)
    if count > MOST:
        raise UnclearError(
            f"{count:,} addresses cannot be asked one by one (at most {MOST:,}): name smaller networks, or list addresses"
        )
    found: dict[str, Wanted] = {}
    for part in spans:
        for wanted in part:
            told = found.get(wanted.address)
            if told is None:
                found[wanted.address] = wanted
            else:
                found[wanted.address] = Wanted(
                    address=told.address,
                    site=told.site or wanted.site,
                    commune=told.commune or wanted.commune,
                    name=told.name or wanted.name,
                )
    return list(found.values())


def _listed(name: str, lines: Iterable[str], found: list[Span], problems: list[str]) -> None:
    """A list with an entry a line: an address, or CSV whose first line names its columns or that has them in order."""
    columns: Sequence[str] = COLUMNS
    began = False
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            cells = [cell.strip() for cell in next(csv.reader([line]))]
        except csv.Error as error:
            problems.append(f"{name}:{number}: {error}")
            continue
        if not began and "address" in (head := [cell.casefold() for cell in cells]):
            began, columns = True, head
            if unknown := [cell for cell in head if cell not in COLUMNS]:
                problems.append(f"{name}:{number}: there is no column '{unknown[0]}': {', '.join(COLUMNS)} are known")
                return
            continue
        began = True
        if len(cells) > len(columns):
            problems.append(f"{name}:{number}: {len(cells)} columns, of which {', '.join(columns)} are known")
            continue
        told = dict(zip(columns, cells, strict=False))
        try:
            bare = span(told.get("address", ""))
        except ValueError as error:
            problems.append(f"{name}:{number}: {error}")
            continue
        if told.get("name") and bare.count > 1:
            problems.append(f"{name}:{number}: a name is for one address, and these are {bare.count:,}")
            continue
        commune = told.get("commune", "")
        found.append(
            Span(
                first=bare.first,
                last=bare.last,
                site=told.get("site", ""),
                commune=commune.zfill(5) if commune.isdecimal() else commune,  # spreadsheets eat leading zeros
                name=told.get("name", ""),
            )
        )

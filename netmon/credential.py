"""Secrets, and what netmon proves itself with to a device's agent."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from typing import NoReturn


class Secret:
    """Text that must not be seen: prints as `***` wherever it goes; `reveal()` is called only where it is put on a wire."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How to speak to a device's SNMP agent. `version` is "1", "2c" or "3"; the security model's fields belong to one."""

    name: str
    version: str
    community: Secret | None = None
    user: str = ""
    auth_protocol: str = ""
    auth_key: Secret | None = None
    priv_protocol: str = ""
    priv_key: Secret | None = None
    context: str = ""

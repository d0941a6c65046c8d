"""Who may speak to the embedded broker: amqtt asks this plugin, which it finds by its dotted name."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from amqtt.plugins.base import BaseAuthPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]


class OneUser(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in one user with a password, and nobody else."""

    @dataclass
    class Config:
        """What the broker's configuration gives it."""

        user: str
        password: str

    async def authenticate(self, *, session: Session) -> bool:
        given = f"{session.username or ''}\n{session.password or ''}"
        return compare_digest(given.encode(), f"{self.config.user}\n{self.config.password}".encode())

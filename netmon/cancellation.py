"""Heeds a cancellation that a library lost."""

from __future__ import annotations

import asyncio


def give_way() -> None:
    """Raises CancelledError where the task was cancelled: aiomqtt may say something else instead, or nothing, when what it
    waits for comes at that moment (`asyncio.wait_for` of Python 3.11)."""
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError

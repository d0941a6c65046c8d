"""A text in both languages."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A text in Vietnamese and in English."""

    vi: str
    en: str

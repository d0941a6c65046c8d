"""What was done to netmon: the nouns of the audit log."""

from __future__ import annotations

from typing import NamedTuple


class Caller(NamedTuple):
    """Who gives a command, and from where: "control pid 812 uid 1000" (as the kernel says it), "web 192.0.2.7", "signal", or
    "file" for what stands in the configuration."""

    author: str
    origin: str


class AuditEntry(NamedTuple):
    """A line of the audit log, never changed. `deed` is the command and what it was to do ("storm declare"); `about` the
    storm, works or incident, or the path over HTTP; `detail` what was asked, as JSON, and why it was refused. `result` is
    "done", "refused", or "forbidden"."""

    at: float
    who: str
    origin: str
    deed: str
    about: str
    detail: str
    result: str

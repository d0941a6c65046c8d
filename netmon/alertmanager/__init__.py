"""The whole alertmanager.yml, made from the calendar: who is called for what, at which hours. Pure.

The days of three years stand in it; after them the normal roster holds, which is wrong on holidays but leaves nobody
uncalled. It speaks what Alertmanager 0.25 knows (Debian 12).
"""

from __future__ import annotations

from netmon.alertmanager.receivers import receivers
from netmon.alertmanager.routes import inhibitions, routes
from netmon.alertmanager.times import YEARS, intervals
from netmon.alertmanager.writing import Yaml, block
from netmon.events.calendar import Calendar

__all__ = ["YEARS", "NobodyError", "alertmanager_yml", "settings"]


class NobodyError(ValueError):
    """The calendar names nobody who could be called."""


def alertmanager_yml(calendar: Calendar, from_year: int) -> str:
    """The text of alertmanager.yml for `from_year` and the two years after it. NobodyError: calendar.yaml names no desk."""
    head = (
        "# Made by `netmon calendar export` from calendar.yaml: change that, and make this again each year.\n"
        f"# Its days are those of {from_year} to {from_year + YEARS - 1}; later the normal roster holds every day.\n"
    )
    return head + "\n".join(block(settings(calendar, from_year))) + "\n"


def settings(calendar: Calendar, from_year: int) -> Yaml:
    """What alertmanager.yml holds, as plain values. NobodyError as above."""
    if not calendar.desk:
        raise NobodyError("calendar.yaml names no desk, the team that is always called: there is nobody to route to")
    mail = calendar.mail
    sent = {
        "smtp_smarthost": mail.smarthost,
        "smtp_from": mail.sender,
        "smtp_require_tls": mail.tls,
        **({"smtp_auth_username": mail.user} if mail.user else {}),
        **({"smtp_auth_password_file": mail.password_file} if mail.password_file else {}),
    } if mail is not None else {}  # fmt: skip
    return {
        "global": {"resolve_timeout": "5m", **sent},
        "templates": ["templates/*.tmpl"],
        "time_intervals": intervals(calendar, from_year),
        "route": routes(calendar),
        "inhibit_rules": inhibitions(),
        "receivers": receivers(calendar),
    }

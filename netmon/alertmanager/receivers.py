"""Who is reached how: receivers for teams and areas, and the templates that speak to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from netmon.alertmanager.writing import Yaml
from netmon.events.calendar import Calendar, Contact


def team_receiver(name: str) -> str:
    """What the receiver of a team is called."""
    return f"team-{name}"


def receivers(calendar: Calendar) -> list[Yaml]:
    """Each team that a route can call, each area, and who watches the heartbeat."""
    used = {calendar.desk, calendar.tickets, *(shift.team for shifts in calendar.rosters.values() for shift in shifts)}
    found = [
        _receiver(team_receiver(team), [calendar.contacts[member] for member in members], calendar.hotlines)
        for team, members in calendar.teams.items()
        if team in used
    ]
    for code, members in calendar.areas.items():
        found.append(_receiver(f"area-{code}", [calendar.contacts[member] for member in members], calendar.hotlines))
    beat = [calendar.contacts[calendar.heartbeat]] if calendar.heartbeat else []
    return [*found, _receiver("heartbeat", beat, {}, resolved=False)]


def _receiver(name: str, contacts: Iterable[Contact], hotlines: Mapping[str, str], *, resolved: bool = True) -> Yaml:
    """With everything that reaches its contacts."""
    receiver: Yaml = {"name": name}
    for contact in contacts:
        if contact.email:
            receiver.setdefault("email_configs", []).append(_mail(contact, hotlines, resolved=resolved))
        if contact.webhook:
            receiver.setdefault("webhook_configs", []).append(_webhook(contact, resolved=resolved))
        if contact.chat_file:
            receiver.setdefault("slack_configs", []).append(_chat(contact, hotlines, resolved=resolved))
    return receiver


def _mail(contact: Contact, hotlines: Mapping[str, str], *, resolved: bool) -> Yaml:
    return {
        "to": contact.email,
        "send_resolved": resolved,
        "headers": {"Subject": _template("subject", contact)},
        "text": _hotlines(hotlines, contact.language) + _template("text", contact),
        "html": _hotlines(hotlines, contact.language) + _template("html", contact),
    }


def _webhook(contact: Contact, *, resolved: bool) -> Yaml:
    token = {"http_config": {"authorization": {"credentials_file": contact.token_file}}} if contact.token_file else {}
    return {"url": contact.webhook, "send_resolved": resolved, **token}


def _chat(contact: Contact, hotlines: Mapping[str, str], *, resolved: bool) -> Yaml:
    return {
        "api_url_file": contact.chat_file,
        "send_resolved": resolved,
        "color": '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
        "title": _template("subject", contact),
        "title_link": "",
        "fallback": _template("subject", contact),
        "text": _hotlines(hotlines, contact.language) + _template("chat", contact),
    }


def _hotlines(hotlines: Mapping[str, str], language: str) -> str:
    """What a template shows below what fires: it is defined before the template that uses it."""
    if not hotlines:
        return ""
    title = "Operators" if language == "en" else "Tổng đài nhà mạng"
    listed = "; ".join(f"{operator} {number}" for operator, number in hotlines.items())
    text = json.dumps(f"{title}: {listed}", ensure_ascii=False)
    return f'{{{{ define "netmon.hotlines.{language}" }}}}{{{{ {text} }}}}{{{{ end }}}}'


def _template(part: str, contact: Contact) -> str:
    return f'{{{{ template "netmon.{part}.{contact.language}" . }}}}'

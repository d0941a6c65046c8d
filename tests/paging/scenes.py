"""What the tests of paging share: a province that is watched and whose alerts are told, and how its pages are read."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.alerting import Alerting, Notification
from tests.live import Live

INTERVAL_S = 2.0
TOLD_WITHIN_S = 2 * INTERVAL_S + 4.0
"""Two intervals, and what verifying, scraping, evaluating twice and the scaled wait of a group take."""


class Scene(NamedTuple):
    province: Live
    net: Alerting


def alerts(notes: list[Notification], label: str = "alertname") -> set[str]:
    return {alert.labels.get(label, "") for note in notes for alert in note.firing()}


def sitrep(province: Live) -> dict[str, Any]:
    """The situation report on the one province that is watched."""
    [told] = json.loads(province.ask("sitrep", format="json")["content"])["provinces"]
    return dict(told)

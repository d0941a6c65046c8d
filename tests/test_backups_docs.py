"""docs/backups.md is true: its inventory and its layout load together, and the dish of its exporter is understood."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from netmon.cli.report import REPORTS
from netmon.layouts import hear
from netmon.model import LinkKind, LinkRole
from netmon.pollers.payloads import Telemetry, measured
from netmon.pollers.translate import translate
from netmon.reports.backups import WHY
from netmon.settings import Settings, load
from tests.peers import ROOT

PAGE = (ROOT / "docs/backups.md").read_text(encoding="utf-8")
DISH = "ut01000000-00000000-00012345"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The province's centre, with the commune of the page."""
    inventory, layout = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "layouts").mkdir()
    for name in ("netmon.yaml", "targets.yaml", "inventory/provincial-centre.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path / name)
    (tmp_path / "inventory/communes.yaml").write_text(inventory, encoding="utf-8")
    (tmp_path / "layouts/starlink.yaml").write_text(layout, encoding="utf-8")
    return load(tmp_path, secrets=False)


def test_the_commune_of_the_page_has_two_backups_with_witnesses_of_their_own(settings):
    links = settings.inventory.links_of_site()["cb-01304"]
    backups = [link for link in links if link.role is LinkRole.BACKUP]
    assert [link.kind for link in backups] == [LinkKind.LTE, LinkKind.SATELLITE_LEO]
    assert all(link.near and link.check for link in backups)
    assert len({link.check for link in links}) == 3


@pytest.mark.parametrize(
    ("field", "payload", "reading"),
    [
        ("state", "CONNECTED", ("netmon_path_up", "sky", 1)),
        ("state", "OBSTRUCTED", ("netmon_path_up", "sky", 0)),
        ("state", "UNKNOWN", None),
        ("pop_ping_latency_ms", "41.5", ("netmon_path_round_trip_seconds", "sky", 0.0415)),
        ("pop_ping_latency_ms", "-1.0", None),
        ("pop_ping_drop_rate", "0.25", ("netmon_path_loss_ratio", "sky", 0.25)),
        ("uptime", "86400", ("netmon_device_uptime_seconds", "", 86400)),
    ],
)
def test_what_the_dish_says_becomes_readings(settings, field, payload, reading):
    """And what it does not know becomes none, without a complaint."""
    dish = settings.inventory.devices["cb-01304-dish"]
    layout = next(one for one in settings.mqtt.layouts if one.name == dish.layout)
    (heard,) = hear([layout], f"starlink/dish_status/{dish.topic}/{field}")
    assert heard.words["topic"] == DISH
    body = translate(heard, payload.encode(), 1_795_305_600_000.0, 1)
    assert isinstance(body, Telemetry)
    found = measured(body)
    assert not found.unknown
    told = [(family.name, label, pytest.approx(value)) for family, label, value in found.values]
    assert told == ([] if reading is None else [reading])


def test_the_page_names_the_columns_and_the_reasons_of_the_report():
    assert {command.name for command in REPORTS} >= {"backups"}
    for name in (
        "episodes",
        "use_s",
        "longest_s",
        "last_use_at",
        "uncovered_s",
        "unseen_s",
        "coverage_ratio",
        "unmeasured_s",
    ):
        assert f"`{name}`" in PAGE
    for why in WHY:
        assert f"`{why}`" in PAGE

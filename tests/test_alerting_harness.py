"""The whole way of an alert, live: a simulated province, netmon, Prometheus, Alertmanager, a webhook."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests import peers
from tests.alerting import PLAIN_ROUTES, Alert, Alerting, Notification, alerting, scaled_routes, scaled_rules
from tests.live import live, storm_province

DOWN = """
groups:
  - name: harness
    interval: 30s
    rules:
      - record: device:netmon_down
        expr: max by (province, commune, site, device) (last_over_time(netmon_device_up[15m])) == 0
      - alert: NetmonDeviceDown
        expr: device:netmon_down unless on (device) netmon_device_explained == 1
        for: 30s
        labels: {severity: page}
        annotations: {summary: "{{ $labels.device }} is down"}
"""


def test_a_router_that_falls_silent_is_told_once_and_resolved_when_it_answers(tmp_path: Path) -> None:
    """From the simulator's socket to the webhook and back; what hangs behind the router is explained and told to nobody."""
    rules = tmp_path / "down.yml"
    rules.write_text(DOWN)
    config = storm_province(tmp_path, communes=4, stations=4, backups=1)
    with (
        live(tmp_path, config) as province,
        alerting(tmp_path / "alerting", province.port, scale=1 / 100, rules=[rules], routes=PLAIN_ROUTES) as net,
    ):
        assert net.firing() == []
        router = "agg-2-r1"
        silent = set(province.order("silence", devices=[router], behind=True)["absent"])
        [bts, *_] = silent - {router}
        assert router in silent
        [told] = net.wait_for(Alerting.pages)
        assert told.receiver == "page"
        assert [alert.labels["device"] for alert in told.alerts] == [router]
        assert province.states()[bts] == "unreachable"
        assert {labels["device"] for labels in net.firing("NetmonDeviceDown")} == {router}
        assert set(net.unresolved()) == {told.alerts[0].fingerprint}
        assert province.order("answer", devices=[router])["absent"] == []
        [back] = net.wait_for(lambda net: net.named("NetmonDeviceDown", "resolved"))
        assert back.status == "resolved"
        assert back.at > told.at
        assert not net.unresolved()
        assert len(net.notifications) == 2


def test_rules_and_routes_keep_their_meaning_and_lose_their_patience() -> None:
    """Waits everywhere, ranges only where it is asked for; all receivers keep their names and tell the one webhook."""
    [group] = scaled_rules(yaml.safe_load(DOWN), 1 / 60)["groups"]
    assert "interval" not in group
    assert [rule.get("for") for rule in group["rules"]] == [None, "500ms"]
    assert group["rules"][0]["expr"].count("[15m]") == 1
    rule = {"alert": "a", "expr": "rate(x[10m] offset 1h) > 5 and max_over_time(y[1d:5m]) < 30", "keep_firing_for": "1h30m"}
    [scaled] = scaled_rules({"groups": [{"name": "g", "rules": [rule]}]}, 1 / 60, ranges=True)["groups"][0]["rules"]
    assert scaled["expr"] == "rate(x[10000ms] offset 60000ms) > 5 and max_over_time(y[1440000ms:5000ms]) < 30"
    assert scaled["keep_firing_for"] == "90000ms"
    routes = {
        "global": {"smtp_smarthost": "mail:25"},
        "templates": ["/etc/*.tmpl"],
        "route": {
            "receiver": "a",
            "group_wait": "30s",
            "routes": [{"receiver": "b", "repeat_interval": "4h", "mute_time_intervals": ["night"]}],
        },
        "receivers": [{"name": "a", "email_configs": [{"to": "noc"}]}, {"name": "b"}],
    }
    assert scaled_routes(routes, 0.1, "http://sink/") == {
        "route": {"receiver": "a", "group_wait": "3000ms", "routes": [{"receiver": "b", "repeat_interval": "1440000ms"}]},
        "receivers": [
            {"name": name, "webhook_configs": [{"url": "http://sink/", "send_resolved": True}]} for name in ("a", "b")
        ],
    }


def test_a_page_told_to_several_receivers_is_one_page_and_a_second_alert_in_it_another() -> None:
    nowhere = peers.Prometheus(""), peers.Alertmanager("")

    def note(receiver: str, *statuses: str, severity: str = "page") -> Notification:
        alerts = tuple(Alert("Down", status, {"severity": severity}, {}, str(n)) for n, status in enumerate(statuses))
        return Notification(0.0, receiver, "firing" if "firing" in statuses else "resolved", {"a": "b"}, alerts)

    first, ticket, more = (
        note("shift", "firing"),
        note("desk", "firing", severity="ticket"),
        note("shift", "firing", "firing"),
    )
    net = Alerting(*nowhere, notifications=[first, note("chief", "firing"), ticket, more])
    assert net.pages() == [first, more]
    assert net.told("ticket") == [ticket]
    net.notifications.append(note("shift", "resolved", "firing"))
    assert set(net.unresolved()) == {"1"}

"""Whether what an installation is there for works: polls, devices, the listener, and the servers that take what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from netmon.doctor.facts import LATELY_S, Answer, Facts, Finding, Level, ok
from netmon.model import Words
from netmon.settings import Settings

MOST, HALF = 0.9, 0.5
"""With fewer devices up something is to be looked at; with fewer than half it is wrong whatever the cause."""
LATE_S = 5.0
LATE_SHARE = 0.01
INTERVALS = 3
"""A device that was asked is asked again within one interval: nothing recent for so many is wrong."""

_MOST_TOLD = 5
_NO_METRICS = Words("Prometheus không thấy gì, không ai được gọi", "Prometheus sees nothing, and nobody is called")


def working(facts: Facts) -> Iterator[Finding]:
    """What the daemon and the servers say."""
    if facts.settings is not None:
        yield from _listener(facts, facts.settings)
        if facts.status is not None:
            yield from _polls(facts, facts.settings)
            yield from _devices(facts, facts.settings)
            if facts.measured:
                yield from _itself(facts)
                yield from _servers(facts, facts.settings)
            else:
                yield _unseen(facts, facts.settings)
    yield from _prometheus(facts)
    yield from _alertmanager(facts)


def _listener(facts: Facts, settings: Settings) -> Iterator[Finding]:
    listen = f"{settings.prometheus.host}:{settings.prometheus.port}"
    for path, answer in facts.pages.items():
        if answer.status == 200:
            continue
        starting = path == "/readyz" and answer.status == 503
        unspoken = answer.status in (401, 403) and bool(facts.problems)  # its token could not be read from here
        fix = f"journalctl -u netmon -n 50; ss -ltnp 'sport = :{settings.prometheus.port}'"
        if answer.status in (401, 403):
            fix = f"CREDENTIALS_DIRECTORY=/etc/credstore netmon doctor --config {facts.directory}  # as root"
        yield Finding(
            level=Level.WARNING if starting or unspoken else Level.WRONG,
            about="listener",
            what=Words(
                f"{listen}{path}: {answer.error or f'HTTP {answer.status}'}",
                f"{listen}{path}: {answer.error or f'HTTP {answer.status}'}",
            ),
            why=Words(
                "netmon vừa khởi động, hoặc chưa hỏi xong vòng đầu", "netmon has just started: not everyone was asked yet"
            )
            if starting
            else _NO_METRICS,
            fix="netmon status" if starting else fix,
        )
    page = facts.pages.get("/metrics")
    if page is None or page.status != 200:
        return
    if facts.samples.unread:
        yield Finding(
            level=Level.WRONG,
            about="metrics",
            what=Words(f"{facts.samples.unread} dòng không đọc được", f"{facts.samples.unread} lines cannot be read"),
            why=_NO_METRICS,
            fix=f"curl -s http://{listen}/metrics | promtool check metrics",
        )
    else:
        lines = page.body.count("\n")
        yield ok("listener", f"{listen} trả lời, {lines:,} dòng số đo", f"{listen} answers, {lines:,} lines of metrics")


def _unseen(facts: Facts, settings: Settings) -> Finding:
    tls, listen = settings.web.tls, settings.prometheus
    wants = tls is not None and tls.client_ca is not None
    return Finding(
        level=Level.WARNING,
        about="metrics",
        what=Words(
            f"không xem được trang số đo{': cổng web đòi chứng thư máy khách' if wants else ''}",
            f"the page of metrics was not seen{': the listener wants a certificate of a client' if wants else ''}",
        ),
        why=Words(
            "không rõ việc ghi kho, InfluxDB, MQTT và trap ra sao",
            "nobody knows from here how the store, InfluxDB, MQTT and traps fare",
        ),
        fix=f"curl --cacert CA --cert CERTIFICATE --key KEY https://{listen.host}:{listen.port}/metrics"
        if wants
        else f"CREDENTIALS_DIRECTORY=/etc/credstore netmon doctor --config {facts.directory}  # as root",
    )


def _polls(facts: Facts, settings: Settings) -> Iterator[Finding]:
    rows = _rows(facts)
    polled = [row["last_poll"] for row in rows if row.get("last_poll")]
    newest = facts.now - max(polled, default=0.0)
    if rows and newest > _settled_s(settings) and facts.uptime_s > _settled_s(settings):
        yield Finding(
            level=Level.WRONG,
            about="polls",
            what=Words(
                "chưa có lần hỏi nào" if not polled else f"lần hỏi gần nhất cách đây {newest:,.0f} s",
                "no poll was ever finished" if not polled else f"the last poll is {newest:,.0f} s old",
            ),
            why=Words("không gì được đo", "nothing is measured"),
            fix="journalctl -u netmon -n 100; systemctl restart netmon",
        )
    outcomes = Counter(str(row["outcome"]) for row in rows if row.get("outcome"))
    if outcomes:
        share = outcomes["answered"] / outcomes.total()
        if share < MOST:
            told = ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common())
            yield Finding(
                level=Level.WRONG if share < HALF else Level.WARNING,
                about="polls",
                what=Words(
                    f"chỉ {share:.0%} thiết bị trả lời lần hỏi gần nhất: {told}",
                    f"only {share:.0%} of the devices answered their last poll: {told}",
                ),
                why=Words("nhiều thiết bị im lặng, hoặc sai bí mật", "many devices are silent, or have other secrets"),
                fix="netmon status",
            )
        else:
            yield ok(
                "polls",
                f"{share:.0%} thiết bị trả lời lần hỏi gần nhất",
                f"{share:.0%} of the devices answered their last poll",
            )


def _itself(facts: Facts) -> Iterator[Finding]:
    """What netmon counts of its own work."""
    samples = facts.samples
    counted = samples.total("netmon_poll_lateness_seconds_count")
    in_time = samples.total("netmon_poll_lateness_seconds_bucket", le="5.0") or samples.total(
        "netmon_poll_lateness_seconds_bucket", le="5"
    )
    if counted and (late := counted - in_time) > LATE_SHARE * counted:
        yield Finding(
            level=Level.WARNING,
            about="lateness",
            what=Words(
                f"{late:,.0f} lần hỏi đã trễ hơn {LATE_S:.0f} s từ khi netmon khởi động",
                f"{late:,.0f} polls began more than {LATE_S:.0f} s late since netmon started",
            ),
            why=Words("lúc đó máy quá bận, khe 5 phút có thể thiếu", "the machine was too busy then, and slots may lack"),
            fix="top -H -p $(pidof -s netmon); docs/runbooks/NetmonPollsLate.md",
        )
    blocked = samples.total("netmon_loop_blocked_timestamp_seconds")
    if 0 <= facts.now - blocked < LATELY_S:
        hours = (facts.now - blocked) / 3600
        yield Finding(
            level=Level.WARNING,
            about="event loop",
            what=Words(f"bị giữ lại cách đây {hours:,.1f} giờ", f"was held up {hours:,.1f} h ago"),
            why=Words("trong lúc đó không hỏi thiết bị nào", "nobody was asked meanwhile"),
            fix="netmon status; docs/runbooks/NetmonLoopBlocked.md",
        )
    bugs = samples.total("netmon_bugs_total")
    if bugs:
        yield Finding(
            level=Level.WARNING,
            about="bugs",
            what=Words(
                f"{bugs:,.0f} lỗi không lường trước từ khi netmon khởi động",
                f"{bugs:,.0f} errors that netmon did not expect since it started",
            ),
            why=Words("lúc đó một phần không làm việc như mong muốn", "a part of it did not do its work then"),
            fix="journalctl -u netmon -p err -n 50",
        )


def _devices(facts: Facts, settings: Settings) -> Iterator[Finding]:
    rows = _rows(facts)
    states = {row["device"]: row["state"] for row in rows}
    silent = [name for name in settings.inventory.canaries if states.get(name) not in ("up", "suspect")]
    if silent:
        yield Finding(
            level=Level.WRONG if len(silent) == len(settings.inventory.canaries) else Level.WARNING,
            about="canaries",
            what=Words(f"canary không trả lời: {', '.join(silent)}", f"canaries do not answer: {', '.join(silent)}"),
            why=Words("netmon có thể tự mất mạng", "netmon itself may be cut off"),
            fix=f"netmon probe {silent[0]} --config {facts.directory}; ip route",
        )
    elif (facts.status or {}).get("self_isolated"):
        yield Finding(
            level=Level.WRONG,
            about="canaries",
            what=Words("netmon nghi chính mình mất mạng", "netmon suspects that it is cut off itself"),
            why=Words("mọi trạng thái là unknown", "every state is unknown"),
            fix="ip route; ip -s link; ping GATEWAY",
        )
    elif settings.inventory.canaries:
        yield ok("canaries", "mọi canary đều trả lời", "all canaries answer")
    refused = [row for row in rows if row.get("outcome") == "refused"]
    for row in refused[:_MOST_TOLD]:
        said = f"{row['device']}: {row['detail'].rstrip('.')}"
        yield Finding(
            level=Level.WRONG,
            about="refused",
            what=Words(said, said),
            why=Words("thiết bị sống nhưng không được đo", "the device is alive, and is not measured"),
            fix=f"netmon probe {row['device']} --config {facts.directory}",
        )
    if len(refused) > _MOST_TOLD:
        more = len(refused) - _MOST_TOLD
        yield Finding(
            level=Level.WRONG,
            about="refused",
            what=Words(f"và {more} thiết bị nữa từ chối", f"and {more} more devices refuse"),
            why=Words("thiết bị sống nhưng không được đo", "they are alive, and are not measured"),
            fix="netmon status",
        )
    up = sum(state in ("up", "suspect") for state in states.values())
    if up < MOST * len(rows):
        settled = facts.uptime_s > _settled_s(settings)  # before that nobody may have been asked yet
        yield Finding(
            level=Level.WRONG if up < HALF * len(rows) and settled else Level.WARNING,
            about="devices",
            what=Words(f"chỉ {up}/{len(rows)} thiết bị up", f"only {up}/{len(rows)} are up"),
            why=Words("phần còn lại không được đo", "the others are not measured"),
            fix="netmon status; netmon incident list",
        )
    elif rows and not refused:
        yield ok(
            "devices", f"{up}/{len(rows)} thiết bị up, không thiết bị nào từ chối", f"{up}/{len(rows)} up, none refuses"
        )


def _rows(facts: Facts) -> list[dict[str, Any]]:
    """The devices as the daemon told them."""
    return list((facts.status or {}).get("devices", []))


def _settled_s(settings: Settings) -> float:
    """After so long everybody was asked."""
    return INTERVALS * max((device.interval_s for device in settings.inventory.devices.values()), default=0.0)


def _servers(facts: Facts, settings: Settings) -> Iterator[Finding]:
    samples = facts.samples
    if settings.influx is not None:
        waiting = samples.total("netmon_influx_waiting_bytes")
        lost = samples.total("netmon_influx_dropped_points_total")
        journal = "journalctl -u netmon -g influx (docs/influxdb.md)"
        if samples.one("netmon_influx_reachable") != 1:
            yield Finding(
                level=Level.WRONG,
                about="influxdb",
                what=Words(
                    f"lần ghi gần nhất không được nhận; {waiting / 1e6:,.1f} MB đang chờ, {lost:,.0f} điểm đã mất",
                    f"the last write was not taken; {waiting / 1e6:,.1f} MB wait, {lost:,.0f} points are lost",
                ),
                why=Words("đầy hàng chờ thì dữ liệu cũ nhất mất", "once the outbox is full the oldest go"),
                fix=f"curl -i {settings.influx.url}/ping; {journal}",
            )
        elif lost:
            yield Finding(
                level=Level.WARNING,
                about="influxdb",
                what=Words(
                    f"nhận dữ liệu; {lost:,.0f} điểm đã mất từ khi netmon khởi động",
                    f"takes writes; {lost:,.0f} points were lost since netmon started",
                ),
                why=Words("số đo lúc đó thiếu trong InfluxDB", "InfluxDB lacks what was measured then"),
                fix=journal,
            )
        else:
            yield ok(
                "influxdb", f"nhận dữ liệu, {waiting / 1e6:,.1f} MB đang chờ", f"takes writes, {waiting / 1e6:,.1f} MB wait"
            )
    if settings.mqtt is not None:
        mqtt = settings.mqtt
        if samples.one("netmon_mqtt_connected") != 1:
            yield Finding(
                level=Level.WRONG,
                about="mqtt",
                what=Words(f"không kết nối được {mqtt.host}:{mqtt.port}", f"not connected to {mqtt.host}:{mqtt.port}"),
                why=Words("thiết bị MQTT là unknown", "the devices that speak MQTT are unknown"),
                fix="systemctl status mosquitto; journalctl -u netmon -g mqtt (docs/mqtt.md)",
            )
        else:
            yield ok("mqtt", "đã kết nối và đăng ký", "connected and subscribed")
    if settings.traps is not None:
        heard = samples.total("netmon_traps_total")
        refused = ", ".join(
            f"{count:,.0f} {reason}" for reason, count in samples.by("netmon_traps_dropped_total", "reason").items() if count
        )
        if not heard:
            yield Finding(
                level=Level.WARNING,
                about="traps",
                what=Words(
                    f"chưa nhận trap nào ({refused or 'không gói nào tới'})", f"no trap was heard ({refused or 'none came'})"
                ),
                why=Words("sự cố chỉ được biết ở lần hỏi sau", "what happens is only known at the next poll"),
                fix="ss -lun 'sport = :162'; tcpdump -ni any udp port 162 -c 5 (docs/traps.md)",
            )
        else:
            yield ok("traps", f"đã nhận {heard:,.0f}", f"{heard:,.0f} heard")


# --- who takes what netmon says ---------------------------------------------------------------------------------------


def _prometheus(facts: Facts) -> Iterator[Finding]:
    asked = facts.prometheus
    first = asked.get("targets")
    if first is None:
        return
    if first.status != 200:
        yield Finding(
            level=Level.WARNING,
            about="prometheus",
            what=Words(
                f"không hỏi được Prometheus: {first.error or f'HTTP {first.status}'}",
                f"Prometheus cannot be asked: {first.error or f'HTTP {first.status}'}",
            ),
            why=Words("không rõ cảnh báo có được tính hay không", "nobody knows whether alerts are evaluated"),
            fix="netmon doctor --prometheus http://HOST:9090; systemctl status prometheus",
        )
        return
    targets = _listed(first, "activeTargets")
    ours = [target for target in targets if _is_ours(target, facts.settings)]
    well = [target for target in ours if target.get("health") == "up"]
    if not well:
        error = next((str(target.get("lastError")) for target in ours), "")
        yield Finding(
            level=Level.WRONG,
            about="prometheus",
            what=Words(
                f"không lấy được số đo của netmon: {error}" if ours else "không có netmon trong danh sách lấy số đo",
                f"it cannot scrape netmon: {error}" if ours else "it does not scrape netmon",
            ),
            why=_NO_METRICS,
            fix="deploy/prometheus/prometheus.yml: job netmon; promtool check config; systemctl reload prometheus",
        )
    else:
        yield ok("prometheus", "lấy số đo của netmon", "scrapes netmon")
    groups = {group.get("name") for group in _listed(asked.get("rules"), "groups")}
    if "netmon_itself" not in groups:
        yield _missing(
            "rules",
            Words("chưa nạp luật cảnh báo của netmon", "netmon's rules are not loaded"),
            "cp deploy/prometheus/rules/*.yml /etc/prometheus/rules/; systemctl reload prometheus",
        )
    else:
        yield ok("rules", "luật cảnh báo đã nạp", "netmon's rules are loaded")
        if not _listed(asked.get("heartbeat"), "result"):
            yield _missing(
                "heartbeat",
                Words("NetmonHeartbeat không phát", "NetmonHeartbeat does not fire"),
                "docs/runbooks/NetmonHeartbeat.md",
            )
        else:
            yield ok("heartbeat", "NetmonHeartbeat đang phát", "NetmonHeartbeat fires")
    if not _listed(asked.get("alertmanagers"), "activeAlertmanagers"):
        yield _missing(
            "alertmanagers",
            Words("Prometheus chưa nối tới Alertmanager nào", "Prometheus knows no Alertmanager"),
            "deploy/prometheus/prometheus.yml: alerting; systemctl reload prometheus",
        )
    else:
        yield ok("alertmanagers", "Prometheus nối tới Alertmanager", "Prometheus knows an Alertmanager")


def _alertmanager(facts: Facts) -> Iterator[Finding]:
    answer = facts.alertmanager
    if answer is None:
        return
    if answer.status != 200:
        said = answer.error or f"HTTP {answer.status}"
        what = Words(f"không hỏi được Alertmanager: {said}", f"Alertmanager cannot be asked: {said}")
        yield _missing("alertmanager", what, "systemctl status alertmanager (docs/paging.md)")
        return
    alerts = answer.json
    named = {alert.get("labels", {}).get("alertname") for alert in alerts} if isinstance(alerts, list) else set()
    if "NetmonHeartbeat" in named:
        yield ok("alertmanager", "nhận được NetmonHeartbeat", "has NetmonHeartbeat")
    else:
        what = Words("Alertmanager không có NetmonHeartbeat", "Alertmanager has no NetmonHeartbeat")
        yield _missing("alertmanager", what, "docs/runbooks/NetmonHeartbeat.md")


def _missing(about: str, what: Words, fix: str) -> Finding:
    return Finding(level=Level.WRONG, about=about, what=what, why=Words("không ai được gọi", "nobody is called"), fix=fix)


def _is_ours(target: dict[str, Any], settings: Settings | None) -> bool:
    if target.get("labels", {}).get("job") == "netmon":
        return True
    return settings is not None and str(target.get("scrapeUrl", "")).endswith(f":{settings.prometheus.port}/metrics")


def _listed(answer: Answer | None, key: str) -> list[dict[str, Any]]:
    body = answer.json if answer is not None else None
    data = body.get("data") if isinstance(body, dict) else None
    found = data.get(key) if isinstance(data, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

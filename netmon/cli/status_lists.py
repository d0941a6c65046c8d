"""The lists of `netmon status`: devices, links and sites by state, and verdicts by target, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from netmon.cli.status_words import (
    BROKER_AWAY,
    ENDED,
    HELD,
    INFLUX_AWAY,
    SILENT,
    STOPPED,
    STORED,
    TROUBLE_TOLD_S,
    UNHEARD,
    damaged,
)
from netmon.cli.words import ago, moment, table
from netmon.model import DeviceState, Outcome, Speech, Standing
from netmon.targets.words import Language
from netmon.targets.words.voice import Voice

FINE = {"up"}

WHY_WIDTH = 120
"""Characters of a reason in the table; --json has it whole."""


def show(told: Mapping[str, Any], language: Language, *, everything: bool, now: float) -> str:
    """The facts as a page of a terminal."""
    say = Voice(language)
    parts = [_headline(told, say)]
    if told["self_isolated"]:
        alone = "netmon itself seems cut off: all its canaries are silent, so every state is unknown."
        parts.append(say("netmon bị cô lập: không tới được thiết bị mốc nào, nên mọi trạng thái là chưa rõ.", alone))
    held = told.get("held")
    if held is not None and now - held["at"] < TROUBLE_TOLD_S:
        since, by, seconds = moment(held["at"]), held["by"], held["seconds"]
        parts.append(say(*ENDED).format(since, by) if seconds is None else say(*HELD).format(ago(seconds), since, by))
    damage = told.get("damaged")
    if damage is not None and now - damage["at"] < TROUBLE_TOLD_S:
        parts.append(damaged(damage, say, moment(damage["at"])))
    unheard = {device["device"] for device in told["devices"] if _unheard(device)}
    if not told.get("connections", {}).get("mqtt", True):
        parts.append(say(*BROKER_AWAY).format(len(unheard)))
    elif unheard:
        parts.append(say(*UNHEARD).format(len(unheard)))
    if not told.get("connections", {}).get("influx", True):
        parts.append(say(*INFLUX_AWAY))
    sites = [
        (site["name"], site["commune"], site["service"], _since(site, now))
        for site in told["sites"]
        if everything or site["service"] not in FINE
    ]
    links = [
        (link["link"], link["role"], link["state"], _since(link, now), _why(link))
        for link in told["links"]
        if everything or link["state"] not in FINE or link.get("detail")
    ]
    devices = [
        (device["device"], device["commune"], device["state"], _since(device, now), _why(device))
        for device in told["devices"]
        if everything or (device["device"] not in unheard and (device["state"] not in FINE or device.get("detail")))
    ]
    commune, state, since, why = say("XÃ", "COMMUNE"), say("TRẠNG THÁI", "STATE"), say("TỪ", "SINCE"), say("VÌ SAO", "WHY")
    for title, head, rows in (
        (say("Điểm", "Sites"), (say("ĐIỂM", "SITE"), commune, say("DỊCH VỤ", "SERVICE"), since), sites),
        (say("Tuyến", "Links"), (say("TUYẾN", "LINK"), say("VAI TRÒ", "ROLE"), state, since, why), links),
        (say("Thiết bị", "Devices"), (say("THIẾT BỊ", "DEVICE"), commune, state, since, why), devices),
    ):
        if rows:
            parts.append(f"{title}\n{table(head, sorted(rows, key=lambda row: (row[2], row[0])))}")
    if told["verdicts"]:
        parts.append(_targets(told["verdicts"], say))
    return "\n\n".join(parts)


def _headline(told: Mapping[str, Any], say: Voice) -> str:
    states = Counter(device["state"] for device in told["devices"])
    services = Counter(site["service"] for site in told["sites"])
    none = say("không có", "none")
    counted = ", ".join(f"{n} {state}" for state, n in states.most_common()) or none
    served = ", ".join(f"{n} {service}" for service, n in services.most_common()) or none
    if "started" in told:
        since = moment(told["started"])
        running = say(f"netmon {told['version']} chạy từ {since}", f"netmon {told['version']} runs since {since}")
    else:
        running = say(*STORED).format(say(*(SILENT if told["silent"] else STOPPED)), moment(told["last_alive"]))
    return f"{running}\n{say('thiết bị', 'devices')}: {counted}\n{say('điểm', 'sites')}:   {served}"


def _unheard(device: Mapping[str, Any]) -> bool:
    """Whether it is unknown because the broker that it reports to is, or was, away."""
    local = device["state"] == DeviceState.UNKNOWN and device.get("outcome") == Outcome.LOCAL
    return local and device.get("speaks") == Speech.MQTT


def _since(row: Mapping[str, Any], now: float) -> str:
    return f"{moment(row['since'])} ({ago(now - row['since'])})" if row["since"] else "-"


def _why(row: Mapping[str, Any]) -> str:
    """What explains it: an upstream, else what came back when it was asked."""
    return str(row.get("cause") or "") or shorten(str(row.get("detail", "")), WHY_WIDTH, placeholder=" …")


def _targets(verdicts: list[Mapping[str, Any]], say: Voice) -> str:
    rows = []
    for target in dict.fromkeys(v["target"] for v in verdicts):
        for kind in ("commune", "province"):
            found = Counter(v["standing"] for v in verdicts if v["target"] == target and v["subject_kind"] == kind)
            if found:
                rows.append((target, kind, *(str(found[standing] or "-") for standing in Standing)))
    head = (say("CHỈ TIÊU", "TARGET"), say("CẤP", "LEVEL"), *(standing.upper() for standing in Standing))
    lines = [f"{say('Chỉ tiêu', 'Targets')}\n{table(head, rows)}"]
    missed = [
        f"{v['target']}/{v['subject']}" for v in verdicts if v["standing"] == "missed" and v["subject_kind"] == "commune"
    ]
    if missed:
        lines.append(f"{say('Không đạt', 'Missed')}: {', '.join(missed[:10])}{' …' if len(missed) > 10 else ''}")
        lines.append(say(f"Hỏi vì sao: netmon explain {missed[0]}", f"Ask why with: netmon explain {missed[0]}"))
    return "\n".join(lines)

"""`netmon status`: who is down, cut off or on backup, since when and why; verdicts by target."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from textwrap import shorten
from typing import Any

from netmon import facts
from netmon.cli.words import add_config, ago, fail, moment, table
from netmon.control import ControlError, ask
from netmon.model import DeviceState, Outcome, Speech, Standing
from netmon.settings import ConfigErrors, Settings, load, where
from netmon.store import Reader, StoreError

FINE = {"up"}

WHY_WIDTH = 120
"""Characters of a reason in the table; --json has it whole."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "status",
        help="what is down, cut off or on backup, and what the targets say",
        description="Shows the network as a running daemon sees it; when none runs, as the store last knew it.",
    )
    add_config(parser)
    parser.add_argument("--all", action="store_true", help="list what is up, too")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        control = where(args.config).control
        told = _told(args.config, control)
    except ConfigErrors as errors:
        print(errors)
        return fail(f"the configuration in {args.config} has errors")
    except (ControlError, StoreError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"the daemon on {control} cannot be asked: {error.strerror or error}")
    print(json.dumps(told, ensure_ascii=False) if args.json else show(told, everything=args.all, now=time.time()))
    return 0


def _told(config: Path, control: Path) -> dict[str, Any]:
    """What the daemon says, else what the store has."""
    try:
        return ask(control, "status")
    except (FileNotFoundError, ConnectionRefusedError):
        settings = load(config, secrets=False)
    try:
        return from_store(settings)
    except StoreError as error:
        raise StoreError(f"no daemon listens on {control}, and {error}") from error


def from_store(settings: Settings) -> dict[str, Any]:
    """The last states and verdicts that a netmon wrote. StoreError: there is no store."""
    with closing(Reader.open(settings.store.path)) as reader:
        spans = {kind: reader.last_spans(kind) for kind in ("device", "link", "site")}
        inventory = settings.inventory
        return {
            "last_alive": reader.last_alive(),
            "self_isolated": False,
            "devices": [
                {"device": name, "commune": inventory.site_of(name).commune, "state": span.state, "since": span.start}
                for name, span in spans["device"].items()
                if name in inventory.devices
            ],
            "links": [
                {"link": name, "role": inventory.links[name].role, "state": span.state, "since": span.start}
                for name, span in spans["link"].items()
                if name in inventory.links
            ],
            "sites": [
                {
                    "site": name,
                    "name": inventory.sites[name].name,
                    "commune": inventory.sites[name].commune,
                    "service": span.state,
                    "since": span.start,
                }
                for name, span in spans["site"].items()
                if name in inventory.sites
            ],
            **facts.verdicts(reader.verdicts()),
        }


def show(told: Mapping[str, Any], *, everything: bool, now: float) -> str:
    """The facts as a page of a terminal."""
    parts = [_headline(told)]
    if told["self_isolated"]:
        parts.append("netmon itself seems cut off: all its canaries are silent, so every state is unknown.")
    unheard = {device["device"] for device in told["devices"] if _unheard(device)}
    if not told.get("connections", {}).get("mqtt", True):
        parts.append(f"The MQTT broker is away: {len(unheard)} devices that report over it are unknown.")
    elif unheard:
        parts.append(f"{len(unheard)} devices have not reported since the MQTT broker is back: they are unknown.")
    if not told.get("connections", {}).get("influx", True):
        parts.append("InfluxDB takes no points: what is written waits in the outbox.")
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
    for title, head, rows in (
        ("Sites", ("SITE", "COMMUNE", "SERVICE", "SINCE"), sites),
        ("Links", ("LINK", "ROLE", "STATE", "SINCE", "WHY"), links),
        ("Devices", ("DEVICE", "COMMUNE", "STATE", "SINCE", "WHY"), devices),
    ):
        if rows:
            parts.append(f"{title}\n{table(head, sorted(rows, key=lambda row: (row[2], row[0])))}")
    if told["verdicts"]:
        parts.append(_targets(told["verdicts"]))
    return "\n\n".join(parts)


def _headline(told: Mapping[str, Any]) -> str:
    states = Counter(device["state"] for device in told["devices"])
    services = Counter(site["service"] for site in told["sites"])
    counted = ", ".join(f"{n} {state}" for state, n in states.most_common()) or "none"
    served = ", ".join(f"{n} {service}" for service, n in services.most_common()) or "none"
    if "started" in told:
        running = f"netmon {told['version']} runs since {moment(told['started'])}"
    else:
        running = f"netmon does not run; what the store knew at {moment(told['last_alive'])}"
    return f"{running}\ndevices: {counted}\nsites:   {served}"


def _unheard(device: Mapping[str, Any]) -> bool:
    """Whether it is unknown because the broker that it reports to is, or was, away."""
    local = device["state"] == DeviceState.UNKNOWN and device.get("outcome") == Outcome.LOCAL
    return local and device.get("speaks") == Speech.MQTT


def _since(row: Mapping[str, Any], now: float) -> str:
    return f"{moment(row['since'])} ({ago(now - row['since'])})" if row["since"] else "-"


def _why(row: Mapping[str, Any]) -> str:
    """What explains it: an upstream, else what came back when it was asked."""
    return str(row.get("cause") or "") or shorten(str(row.get("detail", "")), WHY_WIDTH, placeholder=" …")


def _targets(verdicts: list[Mapping[str, Any]]) -> str:
    rows = []
    for target in dict.fromkeys(v["target"] for v in verdicts):
        for kind in ("commune", "province"):
            found = Counter(v["standing"] for v in verdicts if v["target"] == target and v["subject_kind"] == kind)
            if found:
                rows.append((target, kind, *(str(found[standing] or "-") for standing in Standing)))
    lines = [f"Targets\n{table(('TARGET', 'LEVEL', *(standing.upper() for standing in Standing)), rows)}"]
    missed = [
        f"{v['target']}/{v['subject']}" for v in verdicts if v["standing"] == "missed" and v["subject_kind"] == "commune"
    ]
    if missed:
        lines.append(f"Missed: {', '.join(missed[:10])}{' …' if len(missed) > 10 else ''}")
        lines.append(f"Ask why with: netmon explain {missed[0]}")
    return "\n".join(lines)

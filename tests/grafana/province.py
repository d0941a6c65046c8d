"""The demonstration's province in the worst hour that a shift has, watched by netmon and scraped by a real Prometheus.

A storm strikes and works are under way; a commune is cut off, one lives on its backup, one falls and returns; base stations
are on battery and some without power; operators tell of their cells, probes of their speeds. The past week is simulated too.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from paho.mqtt import publish

from netmon import control
from netmon.inventory import Inventory
from netmon.model import Link, SiteKind
from netmon.settings import MqttSettings, Settings, load
from netmon.sim import orders, seed
from netmon.sim.__main__ import DEFAULT_SEED
from netmon.sim.prepare import control_socket, is_taken, prepare, write_secret
from netmon.sim.troubles import Trouble, backed_up, candidates
from tests import peers
from tests.alerting import RULES, scaled_rules

PROVINCE = "04"
_HASTE = {"interval: 30s": "interval: 5s", "interval: 60s": "interval: 10s", "verify_after: 5s": "verify_after: 1s"}
_HASTE |= {"timeout: 2s": "timeout: 1.5s", "deadline: 10s": "deadline: 4s", "retries: 1 ": "retries: 0 "}
_RULES_SCALE = 1 / 300
_OLT, _MORE = "huawei-olt", "cb-more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What is under way, and who can be asked and directed. At `begun` the rates of the last slots were on the page."""

    settings: Settings
    prometheus: peers.Prometheus
    orders: Path
    begun: float
    chosen: dict[str, str]

    def order(self, do: str, **fields: Any) -> dict[str, Any]:
        """Directs the simulator."""
        return orders.ask(self.orders, {"do": do, **fields})

    def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        """Asks netmon over its control socket."""
        return control.ask(self.settings.control, command, **fields)


@contextmanager
def played(home: Path) -> Iterator[Played]:
    """Everything of it while the block lasts; enters when the orders are given."""
    home.mkdir(parents=True, exist_ok=True)
    port = _quiet_port()
    with ExitStack() as stack:
        config = prepare(home, keep=False, port=port, control=stack.enter_context(control_socket(home)))
        _hasten(config)
        inventory = load(config).inventory
        scene = _scene(inventory)
        watched = _with_more(config, scene, _olt(stack, home / "recordings"))
        settings = load(watched)
        with patch.object(seed, "SOURCE", "measured"):  # so that the last slots are on the page from the beginning
            seed.fill(settings, seed=DEFAULT_SEED, troubles=tuple(Trouble), days=7, now=time.time())
        direct = Path(settings.control).with_name("direct.sock")
        assert settings.mqtt is not None
        broker = settings.mqtt.host, settings.mqtt.port
        start, log = partial(_program, stack, home), home / "simulator.log"
        playing = ["--config", config, "--direct", direct]
        start("netmon.sim.broker", "--config", config, "--home", home / "broker", ready=lambda: is_taken(*broker))
        start("netmon.sim", *playing, ready=lambda: '"ready": true' in log.read_text(), log=log)
        start("netmon", "run", "--config", watched, ready=lambda: _answers(settings))
        scraped = stack.enter_context(_scraper(home / "prometheus", port))
        scraped.query("count(netmon_link_rate_bytes_per_second) > 100", 30)
        begun = time.time()
        chosen = {"province": PROVINCE, "commune": scene.commune, "link": scene.link, "site": scene.on_battery[0]}
        made = Played(settings=settings, prometheus=scraped, orders=direct, begun=begun, chosen=chosen)
        scraped.query("netmon_mqtt_connected == 1", 30)
        _tell(settings.mqtt, scene.commune)
        scraped.query('sum(netmon_devices{state="up"}) > 150', 60)
        _strike(made, scene)
        yield made


def _quiet_port() -> int:
    """A port that no outgoing connection gets before netmon has it: Linux gives those from 32768 on."""
    return next(port for port in random.sample(range(20_000, 32_768), 100) if not is_taken(peers.LOOPBACK, port))


def _answers(settings: Settings) -> bool:
    try:
        return bool(control.ask(settings.control, "status"))
    except (OSError, control.ControlError):
        return False


def _program(
    stack: ExitStack, home: Path, module: str, *words: str | Path, ready: Callable[[], object], log: Path | None = None
) -> None:
    argv = [sys.executable, "-m", module, *words]
    stack.enter_context(peers.running(argv, ready=ready, log=log or home / f"{module}.log", deadline_s=60))


def _scraper(home: Path, port: int) -> Any:
    """A Prometheus with the rules of deploy/, which wait a three-hundredth of their time."""
    rules = home / "rules"
    rules.mkdir(parents=True)
    for path in sorted(RULES.glob("*.yml")):
        (rules / path.name).write_text(yaml.safe_dump(scaled_rules(yaml.safe_load(path.read_text()), _RULES_SCALE)))
    config = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
        "rule_files": [str(rules / "*.yml")],
        "scrape_configs": [{"job_name": "netmon", "static_configs": [{"targets": [f"{peers.LOOPBACK}:{port}"]}]}],
    }
    return peers.prometheus(home, "", yaml.safe_dump(config))


def _hasten(config: Path) -> None:
    """Devices are asked, or report, six times as often."""
    for path in (config / "netmon.yaml", *(config / "inventory").glob("*.yaml")):
        text = path.read_text()
        for usual, hasty in _HASTE.items():
            text = text.replace(usual, hasty)
        path.write_text(text)


# --- what the demonstration has not: an OLT, a generator, a link that nobody measures, tests of every kind of network ------


def _olt(stack: ExitStack, recordings: Path) -> int:
    """The port of a recorded OLT."""
    recordings.mkdir()
    shutil.copy(peers.ROOT / "tests" / "recordings" / f"{_OLT}.snmprec", recordings)
    return stack.enter_context(peers.snmpsim(recordings, recordings.parent / "snmpsim"))


def _with_more(config: Path, scene: Scene, port: int) -> Path:
    """A copy of the configuration with a site that the simulator does not play."""
    watched = config.with_name("watched")
    shutil.copytree(config, watched)
    write_secret(watched / "recorded", _OLT)
    main = watched / "netmon.yaml"
    recorded = 'credentials:\n  recorded: {version: "2c", community: !file recorded}\n'
    main.write_text(main.read_text().replace("credentials:\n", recorded, 1))
    (watched / "inventory" / "more.yaml").write_text(f"""\
sites:
  - id: {_MORE}
    name: Nhà trạm trung tâm xã
    commune: "{scene.commune}"
    kind: bts
    carriers: [{{operator: vnpt, technologies: [4g]}}]
    links:
      - {{id: {_MORE}-lte, to: cb-centre, kind: lte, role: primary, network: internet, operator: vnpt, capacity: 30 Mbit/s}}
    devices:
      - {{id: {_MORE}-olt, address: {peers.LOOPBACK}, port: {port}, credential: recorded}}
      - {{id: {_MORE}-pwr, protocol: mqtt, interval: 300s}}
      - {{id: {_MORE}-probe, protocol: mqtt, interval: 300s}}
""")
    return watched


def _tell(broker: MqttSettings, commune: str) -> None:
    """Its generator runs, and its probe has tested every kind of network."""
    now = int(time.time() * 1000)
    place = f"netmon/v1/{PROVINCE}/{commune}/{_MORE}"
    messages: list[tuple[str, dict[str, object], bool]] = []
    for device in ("pwr", "probe"):
        messages.append((f"{_MORE}-{device}/birth", {"session": "1", "period_s": 300, "ts": now}, True))
        messages.append((f"{_MORE}-{device}/status", {"state": "online", "session": "1"}, True))
    power = {"mains_up": 0, "generator_up": 1, "fuel_ratio": 0.4, "battery_voltage_volts": 53.1, "battery_charge_ratio": 0.9}
    messages.append((f"{_MORE}-pwr/telemetry", {"ts": now, "seq": 1, "session": "1", "m": power}, False))
    for network, operator, speed in (("fixed", "vnpt", 180), ("mobile", "viettel", 45), ("mobile_5g", "viettel", 320)):
        speeds = {"download_mbit_s": speed, "upload_mbit_s": speed / 4, "latency_ms": 12}
        test = {"ts": now, "session": "1", "network": network, "operator": operator, **speeds}
        messages.append((f"{_MORE}-probe/speed", test, False))
    auth = {"username": broker.user or "", "password": broker.password.reveal() if broker.password else None}
    publish.multiple(
        [{"topic": f"{place}/{topic}", "payload": json.dumps(m), "qos": 1, "retain": kept} for topic, m, kept in messages],
        hostname=broker.host,
        port=broker.port,
        auth=auth,
    )


# --- what goes wrong ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where it goes wrong: links and sites. `commune`, whose `link` is whole, has a station without power and others."""

    commune: str
    link: str
    cut: tuple[str, ...]
    works: str
    flapping: str
    on_battery: tuple[str, ...]
    dark: tuple[str, ...]


def _scene(inventory: Inventory) -> Scene:
    """Each at a place of its own."""

    def commune_of(link: Link) -> str:
        return inventory.sites[link.site].commune

    towers: dict[str, list[str]] = {}
    for site in inventory.sites.values():
        if site.kind is SiteKind.BTS:
            towers.setdefault(site.commune, []).append(site.id)
    alone = [link for link in candidates(inventory) if link.check]
    shown = max(alone, key=lambda link: len(towers.get(commune_of(link), ())))
    cut, works, flapping, *_ = (link for link in alone if link is not shown)
    backup = next(
        link for link in backed_up(inventory) if commune_of(link) not in map(commune_of, (shown, cut, works, flapping))
    )
    spared = {commune_of(link) for link in (shown, cut, works, flapping, backup)}
    elsewhere = [site for commune, sites in towers.items() if commune not in spared for site in sites]
    own = towers[commune_of(shown)]
    return Scene(
        commune=commune_of(shown),
        link=shown.id,
        cut=(cut.id, backup.id),
        works=works.id,
        flapping=flapping.id,
        on_battery=(own[0], *elsewhere[:8]),
        dark=(*own[1:3], *elsewhere[8:11]),
    )


def _strike(made: Played, scene: Scene) -> None:
    """All of it at once."""
    storm = made.ask("storm", action="declare", name="bão số 12", level="4", areas=PROVINCE, until="+36h", by="trực ban")
    made.chosen["storm"] = storm["window"]["id"]
    made.ask("maintenance", action="declare", name="Thay cáp", on=[f"link:{scene.works}"], until="+4h", by="VNPT")
    made.order("cut", links=[*scene.cut, scene.works])
    made.order("mains", sites=[*scene.on_battery], up=False, lasts_s=5400)
    made.order("mains", sites=[*scene.dark], up=False, lasts_s=4)
    made.order("flap", link=scene.flapping, down_s=8, up_s=16, times=10)

"""The starting configuration of a province, and the example that is one."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from netmon import scaffold
from netmon.model import LinkKind, LinkRole, SiteKind, Speech
from netmon.settings import load
from netmon.targets.definitions import Share
from netmon.units import Register

EXAMPLE = Path(__file__).parents[2] / "config"
ON = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SNMP_AUTH", "SNMP_PRIV", "COMMUNITY", "MQTT_PASSWORD"):
        monkeypatch.setenv(f"NETMON_{name}", "n3tm0n-n3tm0n")


def test_the_example_is_what_the_register_gives_for_cao_bang(register: Register) -> None:
    written = {str(path.relative_to(EXAMPLE)): path.read_text("utf-8") for path in EXAMPLE.rglob("*.yaml")}
    assert written == scaffold.province("04", register, ON)


def test_the_example_holds_every_commune_of_cao_bang(register: Register) -> None:
    settings = load(EXAMPLE, register=register)
    inventory = settings.inventory
    assert settings.warnings == ()
    assert [(entry.version, entry.auth_protocol, entry.priv_protocol) for entry in settings.credentials.values()] == [
        ("3", "SHA-256", "AES")
    ]
    assert inventory.canaries == ("cb-gw-1", "cb-core-1")
    committees = {site.commune for site in inventory.sites.values() if site.kind is SiteKind.PEOPLES_COMMITTEE}
    assert committees == {unit.code for unit in register.communes("04", ON)}
    assert len(committees) == 56
    served = [link for link in inventory.links.values() if inventory.sites[link.site].kind is SiteKind.PEOPLES_COMMITTEE]
    primary = [link for link in served if link.role is LinkRole.PRIMARY]
    assert len(primary) == 56
    assert len({link.far for link in primary}) == len({link.check for link in primary}) == 56
    assert {link.kind for link in primary} == {LinkKind.FIBRE}
    assert Counter(link.kind for link in served if link.role is LinkRole.BACKUP) == {
        LinkKind.LTE: 8,
        LinkKind.SATELLITE_LEO: 5,
        LinkKind.MICROWAVE: 4,
        LinkKind.FIBRE: 1,
    }
    assert inventory.sites["cb-01273"].name == "UBND phường Thục Phán"
    power = inventory.devices["cb-bts-01273-pwr"]
    assert power.upstreams == ("cb-01273-r1",)


def test_the_example_has_every_rule_and_what_each_rests_on(register: Register) -> None:
    """Each target of a commune has one of the province, but the drill, which no commune misses, and the climate of rooms,
    which few have the sensors to tell."""
    targets = {target.id: target for target in load(EXAMPLE, register=register).targets}
    grounds = {
        "tslcd_p95": ("percentile_utilisation", 0.9, "statutory", "Thông tư 06/2026/TT-BKHCN, Điều 5 khoản 6"),
        "capacity": ("capacity", 25e6, "proxy", "2827/BKHCN-CVT"),
        "availability": ("availability", 0.995, "proxy", "QCVN 34:2019/BTTTT"),
        "latency": ("latency", 0.05, "proxy", "QCVN 34:2019/BTTTT"),
        "loss": ("loss", 0.01, "local", "tự đặt"),
        "restoration": ("restoration", 0.9, "proxy", "QCVN 34:2014/BTTTT"),
        "redundancy": ("redundancy", 1, "statutory", "Điều 5 khoản 3"),
        "growth": ("growth", 0.2, "statutory", "Điều 11"),
        "backup_drill": ("backup_drill", 90 * 86_400, "local", "diễn tập"),
        "radio_availability": ("radio_availability", 0.95, "proxy", "QCVN 81"),
        "environment": ("environment", 0.95, "proxy", "Phụ lục I mục 3"),
        "bts_environment": ("environment", 0.95, "local", "Phụ lục I mục 3"),
        "optical_margin": ("optical_margin", 3.0, "local", "ngưỡng thu"),
        "province_restoration": ("pooled", 0.9, "proxy", "QCVN 34:2014/BTTTT"),
        "province_channels": ("redundancy", 2, "statutory", "Điều 5 khoản 2"),
    }
    for name, (rule, limit, kind, words) in grounds.items():
        target = targets[name]
        assert (target.rule, target.limit, target.basis_kind) == (rule, limit, kind), name
        assert words in target.basis, name
    shares = {target.of: name for name, target in targets.items() if isinstance(target, Share)}
    alone = {"restoration", "backup_drill", "environment", "bts_environment"}
    assert alone | set(shares) == {name for name in grounds if "province" not in name}
    assert set(targets) == {*grounds, *shares.values()}


def test_the_example_shows_what_the_reports_are_made_of(register: Register) -> None:
    """Masts with one operator and with several, cables with their lengths, days, security levels, growth with its reason."""
    inventory = load(EXAMPLE, register=register).inventory
    masts = Counter(len(site.carriers) for site in inventory.sites.values() if site.kind is SiteKind.BTS)
    assert set(masts) == {1, 2, 3}
    assert masts.total() == 122
    carriers = [carrier for site in inventory.sites.values() for carrier in site.carriers]
    assert {technology for carrier in carriers for technology in carrier.technologies} == {"3g", "4g", "5g"}
    assert len({carrier.on_air for carrier in carriers}) > 20
    fibre = [link for link in inventory.links.values() if link.kind is LinkKind.FIBRE and link.network == "tslcd_2"]
    assert all(link.length_km and link.since and link.srlg for link in fibre)
    assert 10 < sum(link.length_km or 0 for link in fibre) / len(fibre) < 100
    assert {site.id for site in inventory.sites.values() if site.security_level == 4} == {"cb-centre", "cb-01273"}
    ways = inventory.links_of_site()
    for site in ("cb-centre", "cb-01273"):
        (first,), (second,) = [link.srlg for link in ways[site]]
        assert first != second, "two routes, which share no cable"
    assert {len(link.capacities) for link in inventory.links.values() if link.role is LinkRole.PRIMARY} == {1, 2}
    assert all(link.justification for link in inventory.links.values() if len(link.capacities) > 1 or "leo" in link.id)


def test_the_example_has_180_devices_of_which_102_report_over_mqtt(register: Register) -> None:
    """Every commune has a station whose controller reports by itself, behind its own router, and most have another."""
    settings = load(EXAMPLE, register=register)
    inventory = settings.inventory
    assert len(inventory.devices) == 180
    reporting = [device for device in inventory.devices.values() if device.speaks is Speech.MQTT]
    assert len(reporting) == 102
    assert {device.interval_s for device in reporting} == {30.0}
    assert all(device.upstreams == (f"cb-{inventory.site_of(device.id).commune}-r1",) for device in reporting)
    assert {inventory.site_of(device.id).commune for device in reporting} == {u.code for u in register.communes("04", ON)}
    (nam_quang,) = [unit.code for unit in register.communes("04", ON) if unit.name == "Xã Nam Quang"]
    assert inventory.sites[f"cb-bts-{nam_quang}-2"].name == "Trạm BTS xã Nam Quang 2"
    assert settings.mqtt is not None
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.user) == ("127.0.0.1", 1883, "netmon")
    assert settings.influx is None


def test_what_stands_commented_in_the_example_is_right(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes the comment signs away has a section that works."""
    files = scaffold.province("04", register, ON, bts=False, secret=lambda name: "!env NETMON_COMMUNITY")
    text = files["netmon.yaml"].replace("!credential influxdb", "!env NETMON_COMMUNITY")
    for name in ("LAN", "PHONE_DESK", "PROMETHEUS"):
        monkeypatch.setenv(f"NETMON_WEB_{name}", f"{name}-" + 20 * "x")
    text = re.sub(r"(?m)^# (?=mqtt:|traps:|  |scope:|web:)", "", text)
    (tmp_path / "inventory").mkdir()
    for name, content in {**files, "netmon.yaml": text}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    settings = load(tmp_path, register=register, today=ON)
    assert settings.mqtt is not None
    assert settings.traps is not None
    assert settings.influx is not None
    assert (settings.influx.url, settings.influx.bucket) == ("http://127.0.0.1:8086", "netmon")
    assert len(settings.scope) == 1
    assert set(settings.web.tokens) == {"lan", "phone-desk", "prometheus"}
    assert (settings.web.read_open, settings.web.readers) == (False, {"prometheus"})
    assert {name: entry.version for name, entry in settings.credentials.items()} == {"snmp": "3", "old": "2c"}
    assert {device.credential for device in settings.inventory.devices.values()} == {"snmp"}
    assert [problem.text for problem in settings.warnings] == ["no device speaks MQTT: the broker is asked for nothing"]


@pytest.mark.parametrize("key", ["old", "community", "store", "listen", "broker", "password"])
def test_what_the_demonstration_fills_in_stands_once_on_a_line_of_its_own(register: Register, key: str) -> None:
    text = scaffold.province("04", register, ON)["netmon.yaml"]
    assert len(re.findall(rf"(?m)^(?:# )? *{key}:", text)) == 1


def test_every_province_has_a_starting_configuration_without_faults(register: Register, tmp_path: Path) -> None:
    for unit in register.provinces(ON):
        for name, text in scaffold.province(unit.code, register, ON).items():
            path = tmp_path / unit.code / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        settings = load(tmp_path / unit.code, register=register, today=ON)
        asked = [device for device in settings.inventory.devices.values() if device.speaks is Speech.SNMP]
        addresses = [device.addresses for device in asked]
        assert len(set(addresses)) == len(addresses), unit.name
        assert settings.warnings == (), unit.name


def test_no_two_provinces_give_anything_the_same_id(register: Register) -> None:
    """Who watches several provinces puts their inventories into one directory."""
    prefixes, ids = {}, []
    for unit in register.provinces(ON):
        files = scaffold.province(unit.code, register, ON)
        (prefixes[unit.code],) = re.findall(r"- id: (\w+)-centre\n", files["inventory/provincial-centre.yaml"])
        inventory = "".join(text for name, text in files.items() if name.startswith("inventory/"))
        ids += re.findall(r"(?<=\Wid: )[\w.-]+(?=\n|,)", inventory)
    assert len(ids) > 4 * 3321, "sites, routers, links and stations"
    assert len(set(ids)) == len(ids)
    assert len(set(prefixes.values())) == len(prefixes) == 34
    twins = [prefixes[code] for code in ("12", "15", "19", "22", "48", "51", "75", "80")]
    assert " ".join(twins) == "lch lca tng qni dna qng dni tni"
    assert (prefixes["01"], prefixes["04"], prefixes["46"], prefixes["79"]) == ("hn", "cb", "hu", "hcm")


def test_an_address_plan_and_a_port_put_the_province_elsewhere(register: Register, tmp_path: Path) -> None:
    kinds = {"gateway": 0, "core": 1, "commune": 2, "bts": 3, "check": 4}
    files = scaffold.province("04", register, ON, address_plan=lambda kind, n: f"127.4.{kinds[kind]}.{n + 1}", port=16100)
    (tmp_path / "inventory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    devices = load(tmp_path, register=register, today=ON).inventory.devices
    assert devices["cb-01273-r1"].addresses == ("127.4.2.1",)
    assert {device.port for device in devices.values() if device.speaks is Speech.SNMP} == {16100}


def test_what_is_no_province_has_no_configuration(register: Register) -> None:
    with pytest.raises(ValueError, match="no province '01273'"):
        scaffold.province("01273", register, ON)

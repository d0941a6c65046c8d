"""`netmon audit`: what is weak, for whom, how bad, and that no secret is told."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest

from netmon.cli import main
from netmon.credential import Secret
from netmon.model import AuditEntry
from netmon.secret_files import exposed
from netmon.settings import load
from netmon.store import Store
from netmon.weak import Badness, weaknesses
from tests.targets.made import NoMeter

INVENTORY = """\
sites:
  - {id: core, name: Trung tâm, commune: "01273", kind: provincial_centre, devices: [{id: core-1, address: 192.0.2.1}]}
  - id: ub-01273
    name: UBND phường Thục Phán
    commune: "01273"
    kind: peoples_committee
    devices:
      - {id: r1, address: 192.0.2.2, upstreams: [core-1], credential: old}
      - {id: r2, address: 192.0.2.3, upstreams: [core-1], credential: weak3}
      - {id: r3, address: 192.0.2.4, upstreams: [core-1], credential: open3}
      - {id: here, address: 127.0.0.1, upstreams: [core-1], credential: near}
"""
NETMON = """\
province: "04"
poll: {credential: good}
credentials:
  good:
    {version: "3", user: n, auth: {protocol: SHA-256, key: !file long-auth}, priv: {protocol: AES, key: !file long-priv}}
  old: {version: "2c", community: !file community}
  near: {version: "2c", community: !file long-community}
  weak3: {version: "3", user: netmon, auth: {protocol: MD5, key: !file one}, priv: {protocol: DES, key: !file one}}
  open3: {version: "3", user: guest}
  idle: {version: "2c", community: !file long-idle}
canaries: [core-1]
traps: {listen: "127.0.0.1:10162"}
mqtt: {broker: "mqtt://192.0.2.9:1883", user: netmon, password: !file long-mqtt}
store: {path: netmon.db}
exporters:
  prometheus: {listen: "0.0.0.0:9797"}
  influxdb: {url: "http://192.0.2.8:8086", org: noc, bucket: b, token: !file long-mqtt}
"""
SECRETS = {
    "community": "Public1",
    "one": "eightch8",
    **{name: f"canary-{name}-3f9c2a71e8" for name in ("long-auth", "long-priv", "long-community", "long-idle", "long-mqtt")},
}


@pytest.fixture
def home(tmp_path):
    (tmp_path / "inventory").mkdir()
    for name, text in {"netmon.yaml": NETMON, "inventory/all.yaml": INVENTORY, **SECRETS}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def found(home):
    return {(weakness.about, weakness.code): weakness for weakness in weaknesses(load(home))}


def test_every_weakness_is_named_with_its_devices_and_its_badness_and_nothing_else(home):
    told = {place: (weakness.badness.name, weakness.devices) for place, weakness in found(home).items()}
    assert told == {
        ("credentials.open3", "no_auth"): ("OPEN", ("r3",)),
        ("credentials.old.community", "guessable"): ("OPEN", ("r1",)),
        ("mqtt.broker", "mqtt_clear"): ("OPEN", ()),
        ("exporters.influxdb.url", "influx_clear"): ("OPEN", ()),
        ("credentials.old", "clear"): ("WEAK", ("r1",)),
        ("credentials.weak3", "md5"): ("WEAK", ("r2",)),
        ("credentials.weak3", "des"): ("WEAK", ("r2",)),
        ("credentials.weak3.auth.key", "short"): ("WEAK", ("r2",)),
        ("credentials.weak3.priv.key", "short"): ("WEAK", ("r2",)),
        ("credentials.weak3", "one_key"): ("HABIT", ("r2",)),
        ("credentials.idle", "unused"): ("HABIT", ()),
        ("traps", "clear_traps"): ("WEAK", ("r1", "here")),
        ("exporters.prometheus.listen", "web_clear"): ("WEAK", ()),
        ("web.read", "web_open"): ("WEAK", ()),
        ("mqtt.password, exporters.influxdb.token", "shared"): ("WEAK", ()),
    }


def test_the_worst_comes_first_and_then_what_concerns_most_devices(home):
    told = weaknesses(load(home))
    assert told == sorted(told, key=lambda weakness: (-weakness.badness, -len(weakness.devices)))
    assert told[0].badness is Badness.OPEN


@pytest.mark.parametrize(
    ("community", "code"),
    [
        ("r1", "guessable"), ("OLD", "guessable"), ("replace-this-secret", "guessable"), ("private", "write_community"),
        ("Huawei@123", "guessable"), ("elevenchars", "short"), ("twelve-chars", None),
    ],
)  # fmt: skip
def test_a_community_that_can_be_guessed_is_told_by_why_and_never_by_itself(home, community, code):
    (home / "community").write_text(community)
    about = {weakness.code for place, weakness in found(home).items() if place[0] == "credentials.old.community"}
    assert (code in about) if code else not about
    assert all(community not in str(weakness.text) for weakness in found(home).values() if len(community) > 8)


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("admin", "guessable"), ("passwordpassword1234", "guessable"), ("netmon123456", "guessable"),
        ("P@ssw0rd1234", "guessable"),
        ("a" * 24, "guessable"), ("123456789012345678901234", "guessable"), ("publicpublic", "guessable"),
        ("zxczxczxczxczxczxczxczxc", "guessable"), ("qwertyuiopasdfghjkl1", "guessable"),
        ("112233445566778899001122", "guessable"),
        ("orgorgorgorg", "guessable"), ("71c0ffee", "short"), ("e3b0c44298fc1c149afbf4c8996fb92e", None),
        ("correct horse battery staple", None), ("83640175920471538264", None), ("netmon-reads-4c8996fb92e3", None),
    ],
)  # fmt: skip
def test_every_secret_is_tried_by_what_people_take(home, secret, code):
    settings = load(home)
    old, given = settings.credentials["good"], Secret(secret)
    keys = {
        "good": replace(old, auth_key=given, priv_key=given),
        "old": replace(settings.credentials["old"], community=given),
    }
    told = weaknesses(
        replace(
            settings,
            credentials=settings.credentials | keys,
            web=replace(settings.web, tokens={"org": given}),
            mqtt=replace(settings.mqtt, user="org", password=given),
            influx=replace(settings.influx, org="org", token=given, password=given),
        )
    )
    servers = ("web.tokens.org", "mqtt.password", "exporters.influxdb.token", "exporters.influxdb.password")
    places = {*servers, "credentials.good.auth.key", "credentials.good.priv.key", "credentials.old.community"}
    found = {weakness.about for weakness in told if weakness.code == code}
    assert (places <= found) if code else not {w.about for w in told if w.code in ("guessable", "short")} & places
    assert all(secret not in str(weakness) for weakness in told)


def test_what_others_can_write_of_a_configuration_is_told(home, capsys):
    """Who writes it has netmon speak its secrets to whom he likes."""
    home.chmod(0o777)
    (home / "netmon.yaml").chmod(0o666)
    (home / "inventory").chmod(0o775)
    (home / "long-auth").chmod(0o600)
    told = {each.path.name: (each.by_anybody, f"{each.sound:o}") for each in exposed(home)}
    assert told == {home.name: (True, "755"), "netmon.yaml": (True, "644"), "inventory": (False, "755")}
    assert main(["audit", "--config", str(home), "--lang", "en"]) == 1
    said = capsys.readouterr().out
    assert f"OPEN  {home}: others can write it" in said
    assert f"WEAK  {home / 'inventory'}: its group can write it" in said
    assert f"chmod 644 {home / 'netmon.yaml'}" in said
    home.chmod(0o1777)
    assert home not in {each.path for each in exposed(home)}, "as in /tmp nobody can replace what is another's"


def test_one_secret_of_very_many_devices_is_a_habit_to_be_given_up(home):
    settings = load(home)
    device = settings.inventory.devices["core-1"]
    many = {f"d{n}": replace(device, id=f"d{n}") for n in range(501)}
    settings = replace(settings, inventory=replace(settings.inventory, devices=many))
    (one,) = [weakness for weakness in weaknesses(settings) if weakness.code == "one_for_all"]
    assert one.badness is Badness.HABIT
    assert len(one.devices) == 501


def test_a_short_token_is_weak(home):
    settings = load(home)
    web = replace(settings.web, tokens={"lan": Secret("sixteen-letters!"), "an": Secret("f" * 40)})
    short = [weakness.about for weakness in weaknesses(replace(settings, web=web)) if weakness.code == "short"]
    assert "web.tokens.lan" in short
    assert "web.tokens.an" not in short


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_command_tells_all_with_what_to_do_and_no_secret(home, capsys, lang):
    (home / "long-auth").chmod(0o644)
    assert main(["audit", "--config", str(home), "--lang", lang]) == 1
    said = capsys.readouterr().out
    assert "MD5" in said
    assert f"chmod 640 {home / 'long-auth'}" in said
    assert not [secret for secret in SECRETS.values() if secret in said]
    assert main(["audit", "--config", str(home), "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"badness": "open", "code": "file_mode"}.items() <= next(
        row for row in rows if "long-auth" in row["about"]
    ).items()
    assert all(row["text"]["vi"] and row["fix"]["en"] for row in rows)
    assert not [secret for secret in SECRETS.values() if secret in json.dumps(rows)]


def test_what_is_strong_has_nothing_said_of_it(home, capsys):
    strong = NETMON.split("canaries")[0].split("  old:")[0] + "canaries: [core-1]\nstore: {path: netmon.db}\n"
    (home / "netmon.yaml").write_text(strong)
    kept = INVENTORY.split("    devices:\n")[0] + "    devices: [{id: r1, address: 192.0.2.2, upstreams: [core-1]}]\n"
    (home / "inventory/all.yaml").write_text(kept)
    assert main(["audit", "--config", str(home), "--lang", "en"]) == 0
    assert capsys.readouterr().out == "No weak settings.\n"


def test_the_log_is_shown_and_a_line_that_was_changed_is_told(home, capsys):
    with Store.open(home / "netmon.db", NoMeter()) as store:
        for n, who in enumerate(("an", "binh\x1b[2J")):
            entry = AuditEntry(1.79e9 + 86_400 * n, who, "control pid 1 uid 1000", "storm declare", "storm-1", "{}", "done")
            store.put_audit(entry)
        store.flush()
    words = ["audit", "--log", "--config", str(home), "--lang", "en"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "storm declare" in said
    assert "\x1b" not in said
    assert "2 lines, as they were written" in said
    assert main([*words, "--json", "--since", "2026-09-22"]) == 0
    assert [json.loads(line)["who"] for line in capsys.readouterr().out.splitlines()] == ["binh\x1b[2J"]
    with sqlite3.connect(home / "netmon.db") as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit SET who = 'nobody' WHERE id = 1")
    database.close()
    assert main(words) == 1
    assert "tampered with: line 1" in capsys.readouterr().err

"""`netmon doctor`: each wrong state is told with what mends it; what is well is told in a line.

Against a netmon at work and a dead one it is tried in tests/faults/test_spare.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from netmon import catalogue, doctor
from netmon.cli import main
from netmon.credential import Secret
from netmon.doctor import gather
from netmon.doctor.facts import Answer, Facts, Level, Machine, Samples, StoreFacts
from netmon.doctor.gather import WANTED, _pages
from netmon.secret_files import Exposed
from netmon.settings import TlsSettings, load
from netmon.store import Store
from netmon.web import Listener
from tests.certificates import authority, issued
from tests.peers import LOOPBACK, free_port
from tests.targets.made import NoMeter
from tests.web.boards import Facts as Shown

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC).timestamp()
NETMON = """\
province: "04"
credentials: {snmp: {version: "3", user: n, auth: {protocol: SHA, key: !file auth}, priv: {protocol: AES, key: !file priv}}}
canaries: [core-1]
mqtt: {broker: "mqtt://127.0.0.1:1883", user: n, password: !file mqtt}
traps: {listen: "127.0.0.1:10162"}
store: {path: netmon.db}
control: control.sock
exporters:
  prometheus: {listen: "127.0.0.1:PORT"}
  influxdb: {url: "http://127.0.0.1:8086", org: noc, bucket: b, token: !file influx}
"""
INVENTORY = """\
sites:
  - {id: core, name: C, commune: "01273", kind: provincial_centre, devices: [{id: core-1, address: 192.0.2.1, ping: true}]}
  - {id: ub, name: U, commune: "01273", kind: bts, devices: [{id: r1, address: 192.0.2.2, upstreams: [core-1]}]}
"""
TARGETS = """\
targets:
  - {id: up, level: commune, rule: availability, title: {vi: a, en: a}, limit: 99.5 %, basis: NOC, basis_kind: local}
"""
METRICS = f"""\
# HELP netmon_influx_reachable Whether it took the last write.
netmon_device_last_poll_timestamp_seconds{{device="r1"}} {NOW - 10}
netmon_poll_lateness_seconds_bucket{{le="5.0"}} 100
netmon_poll_lateness_seconds_count 100
netmon_influx_reachable 1
netmon_mqtt_connected 1
netmon_traps_total{{kind="trap"}} 4
"""
PROMETHEUS = {
    "targets": {"activeTargets": [{"labels": {"job": "netmon"}, "health": "up"}]},
    "rules": {"groups": [{"name": "netmon_itself"}]},
    "alertmanagers": {"activeAlertmanagers": [{"url": "http://127.0.0.1:9093"}]},
    "heartbeat": {"result": [{"value": [0, "1"]}]},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("province")
    (tmp_path / "inventory").mkdir()
    secrets = {name: f"canary-{name}-4b7d1e9c" for name in ("auth", "priv", "mqtt", "influx")}
    netmon = NETMON.replace("PORT", str(free_port("tcp")))
    files = {"netmon.yaml": netmon, "inventory/all.yaml": INVENTORY, "targets.yaml": TARGETS, **secrets}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path


@pytest.fixture(scope="module")
def sound(home):
    """Facts of an installation that lacks nothing."""
    settings = load(home)
    settings = replace(settings, warnings=(), calendar=replace(settings.calendar, off={date(2027, 2, 8): None}))
    page = Answer(200, METRICS)
    return Facts(
        now=NOW,
        version="1.0",
        directory=home,
        settings=settings,
        store=StoreFacts(path=home / "netmon.db", bytes=1_000, free=10**12, backup=NOW - 3600),
        status={"version": "1.0", "started": NOW - 9e4, "devices": [row("core-1"), row("r1")]},
        pages={"/healthz": page, "/readyz": page, "/metrics": page},
        samples=Samples(METRICS, WANTED),
        machine=Machine(
            ping_groups=(0, 100), receive_bytes=8_388_608, clock_synchronised=True, files_open=9, files_most=100
        ),
        unit={"ActiveState": "active", "WatchdogUSec": "30s", "NoNewPrivileges": "yes", "ProtectSystem": "strict"},
        certificates=((Path("tls.pem"), NOW + 9e6),),
        prometheus={name: Answer(200, json.dumps({"data": data})) for name, data in PROMETHEUS.items()},
        alertmanager=Answer(200, '[{"labels": {"alertname": "NetmonHeartbeat"}}]'),
    )


def row(device, state="up", outcome="answered", detail=""):
    return {"device": device, "state": state, "outcome": outcome, "detail": detail, "last_poll": NOW - 10}


def test_of_a_sound_installation_there_is_nothing_to_mend(sound):
    found = doctor.examine(sound)
    assert [finding for finding in found if finding.level is not Level.OK] == []
    assert len(found) > 20


def page(extra):
    return lambda facts: {"samples": Samples(METRICS + extra, WANTED)}


def without(line):
    return lambda facts: {"samples": Samples("\n".join(x for x in METRICS.splitlines() if line not in x), WANTED)}


def machine(**told):
    return lambda facts: {"machine": replace(facts.machine, **told)}


def store(**told):
    return lambda facts: {"store": replace(facts.store, **told)}


def prometheus(name, body):
    return lambda facts: {"prometheus": facts.prometheus | {name: body}}


EMPTY = Answer(200, '{"data": {}}')

WRONG = [
    ("daemon", Level.WRONG, "restart netmon", lambda f: {"status": None, "unasked": "no socket"}),
    ("daemon", Level.WARNING, "restart netmon", lambda f: {"version": "2.0"}),
    ("configuration", Level.WRONG, "netmon check", lambda f: {"settings": None, "problems": ("netmon.yaml:1:1: odd",)}),
    ("configuration", Level.WARNING, "CREDENTIALS_DIRECTORY", lambda f: {"problems": ("no credential",)}),
    ("secrets", Level.WRONG, "chmod 640 auth", lambda f: {"exposed": (Exposed(Path("auth"), 0o644),)}),
    ("canaries", Level.WRONG, "canaries: [", lambda f: {"settings": with_inventory(f, canaries=())}),
    ("canaries", Level.WRONG, "probe core-1", lambda f: {"status": {**f.status, "devices": [row("core-1", "down")]}}),
    ("upstreams", Level.WARNING, "upstreams: [", lambda f: {"settings": with_inventory(f, devices=lonely(f))}),
    ("calendar", Level.WARNING, "calendar.yaml", lambda f: {"now": NOW + 365 * 86_400}),
    ("clock", Level.WRONG, "set-ntp", machine(clock_synchronised=False)),
    ("clock", Level.WARNING, "timedatectl", machine(clock_error_s=7.0)),
    ("ping", Level.WRONG, "60-netmon.conf", machine(ping_groups=(1, 0))),
    ("receive buffer", Level.WARNING, "rmem_max=8388608", machine(receive_bytes=212_992)),
    ("receive buffer", Level.WARNING, "rmem_max=8388608", page("netmon_snmp_receive_drops_total 3\n")),
    ("files", Level.WRONG, "LimitNOFILE", machine(files_open=99)),
    ("store", Level.WRONG, "restore", store(problem="netmon.db: cannot be opened")),
    ("store damage", Level.WRONG, "restore", store(damaged=NOW - 3600)),
    ("store damage", Level.WARNING, "NetmonStoreDamaged", store(damaged=NOW - 200 * 86_400)),
    ("store damage", Level.WARNING, "NetmonStoreDamaged", store(damaged=NOW + 86_400)),
    ("store damage", Level.WRONG, "df -h", store(suspected="row 9 missing from index")),
    ("store writes", Level.WRONG, "df -h", page("netmon_store_oldest_write_seconds 90\n")),
    ("store writes", Level.WARNING, "NetmonStoreLosing", page("netmon_store_dropped_writes_total 4\n")),
    ("disk", Level.WARNING, "du ", store(free=2**30)),
    ("disk", Level.WRONG, "du ", store(free=2**20)),
    ("backup", Level.WARNING, "netmon-backup.timer", store(backup=0.0)),
    ("backup", Level.WARNING, "netmon-backup.timer", store(backup=NOW + 7200)),
    ("unit", Level.WRONG, "restart netmon", lambda f: {"unit": {**f.unit, "ActiveState": "failed"}}),
    ("unit", Level.WARNING, "WatchdogSec", lambda f: {"unit": {**f.unit, "WatchdogUSec": "infinity"}}),
    ("unit", Level.WARNING, "systemd-analyze", lambda f: {"unit": {**f.unit, "ProtectSystem": "no"}}),
    ("unit", Level.WRONG, "netmon check", lambda f: {"unit": {**f.unit, "StatusText": "9 up; the last reload was refused"}}),
    ("credentials", Level.WRONG, "LoadCredential=web-lan", lambda f: {"unloaded": ("web-lan",)}),
    (
        "permissions",
        Level.WRONG,
        "chgrp -R netmon ",
        lambda f: {"unit": {**f.unit, "User": "netmon"}, "unreadable": (Path("a"),)},
    ),
    ("store", Level.WARNING, "# as root", store(hidden=True)),
    ("certificate", Level.WARNING, "renew", lambda f: {"certificates": ((Path("tls.pem"), NOW + 86_400),)}),
    ("certificate", Level.WRONG, "renew", lambda f: {"certificates": ((Path("tls.pem"), NOW - 1),)}),
    ("listener", Level.WRONG, "ss -ltnp", lambda f: {"pages": f.pages | {"/metrics": Answer(0, error="refused")}}),
    ("listener", Level.WRONG, "# as root", lambda f: {"pages": f.pages | {"/metrics": Answer(401)}}),
    ("listener", Level.WARNING, "netmon status", lambda f: {"pages": f.pages | {"/readyz": Answer(503)}}),
    ("metrics", Level.WRONG, "promtool", page("netmon_x{ 1\n")),
    ("polls", Level.WRONG, "restart netmon", lambda f: {"now": NOW + 3600}),
    ("polls", Level.WARNING, "netmon status", lambda f: {"status": {**f.status, "devices": fallen(4, 30)}}),
    ("polls", Level.WRONG, "netmon status", lambda f: {"status": {**f.status, "devices": fallen(178, 180)}}),
    ("devices", Level.WARNING, "netmon status", lambda f: {"status": {**f.status, "devices": fallen(4, 30)}}),
    ("devices", Level.WRONG, "netmon status", lambda f: {"status": {**f.status, "devices": fallen(178, 180)}}),
    ("devices", Level.WARNING, "status", lambda f: {"status": {**f.status, "devices": fallen(9, 9), "started": NOW - 5}}),
    ("metrics", Level.WARNING, "--cert", lambda f: {"settings": with_mutual_tls(f), "pages": {}}),
    ("metrics", Level.WARNING, "# as root", lambda f: {"pages": {}}),
    ("lateness", Level.WARNING, "NetmonPollsLate", without("bucket")),
    ("event loop", Level.WARNING, "NetmonLoopBlocked", page(f"netmon_loop_blocked_timestamp_seconds {NOW - 60}\n")),
    ("canaries", Level.WRONG, "ip route", lambda f: {"status": {**f.status, "self_isolated": True}}),
    ("bugs", Level.WARNING, "journalctl", page('netmon_bugs_total{room="pipeline"} 1\n')),
    ("refused", Level.WRONG, "probe r1", lambda f: {"status": {**f.status, "devices": [row("core-1"), USM]}}),
    ("influxdb", Level.WRONG, "docs/influxdb.md", without("influx_reachable")),
    ("influxdb", Level.WARNING, "docs/influxdb.md", page('netmon_influx_dropped_points_total{reason="disk"} 5\n')),
    ("mqtt", Level.WRONG, "docs/mqtt.md", without("mqtt_connected")),
    ("traps", Level.WARNING, "tcpdump", without("traps_total")),
    ("prometheus", Level.WARNING, "--prometheus", lambda f: {"prometheus": {"targets": Answer(0, error="refused")}}),
    ("prometheus", Level.WRONG, "job netmon", prometheus("targets", EMPTY)),
    ("rules", Level.WRONG, "rules/*.yml", prometheus("rules", EMPTY)),
    ("heartbeat", Level.WRONG, "NetmonHeartbeat", prometheus("heartbeat", EMPTY)),
    ("alertmanagers", Level.WRONG, "alerting", prometheus("alertmanagers", EMPTY)),
    ("alertmanager", Level.WRONG, "alertmanager", lambda f: {"alertmanager": Answer(0, error="refused")}),
    ("alertmanager", Level.WRONG, "NetmonHeartbeat", lambda f: {"alertmanager": Answer(200, "[]")}),
]
USM = row("r1", "up", "refused", "usmStatsWrongDigests: another key")


def with_inventory(facts, **changed):
    return replace(facts.settings, inventory=replace(facts.settings.inventory, **changed))


def with_mutual_tls(facts):
    tls = TlsSettings(certificate=Path("tls.pem"), key=Path("tls.key"), client_ca=Path("ca.pem"))
    return replace(facts.settings, web=replace(facts.settings.web, tls=tls))


def fallen(down, many):
    return [row("core-1")] + [
        row(f"d{n}", *(("down", "silent") if n < down else ("up", "answered"))) for n in range(many - 1)
    ]


def lonely(facts):
    return {name: replace(device, upstreams=()) for name, device in facts.settings.inventory.devices.items()}


@pytest.mark.parametrize(("about", "level", "fix", "broken"), WRONG, ids=[f"{about}-{fix}" for about, _, fix, _ in WRONG])
def test_each_wrong_state_is_told_with_what_mends_it(sound, about, level, fix, broken):
    found = doctor.examine(replace(sound, **broken(sound)))
    told = [finding for finding in found if finding.about == about and finding.level is level]
    assert told, [finding for finding in found if finding.about == about]
    assert any(fix in finding.fix for finding in told)
    assert all(finding.what.vi and finding.what.en and finding.why.vi and finding.why.en for finding in told)


def test_where_the_page_is_not_seen_nothing_is_judged_by_it(sound):
    """A listener that wants a client's certificate shows it none: that is no fault of what it would have told."""
    found = doctor.examine(replace(sound, settings=with_mutual_tls(sound), pages={}, samples=Samples("", WANTED)))
    assert [(finding.level, finding.about) for finding in found if finding.level] == [(Level.WARNING, "metrics")]
    assert not {"influxdb", "mqtt", "traps", "listener"} & {finding.about for finding in found}


def test_of_a_store_that_may_not_be_looked_at_the_daemon_says_when_its_backup_was(sound):
    """As who is on shift runs it, of the group netmon."""
    hidden = replace(sound.store, hidden=True, bytes=None, free=None, backup=0.0)
    metrics = f"{METRICS}netmon_backup_timestamp_seconds {NOW - 3600}\n"
    found = doctor.examine(replace(sound, store=hidden, samples=Samples(metrics, WANTED)))
    assert [(finding.level, finding.about) for finding in found if finding.level] == [(Level.WARNING, "store")]
    assert "1 h ago" in [finding.what.en for finding in found if finding.about == "backup"]
    unseen = doctor.examine(replace(sound, store=hidden, pages={}, samples=Samples("", WANTED)))
    assert "backup" not in {finding.about for finding in unseen}


def test_what_is_of_the_past_is_told_as_past_and_takes_nothing_away(sound):
    """A restore throws away all that was stored since: nobody is sent there for damage of long ago."""
    metrics = METRICS + 'netmon_store_dropped_writes_total 1\nnetmon_influx_dropped_points_total{reason="disk"} 5\n'
    old = replace(sound.store, damaged=NOW - 200 * 86_400)
    found = doctor.examine(replace(sound, store=old, samples=Samples(metrics, WANTED)))
    told = [finding for finding in found if finding.level]
    assert {(finding.level.name, finding.about) for finding in told} == {
        ("WARNING", "store damage"), ("WARNING", "store writes"), ("WARNING", "influxdb"),
    }  # fmt: skip
    assert not [finding for finding in told if "restore" in finding.fix or "does not take" in finding.why.en]


def test_what_mends_it_are_commands_that_there_are(sound, capsys):
    """A command of netmon's that is told, with its options, is one that it understands."""
    fixes = [finding.fix for *_, broken in WRONG for finding in doctor.examine(replace(sound, **broken(sound)))]
    told = {
        (words[0], option)
        for fix in fixes
        for words in (found.split() for found in re.findall(r"\bnetmon ((?!netmon )[a-z]+(?: [^;|,&#]+)?)", fix))
        for option in (None, *(word for word in words if word.startswith("--")))
    }
    known = {}
    for command in {command for command, _ in told} - {"netmon"}:
        inner = ["show"] if command == "calendar" else []
        with pytest.raises(SystemExit) as ended:
            main([command, *inner, "--help"])
        assert ended.value.code == 0, command
        known[command] = capsys.readouterr().out
    assert len(known) > 5
    assert not [(command, option) for command, option in told if option and option not in known.get(command, "")]


# --- looking ----------------------------------------------------------------------------------------------------------


@contextmanager
def serving(answers):
    """A server with these bodies by path; what it does not know is 404. Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *told): ...

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_where_no_netmon_runs_that_comes_first_and_the_rest_is_looked_at(home, capsys):
    Store.open(home / "netmon.db", NoMeter()).close()
    (home / "auth").chmod(0o604)
    api = {f"/api/v1/{name}": json.dumps({"data": data}) for name, data in PROMETHEUS.items()}
    api["/api/v1/query"] = api["/api/v1/rules"].replace("groups", "result")
    with serving(api) as prometheus, serving({"/api/v2/alerts": "[]"}) as alertmanager:
        words = ["doctor", "--config", str(home), "--prometheus", prometheus, "--alertmanager", alertmanager]
        assert main([*words, "--lang", "en"]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert main([*words, "--json"]) == 1
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert main([*words, "--lang", "vi"]) == 1
        assert capsys.readouterr().out.startswith("sai      daemon: netmon không chạy")
    assert lines[0].startswith("wrong    daemon: no netmon runs here")
    assert f"chmod 600 {home / 'auth'}" in "\n".join(lines)
    levels = {row["about"]: row["level"] for row in rows}
    assert {
        "secrets": "wrong",
        "store": "ok",
        "prometheus": "ok",
        "rules": "ok",
        "heartbeat": "ok",
    }.items() <= levels.items()
    assert {"listener": "wrong", "alertmanager": "wrong", "backup": "warning"}.items() <= levels.items()
    assert all(re.match(r"(ok|warning|wrong) +[a-z ]+: ", line) for line in lines[:-1])
    assert not [name for name in ("auth", "priv", "mqtt", "influx") if f"canary-{name}" in json.dumps(rows)]


def test_a_directory_that_holds_nothing_is_told_and_ends_nothing(tmp_path, capsys):
    assert main(["doctor", "--config", str(tmp_path), "--lang", "en"]) == 1
    assert "netmon check --config" in capsys.readouterr().out


def test_damage_is_told_by_what_lies_beside_the_store_whether_netmon_runs_or_not(home):
    Store.open(home / "netmon.db", NoMeter()).close()
    (home / "netmon.db.damage").write_text('{"at": 1.7e9, "why": "a page", "aside": "x", "running": false, "lost": {}}')
    (home / "netmon.db.suspect").write_text("row 9 missing from index\n")
    seen = gather(home).store
    for name in ("damage", "suspect"):
        (home / f"netmon.db.{name}").unlink()
    assert (seen.damaged, seen.suspected, seen.problem) == (1.7e9, "row 9 missing from index", "")


@pytest.mark.parametrize("secure", [True, False])
async def test_a_token_that_may_only_read_is_spoken_and_a_greater_one_only_over_tls(sound, tmp_path, secure):
    """Whoever listens where a dead netmon did could have it otherwise."""
    pair = issued(tmp_path, "server", authority(tmp_path))
    tls = TlsSettings(certificate=pair.certificate, key=pair.key) if secure else None
    tokens = {"an": Secret("o" * 40), "prometheus": Secret("r" * 40)}
    web = replace(sound.settings.web, read_open=False, tokens=tokens, readers=frozenset({"prometheus"}), tls=tls)
    there = replace(web, tokens={"prometheus": tokens["prometheus"]})
    listener = Listener(Shown(), LOOPBACK, 0, settings=lambda: there)
    port = int((await listener.start()).rpartition(":")[2])
    settings = replace(sound.settings, web=web, prometheus=replace(sound.settings.prometheus, port=port))
    try:
        pages = await asyncio.to_thread(_pages, settings)
        there = replace(web, readers=frozenset())
        unread = await asyncio.to_thread(_pages, replace(settings, web=there))
    finally:
        await listener.stop()
    assert {path: (answer.status, answer.error) for path, answer in pages.items()} == dict.fromkeys(
        ("/healthz", "/readyz", "/metrics"), (200, "")
    )
    assert {answer.status for answer in unread.values()} == ({200} if secure else set())


def test_every_family_that_is_judged_is_one_that_netmon_has():
    families = {name.removesuffix("_bucket").removesuffix("_count") for name in WANTED}
    assert families <= {*catalogue.OWN, *catalogue.DEVICE}


def test_a_reader_of_metrics_takes_what_prometheus_takes():
    samples = Samples('a{x="1\\"2",y="z"} +Inf\na{x="2"} 3\nb 1e3\n# odd\n\nc{ 1\nd NaNs\n', ("a", "b"))
    assert samples.by("a", "x") == {'1\\"2': float("inf"), "2": 3.0}
    assert (samples.one("b"), samples.one("c"), samples.unread) == (1000.0, None, 2)

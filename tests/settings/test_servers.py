"""The MQTT broker, InfluxDB, and the devices that report instead of being asked."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from netmon.credential import Secret
from netmon.model import Engine, Speech
from netmon.settings import InfluxApi, InfluxSettings, MqttSettings, load
from netmon.units import Register
from tests import peers
from tests.settings.conftest import INVENTORY, NETMON, SOUND, TODAY, Write
from tests.settings.test_doubts import P95, warned
from tests.settings.test_load import good, wrong

BROKER = "mqtt: {broker: mqtt://127.0.0.1}\n"
INFLUX = "exporters:\n  influxdb: {url: http://127.0.0.1:8086, org: noc, bucket: netmon}\n"
REPORTING = INVENTORY.replace("near: {interface", "near: {device: r1, interface").replace(
    "    links:", "      - {id: m1, protocol: mqtt, interval: 1m, upstreams: [r1]}\n    links:"
)


def of_main(directory: Path, register: Register) -> list[str]:
    """The problems of netmon.yaml, without its name."""
    return [line.removeprefix("netmon.yaml:") for line in wrong(directory, register)]


# --- what they become -------------------------------------------------------------------------------------------------


def test_a_device_reports_over_mqtt_or_is_asked_by_the_engine_it_names(write: Write, register: Register) -> None:
    inventory = REPORTING.replace("address: 10.4.1.1", "address: 10.4.1.1, engine: pysnmp")
    devices = good(write(NETMON + BROKER, inventory), register).inventory.devices
    assert {name: (device.speaks, device.engine) for name, device in devices.items()} == {
        "gw": (Speech.SNMP, Engine.NETMON),
        "r1": (Speech.SNMP, Engine.PYSNMP),
        "m1": (Speech.MQTT, Engine.NETMON),
    }
    assert (devices["m1"].addresses, devices["m1"].credential, devices["m1"].interval_s) == ((), "", 60.0)


def test_one_line_each_is_enough_for_a_broker_and_an_influxdb(write: Write, register: Register) -> None:
    settings = good(write(NETMON + BROKER + INFLUX + "store: {path: var/kept.db}\n", REPORTING), register)
    assert settings.mqtt == MqttSettings(host="127.0.0.1", port=1883)
    outbox = settings.directory / "var" / "influxdb-outbox"
    assert settings.influx == InfluxSettings(url="http://127.0.0.1:8086", org="noc", bucket="netmon", outbox=outbox)


def test_every_key_of_the_broker_is_kept(write: Write, register: Register) -> None:
    directory = write(
        NETMON + "mqtt: {broker: 'mqtts://broker.noc.example', user: noc, password: !env NETMON_COMMUNITY, ca: ca.pem,\n"
        "  certificate: ca.pem, key: tls/key.pem, client_id: netmon-2, keepalive: 1m}\n",
        REPORTING,
    )
    certify(directory / "ca.pem", directory / "tls" / "key.pem")
    assert good(directory, register).mqtt == MqttSettings(
        host="broker.noc.example",
        port=8883,
        tls=True,
        ca=directory / "ca.pem",
        certificate=directory / "ca.pem",
        key=directory / "tls" / "key.pem",
        files=ANY,
        user="noc",
        password=Secret("n3tm0n"),
        client_id="netmon-2",
        keepalive_s=60.0,
    )


def test_every_key_of_influxdb_is_kept(write: Write, register: Register) -> None:
    directory = write(
        NETMON + "exporters:\n  influxdb: {url: 'https://[2001:db8::1]:8086/influx/', api: v1, database: netmon,\n"
        "    retention_policy: year, user: noc, password: !env NETMON_COMMUNITY, ca: ca.pem, gzip: true, batch: 100,\n"
        "    every: 1s, timeout: 30s, outbox: {path: waits, size: 1.5 GB}}\n"
    )
    certify(directory / "ca.pem", directory / "key.pem")
    assert good(directory, register).influx == InfluxSettings(
        url="https://[2001:db8::1]:8086/influx",
        api=InfluxApi.V1,
        database="netmon",
        retention_policy="year",
        user="noc",
        password=Secret("n3tm0n"),
        ca=directory / "ca.pem",
        gzip=True,
        batch_points=100,
        every_s=1.0,
        timeout_s=30.0,
        outbox=directory / "waits",
        outbox_bytes=1_500_000_000,
    )


def test_the_reload_child_hands_over_the_servers_with_their_secrets(write: Write) -> None:
    influx = INFLUX.replace("bucket: netmon", "bucket: netmon, token: !env NETMON_COMMUNITY, ca: ca.pem")
    broker = BROKER.replace("mqtt://127.0.0.1", "mqtts://127.0.0.1, user: noc, password: !env NETMON_COMMUNITY, ca: ca.pem")
    directory = write(NETMON + influx.replace("http:", "https:") + broker, REPORTING)
    certify(directory / "ca.pem", directory / "key.pem")
    child = [sys.executable, "-m", "netmon.settings", str(directory)]
    done = subprocess.run(child, capture_output=True, check=False, timeout=60)
    assert done.stderr == b""
    settings = pickle.loads(done.stdout)
    assert settings == load(directory)
    assert settings.mqtt.password == settings.influx.token == Secret("n3tm0n")
    assert settings.influx.api is InfluxApi.V2
    assert "n3tm0n" not in repr(settings)


# --- devices ----------------------------------------------------------------------------------------------------------

ASKING = {
    "address": "192.0.2.1",
    "addresses": "[192.0.2.1]",
    "port": "161",
    "credential": "nowhere",
    "profile": "nothing",
    "timeout": "1s",
    "retries": "2",
    "also_from": "[192.0.2.1]",
    "ping": "true",
    "engine": "pysnmp",
}


def test_a_device_that_reports_has_nothing_of_one_that_is_asked(write: Write, register: Register) -> None:
    """Each key is a line at its place, and what it names is not looked up."""
    entry = "id: m1" + "".join(f",\n         {key}: {value}" for key, value in ASKING.items())
    assert wrong(write(NETMON + BROKER, REPORTING.replace("id: m1", entry)), register) == [
        f"inventory/a.yaml:{line}:10: 'm1' speaks MQTT: it has no '{key}', for it is never asked"
        for line, key in enumerate(ASKING, start=15)
    ]


def test_devices_that_report_need_a_broker_which_is_said_once(write: Write, register: Register) -> None:
    second = REPORTING.replace("    links:", "      - {id: m2, protocol: mqtt}\n    links:")
    line = (
        "2 of the devices speak MQTT, and netmon.yaml does not say where they report (mqtt: {broker: mqtt://127.0.0.1:1883})"
    )
    for nothing in ("", "mqtt:\n"):
        assert wrong(write(NETMON + nothing, second), register) == [f"inventory/a.yaml:14:28: {line}"]


def test_a_canary_is_a_device_that_can_be_asked(write: Write, register: Register) -> None:
    assert of_main(write(NETMON.replace("[gw]", "[gw, m1]") + BROKER, REPORTING), register) == [
        "4:16: 'm1' speaks MQTT: a canary is asked, and netmon cannot ask it "
        "(name the gateway and a device of the provincial centre)"
    ]


def test_a_misspelt_protocol_or_engine_is_one_line(write: Write, register: Register) -> None:
    inventory = REPORTING.replace("protocol: mqtt", "protocol: mqqt").replace("10.4.0.1", "10.4.0.1, engine: pysnmq")
    assert wrong(write(NETMON + BROKER, inventory), register) == [
        "inventory/a.yaml:7:45: 'pysnmq' is not one of netmon, pysnmp (did you mean pysnmp?)",
        "inventory/a.yaml:14:28: 'mqqt' is not one of snmp, mqtt (did you mean mqtt?)",
    ]


def test_devices_without_a_credential_are_only_those_that_are_asked(write: Write, register: Register) -> None:
    both = NETMON.replace("canaries", "  old: {version: '1', community: !env NETMON_COMMUNITY}\ncanaries") + BROKER
    named = REPORTING.replace("address:", "credential: old, address:")
    assert good(write(both, named), register).inventory.devices["r1"].credential == "old"


# --- the sections -----------------------------------------------------------------------------------------------------

IN_MQTT = [
    ("broker: 127.0.0.1:1883",
     "6:11: this is no URL: write it as mqtt://127.0.0.1:1883 or mqtts://broker.example "
     "(begin it with mqtt://)"),
    ("broker: mqqt://127.0.0.1",
     "6:11: 'mqqt://' cannot be: write it as mqtt://127.0.0.1:1883 or mqtts://broker.example (did you mean mqtt?)"),
    ("broker: mqtt://127.0.0.1:99999",
     "6:11: this is no URL: write it as mqtt://127.0.0.1:1883 or mqtts://broker.example "
     "(behind mqtt:// come a host and perhaps a port)"),
    ("broker: mqtt://127.0.0.1/netmon", "6:11: a broker has no path (write the host and perhaps a port)"),
    ("broker: mqtt://noc:Ph0Bo@127.0.0.1",
     "6:11: a URL holds no user and no password (write them beside it, as keys of their own)"),
    ("brokr: mqtt://127.0.0.1", "6:3: missing key 'broker'|6:3: unknown key 'brokr' (did you mean broker?)"),
    ("user: noc", "6:3: missing key 'broker'"),
    ("broker: mqtt://127.0.0.1\n  password: !env NETMON_COMMUNITY",
     "7:3: a password needs a user (MQTT 3.1.1, section 3.1.2.9)"),
    ("broker: mqtt://127.0.0.1\n  user: noc\n  password: secret",
     "8:13: a secret must not stand here as it is (write it as !env NAME, !file path or !credential name, "
     "so that it does not stand in the configuration)"),
    ("broker: mqtts://127.0.0.1\n  key: netmon.yaml", "7:3: 'key' comes with 'certificate', which is missing"),
    ("broker: mqtt://127.0.0.1\n  ca: netmon.yaml",
     "7:3: 'ca' is of use only with mqtts://|7:7: ca: netmon.yaml holds no certificate in PEM form"),
    ("broker: mqtts://127.0.0.1\n  ca: nowhere.pem", "7:7: ca: nowhere.pem cannot be read: No such file or directory"),
    ("broker: mqtts://127.0.0.1\n  ca: inventory", "7:7: ca: inventory is there and is no file"),
    ('broker: mqtts://127.0.0.1\n  ca: "a\\0b"', "7:7: ca: a b cannot be the name of a file"),
    ("broker: mqtt://127.0.0.1\n  keepalive: 18h13m",
     "7:14: '18h13m' is not a duration: write it as 50ms, 30s, 5m, 1h or 7d"),
    ("broker: mqtt://127.0.0.1\n  keepalive: 19h", "7:14: must be from 1s to 65535s"),
    ("broker: mqtt://127.0.0.1\n  keepalive: 1.5s", "7:14: must be whole seconds: MQTT knows no parts of them"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "lines"), IN_MQTT, ids=[section for section, _ in IN_MQTT])
def test_a_mistake_about_the_broker_is_a_line(write: Write, register: Register, section: str, lines: str) -> None:
    directory = write(NETMON + f"mqtt:\n  {section}\n", REPORTING)
    assert of_main(directory, register) == lines.split("|")


V2, V1 = "org: a, bucket: b", "api: v1, database: d"
IN_INFLUX = [
    ("url: http://h, org: a", "6:13: missing key 'bucket': api v2 needs it"),
    ("url: http://h", "6:13: missing key 'bucket': api v2 needs it|6:13: missing key 'org': api v2 needs it"),
    ("url: http://h, api: v1", "6:13: missing key 'database': api v1 needs it"),
    (f"url: http://h, {V2}, database: d",
     "6:48: 'database' belongs to api v1, and this is v2 (did you mean bucket, or api: v1?)"),
    (f"url: http://h, {V1}, token: !env NETMON_COMMUNITY",
     "6:51: 'token' belongs to api v2, and this is v1 (did you mean password, or api: v2?)"),
    (f"url: http://h, {V1}, user: u", "6:51: 'user' comes with 'password', which is missing"),
    (f"url: http://h, {V2}, api: v3", "6:53: 'v3' is not one of v2, v1"),
    (f"url: ftp://h, {V2}", "6:19: 'ftp://' cannot be: write it as http://127.0.0.1:8086 or https://influx.example"),
    (f"url: 'h:8086', {V2}",
     "6:19: this is no URL: write it as http://127.0.0.1:8086 or https://influx.example "
     "(begin it with http://)"),
    (f"url: 'http://noc:Ph0Bo@h', {V2}",
     "6:19: a URL holds no user and no password (write them beside it, as keys of their own)"),
    (f"url: 'http://h/?db=x', {V2}",
     "6:19: a URL holds no query: what it says is written beside it, as keys of their own"),
    (f"url: 'http://h:8086/api/v2/write', {V2}",
     "6:19: /api/v2/write is where points are written: netmon adds that by itself (leave it out)"),
    (f"url: http://h, {V2}, ca: netmon.yaml",
     "6:48: 'ca' is of use only with https://|6:52: ca: netmon.yaml holds no certificate in PEM form"),
    (f"url: http://h, {V2}, batch: 0", "6:55: must be from 1 to 100,000"),
    (f"url: http://h, {V2}, every: 2h", "6:55: must be from 100ms to 1h"),
    (f"url: http://h, {V2}, outbox: {{size: 512}}",
     "6:63: '512' is not a size: write it as 512 MB, 2 GB, 512 MiB or 2 GiB (did you mean 512 MB?)"),
    (f"url: http://h, {V2}, outbox: {{size: 0.5 MB}}", "6:63: must be at least 1 MB"),
    (f"url: http://h, {V2}, outbox: {{path: netmon.yaml}}", "6:63: path: netmon.yaml is there and is no directory"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "lines"), IN_INFLUX, ids=[section for section, _ in IN_INFLUX])
def test_a_mistake_about_influxdb_is_a_line(write: Write, register: Register, section: str, lines: str) -> None:
    directory = write(NETMON + f"exporters:\n  influxdb: {{{section}}}\n")
    assert of_main(directory, register) == lines.split("|")


def test_a_certificate_and_a_key_fit_each_other_and_open(write: Write, register: Register) -> None:
    """As a client of TLS would find out at each attempt, and `netmon check` finds out before."""
    netmon = NETMON + "mqtt: {broker: 'mqtts://127.0.0.1', certificate: a.pem, key: b.key}\n"
    directory = write(netmon, REPORTING)
    certify(directory / "a.pem", directory / "a.key")
    certify(directory / "b.pem", directory / "b.key")
    assert of_main(directory, register) == ["5:62: certificate and key: b.key is not the key of a.pem"]
    certify(directory / "a.pem", directory / "b.key", passphrase="n3tm0n")
    assert of_main(directory, register) == [
        "5:62: certificate and key: b.key is encrypted, and netmon has no passphrase for it"
    ]
    (directory / "b.key").write_text("-")
    assert of_main(directory, register) == [
        "5:62: certificate and key: a.pem and b.key are not a certificate and its key in PEM form"
    ]
    (directory / "b.key").unlink()
    assert good_without_secrets(directory, register) == directory / "b.key", "a shell that may not read it does not try"


def test_a_certificate_renewed_in_its_place_makes_other_settings(write: Write, register: Register) -> None:
    """So that a reload connects anew. Who may not read the files is told nothing of what stands in them."""
    netmon = NETMON + "mqtt: {broker: 'mqtts://127.0.0.1', ca: ca.pem, certificate: a.pem, key: a.key}\n"
    directory = write(netmon, REPORTING)
    certify(directory / "ca.pem", directory / "ca.key")
    certify(directory / "a.pem", directory / "a.key")
    seen = [good(directory, register).mqtt]
    assert good(directory, register).mqtt == seen[0], "nothing was renewed"
    certify(directory / "ca.pem", directory / "ca.key")
    seen.append(good(directory, register).mqtt)
    certify(directory / "a.pem", directory / "a.key")
    seen.append(good(directory, register).mqtt)
    assert len(set(seen)) == 3
    blind = load(directory, register=register, today=TODAY, secrets=False).mqtt
    assert blind is not None
    assert blind.files == ""


def good_without_secrets(directory: Path, register: Register) -> Path | None:
    mqtt = load(directory, register=register, today=TODAY, secrets=False).mqtt
    return mqtt.key if mqtt is not None else None


NOTHING = "expected a value, found nothing (fill it in, or take the key away)"
BLANK = [
    *[("mqtt", key) for key in ("user", "password", "ca", "certificate", "key")],
    *[("v2", key) for key in ("org", "bucket", "token", "ca")],
    *[("v1", key) for key in ("database", "retention_policy", "user", "password", "ca")],
]


@pytest.mark.parametrize(("section", "key"), BLANK)
def test_a_key_without_a_value_is_not_as_if_it_were_not_there(
    write: Write, register: Register, section: str, key: str
) -> None:
    """Its author meant to fill it in: netmon would go without a token, or to no bucket."""
    keys = {
        "mqtt": {"broker": "mqtts://127.0.0.1", "user": "noc", "password": "!env NETMON_COMMUNITY"},
        "v2": {"url": "https://h", "org": "a", "bucket": "b", "token": "!env NETMON_COMMUNITY"},
        "v1": {"url": "https://h", "api": "v1", "database": "d", "user": "u", "password": "!env NETMON_COMMUNITY"},
    }[section]
    head, indent = ("mqtt:\n", "  ") if section == "mqtt" else ("exporters:\n  influxdb:\n", "    ")
    secret = key in ("password", "token")
    for blank in ("", "null", "~") if secret else ("", "null", "~", "''", *(["' '"] if key in keys else [])):
        others = "".join(f"{indent}{name}: {value}\n" for name, value in (keys | {key: blank}).items())
        said = of_main(write(NETMON + head + others, REPORTING if section == "mqtt" else INVENTORY), register)
        nothing = "expected text, found nothing" if blank.startswith("'") else NOTHING
        assert nothing in [line.partition(": ")[2] for line in said], blank


def test_the_path_of_an_outbox_is_named_or_left_out(write: Write, register: Register) -> None:
    blank = INFLUX.replace("bucket: netmon", "bucket: netmon, outbox: {path: }")
    assert [line.partition(": ")[2] for line in of_main(write(NETMON + blank), register)] == [NOTHING]


def test_a_name_that_cannot_be_typed_is_refused(write: Write, register: Register) -> None:
    for section in (
        BROKER.replace("127.0.0.1", '127.0.0.1, user: "noc\\0"'),
        INFLUX.replace("org: noc", 'org: "n\\noc"'),
        INFLUX.replace("bucket: netmon", 'bucket: "\\uFEFFnetmon"'),
    ):
        inventory = REPORTING if section.startswith("mqtt") else INVENTORY
        (line,) = of_main(write(NETMON + section, inventory), register)
        assert line.endswith("a control character cannot stand here"), line


@pytest.mark.parametrize(
    ("section", "hint"),
    [
        ("broker: MQTT://h", "did you mean mqtt?"), ("broker: mqtts//h", "begin it with mqtts://"),
        ("broker: mqtt:/h", "begin it with mqtt://"), ("broker: MQTTS:h", "begin it with mqtts://"),
        ("broker: mqtt:1883", "begin it with mqtt://"),
        ("broker: mqtt://h\n  CLIENT_ID: a", "did you mean client_id?"),
        ("broker: mqtt://h\n  Usr: a", "did you mean user?"),
    ],
)  # fmt: skip
def test_a_slip_of_the_shift_key_or_the_colon_is_understood(
    write: Write, register: Register, section: str, hint: str
) -> None:
    (line,) = of_main(write(NETMON + f"mqtt:\n  {section}\n", REPORTING), register)
    assert line.endswith(f"({hint})")


def test_capitals_are_no_distance_in_the_inventory_either(write: Write, register: Register) -> None:
    inventory = REPORTING.replace("protocol: mqtt", "protocol: MQTT").replace("10.4.0.1", "10.4.0.1, engine: PySNMP")
    assert wrong(write(NETMON + BROKER, inventory), register) == [
        "inventory/a.yaml:7:45: 'PySNMP' is not one of netmon, pysnmp (did you mean pysnmp?)",
        "inventory/a.yaml:14:28: 'MQTT' is not one of snmp, mqtt (did you mean mqtt?)",
    ]


def test_nothing_is_counted_by_sixties(write: Write, register: Register) -> None:
    """YAML 1.1 takes 12:30 for 750 and 1:2 for 62: the one is no number here, the other an interface."""
    directory = write(NETMON + INFLUX.replace("bucket: netmon", "bucket: netmon, batch: 12:30"))
    assert of_main(directory, register) == ["6:75: expected a whole number, found text"]
    near = good(write(NETMON, INVENTORY.replace("interface: ge1", "interface: 1:2")), register).inventory.links["fibre"].near
    assert near is not None
    assert near.interface == "1:2"


# --- what is probably not meant ---------------------------------------------------------------------------------------


def test_a_broker_without_devices_is_asked_for_nothing(write: Write, register: Register) -> None:
    assert warned(write(SOUND + BROKER, targets=P95), register) == [
        "netmon.yaml:5:1: no device speaks MQTT: the broker is asked for nothing (a device that does has protocol: mqtt)"
    ]
    assert warned(write(SOUND + BROKER, REPORTING, P95), register) == []


@pytest.mark.parametrize(
    ("broker", "clear"),
    [
        ("mqtt://10.4.0.9", "10.4.0.9 is another machine: passwords and reports go there in the clear "
         "(mqtts://10.4.0.9 encrypts them)"),
        ("mqtt://[2001:db8::1]:1884", "2001:db8::1 is another machine: passwords and reports go there in the clear "
         "(mqtts://[2001:db8::1] encrypts them)"),
        ("mqtt://127.1.2.3", ""), ("mqtt://[::1]", ""), ("mqtt://localhost", ""), ("mqtts://10.4.0.9", ""),
    ],
)  # fmt: skip
def test_what_crosses_a_network_in_the_clear_is_said(write: Write, register: Register, broker: str, clear: str) -> None:
    lines = warned(write(SOUND + f"mqtt: {{broker: '{broker}'}}\n", REPORTING, P95), register)
    assert lines == ([f"netmon.yaml:5:16: {clear}"] if clear else [])


def test_a_device_that_reports_too_seldom_measures_no_link(write: Write, register: Register) -> None:
    """At 300 s or more its readings fill no slot, as those of a device that is asked."""
    no_slot = "readings so far apart fill no slot of 5 minutes; 1m or less is sure to"
    witness = REPORTING.replace("{device: r1, interface", "{device: m1, interface")
    assert warned(write(SOUND + BROKER, witness, P95), register) == []
    assert warned(write(SOUND + BROKER, witness.replace("interval: 1m", "interval: 300s"), P95), register) == [
        f"inventory/a.yaml:14:44: 'm1' measures a link every 300s: {no_slot}"
    ]
    by_default = witness.replace(", interval: 1m", "").replace("10.4.0.1}", "10.4.0.1, interval: 1m}")
    assert warned(write(SOUND + BROKER + "poll: {interval: 5m}\n", by_default, P95), register) == [
        f"netmon.yaml:6:18: 1 of the devices ('m1') measure links every 5m: {no_slot}"
    ]


def test_a_token_crosses_a_network_only_encrypted(write: Write, register: Register) -> None:
    """Points alone are no secret."""
    remote = INFLUX.replace("127.0.0.1", "10.4.0.9")
    with_token = remote.replace("netmon}", "netmon, token: !env NETMON_COMMUNITY}")
    assert warned(write(SOUND + remote, targets=P95), register) == []
    assert warned(write(SOUND + with_token, targets=P95), register) == [
        "netmon.yaml:6:19: 10.4.0.9 is another machine: the token goes there in the clear (https:// encrypts it)"
    ]
    assert warned(write(SOUND + with_token.replace("http:", "https:"), targets=P95), register) == []
    assert warned(write(SOUND + with_token.replace("10.4.0.9", "127.0.0.1"), targets=P95), register) == []


def certify(certificate: Path, key: Path, passphrase: str = "") -> None:
    """A self-signed certificate and its key, by OpenSSL itself."""
    certificate.parent.mkdir(exist_ok=True)
    key.parent.mkdir(exist_ok=True)
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=netmon"]
    how = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
    made = [str(peers.require("openssl")), *words, *how, "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(made, capture_output=True, check=True, timeout=60)

"""Who may read and write at the listener, as the configuration says it, and what is warned of there."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from netmon import units
from netmon.certificate import expiry
from netmon.credential import Secret
from netmon.settings import ConfigErrors, WebSettings, load
from tests.certificates import authority, issued
from tests.settings.conftest import INVENTORY, NETMON, TODAY

OPERATE, READ = "operate-0123456789abcdef", "read-0123456789abcdefghi"


@pytest.fixture
def read(tmp_path, monkeypatch):
    for name, text in (("NETMON_COMMUNITY", "n3tm0n"), ("LAN", OPERATE), ("SCRAPER", READ)):
        monkeypatch.setenv(name, text)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/a.yaml").write_text(INVENTORY, encoding="utf-8")

    def loaded(web, listen="127.0.0.1:9797", today=TODAY):
        exporters = f'exporters: {{prometheus: {{listen: "{listen}"}}}}\n'
        (tmp_path / "netmon.yaml").write_text(NETMON + exporters + web, encoding="utf-8")
        return load(tmp_path, register=units.load(), today=today)

    return loaded


TOKENS = "  tokens:\n    lan: !env LAN\n    scraper: {token: !env SCRAPER, right: read}\n"


def test_tokens_have_a_right_and_the_short_form_means_to_operate(read):
    web = read(f"web:\n  read: token\n{TOKENS}").web
    assert web == WebSettings(
        read_open=False, tokens={"lan": Secret(OPERATE), "scraper": Secret(READ)}, readers=frozenset({"scraper"})
    )
    assert read("").web == WebSettings(read_open=True)


@pytest.mark.parametrize(
    ("web", "place", "says"),
    [
        ("web: {read: token}\n", "6:13", "read: nobody can, for there is no token"),
        ("web: {read: closed}\n", "6:13", "'closed' is not one of open, token"),
        ("web: {tokens: {a: {token: !env LAN, right: write}}}\n", "6:44", "'write' is not one of read, operate"),
        ("web: {tokens: {a: {token: !env LAN}}}\n", "6:19", "missing key 'right'"),
        ("web: {tokens: {a: {token: !env LAN, right: read}, b: !env LAN}}\n", "6:15", "a and b have the same token"),
        ("web: {tls: {certificate: here.pem}}\n", "6:12", "missing key 'key'"),
        ("web: {tls: {certificate: nowhere.pem, key: b.key}}\n", "6:26", "certificate: {home}/nowhere.pem cannot be read"),
        ("web: {tls: {certificate: a.pem, key: b.key}}\n", "6:38", "{home}/b.key is not the key of {home}/a.pem"),
        ("web: {tls: {certificate: a.pem, key: a.key, client_ca: a.key}}\n", "6:56", "a.key holds no certificate"),
        ("web: {tls: {certificate: t.pem, key: a.key}}\n", "6:26", "t.pem does not tell until when it holds"),
    ],
)
def test_what_is_wrong_with_access_is_told_with_its_setting_and_place(read, tmp_path, web, place, says):
    for name in ("a", "b"):
        authority(tmp_path, name)
    trusted = (tmp_path / "a.pem").read_text().replace("CERTIFICATE", "TRUSTED CERTIFICATE")
    (tmp_path / "t.pem").write_text(trusted)
    with pytest.raises(ConfigErrors) as raised:
        read(web)
    assert f"netmon.yaml:{place}: " in str(raised.value)
    assert says.format(home=tmp_path) in str(raised.value)
    assert not [secret for secret in (OPERATE, READ) if secret in str(raised.value)]


TLS = "  tls: {certificate: a.pem, key: a.key}\n"


@pytest.mark.parametrize(
    ("web", "listen", "says"),
    [
        ("", "127.0.0.1:9797", []),
        ("", "localhost:9797", []),
        ("", "10.4.0.9:9797", ["what is read can be read on the way", "reads the whole network"]),
        (f"web:\n{TOKENS}", "[::]:9797", ["what is read and the tokens can be read on the way", "reads the whole network"]),
        (f"web:\n  read: token\n{TOKENS}", "0.0.0.0:9797", ["the tokens can be read on the way"]),
        (f"web:\n{TLS}", "10.4.0.9:9797", ["reads the whole network"]),
        (f"web:\n  read: token\n{TOKENS}{TLS}", "10.4.0.9:9797", []),
        ("web:\n  tls: {certificate: a.pem, key: a.key, client_ca: a.pem}\n", "10.4.0.9:9797", []),
    ],
)
def test_a_listener_that_others_reach_is_warned_of_by_what_they_could_read(read, tmp_path, web, listen, says):
    authority(tmp_path, "a")
    told = [str(warning) for warning in read(web, listen).warnings if ":5:" in str(warning)]
    assert len(told) == len(says), told
    assert all(any(words in line for line in told) for words in says), told


def test_a_key_that_all_can_read_and_a_certificate_that_ends_soon_are_warned_of(read, tmp_path):
    pair = issued(tmp_path, "a", authority(tmp_path), days=3)
    pair.key.chmod(0o644)
    today = datetime.now(UTC).date()
    told = "\n".join(map(str, read(f"web:\n{TLS}", today=today).warnings))
    assert f"key: every user of this machine can read {pair.key}" in told
    assert f"certificate: it expires on {datetime.fromtimestamp(expiry(pair.certificate.read_text()), UTC).date()}" in told
    later = "\n".join(map(str, read(f"web:\n{TLS}", today=today + timedelta(days=9)).warnings))
    assert "certificate: it expired on" in later
    pair.key.chmod(0o640)
    issued(tmp_path, "a", authority(tmp_path), days=4000).key.chmod(0o640)
    assert not [warning for warning in read(f"web:\n{TLS}", today=today).warnings if ":7:" in str(warning)]


def test_when_a_certificate_is_over_is_read_as_openssl_reads_it(tmp_path):
    for days in (1, 400, 20_000):  # past 2050 the time has another form
        made = (
            authority(tmp_path, f"c{days}").certificate
            if days == 400
            else issued(tmp_path, f"c{days}", authority(tmp_path), days=days).certificate
        )
        told = ssl._ssl._test_decode_cert(made)["notAfter"]
        assert expiry(f"a line before\n{made.read_text()}") == ssl.cert_time_to_seconds(told)
    for nothing in ("", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----"):
        with pytest.raises(ValueError, match="no certificate"):
            expiry(nothing)

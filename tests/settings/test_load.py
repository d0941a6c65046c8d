"""What a configuration becomes, and what is said of one that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from netmon.model import Port, SiteKind
from netmon.settings import ConfigErrors, Problem, Settings, load
from netmon.targets.definitions import Availability
from netmon.units import Register
from tests.effort import examples
from tests.settings.conftest import INVENTORY, NETMON, TODAY, Write

AVAILABILITY = """\
targets:
  - id: availability
    level: commune
    rule: availability
    title: {vi: Sẵn sàng, en: Available}
    limit: 99.5 %
    basis: QCVN 34
    basis_kind: proxy
"""


def good(directory: Path, register: Register) -> Settings:
    return load(directory, register=register, today=TODAY)


def wrong(directory: Path, register: Register) -> list[str]:
    """The problems, with file names relative to the configuration."""
    with pytest.raises(ConfigErrors) as raised:
        load(directory, register=register, today=TODAY)
    return [str(problem).replace(f"{directory}/", "") for problem in raised.value.problems]


def test_ten_lines_and_an_inventory_are_enough(write: Write, register: Register) -> None:
    settings = good(write(), register)
    assert settings.provinces == ("04",)
    assert (settings.prometheus.host, settings.prometheus.port, settings.prometheus.max_age_intervals) == (
        "127.0.0.1",
        9797,
        3,
    )
    assert (settings.poll.concurrency, settings.poll.verify_after_s) == (500, 5.0)
    assert settings.store.path == Path("/var/lib/netmon/netmon.db")
    assert settings.control == Path("/run/netmon/control.sock")
    router = settings.inventory.devices["r1"]
    assert (router.credential, router.interval_s, router.timeout_s, router.deadline_s) == ("snmp", 30, 2, 10)
    assert settings.inventory.sites["ubnd"].kind is SiteKind.PEOPLES_COMMITTEE
    assert settings.inventory.sites["ubnd"].province == "04"
    link = settings.inventory.links["fibre"]
    assert (link.near, link.far) == (Port("r1", "ge1"), Port("gw", "ge9"))
    assert [(c.receive, c.transmit) for c in link.capacities] == [(25_000_000, 25_000_000)]
    assert [problem.text for problem in settings.warnings] == [
        "2 devices are asked with version 2c: its community goes there in the clear",
        "no targets: nothing is judged",
    ]


def test_a_device_overrides_what_poll_says_and_never_outlasts_its_interval(write: Write, register: Register) -> None:
    inventory = INVENTORY.replace("address: 10.4.1.1,", "address: 10.4.1.1, interval: 5s, timeout: 1s, retries: 3,")
    settings = good(write(NETMON + "poll: {interval: 1m, timeout: 3s, deadline: 15s}\n", inventory), register)
    router, gateway = settings.inventory.devices["r1"], settings.inventory.devices["gw"]
    assert (router.interval_s, router.timeout_s, router.retries, router.deadline_s) == (5, 1, 3, 5)
    assert (gateway.interval_s, gateway.timeout_s, gateway.retries, gateway.deadline_s) == (60, 3, 1, 15)


def test_a_capacity_has_a_direction_and_a_history(write: Write, register: Register) -> None:
    """A change of contract is a day of Asia/Ho_Chi_Minh."""
    history = """
          - {from: 2025-07-01, receive: 200 Mbit/s, transmit: 200 Mbit/s}
          - {from: 2026-01-01, receive: 400 Mbit/s, transmit: 200 Mbit/s}"""
    link = good(write(inventory=INVENTORY.replace(" 200 Mbit/s", history)), register).inventory.links["fibre"]
    assert [c.valid_from for c in link.capacities] == [1_751_302_800, 1_767_200_400]
    assert (link.capacities[1].receive, link.capacities[1].transmit) == (50_000_000, 25_000_000)


def test_relative_paths_start_at_the_configuration_and_systemd_gives_the_others(
    write: Write, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/private/netmon:/other")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/given")
    directory = write(NETMON + "control: var/control.sock\n")
    settings = good(directory, register)
    assert settings.control == directory / "var/control.sock"
    assert settings.store.path == Path("/var/lib/private/netmon/netmon.db")
    assert good(write(NETMON), register).control == Path("/run/given/control.sock")


def test_names_are_one_string_however_they_were_typed(write: Write, register: Register) -> None:
    decomposed = INVENTORY.replace("Trung tâm", "Trung ta\u0302m")
    assert good(write(inventory=decomposed), register).inventory.sites["centre"].name == "Trung tâm"


def test_anchors_and_merge_keys_share_what_is_common(write: Write, register: Register) -> None:
    inventory = INVENTORY.replace("      - id: fibre\n", "      - &link\n        id: fibre\n") + (
        "      - <<: *link\n        id: lte\n        kind: lte\n        role: backup\n"
    )
    links = good(write(inventory=inventory), register).inventory.links
    assert (links["lte"].upstream_site, links["lte"].kind, links["fibre"].kind) == ("centre", "lte", "fibre")


def test_targets_become_what_is_judged(write: Write, register: Register) -> None:
    weekly = AVAILABILITY + '    window: 7d\n    exempt: {"01290": đang chuyển trụ sở}\n'
    (target,) = good(write(targets=weekly), register).targets
    assert isinstance(target, Availability)
    assert (target.limit, target.window_days, target.of) == (0.995, 7, "service")
    assert target.exempt == {"01290": "đang chuyển trụ sở"}


def test_ten_mistakes_are_ten_lines(write: Write, register: Register) -> None:
    """All files are read to their end and every line names the place where the mistake stands."""
    netmon = """\
province: "04"
pol: {interval: 1m}
poll:
  timeout: 2 sec
credentials:
  snmp: {version: "2c", community: public}
canaries: [gw]
"""
    inventory = """\
sites:
  - id: centre
    name: Trung tâm
    commune: "01273"
    kind: provincial_centre
    devices:
      - {id: gw, address: 10.4.0.1}
  - id: ubnd
    name: UBND xã Bảo Lâm
    commune: "01291"
    kind: peoples_committee
    devices:
      - {id: r1, address: 10.4.1.1, upstreams: [gww]}
      - {id: r1, address: 10.4.1.2}
    links:
      - id: fibre
        to: center
        kind: fibre
        role: primary
        capacity: 200 Mbps
        near: {device: gw, interface: ge1}
"""
    assert wrong(write(netmon, inventory), register) == [
        'inventory/a.yaml:10:14: there is no commune \'01291\' (did you mean "01290", Xã Bảo Lâm or "01294", Xã Lý Bôn?)',
        "inventory/a.yaml:13:49: there is no device 'gww' (did you mean gw?)",
        "inventory/a.yaml:14:14: device id 'r1' is already used in inventory/a.yaml:13:14",
        "inventory/a.yaml:16:9: missing key 'network'",
        "inventory/a.yaml:17:13: there is no site 'center' (did you mean centre?)",
        "inventory/a.yaml:20:19: '200 Mbps' is not a rate: write it as 64 kbit/s, 200 Mbit/s or 1 Gbit/s "
        "(did you mean 200 Mbit/s?)",
        "inventory/a.yaml:21:24: device 'gw' is at site 'centre', not at the link's own site, 'ubnd'",
        "netmon.yaml:2:1: unknown key 'pol' (did you mean poll?)",
        "netmon.yaml:4:12: '2 sec' is not a duration: write it as 50ms, 30s, 5m, 1h or 7d (did you mean 2s?)",
        "netmon.yaml:6:36: a secret must not stand here as it is (write it as !env NAME, !file path or !credential name, "
        "so that it does not stand in the configuration)",
    ]


def test_a_file_that_is_not_yaml_hides_nothing_of_the_others(write: Write, register: Register) -> None:
    """Names that stand in the file that could not be read are taken as known; the rest is checked as ever."""
    directory = write(NETMON.replace("canaries: [gw]", "canaries: [gw, r9, r8]"))
    (directory / "inventory" / "b.yaml").write_text("sites:\n  - id: other\n    devices: [{id: r9}\n    name: x\n")
    assert wrong(directory, register) == [
        "inventory/b.yaml:4:5: not YAML: did not find expected ',' or ']' "
        "(while parsing a flow sequence that began in line 3)",
        "netmon.yaml:4:20: there is no device 'r8'",
    ]


def test_each_missing_or_empty_file_is_named(tmp_path: Path, register: Register) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "targets.yaml").write_text("# nothing yet\n")
    assert wrong(tmp_path, register) == [
        "inventory:1:1: there is no inventory: expected files *.yaml here",
        "netmon.yaml:1:1: cannot be read: No such file or directory",
        "targets.yaml:1:1: the file is empty",
    ]


SPOILED = [
    ('commune: "01290"', "commune: 01273", '10:14: expected text, found a number (write it in quotes: "01273")'),
    (
        'commune: "01290"',
        'commune: "05569"',
        "10:14: commune 05569, Xã Định Hóa, belongs to Tỉnh Thái Nguyên (19), not to province 04",
    ),
    ("kind: fibre", "kind: fiber",
     "17:15: 'fiber' is not one of fibre, microwave, lte, satellite_leo, copper (did you mean fibre?)"),
    ("    kind: fibre\n", "    kind: fibre\n        kind: lte\n", "18:9: this key is written twice; first in line 17"),
    ("upstreams: [gw]", "upstreams: [r1]", "13:49: upstreams lead in a circle: r1 → r1"),
    ("id: gw,", "id: gw, upstreams: [r1],", "13:49: upstreams lead in a circle: gw → r1 → gw"),
    ("address: 10.4.1.1, ", "", "13:9: missing key 'address' (or 'addresses', a list that is tried in order)"),
    ("address: 10.4.1.1", "address: 10.4.1.1, profile: generik",
     "13:46: there is no profile 'generik' (did you mean generic?)"),
    (
        "address: 10.4.1.1",
        "address: 10.4.1.1, credential: snmpv2",
        "13:49: there is no credential 'snmpv2' (did you mean snmp?)",
    ),
    ("name: UBND xã Bảo Lâm", "name: !env NETMON_COMMUNITY", "9:11: expected text, found a secret"),
    ("id: ubnd", "id: Ủy ban", "8:9: 'Ủy ban' is not an id: write letters without diacritics, digits, '.', '_' and '-'"),
    ("near: {interface: ge1}", "near: {device: gw, interface: ge1}",
     "21:24: device 'gw' is at site 'centre', not at the link's own site, 'ubnd'"),
    ("far: {interface: ge9}", "far: {device: gww, interface: ge9}", "22:23: there is no device 'gww' (did you mean gw?)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good_text", "bad_text", "line"), SPOILED, ids=[line.partition(": ")[2][:40] for *_, line in SPOILED]
)
def test_a_mistake_in_the_inventory_is_one_line(
    write: Write, register: Register, good_text: str, bad_text: str, line: str
) -> None:
    assert good_text in INVENTORY
    assert wrong(write(inventory=INVENTORY.replace(good_text, bad_text)), register) == [f"inventory/a.yaml:{line}"]


def test_a_list_that_is_merged_is_checked_where_it_stands_and_once(write: Write, register: Register) -> None:
    inventory = INVENTORY.replace("      - id: fibre\n", "      - &link\n        id: fibre\n").replace(
        "200 Mbit/s", "fast"
    ) + ("      - <<: *link\n        id: lte\n")
    assert wrong(write(inventory=inventory), register) == [
        "inventory/a.yaml:21:19: 'fast' is not a rate: write it as 64 kbit/s, 200 Mbit/s or 1 Gbit/s"
    ]


def test_several_credentials_want_a_default_or_a_name_at_each_device(write: Write, register: Register) -> None:
    netmon = NETMON + "  # another one\n"
    netmon = netmon.replace("canaries", "  old: {version: '1', community: !env NETMON_COMMUNITY}\ncanaries")
    assert wrong(write(netmon), register) == [
        "netmon.yaml:3:3: there are several credentials, and 2 of the devices name none ('gw') "
        "(a default is named in poll: {credential: …})"
    ]
    settings = good(write(netmon + "poll: {credential: old}\n"), register)
    assert {device.credential for device in settings.inventory.devices.values()} == {"old"}


def test_targets_are_checked_against_their_rule_and_each_other(write: Write, register: Register) -> None:
    targets = (
        AVAILABILITY
        + """\
    exempt: {"01277": moved}
  - id: p95
    level: province
    rule: percentile_utilisation
    title: {vi: a, en: b}
    limit: 90
    window: 30d
    basis: x
    basis_kind: law
  - {id: all, level: province, rule: share, of: availabilty, title: {vi: a, en: b}, limit: 1, basis: x, basis_kind: local}
  - {id: all, level: province, rule: share, of: availability, title: {vi: a}, limit: 1, basis: x, basis_kind: local}
"""
    )
    assert [line.removeprefix("targets.yaml:") for line in wrong(write(targets=targets), register)] == [
        '9:14: there is no commune \'01277\' (did you mean "01273", Phường Thục Phán or "01279", Phường Nùng Trí Cao?)',
        "11:12: 'province' cannot be: here it must be commune",
        "14:12: '90' is not a ratio: it lies from 0 % to 100 %, or from 0 to 1 (did you mean 90 %?)",
        "15:13: '30d' cannot be: here it must be 7d",
        "17:17: 'law' is not one of statutory, proxy, local",
        "18:49: there is no target 'availabilty' (did you mean availability?)",
        "19:10: target id 'all' is already used in targets.yaml:18:10",
        "19:70: missing key 'en'",
    ]


def test_communes_out_of_scope_are_known_communes_in_quotes(write: Write, register: Register) -> None:
    lines = wrong(write(NETMON + 'scope:\n  except:\n    01273: moved\n    "99999": gone\n'), register)
    assert lines == [
        'netmon.yaml:7:5: the key 01273 is not text (write it in quotes: "01273")',
        "netmon.yaml:8:5: there is no commune '99999'",
    ]
    assert good(write(NETMON + 'scope: {except: {"01290": moved}}\n'), register).scope == {"01290": "moved"}


OUT_OF_RANGE = [
    ("store: {slot_days: 1}", "5:20: must be from 2 to 36,500"),
    ("store: {judged_slot_days: 7}", "5:27: must be from 8 to 36,500"),
    ("store: {judged_slot_days: 1000000000}", "5:27: must be from 8 to 36,500"),
    (f"store: {{slot_days: {'9' * 4000}}}", "5:20: must be from 2 to 36,500"),
    ("store: {daily_years: 101}", "5:22: must be from 1 to 100"),
    ("poll: {interval: 0.5s}", "5:18: must be from 1s to 1d"),
    ("poll: {interval: 9999999d}", "5:18: must be from 1s to 1d"),
    ("poll: {timeout: 0.04s}", "5:17: must be from 50ms to 1d"),
    ("poll: {retries: 11}", "5:17: must be from 0 to 10"),
]


@pytest.mark.parametrize(("text", "line"), OUT_OF_RANGE, ids=[text[:40] for text, _ in OUT_OF_RANGE])
def test_a_number_that_the_daemon_cannot_live_with_is_told_its_range(
    write: Write, register: Register, text: str, line: str
) -> None:
    assert wrong(write(NETMON + text + "\n"), register) == [f"netmon.yaml:{line}"]


def test_the_ends_of_the_ranges_are_in_them(write: Write, register: Register) -> None:
    store = "store: {slot_days: 2, judged_slot_days: 8, daily_years: 100}\n"
    settings = good(write(NETMON + store + "poll: {interval: 1s, timeout: 0.05s}\n"), register)
    assert (settings.store.slot_days, settings.store.judged_slot_days, settings.store.daily_years) == (2, 8, 100)
    assert {(d.interval_s, d.timeout_s) for d in settings.inventory.devices.values()} == {(1.0, 0.05)}


def test_the_days_of_a_capacity_rise(write: Write, register: Register) -> None:
    history = """
          - {from: 2025-07-01, receive: 200 Mbit/s, transmit: 200 Mbit/s}
          - {from: 2025-07-01, receive: 300 Mbit/s, transmit: 200 Mbit/s}
          - {from: 2025-01-01, receive: 400 Mbit/s, transmit: 200 Mbit/s}"""
    assert wrong(write(inventory=INVENTORY.replace(" 200 Mbit/s", history)), register) == [
        "inventory/a.yaml:22:20: a capacity from 2025-07-01 is already there",
        "inventory/a.yaml:23:20: the capacities are in the order of their days: 2025-01-01 is before 2025-07-01",
    ]


def test_a_misspelt_rule_hides_nothing_that_all_targets_share(write: Write, register: Register) -> None:
    """A key of another rule may be right; one of no rule is not."""
    targets = (
        AVAILABILITY.replace("rule: availability", "rule: availabilty")
        .replace("99.5 %", "90")
        .replace("    basis: QCVN 34\n", "    window: month\n    bassis: QCVN 34\n")
    )
    assert [line.removeprefix("targets.yaml:") for line in wrong(write(targets=targets), register)] == [
        "2:5: missing key 'basis'",
        "4:11: 'availabilty' is not one of percentile_utilisation, availability, capacity, latency, loss, restoration, "
        "redundancy, growth, backup_drill, radio_availability, environment, optical_margin, share, pooled (did you mean "
        "availability?)",
        "6:12: '90' is not a ratio: it lies from 0 % to 100 %, or from 0 to 1 (did you mean 90 %?)",
        "8:5: unknown key 'bassis' (did you mean basis?)",
    ]


def test_a_value_that_cannot_be_read_hides_no_two_that_do_not_fit(write: Write, register: Register) -> None:
    targets = AVAILABILITY.replace("rule: availability", "rule: percentile_utilisation").replace("99.5 %", "70 %")
    directory = write(NETMON + "poll: {interval: 0s, timeout: 20s}\n", INVENTORY, targets + "    coverage: 95\n")
    assert wrong(directory, register) == [
        "netmon.yaml:5:18: '0s' is no time at all: a duration is longer than 0s",
        "netmon.yaml:5:31: the timeout is longer than the deadline of a whole poll, 10s",
        "targets.yaml:2:5: at_risk, 80 %, lies beyond the limit, 70 %: nobody would be warned",
        "targets.yaml:9:15: '95' is not a ratio: it lies from 0 % to 100 %, or from 0 to 1 (did you mean 95 %?)",
    ]


def test_the_name_of_an_interface_is_nfc_without_white_space_around_it(write: Write, register: Register) -> None:
    """The same is done to what devices say, so that both meet."""
    inventory = INVENTORY.replace("{interface: ge1}", "{interface: ' Ca\u0301p quang 1\\t'}".replace("'", '"'))
    link = good(write(inventory=inventory), register).inventory.links["fibre"]
    assert link.near == Port("r1", "C\u00e1p quang 1")
    assert wrong(write(inventory=INVENTORY.replace("{interface: ge1}", "{interface: ' '}")), register) == [
        "inventory/a.yaml:21:27: expected the name of an interface, found nothing"
    ]


def test_a_circle_of_ten_thousand_devices_is_found_without_a_deep_stack(write: Write, register: Register) -> None:
    ring = "".join(f"      - {{id: d{n}, address: 10.9.0.1, upstreams: [d{(n + 1) % 10_000}]}}\n" for n in range(10_000))
    inventory = "sites:\n  - id: s\n    name: s\n    commune: '01290'\n    kind: bts\n    devices:\n" + ring
    (line,) = wrong(write(NETMON.replace("[gw]", "[d0]"), inventory), register)
    circle = "d0 → d1 → d2 → d3 → d4 → d5 → … → d9999 → d0"
    assert line == f"inventory/a.yaml:10006:52: upstreams lead in a circle: {circle}"


SERVERS = """\
mqtt: {broker: mqtts://127.0.0.1, user: noc, password: !env NETMON_COMMUNITY, client_id: noc, keepalive: 30s}
exporters:
  influxdb: {url: http://h, api: v2, org: o, bucket: b, batch: 9, every: 1s, outbox: {path: waits, size: 1 GB}}
"""
ODD_VALUES = [
    "", "~", "true", "-1", ".nan", "1:30", "2025-13-01", "@", "\t", "- ", "[", "]", "[[]]", "{}", "{a: {b: c}}", '"', "'",
    "*a", "&a {<<: *a}", "&a [*a]", "{<<: 3}", "{? [a]: b}", "!x y", "!!int x", "!!timestamp x",
    "!!python/object:os.system x",
    '"a\\nb"', '"\\0"', '!file "\\0"', "!env NOPE", "!env NETMON_COMMUNITY", "\x07", "[{from: 2025-07-01}]",
]  # fmt: skip


@effort(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 40),
    value=st.sampled_from(ODD_VALUES) | st.text(max_size=12),
    where=st.sampled_from(["netmon", "netmon", "inventory", "targets"]),
)
def test_whatever_stands_in_a_file_is_settings_or_lines_of_errors(
    write: Write, register: Register, place: int, value: str, where: str
) -> None:
    """One value of one file is replaced: nothing but ConfigErrors may come of it, each a single line with a place."""
    files = {"netmon": NETMON + SERVERS, "inventory": INVENTORY, "targets": AVAILABILITY}
    values = list(re.finditer(r"(?<=: )[^,}\n]+", files[where]))
    chosen = values[place % len(values)]
    spoiled = files[where][: chosen.start()] + value + files[where][chosen.end() :]
    directory = write(**{**files, where: spoiled.encode("utf-8", "replace").decode()})
    problems: tuple[Problem, ...] = ()
    try:
        good(directory, register)
    except ConfigErrors as error:
        problems = error.problems
    for problem in problems:
        assert len(str(problem).splitlines()) == 1
        assert (directory / problem.file).exists()
        assert min(problem.line, problem.column) >= 1

"""targets.yaml: what each rule becomes, what it holds when nothing is said, and what is said of one that is wrong."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from netmon.model import LinkKind, LinkRole, SiteKind
from netmon.settings import quantities as q
from netmon.settings.rules import RULES
from netmon.targets import definitions
from netmon.targets.definitions import AnyTarget, BasisKind, Pooled, Redundancy, Restoration, Selection, Share
from netmon.units import Register
from tests.effort import examples
from tests.settings.conftest import INVENTORY, NETMON, SOUND, Write
from tests.settings.test_doubts import SECOND, warned
from tests.settings.test_load import good, wrong

LIMITS = {
    "percentile_utilisation": "90 %",
    "availability": "99.5 %",
    "capacity": "200 Mbit/s",
    "latency": "50ms",
    "loss": "1 %",
    "restoration": "90 %",
    "redundancy": "1",
    "growth": "20 %",
    "backup_drill": "90d",
    "radio_availability": "95 %",
    "environment": "95 %",
    "optical_margin": "3 dB",
    "share": "95 %",
    "pooled": "90 %",
}
"""A sound limit of each rule."""

KINDS: dict[str, type[AnyTarget]] = {
    kind.rule: kind
    for kind in vars(definitions).values()
    if isinstance(kind, type) and issubclass(kind, definitions.Target) and hasattr(kind, "rule")
}


def target(rule: str, keys: str = "", *, limit: str = "", name: str = "") -> str:
    """An entry on nine lines and those of `keys`: `limit` stands on its line 5, `keys` from line 8 on."""
    level = "province" if rule in ("share", "pooled") else "commune"
    of = (
        f"    of: {'restoration' if rule == 'pooled' else 'availability'}\n"
        if level == "province" and "of:" not in keys
        else ""
    )
    return (
        f"  - id: {name or rule}\n    level: {level}\n    rule: {rule}\n    title: {{vi: Tên, en: Name}}\n"
        f"    limit: {limit or LIMITS[rule]}\n    basis: Luật\n    basis_kind: local\n{keys}{of}"
    )


def file(*entries: str) -> str:
    return "targets:\n" + "".join(entries)


def test_every_rule_of_the_house_has_its_entry() -> None:
    assert set(RULES) == set(KINDS) == set(LIMITS)


def test_a_target_of_each_rule_is_what_its_definition_says_by_default(write: Write, register: Register) -> None:
    """What settings leave out is what the definitions leave out: there are no two opinions."""
    made = good(write(targets=file(*map(target, LIMITS))), register).targets
    limits = [0.9, 0.995, 25e6, 0.05, 0.01, 0.9, 1, 0.2, 90 * 86_400, 0.95, 0.95, 3.0, 0.95, 0.9]
    for (rule, limit), each in zip(zip(LIMITS, limits, strict=True), made, strict=True):
        of = {"share": "availability", "pooled": "restoration"}
        given: dict[str, Any] = {"of": of[rule]} if rule in of else {}
        assert each == KINDS[rule](
            id=rule, title_vi="Tên", title_en="Name", limit=limit, basis="Luật", basis_kind=BasisKind.LOCAL, **given
        )


TURNED = [
    ("percentile_utilisation", "days_at_risk: 45", "days_at_risk", 45),
    ("capacity", "port_speed: false", "port_speed", False),
    ("availability", "judge: without_declared", "judge", "without_declared"),
    ("capacity", "window: 30d", "window_days", 30),
    ("latency", "at_risk: 30ms", "at_risk", 0.03),
    ("loss", "at_risk: 0.1 %", "at_risk", 0.001),
    ("loss", "window: 7d", "window_days", 7),
    ("restoration", "within: {xa: 48h}", "within_s", {"phuong": 129_600.0, "xa": 172_800.0, "dac_khu": 259_200.0}),
    ("restoration", "at_risk: 60 %", "at_risk", 0.6),
    ("redundancy", "secure_limit: 3", "secure_limit", 3.0),
    ("redundancy", "secure_levels: 5", "secure_levels", (5,)),
    ("growth", "registered: 03-15", "registered", (3, 15)),
    ("growth", "coverage: 90 %", "coverage", 0.9),
    ("backup_drill", "carries: 1 Mbit/s", "carries", 125_000.0),
    ("backup_drill", "window: 120d", "window_days", 120),
    ("radio_availability", "budget_at_risk: 50 %", "budget_at_risk", 0.5),
    ("radio_availability", "applies_to: {commune_kind: xa}", "applies_to",
     Selection(commune_kind=("xa",), site_kind=(SiteKind.BTS,))),
    ("environment", "at_risk: 99 %", "at_risk", 0.99),
    ("environment", "rooms: {office: {humidity: [30 %, 0.7]}}", "rooms", {
        "equipment": {"temperature": (20.0, 25.0), "humidity": (0.4, 0.55)},
        "office": {"temperature": (20.0, 32.0), "humidity": (0.3, 0.7)},
    }),
    ("environment", "rooms: {equipment: {temperature: [18, 27.5]}}", "rooms", {
        "equipment": {"temperature": (18.0, 27.5), "humidity": (0.4, 0.55)},
        "office": {"temperature": (20.0, 32.0), "humidity": (0.4, 0.8)},
    }),
    ("optical_margin", "hours: 5", "hours", 5),
    ("optical_margin", "days_at_risk: 30", "days_at_risk", 30),
    ("optical_margin", "window: 14d", "window_days", 14),
    ("optical_margin", "applies_to: {role: primary}", "applies_to",
     Selection(role=(LinkRole.PRIMARY,), kind=(LinkKind.FIBRE,))),
    ("availability", "applies_to: {commune_kind: [xa, dac_khu]}", "applies_to", Selection(commune_kind=("xa", "dac_khu"))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "keys", "name", "value"), TURNED, ids=[f"{rule} {keys}" for rule, keys, *_ in TURNED])
def test_each_number_can_be_turned(write: Write, register: Register, rule: str, keys: str, name: str, value: object) -> None:
    (made,) = good(write(targets=file(target(rule, f"    {keys}\n"))), register).targets
    assert getattr(made, name) == value
    others = {field.name for field in fields(made)} - {name}
    (plain,) = good(write(targets=file(target(rule))), register).targets
    assert all(getattr(made, other) == getattr(plain, other) for other in others)


def test_redundancy_is_of_communes_or_of_the_province(write: Write, register: Register) -> None:
    own = target("redundancy", limit="2").replace("level: commune", "level: province")
    (made,) = good(write(targets=file(own)), register).targets
    assert isinstance(made, Redundancy)
    assert (made.level, made.limit) == ("province", 2)


RATE, TIME = "write it as 64 kbit/s, 200 Mbit/s or 1 Gbit/s", "write it as 50ms, 30s, 5m, 1h or 7d"
BEYOND = "lies beyond the limit"
SPOILED = [
    ("percentile_utilisation", "0 %", "", "6:12: a limit of 0 % says nothing"),
    ("percentile_utilisation", "", "days_at_risk: 0", "9:19: must be from 1 to 366"),
    ("percentile_utilisation", "", "window: month", "9:13: 'month' cannot be: here it must be 7d"),
    ("availability", "0", "", "6:12: a limit of 0 % says nothing"),
    ("capacity", "200", "", f"6:12: '200' is not a rate: {RATE} (did you mean 200 Mbit/s?)"),
    ("capacity", "200 MBit/s", "", f"6:12: '200 MBit/s' is not a rate: {RATE}"),
    ("capacity", "", "port_sped: true", "9:5: unknown key 'port_sped' (did you mean port_speed?)"),
    ("capacity", "", "port_speed: yes please", "9:17: expected true or false, found text"),
    ("latency", "50", "", f"6:12: '50' is not a duration: {TIME} (did you mean 50s?)"),
    ("latency", "50 millis", "", f"6:12: '50 millis' is not a duration: {TIME}"),
    ("latency", "2m", "", "6:12: must be from 1ms to 1m"),
    ("latency", "", "at_risk: 60ms", f"9:14: at_risk, 60ms, {BEYOND}, 50ms: nobody would be warned"),
    ("latency", "20ms", "", f"2:5: at_risk, 40ms, {BEYOND}, 20ms: nobody would be warned"),
    ("latency", "", "window: fortnight", "9:13: 'fortnight' is not a window: write it as month or 7d, at most 366d"),
    ("loss", "100 %", "", "6:12: a limit of 100 % is never missed"),
    ("loss", "", "at_risk: 2 %", f"9:14: at_risk, 2 %, {BEYOND}, 1 %: nobody would be warned"),
    ("restoration", "", "within: {phuong: 36}", f"9:22: '36' is not a duration: {TIME} (did you mean 36s?)"),
    ("restoration", "", "within: {ward: 36h}", "9:14: unknown key 'ward' (the keys here are phuong, xa, dac_khu)"),
    ("restoration", "", "within: {xa: 30s}", "9:18: must be from 1m to 90d"),
    ("redundancy", "0", "", "6:12: must be from 1 to 10"),
    ("redundancy", "1.5", "", "6:12: expected a whole number, found a number with a fraction"),
    ("redundancy", "3", "", "2:5: secure_limit, 2, is less than the limit of all, 3"),
    ("redundancy", "", "secure_levels: [4, 6]", "9:24: must be from 1 to 5"),
    ("growth", "120", "", "6:12: '120' is not a ratio: it lies from 0 % to 100 %, or from 0 to 1"),
    ("growth", "", "registered: 31-01", "9:17: '31-01' does not come every year"),
    ("growth", "", "registered: 02-29", "9:17: '02-29' does not come every year"),
    ("growth", "", "registered: January", "9:17: 'January' is not a day of the year: write month and day as 01-31"),
    ("backup_drill", "12h", "", "6:12: must be from 1d to 366d"),
    ("backup_drill", "36h", "", "6:12: must be whole days"),
    ("backup_drill", "120d", "", "2:5: the window, 90d, is shorter than the limit, 120d (window: 120d)"),
    ("backup_drill", "", "window: month", "9:13: the window, a month, is shorter than the limit, 90d (window: 90d)"),
    ("backup_drill", "", "carries: 1 MB/s", f"9:14: '1 MB/s' is not a rate: {RATE}"),
    ("radio_availability", "", "applies_to: {site_kind: [bts, agent_point]}",
     "9:17: this rule judges BTS sites only: leave site_kind out, or write site_kind: bts"),
    ("environment", "98 %", "", "2:5: at_risk, 97 %, lies below the limit, 98 %: nobody would be warned"),
    ("environment", "", "at_risk: 94 %", "9:14: at_risk, 94 %, lies below the limit, 95 %: nobody would be warned"),
    ("environment", "", "rooms: {equipment: {temperature: [25, 20]}}",
     "9:38: a range is its least and its most: write it as [20, 25] or [40 %, 55 %]"),
    ("environment", "", "rooms: {office: {humidity: [40, 0.8]}}",
     "9:33: '40' is not a ratio: it lies from 0 % to 100 %, or from 0 to 1 (did you mean 40 %?)"),
    ("environment", "", "rooms: {office: {temperature: [20, 320]}}", "9:40: must be from -50 to 100 °C"),
    ("environment", "", "rooms: {cellar: {}}", "9:13: unknown key 'cellar' (the keys here are equipment, office)"),
    ("optical_margin", "3", "", "6:12: '3' is no margin: write it as 3 dB (did you mean 3 dB?)"),
    ("optical_margin", "2,5 db", "", "6:12: '2,5 db' is no margin: write it as 3 dB (did you mean 2.5 dB?)"),
    ("optical_margin", "0 dB", "", "6:12: must be more than 0 dB and at most 40 dB"),
    ("optical_margin", "", "hours: 0", "9:12: must be from 1 to 24"),
    ("optical_margin", "", "applies_to: {kind: copper}",
     "9:17: this rule judges links of fibre only: leave kind out, or write kind: fibre"),
    ("loss", "", "applies_to: {commune_kind: ward}", "9:32: 'ward' is not one of xa, phuong, dac_khu"),
    ("loss", "", "applies_to: {commune_kind: [xa, phuon]}",
     "9:37: 'phuon' is not one of xa, phuong, dac_khu (did you mean phuong?)"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "limit", "keys", "line"), SPOILED, ids=[f"{s[0]} {s[1] or s[2]}" for s in SPOILED])
def test_a_mistake_in_a_target_is_a_line(
    write: Write, register: Register, rule: str, limit: str, keys: str, line: str
) -> None:
    text = file(target(rule, f"    {keys}\n" if keys else "", limit=limit))
    assert wrong(write(targets=text), register) == [f"targets.yaml:{line}"]


def test_a_rule_that_is_misspelt_is_read_as_the_one_that_was_meant(write: Write, register: Register) -> None:
    """Its limit has another unit than a ratio, and is judged by that."""
    text = file(
        target("latency", "    at_risk: 10ms\n    reading: daily\n", limit="50").replace("rule: latency", "rule: latencies")
    )
    first, second = wrong(write(targets=text), register)
    assert first.startswith("targets.yaml:4:11: 'latencies' is not one of")
    assert first.endswith("(did you mean latency?)")
    assert second == "targets.yaml:6:12: '50' is not a duration: write it as 50ms, 30s, 5m, 1h or 7d (did you mean 50s?)"
    unlike = text.replace("rule: latencies", "rule: x").replace("basis: Luật", "bassis: Luật")
    assert [line.partition(": ")[2][:25] for line in wrong(write(targets=unlike), register)] == [
        "missing key 'basis'",
        "'x' is not one of percent",
        "unknown key 'bassis' (did",
    ]


OF = [
    ("share", "availabilty", "there is no target 'availabilty' (did you mean availability?)"),
    ("share", "others", "target 'others' is of level province: a share target is taken of a commune target"),
    ("share", "own", "target 'own' is of level province: a share target is taken of a commune target"),
    ("pooled", "restauration", "there is no target 'restauration' (did you mean restoration?)"),
    ("pooled", "others", "target 'others' is of level province: a pooled target is taken of a commune target"),
    ("pooled", "availability", "target 'availability' has the rule availability: a pooled target is taken of one with "
     "restoration (did you mean restoration?)"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "of", "said"), OF, ids=[f"{rule} of {of}" for rule, of, _ in OF])
def test_what_a_province_is_judged_by_names_a_commune_target_of_the_right_rule(
    write: Write, register: Register, rule: str, of: str, said: str
) -> None:
    own = target("redundancy", name="own").replace("level: commune", "level: province")
    others = [target("availability"), target("restoration"), own, target("share", name="others")]
    (line,) = wrong(write(targets=file(*others, target(rule, f"    of: {of}\n", name="it"))), register)
    assert line.split(": ", 1)[1] == said


def test_a_province_may_be_judged_by_any_rule_of_communes(write: Write, register: Register) -> None:
    communes = [rule for rule in LIMITS if rule not in ("share", "pooled")]
    shares = [target("share", f"    of: {rule}\n", name=f"all_{rule}") for rule in communes]
    made = good(write(targets=file(*map(target, communes), *shares, target("pooled"))), register).targets
    assert [each.of for each in made if isinstance(each, Share)] == communes
    assert [each.of for each in made if isinstance(each, Pooled)] == ["restoration"]


BARE = "1 of its links without 'check' ('fibre'), where no echo is sent"
DOUBTS = [
    ("loss", "", INVENTORY, [f"2:5: target 'loss': {BARE}: their loss stays unproven"]),
    ("latency", "applies_to: {role: primary}", INVENTORY,
     [f"9:17: target 'latency': {BARE}: only an answer over SNMP may prove it met"]),
    ("latency", "", INVENTORY + "        check: 10.4.201.1\n", []),
    ("redundancy", "", INVENTORY, []),
    ("growth", "applies_to: {commune_kind: xa}", INVENTORY, []),
    ("growth", "applies_to: {commune_kind: dac_khu}", INVENTORY,
     ["9:17: target 'growth' applies to no site: nothing is judged by it"]),
    ("capacity", "applies_to: {commune_kind: phuong}", INVENTORY,
     ["9:17: target 'capacity' applies to no link: nothing is judged by it"]),
    ("backup_drill", "applies_to: {role: backup}", INVENTORY, []),
    ("backup_drill", "applies_to: {network: tslcd2}", INVENTORY,
     ["9:17: target 'backup_drill' applies to no link: nothing is judged by it "
      "(no link has network 'tslcd2': did you mean tslcd_2?)"]),
    ("backup_drill", "applies_to: {role: backup}", INVENTORY + SECOND, []),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "keys", "inventory", "lines"), DOUBTS, ids=[f"{d[0]} {d[1]}" for d in DOUBTS])
def test_a_target_that_cannot_be_proven_is_told(
    write: Write, register: Register, rule: str, keys: str, inventory: str, lines: list[str]
) -> None:
    text = file(target(rule, f"    {keys}\n" if keys else ""))
    assert warned(write(SOUND, inventory, text), register) == [f"targets.yaml:{line}" for line in lines]


def test_a_link_without_a_capacity_is_told_to_whoever_judges_it(write: Write, register: Register) -> None:
    bare = INVENTORY.replace("        capacity: 200 Mbit/s\n", "")
    said = "inventory/a.yaml:15:9: link 'fibre' has no capacity: what is judged by it stays unproven"
    for rule in ("capacity", "percentile_utilisation"):
        assert warned(write(SOUND, bare, file(target(rule))), register) == [said]
    assert warned(write(SOUND, bare, file(target("growth"))), register) == []


@effort(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.floats(0.001, 60), part=st.floats(0, 1), hours=st.integers(1, 2_000))
def test_what_is_written_is_what_is_judged(write: Write, register: Register, limit: float, part: float, hours: int) -> None:
    """An early sign on the right side of the limit is taken, one on the wrong side refused; times are exact."""
    latency = target(
        "latency", f"    at_risk: {q.write_duration(max(0.001, limit * part))}\n", limit=q.write_duration(limit)
    )
    restoration = target("restoration", f"    within: {{xa: {hours}h}}\n", limit=q.write_ratio(max(part, 1e-9)))
    made = good(write(NETMON, targets=file(latency, restoration)), register).targets
    assert (made[0].limit, getattr(made[0], "at_risk", None)) == (limit, max(0.001, limit * part))
    assert isinstance(made[1], Restoration)
    assert (made[1].limit, made[1].within_s["xa"]) == (max(part, 1e-9), hours * 3600)
    beyond = target("loss", f"    at_risk: {q.write_ratio(min(1.0, part + 1e-6))}\n", limit=q.write_ratio(part))
    if part + 1e-6 < 1:
        assert len(wrong(write(NETMON, targets=file(beyond)), register)) == 1

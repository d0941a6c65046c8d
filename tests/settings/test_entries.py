"""Sites and links in time: where they belonged, since when, who is on a mast, how long a cable is."""

from __future__ import annotations

import pytest

from netmon.model import Carrier, Former
from netmon.settings import quantities
from netmon.units import Register
from tests.settings.conftest import INVENTORY, NETMON, Write
from tests.settings.test_load import good, wrong

TOLD = INVENTORY.replace(
    """    kind: peoples_committee
""",
    """    kind: peoples_committee
    security_level: 4
    former:
      - {commune: "01294", until: 2025-09-01}
      - {commune: "05569", until: 2026-03-01}
    carriers:
      - {operator: viettel, technologies: [3g, 4g], on_air: 2019-03-05}
      - {operator: vnpt, technologies: 5g}
""",
).replace(
    """        role: primary
""",
    """        role: primary
        since: 2025-07-01
        justification: họp trực tuyến
        length: 12.4 km
        former: [{site: centre, until: 2025-12-01}]
        receiver_limit: -28 dBm
""",
)


def test_a_site_and_a_link_say_where_they_were_and_since_when(write: Write, register: Register) -> None:
    """A former commune may be one of another province."""
    inventory = good(write(inventory=TOLD), register).inventory
    site, link, day = inventory.sites["ubnd"], inventory.links["fibre"], quantities.day
    assert site.former == (Former("01294", day("2025-09-01")), Former("05569", day("2026-03-01")))
    assert [site.commune_at(day(text)) for text in ("2025-08-31", "2025-09-01", "2026-03-01")] == ["01294", "05569", "01290"]
    assert site.security_level == 4
    assert site.carriers == (
        Carrier(operator="viettel", technologies=("3g", "4g"), on_air=day("2019-03-05")),
        Carrier(operator="vnpt", technologies=("5g",)),
    )
    assert (link.since, link.justification, link.length_km) == (day("2025-07-01"), "họp trực tuyến", 12.4)
    assert link.receiver_limit_dbm == -28
    assert [link.site_at(day(text)) for text in ("2025-11-30", "2025-12-01")] == ["centre", "ubnd"]


def test_what_is_not_told_is_empty(write: Write, register: Register) -> None:
    inventory = good(write(), register).inventory
    site, link = inventory.sites["ubnd"], inventory.links["fibre"]
    assert (site.former, site.security_level, site.carriers) == ((), None, ())
    assert (link.former, link.since, link.justification, link.length_km) == ((), None, "", None)
    assert link.receiver_limit_dbm is None


SPOILED = [
    ("security_level: 4", "security_level: 6", "12:21: must be from 1 to 5"),
    ("[3g, 4g]", "[3g, lte]", "17:48: 'lte' is not one of 2g, 3g, 4g, 5g"),
    ("operator: vnpt", "operator: viettel", "18:20: operator 'viettel' is already there"),
    ("operator: vnpt, technologies", "technology", "18:9: missing key 'operator'|"
     "18:10: unknown key 'technology' (did you mean technologies?)"),
    ('commune: "01294"', 'commune: "01291"', "14:19: there was no commune '01291' on 2025-08-31 "
     '(did you mean "01290", Xã Bảo Lâm or "01294", Xã Lý Bôn?)'),
    ("until: 2025-09-01", "until: 2025-07-01", "14:19: there was no commune '01294' on 2025-06-30 "
     "(Xã Lý Bôn is one since 2025-07-01)"),
    ('commune: "01294"', 'commune: "04"', "14:19: there was no commune '04' on 2025-08-31 "
     "(did you mean \"01304\", Xã Quảng Lâm?)"),
    ("until: 2025-09-01", "until: 2026-03-01", "15:35: these stand in the order of their days: "
     "2026-03-01 is not after 2026-03-01"),
    ("until: 2025-09-01", "until: autumn", "14:35: 'autumn' is not a day: write it as 2025-07-01"),
    ("12.4 km", "12,4 km", "28:17: '12,4 km' is not a length: write it as 12.4 km or 850 m (did you mean 12.4 km?)"),
    ("12.4 km", "12.4", "28:17: '12.4' is not a length: write it as 12.4 km or 850 m (did you mean 12.4 km?)"),
    ("12.4 km", "0 km", "28:17: must be more than 0 km and at most 10,000 km"),
    ("-28 dBm", "-28", "30:25: '-28' is not a power: write it as -28 dBm (did you mean -28 dBm?)"),
    ("-28 dBm", "28 dBm", "30:25: 28 dBm is no receiver's limit: it lies from -50 dBm to 0 dBm (did you mean -28 dBm?)"),
    ("-28 dBm", "-280 dBm", "30:25: -280 dBm is no receiver's limit: it lies from -50 dBm to 0 dBm"),
    ("since: 2025-07-01", "since: 2025-06-31", "26:16: '2025-06-31' is not in the calendar|"
     "26:16: neither a number nor a day (text is written in quotes)"),
    ("site: centre", "site: center", "29:25: there is no site 'center' (did you mean centre?)"),
    ("justification: họp", "justifcation: họp", "27:9: unknown key 'justifcation' (did you mean justification?)"),
]  # fmt: skip


@pytest.mark.parametrize(("sound", "spoiled", "lines"), SPOILED, ids=[spoiled for _, spoiled, _ in SPOILED])
def test_a_mistake_in_what_is_told_of_a_place_is_a_line(
    write: Write, register: Register, sound: str, spoiled: str, lines: str
) -> None:
    assert sound in TOLD
    expected = [f"inventory/a.yaml:{line}" for line in lines.split("|")]
    assert wrong(write(NETMON, TOLD.replace(sound, spoiled, 1)), register) == expected


GATEWAY = "protocol: mqtt, feeds: [viettel, vnpt]"
FED = f"""{TOLD}\
  - id: feeds
    name: NOC
    commune: "01273"
    kind: agent_point
    devices:
      - {{id: noc, {GATEWAY}}}
"""
MQTT = NETMON + "mqtt: {broker: mqtt://127.0.0.1:1883}\n"


def test_a_gateway_names_the_operators_that_it_speaks_for(write: Write, register: Register) -> None:
    devices = good(write(MQTT, FED), register).inventory.devices
    assert (devices["noc"].feeds, devices["r1"].feeds) == (("viettel", "vnpt"), ())
    assert good(write(MQTT, FED.replace("[viettel, vnpt]", "vnpt")), register).inventory.devices["noc"].feeds == ("vnpt",)


@pytest.mark.parametrize(
    ("spoiled", "line"),
    [
        ("protocol: mqtt, feeds: [vnpt, viettle]", "49: there is no carrier 'viettle' (did you mean viettel?)"),
        ("protocol: mqtt, feeds: mobifone", "42: there is no carrier 'mobifone'"),
        ("address: 10.4.0.9, feeds: vnpt", "38: 'feeds' is of devices that speak MQTT (protocol: mqtt)"),
        (
            "protocol: mqtt, layout: tasmota, feeds: vnpt",
            "52: 'feeds' is of devices without a layout: no layout tells of cells",
        ),
    ],
)
def test_a_gateway_speaks_mqtt_and_for_operators_that_are_on_a_mast(
    write: Write, register: Register, spoiled: str, line: str
) -> None:
    row = FED.count("\n")
    assert wrong(write(MQTT, FED.replace(GATEWAY, spoiled)), register) == [f"inventory/a.yaml:{row}:{line}"]

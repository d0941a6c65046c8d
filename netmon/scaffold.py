"""A starting configuration for a province, written from the register: every commune with a site, a router and a link.

Text for people to read, keep and change; its targets are those of `data/targets.yaml`. The example in `config/` is its
output for Cao Bằng, and the simulator plays it on loopback addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import cycle
from math import asin, cos, radians, sin, sqrt
from string import Template

from netmon.units import Register, Unit, fold

AddressPlan = Callable[[str, int], str]
"""The address of the n-th device (from 0) of a kind: "gateway", "core", "commune" or "bts"; and of the n-th router on its
TSLCD link: "check". Behind those of all communes come the ends of tunnels over satellites, in the same order."""

SecretPlan = Callable[[str], str]
"""Where a secret comes from, as the configuration writes it: "snmp-auth", "snmp-priv", "community" or "mqtt-password"."""

_OPERATORS = ("vnpt", "viettel", "vnpt", "viettel", "mobifone")
"""In turn: most communes hang on the two large ones."""

_BTS_SITES = 20
"""Mobile base stations with a power controller that is asked over SNMP; all others report over MQTT."""

_THIRD_STATIONS = 83
"""Of 100 communes so many have two stations that report over MQTT, the others one."""

_LTE_EVERY, _LEO_EVERY, _MICROWAVE_EVERY = 7, 11, 13

_CABLE_COMMUNES = 8
"""Communes of neighbouring codes whose fibres lie in one cable."""

_DETOUR = 1.4
"""How much longer a cable along roads is than the straight line."""

_EARTH_KM = 6_371.0

_GROWN = 4
"""The commune whose contract grew since the yearly registration, with its justification."""

CARRIERS = ("viettel", "vnpt", "mobifone")
"""The operators on the masts."""

_PREFIXES = {"12": "lch", "15": "lca", "19": "tng", "22": "qni", "48": "dna", "51": "qng", "75": "dni", "80": "tni"}
"""Of provinces whose initials are another's, too: Lai Châu and Lào Cai, Thái Nguyên and Tây Ninh, and so on."""

_PORTS_A_CARD = 24


@dataclass(frozen=True, slots=True)
class _Place:
    """What the blocks of one province share: the prefix of ids, its communes, the lines of an address, its secrets."""

    prefix: str
    province: Unit
    communes: Sequence[Unit]
    plan: AddressPlan
    address: Callable[[str, int], str]
    secret: SecretPlan
    bts: bool

    @property
    def centre(self) -> Unit:
        """The commune of the provincial centre: the first phường, which holds the seat in the official order of codes."""
        return next((unit for unit in self.communes if unit.kind == "phuong"), self.communes[0])


def private_plan(code: str) -> AddressPlan:
    """10.<province>.0.y for the centre, from 10.<province>.1.1 for communes, from 10.<province>.101.1 for BTS sites, from
    10.<province>.201.1 for the communes' routers on their TSLCD links."""

    def address(kind: str, index: int) -> str:
        if kind in {"gateway", "core"}:
            return f"10.{int(code)}.0.{(1 if kind == 'gateway' else 2) + 2 * index}"
        block = {"commune": 1, "bts": 101, "check": 201}[kind]
        return f"10.{int(code)}.{block + index // 200}.{1 + index % 200}"

    return address


def from_environment(name: str) -> str:
    """`!env NETMON_MQTT_PASSWORD` for "mqtt-password"."""
    return f"!env NETMON_{name.upper().replace('-', '_')}"


def province(
    code: str,
    register: Register,
    on: date,
    *,
    address_plan: AddressPlan | None = None,
    port: int = 161,
    secret: SecretPlan = from_environment,
    bts: bool = True,
) -> dict[str, str]:
    """The files of a configuration directory by name, for the communes in force on a day.

    Without `bts` it has the provincial centre and the People's Committees only, and no broker. Raises ValueError for a code
    that is no province of the register.
    """
    unit = register.unit(code, on)
    if unit is None or unit.parent:
        raise ValueError(f"no province {code!r}")
    plan = address_plan or private_plan(code)
    suffix = "" if port == 161 else f", port: {port}"
    place = _Place(
        prefix=prefix(unit),
        province=unit,
        communes=register.communes(code, on),
        plan=plan,
        address=lambda kind, n: f"address: {plan(kind, n)}{suffix}",
        secret=secret,
        bts=bts,
    )
    written = {
        "netmon.yaml": _netmon(place),
        "targets.yaml": files("netmon").joinpath("data/targets.yaml").read_text(encoding="utf-8"),
        "calendar.yaml": _example("calendar.yaml", place),
        "maintenance.yaml": _example("maintenance.yaml", place),
        "inventory/provincial-centre.yaml": _centre(place),
        "inventory/communes.yaml": _communes(place),
    }
    if bts:
        written |= {"inventory/bts.yaml": _bts(place), "inventory/bts-mqtt.yaml": _bts_over_mqtt(place)}
    return written


def prefix(unit: Unit) -> str:
    """The initials of a province, "cb" for Cao Bằng; the first two letters of a name of one word, "hu" for Huế.

    No two provinces have the same, so that their configurations can be put together.
    """
    if unit.code in _PREFIXES:
        return _PREFIXES[unit.code]
    words = fold(unit.name).removeprefix(unit.kind.replace("_", " ")).split()
    return "".join(word[0] for word in words) if len(words) > 1 else words[0][:2]


def _people_name(unit: Unit) -> str:
    """A commune's name as it stands within a sentence: "phường Thục Phán"."""
    return unit.name[:1].lower() + unit.name[1:]


def _example(name: str, place: _Place) -> str:
    """A file of `data/` with the province's own words in it."""
    first = place.communes[0]
    words = {
        "prefix": place.prefix,
        "code": first.code,
        "commune": f"{first.name[:1].lower()}{first.name[1:]}",
        "commune_id": fold(first.name.partition(" ")[2]).replace(" ", "-"),
    }
    return Template(files("netmon").joinpath(f"data/{name}").read_text(encoding="utf-8")).substitute(words)


def _netmon(place: _Place) -> str:
    return f"""\
# {place.province.name}: what netmon is to do. Every key: docs/configuration.md. After a change: netmon check

# Official codes are text: without the quotes YAML reads 04 as a number.
province: "{place.province.code}"

# How often and how patiently devices are asked. A device may have its own interval, timeout and retries.
poll:
  interval: 30s
  timeout: 2s
  retries: 1
  deadline: 10s        # a poll keeps what arrived until then
  concurrency: 500     # polls under way at once
  verify_after: 5s     # a silent device is asked again before it is called down
  credential: snmp     # of those below; a device may name another

# How to speak to the devices' agents. Secrets never stand here: !env NAME, !file path or !credential name (systemd).
credentials:
  snmp:                  # SNMPv3: who asks is proven, and nothing can be read on the way
    version: "3"
    user: netmon
    auth: {{protocol: SHA-256, key: {place.secret("snmp-auth")}}}
    priv: {{protocol: AES, key: {place.secret("snmp-priv")}}}
{_commented(_old(place))}
{_mqtt(place)}
# Where devices send traps and informs, unless systemd hands the port over: docs/traps.md.
{_commented(_TRAPS)}
# Devices that tell whether netmon itself is cut off: its own gateway and a device of the provincial centre.
canaries: [{place.prefix}-gw-1, {place.prefix}-core-1]

# Where slots, outages and verdicts are kept. Without a path: netmon.db in systemd's StateDirectory, or /var/lib/netmon.
store:
  # path: /var/lib/netmon/netmon.db
  slot_days: 45          # five-minute slots of links that no target judges
  judged_slot_days: 400  # and of those that one does
  daily_years: 5

exporters:
  prometheus:
    listen: 127.0.0.1:9797
    max_age: 3           # a silent device's series go after so many intervals
{_commented(_INFLUX)}
# Where the command line finds the daemon. Without it: control.sock in systemd's RuntimeDirectory, or in /run/netmon.
# control: /run/netmon/control.sock

# Communes that do not count for the province, by code, with the reason:
# scope:
#   except:
#     "{place.communes[-1].code}": not yet on the network

# Who may read, and who may write into the incident book and declare storms and works over the web API, by name:
# docs/security.md. Without a token the page and the API only show. Beyond loopback want TLS, and read: token.
# web:
#   read: token
#   # tls: {{certificate: tls/netmon.pem, key: tls/netmon.key}}
#   tokens:
#     lan: !env NETMON_WEB_LAN
#     phone-desk: !env NETMON_WEB_PHONE_DESK
#     prometheus: {{token: !env NETMON_WEB_PROMETHEUS, right: read}}
"""


def _old(place: _Place) -> str:
    return f"""\
  old:                   # for devices that know no SNMPv3, which then have credential: old
    version: "2c"
    community: {place.secret("community")}
"""


def _mqtt(place: _Place) -> str:
    section = f"""\
mqtt:
  broker: mqtt://127.0.0.1:1883   # mqtts:// where the broker is another machine
  user: netmon
  password: {place.secret("mqtt-password")}
"""
    said = "# The broker at which devices report that speak MQTT by themselves: docs/mqtt.md.\n"
    return said + (section if place.bts else _commented(section))


_TRAPS = """\
traps: {listen: "0.0.0.0:162"}
"""

_INFLUX = """\
  influxdb:              # the same figures, to InfluxDB 1 or 2 or VictoriaMetrics
    url: http://127.0.0.1:8086
    api: v2
    org: noc
    bucket: netmon
    token: !credential influxdb
"""


def _commented(text: str) -> str:
    return "".join(f"# {line}" for line in text.splitlines(keepends=True))


def _centre(place: _Place) -> str:
    prefix = place.prefix
    return f"""\
# The provincial centre: netmon's own gateway, and the core router at which the communes' links end. Put in your addresses.
# Its own two channels lead to the backbone by two routes (Circular 06/2026/TT-BKHCN, Article 5.2).
sites:
  - id: {prefix}-centre
    name: Trung tâm mạng {_people_name(place.province)}
    commune: "{place.centre.code}"  # {place.centre.name}
    kind: provincial_centre
    security_level: 4
    devices:
      - {{id: {prefix}-gw-1, {place.address("gateway", 0)}}}
      - {{id: {prefix}-core-1, {place.address("core", 0)}, upstreams: [{prefix}-gw-1]}}
    links:
{_channel(place, 1)}{_channel(place, 2)}\
  - id: {prefix}-backbone
    name: Điểm đấu nối mạng trục TSLCD tại {_people_name(place.province)}
    commune: "{place.centre.code}"
    kind: agent_point
"""


def _channel(place: _Place, number: int) -> str:
    prefix = place.prefix
    return f"""\
      - id: {prefix}-centre-{number}
        to: {prefix}-backbone
        kind: fibre
        role: {"primary" if number == 1 else "backup"}
        network: tslcd_1
        operator: cbdtw
        circuit: {prefix.upper()}-CBDTW-{number:02}
        since: 2025-07-01
        capacity: 1 Gbit/s
        srlg: [{prefix}-trunk-{number}]
        near: {{device: {prefix}-core-1, interface: GigabitEthernet0/0/{number}}}
"""


def _communes(place: _Place) -> str:
    operators = cycle(_OPERATORS)
    blocks = [_commune(place, n, unit, next(operators)) for n, unit in enumerate(place.communes)]
    name = _people_name(place.province)
    return f"""\
# The {len(place.communes)} communes of {name}: the People's Committee of each, its router, the links that serve it.
# `near` is the link's end in the commune (without a device: the site's only one), `far` the end at the centre, `check` an
# address reachable over this link alone, for echoes tell its round trip and loss; `srlg` names cables that it shares.
# Capacity is what the contract says, not the port's speed: {{receive: …, transmit: …}} where the directions differ.
# Addresses, interfaces, operators, circuits, days, lengths and capacities are examples, as are the backups: put in your own.
sites:
{"".join(blocks)}"""


def _commune(place: _Place, n: int, unit: Unit, operator: str) -> str:
    prefix, site = place.prefix, f"{place.prefix}-{unit.code}"
    secure = "    security_level: 4  # which asks for two routes (Circular 06/2026/TT-BKHCN, Article 5.3)\n"
    return f"""\
  - id: {site}
    name: UBND {_people_name(unit)}
    commune: "{unit.code}"
    kind: peoples_committee
{secure if unit == place.centre else ""}\
    devices:
      - {{id: {site}-r1, {place.address("commune", n)}, upstreams: [{prefix}-core-1]}}
    links:
      - id: {site}-fibre
        to: {prefix}-centre
        kind: fibre
        role: primary
        network: tslcd_2
        operator: {operator}
        circuit: {prefix.upper()}-{unit.code}-{operator.upper()}-01
        since: {"2021-07-01" if n % 5 else "2024-08-15"}
        length: {_cable_km(place.centre, unit)} km
{_contract(n)}\
        srlg: [{prefix}-cable-{1 + n // _CABLE_COMMUNES}]
        near: {{interface: GigabitEthernet0/0/1}}
        far: {{device: {prefix}-core-1, interface: GigabitEthernet0/{1 + n // _PORTS_A_CARD}/{1 + n % _PORTS_A_CARD}}}
        check: {place.plan("check", n)}
{_backup(place, n, unit, operator)}"""


def _contract(n: int) -> str:
    if n != _GROWN:
        return "        capacity: 200 Mbit/s\n"
    return """\
        capacity:
          - {from: 2021-07-01, receive: 200 Mbit/s, transmit: 200 Mbit/s}
          - {from: 2026-03-01, receive: 300 Mbit/s, transmit: 300 Mbit/s}
        justification: họp trực tuyến và hồ sơ số hóa của hai xã cũ dồn về một trụ sở
"""


def _cable_km(centre: Unit, unit: Unit) -> str:
    """The length of a cable between two units, "12.4": the great circle (haversine) and the bends of the road."""
    north, east = radians(unit.latitude - centre.latitude), radians(unit.longitude - centre.longitude)
    scale = cos(radians(centre.latitude)) * cos(radians(unit.latitude))
    straight = 2 * _EARTH_KM * asin(sqrt(sin(north / 2) ** 2 + scale * sin(east / 2) ** 2))
    return f"{max(1.2, _DETOUR * straight):.1f}"


def _backup(place: _Place, n: int, unit: Unit, operator: str) -> str:
    """A second way for some of the communes: a fibre in another cable, radio, mobile, or a satellite where that is the only
    other one."""
    other, since = "viettel" if operator != "viettel" else "mobifone", "2024-09-01"
    wired, second_port = {"network": "tslcd_2", "operator": other, "since": since}, "{interface: GigabitEthernet0/0/2}"
    if unit == place.centre:
        card = 2 + len(place.communes) // _PORTS_A_CARD
        far = f"{{device: {place.prefix}-core-1, interface: GigabitEthernet0/{card}/1}}"
        cable = {"length": "2.6 km", "capacity": "200 Mbit/s", "srlg": f"[{place.prefix}-ring]"}
        return _second(place, unit, "fibre-2", kind="fibre", **wired, **cable, near=second_port, far=far)
    if n % _LTE_EVERY == _LTE_EVERY - 1:
        mobile = {"network": "mobile_vpn", "operator": other, "since": since}
        rates = "{receive: 50 Mbit/s, transmit: 10 Mbit/s}"
        return _second(place, unit, "lte", kind="lte", **mobile, capacity=rates, near="{interface: Cellular0/0/0}")
    if n % _LEO_EVERY == _LEO_EVERY - 1:
        dish = {"network": "internet", "operator": "starlink", "since": "2026-03-01"}
        rates, why = "{receive: 100 Mbit/s, transmit: 20 Mbit/s}", "dự phòng cho mùa mưa bão"
        beyond = place.plan("check", len(place.communes) + n)
        dish |= {"capacity": rates, "justification": why, "near": second_port, "check": beyond}
        return _second(place, unit, "leo", kind="satellite_leo", **dish)
    if n % _MICROWAVE_EVERY == _MICROWAVE_EVERY - 1:
        return _second(place, unit, "viba", kind="microwave", **wired, capacity="100 Mbit/s", near=second_port)
    return ""


def _second(place: _Place, unit: Unit, name: str, *, kind: str, **keys: str) -> str:
    lines = {"to": f"{place.prefix}-centre", "kind": kind, "role": "backup", **keys}
    written = "".join(f"        {key}: {value}\n" for key, value in lines.items())
    return f"      - id: {place.prefix}-{unit.code}-{name}\n{written}"


def _bts(place: _Place) -> str:
    count = min(_BTS_SITES, len(place.communes))
    chosen = [place.communes[n * len(place.communes) // count] for n in range(count)]
    blocks = [
        _station(place, unit, f"{place.prefix}-bts-{unit.code}", "", f"-pwr, {place.address('bts', n)}", n)
        for n, unit in enumerate(chosen)
    ]
    return f"""\
# Mobile base stations with a power controller that speaks SNMP, reached through their commune's router.
sites:
{"".join(blocks)}"""


def _bts_over_mqtt(place: _Place) -> str:
    blocks: list[str] = []
    for n, unit in enumerate(place.communes):
        third = (n + 1) * _THIRD_STATIONS // 100 > n * _THIRD_STATIONS // 100
        for number in (2, 3) if third else (2,):
            site = f"{place.prefix}-bts-{unit.code}-{number}"
            blocks.append(_station(place, unit, site, f" {number}", "-ctl, protocol: mqtt, interval: 30s", len(blocks)))
    return f"""\
# Mobile base stations whose site controller reports over MQTT, through their commune's router. Such a device has no address:
# it is known by its id, which is a part of its topics, netmon/v1/<province>/<commune>/<site>/<device>/telemetry and others.
sites:
{"".join(blocks)}"""


def _station(place: _Place, unit: Unit, site: str, number: str, device: str, n: int) -> str:
    return f"""\
  - id: {site}
    name: Trạm BTS {_people_name(unit)}{number}
    commune: "{unit.code}"
    kind: bts
    carriers:
{_carriers(unit, n)}\
    devices:
      - {{id: {site}{device}, upstreams: [{place.prefix}-{unit.code}-r1]}}
"""


def _carriers(unit: Unit, n: int) -> str:
    """Who is on the n-th mast: one operator on most, two on every fourth, all three on every twelfth."""
    count = 3 if n % 12 == 5 else 2 if n % 4 == 1 else 1
    lines = []
    for turn in range(count):
        newest = (n + turn) % 10 == 0
        technologies = "[4g, 5g]" if newest or (unit.kind == "phuong" and not turn) else "[4g]" if turn else "[3g, 4g]"
        since = date(2026, 1 + n // 10 % 10, 5) if newest else date(2013 + (n + 4 * turn) % 12, 1 + n % 12, 15)
        operator = CARRIERS[(n + turn) % len(CARRIERS)]
        lines.append(f"      - {{operator: {operator}, technologies: {technologies}, on_air: {since}}}\n")
    return "".join(lines)

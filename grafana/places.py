"""What all dashboards share: the variables, the ways from one to the next, annotations, the words and colours of states."""

from __future__ import annotations

from collections.abc import Mapping

from grafana.dashboard import Variable
from grafana.panels import (
    AT_RISK,
    BACKUP,
    BATTERY,
    ISOLATED,
    SOURCE,
    UNKNOWN,
    UNREACHABLE,
    UP,
    Json,
    Steps,
    Text,
    link,
    override,
    values,
)
from netmon.causes.words import CAUSES
from netmon.model import Words

NAME = Words("name", "name_en")
"""The label of netmon_commune_info that has the commune's name."""

# --- variables --------------------------------------------------------------------------------------------------------

DATASOURCE = Variable(name="datasource", label=Words("Nguồn dữ liệu", "Data source"), kind="datasource")
PROVINCE = Variable(
    name="province", label=Words("Tỉnh, thành phố", "Province"), query="label_values(netmon_commune_info, province)"
)


_OF_PROVINCE = 'province=~"$province"'
_OF_COMMUNE = f'{_OF_PROVINCE}, commune=~"$commune"'


def _listed(of: str, where: str) -> str:
    """PromQL: one info series of each site (commune) of the last hour, as it is now or was last, so that no choice is lost
    while netmon restarts. What a query_result answers is of an instant; label_values are of the time that is shown."""
    told = f"netmon_{of}_info{{{where}}}"
    return f"topk by ({of}) (1, 2 * {told} or last_over_time({told}[1h]))"


def commune(*, several: bool = False) -> Variable:
    """Communes of the province, by name; the value is the code."""
    # Labels stand in the order of the alphabet: commune, kind, name, name_en, province.
    return Variable(
        name="commune",
        label=Words("Xã, phường, đặc khu", "Commune"),
        query=f"query_result({_listed('commune', _OF_PROVINCE)})",
        regex=Words(
            r'/commune="(?<value>[^"]+)".*[,{]name="(?<text>[^"]+)"/',
            r'/commune="(?<value>[^"]+)".*name_en="(?<text>[^"]+)"/',
        ),
        several=several,
        every=several,
    )


POWERED_SITE = Variable(
    name="site",
    label=Words("Điểm, trạm BTS", "Site"),
    query=f"query_result({_listed('site', _OF_COMMUNE)} and on (site)"
    ' (last_over_time(netmon_site_on_battery{province=~"$province"}[1h])'
    ' or last_over_time(netmon_carrier_cells{province=~"$province"}[1h])))',
    regex=r'/[,{]name="(?<text>[^"]+)".*site="(?<value>[^"]+)"/',
    several=True,
    every=True,
)
"""Sites of the chosen communes that have power devices or cells, by name; the value is the id."""


OPERATOR = Variable(
    name="operator",
    label=Words("Nhà mạng", "Operator"),
    query='label_values(netmon_link_info{province=~"$province", operator!=""}, operator)',
    several=True,
    every=True,
)
LINK = Variable(
    name="link",
    label=Words("Tuyến", "Link"),
    query='label_values(netmon_link_info{province=~"$province", commune=~"$commune"}, link)',
)

# --- names beside codes -------------------------------------------------------------------------------------------------


def with_site(expr: str) -> str:
    """PromQL: the same series with the `site_name` of their site, which is its id where it has none."""

    def by_id(told: str) -> str:
        return f'label_replace({told}, "site_name", "$1", "site", "(.*)")'

    names = f'label_replace({by_id(info("site", "name"))}, "site_name", "$1", "name", "(.+)")'
    return f"(({expr}) * on (site) group_left (site_name) {names} or on (site) {by_id(expr)})"


# --- ways from one dashboard to the next ------------------------------------------------------------------------------

_KEPT = "${__url_time_range}&${datasource:queryparam}"
_HERE = f"{_KEPT}&${{province:queryparam}}"


def way(uid: str, title: Text, variables: str = "") -> Json:
    """A data link to another dashboard, with the time and the variables that it needs ("var-commune=…&…")."""
    where = f"?{variables}&{_HERE}" if variables else f"?{_HERE}"
    return link(title, Words(f"/d/{uid}-vi{where}", f"/d/{uid}-en{where}"))


_COMMUNE, _LINK = Words("Xem xã", "See the commune"), Words("Xem tuyến", "See the link")
_ROW, _SERIES = "${__data.fields.%s}", "${__field.labels.%s}"


def _asked(template: str, *names: str) -> str:
    return "&".join(f"var-{name}={template % name}" for name in names)


TO_COMMUNE = way("netmon-commune", _COMMUNE, _asked(_ROW, "commune"))
TO_COMMUNE_OF_SERIES = way("netmon-commune", _COMMUNE, _asked(_SERIES, "commune"))
TO_LINK = way("netmon-link", _LINK, _asked(_ROW, "commune", "link"))
TO_LINK_OF_SERIES = way("netmon-link", _LINK, _asked(_SERIES, "commune", "link"))
TO_SITE = way("netmon-power", Words("Xem nguồn điện", "See the power"), _asked(_ROW, "commune", "site"))
TO_UPTIME = way("netmon-uptime", Words("Xem chỉ tiêu theo xã", "See the targets by commune"))
TO_CAPACITY = way("netmon-capacity", Words("Xem dung lượng", "See the capacity"))
TO_POWER = way("netmon-power", Words("Xem nguồn điện", "See the power"))
TO_STORM = way("netmon-storm", Words("Xem phòng bão", "See the storm room"), _asked(_ROW, "storm"))

# --- annotations ------------------------------------------------------------------------------------------------------


def annotation(name: Text, expr: str, colour: str, title: Text, text: Text) -> Json:
    """What is marked on every curve while `expr` gives a series."""
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "step": "60s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "",
        "useValueForTime": False,
    }


STORMS = annotation(
    Words("Bão", "Storms"),
    'netmon_storm_info{province=~"$province"} == 1',
    BACKUP,
    Words("Bão: {{name}}", "Storm: {{name}}"),
    Words("Cấp {{level}}", "Level {{level}}"),
)
WORKS = annotation(
    Words("Bảo trì", "Works"),
    'netmon_maintenance_info{province=~"$province"} == 1',
    BATTERY,
    Words("Bảo trì: {{name}}", "Works: {{name}}"),
    "{{maintenance}}",
)


def outages(where: str = "") -> Json:
    """Open incidents of the province; `where` is a condition of PromQL on them."""
    return annotation(
        Words("Mất liên lạc", "Outages"),
        f'netmon_incident_info{{province=~"$province"}} == 1{where}',
        ISOLATED,
        Words("Sự cố: {{root}}", "Incident: {{root}}"),
        Words("Nguyên nhân {{cause}} {{operator}} {{circuit}}", "Cause {{cause}} {{operator}} {{circuit}}"),
    )


ANNOTATIONS = (STORMS, WORKS, outages())

# --- words and colours of states --------------------------------------------------------------------------------------

SERVICE = (
    ("up", Words("Bình thường", "Up"), UP),
    ("unknown", Words("Chưa rõ", "Unknown"), UNKNOWN),
    ("on_backup", Words("Dùng đường dự phòng", "On backup"), BACKUP),
    ("unreachable", Words("Không tới được", "Unreachable"), UNREACHABLE),
    ("isolated", Words("Cô lập", "Isolated"), ISOLATED),
)
"""The services of a site (SEMANTICS 2), the worst last: of two words the worse one speaks, and tables sort by it."""

STANDING = (
    ("exempt", Words("Miễn đánh giá", "Exempt"), BATTERY),
    ("met", Words("Đạt", "Met"), UP),
    ("at_risk", Words("Có nguy cơ", "At risk"), AT_RISK),
    ("unproven", Words("Chưa chứng minh được", "Unproven"), UNKNOWN),
    ("missed", Words("Không đạt", "Missed"), ISOLATED),
)
"""The verdicts (SEMANTICS 7), the worst last: the worst of several is the greatest number."""

UP_DOWN = values((1, Words("Hoạt động", "Up"), UP), (0, Words("Mất", "Down"), ISOLATED))


def numbered(kinds: tuple[tuple[str, Words, str], ...]) -> tuple[Json, ...]:
    """A mapping of 0, 1, 2… to the states in their order, for `which`."""
    return values(*((n, text, colour) for n, (_, text, colour) in enumerate(kinds)))


# --- what expressions are made of -------------------------------------------------------------------------------------


def series(family: str, **labels: str) -> str:
    """PromQL: a family in the chosen province; a label's value that begins with "~" is a regular expression."""
    asked = {"province": "~$province", **labels}
    told = (f'{name}=~"{value[1:]}"' if value.startswith("~") else f'{name}="{value}"' for name, value in asked.items())
    return f"{family}{{{', '.join(told)}}}"


def held(family: str, **labels: str) -> str:
    """PromQL: what was told last within five minutes. A restart of netmon, whose series go for a while, frightens nobody."""
    return f"last_over_time({series(family, **labels)}[5m])"


def measured(family: str, **labels: str) -> str:
    """PromQL: what was measured last; a slot's figure stands until the next ones, of which a restart may miss two."""
    return f"last_over_time({series(family, **labels)}[15m])"


def info(of: str, told: str, /, **labels: str) -> str:
    """PromQL: 1 for each link (site, commune) with the labels `told` of its info family; `labels` choose as in `series`.

    One series each, whatever happens: what is said now goes before what was said within five minutes, so that a reload which
    changes an operator shows the new one at once, and of two netmons that differ one speaks."""
    family = f"netmon_{of}_info"
    one = f"max by ({of}, {told})"
    return (
        f"topk by ({of}) (1, {one} ({series(family, **labels)})"
        f" or on ({of}) {one} ({held(family, **labels)} unless on ({of}) {series(family)}))"
    )


def which(family: str, label: str, kinds: tuple[tuple[str, Words, str], ...], selector: str, by: str) -> str:
    """PromQL: the number, in the order of `kinds`, of the state that holds; `family` has a series of 0 or 1 for each. Where
    two netmons differ, or `by` takes several together, the greatest."""
    told = []
    for n, (state, _, _) in enumerate(kinds):
        of_state = f'{family}{{{label}="{state}", {selector}}}'
        told.append(f"{n} * (last_over_time({of_state}[5m]) == 1)")
    return f"max by ({by}) ({' or '.join(told)})"


IN_PROVINCE = 'province=~"$province"'
NO_ROWS = Words("Không có dòng nào", "No rows")
"""What an empty table says. It is empty too when netmon is silent, so it may not say that all is well."""


def named(expr: str) -> str:
    """PromQL: with the labels `name` and `name_en` of the commune."""
    return f"({expr}) * on (commune) group_left (name, name_en) {info('commune', 'name, name_en')}"


def _targets(asked: str = "") -> str:
    told = f"netmon_target_info{{{asked}}}"
    return f"({told} or last_over_time({told}[5m]) unless on (target) netmon_target_info)"


def titled(expr: str) -> str:
    """PromQL: with the labels `title_vi` and `title_en` of the target."""
    titles = f"topk by (target) (1, max by (target, title_vi, title_en) ({_targets()}))"
    return f"({expr}) * on (target) group_left (title_vi, title_en) {titles}"


TITLE = Words("title_vi", "title_en")
"""The label of netmon_target_info that has the target's title."""


def ruled(expr: str, rule: str) -> str:
    """PromQL: of targets of a rule, a regular expression, alone; whatever the user calls them."""
    asked = f'rule=~"{rule}"'
    return f"(({expr}) and on (target) {_targets(asked)})"


_WRITTEN = (
    ('unit="ratio"', "100", "0.01", "$1 %"),
    ('unit="bytes_per_second"', "8e-6", "0.1", "$1 Mbit/s"),
    ('unit="seconds", rule!="backup_drill"', "1000", "0.1", "$1 ms"),
    ('rule="backup_drill"', "1 / 86400", "0.1", "$1 d"),
    ('unit="count"', "1", "0.1", "$1"),
    ('unit="decibels"', "1", "0.1", "$1 dB"),
)


def written(expr: str, label: str, by: str) -> str:
    """PromQL: figures of targets as a label, each in the unit of its target, which a column of numbers cannot have. `by`
    names `target`. The value of the series says nothing."""
    told = []
    for which_ones, scale, step, text in _WRITTEN:
        of_unit = f"({expr}) and on (target) {_targets(which_ones)}"
        counted = f'count_values by ({by}) ("{label}", round({scale} * ({of_unit}), {step}))'
        told.append(f'label_replace({counted}, "{label}", "{text}", "{label}", "(.*)")')
    return f'label_replace({" or ".join(told)}, "{label}", "–", "{label}", "NaN.*")'


def of_committee(expr: str) -> str:
    """PromQL: of the sites of People's Committees alone."""
    return f"(({expr}) and on (site) {held('netmon_site_info', kind='peoples_committee')})"


COMMUNE_SERVICE = (
    f"max by (commune) {of_committee(which('netmon_site_service', 'state', SERVICE, IN_PROVINCE, 'commune, site'))}"
)
"""PromQL: the service of each commune, which is its People's Committee's, as a number (SERVICE)."""


_NOT_UP = f'max_over_time(netmon_site_service{{{IN_PROVINCE}, state!="up"}}[$__range] @ end())'
EVER_INTERRUPTED = f"(max by (commune) {of_committee(_NOT_UP)} == 1)"
"""PromQL: the communes that were not well at some time in the period that is shown. It reads one series after the other: a
subquery would hold every commune at every minute at once, which Prometheus refuses for a month of a province."""


def _roots(kind: str, commune: str) -> str:
    there = series(f"netmon_{kind}_info", commune=commune)
    return f'label_replace(label_replace({there}, "root", "$1", "{kind}", "(.*)"), "root_kind", "{kind}", "", "")'


def _lies(commune: str) -> str:
    return " or ".join(_roots(kind, commune) for kind in ("link", "device", "site", "commune"))


_WHERE = _lies("~.+")
_FACTS = "incident, cause, operator, circuit"

# Only what is told now: an incident has another cause or root within minutes, and what is over would stand beside it. Two
# netmons may differ in the cause: one of them speaks.
INCIDENTS = (
    f"max by (root_kind, root) ({series('netmon_incident_start_timestamp_seconds')})"
    f" * on (root_kind, root) group_left ({_FACTS}) topk by (root_kind, root)"
    f" (1, max by (root_kind, root, {_FACTS}) ({series('netmon_incident_info')} == 1))"
)
"""PromQL: when each open incident began (Unix seconds), with its `incident`, `cause`, `operator` and `circuit`."""


def _at(places: str) -> str:
    return f"(max by (root_kind, root, commune) ({places}) * on (root_kind, root) group_left ({_FACTS}) ({INCIDENTS}))"


_HITS = f"{series('netmon_incident_commune_info')} == 1"
INCIDENTS_BY_COMMUNE = _at(f"{_HITS} or {_WHERE}")
"""The same with the `commune` that each isolates or puts on its backup, wherever its root lies, or in which that lies."""
INCIDENT_OF_COMMUNE = f"(topk by (commune) (1, {_at(_HITS)}) or on (commune) topk by (commune) (1, {_at(_WHERE)}))"
"""Of each commune the latest incident that isolates it or puts it on its backup, else the latest whose root lies there."""
COMMUNE_OF_INCIDENT = f"topk by (root_kind, root) (1, 2 * ({_at(_WHERE)}) or {_at(_HITS)})"
"""Of each incident the one `commune` to look at: where its root lies, else one that it hits."""

_TOUCHES = f"{series('netmon_incident_commune_info', commune='~$commune')} == 1 or {_lies('~$commune')}"
ANNOTATIONS_OF_COMMUNE = (STORMS, WORKS, outages(f" and on (root_kind, root) ({_TOUCHES})"))
"""Marks on a dashboard of one commune: of incidents those alone that hit it, or whose root lies there."""


def link_state(selector: str) -> str:
    """PromQL: the state of links as LINK_STATE has it: 0 up, 1 not known, 2 down."""
    by = "commune, site, link"
    up = f"max by ({by}) (last_over_time(netmon_link_up{{{selector}}}[5m]))"
    unknown = f"min by ({by}) (last_over_time(netmon_link_unknown{{{selector}}}[5m])) == 1"
    return f"(({unknown}) or 2 * (1 - {up}))"


LINK_STATE = values(
    (0, Words("Hoạt động", "Up"), UP), (1, Words("Chưa rõ", "Unknown"), UNKNOWN), (2, Words("Mất", "Down"), ISOLATED)
)


def said(words: Mapping[str, Words]) -> tuple[Json, ...]:
    """A mapping of what a label says to words."""
    told = {name: {"text": text, "index": n} for n, (name, text) in enumerate(words.items())}
    return ({"type": "value", "options": told},)


NOT_KNOWN: tuple[Json, ...] = ({"type": "special", "options": {"match": "nan", "result": {"text": "–"}}},)
"""A mapping of no figure to a dash."""


def worded(words: Mapping[str, Words]) -> tuple[Json, ...]:
    """Transformations that say in words what a label has in a legend: "cb-01273-fibre receive"."""
    return tuple(
        {
            "id": "renameByRegex",
            "options": {
                "regex": rf"/^(.*)\b{value}\b(.*)$/",
                "renamePattern": Words(f"$1{text.vi}$2", f"$1{text.en}$2"),
            },
        }
        for value, text in words.items()
    )


WAYS = worded({"receive": Words("về xã", "towards the commune"), "transmit": Words("từ xã", "from the commune")})
CAUSES_IN_WORDS = worded({cause.value: Words(text.vi.capitalize(), text.en.capitalize()) for cause, text in CAUSES.items()})
CAUSE = said({cause.value: Words(text.vi.capitalize(), text.en.capitalize()) for cause, text in CAUSES.items()})
ROLES = said({"primary": Words("Chính", "Primary"), "backup": Words("Dự phòng", "Backup")})
LINK_KINDS = said(
    {
        "fibre": Words("Cáp quang", "Fibre"),
        "microwave": Words("Vi ba", "Microwave"),
        "lte": Words("4G/5G", "4G/5G"),
        "satellite_leo": Words("Vệ tinh LEO", "LEO satellite"),
        "copper": Words("Cáp đồng", "Copper"),
    }
)
SITE_KINDS = said(
    {
        "peoples_committee": Words("UBND", "People's Committee"),
        "service_centre": Words("Trung tâm phục vụ", "Service centre"),
        "bts": Words("Trạm BTS", "Base station"),
        "agent_point": Words("Điểm đại lý", "Agent point"),
        "provincial_centre": Words("Trung tâm tỉnh", "Provincial centre"),
        "industrial_park": Words("Khu công nghiệp", "Industrial park"),
    }
)
"""What the labels `cause`, `role` and `kind` say, in words."""


def tone(mappings: tuple[Json, ...] = (), steps: Steps = ()) -> Json:
    """Properties of a column whose text has the colour of its mapping, or of its step."""
    told: Json = {"custom__cellOptions": {"type": "color-text"}}
    if mappings:
        told["mappings"] = mappings
    if steps:
        told["thresholds"] = {"mode": "absolute", "steps": [{"color": colour, "value": at} for at, colour in steps]}
        told["color"] = {"mode": "thresholds"}
    return told


def widths(**columns: int) -> tuple[Json, ...]:
    """Widths of columns in pixels, by the names of their labels."""
    return tuple(override(name, custom__width=wide) for name, wide in columns.items())


def hidden(*columns: str) -> tuple[Json, ...]:
    """Columns that nobody sees and that links need."""
    return tuple(override(name, custom__hidden=True) for name in columns)

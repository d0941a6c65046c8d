"""The figures of the situation report, counted as `netmon report sitrep` counts them, and the same by operator."""

from __future__ import annotations

from grafana.columns import by, counted
from grafana.panels import (
    BATTERY,
    ISOLATED,
    UNKNOWN,
    Query,
    Text,
    figure,
    last,
    rows,
    table,
)
from grafana.places import of_committee
from netmon.model import Words
from netmon.reports.sitrep import DARK_WITHIN_S

HERE = 'province="$province"'
NOTHING = f"0 * max(netmon_communes{{{HERE}}})"
"""0 while netmon speaks of the province, and no answer while it does not: silence is not calm."""
LOST = f'netmon_site_service{{{HERE}, state=~"isolated|unreachable"}}'
_MASTS = f"group by (site) (netmon_carrier_cells{{{HERE}}})"
_CELLS = f"max by (site, operator, technology, state) (netmon_carrier_cells{{{HERE}}})"
_TOLD_DOWN = f'max by (site, operator, technology) (netmon_carrier_cells{{{HERE}, state="down"}})'
_MAST_LOST = (
    f"(max by (site) (netmon_device_up{{{HERE}}} and on (site) netmon_carrier_cells{{{HERE}}}) == 0"
    f" or max by (site) ({LOST} and on (site) netmon_carrier_cells{{{HERE}}}) == 1"
    f" or sum by (site) ({_TOLD_DOWN}) == sum by (site) ({_CELLS}))"
)
"""Masts that are lost, as the situation report counts them: all devices, every link, or every cell told down."""
_POSITIONS = f"group by (site, operator) (netmon_carrier_cells{{{HERE}}})"
_UNPOWERED = f"max by (site) (netmon_site_on_battery{{{HERE}}}) == 1"


def _said(expr: str, words: Text) -> Query:
    return last(f"{expr} or {NOTHING}", words)


REPORT = figure(
    Words("Số liệu báo cáo nhanh", "Figures of the situation report"),
    Words(
        "Những con số của báo cáo nhanh, toàn tỉnh, ngay lúc này, theo cách đếm của nó: vị trí dùng chung một cột tính"
        " một lần mỗi trạm; sắp hết nguồn là trong 12 giờ. Văn bản có tên từng xã: netmon report sitrep.",
        "The figures of the situation report, of the province, as of now, counted as it counts: a shared mast is one"
        " station; to go dark soon is within 12 hours. The text with the names: netmon report sitrep.",
    ),
    _said(
        f'sum(max by (state) (netmon_communes{{{HERE}, state=~"isolated|unreachable"}}))',
        Words("Xã mất TSLCD", "Communes without TSLCD"),
    ),
    _said(f"sum(max by (state) (netmon_communes{{{HERE}}}))", Words("trên tổng số xã", "of communes")),
    _said(
        f"count({of_committee(f'max by (commune, site) ({LOST}) == 1')}"
        f" and on (commune) (max by (commune) (netmon_device_up{{{HERE}}} and on (site) {_MASTS}) == 0))",
        Words("Mất toàn bộ liên lạc", "Without any connection"),
    ),
    _said(f"count({_MAST_LOST})", Words("Trạm BTS mất", "Stations lost")),
    _said(f"count({_MASTS})", Words("trên tổng số trạm", "of stations")),
    _said(
        f"count({of_committee(f'max by (commune, site) (netmon_site_on_battery{{{HERE}}}) == 1')})",
        Words("UBND xã mất điện", "Committees without mains"),
    ),
    _said(
        f"count({_UNPOWERED} and on (site) {_MASTS} unless on (site) {_MAST_LOST})",
        Words("Trạm chạy ắc quy", "Stations on battery"),
    ),
    _said(
        f'count(min by (site) (netmon_site_dark_seconds{{{HERE}, bound="likely"}}) < {DARK_WITHIN_S:g})',
        Words("Sắp hết nguồn", "Dark within 12 h"),
    ),
    width=24,
    height=5,
    options={"textMode": "value_and_name", "orientation": "vertical"},
    steps=((None, "text"),),
)

_LOST_POSITIONS, _NO_MAINS = Words("Vị trí mất", "Positions lost"), Words("Vị trí mất điện", "Without mains")
_LINKS_DOWN, _OPEN = Words("Tuyến mất", "Links down"), Words("Sự cố đang mở", "Open incidents")
OPERATORS = table(
    Words("Theo nhà mạng", "By operator"),
    Words(
        "Vị trí trên cột (cột dùng chung tính cho từng nhà mạng), vị trí mất, vị trí chạy ắc quy, tuyến mất và sự cố"
        " đang mở của mỗi nhà mạng. Việc cần làm: gọi nhà mạng đứng đầu.",
        "Positions on masts (a shared mast counts for each), positions lost, positions on battery, links down and open"
        " incidents of each operator. What to do: call the first of them.",
    ),
    rows(f"count by (operator) ({_POSITIONS})"),
    rows(
        f"count by (operator) ({_POSITIONS} and on (site) {_MAST_LOST} or {_POSITIONS} and on (site, operator)"
        f" (sum by (site, operator) ({_TOLD_DOWN}) == sum by (site, operator) ({_CELLS})))"
        f" or on (operator) 0 * count by (operator) ({_POSITIONS})"
    ),
    rows(f"sum by (operator) ({_POSITIONS} * on (site) group_left () max by (site) (netmon_site_on_battery{{{HERE}}}))"),
    rows(
        f"sum by (operator) ((max by (link) (netmon_link_up{{{HERE}}}) == bool 0"
        f" unless on (link) (min by (link) (netmon_link_unknown{{{HERE}}}) == 1))"
        f" * on (link) group_left (operator) topk by (link) (1, max by (link, operator) (netmon_link_info{{{HERE},"
        f' operator!=""}})))'
    ),
    rows(
        f'count by (operator) (max by (operator, root) (netmon_incident_info{{{HERE}, operator!=""}}))'
        f' or on (operator) 0 * count by (operator) (netmon_link_info{{{HERE}, operator!=""}})'
    ),
    columns={
        "operator": Words("Nhà mạng", "Operator"),
        "Value #A": Words("Vị trí", "Positions"),
        "Value #B": _LOST_POSITIONS,
        "Value #C": _NO_MAINS,
        "Value #D": _LINKS_DOWN,
        "Value #E": _OPEN,
    },
    overrides=(
        counted(_LOST_POSITIONS, ISOLATED),
        counted(_NO_MAINS, BATTERY),
        counted(_LINKS_DOWN, ISOLATED),
        counted(_OPEN, UNKNOWN),
    ),
    options=by(_LINKS_DOWN, falling=True),
)

"""The table of who goes dark next, which stands on the dashboard of power and in the storm room."""

from __future__ import annotations

from typing import Any

from grafana.columns import by, lasting, leads, share
from grafana.panels import (
    BACKUP,
    UNKNOWN,
    Panel,
    override,
    rows,
    table,
    values,
)
from grafana.places import NAME, NO_ROWS, TO_COMMUNE, named, way, with_site
from netmon.model import Words

BY_SITE = "province, commune, site"
LIKELY_ONLY = ', bound="likely"'
THIS_SITE = way(
    "netmon-power",
    Words("Chỉ xem trạm này", "This site only"),
    "var-commune=${__data.fields.commune}&var-site=${__data.fields.site}",
)
SITE, SITE_NAME, CODE = Words("Trạm", "Site"), Words("Tên trạm", "Site name"), Words("Mã xã", "Code")
COMMUNE = Words("Xã, phường, đặc khu", "Commune")
CHARGE, VOLTAGE = Words("Còn trong ắc quy", "Charge"), Words("Điện áp ắc quy", "Battery voltage")
_LIKELY, _EARLIEST, _LATEST = Words("Còn khoảng", "Left"), Words("Sớm nhất", "Earliest"), Words("Muộn nhất", "Latest")


def goes_dark(at: str, chosen: str = "", **kept: Any) -> Panel:
    """The table of who goes dark next, of the sites that a selector and a condition of PromQL choose."""

    def of(family: str, how: str, where: str = "") -> str:
        unpowered = f"max by (site) (netmon_site_on_battery{{{at}}}) == 1"
        return f"({how} by ({BY_SITE}) ({family}{{{at}{where}}}) {chosen} and on (site) ({unpowered}))"

    gone = f"Inf * {of('netmon_site_on_battery', 'max')} and on (site) (max by (site) (netmon_device_up{{{at}}}) == 0)"
    return table(
        Words("Hết nguồn tiếp theo", "Goes dark next"),
        Words(
            "Các điểm mất điện lưới, sớm hết nguồn ở trên. Để trống là chưa ước tính được: điểm đó đứng đầu, vì có thể"
            " tắt bất cứ lúc nào. Đã hết nguồn: không thiết bị nào của điểm còn trả lời và ước tính đã qua; các điểm này ở"
            " cuối. Số liệu: netmon_site_dark_seconds; căn cứ: netmon dark. Việc cần làm: điều máy phát từ trên xuống.",
            "Sites without mains, the soonest dark first. Empty where it cannot be told: such a site stands before"
            " all, for it may be dark at any moment. Dark already: none of its devices answers and the estimate is over;"
            " these stand last. From netmon_site_dark_seconds; what it rests on: netmon dark. What to do: send"
            " generators from the top.",
        ),
        rows(named(with_site(of("netmon_site_on_battery", "max")))),
        rows(f"{of('netmon_site_dark_seconds', 'min', LIKELY_ONLY)} or ({gone})"),
        rows(of("netmon_site_dark_seconds", "min", ', bound="earliest"')),
        rows(of("netmon_site_dark_seconds", "max", ', bound="latest"')),
        rows(of("netmon_battery_charge_ratio", "min")),
        rows(of("netmon_battery_voltage_volts", "min")),
        columns={
            "site": SITE,
            "site_name": SITE_NAME,
            NAME: COMMUNE,
            "commune": CODE,
            "Value #B": _LIKELY,
            "Value #C": _EARLIEST,
            "Value #D": _LATEST,
            "Value #E": CHARGE,
            "Value #F": VOLTAGE,
        },
        overrides=(
            leads(SITE, THIS_SITE),
            leads(COMMUNE, TO_COMMUNE),
            lasting(_LIKELY, BACKUP),
            override(_LIKELY, mappings=values(("Infinity", Words("Đã hết nguồn", "Dark already"), UNKNOWN))),
            lasting(_EARLIEST),
            lasting(_LATEST),
            share(CHARGE),
            override(VOLTAGE, unit="volt", decimals=1),
        ),
        options=by(_LIKELY),
        no_value=NO_ROWS,
        **kept,
    )

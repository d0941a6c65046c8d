"""Families of what operators work with: incidents and what explains a silence, storms, works, power that runs out, days."""

from __future__ import annotations

from netmon.catalogue.families import DEVICE, LINK, SITE, Family

_INCIDENT = ("province", "root_kind", "root")
"""By what it came of, and not by its number: two netmons that watch one province name it alike."""
_STORM = ("province", "storm")

OPERATIONS = (
    # what explains a state, so that it pages where its reason does and not here
    Family("netmon_link_explained", "gauge", "", "1 where something else explains that the link is down, and pages for it.",
           "1 khi có nguyên nhân khác giải thích việc mất tuyến và được báo động ở đó.", (*LINK, "by"), keeps=True),
    Family("netmon_link_unknown", "gauge", "", "1 while nobody can tell whether the link is up, 0 while it is told.",
           "1 khi không biết tuyến còn hay mất, 0 khi biết.", LINK, keeps=True),
    Family("netmon_site_explained", "gauge", "", "1 where something else explains the site's service, and pages for it.",
           "1 khi có nguyên nhân khác giải thích trạng thái dịch vụ của điểm.", (*SITE, "by"), keeps=True),
    Family("netmon_device_flapping", "gauge", "", "1 while the device falls and returns again and again.",
           "1 khi thiết bị mất và có lại liên tục.", DEVICE, keeps=True),
    Family("netmon_link_flapping", "gauge", "", "1 while the link falls and returns again and again.",
           "1 khi tuyến mất và có lại liên tục.", LINK, keeps=True),
    # incidents
    Family("netmon_incident_info", "gauge", "", "An open incident: what it came of, and its cause.",
           "Sự cố đang mở: nguồn gốc và nguyên nhân.", (*_INCIDENT, "incident", "cause", "operator", "circuit"),
           keeps=True),
    Family("netmon_incident_start_timestamp_seconds", "gauge", "s", "When what an open incident is about began.",
           "Thời điểm bắt đầu của sự cố đang mở.", _INCIDENT, keeps=True),
    Family("netmon_incident_paging", "gauge", "", "1 while an incident of several devices or links is to page by itself.",
           "1 khi một sự cố nhiều thiết bị cần tự báo động.", _INCIDENT, keeps=True),
    Family("netmon_incident_members", "gauge", "", "Devices and links that an open incident has down.",
           "Số thiết bị và tuyến đang mất trong sự cố.", _INCIDENT, keeps=True),
    Family("netmon_incident_communes", "gauge", "", "Communes that an open incident isolates or puts on backup.",
           "Số xã bị cô lập hoặc chạy dự phòng do sự cố.", (*_INCIDENT, "state"), keeps=True),
    Family("netmon_incident_commune_info", "gauge", "", "A commune that an open incident isolates or puts on backup.",
           "Xã bị cô lập hoặc chạy dự phòng do sự cố đang mở.", (*_INCIDENT, "cause", "commune"), keeps=True),
    Family("netmon_incident_sites", "gauge", "", "Service centres and base stations that an open incident cuts off.",
           "Số trung tâm phục vụ và trạm BTS bị mất do sự cố.", (*_INCIDENT, "kind"), keeps=True),
    Family("netmon_incident_acknowledged", "gauge", "", "1 if somebody has taken the incident on.",
           "1 nếu sự cố đã có người nhận.", _INCIDENT, keeps=True),
    Family("netmon_communes", "gauge", "", "Communes of the province in scope, by the service of their People's Committee.",
           "Số xã trong phạm vi của tỉnh theo trạng thái dịch vụ của UBND xã.", ("province", "state"), keeps=True),
    # storms and works
    Family("netmon_storm_info", "gauge", "", "A declared storm.", "Cơn bão đã khai báo.",
           (*_STORM, "name", "level", "exercise"), keeps=True),
    Family("netmon_storm_phase", "gauge", "", "1 for the phase that the storm is in, 0 for the others.",
           "1 cho giai đoạn hiện tại của cơn bão, 0 cho các giai đoạn khác.", (*_STORM, "phase"), keeps=True),
    Family("netmon_storm_end_timestamp_seconds", "gauge", "s", "When the storm is declared to end.",
           "Thời điểm kết thúc đã khai báo của cơn bão.", _STORM, keeps=True),
    Family("netmon_storm_communes", "gauge", "", "Communes in the storm's area, by the service of their People's Committee.",
           "Số xã trong vùng bão theo trạng thái dịch vụ.", (*_STORM, "state"), keeps=True),
    Family("netmon_storm_devices_down", "gauge", "", "Devices in the storm's area that are down or unreachable, by cause.",
           "Số thiết bị trong vùng bão bị mất theo nguyên nhân.", (*_STORM, "cause"), keeps=True),
    Family("netmon_storm_sites_on_battery", "gauge", "", "Sites in the storm's area without mains.",
           "Số điểm trong vùng bão mất điện lưới.", _STORM, keeps=True),
    Family("netmon_maintenance_info", "gauge", "", "Declared works, planned or under way.", "Công việc bảo trì đã khai báo.",
           ("province", "maintenance", "name"), keeps=True),
    Family("netmon_maintenance_overrun", "gauge", "", "1 if works are past their end and something is still down by them.",
           "1 nếu công việc quá giờ mà vẫn còn gián đoạn.", ("province", "maintenance"), keeps=True),
    # power that runs out
    Family("netmon_site_on_battery", "gauge", "", "1 if the site is without mains, 0 if it has them.",
           "1 nếu điểm mất điện lưới, 0 nếu có điện.", SITE, keeps=True),
    Family("netmon_site_dark_seconds", "gauge", "s",
           "Time until the site's power probably runs out: earliest, likely and latest.",
           "Thời gian ước tính đến khi điểm hết nguồn: sớm nhất, khả dĩ và muộn nhất.", (*SITE, "bound")),
    # days
    Family("netmon_calendar_window", "gauge", "", "1 for the windows of the calendar that the day lies in.",
           "1 cho các kỳ trong lịch trực đang diễn ra.", ("window",), keeps=True),
)

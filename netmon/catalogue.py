"""Every metric family once: name, kind, unit, help in both languages, labels.

Names follow Prometheus' naming rules (base units, `_total`, `_info`, `_ratio`) and are the same in InfluxDB. `DEVICE`
families are what netmon says about the network; `OWN` families are what it says about itself. A family that is not here is
not exported; a label that is not listed here is a bug.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """`kind` is a Prometheus type; `unit` is for people and for `probe`; `keeps` marks series that outlive a silent device
    (SEMANTICS 8). `values` are those that the one label of an own counter can have: all begin at 0, so that `increase()`
    sees the first."""

    name: str
    kind: str
    unit: str
    en: str
    vi: str
    labels: tuple[str, ...]
    keeps: bool = False
    buckets: tuple[float, ...] = ()
    values: tuple[str, ...] = ()


_SITE = ("province", "commune", "site")
_DEVICE = (*_SITE, "device")
_INTERFACE = (*_DEVICE, "interface")
_LINK = (*_SITE, "link")
_SENSOR = (*_DEVICE, "sensor")
_SPEED = (*_DEVICE, "network", "operator")
_TARGET = ("province", "commune", "target")


def _index(*families: Family) -> dict[str, Family]:
    index = {family.name: family for family in families}
    if len(index) != len(families):
        raise ValueError("a family is listed twice")
    return index


DEVICE: dict[str, Family] = _index(
    # devices
    Family("netmon_device_info", "gauge", "", "A device and what it says it is.", "Thiết bị và mô tả của nó.",
           (*_DEVICE, "address", "profile", "sys_name", "sys_descr", "sys_location"), keeps=True),
    Family("netmon_device_up", "gauge", "", "1 up or suspect, 0 down or unreachable, the last value while unknown.",
           "1 hoạt động hoặc nghi ngờ, 0 mất hoặc không tới được, giữ giá trị cuối khi chưa rõ.", _DEVICE, keeps=True),
    Family("netmon_device_state", "gauge", "", "1 for the state that the device is in, 0 for the others.",
           "1 cho trạng thái hiện tại của thiết bị, 0 cho các trạng thái khác.", (*_DEVICE, "state"), keeps=True),
    Family("netmon_device_explained", "gauge", "", "1 where something other than the device explains its silence.",
           "1 khi có nguyên nhân khác giải thích việc thiết bị im lặng.", (*_DEVICE, "by"), keeps=True),
    Family("netmon_device_last_poll_timestamp_seconds", "gauge", "s", "When the last poll of the device ended.",
           "Thời điểm kết thúc lần hỏi gần nhất.", _DEVICE, keeps=True),
    Family("netmon_device_snmp_up", "gauge", "", "1 if the device's SNMP agent gave data at the last poll.",
           "1 nếu tác tử SNMP của thiết bị trả dữ liệu ở lần hỏi gần nhất.", _DEVICE),
    Family("netmon_device_uptime_seconds", "gauge", "s", "Time since the device's management part started (sysUpTime).",
           "Thời gian từ khi thiết bị khởi động (sysUpTime).", _DEVICE),
    Family("netmon_device_round_trip_seconds", "gauge", "s", "Round trip of the first request of the last poll.",
           "Thời gian khứ hồi của yêu cầu đầu tiên ở lần hỏi gần nhất.", _DEVICE),
    Family("netmon_device_poll_duration_seconds", "gauge", "s", "How long the last poll of the device took.",
           "Thời gian của lần hỏi gần nhất.", _DEVICE),
    Family("netmon_device_poll_incomplete", "gauge", "", "1 if the last poll was cut off before all was read.",
           "1 nếu lần hỏi gần nhất bị cắt trước khi đọc xong.", _DEVICE),
    # interfaces (IF-MIB)
    Family("netmon_interface_info", "gauge", "", "An interface: ifDescr, ifAlias, ifType.",
           "Giao diện: ifDescr, ifAlias, ifType.", (*_INTERFACE, "if_descr", "if_alias", "if_type"), keeps=True),
    Family("netmon_interface_up", "gauge", "", "1 if ifOperStatus is up.", "1 nếu ifOperStatus là up.", _INTERFACE),
    Family("netmon_interface_admin_up", "gauge", "", "1 if ifAdminStatus is up.", "1 nếu ifAdminStatus là up.", _INTERFACE),
    Family("netmon_interface_speed_bytes_per_second", "gauge", "B/s", "Speed of the port, not of the contract.",
           "Tốc độ của cổng, không phải của hợp đồng.", _INTERFACE),
    Family("netmon_interface_receive_bytes_total", "counter", "B", "Octets that the interface received.",
           "Số octet giao diện nhận.", _INTERFACE),
    Family("netmon_interface_transmit_bytes_total", "counter", "B", "Octets that the interface transmitted.",
           "Số octet giao diện phát.", _INTERFACE),
    Family("netmon_interface_receive_errors_total", "counter", "", "Inbound packets with errors (ifInErrors).",
           "Gói đến có lỗi (ifInErrors).", _INTERFACE),
    Family("netmon_interface_transmit_errors_total", "counter", "", "Outbound packets with errors (ifOutErrors).",
           "Gói đi có lỗi (ifOutErrors).", _INTERFACE),
    Family("netmon_interface_receive_discards_total", "counter", "", "Inbound packets discarded (ifInDiscards).",
           "Gói đến bị bỏ (ifInDiscards).", _INTERFACE),
    Family("netmon_interface_transmit_discards_total", "counter", "", "Outbound packets discarded (ifOutDiscards).",
           "Gói đi bị bỏ (ifOutDiscards).", _INTERFACE),
    Family("netmon_interface_not_measurable", "gauge", "", "1 if a 32-bit counter could wrap between two polls.",
           "1 nếu bộ đếm 32 bit có thể quay vòng giữa hai lần hỏi.", _INTERFACE),
    # temperature, power and hosts
    Family("netmon_temperature_celsius", "gauge", "°C", "Temperature at a sensor.", "Nhiệt độ tại cảm biến.", _SENSOR),
    Family("netmon_humidity_ratio", "gauge", "", "Relative humidity at a sensor.", "Độ ẩm tương đối tại cảm biến.", _SENSOR),
    Family("netmon_door_open", "gauge", "", "1 if the door is open.", "1 nếu cửa đang mở.", _DEVICE),
    Family("netmon_mains_up", "gauge", "", "1 if the mains feed the site, 0 if they fail.",
           "1 nếu có điện lưới, 0 nếu mất điện lưới.", _DEVICE),
    Family("netmon_mains_voltage_volts", "gauge", "V", "Voltage of a phase of the mains.", "Điện áp một pha của điện lưới.",
           _SENSOR),
    Family("netmon_mains_frequency_hertz", "gauge", "Hz", "Frequency of the mains.", "Tần số điện lưới.", _SENSOR),
    Family("netmon_power_output_voltage_volts", "gauge", "V", "Voltage of an output of the power system.",
           "Điện áp một đầu ra của hệ thống nguồn.", _SENSOR),
    Family("netmon_power_output_current_amperes", "gauge", "A", "Current of an output of the power system.",
           "Dòng điện một đầu ra của hệ thống nguồn.", _SENSOR),
    Family("netmon_power_output_watts", "gauge", "W", "Power of an output of the power system.",
           "Công suất một đầu ra của hệ thống nguồn.", _SENSOR),
    Family("netmon_power_load_ratio", "gauge", "", "Load of an output against what it can give.",
           "Tải của một đầu ra so với khả năng cấp.", _SENSOR),
    Family("netmon_rectifiers", "gauge", "", "Rectifier modules that are there.", "Số mô-đun chỉnh lưu hiện có.", _DEVICE),
    Family("netmon_power_alarms", "gauge", "", "Alarms that the power system has now.",
           "Số cảnh báo hiện có của hệ thống nguồn.", _DEVICE),
    Family("netmon_battery_voltage_volts", "gauge", "V", "Voltage of the battery.", "Điện áp ắc quy.", _DEVICE),
    Family("netmon_battery_current_amperes", "gauge", "A", "Current into the battery, negative while it discharges.",
           "Dòng điện nạp vào ắc quy, âm khi phóng điện.", _DEVICE),
    Family("netmon_battery_charge_ratio", "gauge", "", "Charge that is left in the battery.",
           "Dung lượng còn lại của ắc quy.", _DEVICE),
    Family("netmon_battery_remaining_seconds", "gauge", "s", "How long the battery will last, as the device reckons.",
           "Thời gian ắc quy còn cấp được, theo thiết bị tính.", _DEVICE),
    Family("netmon_battery_discharge_duration_seconds", "gauge", "s", "How long the site has been on battery.",
           "Thời gian đã chạy bằng ắc quy.", _DEVICE),
    Family("netmon_battery_low", "gauge", "", "1 if the battery is low or empty.", "1 nếu ắc quy yếu hoặc cạn.", _DEVICE),
    Family("netmon_generator_up", "gauge", "", "1 if the generator feeds the site.",
           "1 nếu máy phát đang cấp điện.", _DEVICE),
    Family("netmon_fuel_ratio", "gauge", "", "Fuel that is left for the generator.", "Nhiên liệu còn lại của máy phát.",
           _DEVICE),
    Family("netmon_processor_load_ratio", "gauge", "", "Load of a processor over the last minute (hrProcessorLoad).",
           "Tải của bộ xử lý trong một phút qua (hrProcessorLoad).", _SENSOR),
    Family("netmon_storage_info", "gauge", "", "A storage area: hrStorageType.", "Vùng lưu trữ: hrStorageType.",
           (*_SENSOR, "hr_storage_type"), keeps=True),
    Family("netmon_storage_size_bytes", "gauge", "B", "Size of a storage area.", "Kích thước vùng lưu trữ.", _SENSOR),
    Family("netmon_storage_used_bytes", "gauge", "B", "What is used of a storage area.", "Phần đã dùng của vùng lưu trữ.",
           _SENSOR),
    Family("netmon_host_processes", "gauge", "", "Processes of a host (hrSystemProcesses).",
           "Số tiến trình của máy chủ (hrSystemProcesses).", _DEVICE),
    # links, sites, units
    Family("netmon_link_info", "gauge", "", "A link of the inventory.", "Tuyến trong danh mục.",
           (*_LINK, "kind", "role", "network", "operator", "circuit"), keeps=True),
    Family("netmon_link_up", "gauge", "", "1 up, 0 down, the last value while unknown.",
           "1 hoạt động, 0 mất, giữ giá trị cuối khi chưa rõ.", _LINK, keeps=True),
    Family("netmon_link_capacity_bytes_per_second", "gauge", "B/s", "Contracted capacity.", "Dung lượng theo hợp đồng.",
           (*_LINK, "direction"), keeps=True),
    Family("netmon_link_rate_bytes_per_second", "gauge", "B/s", "Mean rate of the last closed slot of five minutes.",
           "Tốc độ trung bình của khe năm phút đã đóng gần nhất.", (*_LINK, "direction")),
    Family("netmon_link_round_trip_seconds", "gauge", "s",
           "Mean round trip to the link's check address in the last closed slot of five minutes.",
           "Thời gian khứ hồi trung bình tới địa chỉ kiểm tra của tuyến trong khe năm phút đã đóng gần nhất.", _LINK),
    Family("netmon_link_loss_ratio", "gauge", "",
           "Share of the echoes to the link's check address that did not come back in the last closed slot of five minutes.",
           "Tỷ lệ gói thử tới địa chỉ kiểm tra của tuyến bị mất trong khe năm phút đã đóng gần nhất.", _LINK),
    # speed tests
    Family("netmon_speed_download_bytes_per_second", "gauge", "B/s", "Download of the device's latest speed test.",
           "Tốc độ tải xuống của lần đo tốc độ gần nhất.", _SPEED),
    Family("netmon_speed_upload_bytes_per_second", "gauge", "B/s", "Upload of the device's latest speed test.",
           "Tốc độ tải lên của lần đo tốc độ gần nhất.", _SPEED),
    Family("netmon_speed_latency_seconds", "gauge", "s", "Latency that the device's latest speed test told.",
           "Độ trễ theo lần đo tốc độ gần nhất.", _SPEED),
    Family("netmon_site_info", "gauge", "", "A site of the inventory.", "Điểm trong danh mục.", (*_SITE, "kind", "name"),
           keeps=True),
    Family("netmon_site_service", "gauge", "", "1 for the state that the site's service is in, 0 for the others.",
           "1 cho trạng thái dịch vụ hiện tại của điểm, 0 cho các trạng thái khác.", (*_SITE, "state"), keeps=True),
    Family("netmon_commune_info", "gauge", "", "A commune of the register.", "Đơn vị hành chính cấp xã.",
           ("province", "commune", "name", "name_en", "kind"), keeps=True),
    # targets
    Family("netmon_target_verdict", "gauge", "", "1 for the verdict of the target on the commune, 0 for the others.",
           "1 cho kết luận của chỉ tiêu đối với xã, 0 cho các kết luận khác.", (*_TARGET, "verdict"), keeps=True),
    Family("netmon_target_value", "gauge", "", "What was measured for the target, as a ratio.",
           "Giá trị đo được của chỉ tiêu, dạng tỷ lệ.", _TARGET, keeps=True),
    Family("netmon_target_limit", "gauge", "", "The limit of the target, as a ratio.", "Ngưỡng của chỉ tiêu, dạng tỷ lệ.",
           _TARGET, keeps=True),
    Family("netmon_target_coverage_ratio", "gauge", "", "Share of the elapsed window that was seen.",
           "Phần của kỳ đã được quan sát.", _TARGET, keeps=True),
    Family("netmon_target_error_budget_seconds", "gauge", "s", "How long the service may be lost in the whole window.",
           "Tổng thời gian gián đoạn cho phép trong kỳ.", _TARGET, keeps=True),
    Family("netmon_target_error_budget_spent_seconds", "gauge", "s", "How long the service was lost in the window.",
           "Thời gian gián đoạn đã dùng trong kỳ.", _TARGET, keeps=True),
    Family("netmon_target_limit_crossing_seconds", "gauge", "s",
           "Time until the daily 95th percentile probably crosses the limit, while that can be known.",
           "Thời gian còn lại đến khi phân vị 95 hằng ngày có thể vượt ngưỡng, khi dự báo được.", _TARGET),
    Family("netmon_province_target_verdict", "gauge", "", "1 for the target's verdict on the province, 0 for the others.",
           "1 cho kết luận của chỉ tiêu đối với tỉnh, 0 cho các kết luận khác.", ("province", "target", "verdict"),
           keeps=True),
    Family("netmon_province_target_value", "gauge", "", "Share of the communes in scope that meet the target.",
           "Tỷ lệ xã trong phạm vi đạt chỉ tiêu.", ("province", "target"), keeps=True),
    Family("netmon_province_target_limit", "gauge", "", "The share that the target asks for.", "Tỷ lệ mà chỉ tiêu yêu cầu.",
           ("province", "target"), keeps=True),
)

OWN: dict[str, Family] = _index(
    Family("netmon_build_info", "gauge", "", "The running netmon.", "Phiên bản netmon đang chạy.", ("version",)),
    Family("netmon_start_timestamp_seconds", "gauge", "s", "When netmon started.", "Thời điểm netmon khởi động.", ()),
    Family("netmon_devices", "gauge", "", "Devices by state.", "Số thiết bị theo trạng thái.", ("state",)),
    Family("netmon_self_isolated", "gauge", "", "1 while all canaries are silent and netmon suspects itself.",
           "1 khi mọi thiết bị canh đều im lặng và netmon nghi ngờ chính mình.", ()),
    Family("netmon_polls_total", "counter", "", "Polls by outcome.", "Số lần hỏi theo kết quả.", ("outcome",),
           values=("answered", "refused", "silent", "local", "bug")),
    Family("netmon_polls_skipped_total", "counter", "", "Polls not started, by reason: running, backlog.",
           "Số lần hỏi bị bỏ theo lý do.", ("reason",),
           values=("running", "backlog")),
    Family("netmon_poll_duration_seconds", "histogram", "s", "Duration of polls.", "Thời gian của các lần hỏi.", (),
           buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)),
    Family("netmon_poll_lateness_seconds", "histogram", "s", "How late polls started against the grid.",
           "Độ trễ bắt đầu của các lần hỏi so với lưới.", (), buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)),
    Family("netmon_polls_in_flight", "gauge", "", "Polls under way.", "Số lần hỏi đang chạy.", ()),
    Family("netmon_readings_total", "counter", "", "Readings taken.", "Số giá trị đã đọc.", ()),
    Family("netmon_gaps_total", "counter", "", "Counter intervals that were refused, by reason.",
           "Số khoảng đếm bị từ chối theo lý do.", ("reason",),
           values=("restart", "discontinuity", "identity", "width", "reset", "not_measurable", "too_fast", "clock_step")),
    Family("netmon_slots_total", "counter", "", "Slots closed, by whether enough of them was covered.",
           "Số khe đã đóng theo độ phủ.", ("present",),
           values=("yes", "no")),
    Family("netmon_late_round_trips_total", "counter", "", "Bursts of echoes and round trips of SNMP that came too late.",
           "Số lần đo thời gian khứ hồi đến sau khi khe đã đóng.", ()),
    Family("netmon_snmp_requests_total", "counter", "", "SNMP datagrams sent.", "Số gói SNMP đã gửi.", ()),
    Family("netmon_snmp_retries_total", "counter", "", "SNMP requests sent again.", "Số yêu cầu SNMP gửi lại.", ()),
    Family("netmon_snmp_timeouts_total", "counter", "", "SNMP requests that got no answer.",
           "Số yêu cầu SNMP không có trả lời.", ()),
    Family("netmon_snmp_receive_drops_total", "counter", "", "Answers that the kernel dropped: the receive buffer was full.",
           "Số gói trả lời bị nhân hệ điều hành bỏ vì bộ đệm nhận đầy.", ()),
    Family("netmon_snmp_strays_total", "counter", "", "Datagrams that answered nothing, by reason: late, source, malformed.",
           "Số gói không khớp yêu cầu nào theo lý do.", ("reason",),
           values=("late", "source", "malformed")),
    Family("netmon_mqtt_connected", "gauge", "", "1 while netmon is connected to the MQTT broker and subscribed.",
           "1 khi netmon đang kết nối và đăng ký với máy chủ MQTT.", ()),
    Family("netmon_mqtt_connects_total", "counter", "", "Connections to the MQTT broker that were made.",
           "Số lần kết nối thành công tới máy chủ MQTT.", ()),
    Family("netmon_mqtt_messages_total", "counter", "", "MQTT messages taken, by kind.",
           "Số bản tin MQTT đã nhận theo loại.", ("kind",), values=("birth", "status", "telemetry", "event", "speed")),
    Family("netmon_mqtt_rejected_total", "counter", "", "MQTT messages that were not taken, by reason.",
           "Số bản tin MQTT bị từ chối theo lý do.", ("reason",),
           values=("topic", "stranger", "size", "payload", "retained", "stale_will", "duplicate", "overflow")),
    Family("netmon_mqtt_remarks_total", "counter", "", "What was odd about MQTT messages that were taken, by reason.",
           "Số điểm bất thường của bản tin MQTT đã nhận theo lý do.", ("reason",),
           values=("future", "history", "moved", "interleaved", "lost", "unknown_name", "excess")),
    Family("netmon_traps_total", "counter", "", "Traps, informs and questions for netmon's engine that were taken, by kind.",
           "Số trap, inform và câu hỏi về engine SNMP của netmon đã nhận theo loại.", ("kind",),
           values=("trap", "inform", "discovery")),
    Family("netmon_traps_dropped_total", "counter", "", "Datagrams to the port of traps that were not taken, by reason.",
           "Số gói tới cổng trap không được nhận theo lý do.", ("reason",),
           values=("stranger", "flood", "busy", "overflow", "malformed", "credential", "replay")),
    Family("netmon_influx_points_total", "counter", "", "Points that InfluxDB accepted.",
           "Số điểm đo InfluxDB đã nhận.", ()),
    Family("netmon_influx_writes_total", "counter", "", "Writes to InfluxDB by result.", "Số lần ghi InfluxDB theo kết quả.",
           ("result",), values=("ok", "refused", "rejected", "too_large", "busy", "failed")),
    Family("netmon_influx_dropped_points_total", "counter", "", "Points that will never reach InfluxDB, by reason.",
           "Số điểm đo không tới được InfluxDB theo lý do.", ("reason",),
           values=("rejected", "overflow", "damaged", "disk")),
    Family("netmon_influx_waiting_bytes", "gauge", "B", "What waits in the outbox for InfluxDB.",
           "Dữ liệu đang chờ gửi tới InfluxDB.", ()),
    Family("netmon_influx_reachable", "gauge", "", "1 if the last write to InfluxDB was accepted, 0 if nothing of it was.",
           "1 nếu lần ghi InfluxDB gần nhất được nhận, 0 nếu không.", ()),
    Family("netmon_store_commits_total", "counter", "", "Commits of the store.", "Số lần ghi kho dữ liệu.", ()),
    Family("netmon_store_failures_total", "counter", "", "Commits of the store that failed.", "Số lần ghi kho bị lỗi.", ()),
    Family("netmon_store_backlog", "gauge", "", "Writes that wait for the next commit.", "Số lệnh ghi đang chờ.", ()),
    Family("netmon_reloads_total", "counter", "", "Reloads of the configuration by result: ok, refused.",
           "Số lần nạp lại cấu hình theo kết quả.", ("result",),
           values=("ok", "refused")),
    Family("netmon_config_devices", "gauge", "", "Devices in the configuration.", "Số thiết bị trong cấu hình.", ()),
    Family("netmon_bugs_total", "counter", "", "Exceptions that netmon did not expect, by room.",
           "Số lỗi không lường trước của netmon theo phần.", ("room",),
           values=("pipeline", "pollers", "targets", "daemon")),
    Family("netmon_scrape_series", "gauge", "", "Series on the last page of metrics.",
           "Số chuỗi ở trang số đo gần nhất.", ()),
)

"""A past for pages to show: what a store would know of a made network, the same each time."""

from array import array
from math import nan, sin

from netmon.model import At, Kind, Outage, Outcome, Poll, Reading, Readings, Series, Span, Summary
from netmon.notice import Notice, NoticeKind
from netmon.store import Rates

HOUR_S = 3600


class Past:
    """Rates like a day's, a state that changed twice, an outage, hours of temperature, and a notice. `reads` counts what was
    asked for."""

    def __init__(self, now):
        self.now, self.reads = now, 0

    def rates(self, link, end, first_k, count):
        self.reads += 1
        receive = array("f", (100_000 * (2 + sin((first_k + n) / 40)) for n in range(count)))
        transmit = array("f", (30_000 * (2 + sin((first_k + n) / 25)) for n in range(count)))
        for n in range(100, 112):  # an hour that nobody measured
            receive[n] = transmit[n] = nan
        return Rates(receive, transmit, 0)

    def spans(self, subject, start, end):
        self.reads += 1
        middle = (start + end) / 2
        worse = "down" if subject.kind == "device" else "isolated"
        return [Span("up", start, middle), Span(worse, middle, middle + 7200), Span("up", middle + 7200, end)]

    def newest_outages(self, subjects, since, most):
        self.reads += 1
        first = sorted(subjects)[0]
        return [
            Outage(first, "down", self.now - 600, None, "", "", "power", "power", "2027-0002"),
            Outage(first, "down", self.now - 90_000, self.now - 86_400, "", "", "fibre_cut", "fibre_cut", "2027-0001"),
        ][:most]

    def figures(self, subject):
        return [("ambient_temperature_celsius", "p0 room")] if subject.kind == "site" else []

    def summaries(self, subject, figure, start, end):
        self.reads += 1
        first = int(start // HOUR_S)
        return [
            Summary(float(hour * HOUR_S), HOUR_S, "p0 room", 24 + sin(hour / 4), 26 + sin(hour / 4), 28 + sin(hour / 4), 60)
            for hour in range(first, int(end // HOUR_S))
        ]

    def notices(self, device=None, since=0.0, most=100):
        self.reads += 1
        return [Notice(self.now - 60, NoticeKind.TRAP, device, "linkDown", "192.0.2.10", {"ifName": "ge0"})]


def readings(inventory, device, now):
    """What the last poll of a device brought: of power and air, as a controller tells it, or of a router."""
    labels = inventory.device_labels(device)
    info = Series("netmon_device_info", (*labels, ("profile", "made_up"), ("sys_name", device)), Kind.INFO)
    told = [(info, 1)]
    if device.startswith("p"):
        told += [
            (Series("netmon_mains_up", labels), 1),
            (Series("netmon_battery_voltage_volts", labels), 53.5),
            (Series("netmon_battery_charge_ratio", labels), 0.92),
            (Series("netmon_ambient_temperature_celsius", (*labels, ("sensor", "room"))), 26.5),
            (Series("netmon_humidity_ratio", (*labels, ("sensor", "room"))), nan),
        ]
    else:
        port = (*labels, ("interface", "ge0"))
        told += [
            (Series("netmon_interface_up", port), 1),
            (Series("netmon_interface_speed_bytes_per_second", port), 125_000_000),
            (Series("netmon_interface_receive_bytes_total", port, Kind.COUNTER64), 123_456),
            (Series("netmon_device_uptime_seconds", labels), 86_400),
        ]
    return Readings.of([Reading(series, value, At(now - 12, 0.0)) for series, value in told])


def answered(device, at):
    """A poll of a device that ended then."""
    return Poll(device=device, outcome=Outcome.ANSWERED, sent=At(at - 0.1, 0.0), ended=At(at, 0.1))

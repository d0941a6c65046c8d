"""A mailbox on the desk of a test."""

import json

from netmon.model import At, Device, Poll, Speech
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import Place

T0 = 1_800_000_000.0
LABELS = (("province", "04"), ("commune", "01273"), ("site", "s1"), ("device", "d1"))
VOLTS = "battery_voltage_volts"


def at(after_s, step_s=0.0):
    """So long after the beginning, on a wall clock that stepped by `step_s` meanwhile."""
    return At(T0 + after_s + step_s, 1000.0 + after_s)


class Desk:
    """A mailbox under a clock that the test sets; every message and every look takes place at `now`. Ours may step, and
    the device's does not."""

    def __init__(self, interval_s=30.0):
        self.now = 0.0
        self.step_s = 0.0
        self.mailbox = Mailbox(Device(id="d1", site="s1", speaks=Speech.MQTT, interval_s=interval_s), LABELS, at(0))
        self.seq = 0

    def post(self, kind, retained=False, place=("04", "01273", "s1"), **body):
        payload = json.dumps(body).encode()
        return self.mailbox.take(Place(*place, "d1", kind), payload, retained, at(self.now, self.step_s))

    def birth(self, session="a", period_s=60, retained=False):
        return self.post("birth", retained, session=session, period_s=period_s, ts=self.ms())

    def status(self, state, session="a", retained=False):
        return self.post("status", retained, state=state, session=session)

    def tell(self, value=53.5, session="a", seq=None, ts=None, retained=False, **m):
        self.seq += 1
        seq = self.seq if seq is None else seq
        ts = self.ms() if ts is None else ts
        return self.post("telemetry", retained, ts=ts, seq=seq, session=session, m=m or {VOLTS: value})

    def ms(self, after_s=None):
        return int((T0 + (self.now if after_s is None else after_s)) * 1000)

    def look(self, after_s=None):
        self.now = self.now if after_s is None else after_s
        return self.mailbox.look(at(self.now, self.step_s))

    def outcome(self, after_s=None):
        """The outcome of a look; "lull" when there was none."""
        poll = self.look(after_s)
        return poll.outcome if isinstance(poll, Poll) else "lull"


def values(poll, family=f"netmon_{VOLTS}"):
    return [(reading.value, reading.at.unix - T0) for reading in poll.readings if reading.series.family == family]

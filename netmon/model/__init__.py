"""The nouns that every room shares.

Everything here is frozen, slotted and knows no clock, socket or file. Units inside netmon are seconds, bytes, bytes per
second and ratios from 0 to 1; instants are Unix seconds UTC. DESIGN.md's flow reads from file to file: who and what (places:
sites, devices, links), what a poll brought (polls), what was made of it (history: spans, outages, slots), what people
declare (windows), what fell together and why (incidents), and what is said about it (verdicts).
"""

from __future__ import annotations

from netmon.model.audit import AuditEntry, Caller
from netmon.model.history import (
    Baseline,
    CellName,
    CellReport,
    CellState,
    CounterPoint,
    DayPeak,
    DeviceState,
    EchoSlot,
    Gap,
    LinkState,
    Octets,
    Outage,
    PortSpeed,
    Service,
    Slot,
    Span,
    SpeedTest,
    Subject,
    Summary,
    Unplaced,
)
from netmon.model.incidents import CauseClass, Clue, Entry, Finding, Impact, Incident, Verb
from netmon.model.meter import Meter, Uncounted
from netmon.model.places import (
    Capacity,
    Carrier,
    Device,
    Direction,
    End,
    Engine,
    Former,
    Link,
    LinkKind,
    LinkRole,
    Port,
    Room,
    Site,
    SiteKind,
    Speech,
)
from netmon.model.polls import SERIES_AT_MOST, At, Epoch, Kind, Lull, Outcome, Poll, Reading, Readings, Series
from netmon.model.time import SLOT_S, VIET_NAM, ZONE_S
from netmon.model.verdicts import Available, ErrorBudget, Standing, Verdict, Window
from netmon.model.windows import Declared, Phase, WindowChange, WindowKind
from netmon.model.words import Words

__all__ = [
    "SERIES_AT_MOST",
    "SLOT_S",
    "VIET_NAM",
    "ZONE_S",
    "At",
    "AuditEntry",
    "Available",
    "Baseline",
    "Caller",
    "Capacity",
    "Carrier",
    "CauseClass",
    "CellName",
    "CellReport",
    "CellState",
    "Clue",
    "CounterPoint",
    "DayPeak",
    "Declared",
    "Device",
    "DeviceState",
    "Direction",
    "EchoSlot",
    "End",
    "Engine",
    "Entry",
    "Epoch",
    "ErrorBudget",
    "Finding",
    "Former",
    "Gap",
    "Impact",
    "Incident",
    "Kind",
    "Link",
    "LinkKind",
    "LinkRole",
    "LinkState",
    "Lull",
    "Meter",
    "Octets",
    "Outage",
    "Outcome",
    "Phase",
    "Poll",
    "Port",
    "PortSpeed",
    "Reading",
    "Readings",
    "Room",
    "Series",
    "Service",
    "Site",
    "SiteKind",
    "Slot",
    "Span",
    "Speech",
    "SpeedTest",
    "Standing",
    "Subject",
    "Summary",
    "Uncounted",
    "Unplaced",
    "Verb",
    "Verdict",
    "Window",
    "WindowChange",
    "WindowKind",
    "Words",
]

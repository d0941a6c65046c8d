"""What a family of metrics is, and the labels that several of them have."""

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


SITE = ("province", "commune", "site")
DEVICE = (*SITE, "device")
INTERFACE = (*DEVICE, "interface")
LINK = (*SITE, "link")
SENSOR = (*DEVICE, "sensor")
OPTIC = (*INTERFACE, "sensor")
"""A part of a port; `interface` is empty where it is not known which port that is."""
SPEED = (*DEVICE, "network", "operator")
TARGET = ("province", "commune", "target")

"""Units that devices speak in, and what makes them those of the catalogue."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Measure(NamedTuple):
    """`value * factor + offset` is in the catalogue's unit; with `decibels` ten times its common logarithm is."""

    factor: Fraction
    offset: Fraction = Fraction(0)
    decibels: bool = False


def _linear(**factors: str | int) -> dict[str, Measure]:
    return {name: Measure(Fraction(factor)) for name, factor in factors.items()}


MEASURES: dict[str, dict[str, Measure]] = {
    "": _linear(**{"%": "0.01", "‰": "0.001"}),
    "°C": {
        "K": Measure(Fraction(1), Fraction("-273.15")),
        "°F": Measure(Fraction(5, 9), Fraction(-160, 9)),
    },
    "V": _linear(mV="0.001", kV=1000),
    "A": _linear(mA="0.001", uA="0.000001"),
    "W": _linear(mW="0.001", kW=1000),
    "Hz": _linear(kHz=1000, MHz=1_000_000, GHz=1_000_000_000),
    "s": _linear(ms="0.001", us="0.000001", ticks="0.01", min=60, h=3600, d=86400),
    "m": _linear(km=1000),
    "C": _linear(Ah=3600),
    "B": _linear(kB=1000, KiB=1024, MB=1_000_000, MiB=1024**2, GiB=1024**3),
    "B/s": _linear(**{"bit/s": "0.125", "kbit/s": "125", "Mbit/s": "125000", "Gbit/s": "125000000"}),
    # Ten times the logarithm of milliwatts: a power in microwatts is a thousandth of them.
    "dBm": {
        "mW": Measure(Fraction(1), decibels=True),
        "uW": Measure(Fraction(1, 1000), decibels=True),
    },
}
"""By the catalogue's unit: the other units that a source may name. A ratio's is empty."""

PLAUSIBLE: dict[str, tuple[float, float]] = {"°C": (-60.0, 200.0), "dBm": (-150.0, 80.0)}
"""By the catalogue's unit: beyond these, both ends included, nothing at a commune is. What a device answers there is a
marker that its MIB forgot to name."""

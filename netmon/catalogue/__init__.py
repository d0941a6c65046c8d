"""Every metric family once: name, kind, unit, help in both languages, labels.

Names follow Prometheus' naming rules (base units, `_total`, `_info`, `_ratio`) and are the same in InfluxDB. `DEVICE`
families are what netmon says about the network; `OWN` families are what it says about itself. A family that is not here is
not exported; a label that is not listed here is a bug.
"""

from __future__ import annotations

from netmon.catalogue.families import Family
from netmon.catalogue.itself import ITSELF
from netmon.catalogue.operations import OPERATIONS
from netmon.catalogue.readings import READINGS
from netmon.catalogue.states import STATES

__all__ = ["DEVICE", "OWN", "Family"]


def _index(*families: Family) -> dict[str, Family]:
    index = {family.name: family for family in families}
    if len(index) != len(families):
        raise ValueError("a family is listed twice")
    return index


DEVICE: dict[str, Family] = _index(*READINGS, *STATES, *OPERATIONS)
OWN: dict[str, Family] = _index(*ITSELF)

"""`netmon doctor`: what is wrong with an installation from end to end, and what mends it.

`facts` says what is looked at, `gather` looks, and the checks of `installed`, `service` and `working` judge what it saw,
without looking themselves.
"""

from netmon.doctor.facts import Facts, Finding, Level
from netmon.doctor.gather import gather
from netmon.doctor.installed import installed
from netmon.doctor.working import working

__all__ = ["Facts", "Finding", "Level", "examine", "gather"]


def examine(facts: Facts) -> list[Finding]:
    """All that can be said of what was gathered, in the order in which things depend on one another."""
    return [*installed(facts), *working(facts)]

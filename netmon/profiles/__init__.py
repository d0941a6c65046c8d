"""What to ask which device: YAML files, matched by sysObjectID, compiled to a query plan.

`load` reads and checks the files, `Profiles` chooses one, `rows_of` names what a walk found, `compile_plan` makes the
requests of a poll and says what each position of their answers becomes.
"""

from __future__ import annotations

from netmon.profiles.load import Chosen, ProfileError, Profiles, gather, load, names, parse
from netmon.profiles.plan import SYS_UPTIME, Batch, Odd, Plan, Taken, compile_plan
from netmon.profiles.rows import Row, columns_of, rows_of, scalars_of, walked_by
from netmon.profiles.schema import Profile, Sign, Table

__all__ = [
    "SYS_UPTIME",
    "Batch",
    "Chosen",
    "Odd",
    "Plan",
    "Profile",
    "ProfileError",
    "Profiles",
    "Row",
    "Sign",
    "Table",
    "Taken",
    "columns_of",
    "compile_plan",
    "gather",
    "load",
    "names",
    "parse",
    "rows_of",
    "scalars_of",
    "walked_by",
]

"""The light of simulated fibres: what each end sends, what the fibre takes, and what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sin
from random import Random

from netmon.model import Link, LinkKind
from netmon.sim.timetable import Spells

DARK_DBM = -40.0
"""What an optic tells that gets no light."""

LOW_LIMIT_DBM, HIGH_LIMIT_DBM = -28.0, 3.0
_FAR_DB = 14.0  # beyond which modules for long spans send more
_DB_PER_KM = 0.25  # with splices, at 1310 nm
_DAY_S, _WEEK_S = 86_400.0, 604_800.0
_FADING_ONE_IN = 20
_FADING_DB_PER_WEEK = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Optic:
    """The module at one end of a fibre: what it sends, and what the other end sends into the fibre towards it. The fibre
    takes `loss_db` at `since` and so much more every week; nothing arrives while it is `cut`."""

    transmit_dbm: float
    far_transmit_dbm: float
    loss_db: float
    fading_db_per_week: float
    since: float
    phase: float
    cut: Spells | None = None

    def receive_dbm(self, at: float) -> float:
        """The light that arrives at an instant (Unix seconds)."""
        if self.cut is not None and self.cut.active(at):
            return DARK_DBM
        warm = 0.05 * sin(2 * pi * (at / _DAY_S + self.phase))
        faded = self.fading_db_per_week * max(0.0, at - self.since) / _WEEK_S
        return max(DARK_DBM, self.far_transmit_dbm - self.loss_db - faded + warm)

    def temperature_celsius(self, at: float) -> float:
        """Of the module: warmer in the afternoon."""
        return 38 + 6 * self.phase + 3 * sin(2 * pi * at / _DAY_S)


def optics(link: Link, *, seed: int, started: float, cut: Spells | None) -> tuple[Optic, Optic] | None:
    """The modules at the near and at the far end of a link; None for one that is no fibre. One in some dozens fades."""
    if link.kind is not LinkKind.FIBRE:
        return None
    dice = Random(f"{seed}/{link.id}/light")
    length_km = link.length_km if link.length_km is not None else dice.uniform(3, 38)
    loss = _DB_PER_KM * length_km + dice.uniform(1.0, 2.5)
    more = min(8.0, max(0.0, loss - _FAR_DB))
    near, far = (round(more + dice.uniform(-1.5, 2.5), 2) for _ in range(2))
    fading = _FADING_DB_PER_WEEK if dice.randrange(_FADING_ONE_IN) == 0 else 0.0
    since = started - 5 * _WEEK_S
    ends = [
        Optic(
            transmit_dbm=own,
            far_transmit_dbm=other,
            loss_db=loss,
            fading_db_per_week=fading,
            since=since,
            phase=dice.random(),
            cut=cut,
        )
        for own, other in ((near, far), (far, near))
    ]
    return ends[0], ends[1]

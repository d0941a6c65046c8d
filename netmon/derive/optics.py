"""Light in a fibre, both ends seen together: powers, span loss, margin to the receiver's limit.

Powers are dBm, losses and margins dB. Directions are named from the commune: towards it (`receive`) light goes from the far
end's transmitter to the near end's receiver. What cannot be told is None, with a reason.

An optic of several lanes (40GBASE-LR4 and its kin) tells each by itself. Its power is the sum of its lanes', as a power
meter shows it: of light sent and received alike, so that their difference is the loss of the span. A limit holds for one
lane, and the port fails with its weakest: that lane alone is held against it. Lanes that tell no limit have the one that the
inventory gives; where it gives none either, nobody can tell which lane is the weakest, and there is no margin. When fewer
lanes tell what they receive than what they send, or the other way round, the sum is not known.

The floor is that of SFF-8472, section 9: 0.1 uW, the least that an optic can tell, is -40 dBm. An optic is accurate to 3 dB
(the same), so a loss that is a little negative is a short patch cord and is kept; one below -1 dB is not a loss at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, log10
from typing import Literal, NamedTuple

from netmon.model import Direction, Series

NO_LIGHT_DBM = -40.0
"""At or below this an optic says that there is no light."""
MOST_GAIN_DB = 1.0
"""A span that seems to add more than this has an amplifier in it, or the inventory names the wrong end."""
SAME_TIME_INTERVALS = 2
"""Readings of two ends are of one time when they lie no further apart, in polls of the slower."""

RECEIVE = "netmon_optic_receive_power_dbm"
TRANSMIT = "netmon_optic_transmit_power_dbm"
LOW_LIMIT = "netmon_optic_receive_power_low_limit_dbm"
HIGH_LIMIT = "netmon_optic_receive_power_high_limit_dbm"
LOST = "netmon_optic_signal_lost"
ONU_RECEIVE = "netmon_onu_receive_power_dbm"
ONU_TRANSMIT = "netmon_onu_transmit_power_dbm"
OLT_RECEIVE = "netmon_onu_olt_receive_power_dbm"

_OPTIC = (RECEIVE, TRANSMIT, LOW_LIMIT, HIGH_LIMIT, LOST)
_ONU = (ONU_RECEIVE, ONU_TRANSMIT, OLT_RECEIVE)

Why = Literal["", "untold", "no_light", "apart", "gain", "no_limit"]
"""Why there is no figure: an end does not tell; no light; the ends were read at different times; the span seems to amplify;
nobody says what the receiver needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """What one end tells. `weakest_dbm` is what arrives in the lane that is nearest to its limit, and `low_limit_dbm` is the
    limit of that lane; where some lanes tell a limit and others none, `bare_dbm` is the least of the others. `limited`: its
    optic tells its limits itself, if not this time, so that no other may stand for them. `dark`: in some lane nothing
    arrives; `overloaded`: in some lane more than it bears. Read at `at`, on the monotonic clock, and then `every_s`."""

    receive_dbm: float | None = None
    transmit_dbm: float | None = None
    weakest_dbm: float | None = None
    low_limit_dbm: float | None = None
    bare_dbm: float | None = None
    limited: bool = False
    dark: bool = False
    overloaded: bool = False
    at: float = 0.0
    every_s: float = 30.0


class Lane(NamedTuple):
    """What arrives in one lane, its limits, and whether its optic says that nothing does."""

    receive_dbm: float
    low_limit_dbm: float | None = None
    high_limit_dbm: float | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One direction of a link. `loss_db` and `margin_db` are None for the reasons beside them. `limit_dbm` is what the
    receiver needs; `overloaded`: it gets more than it bears."""

    transmit_dbm: float | None
    receive_dbm: float | None
    loss_db: float | None
    margin_db: float | None
    limit_dbm: float | None
    why_no_loss: Why
    why_no_margin: Why
    overloaded: bool


def gather(
    lanes: Sequence[Lane],
    transmits: Sequence[float],
    *,
    low_limit: float | None = None,
    at: float = 0.0,
    every_s: float = 30.0,
) -> Light:
    """The light of an end from its lanes and from what its transmitters send. `low_limit` is that of lanes without one."""
    complete = not transmits or len(lanes) >= len(transmits)
    light = Light(transmit_dbm=_sum(transmits) if len(transmits) >= len(lanes) else None, at=at, every_s=every_s)
    if not lanes or not complete:
        return light
    limits = [low_limit if lane.low_limit_dbm is None else lane.low_limit_dbm for lane in lanes]
    # A lane without a limit is compared only with its like: against the others nobody can tell yet which is nearer.
    known = [n for n, limit in enumerate(limits) if limit is not None]
    bare = [lane.receive_dbm for lane, limit in zip(lanes, limits, strict=True) if limit is None]
    weakest = min(known or range(len(lanes)), key=lambda n: lanes[n].receive_dbm - (limits[n] or 0.0))
    return replace(
        light,
        receive_dbm=_sum([lane.receive_dbm for lane in lanes]),
        weakest_dbm=lanes[weakest].receive_dbm,
        low_limit_dbm=limits[weakest],
        bare_dbm=min(bare) if bare and known else None,
        overloaded=any(lane.high_limit_dbm is not None and lane.receive_dbm > lane.high_limit_dbm for lane in lanes),
        dark=any(lane.lost or lane.receive_dbm <= NO_LIGHT_DBM for lane in lanes),
    )


def completed(own: Light | None, told: Light | None) -> Light | None:
    """What an end tells itself, and for what it does not, what the other end tells of it (an OLT of its ONU)."""
    if own is None or told is None:
        return own or told
    if own.receive_dbm is None and told.receive_dbm is not None:
        # The limit is the optic's own in either case, and the time is that of what arrives.
        sent = told.transmit_dbm if own.transmit_dbm is None else own.transmit_dbm
        return replace(told, transmit_dbm=sent, low_limit_dbm=own.low_limit_dbm)
    return replace(own, transmit_dbm=told.transmit_dbm) if own.transmit_dbm is None else own


def span(near: Light | None, far: Light | None, limit_dbm: float | None = None) -> dict[Direction, Span]:
    """Both directions of a link. `limit_dbm` is what its receivers need where their optics do not tell it themselves."""
    near, far = near or Light(), far or Light()
    return {Direction.RECEIVE: _one_way(far, near, limit_dbm), Direction.TRANSMIT: _one_way(near, far, limit_dbm)}


def days_left(margin_db: float | None, fading_db_per_week: float | None) -> float | None:
    """In how many days the margin is spent, if it goes on fading so. 0: it is; None: it does not fade, nobody knows, or it
    takes more than ten years, which no trend of weeks can tell."""
    if margin_db is None:
        return None
    if margin_db <= 0:
        return 0.0
    if fading_db_per_week is None or 7 * margin_db >= _FORETOLD_DAYS * fading_db_per_week:
        return None
    return 7 * margin_db / fading_db_per_week


_FORETOLD_DAYS = 3650.0


def _one_way(sender: Light, receiver: Light, limit_dbm: float | None) -> Span:
    sent, arrives = sender.transmit_dbm, receiver.receive_dbm
    weakest, limit = _weakest(receiver, None if receiver.limited else limit_dbm)
    loss, why_no_loss = _loss(sender, receiver)
    margin: float | None = None
    why_no_margin: Why = ""
    if weakest is None:
        why_no_margin = "untold"
    elif receiver.dark:
        why_no_margin = "no_light"
    elif limit is None:
        why_no_margin = "no_limit"
    else:
        margin = weakest - limit
    return Span(
        transmit_dbm=sent,
        receive_dbm=arrives,
        loss_db=loss,
        margin_db=margin,
        limit_dbm=limit,
        why_no_loss=why_no_loss,
        why_no_margin=why_no_margin,
        overloaded=receiver.overloaded,
    )


def _weakest(receiver: Light, given: float | None) -> tuple[float | None, float | None]:
    """What arrives in the lane that is nearest to its limit, and that limit; None: some lane has none, even where one is
    `given` to those that tell none."""
    arrives, own, bare = receiver.weakest_dbm, receiver.low_limit_dbm, receiver.bare_dbm
    if own is None:
        return arrives, given
    if arrives is None or bare is None:
        return arrives, own
    return min((arrives, own), (bare, given), key=lambda lane: lane[0] - lane[1]) if given is not None else (arrives, None)


def _loss(sender: Light, receiver: Light) -> tuple[float | None, Why]:
    sent, arrives = sender.transmit_dbm, receiver.receive_dbm
    if sent is None or arrives is None:
        return None, "untold"
    if receiver.dark or sent <= NO_LIGHT_DBM:
        return None, "no_light"
    if abs(sender.at - receiver.at) > SAME_TIME_INTERVALS * max(sender.every_s, receiver.every_s):
        return None, "apart"
    return (None, "gain") if sent - arrives < -MOST_GAIN_DB else (sent - arrives, "")


def _sum(powers: Sequence[float]) -> float | None:
    """The power of all lanes together."""
    if len(powers) < 2:
        return powers[0] if powers else None
    return 10 * log10(sum(10 ** (power / 10) for power in powers))


# --- where it stands among the readings ---------------------------------------------------------------------------------


class _LanePlaces(NamedTuple):
    receive: int
    low_limit: int | None
    high_limit: int | None
    lost: int | None


class OpticPlaces(NamedTuple):
    """Where the light of one port stands among a device's readings."""

    lanes: tuple[_LanePlaces, ...] = ()
    transmit: tuple[int, ...] = ()
    low_limits: tuple[int, ...] = ()
    """Limits that belong to no lane: the strictest holds for those without their own."""

    @property
    def first(self) -> int | None:
        """The reading whose time is that of all: what arrives, where it is told."""
        return next(iter((*(lane.receive for lane in self.lanes), *self.transmit, *self.low_limits)), None)

    def light(self, values: Sequence[float], at: float, every_s: float) -> Light | None:
        """What the port tells now; None: nothing."""
        lanes = [
            Lane(
                values[lane.receive],
                _told(values, lane.low_limit),
                _told(values, lane.high_limit),
                _is_set(values, lane.lost),
            )
            for lane in self.lanes
        ]
        transmits = [values[place] for place in self.transmit]
        lanes = lanes if all(isfinite(lane.receive_dbm) for lane in lanes) else []
        transmits = transmits if all(map(isfinite, transmits)) else []
        limits = [values[place] for place in self.low_limits if isfinite(values[place])]
        if not lanes and not transmits and not limits:
            return None
        found = gather(lanes, transmits, low_limit=max(limits, default=None), at=at, every_s=every_s)
        return found if lanes else replace(found, low_limit_dbm=max(limits, default=None))


class EndPlaces(NamedTuple):
    """Where the light of one end of a link stands, and, at an OLT, what it tells of the ONU at the other."""

    own: OpticPlaces
    other: OpticPlaces | None = None


def find(series: Sequence[Series], ports: Iterable[str]) -> dict[str, EndPlaces]:
    """Where the light of these ports stands, of those that have any. A port owns the optic readings whose `interface` it is,
    else those whose `sensor`; else it may be the ONU of that `sensor`. What a port of an OLT receives comes from all of its
    ONUs by turns and is no link's light."""
    optics: dict[str, _Rows] = {}
    sensors: dict[str, _Rows] = {}
    onus: dict[str, tuple[str, dict[str, int]]] = {}
    for place, one in enumerate(series):
        if one.family in _OPTIC:
            sensor, interface = one.label("sensor"), one.label("interface")
            for index, name in ((optics, interface), (sensors, sensor)):
                if name:
                    index.setdefault(name, {}).setdefault(one.family, {})[sensor] = place
        elif one.family in _ONU:
            onus.setdefault(one.label("sensor"), (one.label("interface"), {}))[1][one.family] = place
    shared = {interface for interface, _ in onus.values()}
    found = {}
    for port in ports:
        rows = optics.get(port) or sensors.get(port)
        if rows:
            found[port] = EndPlaces(_optic({**rows, RECEIVE: {}} if port in shared else rows))
        elif port in onus:
            interface, at_onu = onus[port]
            found[port] = _olt(optics.get(interface, {}), at_onu)
    return found


_Rows = dict[str, dict[str, int]]
"""Of one port: by family, by sensor, the place."""


def _optic(rows: Mapping[str, Mapping[str, int]]) -> OpticPlaces:
    received, low, high, lost = (rows.get(family, {}) for family in (RECEIVE, LOW_LIMIT, HIGH_LIMIT, LOST))
    lanes = tuple(_LanePlaces(at, low.get(name), high.get(name), lost.get(name)) for name, at in sorted(received.items()))
    loose = tuple(at for name, at in low.items() if name not in received)
    return OpticPlaces(lanes, tuple(rows.get(TRANSMIT, {}).values()), loose)


def _olt(port: Mapping[str, Mapping[str, int]], onu: Mapping[str, int]) -> EndPlaces:
    """The end at an OLT: it sends with the optic of its port, and tells what it receives of each ONU by itself."""
    limits, highs = tuple(port.get(LOW_LIMIT, {}).values()), tuple(port.get(HIGH_LIMIT, {}).values())
    high = highs[0] if highs else None
    received = (_LanePlaces(onu[OLT_RECEIVE], None, high, None),) if OLT_RECEIVE in onu else ()
    far = OpticPlaces(received, tuple(port.get(TRANSMIT, {}).values())[:1], limits)
    at_onu = (_LanePlaces(onu[ONU_RECEIVE], None, None, None),) if ONU_RECEIVE in onu else ()
    return EndPlaces(far, OpticPlaces(at_onu, (onu[ONU_TRANSMIT],) if ONU_TRANSMIT in onu else ()))


def _told(values: Sequence[float], place: int | None) -> float | None:
    return None if place is None or not isfinite(values[place]) else values[place]


def _is_set(values: Sequence[float], place: int | None) -> bool:
    return place is not None and values[place] == 1

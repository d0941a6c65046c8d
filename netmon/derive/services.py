"""The state of a link from its witnesses, and of a site from its links (SEMANTICS 2)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from netmon.model import DeviceState, LinkRole, LinkState, Service

WORST_FIRST = (Service.ISOLATED, Service.UNREACHABLE, Service.ON_BACKUP, Service.UNKNOWN, Service.UP)
"""Of several sites of a commune the worst speaks (SEMANTICS 2)."""


class Witness(StrEnum):
    """What one witness says. `held`: it is being verified, so what was last known stands. `lost`: it cannot be asked, for
    its upstream is lost. `unknown`: netmon cannot tell."""

    UP = "up"
    DOWN = "down"
    HELD = "held"
    LOST = "lost"
    UNKNOWN = "unknown"


def near_witness(device: DeviceState, oper_up: bool | None, *, forwards: bool = False) -> Witness:
    """The commune-end interface. Its device being down, with a live path up to the link, speaks against the link, unless
    it `forwards`: it is mute, and what hangs on it alone answers."""
    if device is DeviceState.DOWN:
        return Witness.UNKNOWN if forwards else Witness.DOWN
    return far_witness(device, oper_up)


def far_witness(device: DeviceState, oper_up: bool | None) -> Witness:
    """The far interface: a far device that is down is an upstream lost, and says nothing of the link itself."""
    if device is DeviceState.SUSPECT:
        return Witness.HELD
    if device in (DeviceState.DOWN, DeviceState.UNREACHABLE):
        return Witness.LOST
    if device is DeviceState.UNKNOWN or oper_up is None:
        return Witness.UNKNOWN
    return Witness.UP if oper_up else Witness.DOWN


def link_state(witnesses: Iterable[Witness], before: LinkState) -> LinkState:
    """A link is down when a witness says so, up when one says so and none denies it, else unknown.

    Without witnesses it is unknown, never up. While the only word is that of a witness under verification, `before` holds.
    """
    said = set(witnesses)
    if Witness.DOWN in said:
        return LinkState.DOWN
    if Witness.HELD in said:
        return before
    if Witness.UP in said:
        return LinkState.UP
    return LinkState.UNKNOWN


def site_service(links: Iterable[tuple[LinkRole, LinkState]], *, upstream_lost: bool) -> Service:
    """A site's service. `upstream_lost`: that its links cannot be asked is explained by an upstream, not by netmon."""
    states = list(links)
    if any(role is LinkRole.PRIMARY and state is LinkState.UP for role, state in states):
        return Service.UP
    if any(state is LinkState.UP for _, state in states):
        return Service.ON_BACKUP
    if states and all(state is LinkState.DOWN for _, state in states):
        return Service.ISOLATED
    return Service.UNREACHABLE if upstream_lost else Service.UNKNOWN

"""The wallboard of a running netmon. Between two looks mostly nothing happens that it shows: then the board that was made
before is told again, with another time, and all that a look costs is to see that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netmon import __version__
from netmon.book import window_json
from netmon.desk import Desk
from netmon.events.windows import phase
from netmon.ground import Ground, ground
from netmon.inventory import Inventory
from netmon.judge import Judge
from netmon.model import Phase, Verdict, WindowKind
from netmon.network import Network
from netmon.operations import Operations
from netmon.pipeline import Pipeline
from netmon.places import incident_rows
from netmon.settings import Settings
from netmon.targets.windows import local
from netmon.units import Register
from netmon.wallboard import wallboard


class Wall:
    """Looks at the parts of one netmon, and changes none. `settings` gives those that hold now."""

    def __init__(
        self,
        *,
        network: Network,
        pipeline: Pipeline,
        judge: Judge,
        register: Register,
        settings: Callable[[], Settings],
        desk: Desk,
    ) -> None:
        self._network = network
        self._pipeline = pipeline
        self._judge = judge
        self._register = register
        self._settings = settings
        self._desk = desk
        self._ground: Ground | None = None
        self._rests_on: list[Any] = []
        self._made: Mapping[str, Any] = {}
        # What the board before was made of, by identity: while they are held, no other can have their place.
        self._of: tuple[Settings, Inventory, Sequence[Verdict]] | None = None

    def look(self, now: float, *, ready: bool, connections: Mapping[str, bool]) -> dict[str, Any]:
        """All that the wallboard shows."""
        of = (self._settings(), self._network.inventory, self._judge.verdicts)
        rests_on = self._look_around(now, ready, connections)
        same = self._of is not None and all(one is other for one, other in zip(of, self._of, strict=True))
        if not same or rests_on != self._rests_on:
            self._made = self._make(now, ready, connections)
            self._of, self._rests_on = of, rests_on
        return {**self._made, "time": now}

    def _look_around(self, now: float, ready: bool, connections: Mapping[str, bool]) -> list[Any]:
        """What the board rests on beside settings, inventory and verdicts: equal where it would be the same again."""
        network, operations = self._network, self._pipeline.operations
        return [
            [(track.state, track.since, track.cause, track.detail) for track in network.tracks.values()],
            list(network.links.values()),
            list(network.sites.values()),
            network.isolated_since,
            self._pipeline.supplies.on_battery(),
            operations.darkness.ends(now),
            operations.incidents.going_on(),
            _windows(operations, now),
            local(now).date(),
            ready,
            dict(connections),
        ]

    def _make(self, now: float, ready: bool, connections: Mapping[str, bool]) -> Mapping[str, Any]:
        settings, network, operations = self._settings(), self._network, self._pipeline.operations
        if self._ground is None or self._ground.inventory is not network.inventory:
            self._ground = ground(network.inventory)
        board = wallboard(
            network=network,
            verdicts=self._judge.verdicts,
            targets=settings.targets,
            register=self._register,
            provinces=settings.provinces,
            scope=settings.scope,
            on_battery=self._pipeline.supplies.on_battery(),
            ready=ready,
            now=now,
            version=__version__,
            connections=connections,
            ends=operations.darkness.ends(now),
            stays=self._ground,
        )
        return board | {"incidents": incident_rows(self._desk.on_the_wall(now))} | _windows(operations, now)


def _windows(operations: Operations, now: float) -> dict[str, Any]:
    """Storms and works, as the wallboard shows them."""
    standing = operations.windows.standing()
    return {
        "storms": [window_json(w, phase(w, now)) for w in standing if w.kind is WindowKind.STORM],
        "maintenance": [
            window_json(w, phase(w, now), overrun=operations.is_late(w))
            for w in standing
            if w.kind is WindowKind.MAINTENANCE and phase(w, now) is not Phase.PREPARE
        ],
    }

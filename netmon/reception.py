"""Who may ask a running netmon, and who answers: the HTTP listener and the control socket, with the same answers to both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from netmon.answers import Answers
from netmon.audit import Audit
from netmon.control import ControlServer, Handler, UnwrittenError
from netmon.desk import Desk
from netmon.events.calendar import HOLIDAY, NIGHT, TET, WEEKEND, frozen, on_call, windows_at
from netmon.events.windows import phase
from netmon.exporters.influx import Influx
from netmon.exporters.prometheus import Page
from netmon.imports import Imports
from netmon.judge import Judge
from netmon.model import Caller, Meter, Phase, Verdict, WindowKind
from netmon.network import Network
from netmon.pipeline import Pipeline
from netmon.places import Places
from netmon.pollers.choice import Pollers
from netmon.pulse import Blocked
from netmon.readiness import Readiness
from netmon.settings import Settings
from netmon.store import Reader, Store
from netmon.targets.definitions import BackupDrill
from netmon.units import Register
from netmon.wall import Wall
from netmon.web import Listener

DEEDS = ("incidents", "incident", "storm", "maintenance")
"""Commands that may be given over HTTP as well, with a token."""

log = structlog.get_logger(__name__)


class Reception:
    """Answers for one netmon. `settings` gives those that hold now; `reload` does what its name says."""

    def __init__(
        self,
        *,
        network: Network,
        pipeline: Pipeline,
        judge: Judge,
        pollers: Pollers,
        page: Page,
        influx: Influx | None,
        register: Register,
        store: Store,
        reader: Reader,
        meter: Meter,
        settings: Callable[[], Settings],
        started: float,
        held: Callable[[], Blocked | None],
        reload: Handler,
    ) -> None:
        self._settings = settings
        self._reload = reload
        self._audit = Audit(store)
        self._pipeline = pipeline
        self._judge = judge
        operations = pipeline.operations
        operations.scope = lambda: settings().scope
        operations.calendar = lambda now: windows_on(settings(), now)
        operations.frozen = lambda start, end: frozen_words(settings(), start, end)
        self.desk = Desk(
            network, operations, pipeline.cells, reader, register, settings, self._hotlines, self._on_call, meter
        )
        answers = Answers(
            network=network,
            pipeline=pipeline,
            judge=judge,
            pollers=pollers,
            page=page,
            influx=influx,
            register=register,
            settings=settings,
            started=started,
            held=held,
            places=Places(
                network=network, pipeline=pipeline, judge=judge, reader=reader, register=register, settings=settings
            ),
            wall=Wall(network=network, pipeline=pipeline, judge=judge, register=register, settings=settings, desk=self.desk),
        )
        imports = Imports(store, register, pipeline.cells)
        readiness = Readiness(network, operations.darkness, reader, self._drills)
        handlers: Mapping[str, Handler] = {
            "status": answers.control_status,
            "wallboard": answers.control_wallboard,
            "fibre": answers.control_fibre,
            "verdicts": answers.control_verdicts,
            "reload": self._control_reload,
            "site": answers.control_site,
            "ispeed": imports.control_ispeed,
            "cells": imports.control_cells,
            "storm": operations.windows.control_storm,
            "maintenance": operations.windows.control_maintenance,
            "incidents": self.desk.control_incidents,
            "incident": self.desk.control_incident,
            "sitrep": self.desk.control_sitrep,
            "shift": self.desk.control_shift,
            "dark": answers.control_dark,
            "readiness": readiness.control_readiness,
        }
        listen = settings().prometheus
        deeds = {name: handlers[name] for name in DEEDS}
        self.listener = Listener(
            answers,
            listen.host,
            listen.port,
            deeds=deeds,
            settings=lambda: settings().web,
            meter=meter,
            carry_out=self._audit.carry_out,
            forbid=self._audit.forbid,
        )
        self.control = ControlServer(settings().control, handlers, self._audit.carry_out, meter)

    async def stop(self) -> None:
        await self.control.stop()
        await self.listener.stop()
        self._audit.close()

    async def reload(self, signal: str) -> None:
        """Reads the settings anew because a signal came, as the command does. ControlError: they are wrong; the old ones
        stay."""
        try:
            await self._audit.carry_out(Caller(signal, "signal"), "reload", self._control_reload, {})
        except UnwrittenError as error:
            log.warning("reloaded, but not in the audit log yet", reason=str(error))

    async def _control_reload(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        told = await self._reload(author, request)
        try:
            self.listener.renew()
        except OSError as error:  # they were sound when the settings were read
            log.error("the listener goes on with the certificate it had", reason=str(error))
        return told

    def _hotlines(self) -> Mapping[str, str]:
        return self._settings().calendar.hotlines

    def _on_call(self, now: float) -> Sequence[str]:
        calendar = self._settings().calendar
        storm = any(
            window.kind is WindowKind.STORM and not window.exercise and phase(window, now) is not Phase.OVER
            for window in self._pipeline.operations.windows.standing()
        )
        return on_call(calendar, now, storm=storm)

    def _drills(self) -> Sequence[Verdict]:
        drills = {target.id for target in self._settings().targets if isinstance(target, BackupDrill)}
        return [verdict for verdict in self._judge.verdicts if verdict.target in drills]


def windows_on(settings: Settings, now: float) -> dict[str, bool]:
    """The windows of the calendar, and whether each holds at an instant."""
    calendar = settings.calendar
    holding = windows_at(calendar, now)
    return {name: name in holding for name in (TET, HOLIDAY, WEEKEND, NIGHT, *(season.name for season in calendar.seasons))}


def frozen_words(settings: Settings, start: float, end: float) -> list[str]:
    """The change freezes of the calendar that an interval lies in, in both languages."""
    return [f"{freeze.vi} / {freeze.en}" for freeze in frozen(settings.calendar, start, end)]

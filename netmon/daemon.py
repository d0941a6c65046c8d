"""The daemon: builds every part from settings, runs them, reloads them, stops them in order.

Read `Daemon.run` and you know the program.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from math import nan
from pathlib import Path
from typing import Any, TypeVar

import structlog

from netmon import __version__, backup, systemd, units
from netmon.backups import Backups
from netmon.control import ControlError
from netmon.exporters.influx import Influx
from netmon.exporters.outlets import Outlets
from netmon.exporters.prometheus import OwnMetrics, Page
from netmon.inventory import Diff, Inventory
from netmon.judge import DOUBTED_S, Judge
from netmon.model import Device, Meter, Speech, SpeedTest, Subject
from netmon.network import Network
from netmon.notice import Notice
from netmon.pipeline import Pipeline
from netmon.pollers.choice import Pollers
from netmon.pulse import Pulse
from netmon.reception import Reception
from netmon.reload import read_in_child, started_anew
from netmon.rounds import Rounds
from netmon.schedule import Schedule
from netmon.settings import Settings, TrapSettings
from netmon.store import Store
from netmon.upkeep import keep_forever
from netmon.watch import Poller

log = structlog.get_logger(__name__)

T = TypeVar("T")

NO_SERVER = nan
"""Neither 0 nor 1: no alert rests on a server that nobody named."""


class StartError(Exception):
    """A part cannot start as it is configured; the text names the setting and the reason."""


class Daemon:
    """One netmon. `directory` is where its settings were read and will be read again."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self._directory = directory
        self._register = units.load()
        self._own = OwnMetrics()
        self._page = Page(self._own)
        self._outlets = Outlets(self._page)
        self._hearing: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._hangup = asyncio.Event()
        self._reload = asyncio.Lock()
        self._failure: BaseException | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._started = time.time()

    @property
    def meter(self) -> Meter:
        return self._own

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT. StartError, StoreError: a part cannot start; nothing is left running then."""
        self._own.gauge("netmon_build_info", 1, version=__version__)
        self._own.gauge("netmon_start_timestamp_seconds", self._started)
        for family in ("netmon_mqtt_connected", "netmon_influx_reachable"):
            self._own.gauge(family, NO_SERVER)
        self._hear_signals()
        settings = self.settings
        working = partial(systemd.notify, EXTEND_TIMEOUT_USEC="60000000")
        store = Store.open(settings.store.path, self.meter, working)
        heard = self._noticed, self._tested, lambda report: self._pipeline.cells.take([report], time.time())
        self._store = store
        self._pulse = Pulse(settings.store.path.with_name(f"{settings.store.path.name}.held"), self.meter)
        async with Pollers(
            settings.profiles, self.meter, self._wake, *heard, settings.poll, store.put_request_size
        ) as self._pollers:
            try:
                await asyncio.to_thread(self._pulse.open)
                await self._run(settings, store)
            finally:
                self._pulse.close()
                await asyncio.to_thread(store.close)

    async def _run(self, settings: Settings, store: Store) -> None:
        self._reader = store.reader()
        self._influx = _influx(settings, self.meter)
        if settings.influx is not None:
            store.watch_disk("outbox", settings.influx.outbox)
        self._outlets = Outlets(self._page, self._influx)
        self._pollers.subscribe(settings.mqtt)
        self._pollers.recall(self._reader.request_sizes())
        absence = store.record_start(self._started)
        if absence is not None:
            log.info("netmon was away", since=absence.start, until=absence.end, reason=absence.reason)
        offset = time.time() - time.monotonic()
        self._network = Network(settings.inventory, self._started, settings.poll.verify_after_s, offset)
        causes = {outage.subject: outage.cause for outage in self._reader.outages(open_only=True)}
        for kind in ("device", "link", "site"):
            for name, span in self._reader.last_spans(kind).items():
                subject = Subject(kind, name)
                self._network.restore(subject, span.state, span.start, causes.get(subject, ""))
            for name, state in self._reader.last_known(kind).items():
                self._network.recall(Subject(kind, name), state)
        self._close_outages_of_strangers(settings.inventory)
        self._schedule = self._make_schedule(lambda seconds: self._own.observe("netmon_poll_lateness_seconds", seconds))
        self._checking = self._make_schedule(lambda seconds: None)  # of its own: bursts of echoes take no poll's place
        self._pipeline: Pipeline = Pipeline(
            settings.inventory,
            self._network,
            store=store,
            outlets=self._outlets,
            meter=self.meter,
            make_poller=self._make_poller,
            pinger=self._pollers.pinger,
            poke=self._schedule.poke,
            max_age_intervals=settings.prometheus.max_age_intervals,
            register=self._register,
        )
        self._pipeline.restore(self._reader)
        self._rounds = Rounds(
            network=self._network,
            pipeline=self._pipeline,
            pollers=self._pollers,
            schedule=self._schedule,
            store=store,
            outlets=self._outlets,
            meter=self.meter,
            doubt=lambda: self._judge.doubt(),
        )
        self._judge = Judge(self._register, store, self._reader, self._outlets, self.meter)
        if absence is not None and absence.end - absence.start > DOUBTED_S:
            self._judge.doubt()
        self._show_inventory(settings)
        self._fill_schedule(settings)
        self._pipeline.operations.windows.follow(settings.maintenance, time.time())
        self._reception = Reception(
            network=self._network,
            pipeline=self._pipeline,
            judge=self._judge,
            pollers=self._pollers,
            page=self._page,
            influx=self._influx,
            register=self._register,
            store=store,
            reader=self._reader,
            meter=self.meter,
            settings=lambda: self.settings,
            started=self._started,
            held=lambda: self._pulse.last,
            reload=self._control_reload,
        )
        self._listen = await _begin("exporters.prometheus.listen", self._reception.listener.start())
        try:
            self._hear_traps(settings)
            await _begin("control", self._reception.control.start())
            await self._serve()
        finally:
            systemd.notify(STOPPING="1")
            self._judge.stop()
            await asyncio.gather(self._schedule.stop(grace_s=1.0), self._checking.stop(grace_s=1.0))
            await self._reception.stop()
            if self._pollers.traps is not None:
                self._pollers.traps.close()
            self._pipeline.park()
            await self._judge.join()
            self._judge.park(time.time())
            store.record_stop(time.time())
            if self._influx is not None:
                await self._influx.close()

    async def _serve(self) -> None:
        # What stands after the start stays for good: the collector need not walk it again, which would hold up the loop.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 100)
        for work in (
            self._schedule.run_forever(),
            self._checking.run_forever(),
            *self._rounds.works(),
            self._judge.run_forever(lambda: self.settings),
            keep_forever(self._store, lambda: self.settings, self._own),
            self._pipeline.fibre.fade_forever(self._reader.summaries),
            Backups(self._reader, self._outlets, self.meter).run_forever(lambda: self.settings),
            self._reception.desk.report_forever(),
            self._reload_on_hangup(),
            backup.tell_forever(self.settings.store.path, self.meter),
            self._pulse.beat_forever(),
            self._pulse.feed_forever(lambda: self._schedule.turns, self._schedule.owing, self._longest_poll),
        ):
            self._start(work)
        if self._influx is not None:
            self._start(self._influx.run_forever())
        self._hear()
        devices, path = len(self.settings.inventory.devices), str(self.settings.store.path)
        log.info("netmon runs", version=__version__, devices=devices, listen=self._listen, store=path)
        self._rounds.ready()
        await self._stop.wait()
        log.info("netmon stops")
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    # --- what the parts ask -------------------------------------------------------------------------------------------

    def _make_poller(self, device: Device, labels: tuple[tuple[str, str], ...]) -> Poller:
        return self._pollers.make(device, labels, self.settings.credentials, lambda: self._pipeline.watches[device.id].ends)

    def _wake(self, device: str, after_s: float = 0.0) -> None:
        self._schedule.poke(device, after_s)

    def _noticed(self, notice: Notice) -> None:
        self._store.put_notice(notice)
        self._pipeline.operations.incidents.pictures.note_notice(notice)

    def _tested(self, test: SpeedTest) -> None:
        self._pipeline.take_speed_test(test)

    def _hear_traps(self, settings: Settings) -> None:
        """Where sockets for them were handed over, or the settings ask for it. StartError: none can be opened."""
        sockets = systemd.handed_over("traps")
        if not sockets and settings.traps is None:
            return
        try:
            traps = self._pollers.hear_traps(settings.traps or TrapSettings(), sockets, self._store.start_engine())
        except OSError as error:
            raise StartError(f"traps.listen: {error.strerror or error}") from error
        traps.take(settings.inventory, settings.credentials, settings.traps or TrapSettings())

    def _hear(self) -> None:
        """Runs the subscription to the broker that the settings name, in place of the one before."""
        subscriber = self._pollers.subscriber
        if self._hearing is not None:
            if subscriber is None:
                self._hearing.add_done_callback(lambda _: self._own.gauge("netmon_mqtt_connected", NO_SERVER))
            self._hearing.cancel()
        self._hearing = self._start(subscriber.run_forever()) if subscriber is not None else None

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A background part that dies of an exception ends netmon: the service manager starts it afresh."""
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a part of netmon died", exc_info=error)
            self._failure = error
            self._stop.set()

    def _longest_poll(self) -> float:
        return max((device.deadline_s for device in self.settings.inventory.devices.values()), default=0.0)

    # --- reload -------------------------------------------------------------------------------------------------------

    def _hear_signals(self) -> None:
        """From the first moment: a stop during the start ends it in order, a hangup then is a reload right after it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hangup.set)

    async def _reload_on_hangup(self) -> None:
        """One reload for any number of hangups that came meanwhile."""
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            await self._reload_and_log("SIGHUP")

    async def _reload_and_log(self, author: str) -> None:
        try:
            await self._reception.reload(author)
        except ControlError as error:
            log.error("reload refused: the old configuration stays", by=author, problems=str(error))
        except Exception:
            self._own.count("netmon_bugs_total", room="daemon")
            log.exception("reload failed by a bug", by=author)

    async def reload(self, author: str) -> tuple[Diff, list[str]]:
        """Reads the settings in a child process and takes what differs; returns the devices touched, and the settings that
        take effect only at the next start. ControlError: they are wrong; the old ones stay."""
        async with self._reload:
            systemd.reloading()
            try:
                settings = await read_in_child(self._directory)
            except ControlError:
                self._own.count("netmon_reloads_total", result="refused")
                self._rounds.reloaded(refused=True)
                raise
            later = started_anew(self.settings, settings)
            if later:
                log.warning("settings take effect at the next start", settings=later)
            diff = self._take(settings)
            self._own.count("netmon_reloads_total", result="ok")
            self._rounds.reloaded(refused=False)
            log.info("reloaded", by=author, added=len(diff.added), removed=len(diff.removed), changed=len(diff.changed))
            self._start(self._judge.judge(settings, time.time()))
            return diff, later

    def _take(self, settings: Settings) -> Diff:
        old, self.settings = self.settings, settings
        fresh = {name for name, credential in settings.credentials.items() if old.credentials.get(name) != credential}
        devices = settings.inventory.devices
        renewed = {device.id for device in devices.values() if device.credential in fresh}
        if settings.profiles != old.profiles:
            self._pollers.profiles = settings.profiles
            renewed |= {device.id for device in devices.values() if device.speaks is Speech.SNMP}
        if settings.mqtt != old.mqtt:
            self._pollers.subscribe(settings.mqtt)
            renewed |= {device.id for device in devices.values() if device.speaks is Speech.MQTT}
            self._hear()
        if self._influx is not None and settings.influx is not None:
            self._start(self._influx.renew(settings.influx))
        self._network.verify_after_s = settings.poll.verify_after_s
        checks = dict(self._pipeline.checks())
        diff = self._pipeline.take(settings.inventory, renewed)
        self._pipeline.operations.windows.follow(settings.maintenance, time.time())
        if self._pollers.subscriber is not None:
            self._pollers.subscriber.keep({device.id for device in devices.values() if device.speaks is Speech.MQTT})
        for device in diff.removed:
            self._schedule.remove(device)
        for device in diff.added | diff.changed:
            self._schedule.add(device, settings.inventory.devices[device].interval_s)
        for check in checks.keys() - dict(self._pipeline.checks()).keys():
            self._checking.remove(check)
        for check, interval_s in self._pipeline.checks():
            if checks.get(check) != interval_s:
                self._checking.add(check, interval_s)
        if self._pollers.traps is not None:
            self._pollers.traps.take(settings.inventory, settings.credentials, settings.traps or TrapSettings())
        self._show_inventory(settings)
        return diff

    def _make_schedule(self, on_late: Callable[[float], None]) -> Schedule:
        return Schedule(
            lambda key, due: self._pipeline.run(key),
            cap=self.settings.poll.concurrency,
            on_skip=lambda key, reason: self._own.count("netmon_polls_skipped_total", reason=reason),
            on_late=on_late,
            on_failed=lambda key: self._own.count("netmon_bugs_total", room="daemon"),
        )

    def _fill_schedule(self, settings: Settings) -> None:
        for device in settings.inventory.devices.values():
            self._schedule.add(device.id, device.interval_s)
        for check, interval_s in self._pipeline.checks():
            self._checking.add(check, interval_s)

    def _close_outages_of_strangers(self, inventory: Inventory) -> None:
        """Ends the outages of what was taken out of the inventory while netmon did not run."""
        known = {"device": inventory.devices, "link": inventory.links, "site": inventory.links_of_site()}
        for outage in self._reader.outages(open_only=True):
            if outage.subject.id not in known.get(outage.subject.kind, {}):
                self._store.close_outage(outage.subject, self._started)

    def _show_inventory(self, settings: Settings) -> None:
        self._own.gauge("netmon_config_devices", len(settings.inventory.devices))
        self._judge.show_communes(settings.provinces, time.time())
        self._judge.show_targets(settings.targets)

    # --- the control socket -------------------------------------------------------------------------------------------

    async def _control_reload(self, author: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        diff, later = await self.reload(author)
        return {
            "added": sorted(diff.added),
            "removed": sorted(diff.removed),
            "changed": sorted(diff.changed),
            "devices": len(self.settings.inventory.devices),
            "links": len(self.settings.inventory.links),
            "targets": len(self.settings.targets),
            "at_next_start": later,
        }


async def _begin(setting: str, starting: Coroutine[Any, Any, T]) -> T:
    """Starts a part; StartError names the setting where it cannot."""
    try:
        return await starting
    except OSError as error:
        raise StartError(f"{setting}: {error.strerror or error}") from error


def _influx(settings: Settings, meter: Meter) -> Influx | None:
    """The exporter to InfluxDB, if one is configured; StartError: its outbox cannot be used."""
    if settings.influx is None:
        return None
    try:
        return Influx(settings.influx, meter)
    except OSError as error:
        raise StartError(f"exporters.influxdb: {error.strerror or error}") from error

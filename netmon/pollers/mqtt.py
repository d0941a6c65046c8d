"""Hears devices that report by themselves: one connection to the MQTT broker, and a poller for each device (SEMANTICS 9).

MQTT 3.1.1 with a clean session. Each message is taken as it comes off the socket, in some tens of microseconds, so that
nothing waits in netmon and nothing can pile up there: while netmon is busy, the broker holds back. Births and states are
subscribed at QoS 0, for brokers give a subscriber at most some hundred retained messages at QoS 1 at once and drop the
rest; telemetry and events come at the QoS at which they were published.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from math import ceil
from random import SystemRandom
from socket import gaierror
from typing import Any, NoReturn, cast

import aiomqtt
import structlog

from netmon.cancellation import give_way
from netmon.layouts import Heard, fill, filters, hear
from netmon.model import VIET_NAM, At, CellReport, Device, Lull, Meter, Poll, SpeedTest
from netmon.notice import Notice, NoticeKind, Tell
from netmon.pollers.limits import Sparing
from netmon.pollers.mailbox import Mailbox, Receipt
from netmon.pollers.payloads import ROOT, Place, place_of
from netmon.pollers.snmp import now
from netmon.settings import MqttSettings

log = structlog.get_logger(__name__)

_QOS = {"birth": 0, "status": 0, "telemetry": 1, "event": 1, "speed": 1, "cells": 1}
_OWN = {f"{ROOT}/+/+/+/+/{kind}": kind for kind in _QOS}

_Prompts = tuple[tuple[str, str], ...]
"""Topics and payloads to publish."""

LONGEST_WAIT_S = 60.0
STEADY_S = 60.0
"""A connection that lasted so long was a good one: after it the waits begin anew."""

FIRST_TRY_S = 10.0
"""The broker counts as away when it was not reached for so long."""

_SAMPLE = 120
_CLOSED, _KEEPALIVE = 128, 141  # MQTT 5 names for how a connection ended, which paho uses for 3.1.1 too
_BAD_USER = {4, 5, 134, 135}
_QUIET = logging.Logger("aiomqtt", logging.CRITICAL + 1)  # what it would log comes as an exception, too


class Subscriber:
    """Hears the devices of one broker while `run_forever` runs. `wake(device)` asks for a poll of the device now: something
    came for it, or the broker went away or came back. `tell` hears of events, `tested` of speed tests, `celled` of cells,
    and answers why it does not take that."""

    def __init__(
        self,
        settings: MqttSettings,
        meter: Meter,
        wake: Callable[[str], None],
        tell: Tell,
        tested: Callable[[SpeedTest], None],
        celled: Callable[[CellReport], str],
        clock: Callable[[], At] = now,
    ) -> None:
        self._settings = settings
        self._meter = meter
        self._wake = wake
        self._tell = tell
        self._tested = tested
        self._celled = celled
        self.clock = clock
        self._mailboxes: dict[str, Mailbox] = {}
        self._known_as: dict[tuple[str, str], str] = {}  # devices by layout and topic
        self._filters = [(topic, _QOS[kind]) for topic, kind in (filters(settings.layouts) | _OWN).items()]
        self._prompts = {layout.name: layout.ask for layout in settings.layouts if layout.ask}
        self._refused: frozenset[str] = frozenset()  # filters of layouts that the broker does not grant
        self._deaf: dict[str, str] = {}  # layouts of which nothing can be heard therefore, and that in a sentence
        self._inbox: _Inbox | None = None  # while there is a connection
        self._connected = False
        self._made = clock()
        self._away: tuple[At, str] | None = None  # since when, and why
        self._misfits = Sparing(600, 100)
        self._oddities = Sparing(3600, 1000)
        self._events = Sparing(60, 1000)
        self._meter.gauge("netmon_mqtt_connected", 0)

    @property
    def connected(self) -> bool:
        """Whether netmon is connected and subscribed."""
        return self._connected

    def beginning(self, at: At) -> bool:
        """Whether it is too early to say that the broker is away: the first try has not failed, and is young."""
        return self._away is None and at.monotonic - self._made.monotonic <= FIRST_TRY_S

    def where(self) -> str:
        """The broker's address, for people."""
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{'mqtts' if self._settings.tls else 'mqtt'}://{host}:{self._settings.port}"

    def trouble(self) -> str:
        """Why nothing is heard, in a sentence."""
        if self._away is None:
            return f"The broker {self.where()} has not been reached yet."
        since, reason = self._away
        return f"The broker {self.where()} is away since {_clock(since)}: {reason}."

    def deaf(self, device: Device) -> str:
        """Why nothing can be heard of a device while the broker is there, in a sentence; "" when something can."""
        return self._deaf.get(device.layout, "")

    def poller(self, device: Device, labels: tuple[tuple[str, str], ...]) -> MqttPoller:
        """The poller of a device, whose series begin with `labels`. What is known of it goes on."""
        mailbox = self._mailboxes.get(device.id)
        if mailbox is not None and (device.layout, device.topic) == (mailbox.device.layout, mailbox.device.topic):
            mailbox.rename(device, labels)
        else:
            if mailbox is not None and self._known_as.get(was := (mailbox.device.layout, mailbox.device.topic)) == device.id:
                del self._known_as[was]
            mailbox = self._mailboxes[device.id] = Mailbox(device, labels, self.clock())
            if device.layout:
                self._known_as[device.layout, device.topic] = device.id
            if self._inbox is not None:
                self._inbox.interrupt()  # its birth may have come when nobody knew it
        return MqttPoller(self, mailbox)

    def keep(self, devices: Container[str]) -> None:
        """Forgets all other devices."""
        self._mailboxes = {device: mailbox for device, mailbox in self._mailboxes.items() if device in devices}
        kept = (mailbox.device for mailbox in self._mailboxes.values())
        self._known_as = {(device.layout, device.topic): device.id for device in kept if device.layout}

    def ask(self, device: Device) -> None:
        """Lets a device be asked that says nothing by itself; its answers come as messages. Never waits."""
        prompts = self._prompts.get(device.layout)
        if prompts and self._inbox is not None:
            words = {"topic": device.topic}
            self._inbox.errand(tuple((fill("/".join(topic), words), payload) for topic, payload in prompts))

    # --- the connection -----------------------------------------------------------------------------------------------

    async def run_forever(self) -> NoReturn:
        """Connects, subscribes, hears; and again, when the broker went away. Ends only by cancellation."""
        failures, dice = 0, SystemRandom()
        try:
            while True:
                began = self.clock().monotonic
                try:
                    await self._hear()
                except (aiomqtt.MqttError, OSError, UnicodeError) as error:
                    give_way()
                    lasted_s = self.clock().monotonic - began
                    failures = 1 if self._connected and lasted_s > STEADY_S else failures + 1
                    self._lose(_reason(error, self._settings, failures))
                await asyncio.sleep(dice.uniform(1, min(LONGEST_WAIT_S, 2 ** min(failures, 10))))
        finally:
            self._inbox, self._connected = None, False
            self._meter.gauge("netmon_mqtt_connected", 0)

    async def _hear(self) -> None:
        """One connection, until it ends by an error."""
        inbox = _Inbox(self._take)
        context = await asyncio.to_thread(_tls_context, self._settings) if self._settings.tls else None
        settings = self._settings
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            identifier=settings.client_id,
            username=settings.user or None,
            password=settings.password.reveal() if settings.password else None,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            keepalive=ceil(settings.keepalive_s),
            tls_context=context,
            queue_type=lambda maxsize: inbox,  # type: ignore[arg-type]
            logger=_QUIET,
        )
        async with _connection(client):
            self._inbox = inbox
            at = self.clock()
            for mailbox in self._mailboxes.values():
                mailbox.listen(at)
            await self._subscribe(client)
            give_way()
            self._find()
            async for errand in client.messages:
                await self._run(client, inbox, cast("_Prompts", errand))
                give_way()

    async def _run(self, client: aiomqtt.Client, inbox: _Inbox, prompts: _Prompts) -> None:
        """An errand: to publish prompts, or, without any, to subscribe."""
        if not prompts:
            inbox.forgotten = False
            await self._subscribe(client)  # anew, which makes the broker tell what it remembers
        for topic, payload in prompts:
            await client.publish(topic, payload)

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        """What the broker refuses of layouts costs their devices, and no others."""
        before, self._refused = self._refused, await _subscribe(client, self._filters)
        if self._refused - before:
            log.warning("broker refuses layouts", broker=self.where(), topics=sorted(self._refused))
        were, self._deaf, at = self._deaf, {}, self.clock()
        for layout in self._settings.layouts:
            kinds = filters([layout])
            needed = {topic for topic, kind in kinds.items() if kind != "status"} or kinds.keys()
            if needed <= self._refused:
                topics = ", ".join(sorted(needed))
                self._deaf[layout.name] = f"The broker {self.where()} refuses netmon the subscription to {topics}."
        healed = were.keys() - self._deaf.keys()
        for mailbox in self._mailboxes.values():
            if mailbox.device.layout in healed:
                mailbox.listen(at)  # patience begins when it can be heard

    def _find(self) -> None:
        self._connected = True
        self._meter.gauge("netmon_mqtt_connected", 1)
        self._meter.count("netmon_mqtt_connects_total")
        log.info("broker is connected" if self._away is None else "broker is back", broker=self.where())
        self._away = None
        self._wake_all()

    def _lose(self, reason: str) -> None:
        """The connection, or the try to make one, failed. Told when it is news."""
        self._inbox = None
        news = self._connected or self._away is None
        told = self._away is not None and self._away[1] == reason
        self._away = (self._away[0] if self._away else self.clock()), reason
        if not told:
            log.warning("broker is away", broker=self.where(), reason=reason)
        if self._connected:
            self._connected = False
            self._meter.gauge("netmon_mqtt_connected", 0)
        if news:
            self._wake_all()

    def _wake_all(self) -> None:
        for device in list(self._mailboxes):
            self._wake(device)

    # --- messages -----------------------------------------------------------------------------------------------------

    def _take(self, message: aiomqtt.Message) -> None:
        """A message, straight from the socket. Whatever a device sends, the connection goes on."""
        try:
            self._deliver(message.topic.value, bytes(message.payload), message.retain)
        except Exception:
            self._meter.count("netmon_bugs_total", room="pollers")
            log.exception("message failed by a bug", topic=message.topic.value[:_SAMPLE])

    def _deliver(self, topic: str, payload: bytes, retained: bool) -> None:
        at = self.clock()
        place = place_of(topic)
        if place is not None:
            mailbox = self._mailboxes.get(place.device)
            if mailbox is None or mailbox.device.layout:
                self._reject("stranger", at, place.device, device=place.device, topic=topic[:_SAMPLE])
            else:
                self._hand_in(mailbox, place, payload, retained, at)
            return
        heards = list(hear(self._settings.layouts, topic))
        for heard in heards:
            mailbox = self._mailboxes.get(self._known_as.get((heard.layout.name, heard.topic), ""))
            if mailbox is not None:
                self._hand_in(mailbox, heard, payload, retained, at)
                return
        if heards:
            who, layout = heards[0].topic[:_SAMPLE], heards[0].layout.name
            self._reject("stranger", at, f"{layout} {who}", layout=layout, topic=topic[:_SAMPLE])
        else:
            self._reject("topic", at, "topic", topic=topic[:_SAMPLE])

    def _hand_in(self, mailbox: Mailbox, what: Place | Heard, payload: bytes, retained: bool, at: At) -> None:
        device, kind, had_news = mailbox.device.id, what.kind, mailbox.news
        receipt = mailbox.take(what, payload, retained, at)
        if receipt.cells is not None and (why := self._celled(receipt.cells)):
            receipt = Receipt("cells", why)
        if receipt.rejected:
            told = {"device": device, "kind": kind, "why": receipt.why, "sample": repr(payload[:_SAMPLE])}
            self._reject(receipt.rejected, at, f"misfit {device}" if receipt.why else "", **told)
        else:
            self._meter.count("netmon_mqtt_messages_total", kind=kind)
            if receipt.test is not None:
                self._tested(receipt.test)
            if receipt.remarks or receipt.event:
                self._note(mailbox, receipt, at)
        if mailbox.news and not had_news:
            self._wake(device)

    def _reject(self, reason: str, at: At, key: str, **told: str) -> None:
        """Counts a message that is not taken, and shows one now and then; an empty `key`: never."""
        self._meter.count("netmon_mqtt_rejected_total", reason=reason)
        if key and self._misfits(key, at):
            log.warning("message is not taken", reason=reason, **told)

    def _note(self, mailbox: Mailbox, receipt: Receipt, at: At) -> None:
        """Counts what was odd about a message, and logs what is new."""
        device = mailbox.device.id
        for reason, amount in receipt.remarks:
            self._meter.count("netmon_mqtt_remarks_total", amount, reason=reason)
            if reason == "interleaved" and self._oddities(f"interleaved {device}", at):
                log.warning("two speak by turns under the name of one device", device=device)
                self._tell(Notice(at.unix, NoticeKind.TWIN, device, "two speak under its name"))
        if receipt.moved and self._oddities(f"moved {device}", at):
            log.warning("device reports from another place than the inventory's", device=device, place=mailbox.place)
        if receipt.unknown:
            log.warning("device reports names that netmon does not know", device=device, names=receipt.unknown)
        if receipt.event and self._events(f"{device} {receipt.event}", at):
            log.info("device tells of an event", device=device, notice=receipt.event)
            self._tell(Notice(at.unix, NoticeKind.EVENT, device, receipt.event))


class MqttPoller:
    """Looks after one device that reports by itself."""

    def __init__(self, subscriber: Subscriber, mailbox: Mailbox) -> None:
        self._subscriber = subscriber
        self._mailbox = mailbox

    async def poll(self, *, light: bool = False) -> Poll | Lull:
        """What came since the last look; a lull when nothing did and there is patience left. Never waits."""
        at = self._subscriber.clock()
        if self._subscriber.connected:
            if why := self._subscriber.deaf(self._mailbox.device):
                return self._mailbox.local(at, why)
            if self._mailbox.to_ask(at):
                self._subscriber.ask(self._mailbox.device)
            return self._mailbox.look(at)
        if self._subscriber.beginning(at):
            return self._mailbox.lull()
        return self._mailbox.local(at, self._subscriber.trouble())


class _Inbox(asyncio.Queue[Any]):
    """Where aiomqtt puts each message: it is taken at once. Only errands wait here for the one who gets."""

    def __init__(self, take: Callable[[aiomqtt.Message], None]) -> None:
        super().__init__()
        self._take = take
        self.forgotten = False  # somebody waits for what the broker remembers

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._take(item)

    def errand(self, prompts: _Prompts) -> None:
        """Lets prompts be published."""
        super().put_nowait(prompts)

    def interrupt(self) -> None:
        """Lets netmon subscribe anew."""
        if not self.forgotten:
            self.forgotten = True
            super().put_nowait(())


@asynccontextmanager
async def _connection(client: aiomqtt.Client) -> AsyncIterator[None]:
    """Connected while the block lasts. aiomqtt leaves a connection half open that it could not complete."""
    try:
        await client.__aenter__()
    except BaseException:
        client.timeout = 0
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
        raise
    try:
        yield
    finally:
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)


async def _subscribe(client: aiomqtt.Client, filters: list[tuple[str, int]]) -> frozenset[str]:
    """Which filters of layouts the broker refuses. Without netmon's own ones the connection is of no use."""
    codes = await client.subscribe(filters)
    if len(codes) != len(filters):
        raise _Unusable(f"it answers the subscription to {len(filters)} topics with {len(codes)} words")
    refused = [topic for (topic, _), code in zip(filters, codes, strict=True) if _number(code) >= 128]
    if own := [topic for topic in refused if topic in _OWN]:
        raise _Unusable(f"it refuses the subscription to {', '.join(own)}")
    return frozenset(refused)


def _tls_context(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate, settings.key, password="")  # "": never ask at a terminal
    except OSError as error:
        files = [str(path) for path in (settings.ca, settings.certificate, settings.key) if path is not None]
        raise _Unusable(f"netmon cannot use {', '.join(files)}: {error.strerror or error}") from error
    return context


# --- in words ---------------------------------------------------------------------------------------------------------


class _Unusable(aiomqtt.MqttError):
    """A connection that netmon will not have; the text is the reason in words."""


def _reason(error: BaseException, settings: MqttSettings, failures: int) -> str:
    """Why the broker is away, as a part of a sentence."""
    if isinstance(error, _Unusable):
        return str(error)
    root, inner = error, error.__cause__ or error.__context__
    while isinstance(inner, Exception):
        root, inner = inner, inner.__cause__ or inner.__context__
    match root:
        case aiomqtt.exceptions.MqttConnectError():
            who = f"the user {settings.user} or its password" if settings.user else "a netmon without user and password"
            what = who if _number(root.rc) in _BAD_USER else f"the client id {settings.client_id}"
            return f"it refuses {what} ({root.rc})"
        case aiomqtt.MqttCodeError() if _number(root.rc) == _KEEPALIVE:
            return f"it fell silent, and did not answer within the keepalive of {settings.keepalive_s:g} s"
        case aiomqtt.MqttCodeError() if _number(root.rc) == _CLOSED and failures > 2:
            return f"it closes every connection (is another netmon connected as {settings.client_id}?)"
        case aiomqtt.MqttCodeError() if _number(root.rc) == _CLOSED:
            return "it closed the connection"
        case ConnectionResetError() | BrokenPipeError():
            return "it closed the connection"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {root.verify_message}"
        case ssl.SSLError():
            return f"TLS fails: {root.reason} (is this its port for TLS?)"
        case gaierror():
            return f"the name {settings.host} cannot be resolved: {root.strerror}"
        case ConnectionRefusedError():
            return "nothing listens there"
        case TimeoutError():
            return "it does not answer" + ("" if settings.tls else " (does it expect TLS?)")
        case OSError():
            return root.strerror or str(root)
    return str(root)


def _number(code: object) -> int:
    """A reason code of paho as a number, 0 where there is none."""
    number = getattr(code, "value", code)
    return number if isinstance(number, int) else 0


def _clock(at: At) -> str:
    return f"{datetime.fromtimestamp(at.unix, VIET_NAM):%Y-%m-%d %H:%M:%S}"

"""Hears traps and informs: who may speak, how much of it is read, and what is done with it.

A datagram passes three gates before anything of it is decoded: its source must be an address of the inventory's; the source
must not have used up its own tokens; and decoding, which takes about a millisecond of pysnmp, must not have used up its
share of the loop's time. What is dropped costs some microseconds and is counted. What is taken is logged, told as a
notice, acknowledged if it is an inform, and wakes a poll of its device; it never changes a state by itself (SEMANTICS 1).
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from netmon.credential import Credential, Secret
from netmon.inventory import Inventory
from netmon.model import At, Meter, Speech
from netmon.notice import Notice, NoticeKind, Tell
from netmon.pollers.limits import Bucket, Sparing
from netmon.pollers.snmp import now
from netmon.pollers.trapwords import in_words, trap_name
from netmon.settings import TrapSettings
from netmon.snmp.notifications import MOST_OCTETS, Community, Notification, Notifications, Proof, Untaken, User

log = structlog.get_logger(__name__)

SHARE, STORE_S = 0.1, 1.0
"""Decoding may take a tenth of the loop's time, and save up a second of it for a bad moment."""

TURN_S = 0.005
BATCH = 256
PAUSE_S = 0.01
"""One turn of the loop decodes for so long or drains so many datagrams; then the others have so long for themselves. What
the kernel cannot keep meanwhile it drops and counts."""

WAKE_S = 5.0
"""A device is woken once in so many seconds: what comes earlier is seen by a poll at the end of them."""

LOOK_S = 5.0
"""How often floods are looked after: one is over when half of its source's tokens are there again."""

REFUSALS_TOLD = 4
"""Ways in which one address is refused that go to the log in ten minutes: their text may be a stranger's."""

MOST_BEHIND = 8
"""Devices behind one address that nothing tells apart: so many of them are told of and woken."""

RECEIVE_BUFFER = 4 << 20
_LONGEST_LINE = 400
_SO_MEMINFO, _MEMINFO = 55, struct.Struct("9I")  # linux/sock_diag.h: the last of nine is SK_MEMINFO_DROPS
_IP_PKTINFO = 8  # linux/in.h
_INTERFACE = {  # where in_pktinfo and in6_pktinfo name it
    (socket.IPPROTO_IP, _IP_PKTINFO): slice(0, 4),
    (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO): slice(16, 20),
}


class _Source:
    """An address that may speak: for which devices, proven by what; and what became of it so far."""

    __slots__ = (
        "address",
        "bucket",
        "claims",
        "dropped",
        "dropped_at",
        "flooding_since",
        "lost_at",
        "lost_before",
        "refusals",
    )

    def __init__(self, address: str, bucket: Bucket) -> None:
        self.address = address
        self.bucket = bucket
        self.claims: dict[Proof, list[str]] = {}
        self.flooding_since: float | None = None
        self.dropped = 0
        self.dropped_at = 0.0
        self.lost_before = 0
        self.lost_at = -math.inf  # when that was noted
        self.refusals = Sparing(600, REFUSALS_TOLD)

    @property
    def devices(self) -> list[str]:
        """Those that it may be, without repetition."""
        return list(dict.fromkeys(device for devices in self.claims.values() for device in devices))[:MOST_BEHIND]


class Traps:
    """Hears while it is open. `engine` is our engine id with its boots; `take` says who may speak, `listen` begins.

    `wake(device, after_s)` asks for a poll, `tell` hears of what was taken.
    """

    def __init__(
        self,
        engine: tuple[bytes, int],
        meter: Meter,
        wake: Callable[[str, float], None],
        tell: Tell,
        clock: Callable[[], At] = now,
    ) -> None:
        self._notifications = Notifications(*engine)
        self._meter = meter
        self._wake = wake
        self._tell = tell
        self._clock = clock
        self._sources: dict[str, _Source] = {}
        self._sockets: dict[socket.socket, int] = {}  # with what the kernel had dropped when it was looked at last
        self._lost = 0  # by the kernel, of whichever address
        self._share = Bucket(SHARE, STORE_S, clock().monotonic)
        self._woken: dict[str, float] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._strangers = Sparing(86_400, 1000)
        self._misfits = Sparing(600, 1000)
        self._repeats = Sparing(60, 5000)

    def take(self, inventory: Inventory, credentials: Mapping[str, Credential], settings: TrapSettings) -> None:
        """Who may speak from now on, and how much. What is known of an address goes on."""
        at = self._clock().monotonic
        proofs = {name: proof_of(credential) for name, credential in credentials.items()}
        known, self._sources = self._sources, {}
        for device in inventory.devices.values():
            if device.speaks is not Speech.SNMP:
                continue
            for address in dict.fromkeys((*device.addresses, *device.also_from)):
                source = self._sources.get(address)
                if source is None:
                    source = known.pop(address, None) or _Source(address, Bucket(settings.rate, settings.burst, at))
                    source.bucket.rate, source.bucket.burst = settings.rate, settings.burst
                    source.claims = {}
                    self._sources[address] = source
                for proof in dict.fromkeys(proofs[name] for name in (device.credential, *settings.credentials)):
                    source.claims.setdefault(proof, []).append(device.id)
        for source in known.values():
            self._end_flood(source, self._clock())
        self._woken = {device: at for device, at in self._woken.items() if device in inventory.devices}

    def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Hears on these, which are bound, and closes them in the end."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            _prepare(sock)
            self._sockets[sock] = _kernel_drops(sock)
            loop.add_reader(sock.fileno(), self._readable, sock)
            log.info("netmon hears traps", listen=_written(sock.getsockname()))

    def close(self) -> None:
        """Hears no more; floods that last are told of."""
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        if self._watch is not None:
            self._watch.cancel()
        for source in self._sources.values():
            self._end_flood(source, self._clock())

    # --- the gates ----------------------------------------------------------------------------------------------------

    def _readable(self, sock: socket.socket) -> None:
        """Takes what waits, for one turn."""
        at = self._clock()
        dropped: Counter[str] = Counter()
        spent = 0.0
        for _ in range(BATCH):
            try:
                data, control, _, sender = sock.recvmsg(MOST_OCTETS, 64)
            except BlockingIOError:
                break
            except OSError as error:
                if self._misfits("read", at):
                    log.warning("traps cannot be read", error=error.strerror)
                self._pause(sock)
                break
            source = self._sources.get(_plain_address(sender[0]))
            if source is None:
                dropped["stranger"] += 1
                self._note_stranger(sender[0], at)
            elif not source.bucket.is_open(at.monotonic):
                dropped["flood"] += 1
                self._note_flood(source, at)
            elif not self._share.is_open(at.monotonic):
                dropped["busy"] += 1
                if self._misfits("busy", at):
                    log.warning("traps come faster than netmon reads them: some are dropped")
            else:
                if source.flooding_since is None and at.monotonic - source.lost_at > LOOK_S:
                    # What is lost from here on may be of a flood that begins.
                    source.lost_before, source.lost_at = self._lost, at.monotonic
                source.bucket.pay(1)
                began = time.thread_time()
                reply = self._read(source, data, at, dropped)
                if reply:
                    self._answer(sock, reply, control, sender, at)
                cost = time.thread_time() - began
                self._share.pay(cost)
                spent += cost
                if spent > TURN_S:
                    self._pause(sock)
                    break
        else:
            self._pause(sock)
        before, self._sockets[sock] = self._sockets[sock], _kernel_drops(sock)
        dropped["overflow"] += (self._sockets[sock] - before) % 2**32
        self._lost += dropped["overflow"]
        for reason, amount in dropped.items():
            if amount:
                self._meter.count("netmon_traps_dropped_total", amount, reason=reason)

    def _pause(self, sock: socket.socket) -> None:
        """Leaves the others their turn."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock.fileno())

        def go_on() -> None:
            if sock in self._sockets:
                loop.add_reader(sock.fileno(), self._readable, sock)

        loop.call_later(PAUSE_S, go_on)

    def _note_stranger(self, address: str, at: At) -> None:
        if self._strangers(address, at):
            hint = "a device behind another address lists it in also_from"
            log.warning("traps come from an address that no device has", source=_plain_address(address), hint=hint)

    def _note_flood(self, source: _Source, at: At) -> None:
        if source.flooding_since is None:
            source.flooding_since, source.dropped = at.monotonic, 0
            log.warning("a flood of traps begins", source=source.address, device=" ".join(source.devices))
            self._tell_all(source.devices, at, NoticeKind.FLOOD, "begins", source.address, {})
            if self._watch is None:
                self._watch = asyncio.get_running_loop().call_later(LOOK_S, self._watch_floods)
        source.dropped += 1
        source.dropped_at = at.monotonic

    def _watch_floods(self) -> None:
        at = self._clock()
        floods = [source for source in self._sources.values() if source.flooding_since is not None]
        for source in floods:
            if source.bucket.fullness(at.monotonic) >= 0.5:
                self._end_flood(source, at)
        lasting = any(source.flooding_since is not None for source in floods)
        self._watch = asyncio.get_running_loop().call_later(LOOK_S, self._watch_floods) if lasting else None

    def _end_flood(self, source: _Source, at: At) -> None:
        if source.flooding_since is None:
            return
        lasted_s = round(source.dropped_at - source.flooding_since, 1)
        source.flooding_since = None
        overflow, source.lost_before = self._lost - source.lost_before, self._lost
        told = {"dropped": str(source.dropped), "overflow": str(overflow), "seconds": str(lasted_s)}
        log.warning("a flood of traps is over", source=source.address, device=" ".join(source.devices), **told)
        self._tell_all(source.devices, at, NoticeKind.FLOOD, "is over", source.address, told)

    # --- what passed them ---------------------------------------------------------------------------------------------

    def _read(self, source: _Source, data: bytes, at: At, dropped: Counter[str]) -> bytes:
        """Does what a datagram asks for; what is to be sent back. Whatever comes, netmon goes on."""
        try:
            notification = self._notifications.read(data, source.claims)
            self._take(source, notification, at)
            return notification.reply
        except Untaken as untaken:
            if untaken.reason == "discovery":
                self._meter.count("netmon_traps_total", kind="discovery")
            else:
                dropped[untaken.reason] += 1
                # Who mended the authentication key sees at once that the privacy key is wrong too.
                what = str(untaken) if untaken.reason == "credential" else untaken.reason
                if source.refusals(what, at) and self._misfits(f"{source.address} {what}", at):
                    told = {"source": source.address, "device": " ".join(source.devices), "why": str(untaken)}
                    log.warning("trap is not taken", reason=untaken.reason, **told)
            return untaken.reply
        except Exception:
            self._meter.count("netmon_bugs_total", room="pollers")
            log.exception("a trap failed by a bug", source=source.address)
            return b""

    def _take(self, source: _Source, notification: Notification, at: At) -> None:
        kind = NoticeKind.INFORM if notification.reply else NoticeKind.TRAP
        self._meter.count("netmon_traps_total", kind=kind)
        name, words = trap_name(notification.trap), in_words(notification.varbinds)
        devices = source.claims[notification.proof][:MOST_BEHIND]
        if self._repeats(str(hash((source.address, name, *words.items()))), at):
            carries = " ".join(f"{key}={value}" for key, value in words.items())
            told = {"source": source.address, "kind": str(kind), "notice": name, "carries": carries[:_LONGEST_LINE]}
            log.info("device tells of an event", device=" ".join(devices), **told)
            self._tell_all(devices, at, kind, name, source.address, words)
        for device in devices:
            self._wake_once(device, at.monotonic)

    def _wake_once(self, device: str, at: float) -> None:
        """Now, or at the end of the time that must lie between two wakes; then no second time."""
        last = self._woken.get(device)
        if last is not None and last > at:
            return
        due = at if last is None else max(at, last + WAKE_S)
        self._woken[device] = due
        self._wake(device, due - at)

    def _tell_all(
        self, devices: Iterable[str], at: At, kind: NoticeKind, name: str, source: str, detail: Mapping[str, str]
    ) -> None:
        for device in devices:
            self._tell(Notice(at.unix, kind, device, name, source, detail))

    def _answer(
        self, sock: socket.socket, reply: bytes, control: list[tuple[int, int, bytes]], to: tuple[Any, ...], at: At
    ) -> None:
        """From the address that was spoken to, by whichever interface leads there."""
        back = []
        for level, kind, content in control:
            if (place := _INTERFACE.get((level, kind))) is not None:
                back.append((level, kind, content[: place.start] + bytes(4) + content[place.stop :]))
        try:
            sock.sendmsg([reply], back, 0, to)
        except OSError as error:
            if self._misfits("answer", at):
                log.warning("an inform could not be acknowledged", error=error.strerror)


def proof_of(credential: Credential) -> Proof:
    """What notifications under a credential prove themselves with."""
    if credential.version != "3":
        return Community(_octets(credential.community))
    return User(
        name=credential.user.encode(),
        auth_protocol=credential.auth_protocol,
        auth_key=_octets(credential.auth_key),
        priv_protocol=credential.priv_protocol,
        priv_key=_octets(credential.priv_key),
    )


def _octets(secret: Secret | None) -> bytes:
    return secret.reveal().encode() if secret is not None else b""


def open_sockets(places: Iterable[tuple[str, int]]) -> list[socket.socket]:
    """Sockets that are bound to addresses and ports, all or none. OSError: one cannot be."""
    opened: list[socket.socket] = []
    try:
        for host, port in places:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM)
            opened.append(sock)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
            sock.bind((host, port))
    except OSError:
        for sock in opened:
            sock.close()
        raise
    return opened


def _prepare(sock: socket.socket) -> None:
    """Room for a burst, and the address at which each datagram came."""
    sock.setblocking(False)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 2 * RECEIVE_BUFFER:  # the kernel counts double
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _kernel_drops(sock: socket.socket) -> int:
    """Datagrams for which the socket had no room so far; 0 where the kernel does not tell (Linux before 4.12)."""
    try:
        return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[-1])
    except OSError:
        return 0


def _plain_address(address: str) -> str:
    """An address as the inventory writes it: without scope, and IPv4 as such where it came by IPv6."""
    return address.partition("%")[0].removeprefix("::ffff:") if ":" in address else address


def _written(name: tuple[str, int]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""Traps and informs from net-snmp's own senders in every version and security, and from nobody who may not."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.snmp import ber, oid
from netmon.snmp.ber import Tag
from netmon.snmp.notifications import Community, Notification, Notifications, Proof, Untaken, User
from netmon.snmp.outline import MOST_VARBINDS
from tests import peers

LINK_DOWN, COLD_START = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.1"
IF_INDEX, IF_ALIAS = "1.3.6.1.2.1.2.2.1.1.3", "1.3.6.1.2.1.31.1.1.1.18.3"
CARRIED = ((IF_INDEX, 3), (IF_ALIAS, "TSLCD Bảo Lạc".encode()))
CARRY = [IF_INDEX, "i", "3", IF_ALIAS, "s", "TSLCD Bảo Lạc"]
ENGINE_ID = bytes.fromhex("80004fb8054e65746d6f6e")
THEIRS = "0x80001f888001020304"
AUTH, PRIV = "khoá xác thực", "khoá mã hoá"
SECURE = ["-v3", "-u", "netmon", "-l", "authPriv", "-a", "SHA-256", "-A", AUTH, "-x", "AES", "-X", PRIV]


def user(auth: str = "", priv: str = "", name: str = "netmon") -> User:
    return User(
        name=name.encode(),
        auth_protocol=auth,
        auth_key=AUTH.encode() if auth else b"",
        priv_protocol=priv,
        priv_key=PRIV.encode() if priv else b"",
    )


class Receiver:
    """A port at which everything is read and answered, in the order in which it comes."""

    def __init__(self, *proofs: Proof, boots: int = 7) -> None:
        self.proofs = proofs
        self.clock = 0.0
        self.notifications = Notifications(ENGINE_ID, boots, lambda: self.clock)
        self.taken: list[Notification] = []
        self.untaken: list[Untaken] = []
        self.datagrams: list[bytes] = []
        self.came = asyncio.Event()
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind((peers.LOOPBACK, 0))
        self.socket.setblocking(False)
        self.place = f"{peers.LOOPBACK}:{self.socket.getsockname()[1]}"

    def readable(self) -> None:
        data, sender = self.socket.recvfrom(9000)
        self.datagrams.append(data)
        self.came.set()
        if reply := self.read(data):
            self.socket.sendto(reply, sender)

    def read(self, data: bytes) -> bytes:
        try:
            self.taken.append(self.notifications.read(data, self.proofs))
            return self.taken[-1].reply
        except Untaken as untaken:
            self.untaken.append(untaken)
            return untaken.reply

    @property
    def reasons(self) -> list[str]:
        return [untaken.reason for untaken in self.untaken]


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    loop = asyncio.get_running_loop()
    loop.add_reader(receiver.socket, receiver.readable)
    try:
        yield receiver
    finally:
        loop.remove_reader(receiver.socket)
        receiver.socket.close()


Send = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def send(tmp_path: Path) -> Send:
    """Runs net-snmp's sender: `await send(receiver, "snmptrap", *options, then=[...])`; its exit code and words."""

    async def run(to: Receiver, program: str, *options: str, then: list[str]) -> tuple[int, str]:
        argv = [str(peers.require(program)), "-r", "0", "-t", "5", *options, to.place, *then]
        env = {**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(tmp_path), "SNMPCONFPATH": str(tmp_path)}
        to.came.clear()
        process = await asyncio.create_subprocess_exec(
            *argv, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        async with asyncio.timeout(10):
            await to.came.wait()
        return process.returncode or 0, said.decode()

    return run


@pytest.mark.parametrize(
    ("then", "trap"),
    [
        (["1.3.6.1.4.1.2011", "10.4.1.9", "2", "0", "123"], LINK_DOWN),
        (["1.3.6.1.4.1.2011.5.25", "10.4.1.9", "6", "17", "123"], "1.3.6.1.4.1.2011.5.25.0.17"),
    ],
    ids=["generic", "enterprise"],
)
async def test_a_trap_of_v1_is_named_as_rfc_3584_says(send: Send, then: list[str], trap: str):
    with receiving(Receiver(Community(b"public"))) as receiver:
        await send(receiver, "snmptrap", "-v1", "-c", "public", then=[*then, *CARRY])
    (taken,) = receiver.taken
    assert (taken.version, taken.trap, taken.uptime, taken.reply) == ("1", trap, 123, b"")
    address, enterprise = ("1.3.6.1.6.3.18.1.3.0", "10.4.1.9"), ("1.3.6.1.6.3.1.1.4.3.0", then[0])
    assert taken.varbinds == (address, enterprise, *CARRIED), "and the community is not among them"


async def test_a_trap_and_an_inform_of_v2c_are_taken_and_the_inform_is_acknowledged(send: Send):
    with receiving(Receiver(user(), Community(b"other"), Community(b"public"))) as receiver:
        await send(receiver, "snmptrap", "-v2c", "-c", "public", then=["", LINK_DOWN, *CARRY])
        assert await send(receiver, "snmpinform", "-v2c", "-c", "public", then=["", LINK_DOWN, *CARRY]) == (0, "")
        await send(receiver, "snmptrap", "-v2c", "-c", "Public", then=["", LINK_DOWN])
    trap, inform = receiver.taken
    for taken in (trap, inform):
        assert (taken.version, taken.trap, taken.varbinds, taken.proof) == ("2c", LINK_DOWN, CARRIED, Community(b"public"))
    assert (bool(trap.reply), bool(inform.reply)) == (False, True)
    assert receiver.reasons == ["credential"]


SECURITIES = [("", ""), *product(("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"), ("", "AES"))]
SECURITIES += product(("MD5", "SHA-256"), ("DES", "AES-192", "AES-256", "AES-192-C", "AES-256-C"))


@pytest.mark.parametrize(
    ("auth", "priv"), SECURITIES, ids=[f"{auth or 'noAuth'}-{priv or 'noPriv'}" for auth, priv in SECURITIES]
)
async def test_traps_and_informs_of_v3_are_taken_with_every_algorithm_of_net_snmp(send: Send, auth: str, priv: str):
    """A trap's authority is its sender, whose engine id nobody told us; an inform's are we, and it is acknowledged."""
    options = ["-v3", "-u", "netmon", "-l", "authPriv" if priv else "authNoPriv" if auth else "noAuthNoPriv"]
    options += ["-a", auth, "-A", AUTH] if auth else []
    options += ["-x", priv, "-X", PRIV] if priv else []
    with receiving(Receiver(Community(b"public"), user(auth, priv))) as receiver:
        await send(receiver, "snmptrap", *options, "-e", THEIRS, then=["", LINK_DOWN, *CARRY])
        assert await send(receiver, "snmpinform", *options, then=["", LINK_DOWN, *CARRY]) == (0, "")
    trap, inform = receiver.taken
    for taken in (trap, inform):
        assert (taken.version, taken.trap, taken.varbinds, taken.proof) == ("3", LINK_DOWN, CARRIED, user(auth, priv))
    assert (bool(trap.reply), bool(inform.reply)) == (False, True)
    assert set(receiver.reasons) == {"discovery"}


async def test_two_devices_with_one_user_name_and_different_keys_are_told_apart(send: Send):
    other = User(
        name=b"netmon", auth_protocol="SHA-256", auth_key=b"another key", priv_protocol="AES", priv_key=b"another key"
    )
    with receiving(Receiver(other, user("SHA-256", "AES"))) as receiver:
        await send(receiver, "snmptrap", *SECURE, "-e", THEIRS, then=["", COLD_START])
    assert [taken.proof for taken in receiver.taken] == [user("SHA-256", "AES")]


@pytest.mark.parametrize(
    ("known", "why", "told"),
    [
        (user("SHA-256", "AES", "nobody"), "has the user 'netmon'", "Unknown user name"),
        (
            User(name=b"netmon", auth_protocol="SHA-256", auth_key=b"another key"),
            "another auth key",
            "Authentication failure",
        ),
        (user("SHA", "AES"), "another auth key", "Authentication failure"),
        (user("SHA-256"), "more or less security", "Unsupported security level"),
        (user(), "more or less security", "Unsupported security level"),
        (
            User(
                name=b"netmon", auth_protocol="SHA-256", auth_key=AUTH.encode(), priv_protocol="AES", priv_key=b"another key"
            ),
            "another priv key",
            "Decryption error",
        ),
    ],
    ids=["user", "auth key", "auth protocol", "no privacy", "no security", "priv key"],
)
async def test_what_a_v3_sender_cannot_prove_is_not_taken_and_the_sender_of_an_inform_learns_why(
    send: Send, known: User, why: str, told: str
):
    with receiving(Receiver(known)) as receiver:
        await send(receiver, "snmptrap", *SECURE, "-e", THEIRS, then=["", COLD_START])
        code, said = await send(receiver, "snmpinform", *SECURE, then=["", COLD_START])
    assert not receiver.taken
    assert code == 1
    assert told.lower() in said.lower()
    assert {untaken.reason for untaken in receiver.untaken} == {"credential", "discovery"}
    assert all(why in str(untaken) for untaken in receiver.untaken if untaken.reason == "credential")
    assert not receiver.untaken[0].reply, "nobody answers a trap"


async def test_less_security_than_the_credential_has_is_not_enough(send: Send):
    """Who knows a user's name alone says nothing in its name."""
    with receiving(Receiver(user("SHA-256", "AES"))) as receiver:
        await send(receiver, "snmptrap", "-v3", "-u", "netmon", "-l", "noAuthNoPriv", "-e", THEIRS, then=["", COLD_START])
        signed = SECURE[: SECURE.index("-x")]
        signed[signed.index("authPriv")] = "authNoPriv"
        await send(receiver, "snmptrap", *signed, "-e", THEIRS, then=["", COLD_START])
    assert (receiver.taken, receiver.reasons) == ([], ["credential", "credential"])


async def test_a_v3_trap_that_is_sent_again_later_is_a_replay_and_one_after_a_reboot_is_not(send: Send):
    """RFC 3414, section 3.2 step 7 b: by the sender's boots and time, with 150 s of patience."""
    with receiving(Receiver(user("SHA-256", "AES"))) as receiver:
        for clock in ("3,1000", "3,900", "3,1200", "4,10"):
            await send(receiver, "snmptrap", *SECURE, "-e", THEIRS, "-Z", clock, then=["", COLD_START])
        assert len(receiver.taken) == 4, receiver.untaken
        first, early, later, rebooted = receiver.datagrams
        receiver.read(rebooted)
        assert len(receiver.taken) == 5, "within the window a duplicate cannot be told"
        for old in (first, early, later):
            receiver.read(old)
        receiver.clock += 161
        receiver.read(rebooted)
    assert (len(receiver.taken), receiver.reasons) == (5, ["replay"] * 4)


async def test_an_inform_from_before_our_restart_makes_its_sender_ask_for_our_time(send: Send):
    """The old message itself is not taken again: our boots have risen."""
    with receiving(Receiver(user("SHA-256", "AES"))) as receiver:
        await send(receiver, "snmpinform", *SECURE, then=["", COLD_START])
        assert len(receiver.taken) == 1
        inform = receiver.datagrams[-1]
        receiver.notifications = Notifications(ENGINE_ID, 8)
        report = receiver.read(inform)
    assert receiver.reasons[-1] == "discovery"
    assert len(receiver.taken) == 1
    stats = ber.tlv(Tag.OID, oid.encode("1.3.6.1.6.3.15.1.1.2.0"))  # usmStatsNotInTimeWindows
    assert stats in report


# --- what is none -----------------------------------------------------------------------------------------------------


def trap_v2(*varbinds: bytes, community: bytes = b"public", tag: int = Tag.TRAP, version: int = 1) -> bytes:
    head = ber.encode(Tag.INTEGER, 5) + bytes.fromhex("020100020100")
    pdu = ber.tlv(tag, head + ber.tlv(Tag.SEQUENCE, b"".join(varbinds)))
    return ber.tlv(Tag.SEQUENCE, ber.encode(Tag.INTEGER, version) + ber.tlv(Tag.OCTET_STRING, community) + pdu)


def varbind(name: str, value: bytes) -> bytes:
    return ber.tlv(Tag.SEQUENCE, ber.tlv(Tag.OID, oid.encode(name)) + value)


TRAP_OID = varbind("1.3.6.1.6.3.1.1.4.1.0", ber.tlv(Tag.OID, oid.encode(LINK_DOWN)))
GOOD = trap_v2(TRAP_OID, varbind(IF_INDEX, ber.encode(Tag.INTEGER, 3)))
PROOFS = (Community(b"public"), user("SHA-256", "AES"), user())


def reason(data: bytes) -> str:
    with pytest.raises(Untaken) as caught:
        Notifications(ENGINE_ID, 1).read(data, PROOFS)
    assert str(caught.value).endswith(".")
    return caught.value.reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"GET / HTTP/1.1\r\n",
        GOOD[:-1],
        trap_v2(),
        trap_v2(TRAP_OID, tag=Tag.GET),
        trap_v2(TRAP_OID, tag=0xA4),
        trap_v2(TRAP_OID, version=0),
        trap_v2(TRAP_OID, version=2),
        trap_v2(TRAP_OID, *[varbind(IF_INDEX, b"\x05\x00")] * MOST_VARBINDS),
        trap_v2(TRAP_OID, varbind(IF_INDEX, ber.tlv(0x24, ber.tlv(0x24, b"\x04\x00")))),
        trap_v2(varbind("1.3.6.1.6.3.1.1.4.1.0", ber.encode(Tag.INTEGER, 3))),
        trap_v2(TRAP_OID, varbind(IF_INDEX, ber.tlv(0x4F, b"what"))),
        bytes.fromhex("300e020103300a020101020301000004"),
    ],
)  # fmt: skip
def test_what_is_no_notification_is_malformed(data: bytes):
    assert reason(data) == "malformed"


def test_the_good_one_is_none_of_them():
    taken = Notifications(ENGINE_ID, 1).read(GOOD + b"\0\0", PROOFS)
    assert (taken.trap, taken.varbinds, taken.proof) == (LINK_DOWN, ((IF_INDEX, 3),), PROOFS[0])


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)))
def test_any_octets_give_a_notification_or_one_untaken(what: bytes | tuple[int, bytes]):
    """Random octets, and a good trap with some of them changed."""
    data = what if isinstance(what, bytes) else GOOD[: what[0]] + what[1] + GOOD[what[0] + len(what[1]) :]
    with suppress(Untaken):
        Notifications(ENGINE_ID, 1).read(data, PROOFS)

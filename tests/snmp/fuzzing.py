"""Any octets as the answer to a question: what an engine may make of them, and what it may cost.

An answer ends in a Response that holds together or in one SnmpError; it costs no more than so much CPU an octet.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import inf
from typing import Any

from netmon.snmp import ber, message, oid, v3
from netmon.snmp.ber import Tag
from netmon.snmp.client import Client
from netmon.snmp.columns import Columns
from netmon.snmp.errors import Malformed, SnmpError
from netmon.snmp.message import (
    V1,
    V2C,
    Community,
    Opened,
    Query,
    encode_response,
    get_bulk_request,
    get_next_request,
    get_request,
    open_pdu,
    open_response,
    outline_response,
    read_varbinds,
    request_id_of,
    version_of,
)
from netmon.snmp.places import Places
from netmon.snmp.question import Question, Response
from netmon.snmp.target import Credential, Target
from netmon.snmp.usm import Keys, Usm, keys
from netmon.snmp.v3 import Engine, Envelope, Report
from tests.snmp.agent_v3 import BOOTS, TIME, pdu
from tests.snmp.usm_oracle import ENGINE, user_of

ID = 0x01020304
NAME, OTHER = oid.encode("1.3.6.1.2.1.1.3.0"), oid.encode("1.3.6.1.2.1.31.1.1.1.6.300")
COLUMNS = [oid.encode("1.3.6.1.2.1.2.2.1.10"), oid.encode("1.3.6.1.2.1.2.2.1.16")]
PLAIN, SIGNER, HIDDEN, OLD = user_of(""), user_of("SHA-256"), user_of("SHA", "AES"), user_of("MD5", "DES")
CREDENTIALS: tuple[Credential, ...] = (Community(V1, b"public"), Community(V2C, b"public"), PLAIN, SIGNER, HIDDEN, OLD)
REQUESTS = (
    get_request([NAME, OTHER]),
    get_next_request([NAME]),
    get_bulk_request(COLUMNS, 10),
    Columns(COLUMNS, 1000).request(COLUMNS, 10),
)
KINDS = [
    (credential, request, known)
    for credential in CREDENTIALS
    for request in (REQUESTS[:2] if credential == CREDENTIALS[0] else REQUESTS)
    for known in ((True, False) if isinstance(credential, Usm) else (False,))
]
"""What is asked: by whom, what, and whether the engine is known."""

CPU_S, CPU_S_AN_OCTET = 0.05, 1e-5
"""What an answer may cost at most: generous, for a machine that is shared; what is quadratic is far beyond."""

_TRIES = 3  # for now and then the interpreter collects its garbage


class Nowhere:
    """A lane that leads nowhere."""

    def __init__(self) -> None:
        self.places = Places(1 << 30)

    def send(self, datagram: bytes, peer: tuple[str, int]) -> bool:
        return True


@dataclass
class Wrong(Exception):  # noqa: N818 - it is what was found wrong
    """An answer that was read as it must not be: for whoever wants to see it again."""

    what: str
    kind: int
    signed: bool
    data: bytes

    def __str__(self) -> str:
        return f"{self.what}: answer({self.kind}, bytes.fromhex({self.data.hex()!r}), signed={self.signed})"


def told_apart(ours: Response | SnmpError | None, theirs: Response | SnmpError | None) -> bool:
    """Whether two engines, asked alike and answered alike, understood two things. pysnmp's may refuse what ours forgives."""
    if isinstance(theirs, Response):
        return not isinstance(ours, Response) or repr(ours.varbinds) != repr(theirs.varbinds)
    return theirs is not None and (ours is None or str(ours) != str(theirs))


class Conversation:
    """A client in a running loop whose questions are answered with whatever octets one likes."""

    def __init__(self, engine: type[Client]) -> None:
        self.client = engine()
        self.slowest_s = 0.0
        self._lane: Any = Nowhere()
        self._targets = [Target("192.0.2.1", 161, credential, 2.0, 0) for credential, _, _ in KINDS]

    def answer(self, kind: int, data: bytes, *, signed: bool = False) -> Response | SnmpError | None:
        """What came of a question of this kind; None while it goes on waiting. `signed`: the octets are a scoped PDU, in a
        message that the user's engine sealed. Wrong when anything is."""
        for _ in range(_TRIES):
            found, cost_s, allowed_s = self._answer(kind, data, signed)
            if cost_s <= allowed_s:
                self.slowest_s = max(self.slowest_s, cost_s)
                return found
        raise Wrong(f"{cost_s:.2f} s of CPU", kind, signed, data)

    def _answer(self, kind: int, data: bytes, signed: bool) -> tuple[Response | SnmpError | None, float, float]:
        credential, request, known = KINDS[kind]
        target, client = self._targets[kind], self.client
        target.engine = Engine(ENGINE, BOOTS, TIME, time.monotonic()) if known and isinstance(credential, Usm) else None
        if signed and isinstance(credential, Usm):
            whole = v3.seal(data[:60_000], keys(credential, ENGINE), credential.level, BOOTS, TIME, ID)
        else:
            whole = data
        client._next_id = ID
        question = Question(client, self._lane, target, request, inf)
        question.attempt()
        before = time.thread_time()
        try:
            client._received(whole, target.peer)
            found = self._outcome(question)
        except Exception as error:
            raise Wrong(f"{type(error).__name__}: {error}", kind, signed, data) from error
        finally:
            question.end()
        cost_s = time.thread_time() - before
        if client.pending or client.under_way:
            raise Wrong("something is left pending", kind, signed, data)
        return found, cost_s, CPU_S + CPU_S_AN_OCTET * len(whole)

    def _outcome(self, question: Question) -> Response | SnmpError | None:
        if not question.answer.done():
            return None
        error = question.answer.exception()
        if error is not None:
            assert isinstance(error, SnmpError), error
            assert str(error).endswith("."), error
            return error
        response = question.answer.result()
        check(response, question.request.oids)
        return response


def check(response: Response, asked: tuple[bytes, ...]) -> None:
    """What is read in one way and in another is the same, names are names, and no answer grows while it is read."""
    varbinds = response.varbinds
    assert len(varbinds) * 6 <= response.octets + 6
    for varbind in varbinds:
        oid.decode(varbind.oid)
        if varbind.tag == Tag.OID:
            assert isinstance(varbind.value, bytes)
            oid.decode(varbind.value)
    if response.values is not None:
        assert [each.oid for each in varbinds] == list(asked)
        assert repr([each.value for each in varbinds]) == repr(response.values)
    if response.rows is not None:
        rows = response.rows
        names = [column + index for index in rows.indexes for column in COLUMNS]
        whole = list(zip(names, rows.tags, rows.values, strict=True))
        assert repr([*whole, *map(tuple, rows.rest)]) == repr([*map(tuple, varbinds)])


def read_alone(data: bytes) -> None:
    """Each reader by itself, also of what never reaches it on the way: a result or Malformed."""
    version_of(data)
    request_id_of(data)
    readers: list[Any] = [
        lambda: _alike(open_response, _open_response_by_the_book, data),
        lambda: _alike(v3.open_envelope, v3._open_envelope, data),
        lambda: read_varbinds(open_response(data)),
        lambda: read_varbinds(open_pdu(data, 0, len(data))),
        lambda: read_varbinds(Opened(0, 0, 0, data, 0, len(data))),
        lambda: outline_response(data),
        lambda: v3.scoped(data, _PLAIN._replace(end=len(data)), None),
        lambda: oid.decode(data) if not ber.check_oid(data) else None,
        lambda: ber.header(data, 0, len(data)),
        lambda: ber.opaque_number(data),
    ]
    readers += [partial(ber.decode, tag, data) for tag in chain(Tag, (0x1F, 0xFF))]
    readers += [partial(keys(usm, ENGINE).decrypt, data, data[:8], 1, 2) for usm in (HIDDEN, OLD)]
    for read in readers:
        with suppress(Malformed):
            read()


def _alike(short: Callable[[bytes], Any], by_the_book: Callable[[bytes], Any], data: bytes) -> None:
    """The short way takes what the book takes, and finds the same in it."""
    found = []
    for read in (short, by_the_book):
        try:
            found.append(read(data))
        except Malformed:
            found.append(None)
    assert found[0] == found[1], found


def _open_response_by_the_book(data: bytes) -> Opened:
    _, request_id, status, index, at, end = message._open_response(data)
    return Opened(request_id, status, index, data, at, end)


_PLAIN = Envelope(ID, 0, ENGINE, BOOTS, TIME, b"noc", 0, 0, b"", 0, 0)

# --- octets that are nearly right -------------------------------------------------------------------------------------

_ROWS: list[list[tuple[bytes, int, ber.Value]]] = [
    [(NAME, Tag.TIME_TICKS, 4711), (OTHER, Tag.COUNTER64, (1 << 64) - 1)],
    [(NAME, Tag.NO_SUCH_OBJECT, None), (OTHER, Tag.END_OF_MIB_VIEW, None)],
    [(NAME, Tag.OPAQUE, bytes.fromhex("9f780442280000")), (NAME, Tag.OID, OTHER), (NAME, Tag.IP_ADDRESS, b"\x7f\0\0\1")],
    [(column + bytes((n,)), Tag.COUNTER32, n << 24) for n in range(1, 6) for column in COLUMNS],
    [(column + b"\x82\x2c", Tag.OCTET_STRING, b"x" * 100) for column in COLUMNS],
    [(report.value, Tag.COUNTER32, 1) for report in (Report.NOT_IN_TIME_WINDOW,)],
    [],
]


def seeds() -> Iterator[tuple[int, bytes, bool]]:
    """Right answers of every kind: the kind, the octets, whether they are to be sealed."""
    for kind, (credential, _, _) in enumerate(KINDS):
        for rows in _ROWS:
            if isinstance(credential, Community):
                query = Query(credential.version, b"public", Tag.GET, ID, 0, 0, [])
                yield kind, encode_response(query, rows), False
                yield kind, encode_response(query, rows, 2, 1), False
                continue
            for tag in (Tag.RESPONSE, Tag.REPORT):
                inner = ber.tlv(Tag.OCTET_STRING, ENGINE) + b"\x04\x00" + pdu(tag, ID, rows)
                maker = Keys(credential, ENGINE)
                if maker._privacy is not None:
                    maker._privacy._salt = ID  # not by chance, so that a seed brings the same again
                whole = ber.tlv(Tag.SEQUENCE, inner)
                yield kind, v3.seal(whole, maker, credential.level, BOOTS, TIME, ID), False
                yield kind, whole, True


_TELLING = (0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x1F, 0x24, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x9F, 0xA2, 0xA8, 0xFF)
_HOLDERS = frozenset({Tag.SEQUENCE, Tag.RESPONSE, Tag.REPORT, Tag.OCTET_STRING})
_Tree = list[tuple[int, "bytes | _Tree"]]


def spoil(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """With a few values, or octets, changed, cut out, doubled or taken from another message."""
    if dice.random() < 0.5:
        tree = _tree(data, 0, len(data))
        if tree is not None:
            for _ in range(dice.choice((1, 1, 2, 4))):
                _reshape(tree, dice, others)
            data = _written(tree, dice)
            if dice.random() < 0.8:
                return data[:_MOST]
    return scratched(data, dice, others)


_MOST = 65_507  # octets of a datagram


def _tree(data: bytes, at: int, end: int) -> _Tree | None:
    """Values within values, None where there are none."""
    found: _Tree = []
    while at < end:
        try:
            tag, start, stop = ber.header(data, at, end)
        except Malformed:
            return None
        inner = _tree(data, start, stop) if tag in _HOLDERS and stop > start else None
        found.append((tag, data[start:stop] if inner is None else inner))
        at = stop
    return found


def _reshape(tree: _Tree, dice: random.Random, others: list[bytes]) -> None:
    """One value is another, is gone, stands twice or elsewhere."""
    while tree:
        at = dice.randrange(len(tree))
        tag, content = tree[at]
        if isinstance(content, list) and content and dice.random() < 0.85:
            tree = content
            continue
        match dice.randrange(6):
            case 0:
                tree[at] = (dice.choice((*Tag, *_TELLING)), content)
            case 1:
                del tree[at]
            case 2:
                tree[at:at] = [tree[at]] * dice.choice((1, 1, 1, 40))
            case 3:
                tree.insert(dice.randrange(len(tree) + 1), tree.pop(at))
            case 4 if isinstance(content, bytes):
                tree[at] = (tag, scratched(content, dice, others))
            case _:
                tree[at] = (tag, dice.choice((b"", b"\0", b"\x7f", b"\x80", b"\xff", b"\0\xff\xff\xff\xff", bytes(9), NAME)))
        return


def _written(tree: _Tree, dice: random.Random) -> bytes:
    """As octets; now and then with a length that is longer than it need be, or that is none."""
    parts = []
    for tag, content in tree:
        whole = content if isinstance(content, bytes) else _written(content, dice)
        if dice.random() < 0.98:
            parts.append(ber.tlv(tag, whole))
        else:
            size = dice.choice((1, 2, 4))
            length = bytes((0x80 | size,)) + len(whole).to_bytes(4, "big")[-size:]
            parts.append(bytes((tag,)) + dice.choice((length, length, b"\x80")) + whole)
    return b"".join(parts)


def scratched(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """With a few octets changed, cut out, doubled or taken from another."""
    spoilt = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 4, 8))):
        at = dice.randrange(len(spoilt) + 1)
        size = dice.choice((1, 1, 2, 4, 16))
        match dice.randrange(8):
            case 0:
                spoilt[at : at + 1] = bytes((dice.choice(_TELLING),))
            case 1:
                spoilt[at : at + 1] = bytes((dice.randrange(256),))
            case 2 if at < len(spoilt):
                spoilt[at] ^= 1 << dice.randrange(8)
            case 3 if at < len(spoilt):
                spoilt[at] = (spoilt[at] + dice.choice((-2, -1, 1, 2))) % 256
            case 4:
                del spoilt[at : at + size]
            case 5:
                spoilt[at:at] = dice.choices(_TELLING, k=size)
            case 6:
                spoilt[at:at] = spoilt[at : at + size] * dice.choice((1, 2, 50, 1000))
            case _:
                other = dice.choice(others)
                start = dice.randrange(len(other) + 1)
                spoilt[at : at + size] = other[start : start + size * 4]
    return bytes(spoilt[:_MOST])

"""Agents whose counters are known: SNMP over UDP from a thread, on a clock of the test's own."""

import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

from netmon.sim.agents import Agent
from netmon.sim.mib import Object, View
from netmon.snmp import oid
from netmon.snmp.ber import Tag
from netmon.snmp.message import V2C, Community
from tests.peers import LOOPBACK
from tests.test_daemon import Installation

BASE = 2**63
"""What the counters start at: no signed 64 bits hold them."""


class Patient(Installation):
    """An installation whose answers are waited for, however busy the machine is."""

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=60) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            return None


class Machine:
    """A router with one port that carries `receive` and `transmit` octets a second, both ever since 0 of its clock."""

    def __init__(self, name, receive, transmit):
        self.id, self.rates, self.silent, self.asked = name, (receive, transmit), False, 0

    def silent_at(self, at):
        self.asked += 1
        return self.silent

    def life(self, at):
        return 0, 0.0

    def counter(self, way, at):
        return (BASE + int(self.rates[way] * at)) % 2**64


class Counting(Agent):
    """The agent of such a machine."""

    def __init__(self, machine, community, name="ge0"):
        super().__init__(machine, Community(V2C, community.encode()), 0.0)
        self._rows = _rows(machine, name)

    def view(self, at):
        return self._rows


def _rows(machine, name):
    fixed = {
        "1.3.6.1.2.1.1.1.0": (Tag.OCTET_STRING, b"a router of the tests"),
        "1.3.6.1.2.1.1.2.0": (Tag.OID, oid.encode("1.3.6.1.4.1.8072.3.2.10")),
        "1.3.6.1.2.1.1.5.0": (Tag.OCTET_STRING, machine.id.encode()),
        "1.3.6.1.2.1.2.1.0": (Tag.INTEGER, 1),
        "1.3.6.1.2.1.2.2.1.1.1": (Tag.INTEGER, 1),
        "1.3.6.1.2.1.2.2.1.2.1": (Tag.OCTET_STRING, name.encode()),
        "1.3.6.1.2.1.2.2.1.3.1": (Tag.INTEGER, 6),
        "1.3.6.1.2.1.2.2.1.5.1": (Tag.GAUGE32, 10**9),
        "1.3.6.1.2.1.2.2.1.7.1": (Tag.INTEGER, 1),
        "1.3.6.1.2.1.2.2.1.8.1": (Tag.INTEGER, 1),
        "1.3.6.1.2.1.31.1.1.1.1.1": (Tag.OCTET_STRING, name.encode()),
        "1.3.6.1.2.1.31.1.1.1.15.1": (Tag.GAUGE32, 1000),
        "1.3.6.1.2.1.31.1.1.1.18.1": (Tag.OCTET_STRING, b""),
        "1.3.6.1.2.1.31.1.1.1.19.1": (Tag.TIME_TICKS, 0),
    }
    rows = [Object(oid.encode(at), tag, lambda now, value=value: value) for at, (tag, value) in fixed.items()]
    rows.append(Object(oid.encode("1.3.6.1.2.1.1.3.0"), Tag.TIME_TICKS, lambda now: int(now * 100) % 2**32))
    for column, way in ((6, 0), (10, 1)):
        name_of = oid.encode(f"1.3.6.1.2.1.31.1.1.1.{column}.1")
        rows.append(Object(name_of, Tag.COUNTER64, lambda now, way=way: machine.counter(way, now)))
    return View(rows)


@contextmanager
def counting(machines, clock, community="public", host=LOOPBACK):
    """Answers for all of them while the block lasts; their ports, by name. `clock` gives their seconds."""
    agents = {}
    for machine in machines:
        agents[machine.id] = socket.socket(type=socket.SOCK_DGRAM), Counting(machine, community)
        agents[machine.id][0].bind((host, 0))
    stopped = threading.Event()

    def serve(line, agent):
        while not stopped.is_set():
            try:
                data, source = line.recvfrom(65_536)
            except OSError:
                return
            if data and (answer := agent.answer(data, clock())) is not None:
                line.sendto(answer, source)

    threads = [threading.Thread(target=serve, args=one, daemon=True) for one in agents.values()]
    for thread in threads:
        thread.start()
    try:
        yield {name: line.getsockname()[1] for name, (line, _) in agents.items()}
    finally:
        stopped.set()
        for (line, _), thread in zip(agents.values(), threads, strict=True):
            line.sendto(b"", (LOOPBACK, line.getsockname()[1]))
            thread.join()
            line.close()

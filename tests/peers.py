"""Real programs for the tests to talk to: net-snmp's snmpd, snmpsim, Prometheus, Alertmanager.

Each is started on a free loopback port, is ready when it answers, and is ended by its own process id. `scripts/peers` puts
the programs in place; one that is missing skips its test, or fails it with NETMON_REQUIRE_PEERS=1.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"
T = TypeVar("T")


def require(program: str) -> Path:
    """The path of a program: from this environment, the PATH, /usr/sbin or what `scripts/peers` unpacked."""
    places = (
        str(Path(sys.executable).parent),
        os.environ.get("PATH", ""),
        "/usr/sbin",
        "/sbin",
        str(ROOT / ".cache/peers/bin"),
    )
    found = shutil.which(program, path=os.pathsep.join(places))
    if found is None:
        say = pytest.fail if os.environ.get("NETMON_REQUIRE_PEERS") == "1" else pytest.skip
        say(f"{program} is not here: scripts/peers fetches it")
    return Path(found)


def free_port(kind: Literal["udp", "tcp"] = "udp") -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], T | None], deadline_s: float = 10.0, *, every_s: float = 0.02) -> T:
    """What `look` returns once it is true; past the deadline an AssertionError, from the last that it raised."""
    end = time.monotonic() + deadline_s
    while True:
        failed = None
        try:
            if found := look():
                return found
        except AssertionError as error:
            failed = error
        if time.monotonic() > end:
            raise AssertionError(f"not so within {deadline_s:g} s") from failed
        time.sleep(every_s)


@dataclass
class Running:
    """A program that was started, and where its output goes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, deadline_s: float = 10.0) -> int:
        """Ends it by its process id, politely and then not; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.send_signal(signal.SIGCONT)  # a frozen one would not hear it
            try:
                self.process.wait(deadline_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    ready: Callable[[], object],
    log: Path,
    deadline_s: float = 30.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Running]:
    """Runs a program while the block lasts. Enters when `ready` is true; fails with the program's output if it never is.

    The program also dies with the test run, however that ends, where util-linux's setpriv is at hand.
    """
    tied = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*tied, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    program = Running(process, log)

    def is_ready() -> bool:
        if process.poll() is not None:
            pytest.fail(f"{argv[0]} ended with {process.returncode} before it was ready:\n{program.output}")
        return bool(ready())

    try:
        try:
            eventually(is_ready, deadline_s)
        except AssertionError:
            pytest.fail(f"{argv[0]} was not ready within {deadline_s:g} s:\n{program.output}")
        yield program
    finally:
        program.stop()


# --- SNMP agents ------------------------------------------------------------------------------------------------------


def answers_snmp(port: int, community: str = "public", host: str = LOOPBACK) -> bool:
    """True if a GET of sysUpTime.0 over v2c is answered within 0.2 s."""

    def tlv(tag: int, content: bytes) -> bytes:
        return bytes((tag, len(content))) + content

    varbind = tlv(0x30, bytes.fromhex("06082b06010201010300") + b"\x05\x00")
    pdu = tlv(0xA0, b"\x02\x01\x01\x02\x01\x00\x02\x01\x00" + tlv(0x30, varbind))
    with socket.socket(type=socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        asker.connect((host, port))
        try:
            asker.send(tlv(0x30, b"\x02\x01\x01" + tlv(0x04, community.encode()) + pdu))
            return bool(asker.recv(65536))
        except (TimeoutError, ConnectionRefusedError):
            return False


@dataclass
class Snmpd:
    """A net-snmp agent that can be stopped, changed and started again on the same port, keeping its engine boots."""

    home: Path
    config: str
    community: str = "public"
    host: str = LOOPBACK
    port: int = field(default_factory=free_port)
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self, config: str | None = None) -> None:
        """Starts it, with a new configuration if one is given, and waits until it answers."""
        if config is not None:
            self.config = config
        self.home.mkdir(parents=True, exist_ok=True)
        state = self.home / "state"
        (self.home / "snmpd.conf").write_text(f"rocommunity {self.community}\n{self.config}\n")
        program = running(
            [require("snmpd"), "-f", "-Lo", "-r", f"udp:{self.host}:{self.port}"],
            ready=lambda: answers_snmp(self.port, self.community, self.host),
            log=self.home / "snmpd.log",
            env={"SNMPCONFPATH": f"{self.home}:{state}", "SNMP_PERSISTENT_DIR": str(state), "MIBS": ""},
        )
        self.process = self._stack.enter_context(program).process

    def stop(self) -> None:
        """Ends it; nothing listens on its port any more."""
        self._stack.close()

    def restart(self, config: str | None = None) -> None:
        """A reboot: sysUpTime starts at 0 and the engine's boots go up by one."""
        self.stop()
        self.start(config)

    def freeze(self) -> None:
        """Lets it fall silent without closing its port, as a hung device does."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def snmpd(home: Path, config: str = "", community: str = "public", host: str = LOOPBACK) -> Iterator[Snmpd]:
    """A real snmpd with `config` (the lines of an snmpd.conf) that answers v2c under `community`."""
    agent = Snmpd(home, config, community, host)
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


@contextmanager
def snmpsim(recordings: Path, home: Path) -> Iterator[int]:
    """The port of an snmpsim that serves each NAME.snmprec of a directory under the community NAME.

    It takes seconds to index a large walk: share one among the tests of a module.
    """
    home.mkdir(parents=True, exist_ok=True)
    first = min(recordings.rglob("*.snmprec")).relative_to(recordings).with_suffix("").as_posix()
    port = free_port()
    argv: list[str | Path] = [require("snmpsim-command-responder"), f"--agent-udpv4-endpoint={LOOPBACK}:{port}"]
    argv += [f"--data-dir={recordings}", f"--cache-dir={home / 'index'}", "--logging-method=stderr", "--log-level=error"]
    if os.geteuid() == 0:
        argv += ["--process-user=root", "--process-group=root"]
    with running(argv, ready=lambda: answers_snmp(port, first), log=home / "snmpsim.log", deadline_s=60):
        yield port


# --- Prometheus -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of one of its JSON answers."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=5) as answer:
            return json.load(answer)["data"]

    def query(self, promql: str, deadline_s: float = 15.0) -> dict[tuple[tuple[str, str], ...], float]:
        """The values of an instant query by their sorted labels, once there are any."""

        def look() -> dict[tuple[tuple[str, str], ...], float]:
            result = self.get("/api/v1/query", query=promql)["result"]
            return {tuple(sorted(row["metric"].items())): float(row["value"][1]) for row in result}

        return eventually(look, deadline_s, every_s=0.1)


@contextmanager
def prometheus(home: Path, target: str, config: str = "", flags: Sequence[str] = ()) -> Iterator[Prometheus]:
    """A real Prometheus that scrapes `target` (host:port) every second; `config` replaces that configuration whole, `flags`
    go to the command line."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "prometheus.yml"
    every_second = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: netmon
    static_configs: [{{targets: ["{target}"]}}]
"""
    path.write_text(config or every_second)
    url = f"http://{LOOPBACK}:{free_port('tcp')}"
    argv: list[str | Path] = [
        require("prometheus"),
        f"--config.file={path}",
        f"--storage.tsdb.path={home / 'data'}",
        "--log.level=warn",
    ]
    argv += [f"--web.listen-address={url.removeprefix('http://')}", *flags]
    with running(argv, ready=lambda: _is_ready(url), log=home / "prometheus.log"):
        yield Prometheus(url)


def _is_ready(url: str) -> bool:
    """As Prometheus and Alertmanager say it."""
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


# --- Alertmanager -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        """One of its JSON answers."""
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as answer:
            return json.load(answer)


_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
"""Debian's alertmanager and amtool read it there, whatever they are told."""


def of_alertmanager(program: str) -> list[str | Path]:
    """How `prometheus-alertmanager` or `amtool` is run: one that was only unpacked sees its own files below /usr/share, in a
    namespace of its own, so that nothing is put there. Where the kernel grants none and we may, they are linked there."""
    path = require(program)
    unpacked = ROOT / ".cache/peers/prometheus-alertmanager/usr/share"
    if _TEMPLATES.exists() or not unpacked.is_dir():
        return [path]
    mount = f"mount -t overlay overlay -o lowerdir='{unpacked}':/usr/share /usr/share"
    apart = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*apart, mount], capture_output=True, check=False).returncode:
        if os.access("/usr/share", os.W_OK):
            _TEMPLATES.parent.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):  # another process was faster
                _TEMPLATES.parent.symlink_to(unpacked / "prometheus/alertmanager")
            return [path]
        say = pytest.fail if os.environ.get("NETMON_REQUIRE_PEERS") == "1" else pytest.skip
        say(f"{program} needs {_TEMPLATES}: install Debian's prometheus-alertmanager")
    return [*apart, f'{mount} && exec "$0" "$@"', path]


@contextmanager
def alertmanager(home: Path, config: str) -> Iterator[Alertmanager]:
    """A real Alertmanager with a configuration, alone in its cluster."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "alertmanager.yml"
    path.write_text(config)
    url = f"http://{LOOPBACK}:{free_port('tcp')}"
    argv: list[str | Path] = [
        *of_alertmanager("prometheus-alertmanager"),
        f"--config.file={path}",
        f"--storage.path={home / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with running(argv, ready=lambda: _is_ready(url), log=home / "alertmanager.log"):
        yield Alertmanager(url)

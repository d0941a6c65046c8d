"""`netmon status` beside a real daemon: one page, and the watch in a terminal of its own."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from contextlib import closing, contextmanager, suppress

from netmon.cli import main
from netmon.cli import status as cli_status
from netmon.cli.words import width
from netmon.control import ask
from tests.peers import eventually
from tests.test_daemon import Installation

LEAVE = "\x1b[?1049l"
SIZE = struct.Struct("4H")


class Watch:
    """`netmon status --watch` in a terminal of its own; what was drawn last, without what only steers."""

    def __init__(self, config, rows=24, columns=80):
        self.ours, theirs = pty.openpty()
        os.set_blocking(self.ours, False)
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.ours)
        argv = [sys.executable, "-m", "netmon", "status", "--watch", "--every", "1s", "--lang", "en", "--config", config]
        environ = {**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True, preexec_fn=_controlling
        )
        os.close(theirs)
        self.heard = b""

    @property
    def raw(self):
        return self.heard.decode(errors="replace")

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, SIZE.pack(rows, columns, 0, 0))

    def hear(self):
        with suppress(OSError):  # nothing more for now, or for ever
            while heard := os.read(self.ours, 1 << 16):
                self.heard += heard
        return self.raw

    def drawn(self):
        """The lines of the last whole page."""
        pages = self.hear().split("\x1b[H")
        whole = [one.split("\x1b[J")[0] for one in pages[1:] if "\x1b[J" in one]
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", whole[-1]).replace("\r", "").split("\n") if whole else []

    def wait_for(self, words):
        return eventually(lambda: [line for line in self.drawn() if words in line], 20)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


def _controlling():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def running(tmp_path, agent):
    here = Installation(tmp_path, {"r1": agent.port})
    with here.stack:
        here.start()
        eventually(lambda: here.state() == {"r1": "up"})
        yield here


def test_a_watch_beside_a_real_daemon(tmp_path, snmpd):
    """It draws in place, follows the size at once, says that it is stale while no daemon answers, goes on when one does, and
    leaves the terminal as it was."""
    agent = snmpd("sysName r1\ninterface lo 24 4000000000\n", community="s3cr3t-canary")
    with running(tmp_path, agent) as here, closing(Watch(here.config)) as watch:
        watch.wait_for("● 1 Up")
        assert max(map(width, watch.drawn())) < 80
        assert len(watch.drawn()) <= 24
        assert "\x1b[?1049h" in watch.raw
        assert "\x1b[2J" not in watch.raw
        assert not termios.tcgetattr(watch.ours)[3] & termios.ECHO
        drawn = watch.raw.count("\x1b[H")
        watch.resize(10, 40)
        eventually(lambda: watch.drawn() and max(map(width, watch.drawn())) < 40 and len(watch.drawn()) <= 10)
        assert watch.raw.count("\x1b[H") > drawn
        here.daemon.stop()
        assert watch.wait_for("STALE")[0] == watch.drawn()[0]
        here.start()
        eventually(lambda: watch.drawn() and "STALE" not in watch.drawn()[0], 20)
        os.write(watch.ours, b"\x03")
        assert eventually(lambda: (watch.hear(), watch.process.poll())[1] is not None, 30)
        assert watch.process.returncode == 0
        assert LEAVE in watch.hear()[-40:]
        assert "Traceback" not in watch.raw
        assert termios.tcgetattr(watch.ours) == watch.before


def test_a_watch_that_is_ended_leaves_the_terminal_as_it_was(tmp_path):
    """Also one that never reached a daemon."""
    (tmp_path / "netmon.yaml").write_text(f"control: {tmp_path / 'c.sock'}\n")
    with closing(Watch(tmp_path)) as watch:
        watch.wait_for("netmon cannot be reached")
        watch.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: (watch.hear(), watch.process.poll())[1] is not None, 10)
        assert watch.process.returncode == 128 + signal.SIGTERM
        assert LEAVE in watch.hear()[-40:]
        assert termios.tcgetattr(watch.ours) == watch.before


def test_one_page_and_the_facts_beside_a_real_daemon(tmp_path, snmpd, monkeypatch, capsys):
    agent = snmpd("sysName r1\ninterface lo 24 4000000000\n", community="s3cr3t-canary")
    with running(tmp_path, agent) as here:

        def status(*words, to=""):
            argv = ["sh", "-c", f'exec "$@" {to}', "sh", sys.executable, "-m", "netmon", "status", *words]
            argv += ["--config", here.config]
            environ = {**os.environ, "PYTHONUTF8": "1", "TERM": "xterm"}
            return subprocess.run(argv, capture_output=True, text=True, env=environ, check=False)

        shown = status("--lang", "vi")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "● 1 Bình thường" in shown.stdout
        assert "\x1b" not in shown.stdout
        assert "\x1b[38;5;36m" in status("--color", "always").stdout
        facts = json.loads(status("--json").stdout)
        assert set(facts) == set(ask(here.home / "control.sock", "status"))
        refused = status("--watch")
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert "no terminal" in refused.stderr
        for to in (">&-", ">/dev/full"):
            refused = status(to=to)
            assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
            assert refused.stderr.startswith("netmon: ")
        agent.freeze()
        eventually(lambda: here.state() == {"r1": "down"})
        told = [line for line in status("--lang", "en").stdout.splitlines() if "did not answer" in line]
        assert len(told) == 1
        assert "r1" in told[0]
        assert time.time() - ask(here.home / "control.sock", "wallboard")["time"] < 5
        here.daemon.stop()
        monkeypatch.setattr(cli_status, "_PATIENCE_S", 0.2)
        with closing(socket.socket(socket.AF_UNIX)) as mute:  # as of a daemon that is stopped
            mute.bind(str(here.home / "control.sock"))
            mute.listen()
            assert main(["status", "--lang", "en", "--config", str(here.config)]) == 0
        said = capsys.readouterr().out
        assert "netmon does not answer; what the store knew at" in said
        assert "1 down" in said

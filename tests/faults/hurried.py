"""`python hurried.py PACE MONOTONIC WALL`: netmon on a clock that runs PACE times as fast, as often as it is asked for.

The clock is the machine's monotonic one, and so the same in all processes that are told the same: at MONOTONIC of the
machine both the monotonic time and the wall stand where they are given. Each line on standard input is a command line in
JSON; what runs it is forked, with everything imported, and its process id is told. An empty line waits for it to end.
"""

import json
import os
import selectors
import sys
import time
from dataclasses import dataclass, field

_machine = time.monotonic
_select = selectors.EpollSelector.select


@dataclass(frozen=True)
class Clock:
    """Time that runs `pace` times as fast since the machine's monotonic clock stood at `start`, when it was `wall`."""

    pace: float
    wall: float
    start: float = field(default_factory=_machine)

    def monotonic(self):
        return self.start + (_machine() - self.start) * self.pace

    def time(self):
        return self.wall + (_machine() - self.start) * self.pace

    def argv(self):
        return [str(part) for part in (sys.executable, __file__, self.pace, self.start, self.wall)]

    def hurry(self):
        """From now on this process lives by it, but for threads that wait."""
        time.monotonic, time.time = self.monotonic, self.time
        selectors.EpollSelector.select = lambda selector, timeout=None: _select(
            selector, timeout if timeout is None else timeout / self.pace
        )


def main():
    from netmon import cli, daemon
    from netmon.cli import run
    from netmon.settings import load
    from netmon.sim.tied import tie

    async def read_here(directory):  # where everything is imported already: to start takes no second
        return load(directory)

    run.read_in_child = daemon.read_in_child = read_here
    for line in sys.stdin:
        if line.strip():
            parent, child = os.getpid(), os.fork()
            if child == 0:
                tie(parent)
                os._exit(cli.main(json.loads(line)))
            print(child, flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)


if __name__ == "__main__":
    clock = Clock(pace=float(sys.argv[1]), start=float(sys.argv[2]), wall=float(sys.argv[3]))
    clock.hurry()
    main()

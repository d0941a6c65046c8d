"""`python -m bench.profiled FILE ARG...`: `netmon ARG...`, profiled from SIGUSR1 to SIGUSR2, which writes FILE.

So the profile holds the paced work alone, without the start. Only the event loop's thread is profiled; read it with
`python -m pstats FILE`.
"""

from __future__ import annotations

import cProfile
import signal
import sys
import time

from netmon.cli import main

if __name__ == "__main__":
    profile, file = cProfile.Profile(time.thread_time), sys.argv.pop(1)
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    signal.signal(signal.SIGUSR2, lambda *_: profile.dump_stats(file))  # which ends the profile too
    sys.exit(main())

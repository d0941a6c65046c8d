"""`python -m netmon.sim.tied PARENT MODULE ...`: `python -m MODULE ...`, killed when its parent ends, however that ends.
With the path of a program, from the root on, in the place of a module it becomes that program.

The program ties itself, after its exec: a parent that has threads, or a Python with file capabilities, would undo what was
set between fork and exec (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """From now on SIGKILL when the process `parent` ends, which started this one. OSError: the kernel refuses.

    SystemExit: it has ended already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it ended before the kernel knew whom to tell
        sys.exit(f"the process {parent} that started this one has ended")


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    if os.path.isabs(sys.argv[0]):
        os.execv(sys.argv[0], sys.argv)  # noqa: S606 - the tie outlives it, in the same process
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

"""Reading a file whose name stands in a configuration: it may be anything, and whatever it is, reading it ends."""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL
from pathlib import Path

FILE_OCTETS = 16 << 20
"""A longer file is not read."""


def octets_of(path: Path, most: int = FILE_OCTETS) -> bytes:
    """What a file holds. OSError: it cannot be read, is no ordinary file (a device, a pipe), or is longer than that."""
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # a pipe is not waited for
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(EINVAL, "it is no ordinary file")
        octets = file.read(most + 1)
    if len(octets) > most:
        raise OSError(EFBIG, f"it is longer than {most} octets")
    return octets

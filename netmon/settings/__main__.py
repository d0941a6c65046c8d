"""`python -m netmon.settings DIR`: load a configuration and print it as a pickle, for the daemon's reload.

Composing a province's YAML takes whole seconds of one core, during which an event loop would poll nobody; so the daemon
lets a child do it. A pickle is safe here because the daemon reads it from its own child over a pipe. It holds secrets in
the clear: it never goes to a file or a terminal. A bad configuration prints its problems on stderr and exits 78.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any

from netmon.credential import Secret
from netmon.settings import ConfigErrors, load


class _Pickler(pickle.Pickler):
    """Writes secrets, too, which refuse every other pickler."""

    def reducer_override(self, thing: object) -> Any:
        return (Secret, (thing.reveal(),)) if isinstance(thing, Secret) else NotImplemented


def main(arguments: list[str]) -> int:
    """0 with a pickle on stdout, os.EX_CONFIG with problems on stderr, 2 when asked in the wrong way."""
    if len(arguments) != 1 or sys.stdout.isatty():
        sys.stderr.write("usage: python -m netmon.settings DIR > PIPE\n")
        return 2
    try:
        settings = load(Path(arguments[0]))
    except ConfigErrors as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    _Pickler(sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

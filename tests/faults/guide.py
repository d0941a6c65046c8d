"""The program of the guide that checks an audit log, as an auditor runs it."""

import re
import subprocess
import sys

from tests.faults.matrix import ROOT


def checked(path):
    """What the program of the guide says of a log, which needs netmon for nothing."""
    guide = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    done = subprocess.run([sys.executable, "-I", "-c", program, path], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr

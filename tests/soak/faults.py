"""Every fault of the matrix in its full form, and what was measured written into docs/reliability.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.matrix import FIGURES, LEVEL, MATRIX, ONLY, ROOT, filled, rows

ABOUT = "every fault of docs/reliability.md in its full form; what was measured is written into its rows"


def add(parser: argparse.ArgumentParser) -> None:
    known = [row.id for row in rows(MATRIX.read_text(encoding="utf-8"))]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {', '.join(known)}")


def run(given: argparse.Namespace) -> int:
    """Runs the marked tests one after the other; figures of those that passed are kept, also when another fails."""
    known = [row.id for row in rows(MATRIX.read_text(encoding="utf-8"))]
    if unknown := [row for row in given.rows if row not in known]:
        print(f"soak: there is no row {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as home:
        figures = Path(home) / "figures"
        figures.touch()
        env = {**os.environ, LEVEL: "full", FIGURES: str(figures)}
        if given.rows:
            env[ONLY] = ",".join(given.rows)
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "fault", "-p", "no:randomly", "-v", "-o", "faulthandler_timeout=7200"],
            cwd=ROOT,
            env=env,
            check=False,
        ).returncode
        found: dict[str, list[str]] = {}
        for line in figures.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            found.setdefault(told["row"], []).append(told["figures"])
    day = datetime.now(UTC).date()
    text = MATRIX.read_text(encoding="utf-8")
    MATRIX.write_text(filled(text, {row: f"{'; '.join(told)} ({day})" for row, told in found.items()}), encoding="utf-8")
    print(f"soak: {len(found)} rows of {MATRIX.relative_to(ROOT)} measured; pytest ended with {code}")
    return code

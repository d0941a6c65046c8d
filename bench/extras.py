"""What is measured beside netmon, put under .cache: nothing is installed, and what is there is not fetched again.

MissingError when it cannot be had, in a sentence: that subject is left out then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from bench.programs import CACHE, ROOT, MissingError, find, say

HERE = Path(__file__).parent


def gufo() -> Path:
    """A directory for PYTHONPATH in which gufo-snmp lies, as requirements.lock names it."""
    lock, home = HERE / "requirements.lock", CACHE / "python"
    stamp, wanted = home / "stamp", sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        say("fetching gufo-snmp")
        shutil.rmtree(home, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
        _run([*pip, "--require-hashes", "--only-binary", ":all:", "--target", str(home), "-r", str(lock)], "gufo-snmp")
        stamp.write_text(wanted)
    return home


def gosnmp() -> Path:
    """The program in gosnmp/, built by the Go that is here, with the modules that its go.sum names."""
    source, program = HERE / "gosnmp", CACHE / "bin/gosnmp"
    if shutil.which("go") is None:
        raise MissingError("gosnmp is left out: there is no go here")
    newest = max(path.stat().st_mtime for path in source.iterdir())
    if not program.exists() or program.stat().st_mtime < newest:
        say("building gosnmp")
        # Only this Go: another toolchain is not fetched for a bench.
        env = {"GOMODCACHE": str(CACHE / "go"), "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw -buildvcs=false"}
        _run(["go", "build", "-C", str(source), "-o", str(program), "."], "gosnmp", env)
    return program


def package(name: str, program: str) -> Path:
    """A program of a Debian package: from where it is, or unpacked by scripts/peers."""
    try:
        return find(program)
    except MissingError:
        _run([str(ROOT / "scripts/peers"), f"{name}={program}"], program)
        return find(program)


def _run(argv: list[str], what: str, env: dict[str, str] | None = None) -> None:
    ended = subprocess.run(argv, cwd=ROOT, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["without a word"])[-1]
        raise MissingError(f"{what} is left out: {last}")

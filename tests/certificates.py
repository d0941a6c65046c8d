"""Certificates as an authority of the house makes them, by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.peers import LOOPBACK, require


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM files."""

    certificate: Path
    key: Path


def authority(home: Path, name: str = "ca") -> Pair:
    """An authority that vouches for others."""
    return _made(home, name, "-addext", "basicConstraints=critical,CA:TRUE")


def issued(home: Path, name: str, by: Pair, *, days: int = 30) -> Pair:
    """A certificate for this machine, or for one who asks it."""
    names = f"subjectAltName=IP:{LOOPBACK},DNS:localhost"
    return _made(home, name, "-CA", by.certificate, "-CAkey", by.key, "-addext", names, days=days)


def _made(home: Path, name: str, *how: str | Path, days: int = 30) -> Pair:
    home.mkdir(parents=True, exist_ok=True)
    pair = Pair(home / f"{name}.pem", home / f"{name}.key")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days)]
    command = [require("openssl"), "req", *kind, "-subj", f"/CN={name}", "-out", pair.certificate, "-keyout", pair.key, *how]
    subprocess.run(command, check=True, capture_output=True)
    pair.key.chmod(0o600)
    return pair

"""Disks of our own: a small one that can be full, and one from which the power can be cut. Both need root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers import require


def _mount(*how: str | Path) -> None:
    """Mounts; where that is not allowed the test is skipped, or fails with NETMON_REQUIRE_PEERS=1."""
    done = subprocess.run([require("mount"), *how], capture_output=True, text=True, check=False)
    if done.returncode:
        say = pytest.fail if os.environ.get("NETMON_REQUIRE_PEERS") == "1" else pytest.skip
        say(f"no disk can be mounted here, which takes root: {done.stderr.strip()}")


@contextmanager
def small(place: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes."""
    place.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place)
    try:
        yield place
    finally:
        subprocess.run([require("umount"), "-l", place], check=True)


def fill_up(disk: Path, leave: int = 0) -> Path:
    """A file that takes all that is free, but for some bytes; to delete it frees the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        free = os.statvfs(disk)
        for _ in range((free.f_bavail * free.f_frsize - leave) // 4096):
            file.write(bytes(4096))
    return ballast


class Ext4:
    """An ext4 in a file. What was not synced is in the memory of the machine alone: a copy of the file is what a power cut
    would leave."""

    def __init__(self, home: Path, megabytes: int) -> None:
        self._backing, self.place = home / "disk", home / "mounted"
        self._home = home
        with self._backing.open("wb") as file:
            file.truncate(megabytes * 2**20)
        subprocess.run([require("mkfs.ext4"), "-q", "-F", self._backing], check=True)
        self.place.mkdir()
        self._cuts = 0

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """The disk while the power lasts."""
        _mount("-o", "loop", self._backing, self.place)
        try:
            yield self.place
        finally:
            subprocess.run([require("umount"), self.place], check=True)

    def cut(self) -> Path:
        """What a power cut at this moment leaves on the disk."""
        self._cuts += 1
        left = self._home / f"cut{self._cuts}"
        subprocess.run(["/bin/cp", "--sparse=always", self._backing, left], check=True)
        return left

    @contextmanager
    def after(self, left: Path) -> Iterator[Path]:
        """The disk after the cut, its journal replayed."""
        place = left.with_name(left.name + "-mounted")
        place.mkdir()
        _mount("-o", "loop", left, place)
        try:
            yield place
        finally:
            subprocess.run([require("umount"), place], check=True)
            shutil.rmtree(place, ignore_errors=True)
            left.unlink()

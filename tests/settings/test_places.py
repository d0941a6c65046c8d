"""Directories that cannot be read, and paths that are another's."""

from __future__ import annotations

import argparse
import ctypes
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from netmon.cli import check
from netmon.settings import load
from netmon.units import Register
from tests.settings.conftest import INVENTORY, NETMON, TODAY, Write
from tests.settings.test_load import good, wrong

_VERSION_3 = 0x20080522
_DAC = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@contextmanager
def without_privilege() -> Iterator[None]:
    """As a user to whom permissions apply: root gives up what lets it read everything (capset(2)), and takes it back."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    effective = sets[0]
    sets[0] = effective & ~_DAC
    assert libc.capset(header, sets) == 0
    try:
        yield
    finally:
        sets[0] = effective
        assert libc.capset(header, sets) == 0


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A configuration that every user may read: pytest's own directories are closed to others."""
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    with TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        (directory / "inventory").mkdir()
        (directory / "netmon.yaml").write_text(NETMON)
        (directory / "inventory" / "a.yaml").write_text(INVENTORY)
        for path in (directory, directory / "inventory"):
            path.chmod(0o755)
        yield directory
        for path in (directory, directory / "inventory"):
            path.chmod(0o755)


def test_a_directory_that_may_not_be_searched_is_one_sentence(
    home: Path, register: Register, capsys: pytest.CaptureFixture[str]
) -> None:
    home.chmod(0o400)
    with without_privilege():
        assert check.run(argparse.Namespace(config=home)) == 1
    said = capsys.readouterr()
    line = f"{home}:1:1: the configuration directory cannot be read: Permission denied"
    assert (said.out.splitlines(), said.err) == ([line, "1 error"], "")


@pytest.mark.parametrize("mode", [0o100, 0o400])
def test_an_inventory_that_may_not_be_read_is_not_called_absent(home: Path, register: Register, mode: int) -> None:
    """Neither listed without its names, nor with names that cannot be opened."""
    (home / "inventory").chmod(mode)
    with without_privilege():
        lines = wrong(home, register)
    assert [line for line in lines if line.startswith("inventory")] == [
        "inventory:1:1: the inventory cannot be read: Permission denied"
    ]


def test_a_directory_that_is_not_there_or_is_a_file_is_one_sentence(tmp_path: Path, register: Register) -> None:
    assert wrong(tmp_path / "none", register) == [
        f"{tmp_path}/none:1:1: the configuration directory cannot be read: No such file or directory"
    ]
    (tmp_path / "file").touch()
    assert wrong(tmp_path / "file", register) == [
        f"{tmp_path}/file:1:1: the configuration directory cannot be read: Not a directory"
    ]


def test_the_store_is_a_new_file_or_one_of_sqlite(write: Write, register: Register) -> None:
    directory = write(NETMON + "store: {path: kept}\n")
    path = directory / "kept"
    assert good(directory, register).store.path == path
    path.write_text("minutes of the meeting")
    assert wrong(directory, register) == [
        f"netmon.yaml:5:15: path: {path} is there and is no SQLite file".replace(f"{directory}/", "")
    ]
    path.unlink()
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE t (a)")
    assert good(directory, register).store.path == path
    write(NETMON + "store: {path: inventory}\n")
    assert wrong(directory, register) == [
        "netmon.yaml:5:15: path: inventory is a directory: name a file in it, such as netmon.db"
    ]


def test_a_store_that_is_in_use_keeps_its_locks(write: Write, register: Register) -> None:
    """To close any descriptor of a file drops a process's locks on it: one that is in use is not opened."""
    directory = write(NETMON + "store: {path: kept}\n")
    with closing(sqlite3.connect(directory / "kept")) as store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("CREATE TABLE t (a)")
        held = locks(directory / "kept")
        assert held
        good(directory, register)
        assert locks(directory / "kept") == held


def locks(path: Path) -> list[str]:
    """What /proc/locks says of our own locks on a file, without their ordinals, which depend on everybody's."""
    inode = f":{path.stat().st_ino} "
    lines = Path("/proc/locks").read_text().splitlines()
    return sorted(line.partition(":")[2] for line in lines if inode in line and f" {os.getpid()} " in line)


def test_the_control_socket_is_new_or_a_socket(write: Write, register: Register) -> None:
    directory = write(NETMON + "control: c\n")
    path = directory / "c"
    path.touch()
    assert wrong(directory, register) == ["netmon.yaml:5:10: control: c is there and is no socket"]
    path.unlink()
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        assert good(directory, register).control == path
    write(NETMON + "control: inventory\n")
    assert wrong(directory, register) == [
        "netmon.yaml:5:10: control: inventory is a directory: name a socket in it, such as control.sock"
    ]


def test_a_control_path_fits_a_socket_address(write: Write, register: Register) -> None:
    fits = f"/{'ư' * 53}"
    assert load(write(NETMON + f"control: {fits}\n"), register=register, today=TODAY).control == Path(fits)
    assert wrong(write(NETMON + f"control: {fits}a\n"), register) == [
        f"netmon.yaml:5:10: control: {fits}a is too long for a socket: 108 bytes, of which there may be 107"
    ]


@pytest.mark.parametrize("odd", ['"a\\0b"', "netmon.yaml/db", f"{'a' * 300}"])
def test_a_path_that_no_file_can_have_is_an_error_and_no_traceback(write: Write, register: Register, odd: str) -> None:
    assert len(wrong(write(NETMON + f"store: {{path: {odd}}}\n"), register)) == 1

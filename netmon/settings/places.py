"""Whether the configuration's directories can be read, and whether its paths can become what they are meant for."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from netmon.settings import build
from netmon.settings.problem import Problem, problem_at
from netmon.settings.yaml import Table

_SOCKET_PATH_BYTES = 107
"""What sun_path holds beside its closing zero (unix(7))."""

_SQLITE = b"SQLite format 3\0"


def unreadable(directory: Path) -> str:
    """Why nothing can be opened in a directory, or nothing when it can."""
    try:
        os.stat(os.path.join(directory, "."))  # asks for the right to search it, as every file in it will
    except OSError as error:
        return error.strerror or str(error)
    except ValueError:
        return "no directory can have this name"
    return ""


def inventory_files(directory: Path) -> tuple[list[str], Iterator[Problem]]:
    """The names in the inventory's directory, sorted, and what is wrong with it."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return [], iter([Problem(str(directory), 1, 1, "there is no inventory: expected files *.yaml here")])
    except OSError as error:
        return [], iter([Problem(str(directory), 1, 1, f"the inventory cannot be read: {error.strerror}")])
    if reason := unreadable(directory):
        return [], iter([Problem(str(directory), 1, 1, f"the inventory cannot be read: {reason}")])
    if not any(name.endswith(".yaml") for name in names):
        return names, iter([Problem(str(directory), 1, 1, "there is no inventory: expected files *.yaml here")])
    return names, iter(())


def paths(main: Table, directory: Path) -> Iterator[Problem]:
    """What stands in the way of the store and of the control socket: neither overwrites what is another's."""
    store = main.table("store") or Table(main.node)
    yield from _path(store, "path", directory, build.store_path, _not_a_store)
    yield from _path(main, "control", directory, build.control_path, _not_a_control_socket)


def _path(
    table: Table,
    key: str,
    directory: Path,
    place: Callable[[str | None, Path], Path],
    unfit: Callable[[Path], str],
) -> Iterator[Problem]:
    written = table.get(key)
    if written is not None and (not isinstance(written, str) or not written):
        return  # the model complains
    mark = table.value_mark(key)
    try:
        path = place(written, directory)
        text = unfit(path)
    except (ValueError, RuntimeError):
        yield problem_at(mark, f"{key}: no file can have this name")
        return
    except (FileNotFoundError, PermissionError):
        return  # it will be made, or is for another user to see
    except OSError as error:
        yield problem_at(mark, f"{key}: {path} cannot be used: {error.strerror}")
        return
    if text:
        yield problem_at(mark, f"{key}: {path} {text}")


def _not_a_store(path: Path) -> str:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "is a directory: name a file in it, such as netmon.db"
    if not stat.S_ISREG(mode):
        return "is there and is no file"
    if path.with_name(f"{path.name}-wal").exists():
        return ""  # it may be open in this process: to close a second descriptor would drop its locks (fcntl(2))
    with path.open("rb") as file:
        head = file.read(len(_SQLITE))
    return "" if head in (b"", _SQLITE) else "is there and is no SQLite file"


def _not_a_control_socket(path: Path) -> str:
    size = len(os.fsencode(path))
    if size > _SOCKET_PATH_BYTES:
        return f"is too long for a socket: {size} bytes, of which there may be {_SOCKET_PATH_BYTES}"
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "is a directory: name a socket in it, such as control.sock"
    return "" if stat.S_ISSOCK(mode) else "is there and is no socket"

"""Whether the configuration's directories can be read, and whether its paths are, or can become, what they are meant for."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from netmon.certificate import expiry
from netmon.octets import octets_of
from netmon.settings import build, servers
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


def paths(main: Table, directory: Path, *, keys: bool = True) -> Iterator[Problem]:
    """What stands in the way of the store, the control socket and the outbox, none of which overwrites what is another's;
    and, unless `keys` are to be left alone, what is wrong with the files of certificates and keys."""
    store = main.table("store") or Table(main.node)
    yield from _path(store, "path", directory, build.store_path, _not_a_store)
    yield from _path(main, "control", directory, build.control_path, _not_a_control_socket)
    influx, mqtt, web = servers.section(main), main.table("mqtt"), main.table("web")
    outbox = influx.table("outbox") if influx is not None else None
    if outbox is not None and "path" in outbox:
        yield from _path(outbox, "path", directory, _written, _not_an_outbox)
    if influx is not None:
        yield from _files(influx, ("ca",), directory, keys)
    if mqtt is not None:
        yield from _files(mqtt, ("ca", "certificate", "key"), directory, keys)
    tls = web.table("tls") if web is not None else None
    if tls is not None:
        found = list(_files(tls, ("client_ca", "certificate", "key"), directory, keys))
        yield from found if found or not keys or not tls.text("certificate") else _no_end(tls, directory)


def _written(written: str | None, directory: Path) -> Path:
    return (directory / (written or "")).resolve()


def _files(table: Table, names: Iterable[str], directory: Path, keys: bool) -> Iterator[Problem]:
    """PEM files that TLS will want: better said now than at each attempt to connect."""
    sound = {}
    for name in names:
        written = table.get(name)
        if not isinstance(written, str) or not written:
            continue  # not there, or the model complains
        path, text = directory / written, ""
        try:
            path = path.resolve()
            text = _not_readable(path) if keys else ""
            if not text and name in ("ca", "client_ca") and keys:
                text = _no_authorities(path)
        except (ValueError, RuntimeError):
            text = "cannot be the name of a file"
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
        if text:
            yield problem_at(table.value_mark(name), f"{name}: {path} {text}")
        else:
            sound[name] = path
    if keys and {"certificate", "key"} <= sound.keys() and (text := _no_pair(sound["certificate"], sound["key"])):
        yield problem_at(table.value_mark("key"), f"certificate and key: {text}")


def _not_readable(path: Path) -> str:
    if not stat.S_ISREG(path.stat().st_mode):
        return "is there and is no file"
    with path.open("rb") as file:
        file.read(1)
    return ""


def _no_authorities(path: Path) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificate in PEM form"
    return ""


def _no_pair(certificate: Path, key: Path) -> str:
    """OpenSSL's judgement. An encrypted key would ask for its passphrase, which a daemon cannot type."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_passphrase)
    except _LockedError:
        return f"{key} is encrypted, and netmon has no passphrase for it"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{key} is not the key of {certificate}"
        return f"{certificate} and {key} are not a certificate and its key in PEM form"
    return ""


def _no_end(tls: Table, directory: Path) -> Iterator[Problem]:
    """OpenSSL takes a certificate also in a form of its own (-trustout), whose end netmon could not tell."""
    certificate = (directory / tls["certificate"]).resolve()
    try:
        expiry(octets_of(certificate).decode("ascii", "replace"))
    except (OSError, ValueError):
        text = f"certificate: {certificate} does not tell until when it holds"
        yield problem_at(tls.value_mark("certificate"), text, f"openssl x509 -in {certificate} writes one that does")


class _LockedError(Exception):
    pass


def _passphrase() -> str:
    raise _LockedError


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


def _not_an_outbox(path: Path) -> str:
    return "" if stat.S_ISDIR(path.stat().st_mode) else "is there and is no directory"


def _not_a_control_socket(path: Path) -> str:
    size = len(os.fsencode(path))
    if size > _SOCKET_PATH_BYTES:
        return f"is too long for a socket: {size} bytes, of which there may be {_SOCKET_PATH_BYTES}"
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "is a directory: name a socket in it, such as control.sock"
    return "" if stat.S_ISSOCK(mode) else "is there and is no socket"

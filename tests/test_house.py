"""The rules of the house, read from the code: who imports whom, where each foreign library is spoken, what has help."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from netmon import catalogue
from tests.effort import LONGEST

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "netmon").rglob("*.py"))
EVERY_MODULE = [path.relative_to(ROOT).with_suffix("").as_posix() for path in SOURCES]

ALONE = ("model", "credential", "schedule", "snmp", "slopes")
"""Rooms that import nothing of netmon."""

PURE = ("derive", "targets", "causes", "events", "slopes", "sightings")
"""Rooms that import only PURE_MAY, their own parts and IN_STDLIB: time comes in as an argument, nothing goes out."""

PURE_MAY = ("model", "catalogue", "units", "slopes", "sightings", "events")
PURE_STDLIB = {
    *("__future__", "array", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions"),
    *("functools", "heapq", "itertools", "math", "operator", "statistics", "typing", "zoneinfo"),
}
CLOCK_CALLS = {"now", "utcnow", "today"}

SPOKEN_IN = {
    "pysnmp": ("snmp",),
    "pyasn1": ("snmp",),
    "cryptography": ("snmp",),
    "aiomqtt": ("pollers/mqtt", "sim"),
    "amqtt": ("sim",),
    "msgspec": ("pollers/payloads",),
    "holidays": ("public_holidays",),
    "prometheus_client": ("exporters/prometheus",),
    "influxdb_client": ("exporters/writes",),
    "pydantic": ("settings", "profiles"),
    "yaml": ("settings", "profiles"),
    "sqlite3": ("store",),
    "aiohttp": ("web", "exporters/influx", "exporters/writes", "pollers/http", "sim"),
}
FORBIDDEN_NAMES = {"utils", "util", "common", "base", "manager", "managers", "helper", "helpers", "misc"}
LINES_AT_MOST = 450


@cache
def tree(module: str) -> ast.Module:
    path = ROOT / f"{module}.py"
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(module: str) -> list[tuple[int, str]]:
    """Each import of a module, anywhere in it, as its line and its absolute dotted name ("netmon.model.Poll")."""
    package = module.removesuffix("/__init__").split("/") if module.endswith("/__init__") else module.split("/")[:-1]
    found = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{source}.{alias.name}") for alias in node.names]
    return found


def room(module: str) -> str:
    """ "netmon/snmp/ber" stands in room "snmp", "netmon/model" in "model"."""
    parts = module.split("/")
    return parts[1] if len(parts) > 1 else ""


def stands_in(module: str, places: tuple[str, ...]) -> bool:
    inside = module.removeprefix("netmon/").removesuffix("/__init__")
    return any(inside == place or inside.startswith(f"{place}/") for place in places)


def test_a_room_that_stands_alone_imports_nothing_of_netmon():
    """`model`, `schedule`, `slopes` and `snmp` could be lifted out of netmon as they are."""
    wrong = [
        f"{module}.py:{line}: {name}"
        for module in EVERY_MODULE
        if room(module) in ALONE
        for line, name in imports(module)
        if name.split(".")[0] == "netmon" and name.split(".")[1] != room(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_a_pure_room_imports_only_nouns_and_itself():
    """`derive`, `targets`, `causes` and `events` see the nouns, the catalogue, the register, the mathematics of
    slopes, what a backup's use is, what declared windows mean, and their own parts."""
    wrong = [
        f"{module}.py:{line}: {name}"
        for module in EVERY_MODULE
        if room(module) in PURE
        for line, name in imports(module)
        if (parts := name.split("."))[0] == "netmon" and parts[1] not in (*PURE_MAY, room(module))
    ]
    assert not wrong, "\n".join(wrong)


def test_a_pure_room_touches_no_clock_socket_file_or_logger():
    """Whatever a pure room is given comes in as an argument, and what it says goes out as a return value."""
    wrong = []
    for module in EVERY_MODULE:
        if room(module) not in PURE:
            continue
        for line, name in imports(module):
            if name.split(".")[0] not in PURE_STDLIB | {"netmon"}:
                wrong.append(f"{module}.py:{line}: {name}")
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in CLOCK_CALLS | {"open", "print", "input"}:
                    wrong.append(f"{module}.py:{node.lineno}: {called}()")
    assert not wrong, "\n".join(wrong)


def test_pollers_and_exporters_never_import_each_other():
    """`pipeline` joins them."""
    apart = ("pollers", "exporters")
    wrong = [
        f"{module}.py:{line}: {name}"
        for module in EVERY_MODULE
        if room(module) in apart
        for line, name in imports(module)
        if (parts := name.split("."))[0] == "netmon" and parts[1] in apart and parts[1] != room(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_below_imports_the_command_line_or_the_daemon():
    """`daemon` wires and `cli` calls: no room looks up at them."""
    wrong = [
        f"{module}.py:{line}: {name}"
        for module in EVERY_MODULE
        if room(module) not in ("cli", "daemon", "__main__")
        for line, name in imports(module)
        if name.startswith("netmon.cli") or (name.startswith("netmon.daemon") and room(module) != "cli")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", SPOKEN_IN)
def test_a_foreign_library_is_spoken_in_one_place(library: str):
    """To change a library is to change one room."""
    wrong = [
        f"{module}.py:{line}: {name}"
        for module in EVERY_MODULE
        for line, name in imports(module)
        if name.split(".")[0] == library and not stands_in(module, SPOKEN_IN[library])
    ]
    assert not wrong, "\n".join(wrong)


def test_no_foreign_library_comes_in_unnoticed():
    """structlog is spoken everywhere; each other library has its room above."""
    known = {*sys.stdlib_module_names, *SPOKEN_IN, "structlog", "netmon"}
    wrong = [
        f"{module}.py:{line}: {name}"
        for module in EVERY_MODULE
        for line, name in imports(module)
        if name.split(".")[0] not in known
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_has_a_name_that_says_nothing():
    """A module called utils has no reason to stay small."""
    assert not [module for module in EVERY_MODULE if FORBIDDEN_NAMES & set(module.split("/"))]


def test_no_file_is_two_files():
    """A file past the limit holds two ideas."""
    lengths = {path: len(path.read_bytes().splitlines()) for path in (*SOURCES, *(ROOT / "tests").rglob("*.py"))}
    too_long = {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > LINES_AT_MOST}
    assert not too_long


def test_the_files_that_are_to_begin_first_are_there():
    """A name that is no longer one would be passed over in silence."""
    assert not [name for name in LONGEST if not (ROOT / name).is_file()]


def test_every_module_and_public_name_has_a_docstring():
    """Modules, public functions and classes say what they are; methods, enums and a command's `add` and `run` need not."""
    wrong = []
    for module in EVERY_MODULE:
        if not ast.get_docstring(tree(module)):
            wrong.append(f"{module}.py")
        for node in tree(module).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                is_enum = isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)
                is_command = room(module) == "cli" and node.name in ("add", "run")
                if not (node.name.startswith("_") or is_enum or is_command or ast.get_docstring(node)):
                    wrong.append(f"{module}.py:{node.lineno}: {node.name}")
    assert not wrong, "\n".join(wrong)


def test_nothing_names_a_machine_or_a_registry():
    """The project is the same wherever it lies and wherever its packages come from."""
    hosts = ("pypi" + ".org", "python" + "hosted.org", "deb.debian" + ".org", "crates" + ".io", "registry.npm" + "js.org")
    private = re.compile("|".join([re.escape(host) for host in hosts] + ["/wo" + "rk/", "index" + "-url *="]))
    kept_out = {
        ".git",
        ".venv",
        ".cache",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        "__pycache__",
        "var",
    }
    wrong = []
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT)
        if path.is_file() and not kept_out & set(inside.parts) and path.suffix not in (".png", ".whl", ".gz"):
            text = path.read_text(encoding="utf-8", errors="replace")
            wrong += [f"{inside}: {found.group()}" for found in private.finditer(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("family", [*catalogue.DEVICE.values(), *catalogue.OWN.values()], ids=lambda family: family.name)
def test_a_family_is_named_by_the_rules_and_explained_in_both_languages(family: catalogue.Family):
    """Prometheus' naming, and help that an operator can read."""
    assert re.fullmatch(r"netmon_[a-z]+(_[a-z0-9]+)*", family.name)
    assert family.kind in ("gauge", "counter", "histogram")
    assert (family.kind == "counter") == family.name.endswith("_total")
    assert family.unit != "s" or family.name.endswith("_seconds")
    assert family.unit != "B/s" or family.name.endswith("_bytes_per_second")
    assert family.en.endswith(".")
    assert family.vi.endswith(".")
    assert re.search(r"[àáảãạăâđèéẻẽẹêìíỉĩịòóỏõọôơùúủũụưỳýỷỹỵằắẳẵặầấẩẫậềếểễệồốổỗộờớởỡợừứửữự]", family.vi.lower())
    assert not {"type", "region", "zone", "job", "instance", "le", "quantile"} & set(family.labels)
    assert (family.kind == "histogram") == bool(family.buckets)
    assert list(family.buckets) == sorted(set(family.buckets))

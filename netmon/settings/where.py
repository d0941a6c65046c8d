"""Where a netmon is found, told by netmon.yaml alone.

A command that only speaks to a running daemon needs the path of its socket and nothing else: what is wrong in the inventory
that somebody is writing must not keep a shift from declaring a storm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from yaml.nodes import Node

from netmon.settings import build, places, yaml
from netmon.settings.faults import faults
from netmon.settings.models import NetmonFile, Shape, Store
from netmon.settings.problem import ConfigErrors, Problem, meant
from netmon.settings.secrets import leave
from netmon.settings.values import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The control socket of a netmon, and its store."""

    control: Path
    store: Path


class _Store(Shape):
    path: Text | None = None


class _Paths(Shape):
    control: Text | None = None
    store: _Store = _Store()


def where(directory: Path) -> Where:
    """Where the netmon of a configuration directory is, as `load` would find it, whatever else is wrong there.

    ConfigErrors: netmon.yaml cannot be read, or what it says of `control` or of the store's `path` cannot be. No secret is
    fetched.
    """
    if reason := places.unreadable(directory):
        raise ConfigErrors([Problem(str(directory), 1, 1, f"the configuration directory cannot be read: {reason}")])
    home, document = directory.resolve(), yaml.read(directory / "netmon.yaml", leave)
    if document.root is None:
        raise ConfigErrors(document.problems)
    told = _only(document.root, NetmonFile, _Paths)
    tables = [told]
    if isinstance(written := told.get("store"), yaml.Table):
        told["store"] = _only(written, Store, _Store)
        tables.append(told["store"])
    ours = {mark for table in tables for nodes in table.nodes.values() for mark in map(_start, nodes)}
    paths, problems = faults(told, _Paths)
    problems += (problem for problem in document.problems if (problem.line, problem.column) in ours)
    problems += places.paths(told, home, keys=False)
    if problems:
        raise ConfigErrors(problems)
    return Where(control=build.control_path(paths.control, home), store=build.store_path(paths.store.path, home))


def _only(table: yaml.Table, whole: type[Shape], part: type[Shape]) -> yaml.Table:
    """Of a mapping that is written as `whole` the keys of `part`, and those that were probably meant for them: a path that
    is taken for not written would lead to another netmon's socket."""
    known = whole.keys()
    hints = {meant(key, known) for key in part.keys()}  # noqa: SIM118 - a model, not a mapping
    only = yaml.Table(table.node)
    for name in table:
        if meant(name, known) in hints:
            only[name], only.nodes[name] = table[name], table.nodes[name]
    return only


def _start(node: Node) -> tuple[int, int]:
    """Where it stands, counted as a Problem counts."""
    return node.start_mark.line + 1, node.start_mark.column + 1

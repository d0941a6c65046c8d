"""The folder of a verdict: written whole or not at all, with the hash of every file."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from netmon.evidence.readme import readme
from netmon.evidence.sheets import Sheet, text_of
from netmon.evidence.tables import Sources, tables
from netmon.evidence.tree import COUNTS, Line, Node
from netmon.store import Frozen, dump_verdict
from netmon.targets.asked import asked, targets_of
from netmon.targets.definitions import AnyTarget, Pooled, Share
from netmon.targets.words import Language

SUMS = "SHA256SUMS"


class FolderError(Exception):
    """The folder cannot be written; the text says why, for people."""


def write(node: Node, directory: Path, sources: Sources, targets: Mapping[str, AnyTarget], language: Language) -> int:
    """Writes what a verdict rests on, with its parts in folders within, and returns how many files there are. `language` is
    the one that the README begins with.

    FolderError: the directory is there and not empty, or cannot be made. Nothing is left behind then.
    """
    directory = directory.absolute()
    _check(directory)
    # Beside its place, for a rename is whole only within a file system.
    draft = directory.parent / f".{directory.name}.{secrets.token_hex(4)}"
    try:
        draft.mkdir()
        try:
            _fill(draft, node, sources, targets, language)
            count = sum(path.is_file() for path in draft.rglob("*"))
            draft.rename(directory)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise FolderError(f"{directory}: cannot be written: {error.strerror or error}") from error
    return count


def _check(directory: Path) -> None:
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise FolderError(f"{directory}: is no directory; name a new one")
    if directory.is_dir() and any(directory.iterdir()):
        raise FolderError(f"{directory}: is not empty; name a new directory")
    if directory.is_dir() and directory.samefile(Path.cwd()):
        raise FolderError(f"{directory}: is where you stand; name a new directory")


def _fill(folder: Path, node: Node, sources: Sources, today: Mapping[str, AnyTarget], language: Language) -> None:
    targets = targets_of(node.verdict, today)
    target = targets[node.verdict.target]
    sheets = tables(node.verdict, target, sources)
    if node.verdict.subject.kind in ("commune", "province"):
        sheets["parts.csv"] = _parts(node)
    texts = {name: text_of(sheet) for name, sheet in sheets.items()}
    texts["verdict.json"] = json.dumps(_told(node, targets), ensure_ascii=False, indent=1) + "\n"
    texts["README.txt"] = readme(node.verdict, target, sorted(texts), language)
    texts["recompute.py"] = files("netmon").joinpath("data/recompute").read_text(encoding="utf-8")
    for name in ("audit.py", "audit_rules.py", "audit_slopes.py", "audit_told.py"):
        texts[name] = files("netmon.evidence").joinpath(name).read_text(encoding="utf-8")
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    for line, part in node.parts:
        if part is not None:
            (folder / folder_of(line)).mkdir()
            _fill(folder / folder_of(line), part, sources, today, language)
    (folder / SUMS).write_text("".join(_sums(folder)), encoding="utf-8", newline="")


def folder_of(line: Line) -> str:
    """The name of a part's folder: an id cannot leave its parent by it."""
    return f"{line.kind}-{quote(line.id, safe='')}"


def _parts(node: Node) -> Sheet:
    head = ("kind", "id", "standing", "value", "limit", "coverage", "folder", *COUNTS)
    rows = []
    for line, part in node.parts:
        limit, folder = (node.verdict.limit, None) if part is None else (part.verdict.limit, folder_of(line))
        rows.append((line.kind, line.id, line.standing, line.value, limit, line.coverage, folder, *line.counts))
    return Sheet(head if any(line.counts for line, _ in node.parts) else head[: -len(COUNTS)], rows)


def _told(node: Node, targets: Mapping[str, AnyTarget]) -> dict[str, Any]:
    """The verdict as it was stated, what its target asks, and for a closed month the hash under which it is frozen."""
    stated, target = node.stated, targets[node.verdict.target]
    told: dict[str, Any] = {
        "id": node.verdict.id,
        "verdict": json.loads(stated.body if isinstance(stated, Frozen) else dump_verdict(stated)),
        "target": asked(target),
    }
    if isinstance(target, Share | Pooled):
        told["of"] = asked(targets[target.of])
    if isinstance(stated, Frozen):
        told["frozen"] = {"sha256": stated.sha256, "revision": stated.revision, "at": stated.at}
    return told


def _sums(folder: Path) -> list[str]:
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [f"{sha256((folder / path).read_bytes()).hexdigest()}  {path}\n" for path in paths]

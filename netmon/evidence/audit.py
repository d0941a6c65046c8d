#!/usr/bin/env python3
"""Recomputes all of a verdict from the files of its folder, with Python's standard library and nothing of netmon.

usage: audit DIR

DIR is what `netmon evidence VERDICT -o DIR` wrote. Checks the hashes, then prints figure, coverage, standing and limit as
stated and as recomputed; exits 1 where anything differs. The rules are in audit_rules.py and
audit_told.py, which with audit_slopes.py have to stand beside this file; docs/recompute.md has them in prose.
"""
# ruff: noqa: T201, B905 - it is a program for people, and runs on any Python from 3.8 on

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Row = dict[str, str]
    Told = dict[str, Any]

# Not imported: that would need a path, and leave compiled files in a folder whose files are all counted.
rules, of_told = (
    SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name(name)))) for name in ("audit_rules.py", "audit_told.py")
)
RULES = {**rules.RULES, **of_told.RULES}
BESIDE = {**rules.BESIDE, **of_told.BESIDE}


def hashes(folder: Path) -> Iterable[str]:
    """What the hashes say is wrong: files that differ, lack, or are not listed."""
    listed = {line[66:]: line[:64] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    for name, stated in listed.items():
        if not (folder / name).is_file() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != stated:
            yield f"{folder / name}: is not the file that was written"
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in {*listed, "SHA256SUMS"}:
            yield f"{path}: is not listed in SHA256SUMS"


def agree(ours: object, stated: object) -> bool:
    """Whether two figures are the same, but for the rounding of sums."""
    if isinstance(ours, (int, float)) and isinstance(stated, (int, float)):
        return abs(ours - stated) <= 1e-9 * max(1.0, abs(stated))
    return ours == stated


def told_in(folder: Path) -> Told:
    """The verdict and its target."""
    return dict(json.loads((folder / "verdict.json").read_text(encoding="utf-8")))


def recompute(folder: Path) -> Iterable[str]:
    """Recomputes a folder and those of its parts; prints each figure, and gives back what is wrong."""
    told = told_in(folder)
    verdict, target = told["verdict"], {**told["target"], "of_target": told.get("of")}
    print(f"{told['id']}: {target['title_vi']} / {target['title_en']}")
    if "frozen" in told:
        body = json.dumps(verdict, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(body.encode()).hexdigest() != told["frozen"]["sha256"]:
            yield f"{folder}: verdict.json does not hold the verdict that was frozen"
    of_parts, name = verdict["subject"]["kind"] in ("commune", "province"), verdict["subject"]["id"]
    if verdict["standing"] == "exempt":
        print(f"  exempt: {verdict['evidence']['exempt']}")
        yield from () if exempt(folder, verdict, target) else (f"{folder}: {name} is not exempt",)
    else:
        yield from figures(folder, verdict, target)
    for line in rules.rows(folder, "parts.csv") if of_parts else ():
        if not line["folder"]:
            print(f"  {line['kind']} {line['id']} has no folder: it is taken as stated")
        else:
            yield from recompute(folder / line["folder"])
            yield from of_part(folder, line)


def exempt(folder: Path, verdict: Told, target: Told) -> bool:
    """Whether there is a ground for it: in the target, that all its parts are exempt, or that nothing is told of it."""
    name, reason = verdict["subject"]["id"], verdict["evidence"]["exempt"]
    if "parts" in verdict["evidence"]:
        return bool(rules.worst_part(folder, verdict, target)[2] == "exempt")
    if reason in rules.UNTOLD:
        return bool(RULES[target["rule"]](folder, verdict, target)[2] == "exempt")
    return name in target["exempt"] or reason == "another_kind" or (target["optional"] and reason == "nothing_there")


def figures(folder: Path, verdict: Told, target: Told) -> Iterable[str]:
    """Figure, coverage, standing and limit, as stated and as recomputed."""
    of_parts = verdict["subject"]["kind"] in ("commune", "province")
    judge = rules.worst_part if of_parts and target["rule"] not in ("share", "pooled") else RULES[target["rule"]]
    limit = verdict["limit"] if judge is rules.worst_part else rules.limit_of(verdict, target)
    names, recomputed = ("value", "coverage", "standing", "limit"), (*judge(folder, verdict, target), limit)
    beside = () if of_parts or target["rule"] not in BESIDE else BESIDE[target["rule"]](folder, verdict, target)
    for name, ours, stated in [*((name, ours, verdict[name]) for name, ours in zip(names, recomputed)), *beside]:
        same = agree(ours, stated)
        print(f"  {name:9} stated {stated!s:22} recomputed {ours!s:22} {'agrees' if same else 'DIFFERS'}")
        yield from () if same else (f"{folder}: {name} differs",)


def of_part(folder: Path, line: Row) -> Iterable[str]:
    """Where parts.csv says something else of a part than the part's own folder does."""
    part = told_in(folder / line["folder"])["verdict"]
    pairs = [(line["standing"], part["standing"]), *((rules.number(line[of]), part[of]) for of in ("value", "coverage"))]
    if "in_time" in line:  # of a commune's cases, its sites tell
        sites = [(path.parent, told_in(path.parent)) for path in (folder / line["folder"]).glob("site-*/verdict.json")]
        found = [rules.cases(site, told["verdict"], told["target"]) for site, told in sites]
        pairs = [(int(line[of]), sum(counts[of] for counts in found)) for of in rules.COUNTS]
    if not all(said in ("", None) or agree(said, own) for said, own in pairs):
        yield f"{folder}: parts.csv says something else of {line['id']} than its own folder"


def main() -> int:
    """0: all agrees."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return int(len(sys.argv) != 2)
    folder = Path(sys.argv[1])
    if not (folder / "SHA256SUMS").is_file():
        sys.exit(f"{folder}: is no folder that `netmon evidence` wrote: it has no SHA256SUMS")
    wrong = list(hashes(folder))
    try:
        wrong += recompute(folder)
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        wrong.append(f"{folder}: cannot be recomputed: {error!r}")
    print("\n".join(wrong) or "all agrees")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

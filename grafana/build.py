"""Writes the dashboards as JSON: `python -m grafana.build` makes grafana/dashboards/{vi,en}/NAME.json anew.

With --check nothing is written: the exit status is 1, and what differs is named, where a file is not what the code makes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from grafana.boards import BOARDS
from grafana.dashboard import Dashboard, spoken

LANGUAGES = ("vi", "en")
HERE = Path(__file__).resolve().parent / "dashboards"


def files(boards: Sequence[Dashboard] = BOARDS) -> dict[Path, str]:
    """Every file, relative to the folder of dashboards, with its text."""
    return {
        Path(language) / f"{board.uid.removeprefix('netmon-')}.json": json.dumps(
            spoken(board.json(), "vi" if language == "vi" else "en"), ensure_ascii=False, indent=1
        )
        + "\n"
        for language in LANGUAGES
        for board in boards
    }


def differences(folder: Path = HERE) -> list[str]:
    """Names of the files that are missing, too many, or not what the code makes."""
    made = files()
    there = {path.relative_to(folder): path.read_text(encoding="utf-8") for path in folder.glob("*/*.json")}
    return sorted(str(path) for path in made.keys() | there.keys() if made.get(path) != there.get(path))


def write(folder: Path = HERE) -> list[str]:
    """Makes the folder what the code says; the names of the files that changed."""
    changed = differences(folder)
    made = files()
    for name in changed:
        path = folder / name
        if Path(name) not in made:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[Path(name)], encoding="utf-8")
    return changed


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m grafana.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and say what is not as the code makes it")
    options = parser.parse_args(argv)
    changed = differences() if options.check else write()
    for name in changed:
        sys.stdout.write(f"{'differs' if options.check else 'written'}: {name}\n")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Whether netmon would take what is proposed: the configuration is read as it would be, elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from netmon.settings import ConfigErrors, load

INVENTORY = "inventory"


def trial(directory: Path, texts: Mapping[str, str]) -> None:
    """Reads the configuration with other texts of some of its inventory's files, by their names; ConfigErrors says what
    would be wrong. No secret is read and nothing is changed."""
    home = directory.resolve()
    with TemporaryDirectory(prefix="netmon-discover-") as name:
        tried = Path(name)
        for entry in home.iterdir():
            if entry.name != INVENTORY:
                (tried / entry.name).symlink_to(entry)
        (tried / INVENTORY).mkdir()
        for entry in (home / INVENTORY).iterdir():
            if entry.name not in texts:
                (tried / INVENTORY / entry.name).symlink_to(entry)
        for file, text in texts.items():
            (tried / INVENTORY / file).write_text(text, encoding="utf-8", newline="")
        try:
            load(tried, secrets=False)
        except ConfigErrors as errors:
            raise ConfigErrors(
                [replace(problem, file=problem.file.replace(str(tried), str(directory))) for problem in errors.problems]
            ) from None

"""docs/install.md: both languages have the same commands, and what they name is there."""

import re
from itertools import zip_longest

import pytest

from netmon.cli import COMMANDS
from tests.peers import ROOT

PAGES = {language: (ROOT / "docs" / name).read_text() for language, name in (("en", "install.md"), ("vi", "install.vi.md"))}


def commands(page):
    """The lines that are typed or written into files, in order."""
    fenced = re.sub(r"(?ms)^```\w*\n(.*?)^```$", lambda block: re.sub("(?m)^", "    ", block[1]), page)
    return [line.strip() for line in fenced.splitlines() if line.startswith("    ") and line.strip()]


def test_both_languages_have_the_same_commands():
    for english, vietnamese in zip_longest(commands(PAGES["en"]), commands(PAGES["vi"])):
        assert english == vietnamese


@pytest.mark.parametrize("language", PAGES)
def test_the_files_and_pages_that_it_names_are_there(language):
    page = PAGES[language]
    typed = re.findall(r"(?<![\w/.])((?:deploy|grafana|scripts|tests)/[\w./*-]+)", page)
    assert len(typed) > 20
    missing = [path for path in typed if not list(ROOT.glob(path.rstrip("/.")))]
    linked = [target for target in re.findall(r"\]\(([^)#]+)", page) if not target.startswith("http")]
    missing += [target for target in linked if not (ROOT / "docs" / target).exists()]
    assert not missing


def test_the_units_packages_and_commands_are_those_that_are_shipped():
    page = PAGES["en"]
    known = {module.__name__.rpartition(".")[2] for module in COMMANDS}
    asked = set(re.findall(r"(?m)^    (?:.*&& )?netmon (\w+)", page))
    assert {"init", "check", "probe", "discover", "status", "calendar"} <= asked <= known
    for name in re.findall(r"netmon[\w-]*\.(?:service|socket|timer)", page):
        assert (ROOT / "deploy/systemd" / name).exists(), name
    rules = len(list((ROOT / "deploy/prometheus/rules").glob("*.yml")))
    assert f"SUCCESS: {rules} rule files found" in page

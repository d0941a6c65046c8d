"""The links of the documents lead to something: files, pictures, and headings of this repository; commands are netmon's."""

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from netmon import cli

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "operators"
DOCUMENTS = [*ROOT.glob("*.md"), *(path for room in ("docs", "deploy", "grafana") for path in (ROOT / room).rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
ELSEWHERE = ("http:", "https:", "mailto:")


def links(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return [one for pair in LINK.findall(text) for one in pair if one and not one.startswith(ELSEWHERE)]


def anchors(path):
    """The anchors that a forge makes of a document's headings."""
    seen, found = {}, set()
    for heading in HEADING.findall(
        re.sub(r"^( *)(```|~~~).*?^\1\2", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    ):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        n = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{n}" if n else slug)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(path):
    lost = []
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_picture_is_shown_somewhere():
    shown = {(path.parent / link).resolve() for path in DOCUMENTS for link in links(path)}
    assert [path for path in (ROOT / "docs").rglob("*.png") if path not in shown] == []


# --- what the guide for the shift says --------------------------------------------------------------------------------


def commands(path):
    """What somebody is told to type, as words."""
    lines = re.findall(r"^ {4,}(netmon .+)$|`(netmon [^`]+)`", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [shlex.split("".join(pair), comments=True)[1:] for pair in lines]


@pytest.mark.parametrize(
    "path", [*GUIDE.glob("*.md"), *(ROOT / "docs" / "runbooks").glob("*.md")], ids=lambda path: path.stem
)
def test_every_command_is_one_that_netmon_takes(path, capsys):
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    for name in cli.COMMANDS:
        import_module(f"netmon.cli.{name}").add(verbs)
    for words in commands(path):
        if words[0].startswith("-"):
            continue
        try:
            parser.parse_args(words)
        except SystemExit:
            pytest.fail(f"netmon {shlex.join(words)}: {capsys.readouterr().err.splitlines()[-1]}")


def test_the_guide_says_the_same_in_both_languages():
    vi, en = (GUIDE / f"{language}.md" for language in ("vi", "en"))
    for form in (HEADING, re.compile(r"^\|", re.MULTILINE), re.compile(r"^!\[", re.MULTILINE)):
        assert len(form.findall(vi.read_text(encoding="utf-8"))) == len(form.findall(en.read_text(encoding="utf-8")))
    verbs = [
        [[word for word in words if word.islower() and word.isascii()][:2] for words in commands(path)] for path in (vi, en)
    ]
    assert verbs[0] == verbs[1]

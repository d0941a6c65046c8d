"""What netmon is built from: locked with hashes, under licences that go with its own, each package there for a reason."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import peers

LOCKS = ("requirements.lock", "requirements-dev.lock")
DECISION = peers.ROOT / "docs/decisions/0001-dependencies.md"
PROJECT = tomllib.loads((peers.ROOT / "pyproject.toml").read_text())["project"]
ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"}
"""What may be given away beside a program under Apache-2.0. MPL-2.0 holds for the files that are under it, which stay as
they are; nothing under a GPL, and nothing that names no licence."""


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    """scripts/licences in hand."""
    loader = SourceFileLoader("licences", str(peers.ROOT / "scripts/licences"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lists(licences: ModuleType):
    return licences.lists()


def table(heading: str) -> dict[str, list[str]]:
    """A table of the decision by its first column, the names of packages."""
    text = DECISION.read_text().partition(heading)[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    return {name: rest for name, *rest in cells}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_one_version_of_each_package_with_hashes_and_nothing_else(name: str):
    joined = (peers.ROOT / name).read_text().replace(" \\\n", "")
    lines = [line for line in joined.splitlines() if line.strip()]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9._-]+==[^ ]+(?: ; [^-]+)?(?: +--hash=sha256:[0-9a-f]{64})+", line), line[:80]
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names)) > 30


def test_what_runs_is_the_same_in_both_locks_and_is_installed_as_wheels_by_their_hashes(licences: ModuleType):
    run, develop = licences.locked(licences.RUN), licences.locked(licences.DEVELOP)
    assert run.items() <= develop.items()
    installs = re.findall(r"^.*install .*-r requirements.*$", (peers.ROOT / "scripts/setup").read_text(), re.MULTILINE)
    assert installs
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in installs)


def test_the_documents_are_what_the_locks_make(licences: ModuleType, lists):
    run, tools = lists
    assert {one.name: one.version for one in run} == licences.locked(licences.RUN)
    assert {one.name: one.version for one in run + tools} == licences.locked(licences.DEVELOP)
    assert licences.DOCUMENT.read_text() == licences.document(run, tools), "make it anew: scripts/licences"
    assert licences.BILL.read_text() == licences.bill(run), "make it anew: scripts/licences"


def test_a_lock_that_was_changed_alone_is_seen(licences: ModuleType, tmp_path):
    """So that the test above can fail."""
    changed = tmp_path / "requirements.lock"
    changed.write_text(re.sub(r"^six==\S+", "six==9.9", licences.RUN.read_text(), flags=re.MULTILINE))
    with pytest.raises(LookupError, match=r"six is installed as .*, and requirements.lock has 9.9"):
        licences.packages(changed, [])


def allowed(licence: str) -> bool:
    """Whether one of the alternatives is of allowed licences alone; an expression with brackets is looked at by a person."""
    return any(set(each.split(" AND ")) <= ALLOWED for each in licence.split(" OR "))


def test_what_is_given_away_goes_with_apache_2(lists):
    assert [(one.name, one.licence) for one in lists[0] if not allowed(one.licence)] == []
    assert PROJECT["license"] == "Apache-2.0"
    assert allowed("EPL-2.0 OR BSD-3-Clause")
    assert not any(map(allowed, ("GPL-3.0-only", "EPL-2.0", "MIT AND GPL-2.0-or-later", "(MIT)", "")))


def test_each_package_that_netmon_asks_for_is_justified():
    asked = {str(canonicalize_name(Requirement(line).name)) for line in PROJECT["dependencies"]}
    told = table("| package | for | why it and not less |\n")
    assert set(told) - {"---"} == asked
    assert all(len(cell) > 3 for name, cells in told.items() if name != "---" for cell in cells)


def test_each_package_that_comes_with_them_is_named_with_who_brings_it(lists):
    told = {name: cells[0] for name, cells in table("| package | brought by | what it is there |\n").items()}
    assert told == {one.name: ", ".join(one.brought) for one in lists[0] if "netmon" not in one.brought}


def test_each_tool_is_justified():
    asked = {str(canonicalize_name(Requirement(line).name)) for line in PROJECT["optional-dependencies"]["dev"]}
    text = DECISION.read_text().partition("To build and test:")[2].partition("\n\n")[0].lower()
    assert [name for name in sorted(asked) if not re.search(rf"(?<![a-z-]){name}(?![a-z-])", text)] == []


def test_the_bill_of_materials_is_closed(lists):
    """CycloneDX: every place that is named is a component, and whoever brings something is one too."""
    bill = json.loads((peers.ROOT / "docs/sbom.json").read_text())
    ours = bill["metadata"]["component"]
    places = {each["bom-ref"] for each in (ours, *bill["components"])}
    assert {each["ref"] for each in bill["dependencies"]} == places
    below = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    reached, waiting = set(), [ours["bom-ref"]]
    while waiting:
        if (where := waiting.pop()) not in reached:
            reached.add(where)
            waiting += below[where]
    assert reached == places

"""A proposal as a patch: applied by patch(1), taken by netmon, and nothing that stood there is touched."""

from __future__ import annotations

import subprocess
import unicodedata
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.discover.found import Found, Interface
from netmon.discover.merge import merged, patch
from netmon.discover.proposal import Proposal, propose
from netmon.discover.text import document, scalar
from netmon.discover.trial import trial
from netmon.inventory import Inventory
from netmon.model import LinkKind, Port
from netmon.settings import ConfigErrors
from netmon.settings.secrets import leave
from netmon.settings.yaml import read
from tests.discover.devices import CENTRE, COMMUNES, TODAY, configured, found, places_of, settings_of
from tests.peers import require

NEW = (
    found("10.4.1.2", "tg-sw1", hears=(("Gi0/0/1", "tg-r1", "Gi0/0/2"), ("Gi0/0/2", "core", "Gi0/2/1")), site="tan-giang"),
    found("2001:db8::7", "bl: r1", hears=(("Gi0/0/1", "core", "Gi0/1/1"),), site="bao-lam"),
    found("10.4.1.1", "tg-r1", credential="old"),
    found("10.4.1.4", "lb-r1", commune="01294"),
    found("10.4.1.5", "nobody knows"),
)

FLOW = """\
sites: [
  {id: tan-giang, name: 'UBND phường Tân Giang', commune: "01288", kind: peoples_committee,
   devices: [{id: tg-r1, address: 10.4.1.1, upstreams: [core]},]},  # a remark
  {id: bao-lam, name: "UBND xã Bảo Lâm", commune: "01290", kind: peoples_committee, devices: [], links: [ ]}
]
"""

INDENTLESS = """\
sites:
- id: tan-giang
  devices:
  - id: tg-r1
    address: 10.4.1.1
    upstreams:
    - core
  # of Tân Giang
  name: >
    UBND phường
    Tân Giang


  # its code
  commune: "01288"
  kind: peoples_committee
- id: bao-lam

  name: |
    UBND xã Bảo Lâm

  commune: "01290"
  kind: peoples_committee
  devices: []
  links: []
"""

ENDS = (
    COMMUNES.partition("  - {id: bao-lam")[0]
    + """\
  - id: bao-lam
    name: UBND xã Bảo Lâm
    commune: "01290"
    kind: peoples_committee"""
)

ANCHORS = (
    COMMUNES.replace("    devices:\n", "    devices: &d  # a name\n\n")
    .replace("    links:\n", "    links: &l\n")
    .replace("  - id: tan-giang\n", "  - &site\n    id: tan-giang\n")
    .replace("peoples_committee}", "&kind peoples_committee, links: &none []}")
)

FORMS = {
    "anchors": ANCHORS,
    "an anchor of a site without devices": COMMUNES.partition("  - id: tan-giang")[0]
    + """\
  - &bl
      id: bao-lam
      name: UBND xã Bảo Lâm
      commune: "01290"
      kind: peoples_committee
  - &tg id: tan-giang
    &name name: UBND phường Tân Giang
    commune: "01288"
    kind: peoples_committee
    devices:
      - &r1
        id: tg-r1
        address: 10.4.1.1
        upstreams: [core]
""",
    "block": COMMUNES,
    "no last line end": COMMUNES.rstrip("\n"),
    "a block that ends the file": ENDS,
    "CRLF": COMMUNES.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + COMMUNES,
    "flow": FLOW,
    "indentless": INDENTLESS,
}


def difference(directory: Path, *devices: Found) -> tuple[str, Proposal]:
    settings = settings_of(directory)
    proposal = propose(devices, settings.inventory, places_of(settings))
    documents = [read(path, leave) for path in sorted((directory / "inventory").glob("*.yaml"))]
    raw = {f"inventory/{one.path.name}": one.path.read_bytes().decode() for one in documents}
    bom = {name: "\ufeff" if text.startswith("\ufeff") else "" for name, text in raw.items()}
    texts = {f"inventory/{path.name}": text for path, text in merged(documents, proposal).items()}
    new = {name: bom[name] + text for name, text in texts.items()}
    if proposal.sites or proposal.unplaced() or proposal.asks:
        new["inventory/discovered.yaml"] = document(proposal, TODAY, merged=True)
    return patch(raw, new), proposal


def applied(directory: Path, text: str) -> Inventory:
    subprocess.run(
        [require("patch"), "-p1", "--fuzz=0", "-d", str(directory)], input=text.encode(), check=True, capture_output=True
    )
    return settings_of(directory).inventory


@pytest.mark.parametrize("form", FORMS)
def test_a_patch_adds_to_a_file_however_it_is_written(tmp_path: Path, form: str):
    directory = configured(tmp_path, centre=CENTRE, communes=FORMS[form])
    before = (directory / "inventory/communes.yaml").read_bytes()
    text, _ = difference(directory, *NEW)
    inventory = applied(directory, text)
    sites = {"tan-giang": ["tg-r1", "tg-sw1"], "bao-lam": ["bl-r1"], "commune-01294": ["lb-r1"], "centre": ["gw", "core"]}
    assert {name: device.site for name, device in inventory.devices.items()} == {
        device: site for site, devices in sites.items() for device in devices
    }
    assert inventory.devices["tg-sw1"].upstreams == ("core",), "tg-r1 is one hop from the core as well"
    assert inventory.devices["bl-r1"].addresses == ("2001:db8::7",)
    link = inventory.links["bao-lam-to-centre"]
    assert (link.kind, link.near, link.far) == (LinkKind.FIBRE, Port("bl-r1", "Gi0/0/1"), Port("core", "Gi0/1/1"))
    after = (directory / "inventory/communes.yaml").read_bytes()
    assert b"".join(part for part in _kept(before, after)) == before, "nothing that stood there is touched"
    assert "nobody-knows" in (directory / "inventory/discovered.yaml").read_text()
    if "CRLF" in form:
        assert after.count(b"\n") == after.count(b"\r\n")


def _kept(before: bytes, after: bytes) -> list[bytes]:
    """The octets of `before` that are found in `after`, in order."""
    kept, at = [], 0
    for octet in before:
        at = after.find(octet, at) + 1
        if not at:
            break
        kept.append(bytes((octet,)))
    return kept


def test_an_end_with_an_alias_is_given_its_device_once(tmp_path: Path):
    text = COMMUNES.replace("near: {interface: Gi0/0/1}", "near: &port {interface: Gi0/0/1}").replace(
        "        # nothing below\n",
        "      - {id: tg-lte, to: centre, kind: lte, role: backup, network: tslcd_2, near: *port}\n",
    )
    directory = configured(tmp_path, centre=CENTRE, communes=text)
    inventory = applied(directory, difference(directory, NEW[0])[0])
    assert "near: &port {device: tg-r1, interface: Gi0/0/1}" in (directory / "inventory/communes.yaml").read_text()
    assert {inventory.links[name].near for name in ("tg-fibre", "tg-lte")} == {Port("tg-r1", "Gi0/0/1")}


def test_a_file_may_have_a_space_in_its_name(tmp_path: Path):
    directory = configured(tmp_path, centre=CENTRE, **{"xã phường (mới)": COMMUNES})
    assert "tg-sw1" in applied(directory, difference(directory, *NEW)[0]).devices


def test_a_remark_stands_above_what_it_is_about_and_is_made_once(tmp_path: Path):
    directory = configured(tmp_path)
    known = found("10.4.1.1", "tg-r1", credential="old")
    text, _ = difference(directory, known)
    applied(directory, text)
    lines = (directory / "inventory/communes.yaml").read_text().splitlines()
    at = lines.index("      - {id: tg-r1, address: 10.4.1.1, upstreams: [core]}")
    assert lines[at - 1] == "      # discovered: answers the credential old"
    assert difference(directory, known)[0] == "", "the second time there is nothing to say"


def test_what_was_merged_is_known_from_then_on(tmp_path: Path):
    directory = configured(tmp_path)
    placed = [device for device in NEW if device.sys_name != "nobody knows"]
    applied(directory, difference(directory, *placed)[0])
    text, proposal = difference(directory, *placed)
    assert (text, proposal.devices, proposal.links, proposal.sites) == ("", (), (), ())


def test_a_new_file_tells_what_belongs_to_sites_that_are_there(tmp_path: Path):
    directory = configured(tmp_path)
    settings = settings_of(directory)
    text = document(propose(NEW, settings.inventory, places_of(settings)), TODAY, merged=False)
    trial(directory, {"discovered.yaml": text})
    assert "# For the site tan-giang, which is in the inventory already" in text
    assert "#       - id: tg-sw1" in text
    assert "# Which site? neither its name nor its location tells." in text


def test_a_trial_says_what_is_wrong_where_it_would_stand(tmp_path: Path):
    directory = configured(tmp_path)
    with pytest.raises(ConfigErrors) as told:
        trial(directory, {"communes.yaml": COMMUNES, "more.yaml": COMMUNES})
    assert str(told.value).splitlines()[0].startswith(f"{directory}/inventory/more.yaml:3:")
    assert (directory / "inventory/communes.yaml").read_text() == COMMUNES


hostile = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(hostile)
def test_any_text_comes_back_from_yaml(text: str):
    """Within a list in brackets, where the rules are the strictest; NFC, as all that netmon reads."""
    with TemporaryDirectory() as home:
        path = Path(home) / "a.yaml"
        path.write_text(f"a: [{scalar(text)}, {{b: {scalar(text)}}}]  # end\n", newline="")
        root = read(path, leave).root
    assert root is not None
    assert root["a"] == [unicodedata.normalize("NFC", text), {"b": unicodedata.normalize("NFC", text)}]


NASTY = ["a\n- id: x", "# no", 'x: {"y"', "\x00\x1b[31m", "a\u2028b\x85c", "'\"\\", "---", "  # a", "- b"]


def test_what_a_device_says_cannot_leave_its_comment(tmp_path: Path):
    directory = configured(tmp_path)
    devices = [
        replace(
            found(f"10.4.1.{20 + n}", nasty, site=site, hears=((nasty, "core", nasty), ("Gi0/0/1", nasty, nasty))),
            sys_descr=nasty,
            sys_location=nasty,
            model=nasty,
            interfaces=(Interface(name=nasty, alias=nasty, up=True),),
        )
        for n, nasty in enumerate(NASTY)
        for site in ("bao-lam" if n % 2 else "tan-giang", "")
    ]
    text, proposal = difference(directory, *devices)
    inventory = applied(directory, text)
    placed = {device.id for device in proposal.placed()}
    assert len(placed) >= len(NASTY)
    assert set(inventory.devices) == {"gw", "core", "tg-r1", *placed}

"""`netmon init`: a starting configuration for every province, whole or not at all, with secrets for their owner alone."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import pytest

from netmon import units
from netmon.cli import init, main
from netmon.model import SiteKind, Speech
from netmon.settings import load, quantities
from netmon.units import Register

SHIPPED = Path(__file__).parents[1] / "config" / "targets.yaml"
EVERY_FILE = [".gitignore", "calendar.yaml", "inventory", "maintenance.yaml", "netmon.yaml", "secrets", "targets.yaml"]


@pytest.fixture(scope="module")
def register() -> Register:
    return units.load()


@pytest.fixture(scope="module")
def today() -> date:
    return quantities.today()


def test_each_of_the_34_provinces_is_written_and_accepted(tmp_path: Path, register: Register, today: date) -> None:
    """With exactly the communes of the register, and nothing but the secrets left to say."""
    provinces = register.provinces(today)
    assert len(provinces) == 34
    for unit in provinces:
        directory = tmp_path / unit.code
        assert main(["init", "--province", unit.code, "-o", str(directory)]) == 0
        settings = load(directory, register=register, today=today)
        communes = [code.commune for code in settings.inventory.sites.values() if code.kind is SiteKind.PEOPLES_COMMITTEE]
        assert communes == [commune.code for commune in register.communes(unit.code, today)], unit.name
        assert {site.kind for site in settings.inventory.sites.values()} == {
            SiteKind.PEOPLES_COMMITTEE,
            SiteKind.PROVINCIAL_CENTRE,
            SiteKind.AGENT_POINT,
        }
        assert (directory / "targets.yaml").read_bytes() == SHIPPED.read_bytes()
        assert settings.mqtt is None
        unsaid = "key: still the placeholder that netmon init wrote"
        assert [problem.text for problem in settings.warnings] == [unsaid] * 2, unit.name


def test_bts_adds_sites_over_both_protocols_and_the_broker(tmp_path: Path, register: Register, today: date) -> None:
    directory = tmp_path / "hcm"
    assert main(["init", "--province", "ho chi minh", "--bts", "-o", str(directory)]) == 0
    settings = load(directory, register=register, today=today)
    assert settings.provinces == ("79",)
    assert settings.mqtt is not None
    reporting = [device for device in settings.inventory.devices.values() if device.speaks is Speech.MQTT]
    assert 1.75 < len(reporting) / len(register.communes("79", today)) < 1.85
    assert len(settings.warnings) == 3, "the three secrets, which are still to be filled in"


def test_what_it_says_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files it names are there, the commands are commands, and the first of them accepts what was written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    assert main(["init", "--province", "Cao Bằng", "--bts", "-o", "a b/netmon"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("a b/netmon: Tỉnh Cao Bằng, 56 communes.\n")
    for name in re.findall(r"(?m)^  ([a-z/-]+(?:\.yaml)?)(?=  |,)", said.partition("Then:")[0]):
        assert (tmp_path / "a b/netmon" / name).exists(), name
    assert re.findall(r"netmon (check|probe|run) ", said) == ["check", "probe", "run"]
    assert "netmon check --config 'a b/netmon'" in said
    assert "netmon probe cb-core-1 --config 'a b/netmon'" in said
    assert main(["check", "--config", "a b/netmon"]) == 0
    told = capsys.readouterr().out
    assert "OK: a b/netmon" in told
    assert "180 (102 mqtt, 78 snmp)" in told
    assert "mqtt://127.0.0.1:1883 as netmon" in told


def test_secrets_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert main(["init", "--province", "04", "--bts", "-o", str(tmp_path / "new")]) == 0
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode)[-3:] for path in (tmp_path / "new").rglob("*") if "secrets" in path.parts}
    assert modes == {"secrets": "700", "snmp-auth": "600", "snmp-priv": "600", "mqtt-password": "600"}
    assert (tmp_path / "new" / ".gitignore").read_text() == "secrets/\n"


def test_the_daemon_can_read_what_root_wrote_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        assert main(["init", "--province", "04", "-o", str(tmp_path / "new")]) == 0
    finally:
        os.umask(before)
    made = {path: path.stat().st_mode & 0o777 for path in (tmp_path / "new", *(tmp_path / "new").rglob("*"))}
    assert {mode for path, mode in made.items() if "secrets" not in path.parts and path.is_dir()} == {0o755}
    assert {mode for path, mode in made.items() if "secrets" not in path.parts and path.is_file()} == {0o644}


def test_a_directory_that_holds_anything_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("notes", ".git", "a", "b", "c"):
        (tmp_path / name).touch()
    assert main(["init", "--province", "04", "-o", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err == f"netmon: nothing was written to {tmp_path}: it holds .git, a, b, c and 1 more; name a new directory\n"
    )
    assert sorted(os.listdir(tmp_path)) == [".git", "a", "b", "c", "notes"]


def test_an_empty_directory_is_filled_and_stays_itself(tmp_path: Path) -> None:
    """Its owner, mode and whoever stands in it are kept."""
    before = tmp_path.stat().st_ino
    assert main(["init", "--province", "04", "-o", str(tmp_path)]) == 0
    assert tmp_path.stat().st_ino == before
    assert sorted(os.listdir(tmp_path)) == EVERY_FILE


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("step", ["write_text", "rename"])
def test_what_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: str, there: bool
) -> None:
    """A full disk at the last file, or a directory that may not be written to any more."""
    directory = tmp_path / "new"
    if there:
        directory.mkdir()
    left, real = [3 if there or step == "write_text" else 0], getattr(Path, step)

    def failing(path: Path, *args: object, **kwargs: object) -> object:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(28, "No space left on device", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, step, failing)
    assert main(["init", "--province", "04", "-o", str(directory)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert [*tmp_path.rglob("*")] == ([directory] if there else [])


def test_what_is_in_the_way_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["init", "--province", "04", "-o", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err == f"netmon: nothing was written to {tmp_path}/file: Not a directory\n"
    assert main(["init", "--province", "04", "-o", str(tmp_path / "no" / "where")]) == 1
    assert capsys.readouterr().err == (
        f"netmon: nothing was written to {tmp_path}/no/where: there is no directory {tmp_path}/no to make it in\n"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("04", "04"), ("4", "04"), ("cao bang", "04"), ("CAO BẰNG", "04"), ("Tỉnh Cao Bằng", "04"), ("caobang", "04"),
        ("Đồng Nai", "75"), ("dong nai", "75"), ("Hanoi", "01"), ("ha noi", "01"), ("Huế", "46"), ("đắk-lắk", "66"),
        ("tỉnh Đồng Nai", "75"), ("Dong Nai Province", "75"), ("thanh pho cao bang", "04"), ("TP. Huế", "46"),
        ("TP Hồ Chí Minh", "79"), ("tp.hồ chí minh", "79"), ("HCM", "79"), ("TPHCM", "79"), ("TP.HCM", "79"),
        ("Thừa Thiên Huế", "46"), ("Thanh Hóa", "38"), ("thành phố Hải Phòng", "31"),
        ("Haiphong City", "31"), ("Dong\u0300 Nai", "75"),
    ],
)  # fmt: skip
def test_a_province_is_known_by_its_code_and_every_spelling(text: str, code: str, register: Register, today: date) -> None:
    found, _ = init.find(text, register, today)
    assert found is not None
    assert found.code == code


def test_a_province_that_is_not_there_is_asked_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hints = {
        "cao bag": "did you mean Tỉnh Cao Bằng (04)?",
        "tỉnh Đồng Nia": "did you mean Thành phố Đồng Nai (75)?",
        "Bình Phước": "Bình Phước has been part of Thành phố Đồng Nai (75) since 2025-07-01",
        "tinh ba ria vung tau": "Bà Rịa - Vũng Tàu has been part of Thành phố Hồ Chí Minh (79) since 2025-07-01",
        "Hà Tây": "`netmon init --list` shows all",
        "tỉnh": "`netmon init --list` shows all",
        "99": "`netmon init --list` shows all",
        "01273": "`netmon init --list` shows all",
        "": "`netmon init --list` shows all",
    }
    for text, hint in hints.items():
        assert main(["init", "--province", text, "-o", str(tmp_path / "new")]) == 1
        assert capsys.readouterr().err == f"netmon: there is no province '{text}' ({hint})\n"
    assert not (tmp_path / "new").exists()


def test_each_of_the_29_former_provinces_is_a_part_of_one_that_is(register: Register, today: date) -> None:
    """63 provinces became 34: of 11 nothing but the name of the unit is left, and into 23 others 29 went."""
    assert len(init._FORMER) == 63 - 34
    assert len(set(init._FORMER.values())) == 23
    for name, code in init._FORMER.items():
        into = register.unit(code, today)
        assert into is not None
        assert init.find(name, register, today) == (
            None,
            f"{name} has been part of {into.name} ({code}) since 2025-07-01",
        )


def test_the_list_names_all_provinces_with_their_communes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 34 + 1
    assert re.split(r" {2,}", lines[2]) == ["04", "Tỉnh Cao Bằng", "Cao Bang Province", "56"]
    assert lines[-1] == "34 provinces, 3,321 communes"

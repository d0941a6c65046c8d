"""Archives that are damaged, of a newer netmon, or made by hand to do harm: what `netmon restore` says to them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile

from tests.test_backup import back_up, home, in_archive, restore  # noqa: F401 - home is a fixture


def sign(archive):
    """Makes the sums those of what is in it, whatever that is: they are no signature."""
    with tarfile.open(archive) as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    if found.pop("SHA256SUMS", None) is not None:
        sums = "".join(f"{hashlib.sha256(octets).hexdigest()}  {name}\n" for name, octets in found.items())
        change(archive, archive.with_suffix(".signed"), SHA256SUMS=sums.encode())
        archive.with_suffix(".signed").rename(archive)


def change(archive, out, **changed):
    """The archive with members in place of its own; None takes one out."""
    with tarfile.open(archive) as tar, tarfile.open(out, "w") as new:
        for member in tar:
            if not member.isfile():
                new.addfile(member)
                continue
            octets = changed.pop(member.name, tar.extractfile(member).read())
            if octets is not None:
                member.size = len(octets)
                new.addfile(member, io.BytesIO(octets))
        for name, octets in changed.items():
            member = tarfile.TarInfo(name)
            member.size = len(octets)
            new.addfile(member, io.BytesIO(octets))


def test_a_damaged_archive_is_refused_with_a_sentence_and_changes_nothing(home, tmp_path, capsys):  # noqa: F811
    archive, bad, config = tmp_path / "one.tar", tmp_path / "bad.tar", tmp_path / "there/config"
    assert back_up(home, archive) == 0
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        at = {member.name: (member.offset_data, member.size) for member in tar}
        manifest = tar.extractfile("manifest.json").read()
    flipped = [start + size // 2 for start, size in at.values()]
    for cut in (0, 511, 513, at["netmon.db"][0] + 70_000, at["SHA256SUMS"][0] - 512, at["SHA256SUMS"][0] + 100):
        bad.write_bytes(whole[:cut])
        check_refused(bad, config, capsys)
    for place in flipped:
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        check_refused(bad, config, capsys)
    newer = json.loads(manifest) | {"schema": 999}
    for changed in (
        {"manifest.json": json.dumps(newer).encode()},
        {"manifest.json": b"[]"},
        {"manifest.json": None},
        {"SHA256SUMS": None},
        {"SHA256SUMS": b"garbage"},
        {"SHA256SUMS": "0\x851".encode()},
        {"config/../../../evil": b"x"},
        {"/etc/evil": b"x"},
        {f"config/{tmp_path}/evil": b"x"},
        {"config/./x": b"x"},
        {"config/a\nb": b"x"},
    ):
        change(archive, bad, **changed)
        if "SHA256SUMS" not in changed:
            sign(bad)
        check_refused(bad, config, capsys)
    assert not (tmp_path / "evil").exists()
    change(archive, bad, **{"netmon.db": b"no store at all"})
    check_refused(bad, config, capsys)
    bad.write_bytes(os.urandom(100_000))
    check_refused(bad, config, capsys)
    check_refused(tmp_path / "nowhere.tar", config, capsys)


def check_refused(bad, config, capsys):
    for words in ((), ("--verify",)):
        assert restore(bad, config, *words) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"netmon: {bad}: "), said
        assert len(said.splitlines()) == 1
    assert not config.parent.exists()  # nothing is written before all is read


NONSENSE = (
    {"rows": 5}, {"rows": {"slot": "1"}}, {"rows": {"slot": 10**30}}, {"at": "x"}, {"at": float("inf")},
    {"at": float("nan")}, {"at": 1e300}, {"at": -1}, {"left_out": 3}, {"left_out": "abc"}, {"named": [1]},
    {"store": "\0"}, {"store": "\ud800"}, {"directory": None}, {"schema": "7"}, {"schema": 7.5}, {"host": 1},
)  # fmt: skip


def test_a_manifest_that_says_nonsense_is_refused_before_anything_is_put_in_place(home, tmp_path, capsys):  # noqa: F811
    archive, bad = tmp_path / "one.tar", tmp_path / "bad.tar"
    assert back_up(home, archive) == 0
    known = json.loads(in_archive(archive, "manifest.json"))
    for told in NONSENSE:
        change(archive, bad, **{"manifest.json": json.dumps(known | told).encode()})
        sign(bad)
        check_refused(bad, tmp_path / "there/config", capsys)


def test_nothing_in_a_manifest_steers_the_terminal(home, tmp_path, capsys):  # noqa: F811
    archive, bad = tmp_path / "one.tar", tmp_path / "bad.tar"
    assert back_up(home, archive) == 0
    told = json.loads(in_archive(archive, "manifest.json"))
    told |= dict.fromkeys(("host", "netmon"), "\x1b[2J") | {"left_out": ["\x1b[2J"], "named": ["\x9b2J\n"]}
    change(archive, bad, **{"manifest.json": json.dumps(told).encode()})
    sign(bad)
    assert restore(bad, tmp_path / "there/config", "--verify") == 0
    assert restore(bad, tmp_path / "there/config") == 0
    said = capsys.readouterr().out
    assert all(line.isprintable() for line in said.split("\n"))


def test_a_link_or_a_second_store_in_an_archive_is_refused(home, tmp_path, capsys):  # noqa: F811
    archive = tmp_path / "one.tar"
    assert back_up(home, archive) == 0
    with tarfile.open(archive, "a") as tar:
        link = tarfile.TarInfo("config/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    check_refused(archive, tmp_path / "there/config", capsys)

"""`netmon backup` and `netmon restore`: what is in an archive, what is not, and what is refused."""

from __future__ import annotations

import grp
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from netmon import backup as made
from netmon import restore as restored
from netmon.cli import main
from netmon.model import AuditEntry, Subject
from netmon.secret_files import exposed
from netmon.store import Reader, Store
from tests.targets.made import NoMeter

NETMON = """\
province: "04"
credentials:
  snmp: {version: "3", user: n, auth: {protocol: SHA, key: !file secrets/auth}, priv: {protocol: AES, key: !credential p}}
canaries: [core-1]
mqtt: {broker: "mqtts://127.0.0.1", user: n, password: !env BROKER_PASSWORD, ca: ca.pem}
store: {path: ../state/netmon.db}
"""
INVENTORY = (
    'sites: [{id: core, name: C, commune: "01273", kind: provincial_centre, devices: [{id: core-1, address: 192.0.2.1}]}]'
)
CORE = Subject("device", "core-1")
BEGAN = 1_790_000_000.0
NOBODY = 65534


@pytest.fixture
def home(tmp_path):
    config = tmp_path / "here/config"
    (config / "inventory").mkdir(parents=True)
    (config / "secrets").mkdir()
    for name, text in {
        "netmon.yaml": NETMON, "inventory/all.yaml": INVENTORY, "secrets/auth": "canary-7f2e9b1c", "note.txt": "scribbled",
        "ca.pem": "-----BEGIN CERTIFICATE-----\n", "tls.key": "-----BEGIN PRIVATE KEY-----\ncanary-7f2e9b1c",
    }.items():  # fmt: skip
        (config / name).write_text(text)
    (tmp_path / "here/state").mkdir()
    with Store.open(tmp_path / "here/state/netmon.db", NoMeter()) as store:
        store.record_start(BEGAN)
        store.start_engine()
        store.begin_span(CORE, "up", BEGAN)
        store.heartbeat(BEGAN + 1000)
        store.flush()
    return tmp_path / "here"


def back_up(home, output, *words):
    return main(["backup", "--config", str(home / "config"), "-o", str(output), *words])


def restore(archive, config, *words):
    return main(["restore", str(archive), "--config", str(config), *map(str, words)])


def names(archive):
    with tarfile.open(archive) as tar:
        return {member.name for member in tar if member.isfile()}


def in_archive(archive, name):
    with tarfile.open(archive) as tar:
        return tar.extractfile(name).read()


ALWAYS = {"manifest.json", "netmon.db", "SHA256SUMS", "config/netmon.yaml", "config/inventory/all.yaml", "config/ca.pem"}


def test_an_archive_holds_store_and_configuration_and_no_secret_unless_asked(home, tmp_path, capsys):
    assert back_up(home, tmp_path / "plain.tar") == 0
    said = capsys.readouterr().out
    assert names(tmp_path / "plain.tar") == ALWAYS
    assert b"canary-7f2e9b1c" not in (tmp_path / "plain.tar").read_bytes()
    assert "put in place by hand: note.txt, secrets/auth, tls.key" in said
    assert "elsewhere: !credential p, !env BROKER_PASSWORD" in said
    assert back_up(home, tmp_path / "all.tar", "--with-secrets") == 0
    assert names(tmp_path / "all.tar") == ALWAYS | {"config/secrets/auth", "config/tls.key"}
    assert back_up(home, tmp_path / "store.tar", "--store-only") == 0
    assert names(tmp_path / "store.tar") == {"manifest.json", "netmon.db", "SHA256SUMS"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.tar")} == {0o600}


def test_a_directory_keeps_the_newest_and_leaves_alone_what_is_not_ours(home, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(made.os, "uname", lambda: SimpleNamespace(nodename="cb/1"))
    for n in range(4):
        monkeypatch.setattr(made.time, "time", lambda n=n: BEGAN + n)
        assert back_up(home, f"{out}/", "--keep", "2") == 0
        (out / "netmon-mine.tar").touch()
    assert sorted(path.name for path in out.iterdir()) == [
        "netmon-cb_1-20260921T141322Z.tar", "netmon-cb_1-20260921T141323Z.tar", "netmon-mine.tar",
    ]  # fmt: skip
    assert made.last_backup(home / "state/netmon.db") == BEGAN + 3
    assert back_up(home, tmp_path / "one.tar", "--keep", "2") == 1  # a file keeps nothing


def test_what_was_just_made_stays_also_after_a_clock_that_was_ahead(home, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    for at in (BEGAN + 1e6, BEGAN + 2e6, BEGAN):
        monkeypatch.setattr(made.time, "time", lambda at=at: at)
        assert back_up(home, f"{out}/", "--keep", "1") == 0
        told = capsys.readouterr().out.split(": ")[0]
        assert [str(path) for path in out.iterdir()] == [told]


def test_two_netmons_in_one_directory_take_nothing_from_each_other(home, tmp_path, monkeypatch):
    """Not even in the same second, nor on a disk that knows no links."""
    other, out = tmp_path / "other", tmp_path / "out"
    shutil.copytree(home, other)
    monkeypatch.setattr(made.time, "time", lambda: BEGAN)

    def no_links(path, to):
        raise PermissionError(1, "Operation not permitted")

    for n in range(2):
        for place in (home, other):
            assert back_up(place, f"{out}/", "--keep", "1") == 0
        told = [json.loads(in_archive(path, "manifest.json"))["directory"] for path in out.iterdir()]
        assert sorted(told) == [str(home / "config"), str(other / "config")], n
        monkeypatch.setattr(made.os, "link", no_links)


def test_what_lies_behind_links_goes_along_as_netmon_reads_it(home, tmp_path):
    elsewhere = tmp_path / "inventory"
    (home / "config/inventory").rename(elsewhere)
    (home / "config/inventory").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(home / "config")  # and it goes round
    (elsewhere / "nowhere.yaml").symlink_to(tmp_path / "nothing")
    (elsewhere / "site.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    assert back_up(home, tmp_path / "one.tar") == 0
    assert names(tmp_path / "one.tar") == ALWAYS
    assert elsewhere / "site.key" in [found.path for found in exposed(home / "config")]
    assert restore(tmp_path / "one.tar", tmp_path / "there/config") == 0
    assert (tmp_path / "there/config/inventory/all.yaml").read_text() == INVENTORY


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
        "-----BEGIN OpenVPN Static key V1-----\n",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",
        CERTIFICATE * 9_000 + "-----BEGIN RSA PRIVATE KEY-----\n",
        CERTIFICATE + "x" * 2**24,
    ],
    ids=["pgp", "openvpn", "ssh2", "bundle", "endless"],
)
def test_no_key_of_any_kind_goes_along_unless_asked(home, tmp_path, text):
    (home / "config/many.pem").write_text(text)
    (home / "config/roots.pem").write_text(CERTIFICATE * 9_000)
    assert back_up(home, tmp_path / "plain.tar") == 0
    assert names(tmp_path / "plain.tar") == ALWAYS | {"config/roots.pem"}


def test_a_link_in_a_directory_that_is_the_daemons_is_not_followed(home, tmp_path, capsys):
    """Root runs backup and restore in it: what the daemon laid there would become anybody's."""
    victim, state = tmp_path / "victim", home / "state"
    victim.write_text("as it was")
    (state / f"netmon.db.backup.{os.getpid()}").symlink_to(victim)
    assert back_up(home, tmp_path / "one.tar") == 0
    assert victim.read_text() == "as it was"
    assert made.last_backup(state / "netmon.db") > 0
    (state / "netmon.db.lock").unlink()
    (state / "netmon.db.lock").symlink_to(victim)
    assert restore(tmp_path / "one.tar", home / "config", "--force") == 1
    assert "netmon.db" in capsys.readouterr().err


def test_a_name_that_no_list_can_hold_is_refused_or_shown_harmless(home, tmp_path, capsys):
    (home / "config/a\x85b.txt").write_text("left out")
    assert back_up(home, tmp_path / "one.tar") == 0
    assert "a\N{REPLACEMENT CHARACTER}b.txt" in capsys.readouterr().out
    (home / "config/a\nb.yaml").write_text("{}")
    assert back_up(home, tmp_path / "two.tar") == 1
    assert "rename it" in capsys.readouterr().err
    assert not (tmp_path / "two.tar").exists()


def test_another_machine_goes_on_from_an_archive(home, tmp_path, capsys):
    """Time that nobody saw is an absence, and the SNMP engine never seems to have gone back."""
    archive, there = tmp_path / "one.tar", tmp_path / "there"
    assert back_up(home, archive, "--with-secrets") == 0
    assert restore(archive, there / "config") == 0
    assert f"store: {there}/state/netmon.db" in capsys.readouterr().out
    assert (there / "config/secrets/auth").read_text() == "canary-7f2e9b1c"
    now = time.time()
    with Store.open(there / "state/netmon.db", NoMeter()) as store:
        absence = store.record_start(now)
        assert (absence.start, absence.end) == (BEGAN + 1000, now)
        assert store.start_engine()[1] >= 3  # once before, the jump, and this start
        assert store.reader().spans(CORE, BEGAN, now)[-1].end == BEGAN + 1000


def test_the_engine_jumps_past_every_start_that_the_backup_cannot_know(home, tmp_path, monkeypatch):
    with monkeypatch.context() as past:
        past.setattr(made.time, "time", lambda: BEGAN)
        assert back_up(home, tmp_path / "old.tar") == 0
    assert restore(tmp_path / "old.tar", tmp_path / "there/config") == 0
    with Store.open(tmp_path / "there/state/netmon.db", NoMeter()) as store:
        assert store.start_engine()[1] > time.time() - BEGAN


def test_nothing_that_is_there_is_overwritten(home, tmp_path, capsys):
    archive, config, state = tmp_path / "one.tar", home / "config", home / "state"
    assert back_up(home, archive) == 0
    before = (state / "netmon.db").read_bytes()
    (state / "netmon.db.suspect").write_text("of the old file\n")
    assert restore(archive, config) == 1
    assert "--force sets it aside" in capsys.readouterr().err
    assert (state / "netmon.db").read_bytes() == before
    with Store.open(state / "netmon.db", NoMeter()):
        assert restore(archive, config, "--force") == 1
        assert "another netmon writes to this store" in capsys.readouterr().err
    assert restore(archive, config, "--force") == 0
    (aside,) = state.glob("netmon.db.before-????????T??????Z")
    assert aside.read_bytes()[:16] == b"SQLite format 3\0"
    assert not (state / "netmon.db.suspect").exists()
    (old,) = home.glob("config.before-*")
    assert (old / "secrets/auth").exists()
    assert not (config / "secrets").exists()
    assert not [path for path in (*home.iterdir(), *state.iterdir()) if path.name.startswith(".")]


def test_the_configuration_under_a_daemon_is_not_swapped(home, tmp_path, capsys):
    """Though the archive's store is another one, which nobody writes to."""
    assert back_up(home, tmp_path / "one.tar") == 0
    with Store.open(home / "state/netmon.db", NoMeter()):
        assert restore(tmp_path / "one.tar", home / "config", "--force", "--to", tmp_path / "new.db") == 1
    assert "another netmon writes to this store" in capsys.readouterr().err
    assert not (tmp_path / "new.db").exists()
    assert not list(home.glob("config.before-*"))


@pytest.mark.parametrize("inside", [False, True])
def test_what_cannot_be_put_in_place_whole_is_taken_back(home, tmp_path, monkeypatch, capsys, inside):
    """The last of it fails, as where the configuration's directory is a mount point."""
    if inside:
        (home / "state").rename(home / "config/state")
        (home / "config/netmon.yaml").write_text(NETMON.replace("../state", "state"))
    assert back_up(home, tmp_path / "one.tar") == 0
    before = {path: path.stat().st_ino for path in home.rglob("*")}

    def sync(path):
        if path == home:
            raise OSError(16, "Device or resource busy", str(path))

    monkeypatch.setattr(restored, "sync_directory", sync)
    assert restore(tmp_path / "one.tar", home / "config", "--force") == 1
    assert f"nothing was restored: {home}: Device or resource busy" in capsys.readouterr().err
    assert {path: path.stat().st_ino for path in home.rglob("*")} == before
    monkeypatch.undo()
    assert restore(tmp_path / "one.tar", home / "config", "--force") == 0
    assert not list(home.rglob(".*"))
    store = home / ("config/state" if inside else "state") / "netmon.db"
    with Store.open(store, NoMeter()) as found:
        assert found.reader().last_spans("device")


def test_where_no_configuration_is_it_goes_where_the_daemon_looks(monkeypatch, tmp_path):
    """Never below whatever directory a shell stands in."""
    asked = []
    monkeypatch.setattr("netmon.cli.restore.restore", lambda archive, **told: asked.append(told["directory"]) or 1 / 0)
    monkeypatch.delenv("NETMON_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    for named in ("/etc/netmon", "/srv/netmon"):
        with pytest.raises(ZeroDivisionError):
            main(["restore", "netmon.tar"])
        assert str(asked.pop()) == named
        monkeypatch.setenv("NETMON_CONFIG", "/srv/netmon")


def test_what_root_restores_the_daemon_can_read_whatever_the_umask(home, tmp_path):
    assert back_up(home, tmp_path / "all.tar") == 0
    before = os.umask(0o077)
    try:
        assert restore(tmp_path / "all.tar", tmp_path / "new/etc/config", "--to", tmp_path / "new/netmon.db") == 0
    finally:
        os.umask(before)
    etc = tmp_path / "new/etc"
    made = {path.relative_to(etc).as_posix(): path.stat().st_mode & 0o777 for path in (etc, *etc.rglob("*"))}
    assert made == {
        **dict.fromkeys((".", "config", "config/inventory"), 0o755),
        **dict.fromkeys(("config/netmon.yaml", "config/ca.pem", "config/inventory/all.yaml"), 0o644),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("used", [False, True])
def test_what_cannot_be_read_is_named_or_where_netmon_reads_it_there_is_no_backup(home, capsys, used):
    """As the daemon's user, to whom an administrator's notes are closed: a file, and a directory that holds some."""
    with tempfile.TemporaryDirectory() as around:
        os.chmod(around, 0o711)
        there = shutil.copytree(home, Path(around, "here"))
        config = there / "config"
        (config / "old").mkdir()
        (config / "draft.yaml").write_text("a: !credential unused")
        for path in (there, *there.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        for path in (config / "draft.yaml", config / "old", *([config / "inventory/all.yaml"] if used else [])):
            path.chmod(0)
        os.seteuid(NOBODY)
        try:
            assert back_up(there, there / "all.tar") == int(used)
        finally:
            os.seteuid(0)
        said = capsys.readouterr()
        if used:
            assert said.err == f"netmon: no backup was made: {config}/inventory/all.yaml: this user may not read it\n"
        else:
            assert "put in place by hand: draft.yaml, note.txt, old, " in said.out
            assert names(there / "all.tar") == ALWAYS


def test_modes_and_groups_come_back(home, tmp_path):
    group = next(each for each in grp.getgrall() if each.gr_gid != os.getgid())
    config = home / "config"
    if os.geteuid() == 0:
        for path in (config, config / "inventory", config / "netmon.yaml"):
            os.chown(path, 0, group.gr_gid)
    config.chmod(0o750)
    (config / "inventory").chmod(0o510)
    (config / "netmon.yaml").chmod(0o640)
    assert back_up(home, tmp_path / "one.tar") == 0
    assert restore(tmp_path / "one.tar", tmp_path / "there/config") == 0
    for name in ("", "inventory", "netmon.yaml", "ca.pem"):
        found, wanted = (tmp_path / "there/config" / name).stat(), (config / name).stat()
        assert (found.st_mode, found.st_uid, found.st_gid) == (wanted.st_mode, wanted.st_uid, wanted.st_gid), name


def test_the_configuration_that_is_there_stays_and_says_where_the_store_goes(home, tmp_path):
    archive, config = tmp_path / "one.tar", tmp_path / "there/config"
    assert back_up(home, archive) == 0
    config.mkdir(parents=True)
    (config / "netmon.yaml").write_text('province: "04"\nstore: {path: elsewhere.db}\n')
    assert restore(archive, config) == 0
    assert (config / "elsewhere.db").exists()
    assert not (config / "inventory").exists()
    assert restore(archive, config, "--to", tmp_path / "here.db") == 0
    assert (tmp_path / "here.db").exists()


def test_a_damaged_store_makes_no_backup_and_no_old_one_goes(home, tmp_path, capsys):
    out, store = tmp_path / "out", home / "state/netmon.db"
    assert back_up(home, f"{out}/", "--keep", "1") == 0
    before = list(out.iterdir())
    with sqlite3.connect(store) as database:
        page = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'span_subject'").fetchone()[0]
    database.close()
    with store.open("r+b") as file:
        file.seek((page - 1) * 16_384)
        file.write(os.urandom(8_192))
    assert back_up(home, f"{out}/", "--keep", "1") == 1
    assert "damaged" in capsys.readouterr().err
    assert list(out.iterdir()) == before


def test_an_older_schema_is_backed_up_as_it_is_and_brought_up_at_the_start(home, tmp_path):
    store = home / "state/netmon.db"
    with sqlite3.connect(store) as database:
        database.execute("PRAGMA user_version = 1")  # told, not made: what is asked is whether anybody minds
    database.close()
    assert back_up(home, tmp_path / "one.tar") == 0
    with tarfile.open(tmp_path / "one.tar") as tar:
        assert json.loads(tar.extractfile("manifest.json").read())["schema"] == 1
    assert restore(tmp_path / "one.tar", tmp_path / "there/config") == 0


def test_a_backup_does_not_fill_the_disk(home, tmp_path, capsys, monkeypatch):
    full = made.shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(made.shutil, "disk_usage", lambda place: full)
    assert back_up(home, tmp_path / "one.tar") == 1
    assert "1 MB free" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [home]


def test_two_backups_at_once_leave_each_other_alone(home, tmp_path, monkeypatch):
    """One that begins meanwhile sweeps only what nobody holds."""

    def copying(store, target, progress):
        with monkeypatch.context() as inner:
            inner.setattr(made, "copy", copy)
            assert back_up(home, tmp_path / "second.tar") == 0
        return copy(store, target, progress)

    copy = made.copy
    monkeypatch.setattr(made, "copy", copying)
    assert back_up(home, tmp_path / "first.tar") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.tar", "here", "second.tar"]


def test_where_there_is_no_store_that_is_said(home, tmp_path, capsys):
    (home / "state/netmon.db").unlink()
    assert back_up(home, tmp_path / "one.tar") == 1
    assert "there is no store here" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [home]


def test_a_reader_finds_in_the_copy_what_it_found_in_the_store(home, tmp_path):
    assert back_up(home, tmp_path / "one.tar") == 0
    assert restore(tmp_path / "one.tar", tmp_path / "there/config") == 0
    found = []
    for path in (home / "state/netmon.db", tmp_path / "there/state/netmon.db"):
        reader = Reader.open(path)
        found.append(reader.spans(CORE, 0, BEGAN + 1e6))
        reader.close()
    assert found[0] == found[1] != []


def test_a_restore_is_the_first_line_of_the_log_after_those_of_the_backup(home, tmp_path):
    path = home / "state/netmon.db"
    entry = AuditEntry(BEGAN, "lan", "web 192.0.2.7", "storm declare", "S-1", "{}", "done")
    with Store.open(path, NoMeter()) as store:
        store.put_audit(entry)
    assert back_up(home, tmp_path / "b.tar") == 0
    with Store.open(path, NoMeter()) as store:
        store.put_audit(entry._replace(about="S-2"))
    with closing(Reader.open(path)) as reader:
        last, digest = reader.audit_end()
    assert restore(tmp_path / "b.tar", home / "config", "--force", "--store-only") == 0
    with closing(Reader.open(path)) as reader:
        first, line = reader.audit_entries()
        assert reader.verify_audit() is None
    assert first == entry
    assert (line.origin, line.deed, line.about, line.result) == (f"restore uid {os.getuid()}", "restore", "b.tar", "done")
    told = json.loads(line.detail)
    assert told["sha256"] == hashlib.sha256((tmp_path / "b.tar").read_bytes()).hexdigest()
    assert told["aside"] == {"line": last, "digest": digest}
    assert restore(tmp_path / "b.tar", tmp_path / "there/config", "--to", tmp_path / "there/n.db") == 0
    with closing(Reader.open(tmp_path / "there/n.db")) as reader:
        assert json.loads(reader.audit_entries()[-1].detail)["aside"] is None

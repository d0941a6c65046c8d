"""Files that come from elsewhere, or from a disk that lies: an archive and an outbox, spoilt in every way."""

import io
import random
import tarfile
from contextlib import suppress

from netmon.backup import BackupError
from netmon.exporters.outbox import Batch, Outbox
from netmon.exporters.prometheus import OwnMetrics
from netmon.restore import verify
from tests.faults.matrix import size
from tests.snmp.fuzzing import scratched
from tests.test_backup import back_up, home  # noqa: F401 - home is a fixture
from tests.test_backup_refused import sign

SEED = 4711
MANY = size(150, 20_000)
NAMES = ("netmon.db", "config/../x", "/etc/x", "config/a\nb", "..", "", "x" * 300, "manifest.json", "SHA256SUMS")


def spoilt(whole, dice):
    """The octets of an archive: changed as they are, or with a member that is another, is there twice or is no file."""
    if dice.random() < 0.4:
        return scratched(whole, dice, [whole[-30_000:]] * 4)
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar, tarfile.open(fileobj=out, mode="w") as new:
        members = [(member, b"" if (file := tar.extractfile(member)) is None else file.read()) for member in tar]
        at = dice.randrange(len(members))
        for n, (member, octets) in enumerate(members):
            if n == at:
                match dice.randrange(5):
                    case 0:
                        octets = scratched(octets, dice, [each for _, each in members] * 4)
                    case 1:
                        member.name = dice.choice(NAMES)
                    case 2:
                        member.type = dice.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE))
                        member.linkname = dice.choice(("/etc/passwd", "../../x", "netmon.db"))
                    case 3:
                        member.size = len(octets)
                        new.addfile(member, io.BytesIO(octets))
                    case _:
                        continue
            member.size = len(octets) if member.isfile() else 0
            new.addfile(member, io.BytesIO(octets))
    return out.getvalue()


def test_a_spoilt_archive_is_a_backup_or_one_typed_error(home, tmp_path):  # noqa: F811
    dice = random.Random(SEED)
    assert back_up(home, tmp_path / "one.tar") == 0
    whole, bad = (tmp_path / "one.tar").read_bytes(), tmp_path / "bad.tar"
    said = []
    for _ in range(MANY):
        bad.write_bytes(spoilt(whole, dice))
        if dice.random() < 0.5:
            with suppress(tarfile.TarError, ValueError, OverflowError, AttributeError, KeyError, OSError):
                sign(bad)  # sums are no signature: who makes an archive by hand makes them too
        try:
            verify(bad)
        except BackupError as error:
            said.append(str(error))
    assert len(said) > MANY / 2
    assert "".join(said).isprintable()


def test_a_spoilt_outbox_gives_what_was_put_into_it_or_sets_it_aside(tmp_path):
    dice, meter = random.Random(SEED), OwnMetrics()
    box = tmp_path / "outbox"
    for n in range(size(15, 200)):
        outbox = Outbox(box, 2**24, meter)
        put = {outbox.newest + k: f"m,n={n} v={k} {'x' * dice.randrange(500)}\n".encode() for k in range(1, 11)}
        for number, lines in put.items():
            outbox.put(Batch(number, 5, lines))
        outbox.close()
        files = {path: path.read_bytes() for path in sorted(box.glob("*.block"))}
        for path in dice.sample(list(files), 4):
            octets = scratched(files[path], dice, list(files.values()))
            path.unlink(missing_ok=True)
            where = dice.choice((path.name, path.name, f"{dice.randrange(10**20):020}-5.block", "x.block", "1-1.block", "é"))
            (box / where).write_bytes(octets)
        outbox = Outbox(box, 2**24, meter)
        while (batch := outbox.take()) is not None:
            assert batch.lines in put.values()
            outbox.remove(batch.number)
            outbox.release()
        assert not outbox
        outbox.close()

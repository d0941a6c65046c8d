"""What is left of the audit log when the disk damages the store, and that it is told from what somebody took away."""

import re
import sqlite3
from contextlib import closing
from itertools import accumulate
from random import Random

import pytest

from netmon.cli import main
from netmon.exporters.prometheus import OwnMetrics
from netmon.model import AuditEntry
from netmon.store import Reader, Store, StoreError
from tests.faults.guide import checked


def _damaged(path, line):
    """Makes what a page of the log holds unreadable, the one with this line."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = database.execute("SELECT pageno, ncell FROM dbstat WHERE name = 'audit' AND pagetype = 'leaf' ORDER BY path")
        ends = accumulate(pages.fetchall(), lambda before, page: (page[0], before[1] + page[1]))
        page = next(page for page, last in ends if last >= line)
    octets = bytearray(path.read_bytes())
    octets[(page - 1) * 16384 : page * 16384] = Random(9).randbytes(16384)
    path.write_bytes(octets)


@pytest.mark.fault("audit-log")
def test_a_log_that_lost_lines_by_damage_says_so_and_is_checked_behind_them(tmp_path, capsys, measured):
    """Twice: what the first rebuilding told still holds after the second."""
    path, meter, config = tmp_path / "netmon.db", OwnMetrics(), tmp_path / "netmon.yaml"
    config.write_text(f"store: {{path: {path}}}\n")
    log = ["audit", "--log", "-n", "1", "--lang", "en", "--config", str(tmp_path)]
    entry = AuditEntry(1.7e9, "lan", "web 192.0.2.7", "storm declare", "S-1", "x" * 900, "done")
    with Store.open(path, meter) as store:
        for n in range(150):
            store.put_audit(entry._replace(at=1.7e9 + n))
    lost = []
    for line in (40, 100):
        _damaged(path, line)
        with closing(Reader.open(path)) as reader, pytest.raises(StoreError, match="the audit log cannot be read"):
            reader.verify_audit()
        assert main(log) == 1
        assert "the audit log cannot be read" in capsys.readouterr().err
        path.with_name("netmon.db.suspect").touch()
        with Store.open(path, meter) as store:
            store.put_audit(entry)
        with closing(Reader.open(path)) as reader:
            assert reader.verify_audit() is None
            lost, before = [each[1:] for each in reader.audit_lost()], lost
            assert set(before) < set(lost)
        assert main(log) == 0
        said = capsys.readouterr().out
        assert "as they were written" in said
        told = re.findall(r"lines (\d+)–(\d+) were lost by damage of the store", said)
        assert [tuple(map(int, each)) for each in told] == lost
        assert [words for words in checked(path).splitlines() if "were lost by damage" in words] == [
            f"lines {first} to {last} were lost by damage" for first, last in lost
        ]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DROP TRIGGER audit_stands_update")
        other.execute("DROP TRIGGER audit_stands_delete")
        other.execute("DELETE FROM audit WHERE id = 5")
    with closing(Reader(path)) as reader:
        assert reader.verify_audit() == 5, "what netmon did not lose is missing"
    assert checked(path).endswith("line 5 is not what was written\n")
    measured(f"of 152 lines {sum(b - a + 1 for a, b in lost)} went with two damaged pages: told, and all others checked")

"""The fault matrix and the tests that prove it name the same rows."""

import re

from tests.faults.matrix import MATRIX, ROOT, filled, rows

_MARK = re.compile(r'^@pytest\.mark\.fault\("([a-z0-9-]+)"\)$', re.MULTILINE)


def test_every_row_of_the_matrix_is_made_by_a_test_and_every_fault_that_is_made_has_its_row():
    promised = [row.id for row in rows(MATRIX.read_text(encoding="utf-8"))]
    made = {row for path in sorted((ROOT / "tests").rglob("test_*.py")) for row in _MARK.findall(path.read_text("utf-8"))}
    assert len(promised) == len(set(promised))
    assert set(promised) == made


def test_every_cell_of_the_matrix_says_something():
    for row in rows(MATRIX.read_text(encoding="utf-8")):
        assert all(row), row


def test_figures_are_written_into_their_rows_and_nowhere_else():
    text = "# A\n\n| Row | Fault |\n|---|---|\n| `a-1` | x | y | z | old |\n| `b` | x | y | z | old |\n"
    assert filled(text, {"a-1": "3 | 4", "c": "no"}) == text.replace("z | old |\n| `b`", "z | 3 / 4 |\n| `b`")

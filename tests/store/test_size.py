"""The store of a province stays within its budget; `python -m tests.soak.store_size` measures more links and days."""

from __future__ import annotations

from tests.soak.store_size import BUDGET, ECHO_LINKS, LINKS, echoes, traffic


def test_45_days_of_a_province_fit_in_700_megabytes():
    """5,250 links x 288 slots x 45 days, told from the packed days of some links and the open slots of all."""
    assert 0.5 * BUDGET < traffic(50, 7).of(LINKS) < BUDGET


def test_round_trips_add_little():
    """400 links with a check address: under a tenth of what traffic takes."""
    assert echoes(14, 5).of(ECHO_LINKS) < 0.1 * BUDGET

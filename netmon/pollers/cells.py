"""What an operator's feed tells of cells, as a report that the rest of netmon knows (docs/bts.md)."""

from __future__ import annotations

from netmon.model import CellName, CellReport, CellState
from netmon.pollers.payloads import CellFeed, Unfit

PERIODS = 3
"""A cell holds what was told of it for so many periods of the feed."""


def report_of(body: CellFeed, home: str, device: str, unix: float) -> CellReport:
    """What a message told at an instant of the cells at one site: the one that it names, else `home`, where its device
    stands. Raises Unfit when it tells of a cell twice."""
    site = body.site or home
    states = {CellName(site, body.operator, each.technology, each.cell): CellState(each.state) for each in body.cells}
    if len(states) != len(body.cells):
        names = [each.cell for each in body.cells]
        twice = next(each.cell for n, each in enumerate(body.cells) if each.cell in names[:n])
        raise Unfit(f"the cell {twice} is told twice")
    return CellReport(unix, PERIODS * body.period_s, device, tuple(states.items()))

"""The dashboards, in the order in which they are listed."""

from __future__ import annotations

from grafana.boards import capacity, commune, fibre, itself, link, power, province, speed, storm, uptime
from grafana.dashboard import Dashboard

BOARDS: tuple[Dashboard, ...] = (
    province.BOARD,
    commune.BOARD,
    link.BOARD,
    capacity.BOARD,
    uptime.BOARD,
    power.BOARD,
    fibre.BOARD,
    storm.BOARD,
    speed.BOARD,
    itself.BOARD,
)

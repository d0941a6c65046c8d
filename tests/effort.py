"""How much work the tests are: how many examples of a property are looked at, and which files take longest."""

import os

LONGER = "NETMON_EXAMPLES"
"""The variable that says how many times as many examples are looked at: in `scripts/soak`, where time is no matter."""

LONGEST = (
    "tests/faults/test_service.py",
    "tests/faults/test_secrets.py",
    "tests/faults/test_life_clock.py",
    "tests/faults/test_life_kill.py",
    "tests/faults/test_servers_broker.py",
    "tests/faults/test_hostile_flood.py",
    "tests/faults/test_spare.py",
    "tests/faults/test_access.py",
    "tests/paging/test_storm.py",
    "tests/paging/test_cut.py",
    "tests/paging/test_flapping.py",
    "tests/paging/test_uplink.py",
    "tests/grafana/test_live.py",
    "tests/test_daemon.py",
    "tests/sim/test_demo.py",
    "tests/targets/test_recompute.py",
    "tests/test_daemon_servers.py",
    "tests/discover/test_discover.py",
    "tests/pollers/test_discovery.py",
    "tests/pollers/test_mqtt.py",
    "tests/targets/test_200_histories.py",
    "tests/web/test_page.py",
    "tests/web/test_board.py",
    "tests/web/test_stream_page.py",
    "tests/web/test_incidents_page.py",
    "tests/web/test_pages.py",
    "tests/web/test_contrast.py",
    "tests/web/test_screens.py",
    "tests/sim/test_stack.py",
    "tests/pollers/test_snmp_outcomes.py",
    "tests/test_alerting_harness.py",
    "tests/exporters/test_influx.py",
    "tests/test_daemon_traps.py",
    "tests/test_bench.py",
    "tests/test_rules.py",
)
"""Files of a quarter of a minute and more. They begin first: one that came last would keep all waiting for it alone."""

USUAL = 60


def examples(usual: int = USUAL) -> int:
    """So many, or as many times more as is asked for. ValueError: the variable is no whole number."""
    return usual * int(os.environ.get(LONGER, "1"))

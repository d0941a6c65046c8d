"""A coverage floor of nothing would let silence pass, and is refused in every rule that has one."""

from __future__ import annotations

import pytest

from netmon.settings.rules import RULES
from netmon.units import Register
from tests.settings.conftest import Write
from tests.settings.test_load import good, wrong
from tests.settings.test_rules import file, target

FLOORED = [rule for rule in RULES if rule not in ("share", "pooled")]


@pytest.mark.parametrize("rule", FLOORED)
@pytest.mark.parametrize("nothing", ["0 %", "0"])
def test_a_coverage_of_nothing_is_a_line(write: Write, register: Register, rule: str, nothing: str) -> None:
    text = file(target(rule, f"    coverage: {nothing}\n"))
    said = "targets.yaml:9:15: a coverage of 0 % would prove a target by what nobody saw"
    assert wrong(write(targets=text), register) == [said]


def test_the_least_that_is_seen_may_be_little(write: Write, register: Register) -> None:
    (made,) = good(write(targets=file(target("loss", "    coverage: 1 %\n"))), register).targets
    assert getattr(made, "coverage") == 0.01  # noqa: B009 - not every target has one

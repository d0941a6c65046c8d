"""A verdict is told by what its target asked when it was judged, whatever targets.yaml asks for today."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from netmon.model import Subject
from netmon.settings import load
from netmon.store import dump_verdict, load_verdict
from netmon.targets.asked import asked, recalled, targets_of, told_by
from netmon.targets.definitions import Pooled, Share
from netmon.targets.percentile import judge_link
from netmon.targets.rollup import whole_verdict
from netmon.targets.words import explain
from tests.targets.made import NOW, P95, SERVICE, link, window_rates

SHIPPED = {target.id: target for target in load(Path(__file__).parents[2] / "config", secrets=False).targets}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_target_comes_back_from_the_store_as_it_was(name):
    target = SHIPPED[name]
    of = SHIPPED[target.of] if isinstance(target, Share | Pooled) else None
    told = json.loads(json.dumps(asked(target, of)))
    assert recalled(told) == target
    assert of is None or recalled(told["of_target"]) == of


def judged(target, load=0.97):
    rates = window_rates([load] * 2016)
    part = replace(judge_link(target, link(), rates, NOW), asked=asked(target))
    whole = whole_verdict(target, Subject("commune", "01273"), [part], part.window, final=False)
    return [load_verdict(dump_verdict(verdict)) for verdict in (part, replace(whole, asked=asked(target)))]


def test_a_limit_that_was_changed_since_does_not_change_what_was_said():
    today = {P95.id: replace(P95, limit=0.98, at_risk=0.97, title_en="Another title")}
    for verdict in judged(P95):
        told = explain(verdict, targets_of(verdict, today), "en", {})
        assert "at most 90 %" in told
        assert "2,016 above 90 %" in told
        assert "98 %" not in told
        assert "Another" not in told


def test_a_target_that_is_gone_or_has_another_rule_still_tells_what_it_asked():
    for verdict in judged(P95):
        for today in ({}, {P95.id: replace(SERVICE, id=P95.id)}):
            assert told_by(verdict, today) == ""
            assert "MISSED" in explain(verdict, targets_of(verdict, today), "en", {})


def test_what_was_stored_without_it_is_told_by_todays_target_or_left_out():
    verdict = replace(judged(P95)[0], asked={})
    assert told_by(verdict, {P95.id: P95}) == ""
    assert "not in targets.yaml any more" in told_by(verdict, {})
    assert "another rule" in told_by(verdict, {P95.id: replace(SERVICE, id=P95.id)})

"""A backup seen carrying traffic, against a walk through its slots one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Former, LinkRole, Span, Standing, Window
from netmon.targets.definitions import BackupDrill, BasisKind
from netmon.targets.drill import judge_drill
from netmon.targets.percentile import LinkRates
from netmon.targets.words import drill
from netmon.targets.words.voice import Voice
from tests.targets.made import LAST_K, NOW, link

DAY = 86_400.0
TARGET = BackupDrill(id="backup_drill", title_vi="", title_en="", limit=90 * DAY, basis="NOC", basis_kind=BasisKind.LOCAL)
BACKUP = replace(link(name="lte"), role=LinkRole.BACKUP)
WINDOW = Window(NOW - 90 * DAY, NOW)
SLOTS = range(int(WINDOW.start // 300) + 1, LAST_K + 1)
IDLE = 1000.0
HELLOS = 12_500.0
"""What routing and monitoring carry all day."""


def measured(traffic=(), missing=(), *, far=None, simulated=0):
    """Idle slots, but for these numbers counted back from the last one."""
    values = [IDLE] * len(SLOTS)
    for ago in traffic:
        values[-1 - ago] = TARGET.carries
    for ago in missing:
        values[-1 - ago] = nan
    return LinkRates(
        first_k=SLOTS.start, near_receive=[IDLE if v == v else nan for v in values], near_transmit=values,
        far_receive=far, far_transmit=far, simulated=simulated,
    )  # fmt: skip


def judge(rates, *spans, of=BACKUP, target=TARGET, window=WINDOW, now=NOW, alone=True):
    return judge_drill(target, of, rates, [Span(*span) for span in spans], window, now, alone)


def on_backup(start_ago, end_ago):
    return ("on_backup", NOW - start_ago, NOW - end_ago)


@pytest.mark.parametrize(
    ("rates", "spans", "standing", "value"),
    [
        (measured([0]), [], Standing.MET, NOW % 300),
        (measured([0], range(1, len(SLOTS))), [], Standing.MET, NOW % 300),  # a sighting proves it, whatever was not seen
        (measured(), [], Standing.AT_RISK, None),
        (measured(missing=range(1295)), [], Standing.AT_RISK, None),  # 95 % of 25,919 slots
        (measured(missing=range(1296)), [], Standing.UNPROVEN, None),
        (measured(missing=range(len(SLOTS))), [], Standing.UNPROVEN, None),
        (measured(), [on_backup(DAY, DAY - 600)], Standing.MET, DAY - 600),
        (measured(), [on_backup(600, -inf)], Standing.MET, 0.0),  # it lasts
        (measured(), [on_backup(100 * DAY, 90 * DAY)], Standing.AT_RISK, None),  # before the window
        (measured(), [("up", NOW - DAY, NOW), ("isolated", NOW - 2 * DAY, NOW - DAY)], Standing.AT_RISK, None),
        (measured([500]), [on_backup(90 * DAY, 89 * DAY)], Standing.MET, 500 * 300 + NOW % 300),  # the later one speaks
    ],
)
def test_a_sighting_proves_it_and_its_absence_is_told_only_where_enough_was_seen(rates, spans, standing, value):
    verdict = judge(rates, *spans)
    assert (verdict.standing, verdict.value) == (standing, value)
    assert verdict.standing is not Standing.MET or verdict.coverage > 0
    assert not verdict.final
    json.dumps(dict(verdict.evidence), allow_nan=False)


def test_the_service_on_backup_says_nothing_of_a_primary():
    of = replace(BACKUP, role=LinkRole.PRIMARY)
    assert judge(measured(), on_backup(DAY, 0), of=of).standing is Standing.AT_RISK
    assert judge(measured([3]), of=of).standing is Standing.MET


def test_the_service_on_backup_says_nothing_of_one_of_several_backups():
    """Its own traffic does."""
    other = judge(measured(), on_backup(DAY, 0), alone=False)
    assert (other.standing, other.value, other.evidence["on_backup_count"]) == (Standing.AT_RISK, None, 0)
    unseen = judge(measured(missing=range(len(SLOTS))), on_backup(90 * DAY, 0), alone=False)
    assert (unseen.standing, unseen.coverage) == (Standing.UNPROVEN, 0.0)
    own = judge(measured([500]), on_backup(DAY, 0), alone=False)
    assert (own.standing, own.value) == (Standing.MET, 500 * 300 + NOW % 300)


def test_what_a_link_carried_before_it_came_to_its_site_counts_nowhere():
    came = NOW - 40 * DAY
    of = replace(BACKUP, former=(Former("old", NOW - 60 * DAY), Former("elsewhere", came)))
    carried = judge(measured([41 * 288]), on_backup(50 * DAY, 41 * DAY), of=of)
    assert (carried.standing, carried.value, carried.evidence["begin"]) == (Standing.UNPROVEN, None, came)
    assert (carried.evidence["slots"], carried.coverage) == (40 * 288 - 1, 1.0)
    month = replace(TARGET, limit=30 * DAY)
    assert judge(measured([41 * 288]), of=of, target=month).standing is Standing.AT_RISK  # here for longer than that
    assert judge(measured([39 * 288]), of=of).standing is Standing.MET
    resting = judge(measured(), on_backup(50 * DAY, 39 * DAY), of=of)
    assert (resting.standing, resting.evidence["on_backup"][0]["start"]) == (Standing.MET, came)
    leaving = replace(BACKUP, former=(Former("here", NOW + DAY),))
    assert judge(measured([41 * 288]), of=leaving).standing is Standing.MET  # it has not moved yet


def test_a_limit_shorter_than_the_window_is_told_from_the_last_sighting_and_a_longer_one_is_not_told():
    monthly = replace(TARGET, limit=30 * DAY)
    assert judge(measured([29 * 288]), target=monthly).standing is Standing.MET
    late = judge(measured([31 * 288]), target=monthly)
    assert (late.standing, late.value) == (Standing.AT_RISK, 31 * DAY + NOW % 300)
    assert judge(measured(), target=replace(TARGET, limit=180 * DAY)).standing is Standing.UNPROVEN


def test_exactly_the_limit_is_within_it_and_a_month_is_final_once_it_is_over():
    end = (LAST_K + 1) * 300.0
    month = Window(end - 30 * DAY, end)
    target = replace(TARGET, window_days=None, limit=10 * DAY)
    on_time, late = (judge(measured([days]), target=target, window=month, now=end) for days in (2880, 2881))
    assert (on_time.standing, on_time.value, on_time.final) == (Standing.MET, 10 * DAY, True)
    assert late.standing is Standing.AT_RISK
    assert not judge(measured(), target=target, window=month, now=end - 1).final


def test_hellos_and_monitoring_alone_are_no_drill():
    verdict = judge(replace(measured(), near_transmit=[HELLOS] * len(SLOTS)))
    assert (verdict.standing, verdict.value) == (Standing.AT_RISK, None)


def test_what_the_near_end_lacks_the_far_end_tells():
    none = [nan] * len(SLOTS)
    far_saw = LinkRates(first_k=SLOTS.start, near_receive=none, near_transmit=none, far_receive=[IDLE] * len(SLOTS),
                        far_transmit=[*[IDLE] * (len(SLOTS) - 1), TARGET.carries])  # fmt: skip
    verdict = judge(far_saw)
    assert (verdict.standing, verdict.coverage, verdict.evidence["carrying_count"]) == (Standing.MET, 1.0, 1)
    near_speaks = judge(measured(far=[1e9] * len(SLOTS)))
    assert near_speaks.standing is Standing.AT_RISK


RATE = st.sampled_from([nan, 0.0, IDLE, HELLOS, TARGET.carries, 1e6])


@given(
    near=st.lists(st.tuples(RATE, RATE), max_size=24),
    far=st.none() | st.lists(st.tuples(RATE, RATE), max_size=24),
    shift=st.integers(-6, 6),
    length=st.floats(0, 6000),
    backup=st.none() | st.tuples(st.floats(-1000, 7000), st.floats(0, 3000)),
)
def test_it_says_what_a_walk_through_the_slots_says(near, far, shift, length, backup):
    start, first = 1_000_000 * 300, 1_000_000 + shift
    window, now = Window(start, start + 6000), start + length
    rates = LinkRates(
        first_k=first, near_receive=[a for a, _ in near], near_transmit=[b for _, b in near],
        far_receive=None if far is None else [a for a, _ in far], far_transmit=None if far is None else [b for _, b in far],
    )  # fmt: skip
    spans = [] if backup is None else [("on_backup", start + backup[0], start + backup[0] + backup[1])]

    def rate(k, way):
        for end in (near, far or []):
            if 0 <= k - first < len(end) and end[k - first][way] == end[k - first][way]:
                return end[k - first][way]
        return nan

    seen, total, last = 0, 0, None
    for k in range(1_000_000, 1_000_020):
        if (k + 1) * 300 > now:
            break
        total += 1
        carries = rate(k, 0) >= 125_000 or rate(k, 1) >= 125_000
        both = rate(k, 0) == rate(k, 0) and rate(k, 1) == rate(k, 1)
        in_backup = any(s < min((k + 1) * 300, now) and e > k * 300 and s < e for _, s, e in spans)
        seen += carries or both or in_backup
        last = (k + 1) * 300 if carries else last
    for _, s, e in spans:
        if max(s, start) < min(e, now):
            last = max(last or 0, min(e, now))
    verdict = judge(rates, *spans, target=replace(TARGET, limit=3000), window=window, now=now)
    assert verdict.evidence["slots"] == total
    assert verdict.coverage == pytest.approx(seen / total if total else 0)
    assert verdict.value == (None if last is None else now - last)
    if verdict.coverage > 0 and last is not None and now - last <= 3000:
        assert verdict.standing is Standing.MET
    elif verdict.coverage >= 0.95 and length >= 3000:
        assert verdict.standing is Standing.AT_RISK
    else:
        assert verdict.standing is Standing.UNPROVEN


def test_it_is_told_in_both_languages():
    evidence = judge(measured([100], simulated=7), on_backup(DAY, 3600)).evidence
    vi, en = (
        "\n".join([drill.rule(TARGET, say), *drill.figures(evidence, TARGET, say)]) for say in map(Voice, ("vi", "en"))
    )
    assert "ít nhất một lần trong 90 ngày gần nhất." in vi
    assert "Lần gần nhất thấy truyền lưu lượng: 09:47 ngày 21/11/2026, cách đây 1 giờ." in vi
    assert "điểm không có đường dự phòng nào khác" in vi
    older = {key: value for key, value in evidence.items() if key != "alone"}
    assert "nếu điểm có nhiều đường dự phòng thì chưa rõ là đường nào" in "".join(drill.figures(older, TARGET, Voice("vi")))
    assert "Có 25.919/25.919 mẫu 5 phút, 1 mẫu có lưu lượng." in vi
    assert "02:20 ngày 21/11/2026: chiều về xã 8,0 kbit/s, chiều từ xã đi 1,0 Mbit/s" in vi
    assert "CÓ SỐ LIỆU MÔ PHỎNG: 7 mẫu 5 phút." in vi
    assert "2026-11-20 10:47 to 2026-11-21 09:47, 23 h" in en
    never = "\n".join(drill.figures(judge(measured()).evidence, TARGET, Voice("vi")))
    assert "Trong kỳ chưa lần nào thấy đường này truyền lưu lượng" in never
    assert "chưa rõ" not in never

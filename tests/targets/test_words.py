"""Verdicts as sentences: every figure of the evidence that an operator needs, in both languages, and never misleading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netmon.model import Standing, Subject, Window
from netmon.targets.definitions import BackupDrill, BasisKind, ContractedCapacity, Latency
from netmon.targets.drill import judge_drill
from netmon.targets.evaluate import ANOTHER_KIND, NOTHING_THERE
from netmon.targets.percentile import judge_link
from netmon.targets.rollup import exempt_verdict, province_verdict, whole_verdict
from netmon.targets.words import explain
from netmon.targets.words.voice import Voice
from tests.targets import test_environment, test_optics, test_radio
from tests.targets.made import ABSENT, FULL, LINK_UP, NOW, P95, P95_DAILY, SERVICE, SHARE, link, window_rates
from tests.targets.test_availability import NOVEMBER, after, judge

VI, EN = Voice("vi"), Voice("en")
NAMES = {"01273": "Phường Thục Phán", "ub-01273": "UBND phường Thục Phán"}


def said(verdict, target):
    targets = {each.id: each for each in (SERVICE, target)}
    return explain(verdict, targets, "vi", NAMES), explain(verdict, targets, "en", NAMES)


def holds(text, *pieces):
    missing = [piece for piece in pieces if piece not in text]
    assert not missing, f"{missing} not in:\n{text}"


@pytest.fixture
def busy():
    """101 slots at 95 %, ten of them measured by the far end, some of it simulated."""
    near = [0.95] * 91 + [ABSENT] * 10 + [0.5] * 1915
    far = [0.95 * FULL] * 2016
    return judge_link(P95, link(), window_rates(near, [0.1] * 2016, far_receive=far, simulated=288), NOW)


def test_a_percentile_is_told_with_rule_basis_figures_slots_and_simulation(busy):
    vi, en = said(busy, P95)
    holds(
        vi, "Tuyến cb-01273-fibre: KHÔNG ĐẠT - Lưu lượng đỉnh [tslcd_p95/cb-01273-fibre]", "90 % dung lượng theo hợp đồng",
        "Thông tư 06/2026/TT-BKHCN, Điều 5.6 (quy định của pháp luật)",
        "từ 10:45 ngày 14/11/2026 đến 10:45 ngày 21/11/2026 (giờ Việt Nam), chưa chốt",
        "chiều về xã: phân vị 95 là 190,0 Mbit/s = 95 % (giá trị thứ 1.916), có 2.016/2.016 mẫu 5 phút, 101 mẫu vượt 90 %, "
        "10 mẫu đo ở phía trung tâm", "để tham khảo",
        "19:05 ngày 14/11/2026, chiều về xã, 190,0 Mbit/s = 95 %, đo ở phía trung tâm",
        "200,0 Mbit/s", "CÓ SỐ LIỆU MÔ PHỎNG: 288 mẫu 5 phút",
    )  # fmt: skip
    assert not re.search(r"\bkhe\b|\bbách\b|\bhạng\b|\bđầu x[aã]\b", vi)
    holds(
        en, "Link cb-01273-fibre: MISSED - Peak load", "statutory", "2026-11-14 10:45 to 2026-11-21 10:45, Viet Nam time",
        "towards the commune: 95th percentile 190.0 Mbit/s = 95 % (rank 1,916), 2,016 of 2,016 slots, 101 above 90 %, "
        "10 from the far end", "CONTAINS SIMULATED DATA: 288 slots",
    )  # fmt: skip


@pytest.mark.parametrize(("p95", "shown"), [(0.90001, "90.001 %"), (0.9000001, "90.00001 %"), (0.90, "= 90 % (")])
def test_rounding_never_hides_on_which_side_of_the_limit_a_figure_lies(p95, shown):
    holds(said(judge_link(P95, link(), window_rates([p95] * 2016), NOW), P95)[1], shown)


def test_the_daily_reading_names_its_days(busy):
    vi, en = said(judge_link(P95_DAILY, link(), window_rates([0.5] * 2016), NOW), P95_DAILY)
    holds(
        vi,
        "từng ngày trong 7 ngày liên tiếp, không vượt quá 90 %",
        "chiều về xã: 14/11 50 % (thiếu số liệu); 15/11 50 %;",
        "đo ở phía xã",
    )
    holds(en, "each of 7 days in a row, is at most 90 %", "11-14 50 % (too little seen); 11-15 50 %;")


def test_an_availability_is_told_with_budget_backup_and_outages():
    verdict = judge(
        [("up", 0, 86400), ("isolated", 86400, 86400 + 4500), ("on_backup", 90_900, 94_500), ("up", 94_500, 172_800)],
        [(100, 160)], now=after(2), declared=[Window(after(1), after(1.5))], simulated_s=3600.0,
    )  # fmt: skip
    vi, en = said(verdict, SERVICE)
    holds(
        vi, "Điểm UBND phường Thục Phán (ub-01273): KHÔNG ĐẠT",
        "Số liệu thô: 97,39 % (sẵn sàng 46 giờ 44 phút, gián đoạn 1 giờ 15 phút, không quan sát được 1 phút)",
        "đã khai báo: 100 %", "1 giờ chạy trên đường dự phòng", "đã dùng 1 giờ 15 phút trên 3 giờ 36 phút",
        "từ 00:00 ngày 02/11/2026 đến 01:15 ngày 02/11/2026, 1 giờ 15 phút, bị cô lập", "CÓ SỐ LIỆU MÔ PHỎNG: 1 giờ",
    )  # fmt: skip
    holds(en, "Raw: 97.39 %", "1 h 15 min of 3 h 36 min spent", "2026-11-02 00:00 to 2026-11-02 01:15, 1 h 15 min, isolated")


def test_a_commune_tells_its_parts_and_what_decided(busy):
    verdict = whole_verdict(P95, Subject("commune", "01273"), [busy], busy.window, final=False)
    vi, en = said(verdict, P95)
    holds(vi, "Phường Thục Phán (01273): KHÔNG ĐẠT", "Kết luận căn cứ vào: Tuyến cb-01273-fibre", "101 mẫu vượt 90 %")
    holds(en, "  Link cb-01273-fibre: MISSED, 95 %", "Decided by: Link cb-01273-fibre")


def test_an_empty_commune_and_an_exempt_one_say_why():
    empty = whole_verdict(SERVICE, Subject("commune", "01273"), [], NOVEMBER, final=True)
    holds(said(empty, SERVICE)[0], "CHƯA ĐỦ CĂN CỨ", "Không có tuyến hoặc điểm nào", "đã chốt")
    exempt = exempt_verdict(SERVICE, Subject("commune", "01273"), "đang di dời", window=NOVEMBER, final=False)
    holds(said(exempt, SERVICE)[0], "ĐƯỢC MIỄN", "Lý do miễn: đang di dời")


@pytest.mark.parametrize(
    ("reason", "vi", "en"),
    [
        (NOTHING_THERE, "không có đối tượng thuộc phạm vi chỉ tiêu", "there is nothing here that the target judges"),
        (
            ANOTHER_KIND,
            "chỉ tiêu không áp dụng cho loại đơn vị hành chính này",
            "the target does not judge administrative units of this kind",
        ),
    ],
)
def test_an_exemption_of_netmon_itself_is_told_in_the_language_that_was_asked_for(reason, vi, en):
    exempt = exempt_verdict(SERVICE, Subject("commune", "01273"), reason, window=NOVEMBER, final=False)
    told = said(exempt, SERVICE)
    holds(told[0], f"Lý do miễn: {vi}.")
    holds(told[1], f"Exempt because: {en}.")


def test_one_sighting_of_a_backup_proves_it_however_little_was_seen():
    target = BackupDrill(id="drill", title_vi="", title_en="", limit=90 * 86400, basis="", basis_kind=BasisKind.LOCAL)
    met = judge_drill(target, link(), window_rates([0.5] * 2016), [], Window(NOW - 90 * 86400, NOW), NOW)
    vi, en = said(met, target)
    holds(vi, ": ĐẠT", "yêu cầu tối thiểu 95 %; một lần đã thấy mang lưu lượng là đủ căn cứ.")
    holds(en, "95 % is needed; one sighting of traffic is proof enough.")
    enough = judge_drill(target, link(), window_rates([0.5] * 2016), [], Window(NOW - 7 * 86400, NOW), NOW)
    assert "đủ căn cứ" not in said(enough, target)[0]


@pytest.mark.parametrize(
    ("said_so", "text"),
    [
        (EN.percent(0.999999), "99.9999 %"),
        (EN.percent(1e-6), "0.0001 %"),
        (EN.percent(1.0), "100 %"),
        (EN.percent(0.0), "0 %"),
        (EN.percent(1 - 1e-15), "< 100 %"),
        (EN.percent(1e-300), "> 0 %"),
        (VI.percent(0.99996), "99,996 %"),
        (EN.ms(0.05003, 0.05), "50.03 ms"),
        (EN.ms(0.05, 0.05), "50.0 ms"),
        (EN.mbit(24.996e6, 25e6), "199.97 Mbit/s"),
        (EN.mbit(25e6, 25e6), "200.0 Mbit/s"),
        (EN.mbit(8000), "64.0 kbit/s"),
        (EN.mbit(124_999, 125_000), "0.99999 Mbit/s"),
        (EN.mbit(124_999), "1.0 Mbit/s"),
        (EN.mbit(124_900), "999.2 kbit/s"),
    ],
)
def test_a_figure_has_the_digits_and_the_unit_that_it_takes(said_so, text):
    assert said_so == text


@given(ratio=st.floats(0, 1), limit=st.floats(0, 1))
def test_only_all_is_100_per_cent_and_only_nothing_is_0(ratio, limit):
    text = EN.percent(ratio, limit)
    assert (text == "100 %") == (ratio == 1)
    assert (text == "0 %") == (ratio == 0)
    assert abs(ratio - limit) < 1e-9 or text != EN.percent(limit, ratio)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_targets_figure_is_told_apart_from_its_limit(language):
    say = Voice(language)
    capacity = ContractedCapacity(id="c", title_vi="", title_en="", limit=25e6, basis="", basis_kind=BasisKind.LOCAL)
    latency = Latency(id="l", title_vi="", title_en="", limit=0.05, basis="", basis_kind=BasisKind.LOCAL)
    for target, value in ((capacity, 24.996e6), (latency, 0.05003), (SERVICE, 0.99499)):
        assert say.figure(target, value) != say.figure(target, target.limit)


def test_the_titles_of_the_shipped_targets_hold_no_number_that_can_be_configured():
    shipped = Path(__file__).parents[2] / "netmon" / "data" / "targets.yaml"
    for target in yaml.safe_load(shipped.read_text(encoding="utf-8"))["targets"]:
        for title in target["title"].values():
            assert not re.search(r"\d", re.sub(r"phân vị 95|95th percentile", "", title)), title


def test_a_missed_verdict_below_the_floor_says_that_nothing_unseen_could_save_it():
    verdict = judge([("isolated", 0, 86400)], now=after(10))
    vi, en = said(verdict, SERVICE)
    holds(en, "10 % of the window so far was seen, 99 % is needed; what was not seen could not have saved it")
    holds(vi, "đã quan sát 10 % của phần kỳ đã qua, yêu cầu tối thiểu 99 %; phần chưa quan sát không làm thay đổi kết luận")
    final = judge([("isolated", 0, 86400)], now=after(40))
    holds(said(final, SERVICE)[0], "đã quan sát 3,33 % của kỳ, yêu cầu")
    holds(said(final, SERVICE)[1], "3.33 % of the window was seen")


def test_a_province_lists_its_communes_by_standing():
    communes = [("01273", Standing.MISSED), ("01279", Standing.MET), ("01288", Standing.UNPROVEN)]
    verdict = province_verdict(SHARE, "04", communes, window=NOVEMBER, final=False, out_of_scope={"01822": "không có dân"})
    vi, en = said(verdict, SHARE)
    holds(
        vi,
        "chỉ tiêu “Lưu lượng đỉnh” [availability].",
        "1/3 đơn vị cấp xã đạt: 33,33 %",
        "Độ phủ: 2/3 đơn vị cấp xã đã đủ căn cứ kết luận: 66,67 %.",
        "KHÔNG ĐẠT (1): Phường Thục Phán (01273)",
        "01822: không có dân",
    )
    holds(
        en,
        "meet the target “Peak load” [availability].",
        "1 of 3 communes meet it: 33.33 %",
        "UNPROVEN (1): Commune 01288",
        "Coverage: 2 of 3 communes have a proven verdict: 66.67 %.",
    )


def test_a_link_that_is_down_has_lost_its_connection_and_a_site_that_is_not_reached_cannot_be_contacted():
    vi, _ = said(judge([("unreachable", 0, 3600), ("up", 3600, 86400)], now=after(1)), SERVICE)
    holds(vi, "Các lần gián đoạn dài nhất (1/1):", "1 giờ, không liên lạc được")
    vi, _ = said(judge([("down", 0, 3600), ("up", 3600, 86400)], now=after(1), target=LINK_UP), LINK_UP)
    holds(vi, "1 giờ, mất kết nối", "tuyến sẵn sàng ít nhất 99,5 %")


def test_what_was_never_measured_is_told_without_a_figure():
    verdict = judge_link(P95, link(), window_rates([ABSENT] * 2016, [ABSENT] * 2016), NOW)
    for text in said(verdict, P95):
        assert "None" not in text
    holds(text, "towards the commune: 0 of 2,016 slots, 0 above 90 %", "Coverage: 0 % of the window so far")
    nothing = judge([], now=after(1))
    holds(said(nothing, SERVICE)[1], "Raw: - (available 0 s")


# --- what others tell -------------------------------------------------------------------------------------------------


def test_a_mast_is_told_by_operator_and_technology_with_the_longest_times_down():
    month = test_radio.MONTH
    verdict = test_radio.judge(
        {
            test_radio.cell("viettel", "HN_01"): test_radio.told(("up", 0, 900), ("down", 900, 1000), simulated_s=7200.0),
            test_radio.cell("viettel", "HN_02", "5g"): test_radio.told(("up", 0, 940)),
        }
    )
    vi, en = said(verdict, test_radio.RADIO)
    holds(
        vi, "Điểm mast: KHÔNG ĐẠT", "hoạt động ít nhất 95 % thời gian mà nhà mạng có cung cấp trạng thái",
        "viettel 4G (1 cell): 90 %, KHÔNG ĐẠT. Cộng thời gian của các cell: hoạt động 7 giờ 30 phút, ngừng 50 phút",
        "viettel 5G (1 cell): 100 %, ĐẠT.", "trong kỳ không cung cấp trạng thái cell nào, không đánh giá: vinaphone.",
        f"{VI.at(month.start + 27_000)} đến {VI.at(month.end)}, 50 phút, viettel 4G HN_01", "MÔ PHỎNG: 2 giờ",
    )  # fmt: skip
    holds(
        en, "the cells of each operator and technology at the mast are up for at least 95 %",
        "viettel 4G (1 cells): 90 %, MISSED. Of all cells together: up 7 h 30 min, down 50 min, not known 0 s",
        "and not judged: vinaphone.", "Longest times down (1 of 1):", "50 min, viettel 4G HN_01",
    )  # fmt: skip


def test_a_room_is_told_with_its_ranges_its_extremes_and_its_worst_hours():
    warm = test_environment.hours([22.0] * 90 + [27.5] * 10)
    verdict = test_environment.judge(warm, [])
    vi, en = said(verdict, test_environment.CLIMATE)
    holds(
        vi, "phòng máy 20,0 °C đến 25,0 °C và 40 % đến 55 %; văn phòng 20,0 °C đến 32,0 °C và 40 % đến 80 %",
        "Loại phòng: phòng máy.", "Nhiệt độ: 90 % số giờ trong giới hạn 20,0 °C đến 25,0 °C, KHÔNG ĐẠT",
        "có 100/100 giờ đủ số đo đến nay, 10 giờ ngoài giới hạn", "Độ ẩm: trong kỳ không có số đo",
        "nhiệt độ 27,5 °C (27,5 °C, 27,5 °C), env 1", "1 cảm biến; thấp nhất 22,0 °C",
    )  # fmt: skip
    holds(
        en, "Temperature: 90 % of the hours within 20.0 °C to 25.0 °C, MISSED; 100 of 100 hours so far proven, 10 out",
        "Humidity: not measured in this window, so nothing proves it met.", "1 sensors; least 22.0 °C",
    )  # fmt: skip
    both = test_environment.judge(warm, test_environment.DRY)
    holds(said(both, test_environment.CLIMATE)[0], "Độ ẩm: 100 % số giờ trong giới hạn 40 % đến 55 %, ĐẠT")


@pytest.mark.parametrize(
    ("received", "vi", "en"),
    [
        (test_optics.fading(0.13), "Công suất thu giảm 0,91 dB mỗi tuần (từ 0,91 dB đến 0,91 dB, độ tin cậy 95 %, 56 ngày",
         "; at 9.5 dB now, it falls below 3.0 dB in about 50 days if that goes on"),
        (test_optics.fading(0.01), "hơn một năm nữa mới xuống dưới 3,0 dB", "stays above 3.0 dB for more than a year"),
        (test_optics.fading(0.0), "công suất thu không giảm rõ rệt (56 ngày có", "no clear fading (56 days measured)"),
        ([], "có 0 ngày có số đo, cần ít nhất 28 ngày", "0 days were measured, 28 are needed"),
    ],
)  # fmt: skip
def test_a_fibre_is_told_with_its_margin_and_how_it_fades(received, vi, en):
    verdict = test_optics.judge([*test_optics.hours([9.0] * 166 + [2.96])], [], received)
    told = said(verdict, test_optics.LIGHT)
    holds(
        told[0], "NGUY CƠ", "không xuống dưới 3,0 dB trong 2 giờ trở lên",
        "Chiều về xã: độ dự trữ công suất quang thấp nhất 2,96 dB", "có 167/167 giờ có số đo, 1 giờ dưới 3,0 dB.",
        "Chiều từ xã đi: không có mô-đun quang nào báo công suất thu, không đánh giá.", "chiều về xã 2,96 dB (3,5 dB)", vi,
    )  # fmt: skip
    holds(told[1], "AT RISK", "Towards the commune: least margin 2.96 dB", "167 of 167 hours measured, 1 below 3.0 dB.", en)


def test_a_fibre_that_went_dark_says_that_it_was_measured_before():
    dark = test_optics.judge([], test_optics.days([9.0] * 40), test_optics.fading(0.13))
    vi, en = said(dark, test_optics.LIGHT)
    holds(vi, "Chiều về xã: trước đây có số đo, trong kỳ thì không, CHƯA ĐỦ CĂN CỨ", "hiện không có số đo để biết khi nào")
    holds(en, "Towards the commune: measured before, not in this window, UNPROVEN", "nothing is measured now")


@pytest.mark.parametrize(
    ("verdict", "target", "vi", "en"),
    [
        (test_radio.judge({}), test_radio.RADIO, "không có nhà mạng nào cung cấp trạng thái các cell tại đây",
         "no operator tells of its cells here"),
        (test_environment.judge([], []), test_environment.CLIMATE, "không có cảm biến đo nhiệt độ, độ ẩm tại đây",
         "nothing there measures the room"),
        (test_optics.judge([]), test_optics.LIGHT, "không có mô-đun quang nào ở hai đầu tuyến báo công suất quang",
         "no optic at either end tells its light"),
    ],
)  # fmt: skip
def test_what_nothing_is_told_of_says_so_also_of_its_commune(verdict, target, vi, en):
    whole = whole_verdict(target, Subject("commune", "01273"), [verdict], verdict.window, final=False)
    for told in (verdict, whole):
        holds(said(told, target)[0], "ĐƯỢC MIỄN", f"Lý do miễn: {vi}.")
        holds(said(told, target)[1], f"Exempt because: {en}.")

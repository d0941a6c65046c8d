"""States of cells in a file: every way that people write them, and every fault with its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.cellfile import FAULTS_AT_MOST, CellFileError, read
from netmon.model import CellName, CellState

NOW = 1_795_312_800.0  # 2026-11-22 09:00 in Viet Nam
HEAD = "time,site,operator,technology,cell,state\n"
ROW = "2026-11-22 08:45,s1,viettel,4g,A-1,up\n"


def refusal(site, operator):
    return "" if (site, operator) in (("s1", "viettel"), ("s1", "vnpt")) else f"{operator} is not at {site}"


def taken(text, operator=""):
    return read(text, "file.csv", 3600, operator, refusal, NOW)


def faults(text, operator=""):
    with pytest.raises(CellFileError) as error:
        taken(text, operator)
    return error.value.faults


def test_rows_become_reports_in_order_of_time_that_hold_as_long_as_was_said():
    reports = taken(
        HEAD + "2026-11-22T08:50:00+07:00,s1,vnpt,5G,C,mất\n" + ROW + "22/11/2026 08:45,s1,viettel,LTE,A-2,Down\n"
    )
    assert [(report.at - NOW, report.holds_s, report.source) for report in reports] == [
        (-900, 3600, "file.csv"),
        (-600, 3600, "file.csv"),
    ]
    assert reports[0].states == (
        (CellName("s1", "viettel", "4g", "A-1"), CellState.UP),
        (CellName("s1", "viettel", "4g", "A-2"), CellState.DOWN),
    )
    assert reports[1].states == ((CellName("s1", "vnpt", "5g", "C"), CellState.DOWN),)


def test_a_header_may_be_vietnamese_in_any_order_with_semicolons_and_without_the_operator_whose_file_it_is():
    text = "\ufeffTrạng thái;Ô;Công nghệ;Trạm;Thời gian\r\nhoạt động;A-1;4G;s1;2026-11-22 08:45\r\n"
    assert taken(text, "viettel") == taken(HEAD + ROW)
    assert faults(text) == ["1: the header must be time,site,operator,technology,cell,state, not " + text[1:].split("\r")[0]]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("2026-11-22 09:03,s1,viettel,4g,A,up", "2: time 2026-11-22 09:03 has not come yet"),
        ("yesterday,s1,viettel,4g,A,up", "2: time 'yesterday' is not written as 2026-11-22 07:48"),
        ("2026-13-22 08:00,s1,viettel,4g,A,up", "2: time '2026-13-22 08:00' is not written as 2026-11-22 07:48"),
        ("2026-11-22 08:45,s2,viettel,4g,A,up", "2: viettel is not at s2"),
        ("2026-11-22 08:45,s1,viettel,6g,A,up", "2: technology '6g' is none of 2g, 3g, 4g, 5g"),
        ("2026-11-22 08:45,s1,viettel,4g,A,dwn", "2: state 'dwn' is none of up, down, unknown (did you mean down?)"),
        ("2026-11-22 08:45,s1,viettel,4g,,up", "2: the name of a cell has 1 to 128 printable characters"),
        ("2026-11-22 08:45,s1,viettel,4g,up", "2: 5 columns, where the header has 6"),
        ('2026-11-22 08:45,s1,viettel,4g,"A,up', "2: not CSV: unexpected end of data"),
        ("", "1: there are no rows below the header"),
    ],
)
def test_a_fault_is_told_with_its_line(row, fault):
    assert faults(HEAD + row + "\n") == [fault]


def test_all_faults_are_told_and_nothing_is_taken():
    assert faults(HEAD + ROW + ROW + "x,s1,vnpt,9g,A,up\n" + ROW.replace("A-1", "A-3"), "viettel") == [
        "3: the same time and cell as line 2",
        "4: time 'x' is not written as 2026-11-22 07:48",
        "4: operator 'vnpt', in a file that is said to be of viettel",
        "4: technology '9g' is none of 2g, 3g, 4g, 5g",
    ]


@pytest.mark.parametrize("old", ["0001-01-01 00:00", "01/01/0001 00:00", "1999-12-31 23:59"])
def test_a_time_before_there_was_any_feed_is_a_fault(old):
    assert faults(HEAD + ROW.replace("2026-11-22 08:45", old)) == [f"2: time {old} is before the year 2000"]


def test_last_columns_that_are_empty_in_all_rows_are_dropped():
    """A spreadsheet writes them; one with something in it is a fault."""
    trailing = "".join(f"{line};;\n" for line in (HEAD + ROW).replace(",", ";").splitlines())
    assert taken(trailing) == taken(HEAD + ROW)
    assert taken((HEAD + ROW.replace("up\n", "up,\n")).replace("state\n", "state,\n")) == taken(HEAD + ROW)
    assert faults(trailing.replace("up;;", "up;;x")) == ["2: 8 columns, where the header has 6"]


def test_a_file_full_of_faults_is_given_up_after_many():
    found = faults(HEAD + "x,s1,viettel,9g,A,up\n" * 5_000)
    assert len(found) == FAULTS_AT_MOST + 1
    assert found[-1] == "502: the rest is not looked at"


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_taken_or_refused(text, headed):
    with suppress(CellFileError):
        assert taken(HEAD + text if headed else text)

"""What an answer means, and that each line of a batch is settled once whatever the answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.exporters.answers import Answer, Result, judge
from netmon.exporters.delivery import REQUESTS_TO_HALVE, Delivery
from netmon.exporters.outbox import Batch

NOW = 1_753_000_000.0  # Sun, 20 Jul 2025 08:26:40 GMT


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (204, "ok"),
        (200, "ok"),
        (301, "refused"),
        (400, "rejected"),
        (401, "refused"),
        (403, "refused"),
        (404, "refused"),
        (405, "refused"),
        (408, "failed"),
        (413, "too_large"),
        (422, "rejected"),
        (429, "busy"),
        (500, "failed"),
        (502, "failed"),
        (503, "busy"),
    ],
)
def test_what_a_status_means(status: int, result: str) -> None:
    assert judge(status, {}, b"", NOW).result == result


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("86400", 3600),
        ("9" * 5000, 3600),
        ("Sun, 20 Jul 2025 08:27:40 GMT", 60),
        ("Sun, 20 Jul 2025 15:27:40 +0700", 60),
        ("Sun, 20 Jul 2025 08:00:00 GMT", 0),
        ("Sun, 20 Jul 2999 08:00:00 GMT", 3600),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_may_say_when_to_come_back(status: int, asked: str, seconds: float | None) -> None:
    """In seconds or as a date, at most an hour."""
    assert judge(status, {"RETRY-after": asked}, b"", NOW).retry_after_s == seconds


@given(st.text(), st.binary())
def test_no_answer_is_beyond_understanding(asked: str, body: bytes) -> None:
    """Headers and bodies come from anywhere."""
    for status in (204, 400, 429, 503):
        answer = judge(status, {"Retry-After": asked}, body, NOW)
        assert len(answer.detail) < 400
        assert "\n" not in answer.detail
        assert answer.retry_after_s is None or 0 <= answer.retry_after_s <= 3600


@pytest.mark.parametrize(
    ("body", "dropped"),
    [
        ('{"error":"partial write: field type conflict: input field \\"value\\" is type float dropped=3"}', 3),
        ('{"code":"unprocessable entity","message":"failure writing points: partial write: … dropped=2"}', 2),
        ("{\"error\":\"partial write: unable to parse 'a': x\\nunable to parse 'b': y dropped=0\"}", 2),
        ('{"error":"partial write:\\nunable to parse \'a\': missing fields"}', 1),
        ('{"code":"invalid","message":"unable to parse \'a\': missing fields"}', None),
        ('{"error":"retention policy not found"}', None),
        ("[" * 100_000, None),
        ("[1]", None),
    ],
)
def test_a_partial_write_says_how_many_lines_were_bad(body: str, dropped: int | None) -> None:
    """dropped=N counts points; lines that InfluxDB 1.x could not parse it only names."""
    assert judge(400, {}, body.encode(), NOW).dropped == dropped


def lines(piece: bytes) -> list[int]:
    assert piece.endswith(b"\n")
    return [int(line.partition(b" ")[0]) for line in piece.splitlines()]


def batch(count: int, padding: int = 0) -> Batch:
    return Batch(1, count, b"".join(b"%d %s\n" % (n, b"x" * padding) for n in range(count)))


@given(st.integers(1, 600), st.sets(st.integers(0, 599), max_size=4))
def test_bad_lines_are_found_by_halving_and_nothing_else_is_lost(count: int, bad: set[int]) -> None:
    """With few bad lines, in a bounded number of requests, and in order."""
    delivery = Delivery(batch(count), 2**20)
    arrived: list[int] = []
    accepted = rejected = requests = 0
    while (piece := delivery.piece()) is not None:
        requests += 1
        rejects = bool(bad & set(lines(piece)))
        arrived += [] if rejects else lines(piece)
        settled = delivery.settle(Answer(result=Result.REJECTED if rejects else Result.OK))
        assert settled is not None
        accepted, rejected = accepted + settled.accepted, rejected + settled.rejected
    assert arrived == [n for n in range(count) if n not in bad]
    assert (accepted, rejected) == (len(arrived), count - len(arrived))
    assert (rejected > 0) == bool(delivery.sample)
    assert requests <= 1 + 2 * REQUESTS_TO_HALVE


def test_a_receiver_that_rejects_everything_costs_a_bounded_number_of_requests() -> None:
    delivery = Delivery(batch(5000), 2**20)
    requests = rejected = 0
    while delivery.piece() is not None:
        requests += 1
        settled = delivery.settle(Answer(result=Result.REJECTED))
        assert settled is not None
        rejected += settled.rejected
    assert (rejected, requests) == (5000, 1 + 2 * REQUESTS_TO_HALVE)


def test_what_is_too_large_is_halved_and_the_size_remembered() -> None:
    """A line too long for itself is dropped; a receiver that refuses even little is waited for and loses nothing."""
    delivery = Delivery(batch(1000, 100), 2**20)
    sizes = []
    while (piece := delivery.piece()) is not None:
        sizes.append(len(piece))
        delivery.settle(Answer(result=Result.TOO_LARGE if len(piece) > 10_000 else Result.OK))
    assert [size > 10_000 for size in sizes] == [True] * 4 + [False] * (len(sizes) - 4)
    assert delivery.largest <= 10_000
    assert delivery.rejected == 0

    long = Delivery(Batch(1, 3, b"1 x\n2 " + b"x" * 9000 + b"\n3 x\n"), 2**20)
    answers = []
    while (piece := long.piece()) is not None:
        answers.append(long.settle(Answer(result=Result.TOO_LARGE if len(piece) > 5000 else Result.OK)))
    assert long.rejected == 1
    assert sum(settled.accepted for settled in answers if settled) == 2

    stubborn = Delivery(batch(1000, 100), 2**20)
    while stubborn.piece() is not None and stubborn.settle(Answer(result=Result.TOO_LARGE)):
        pass
    assert stubborn.left() == batch(1000, 100)


@given(st.integers(1, 300), st.lists(st.sampled_from(Result), max_size=30), st.integers(0, 50))
def test_each_line_is_accepted_rejected_or_left(count: int, results: list[Result], dropped: int) -> None:
    """Whatever the receiver says, in whatever order."""
    delivery = Delivery(batch(count, 50), 2**20)
    settled_lines = 0
    for result in results:
        if delivery.piece() is None:
            break
        partial = dropped if dropped and result is Result.REJECTED else None
        settled = delivery.settle(Answer(result=result, dropped=partial))
        assert (settled is None) <= (result in (Result.REFUSED, Result.BUSY, Result.FAILED, Result.TOO_LARGE))
        settled_lines += sum(settled or ())
    left = delivery.left()
    assert left.points + settled_lines == count
    assert lines(left.lines) == list(range(count - left.points, count)) if left.points else not left.lines

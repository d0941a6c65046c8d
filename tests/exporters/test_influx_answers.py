"""What an answer means, and that each line of a batch is settled once whatever the answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon.credential import Secret
from netmon.exporters.answers import Answer, Result, hiding, judge
from netmon.exporters.delivery import REQUESTS_TO_HALVE, Delivery
from netmon.exporters.outbox import Batch
from netmon.settings import InfluxSettings

NOW = 1_753_000_000.0  # Sun, 20 Jul 2025 08:26:40 GMT


def listed(*numbers: int) -> str:
    """Bad lines as InfluxDB 3 lists them."""
    return json.dumps([{"original_line": "x", "line_number": n, "error_message": "bad"} for n in numbers])


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (204, "ok"),
        (200, "ok"),
        (301, "refused"),
        (400, "refused"),
        (401, "refused"),
        (403, "refused"),
        (404, "refused"),
        (405, "refused"),
        (408, "failed"),
        (413, "too_large"),
        (422, "refused"),
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
        ('{"error":"partial write: x dropped=3 for database: netmon for retention policy: a"}', 3),
        ('{"error":"partial write: x dropped=' + "9" * 5000 + '"}', None),
        ('{"error":"partial write: x dropped=0"}', None),
        ('{"code":"invalid","message":"partial write: 3 malformed lines"}', None),
        ('{"code":"invalid","message":"partial write has occurred, errors on line(s):\\nline 2: x\\nline 40: y"}', 2),
        ('{"error":"partial write of line protocol occurred","data":' + listed(2, 5, 5, 9) + "}", 3),
        ('{"error":"partial write of line protocol occurred","data":' + listed(*range(99)) + "}", 99),
        ('{"error":"partial write of line protocol occurred","data":' + listed(*range(100)) + "}", None),
        ('{"error":"partial write of line protocol occurred","data":[1,{},{"line_number":"2"},null]}', None),
        ('{"error":"parsing failed for write_lp endpoint","data":{"line_number":2,"error_message":"x"}}', None),
        ('{"error":"partial write: ' + "unable to parse 'a': x\\n" * 5000 + 'dropped=0"}', None),
    ],
)
def test_a_partial_write_says_how_many_lines_were_bad(body: str, dropped: int | None) -> None:
    """dropped=N counts points; lines that could not be parsed are only listed. None, and no guess, where no number is found,
    where the list may go on, and where the answer was cut: the lines are halved then."""
    answer = judge(400, {}, body.encode(), NOW)
    assert (answer.result, answer.dropped) == ("rejected", dropped)


@pytest.mark.parametrize(
    "body",
    [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><head><title>400 Bad Request</title></head></html>",
        "partial write: field type conflict dropped=3",
        '{"message":"Bad Request"}',
        '{"error":{"reason":"bad request"}}',
        "[" * 100_000,
        "[1]",
        '{"error":' + "9" * 5000 + "}",
        "",
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_only_an_influxdb_rejects_points(status: int, body: str) -> None:
    """What a web server or a proxy says of a request is no word on the points: they are kept, and an operator asked."""
    answer = judge(status, {}, body.encode(), NOW)
    assert answer.result == "refused"
    assert answer.detail.startswith("is this InfluxDB?")


@pytest.mark.parametrize(
    ("status", "kind", "body", "result"),
    [
        (204, "", "", "ok"),
        (204, "text/html", "", "ok"),
        (200, "text/html", "", "ok"),
        (200, "application/json", "{}", "ok"),
        (200, "text/plain", "done", "ok"),
        (202, "", "", "ok"),
        (200, "text/html; charset=utf-8", "Please log in", "refused"),
        (200, "", "\n<!DOCTYPE html><p>Please log in", "refused"),
        (201, "application/xhtml+xml", "<x/>", "refused"),
    ],
)
def test_a_page_for_people_is_no_receipt(status: int, kind: str, body: str, result: str) -> None:
    """A portal where somebody must log in answers everything with success."""
    assert judge(status, {"content-TYPE": kind}, body.encode(), NOW).result == result


def test_a_compressed_answer_is_not_looked_into() -> None:
    """It was not asked for; its bytes are no text for people."""
    packed = {"Content-Encoding": "gzip", "Content-Type": "text/html"}
    assert judge(200, packed, gzip.compress(b"<html>"), NOW).result == "refused"
    answer = judge(400, packed, gzip.compress(b'{"error":"unable to parse"}'), NOW)
    assert (answer.result, answer.detail) == ("refused", "is this InfluxDB? HTTP status 400")


@pytest.mark.parametrize("echo", ["Token t0ken", "t0ken", "Basic bmV0bW9uOnDDpDpzcw==", "bmV0bW9uOnDDpDpzcw", "pä:ss"])
def test_secrets_that_a_proxy_repeats_are_hidden(echo: str) -> None:
    """In each form in which they are sent, also where the sentence is cut."""
    settings = InfluxSettings(url="", outbox=Path(), user="netmon", password=Secret("pä:ss"), token=Secret("t0ken"))
    for before in ("", "x" * 298):
        answer = judge(403, {}, f"{before}{echo}: no access".encode(), NOW, hiding(settings))
        assert answer.detail.removeprefix(before)[:2] in ("**", "Ba", "To")
        assert not any(secret[:3] in answer.detail for secret in ("t0ken", "pä:ss", "bmV0bW9u"))


def test_a_secret_too_short_to_be_one_hides_nothing() -> None:
    settings = InfluxSettings(url="", outbox=Path(), user="", password=Secret("e"), token=Secret("n"))
    assert hiding(settings)("no token given, Token n") == "no token given, ***"


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


def test_a_number_of_bad_lines_beyond_those_sent_is_not_believed() -> None:
    """The lines are halved as if there had been none."""
    delivery = Delivery(batch(8), 2**20)
    assert delivery.piece() == batch(8).lines
    assert delivery.settle(Answer(result=Result.REJECTED, dropped=9)) == (0, 0)
    assert delivery.piece() != batch(8).lines


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

"""Whatever comes in is a result or one typed error, in bounded time and memory: nothing raises, nothing is run."""

import json
import os
import random
import re
import time
from math import inf
from pathlib import Path

import pytest
import structlog

from netmon import units
from netmon.cli import words
from netmon.cli.run import set_up_logging
from netmon.control import sound_json
from netmon.model import At, Device, Speech
from netmon.pollers.mailbox import Mailbox
from netmon.pollers.payloads import Place
from netmon.settings import ConfigErrors, load, yaml
from netmon.settings.problem import UnfitError
from netmon.settings.secrets import fetch
from netmon.snmp import Client, Community, Target, get_request, oid
from netmon.snmp.message import V2C
from netmon.snmp.question import Question
from tests.faults.matrix import size
from tests.settings.conftest import TODAY, write
from tests.snmp.fuzzing import Nowhere
from tests.soak.fuzz import opened
from tests.soak.fuzz.frame import fuzz
from tests.soak.fuzz.settings import BOMB, MERGES

__all__ = ["write"]  # the fixture of the settings' tests

SEED = 4711
FULL_S = 1800
LABELS = (("province", "04"), ("commune", "01273"), ("site", "s"), ("device", "d"))


async def spoilt(name, items):
    """So many spoilt items, always the same ones, or half an hour of others. Broken: one of them broke something."""
    seed = size(SEED, random.SystemRandom().getrandbits(32))
    end = time.monotonic() + FULL_S
    dice = random.Random(seed)
    async with opened(name, dice) as given:
        found = await fuzz(given, dice, size(lambda found: found.items >= items, lambda found: time.monotonic() >= end))
    return f"{found.sentence()} (seed {seed}{size('; short form', '; 30 minutes')})"


@pytest.mark.fault("hostile-snmp")
async def test_spoilt_answers_of_agents_break_nothing(measured):
    measured(await spoilt("snmp", 8000))


@pytest.mark.fault("hostile-traps")
async def test_spoilt_traps_and_informs_break_nothing(measured):
    measured(await spoilt("traps", 6000))


@pytest.mark.fault("hostile-mqtt")
async def test_spoilt_messages_and_topics_break_nothing(measured):
    measured(await spoilt("mqtt", 3000))


@pytest.mark.fault("hostile-yaml")
async def test_spoilt_configurations_break_nothing(measured):
    measured(await spoilt("yaml", 100))


@pytest.mark.fault("hostile-http")
async def test_spoilt_requests_break_nothing(measured):
    measured(await spoilt("http", 500))


@pytest.mark.fault("hostile-control")
async def test_spoilt_lines_to_the_control_socket_break_nothing(measured):
    measured(await spoilt("control", 600))


# --- what was once found, and must not come back ----------------------------------------------------------------------


def read(path, text):
    """A file that a configuration may have, read without its meaning; what is wrong with it."""
    path.write_text(text, encoding="utf-8")
    return [str(problem).removeprefix(str(path)) for problem in yaml.read(path, None).problems]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_a_file_of_a_hundred_thousand_levels_does_not_end_the_process(tmp_path, opening):
    (said,) = read(tmp_path / "a.yaml", "a:\n  " + opening * 100_000)
    assert re.fullmatch(r":\d+:\d+: not YAML: lists and mappings lie more than 64 deep within one another", said)


@pytest.mark.parametrize("bomb", [BOMB, MERGES])
def test_anchors_that_double_with_each_line_are_not_unfolded(tmp_path, bomb):
    (said,) = read(tmp_path / "a.yaml", bomb)
    assert re.fullmatch(r":\d+:\d+: not YAML: anchors that stand for more than 1000000 values", said)


@pytest.mark.parametrize("value", ["{} [touch /tmp/x]", "{} {{a: 1}}", "{}\n- 1", "{} x", "[{} [1]]", "&a {} [1]\nb: *a"])
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/tuple", "!!set", "!!omap", "!foo", "!<x>"])
def test_no_tag_is_taken_but_those_of_secrets(tmp_path, tag, value):
    said = read(tmp_path / "a.yaml", f"a: {value.format(tag)}\n")
    assert re.match(r":\d+:\d+: an unknown tag: the tags are !env, !file", said[0])


def test_a_tag_that_says_what_is_there_anyway_is(tmp_path):
    assert read(tmp_path / "a.yaml", "--- !!map\na: !!seq [1, ! [2]]\nb: !!map {c: !!str 1}\n") == []


@pytest.mark.parametrize("evil", ["\x1b]0;pwned\x07", "\x1b[1A\x1b[2K", "\x9b2J", "\u202epu", "\u2066x", "a\rb"])
def test_nothing_that_a_payload_says_reaches_a_terminal_as_it_is(evil, capsys):
    """Not the reason why it is not taken, neither a table nor an error nor the log that show it."""
    mailbox = Mailbox(Device(id="d", site="s", speaks=Speech.MQTT), LABELS, At(1.8e9, 0))
    cell = {"cell": "c", "technology": "4g", "state": "up"}
    told = {"ts": 1_800_000_000_000, "operator": "o", "period_s": 60, "site": evil, "cells": [cell]}
    for body, reason in ((told, "payload"), (told | {"site": "s", "cells": [cell | {"state": evil}]}, "payload")):
        receipt = mailbox.take(Place("04", "01273", "s", "d", "cells"), json.dumps(body).encode(), False, At(1.8e9 + 1, 1))
        assert receipt.rejected == reason
        assert receipt.why.isprintable()
    set_up_logging("info")
    structlog.get_logger().warning("sampled", payload=evil, error=ValueError(evil), names=[evil])
    structlog.reset_defaults()
    print(words.table(["WHY"], [[evil]]))
    words.out(evil)
    words.fail(evil)
    said = capsys.readouterr()
    assert not {char for char in said.out + said.err if char != "\n" and not char.isprintable()}
    assert said.out.count("\n") == 3


def test_anchors_as_people_use_them_are(tmp_path):
    shared = "a: &a {x: 1, y: [1, 2]}\n" + "".join(f"b{n}: {{<<: *a, z: *a}}\n" for n in range(5000))
    assert read(tmp_path / "a.yaml", shared) == []


@pytest.mark.parametrize("kind", ["device", "pipe", "long"])
def test_a_secret_is_a_short_ordinary_file(tmp_path, kind):
    """Reading any other would never end, or fill the memory."""
    place = Path("/dev/zero") if kind == "device" else tmp_path / "secret"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "long":
        place.write_bytes(b"x" * 70_000)
    with pytest.raises(UnfitError, match="longer than 65536 octets" if kind == "long" else "no ordinary file"):
        fetch("!file", str(place), tmp_path)


def test_a_key_that_cannot_be_is_told_where_it_stands_though_a_mapping_is_behind_it(write):
    directory = write()
    (directory / "calendar.yaml").write_text("contacts:\n  'a b:c': {name: X, phone: '1'}\nteams: {}\ndesk: x\n", "utf-8")
    with pytest.raises(ConfigErrors, match=r"calendar\.yaml:2:3: "):
        load(directory, register=units.load(), today=TODAY)


@pytest.mark.parametrize("piece", [rb'"\ud800"', b"NaN", b"1e999", b'"\xed\xa0\x80"'])
def test_what_is_no_text_and_no_number_is_not_taken_for_json(piece):
    """It could be read, and then written into no store and no answer."""
    with pytest.raises(ValueError, match=r"."):
        sound_json(b'{"text": ' + piece + b"}")


async def test_a_stray_is_looked_up_and_not_searched_for():
    """However many questions are under way: only those of the address that it came from are looked at."""

    class Unsearched(dict):
        def __iter__(self):
            raise AssertionError("all questions were gone through")

        items = values = keys = __iter__

    client, lane = Client(), Nowhere()
    request = get_request([oid.encode("1.3.6.1.2.1.1.3.0")])
    questions = []
    for n in range(50):
        target = Target(f"192.0.2.{n + 1}", 161, Community(V2C, b"public"), 2.0, 0)
        questions.append(Question(client, lane, target, request, inf))
        questions[-1].attempt()
    kept = client.pending, client.under_way
    client.pending, client.under_way = map(Unsearched, kept)
    client._received(b"garbage", ("192.0.2.7", 161))
    client._received(b"garbage", ("203.0.113.7", 161))
    assert [n + 1 for n, question in enumerate(questions) if question.malformed] == [7]
    assert client.stats.strays["malformed"] == 2
    client.pending, client.under_way = kept
    for question in questions:
        question.end()
        question.answer.cancel()
    assert (len(client.pending), len(client.under_way)) == (0, 0)
    await client.close()

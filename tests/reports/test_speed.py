"""Medians of measured speeds, i-speed's beside them, and the import of i-speed's CSV."""

from __future__ import annotations

import argparse
import asyncio
import shutil
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon import control, units
from netmon.cli import report_data
from netmon.control import ControlError, ControlServer
from netmon.model import VIET_NAM, Former, Site, SiteKind, SpeedTest
from netmon.reports import speed
from netmon.reports.ispeed import HEADER, IspeedError, read
from netmon.reports.speed import ALL, Key, Median
from netmon.settings import load
from netmon.store import Ispeed, Reader, Store
from tests.targets.made import NoMeter

ROOT = Path(__file__).resolve().parents[2]
REGISTER = units.load()
ON = date(2026, 10, 31)
HEAD = ",".join(HEADER)


def day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=VIET_NAM).timestamp()


NOW = day("2026-11-03")
SITES = {
    "a": Site(id="a", name="a", kind=SiteKind.BTS, province="04", commune="01273"),
    "b": Site(
        id="b", name="b", kind=SiteKind.BTS, province="04", commune="01279", former=(Former("01273", day("2026-10-15")),)
    ),
}
SPEEDS = st.floats(0, 1e9)
TESTS = st.lists(
    st.builds(
        SpeedTest,
        at=st.floats(day("2026-10-01"), day("2026-10-31")),
        site=st.sampled_from(["a", "b", "gone"]),
        device=st.just("p"),
        network=st.sampled_from(["fixed", "mobile", "mobile_5g"]),
        operator=st.sampled_from(["Viettel", "VNPT", ""]),
        download=SPEEDS,
        upload=SPEEDS,
        latency_s=st.none() | st.floats(0, 9),
        simulated=st.booleans(),
    ),
    max_size=30,
)


@given(TESTS)
def test_a_median_is_the_middle_of_all_that_was_measured_in_the_unit(tests):
    """Each unit, network, operator and metric, sorted and looked up in the middle."""
    found = speed.measured(tests, SITES, lambda commune, at: "04")
    assert found.unplaced == sum(test.site == "gone" for test in tests)
    expected = {}
    for unit in ("04", "01273", "01279"):
        for network in ("fixed", "mobile", "mobile_5g"):
            for operator in ("Viettel", "VNPT", ALL):
                for metric in ("download", "upload", "latency_s"):
                    samples = [
                        (getattr(test, metric), test.simulated)
                        for test in tests
                        if test.site != "gone"
                        and test.network == network
                        and operator in (test.operator, ALL)
                        and unit in ("04", "01273" if test.site == "a" or test.at < day("2026-10-15") else "01279")
                        and getattr(test, metric) is not None
                    ]
                    values = sorted(value for value, _ in samples)
                    if values:
                        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
                        of = expected.setdefault(Key(unit, network, operator), {})
                        of[metric.removesuffix("_s")] = Median(
                            middle, len(values), len([1 for _, simulated in samples if simulated])
                        )
    assert found.medians == expected


def ours(**samples: int) -> dict[str, Median]:
    return {metric: Median(0.02 if metric == "latency" else 12.5e6, count) for metric, count in samples.items()}


def test_i_speed_stands_beside_ours_and_few_samples_are_marked():
    """Neither changes the other's figures; a median of fewer samples than asked for says so, i-speed's never does."""
    measured = {Key("01273", "fixed", "Viettel"): ours(download=10, upload=10, latency=9)}
    published = speed.published(
        [
            Ispeed("2026-10", "01273", "fixed", "VIETTEL", "download", 25e6, 3, "f.csv"),
            Ispeed("2026-10", "04", "fixed", "", "latency", 0.018, 800, "f.csv"),
            Ispeed("2026-10", "01", "fixed", "", "latency", 0.018, 800, "f.csv"),
        ]
    )
    rows = speed.rows(measured, published, ["04", "01273"])
    assert [row.key for row in rows] == [Key("04", "fixed", ALL), Key("01273", "fixed", "Viettel")]
    (table,) = speed.tables(rows, REGISTER, ON)
    said = [[getattr(getattr(cell, "words", cell), "vi", cell) for cell in row] for row in table.rows]
    assert said[0][1:] == ["(tất cả doanh nghiệp)", None, None, None, None, None, None, "18,0", "0 / 0 / 800"]
    assert said[1][1:] == ["Viettel", "100,0", "100,0", "20,0 (ít mẫu)", "10 / 10 / 9", "200,0", None, None, "3 / 0 / 0"]
    plain = speed.whole(rows, REGISTER, ON, table.title)
    row = dict(zip([column.id for column in plain.columns], plain.rows[1], strict=True))
    assert (row["download_mbit_s"].number, row["download_samples"], row["few_samples"]) == (100, 10, "latency")
    assert (row["ispeed_download_mbit_s"].number, row["ispeed_download_samples"]) == (200, 3)
    assert not speed.few(rows[1], 9)


def test_of_a_median_it_is_said_how_many_samples_were_simulated():
    """Behind the number of samples on the page, in a column of the table; i-speed's are never touched by it."""
    found = {
        Key("04", "fixed", ALL): {"download": Median(12.5e6, 1200, 1100), "latency": Median(0.02, 900, 800)},
        Key("04", "fixed", "a"): {metric: Median(1e6, 12, 5) for metric in ("download", "upload", "latency")},
        Key("04", "fixed", "b"): ours(download=12, upload=12, latency=12),
    }
    published = speed.published([Ispeed("2026-10", "04", "fixed", "a", "download", 25e6, 3, "f.csv")])
    rows = speed.rows(found, published, ["04"])
    (table,) = speed.tables(rows, REGISTER, ON)
    place = [column.id for column in table.columns].index("samples")
    assert [row[place].words for row in table.rows] == [
        ("1.200 / 0 / 900 (mô phỏng: 1.100 / 0 / 800)", "1,200 / 0 / 900 (simulated: 1,100 / 0 / 800)"),
        ("12 (mô phỏng: 5)", "12 (simulated: 5)"),
        ("12", "12"),
    ]
    assert table.rows[1][-1].words == ("3 / 0 / 0", "3 / 0 / 0")
    plain = speed.whole(rows, REGISTER, ON, table.title)
    place = [column.id for column in plain.columns].index("simulated")
    assert [row[place] for row in plain.rows] == [1100, 5, 0]


def test_an_operator_that_i_speed_spells_twice_loses_no_row():
    """What cannot be put beside ours without hiding another keeps its own row."""
    measured = {Key("04", "fixed", "viettel"): ours(download=1)}
    published = {Key("04", "fixed", "viettel"): ours(upload=2), Key("04", "fixed", "Viettel"): ours(upload=3)}
    rows = speed.rows(measured, published, ["04"])
    assert {(row.key.operator, row.theirs["upload"].samples) for row in rows} == {("viettel", 2), ("Viettel", 3)}


LINES = st.tuples(
    st.sampled_from(["2026-09", "2026-10"]),
    st.sampled_from(["04", "01273"]),
    st.sampled_from(["fixed", "mobile", "mobile_5g"]),
    st.sampled_from(["Viettel", "", 'Công ty "A", B']),
    st.sampled_from(["download", "upload", "latency"]),
    st.integers(0, 999_999_999).map(lambda n: f"{n / 1000:.3f}"),
    st.integers(1, 10**6).map(str),
)


@given(st.lists(LINES, min_size=1, unique_by=lambda line: line[:5]), st.permutations(range(len(HEADER))))
def test_a_sound_file_is_read_whole_in_base_units_whatever_the_order_of_its_columns(lines, order):
    """Mbit/s and ms become bytes per second and seconds; a BOM, quotes and spreadsheets' line ends are no matter."""
    text = "\ufeff" + "".join(
        ",".join('"' + row[place].replace('"', '""') + '"' for place in order) + "\r\n" for row in (HEADER, *lines)
    )
    found = read(text, "f.csv", REGISTER, NOW)
    assert [row[:5] for row in found] == [line[:5] for line in lines]
    for row, line in zip(found, lines, strict=True):
        scale = 1e-3 if row.metric == "latency" else 1e6 / 8
        assert row.median == pytest.approx(float(line[5]) * scale)
        assert (row.samples, row.source) == (int(line[6]), "f.csv")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2026-10,1273,fixed,,download,1,1", "no unit '1273' in 2026-10 (did you mean 01273"),
        ("2025-06,04,fixed,,download,1,1", "no unit '04' in 2025-06"),
        ("2026-10,Cao Bằng,fixed,,download,1,1", "did you mean 04 Tỉnh Cao Bằng"),
        ("2026-10,04,5g,,download,1,1", "network '5g' is none of fixed, mobile, mobile_5g (did you mean mobile_5g?)"),
        ("2026-10,04,fixed,,ping,1,1", "metric 'ping' is none of"),
        ('2026-10,04,fixed,,download,"258,28",1', "median '258,28' is not a number (did you mean 258.28?)"),
        ("2026-10,04,fixed,,download,,1", "median '' is not a number"),
        ("2026-10,04,fixed,,download,nan,1", "median 'nan' is not a number"),
        ("2026-10,04,fixed,,download,-1,1", "median -1 is negative"),
        ("2026-10,04,fixed,,download,258280000,1", "speeds are in Mbit/s"),
        ("2026-10,04,fixed,,download,1,0", "samples 0"),
        ("2026-10,04,fixed,,download,1,1.5", "samples '1.5' is not a whole number"),
        ("2026-11,04,fixed,,download,1,1", "month 2026-11 has not ended"),
        ("10/2026,04,fixed,,download,1,1", "month '10/2026' is not written as 2026-10"),
        ("2026-10,04,fixed,,download,1", "6 columns, where the header has 7"),
        ('2026-10,04,fixed,"Viettel,download,1,1', "not CSV"),
        ("2026-10,04,fixed,Viettel,download,9,9", "as line 2"),
    ],
)
def test_a_fault_is_told_with_its_line_and_nothing_is_taken(line, told):
    """One line among sound ones."""
    with pytest.raises(IspeedError) as raised:
        read(f"{HEAD}\n2026-10,04,fixed,Viettel,download,1,1\n{line}\n", "f.csv", REGISTER, NOW)
    (fault,) = raised.value.faults
    assert fault.startswith("3: ")
    assert told in fault
    assert f"f.csv:{fault}" in str(raised.value)


def test_all_faults_are_told_at_once_and_a_wrong_file_is_told_by_its_header():
    """Two faults in one line are two; a file of semicolons and an empty one are not read at all."""
    with pytest.raises(IspeedError) as raised:
        read(f"{HEAD}\n2026-10,99,wifi,,download,x,1\n2026-10,04,fixed,,download,1,-4\n", "f.csv", REGISTER, NOW)
    assert [fault.split(":")[0] for fault in raised.value.faults] == ["2", "2", "2", "3"]
    for text, told in ((HEAD.replace(",", ";"), "save it with commas"), ("", "must be month,unit"), (HEAD, "no rows")):
        with pytest.raises(IspeedError, match=told):
            read(text, "f.csv", REGISTER, NOW)


@given(st.text())
def test_whatever_the_file_holds_the_answer_is_rows_or_faults(text):
    """No bytes make it fail otherwise."""
    for whole in (text, f"{HEAD}\n{text}", f'{HEAD}\n"{text}",04,fixed,,download,{text},{text}'):
        try:
            found = read(whole, "f.csv", REGISTER, NOW)
        except IspeedError as error:
            found = error.faults
        assert found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example configuration with its store and socket in a place of our own, and an empty store."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    file = tmp_path / "config" / "netmon.yaml"
    text = file.read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("control:"))
    file.write_text(kept + f"\ncontrol: {tmp_path / 'c.sock'}\n", encoding="utf-8")
    return tmp_path / "config"


def importing(config: Path, file: Path) -> argparse.Namespace:
    return argparse.Namespace(config=config, import_ispeed=file)


LAST_YEAR = f"{HEAD}\n2025-10,04,fixed,Viettel,download,258.28,1204\n2025-10,01273,mobile,,latency,20,36\n"


def test_without_a_daemon_the_import_writes_the_store_itself(config: Path, monkeypatch, tmp_path: Path, capsys):
    """All of a sound file, nothing of another; while another netmon writes, nothing is written and somebody is told."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = load(config, secrets=False).store.path
    file = tmp_path / "october.csv"
    file.write_text(LAST_YEAR, encoding="utf-8")
    assert report_data.import_ispeed(importing(config, file)) == 1
    assert "there is no store here" in capsys.readouterr().err
    with Store.open(path, NoMeter()):
        assert report_data.import_ispeed(importing(config, file)) == 1
        assert "another netmon writes to this store" in capsys.readouterr().err
    assert report_data.import_ispeed(importing(config, file)) == 0
    assert "2, of 2025-10" in capsys.readouterr().out
    file.write_text(LAST_YEAR.replace("258.28", "300") + "2025-10,04,wifi,,download,1,1\n", encoding="utf-8")
    assert report_data.import_ispeed(importing(config, file)) == 1
    assert "october.csv:4: network 'wifi'" in capsys.readouterr().err
    file.write_bytes(LAST_YEAR.encode("utf-16"))
    assert report_data.import_ispeed(importing(config, file)) == 1
    assert "not UTF-8" in capsys.readouterr().err
    reader = Reader.open(path)
    kept = reader.ispeed("2025-10")
    reader.close()
    assert [(row.unit, row.operator, row.source) for row in kept] == [
        ("01273", "", "october.csv"),
        ("04", "Viettel", "october.csv"),
    ]
    assert kept[1].median == pytest.approx(258.28e6 / 8)


async def test_a_running_daemon_is_handed_the_text_and_its_refusal_is_told(
    config: Path, tmp_path: Path, monkeypatch, capsys
):
    """It alone writes to its store: the command hands over what it read, and opens no store."""
    heard = []

    async def handler(author, request):
        heard.append(request)
        if len(heard) > 1:
            raise ControlError("the disk is full")
        return {"stored": 2}

    file = tmp_path / "october.csv"
    file.write_text(LAST_YEAR, encoding="utf-8")
    server = ControlServer(tmp_path / "c.sock", {"ispeed": handler})
    await server.start()
    try:
        assert await asyncio.to_thread(report_data.import_ispeed, importing(config, file)) == 0
        assert await asyncio.to_thread(report_data.import_ispeed, importing(config, file)) == 1
        assert "the disk is full" in capsys.readouterr().err
        monkeypatch.setattr(control, "LINE_LIMIT", len(LAST_YEAR))
        assert await asyncio.to_thread(report_data.import_ispeed, importing(config, file)) == 1
        assert "in parts" in capsys.readouterr().err
    finally:
        await server.stop()
    assert [(each["text"], each["name"]) for each in heard] == [(LAST_YEAR, "october.csv")] * 2


def test_a_report_is_asked_for_where_nothing_is_to_be_imported():
    """Then the command goes on."""
    assert report_data.import_ispeed(argparse.Namespace(import_ispeed=None)) is None

"""`netmon report registry`, `speed` and `inventory` as somebody calls them, on the example configuration."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from netmon.model import End, PortSpeed, SpeedTest, Standing, Subject, Verdict
from netmon.reports import inventory
from netmon.settings import load
from netmon.store import Ispeed, Store
from netmon.targets.windows import local, month_before, month_of
from tests.targets.made import NoMeter

CONFIG = Path(__file__).resolve().parents[2] / "config"
NOW = time.time()
MONTH = month_before(month_of(NOW))
NAME = f"{local(MONTH.start):%Y-%m}"
BEFORE = f"{local(month_before(MONTH).start):%Y-%m}"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the example province: a closed month's availability, a port, speed tests, i-speed, the inventory kept."""
    directory = tmp_path_factory.mktemp("state")
    places = load(CONFIG, secrets=False).inventory
    verdict = Verdict(
        target="availability", subject=Subject("site", "cb-01273"), standing=Standing.MET, value=0.9987, limit=0.995,
        coverage=1.0, window=MONTH, final=True, evidence={"rule": "availability"},
    )  # fmt: skip
    with Store.open(directory / "netmon.db", NoMeter()) as store:
        store.put_verdicts([verdict], MONTH.end)
        store.put_port_speed("cb-01273-fibre", PortSpeed(End.NEAR, MONTH.start, 125e6))
        for n in range(12):
            store.put_speed_test(SpeedTest(MONTH.start + n, "cb-01273", "p", "fixed", "vnpt", 1e6 * n, 1e6, None))
        for n in range(3):
            store.put_speed_test(SpeedTest(MONTH.start + n, "cb-01279", "q", "fixed", "sim", 1e6, 1e6, None), "simulated")
        store.put_ispeed([Ispeed(NAME, "04", "fixed", "VNPT", "download", 25e6, 99, "i.csv")], NOW)
        store.put_inventory_month(BEFORE, inventory.figures(places, MONTH.start - 1))
        store.flush()
    return directory


@pytest.fixture
def made(state: Path, calling: Callable[..., Callable[..., dict[str, Path]]]) -> Callable[..., dict[str, Path]]:
    """Calls the command; what it wrote by name."""
    return calling(state, NOW)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_registry_is_written_in_both_languages_with_the_quality_of_the_month(made):
    """As of a day, or of a month's last."""
    last = local(MONTH.end - 1).date()
    files = made("registry", "--month", NAME, "--lang", "both")
    assert sorted(files) == sorted(f"registry-{last}.{end}" for end in ("vi.csv", "vi.html", "en.csv", "en.html"))
    found = {row["link"]: row for row in rows(files[f"registry-{last}.en.csv"])}
    line = found["cb-01273-fibre"]
    assert (line["availability_ratio"], line["coverage_ratio"], line["port_near_mbit_s"]) == ("0.9987", "1", "1000")
    assert line["channels"] == str(sum(row["site"] == line["site"] for row in found.values()))
    page = files[f"registry-{last}.vi.html"].read_text(encoding="utf-8")
    assert "Cơ sở dữ liệu kết nối" in page
    assert "99,87 %" in page
    assert f"registry-{local(NOW):%Y-%m-%d}.vi.csv" in made("registry", "--lang", "vi")
    assert "registry-2026-04-30.vi.csv" in made("registry", "--on", "2026-04-30", "--lang", "vi")


def test_a_day_that_has_not_come_is_refused_and_one_without_links_is_told(made, capsys):
    """Today is the last day of which anything is known."""
    today = local(NOW).date()
    tomorrow = today + timedelta(days=1)
    assert made("registry", "--on", f"{tomorrow}", code=1) == {}
    assert f"netmon: {tomorrow} has not come yet" in capsys.readouterr().err
    assert f"registry-{today}.vi.csv" in made("registry", "--on", f"{today}", "--lang", "vi")
    assert "no link" not in capsys.readouterr().err
    files = made("registry", "--on", "1990-01-01", "--lang", "en")
    assert "By the end of 1990-01-01 there was no link" in capsys.readouterr().err
    assert "By the end of 1990-01-01 there was no link" in files["registry-1990-01-01.en.html"].read_text(encoding="utf-8")
    assert rows(files["registry-1990-01-01.en.csv"]) == []
    with pytest.raises(SystemExit):
        made("registry", "--on", "0001-01-01")
    assert "expected a day from 1900 on" in capsys.readouterr().err


def test_the_speeds_of_a_month_stand_beside_those_of_i_speed(made):
    """In the province's row; the commune's has ours alone."""
    files = made("speed", "--month", NAME, "--lang", "vi")
    found = {(row["unit"], row["operator"]): row for row in rows(files[f"speed-{NAME}.vi.csv"])}
    ours = ("44", "12", "")
    assert [found["04", "vnpt"][key] for key in ("download_mbit_s", "download_samples", "few_samples")] == [*ours]
    assert [found["04", "vnpt"][key] for key in ("ispeed_download_mbit_s", "ispeed_download_samples")] == ["200", "99"]
    assert found["01273", "vnpt"]["ispeed_download_mbit_s"] == ""
    page = files[f"speed-{NAME}.vi.html"].read_text(encoding="utf-8")
    assert "i.csv" in page
    assert "44,0 (ít mẫu)" not in page
    page = made("speed", "--month", NAME, "--lang", "en", "--fewest", "13")[f"speed-{NAME}.en.html"].read_text(
        encoding="utf-8"
    )
    assert "44.0 (few samples)" in page


def test_medians_of_simulated_tests_are_warned_of(made):
    """At the top of the page and behind the samples; in the table by a count in each row."""
    files = made("speed", "--month", NAME, "--lang", "vi")
    found = {(row["unit"], row["operator"]): row["simulated"] for row in rows(files[f"speed-{NAME}.vi.csv"])}
    assert found["04", ""] == "3"
    assert found["04", "sim"] == "3"
    assert found["01273", "vnpt"] == found["04", "vnpt"] == "0"
    page = files[f"speed-{NAME}.vi.html"].read_text(encoding="utf-8")
    assert "CÓ SỐ LIỆU MÔ PHỎNG: không dùng làm căn cứ." in page
    assert "15 / 15 / 0 (mô phỏng: 3 / 3 / 0)" in page
    assert "MÔ PHỎNG" not in made("speed", "--month", BEFORE, "--lang", "vi")[f"speed-{BEFORE}.vi.html"].read_text("utf-8")


def test_a_month_that_was_not_kept_is_counted_from_the_configuration_and_says_so(made):
    """Beside the month before, which was kept; of the running month there is nothing to be held against."""
    files = made("inventory", "--month", NAME, "--lang", "en")
    assert "Nothing was kept of" in files[f"inventory-{NAME}.en.html"].read_text(encoding="utf-8")
    assert all(row["month_before"] for row in rows(files[f"inventory-{NAME}.en.csv"]))
    files = made("inventory", "--lang", "en", "--format", "csv", "--province", "04")
    assert not any(row["change"] for row in rows(files[f"inventory-{local(NOW):%Y-%m}.en.csv"]))


@pytest.mark.parametrize("name", ["registry", "speed", "inventory"])
def test_help_teaches_by_examples(made, name: str, capsys):
    """And a day or a number that is none is told so."""
    with pytest.raises(SystemExit):
        made(name, "--help")
    assert f"$ netmon report {name}" in capsys.readouterr().out
    wrong = {"registry": ["--on", "1/11/2026"], "speed": ["--fewest", "0"], "inventory": ["--month", "2026-13"]}[name]
    with pytest.raises(SystemExit):
        made(name, *wrong)
    assert "expected" in capsys.readouterr().err

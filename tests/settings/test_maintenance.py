"""maintenance.yaml: works that fit become windows, and what does not has its place."""

from datetime import date, datetime
from functools import partial

import pytest

from netmon import units
from netmon.declaring import Places
from netmon.model import VIET_NAM, Subject, WindowKind
from netmon.settings import load
from netmon.settings.maintenance import read_maintenance
from netmon.settings.secrets import fetch
from tests.peers import ROOT
from tests.test_windows import INVENTORY

PLACES = Places(INVENTORY, units.load(), date(2026, 11, 22))


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "maintenance.yaml").write_text(text, encoding="utf-8")
        works, problems = read_maintenance(tmp_path / "maintenance.yaml", partial(fetch, directory=tmp_path), PLACES)
        return works, [str(problem).rpartition("/")[2] for problem in problems]

    return reading


def test_a_file_is_optional(tmp_path):
    assert read_maintenance(tmp_path / "maintenance.yaml", partial(fetch, directory=tmp_path), PLACES) == ((), [])


def test_works_are_on_what_the_inventory_has_in_local_time(read):
    (cable, commune), problems = read("""\
maintenance:
  - {name: Thay cáp, what: "cable:ring", from: 2026-11-25 22:00, until: 2026-11-26T02:00:00, note: VNPT làm}
  - {name: Cắt điện, what: [site:s01288, device:r01273], areas: "01304", from: 2026-11-25, until: 2026-11-26}
""")
    assert problems == []
    assert (cable.id, cable.kind, cable.note) == ("thay-cap-2026-11-25", WindowKind.MAINTENANCE, "VNPT làm")
    assert cable.start == datetime(2026, 11, 25, 22, tzinfo=VIET_NAM).timestamp()
    assert cable.until - cable.start == 4 * 3600
    assert commune.subjects == (Subject("site", "s01288"), Subject("device", "r01273"))
    assert (commune.areas, commune.until - commune.start) == (("01304",), 86_400)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: A, what: device:r0127, from: 2026-11-25, until: 2026-11-26}",
         "maintenance.yaml:2:21: the inventory has no device 'r0127' (did you mean device:r01273?)"),
        ('{name: A, areas: ["01273", "1304"], from: 2026-11-25, until: 2026-11-26}',
         "maintenance.yaml:2:32: there is no unit with the code '1304' (did you mean 01304 (Xã Quảng Lâm, Tỉnh Cao Bằng), "),
        ("{name: A, what: device:r01273, from: 2026-11-27, until: 2026-11-26}",
         "maintenance.yaml:2:61: until lies before from"),
        ("{name: A, what: device:r01273, from: 2026-11-01, until: 2026-11-26}",
         "maintenance.yaml:2:61: it is too long: at most 14 days"),
        ('{name: A, areas: ["01273", "04"], from: 2026-11-25, until: 2026-11-26}',
         "maintenance.yaml:2:32: works are not done on a whole province: 04 is one, name communes, sites or cables"),
        ("{name: A, what: device:r01273, from: 2098-12-30, until: 2098-12-31}",
         "maintenance.yaml:2:42: from lies too far off"),
        ("{name: A, what: device:r01273, from: 2099-12-30, until: 2100-01-01}",
         "maintenance.yaml:2:61: '2100-01-01' is no time of this century"),
        ("{name: A, from: 2026-11-25, until: 2026-11-26}", "maintenance.yaml:2:12: say what works are done on"),
        ("{name: A, what: device:r01273, from: tomorrow, until: 2026-11-26}",
         "maintenance.yaml:2:42: 'tomorrow' is not a time"),
        ("{name: A, what: device:r01273, form: 2026-11-25, until: 2026-11-26}",
         "maintenance.yaml:2:36: unknown key 'form' (did you mean from?)"),
        ('{name: "", what: device:r01273, from: 2026-11-25, until: 2026-11-26}',
         "maintenance.yaml:2:12: the name is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place(read, entry, said):
    works, problems = read(f"maintenance:\n  - {entry}\n")
    assert works == ()
    assert any(problem.startswith(said) for problem in problems), problems


def test_works_of_one_name_on_one_day_are_there_once(read):
    entry = "  - {name: A, what: device:r01273, from: 2026-11-25, until: 2026-11-26}\n"
    assert read(f"maintenance:\n{entry}{entry}")[1] == [
        "maintenance.yaml:3:12: 'A' is there twice on one day: works are known by name and day"
    ]


def test_the_example_of_the_configuration_is_right(tmp_path):
    """It is commented out: without the marks it is a file."""
    lines = (ROOT / "config/maintenance.yaml").read_text(encoding="utf-8").splitlines()
    settings = load(ROOT / "config", secrets=False)
    text = "\n".join(line.removeprefix("#") if line.startswith("#  ") else line for line in lines).replace("[]", "")
    (tmp_path / "maintenance.yaml").write_text(text, encoding="utf-8")
    places = Places(settings.inventory, units.load(), date(2026, 11, 22))
    works, problems = read_maintenance(tmp_path / "maintenance.yaml", partial(fetch, directory=tmp_path), places)
    assert (len(works), problems) == (2, [])

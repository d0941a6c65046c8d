"""Where a daemon and its store are found, by netmon.yaml alone."""

import pytest

from netmon.settings import ConfigErrors, load, where
from tests.settings.conftest import INVENTORY, NETMON, TODAY

PATHS = "control: run/c.sock\nstore: {path: data/n.db}\n"


@pytest.mark.parametrize("paths", [PATHS, "", "store: {slot_days: 9}\n", "control: /tmp/netmon-elsewhere.sock\n"])
@pytest.mark.parametrize("given", [True, False])
def test_it_is_where_the_whole_configuration_has_it(write, register, monkeypatch, paths, given):
    for name in ("RUNTIME_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
        if given:
            monkeypatch.setenv(name, f"/tmp/{name}")
    home = write(NETMON + paths)
    settings, found = load(home, register=register, today=TODAY), where(home)
    assert (found.control, found.store) == (settings.control, settings.store.path)


@pytest.mark.parametrize(
    "netmon",
    [
        PATHS,
        NETMON.replace("canaries", "canary") + PATHS,
        NETMON.replace("!env", "!enf") + PATHS,
        NETMON + 'province: "04"\npoll: {interval: soon}\nstore: {path: data/n.db, slot_days: many}\ncontrol: run/c.sock\n',
        NETMON + PATHS + "exporters: {influxdb: {outbox: {pth: x}}}\nmqtt: {ca: gone.pem}\n",
    ],
)
def test_what_is_wrong_elsewhere_does_not_hide_it(write, register, netmon):
    home = write(netmon, inventory="sites: [\n", targets="- 1\n")
    with pytest.raises(ConfigErrors):
        load(home, register=register, today=TODAY)
    assert (where(home).control, where(home).store) == (home / "run/c.sock", home / "data/n.db")


def test_no_secret_is_fetched(write, monkeypatch):
    home = write(NETMON + PATHS)
    monkeypatch.delenv("NETMON_COMMUNITY")
    assert where(home).control == home / "run/c.sock"


@pytest.mark.parametrize(
    ("paths", "place", "says"),
    [
        ("control: [a]\n", "5:10", "expected text, found a list"),
        ("control: !env SOCKET\n", "5:10", "expected text, found a secret"),
        ("controll: c.sock\n", "5:1", "unknown key 'controll' (did you mean control?)"),
        ("control: a\ncontrol: b\n", "6:1", "this key is written twice"),
        (f"control: {'x' * 120}\n", "5:10", "too long for a socket"),
        ("control: inventory\n", "5:10", "is a directory"),
        ("store: n.db\n", "5:8", "expected keys and values, found text"),
        ("stor: {path: n.db}\n", "5:1", "did you mean store?"),
        ("store:\n  pth: n.db\n", "6:3", "unknown key 'pth' (did you mean path?)"),
        ("store:\n  path: 7\n", "6:9", "expected text, found a number"),
        ('store: {path: "a\\0b"}\n', "5:15", "no file can have this name"),
    ],
)
def test_a_path_that_is_no_good_is_one_error_with_its_place(write, paths, place, says):
    home = write(NETMON.replace("province", "provinces") + paths, INVENTORY)
    with pytest.raises(ConfigErrors) as raised:
        where(home)
    (problem,) = raised.value.problems
    assert str(problem).startswith(f"{home}/netmon.yaml:{place}: ")
    assert says in str(problem)


@pytest.mark.parametrize(
    ("netmon", "says"), [("a: [\n", "not YAML"), ("- a\n", "expected keys"), ("", "empty"), (None, "cannot be read")]
)
def test_a_file_that_is_no_configuration_is_one_error(write, netmon, says):
    with pytest.raises(ConfigErrors) as raised:
        where(write(netmon))
    (problem,) = raised.value.problems
    assert says in str(problem)
    assert "netmon.yaml" in str(problem)

"""Layout files and the devices that use them: what is wrong has its place, and what is right reaches the subscriber."""

import io
import pickle

import pytest

from netmon.layouts import filters
from netmon.settings import ConfigErrors, load
from netmon.settings.__main__ import _Pickler
from tests.settings.conftest import INVENTORY, NETMON, TODAY

MQTT = NETMON + "mqtt: {broker: mqtt://127.0.0.1:1883}\n"
LAYOUT = """\
title: Bộ điều khiển trạm
messages:
  - topic: bts/{topic}/data
    time: at
    values:
      - {at: dc.volts, to: battery_voltage_volts}
      - {at: "probes.{p}.celsius", to: netmon_ambient_temperature_celsius, label: "{p}"}
  - topic: bts/{topic}/alive
    state: {at: alive, online: "true", offline: "false"}
"""


def device(*lines):
    """The inventory, with more devices at its first site."""
    more = "".join(f"      - {{{line}}}\n" for line in lines)
    inventory = INVENTORY.replace("far: {", "far: {device: gw, ")
    return inventory.replace("      - {id: gw, address: 10.4.0.1}\n", f"      - {{id: gw, address: 10.4.0.1}}\n{more}")


@pytest.fixture
def loaded(write):
    """Loads a configuration with these lines of devices and these files in layouts/, by name."""

    def load_it(*devices, **layouts):
        home = write(MQTT, device(*devices))
        for name, text in layouts.items():
            (home / "layouts").mkdir(exist_ok=True)
            (home / "layouts" / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return load(home, today=TODAY)

    return load_it


def refused(loaded, *devices, **layouts):
    """What is said of it, without the directory."""
    with pytest.raises(ConfigErrors) as caught:
        loaded(*devices, **layouts)
    return [str(problem).rpartition("/")[2] for problem in caught.value.problems]


def test_the_layouts_that_devices_use_come_with_the_broker(loaded):
    """Netmon's own and the configuration's, and no other; the topic is the id unless it is told."""
    settings = loaded(
        "id: room, protocol: mqtt, layout: tasmota, topic: phong-may-01",
        "id: c7, protocol: mqtt, layout: bts",
        "id: own, protocol: mqtt",
        bts__yaml=LAYOUT,
    )
    known = {each.id: (each.layout, each.topic) for each in settings.inventory.devices.values() if each.id != "gw"}
    assert known == {"room": ("tasmota", "phong-may-01"), "c7": ("bts", "c7"), "own": ("", ""), "r1": ("", "")}
    assert [layout.name for layout in settings.mqtt.layouts] == ["bts", "tasmota"]
    assert filters(settings.mqtt.layouts) == {
        "bts/+/data": "telemetry",
        "bts/+/alive": "status",
        "tele/+/LWT": "status",
        "tele/+/STATE": "telemetry",
        "tele/+/SENSOR": "telemetry",
    }


def test_a_layout_of_the_configuration_takes_the_place_of_netmons(loaded):
    settings = loaded("id: room, protocol: mqtt, layout: tasmota", tasmota__yaml=LAYOUT)
    assert filters(settings.mqtt.layouts) == {"bts/+/data": "telemetry", "bts/+/alive": "status"}


def test_a_changed_layout_makes_other_settings_of_the_broker_and_an_unused_one_does_not(loaded):
    """So that a reload hears it."""
    line = "id: c7, protocol: mqtt, layout: bts"
    before = loaded(line, bts__yaml=LAYOUT).mqtt
    assert loaded(line, bts__yaml=LAYOUT, other__yaml=LAYOUT).mqtt == before
    assert loaded(line, bts__yaml=LAYOUT.replace("volts", "v", 1)).mqtt != before


def test_a_reload_hands_layouts_from_its_child(loaded):
    """They go through a pickle."""
    settings, out = loaded("id: room, protocol: mqtt, layout: tasmota").mqtt, io.BytesIO()
    _Pickler(out).dump(settings)
    assert pickle.loads(out.getvalue()) == settings


A = "id: a, protocol: mqtt"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([f"{A}, layout: tasmotta"], "8:41: there is no layout 'tasmotta' (did you mean tasmota?)"),
        ([f"{A}, layout: x"], "8:41: there is no layout 'x' (there are tasmota, teltonika)"),
        ([f"{A}, topic: x"], "8:33: without a layout 'a' is known by its id, the {device} of its topics "
                             "(name the layout of its messages: layout: …)"),
        (["id: a, address: 10.4.0.9, layout: tasmota"],
         "8:36: 'layout' is of devices that speak MQTT (protocol: mqtt)"),
        ([f"{A}, layout: tasmota, topic: x/y"],
         "8:57: 'x/y' cannot be one part of a topic: it has no '/', '+' and '#', and no control characters"),
        ([f"{A}, layout: tasmota, topic: ~"], "8:57: expected a value, found nothing (fill it in, or take the key away)"),
        ([f"{A}, layout: tasmota, topic: b", "id: b, protocol: mqtt, layout: tasmota"],
         "9:9: the topic 'b' of layout tasmota is that of 'a' in {file}:8:57"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_device_is_said_at_its_place(loaded, tmp_path, lines, said):
    file = f"{tmp_path}/inventory/a.yaml"
    with pytest.raises(ConfigErrors) as caught:
        loaded(*lines)
    assert [str(problem) for problem in caught.value.problems] == [f"{file}:{said.replace('{file}', file)}"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Bộ", "titel: Bộ", "1:1: unknown key 'titel' (did you mean title?)"),
        ("bts/{topic}/data", "bts/#", "3:12: '#' cannot be a part of a topic here: '+' stands alone, and there is no '#'"),
        ("bts/{topic}/data", "bts/x{topic}",
         "3:12: 'x{topic}' cannot be a part of a topic here: a placeholder is all of it, such as {topic}"),
        ("bts/{topic}/data", "bts/data", "3:12: one part of a topic is {topic}: it says whose message it is"),
        ("dc.volts", "dc..volts", "6:14: expected a path, such as Wifi.Signal, or a list of its steps"),
        ("battery_voltage_volts", "battery_voltage_volt",
         "6:28: there is no family 'battery_voltage_volt' of which a device may speak (did you mean "
         "battery_voltage_volts?)"),
        ("battery_voltage_volts", "temperature_celsius", "6:9: temperature_celsius is told by sensor: it needs a label"),
        ("battery_voltage_volts", "battery_voltage_volts, label: a", "6:9: battery_voltage_volts has no label"),
        ('label: "{p}"', "label: p", "7:9: the path finds several values: {p} must be a part of the label"),
        ('label: "{p}"', 'label: "{p}{q}"',
         "3:5: ambient_temperature_celsius: neither its topic nor its path has {q}"),
        ("battery_voltage_volts", "battery_voltage_volts, scale: 2, map: {up: 1}",
         "6:9: a map gives the numbers themselves: it has no scale, offset, unit or valid"),
        ("battery_voltage_volts", "battery_voltage_volts, valid: [5, 1]",
         "6:58: valid is the lowest and the highest value, in this order"),
        ("    time: at\n", "    time: at\n    event: x\n",
         "3:5: a message tells values, a state or an event: write one of them"),
        ("    time: at\n", "    payload: text\n", "3:5: a payload of text has no parts: a path into it finds nothing"),
        ("messages:", "zone: VN\nmessages:",
         "2:7: 'VN' is not a zone: write how far it is ahead of UTC, such as \"+07:00\""),
        ("messages:", "ask: [{topic: get/+}]\nmessages:",
         "2:15: one part of a topic is {topic}: it says whose message it is"),
        ("time: at", "time: {at: x}", "4:11: expected a path, such as Wifi.Signal, or a list of its steps"),
        ('online: "true"', "online: true", '9:32: expected text, found true or false (write it in quotes: "true")'),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_layout_is_said_at_its_place(loaded, old, new, said):
    """Also in one that no device uses."""
    assert LAYOUT.count(old) >= 1
    assert f"x.yaml:{said}" in refused(loaded, x__yaml=LAYOUT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ("dc.volts", ("dc", "volts")),
        ("$.dc.volts", ("dc", "volts")),
        ("dc[2][3].volts", ("dc", "2", "3", "volts")),
        ('["dc.volts", "2"]', ("dc.volts", "2")),
        ("$", ()),
    ],
)
def test_a_path_is_written_in_several_ways(loaded, written, steps):
    text = LAYOUT.replace("at: dc.volts", f"at: {written}" if written[0] == "[" else f"at: '{written}'")
    (layout,) = loaded("id: c7, protocol: mqtt, layout: bts", bts__yaml=text).mqtt.layouts
    assert layout.messages[0].values[0].path == steps


def test_a_layout_that_cannot_be_read_is_known_by_its_name(loaded):
    """One fault makes one line."""
    (said,) = refused(loaded, "id: c7, protocol: mqtt, layout: x", x__yaml="title: [")
    assert said.startswith("x.yaml:2:1: not YAML")


def test_a_file_with_the_other_ending_is_not_read_and_said_so(loaded):
    settings = loaded("id: c7, protocol: mqtt", x__yml="nonsense")
    assert [str(doubt).rpartition("/")[2] for doubt in settings.warnings if "x.yml" in str(doubt)] == [
        "x.yml:1:1: this file is not read (did you mean x.yaml?)"
    ]

"""What must fit in the sections of the servers that netmon speaks to, the MQTT broker and InfluxDB, and of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netmon.settings.models import InfluxApi
from netmon.settings.problem import Problem, problem_at
from netmon.settings.yaml import Table

_BELONGS = {
    InfluxApi.V2: ("org", "bucket", "token"),
    InfluxApi.V1: ("database", "retention_policy", "user", "password"),
}
_NEEDED = {InfluxApi.V2: ("org", "bucket"), InfluxApi.V1: ("database",)}
_COUNTERPART = {"database": "bucket", "bucket": "database", "password": "token", "token": "password"}


def misfits(main: Table) -> Iterator[Problem]:
    """What does not go together in the two sections."""
    mqtt = main.table("mqtt")
    if mqtt is not None:
        yield from _mqtt(mqtt)
    influx = section(main)
    if influx is not None:
        yield from _influx(influx)
    web = main.table("web")
    if web is not None and web.text("read") == "token" and not web.get("tokens"):
        yield problem_at(web.value_mark("read"), "read: nobody can, for there is no token", "tokens: names them")


def section(main: Table) -> Table | None:
    """InfluxDB's section of netmon.yaml."""
    exporters = main.table("exporters")
    return exporters.table("influxdb") if exporters is not None else None


def _mqtt(mqtt: Table) -> Iterator[Problem]:
    if "password" in mqtt and "user" not in mqtt:
        yield problem_at(mqtt.key_mark("password"), "a password needs a user (MQTT 3.1.1, section 3.1.2.9)")
    yield from _together(mqtt, "certificate", "key")
    if (mqtt.text("broker") or "").startswith("mqtt://"):
        yield from _only_with(mqtt, ("ca", "certificate", "key"), "mqtts://")


def _influx(influx: Table) -> Iterator[Problem]:
    api = influx.text("api") or InfluxApi.V2
    if api not in set(InfluxApi):
        return  # the model complains
    other = InfluxApi.V1 if api == InfluxApi.V2 else InfluxApi.V2
    for key in _BELONGS[other]:
        if key in influx:
            twin = _COUNTERPART.get(key, "")
            hint = f"did you mean {twin}, or api: {other}?" if twin else f"did you mean api: {other}?"
            yield problem_at(influx.key_mark(key), f"'{key}' belongs to api {other}, and this is {api}", hint)
    for key in _NEEDED[InfluxApi(api)]:
        if key not in influx:
            yield problem_at(influx.node.start_mark, f"missing key '{key}': api {api} needs it")
    if api == InfluxApi.V1:
        yield from _together(influx, "user", "password")
    if (influx.text("url") or "").startswith("http://"):
        yield from _only_with(influx, ("ca",), "https://")


def _together(table: Table, one: str, other: str) -> Iterator[Problem]:
    for there, missing in ((one, other), (other, one)):
        if there in table and missing not in table:
            yield problem_at(table.key_mark(there), f"'{there}' comes with '{missing}', which is missing")


def _only_with(table: Table, keys: Iterable[str], scheme: str) -> Iterator[Problem]:
    for key in keys:
        if key in table:
            yield problem_at(table.key_mark(key), f"'{key}' is of use only with {scheme}")

"""The environment rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netmon.model import Room, Standing
from netmon.targets.definitions import Environment
from netmon.targets.words.voice import STANDING, Voice

_ROOM = {Room.EQUIPMENT: ("phòng máy", "equipment rooms"), Room.OFFICE: ("văn phòng", "offices")}
_QUANTITY = {"temperature": ("Nhiệt độ", "Temperature"), "humidity": ("Độ ẩm", "Humidity")}


def rule(target: Environment, say: Voice) -> str:
    """What is asked, in one sentence."""
    limit, between = say.percent(target.limit), say("đến", "to")
    rooms = []
    for room, words in _ROOM.items():
        ranges = (
            f"{_figure(quantity, low, say)} {between} {_figure(quantity, high, say)}"
            for quantity, (low, high) in target.rooms[room.value].items()
        )
        rooms.append(f"{say(*words)} {say(' và ', ' and ').join(ranges)}")
    return say(
        f"trong ít nhất {limit} số giờ, nhiệt độ và độ ẩm trung bình giờ nơi đặt thiết bị nằm trong giới hạn: "
        f"{'; '.join(rooms)}.",
        f"in at least {limit} of the hours the mean temperature and humidity where the equipment stands are within: "
        f"{'; '.join(rooms)}.",
    )


def figures(evidence: Mapping[str, Any], target: Environment, say: Voice) -> Iterator[str]:
    """What was found, line by line."""
    yield say("Loại phòng: ", "Kind of room: ") + f"{say(*_ROOM[Room(evidence['room'])])}."
    for quantity, found in evidence["quantities"].items():
        name = say(*_QUANTITY[quantity])
        if not found["measured"]:
            yield say(
                f"{name}: trong kỳ không có số đo, nên chưa đủ căn cứ để kết luận là đạt.",
                f"{name}: not measured in this window, so nothing proves it met.",
            )
            continue
        yield from _measured(quantity, name, found, target, say)
    shown = evidence["worst_hours"]
    if shown:
        yield say("Các giờ vượt giới hạn nhiều nhất (trung bình, thấp nhất, cao nhất):",
                  "Hours furthest out of range (mean, least, most):")  # fmt: skip
    for hour in shown:
        quantity, found = hour["quantity"], evidence["quantities"][hour["quantity"]]
        mean = _figure(quantity, hour["mean"], say, found["low"], found["high"])
        least, most = (_figure(quantity, hour[key], say) for key in ("least", "most"))
        sensor = f", {hour['sensor']}" if hour["sensor"] else ""
        yield f"  {say.at(hour['start'])}: {say(*_QUANTITY[quantity]).lower()} {mean} ({least}, {most}){sensor}"
    if evidence["simulated_hours"]:
        count = say.number(evidence["simulated_hours"])
        yield say(f"CÓ SỐ LIỆU MÔ PHỎNG: {count} giờ.", f"CONTAINS SIMULATED DATA: {count} hours.")


def _measured(quantity: str, name: str, found: Mapping[str, Any], target: Environment, say: Voice) -> Iterator[str]:
    value = "-" if found["value"] is None else say.percent(found["value"], target.limit)
    standing = say(*STANDING[Standing(found["standing"])])
    hours, elapsed, out = (say.number(found[key]) for key in ("hours", "elapsed", "out"))
    low, high = (_figure(quantity, found[key], say) for key in ("low", "high"))
    yield say(
        f"{name}: {value} số giờ trong giới hạn {low} đến {high}, {standing}; có {hours}/{elapsed} giờ đủ số đo đến nay, "
        f"{out} giờ ngoài giới hạn.",
        f"{name}: {value} of the hours within {low} to {high}, {standing}; {hours} of {elapsed} hours so far proven, "
        f"{out} out of range.",
    )
    (least, coldest), (most, hottest) = (
        (_figure(quantity, found[key], say, found["low"], found["high"]), say.at(found[f"{key}_at"]))
        for key in ("least", "most")
    )
    for sensor, count in found["silent"].items():
        lost = say.number(count)
        yield say(
            f"  Cảm biến {sensor} không đủ số đo trong {lost} giờ.", f"  Sensor {sensor} told too little in {lost} hours."
        )
    sensors = say.number(len(found["sensors"]))
    yield say(
        f"  {sensors} cảm biến; thấp nhất {least} (giờ bắt đầu {coldest}), cao nhất {most} (giờ bắt đầu {hottest}).",
        f"  {sensors} sensors; least {least} (in the hour from {coldest}), most {most} (in the hour from {hottest}).",
    )


def _figure(quantity: str, value: float, say: Voice, *against: float) -> str:
    return say.celsius(value, *against) if quantity == "temperature" else say.percent(value, *against)

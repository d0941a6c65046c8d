"""Causes, clues and incidents in words, Vietnamese and English. Names are given by the caller: here things have ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from netmon.model import CauseClass, Clue, Finding, Impact, Incident, Subject, Words

CAUSES: dict[CauseClass, Words] = {
    CauseClass.FIBRE: Words("đứt cáp", "fibre cut"),
    CauseClass.POWER: Words("mất điện", "power"),
    CauseClass.EQUIPMENT: Words("hỏng thiết bị", "equipment"),
    CauseClass.UPSTREAM: Words("mất kết nối tuyến trên", "upstream"),
    CauseClass.WORKS: Words("bảo trì có kế hoạch", "planned works"),
    CauseClass.MONITORING: Words("lỗi phía giám sát", "monitoring"),
    CauseClass.UNKNOWN: Words("chưa rõ nguyên nhân", "unknown"),
}

CLUES: dict[str, Words] = {
    "netmon_isolated": Words("netmon đang mất kết nối mạng", "netmon itself is cut off"),
    "not_asked": Words("netmon không hỏi được thiết bị", "netmon itself could not ask it"),
    "works": Words("đang có bảo trì", "works are under way"),
    "upstream_lost": Words("thiết bị tuyến trên đã mất", "its upstream is lost"),
    "on_battery": Words("điểm chạy ắc quy", "the site runs on battery"),
    "battery_low": Words("ắc quy yếu hoặc cạn", "the battery is low or empty"),
    "gasp": Words("thiết bị báo mất nguồn hoặc vừa bật lại", "the device told that its power failed or was switched on"),
    "area_on_battery": Words(
        "điểm khác trong xã mất điện lưới cùng lúc",
        "another site of the commune lost its mains together with it",
    ),
    "fell_on_battery": Words(
        "điểm khác trong xã đang chạy ắc quy mất cùng lúc",
        "another site of the commune on battery fell with it",
    ),
    "fell_together": Words("điểm khác trong xã mất cùng lúc", "another site of the commune fell with it"),
    "port_down": Words("cổng ở đầu tuyến báo down", "a port at an end of the link is down"),
    "no_light": Words("không có ánh sáng ở đầu thu", "no light arrives"),
    "cable_link_down": Words("tuyến chung cáp mất cùng lúc", "a link of the same cable went down together with the others"),
    "link_down": Words("tuyến mất", "the link is down"),
    "port_up": Words("cổng phía trên vẫn up nhưng thiết bị im lặng", "the port above it is up and the device is silent"),
    "silent": Words("thiết bị không trả lời", "the device does not answer"),
    "several_children": Words(
        "nhiều điểm phía sau một thiết bị đang sống mất cùng lúc",
        "several children of a live parent fell",
    ),
    "board_down": Words("mọi cổng của bo mạch đều down", "all ports of the board are down"),
    "restarted": Words("thiết bị đã khởi động lại", "the device started anew"),
    "not_restarted": Words("thiết bị không khởi động lại", "the device did not start anew"),
}

ROOTS: dict[str, Words] = {
    "device": Words("Thiết bị", "Device"),
    "link": Words("Tuyến", "Link"),
    "cable": Words("Cáp", "Cable"),
    "site": Words("Điểm", "Site"),
    "commune": Words("Khu vực xã", "Commune"),
    "maintenance": Words("Bảo trì", "Works"),
    "netmon": Words("netmon", "netmon"),
}
"""Kinds of roots."""

_SENTENCES: dict[tuple[str, CauseClass], Words] = {
    ("cable", CauseClass.FIBRE): Words("Cáp {} đứt", "Cable {} cut"),
    ("link", CauseClass.FIBRE): Words("Tuyến {} đứt cáp", "Link {} cut"),
    ("link", CauseClass.EQUIPMENT): Words("Tuyến {} hỏng thiết bị đầu cuối", "Link {}: equipment at an end failed"),
    ("site", CauseClass.POWER): Words("Điểm {} mất điện", "No power at site {}"),
    ("commune", CauseClass.POWER): Words("Xã {} mất điện lưới", "No mains in commune {}"),
    ("device", CauseClass.EQUIPMENT): Words("Thiết bị {} hỏng", "Device {} failed"),
    ("device", CauseClass.POWER): Words("Thiết bị {} mất nguồn", "Device {} lost its power"),
    ("device", CauseClass.UNKNOWN): Words("Thiết bị {} mất, chưa rõ nguyên nhân", "Device {} lost, nobody knows why yet"),
    ("link", CauseClass.UNKNOWN): Words("Tuyến {} mất, chưa rõ nguyên nhân", "Link {} lost, nobody knows why yet"),
    ("maintenance", CauseClass.WORKS): Words("Bảo trì {} đang gián đoạn", "Works {} interrupt"),
    ("netmon", CauseClass.MONITORING): Words("netmon không hỏi được thiết bị", "netmon itself cannot ask"),
}

_IMPACT = {
    "isolated": ("xã bị cô lập", "commune isolated"),
    "on_backup": ("xã chạy dự phòng", "commune on backup"),
    "service_centres": ("trung tâm phục vụ bị mất", "service centre cut off"),
    "stations": ("trạm BTS bị mất", "BTS cut off"),
}

_CHILDREN = Words(
    "Nhiều điểm sau {} mất cùng lúc: kiểm tra cáp chung, điện khu vực, bo mạch của {}",
    "Several behind {} fell together: look at a shared cable, the power of the area, the board of {}",
)


def told(
    what: Incident | Finding, name_of: Callable[[Subject], str] = lambda subject: subject.id, hit: Impact | None = None
) -> Words:
    """What happened, in one sentence: "Cáp QL4 đứt: 8 xã". Of a finding whom it hits is told where `hit` is given."""
    cause = what.said_cause if isinstance(what, Incident) else what.cause
    children = any(clue.what == "several_children" for clue in what.clues) and cause is CauseClass.UNKNOWN
    vi, en = _CHILDREN if children else _SENTENCES.get((what.root.kind, cause), _plain(what.root.kind, cause))
    name = name_of(what.root)
    hit_vi, hit_en = counted(what.impact if isinstance(what, Incident) else hit or Impact())
    return Words(_joined(vi.replace("{}", name), hit_vi), _joined(en.replace("{}", name), hit_en))


def counted(hit: Impact) -> Words:
    """Whom it hits, as short as a page can be: "8 xã, 2 trạm BTS"; "" for nobody."""
    communes = len(hit.isolated) + len(hit.on_backup)
    return _listed(((communes, "xã", "commune"), (len(hit.service_centres), "trung tâm phục vụ", "service centre"),
                    (len(hit.stations), "trạm BTS", "BTS")))  # fmt: skip


def impact_told(hit: Mapping[str, int]) -> Words:
    """How many of each part of an Impact there are, by its name: "1 commune isolated, 2 BTS cut off"; "" for none."""
    return _listed([(hit[part], *words) for part, words in _IMPACT.items()])


def clue_told(clue: Clue, name_of: Callable[[Subject], str] = lambda subject: subject.id) -> Words:
    """A clue and of whom it is said, without its time. KeyError: no such clue."""
    vi, en = CLUES[clue.what]
    name = name_of(clue.subject)
    return Words(f"{name}: {vi}", f"{name}: {en}") if name else Words(vi, en)


def grew(fresh: Sequence[Subject]) -> Words:
    """What an incident grew by."""
    ids = ", ".join(subject.id for subject in fresh[:5]) + (", …" if len(fresh) > 5 else "")
    return Words(f"thêm {len(fresh)}: {ids}", f"{len(fresh)} more: {ids}")


def merged(other: Incident) -> Words:
    """That an incident turned out to be part of another."""
    return Words(f"thuộc sự cố {other.id}", f"part of incident {other.id}")


def restored(incident: Incident) -> Words:
    """That all of an incident is back."""
    count = len(incident.ever)
    return Words(
        f"đã khôi phục, {count} thiết bị và tuyến",
        f"restored, {count} {_some(count, 'device or link', 'devices and links')}",
    )


def both(vi: str, en: str) -> str:
    """Both languages in one line, as the book of an incident has them."""
    return f"{vi} / {en}"


def _plain(kind: str, cause: CauseClass) -> Words:
    (vi, en), (why_vi, why_en) = ROOTS.get(kind, ("", "")), CAUSES[cause]
    return Words(f"{vi} {{}}: {why_vi}".strip(), f"{en} {{}}: {why_en}".strip())


def _listed(counts: Sequence[tuple[int, str, str]]) -> Words:
    there = [each for each in counts if each[0]]
    vi = ", ".join(f"{count} {word}" for count, word, _ in there)
    return Words(vi, ", ".join(f"{count} {_some(count, word, _plural(word))}" for count, _, word in there))


def _plural(words: str) -> str:
    if words == "BTS" or words.startswith("BTS "):
        return words
    for noun in ("commune", "service centre"):
        words = words.replace(noun, f"{noun}s", 1)
    return words


def _some(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _joined(sentence: str, hit: str) -> str:
    return f"{sentence}: {hit}" if hit else sentence

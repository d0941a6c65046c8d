"""Causes, clues and incidents in words, Vietnamese and English. Names are given by the caller: here things have ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netmon.model import CauseClass, Clue, Finding, Impact, Incident, Subject

Told = tuple[str, str]
"""A text in Vietnamese and in English."""

CAUSES: dict[CauseClass, Told] = {
    CauseClass.FIBRE: ("đứt cáp", "fibre cut"),
    CauseClass.POWER: ("mất điện", "power"),
    CauseClass.EQUIPMENT: ("hỏng thiết bị", "equipment"),
    CauseClass.UPSTREAM: ("mất kết nối tuyến trên", "upstream"),
    CauseClass.WORKS: ("bảo trì có kế hoạch", "planned works"),
    CauseClass.MONITORING: ("lỗi phía giám sát", "monitoring"),
    CauseClass.UNKNOWN: ("chưa rõ nguyên nhân", "unknown"),
}

CLUES: dict[str, Told] = {
    "netmon_isolated": ("netmon đang mất kết nối mạng", "netmon itself is cut off"),
    "not_asked": ("netmon không hỏi được thiết bị", "netmon itself could not ask it"),
    "works": ("đang có bảo trì", "works are under way"),
    "upstream_lost": ("thiết bị tuyến trên đã mất", "its upstream is lost"),
    "on_battery": ("điểm chạy ắc quy", "the site runs on battery"),
    "battery_low": ("ắc quy yếu hoặc cạn", "the battery is low or empty"),
    "gasp": ("thiết bị báo mất nguồn hoặc vừa bật lại", "the device told that its power failed or was switched on"),
    "area_on_battery": (
        "điểm khác trong xã mất điện lưới cùng lúc",
        "another site of the commune lost its mains together with it",
    ),
    "fell_on_battery": (
        "điểm khác trong xã đang chạy ắc quy mất cùng lúc",
        "another site of the commune on battery fell with it",
    ),
    "fell_together": ("điểm khác trong xã mất cùng lúc", "another site of the commune fell with it"),
    "port_down": ("cổng ở đầu tuyến báo down", "a port at an end of the link is down"),
    "no_light": ("không có ánh sáng ở đầu thu", "no light arrives"),
    "cable_link_down": ("tuyến chung cáp mất cùng lúc", "a link of the same cable went down together with the others"),
    "link_down": ("tuyến mất", "the link is down"),
    "port_up": ("cổng phía trên vẫn up nhưng thiết bị im lặng", "the port above it is up and the device is silent"),
    "silent": ("thiết bị không trả lời", "the device does not answer"),
    "several_children": (
        "nhiều điểm phía sau một thiết bị đang sống mất cùng lúc",
        "several children of a live parent fell",
    ),
    "board_down": ("mọi cổng của bo mạch đều down", "all ports of the board are down"),
    "restarted": ("thiết bị đã khởi động lại", "the device started anew"),
    "not_restarted": ("thiết bị không khởi động lại", "the device did not start anew"),
}

ROOTS: dict[str, Told] = {
    "device": ("Thiết bị", "Device"),
    "link": ("Tuyến", "Link"),
    "cable": ("Cáp", "Cable"),
    "site": ("Điểm", "Site"),
    "commune": ("Khu vực xã", "Commune"),
    "maintenance": ("Bảo trì", "Works"),
    "netmon": ("netmon", "netmon"),
}
"""Kinds of roots."""

_SENTENCES: dict[tuple[str, CauseClass], Told] = {
    ("cable", CauseClass.FIBRE): ("Cáp {} đứt", "Cable {} cut"),
    ("link", CauseClass.FIBRE): ("Tuyến {} đứt cáp", "Link {} cut"),
    ("link", CauseClass.EQUIPMENT): ("Tuyến {} hỏng thiết bị đầu cuối", "Link {}: equipment at an end failed"),
    ("site", CauseClass.POWER): ("Điểm {} mất điện", "No power at site {}"),
    ("commune", CauseClass.POWER): ("Xã {} mất điện lưới", "No mains in commune {}"),
    ("device", CauseClass.EQUIPMENT): ("Thiết bị {} hỏng", "Device {} failed"),
    ("device", CauseClass.POWER): ("Thiết bị {} mất nguồn", "Device {} lost its power"),
    ("device", CauseClass.UNKNOWN): ("Thiết bị {} mất, chưa rõ nguyên nhân", "Device {} lost, nobody knows why yet"),
    ("link", CauseClass.UNKNOWN): ("Tuyến {} mất, chưa rõ nguyên nhân", "Link {} lost, nobody knows why yet"),
    ("maintenance", CauseClass.WORKS): ("Bảo trì {} đang gián đoạn", "Works {} interrupt"),
    ("netmon", CauseClass.MONITORING): ("netmon không hỏi được thiết bị", "netmon itself cannot ask"),
}

_CHILDREN: Told = (
    "Nhiều điểm sau {} mất cùng lúc: kiểm tra cáp chung, điện khu vực, bo mạch của {}",
    "Several behind {} fell together: look at a shared cable, the power of the area, the board of {}",
)


def told(
    what: Incident | Finding, name_of: Callable[[Subject], str] = lambda subject: subject.id, hit: Impact | None = None
) -> Told:
    """What happened, in one sentence: "Cáp QL4 đứt: 8 xã". Of a finding whom it hits is told where `hit` is given."""
    cause = what.said_cause if isinstance(what, Incident) else what.cause
    children = any(clue.what == "several_children" for clue in what.clues) and cause is CauseClass.UNKNOWN
    vi, en = _CHILDREN if children else _SENTENCES.get((what.root.kind, cause), _plain(what.root.kind, cause))
    name = name_of(what.root)
    hit_vi, hit_en = counted(what.impact if isinstance(what, Incident) else hit or Impact())
    return _joined(vi.replace("{}", name), hit_vi), _joined(en.replace("{}", name), hit_en)


def counted(hit: Impact) -> Told:
    """Whom it hits, as short as a page can be: "8 xã, 2 trạm BTS"; "" for nobody."""
    communes = len(hit.isolated) + len(hit.on_backup)
    return _listed(((communes, "xã", "commune"), (len(hit.service_centres), "trung tâm phục vụ", "service centre"),
                    (len(hit.stations), "trạm BTS", "BTS")))  # fmt: skip


def impact_told(hit: Impact) -> Told:
    """Whom it hits, in a full sentence."""
    vi, en = _listed(((len(hit.isolated), "xã bị cô lập", "commune isolated"),
                      (len(hit.on_backup), "xã chạy dự phòng", "commune on backup"),
                      (len(hit.service_centres), "trung tâm phục vụ bị mất", "service centre cut off"),
                      (len(hit.stations), "trạm BTS bị mất", "BTS cut off")))  # fmt: skip
    return (f"Ảnh hưởng: {vi or 'không xã, trung tâm hay trạm nào'}.", f"Hits {en or 'no commune, centre or station'}.")


def clue_told(clue: Clue, name_of: Callable[[Subject], str] = lambda subject: subject.id) -> Told:
    """A clue and of whom it is said, without its time. KeyError: no such clue."""
    vi, en = CLUES[clue.what]
    name = name_of(clue.subject)
    return (f"{name}: {vi}", f"{name}: {en}") if name else (vi, en)


def grew(fresh: Sequence[Subject]) -> Told:
    """What an incident grew by."""
    ids = ", ".join(subject.id for subject in fresh[:5]) + (", …" if len(fresh) > 5 else "")
    return f"thêm {len(fresh)}: {ids}", f"{len(fresh)} more: {ids}"


def merged(other: Incident) -> Told:
    """That an incident turned out to be part of another."""
    return f"thuộc sự cố {other.id}", f"part of incident {other.id}"


def restored(incident: Incident) -> Told:
    """That all of an incident is back."""
    count = len(incident.ever)
    return (
        f"đã khôi phục, {count} thiết bị và tuyến",
        f"restored, {count} {_some(count, 'device or link', 'devices and links')}",
    )


def both(vi: str, en: str) -> str:
    """Both languages in one line, as the book of an incident has them."""
    return f"{vi} / {en}"


def _plain(kind: str, cause: CauseClass) -> Told:
    (vi, en), (why_vi, why_en) = ROOTS.get(kind, ("", "")), CAUSES[cause]
    return f"{vi} {{}}: {why_vi}".strip(), f"{en} {{}}: {why_en}".strip()


def _listed(counts: Sequence[tuple[int, str, str]]) -> Told:
    there = [each for each in counts if each[0]]
    vi = ", ".join(f"{count} {word}" for count, word, _ in there)
    return vi, ", ".join(f"{count} {_some(count, word, _plural(word))}" for count, _, word in there)


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

"""The situation report in words: as text to send or to read aloud on the phone, and as a page to print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netmon.causes.words import CAUSES
from netmon.model import CauseClass, Phase, Words
from netmon.reports.html import Page
from netmon.reports.sitrep import DARK_WITHIN_S, Counts, LostCommune, Place, Province, Sitrep, Storm
from netmon.reports.table import Column, Kind, Table
from netmon.targets.windows import local
from netmon.targets.words.voice import Language, Voice

PHASES = {
    Phase.PREPARE: Words("đang chuẩn bị ứng phó", "being prepared for"),
    Phase.IMPACT: Words("đang ảnh hưởng", "striking"),
    Phase.RECOVER: Words("đang khắc phục", "being recovered from"),
    Phase.OVER: Words("đã kết thúc", "over"),
}
EXERCISE = Words("[DIỄN TẬP] ", "[EXERCISE] ")

NAMED_AT_MOST = 30
"""Communes and sites that a line names; the page names all."""

_REAL = Words(
    "Đang diễn tập. Mọi số liệu trong báo cáo là tình trạng thật của mạng, không phải tình huống giả định.",
    "An exercise is being held. All figures of this report are the network's real ones, not those of the exercise.",
)
_STORED = Words(
    "netmon không chạy: đây là tình trạng sau cùng đã lưu.",
    "netmon does not run: this is how things stood when it last did.",
)


def text(report: Sitrep, language: Language) -> str:
    """The report as lines."""
    return "\n".join(_lines(report, Voice(language))) + "\n"


def headlines(report: Sitrep, language: Language) -> list[str]:
    """What is lost in each province, a line each, for those who need no more."""
    say = Voice(language)
    return [
        f"{say(one.name, one.name_en)}: {_tslcd(one.counts, (), say)} {_stations(one.counts, '', say)}"
        for one in report.provinces
    ]


def at(unix: float, now: float, say: Voice) -> str:
    """An instant, without its day when that is today."""
    return f"{local(unix):%H:%M}" if local(unix).date() == local(now).date() else say.at(unix)


def n(count: int, vi: str, one: str, many: str, say: Voice) -> str:
    """So many of something."""
    return f"{say.number(count)} {say(vi, one if count == 1 else many)}"


def storm_told(storm: Storm, say: Voice) -> str:
    """A storm, its level and its phase."""
    level = say(f" (cấp độ rủi ro {storm.level})", f" (risk level {storm.level})") if storm.level else ""
    return f"{say(*EXERCISE) if storm.exercise else ''}{storm.name}{level}: {say(*PHASES[Phase(storm.phase)])}"


# --- the text ---------------------------------------------------------------------------------------------------------


def _lines(report: Sitrep, say: Voice) -> Iterator[str]:
    yield _title(report, say)
    yield from _head(report, say)
    if len(report.provinces) > 1:
        yield ""
        yield _all(report, say).upper()
        yield from _numbered(_total(report, say))
    for province in report.provinces:
        yield ""
        yield say(province.name, province.name_en).upper()
        yield from _numbered(_province(province, report, say))


def _numbered(lines: Iterator[str]) -> Iterator[str]:
    return (f"{place}. {line}" for place, line in enumerate(lines, 1))


def _title(report: Sitrep, say: Voice) -> str:
    title = say("BÁO CÁO NHANH TÌNH HÌNH THÔNG TIN LIÊN LẠC", "SITUATION REPORT ON COMMUNICATIONS")
    return (say(*EXERCISE) if report.exercise else "") + title


def _head(report: Sitrep, say: Voice) -> Iterator[str]:
    before = ""
    if report.before is not None:
        when = at(report.before, report.at, say)
        before = say(f" (báo cáo trước: {when})", f" (report before: {when})")
    yield say("Tính đến ", "As of ") + say.at(report.at) + before
    yield from (storm_told(storm, say) for storm in report.storms)
    yield from _warnings(report, say)


def _warnings(report: Sitrep, say: Voice) -> Iterator[str]:
    if any(storm.exercise and storm.phase != Phase.PREPARE for storm in report.storms):
        yield say(*_REAL)
    if not report.live:
        yield say(*_STORED)


def _all(report: Sitrep, say: Voice) -> str:
    count = len(report.provinces)
    return say(f"Tổng cộng {count} tỉnh, thành phố", f"All {count} provinces")


def _total(report: Sitrep, say: Voice) -> Iterator[str]:
    """All provinces together, and of each what it has lost, as ministries ask for it."""
    counts, provinces = report.total, report.provinces
    lost = [
        f"{_short(one, say)} {say.number(one.counts.lost)}/{say.number(one.counts.communes)}"
        for one in provinces
        if one.counts.lost
    ]
    yield _tslcd(counts, lost, say)
    yield from _entirely(counts, (), say)
    masts = (f"{_short(one, say)} {say.number(one.counts.stations_lost)}" for one in provinces if one.counts.stations_lost)
    yield _stations(counts, _each(masts), say)
    yield _backup(counts, say) + "."
    yield _mains(counts, say) + "."
    yield _back(counts, report, say) + "."


def _province(province: Province, report: Sitrep, say: Voice) -> Iterator[str]:
    counts, now = province.counts, report.at
    alike = len(counts.lost_by_cause) == 1
    named = [f"{say(one.name, one.name_en)} ({_since(one, now, alike, say)})" for one in province.lost]
    yield _tslcd(counts, named, say)
    yield from _entirely(counts, [say(one.name, one.name_en) for one in province.lost if one.entirely], say)
    yield _stations(counts, "", say)
    yield _backup(counts, say) + _listed(_names(province.on_backup, say), say) + "."
    yield _mains(counts, say) + _listed(_names(province.on_battery, say), say) + "."
    yield from dark_told(province, now, say, NAMED_AT_MOST)
    back = [f"{say(one.name, one.name_en)} {say('lúc', 'at')} {at(one.at, now, say)}" for one in province.restored]
    yield _back(counts, report, say) + _listed(back, say) + "."


def dark_told(province: Province, now: float, say: Voice, most: int) -> Iterator[str]:
    """Whose power probably ends soon: a line, or none."""
    if not (dark := province.goes_dark):
        return
    within, sites = say.lasting(DARK_WITHIN_S), n(len(dark), "điểm", "site", "sites", say)
    told = [f"{say(one.name, one.name_en)} {say('khoảng', 'about')} {at(one.at, now, say)}" for one in dark]
    line = say(f"Sắp hết nguồn trong {within} tới: {sites}", f"Out of power within {within}: {sites}")
    yield line + _listed(told, say, most) + "."


def _tslcd(counts: Counts, who: Sequence[str], say: Voice) -> str:
    """ "62/301 communes": of those that count, those whose People's Committee is cut off, and why."""
    line = say("TSLCD cấp II: ", "TSLCD level II: ") + f"{say.number(counts.lost)}/{say.number(counts.communes)} "
    line += say("xã mất liên lạc", "commune disconnected" if counts.communes == 1 else "communes disconnected")
    line += _why(counts.lost_by_cause, say) + (f": {_first(who, say)}." if who else ".")
    if counts.unknown:
        line += " " + n(counts.unknown, "xã chưa rõ tình trạng", "commune unknown", "communes unknown", say) + "."
    if counts.unwatched:
        line += " " + n(counts.unwatched, "xã chưa được giám sát", "commune not watched", "communes not watched", say) + "."
    return line


def _why(causes: Mapping[str, int], say: Voice) -> str:
    """The one cause in words; of several each with its number, the most frequent first."""
    if len(causes) == 1:
        (cause,) = causes
        vi = f" do {CAUSES[CauseClass(cause)][0]}" if cause != CauseClass.UNKNOWN else ", chưa rõ nguyên nhân"
        return say(vi, f" ({cause_told(cause, say)})")
    in_order = sorted(causes.items(), key=lambda item: (-item[1], item[0]))
    return _each(f"{cause_told(cause, say)} {say.number(count)}" for cause, count in in_order)


def cause_told(cause: str, say: Voice) -> str:
    """A class of causes, where nothing else says that a cause is meant."""
    vi, en = CAUSES[CauseClass(cause)]
    return say(vi, "cause unknown" if cause == CauseClass.UNKNOWN else en)


def _since(one: LostCommune, now: float, alike: bool, say: Voice) -> str:
    when = f"{say('từ', 'since')} {at(one.since, now, say)}"
    return when if alike else f"{when}, {cause_told(one.cause, say)}"


def _entirely(counts: Counts, names: Sequence[str], say: Voice) -> Iterator[str]:
    if counts.lost_entirely:
        line = say(
            "Mất toàn bộ liên lạc, cả TSLCD và mọi trạm BTS được giám sát: ",
            "Everything lost, TSLCD and every base station that is watched: ",
        )
        yield line + n(counts.lost_entirely, "xã", "commune", "communes", say) + _listed(names, say) + "."


def _stations(counts: Counts, where: str, say: Voice) -> str:
    line = say("Trạm BTS mất liên lạc: ", "Base stations lost: ")
    line += f"{say.number(counts.stations_lost)}/{say.number(counts.stations)}{where}"
    if lost := counts.positions_lost:
        unnamed = say("chưa rõ nhà mạng", "operator not known")
        in_order = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
        told = (f"{name or unnamed} {say.number(some)}/{say.number(counts.positions[name])}" for name, some in in_order)
        line += say("; vị trí mất theo nhà mạng: ", "; positions lost by operator: ") + ", ".join(told)
    line += "."
    if counts.stations_unknown:
        unknown = ("trạm BTS chưa rõ tình trạng", "base station unknown", "base stations unknown")
        line += f" {n(counts.stations_unknown, *unknown, say)}."
    return line


def _backup(counts: Counts, say: Voice) -> str:
    return say("Chạy đường dự phòng: ", "On the backup link: ") + n(counts.on_backup, "xã", "commune", "communes", say)


def _mains(counts: Counts, say: Voice) -> str:
    return (
        say("Mất điện lưới, chạy ắc quy hoặc máy phát: ", "Without mains, on battery or generator: ")
        + n(counts.stations_on_battery, "trạm BTS", "base station", "base stations", say)
        + ", "
        + n(counts.communes_on_battery, "UBND xã", "People's Committee", "People's Committees", say)
    )


def _back(counts: Counts, report: Sitrep, say: Voice) -> str:
    since = at(report.since, report.at, say)
    line = say(f"Đã khôi phục từ {since}: ", f"Restored since {since}: ")
    if report.before is not None:
        line = say(f"Đã khôi phục từ báo cáo trước ({since}): ", f"Restored since the report before ({since}): ")
    stations = n(counts.stations_restored, "trạm BTS", "base station", "base stations", say)
    return f"{line}{stations}, {n(counts.communes_restored, 'xã', 'commune', 'communes', say)}"


def _names(places: Sequence[Place], say: Voice) -> list[str]:
    return [say(place.name, place.name_en) for place in places]


def _listed(told: Sequence[str], say: Voice, most: int = NAMED_AT_MOST) -> str:
    """Who it is, behind a number."""
    return f" ({_first(told, say, most)})" if told else ""


def _first(told: Sequence[str], say: Voice, most: int = NAMED_AT_MOST) -> str:
    """Of many the first, and how many more there are."""
    rest = len(told) - most
    more = say(" và ", " and ") + n(rest, "nơi khác", "other", "others", say) if rest > 0 else ""
    return ", ".join(told[:most]) + more


def _each(parts: Iterable[str]) -> str:
    told = ", ".join(parts)
    return f" ({told})" if told else ""


def _short(province: Province, say: Voice) -> str:
    """Its name without what kind of unit it is."""
    name = province.name.removeprefix("Tỉnh ").removeprefix("Thành phố ")
    return say(name, province.name_en.removesuffix(" Province").removesuffix(" City"))


# --- the page ---------------------------------------------------------------------------------------------------------


def page(report: Sitrep) -> Page:
    """The report as a page in both languages: the lines of the text, and behind them everybody that they count."""
    vi, en = Voice("vi"), Voice("en")
    facts: list[tuple[Words, Words]] = []
    if len(report.provinces) > 1:
        facts += _facts(Words(_all(report, vi), _all(report, en)), _total(report, vi), _total(report, en))
    for one in report.provinces:
        facts += _facts(Words(one.name, one.name_en), _province(one, report, vi), _province(one, report, en))
    warned = list(_both(_warnings(report, vi), _warnings(report, en)))
    return Page(
        title=Words(_title(report, vi), _title(report, en)),
        lines=[line for line in _both(_head(report, vi), _head(report, en)) if line not in warned],
        warnings=warned,
        facts=facts,
        tables=[table for one in report.provinces for table in _tables(one)],
    )


def _both(vi: Iterator[str], en: Iterator[str]) -> Iterator[Words]:
    return (Words(*told) for told in zip(vi, en, strict=True))


def _facts(name: Words, vi: Iterator[str], en: Iterator[str]) -> Iterator[tuple[Words, Words]]:
    """The name stands beside the first line alone."""
    for place, line in enumerate(_both(vi, en)):
        yield (Words("", "") if place else name), line


def _tables(province: Province) -> Iterator[Table]:
    if province.lost:
        yield _lost_table(province)
    for places, vi, en, when in (
        (province.on_backup, "xã chạy đường dự phòng", "communes on the backup link", Words("Từ", "Since")),
        (province.on_battery, "UBND xã mất điện lưới", "People's Committees without mains", Words("Từ", "Since")),
        (province.goes_dark, "sắp hết nguồn", "out of power soon", Words("Khoảng", "About")),
        (province.restored, "xã đã khôi phục", "communes restored", Words("Lúc", "At")),
    ):
        if places:
            yield Table(
                title=_titled(province, vi, en),
                columns=(*_WHO, Column("at", when, Kind.INSTANT)),
                rows=[(one.code, Words(one.name, one.name_en), one.at) for one in places],
            )


_WHO = (Column("code", Words("Mã", "Code")), Column("name", Words("Tên", "Name")))


def _titled(province: Province, vi: str, en: str) -> Words:
    return Words(f"{province.name}: {vi}", f"{province.name_en}: {en}")


def _lost_table(province: Province) -> Table:
    return Table(
        title=_titled(province, "xã mất liên lạc", "communes disconnected"),
        columns=(
            *_WHO,
            Column("since", Words("Từ", "Since"), Kind.INSTANT),
            Column("cause", Words("Nguyên nhân", "Cause")),
            Column("entirely", Words("Mất toàn bộ liên lạc", "Everything lost")),
            Column("incident", Words("Sự cố", "Incident")),
        ),
        rows=[
            (
                one.code,
                Words(one.name, one.name_en),
                one.since,
                Words(_cause(one, Voice("vi")), _cause(one, Voice("en"))),
                Words("có", "yes") if one.entirely else None,
                one.incident or None,
            )
            for one in province.lost
        ],
    )


def _cause(one: LostCommune, say: Voice) -> str:
    """The cause that holds; where a person corrected it, netmon's own beside it."""
    found = cause_told(one.found_cause, say)
    beside = say(f" (netmon xác định: {found})", f" (netmon found: {found})") if one.found_cause != one.cause else ""
    return cause_told(one.cause, say) + beside

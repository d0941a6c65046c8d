"""The wallboard as lines of a terminal: what it says of each province, the gravest first, in so many columns and lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast, get_args

from netmon.causes.words import CAUSES, ROOTS
from netmon.cli import status_words as say
from netmon.cli.colour import Ink, Line, Span
from netmon.cli.status_layout import Row, Section, aligned, fit, short
from netmon.model import CauseClass, Words
from netmon.targets.definitions import AnyTarget, Target, Unit
from netmon.targets.windows import local
from netmon.targets.words import Language
from netmon.targets.words.voice import Voice

Fact = Mapping[str, Any]

ORDER = ("isolated", "unreachable", "on_backup", "battery", "unknown", "up", "none")
"""The worst first: a narrow terminal has the ends of its lines cut."""
WORST_FIRST = ("missed", "at_risk", "unproven", "met", "exempt")
NAMED_AT_MOST = 6
"""Communes that a target names in its line."""

TITLE_COLUMNS, PLACE_COLUMNS, CAUSE_COLUMNS = 44, 28, 40

_NOTHING: Fact = {"provinces": ()}

_UNITS: Mapping[str, Unit] = {kind.rule: kind.unit for kind in get_args(AnyTarget)}


class _Figure(NamedTuple):
    """As much of a target as it takes to say a figure of it."""

    unit: Unit
    limit: float


def lines(
    board: Fact, language: Language, ink: Ink, *, now: float, columns: int | None, rows: int | None = None
) -> list[str]:
    """The page, drawn. With `columns` no line is longer, with `rows` there are no more: what finds no room is counted."""
    view = _View(board, language, ink, now)
    return [ink.draw(line, columns) for line in view.page(rows)]


def watched(
    board: Fact | None, language: Language, ink: Ink, *, silent: bool, now: float, columns: int, rows: int
) -> list[str]:
    """The page of a watch; where netmon does not answer, with that on top."""
    if board is not None and not silent:
        return lines(board, language, ink, now=now, columns=columns, rows=rows)
    stale = ink.draw(_View(board or _NOTHING, language, ink, now).stale(), columns)
    return [stale, *lines(board, language, ink, now=now, columns=columns, rows=rows - 1)] if board else [stale]


class _View:
    def __init__(self, board: Fact, language: Language, ink: Ink, now: float) -> None:
        self._board, self._ink, self._now = board, ink, now
        self._voice = Voice(language)
        self._title = f"title_{language}"
        self._name = "name" if language == "vi" else "name_en"
        self._communes = {unit["code"]: unit for province in board["provinces"] for unit in province["communes"]}

    # --- the page -----------------------------------------------------------------------------------------------------

    def page(self, rows: int | None) -> Iterator[Line]:
        """All lines; with `rows`, sections lose what is least grave, and the last are left out, until there are no more than
        that."""
        provinces = [(list(self._head(province)), list(self._sections(province))) for province in self._board["provinces"]]
        banners = list(self._banners())
        gravest = list(say.SECTIONS).index
        sections = sorted((one for _, of_province in provinces for one in of_province), key=lambda one: gravest(one.name))
        ends = list(self._ends())
        taken = len(banners) + sum(len(head) for head, _ in provinces) + len(ends)
        kept, airy = (len(sections), True) if rows is None else fit(sections, rows - taken)
        standing = {id(section) for section in sections[:kept]}
        page = [*banners]
        for head, of_province in provinces:
            page += head
            for section in of_province:
                if id(section) in standing:
                    page += [[], *self._drawn(section)] if airy else self._drawn(section)
        if kept < len(sections):
            ends.append([Span(f"  {self._of(say.MORE_SECTIONS, len(sections) - kept)}", "faint")])
        room = len(page) if rows is None else max(0, rows - len(ends))
        yield from [*page[:room], *ends][:rows]

    def _ends(self) -> Iterator[Line]:
        """What is said of all provinces together: their complaints that netmon counts and does not list."""
        complaints = self._board["complaints"]
        hidden = complaints["total"] - len(complaints["rows"])
        if hidden and len(self._board["provinces"]) > 1:
            yield [Span(f"  {self._of(say.MORE_COMPLAINTS, hidden)}", "faint")]

    def _drawn(self, section: Section) -> Iterator[Line]:
        count = f"  {section.total}" if section.counts else ""
        yield [Span(f"{self._of(say.SECTIONS[section.name])}{count}", "head"), *section.key]
        yield from aligned(section.rows)
        if section.hidden > 0:
            yield [Span(f"  {self._of(say.MORE, section.hidden)}", "faint")]
        yield from section.below

    def _head(self, province: Fact) -> Iterator[Line]:
        communes = province["communes"]
        counted = {state: sum(unit["state"] == state for unit in communes) for state in ORDER}
        counted["battery"] = province["on_battery"]["total"]
        stamp = f"netmon {self._board['version']}  {local(self._board['time']):%H:%M:%S %d/%m/%Y}"
        yield [Span(f"{province[self._name]}", "head"), Span(f"  {stamp}", "faint")]
        tally: list[Span] = []
        for state in ORDER:
            if state in ("none", "battery") and not counted[state]:
                continue
            tally += self._count(state, counted[state])
        yield tally
        devices = ", ".join(
            f"{n} {self._of(say.DEVICES[state])}"
            for state, n in sorted(province["devices"].items(), key=lambda item: -item[1])
            if n
        )
        yield [Span(f"  {self._of(say.DEVICES_ARE)}: {devices or '0'}")]

    def _count(self, state: str, n: int) -> list[Span]:
        style = state if n else "faint"
        sign = self._ink.sign(state).text
        return [Span("  "), Span(sign, style), Span(f" {n} {self._of(say.STATES[state])}", style)]

    def _banners(self) -> Iterator[Line]:
        board = self._board
        if board["self_isolated"]:
            yield self._banner("alarm", self._of(say.ALONE, self._moment(board["self_isolated_since"])))
        held = board.get("held")
        if held is not None and self._now - held["at"] < say.TROUBLE_TOLD_S:
            yield self._banner("alarm", self._held(held))
        damage = board.get("damaged")
        if damage is not None and self._now - damage["at"] < say.TROUBLE_TOLD_S:
            yield self._banner("alarm", say.damaged(damage, self._voice, self._moment(damage["at"])))
        if not board["ready"]:
            yield self._banner("unknown", self._of(say.STARTING))
        unheard = board.get("unheard", 0)
        if "mqtt" in board["lost"]:
            yield self._banner("down", self._of(say.BROKER_AWAY, unheard))
        elif unheard and board["ready"]:
            yield self._banner("unknown", self._of(say.UNHEARD, unheard))
        for name in board["lost"]:
            if name != "mqtt":
                yield self._banner("down", self._of(say.INFLUX_AWAY) if name == "influx" else self._of(say.AWAY, name))
        for storm in board["storms"]:
            yield self._banner("storm", self._storm(storm))
        for works in board["maintenance"]:
            late = self._lasting(self._now - works["until"])
            left = (
                self._of(say.OVERRUN, late)
                if works["overrun"]
                else self._of(say.LEFT, self._lasting(works["until"] - self._now))
            )
            style = "storm" if works["overrun"] else "works"
            yield self._banner(style, self._of(say.WORKS, f"{self._exercise(works)}{works['name']} ({left})"))

    def _held(self, held: Fact) -> str:
        since = self._moment(held["at"])
        if held["seconds"] is None:
            return self._of(say.ENDED, since, held["by"])
        return self._of(say.HELD, f"{held['seconds']:.0f} s", since, held["by"])

    def stale(self) -> Line:
        """That netmon does not answer since it told what stands below; or that it never did."""
        if "time" not in self._board:
            return self._banner("alarm", self._of(say.NEVER))
        heard = self._board["time"]
        return self._banner("alarm", self._of(say.STALE, f"{local(heard):%H:%M:%S}", self._lasting(self._now - heard)))

    def _banner(self, style: str, text: str) -> Line:
        return [Span(f"{self._ink.sign(style).text} {text}", style)]

    def _storm(self, storm: Fact) -> str:
        left = {
            "prepare": self._of(say.STARTS, self._lasting(storm["start"] - self._now)),
            "impact": self._of(say.LEFT, self._lasting(storm["until"] - self._now)),
        }
        parts = [storm["name"], self._of(say.LEVEL, storm["level"]), self._of(say.PHASES[storm["phase"]])]
        parts += [left[storm["phase"]]] if storm["phase"] in left else []
        return f"{self._exercise(storm)}{' · '.join(parts)}"

    def _exercise(self, window: Fact) -> str:
        return f"{self._of(say.EXERCISE)} " if window["exercise"] else ""

    # --- sections -----------------------------------------------------------------------------------------------------

    def _sections(self, province: Fact) -> Iterator[Section]:
        """Those that have something to say, and the targets."""
        incidents = [one for one in self._board["incidents"] if one["province"] == province["code"]]
        complaints = self._board["complaints"]
        of_province = [row for row in complaints["rows"] if row["province"] == province["code"]]
        alone = len(self._board["provinces"]) == 1  # else nobody knows whose those are that have no row
        dark = province["dark"]
        told: list[tuple[str, Fact, Callable[[Fact], Row]]] = [
            ("incidents", {"total": len(incidents), "rows": incidents}, self._incident),
            ("cut_off", province["cut_off"], self._cut_off),
            ("on_backup", province["on_backup"], self._on_backup),
            ("dark", dark, self._dark) if dark["total"] else ("dark", province["on_battery"], self._on_battery),
            ("down", province["down"], self._down),
            (
                "complaints",
                {"total": complaints["total"] if alone else len(of_province), "rows": of_province},
                self._complaint,
            ),
        ]
        calm = self._board["ready"] and not self._board["self_isolated"] and not province["devices"]["unknown"]
        if calm and not any(found["total"] for _, found, _ in told[:-1]):
            yield Section(name="incidents", total=0, rows=[[[self._ink.sign("up")], [Span(self._of(say.CALM))]]], counts=[])
        for name, found, row in told:
            if found["total"]:
                rows = found["rows"]
                counts = [one.get("count", 1) for one in rows]
                yield Section(name=name, total=found["total"], rows=[row(one) for one in rows], counts=counts)
        if province["targets"]:
            yield self._targets(province)

    def _incident(self, one: Fact) -> Row:
        hits = [self._of(words, len(one["impact"][kind])) for kind, words in say.HITS.items() if one["impact"][kind]]
        state = next((kind for kind in ("isolated", "on_backup") if one["impact"][kind]), "down")
        who = [self._of(say.TAKEN, one["acknowledged"].removeprefix("web:"))] if one["acknowledged"] else []
        who += [self._of(say.HANDED, one["assigned"])] if one["assigned"] else []
        cause, found = (self._of(CAUSES[CauseClass(one[key])]) for key in ("cause", "found_cause"))
        hits += [self._of(say.FALLEN, one["down"])] if one["down"] else []
        return [
            [self._ink.sign(state)],
            [Span(one["id"])],
            [Span(self._lasting(self._now - one["since"]))],
            [Span(f"{cause} (netmon: {found})" if found != cause else cause, state)],
            [Span(", ".join(who), "up") if who else Span(self._of(say.NOBODY), "at_risk")],
            [Span(short(self._root(one["root"]), CAUSE_COLUMNS))],
            [Span(" · ".join(hits))],
        ]

    def _root(self, root: Fact) -> str:
        if root["kind"] == "commune":
            return self._commune(root["id"])
        kind = self._of(ROOTS[root["kind"]]) if root["kind"] in ROOTS else ""
        named = f"{kind} {root['id']}".strip() if root["id"] != root["kind"] else str(root["id"])
        return f"{named}, {root['name']}" if root.get("name") else named

    def _cut_off(self, row: Fact) -> Row:
        if row["state"] == "isolated":
            return self._row("isolated", self._place(row["sites"][0]), row["since"], self._lost(row["links"]))
        cause = row["cause"]
        why = self._of(say.BECAUSE, f"{cause['device']}, {cause['name']}") if cause else self._of(say.UPSTREAM)
        if row["count"] == 1:
            return self._row("unreachable", self._place(row["sites"][0]), row["since"], why)
        named = ", ".join(map(self._place, row["sites"])) + ("…" if row["count"] > len(row["sites"]) else "")
        return self._row("unreachable", self._of(say.SITES, row["count"]), row["since"], f"{why}: {named}")

    def _on_backup(self, row: Fact) -> Row:
        return self._row("on_backup", self._place(row["sites"][0]), row["since"], self._lost(row["links"]))

    def _on_battery(self, row: Fact) -> Row:
        return self._row("battery", self._place(row["sites"][0]), row["since"], self._site(row["sites"][0]))

    def _dark(self, row: Fact) -> Row:
        likely, earliest, latest = row["likely"], row["earliest"], row["latest"]
        left = self._of(say.NO_TIME)
        if likely is not None:
            left = self._of(say.LEFT, self._lasting(likely - self._now)) if likely > self._now else self._of(say.DUE)
            if earliest is not None and latest is not None:
                left += f" ({local(earliest):%H:%M}–{local(latest):%H:%M})"
        return self._row("battery", self._place(row), row["since"], left, self._site(row))

    def _down(self, row: Fact) -> Row:
        device = row["device"]
        if not device:
            return self._row("down", self._of(say.ORPHANS, row["count"]), row["since"], self._of(say.RECHECKING))
        named = device["device"] + (f", {self._of(say.BEHIND, row['behind'])}" if row["behind"] else "")
        return self._row("down", self._place(device), row["since"], named, self._site(device), row["detail"])

    def _complaint(self, row: Fact) -> Row:
        return self._row("unknown", self._commune(row["commune"]), row["since"], row["id"], row["detail"])

    def _row(self, state: str, place: str, since: float | None, *parts: str) -> Row:
        lasting, at = (self._lasting(self._now - since), self._of(say.SINCE, self._moment(since))) if since else ("", "")
        words = " · ".join(filter(None, parts))
        return [
            [self._ink.sign(state)],
            [Span(short(place, PLACE_COLUMNS), state)],
            [Span(lasting)],
            [Span(at, "faint")],
            [Span(words)],
        ]

    def _targets(self, province: Fact) -> Section:
        """A line a target, the worst first: its communes by verdict, the province's own verdict, whom it misses."""
        shares = {target["of"] or target["id"]: target for target in province["targets"] if target["level"] == "province"}
        judged = [target for target in province["targets"] if target["level"] == "commune"]

        def badness(target: Fact) -> tuple[float, ...]:
            return tuple(-target["counts"][standing] for standing in WORST_FIRST[:3])

        rows: list[Row] = []
        missed = ""
        for target in sorted(judged, key=badness):
            counts = [
                Span(f"{self._ink.sign(standing).text} {target['counts'][standing]}  ", standing)
                for standing in WORST_FIRST
                if target["counts"][standing]
            ]
            worst = [entry for entry in target["worst"] if entry["standing"] in ("missed", "at_risk")]
            missed = missed or next((f"{target['id']}/{e['commune']}" for e in worst if e["standing"] == "missed"), "")
            tail: list[Span] = [*self._share(shares.get(target["id"]))]
            tail += chain.from_iterable(self._named(target, entry) for entry in worst[:NAMED_AT_MOST])
            rows.append(
                [
                    [Span(target["id"], "faint")],
                    [Span(short(target[self._title], TITLE_COLUMNS))],
                    counts or [Span(self._of(say.NOT_JUDGED), "faint")],
                    tail,
                ]
            )
        ids = {target["id"] for target in judged}
        for share in (share for of, share in shares.items() if of not in ids):
            said = [*self._share(share)] or [Span(self._of(say.NOT_JUDGED), "faint")]
            rows.append([[Span(share["id"], "faint")], [Span(short(share[self._title], TITLE_COLUMNS))], said, []])
        key = [
            Span(f"   {self._ink.sign(standing).text} {self._of(say.STANDINGS[standing])}", standing)
            for standing in WORST_FIRST
        ]
        below: list[Line] = [[Span(f"  {self._of(say.WHY, missed)}", "faint")]] if missed else []
        return Section(name="targets", total=len(rows), rows=rows, counts=[1] * len(rows), key=key, below=below)

    def _share(self, share: Fact | None) -> Iterator[Span]:
        if share is None or not share["standing"]:
            return
        figure = self._figure(share, share["value"])
        words = self._of(say.STANDINGS[share["standing"]])
        if share["value"] is not None:
            words = self._of(say.PROVEN, figure) if share["standing"] == "unproven" else f"{words} {figure}"
        yield Span(f"{self._of(say.PROVINCE, words)}  ", share["standing"])

    def _named(self, target: Fact, entry: Fact) -> Iterator[Span]:
        figure = f" {self._figure(target, entry['value'])}" if entry["value"] is not None else ""
        yield Span(f"{self._commune(entry['commune'])}{figure}  ", entry["standing"])

    # --- words --------------------------------------------------------------------------------------------------------

    def _of(self, words: Words, *parts: object) -> str:
        return self._voice(*words).format(*parts)

    def _figure(self, target: Fact, value: float | None) -> str:
        shown = _Figure(_UNITS.get(target["rule"], Unit.RATIO), target["limit"])
        return self._voice.figure(cast("Target", shown), value)

    def _lasting(self, seconds: float) -> str:
        minutes = int(max(0.0, seconds) // 60)
        if minutes < 1:
            return self._of(say.SOON)
        if minutes < 60:
            return self._of(say.MINUTES, minutes)
        hours = minutes // 60
        return (
            self._of(say.HOURS, hours, f"{minutes % 60:02d}") if hours < 48 else self._of(say.DAYS, hours // 24, hours % 24)
        )

    def _moment(self, unix: float | None) -> str:
        if not unix:
            return "-"
        at, today = local(unix), local(self._now)
        return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%H:%M %d/%m}"

    def _commune(self, code: str) -> str:
        unit = self._communes.get(code)
        return code if unit is None else str(unit[self._name])

    def _place(self, place: Fact) -> str:
        """A site is known by its commune, but for what serves the whole province."""
        return str(place["name"]) if place["kind"] == "provincial_centre" else self._commune(place["commune"])

    def _site(self, place: Fact) -> str:
        return "" if place["kind"] in ("peoples_committee", "provincial_centre") else str(place["name"])

    def _lost(self, links: Sequence[Fact]) -> str:
        named = "; ".join(
            " ".join(filter(None, (self._of(say.LINKS[link["kind"]]), link["operator"].upper(), link["circuit"])))
            for link in links
        )
        return self._of(say.LOST, named) if named else ""

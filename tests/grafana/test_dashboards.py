"""The dashboards as JSON: what Grafana needs to show them, what people need to read them, and ways that lead somewhere.

Nothing is asked of a Prometheus here; `test_queries` reads the expressions, `test_live` asks them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from urllib.parse import parse_qsl, urlsplit

import pytest

from grafana import build
from grafana.panels import COLUMNS, SOURCE
from tests.grafana.boards import (
    LANGUAGES,
    Json,
    board,
    boxes,
    dashboards,
    in_both,
    is_text,
    labels_of,
    leaves,
    links_of,
    names,
    panels,
    variables_in,
)

BOARDS = {
    *("province", "commune", "link", "capacity", "uptime", "power", "fibre", "storm", "speed", "itself"),
}
AT_ONCE = 15
"""Panels outside closed rows that a person on shift still reads."""
DRAWN = {"timeseries", "stat", "gauge", "bargauge", "table", "state-timeline", "geomap", "heatmap", "barchart", "piechart"}
PANELS = {*DRAWN, "row", "text"}
"""Kinds of panels that every Grafana from 11.0 has."""
UNITLESS = {"", "none"}
NAMES = re.compile(
    r"netmon|Grafana|Prometheus|InfluxDB|Internet|SNMP|MQTT|BTS|UBND|SQLite|TSLCD|ONU|OLT|CPU|RSS|p\d\d|P\d\d|dBm|dB|ms|Mbit/s"
    r"|trap|inform|srlg|min|max|LTE|[2345]G|VNPT|Viettel|MobiFone|English|Tiếng Việt|\{\{.*?\}\}|\$\{.*?\}|\$\w+"
)
"""What is the same in both languages: names, and what is filled in."""
VIETNAMESE = re.compile("[ăâđêôơưàáạảãầấậẩẫằắặẳẵèéẹẻẽềếệểễìíịỉĩòóọỏõồốộổỗờớợởỡùúụủũừứựửữỳýỵỷỹ]", re.IGNORECASE)
OUTSIDE = re.compile(r"(?i)\b(?:https?|wss?|ftp)://(?!localhost\b)|^//\w|<(?:img|script|iframe|link)\b")
SAID_OF_NOTHING = {
    *("–", "Không có dòng nào", "No rows", "Không có số đo của cổng nào", "No figures of a port"),
    *("Không có số đo quang", "No figures of light", "Không có số đo của ắc quy nào", "No figures of a battery"),
    *("Chưa có lần đo", "No test yet", "Không có netmon", "No netmon"),
}
WORDS_AT_LEAST = 12
"""So many letters of Vietnamese have a mark on one of them."""

every_dashboard = pytest.mark.parametrize("key", in_both())


def letters(text: str) -> str:
    return re.sub(r"[\W\d_]", "", NAMES.sub("", text))


def test_the_files_in_the_repository_are_what_the_code_makes():
    assert build.differences() == [], "make them anew: python -m grafana.build"


def test_a_file_that_somebody_edited_deleted_or_added_is_named(tmp_path):
    """So that the test above can fail."""
    build.write(tmp_path)
    assert build.differences(tmp_path) == []
    first, second, *_ = sorted(tmp_path.glob("vi/*.json"))
    first.write_text(first.read_text().replace('"editable": false', '"editable": true'))
    second.unlink()
    (tmp_path / "en" / "mine.json").write_text("{}")
    assert build.differences(tmp_path) == ["en/mine.json", f"vi/{first.name}", f"vi/{second.name}"]


def test_every_dashboard_is_there_in_both_languages():
    assert {name for language, name in dashboards() if language == "vi"} == BOARDS
    assert {name for language, name in dashboards() if language == "en"} == BOARDS


def test_uids_are_stable_and_nobodys_else():
    """Links and bookmarks go by them: the name of the file and its language."""
    assert {key: made["uid"] for key, made in dashboards().items()} == {
        (language, name): f"netmon-{name}-{language}" for language, name in dashboards()
    }
    for language in LANGUAGES:
        titles = [made["title"] for (spoken, _), made in dashboards().items() if spoken == language]
        assert len(set(titles)) == len(titles)
    assert not {"id"} & {key for made in dashboards().values() for key in made}, "a database gives ids of its own"


@every_dashboard
def test_nobody_edits_a_dashboard_that_the_next_deployment_would_overwrite(key: str):
    assert board(key)["editable"] is False


@every_dashboard
def test_a_dashboard_is_of_a_schema_and_of_panels_that_grafana_11_has(key: str):
    made = board(key)
    assert made["schemaVersion"] == 39
    assert {panel["type"] for panel in boxes(made)} <= PANELS
    assert made["timezone"] == "Asia/Ho_Chi_Minh"


@every_dashboard
def test_ids_of_panels_are_unique_so_that_links_to_one_find_it(key: str):
    ids = Counter(panel["id"] for panel in boxes(board(key)))
    assert max(ids.values()) == 1
    assert min(ids) >= 1


@every_dashboard
def test_panels_lie_in_the_grid_and_on_no_other(key: str):
    """Those in closed rows too, as if all were open."""
    taken: dict[tuple[int, int], str] = {}
    for panel in boxes(board(key)):
        place = panel["gridPos"]
        x, y, w, h = (place[side] for side in "xywh")
        assert min(w, h) > 0, panel["title"]
        assert min(x, y) >= 0, panel["title"]
        assert x + w <= COLUMNS, panel["title"]
        for square in ((column, line) for column in range(x, x + w) for line in range(y, y + h)):
            assert square not in taken, f"{panel['title']} lies on {taken[square]}"
            taken[square] = panel["title"]


def compacted(section: list[dict[str, int]]) -> tuple[set[tuple[int, int]], int]:
    """The squares that panels take once Grafana has moved each up as far as it goes, and how deep they reach."""
    taken: set[tuple[int, int]] = set()
    for place in sorted(section, key=lambda place: (place["y"], place["x"])):
        columns = range(place["x"], place["x"] + place["w"])
        top = max((line + 1 for column, line in taken if column in columns), default=0)
        taken |= {(column, line) for column in columns for line in range(top, top + place["h"])}
    return taken, max(line for _, line in taken) + 1


@every_dashboard
def test_the_panels_of_a_row_leave_no_hole(key: str):
    """Each row is a full rectangle, as Grafana lays it out."""
    title, sections = "", {}
    for panel in boxes(board(key)):
        if panel["type"] == "row":
            title = panel["title"]
        else:
            sections.setdefault(title, []).append(panel["gridPos"])
    for title, section in sections.items():
        taken, depth = compacted(section)
        missing = {(column, line) for column in range(COLUMNS) for line in range(depth)} - taken
        assert not missing, f"{title}: columns {sorted({x for x, _ in missing})}, lines {sorted({y for _, y in missing})}"


@every_dashboard
def test_only_closed_rows_hold_panels_and_every_row_has_some(key: str):
    tops = board(key)["panels"]
    for n, panel in enumerate(tops):
        if panel["type"] == "row":
            assert bool(panel["panels"]) == panel["collapsed"], panel["title"]
            assert panel["collapsed"] or (n + 1 < len(tops) and tops[n + 1]["type"] != "row"), panel["title"]
            assert panel["title"].strip()


@every_dashboard
def test_a_dashboard_asks_at_first_no_more_than_a_person_reads(key: str):
    shown = [panel["title"] for panel in board(key)["panels"] if panel["type"] in DRAWN]
    assert len(shown) <= AT_ONCE, shown


@every_dashboard
def test_every_panel_says_what_it_is(key: str):
    """A title, and a description that says what it is made from and what to do: more than the title again."""
    made = board(key)
    assert made["description"].strip()
    titles = Counter((panel["type"], panel["title"]) for panel in panels(made))
    assert max(titles.values()) == 1, titles.most_common(1)
    for panel in panels(made):
        assert panel["title"].strip()
        assert len(panel["description"]) > max(20, len(panel["title"])), f"{panel['title']}: {panel['description']}"


@every_dashboard
def test_every_panel_has_a_unit_or_words_for_its_values(key: str):
    for panel in panels(board(key)):
        told, shows_names = panel["fieldConfig"]["defaults"], panel["options"].get("textMode") == "name"
        assert told["unit"] not in UNITLESS or told["mappings"] or shows_names, panel["title"]


@every_dashboard
def test_no_panel_is_empty(key: str):
    for panel in panels(board(key)):
        assert [target for target in panel["targets"] if not target.get("hide")], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs), panel["title"]
        assert all(target["expr"].strip() for target in panel["targets"]), panel["title"]


@every_dashboard
def test_an_empty_panel_does_not_say_that_all_is_well(key: str):
    """It is as empty when netmon is silent."""
    for panel in panels(board(key)):
        assert panel["fieldConfig"]["defaults"]["noValue"] in SAID_OF_NOTHING, panel["title"]


@every_dashboard
def test_a_table_of_incidents_leads_on_to_communes(key: str):
    language = key.partition("/")[0]
    for panel in panels(board(key)):
        if any({"incident", "root"} & set(step["options"].get("renameByName", ())) for step in panel["transformations"]):
            ways = [link["url"] for link in panel["fieldConfig"]["defaults"]["links"]]
            assert any(
                way.startswith(f"/d/netmon-commune-{language}?var-commune=${{__data.fields.commune}}") for way in ways
            )


@every_dashboard
def test_everything_is_asked_of_the_data_source_that_is_chosen_above(key: str):
    """A fixed one would be empty in every other Grafana."""
    made = board(key)
    chooser, *others = made["templating"]["list"]
    others = [variable for variable in others if variable["type"] == "query"]
    assert (chooser["name"], chooser["type"], chooser["query"]) == ("datasource", "datasource", "prometheus")
    askers = [*others, *made["annotations"]["list"], *panels(made)]
    askers += [target for panel in panels(made) for target in panel["targets"]]
    assert [asker for asker in askers if asker.get("datasource") != SOURCE] == []


@every_dashboard
def test_variables_follow_the_time_and_the_choice_before_them(key: str):
    chosen = {"datasource"}
    for variable in board(key)["templating"]["list"]:
        if variable["type"] == "query":
            assert variable["refresh"] == 2, f"{variable['name']} is asked only when the dashboard is opened"
            assert variables_in(json.dumps(variable["query"])) <= chosen, f"{variable['name']} hangs on one after it"
            assert variable["label"].strip()
        chosen.add(variable["name"])


@every_dashboard
def test_nothing_names_a_variable_that_the_dashboard_has_not(key: str):
    made = board(key)
    known = {variable["name"] for variable in made["templating"]["list"]} | {"datasource"}
    for path, value in leaves(made):
        if isinstance(value, str):
            strange = {name for name in variables_in(value) if not name.startswith("__")} - known
            assert not strange, f"{path}: {strange}"


@every_dashboard
def test_every_variable_is_used(key: str):
    """One that nothing hangs on is a promise that is not kept."""
    made = board(key)
    texts = [value for path, value in leaves(made) if isinstance(value, str) and path[-1] not in ("name", "definition")]
    used = {name for text in texts for name in variables_in(text)}
    assert {variable["name"] for variable in made["templating"]["list"]} <= used


@every_dashboard
def test_every_link_leads_to_a_dashboard_and_sets_only_what_it_has(key: str):
    """In the same language, with the time and the data source kept; each ${…} is one that the panel has."""
    language = key.partition("/")[0]
    theirs = {made["uid"]: made for (spoken, _), made in dashboards().items()}
    for where, link, panel in links_of(board(key)):
        if panel is None:
            assert (link["keepTime"], link["includeVars"]) == (True, True), link["title"]
            assert link["type"] == "dashboards" or link["url"].removeprefix("/d/") in theirs, link
            continue
        assert link["title"].strip()
        assert not link["targetBlank"], where
        address = urlsplit(link["url"])
        if link["url"].startswith("${wallboard}"):
            continue  # netmon's own pages, at the address that is typed in above
        uid = address.path.removeprefix("/d/")
        assert uid in theirs, f"{where} leads to {address.path}"
        assert uid.endswith(f"-{language}"), f"{where} leads to {address.path}"
        variables = {variable["name"] for variable in theirs[uid]["templating"]["list"]}
        handed = {name for name in variables_in(address.query) if not name.startswith("__")}
        set_there = {name.removeprefix("var-") for name, _ in parse_qsl(address.query) if name.startswith("var-")}
        kept = {found[1] for found in re.finditer(r"\$\{(\w+):queryparam\}", address.query)}
        assert set_there | kept <= variables, f"{where} sets {sorted((set_there | kept) - variables)} at {uid}"
        assert {"province", "datasource"} <= kept | set_there, where
        assert handed <= {variable["name"] for variable in board(key)["templating"]["list"]}, where
        assert "${__url_time_range}" in address.query, f"{where} loses the time"


@every_dashboard
def test_a_link_of_a_row_reads_columns_that_the_table_has(key: str):
    """A column that is hidden is there; one that is filtered out is not, and the link would lead nowhere."""
    for where, link, panel in links_of(board(key)):
        if panel is None or panel["type"] != "table":
            continue
        kept = [step["options"] for step in panel["transformations"] if step["id"] == "filterFieldsByName"]
        columns = {name for options in kept for name in options["include"]["names"]}
        read = set(re.findall(r"__data\.fields\.(\w+)", link["url"])) | set(
            re.findall(r"__data\.fields\[['\"]?([^\]'\"]+)", link["url"])
        )
        assert read <= columns, f"{where} reads {sorted(read - columns)}"


@every_dashboard
def test_nothing_is_fetched_from_outside_the_province(key: str):
    """No tiles, pictures or pages of the internet: the screens go on when it is away, and tell nobody."""
    for path, value in leaves(board(key)):
        if isinstance(value, str) and path[-1] != "description":
            assert not OUTSIDE.search(value), f"{path}: {value}"
    for panel in boxes(board(key)):
        if panel["type"] == "geomap":
            layer = panel["options"]["basemap"]
            assert layer["type"] == "xyz", "every other base layer loads tiles of somebody"
            assert layer["config"]["url"].startswith("data:image/"), "an empty address falls back to tiles of the internet"


@pytest.mark.parametrize("name", names())
def test_both_languages_show_the_same_in_other_words(name: str):
    """The same ids, expressions and places; every text is said in both."""
    vi, en = (dict(leaves(board(f"{language}/{name}"))) for language in LANGUAGES)

    def alike(tree: dict[tuple[str | int, ...], object]) -> Counter[tuple[str | int, ...]]:
        """How often each place is taken; keys that are columns may differ, as the label of a commune's name does."""
        return Counter(path[:-1] if path[-2:-1] in COLUMNS_BY_NAME else path for path in tree)

    assert alike(vi) == alike(en)
    by_language = {"uid", "url", "tags", "regex", "options", "definition", "query"}
    for path in sorted(vi.keys() & en.keys(), key=str):
        ours, theirs = vi[path], en[path]
        if is_text(path) and isinstance(ours, str):
            untranslated = ours == theirs and letters(ours) and not is_code(ours)
            assert not untranslated, f"{path}: {ours!r} is the same in both languages"
        elif path[-1] == "unit" and str(ours).startswith("suffix:"):
            assert str(theirs).startswith("suffix:"), path
        elif ours != theirs:
            assert by_language & set(map(str, path[-3:])) or spoken_name(path), f"{path}: {ours!r}, {theirs!r}"


COLUMNS_BY_NAME = {("renameByName",), ("indexByName",), ("excludeByName",)}


def is_code(text: str) -> bool:
    """A name of the machine's own, as a label or a value has it."""
    return bool(re.fullmatch(r"[a-z0-9_.{}]+|All|__auto", text))


def spoken_name(path: tuple[str | int, ...]) -> bool:
    """The names of fields that are titles: matchers, and what transformations count or sort by."""
    return bool({"overrides", "transformations", "sortBy"} & set(path))


@every_dashboard
def test_vietnamese_texts_are_vietnamese_and_english_ones_english(key: str):
    for path, value in leaves(board(key)):
        if not (is_text(path) and isinstance(value, str)):
            continue
        bare = re.sub(r"\{\{.*?\}\}|Tiếng Việt|Cao Bằng|QĐ-TTg", "", value)
        if key.startswith("vi/"):
            assert len(letters(value)) < WORDS_AT_LEAST or VIETNAMESE.search(bare), f"{path}: {value}"
        else:
            assert not VIETNAMESE.search(bare), f"{path}: {value}"


def is_turned(panel: Json) -> bool:
    """Whether its columns are values of a label, which nobody knows here."""
    return any(step["id"] == "groupingToMatrix" for step in panel["transformations"])


@every_dashboard
def test_a_property_of_one_field_is_for_a_field_that_is_there(key: str):
    """An override for a column that was renamed or left out does nothing, and nobody would see."""
    for panel in panels(board(key)):
        refs = {target["refId"] for target in panel["targets"]}
        columns = {f"Value #{ref}" for ref in refs} if len(refs) > 1 else {"Value"}
        columns = columns.union(("Time",), *(labels_of(target["expr"]) or () for target in panel["targets"]))
        for step in panel["transformations"]:
            renamed = step["options"].get("renameByName", {})
            columns |= {*renamed, *renamed.values()}
        legends = {target["legendFormat"] for target in panel["targets"]}
        for each in panel["fieldConfig"]["overrides"]:
            kind, named = each["matcher"]["id"], each["matcher"]["options"]
            if kind == "byFrameRefID":
                assert named in refs, f"{panel['title']}: {named}"
            elif kind == "byName" and not any("{{" in legend for legend in legends) and not is_turned(panel):
                assert named in columns | legends, f"{panel['title']}: {named}"

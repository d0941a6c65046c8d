"""`netmon site`: all that is known of one site, as a table for people or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netmon import units
from netmon.catalogue import DEVICE
from netmon.cli.verdicts import terminal_language
from netmon.cli.words import add_config, ago, fail, moment, out, table
from netmon.control import ControlError, ask
from netmon.settings import ConfigErrors, quantities, where
from netmon.targets.words import Language

_TITLES = {
    "links": ("Các tuyến", "Links"),
    "devices": ("Thiết bị", "Devices"),
    "mains": ("Điện lưới", "Mains"),
    "rectifier": ("Bộ chỉnh lưu", "Rectifier"),
    "battery": ("Ắc quy", "Battery"),
    "generator": ("Máy phát", "Generator"),
    "room": ("Phòng thiết bị", "Room"),
    "transport": ("Truyền dẫn", "Transport"),
    "carriers": ("Nhà mạng trên trạm", "Operators on the mast"),
}
_WORDS = {
    "up": ("hoạt động", "up"),
    "down": ("mất", "down"),
    "on_backup": ("chạy dự phòng", "on_backup"),
    "isolated": ("bị cô lập", "isolated"),
    "unreachable": ("không liên lạc được", "unreachable"),
    "suspect": ("nghi ngờ", "suspect"),
    "unknown": ("chưa rõ", "unknown"),
    "primary": ("chính", "primary"),
    "backup": ("dự phòng", "backup"),
    "equipment": ("phòng thiết bị", "equipment room"),
    "office": ("văn phòng", "office"),
    "feed": ("nhà mạng báo", "feed"),
    "power": ("nguồn điện", "power"),
    "transport": ("truyền dẫn", "transport"),
    "probe": ("thiết bị đo", "probe"),
}
_KIND = {
    "peoples_committee": ("UBND", "People's Committee"),
    "service_centre": ("trung tâm phục vụ hành chính công", "service centre"),
    "bts": ("trạm BTS", "base station"),
    "agent_point": ("điểm đại lý", "agent point"),
    "provincial_centre": ("trung tâm tỉnh", "provincial centre"),
    "industrial_park": ("khu công nghiệp", "industrial park"),
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "site",
        help="all that is known of one site: service, links, power, air, transport, cells",
        description="Shows one site as a running daemon sees it: its service and links, mains, rectifier, battery, "
        "generator, air, doors, transport, the cells of the operators on its mast, and what that rests on.",
    )
    parser.add_argument("site", metavar="SITE", help="the id of the site, as the inventory has it")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="how to print it (default: table)")
    parser.add_argument("--lang", choices=("vi", "en"), help="the language (default: that of the terminal)")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        control = where(args.config).control
        told = ask(control, "site", name=args.site)["facts"]
    except (ConfigErrors, ControlError) as error:
        return fail(str(error))
    except (FileNotFoundError, ConnectionRefusedError):
        return fail(f"no daemon listens on {control}: it alone has the readings of a site")
    except OSError as error:
        return fail(f"the daemon on {control} cannot be asked: {error.strerror or error}")
    if args.format == "json":
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        out(show(told, args.lang or terminal_language()))
    return 0


def show(told: Mapping[str, Any], language: Language) -> str:
    """The facts as a page of a terminal."""
    return "\n\n".join(_Page(told, language).parts())


class _Page:
    """One site in one language."""

    def __init__(self, told: Mapping[str, Any], language: Language) -> None:
        self._told = told
        self._vi = language == "vi"

    def parts(self) -> Iterator[str]:
        told = self._told
        yield self._head()
        yield from self._table(
            "links",
            (self._say("TUYẾN", "LINK"), self._say("VAI TRÒ", "ROLE"), self._say("TRẠNG THÁI", "STATE"), self._since_head()),
            (
                (row["link"], self._word(row["role"]), self._word(row["state"]), moment(row["since"]))
                for row in told["links"]
            ),
        )
        yield from self._table(
            "devices",
            (self._say("THIẾT BỊ", "DEVICE"), self._say("TRẠNG THÁI", "STATE"), self._since_head()),
            ((row["device"], self._word(row["state"]), moment(row["since"])) for row in told["devices"]),
        )
        for section, rows in told["readings"].items():
            yield from self._table(
                section,
                (
                    self._say("ĐẠI LƯỢNG", "WHAT"),
                    self._say("BỘ PHẬN", "PART"),
                    self._say("GIÁ TRỊ", "VALUE"),
                    self._age_head(),
                ),
                ((self._label(row), row["part"] or "-", self._value(row), ago(row["age_s"])) for row in rows),
            )
        if told["carriers"]:
            yield f"{self._title('carriers')}\n{self._carriers()}"
        yield self._evidence()

    def _head(self) -> str:
        told, mains = self._told, self._told["mains"]
        kind = self._say(*_KIND[told["kind"]])
        service = self._word(told["service"]) + (f" {self._since(told['since'])}" if told["since"] else "")
        unit, code = units.load().unit(told["commune"], quantities.today()), told["commune"]
        place = self._say("đơn vị cấp xã", "commune") if unit is None else self._say(unit.name, unit.name_en)
        where = f"{place} ({code}), {self._word(told['room'])}"
        lines = [
            f"{told['name']} ({told['site']}): {kind}, {where}",
            f"{self._say('Dịch vụ', 'Service')}: {service}",
        ]
        if mains["device"] or told["readings"]["battery"]:
            state = self._word(mains["state"])
            was = f" ({self._say('lần cuối', 'last')}: {self._word(mains['last'])})" if mains["state"] == "unknown" else ""
            since = f" {self._since(mains['since'])}" if mains["since"] and not was else ""
            lines.append(f"{self._title('mains')}: {state}{since}{was if mains['last'] else ''}")
        return "\n".join(lines)

    def _carriers(self) -> str:
        head = (
            *(self._say("NHÀ MẠNG", "OPERATOR"), self._say("CÔNG NGHỆ", "TECHNOLOGY"), self._say("Ô", "CELL")),
            *(self._say("TRẠNG THÁI", "STATE"), self._since_head(), self._age_head()),
        )
        rows = []
        for carrier in self._told["carriers"]:
            if not carrier["cells"]:
                technologies = " ".join(carrier["technologies"]) or "-"
                never = self._say("chưa báo", "not told")
                rows.append((carrier["operator"], technologies, "-", f"{self._word('unknown')} ({never})", "-", "-"))
            rows += [
                (
                    carrier["operator"],
                    cell["technology"],
                    cell["cell"],
                    self._word(cell["state"]),
                    moment(cell["since"]),
                    ago(cell["age_s"]),
                )
                for cell in carrier["cells"]
            ]
        return table(head, rows)

    def _evidence(self) -> str:
        said = [
            f"{self._word(name)}: " + (self._say("có", "yes") if there["there"] else self._say("không", "no"))
            + (f" ({ago(there['age_s'])})" if there["age_s"] is not None else "")
            for name, there in self._told["evidence"].items()
        ]  # fmt: skip
        return f"{self._say('Căn cứ', 'Evidence')}: {', '.join(said)}"

    def _table(self, section: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
        found = list(rows)
        if found:
            yield f"{self._title(section)}\n{table(head, found)}"

    def _label(self, row: Mapping[str, Any]) -> str:
        """What a family's help calls it; of one that is 1 or 0, when it is 1."""
        family = DEVICE[row["family"]]
        text = (family.vi if self._vi else family.en).rstrip(".")
        text = text.removeprefix("1 nếu ").removeprefix("1 if ").partition(", 0 ")[0]
        return text[:1].upper() + text[1:]

    def _value(self, row: Mapping[str, Any]) -> str:
        value, family = row["value"], row["family"]
        if DEVICE[family].en.startswith("1 if "):
            text = self._say("có", "yes") if value else self._say("không", "no")
        elif family.endswith("_ratio"):
            text = f"{self._number(100 * value)} %"
        elif family.endswith("_seconds"):
            text = ago(value)
        else:
            text = f"{self._number(value)} {row['unit']}".rstrip()
        return text if row["holds"] else f"{self._word('unknown')} ({self._say('đã là', 'was')} {text})"

    def _number(self, value: float) -> str:
        text = f"{value:z.4g}" if abs(value) < 10_000 else f"{value:.0f}"
        return text.replace(".", ",") if self._vi else text

    def _since(self, unix: float) -> str:
        return f"{self._say('từ', 'since')} {moment(unix)}"

    def _since_head(self) -> str:
        return self._say("TỪ", "SINCE")

    def _age_head(self) -> str:
        return self._say("CÁCH ĐÂY", "AGE")

    def _title(self, section: str) -> str:
        return self._say(*_TITLES[section])

    def _word(self, word: str) -> str:
        return self._say(*_WORDS[word]) if word in _WORDS else word

    def _say(self, vi: str, en: str) -> str:
        return vi if self._vi else en

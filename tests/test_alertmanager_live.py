"""A real Alertmanager on what `netmon calendar export` makes: whom it calls on which day, and what its templates say."""

from __future__ import annotations

import email
import email.policy
import json
import re
import shutil
import socketserver
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from netmon.alertmanager import alertmanager_yml
from netmon.events.calendar import Calendar, Contact, Holiday, Hours, Mail, PublicDays, Shift
from netmon.public_holidays import public_days
from tests import peers

DEADLINE_S = 30.0
DEPLOY = peers.ROOT / "deploy" / "alertmanager"


@dataclass
class Heard:
    """What came out of Alertmanager: bodies of webhooks by their paths, and mails."""

    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    web: int = 0
    smtp: int = 0

    def told(self, alert: str, status: str) -> set[str]:
        """The teams that were told of an alert."""
        return {
            path.removeprefix("/")
            for path, body in self.posts
            if body.get("status") == status and body["groupLabels"]["alertname"] == alert
        }


@contextmanager
def sinks() -> Iterator[Heard]:
    """A web server and a mail server that take everything."""
    heard = Heard()

    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.posts.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 sink\r\n")
            while line := self.rfile.readline():
                match line[:4].upper():
                    case b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        parts = [*iter(self.rfile.readline, b".\r\n")]
                        content = b"".join(part.removeprefix(b".") if part.startswith(b"..") else part for part in parts)
                        heard.mails.append(email.message_from_bytes(content, policy=email.policy.default))
                        self.wfile.write(b"250 taken\r\n")
                    case b"QUIT":
                        self.wfile.write(b"221 bye\r\n")
                        return
                    case _:
                        self.wfile.write(b"250 ok\r\n")

    with (
        ThreadingHTTPServer((peers.LOOPBACK, 0), Web) as web,
        socketserver.ThreadingTCPServer((peers.LOOPBACK, 0), Smtp) as smtp,
    ):
        heard.web, heard.smtp = web.server_address[1], smtp.server_address[1]
        threads = [Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}) for server in (web, smtp)]
        for server, thread in zip((web, smtp), threads, strict=True):
            server.daemon_threads = True
            thread.start()
        try:
            yield heard
        finally:
            for server, thread in zip((web, smtp), threads, strict=True):
                server.shutdown()
                thread.join()


Tell = Callable[..., None]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Callable[[Calendar], Tell]]:
    """Starts a real Alertmanager on what the export makes of a calendar, in a hurry; returns what tells it of alerts."""
    with ExitStack() as stack:

        def start(calendar: Calendar) -> Tell:
            shutil.copytree(DEPLOY / "templates", tmp_path / "alertmanager" / "templates")
            hasty = re.sub(r"(group_wait|group_interval): \S+", r"\1: 100ms", alertmanager_yml(calendar, today().year))
            url = stack.enter_context(peers.alertmanager(tmp_path / "alertmanager", hasty)).url

            def tell(*alerts: Mapping[str, Any]) -> None:
                request = urllib.request.Request(
                    f"{url}/api/v2/alerts",
                    data=json.dumps(alerts).encode(),
                    headers={"Content-Type": "application/json"},
                )
                with urllib.request.urlopen(request, timeout=5) as answer:
                    assert answer.status == 200

            return tell

        yield start


def now() -> datetime:
    """The hour in Viet Nam."""
    return datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))


def today() -> date:
    """The day in Viet Nam."""
    return now().date()


def alert(name: str, severity: str, *, ended: bool = False, **annotations: str) -> dict[str, Any]:
    """An alert of ten minutes ago, over for a second or going on."""
    begun, over = datetime.now(UTC) - timedelta(minutes=10), datetime.now(UTC) - timedelta(seconds=1)
    return {
        "labels": {"alertname": name, "severity": severity, "province": "04", "commune": "01273"},
        "annotations": annotations,
        "startsAt": begun.isoformat(),
        **({"endsAt": over.isoformat()} if ended else {}),
    }


def around_now(hours: int) -> Hours:
    """So many hours before and after now in Viet Nam: at UTC it is never one of them."""
    minute = now().hour * 60
    return Hours((minute - 60 * hours) % 1440, (minute + 60 * (hours + 1)) % 1440)


def a_calendar(kind: str, web: int) -> Calendar:
    """One in which today, and the days beside it, are normal, holidays or Tết; each team has a webhook of its own. Tickets
    wait now if it is Tết."""
    far = date(today().year, 1, 25) if today().month > 3 else date(today().year, 7, 25)
    days = [today() + timedelta(days=n) for n in (-1, 0, 1)]

    def public(year: int) -> PublicDays:
        off = [Holiday(day, "Nghỉ", "Off") for day in days if kind == "holiday"]
        return PublicDays(tet=today() if kind == "tet" else far, off=tuple(off))

    teams = ("desk", "day", "night", "holiday", "tet", "storm", "tickets")
    work = around_now(2)
    return Calendar(
        public=public,
        contacts={team: Contact(id=team, name=team, webhook=f"http://{peers.LOOPBACK}:{web}/{team}") for team in teams},
        teams={team: (team,) for team in teams},
        desk="desk",
        tickets="tickets",
        night=work if kind == "tet" else Hours(work.until, work.start),
        rosters={
            "normal": (Shift("day", work), Shift("night", Hours(work.until, work.start))),
            "holiday": (Shift("holiday"),),
            "tet": (Shift("tet"),),
            "storm": (Shift("storm"),),
        },
    )


@pytest.mark.parametrize(("kind", "roster"), [("normal", "day"), ("holiday", "holiday"), ("tet", "tet")])
def test_a_real_alertmanager_calls_the_roster_of_the_day(
    kind: str, roster: str, alertmanager: Callable[[Calendar], Tell]
) -> None:
    """And in a storm its roster as well, by the clocks of Viet Nam; whoever was called is told of the end, too."""
    pages, storms = {"desk", roster}, {"desk", roster, "storm"}
    tickets = set() if kind == "tet" else {"tickets"}
    with sinks() as heard:
        tell = alertmanager(a_calendar(kind, heard.web))
        wanted = {
            ("NetmonCommuneIsolated", "page"): pages,
            ("NetmonLinkDown", "page"): pages,
            ("NetmonStormLosses", "storm"): storms,
            ("NetmonStormIsolation", "storm"): {"desk", "storm"},
            ("NetmonFibreFading", "ticket"): tickets,
        }
        for status in ("firing", "resolved"):
            tell(*(alert(name, severity, ended=status == "resolved") for name, severity in wanted))
            peers.eventually(lambda: all(heard.told(name, status) >= who for (name, _), who in wanted.items()), DEADLINE_S)  # noqa: B023
        for status in ("firing", "resolved"):
            assert {key: heard.told(key[0], status) for key in wanted} == wanted


def test_a_mail_and_a_chat_say_in_vietnamese_what_where_since_when_and_whom_to_call(
    alertmanager: Callable[[Calendar], Tell], tmp_path: Path
) -> None:
    """And in English to whom English was chosen for."""
    with sinks() as heard:
        chat = tmp_path / "chat"
        chat.write_text(f"http://{peers.LOOPBACK}:{heard.web}/chat")
        calendar = Calendar(
            public=public_days,
            contacts={
                "noc": Contact(id="noc", name="Trực", email="noc@cb.example", chat_file=str(chat)),
                "en": Contact(id="en", name="Engineer", email="en@cb.example", language="en"),
            },
            teams={"noc": ("noc", "en")},
            desk="noc",
            hotlines={"vnpt": "1800 1091", 'cáp "tỉnh\'s" {{ x }}': "<0206>"},
            mail=Mail(smarthost=f"{peers.LOOPBACK}:{heard.smtp}", sender="netmon@cb.example", tls=False),
        )
        tell = alertmanager(calendar)
        down = alert(
            "NetmonLinkDown",
            "page",
            summary_vi="Đứt tuyến chính: phường Thục Phán",
            description_vi="Tuyến cb-01273-fibre mất tín hiệu ở cả hai đầu.",
            summary_en="Primary link down: Thục Phán",
            description_en="Both ends of cb-01273-fibre are dark.",
            hotline="1800 9999",
            circuit="CB-01273-VNPT-01",
            runbook_url="https://docs.cb.example/runbooks/NetmonLinkDown",
        )
        tell(down)
        mails = peers.eventually(
            lambda: {mail["To"]: mail for mail in heard.mails} if len(heard.mails) >= 2 else None, DEADLINE_S
        )
        (told,) = peers.eventually(lambda: [body for path, body in heard.posts if path == "/chat"], DEADLINE_S)

        since = datetime.fromisoformat(down["startsAt"]).astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
        vietnamese = [
            *("ĐANG XẢY RA: 1", "Đứt tuyến chính: phường Thục Phán", "Tuyến cb-01273-fibre mất tín hiệu ở cả hai đầu."),
            *(
                f"Từ {since:%H:%M ngày %d/%m/%Y}",
                "1800 1091",
                "CB-01273-VNPT-01",
                "runbooks/NetmonLinkDown",
                "commune 01273",
            ),
        ]
        mail = mails["noc@cb.example"]
        assert mail["Subject"] == "[KHẨN] Đứt tuyến chính: phường Thục Phán"
        for kind in ("plain", "html"):
            text = mail.get_body((kind,)).get_content()
            assert [part for part in vietnamese if part not in text] == []
            assert 'Tổng đài nhà mạng: vnpt 1800 1091; cáp "tỉnh\'s" {{ x }} <0206>' in unescape(text)
        (attachment,) = told["attachments"]
        assert attachment["title"] == mail["Subject"]
        assert attachment["text"].strip() == mail.get_body(("plain",)).get_content().strip().replace("\r\n", "\n")

        other = mails["en@cb.example"]
        assert other["Subject"] == "[PAGE] Primary link down: Thục Phán"
        for kind in ("plain", "html"):
            english = unescape(other.get_body((kind,)).get_content())
            wanted = (
                f"Since {since:%Y-%m-%d %H:%M}",
                "Both ends of cb-01273-fibre are dark.",
                "Operators: vnpt 1800 1091; cáp",
            )
            assert [part for part in wanted if part not in english] == []

        two = [{**down, "labels": {**down["labels"], "link": name}} for name in ("a", "b")]
        over = {**down, "endsAt": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
        tell(over, *two)
        again = peers.eventually(lambda: [m for m in heard.mails if "(và 1 cảnh báo khác)" in m["Subject"]], DEADLINE_S)
        assert again[0]["Subject"].startswith("[KHẨN] Đứt tuyến chính")
        tell(*({**each, "endsAt": over["endsAt"]} for each in two))
        ended = peers.eventually(lambda: [m for m in heard.mails if m["Subject"].startswith("[ĐÃ KHÔI PHỤC]")], DEADLINE_S)
        over_text = ended[0].get_body(("plain",)).get_content()
        assert "ĐÃ KHÔI PHỤC: " in over_text
        assert "Tổng đài" not in over_text

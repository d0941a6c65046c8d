"""docs/install.md: both languages have the same commands, and what they name is there."""

import re
import shlex
from itertools import zip_longest

import pytest

from netmon.cli import COMMANDS
from tests.peers import ROOT

PAGES = {language: (ROOT / "docs" / name).read_text() for language, name in (("en", "install.md"), ("vi", "install.vi.md"))}


def commands(page):
    """The lines that are typed or written into files, in order."""
    fenced = re.sub(r"(?ms)^```\w*\n(.*?)^```$", lambda block: re.sub("(?m)^", "    ", block[1]), page)
    return [line.strip() for line in fenced.splitlines() if line.startswith("    ") and line.strip()]


def test_both_languages_have_the_same_commands():
    for english, vietnamese in zip_longest(commands(PAGES["en"]), commands(PAGES["vi"])):
        assert english == vietnamese


@pytest.mark.parametrize("language", PAGES)
def test_the_files_and_pages_that_it_names_are_there(language):
    page = PAGES[language]
    typed = re.findall(r"(?<![\w/.])((?:deploy|grafana|scripts|tests)/[\w./*-]+)", page)
    assert len(typed) > 20
    missing = [path for path in typed if not list(ROOT.glob(path.rstrip("/.")))]
    linked = [target for target in re.findall(r"\]\(([^)#]+)", page) if not target.startswith("http")]
    missing += [target for target in linked if not (ROOT / "docs" / target).exists()]
    assert not missing


def test_the_units_packages_and_commands_are_those_that_are_shipped():
    page = PAGES["en"]
    known = set(COMMANDS)
    asked = set(re.findall(r"(?m)^    (?:.*&& )?netmon (\w+)", page))
    assert {"init", "check", "probe", "discover", "status", "calendar"} <= asked <= known
    for name in re.findall(r"netmon[\w-]*\.(?:service|socket|timer)", page):
        assert (ROOT / "deploy/systemd" / name).exists(), name
    rules = len(list((ROOT / "deploy/prometheus/rules").glob("*.yml")))
    assert f"SUCCESS: {rules} rule files found" in page


def test_no_secret_stands_on_a_command_line_or_in_a_file_that_everybody_reads():
    typed = commands(PAGES["en"])
    assert not [line for line in typed if re.search(r"\$\(cat|-P \S*[\"$]|htpasswd -\w*c", line)]
    for path in ("/etc/nginx/netmon.users", "/etc/grafana/admin-password", "~/.config/mosquitto_sub"):
        [made] = [n for n, line in enumerate(typed) if re.search(rf"install -m 6[04]0 .*/dev/null {path}$", line)]
        assert made < next(n for n, line in enumerate(typed) if f">{path}" in line or f"htpasswd {path}" in line)


def test_grafana_itself_reads_its_password_and_nobody_is_let_in_with_the_usual_one():
    """NAME__FILE is for what starts Grafana in a container; the file is there before the first start."""
    typed = commands(PAGES["en"])
    assert not [line for line in typed if "__FILE=" in line]
    [told] = [line for line in typed if line.startswith("GF_SECURITY_ADMIN_PASSWORD=")]
    assert shlex.split(told) == ["GF_SECURITY_ADMIN_PASSWORD=$__file{/etc/grafana/admin-password}"]
    filled = typed.index("openssl rand -hex 12 >/etc/grafana/admin-password")
    tried = next(n for n, line in enumerate(typed) if "-u admin:admin" in line)
    assert filled < typed.index("systemctl enable --now grafana-server") < tried


def test_dashboards_lead_to_the_wallboard_that_browsers_reach_also_after_an_upgrade():
    typed = commands(PAGES["en"])
    after = [typed[n + 1] for n, line in enumerate(typed) if line.startswith("cp -r grafana/dashboards")]
    assert len(after) == 2
    assert after[0] == after[1]
    usual = re.match(
        r"sed -i 's\|(\S+?)\|https://noc.cb.example/\|g' /usr/share/netmon/grafana/dashboards/\*/\*\.json", after[0]
    )[1]
    boards = [path.read_text() for path in (ROOT / "grafana/dashboards").glob("*/*.json")]
    assert [board for board in boards if usual in board]
    assert not [board for board in boards if "localhost" in board.replace(usual, "")]

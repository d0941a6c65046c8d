"""The peers themselves: what the other tests take for granted of them."""

from __future__ import annotations

import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests import peers


def engine_boots(agent: peers.Snmpd) -> int:
    argv = [peers.require("snmpget"), "-v2c", "-c", agent.community, "-Oqv", f"{agent.host}:{agent.port}"]
    answer = subprocess.run([*argv, "1.3.6.1.6.3.10.2.1.2.0"], check=True, capture_output=True, text=True)
    return int(answer.stdout)


def test_snmpd_answers_falls_silent_and_reboots_on_its_port(snmpd):
    agent = snmpd("sysName c-01273-r1", community="lạ")
    before = engine_boots(agent)
    agent.freeze()
    assert not peers.answers_snmp(agent.port, agent.community)
    agent.thaw()
    peers.eventually(lambda: peers.answers_snmp(agent.port, agent.community))
    agent.stop()
    assert not peers.answers_snmp(agent.port, agent.community)
    agent.start()
    assert engine_boots(agent) == before + 1


def test_snmpsim_serves_each_recording_under_its_name(snmpsim, tmp_path: Path):
    (tmp_path / "ups.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|4711\n1.3.6.1.2.1.1.5.0|4|ups\n")
    (tmp_path / "zz.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n")
    port = snmpsim(tmp_path)
    assert peers.answers_snmp(port, "ups")
    assert peers.answers_snmp(port, "zz")
    assert not peers.answers_snmp(port, "absent")


def test_prometheus_scrapes_and_answers_promql(prometheus):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'netmon_device_up{device="r1"} 1\n')

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer((peers.LOOPBACK, 0), Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            found = prometheus(f"{peers.LOOPBACK}:{server.server_port}").query('netmon_device_up{device="r1"}')
        finally:
            server.shutdown()
            thread.join()
    ((labels, value),) = found.items()
    assert dict(labels)["device"] == "r1"
    assert value == 1


SCRIPT = peers.ROOT / "scripts" / "peers"
PROGRAMS = [
    program
    for line in SCRIPT.read_text().splitlines()
    if line.startswith("  peer ")
    for program in line.split()[2:]
    if '"' not in line
]
assert "snmpd" in PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_peer_has_all_libraries_that_it_needs(program: str):
    """A program that cannot be loaded ends with 127. What each says to `--version` is its own affair."""
    done = subprocess.run([peers.require(program), "--version"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 127, done.stderr


def test_chromium_draws_every_letter_of_vietnamese(tmp_path: Path):
    """Letters that no font has are all drawn as the same box, or not at all."""
    (tmp_path / "page.html").write_text("""<!doctype html><meta charset="utf-8"><script>
      const letters = "aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ"
      const pen = Object.assign(document.createElement("canvas"), {width: 60, height: 60}).getContext("2d")
      const draw = letter => {
        pen.reset()
        pen.font = "32px sans-serif"
        pen.fillText(letter.normalize(), 10, 40)
        return pen.getImageData(0, 0, 60, 60).data.join()
      }
      const all = [...letters + letters.toUpperCase()]
      document.write(all.length, " letters, ", new Set(all.map(draw)).size, " pictures")
    </script>""")
    argv = [peers.require("chromium-headless-shell"), "--no-sandbox", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*argv, "--dump-dom", (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=60
    )
    assert "178 letters, 178 pictures" in done.stdout, done.stdout + done.stderr


APT_GET = """#!/bin/sh
for package; do :; done
case "$*" in
  *victoria*) echo "E: no such package" >&2; exit 100 ;;
  *" install "*) echo "Inst $package (1 Debian)" ;;
  *--print-uris*) echo "'http://debian/$package' $package.deb 1000000 SHA256:0" ;;
  *" download "*) echo a package >"$package.deb" ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" "$3/usr/lib/chromium" && cp -r "$2" "$3"
for program in $(sed -n 's/^  peer [a-z][^ ]* //p' scripts/peers) ../lib/chromium/chromium-headless-shell; do
  printf '#!/bin/sh\necho "$0 runs"' >"$3/usr/bin/$program" && chmod +x "$3/usr/bin/$program"
done
"""


def test_a_peer_that_cannot_be_fetched_takes_no_other_with_it(tmp_path: Path):
    """The real script where no peer is but in /usr/sbin, with an apt-get that knows of no VictoriaMetrics."""
    tree, tools = tmp_path / "tree", tmp_path / "tools"
    (tree / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPT, tree / "scripts")
    tools.mkdir()
    for name in ("awk", "cat", "chmod", "cp", "dirname", "find", "grep", "mkdir", "mktemp", "rm", "sed", "sh", "sort", "tr"):
        (tools / name).symlink_to(shutil.which(name) or name)
    for name, text in (("apt-get", APT_GET), ("dpkg", DPKG), ("id", "#!/bin/sh\necho 1000\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)

    def fetch() -> subprocess.CompletedProcess[str]:
        return subprocess.run([tree / "scripts/peers"], env={"PATH": str(tools)}, capture_output=True, text=True, timeout=60)

    done = fetch()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("left out: victoria-metrics")
    for program in set(PROGRAMS) - {"victoria-metrics", "snmpd", "mosquitto", "debootstrap"}:
        started = subprocess.run([tree / ".cache/peers/bin" / program], capture_output=True, text=True, check=True)
        assert f"/{program} runs" in started.stdout
    (tools / "victoria-metrics").symlink_to("/bin/true")
    assert (fetch().returncode, fetch().stderr) == (0, "")


def test_a_program_that_ends_early_fails_with_its_output(tmp_path: Path):
    program = peers.running(["sh", "-c", "echo no such port >&2; exit 3"], ready=lambda: False, log=tmp_path / "log")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)ended with 3.*no such port"), program:
        pass


def test_a_missing_peer_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NETMON_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception):
        peers.require("no-such-program")
    monkeypatch.delenv("NETMON_REQUIRE_PEERS")
    with pytest.raises(pytest.skip.Exception):
        peers.require("no-such-program")

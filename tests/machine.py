"""A machine of its own: Debian 12 with systemd as its process 1, in namespaces of its own, on a root that stays as it is.

Nothing of the machine around is seen or touched: processes, mounts, network (loopback alone), names and cgroups are its own;
what it writes is in memory and gone when it stops. Needs root's rights and the Debian that `scripts/peers` makes; without
them the test is skipped, or fails with NETMON_REQUIRE_PEERS=1.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.peers import ROOT, eventually

DEBIAN = ROOT / ".cache/peers/bookworm"
"""A minimal Debian 12 with systemd and Python, as `scripts/peers` makes it."""

_BOOT = r"""
set -eu
home=$1 base=$2
root=$home/root
if [ "${3-}" != inside ]; then
  # A cgroup that is ours alone becomes the root of the machine's cgroups.
  mount -t tmpfs machine "$home"
  mount --make-rprivate "$home"
  mkdir "$home/cgroups" "$home/upper" "$home/work" "$root"
  mount -t cgroup2 cgroups "$home/cgroups"
  # Of machines whose test was killed; one that is just being made is younger.
  for left in $(find "$home/cgroups" -maxdepth 1 -name 'netmon-*' -mmin +1); do
    if grep -qx 'populated 0' "$left/cgroup.events"; then
      find "$left" -depth -type d -exec rmdir {} + || true
    fi
  done
  mkdir "$home/cgroups/$4"
  echo $$ >"$home/cgroups/$4/cgroup.procs"
  exec unshare --pid --uts --ipc --net --cgroup --fork --kill-child sh -c "$5" boot "$home" "$base" inside "$4" "$5"
fi
mount -t overlay overlay -o "lowerdir=$base,upperdir=$home/upper,workdir=$home/work" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys" # the kernel's settings are not the machine's, but for the network's
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sys "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
  set -- $node
  mknod -m 666 "$root/dev/$1" c "$2" "$3"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t tmpfs shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
: >"$root/etc/machine-id"
cd "$root"
mkdir -p .outside
boot='mount --make-rshared / && exec /lib/systemd/systemd --system --unit=multi-user.target'
if pivot_root . .outside 2>/dev/null; then
  umount -l /.outside
  exec sh -c "$boot" </dev/null
fi
exec chroot . sh -c "$boot" </dev/null # in a chroot, whose root is no mount point
"""


@dataclass(frozen=True)
class Machine:
    """A running machine; `init` is its process 1 as this machine sees it."""

    init: int

    def path(self, inside: str) -> Path:
        """One of its files, as this machine reaches it."""
        return Path(f"/proc/{self.init}/root{inside}")

    def run(self, *argv: str, ok: bool = True, deadline_s: float = 120.0) -> str:
        """What a command says on its output and error; AssertionError: it failed, or did not where not `ok`."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.init), "--all", "--root", "--wd", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=deadline_s,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        )
        assert (done.returncode == 0) is ok, f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()


@contextmanager
def machine(home: Path, base: Path | None = None) -> Iterator[Machine]:
    """Boots a machine on top of `base` (Debian), and stops it when the block ends; enters when all its units are up."""
    base = base or debian()
    home.mkdir(parents=True, exist_ok=True)
    name = f"netmon-{uuid4().hex}"
    tied = ["setpriv", "--pdeathsig", "KILL"]
    apart = _apart()
    log = home.with_name(f"{home.name}.log")
    with log.open("wb") as out:
        around = subprocess.Popen(
            [*tied, *apart, "sh", "-c", _BOOT, "boot", home, base, "outside", name, _BOOT],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "container": "netmon-test"},
            start_new_session=True,
        )
    try:
        yield eventually(lambda: _booted(around, log), 60.0, every_s=0.1)
    finally:
        for child in _children(around.pid):
            os.kill(child, signal.SIGKILL)  # its process 1: all of the machine goes with it
        around.kill()
        around.wait()
        _sweep(home, name)


def debian() -> Path:
    """The root that a machine stands on."""
    missing = [program for program in ("unshare", "nsenter", "setpriv", "mount") if shutil.which(program) is None]
    if os.geteuid() != 0:
        missing.append("root's rights")
    if not (DEBIAN / "lib/systemd/systemd").exists():
        missing.append(f"{DEBIAN.relative_to(ROOT)}, which scripts/peers makes as root")
    if missing:
        say = pytest.fail if os.environ.get("NETMON_REQUIRE_PEERS") == "1" else pytest.skip
        say(f"no machine can be booted here: there is no {', no '.join(missing)}")
    return DEBIAN


def _booted(around: subprocess.Popen[bytes], log: Path) -> Machine | None:
    """The machine once systemd has done what it does at the start."""
    if around.poll() is not None:
        pytest.fail(f"the machine ended with {around.returncode}:\n{log.read_text(errors='replace')}")
    for init in _children(around.pid):
        if Path(f"/proc/{init}/comm").read_text() == "systemd\n":
            made = Machine(init)
            state = subprocess.run(
                ["nsenter", "--target", str(init), "--all", "--root", "--wd", "systemctl", "is-system-running"],
                capture_output=True,
                text=True,
                check=False,
            ).stdout.strip()
            assert state in ("running", "degraded"), state
            assert state == "running", made.run("systemctl", "--failed", "--no-legend")
            return made
    return None


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _apart() -> list[str]:
    """What runs a program with mounts of its own."""
    usual = ["unshare", "--mount"]
    if subprocess.run([*usual, "true"], capture_output=True, check=False).returncode == 0:
        return usual
    return [*usual, "--propagation", "unchanged"]  # in a chroot whose root is no mount point


def _sweep(home: Path, name: str) -> None:
    """Takes the machine's cgroups away, and mounts that were seen around because a chroot hides none."""
    while home.is_mount():
        subprocess.run(["umount", "--recursive", "--lazy", home], check=True)
    remove = (
        'set -e; mount -t cgroup2 cgroups "$0"; trap \'cd /; umount "$0"\' EXIT; cd "$0"; '
        '[ ! -e "$1" ] || find "$1" -depth -type d -exec rmdir {} +'
    )

    def gone() -> bool:
        done = subprocess.run([*_apart(), "sh", "-c", remove, home, name], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return True

    eventually(gone, 10.0, every_s=0.05)

"""Which host this is, for how long it has been up, and whether anything on it is amiss."""

import os
import pwd
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")

CRON_FILE = Path("/etc/cron.d/gocron")
TIMER_FILE = Path("/etc/systemd/system/gocron-sweep.timer")
PROCESSES = Path("/proc")
SOCKETS = ("net/tcp", "net/tcp6")
_LISTENING = "0A"
CRON_DAEMONS = ("cron", "crond", "busybox", "bcron-sched")

# With less a disk is as good as full: a file each minute, and there is no more.
FILES_LEAST = 100


def this_host() -> str:
    """Return what tells this host from others, also from one of the same name."""
    machine = ""
    with suppress(OSError, UnicodeDecodeError):
        machine = MACHINE_ID.read_text("ascii").strip()
    return f"{socket.gethostname()} {machine}".rstrip()


def clock() -> float:
    """Return what this host's own clock says, in epoch seconds.

    Only for what knows no other clock: files, nginx. All else goes by `Store.now`.
    """
    return time.time()


def uptime() -> float:
    """Return for how many seconds the host has been up, asleep or not; its clock has no part."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def user_name(uid: int) -> str:
    """Return the name of a user, or the number of one that has none, as in containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def lacks_room(path: Path, least_mb: int) -> str:
    """Return what the disk of `path` lacks, "" where users other than root have room there.

    Where `path` is not there yet, the folder counts in which it would be. Raises OSError.
    """
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    disk = os.statvfs(path)
    free_mb = disk.f_bavail * disk.f_frsize // 1_000_000
    if free_mb < least_mb:
        return f"{free_mb} MB free at {path}; make room, {least_mb} MB at least"
    # Some file systems have files as long as there is room, and say 0.
    if disk.f_files and disk.f_favail < FILES_LEAST:
        return f"room for {disk.f_favail} files at {path}; remove some"
    return ""


def listening_users(port: int) -> set[int]:
    """Return the users of whose processes one listens on a TCP port, as far as the host tells."""
    users = set()
    for table in SOCKETS:
        with suppress(OSError):
            for line in (PROCESSES / table).read_text("ascii").splitlines()[1:]:
                _, local, _, state, _, _, _, user, *_ = line.split()
                if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                    users.add(int(user))
    return users


def dead_schedule() -> str:
    """Return what on this host should start sweeps and is dead, "" where nothing is known to be."""
    if CRON_FILE.exists() and not _runs(CRON_DAEMONS) and not _is_active("cron.target"):
        return f"{CRON_FILE} is there, but no cron runs; start or install it"
    if TIMER_FILE.exists() and not _is_active(TIMER_FILE.name):
        return (
            "gocron-sweep.timer is there, but not active; systemctl enable --now gocron-sweep.timer"
        )
    return ""


def _runs(names: tuple[str, ...]) -> bool:
    """Tell whether a process of one of these names runs, or may run: some see their own only."""
    if not os.access(PROCESSES / "1/comm", os.R_OK):
        return True
    for process in PROCESSES.glob("[0-9]*/comm"):
        # It may be gone by now.
        with suppress(OSError):
            if process.read_text("utf-8", "replace").strip() in names:
                return True
    return False


def _is_active(unit: str) -> bool:
    command = ["systemctl", "is-active", "--quiet", unit]
    try:
        asked = subprocess.run(command, check=False, timeout=10)  # noqa: S603 (names of our own)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0

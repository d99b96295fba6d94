"""Which host this is, and for how long it has been up."""

import socket
import time
from contextlib import suppress
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")


def this_host() -> str:
    """Return what tells this host from others, also from one of the same name."""
    machine = ""
    with suppress(OSError, UnicodeDecodeError):
        machine = MACHINE_ID.read_text("ascii").strip()
    return f"{socket.gethostname()} {machine}".rstrip()


def uptime() -> float:
    """Return for how many seconds the host has been up, asleep or not; its clock has no part."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

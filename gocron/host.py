"""Which host this is."""

import socket
from contextlib import suppress
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")


def this_host() -> str:
    """Return what tells this host from others, also from one of the same name."""
    machine = ""
    with suppress(OSError, UnicodeDecodeError):
        machine = MACHINE_ID.read_text("ascii").strip()
    return f"{socket.gethostname()} {machine}".rstrip()

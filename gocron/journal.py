"""The check-in journal: what nginx took while no front answered is kept by the next sweep.

nginx writes a line of JSON for each (contrib/nginx/gocron-http.conf has the format). How far
each file was read stands in the database. To read a line again does no harm.
"""

import json
import logging
import socket
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from gocron.config import Config
from gocron.core.address import client_address, network_of
from gocron.core.checkin import CheckIn, Refused, read_checkin
from gocron.core.door import CLOCKS_DIFFER_S
from gocron.fields import KNOCK_FIELD, read_fields
from gocron.store import checkins, journal
from gocron.store.database import Store

BATCH = 500

# A name of the file that tells of one rotated away, compressed ones left out.
_ROTATED = ".[0-9]*"
_METHODS = ("GET", "HEAD", "POST")

log = logging.getLogger("gocron-sweep")


def replay_journal(store: Store, config: Config, now: int) -> list[str]:
    """Keep the check-ins that came since the last replay; return what is to be complained of.

    They keep the time at which they came. What can't be read is skipped, and counted in one
    warning.
    """
    if not config.journal:
        return []
    skipped: list[str] = []
    try:
        for path in _files(Path(config.journal)):
            _replay_file(store, config, path, now, skipped)
    except OSError as error:
        return [f"journal {error.filename}: {error.strerror}; check its mode and owner"]
    if skipped:
        log.warning("journal: %d check-ins can't be kept; the first: %s", len(skipped), skipped[0])
    return []


def _files(path: Path) -> list[Path]:
    """Return the journal and what rotation made of it, the oldest first."""
    found = [one for one in path.parent.glob(path.name + _ROTATED) if one.suffix != ".gz"]
    found += [path] if path.exists() else []
    return sorted(found, key=lambda one: one.stat().st_mtime)


def _replay_file(store: Store, config: Config, path: Path, now: int, skipped: list[str]) -> None:
    with path.open("rb") as file:
        name = _name(path, file.readline())
        read_to = journal.read_to(store, name)
        if name == "" or read_to >= path.stat().st_size:
            return
        file.seek(read_to)
        lines = (line for line in file if line.endswith(b"\n"))
        while batch := list(islice(lines, BATCH)):
            came = list(_read(batch, config, now, skipped))
            for checkin in checkins.replay(store, came):
                skipped.append(f"{checkin.cronname} ({checkin.account}) is not known")
            read_to += sum(len(line) for line in batch)
            journal.settle(store, name, read_to, now)


def _name(path: Path, first_line: bytes) -> str:
    """Return what tells this file from all others, "" while it holds no line.

    The first line does so too: a place on the disk may be another file's later on.
    """
    if not first_line.endswith(b"\n"):
        return ""
    return f"{socket.gethostname()}:{path.stat().st_ino}:{zlib.crc32(first_line)}"


def _read(
    lines: Sequence[bytes], config: Config, now: int, skipped: list[str]
) -> Iterator[CheckIn]:
    for line in lines:
        try:
            checkin = _checkin(line, config)
        except Refused as refused:
            skipped.append(str(refused))
            continue
        if checkin is not None and checkin.seen_at > now + CLOCKS_DIFFER_S:
            skipped.append(f"{checkin.cronname} ({checkin.account}) comes from the future")
        elif checkin is not None:
            yield checkin


def _checkin(line: bytes, config: Config) -> CheckIn | None:
    """Return the check-in of a line, None for a sweep's own. Raises Refused."""
    text = line.decode("utf-8", "surrogateescape")
    try:
        told = json.loads(text)
        seen_at = int(float(told["at"]))
        method, query, kind, body, peer = (
            str(told[key]) for key in ("method", "query", "content_type", "body", "address")
        )
        length = int(told["length"] or 0)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise Refused("journal", "has a line that is not as nginx writes it") from None
    content = body.encode("utf-8", "surrogateescape")
    if method not in _METHODS:
        raise Refused("request", f"by {method[:20]!a}; check-ins come by GET, HEAD or POST")
    if method == "POST" and length != len(content):
        raise Refused("request", "has a body that is not as long as its Content-Length")
    fields = read_fields(query, kind, content if method == "POST" else b"")
    if len(fields) == 1 and fields[0][0] == KNOCK_FIELD:
        return None
    address = client_address(peer, "", config.trusted_proxies)
    network = network_of(address, config.trusted_proxies, config.site_ipv6_prefix)
    return read_checkin(fields, address, seen_at, network)

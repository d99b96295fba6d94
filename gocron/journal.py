"""The check-in journal: what nginx took while no front answered is kept by the next sweep.

nginx writes a line of JSON for each (contrib/nginx/gocron-journal.conf has the format). How far
each file was read stands in the database. To read a line again does no harm.
"""

import errno
import hashlib
import json
import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from gocron.config import Config
from gocron.core.address import Client, client_address, client_network
from gocron.core.checkin import CheckIn, Refused, is_news, read_checkin
from gocron.core.door import CLOCKS_DIFFER_S
from gocron.fields import KNOCK_FIELD, read_fields
from gocron.host import this_host
from gocron.store import accounts, checkins, journal
from gocron.store.database import Store

# What one transaction keeps, and what is held in memory for it, whoever wrote the lines.
BATCH = 500
BATCH_BYTES = 1_048_576

# More than nginx writes for the longest request that it takes.
LINE_LIMIT = 524_288

# A sweep reads the journals first, and may take so long for the rest.
SWEEP_LIMIT_S = 3_600

# A line begins so, and nothing within it does: quotes in it are escaped.
_START = b'{"at":"'
_METHODS = ("GET", "HEAD", "POST")

log = logging.getLogger("gocron-sweep")


@dataclass
class _Skipped:
    """How many check-ins could not be kept, and why the first one could not."""

    count: int = 0
    first: str = ""

    def add(self, why: str) -> None:
        """Count one more."""
        self.first = self.first or why
        self.count += 1


def replay_journal(store: Store, config: Config, now: int) -> list[str]:
    """Keep the check-ins that came since the last replay; return what is to be complained of.

    They keep the time at which they came. What can't be read is skipped, and counted in one
    warning.
    """
    if not config.journal:
        return []
    skipped = _Skipped()
    complaints = []
    try:
        for path in _files(Path(config.journal)):
            try:
                _replay_file(store, config, path, now, skipped)
            except FileNotFoundError:
                # Rotated away just now: the next sweep finds it by its new name.
                continue
            except OSError as error:
                complaints.append(_complaint(error))
    except OSError as error:
        complaints.append(_complaint(error))
    if skipped.count:
        log.warning(
            "journal: %d check-ins can't be kept; the first: %s", skipped.count, skipped.first
        )
    return complaints


def _complaint(error: OSError) -> str:
    return f"journal {error.filename}: {error.strerror}; check what it is, its mode and its owner"


def _files(path: Path) -> list[Path]:
    """Return the journal and what rotation made of it, the oldest first.

    Rotation adds numbers or dates; what has letters after them is compressed, or no journal.
    """
    ours = re.compile(rf"{re.escape(path.name)}([.-]\d+)*")
    found = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(path.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    found.append((entry.stat().st_mtime_ns, path.parent / entry.name))
    return [one for _, one in sorted(found)]


def _replay_file(store: Store, config: Config, path: Path, now: int, skipped: _Skipped) -> None:
    with _open(path) as file:
        name = _name(file)
        read_to = journal.read_to(store, name)
        if name == "" or read_to >= os.fstat(file.fileno()).st_size:
            return
        file.seek(read_to)
        # What was added to a file that was read before has come since.
        since = 0 if read_to else _all_read_at(store)
        for lines, ends_at in _batches(file):
            came = list(_read(lines, config, now, skipped))
            for checkin in checkins.replay(store, came, lambda one: is_news(one, since, now)):
                skipped.add(f"{checkin.cronname} ({checkin.account}) is not known")
            journal.settle(store, name, ends_at, now)


def _all_read_at(store: Store) -> int | None:
    """Return up to when all lines had surely been read, None: never."""
    read_at = journal.settled_at(store) or accounts.totals(store).swept_at
    return None if read_at is None else read_at - SWEEP_LIMIT_S


def _open(path: Path) -> BinaryIO:
    """Return the file at `path`. Raises OSError for what is none: a pipe would never end."""
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "Is no file", str(path))
    return file


def _name(file: BinaryIO) -> str:
    """Return what tells this file from all others, "" while it holds no line.

    The first one of nginx's does: with a moment of milliseconds in it, it stays the same
    whatever becomes of the name, the place on the disk, or the host.
    """
    name = ""
    while file.tell() < BATCH_BYTES and (line := file.readline(LINE_LIMIT)):
        if not line.endswith(b"\n") and len(line) < LINE_LIMIT:
            break
        digest = hashlib.sha256(line).hexdigest()
        if line.startswith(_START):
            return digest
        name = name or f"{this_host()}:{os.fstat(file.fileno()).st_ino}:{digest}"
    return name


def _batches(file: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
    """Yield lines by the batch, and where each batch ends."""
    lines: list[bytes] = []
    size = 0
    for line, ends_at in _lines(file):
        lines.append(line)
        size += len(line)
        if len(lines) == BATCH or size >= BATCH_BYTES:
            yield lines, ends_at
            lines, size = [], 0
    if lines:
        yield lines, ends_at


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield each whole line from here on, and where it ends; of one too long, its end alone.

    A line without an end is being written: the next sweep reads it.
    """
    ends_at = file.tell()
    while part := file.readline(LINE_LIMIT):
        is_whole = part.endswith(b"\n")
        if not is_whole and len(part) < LINE_LIMIT:
            # What is added to it this moment is no line of its own.
            return
        ends_at += len(part)
        if is_whole:
            yield part, ends_at


def _read(lines: Sequence[bytes], config: Config, now: int, skipped: _Skipped) -> Iterator[CheckIn]:
    for line in lines:
        # A full disk or a power cut leaves half a line, and the next one follows in it.
        begins_at = max(line.rfind(_START), 0)
        if begins_at > 0:
            skipped.add("journal: has half a line")
        try:
            checkin = _checkin(line[begins_at:], config)
        except Refused as refused:
            skipped.add(str(refused))
            continue
        if checkin is not None:
            # By a clock that was ahead. That it came is sure, and not after now.
            is_ahead = checkin.seen_at > now + CLOCKS_DIFFER_S
            yield replace(checkin, seen_at=now) if is_ahead else checkin


def _checkin(line: bytes, config: Config) -> CheckIn | None:
    """Return the check-in of a line, None for what is none: a sweep's own, or a mere visit.

    Raises Refused.
    """
    text = line.decode("utf-8", "surrogateescape")
    try:
        told = json.loads(text)
        seen_at = int(float(told["at"]))
        method, query, kind, body, peer, length = (
            str(told[key])
            for key in ("method", "query", "content_type", "body", "address", "length")
        )
        announced = int(length) if length else None
        # A lone half of a character is no byte of any body.
        content = body.encode("utf-8", "surrogateescape")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise _not_nginx() from None
    if seen_at < 0:
        raise _not_nginx()
    if method not in _METHODS:
        raise Refused("request", f"by {method[:20]!a}; check-ins come by GET, HEAD or POST")
    # nginx has read all of a body that came in chunks, which tell no length beforehand.
    if method == "POST" and announced not in (None, len(content)):
        raise Refused("request", "has a body that is not as long as its Content-Length")
    fields = read_fields(query, kind, content if method == "POST" else b"")
    if not fields or (len(fields) == 1 and fields[0][0] == KNOCK_FIELD):
        return None
    # What nginx would have told a front of; its word is a trusted proxy's.
    client = Client(client_address(peer, "", config.trusted_proxies), is_named=True)
    network = client_network(client, config.trusted_proxies, config.site_ipv6_prefix)
    return read_checkin(fields, client.address, seen_at, network)


def _not_nginx() -> Refused:
    return Refused("journal", "has a line that is not as nginx writes it")

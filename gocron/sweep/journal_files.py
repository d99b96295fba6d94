"""The files of a check-in journal: which they are, what tells them apart, and their lines."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gocron.host import this_host
from gocron.store.journal import Stretch

# What one transaction keeps, and what is held in memory for it, whoever wrote the lines.
BATCH = 500
BATCH_BYTES = 1_048_576

# More than nginx writes for the longest request that it takes.
LINE_LIMIT = 524_288

# A line begins so, and nothing within it does: quotes in it are escaped.
START = b'{"at":"'


class Line(NamedTuple):
    """A line of a journal, and where in the file it stands."""

    text: bytes
    stretch: Stretch


def files_of(path: Path) -> list[Path]:
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


def open_file(path: Path) -> BinaryIO:
    """Return the file at `path`. Raises OSError for what is none: a pipe would never end."""
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "Is no file", str(path))
    return file


def name_of(file: BinaryIO) -> str:
    """Return what tells this file from all others, "" while it holds no line.

    The first one of nginx's does: with a moment of milliseconds in it, it stays the same
    whatever becomes of the name, the place on the disk, or the host.
    """
    name = ""
    while file.tell() < BATCH_BYTES and (line := file.readline(LINE_LIMIT)):
        if not line.endswith(b"\n") and len(line) < LINE_LIMIT:
            break
        digest = hashlib.sha256(line).hexdigest()
        if line.startswith(START):
            return digest
        name = name or f"{this_host()}:{os.fstat(file.fileno()).st_ino}:{digest}"
    return name


def batches(file: BinaryIO) -> Iterator[list[Line]]:
    """Yield lines by the batch."""
    lines: list[Line] = []
    size = 0
    for line in _lines(file):
        lines.append(line)
        size += len(line.text)
        if len(lines) == BATCH or size >= BATCH_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _lines(file: BinaryIO) -> Iterator[Line]:
    """Yield each whole line from here on; of one too long, its end alone.

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
            yield Line(part, Stretch(ends_at - len(part), ends_at))

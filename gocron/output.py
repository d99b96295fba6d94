"""Standard output and standard error, wherever they lead: a full disk, a closed pipe, nowhere."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from gocron.errors import OutputError


def prepare() -> None:
    """Make both streams safe to write to.

    A terminal that lacks a letter shows its code: no name may stop a listing. A stream that was
    closed before the program began leads to where nothing can be written, and its number is taken:
    else the next file to be opened, the database maybe, would be in its place.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)
    sys.stdout = sys.stdout or _closed()
    sys.stderr = sys.stderr or _closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, end: str = "\n") -> None:
    """Write `text` to standard output. Raises OutputError; that a reader has enough is no error."""
    try:
        sys.stdout.write(f"{text}{end}")
    except BrokenPipeError:
        _leave(sys.stdout)
    except OSError as error:
        raise _unwritten(error) from error


def flush() -> None:
    """See to it that what was said is written. Raises OutputError."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave(sys.stdout)
    except OSError as error:
        raise _unwritten(error) from error


def complain(program: str, line: str) -> None:
    """Say on standard error what went wrong; where that can't be written, nobody is to be told."""
    # Imported here: most commands have nothing to complain of, and a sweep starts each minute.
    from gocron.render.terminal import printable

    try:
        sys.stderr.write(f"{program}: {printable(line)}\n")
        sys.stderr.flush()
    except OSError:
        _leave(sys.stderr)


def finish() -> None:
    """Leave nothing on standard error for the end of the program, which would fail at it."""
    try:
        sys.stderr.flush()
    except OSError:
        _leave(sys.stderr)


def _closed() -> TextIO:
    """Return a stream at which each write fails."""
    return os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")


def _unwritten(error: OSError) -> OutputError:
    _leave(sys.stdout)
    return OutputError(
        "standard output", f"can't be written: {error.strerror}", "send it elsewhere"
    )


def _leave(stream: TextIO) -> None:
    """Let what is left of a stream go nowhere: Python would try again to write it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

"""What can go wrong, said for people: one line and an exit status each."""

from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command's exit status means; `docs/exit-status.md` holds the same table."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    STORE = 4
    UNDELIVERED = 5
    CHECK_FAILED = 6
    OUTPUT = 7


def worst(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """Return the exit status of a command that met several: the lowest that isn't 0."""
    return min((status for status in statuses if status), default=ExitStatus.OK)


class GocronError(Exception):
    """An expected failure: `what` went wrong `where`, and what to do `then`."""

    status = ExitStatus.BUG

    def __init__(self, where: str, what: str, then: str = "") -> None:
        self.where = where
        self.what = what
        self.then = then
        super().__init__(f"{where}: {what}" + (f"; {then}" if then else ""))


class ConfigError(GocronError):
    """The configuration can't be used as it is."""

    status = ExitStatus.CONFIG


class StoreError(GocronError):
    """The database can't be reached, or refused what was asked of it."""

    status = ExitStatus.STORE


class Unfit(StoreError):
    """The database can't hold a value that it was given; nothing of it was kept."""

    status = ExitStatus.USAGE


class Locked(StoreError):
    """Another transaction held a row for all the time that there was to wait for it."""


class Bug(StoreError):
    """What nobody expected kept something from being kept; its traceback is in the log."""

    status = ExitStatus.BUG


class OutputError(GocronError):
    """What a command has to say can't be written where it is to go."""

    status = ExitStatus.OUTPUT


class PageError(GocronError):
    """The status page can't be written."""

    status = ExitStatus.CONFIG


class UsageError(GocronError):
    """What was told on the command line can't be meant."""

    status = ExitStatus.USAGE


class UnknownJob(GocronError):
    """No job has this account and cronname."""

    status = ExitStatus.USAGE

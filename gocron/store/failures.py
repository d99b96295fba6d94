"""What a database's refusals and failures mean, and how they are told in one line."""

import re
import sqlite3
from urllib.parse import urlsplit

import peewee

from gocron.errors import Locked, StoreError

# What Postgres calls a deadlock and a serialization failure; both were rolled back whole.
_PASSING_CODES = frozenset(("40P01", "40001"))

# What is wrong with a value that the database can't hold. All else is wrong with the database,
# or with gocron.
UNFIT = (peewee.DataError, peewee.IntegrityError)

RAISED = (peewee.DatabaseError, peewee.InterfaceError, sqlite3.Error)

# What concerns the database as a whole, and each statement that would follow.
FAILING = (peewee.OperationalError, peewee.InterfaceError)
# What it calls a lock that others held for longer than lock_timeout.
LOCK_TIMEOUT = "55P03"

# What a rollback says where there is nothing left to roll back, of SQLite and of Postgres.
_OF_ROLLBACK = ("cannot rollback", "connection already closed")


def nameless(url: str) -> str:
    """Return `url` as it may be shown to people: without user, password and parameters."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return f"sqlite {parts.path.removeprefix('/') or ':memory:'}"
    host = f" on {parts.hostname}" if parts.hostname else ""
    # libpq names it in what it says only where nobody else waits for its answers.
    host += f", port {parts.port}" if host and parts.port else ""
    return f"postgres {parts.path.removeprefix('/')}{host}"


# How libpq tells at which server a connection failed, and what it asks then.
_AT_SERVER = re.compile(r'connection to server at "[^"]*"(?: \([^)]*\))?, port [0-9]+ failed: ')
_QUESTION = "Is the server running"


def reason(error: BaseException) -> str:
    """Return what went wrong in one line: the cause, where only the rollback complains."""
    while str(error).startswith(_OF_ROLLBACK) and error.__context__ is not None:
        error = error.__context__
    # libpq says the same once for each way in that it tried.
    said = dict.fromkeys(" ".join(line.split()) for line in str(error).splitlines())
    lines = [line for line in said if line and not line.startswith(_QUESTION)]
    # Of one server gocron tells the name itself, and one name may be several addresses.
    if len(causes := {_AT_SERVER.sub("", line) for line in lines}) == 1:
        return causes.pop()
    return " ".join(lines) or type(error).__name__


def met_a_lock(error: StoreError) -> bool:
    """Tell whether another held a lock for all the time that there was to wait."""
    is_operational = isinstance(error.__cause__, peewee.OperationalError)
    return isinstance(error, Locked) or (is_operational and "locked" in error.what)


def is_passing(error: peewee.OperationalError) -> bool:
    """Tell whether what was undone may go well when it is tried again at once."""
    return code(error) in _PASSING_CODES


def code(error: BaseException | None) -> str | None:
    """Return by which code Postgres refused, None where it was something else."""
    driver_s = error and (error.__cause__ or error.__context__ or error)
    found: str | None = getattr(driver_s, "pgcode", None)
    return found

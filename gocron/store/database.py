"""The connection: SQLite or Postgres, how a transaction is begun, what is tried again."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import peewee

from gocron.errors import Locked, StoreError, Unfit
from gocron.host import clock as host_clock
from gocron.store.failures import (
    FAILING,
    LOCK_TIMEOUT,
    RAISED,
    UNFIT,
    code,
    is_passing,
    nameless,
    reason,
)
from gocron.store.files import FileDatabase, create, require_room
from gocron.store.postgres import ServerDatabase, parameters
from gocron.store.tables import Tables

# A statement takes so many parameters and no more: 32,766 on SQLite.
ROWS_A_STATEMENT = 1000
_TRIES = 5
_PAUSE_S = 0.05

# How long SQLite's others sleep at most before they look whether the write lock is free.
_LOCK_ASKED_EACH_S = 0.1

Result = TypeVar("Result")


class _Undone(Exception):
    """All that was written is to be rolled back."""


@dataclass(frozen=True)
class Transaction:
    """A transaction that is open: what needs one takes it as `tx`. Only the store makes it."""

    store: "Store"
    tables: Tables

    def locked(self, query: Any) -> Any:
        """Return `query` so that the rows it reads stay as they are until the transaction ends.

        SQLite needs no word for it: the writing transaction holds the whole file.
        """
        return query.for_update() if self.store.is_postgres else query

    def locked_if_free(self, query: Any) -> Any:
        """Return `query` as `locked` does, without the rows that another transaction holds.

        Nobody waits for these: one that is held for long must not hold up all others.
        """
        return query.for_update(skip_locked=True) if self.store.is_postgres else query


class Store:
    """One database and its tables. Each thread that asks it opens its own connection."""

    def __init__(self, url: str) -> None:
        self.name = nameless(url)
        self.is_postgres = not url.startswith("sqlite:")
        self.db: Any = _Postgres(**parameters(url)) if self.is_postgres else _sqlite(url)
        self.kind = "postgres" if self.is_postgres else "sqlite"
        self.tables = Tables(self.db)
        self._transaction = Transaction(self, self.tables)

    @contextmanager
    def connected(self, makes_file: bool = True) -> Iterator[None]:
        """Hold a connection for the length of the block.

        Without `makes_file` a SQLite database that is gone stays so: it may be put back this
        moment. Raises StoreError for whatever the database can't do meanwhile.
        """
        if makes_file and self.lacks_file():
            create(Path(str(self.db.database)))
        with self.reporting():
            self.db.connect(reuse_if_open=True)
            try:
                yield
            finally:
                self.db.close()

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Turn what the database raises into a StoreError of one line, without a password."""
        try:
            yield
        except RAISED as error:
            raise self.as_told(error) from error

    def as_told(self, error: Exception) -> Exception:
        """Return what the database raised as a StoreError, and any other error as it is."""
        if isinstance(error, UNFIT):
            return Unfit(self.name, f"can't hold this: {reason(error)}", "see `gocron check`")
        if isinstance(error, FAILING) and code(error) == LOCK_TIMEOUT:
            return Locked(self.name, "another transaction holds a row", "see pg_stat_activity")
        if isinstance(error, RAISED):
            return StoreError(self.name, reason(error), "see `gocron check`")
        return error

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Make the block one transaction that is on disk when the block is left.

        On SQLite the write lock is taken at once: a transaction that reads first and writes
        later fails without waiting when another has written in between.
        """
        with self.db.atomic() if self.is_postgres else self.db.atomic("IMMEDIATE"):
            yield self._transaction

    @contextmanager
    def undone(self) -> Iterator[Transaction]:
        """Make the block one transaction of which nothing is left when the block is."""
        with suppress(_Undone), self.writing() as tx:
            yield tx
            raise _Undone

    def write(self, work: Callable[[Transaction], Result], one_statement: bool = False) -> Result:
        """Run `work` as one transaction, again where it met another transaction's lock.

        Work that is one statement is a transaction by itself: Postgres is spared two round
        trips, SQLite two statements. A statement that writes takes the lock at once, too.
        """
        for left in reversed(range(_TRIES)):
            try:
                if one_statement:
                    return work(self._transaction)
                with self.writing() as tx:
                    return work(tx)
            except peewee.OperationalError as error:
                if not left or not is_passing(error):
                    raise
                time.sleep(_PAUSE_S)
        raise AssertionError("unreachable")

    def give_way(self) -> None:
        """Let others write: whoever writes much asks for this between two transactions.

        On SQLite one connection writes at a time, and those that wait look now and then only:
        without a pause they would meet the lock each time. Postgres locks rows.
        """
        if not self.is_postgres:
            time.sleep(1.5 * _LOCK_ASKED_EACH_S)

    def is_away(self, error: Exception) -> bool:
        """Tell whether, as `error` of the database shows, it is in vain to ask it for more.

        Its connection is gone, or another one holds SQLite's one lock for good.
        """
        if not self.is_postgres and "locked" in str(error):
            return True
        try:
            list(self.tables.instance.select(self.tables.instance.id))
        except peewee.PeeweeException:
            return True
        return False

    def encoding(self) -> str:
        """Return in which encoding the database keeps text."""
        if not self.is_postgres:
            return "UTF8"
        (name,) = self.db.execute_sql("SHOW server_encoding").fetchone()
        return str(name)

    def lacks_file(self) -> bool:
        """Tell whether this is a SQLite database that nobody has made yet."""
        if self.is_postgres:
            return False
        try:
            Path(str(self.db.database)).stat()
        except OSError:
            # Where it can't even be looked for, making it tells why.
            return True
        return False

    def reach(self, answer_within_s: float) -> object:
        """Have this thread's connection lead to the database that stands at its place by now.

        Postgres' answers are awaited for so long at most. Return what tells that file from others,
        None of Postgres. Raises what the driver raises, and StoreError.
        """
        if self.is_astray():
            self.db.close()
        self.db.connect(reuse_if_open=True)
        if not self.is_postgres:
            return self.db.place
        self.db.hurry(answer_within_s)
        return None

    def is_astray(self) -> bool:
        """Tell whether this thread's connection leads to a file that was replaced or removed."""
        return not self.is_postgres and bool(self.db.is_astray)

    def require_room(self, share: float) -> None:
        """Raise StoreError where the disk has no room for this share of a group of check-ins.

        Only of SQLite's disk this can be asked.
        """
        if self.is_postgres:
            return
        folder = Path(str(self.db.database)).parent
        try:
            require_room(folder, share)
        except OSError as error:
            raise StoreError(self.name, f"{error.strerror} in {folder}", "make room") from None

    def now(self) -> int:
        """Return the time in epoch seconds by the database's clock, the only one that counts."""
        return int(self.moment())

    def moment(self) -> float:
        """Return the time as `now` does, with its fraction. SQLite's clock is the host's own."""
        if not self.is_postgres:
            return host_clock()
        with self.reporting():
            (at,) = self.db.execute_sql("SELECT EXTRACT(EPOCH FROM clock_timestamp())").fetchone()
        return float(at)

    def server_version(self) -> str:
        """Return the version of the database behind the connection."""
        if not self.is_postgres:
            return sqlite3.sqlite_version
        (version,) = self.db.execute_sql("SHOW server_version").fetchone()
        return str(version)


class _RefusesUnfit:
    """A peewee database that says alike, as DataError, what its driver says of unfit values."""

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement. Raises peewee.DataError for a value that no statement can carry."""
        try:
            return super().execute_sql(sql, params)  # type: ignore[misc]
        except (OverflowError, UnicodeEncodeError) as error:
            # An integer beyond 64 bits (SQLite), half a character (both).
            raise peewee.DataError(str(error)) from error
        except ValueError as error:
            if "NUL" not in str(error):
                raise
            raise peewee.DataError(str(error)) from error


class _Sqlite(_RefusesUnfit, FileDatabase):
    pass


class _Postgres(_RefusesUnfit, ServerDatabase):
    pass


def _sqlite(url: str) -> Any:
    path = url.removeprefix("sqlite:///")
    folder = Path(path).parent
    try:
        is_folder = folder.is_dir()
    except OSError as error:
        raise StoreError(
            f"sqlite {path}", str(error.strerror), f"check who owns {folder}"
        ) from None
    if not is_folder:
        raise StoreError(f"sqlite {path}", f"no folder {folder}", "make it, or set database_url")
    return _Sqlite(
        path,
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
        },
        autoconnect=False,
    )

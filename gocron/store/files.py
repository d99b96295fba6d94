"""SQLite's files: whether a connection leads to those that stand at the path, and room for more."""

import errno
import os
import sqlite3
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import peewee

from gocron.errors import StoreError

# Twice what the largest group of check-ins adds. A write of less can succeed on a full disk: in
# what a larger one left behind that failed.
GROUP_NEEDS_B = 4 * 1024 * 1024

BUSY_TIMEOUT_S = 5

# What tells that nobody could write here; that this user may make no file here is another matter.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)

# Device and inode; None where nothing is.
_Place = tuple[int, int] | None


class _Connection(sqlite3.Connection):
    """A connection that knows which files it was opened to: database, -wal and -shm."""

    paths: tuple[str, ...] = ()
    opened: tuple[_Place, ...] = ()

    @property
    def is_astray(self) -> bool:
        """Whether other files stand at the paths by now, or none."""
        return self.opened != tuple(map(_place, self.paths))

    @property
    def left_its_log(self) -> bool:
        """Whether the database was moved away, or replaced, and its -wal and -shm were not."""
        database, *log = map(_place, self.paths)
        return database != self.opened[0] and tuple(log) == self.opened[1:]


class FileDatabase(peewee.SqliteDatabase):
    """A SQLite database whose connections notice when they go astray, and make no file.

    Whoever replaces, removes or restores the file leaves an open connection with the old one, in
    which everything still succeeds, and which nobody else will ever read.
    """

    @property
    def is_astray(self) -> bool:
        """Whether this thread's connection leads to other files than stand at the path."""
        return not self.is_closed() and bool(self._state.conn.is_astray)  # type: ignore[attr-defined]

    @property
    def place(self) -> _Place:
        """Which file this thread's connection leads to."""
        place: _Place = self._state.conn.opened[0]  # type: ignore[attr-defined]
        return place

    def _connect(self) -> Any:
        path = Path(str(self.database)).absolute()
        found = _place(str(path))
        if found is None:
            raise StoreError(
                f"sqlite {path}", "the file is gone", "put it back, or let a sweep make a new one"
            )
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            factory=_Connection,
            **self.connect_params,
        )
        try:
            self._add_conn_hooks(connection)  # type: ignore[attr-defined]
            # The first read opens the other two files.
            connection.execute("PRAGMA schema_version").fetchone()
            real = os.path.realpath(path)
            connection.paths = (str(path), f"{real}-wal", f"{real}-shm")
            connection.opened = tuple(map(_place, connection.paths))
            if connection.opened[0] != found:
                raise sqlite3.OperationalError("was replaced while it was opened")
        except Exception:
            connection.close()
            raise
        return connection

    def _close(self, conn: Any) -> None:
        if conn.is_astray:
            if conn.left_its_log:
                # SQLite would take what stands in it for changes of the file that it lies beside.
                with suppress(sqlite3.Error):
                    conn.rollback()
                    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # The last connection to close writes its -wal into the database and removes the -wal by
            # its name. Both may be others' by now.
            if sys.version_info >= (3, 12):
                conn.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
            conn.interrupt()
        conn.close()


def _place(path: str) -> _Place:
    try:
        told = os.stat(path)  # noqa: PTH116 (with each group: six times as fast)
    except OSError:
        return None
    return told.st_dev, told.st_ino


def create(path: Path) -> None:
    """Make an empty file that others can't read, whatever the umask; its -wal and -shm follow it.

    Another process may make it at the same moment. Raises StoreError.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640))
    except OSError as error:
        raise StoreError(
            f"sqlite {path}", str(error.strerror), f"check who owns {path.parent}"
        ) from None


def require_room(folder: Path, share: float) -> None:
    """Raise OSError unless this share of a group fits on the disk of `folder`, and in its quota."""
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            os.posix_fallocate(trial.fileno(), 0, int(share * GROUP_NEEDS_B))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise

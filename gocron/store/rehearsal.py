"""A private copy of the database, in which a rehearsal may write while check-ins go on."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gocron.errors import StoreError
from gocron.store.database import Store

# What there is to copy of one account, table by table; of others all.
_OF_ACCOUNT = {
    "job": "WHERE account = %(account)s",
    "episode": "WHERE job_id IN (SELECT id FROM pg_temp.job)",
    "news": "WHERE episode_id IN (SELECT id FROM pg_temp.episode)",
    "redeclaration": "WHERE job_id IN (SELECT id FROM pg_temp.job)",
    "moved": "WHERE job_id IN (SELECT id FROM pg_temp.job)",
    "silence": "WHERE job_id IN (SELECT id FROM pg_temp.job)",
    "outage": "WHERE site_id IS NULL OR site_id IN (SELECT id FROM pg_temp.job)",
}


@contextmanager
def private_copy(store: Store, account: str | None = None) -> Iterator[Store]:
    """Yield a store that holds what `store` does now; what is written there is gone afterwards.

    Nobody who writes to `store` meanwhile has to wait: no row of it is locked. With `account`
    it's enough that the jobs of this one are there. Raises StoreError where there is no room.
    """
    if not store.is_postgres:
        with _copied_file(store) as copy:
            yield copy
        return
    with store.undone():
        _shadow_tables(store, account)
        yield store


@contextmanager
def _copied_file(store: Store) -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="gocron-rehearsal-") as folder:
        path = Path(folder) / "gocron.db"
        try:
            with closing(sqlite3.connect(path)) as target:
                store.db.connection().backup(target)
        except sqlite3.Error as error:
            raise StoreError(
                f"copy of {store.name} in {Path(folder).parent}",
                str(error),
                "name another folder in TMPDIR, with room for a copy",
            ) from error
        copy = Store(f"sqlite:///{path}")
        with copy.connected():
            yield copy


def _shadow_tables(store: Store, account: str | None) -> None:
    """Hide each table behind a temporary one of the same name and content, until the end.

    Postgres looks for temporary tables first. All are copied as they were at one moment.
    """
    store.db.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    (schema,) = store.db.execute_sql("SELECT current_schema()").fetchone()
    for table in vars(store.tables).values():
        name = table.__name__
        mine, copy = f'"{schema}"."{name}"', f'pg_temp."{name}"'
        which = "" if account is None else _OF_ACCOUNT.get(name, "")
        store.db.execute_sql(f"CREATE TEMPORARY TABLE {copy} (LIKE {mine} INCLUDING ALL)")
        # All of it stands above or is a name of our own.
        fill = f"INSERT INTO {copy} SELECT * FROM {mine} {which}"  # noqa: S608
        store.db.execute_sql(fill, {"account": account})
        store.db.execute_sql(f"ANALYZE {copy}")

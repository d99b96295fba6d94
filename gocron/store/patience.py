"""How long a lock is waited for that another transaction holds."""

from collections.abc import Iterator
from contextlib import contextmanager

from gocron.store.database import Store

_A_MOMENT = "100ms"


@contextmanager
def impatient(store: Store) -> Iterator[None]:
    """Wait for a moment only while the block lasts: one lock was waited for in vain already."""
    if not store.is_postgres:
        yield
        return
    (before,) = store.db.execute_sql("SHOW lock_timeout").fetchone()
    store.db.execute_sql("SET lock_timeout = %s", (_A_MOMENT,))
    try:
        yield
    finally:
        store.db.execute_sql("SET lock_timeout = %s", (before,))

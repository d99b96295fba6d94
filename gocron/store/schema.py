"""The schema: brought up to date by numbered migrations, all of them or none."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from gocron.errors import StoreError
from gocron.store.database import Store, Transaction

MIGRATIONS = Path(__file__).with_name("migrations")
HISTORY = "schema_migration"

# Migrations add: fronts and sweeps of the version before go on while hosts are upgraded one by
# one, or when an upgrade is taken back. One that can't be like that is named so.
BREAKING = "_breaking"

# Any number that no other program takes as its advisory lock in the same database.
_UPGRADE_LOCK = 7_063_726_016


def open_store(url: str) -> Store:
    """Return the store at `url`, its schema up to date.

    Raises StoreError where the database can't be reached, or can't be used by this version.
    """
    store = Store(url)
    with store.connected():
        if pending(store):
            upgrade(store)
    return store


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """Hold the store at `url`, as `open_store` opens it, connected for the length of the block."""
    store = open_store(url)
    with store.connected():
        yield store


def see_to(store: Store) -> list[str]:
    """Bring up to date what was put in the place of the database; return what was applied.

    Raises StoreError for a database without tables: it may be a backup that is being put back.
    """
    if not _applied(store):
        raise StoreError(store.name, "has no tables", "put it back, or let a sweep make new ones")
    return upgrade(store) if pending(store) else []


def pending(store: Store) -> list[str]:
    """Return the names of the migrations that the database still lacks, in order.

    Raises StoreError where a later gocron changed what this version reads.
    """
    known, applied = _known(), _applied(store)
    if breaking := [name for name in sorted(applied - known) if name.endswith(BREAKING)]:
        raise StoreError(
            store.name,
            f"can't be used by this version since {breaking[0]}",
            "install the later gocron here too",
        )
    return sorted(known - applied)


def later(store: Store) -> list[str]:
    """Return the names of the migrations that a later gocron has applied, in order."""
    return sorted(_applied(store) - _known())


def upgrade(store: Store) -> list[str]:
    """Apply what is pending as one transaction, one process at a time; return the names."""
    # Imported here: a sweep runs each minute and needs no migration tools.
    from playhouse.migrations import Runner

    def work(tx: Transaction) -> list[str]:
        if store.is_postgres:
            store.db.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_UPGRADE_LOCK,))
        applied: list[str] = Runner(store.db, str(MIGRATIONS), HISTORY).up()
        _introduce(tx)
        return applied

    # Migrations lock tables in another order than a sweep does that goes on meanwhile.
    return store.write(work)


def _known() -> set[str]:
    return {path.stem for path in MIGRATIONS.glob("[0-9]*.py")}


def _applied(store: Store) -> set[str]:
    history: Any = peewee.Table(HISTORY, ("name",)).bind(store.db)
    if not store.db.table_exists(HISTORY):
        return set()
    return {row["name"] for row in history.select(history.name)}


def _introduce(tx: Transaction) -> None:
    """Give a new database the name that its Message-IDs carry."""
    tx.tables.instance.insert(
        {"id": 1, "name": secrets.token_hex(6), "accounts": 0, "jobs": 0, "missing": 0}
    ).on_conflict("IGNORE").execute()

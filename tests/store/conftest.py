"""Check-ins as the store gets them."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.health import Known
from gocron.front.wsgi import awaited
from gocron.store import schema
from gocron.store.database import Store
from gocron.store.group_commit import LOOK_PATIENCE_S, PATIENCE_S, GroupCommit, Outcome

NOON = 1_790_000_000
HOUR = 3600


def checkin(cronname: str = "backup", seen_at: int = NOON, **told: object) -> CheckIn:
    """A whole check-in; what `told` names replaces a part of it."""
    parts = {
        "account": "web-01",
        "cronname": cronname,
        "email": "ops@example.com",
        "frequency_s": HOUR,
        "grace_s": None,
        "site": None,
        "address": "203.0.113.9",
        "seen_at": seen_at,
    }
    return CheckIn(**{**parts, **told})


def record(group_commit: GroupCommit, told: CheckIn) -> Outcome:
    """Hand in a check-in and wait for its outcome."""
    outcome: Outcome = awaited(
        partial(group_commit.submit, told), PATIENCE_S, group_commit.too_late
    )
    return outcome


def look(group_commit: GroupCommit) -> Known:
    """Return how gocron is, once that is known; while the database hangs, as it was last."""
    return awaited(group_commit.ask, LOOK_PATIENCE_S, lambda: group_commit.known)


def store_before(migration: str, url: str, folder: Path) -> Store:
    """Return a store as the version left it that lacks `migration` (0007) and all after it."""
    folder.mkdir()
    for path in schema.MIGRATIONS.glob("[0-9]*.py"):
        if path.stem[:4] < migration:
            shutil.copy(path, folder)
    store = Store(url)
    with pytest.MonkeyPatch.context() as patch, store.connected():
        patch.setattr(schema, "MIGRATIONS", folder)
        schema.upgrade(store)
    return store


def insert(store: Store, table: str, **values: object) -> int:
    """Insert a row as any version may have done; return its id."""
    names = ", ".join(values)
    places = ", ".join(["%s" if store.is_postgres else "?"] * len(values))
    sql = f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING id"
    with store.writing():
        return store.db.execute_sql(sql, list(values.values())).fetchone()[0]

"""The triggers that a migrated database has are those whose text stands in one place."""

from gocron.store import triggers
from gocron.store.database import Store

# On Postgres a trigger, its function's body beside it; on SQLite the statement that made it.
POSTGRES = """
SELECT tgname, pg_get_triggerdef(pg_trigger.oid) || ' ' || prosrc
FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE tgrelid = 'job'::regclass AND NOT tgisinternal"""
SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
FUNCTIONS = """
SELECT proname FROM pg_proc
WHERE prorettype = 'trigger'::regtype AND pronamespace = current_schema()::regnamespace"""


def installed(store: Store) -> dict[str, str]:
    rows = store.db.execute_sql(POSTGRES if store.is_postgres else SQLITE).fetchall()
    return {name: " ".join(text.split()) for name, text in rows}


def functions(store: Store) -> set[str]:
    rows = store.db.execute_sql(FUNCTIONS).fetchall() if store.is_postgres else ()
    return {name for (name,) in rows}


def test_the_triggers_of_a_migrated_database_are_those_in_force(store: Store) -> None:
    with store.connected(), store.undone():
        migrated, theirs = installed(store), functions(store)
        for name in migrated:
            store.db.execute_sql(f"DROP TRIGGER {name}" + (" ON job" if store.is_postgres else ""))
        for name in theirs:
            store.db.execute_sql(f"DROP FUNCTION {name}")
        assert not installed(store)
        for statement in triggers.in_force(store.is_postgres):
            store.db.execute_sql(statement)
        assert installed(store) == migrated
        assert functions(store) == theirs

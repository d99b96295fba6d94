"""Both databases are really there, and hold what they are given."""

from gocron.core.checkin import CheckIn
from gocron.store import checkins
from gocron.store.database import Store
from gocron.store.schema import MIGRATIONS, open_store, pending, upgrade

NOW = 1_800_000_000
BACKUP = CheckIn("acme", "backup", "ops@example.com", 3_600, None, None, "192.0.2.7", NOW)


def test_upgrade_applies_every_migration_to_an_empty_database(empty_database_url):
    store = Store(empty_database_url)
    with store.connected():
        applied = upgrade(store)
    assert applied == sorted(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))


def test_a_second_open_has_nothing_left_to_upgrade(empty_database_url):
    open_store(empty_database_url)
    store = open_store(empty_database_url)
    with store.connected():
        assert pending(store) == []


def test_a_checkin_is_there_for_whoever_opens_the_database_next(database_url):
    store = open_store(database_url)
    with store.connected():
        (due,) = store.write(lambda tx: checkins.record(tx, [BACKUP]))
    assert due == NOW + 3_600

    other = open_store(database_url)
    with other.connected():
        (row,) = other.tables.job.select()
    assert (row["account"], row["cronname"], row["last_seen_at"]) == ("acme", "backup", NOW)


def test_every_test_gets_a_database_without_jobs(store):
    with store.connected():
        assert list(store.tables.job.select()) == []


def test_each_kind_of_database_is_what_it_says(database, store):
    with store.connected():
        assert store.is_postgres == (database == "postgres")
        question = "SHOW server_version" if store.is_postgres else "SELECT sqlite_version()"
        (version,) = store.db.execute_sql(question).fetchone()
    assert version

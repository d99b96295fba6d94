"""The upgrade to one outbox keeps all news, and tells the operator nothing twice."""

from pathlib import Path

import peewee
import pytest

from gocron.core.channel import MAIL
from gocron.core.news import Kind
from gocron.store import operator_news
from gocron.store.database import Store
from gocron.store.schema import upgrade
from tests.store.conftest import insert, store_before

NOW = 1_800_000_000


@pytest.fixture
def old(empty_database_url: str, tmp_path: Path) -> Store:
    """A store as the version before left it."""
    return store_before("0007", empty_database_url, tmp_path / "migrations")


def insert_job(store: Store) -> int:
    named = {"account": "web-01", "cronname": "backup", "email": "ops@example.com"}
    times = {"created_at": NOW, "last_seen_at": NOW, "due_at": NOW + 60}
    return insert(store, "job", **named, **times, frequency_s=60, address="::1")


def insert_news(store: Store, **values: object) -> int:
    told = {"kind": "missed", "channel": "mail", "recipient": "ops@example.com"}
    return insert(store, "news", **told | {"queued_at": NOW, "next_try_at": NOW} | values)


def test_all_news_is_kept_and_goes_on_by_its_number(old: Store) -> None:
    with old.connected():
        job = insert_job(old)
        told = {"job_id": job, "missed_at": NOW, "last_seen_at": NOW}
        episode = insert(old, "episode", **told)
        first = insert_news(old, episode_id=episode, digest="f00d", attempts=3, last_error="451")
        second = insert_news(old, episode_id=episode, kind="recovered", sent_at=NOW)
        before = list(old.db.execute_sql("SELECT * FROM news ORDER BY id").fetchall())
        assert [name for name in upgrade(old) if name.startswith("0007")] == ["0007_one_outbox"]
        after = list(old.db.execute_sql("SELECT * FROM news ORDER BY id").fetchall())
        assert [row[: len(before[0])] for row in after] == before
        assert insert_news(old, episode_id=episode, recipient="b") > second > first
        with pytest.raises(peewee.IntegrityError):
            insert_news(old, episode_id=episode, recipient="b")


@pytest.mark.parametrize("subjects", [(), ("episode_id", "outage_id")])
def test_news_has_one_subject_exactly(old: Store, subjects: tuple[str, ...]) -> None:
    with old.connected():
        upgrade(old)
        told = {"job_id": insert_job(old), "missed_at": NOW, "last_seen_at": NOW}
        ids = {
            "episode_id": insert(old, "episode", **told),
            "outage_id": insert(old, "outage", began_at=NOW, ended_at=NOW),
        }
        with pytest.raises(peewee.IntegrityError):
            insert_news(old, **{subject: ids[subject] for subject in subjects})


def test_an_outage_that_the_operator_was_told_of_is_not_told_again_and_another_one_is(
    old: Store,
) -> None:
    with old.connected():
        times = {"began_at": NOW - 9000, "ended_at": NOW - 7200}
        insert(old, "outage", **times, told_at=NOW - 3600)
        untold = insert(old, "outage", **times)
        insert(old, "outage", **times, claimed_until=NOW + 200)
        upgrade(old)
        for _ in range(2):
            operator_news.queue(old, "admin@example.com", NOW, MAIL)
        (row,) = old.tables.news.select()
        assert (row["outage_id"], row["kind"]) == (untold, Kind.OUTAGE.value)
        told = list(old.tables.outage.select().where(old.tables.outage.id == untold))
        # The version before goes by this: it does not tell what waits in the outbox.
        assert told[0]["told_at"] == NOW


def test_the_version_before_takes_no_news_of_a_new_kind_into_a_digest_of_its_own(
    old: Store,
) -> None:
    with old.connected():
        insert(old, "outage", began_at=NOW - 9000, ended_at=NOW - 7200)
        upgrade(old)
        operator_news.queue(old, "admin@example.com", NOW, MAIL)
        (row,) = old.tables.news.select()
        # A digest of its own is made of news without a key.
        assert row["digest"] is not None

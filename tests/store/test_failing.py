"""Jobs that fail, as the database is asked for them."""

import logging
from pathlib import Path

import pytest

from gocron.core.signal import FAIL, Signal
from gocron.store import checkins, failing, jobs
from gocron.store.database import Store
from gocron.store.schema import open_store
from tests.store.conftest import NOON, checkin


def fail(store: Store, name: str, at: int = NOON, **told: object) -> None:
    one = checkin(name, at, signal=Signal(FAIL, "3"), **told)
    store.write(lambda tx: checkins.record(tx, [one]))


def test_failing_jobs_are_listed_and_counted_while_their_last_run_failed(store: Store) -> None:
    with store.connected():
        fail(store, "second", NOON + 60)
        fail(store, "first")
        fail(store, "other", account="db-01")
        fail(store, "works")
        store.write(lambda tx: checkins.record(tx, [checkin("works", NOON + 60)]))
        found = failing.failing_longest(store, 9)
        assert [job.cronname for job in found] == ["first", "other", "second"]
        assert failing.count_by_account(store) == {"web-01": 2, "db-01": 1}
        listed = [job.cronname for job in jobs.every_job(store, failing=True)]
        assert listed == ["other", "first", "second"]


def test_failing_jobs_are_found_without_a_look_at_all_jobs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'gocron.db'}")
    with store.connected():
        caplog.set_level(logging.DEBUG, "peewee")
        failing.count_by_account(store)
        failing.failing_longest(store, 9)
        list(jobs.every_job(store, failing=True))
        asked = [record.msg for record in caplog.records if '"job"' in record.msg[0]]
        assert len(asked) == 3
        for sql, parameters in asked:
            plan = store.db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            assert not any(step.startswith("SCAN") for *_, step in plan), plan

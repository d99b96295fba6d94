"""Each job's last check-ins are remembered, by whichever version they were kept."""

from pathlib import Path

from gocron.core.recent import KEPT, recent
from gocron.store import checkins, declarations, jobs
from gocron.store.database import Store
from gocron.store.schema import upgrade
from tests.store.conftest import HOUR, NOON, checkin, insert, store_before


def remembered(store: Store) -> list[int]:
    (row,) = store.tables.job.select(store.tables.job.recent)
    return [one.at for one in recent(row["recent"])]


def keep(store: Store, at: int) -> None:
    store.write(lambda tx: checkins.record(tx, [checkin(seen_at=at)]))


def test_the_last_check_ins_of_a_job_are_remembered_and_no_more(store: Store) -> None:
    times = [NOON + number * HOUR for number in range(KEPT + 3)]
    with store.connected():
        for at in times:
            keep(store, at)
        assert remembered(store) == times[: -KEPT - 1 : -1]


def test_a_job_that_was_only_declared_remembers_none(store: Store) -> None:
    with store.connected():
        declarations.declare(store, checkin())
        assert remembered(store) == []
        assert jobs.find(store, "web-01", "backup").last_ok_at is None
        keep(store, NOON + 60)
        assert remembered(store) == [NOON + 60]


def test_an_upgrade_knows_a_jobs_habit_as_before(empty_database_url: str, tmp_path: Path) -> None:
    old = store_before("0013", empty_database_url, tmp_path / "migrations")
    named = {"account": "web-01", "cronname": "backup", "email": "ops@example.com"}
    times = {"created_at": NOON, "last_seen_at": NOON, "due_at": NOON + 60, "frequency_s": 900}
    gaps = {"gap_1_s": 400, "gap_2_s": 300, "gap_3_s": 200}
    with old.connected():
        insert(old, "job", **named, **times, **gaps, address="::1")
        upgrade(old)
        assert jobs.find(old, "web-01", "backup").gaps == (400, 300, 200)
        keep(old, NOON + 500)
        assert jobs.find(old, "web-01", "backup").gaps == (500, 400, 300)


def test_an_upgrade_invents_no_check_in(empty_database_url: str, tmp_path: Path) -> None:
    old = store_before("0013", empty_database_url, tmp_path / "migrations")
    named = {"account": "web-01", "cronname": "backup", "email": "ops@example.com"}
    times = {"created_at": NOON, "last_seen_at": NOON, "due_at": NOON + 60, "frequency_s": 900}
    with old.connected():
        insert(old, "job", **named, **times, address="")
        upgrade(old)
        assert remembered(old) == []

"""Many jobs are forgotten in one go, and nobody is locked out meanwhile."""

import pytest

from gocron.core.channel import MAIL
from gocron.core.checkin import CheckIn
from gocron.errors import UnknownJob
from gocron.store import checkins, episodes, job_row, jobs
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.store.group_commit import GroupCommit
from gocron.store.schema import open_store
from tests.store.conftest import HOUR, NOON, checkin, record


def hear(store: Store, *some: CheckIn) -> None:
    store.write(lambda tx: checkins.record(tx, some))


def names(store: Store) -> list[str]:
    return [job.cronname for job in jobs.every_job(store)]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_row, "FORGOTTEN_AT_ONCE", 3)


def test_the_jobs_of_an_account_go_with_their_history_and_no_others(store: Store) -> None:
    with store.connected():
        hear(store, *(checkin(f"job-{number}") for number in range(10)))
        hear(store, checkin("other", account="web-02"))
        missed = [Silence(job, "") for job in jobs.every_job(store)]
        episodes.begin(store, missed, NOON + 2 * HOUR, MAIL)
        assert job_row.forget_account(store, "web-01") == 10
        assert names(store) == ["other"]
        assert len(list(store.tables.episode.select())) == 1
        assert len(list(store.tables.news.select())) == 1
        with pytest.raises(UnknownJob):
            job_row.forget_account(store, "web-01")


def test_a_job_that_is_heard_while_the_others_are_forgotten_stays(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever checks in between two transactions finds no lock, however many are forgotten.
    fronts = GroupCommit(open_store(database_url))
    heard = iter(range(9, 0, -1))
    give_way = store.give_way

    def between() -> None:
        give_way()
        if (number := next(heard, None)) is not None:
            assert record(fronts, checkin(f"job-{number}", NOON + HOUR)) == NOON + 2 * HOUR

    monkeypatch.setattr(store, "give_way", between)
    with store.connected():
        hear(store, *(checkin(f"job-{number}") for number in range(10)))
        assert job_row.forget_account(store, "web-01", NOON + 1) == 8
        left = names(store)
    assert "job-9" in left and "job-8" in left and "job-0" not in left


def test_who_is_forgotten_with_the_gateway_is_never_without_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[list[str]] = []
    with store.connected():
        hear(store, checkin("a-office", site=True), *(checkin(f"cam-{n}") for n in range(5)))
        monkeypatch.setattr(store, "give_way", lambda: left.append(names(store)))
        assert job_row.forget_account(store, "web-01") == 6
    assert left == [["a-office", "cam-3", "cam-4"], ["a-office"], []]

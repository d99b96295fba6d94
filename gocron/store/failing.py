"""Jobs whose runs fail: which are to be told of, which work again; their episodes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from peewee import Tuple, Value, fn

from gocron.core.channel import Traits
from gocron.core.job import Job
from gocron.core.news import Trouble
from gocron.store import episodes, job_row, jobs
from gocron.store.database import Store, Transaction


def failed(store: Store, limit: int, after: tuple[int, int] | None = None) -> list[Job]:
    """Return jobs that failed and nobody was told of, the first to fail first.

    `after` is (failed_at, id) of the last one seen.
    """
    return _waiting(store, store.tables.job.failed_at, limit, after)


def working(store: Store, limit: int, after: tuple[int, int] | None = None) -> list[Job]:
    """Return jobs that were told of as failing and work again, the first to do so first.

    A failure that is not told yet, though it is over, is told before its end.

    `after` is (worked_at, id) of the last one seen.
    """
    job = store.tables.job
    return _waiting(store, job.worked_at, limit, after, job.failed_at.is_null())


def _waiting(
    store: Store, at: Any, limit: int, after: tuple[int, int] | None, *more: Any
) -> list[Job]:
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where(at.is_null(False), *more).order_by(at, job.id)
    if after is not None:
        query = query.where(Tuple(at, job.id) > Value(after))
    return [jobs.as_job(row) for row in query.limit(limit)]


def failing_longest(store: Store, limit: int) -> list[Job]:
    """Return jobs whose last run failed, the longest failing first."""
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where(jobs.is_failing(job))
    since = fn.COALESCE(job.failing_at, job.failed_at)
    return [jobs.as_job(row) for row in query.order_by(since, job.id).limit(limit)]


def count_by_account(store: Store) -> Counter[str]:
    """Return how many jobs of each account fail."""
    job = store.tables.job
    query = job.select(job.account, fn.COUNT(job.id).alias("failing"))
    found = query.where(jobs.is_failing(job)).group_by(job.account)
    return Counter({row["account"]: row["failing"] for row in found})


def begin(store: Store, some: Sequence[Job], now: int, channel: Traits) -> list[Job]:
    """Begin the episodes of jobs that failed and queue their news; return whose this call began.

    A row that another transaction holds is left to the next sweep.
    """

    def work(tx: Transaction) -> list[Job]:
        rows = job_row.lock_failing(tx, [one.id for one in some])
        begun = [
            one for one in some if one.id in rows and rows[one.id]["failed_at"] == one.failed_at
        ]
        told = {
            one.id: {
                "missed_at": one.failed_at,
                "last_seen_at": _ok_before(one),
                "exit_status": one.exit_status,
            }
            for one in begun
        }
        episodes.open_episodes(tx, Trouble.FAILING, begun, told, now, channel)
        job_row.mark_failing(tx, begun)
        return begun

    return store.write(work)


def end(store: Store, some: Sequence[Job], now: int, tell: bool) -> list[Job]:
    """End the episodes of jobs that work again and queue the news where `tell` is set.

    One that fails again by now goes on failing. Return whose episode this call ended.
    """

    def work(tx: Transaction) -> list[Job]:
        rows = job_row.lock_failing(tx, [one.id for one in some])
        stands = {
            job_id: row["worked_at"] for job_id, row in rows.items() if row["failed_at"] is None
        }
        ended = [one for one in some if stands.get(one.id) == one.worked_at]
        worked_at = tx.tables.job.worked_at
        episodes.close_episodes(tx, Trouble.FAILING, ended, worked_at, now, tell)
        job_row.mark_working(tx, ended)
        return ended

    return store.write(work)


def _ok_before(job: Job) -> int:
    """Return when a run of `job` worked last before it failed, 0 where that isn't known."""
    at, failed_at = job.last_ok_at or 0, job.failed_at or 0
    return at if at <= failed_at else max((one for one in job.ok_at if one < failed_at), default=0)


def take_up(store: Store) -> None:
    """Have told again what fails and has no open episode: a sweep of a version before ended it."""
    if list(job_row.failing_without_episode(store).limit(1)):
        store.write(job_row.take_up_failing)

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

    `after` is (worked_at, id) of the last one seen.
    """
    return _waiting(store, store.tables.job.worked_at, limit, after)


def _waiting(store: Store, at: Any, limit: int, after: tuple[int, int] | None) -> list[Job]:
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where(at.is_null(False)).order_by(at, job.id)
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
                "last_seen_at": one.last_ok_at or 0,
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
        ended = [
            one for one in some if one.id in rows and rows[one.id]["worked_at"] == one.worked_at
        ]
        worked_at = tx.tables.job.worked_at
        episodes.close_episodes(tx, Trouble.FAILING, ended, worked_at, now, tell)
        job_row.mark_working(tx, ended)
        return ended

    return store.write(work)

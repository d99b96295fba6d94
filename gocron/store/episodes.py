"""Episodes begin and end, and news of both is queued, each in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Tuple, Value

from gocron.core.channel import Traits
from gocron.core.job import Job
from gocron.core.news import NEWS_OF, Episode, Trouble
from gocron.core.outage import Outage
from gocron.store import job_row, jobs, outages, verdicts
from gocron.store.database import Store, Transaction
from gocron.store.news import news_row, queue_news

_COLUMNS = ("id", "missed_at", "last_seen_at", "ended_at", "reason", "kind", "exit_status")


@dataclass(frozen=True)
class Silence:
    """A job that is to be told of, why, and a gateway's outages until then.

    `excused_until` is the last deadline that it was given, None where its own counted.
    """

    job: Job
    reason: str
    outages: Sequence[Outage] = ()
    excused_until: int | None = None


def back(store: Store, limit: int | None = None, after: tuple[int, int] | None = None) -> list[Job]:
    """Return the missing jobs that have checked in again, the first to do so first.

    `after` is (back_at, id) of the last one seen.
    """
    job = store.tables.job
    query = (
        job.select(*jobs.columns(store))
        .where(job.back_at.is_null(False))
        .order_by(job.back_at, job.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Tuple(job.back_at, job.id) > Value(after))
    return [jobs.as_job(row) for row in query]


def begin(store: Store, silent: Sequence[Silence], now: int, channel: Traits) -> list[Job]:
    """Begin the episodes of `silent` jobs and queue their news; return the jobs it was true of.

    A job that was heard meanwhile, or that another sweep marked, is left as it is: its row
    is locked, and what was judged must still stand there. The outages of a gateway are kept
    with its episode: nobody may see the one without the other.
    """

    def work(tx: Transaction) -> list[Job]:
        judged = verdicts.as_judged(tx, [one.job for one in silent])
        marked = [one for one in silent if one.job.id in judged]
        job_row.mark_missing(tx, [one.job for one in marked])
        _open_silences(tx, marked, now, channel)
        outages.keep(tx, [outage for one in marked for outage in one.outages])
        for one in marked:
            if one.excused_until != one.job.excused_until:
                job_row.excuse_until(tx, one.job.id, one.excused_until)
        return [one.job for one in marked]

    return store.write(work) if silent else []


def end(store: Store, back: Sequence[Job], now: int, tell: bool) -> list[Job]:
    """End the episodes of jobs that are `back` and queue the news where `tell` is set.

    Who was told that a job is missing is told that it's back, whatever its mail address
    is by now. Return the jobs whose episode this call ended.
    """

    def work(tx: Transaction) -> list[Job]:
        rows = job_row.lock_free(tx, [one.id for one in back])
        ended = [one for one in back if one.id in rows and rows[one.id]["back_at"] == one.back_at]
        close_episodes(tx, Trouble.MISSING, ended, tx.tables.job.back_at, now, tell)
        job_row.mark_up(tx, ended)
        return ended

    return store.write(work)


def ended_since(
    store: Store, trouble: Trouble, since: int, limit: int
) -> tuple[list[Episode], int]:
    """Return the newest `limit` episodes that ended at `since` or later, and their number."""
    episode = store.tables.episode
    found = (episode.ended_at >= since) & (episode.kind == trouble.value)
    query = _episodes(store).where(found).order_by(episode.ended_at.desc(), episode.id)
    return _read(query.limit(limit)), episode.select(episode.id).where(found).count()


def of_job(store: Store, job: Job, limit: int) -> list[Episode]:
    """Return the newest `limit` episodes of `job`, the newest first."""
    episode = store.tables.episode
    # What a later version calls otherwise is left to it.
    mine = (episode.job_id == job.id) & episode.kind.in_([one.value for one in Trouble])
    query = _episodes(store).where(mine).order_by(episode.id.desc())
    return _read(query.limit(limit))


def columns(store: Store) -> list[Any]:
    """Return the columns that `as_episode` reads, with those of its job."""
    episode = store.tables.episode
    mine = [getattr(episode, name).alias(f"episode_{name}") for name in _COLUMNS]
    return [*mine, *jobs.columns(store)]


def as_episode(row: dict[str, Any]) -> Episode:
    """Return the episode that `row` holds."""
    told = {name: row[f"episode_{name}"] for name in _COLUMNS}
    told["kind"] = Trouble(told["kind"])
    return Episode(job=jobs.as_job(row), **told)


def _episodes(store: Store) -> Any:
    episode, job = store.tables.episode, store.tables.job
    return episode.select(*columns(store)).join(job, on=(job.id == episode.job_id))


def _read(query: Any) -> list[Episode]:
    return [as_episode(row) for row in query]


def drop_ended_before(store: Store, before: int) -> int:
    """Remove episodes that ended before `before`, with their news; return how many."""
    episode = store.tables.episode
    old = episode.delete().where(episode.ended_at < before)
    removed: int = store.write(lambda tx: old.execute())
    return removed


def _open_silences(tx: Transaction, marked: Sequence[Silence], now: int, channel: Traits) -> None:
    begun = {
        one.job.id: {
            "missed_at": one.job.due_at,
            "last_seen_at": one.job.last_seen_at,
            "reason": one.reason,
        }
        for one in marked
    }
    open_episodes(tx, Trouble.MISSING, [one.job for one in marked], begun, now, channel)


def open_episodes(
    tx: Transaction,
    trouble: Trouble,
    some: Sequence[Job],
    begun: Mapping[int, dict[str, Any]],
    now: int,
    channel: Traits,
) -> None:
    """Begin an episode of each of these jobs and queue its news; `begun` has columns by job."""
    if not some:
        return
    episode, (beginning, _) = tx.tables.episode, NEWS_OF[trouble]
    episode.insert(
        [{"job_id": job_id, "kind": trouble.value, **told} for job_id, told in begun.items()]
    ).execute()
    by_id = {job.id: job for job in some}
    queue_news(
        tx,
        [
            news_row(beginning, channel.name, recipient, now, episode_id=episode_id)
            for episode_id, job_id in _open_ids(tx.store, trouble, some)
            for recipient in channel.recipients(by_id[job_id].told)
        ],
    )


def close_episodes(
    tx: Transaction, trouble: Trouble, ended: Sequence[Job], ended_at: Any, now: int, tell: bool
) -> None:
    """End these jobs' episodes at what their column `ended_at` says; `tell` whom they were told."""
    if not ended:
        return
    job, episode, news = tx.tables.job, tx.tables.episode, tx.tables.news
    beginning, end = NEWS_OF[trouble]
    ids = [episode_id for episode_id, _ in _open_ids(tx.store, trouble, ended)]
    at = job.select(ended_at).where(job.id == episode.job_id)
    episode.update({episode.ended_at: at}).where(episode.id.in_(ids)).execute()
    if not tell:
        return
    told = news.select(news.channel, news.recipient, news.episode_id).where(
        news.episode_id.in_(ids) & (news.kind == beginning.value) & news.given_up_at.is_null()
    )
    queue_news(tx, [news_row(end, now=now, **who) for who in told])


def _open_ids(store: Store, trouble: Trouble, some: Sequence[Job]) -> list[tuple[int, int]]:
    """Return (episode, job) by id of the open episodes of `some` jobs."""
    episode = store.tables.episode
    mine = episode.job_id.in_([job.id for job in some]) & (episode.kind == trouble.value)
    query = (
        episode.select(episode.id, episode.job_id)
        .where(mine & episode.ended_at.is_null())
        .order_by(episode.id)
    )
    return [(row["id"], row["job_id"]) for row in query]

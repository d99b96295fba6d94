"""Episodes: silences begin and end, and news of both is queued, each in one transaction."""

from collections.abc import Sequence
from typing import Any

from peewee import chunked

from gocron.core.job import Channel, Episode, Job, Kind
from gocron.store import jobs
from gocron.store.database import ROWS_A_STATEMENT, Store


def overdue(store: Store, now: int, limit: int | None = None) -> list[Job]:
    """Return the jobs that are up and due before `now`, the longest overdue first."""
    job = store.tables.job
    query = (
        job.select(*jobs.columns(store))
        .where(job.missed_at.is_null() & (job.due_at < now))
        .order_by(job.due_at)
        .limit(limit)
    )
    return [jobs.as_job(row) for row in query]


def returned(store: Store, limit: int | None = None) -> list[Job]:
    """Return the missing jobs that have checked in again, the first to do so first."""
    job = store.tables.job
    query = (
        job.select(*jobs.columns(store))
        .where(job.back_at.is_null(False))
        .order_by(job.back_at)
        .limit(limit)
    )
    return [jobs.as_job(row) for row in query]


def begin(store: Store, silent: Sequence[Job], now: int, channel: Channel) -> list[Job]:
    """Begin the episodes of `silent` jobs and queue their news; return the jobs it was true of.

    A job that was heard meanwhile, or that another sweep marked, is left as it is: its row
    is locked, and what was judged must still stand there.
    """
    job = store.tables.job

    def work() -> list[Job]:
        rows = _locked(store, silent)
        marked = [
            one
            for one in silent
            if one.id in rows and rows[one.id] == {"due_at": one.due_at, "back_at": None}
        ]
        _change(store, marked, {job.missed_at: job.due_at}, job.missed_at.is_null())
        _open_episodes(store, marked, now, channel)
        return marked

    return store.write(work)


def end(store: Store, back: Sequence[Job], now: int, tell: bool) -> list[Job]:
    """End the episodes of jobs that are `back` and queue the news where `tell` is set.

    Who was told that a job is missing is told that it's back, whatever its mail address
    is by now. Return the jobs whose episode this call ended.
    """
    job = store.tables.job

    def work() -> list[Job]:
        rows = _locked(store, back, missing=True)
        ended = [one for one in back if one.id in rows and rows[one.id]["back_at"] == one.back_at]
        _close_episodes(store, ended, now, tell)
        _change(store, ended, {job.missed_at: None, job.back_at: None}, job.back_at.is_null(False))
        return ended

    return store.write(work)


def ended_since(store: Store, since: int, limit: int) -> tuple[list[Episode], int]:
    """Return the newest `limit` episodes that ended at `since` or later, and their number."""
    episode, job = store.tables.episode, store.tables.job
    found = episode.ended_at >= since
    query = (
        episode.select(
            episode.id.alias("episode_id"),
            episode.missed_at.alias("episode_missed_at"),
            episode.last_seen_at.alias("episode_last_seen_at"),
            episode.ended_at.alias("episode_ended_at"),
            *jobs.columns(store),
        )
        .join(job, on=(job.id == episode.job_id))
        .where(found)
        .order_by(episode.ended_at.desc(), episode.id)
        .limit(limit)
    )
    listed = [
        Episode(
            row["episode_id"],
            jobs.as_job(row),
            row["episode_missed_at"],
            row["episode_last_seen_at"],
            row["episode_ended_at"],
        )
        for row in query
    ]
    return listed, episode.select(episode.id).where(found).count()


def drop_ended_before(store: Store, before: int) -> int:
    """Remove episodes that ended before `before`, with their news; return how many."""
    episode = store.tables.episode
    removed: int = store.write(lambda: episode.delete().where(episode.ended_at < before).execute())
    return removed


def _locked(
    store: Store, some: Sequence[Job], missing: bool = False
) -> dict[int, dict[str, int | None]]:
    """Lock the rows of `some` jobs that are up, or missing, in the order of all writers.

    Return by id what stands there now, on which a judgement rests.
    """
    job = store.tables.job
    query = (
        job.select(job.id, job.due_at, job.back_at)
        .where(job.id.in_([one.id for one in some]) & job.missed_at.is_null(not missing))
        .order_by(job.account, job.cronname)
    )
    return {row.pop("id"): row for row in store.locked(query)}


def _change(store: Store, some: Sequence[Job], change: dict[Any, Any], so_far: Any) -> None:
    """Change rows that are locked, all of them or, whatever else happened, none."""
    if not some:
        return
    job = store.tables.job
    mine = job.id.in_([one.id for one in some]) & so_far
    if job.update(change).where(mine).execute() != len(some):
        raise AssertionError("a locked row was changed by another")


def _open_episodes(store: Store, marked: Sequence[Job], now: int, channel: Channel) -> None:
    if not marked:
        return
    episode = store.tables.episode
    episode.insert(
        [
            {"job_id": job.id, "missed_at": job.due_at, "last_seen_at": job.last_seen_at}
            for job in marked
        ]
    ).execute()
    by_id = {job.id: job for job in marked}
    _queue(
        store,
        [
            (episode_id, Kind.MISSED, channel.value, recipient)
            for episode_id, job_id in _open_ids(store, marked)
            for recipient in _recipients(by_id[job_id], channel)
        ],
        now,
    )


def _close_episodes(store: Store, ended: Sequence[Job], now: int, tell: bool) -> None:
    if not ended:
        return
    job, episode, news = store.tables.job, store.tables.episode, store.tables.news
    ids = [episode_id for episode_id, _ in _open_ids(store, ended)]
    back_at = job.select(job.back_at).where(job.id == episode.job_id)
    episode.update({episode.ended_at: back_at}).where(episode.id.in_(ids)).execute()
    if not tell:
        return
    told = news.select(news.episode_id, news.channel, news.recipient).where(
        news.episode_id.in_(ids) & (news.kind == Kind.MISSED.value) & news.given_up_at.is_null()
    )
    _queue(
        store,
        [(who["episode_id"], Kind.RECOVERED, who["channel"], who["recipient"]) for who in told],
        now,
    )


def _open_ids(store: Store, some: Sequence[Job]) -> list[tuple[int, int]]:
    """Return (episode, job) by id of the open episodes of `some` jobs."""
    episode = store.tables.episode
    query = (
        episode.select(episode.id, episode.job_id)
        .where(episode.job_id.in_([job.id for job in some]) & episode.ended_at.is_null())
        .order_by(episode.id)
    )
    return [(row["id"], row["job_id"]) for row in query]


def _recipients(job: Job, channel: Channel) -> tuple[str, ...]:
    """Return who is told: on Slack everybody at once, which is the empty recipient."""
    return ("",) if channel is Channel.SLACK else job.told


def _queue(store: Store, told: Sequence[tuple[int, Kind, str, str]], now: int) -> None:
    for some in chunked(told, ROWS_A_STATEMENT):
        store.tables.news.insert(
            [
                {
                    "episode_id": episode_id,
                    "kind": kind.value,
                    "channel": channel,
                    "recipient": recipient,
                    "queued_at": now,
                    "next_try_at": now,
                }
                for episode_id, kind, channel, recipient in some
            ]
        ).execute()

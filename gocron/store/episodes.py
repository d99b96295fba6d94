"""Episodes: silences begin and end, and news of both is queued, each in one transaction."""

from collections.abc import Sequence

from gocron.core.job import Channel, Episode, Job, Kind
from gocron.store import jobs
from gocron.store.database import Store


def overdue(store: Store, now: int, limit: int) -> list[Job]:
    """Return up to `limit` jobs that are up and due before `now`, the longest overdue first."""
    job = store.tables.job
    query = (
        job.select(*jobs.columns(store))
        .where(job.missed_at.is_null() & (job.due_at < now))
        .order_by(job.due_at)
        .limit(limit)
    )
    return [jobs.as_job(row) for row in query]


def returned(store: Store, limit: int) -> list[Job]:
    """Return up to `limit` missing jobs that have checked in again."""
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

    A job that was heard meanwhile, or that another sweep marked, is left as it is: the
    update repeats the deadline that was judged and counts its rows.
    """

    def work() -> list[Job]:
        marked = [job for job in _by_key(silent) if _mark(store, job)]
        if marked:
            _open_episodes(store, marked, now, channel)
        return marked

    return store.write(work)


def end(store: Store, back: Sequence[Job], now: int, tell: bool) -> list[Job]:
    """End the episodes of jobs that are `back` and queue the news where `tell` is set.

    Who was told that a job is missing is told that it's back, whatever its mail address
    is by now. Return the jobs whose episode this call ended.
    """

    def work() -> list[Job]:
        return [job for job in _by_key(back) if _end_one(store, job, now, tell)]

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


def _by_key(some: Sequence[Job]) -> list[Job]:
    return sorted(some, key=lambda job: (job.account, job.cronname))


def _mark(store: Store, silent: Job) -> bool:
    job = store.tables.job
    changed: int = (
        job.update({job.missed_at: job.due_at})
        .where((job.id == silent.id) & (job.due_at == silent.due_at) & job.missed_at.is_null())
        .execute()
    )
    return changed == 1


def _open_episodes(store: Store, marked: Sequence[Job], now: int, channel: Channel) -> None:
    episode = store.tables.episode
    episode.insert(
        [
            {"job_id": job.id, "missed_at": job.due_at, "last_seen_at": job.last_seen_at}
            for job in marked
        ]
    ).execute()
    opened = episode.select(episode.id, episode.job_id).where(
        episode.job_id.in_([job.id for job in marked]) & episode.ended_at.is_null()
    )
    by_id = {job.id: job for job in marked}
    _queue(
        store,
        [
            (row["id"], Kind.MISSED, channel, recipient)
            for row in opened
            for recipient in _recipients(by_id[row["job_id"]], channel)
        ],
        now,
    )


def _recipients(job: Job, channel: Channel) -> tuple[str, ...]:
    """Return who is told: on Slack everybody at once, which is the empty recipient.

    A job without an address has it too: what can't be delivered is given up loudly.
    """
    return ("",) if channel is Channel.SLACK else job.recipients or ("",)


def _end_one(store: Store, back: Job, now: int, tell: bool) -> bool:
    job, episode, news = store.tables.job, store.tables.episode, store.tables.news
    changed = (
        job.update({job.missed_at: None, job.back_at: None})
        .where((job.id == back.id) & (job.back_at == back.back_at))
        .execute()
    )
    if changed != 1:
        return False
    open_episode = (episode.job_id == back.id) & episode.ended_at.is_null()
    (row,) = episode.select(episode.id).where(open_episode)
    episode.update({episode.ended_at: back.back_at}).where(open_episode).execute()
    if tell:
        told = news.select(news.channel, news.recipient).where(
            (news.episode_id == row["id"])
            & (news.kind == Kind.MISSED.value)
            & news.given_up_at.is_null()
        )
        _queue(
            store,
            [
                (row["id"], Kind.RECOVERED, Channel(who["channel"]), who["recipient"])
                for who in told
            ],
            now,
        )
    return True


def _queue(store: Store, told: Sequence[tuple[int, Kind, Channel, str]], now: int) -> None:
    if not told:
        return
    store.tables.news.insert(
        [
            {
                "episode_id": episode_id,
                "kind": kind.value,
                "channel": channel.value,
                "recipient": recipient,
                "queued_at": now,
                "next_try_at": now,
            }
            for episode_id, kind, channel, recipient in told
        ]
    ).execute()

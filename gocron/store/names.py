"""Names in several spellings: what a front of a version before stored is spelled as all others."""

from collections.abc import Sequence
from typing import Any

from peewee import fn

from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.name import normal
from gocron.core.news import Trouble
from gocron.core.signal import FAIL, WORKED, Signal
from gocron.store import checkins, job_row, jobs
from gocron.store.database import Store, Transaction


def queued(store: Store, limit: int, after: int = 0) -> list[Job]:
    """Return by id the jobs whose names may be spelled otherwise; `after` is the last one seen.

    A trigger queues what is declared by a name that isn't all ASCII.
    """
    job, spelling = store.tables.job, store.tables.spelling
    query = job.select(*jobs.columns(store)).join(spelling, on=(spelling.job_id == job.id))
    found = query.where(spelling.job_id > after).order_by(spelling.job_id).limit(limit)
    return [jobs.as_job(row) for row in found]


def spell(store: Store, some: Sequence[Job]) -> None:
    """Give these queued jobs the names that all check-ins of them will have.

    Where one is known by that name already, the two are one: it hears what the other heard. A
    job whose row another transaction holds stays in the queue.
    """
    store.write(lambda tx: _spell(tx, some))


def _spell(tx: Transaction, some: Sequence[Job]) -> None:
    job, spelling = tx.tables.job, tx.tables.spelling
    spelled = []
    for one in _locked(tx, job.id.in_([one.id for one in some])):
        account, cronname = key = _spelled(one.account), _spelled(one.cronname)
        if key == (one.account, one.cronname) or not jobs.is_known(tx.store, key):
            job_row.rename(tx, one, account, cronname, _spelled(one.gateway))
        elif known := _locked(tx, (job.account == account) & (job.cronname == cronname)):
            _make_one(tx, known[0], one)
        else:
            # Another transaction holds the row of that name: the next sweep makes them one.
            continue
        spelled.append(one.id)
    spelling.delete().where(spelling.job_id.in_(spelled)).execute()


def _locked(tx: Transaction, which: Any) -> list[Job]:
    """Lock these jobs in the order of all writers, but for those that another one holds."""
    job = tx.tables.job
    query = job.select(*jobs.columns(tx.store)).where(which).order_by(job.account, job.cronname)
    return [jobs.as_job(row) for row in tx.locked_if_free(query)]


def _make_one(tx: Transaction, known: Job, other: Job) -> None:
    """Let `known` hear what `other` heard, the same job in another spelling; forget `other`."""
    redeclaration = tx.tables.redeclaration
    newest = max(known, other, key=lambda one: (one.was_heard, one.last_seen_at))
    if newest is other:
        # As if it had come to `known`: its return, and what it declares anew, is told.
        checkins.record(tx, [_last_checkin(other)])
    if other.missed_at is not None:
        # Back where the newest of both spellings is.
        is_back = newest.missed_at is None
        back_at = max(newest.last_seen_at, other.missed_at) if is_back else newest.back_at
        job_row.go_on_missing(tx, known.id, other.missed_at, back_at)
    job_row.go_on_failing(tx, known, other, newest)
    for trouble in Trouble:
        _move_open_episode(tx, trouble, known.id, other.id)
    episode = tx.tables.episode
    episode.update({episode.job_id: known.id}).where(episode.job_id == other.id).execute()
    told = (redeclaration.job_id == other.id) & redeclaration.queued_at.is_null(False)
    redeclaration.update({redeclaration.job_id: known.id}).where(told).execute()
    job_row.remove(tx, [other.id])


def _last_checkin(one: Job) -> CheckIn:
    """Return what `one` was told last; what it was not told stays with the other job."""
    return CheckIn(
        account=_spelled(one.account),
        cronname=_spelled(one.cronname),
        email=one.email or None,
        frequency_s=one.frequency_s,
        grace_s=one.grace_s or None,
        site=one.site or None,
        address=one.address,
        seen_at=one.last_seen_at,
        network=one.network,
        gateway=_spelled(one.gateway) or None,
        signal=Signal(FAIL, one.exit_status) if one.failures else WORKED,
        schedule=one.schedule,
        early_s=one.early_s,
    )


def _move_open_episode(tx: Transaction, trouble: Trouble, known_id: int, other_id: int) -> None:
    """Let a job have what was told of an open episode of its other spelling.

    Where each has an open one, both are one: whoever was told of it by the other is told of its
    end, and nobody is told of it twice.
    """
    episode, news = tx.tables.episode, tx.tables.news
    of_both = episode.job_id.in_([known_id, other_id]) & (episode.kind == trouble.value)
    query = episode.select().where(of_both & episode.ended_at.is_null())
    opened = {row["job_id"]: row["id"] for row in query}
    if len(opened) > 1:
        mine = news.alias("mine")
        has_it = mine.select(mine.id).where(
            (mine.episode_id == opened[known_id])
            & (mine.kind == news.kind)
            & (mine.channel == news.channel)
            & (mine.recipient == news.recipient)
        )
        told_by_other = (news.episode_id == opened[other_id]) & ~fn.EXISTS(has_it)
        news.update({news.episode_id: opened[known_id]}).where(told_by_other).execute()
        episode.delete().where(episode.id == opened[other_id]).execute()


def _spelled(name: str) -> str:
    """Return `name` as check-ins spell it; as it is where nothing would be left of it."""
    return normal(name) or name

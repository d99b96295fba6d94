"""Names in several spellings: what a front of a version before stored is spelled as all others."""

from collections.abc import Sequence
from typing import Any

from peewee import fn

from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.name import normal
from gocron.store import checkins, jobs
from gocron.store.database import Store


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
    store.write(lambda: _spell(store, some))


def _spell(store: Store, some: Sequence[Job]) -> None:
    job, spelling = store.tables.job, store.tables.spelling
    spelled = []
    for one in _locked(store, job.id.in_([one.id for one in some])):
        account, cronname = key = _spelled(one.account), _spelled(one.cronname)
        if key == (one.account, one.cronname) or not jobs.is_known(store, key):
            _rename(store, one)
        elif known := _locked(store, (job.account == account) & (job.cronname == cronname)):
            _make_one(store, known[0], one)
        else:
            # Another transaction holds the row of that name: the next sweep makes them one.
            continue
        spelled.append(one.id)
    spelling.delete().where(spelling.job_id.in_(spelled)).execute()


def _locked(store: Store, which: Any) -> list[Job]:
    """Lock these jobs in the order of all writers, but for those that another one holds."""
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where(which).order_by(job.account, job.cronname)
    return [jobs.as_job(row) for row in store.locked_if_free(query)]


def _rename(store: Store, one: Job) -> None:
    job, change = store.tables.job, store.tables.change
    account, cronname, gateway = map(_spelled, (one.account, one.cronname, one.gateway))
    if gateway != one.gateway:
        job.update({job.gateway: gateway}).where(job.id == one.id).execute()
    if (account, cronname) == (one.account, one.cronname):
        return
    names = {job.account: account, job.cronname: cronname}
    job.update(names).where(job.id == one.id).execute()
    # No trigger counts a change of name.
    missing = int(one.missed_at is not None)
    counts = [(one.account, -1), (account, 1)]
    change.insert(
        [{"account": name, "jobs": count, "missing": count * missing} for name, count in counts]
    ).execute()


def _make_one(store: Store, known: Job, other: Job) -> None:
    """Let `known` hear what `other` heard, the same job in another spelling; forget `other`."""
    job, redeclaration = store.tables.job, store.tables.redeclaration
    newest = max(known, other, key=lambda one: (one.was_heard, one.last_seen_at))
    if newest is other:
        # As if it had come to `known`: its return, and what it declares anew, is told.
        checkins.record(store, [_last_checkin(other)])
    if other.missed_at is not None:
        _go_on_missing(store, known.id, other.missed_at, newest)
    _move_episodes(store, known.id, other.id)
    told = (redeclaration.job_id == other.id) & redeclaration.queued_at.is_null(False)
    redeclaration.update({redeclaration.job_id: known.id}).where(told).execute()
    job.delete().where(job.id == other.id).execute()


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
    )


def _go_on_missing(store: Store, job_id: int, missed_at: int, newest: Job) -> None:
    """Have a job missing since its other spelling was, and back where `newest` of both is."""
    job = store.tables.job
    is_missing = newest.missed_at is not None
    change = {
        job.missed_at: fn.COALESCE(job.missed_at, missed_at),
        job.back_at: newest.back_at if is_missing else max(newest.last_seen_at, missed_at),
        job.reprieve: None,
    }
    job.update(change).where(job.id == job_id).execute()


def _move_episodes(store: Store, known_id: int, other_id: int) -> None:
    """Let a job have the episodes of its other spelling.

    Where each has an open one, both are one silence: whoever was told of it by the other is
    told of its end, and nobody is told of it twice.
    """
    episode, news = store.tables.episode, store.tables.news
    of_both = episode.job_id.in_([known_id, other_id]) & episode.ended_at.is_null()
    opened = {row["job_id"]: row["id"] for row in episode.select().where(of_both)}
    moved = episode.job_id == other_id
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
        moved &= episode.ended_at.is_null(False)
    episode.update({episode.job_id: known_id}).where(moved).execute()


def _spelled(name: str) -> str:
    """Return `name` as check-ins spell it; as it is where nothing would be left of it."""
    return normal(name) or name

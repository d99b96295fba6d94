"""Overdue jobs: which are to be judged, and why some of them are not told of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Tuple, Value

from gocron.core.job import REPRIEVES, Job, Status
from gocron.core.judge import RestsOn
from gocron.store import jobs, outages, sites
from gocron.store.database import Store


@dataclass(frozen=True)
class Spared:
    """An overdue job that is not to be told of, why, and when to look at it next."""

    job: Job
    reprieve: Status
    judge_at: int
    excused_until: int | None
    excused_by: int | None


def overdue(
    store: Store,
    now: int,
    limit: int | None = None,
    after: tuple[int, int] | None = None,
    sites: bool = False,
) -> list[Job]:
    """Return the jobs that are up, due before `now` and to be judged, the longest waiting first.

    A job of which a later version says in its own words why it is not told of is left to it.
    `after` is (judge_at, id) of the last one seen; with `sites` those that speak for one only.
    """
    job = store.tables.job
    ours = job.reprieve.is_null() | job.reprieve.in_([one.value for one in REPRIEVES])
    query = (
        job.select(*jobs.columns(store))
        .where(job.missed_at.is_null() & (job.judge_at < now) & (job.due_at < now) & ours)
        .order_by(job.judge_at, job.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Tuple(job.judge_at, job.id) > Value(after))
    if sites:
        query = query.where(job.site)
    return [jobs.as_job(row) for row in query]


def spare(store: Store, groups: Mapping[RestsOn, Sequence[Spared]]) -> list[Job]:
    """Keep why overdue jobs are not told of; return the jobs it was true of.

    What was judged must still stand in the row, and all be true that the judgements of its
    group rest on.
    """

    def work() -> list[Job]:
        marked = _true_still(store, groups)
        _mark(store, marked)
        look_again_behind_freed(
            store, [one.job for one in marked if one.reprieve is not Status.SUPPRESSED]
        )
        outages.count_excused(
            store,
            [
                one.excused_by
                for one in marked
                if one.excused_by is not None and one.excused_by != one.job.excused_by
            ],
        )
        return [one.job for one in marked]

    return store.write(work) if groups else []


def _true_still(store: Store, groups: Mapping[RestsOn, Sequence[Spared]]) -> list[Spared]:
    """Lock what judgements rest on, and the rows they are of; return those that are true."""
    still_open = outages.still_open(store, {at for ground in groups for at in ground.outages})
    told = sites.told(store, {at for ground in groups for at in ground.told})
    suppressed = {at for ground in groups for at in ground.suppressed}
    rows = locked(store, {*suppressed, *(one.job.id for some in groups.values() for one in some)})
    suppressed = {
        at for at in suppressed if rows.get(at, {}).get("reprieve") == Status.SUPPRESSED.value
    }
    return [
        one
        for ground, some in groups.items()
        if still_open.issuperset(ground.outages)
        and told.issuperset(ground.told)
        and suppressed.issuperset(ground.suppressed)
        for one in some
        if _stands(rows, one.job)
    ]


def _mark(store: Store, marked: Sequence[Spared]) -> None:
    """Write why these jobs are spared; whole sites change alike."""
    job = store.tables.job
    columns = (job.reprieve, job.judge_at, job.excused_until, job.excused_by)
    alike: dict[tuple[Any, ...], list[int]] = {}
    for one in marked:
        change = (one.reprieve.value, one.judge_at, one.excused_until, one.excused_by)
        alike.setdefault(change, []).append(one.job.id)
    for change, ids in alike.items():
        told = dict(zip(columns, change, strict=True))
        job.update(told).where(job.id.in_(ids)).execute()


def put_off(store: Store, some: Sequence[Job], until: int) -> None:
    """Have jobs that can't be judged looked at again after `until`, unless they change before."""
    job = store.tables.job

    def work() -> None:
        ids = as_judged(store, some)
        change = {job.reprieve: Status.HELD.value, job.judge_at: until}
        job.update(change).where(job.id.in_(list(ids))).execute()

    store.write(work)


def look_again_behind_freed(store: Store, freed: Sequence[Job]) -> None:
    """Have what was suppressed behind gateways looked at, once they are not suppressed any more."""
    were = [job.id for job in freed if job.site and job.reprieve is Status.SUPPRESSED]
    if were:
        outages.look_again_behind(store, were)


def as_judged(store: Store, some: Sequence[Job]) -> set[int]:
    """Lock the rows of `some` jobs that are up; return the ids of those that stand as judged."""
    rows = locked(store, [one.id for one in some])
    return {one.id for one in some if _stands(rows, one)}


def locked(store: Store, ids: Iterable[int], missing: bool = False) -> dict[int, dict[str, Any]]:
    """Lock the rows of these jobs that are up, or missing, in the order of all writers.

    Return by id what stands there now, on which a judgement rests. A row that another holds is
    left out: it is being heard, or another sweep has it, and the next one looks again.
    """
    job = store.tables.job
    query = (
        job.select(job.id, job.email, job.due_at, job.judge_at, job.back_at, job.reprieve)
        .where(job.id.in_(list(ids)) & job.missed_at.is_null(not missing))
        .order_by(job.account, job.cronname)
    )
    return {row["id"]: row for row in store.locked_if_free(query)}


def _stands(rows: dict[int, dict[str, Any]], job: Job) -> bool:
    """Tell whether a job that was judged stands in its row, one of `rows`, as it did."""
    row = rows.get(job.id)
    if row is None or row["back_at"] is not None:
        return False
    # Whoever is told by now counts: an address that was mended meanwhile must not miss the news.
    stands = row["due_at"], row["judge_at"], row["email"]
    return stands == (job.due_at, job.judge_at, job.email)

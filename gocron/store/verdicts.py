"""Overdue jobs: which are to be judged, and why some of them are not told of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import SQL, Tuple, Value, fn

from gocron.core.job import SPARED, Job, Status
from gocron.store import job_row, jobs, outages
from gocron.store.database import Store, Transaction

# A job that can't be judged is looked at again after so long, by then perhaps by a fixed version.
PUT_OFF_S = 3_600

# As the index job_ahead has it: a parameter would hide it from SQLite.
_HELD_OR_SUPPRESSED = SQL("reprieve IN ('held', 'suppressed')")


@dataclass(frozen=True)
class Spared:
    """An overdue job that is not to be told of, and why.

    `excused_until` is the last deadline that an outage gave it, `excused_by` the id of that one.
    """

    job: Job
    status: Status
    excused_until: int | None
    excused_by: int | None

    @property
    def is_new(self) -> bool:
        """Whether its row says otherwise."""
        before = self.job.spared, self.job.excused_until
        return (self.status, self.excused_until) != before

    @property
    def judge_at(self) -> int:
        """When to judge it next: by each sweep, but for who has a deadline to come."""
        if self.status is Status.EXCUSED and self.excused_until is not None:
            return self.excused_until
        return self.job.due_at


def overdue(
    store: Store,
    now: int,
    limit: int | None = None,
    after: tuple[int, int] | None = None,
    sites: bool = False,
    away_since: int | None = None,
) -> list[Job]:
    """Return the jobs that are up, due before `now` and to be judged, the longest waiting first.

    A job of which a later version says in its own words why it is not told of is left to it; one
    that is held, and whose deadline is not before `away_since`, until gocron can be reached.
    `after` is (judge_at, id) of the last one seen; with `sites` those that speak for one only.
    """
    job = store.tables.job
    ours = job.reprieve.is_null() | job.reprieve.in_([one.value for one in SPARED])
    query = (
        job.select(*jobs.columns(store))
        .where(job.missed_at.is_null() & (job.due_at < now) & ours)
        .order_by(job.judge_at, job.id)
    )
    if after is not None:
        query = query.where(Tuple(job.judge_at, job.id) > Value(after))
    if sites:
        query = query.where(job.site)
    if away_since is not None:
        deadline = fn.COALESCE(job.excused_until, job.due_at)
        is_held = fn.COALESCE(job.reprieve, "") == Status.HELD.value
        query = query.where(~(is_held & (deadline >= away_since)))
    found: list[Job] = []
    for which in (job.judge_at < now, _put_ahead(job, now)):
        if limit is None or len(found) < limit:
            rest = query.where(which).limit(None if limit is None else limit - len(found))
            found += [jobs.as_job(row) for row in rest]
    return found


def _put_ahead(job: Any, now: int) -> Any:
    """True of jobs that the version before held or suppressed until later than this one would.

    It wakes them only for what it sees itself.
    """
    is_suppressed = job.reprieve == Status.SUPPRESSED.value
    by_whom = is_suppressed | (job.judge_at > now + 2 * PUT_OFF_S)
    return (job.judge_at >= now) & _HELD_OR_SUPPRESSED & by_whom


def spare(store: Store, some: Iterable[Spared]) -> list[Job]:
    """Keep why overdue jobs are not told of, where that is new; return these jobs.

    What was judged must still stand in the row.
    """
    new = [one for one in some if one.is_new]

    def work(tx: Transaction) -> list[Job]:
        judged = as_judged(tx, [one.job for one in new])
        marked = [one for one in new if one.job.id in judged]
        _mark(tx, marked)
        outages.count_excused(
            tx,
            [
                one.excused_by
                for one in marked
                if one.excused_by is not None and one.excused_by != one.job.excused_by
            ],
        )
        return [one.job for one in marked]

    return store.write(work) if new else []


def _mark(tx: Transaction, marked: Sequence[Spared]) -> None:
    """Keep why these jobs are spared; whole sites change alike."""
    alike: dict[tuple[Status, int, int | None, int | None], list[int]] = {}
    for one in marked:
        change = (one.status, one.judge_at, one.excused_until, one.excused_by)
        alike.setdefault(change, []).append(one.job.id)
    for change, ids in alike.items():
        job_row.spare(tx, ids, *change)


def put_off(store: Store, some: Sequence[Job], now: int) -> None:
    """Have jobs that can't be judged looked at again in a while, unless they change before."""
    if some:
        store.write(lambda tx: job_row.put_off(tx, as_judged(tx, some), now + PUT_OFF_S))


def as_judged(tx: Transaction, some: Sequence[Job]) -> set[int]:
    """Lock the rows of `some` jobs that are up; return the ids of those that stand as judged."""
    rows = job_row.lock_free(tx, [one.id for one in some])
    return {one.id for one in some if one.id in rows and _stands(rows[one.id], one)}


def _stands(row: dict[str, Any], job: Job) -> bool:
    """Tell whether a job that was judged stands in its locked `row` as it did."""
    if row["missed_at"] is not None or row["back_at"] is not None:
        return False
    # Whoever is told by now counts: an address that was mended meanwhile must not miss the news.
    stands = row["due_at"], row["judge_at"], row["excused_until"], row["email"]
    return stands == (job.due_at, job.judge_at, job.excused_until, job.email)

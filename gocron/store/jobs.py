"""Jobs as they are read: found, listed, counted."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

from peewee import Tuple, Value

from gocron.core.job import SPARED, Job, Status
from gocron.core.name import normal
from gocron.core.odd import LEAST_S, LONG_S, RETURNS, RETURNS_WITHIN_S
from gocron.core.recent import Heard, timed
from gocron.core.slots import Cron
from gocron.core.zone import UTC
from gocron.errors import UnknownJob
from gocron.store.database import Store
from gocron.store.tables import JOB

# A text that isn't here was written by a later version, during an upgrade of host after host.
_SPARED: dict[str | None, Status | None] = {None: None, **{one.value: one for one in SPARED}}


def as_job(row: dict[str, Any]) -> Job:
    """Return the job that `row` holds."""
    told = {column: row[column] for column in JOB}
    told["grace_s"] = told["grace_s"] or 0
    told["site"] = bool(told["site"])
    told["gateway"] = told["gateway"] or ""
    told["spared"] = _SPARED.get(told.pop("reprieve"), Status.UNKNOWN)
    told["failures"] = told["failures"] or 0
    told["schedule"] = cron_of(told["schedule"], told.pop("zone"))
    return Job(**told)


def cron_of(expression: str | None, zone: str | None) -> Cron | None:
    """Return the schedule that a row holds."""
    return None if expression is None else Cron(expression, zone or UTC)


def columns(store: Store) -> list[Any]:
    """Return the columns that `as_job` reads."""
    job = store.tables.job
    return [getattr(job, column) for column in JOB]


def key_in(job: Any, keys: Sequence[tuple[str, str]]) -> Any:
    """True of the jobs of these keys."""
    return Tuple(job.account, job.cronname).in_([Value(key) for key in keys])


def every_job(
    store: Store, account: str | None = None, missing: bool = False, failing: bool = False
) -> Iterator[Job]:
    """Yield the jobs by account and cronname: all, or those of one account.

    With `missing` those that are, with `failing` those that fail, with both those that do either.
    The account may be in another spelling than it is stored in.
    """
    job = store.tables.job
    query = job.select(*columns(store)).order_by(job.account, job.cronname)
    if account is not None:
        query = query.where(job.account == known_account(store, account))
    is_missing = job.missed_at.is_null(False) & job.back_at.is_null()
    if missing or failing:
        wanted = [
            condition
            for condition, is_wanted in ((is_missing, missing), (is_failing(job), failing))
            if is_wanted
        ]
        query = query.where(reduce(or_, wanted))
    return (as_job(row) for row in query.iterator())


def is_failing(job: Any) -> Any:
    """True of jobs whose last run failed, told or not.

    Written so that SQLite looks into the index of either time: it would read all jobs for an OR.
    """
    other = job.alias("failed")
    told, untold = (
        other.select(other.id).where(at > 0) for at in (other.failing_at, other.failed_at)
    )
    return job.id.in_(told.union_all(untold)) & job.worked_at.is_null()


def longest_silent(store: Store, limit: int) -> list[Job]:
    """Return missing jobs, the longest silent first."""
    job = store.tables.job
    query = (
        job.select(*columns(store))
        .where(job.missed_at.is_null(False) & job.back_at.is_null())
        .order_by(job.missed_at, job.id)
        .limit(limit)
    )
    return [as_job(row) for row in query]


def spared(store: Store, limit: int) -> tuple[list[Job], int]:
    """Return the first `limit` overdue jobs that are not told of, and how many there are."""
    job = store.tables.job
    found = job.select(*columns(store)).where(job.reprieve.is_null(False))
    query = found.order_by(job.account, job.cronname).limit(limit)
    return [as_job(row) for row in query], count_spared(store)


def count_spared(store: Store) -> int:
    """Return how many overdue jobs are not told of."""
    job = store.tables.job
    count: int = job.select(job.id).where(job.reprieve.is_null(False)).count()
    return count


def odd(store: Store, interval_s: int, now: int, limit: int) -> tuple[list[Job], int]:
    """Return the first `limit` jobs about which core.odd may have a note, and how many there are.

    It looks at every job: for people who ask, not for each sweep.
    """
    job = store.tables.job
    tiny_grace = (job.grace_s > 0) & (job.grace_s < LEAST_S) & (job.frequency_s >= LONG_S)
    several = (job.returns >= RETURNS) & (job.returned_at >= now - RETURNS_WITHIN_S)
    slow_site = job.site & (job.frequency_s > LONG_S)
    found = job.select(*columns(store)).where(
        (job.frequency_s < interval_s) | tiny_grace | slow_site | several
    )
    query = found.order_by(job.account, job.cronname).limit(limit)
    count: int = found.count()
    return [as_job(row) for row in query], count


def find(store: Store, account: str, cronname: str) -> Job:
    """Return one job: the one that is called so, or else by another spelling of that name.

    Raises UnknownJob.
    """
    job = store.tables.job
    named = job.account.in_(_spellings(account)) & job.cronname.in_(_spellings(cronname))
    found = [as_job(row) for row in job.select(*columns(store)).where(named)]
    if not found:
        raise UnknownJob(f"{account} {cronname}", "no such job", "see `gocron jobs list`")
    return min(found, key=lambda one: (one.account != account, one.cronname != cronname))


def heard(store: Store, job: Job) -> list[Heard]:
    """Return the last check-ins of `job`, the newest first, each run with how long it took."""
    table = store.tables.job
    texts = [row["recent"] for row in table.select(table.recent).where(table.id == job.id)]
    return timed("".join(texts))


def _spellings(name: str) -> tuple[str, ...]:
    # A front of a version before may have stored it as it was sent, until the next sweep.
    return name, normal(name)


def known_account(store: Store, account: str) -> str:
    """Return the account as it is stored, whatever spelling of it is asked for."""
    job = store.tables.job
    is_known = job.select(job.id).where(job.account == account).exists()
    return account if is_known else normal(account)


def is_known(store: Store, key: tuple[str, str]) -> bool:
    """Tell whether there is a job of this account and cronname."""
    job = store.tables.job
    known: bool = (
        job.select(job.id).where((job.account == key[0]) & (job.cronname == key[1])).exists()
    )
    return known

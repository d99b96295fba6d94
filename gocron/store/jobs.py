"""Jobs as they are read, listed and forgotten."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import peewee
from peewee import chunked, fn

from gocron.core.checkin import CheckIn
from gocron.core.job import SPARED, Job, Status
from gocron.core.name import normal
from gocron.core.odd import LEAST_S, LONG_S, RETURNS, RETURNS_WITHIN_S
from gocron.core.recent import gaps
from gocron.core.schedule import GAPS, due_at
from gocron.errors import UnknownJob
from gocron.store import redeclarations
from gocron.store.database import ROWS_A_STATEMENT, Store
from gocron.store.tables import JOB

# Enough to be fast, few enough to hold SQLite's one lock, or their rows, for a moment only.
FORGOTTEN_AT_ONCE = 500

# A text that isn't here was written by a later version, during an upgrade of host after host.
_SPARED: dict[str | None, Status | None] = {None: None, **{one.value: one for one in SPARED}}


def as_job(row: dict[str, Any]) -> Job:
    """Return the job that `row` holds."""
    told = {column: row[column] for column in JOB}
    told["grace_s"] = told["grace_s"] or 0
    told["site"] = bool(told["site"])
    told["gateway"] = told["gateway"] or ""
    told["spared"] = _SPARED.get(told.pop("reprieve"), Status.UNKNOWN)
    told["gaps"] = gaps(told.pop("recent"), told["last_seen_at"], GAPS)
    return Job(**told)


def columns(store: Store) -> list[Any]:
    """Return the columns that `as_job` reads."""
    job = store.tables.job
    return [getattr(job, column) for column in JOB]


def every_job(store: Store, account: str | None = None, missing: bool = False) -> Iterator[Job]:
    """Yield the jobs by account and cronname: all, those of one account, those missing.

    The account may be in another spelling than it is stored in.
    """
    job = store.tables.job
    query = job.select(*columns(store)).order_by(job.account, job.cronname)
    if account is not None:
        query = query.where(job.account == _known_account(store, account))
    if missing:
        query = query.where(job.missed_at.is_null(False) & job.back_at.is_null())
    return (as_job(row) for row in query.iterator())


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


def _spellings(name: str) -> tuple[str, ...]:
    # A front of a version before may have stored it as it was sent, until the next sweep.
    return name, normal(name)


def _known_account(store: Store, account: str) -> str:
    job = store.tables.job
    is_known = job.select(job.id).where(job.account == account).exists()
    return account if is_known else normal(account)


def lock_free(store: Store, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Lock the rows of these jobs, in the order of all writers; return by id what stands there.

    Part of the caller's transaction. A row that another transaction holds is left out: it is
    being heard, or another sweep has it, and the next one looks again.
    """
    job = store.tables.job
    columns = (job.id, job.email, job.due_at, job.judge_at, job.excused_until)
    query = job.select(*columns, job.missed_at, job.back_at).where(job.id.in_(list(ids)))
    rows = store.locked_if_free(query.order_by(job.account, job.cronname))
    return {row["id"]: row for row in rows}


def change_free(store: Store, which: Any, values: dict[Any, Any]) -> bool:
    """Change the jobs that the condition `which` is true of, and then no more.

    Part of the caller's transaction. Tell whether that were all: a row that another transaction
    holds is left out.
    """
    job = store.tables.job
    # Rows are locked in the order of all writers first: an update takes them as they lie.
    some = job.select(job.id).where(which).order_by(job.account, job.cronname)
    for ids in chunked([row["id"] for row in store.locked_if_free(some)], ROWS_A_STATEMENT):
        job.update(values).where(job.id.in_(ids)).execute()
    return not job.select(job.id).where(which).exists()


def is_known(store: Store, key: tuple[str, str]) -> bool:
    """Tell whether there is a job of this account and cronname."""
    job = store.tables.job
    known: bool = (
        job.select(job.id).where((job.account == key[0]) & (job.cronname == key[1])).exists()
    )
    return known


def declare(store: Store, told: CheckIn) -> str:
    """Make the job that `told` describes known, or change what it declares.

    That is no check-in: a known job's last check-in stays, its deadline follows the new
    frequency. Return "added", "changed" or "unchanged".
    """

    def work() -> str:
        known = _add_or_lock(store, told)
        return "added" if known is None else _change(store, known, told)

    return store.write(work)


def _add_or_lock(store: Store, told: CheckIn) -> Job | None:
    """Add the job that `told` describes and return None, or lock the one that is known."""
    job = store.tables.job
    mine = (job.account == told.account) & (job.cronname == told.cronname)
    known = store.locked(job.select(*columns(store)).where(mine))
    for row in list(known):
        return as_job(row)
    try:
        with store.db.atomic():
            job.insert(_new_row(told)).execute()
    except peewee.IntegrityError:
        # Its first check-in came at this very moment.
        (row,) = known.clone()
        return as_job(row)
    return None


def _change(store: Store, known: Job, told: CheckIn) -> str:
    """Change what a job declares to what `told` does; return whether that was a change."""
    job = store.tables.job
    changed = replace(
        known,
        email=told.email or known.email,
        frequency_s=told.frequency_s or known.frequency_s,
        grace_s=known.grace_s if told.grace_s is None else told.grace_s,
        site=known.site if told.site is None else told.site,
        gateway=known.gateway if told.gateway is None else told.gateway,
    )
    if changed == known:
        return "unchanged"
    due = due_at(known.last_seen_at, changed.frequency_s, changed.grace_s)
    # An excuse was worked out of the frequency; with another one it is worked out anew.
    spared = (
        {}
        if due == known.due_at
        else dict.fromkeys((job.reprieve, job.excused_until, job.excused_by))
    )
    job.update(
        {
            **spared,
            job.email: changed.email,
            job.frequency_s: changed.frequency_s,
            job.grace_s: changed.grace_s,
            job.site: changed.site,
            job.gateway: changed.gateway,
            job.due_at: due,
            job.judge_at: due,
        }
    ).where(job.id == known.id).execute()
    redeclarations.by_hand(store, known, told.seen_at)
    return "changed"


def _new_row(told: CheckIn) -> dict[str, Any]:
    due = due_at(told.seen_at, told.frequency_s or 0, told.grace_s or 0)
    return {
        "account": told.account,
        "cronname": told.cronname,
        "email": told.email,
        "frequency_s": told.frequency_s,
        "grace_s": told.grace_s,
        "site": told.site,
        # No address: this job has not been heard yet.
        "address": "",
        "created_at": told.seen_at,
        "last_seen_at": told.seen_at,
        "due_at": due,
        "judge_at": due,
        "gateway": told.gateway,
    }


def forget(store: Store, account: str, cronname: str) -> None:
    """Remove a job, found as `find` does, with its episodes and news. Raises UnknownJob."""
    job = store.tables.job

    def work() -> None:
        job.delete().where(job.id == find(store, account, cronname).id).execute()

    store.write(work)


def forget_account(store: Store, account: str, never_heard_since: int | None = None) -> int:
    """Remove the jobs of an account with their episodes and news; return how many they were.

    With `never_heard_since` only those that checked in last, or were declared, before it. Others
    are let in again and again meanwhile. Raises UnknownJob where the account has no job at all.
    """
    job = store.tables.job
    account = _known_account(store, account)
    mine = job.account == account
    if not job.select(job.id).where(mine).exists():
        raise UnknownJob(account, "no job of this account", "see `gocron jobs list`")
    if never_heard_since is not None:
        mine &= job.last_seen_at < never_heard_since
    is_site = fn.COALESCE(job.site, False)
    forgotten = 0
    # Gateways come last: who is behind them, and is to be forgotten too, must not be judged now.
    for some in (mine & ~is_site, mine & is_site):
        while count := store.write(partial(_forget_some, store, some)):
            forgotten += count
            store.give_way()
    return forgotten


def _forget_some(store: Store, which: Any) -> int:
    job = store.tables.job
    some = job.select(job.id).where(which).order_by(job.account, job.cronname)
    some = some.limit(FORGOTTEN_AT_ONCE)
    # Locked in the order of all writers; a job that was heard meanwhile stays. What another
    # transaction holds is waited for once nothing else is left.
    ids = [row["id"] for row in list(store.locked_if_free(some)) or store.locked(some)]
    removed: int = job.delete().where(job.id.in_(ids)).execute()
    return removed

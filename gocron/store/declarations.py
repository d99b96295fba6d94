"""Jobs as they are declared: by a first check-in that came late, or by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import peewee

from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.schedule import due_at
from gocron.core.slots import slots_at
from gocron.store import checkin_row, jobs, redeclarations
from gocron.store.database import Store, Transaction


def add(tx: Transaction, first: Sequence[CheckIn]) -> None:
    """Make unknown jobs known by their `first` check-ins, in the order of their keys.

    Whoever makes one known at the same time, and is not done yet, is waited for: so there is a
    row to be locked, and what is older can't get over what is newer.
    """
    if first:
        tx.tables.job.insert([_new_row(one) for one in first]).on_conflict_ignore().execute()


def _new_row(first: CheckIn) -> dict[str, Any]:
    row = checkin_row.whole(checkin_row.row_of(first, first.email, first.frequency_s))
    return dict(zip(checkin_row.COLUMNS, row, strict=True))


def declare(store: Store, told: CheckIn) -> str:
    """Make the job that `told` describes known, or change what it declares.

    That is no check-in: a known job's last check-in stays, its deadline follows the new
    frequency. Return "added", "changed" or "unchanged".
    """

    def work(tx: Transaction) -> str:
        known = _add_or_lock(tx, told)
        return "added" if known is None else _declare_anew(tx, known, told)

    return store.write(work)


def _add_or_lock(tx: Transaction, told: CheckIn) -> Job | None:
    """Add the job that `told` describes and return None, or lock the one that is known."""
    job = tx.tables.job
    mine = (job.account == told.account) & (job.cronname == told.cronname)
    known = tx.locked(job.select(*jobs.columns(tx.store)).where(mine))
    for row in list(known):
        return jobs.as_job(row)
    try:
        with tx.store.db.atomic():
            # It has not been heard yet.
            unheard = {"address": "", "network": "", "recent": "", "last_ok_at": None}
            job.insert({**_new_row(told), **unheard}).execute()
    except peewee.IntegrityError:
        # Its first check-in came at this very moment.
        (row,) = known.clone()
        return jobs.as_job(row)
    return None


def _declare_anew(tx: Transaction, known: Job, told: CheckIn) -> str:
    """Change what a job declares to what `told` does; return whether that was a change."""
    job = tx.tables.job
    changed = _as_told(known, told)
    if changed == known:
        return "unchanged"
    changed = _expected(changed)
    # An excuse was worked out of the frequency; with another one it is worked out anew.
    spared = (job.reprieve, job.excused_until, job.excused_by)
    schedule = changed.schedule
    job.update(
        {
            **({} if changed.due_at == known.due_at else dict.fromkeys(spared)),
            job.email: changed.email,
            job.frequency_s: changed.frequency_s,
            job.grace_s: changed.grace_s,
            job.site: changed.site,
            job.gateway: changed.gateway,
            job.schedule: None if schedule is None else schedule.expression,
            job.zone: None if schedule is None else schedule.zone,
            job.early_s: changed.early_s,
            job.slot_at: changed.slot_at,
            job.next_slot_at: changed.next_slot_at,
            job.due_at: changed.due_at,
            job.judge_at: changed.due_at,
        }
    ).where(job.id == known.id).execute()
    redeclarations.by_hand(tx, known, told.seen_at)
    return "changed"


def _as_told(known: Job, told: CheckIn) -> Job:
    """Return a job that declares what `told` does; what that leaves out stays."""
    changed = replace(
        known,
        email=told.email or known.email,
        grace_s=known.grace_s if told.grace_s is None else told.grace_s,
        site=known.site if told.site is None else told.site,
        gateway=known.gateway if told.gateway is None else told.gateway,
    )
    if told.frequency_s is None:
        return changed
    often = told.frequency_s
    return replace(changed, frequency_s=often, schedule=told.schedule, early_s=told.early_s)


def _expected(job: Job) -> Job:
    """Return `job` as it is expected after its last check-in."""
    if job.schedule is None:
        due = due_at(job.last_seen_at, job.frequency_s, job.grace_s)
        return replace(job, due_at=due, slot_at=None, next_slot_at=None)
    slot_at, next_slot_at = slots_at(job.schedule, job.early_s, job.last_seen_at)
    due = next_slot_at + job.grace_s
    return replace(job, due_at=due, slot_at=slot_at, next_slot_at=next_slot_at)

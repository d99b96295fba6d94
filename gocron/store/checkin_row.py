"""What a check-in makes of its job's row: the values that it brings, and what becomes of others."""

from typing import Any

from peewee import EXCLUDED, Case, Value, fn

from gocron.core.checkin import CheckIn
from gocron.core.odd import RETURNS_WITHIN_S
from gocron.core.recent import KEPT_WIDTH, entry
from gocron.core.schedule import due_at
from gocron.core.signal import FAIL, OK, START, WORKED, Signal
from gocron.core.slots import slots_at
from gocron.store import deadlines
from gocron.store.database import Store

# What each check-in brings.
PLAIN = (
    "account",
    "cronname",
    "email",
    "frequency_s",
    "grace_s",
    "site",
    "address",
    "created_at",
    "last_seen_at",
    "due_at",
    "judge_at",
    "network",
    "gateway",
    "recent",
    "last_ok_at",
)
# What one brings that says more than "I ran", or has a schedule. Others pay nothing for it.
MORE = (
    "failures",
    "failed_at",
    "exit_status",
    "started_at",
    "schedule",
    "zone",
    "early_s",
    "slot_at",
    "next_slot_at",
)
COLUMNS = PLAIN + MORE

# What a run adds to the failures in a row; what is none leaves them.
_FAILURES = {OK: 0, FAIL: 1, START: None}

# Some addresses that a job had before, not all; what is cut off at the end equals none.
_CAME_FROM_LIMIT = 200


def row_of(
    checkin: CheckIn, email: str | None, frequency_s: int | None, now: int = 0
) -> tuple[Any, ...]:
    """Return the row of `checkin`, as PLAIN has it or COLUMNS; what it leaves out is handed in."""
    seen_at, signal, schedule = checkin.seen_at or now, checkin.signal, checkin.schedule
    slots: tuple[int | None, int | None] = None, None
    if schedule is None:
        due = due_at(seen_at, frequency_s or 0, checkin.grace_s or 0)
    else:
        slots = slots_at(schedule, checkin.early_s, seen_at)
        due = (slots[1] or 0) + (checkin.grace_s or 0)
    row = (
        checkin.account,
        checkin.cronname,
        email,
        frequency_s,
        checkin.grace_s,
        checkin.site,
        checkin.address,
        seen_at,
        seen_at,
        due,
        due,
        checkin.network,
        checkin.gateway,
        entry(seen_at, signal.kind, signal.duration_s),
        seen_at if signal.kind == OK else None,
    )
    if signal is WORKED and schedule is None:
        return row
    return row + _more(seen_at, signal, checkin, slots)


def _more(
    seen_at: int, signal: Signal, checkin: CheckIn, slots: tuple[int | None, int | None]
) -> tuple[Any, ...]:
    kind, schedule = signal.kind, checkin.schedule
    return (
        _FAILURES[kind],
        seen_at if kind == FAIL else None,
        signal.exit_status,
        seen_at if kind == START else None,
        None if schedule is None else schedule.expression,
        None if schedule is None else schedule.zone,
        checkin.early_s,
        *slots,
    )


def whole(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as COLUMNS have it: a plain one is that of a run that worked."""
    if len(row) == len(COLUMNS):
        return row
    return (*row, 0, None, "", *[None] * 6)


def heard(store: Store, plain: bool) -> dict[str, Any]:
    """Return what becomes of the columns of a job that is known."""
    job = store.tables.job
    told, run = (_told(job), _run(job)) if not plain else (_told_plainly(job), _worked(job))
    return {**told, **run, **_came_from(store, job), **_end_of_silence(job)}


def _told(job: Any) -> dict[str, Any]:
    """What the check-in tells, and the deadline that this makes."""
    # A run that satisfies no later slot than one before moves nothing.
    is_same = (EXCLUDED.schedule == job.schedule) & (EXCLUDED.zone == job.zone)
    # One beyond the next slot was satisfied by a clock that was ahead, and counts no more.
    stays = is_same & job.slot_at.between(EXCLUDED.slot_at + 1, EXCLUDED.next_slot_at)
    next_slot_at = Case(None, [(stays, job.next_slot_at)], EXCLUDED.next_slot_at)
    return {
        **_declared(job, next_slot_at),
        "schedule": EXCLUDED.schedule,
        "zone": EXCLUDED.zone,
        "early_s": EXCLUDED.early_s,
        "slot_at": Case(None, [(stays, job.slot_at)], EXCLUDED.slot_at),
        "next_slot_at": next_slot_at,
    }


def _told_plainly(job: Any) -> dict[str, Any]:
    """What a check-in tells that has no schedule."""
    no_schedule = dict.fromkeys(("schedule", "zone", "early_s", "slot_at", "next_slot_at"))
    return {**_declared(job, None), **no_schedule}


def _declared(job: Any, next_slot_at: Any) -> dict[str, Any]:
    grace_s = fn.COALESCE(EXCLUDED.grace_s, job.grace_s)
    due = deadlines.due_at(EXCLUDED.last_seen_at, EXCLUDED.frequency_s, grace_s, next_slot_at)
    return {
        "email": EXCLUDED.email,
        "frequency_s": EXCLUDED.frequency_s,
        "grace_s": grace_s,
        "site": fn.COALESCE(EXCLUDED.site, job.site),
        "address": EXCLUDED.address,
        "last_seen_at": EXCLUDED.last_seen_at,
        "due_at": due,
        "judge_at": due,
        "network": EXCLUDED.network,
        "gateway": fn.COALESCE(EXCLUDED.gateway, job.gateway),
        "recent": fn.SUBSTR(EXCLUDED.recent.concat(job.recent), 1, KEPT_WIDTH),
    }


def _run(job: Any) -> dict[str, Any]:
    """Whether the run worked. A failure is noted for the sweep even if the next run works."""
    failed, worked = EXCLUDED.failures == 1, EXCLUDED.failures == 0
    is_new = failed & job.failing_at.is_null() & job.failed_at.is_null()
    failures = [(failed, fn.COALESCE(job.failures, 0) + 1), (worked, 0)]
    # One that is over and was told to nobody yet must not be told with the status of this one.
    is_later = job.failed_at.is_null(False) & (fn.COALESCE(job.failures, 0) == 0)
    worked_at = [(worked & _was_failing(job), _first_to_work(job)), (failed, None)]
    return {
        "failures": Case(None, failures, job.failures),
        "last_ok_at": fn.COALESCE(EXCLUDED.last_ok_at, job.last_ok_at),
        "failed_at": Case(None, [(is_new, EXCLUDED.last_seen_at)], job.failed_at),
        "worked_at": Case(None, worked_at, job.worked_at),
        "exit_status": Case(None, [(failed & ~is_later, EXCLUDED.exit_status)], job.exit_status),
        "started_at": EXCLUDED.started_at,
    }


def _worked(job: Any) -> dict[str, Any]:
    """That the run worked, as a plain check-in says."""
    worked_at = [(_was_failing(job), _first_to_work(job))]
    return {
        "failures": 0,
        "last_ok_at": EXCLUDED.last_ok_at,
        "worked_at": Case(None, worked_at, job.worked_at),
        "started_at": None,
    }


def _was_failing(job: Any) -> Any:
    return job.failing_at.is_null(False) | job.failed_at.is_null(False)


def _first_to_work(job: Any) -> Any:
    return fn.COALESCE(job.worked_at, EXCLUDED.last_seen_at)


def _came_from(store: Store, job: Any) -> dict[str, Any]:
    """From where the job came before, and how often, in turns, it came back to such a place."""
    moved = (EXCLUDED.address != job.address) & (job.address != "")
    left = Value(",").concat(job.address).concat(job.came_from)
    find = fn.STRPOS if store.is_postgres else fn.INSTR
    is_former = find(job.came_from, Value(",").concat(EXCLUDED.address).concat(",")) > 0
    came_back = moved & is_former
    in_turn = EXCLUDED.last_seen_at - job.returned_at <= RETURNS_WITHIN_S
    returns = [(came_back & in_turn, job.returns + 1), (came_back, 1)]
    return {
        "came_from": Case(None, [(moved, fn.SUBSTR(left, 1, _CAME_FROM_LIMIT))], job.came_from),
        "returns": Case(None, returns, job.returns),
        "returned_at": Case(None, [(came_back, EXCLUDED.last_seen_at)], job.returned_at),
    }


def _end_of_silence(job: Any) -> dict[str, Any]:
    """That nothing has to be excused any more, and when a missing job was heard first."""
    returned = job.missed_at.is_null(False) & job.back_at.is_null()
    return {
        "reprieve": None,
        "excused_until": None,
        "excused_by": None,
        "back_at": Case(None, [(returned, EXCLUDED.last_seen_at)], job.back_at),
    }

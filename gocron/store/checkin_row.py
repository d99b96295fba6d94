"""What a check-in makes of its job's row: the values that it brings, and what becomes of others."""

from typing import Any

from peewee import EXCLUDED, Case, Value, fn

from gocron.core.checkin import CheckIn
from gocron.core.odd import RETURNS_WITHIN_S
from gocron.core.recent import KEPT_WIDTH, entry
from gocron.core.schedule import due_at
from gocron.core.signal import FAIL, OK, START
from gocron.core.slots import slots_at
from gocron.store import deadlines
from gocron.store.database import Store

COLUMNS = (
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
    "failures",
    "last_ok_at",
    "failed_at",
    "exit_status",
    "started_at",
    "schedule",
    "zone",
    "early_s",
    "slot_at",
    "next_slot_at",
)

# What a run adds to the failures in a row; what is none leaves them.
_FAILURES = {OK: 0, FAIL: 1, START: None}

# Some addresses that a job had before, not all; what is cut off at the end equals none.
_CAME_FROM_LIMIT = 200


def row_of(
    checkin: CheckIn, email: str | None, frequency_s: int | None, now: int = 0
) -> tuple[Any, ...]:
    """Return the row of `checkin` as COLUMNS have it; what it doesn't tell is handed in."""
    seen_at = checkin.seen_at or now
    schedule, slot_at, next_slot_at = checkin.schedule, None, None
    due = due_at(seen_at, frequency_s or 0, checkin.grace_s or 0)
    if schedule is not None:
        slot_at, next_slot_at = slots_at(schedule, checkin.early_s, seen_at)
        due = next_slot_at + (checkin.grace_s or 0)
    kind = checkin.signal.kind
    return (
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
        entry(seen_at, kind, checkin.signal.duration_s),
        _FAILURES[kind],
        seen_at if kind == OK else None,
        seen_at if kind == FAIL else None,
        checkin.signal.exit_status,
        seen_at if kind == START else None,
        None if schedule is None else schedule.expression,
        None if schedule is None else schedule.zone,
        checkin.early_s,
        slot_at,
        next_slot_at,
    )


def heard(store: Store) -> dict[str, Any]:
    """Return what becomes of the columns of a job that is known."""
    job = store.tables.job
    return {**_told(job), **_run(job), **_came_from(store, job), **_end_of_silence(job)}


def _told(job: Any) -> dict[str, Any]:
    """What the check-in tells, and the deadline that this makes."""
    grace_s = fn.COALESCE(EXCLUDED.grace_s, job.grace_s)
    # A run that satisfies no later slot than one before moves nothing.
    is_same = (EXCLUDED.schedule == job.schedule) & (EXCLUDED.zone == job.zone)
    stays = is_same & (job.slot_at > EXCLUDED.slot_at)
    slot_at = Case(None, [(stays, job.slot_at)], EXCLUDED.slot_at)
    next_slot_at = Case(None, [(stays, job.next_slot_at)], EXCLUDED.next_slot_at)
    due = deadlines.due_at(EXCLUDED.last_seen_at, EXCLUDED.frequency_s, grace_s, next_slot_at)
    return {
        "email": EXCLUDED.email,
        "frequency_s": EXCLUDED.frequency_s,
        "grace_s": grace_s,
        "site": fn.COALESCE(EXCLUDED.site, job.site),
        "address": EXCLUDED.address,
        "last_seen_at": EXCLUDED.last_seen_at,
        "schedule": EXCLUDED.schedule,
        "zone": EXCLUDED.zone,
        "early_s": EXCLUDED.early_s,
        "slot_at": slot_at,
        "next_slot_at": next_slot_at,
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
    was_failing = job.failing_at.is_null(False) | job.failed_at.is_null(False)
    worked_at = fn.COALESCE(job.worked_at, EXCLUDED.last_seen_at)
    failures = [(failed, fn.COALESCE(job.failures, 0) + 1), (worked, 0)]
    return {
        "failures": Case(None, failures, job.failures),
        "last_ok_at": fn.COALESCE(EXCLUDED.last_ok_at, job.last_ok_at),
        "failed_at": Case(None, [(is_new, EXCLUDED.last_seen_at)], job.failed_at),
        "worked_at": Case(None, [(worked & was_failing, worked_at), (failed, None)], job.worked_at),
        "exit_status": Case(None, [(failed, EXCLUDED.exit_status)], job.exit_status),
        "started_at": EXCLUDED.started_at,
    }


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

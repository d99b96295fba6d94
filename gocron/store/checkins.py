"""Check-ins: the hot path. One statement for as many as came together."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from peewee import EXCLUDED, Case, Tuple, Value, fn

from gocron.core.checkin import CheckIn
from gocron.core.odd import RETURNS_WITHIN_S, has_several_hosts
from gocron.core.own_outage import SHUT_AFTER_S
from gocron.core.recent import KEPT_WIDTH, entry
from gocron.core.schedule import due_at
from gocron.store.database import Store
from gocron.store.failures import UNFIT

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
)

# Enough to share an fsync among all that wait; the statement of each size is compiled once.
GROUP_LIMIT = 64

_SQLITE_RETURNS = sqlite3.sqlite_version_info >= (3, 35)

Key = tuple[str, str]

# Some addresses that a job had before, not all; what is cut off at the end equals none.
_CAME_FROM_LIMIT = 200


class DueOfSeveral(int):
    """The deadline of a job that several hosts seem to check in, in epoch seconds."""


def record(store: Store, checkins: Sequence[CheckIn], now: int = 0) -> list[int | None]:
    """Keep `checkins` as part of the caller's transaction; return the deadline of each.

    Those that don't say when they came are heard at `now`. The deadline is None, and nothing is
    kept, where an unknown job didn't tell all that a new one needs. Rows are locked in the order of
    their keys, as every writer does.
    """
    due: list[int | None] = [None] * len(checkins)
    waiting = list(enumerate(checkins))
    while waiting:
        # One statement can't meet a key twice: a job's second check-in waits for the next.
        wave: dict[Key, tuple[int, CheckIn]] = {}
        later = []
        for index, checkin in waiting:
            if checkin.key in wave:
                later.append((index, checkin))
            else:
                wave[checkin.key] = (index, checkin)
        deadlines = _record_wave(store, [wave[key][1] for key in sorted(wave)], now)
        for key, (index, _) in wave.items():
            due[index] = deadlines.get(key)
        waiting = later
    return due


def try_out(store: Store, checkins: Sequence[CheckIn], host: str) -> None:
    """Keep `checkins` on trial, and a new job's first two of `host`'s own; nothing of it is left.

    Raises what the database raises while it can keep none: a lock, a limit, a trigger, no room.
    """
    # No client's check-in has a control character in its name.
    first = CheckIn("\x1f", f"\x1f{host}", "gocron@localhost", SHUT_AFTER_S, 0, None, "", 0)
    with store.undone():
        record(store, [*checkins, first])
        record(store, [first])
    # As much as was not kept, or one: where there is room for that the next is kept.
    store.require_room((len(checkins) + 1) / GROUP_LIMIT)


def replay(
    store: Store, late: Sequence[CheckIn], declares: Callable[[CheckIn], bool]
) -> list[CheckIn]:
    """Keep check-ins that came to nginx while no front took them; return those that can't be.

    These are of unknown jobs, and don't tell all that a new one needs, or are none by which a
    job `declares` itself, or hold what the database can't. The later time wins: what is older
    than what is stored changes nothing.
    """
    try:
        return store.write(partial(_replay, store, late, declares)) if late else []
    except UNFIT:
        # One check-in that the database can't hold must not cost the others theirs.
        if len(late) == 1:
            return list(late)
        return [unfit for checkin in late for unfit in replay(store, [checkin], declares)]


def _replay(
    store: Store, late: Sequence[CheckIn], declares: Callable[[CheckIn], bool]
) -> list[CheckIn]:
    late = sorted(late, key=lambda checkin: checkin.seen_at)
    _declare(store, [one for one in late if _are_whole([one]) and declares(one)])
    job = store.tables.job
    keys = sorted({checkin.key for checkin in late})
    columns = (job.account, job.cronname, job.address, job.last_seen_at)
    known = store.locked(
        job.select(*columns).where(_key_in(job, keys)).order_by(job.account, job.cronname)
    )
    # A job that was only declared may have checked in within the second.
    seen_at = {
        (row["account"], row["cronname"]): row["last_seen_at"] - (not row["address"])
        for row in known
    }
    fresh = [one for one in late if one.key in seen_at and seen_at[one.key] < one.seen_at]
    record(store, fresh)
    return [one for one in late if one.key not in seen_at]


def _declare(store: Store, late: Sequence[CheckIn]) -> None:
    """Keep the first check-in of each unknown job.

    Whoever makes it known at the same time, and is not done yet, is waited for: so there is a
    row to be locked, and what is older can't get over what is newer.
    """
    first: dict[Key, CheckIn] = {}
    for checkin in late:
        first.setdefault(checkin.key, checkin)
    if first:
        job = store.tables.job
        rows = [_row(first[key], first[key].email, first[key].frequency_s) for key in sorted(first)]
        columns = [getattr(job, column) for column in COLUMNS]
        job.insert(rows, columns=columns).on_conflict_ignore().execute()


def is_one_statement(store: Store, checkins: Sequence[CheckIn]) -> bool:
    """Tell whether `record` keeps `checkins` by one statement."""
    if not store.is_postgres and not _SQLITE_RETURNS:
        return False
    keys = {checkin.key for checkin in checkins}
    return len(keys) == len(checkins) and _are_whole(checkins)


def _are_whole(checkins: Sequence[CheckIn]) -> bool:
    return all(checkin.declares for checkin in checkins)


def _record_wave(store: Store, checkins: list[CheckIn], now: int) -> dict[Key, int]:
    """Keep check-ins of different jobs, ordered by key; return the deadline by key."""
    if _are_whole(checkins):
        rows = [_row(checkin, checkin.email, checkin.frequency_s, now) for checkin in checkins]
    else:
        rows = _completed(store, checkins, now)
    return _upsert(store, rows) if rows else {}


def _completed(store: Store, checkins: list[CheckIn], now: int) -> list[tuple[Any, ...]]:
    """Return rows for the check-ins that are whole, or whole with what is stored.

    A name that may not be given to a new job must be stored already.
    """
    job = store.tables.job
    stored = {
        (row["account"], row["cronname"]): row
        for row in store.locked(
            job.select(job.account, job.cronname, job.email, job.frequency_s)
            .where(_key_in(job, [checkin.key for checkin in checkins]))
            .order_by(job.account, job.cronname)
        )
    }
    rows = []
    for checkin in checkins:
        known = stored.get(checkin.key, {})
        email = checkin.email or known.get("email")
        frequency_s = checkin.frequency_s or known.get("frequency_s")
        is_taken = bool(known) or checkin.misnamed is None
        if is_taken and email is not None and frequency_s is not None:
            rows.append(_row(checkin, email, frequency_s, now))
    return rows


def _row(
    checkin: CheckIn, email: str | None, frequency_s: int | None, now: int = 0
) -> tuple[Any, ...]:
    seen_at = checkin.seen_at or now
    due = due_at(seen_at, frequency_s or 0, checkin.grace_s or 0)
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
        entry(seen_at),
    )


def _upsert(store: Store, rows: list[tuple[Any, ...]]) -> dict[Key, int]:
    sql, tail = _statement(store, len(rows))
    cursor = store.db.execute_sql(sql, [value for row in rows for value in row] + tail)
    if store.is_postgres or _SQLITE_RETURNS:
        return {(row[0], row[1]): _due(*row[2:]) for row in cursor.fetchall()}
    job = store.tables.job
    told = (
        job.select(*_returned(job)).where(_key_in(job, [(row[0], row[1]) for row in rows])).tuples()
    )
    return {(row[0], row[1]): _due(*row[2:]) for row in told}


def _returned(job: Any) -> tuple[Any, ...]:
    return (
        *(job.account, job.cronname),
        *(job.due_at, job.last_seen_at, job.returns, job.returned_at),
    )


def _due(due_at: int, seen_at: int, returns: int, returned_at: int | None) -> int:
    """Return a deadline, and of what kind it is."""
    several = returns and has_several_hosts(returns, returned_at, seen_at)
    return DueOfSeveral(due_at) if several else due_at


def _key_in(job: Any, keys: list[Key]) -> Any:
    return Tuple(job.account, job.cronname).in_([Value(key) for key in keys])


@lru_cache(maxsize=256)
def _statement(store: Store, count: int) -> tuple[str, list[Any]]:
    """Return the upsert of `count` rows, compiled, and the parameters that follow the rows'.

    Compiling takes 20 times as long as running. What a check-in doesn't tell keeps its
    stored value; the first check-in of a missing job marks its return, for the sweep.
    """
    job = store.tables.job
    grace_s = fn.COALESCE(EXCLUDED.grace_s, job.grace_s)
    due = EXCLUDED.last_seen_at + EXCLUDED.frequency_s + fn.COALESCE(grace_s, 0)
    returned = job.missed_at.is_null(False) & job.back_at.is_null()
    moved = (EXCLUDED.address != job.address) & (job.address != "")
    left = Value(",").concat(job.address).concat(job.came_from)
    find = fn.STRPOS if store.is_postgres else fn.INSTR
    is_former = find(job.came_from, Value(",").concat(EXCLUDED.address).concat(",")) > 0
    came_back = moved & is_former
    in_turn = EXCLUDED.last_seen_at - job.returned_at <= RETURNS_WITHIN_S
    query = job.insert(
        [tuple(column for column in COLUMNS) for _ in range(count)],
        columns=[getattr(job, column) for column in COLUMNS],
    ).on_conflict(
        conflict_target=("account", "cronname"),
        update={
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
            "came_from": Case(None, [(moved, fn.SUBSTR(left, 1, _CAME_FROM_LIMIT))], job.came_from),
            "returns": Case(
                None, [(came_back & in_turn, job.returns + 1), (came_back, 1)], job.returns
            ),
            "returned_at": Case(None, [(came_back, EXCLUDED.last_seen_at)], job.returned_at),
            "reprieve": None,
            "excused_until": None,
            "excused_by": None,
            "back_at": Case(None, [(returned, EXCLUDED.last_seen_at)], job.back_at),
        },
    )
    if store.is_postgres or _SQLITE_RETURNS:
        query = query.returning(*_returned(job))
    sql, parameters = query.sql()
    return sql, list(parameters)[count * len(COLUMNS) :]

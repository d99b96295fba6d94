"""Check-ins: the hot path. One statement for as many as came together."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from gocron.core.checkin import CheckIn
from gocron.core.odd import has_several_hosts
from gocron.core.own_outage import SHUT_AFTER_S
from gocron.core.signal import LOG
from gocron.store import jobs, runs
from gocron.store.checkin_row import COLUMNS, PLAIN, heard, row_of, whole
from gocron.store.database import Store, Transaction

# Enough to share an fsync among all that wait; the statement of each size is compiled once.
GROUP_LIMIT = 64

_SQLITE_RETURNS = sqlite3.sqlite_version_info >= (3, 35)

Key = tuple[str, str]


class DueOfSeveral(int):
    """The deadline of a job that several hosts seem to check in, in epoch seconds."""


class DueOfNew(int):
    """The deadline of a job that nobody knew before, in epoch seconds."""


def record(tx: Transaction, checkins: Sequence[CheckIn], now: int = 0) -> list[int | None]:
    """Keep `checkins`; return the deadline of each.

    Those that don't say when they came are heard at `now`. The deadline is None, and nothing is
    kept, where an unknown job didn't tell all that a new one needs. Rows are locked in the order of
    their keys, as every writer does.
    """
    if _are_alone(checkins):
        told = _record_wave(tx, sorted(checkins, key=lambda checkin: checkin.key), now)
        return [told.get(checkin.key) for checkin in checkins]
    due: list[int | None] = [None] * len(checkins)
    waiting = [one for one in enumerate(checkins) if one[1].signal.kind != LOG]
    while waiting:
        # One statement can't meet a key twice: a job's second check-in waits for the next.
        wave: dict[Key, tuple[int, CheckIn]] = {}
        later = []
        for index, checkin in waiting:
            if checkin.key in wave:
                later.append((index, checkin))
            else:
                wave[checkin.key] = (index, checkin)
        told = _record_wave(tx, [wave[key][1] for key in sorted(wave)], now)
        for key, (index, _) in wave.items():
            due[index] = told.get(key)
        waiting = later
    printed = [(index, one) for index, one in enumerate(checkins) if one.has_output]
    return runs.keep_output(tx, printed, due, now) if printed else due


def try_out(store: Store, checkins: Sequence[CheckIn], host: str) -> None:
    """Keep `checkins` on trial, and a new job's first two of `host`'s own; nothing of it is left.

    Raises what the database raises while it can keep none: a lock, a limit, a trigger, no room.
    """
    # No client's check-in has a control character in its name.
    first = CheckIn("\x1f", f"\x1f{host}", "gocron@localhost", SHUT_AFTER_S, 0, None, "", 0)
    with store.undone() as tx:
        record(tx, [*checkins, first])
        record(tx, [first])
    # As much as was not kept, or one: where there is room for that the next is kept.
    store.require_room((len(checkins) + 1) / GROUP_LIMIT)


def is_one_statement(store: Store, checkins: Sequence[CheckIn]) -> bool:
    """Tell whether `record` keeps `checkins` by one statement."""
    if not store.is_postgres and not _SQLITE_RETURNS:
        return False
    return _are_alone(checkins) and _are_whole(checkins)


def _are_alone(checkins: Sequence[CheckIn]) -> bool:
    """Tell whether each is of another job, and none brings output."""
    keys = {checkin.key for checkin in checkins}
    return len(keys) == len(checkins) and not any(one.has_output for one in checkins)


def _are_whole(checkins: Sequence[CheckIn]) -> bool:
    return all(checkin.declares for checkin in checkins)


def _record_wave(tx: Transaction, checkins: list[CheckIn], now: int) -> dict[Key, int]:
    """Keep check-ins of different jobs, ordered by key; return the deadline by key."""
    if _are_whole(checkins):
        rows = [row_of(checkin, checkin.email, checkin.frequency_s, now) for checkin in checkins]
    else:
        rows = _completed(tx, checkins, now)
    return _upsert(tx.store, rows) if rows else {}


def _completed(tx: Transaction, checkins: list[CheckIn], now: int) -> list[tuple[Any, ...]]:
    """Return rows for the check-ins that are whole, or whole with what is stored.

    A name that may not be given to a new job must be stored already.
    """
    job = tx.tables.job
    declared = (job.email, job.frequency_s, job.schedule, job.zone, job.early_s)
    columns = (job.account, job.cronname, *declared)
    stored = {
        (row["account"], row["cronname"]): row
        for row in tx.locked(
            job.select(*columns)
            .where(jobs.key_in(job, [checkin.key for checkin in checkins]))
            .order_by(job.account, job.cronname)
        )
    }
    rows = []
    for checkin in checkins:
        known = stored.get(checkin.key, {})
        email = checkin.email or known.get("email")
        frequency_s = checkin.frequency_s or known.get("frequency_s")
        if known and checkin.frequency_s is None:
            schedule = jobs.cron_of(known["schedule"], known["zone"])
            checkin = replace(checkin, schedule=schedule, early_s=known["early_s"])
        is_taken = bool(known) or checkin.misnamed is None
        if is_taken and email is not None and frequency_s is not None:
            rows.append(row_of(checkin, email, frequency_s, now))
    return rows


def _upsert(store: Store, rows: list[tuple[Any, ...]]) -> dict[Key, int]:
    plain = all(len(row) == len(PLAIN) for row in rows)
    if not plain:
        rows = [whole(row) for row in rows]
    sql, tail = _statement(store, len(rows), plain)
    cursor = store.db.execute_sql(sql, [value for row in rows for value in row] + tail)
    if store.is_postgres or _SQLITE_RETURNS:
        return {
            # Most deadlines are no more than that.
            (row[0], row[1]): row[2] if row[3] != row[6] and not row[4] else _due(*row[2:])
            for row in cursor.fetchall()
        }
    job = store.tables.job
    told = (
        job.select(*_returned(job))
        .where(jobs.key_in(job, [(row[0], row[1]) for row in rows]))
        .tuples()
    )
    return {(row[0], row[1]): _due(*row[2:]) for row in told}


def _returned(job: Any) -> tuple[Any, ...]:
    return (
        *(job.account, job.cronname),
        *(job.due_at, job.last_seen_at, job.returns, job.returned_at, job.created_at),
    )


def _due(due_at: int, seen_at: int, returns: int, returned_at: int | None, created_at: int) -> int:
    """Return a deadline, and of what kind it is."""
    if created_at == seen_at:
        return DueOfNew(due_at)
    several = returns and has_several_hosts(returns, returned_at, seen_at)
    return DueOfSeveral(due_at) if several else due_at


@lru_cache(maxsize=256)
def _statement(store: Store, count: int, plain: bool) -> tuple[str, list[Any]]:
    """Return the upsert of `count` rows, compiled, and the parameters that follow the rows'.

    Compiling takes 20 times as long as running. What a check-in doesn't tell keeps its
    stored value; the first check-in of a missing job marks its return, for the sweep.
    """
    job, names = store.tables.job, PLAIN if plain else COLUMNS
    query = job.insert(
        [names for _ in range(count)], columns=[getattr(job, column) for column in names]
    ).on_conflict(
        conflict_target=("account", "cronname"),
        update=heard(store, plain),
    )
    if store.is_postgres or _SQLITE_RETURNS:
        query = query.returning(*_returned(job))
    sql, parameters = query.sql()
    return sql, list(parameters)[count * len(names) :]

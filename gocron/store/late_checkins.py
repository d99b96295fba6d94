"""Late check-ins: they came to nginx while no front took them, and a sweep keeps them."""

from collections.abc import Callable, Sequence
from functools import partial

from gocron.core.checkin import CheckIn
from gocron.store import checkins
from gocron.store.checkins import COLUMNS, Key, key_in
from gocron.store.database import Store
from gocron.store.failures import UNFIT


def keep(
    store: Store, late: Sequence[CheckIn], declares: Callable[[CheckIn], bool]
) -> list[CheckIn]:
    """Keep `late` check-ins; return those that can't be kept.

    These are of unknown jobs, and don't tell all that a new one needs, or are none by which a
    job `declares` itself, or hold what the database can't. The later time wins: what is older
    than what is stored changes nothing.
    """
    try:
        return store.write(partial(_keep, store, late, declares)) if late else []
    except UNFIT:
        # One check-in that the database can't hold must not cost the others theirs.
        if len(late) == 1:
            return list(late)
        return [unfit for checkin in late for unfit in keep(store, [checkin], declares)]


def _keep(
    store: Store, late: Sequence[CheckIn], declares: Callable[[CheckIn], bool]
) -> list[CheckIn]:
    late = sorted(late, key=lambda checkin: checkin.seen_at)
    _declare(store, [one for one in late if one.declares and declares(one)])
    job = store.tables.job
    keys = sorted({checkin.key for checkin in late})
    columns = (job.account, job.cronname, job.address, job.last_seen_at)
    known = store.locked(
        job.select(*columns).where(key_in(job, keys)).order_by(job.account, job.cronname)
    )
    # A job that was only declared may have checked in within the second.
    seen_at = {
        (row["account"], row["cronname"]): row["last_seen_at"] - (not row["address"])
        for row in known
    }
    fresh = [one for one in late if one.key in seen_at and seen_at[one.key] < one.seen_at]
    checkins.record(store, fresh)
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
        some = [first[key] for key in sorted(first)]
        rows = [checkins.row_of(one, one.email, one.frequency_s) for one in some]
        columns = [getattr(job, column) for column in COLUMNS]
        job.insert(rows, columns=columns).on_conflict_ignore().execute()

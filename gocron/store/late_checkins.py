"""Late check-ins: they came to nginx while no front took them, and a sweep keeps them."""

from collections.abc import Callable, Sequence

from gocron.core.checkin import CheckIn
from gocron.core.signal import FAIL
from gocron.store import checkins, declarations, job_row, jobs
from gocron.store.database import Store, Transaction
from gocron.store.failures import UNFIT


def keep(
    store: Store, late: Sequence[CheckIn], declares: Callable[[CheckIn], bool]
) -> list[CheckIn]:
    """Keep `late` check-ins; return those that can't be kept.

    These are of unknown jobs, and don't tell all that a new one needs, or are none by which a
    job `declares` itself, or hold what the database can't. The later time wins: of what is older
    than what is stored only a failure counts, which is told all the same.
    """
    try:
        return store.write(lambda tx: _keep(tx, late, declares)) if late else []
    except UNFIT:
        # One check-in that the database can't hold must not cost the others theirs.
        if len(late) == 1:
            return list(late)
        return [unfit for checkin in late for unfit in keep(store, [checkin], declares)]


def _keep(
    tx: Transaction, late: Sequence[CheckIn], declares: Callable[[CheckIn], bool]
) -> list[CheckIn]:
    late = sorted(late, key=lambda checkin: checkin.seen_at)
    first: dict[tuple[str, str], CheckIn] = {}
    for checkin in late:
        if checkin.declares and declares(checkin):
            first.setdefault(checkin.key, checkin)
    declarations.add(tx, [first[key] for key in sorted(first)])
    job = tx.tables.job
    keys = sorted({checkin.key for checkin in late})
    columns = (job.account, job.cronname, job.address, job.last_seen_at)
    known = tx.locked(
        job.select(*columns).where(jobs.key_in(job, keys)).order_by(job.account, job.cronname)
    )
    # A job that was only declared may have checked in within the second.
    seen_at = {
        (row["account"], row["cronname"]): row["last_seen_at"] - (not row["address"])
        for row in known
    }
    fresh = [one for one in late if one.key in seen_at and seen_at[one.key] < one.seen_at]
    checkins.record(tx, fresh)
    overtaken = [one for one in late if one.seen_at <= seen_at.get(one.key, -1)]
    for failure in overtaken:
        if failure.signal.kind == FAIL:
            job_row.note_failure(tx, failure)
    return [one for one in late if one.key not in seen_at]

"""What is known of runs: what the last one printed, and the last one that failed."""

from collections.abc import Mapping, Sequence
from typing import Any

from peewee import EXCLUDED, Case, fn

from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.signal import FAIL, Output
from gocron.store import jobs
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction


def keep_output(
    tx: Transaction, printed: Sequence[tuple[int, CheckIn]], due: list[int | None], now: int
) -> list[int | None]:
    """Keep what runs printed; return all deadlines, those of jobs that only printed among them.

    `printed` are the check-ins by their places in `due`.
    """
    job = tx.tables.job
    wanted = jobs.key_in(job, sorted({one.key for _, one in printed}))
    columns = (job.id, job.account, job.cronname, job.due_at)
    known = {(row["account"], row["cronname"]): row for row in job.select(*columns).where(wanted)}
    # Of several outputs of one job the last one counts, and the last one of a run that failed.
    last: dict[tuple[str, str], CheckIn] = {}
    failed: dict[tuple[str, str], CheckIn] = {}
    for index, one in printed:
        if one.key in known:
            last[one.key] = one
            if one.signal.kind == FAIL:
                failed[one.key] = one
            due[index] = known[one.key]["due_at"] if due[index] is None else due[index]
    rows = [_row(known[key]["id"], one, failed.get(key), now) for key, one in sorted(last.items())]
    if rows:
        _keep(tx, rows)
    return due


def _row(job_id: int, last: CheckIn, failed: CheckIn | None, now: int) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "printed_at": last.seen_at or now,
        "printed": last.signal.output or "",
        "failed_at": None if failed is None else failed.seen_at or now,
        "failed": "" if failed is None else failed.signal.output or "",
    }


def _keep(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    output = tx.tables.output
    is_failure = EXCLUDED.failed_at.is_null(False)
    output.insert(rows).on_conflict(
        conflict_target=("job_id",),
        update={
            "printed_at": EXCLUDED.printed_at,
            "printed": EXCLUDED.printed,
            "failed_at": fn.COALESCE(EXCLUDED.failed_at, output.failed_at),
            "failed": Case(None, [(is_failure, EXCLUDED.failed)], output.failed),
        },
    ).execute()


def output_of_failures(store: Store, since: Mapping[int, int]) -> dict[int, str]:
    """Return by job what a run of it printed that failed at that time or after it.

    What an earlier failure printed is no output of one that printed nothing. Of very many jobs the
    first ones only: no message has room for more.
    """
    output = store.tables.output
    printed = output.job_id.in_(list(since)[:ROWS_A_STATEMENT]) & (output.failed != "")
    query = output.select(output.job_id, output.failed_at, output.failed).where(printed)
    return {
        row["job_id"]: row["failed"] for row in query if row["failed_at"] >= since[row["job_id"]]
    }


def output_of(store: Store, job: Job) -> Output | None:
    """Return what is kept of the output of `job`, None where it never brought any."""
    output = store.tables.output
    for row in output.select().where(output.job_id == job.id):
        return Output(row["printed_at"], row["printed"], row["failed_at"], row["failed"])
    return None

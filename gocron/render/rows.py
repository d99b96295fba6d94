"""One job as a row of the status page, with every text made: the templates only place them."""

from collections.abc import Sequence
from typing import NamedTuple

from gocron.core.duration import say_duration
from gocron.core.job import Job, Status
from gocron.render.moment import iso, say_time
from gocron.render.wording import STATES, say_exit, say_last_ok, say_often, shown


class RowView(NamedTuple):
    """A row ready to show; `due` is the deadline that counts, grace included.

    `again` is until when an overdue job stays untold, "" for all others. `note` is what is odd
    about it. Of a job that fails `failed` is since when and `how` in which way; `ok` is when a run
    of it worked last, "" where that is when it was heard last.
    """

    state: str
    name: str
    site: bool
    seen_iso: str
    seen: str
    due_iso: str
    due: str
    every: str
    grace: str
    address: str
    again_iso: str
    again: str
    note: str
    failed_iso: str
    failed: str
    how: str
    ok_iso: str
    ok: str


def row_view(job: Job, status: Status, notes: Sequence[str] = ()) -> RowView:
    """Return `job`, which stands at `status`, ready to show with `notes` about it."""
    due_at = job.due_at if job.missed_at is None else job.missed_at
    spared = status in (Status.HELD, Status.SUPPRESSED, Status.EXCUSED)
    again_at = job.judge_at if spared and job.judge_at > job.due_at else None
    failed_at = job.failing_since
    is_ok_elsewhere = job.was_heard and job.last_ok_at != job.last_seen_at
    return RowView(
        state=STATES[status],
        name=shown(job.cronname),
        site=job.site,
        seen_iso=iso(job.last_seen_at) if job.was_heard else "",
        seen=say_time(job.last_seen_at) if job.was_heard else "never",
        due_iso=iso(due_at),
        due=say_time(due_at),
        every=say_often(job),
        grace=say_duration(job.grace_s) if job.grace_s else "",
        address=shown(job.address) if job.address else "",
        again_iso="" if again_at is None else iso(again_at),
        again="" if again_at is None else say_time(again_at),
        note="; ".join(notes),
        failed_iso="" if failed_at is None else iso(failed_at),
        failed="" if failed_at is None else say_time(failed_at),
        how=say_exit(job.exit_status) if failed_at is not None else "",
        ok_iso=iso(job.last_ok_at) if is_ok_elsewhere and job.last_ok_at else "",
        ok=say_last_ok(job) if is_ok_elsewhere else "",
    )

"""The job's row: what locks and changes it, but for its check-ins and what people declare."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from peewee import Case, chunked, fn

from gocron.core.checkin import CheckIn
from gocron.core.job import SPARED, Job, Status
from gocron.core.news import Trouble
from gocron.core.recent import KEPT, KEPT_WIDTH, WIDTH, entry, recent
from gocron.core.signal import FAIL, OK
from gocron.core.slots import Cron, slots_at
from gocron.errors import UnknownJob
from gocron.store import deadlines, jobs
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction

# Enough to be fast, few enough to hold SQLite's one lock, or their rows, for a moment only.
FORGOTTEN_AT_ONCE = 500


def lock_free(tx: Transaction, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Lock the rows of these jobs, in the order of all writers; return by id what stands there.

    A row that another transaction holds is left out: it is being heard, or another sweep has it,
    and the next one looks again.
    """
    job = tx.tables.job
    columns = (job.id, job.email, job.due_at, job.judge_at, job.excused_until)
    query = job.select(*columns, job.missed_at, job.back_at).where(job.id.in_(list(ids)))
    rows = tx.locked_if_free(query.order_by(job.account, job.cronname))
    return {row["id"]: row for row in rows}


def note_failure(tx: Transaction, failure: CheckIn) -> None:
    """Have a `failure` told that a later check-in overtook, unless it is known; its row is locked.

    A run after it that worked ends it at once.
    """
    job = tx.tables.job
    mine = (job.account == failure.account) & (job.cronname == failure.cronname)
    columns = (job.recent, job.failing_at, job.failed_at, job.last_ok_at, job.failures)
    (row,) = job.select(*columns).where(mine)
    at = failure.seen_at
    remembered = list(recent(row["recent"]))
    is_known = any((one.at, one.kind) == (at, FAIL) for one in remembered)
    # What lies before all that is remembered may have been told long ago.
    is_old = len(remembered) == KEPT and at < remembered[-1].at
    if is_known or is_old:
        return
    later = [one for one in remembered if one.at > at]
    place = len(later) * WIDTH
    text = row["recent"]
    told = text[:place] + entry(at, FAIL, failure.signal.duration_s) + text[place:]
    change: dict[Any, Any] = {job.recent: told[:KEPT_WIDTH]}
    if row["failing_at"] is None and row["failed_at"] is None:
        worked = [one.at for one in remembered if one.kind == OK and one.at >= at]
        change |= {
            job.failed_at: at,
            job.worked_at: min(worked) if worked and not row["failures"] else None,
            job.exit_status: failure.signal.exit_status,
        }
        if not worked and not row["failures"]:
            change |= {job.failures: 1, job.started_at: None}
    job.update(change).where(mine).execute()


def lock_failing(tx: Transaction, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Lock the rows of these jobs as `lock_free` does; return by id what they say of failures."""
    job = tx.tables.job
    query = job.select(job.id, job.failed_at, job.worked_at).where(job.id.in_(list(ids)))
    rows = tx.locked_if_free(query.order_by(job.account, job.cronname))
    return {row["id"]: row for row in rows}


def mark_failing(tx: Transaction, some: Sequence[Job]) -> None:
    """Have these jobs, whose rows are locked, failing since the failure that is told now."""
    job = tx.tables.job
    change = {job.failing_at: job.failed_at, job.failed_at: None}
    _change_all(tx, some, change, job.failed_at.is_null(False))


def failing_without_episode(store: Store) -> Any:
    """Return a query for the jobs that fail and have no open episode of it."""
    job, episode = store.tables.job, store.tables.episode
    is_failing = (episode.kind == Trouble.FAILING.value) & episode.ended_at.is_null()
    opened = fn.EXISTS(episode.select(episode.id).where((episode.job_id == job.id) & is_failing))
    return job.select(job.id).where(job.failing_at.is_null(False) & ~opened)


def take_up_failing(tx: Transaction) -> None:
    """Note again the failure of each job that fails and has no open episode."""
    job = tx.tables.job
    lost = failing_without_episode(tx.store).order_by(job.account, job.cronname)
    ids = [row["id"] for row in tx.locked_if_free(lost)]
    for some in chunked(ids, ROWS_A_STATEMENT):
        lasts = job.worked_at.is_null()
        change = {
            job.failed_at: Case(None, [(lasts, fn.COALESCE(job.failed_at, job.failing_at))]),
            job.failing_at: None,
            job.worked_at: None,
        }
        job.update(change).where(job.id.in_(some)).execute()


def mark_working(tx: Transaction, some: Sequence[Job]) -> None:
    """Have these jobs, whose rows are locked and which work again, failing no longer."""
    job = tx.tables.job
    change = {job.failing_at: None, job.worked_at: None}
    _change_all(tx, some, change, job.worked_at.is_null(False))


def mark_missing(tx: Transaction, some: Sequence[Job]) -> None:
    """Have these jobs missing since their deadline; their rows are locked."""
    job = tx.tables.job
    _change_all(tx, some, {job.missed_at: job.due_at, job.reprieve: None}, job.missed_at.is_null())


def mark_up(tx: Transaction, some: Sequence[Job]) -> None:
    """Have these jobs, which are back, missing no longer; their rows are locked."""
    job = tx.tables.job
    _change_all(tx, some, {job.missed_at: None, job.back_at: None}, job.back_at.is_null(False))


def _change_all(tx: Transaction, some: Sequence[Job], change: dict[Any, Any], so_far: Any) -> None:
    """Change rows that are locked, all of them or, whatever else happened, none."""
    if not some:
        return
    job = tx.tables.job
    mine = job.id.in_([one.id for one in some]) & so_far
    if job.update(change).where(mine).execute() != len(some):
        raise AssertionError("a locked row was changed by another")


def spare(
    tx: Transaction,
    ids: Sequence[int],
    status: Status,
    judge_at: int,
    excused_until: int | None,
    excused_by: int | None,
) -> None:
    """Keep why these jobs, whose rows are locked, are not told of, and when to judge them next."""
    job = tx.tables.job
    excuse = {job.excused_until: excused_until, job.excused_by: excused_by}
    change = {job.reprieve: status.value, job.judge_at: judge_at, **excuse}
    job.update(change).where(job.id.in_(ids)).execute()


def put_off(tx: Transaction, ids: Iterable[int], until: int) -> None:
    """Have these jobs, whose rows are locked, judged next at `until`."""
    job = tx.tables.job
    change = {job.reprieve: Status.HELD.value, job.judge_at: until}
    job.update(change).where(job.id.in_(list(ids))).execute()


def excuse_until(tx: Transaction, job_id: int, until: int | None) -> None:
    """Keep the last deadline that outages gave a job, None where its own counted."""
    job = tx.tables.job
    job.update({job.excused_until: until}).where(job.id == job_id).execute()


def hear_at(tx: Transaction, wrongly_heard: Any, right_at: int, now: int) -> bool:
    """Have the jobs that were `wrongly_heard` heard at `right_at`, and all that are spared judged.

    `wrongly_heard` is a condition. Excuses were worked out by the wrong clock: they are worked
    out anew, of the outages that are left. Tell whether that were all: a row that another
    transaction holds is left out.
    """
    job = tx.tables.job
    due = deadlines.due_at(right_at, job.frequency_s, job.grace_s)
    due = Case(None, [(wrongly_heard, due)], job.due_at)
    runs = (job.last_ok_at, job.started_at, job.failed_at, job.failing_at, job.worked_at)
    stamps = (job.back_at, *runs)
    change: dict[Any, Any] = {
        **dict.fromkeys((job.reprieve, job.excused_until, job.excused_by)),
        job.last_seen_at: Case(None, [(wrongly_heard, right_at)], job.last_seen_at),
        job.due_at: due,
        job.judge_at: due,
        **{stamp: Case(None, [(stamp > now, right_at)], stamp) for stamp in stamps},
    }
    which = wrongly_heard | job.reprieve.in_([one.value for one in SPARED])
    # Rows are locked in the order of all writers first: an update takes them as they lie.
    some = job.select(job.id).where(which).order_by(job.account, job.cronname)
    locked = [row["id"] for row in tx.locked_if_free(some)]
    columns = (job.id, job.schedule, job.zone, job.early_s, job.grace_s)
    for ids in chunked(locked, ROWS_A_STATEMENT):
        scheduled = job.select(*columns).where(
            job.id.in_(ids) & wrongly_heard & job.schedule.is_null(False)
        )
        by_slots = list(scheduled)
        job.update(change).where(job.id.in_(ids)).execute()
        for row in by_slots:
            _expect_after(tx, row, right_at)
    return not job.select(job.id).where(which).exists()


def _expect_after(tx: Transaction, row: dict[str, Any], heard_at: int) -> None:
    """Have a job with a schedule, which stands in `row`, expected as if it was heard then."""
    job = tx.tables.job
    schedule = Cron(row["schedule"], row["zone"])
    slot_at, next_slot_at = slots_at(schedule, row["early_s"], heard_at)
    due = next_slot_at + (row["grace_s"] or 0)
    slots = {job.slot_at: slot_at, job.next_slot_at: next_slot_at}
    job.update({**slots, job.due_at: due, job.judge_at: due}).where(job.id == row["id"]).execute()


def go_on_failing(tx: Transaction, known: Job, other: Job, newest: Job) -> None:
    """Have `known` failing since its other spelling was; `newest` of both says whether it is."""
    failing_at = known.failing_at or other.failing_at
    failed_at = None if failing_at else known.failed_at or other.failed_at
    if failing_at is None and failed_at is None:
        return
    job = tx.tables.job
    worked_at = None if newest.failures else newest.worked_at or newest.last_seen_at
    change = {job.failing_at: failing_at, job.failed_at: failed_at, job.worked_at: worked_at}
    job.update(change).where(job.id == known.id).execute()


def rename(tx: Transaction, one: Job, account: str, cronname: str, gateway: str) -> None:
    """Give a job these names, and let the gateway that it named have this one."""
    job, change = tx.tables.job, tx.tables.change
    if gateway != one.gateway:
        job.update({job.gateway: gateway}).where(job.id == one.id).execute()
    if (account, cronname) == (one.account, one.cronname):
        return
    names = {job.account: account, job.cronname: cronname}
    job.update(names).where(job.id == one.id).execute()
    # No trigger counts a change of name.
    missing = int(one.missed_at is not None)
    counts = [(one.account, -1), (account, 1)]
    change.insert(
        [{"account": name, "jobs": count, "missing": count * missing} for name, count in counts]
    ).execute()


def go_on_missing(tx: Transaction, job_id: int, missed_at: int, back_at: int | None) -> None:
    """Have a job missing since `missed_at`, if it isn't, and back at `back_at`, None: not yet."""
    job = tx.tables.job
    change = {
        job.missed_at: fn.COALESCE(job.missed_at, missed_at),
        job.back_at: back_at,
        job.reprieve: None,
    }
    job.update(change).where(job.id == job_id).execute()


def forget(store: Store, account: str, cronname: str) -> None:
    """Remove a job, found as `find` does, with its episodes and news. Raises UnknownJob."""
    store.write(lambda tx: remove(tx, [jobs.find(store, account, cronname).id]))


def forget_account(store: Store, account: str, never_heard_since: int | None = None) -> int:
    """Remove the jobs of an account with their episodes and news; return how many they were.

    With `never_heard_since` only those that checked in last, or were declared, before it. Others
    are let in again and again meanwhile. Raises UnknownJob where the account has no job at all.
    """
    job = store.tables.job
    account = jobs.known_account(store, account)
    mine = job.account == account
    if not job.select(job.id).where(mine).exists():
        raise UnknownJob(account, "no job of this account", "see `gocron jobs list`")
    if never_heard_since is not None:
        mine &= job.last_seen_at < never_heard_since
    is_site = fn.COALESCE(job.site, False)
    forgotten = 0
    # Gateways come last: who is behind them, and is to be forgotten too, must not be judged now.
    for some in (mine & ~is_site, mine & is_site):
        while count := store.write(partial(_forget_some, which=some)):
            forgotten += count
            store.give_way()
    return forgotten


def _forget_some(tx: Transaction, which: Any) -> int:
    job = tx.tables.job
    some = job.select(job.id).where(which).order_by(job.account, job.cronname)
    some = some.limit(FORGOTTEN_AT_ONCE)
    # Locked in the order of all writers; a job that was heard meanwhile stays. What another
    # transaction holds is waited for once nothing else is left.
    return remove(tx, [row["id"] for row in list(tx.locked_if_free(some)) or tx.locked(some)])


def remove(tx: Transaction, ids: Sequence[int]) -> int:
    """Remove jobs with their episodes and news; return how many there were."""
    job = tx.tables.job
    removed: int = job.delete().where(job.id.in_(ids)).execute()
    return removed

"""What a clock that was ahead left behind, and how it is put right once the clock is."""

from collections.abc import Sequence
from typing import Any

from peewee import Case, chunked, fn

from gocron.core.door import CLOCKS_DIFFER_S
from gocron.store.database import ROWS_A_STATEMENT, Store


def was_ahead(store: Store, now: int) -> bool:
    """Tell whether a front's clock was ahead for a while, and is right again at `now`.

    A life that began later tells so. Where the last sign of any host is ahead, nobody knows
    whose clock is wrong, and nothing is touched.
    """
    presence = store.tables.presence
    ahead = presence.select(presence.id).where(presence.until_at > now + CLOCKS_DIFFER_S)
    if not list(ahead.limit(1)):
        return False
    newest = presence.select(fn.MAX(presence.id)).group_by(presence.host)
    last_signs = presence.select(presence.until_at).where(presence.id.in_(newest))
    last_sign_at: int = max(row["until_at"] for row in last_signs)
    return abs(last_sign_at - now) <= CLOCKS_DIFFER_S


def bring_back(store: Store, now: int) -> int:
    """Let nothing lie ahead of `now`; return since when it is to be found out how the door stood.

    Part of the caller's transaction. What was heard by the wrong clock counts as heard now.
    Outages of gocron's own that it made up are forgotten, with what they excused.
    """
    presence, silence, moved = store.tables.presence, store.tables.silence, store.tables.moved
    presence.delete().where(presence.until_at > now + CLOCKS_DIFFER_S).execute()
    silence.update({silence.ended_at: now}).where(silence.ended_at > now).execute()
    moved.update({moved.until_at: now}).where(moved.until_at > now).execute()
    outage = store.tables.outage
    wrong = list(outage.select().where((outage.ended_at > now) | (outage.began_at > now)))
    own_began: list[int] = [row["began_at"] for row in wrong if row["site_id"] is None]
    unreal = [row for row in wrong if row["site_id"] is None or row["began_at"] >= now]
    outage.delete().where(outage.id.in_([row["id"] for row in unreal])).execute()
    outage.update({outage.ended_at: now}).where(outage.ended_at > now).execute()
    outage.update({outage.noticed_at: now}).where(outage.noticed_at > now).execute()
    _bring_jobs_back(store, [row["id"] for row in wrong], now)
    return min([now, *own_began])


def _bring_jobs_back(store: Store, wrong: Sequence[int], now: int) -> None:
    """Have the jobs heard ahead heard now, and all that are not told of judged again."""
    job = store.tables.job
    is_ahead = job.last_seen_at > now + CLOCKS_DIFFER_S
    rows = store.locked(
        job.select(job.id)
        .where(is_ahead | job.reprieve.is_null(False))
        .order_by(job.account, job.cronname)
    )
    excuse = (job.reprieve, job.excused_until, job.excused_by)
    due_at = Case(
        None, [(is_ahead, now + job.frequency_s + fn.COALESCE(job.grace_s, 0))], job.due_at
    )
    heard: dict[Any, Any] = {
        job.last_seen_at: Case(None, [(is_ahead, now)], job.last_seen_at),
        job.due_at: due_at,
        job.judge_at: due_at,
        job.back_at: Case(None, [(job.back_at > now, now)], job.back_at),
    }
    for ids in chunked([row["id"] for row in rows], ROWS_A_STATEMENT):
        unexcused = job.id.in_(ids) & (is_ahead | job.excused_by.in_(wrong))
        job.update(dict.fromkeys(excuse)).where(unexcused).execute()
        job.update(heard).where(job.id.in_(ids)).execute()

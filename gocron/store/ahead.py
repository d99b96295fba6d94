"""What a clock that was wrong for a while left behind, and how it is put right."""

from functools import reduce
from operator import or_
from typing import Any

from peewee import Case, fn

from gocron.core.door import CLOCKS_DIFFER_S, SHUT_AFTER_S
from gocron.core.job import REPRIEVES
from gocron.store import jobs
from gocron.store.database import Store

# Of so many lives it is asked whether a clock was behind in one of them.
LIVES_ASKED = 50

# A clock that jumped longer ago than this was seen to, or never will be.
JUMPED_WITHIN_S = 86_400


def agrees(store: Store, now: int) -> bool:
    """Tell whether the last sign of the fronts was given at about `now`; True without any sign."""
    presence = store.tables.presence
    newest = presence.select(fn.MAX(presence.id)).group_by(presence.host)
    last_signs = presence.select(presence.until_at).where(presence.id.in_(newest))
    last_sign_at: int = max((row["until_at"] for row in last_signs), default=now)
    return abs(last_sign_at - now) <= CLOCKS_DIFFER_S


def was_ahead(store: Store, now: int) -> bool:
    """Tell whether a front's clock was ahead for a while, and is right again at `now`.

    A life that began later tells so. Where the last sign of any host is ahead, nobody knows
    whose clock is wrong, and nothing is touched.
    """
    presence = store.tables.presence
    ahead = presence.select(presence.id).where(presence.until_at > now + CLOCKS_DIFFER_S)
    return bool(list(ahead.limit(1))) and agrees(store, now)


def bring_back(store: Store, now: int) -> int:
    """Let nothing lie ahead of `now`; return since when it is to be found out how the door stood.

    Part of the caller's transaction. What was heard by the wrong clock counts as heard when it
    was put right. Outages of gocron's own that it made up are forgotten, with what they excused.
    While another transaction holds a job's row, the signs stay, and the next sweep comes back.
    """
    presence, silence, moved = store.tables.presence, store.tables.silence, store.tables.moved
    right_at = _right_at(store, now)
    silence.update({silence.ended_at: right_at}).where(silence.ended_at > now).execute()
    moved.update({moved.until_at: right_at}).where(moved.until_at > now).execute()
    outage = store.tables.outage
    wrong = list(outage.select().where((outage.ended_at > now) | (outage.began_at > now)))
    own_began: list[int] = [row["began_at"] for row in wrong if row["site_id"] is None]
    # That a site is down is so by any clock.
    unreal = [
        row["id"]
        for row in wrong
        if row["site_id"] is None or (row["began_at"] >= right_at and row["ended_at"] is not None)
    ]
    outage.delete().where(outage.id.in_(unreal)).execute()
    for column in (outage.began_at, outage.ended_at, outage.noticed_at):
        outage.update({column: right_at}).where(column > now).execute()
    job = store.tables.job
    if _hear(store, job.last_seen_at > now + CLOCKS_DIFFER_S, right_at, now):
        presence.delete().where(presence.until_at > now + CLOCKS_DIFFER_S).execute()
    return min([now, *own_began])


def _right_at(store: Store, now: int) -> int:
    """Return when the clock was right again: the first life after those that lie ahead began."""
    presence = store.tables.presence
    ahead = presence.select(fn.MAX(presence.id)).where(presence.until_at > now + CLOCKS_DIFFER_S)
    after = presence.select().where(presence.id > ahead).order_by(presence.id).limit(1)
    return min([now, *(int(life["began_at"]) for life in after)])


def hear_late(store: Store, now: int) -> None:
    """Let what was heard by a clock that was behind count as heard when it was put right.

    Part of the caller's transaction. A front knows by how much its clock jumped forth; that its
    host had given later signs before tells that it was wrong until then, and not since.
    """
    presence, job = store.tables.presence, store.tables.job
    has_jumped = (presence.until_at >= now - JUMPED_WITHIN_S) & (
        presence.jumped_s > CLOCKS_DIFFER_S
    )
    jumped = list(presence.select().where(has_jumped))
    if not jumped or not agrees(store, now):
        return
    found = list(presence.select().order_by(presence.id.desc()).limit(LIVES_ASKED))
    for life in jumped:
        jumped_at = life["began_at"] - life["jumped_s"]
        before = [one for one in found if one["host"] == life["host"] and one["id"] < life["id"]]
        if not any(jumped_at + CLOCKS_DIFFER_S < one["until_at"] <= now for one in before):
            continue
        wrong = [one for one in before if abs(one["until_at"] - jumped_at) <= SHUT_AFTER_S]
        heard = [job.last_seen_at.between(one["began_at"], jumped_at) for one in wrong]
        if wrong and not _hear(store, reduce(or_, heard), life["began_at"], now):
            continue
        presence.delete().where(presence.id.in_([one["id"] for one in wrong])).execute()
        # It was put right, and nobody else is late by it.
        presence.update({presence.jumped_s: 0}).where(presence.id == life["id"]).execute()


def _hear(store: Store, wrongly_heard: Any, right_at: int, now: int) -> bool:
    """Have those jobs heard at `right_at`, and all that are not told of judged again.

    Excuses were worked out by the wrong clock: they are worked out anew, of the outages that
    are left. Tell whether that were all: a row that another transaction holds is left out.
    """
    job = store.tables.job
    due_at = Case(
        None,
        [(wrongly_heard, right_at + job.frequency_s + fn.COALESCE(job.grace_s, 0))],
        job.due_at,
    )
    change: dict[Any, Any] = {
        **dict.fromkeys((job.reprieve, job.excused_until, job.excused_by)),
        job.last_seen_at: Case(None, [(wrongly_heard, right_at)], job.last_seen_at),
        job.due_at: due_at,
        job.judge_at: due_at,
        job.back_at: Case(None, [(job.back_at > now, right_at)], job.back_at),
    }
    spared = job.reprieve.in_([one.value for one in REPRIEVES])
    return jobs.change_free(store, wrongly_heard | spared, change)

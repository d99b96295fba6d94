"""What the clock, while it was wrong for a while, left behind, and how it is put right."""

from functools import reduce
from operator import or_
from sys import maxsize

from peewee import fn

from gocron.core.own_outage import JUMP_S, SHUT_AFTER_S
from gocron.store import job_row
from gocron.store.database import Store, Transaction

# Of so many lives it is asked whether a clock was behind in one of them.
LIVES_ASKED = 50

# A clock that jumped longer ago than this was seen to, or never will be.
JUMPED_WITHIN_S = 86_400

# What is stamped when it happens, and would be of no effect until the clock gets there.
STAMPS = (
    ("silence", "ended_at"),
    ("moved", "until_at"),
    ("outage", "began_at"),
    ("outage", "ended_at"),
    ("outage", "noticed_at"),
    ("redeclaration", "queued_at"),
    ("journal", "settled_at"),
)


def was_ahead(store: Store, now: int, open_at: int | None) -> bool:
    """Tell whether the clock was ahead for a while, and has been put back at `now`.

    What lies ahead tells so: a sign of a front, or a sweep's look at `open_at`. Where there are
    such signs, a front must have given one since: until then nothing is touched.
    """
    presence = store.tables.presence

    def given(since: int, until: int) -> bool:
        mine = presence.until_at.between(since, until)
        return bool(list(presence.select(presence.id).where(mine).limit(1)))

    if given(now + JUMP_S + 1, maxsize):
        return given(now - JUMP_S, now + JUMP_S)
    return open_at is not None and open_at > now + JUMP_S


def bring_back(tx: Transaction, now: int) -> int:
    """Let nothing lie ahead of `now`; return since when it is to be found out who could check in.

    What was heard by the wrong clock counts as heard when it was put right. Outages of gocron's
    own that it made up are forgotten, with what they excused. News that it put off for longer
    than any try waits is due. While another transaction holds a job's row, the signs stay, and
    the next sweep comes back.
    """
    tables, right_at = tx.tables, _right_at(tx.store, now)
    presence, outage, job, news = tables.presence, tables.outage, tables.job, tables.news
    wrong = list(outage.select().where((outage.ended_at > now) | (outage.began_at > now)))
    own_began: list[int] = [row["began_at"] for row in wrong if row["site_id"] is None]
    # That a site is down is so by any clock.
    unreal = [
        row["id"]
        for row in wrong
        if row["site_id"] is None or (row["began_at"] >= right_at and row["ended_at"] is not None)
    ]
    outage.delete().where(outage.id.in_(unreal)).execute()
    for table, name in STAMPS:
        column = getattr(getattr(tables, table), name)
        getattr(tables, table).update({column: right_at}).where(column > now).execute()
    put_off = news.next_try_at > now + JUMP_S
    news.update({news.next_try_at: right_at}).where(put_off).execute()
    if job_row.hear_at(tx, job.last_seen_at > now, right_at, now):
        presence.delete().where(presence.until_at > now).execute()
    return min([now, *own_began])


def _right_at(store: Store, now: int) -> int:
    """Return when the clock was right again: the first life after those that lie ahead began."""
    presence = store.tables.presence
    ahead = presence.select(fn.MAX(presence.id)).where(presence.until_at > now)
    after = presence.select().where(presence.id > ahead).order_by(presence.id).limit(1)
    return min([now, *(int(life["began_at"]) for life in after)])


def stamp_late(tx: Transaction, now: int) -> None:
    """Let what was heard by a clock that was behind count as heard when it was put right.

    A front knows by how much its clock jumped forth; that its host had given later signs before
    tells that it was wrong until then, and not since.
    """
    presence, job = tx.tables.presence, tx.tables.job
    is_recent = presence.until_at >= now - JUMPED_WITHIN_S
    has_jumped = is_recent & (presence.jumped_s > JUMP_S)
    jumped = list(presence.select().where(has_jumped))
    if not jumped:
        return
    found = list(presence.select().order_by(presence.id.desc()).limit(LIVES_ASKED))
    for life in jumped:
        jumped_at = life["began_at"] - life["jumped_s"]
        before = [one for one in found if one["host"] == life["host"] and one["id"] < life["id"]]
        if not any(jumped_at + JUMP_S < one["until_at"] <= now for one in before):
            continue
        wrong = [one for one in before if abs(one["until_at"] - jumped_at) <= SHUT_AFTER_S]
        heard = [job.last_seen_at.between(one["began_at"], jumped_at) for one in wrong]
        if wrong and not job_row.hear_at(tx, reduce(or_, heard), life["began_at"], now):
            continue
        presence.delete().where(presence.id.in_([one["id"] for one in wrong])).execute()
        # The jump is corrected: it must not be applied a second time.
        presence.update({presence.jumped_s: 0}).where(presence.id == life["id"]).execute()

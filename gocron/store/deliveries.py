"""What became of news: what waits too long, what was given up, and how it is tried anew."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import reduce
from operator import or_
from typing import Any

from peewee import JOIN, Case, chunked, fn

from gocron.core.channel import SHARED
from gocron.core.health import GIVEN_UP_SHOWN_S, late_before
from gocron.core.mailbox import mailbox_of, recipients_of
from gocron.core.news import BEGINNINGS, Trouble, Undelivered
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction
from gocron.store.outbox import is_beside, is_open, is_ours

# For so long a sweep complains of news that was given up.
COMPLAINED_OF_S = 86_400


@dataclass(frozen=True)
class Delivery:
    """What became of one piece of news; sent, given up, or (neither) tried again.

    `kind` and `channel` may be those of a later gocron, which wrote it.
    """

    kind: str
    channel: str
    recipient: str
    queued_at: int
    next_try_at: int
    attempts: int
    last_error: str
    sent_at: int | None
    given_up_at: int | None


def of_episode(store: Store, episode_id: int) -> list[Delivery]:
    """Return what became of the news of an episode, in the order in which it was queued."""
    return _deliveries(store, store.tables.news.episode_id == episode_id)


def of_redeclaration(store: Store, redeclaration_id: int) -> list[Delivery]:
    """Return what became of the news that a job declares itself otherwise."""
    return _deliveries(store, store.tables.news.redeclaration_id == redeclaration_id)


def undelivered(store: Store, now: int, interval_s: int) -> list[Undelivered]:
    """Return by recipient the news that waits too long at `now`, and what was given up.

    What waits counts once it was tried in vain, or is older than `interval_s`, whatever holds it.
    What was given up counts for a week; what tells of a silence that lasts, whenever that was.
    """
    return _undelivered(store, now - GIVEN_UP_SHOWN_S, late_before(now, interval_s))


def waiting_or_given_up(store: Store, now: int) -> list[Undelivered]:
    """Return by recipient all news that waits, and what was given up and is no history at `now`."""
    return _undelivered(store, now - GIVEN_UP_SHOWN_S, sys.maxsize)


def count_undelivered(store: Store, now: int, interval_s: int) -> int:
    """Return how many news wait at `now` that were tried in vain, or are older than `interval_s`.

    What a later gocron wrote doesn't count.
    """
    news = store.tables.news
    waits = is_ours(news) & _waits(news, late_before(now, interval_s))
    count: int = news.select(news.id).where(waits).count()
    return count


def _undelivered(store: Store, given_up_since: int, queued_before: int) -> list[Undelivered]:
    news, episode = store.tables.news, store.tables.episode
    later_kind = Case(None, [(is_ours(news), "")], news.kind)
    grouped = (
        news.select(*_sums(news), later_kind.alias("later_kind"))
        .join(episode, JOIN.LEFT_OUTER, on=(episode.id == news.episode_id))
        .group_by(*_by(news), later_kind)
    )
    # Each by its own index: asked for together, all news that ever was is looked through.
    parts = (_waits(news, queued_before), _is_given_up(news, episode, given_up_since))
    found = [Undelivered(**row) for part in parts for row in grouped.where(part)]
    return sorted(found, key=lambda one: (one.queued_at, one.recipient))


def unresolved(store: Store, now: int) -> list[Undelivered]:
    """Return by recipient what was given up within a day and still can't be left at that.

    It can once it is over: the job is back, or declares what it did before. It can once somebody
    else was told, unless the job still names the one who was not. And what was declared anew by
    hand is known to whoever reads the complaint.
    """
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    redeclaration = store.tables.redeclaration
    whose = fn.COALESCE(episode.job_id, redeclaration.job_id)
    is_told = _was_told_to_another(store).alias("is_told")
    query = (
        news.select(*_sums(news), news.kind, job.email, is_told)
        .join(episode, JOIN.LEFT_OUTER, on=(episode.id == news.episode_id))
        .join(redeclaration, JOIN.LEFT_OUTER, on=(redeclaration.id == news.redeclaration_id))
        .join(job, JOIN.LEFT_OUTER, on=(job.id == whose))
        .where(
            is_ours(news)
            & (news.given_up_at > now - COMPLAINED_OF_S)
            & episode.ended_at.is_null()
            & ~fn.COALESCE(_is_by_hand_or_undone(redeclaration, job), False)
        )
        .group_by(*_by(news), news.kind, job.email, is_told)
        .order_by(fn.MAX(news.given_up_at))
    )
    return list(_not_left(query))


def retry(store: Store, recipient: str | None, now: int) -> int:
    """Have news for `recipient` (None: for all) tried at `now`; return how many there are.

    News that waits is tried now, and so is what was given up, unless it is over. What a sweep
    has taken already is left to it, and what has no recipient has to get one first.
    """
    news = store.tables.news
    change = {news.given_up_at: None, news.next_try_at: now}

    def work(tx: Transaction) -> int:
        count = 0
        for some in chunked(_to_be_retried(store, recipient, now, over=False), ROWS_A_STATEMENT):
            mine = news.id.in_(some) & (news.claimed_until <= now)
            count += news.update(change).where(mine).execute()
        return count

    return store.write(work)


def count_over(store: Store, recipient: str | None, now: int) -> int:
    """Return how much news for `recipient` was given up and is not retried, since it is over.

    A job that is back isn't told of as missing; nor, by itself, that it is back, to whom that
    it was missing could not be told.
    """
    return len(_to_be_retried(store, recipient, now, over=True))


def _to_be_retried(store: Store, recipient: str | None, now: int, over: bool) -> list[int]:
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    given_up = _is_given_up(news, episode, now - GIVEN_UP_SHOWN_S)
    begun = news.alias("begun")
    untold = is_beside(news, begun, begun.given_up_at.is_null(False))
    is_missing = episode.kind == Trouble.MISSING.value
    is_back = Case(None, [(is_missing, job.back_at)], job.worked_at)
    is_over = (episode.ended_at.is_null(False) | is_back.is_null(False)) & untold
    has_address = (news.recipient != "") | news.channel.in_(SHARED)
    wanted = given_up & (is_over if over else ~is_over)
    query = (
        news.select(news.id, news.recipient)
        .join(episode, JOIN.LEFT_OUTER, on=(episode.id == news.episode_id))
        .join(job, JOIN.LEFT_OUTER, on=(job.id == episode.job_id))
        .where(is_ours(news) & has_address & (news.claimed_until <= now))
        .where(wanted if over else is_open(news) | wanted)
        .order_by(news.id)
    )
    return [
        row["id"]
        for row in query
        if recipient is None or mailbox_of(row["recipient"]) == mailbox_of(recipient)
    ]


def _deliveries(store: Store, which: Any) -> list[Delivery]:
    news = store.tables.news
    columns = [getattr(news, field.name) for field in fields(Delivery)]
    return [Delivery(**row) for row in news.select(*columns).where(which).order_by(news.id)]


def _by(news: Any) -> list[Any]:
    """The columns by which news that was not delivered is told of."""
    return [news.channel, news.recipient, news.last_error]


def _sums(news: Any) -> list[Any]:
    return [
        *_by(news),
        fn.COUNT(news.id).alias("count"),
        fn.MIN(news.queued_at).alias("queued_at"),
        fn.MAX(news.attempts).alias("attempts"),
        fn.MIN(news.next_try_at).alias("next_try_at"),
        fn.MAX(news.given_up_at).alias("given_up_at"),
    ]


def _waits(news: Any, queued_before: int) -> Any:
    return is_open(news) & ((news.last_error != "") | (news.queued_at < queued_before))


def _is_given_up(news: Any, episode: Any, since: int) -> Any:
    """True of what was given up since then, or tells of a silence that lasts."""
    lasts = episode.id.is_null(False) & episode.ended_at.is_null()
    return news.given_up_at.is_null(False) & ((news.given_up_at >= since) | lasts)


def _was_told_to_another(store: Store) -> Any:
    """True of news that somebody else was told, of the same episode, outage or redeclaration."""
    news = store.tables.news
    other = news.alias("other")
    sent = (other.kind == news.kind) & other.sent_at.is_null(False)
    # Each by its own index.
    return reduce(
        or_,
        (
            fn.EXISTS(other.select(other.id).where(sent & (subject == of_news)))
            for subject, of_news in (
                (other.episode_id, news.episode_id),
                (other.outage_id, news.outage_id),
                (other.redeclaration_id, news.redeclaration_id),
            )
        ),
    )


def _is_by_hand_or_undone(redeclaration: Any, job: Any) -> Any:
    """True where `gocron jobs add` declared a job anew, or it declares again what it did before."""
    allowance_s = job.frequency_s + fn.COALESCE(job.grace_s, 0)
    allowance_before_s = redeclaration.frequency_before_s + redeclaration.grace_before_s
    return (redeclaration.address == "") | (
        (job.email == redeclaration.email_before)
        & (allowance_s <= allowance_before_s)
        & (fn.COALESCE(job.site, False) <= redeclaration.site_before)
    )


def _not_left(rows: Iterable[dict[str, Any]]) -> Iterator[Undelivered]:
    for row in rows:
        kind, email, is_told = row.pop("kind"), row.pop("email"), row.pop("is_told")
        # As it is spelled: a server may know the mailbox by another spelling only.
        is_named = kind in BEGINNINGS and row["recipient"] in recipients_of(email)
        if is_named or not is_told:
            yield Undelivered(**row)

"""What became of news: what waits too long, what was given up, and how it is tried anew."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from peewee import JOIN, Case, fn

from gocron.core.health import GIVEN_UP_SHOWN_S, late_before
from gocron.core.job import Channel, Undelivered
from gocron.core.mailbox import mailbox_of, recipients_of
from gocron.store.database import Store
from gocron.store.outbox import is_open, is_ours

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

    It can once the job is back, or tells somebody else: then he has the news.
    """
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    redeclaration = store.tables.redeclaration
    whose = fn.COALESCE(episode.job_id, redeclaration.job_id)
    query = (
        news.select(*_sums(news), job.email)
        .join(episode, JOIN.LEFT_OUTER, on=(episode.id == news.episode_id))
        .join(redeclaration, JOIN.LEFT_OUTER, on=(redeclaration.id == news.redeclaration_id))
        .join(job, JOIN.LEFT_OUTER, on=(job.id == whose))
        .where(
            is_ours(news) & (news.given_up_at > now - COMPLAINED_OF_S) & episode.ended_at.is_null()
        )
        .group_by(*_by(news), job.email)
        .order_by(fn.MAX(news.given_up_at))
    )
    return list(_not_left(query))


def retry(store: Store, recipient: str | None, now: int) -> int:
    """Have news for `recipient` (None: for all) tried at `now`; return how many there are.

    News that waits is tried now, and so is what was given up. What a sweep has taken already
    is left to it, and what has no recipient has to get one first.
    """
    news, episode = store.tables.news, store.tables.episode
    given_up = _is_given_up(news, episode, now - GIVEN_UP_SHOWN_S)
    has_address = (news.recipient != "") | (news.channel != Channel.MAIL.value)
    which = is_ours(news) & has_address & (is_open(news) | given_up) & (news.claimed_until <= now)
    if recipient is not None:
        which &= fn.LOWER(news.recipient) == recipient.lower()
    ids = (
        news.select(news.id)
        .join(episode, JOIN.LEFT_OUTER, on=(episode.id == news.episode_id))
        .where(which)
    )
    change = {news.given_up_at: None, news.next_try_at: now}
    count: int = store.write(lambda: news.update(change).where(news.id.in_(ids)).execute())
    return count


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


def _not_left(rows: Iterable[dict[str, Any]]) -> Iterator[Undelivered]:
    for row in rows:
        email = row.pop("email")
        # News of gocron itself is of no job.
        told = None if email is None else recipients_of(email) or ("",)
        if told is None or mailbox_of(row["recipient"]) in map(mailbox_of, told):
            yield Undelivered(**row)

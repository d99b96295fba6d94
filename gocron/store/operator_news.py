"""Outages of gocron's own become news for the operator."""

import uuid
from typing import Any

from peewee import fn

from gocron.core.channel import Traits
from gocron.core.news import Kind
from gocron.core.outage import OwnOutage
from gocron.core.own_outage import SAME_OUTAGE_S
from gocron.store.database import Store, Transaction
from gocron.store.news import news_row, queue_news
from gocron.store.outages import as_outage

# Later than this an outage is no news.
NEWS_FOR_S = 7 * 86_400


def queue(store: Store, operator: str, now: int, channel: Traits) -> None:
    """Queue news for `operator`, to go by `channel`, of gocron's own outages that are over.

    An outage is over once no other that follows can be part of it. If another, found later,
    is part of it, the whole is told again, once no sweep is sending what was known before. Where
    an operator's address was given up, the one that took its place is told.
    """
    outage, news = store.tables.outage, store.tables.news
    lately = outage.site_id.is_null() & (outage.ended_at > now - NEWS_FOR_S)
    is_over = outage.ended_at < now - SAME_OUTAGE_S
    # `told_at` and `claimed_until` are what the version before goes by: nobody tells twice.
    is_untold = outage.told_at.is_null() & (outage.claimed_until <= now)
    of_it = news.select(news.id).where(news.outage_id == outage.id)
    untold = outage.select(outage.id).where(lately & is_over & is_untold)
    was_given_up = fn.EXISTS(of_it.where(news.given_up_at.is_null(False)))
    has_mine = fn.EXISTS(of_it.where(news.recipient == operator))
    moved = outage.select(outage.id).where(lately & was_given_up & ~has_mine)

    def work(tx: Transaction) -> None:
        for row in list(tx.locked(untold.order_by(outage.id))):
            mine = news.outage_id == row["id"]
            news.delete().where(mine & ~_is_being_sent(news, now)).execute()
            if news.select(news.id).where(mine).exists():
                continue
            outage.update({outage.told_at: now}).where(outage.id == row["id"]).execute()
            queue_news(tx, [_row(row["id"], operator, now, channel)])
        queue_news(tx, [_row(row["id"], operator, now, channel) for row in list(moved)])

    if untold.exists() or moved.exists():
        store.write(work)


def withdraw(tx: Transaction, now: int) -> None:
    """Take back news of outages that went on since it was queued, but for what is being sent.

    Or the operator would hear that it's over while it lasts.
    """
    outage, news = tx.tables.outage, tx.tables.news
    went_on = outage.select(outage.id).where(outage.site_id.is_null() & outage.told_at.is_null())
    stale = _is_open(news) & ~_is_being_sent(news, now) & news.outage_id.in_(went_on)
    news.delete().where(stale).execute()


def _is_open(news: Any) -> Any:
    return news.sent_at.is_null() & news.given_up_at.is_null()


def _is_being_sent(news: Any, now: int) -> Any:
    """True of news that a sweep has claimed."""
    return _is_open(news) & (news.claimed_until > now)


def of_digest(store: Store, key: str) -> OwnOutage | None:
    """Return the outage of gocron's own that the digest `key` has to tell of."""
    outage, news = store.tables.outage, store.tables.news
    query = (
        outage.select()
        .join(news, on=(news.outage_id == outage.id))
        .where((news.digest == key) & _is_open(news))
        .limit(1)
    )
    return next((OwnOutage(as_outage(row), row["excused"]) for row in query), None)


def _row(outage_id: int, operator: str, now: int, channel: Traits) -> dict[str, Any]:
    # The key is there from the start: the version before must not take it into its own digest.
    subject = {"outage_id": outage_id, "digest": uuid.uuid4().hex}
    return news_row(Kind.OUTAGE, channel.name, operator, now, **subject)

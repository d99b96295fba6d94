"""A digest that a server refuses for what it holds, in parts with keys of their own."""

import uuid
from collections.abc import Sequence
from typing import Any

from peewee import chunked

from gocron.core.news import Digest
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction
from gocron.store.outbox import LEASE_S, Waiting, is_open, is_ours


def split(store: Store, digest: Digest, claimed_at: int, now: int, error: str) -> list[Waiting]:
    """Make two digests of one of several jobs, each due at `now`; return them in its order.

    What is told of one job stays together. All is one transaction: a sweep that is killed has
    sent the parts or left them to the next one, and no part goes out by two keys. Where
    another sweep has claimed `digest` since `claimed_at`, nothing is done and none returned.
    """
    news = store.tables.news
    first = set(digest.jobs[: len(digest.jobs) // 2])
    mine = [item.id for item in digest.news if item.name in first]
    others = [one.id for one in digest.redeclarations if one.name in first]
    keys = uuid.uuid4().hex, uuid.uuid4().hex

    def work(tx: Transaction) -> bool:
        change = {
            news.digest: keys[1],
            news.next_try_at: now,
            news.claimed_until: 0,
            news.last_error: error,
            # The claim of a part counts it again.
            news.attempts: news.attempts - 1,
        }
        claimed = _is_open(news, digest.key) & (news.next_try_at == claimed_at + LEASE_S)
        if not news.update(change).where(claimed).execute():
            return False
        for column, ids in ((news.id, mine), (news.redeclaration_id, others)):
            for some in chunked(ids, ROWS_A_STATEMENT):
                moved = (news.digest == keys[1]) & column.in_(some)
                news.update({news.digest: keys[0]}).where(moved).execute()
        return True

    if not store.write(work):
        return []
    return [Waiting(digest.channel, digest.recipient, key) for key in keys]


def join(store: Store, digest: Digest, parts: Sequence[Waiting], now: int) -> None:
    """Put `parts` that nobody was asked to take back into `digest`, a part of the same.

    All of it is due at `now`. A part that another sweep has claimed meanwhile stays its own.
    """
    news = store.tables.news

    def work(tx: Transaction) -> None:
        change = {
            news.next_try_at: now,
            news.claimed_until: 0,
            news.attempts: news.attempts - 1,
        }
        news.update(change).where(_is_open(news, digest.key)).execute()
        for part in parts:
            unclaimed = _is_open(news, part.key) & (news.next_try_at <= now)
            news.update({news.digest: digest.key}).where(unclaimed).execute()

    store.write(work)


def _is_open(news: Any, key: str | None) -> Any:
    return (news.digest == key) & is_ours(news) & is_open(news)

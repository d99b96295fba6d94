"""News of any kind is queued in one way."""

from collections.abc import Iterable
from typing import Any

from peewee import chunked

from gocron.core.news import Kind
from gocron.store.database import ROWS_A_STATEMENT, Transaction


def news_row(kind: Kind, channel: str, recipient: str, now: int, **more: Any) -> dict[str, Any]:
    """Return news that is due at `now`; `more` are its other columns, its subject among them."""
    told = {"kind": kind.value, "channel": channel, "recipient": recipient}
    return {**told, "queued_at": now, "next_try_at": now, **more}


def queue_news(tx: Transaction, rows: Iterable[dict[str, Any]]) -> None:
    """Queue `rows`; what is queued already stays as it is."""
    for some in chunked(rows, ROWS_A_STATEMENT):
        tx.tables.news.insert(some).on_conflict("IGNORE").execute()

"""Jobs that declare themselves otherwise: their former recipients are told.

A trigger on the job's row notes what was declared before, whoever changes it.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from peewee import Value, chunked, fn

from gocron.core.channel import ADDRESSED, Traits
from gocron.core.job import Job
from gocron.core.mailbox import mailbox_of, recipients_of
from gocron.core.news import BEGINNINGS, Kind
from gocron.core.redeclaration import Declaration, Redeclaration, is_news
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction
from gocron.store.news import news_row, queue_news

# Two hosts that check in by turns under one name would fill mailboxes otherwise.
TOLD_ONCE_IN_S = 86_400

# What one transaction takes is one mail to each recipient: enough for a fleet.
BATCH = 5000


def queue(store: Store, now: int, channel: Traits) -> None:
    """Make news, to go by `channel`, of what was declared anew since the last time.

    A job is told of once a day at most: what follows waits until then, and is compared with
    what the job declares by then. What comes to nothing is no news. An address that a job got
    while it is missing or fails is told so at once, and so is one that it got instead of an
    address that was given up, whenever that was.
    """
    for some in chunked(_given_up_and_mended(store), ROWS_A_STATEMENT):
        store.write(partial(_tell_new_recipients, job_ids=some, now=now))
    after = 0
    while ids := _open_ids(store, after):
        store.write(partial(_queue_some, ids=ids, now=now, channel=channel))
        after = ids[-1]


def by_hand(tx: Transaction, job: Job, now: int) -> None:
    """Keep that it was no check-in that changed `job` just now."""
    table = tx.tables.redeclaration
    table.update({table.address: "", table.changed_at: now}).where(
        (table.job_id == job.id) & table.queued_at.is_null()
    ).execute()


def tell_former(
    tx: Transaction, told: Sequence[tuple[int, Sequence[str]]], now: int, channel: Traits
) -> None:
    """Queue news of redeclarations, as (id, recipients)."""
    # The key is there from the start: one message to each recipient, and no version that knows
    # nothing of this kind takes it into a digest of its own.
    keys: dict[str, str] = defaultdict(lambda: uuid.uuid4().hex)
    rows = [
        news_row(
            *(Kind.REDECLARED, channel.name, recipient, now),
            redeclaration_id=redeclaration_id,
            digest=keys[mailbox_of(recipient)],
        )
        for redeclaration_id, recipients in told
        for recipient in recipients
    ]
    queue_news(tx, rows)


def of_digest(store: Store, key: str) -> tuple[Redeclaration, ...]:
    """Return the redeclarations that the digest `key` has to tell of, by account and cronname."""
    table, news, job = store.tables.redeclaration, store.tables.news, store.tables.job
    query = (
        table.select(*_columns(table), job.account, job.cronname)
        .join(news, on=(news.redeclaration_id == table.id))
        .join(job, on=(job.id == table.job_id))
        .where((news.digest == key) & news.sent_at.is_null() & news.given_up_at.is_null())
        .order_by(job.account, job.cronname, table.id)
    )
    return tuple(_redeclaration(row) for row in query)


def of_job(store: Store, job: Job, limit: int) -> list[Redeclaration]:
    """Return the newest `limit` redeclarations of `job` that became news, the newest first."""
    table, mine = store.tables.redeclaration, store.tables.job
    query = (
        table.select(*_columns(table), mine.account, mine.cronname)
        .join(mine, on=(mine.id == table.job_id))
        .where((table.job_id == job.id) & table.queued_at.is_null(False))
        .order_by(table.id.desc())
        .limit(limit)
    )
    return [_redeclaration(row) for row in query]


def drop_before(store: Store, before: int) -> None:
    """Remove what became news before `before`."""
    table = store.tables.redeclaration
    store.write(lambda tx: table.delete().where(table.queued_at < before).execute())


def _open_ids(store: Store, after: int) -> list[int]:
    table = store.tables.redeclaration
    query = (
        table.select(table.id)
        .where(table.queued_at.is_null() & (table.id > after))
        .order_by(table.id)
        .limit(BATCH)
    )
    return [row["id"] for row in query]


def _queue_some(tx: Transaction, ids: Sequence[int], now: int, channel: Traits) -> None:
    table = tx.tables.redeclaration
    # Without the jobs' rows: a check-in locks its job first, and this row after it.
    still_open = table.id.in_(list(ids)) & table.queued_at.is_null()
    locked = tx.locked_if_free(table.select(table.id).where(still_open).order_by(table.id))
    rows = _with_jobs(tx.store, [row["id"] for row in locked], now)
    for some in chunked([row["job_id"] for row in rows if row["is_wrong"]], ROWS_A_STATEMENT):
        _tell_new_recipients(tx, some, now)
    told: list[dict[str, Any]] = []
    void: list[dict[str, Any]] = []
    for row in rows:
        if row["told_lately"]:
            continue
        # While nobody has checked in for a job, whoever declared it may declare it anew.
        matters = row["heard_from"] and is_news(_before(row), _now(row))
        (told if matters else void).append(row)
    table.delete().where(table.id.in_([row["id"] for row in void])).execute()
    for row in told:
        _keep_what_is_told(tx, row, now)
    former = [(row["id"], channel.recipients(_before(row).recipients)) for row in told]
    tell_former(tx, former, now, channel)


def _with_jobs(store: Store, ids: Sequence[int], now: int) -> list[dict[str, Any]]:
    """Return these redeclarations with what their jobs declare now."""
    table, job = store.tables.redeclaration, store.tables.job
    other = table.alias("other")
    told_lately = fn.EXISTS(
        other.select(other.id).where(
            (other.job_id == table.job_id) & (other.queued_at > now - TOLD_ONCE_IN_S)
        )
    )
    is_missing = job.missed_at.is_null(False) & job.back_at.is_null()
    is_failing = job.failing_at.is_null(False) & job.worked_at.is_null()
    query = (
        table.select(
            *_columns(table),
            table.job_id,
            job.email,
            job.frequency_s,
            job.grace_s,
            job.site,
            job.address.alias("heard_from"),
            (is_missing | is_failing).alias("is_wrong"),
            told_lately.alias("told_lately"),
        )
        .join(job, on=(job.id == table.job_id))
        .where(table.id.in_(list(ids)))
        .order_by(table.id)
    )
    return list(query)


def _given_up_and_mended(store: Store) -> list[int]:
    """Return the jobs whose episode lasts, and of which an address was given up.

    That is one that they don't name any more.
    """
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    find = fn.STRPOS if store.is_postgres else fn.INSTR
    listed = Value(",").concat(fn.REPLACE(job.email, " ", "")).concat(",")
    is_named = find(listed, Value(",").concat(news.recipient).concat(",")) > 0
    query = (
        job.select(job.id)
        .distinct()
        .join(episode, on=(episode.job_id == job.id))
        .join(news, on=(news.episode_id == episode.id))
        .where(
            news.given_up_at.is_null(False)
            & episode.ended_at.is_null()
            & news.kind.in_(BEGINNINGS)
            & (job.email != "")
            & ~is_named
        )
        .order_by(job.id)
    )
    return [row["id"] for row in query]


def _tell_new_recipients(tx: Transaction, job_ids: Sequence[int], now: int) -> None:
    """Queue that these jobs are missing, or fail, for addresses that they got since that began.

    Only where the channel that tells of the episode has recipients. Whoever has the news already
    doesn't get it again; where it was given up, his mailbox in another spelling may take it.
    """
    news, episode, job = tx.tables.news, tx.tables.episode, tx.tables.job
    query = (
        episode.select(
            *(episode.id, job.email),
            *(news.kind, news.channel, news.recipient, news.given_up_at),
        )
        .join(job, on=(job.id == episode.job_id))
        .join(news, on=(news.episode_id == episode.id))
        .where(
            job.id.in_(list(job_ids))
            & episode.ended_at.is_null()
            & news.kind.in_(BEGINNINGS)
            & news.channel.in_(ADDRESSED)
        )
        .order_by(episode.id)
    )
    told: dict[tuple[int, str, str, str], set[str]] = defaultdict(set)
    for row in query:
        have_it = told[row["id"], row["kind"], row["channel"], row["email"]]
        if row["given_up_at"] is None:
            have_it.add(mailbox_of(row["recipient"]))
    rows = [
        news_row(Kind(kind), channel, recipient, now, episode_id=episode_id)
        for (episode_id, kind, channel, email), have_it in told.items()
        for recipient in recipients_of(email)
        if mailbox_of(recipient) not in have_it
    ]
    queue_news(tx, rows)


def _keep_what_is_told(tx: Transaction, row: dict[str, Any], now: int) -> None:
    table, declared = tx.tables.redeclaration, _now(row)
    change = {
        table.email_after: declared.email,
        table.frequency_after_s: declared.frequency_s,
        table.grace_after_s: declared.grace_s,
        table.site_after: declared.site,
        table.queued_at: now,
    }
    table.update(change).where(table.id == row["id"]).execute()


def _columns(table: Any) -> list[Any]:
    names = ("id", "address", "changed_at")
    sides = [
        f"{name}_{side}{unit}"
        for side in ("before", "after")
        for name, unit in (("email", ""), ("frequency", "_s"), ("grace", "_s"), ("site", ""))
    ]
    return [getattr(table, name) for name in (*names, *sides)]


def _redeclaration(row: dict[str, Any]) -> Redeclaration:
    names = ("id", "account", "cronname", "address", "changed_at")
    return Redeclaration(
        **{name: row[name] for name in names}, before=_before(row), after=_side(row, "after")
    )


def _before(row: dict[str, Any]) -> Declaration:
    return _side(row, "before")


def _side(row: dict[str, Any], side: str) -> Declaration:
    return Declaration(
        row[f"email_{side}"],
        row[f"frequency_{side}_s"],
        row[f"grace_{side}_s"],
        bool(row[f"site_{side}"]),
    )


def _now(row: dict[str, Any]) -> Declaration:
    return Declaration(row["email"], row["frequency_s"], row["grace_s"] or 0, bool(row["site"]))

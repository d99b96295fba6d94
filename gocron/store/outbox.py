"""The outbox: news waits here until its recipient's server took it."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import JOIN, Case, fn

from gocron.core.channel import CHANNELS, Traits
from gocron.core.mailbox import mailbox_of
from gocron.core.news import BEGINNINGS, ENDS, Digest, Kind, News
from gocron.core.turns import in_turns
from gocron.store import episodes, operator_news, redeclarations, runs
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction
from gocron.store.news import news_row, queue_news

# A sweep that was killed while it delivered holds its digest no longer than this. It is
# longer than a delivery lasts, or another sweep would send the same mail meanwhile.
LEASE_S = 300

RETRY_FIRST_S = 60
RETRY_MOST_S = 300


@dataclass(frozen=True)
class Waiting:
    """What may be claimed: a digest by its key, or fresh news of a recipient (no key)."""

    channel: str
    recipient: str
    key: str | None
    # Other spellings of his mailbox.
    others: tuple[str, ...] = ()


def due(store: Store, now: int) -> list[Waiting]:
    """Return what waits for delivery at `now`: accounts take turns, the oldest news first.

    One mailbox in several spellings is one recipient, in the spelling of its oldest news.
    """
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    redeclaration = store.tables.redeclaration
    whose = fn.COALESCE(episode.job_id, redeclaration.job_id)
    query = (
        news.select(
            *(news.channel, news.recipient, news.digest, job.account),
            fn.MIN(news.id).alias("first"),
        )
        .join(episode, JOIN.LEFT_OUTER, on=(episode.id == news.episode_id))
        .join(redeclaration, JOIN.LEFT_OUTER, on=(redeclaration.id == news.redeclaration_id))
        .join(job, JOIN.LEFT_OUTER, on=(job.id == whose))
        .where(is_ours(news) & is_open(news) & _is_due(news, now))
        .group_by(news.channel, news.recipient, news.digest, job.account)
        .order_by(fn.MIN(news.id))
    )
    rows: dict[tuple[str, str, str | None], list[dict[str, Any]]] = defaultdict(list)
    for row in query:
        rows[row["channel"], mailbox_of(row["recipient"]), row["digest"]].append(row)
    accounts: dict[Waiting, set[str]] = {}
    for (channel, _, key), some in rows.items():
        first, *others = dict.fromkeys(row["recipient"] for row in some)
        # More than a statement takes wait for the next sweep.
        waiting = Waiting(channel, first, key, tuple(others[:ROWS_A_STATEMENT]))
        # News of gocron itself is of no account, and takes its turn as one does.
        accounts[waiting] = {row["account"] or "" for row in some}
    return in_turns(list(accounts), accounts.__getitem__)


def claim(store: Store, waiting: Waiting, now: int) -> Digest | None:
    """Take `waiting` for delivery from `now` on; return its digest, None if another sweep has it.

    Fresh news gets the key that it keeps for good. News that a job is back waits until the
    news that it was missing has left: nobody hears of an end first. That a server may have
    taken the digest stays known, whatever became of the claims since.
    """
    news = store.tables.news
    key = waiting.key or uuid.uuid4().hex
    mine = is_ours(news) & is_open(news) & _is_due(news, now)
    if waiting.key is None:
        begun = news.alias("begun")
        is_on_its_way = begun.digest.is_null(False) & is_open(begun)
        waits = news.kind.in_(ENDS) & is_beside(news, begun, is_on_its_way)
        mine &= news.digest.is_null() & _is_for(news, waiting) & ~waits
    else:
        mine &= news.digest == key
    # `_unclaimed` leaves these two apart; a sweep that was killed leaves them alike.
    may_be_taken = (news.claimed_until > 0) & (news.claimed_until != news.next_try_at)
    change = {
        news.digest: key,
        news.next_try_at: now + LEASE_S,
        # One second longer, where a server may have taken it: so the next claim knows it, too.
        news.claimed_until: Case(None, [(may_be_taken, 1)], 0) + (now + LEASE_S),
        news.attempts: news.attempts + 1,
    }
    if not store.write(lambda tx: news.update(change).where(mine).execute()):
        return None
    return _read(store, waiting, key)


def mark_sent(store: Store, digest: Digest, now: int) -> None:
    """Keep that the server took `digest`."""
    news = store.tables.news
    _finish(store, digest, {news.sent_at: now, news.last_error: ""})


def put_back(store: Store, digest: Digest, now: int, error: str) -> None:
    """Keep `digest` for a later try, each later than the one before."""
    news = store.tables.news
    wait_s = min(RETRY_FIRST_S << min(digest.attempts - 1, 8), RETRY_MOST_S)
    change = {news.next_try_at: now + wait_s, news.last_error: error}
    _finish(store, digest, change | _unclaimed(news, digest, now))


def blame(store: Store, channel: str, now: int, error: str) -> None:
    """Keep why all that is due by `channel` could not leave either; it stays due."""
    news = store.tables.news
    mine = (news.channel == channel) & is_ours(news) & is_open(news) & _is_due(news, now)
    store.write(lambda tx: news.update({news.last_error: error}).where(mine).execute())


def give_up(store: Store, digest: Digest, now: int, error: str) -> None:
    """Keep that nothing can be delivered to the recipient of `digest`, nor what would follow.

    What is in it for another spelling of his mailbox becomes a digest of its own, due at `now`:
    a server may know that one.
    """
    news = store.tables.news
    change = {news.given_up_at: now, news.last_error: error} | _unclaimed(news, digest, now)
    # What may have been taken goes out by no second key.
    key = digest.key if digest.may_be_taken else uuid.uuid4().hex
    left = {news.digest: key, news.next_try_at: now} | _unclaimed(news, digest, now)
    refused = _of(news, digest) & (news.recipient == digest.recipient)
    begun = news.alias("begun")
    is_refused = (begun.digest == digest.key) & begun.given_up_at.is_null(False)
    follows = is_open(news) & is_beside(news, begun, is_refused)

    def work(tx: Transaction) -> None:
        news.update(change).where(refused).execute()
        news.update(left).where(_of(news, digest)).execute()
        news.update(change).where(follows).execute()

    store.write(work)


def fall_back(store: Store, digest: Digest, now: int, channel: Traits) -> None:
    """Put news by `channel` in the place of a `digest` that failed, for all whom it was for."""
    news = store.tables.news

    def whom(told: Sequence[str]) -> Sequence[str]:
        return channel.recipients((digest.recipient,) if digest.recipient else told)

    former = [(one.id, whom(one.before.recipients)) for one in digest.redeclarations]
    subjects: list[tuple[Kind, Sequence[str], dict[str, Any]]] = [
        (item.kind, whom(item.episode.job.told), {"episode_id": item.episode.id})
        for item in digest.news
    ]
    if digest.outage is not None:
        subject = {"outage_id": digest.outage.outage.id, "digest": uuid.uuid4().hex}
        subjects.append((Kind.OUTAGE, whom(()), subject))
    rows = [
        news_row(kind, channel.name, recipient, now, queued_at=digest.queued_at, **subject)
        for kind, recipients, subject in subjects
        for recipient in recipients
    ]

    def work(tx: Transaction) -> None:
        if news.delete().where(_of(news, digest)).execute():
            queue_news(tx, rows)
            redeclarations.tell_former(tx, former, now, channel)

    store.write(work)


def is_open(news: Any) -> Any:
    """True of news that was neither sent nor given up."""
    return news.sent_at.is_null() & news.given_up_at.is_null()


def is_ours(news: Any) -> Any:
    """True of news that this version can tell; all other is left alone for a later gocron."""
    return news.kind.in_([kind.value for kind in Kind]) & news.channel.in_(list(CHANNELS))


def is_beside(news: Any, begun: Any, which: Any) -> Any:
    """True of news whose recipient gets, by `which` row of the alias `begun`, its beginning."""
    alike = (
        (begun.episode_id == news.episode_id)
        & begun.kind.in_(BEGINNINGS)
        & (begun.channel == news.channel)
        & (begun.recipient == news.recipient)
    )
    return fn.EXISTS(begun.select(begun.id).where(alike & which))


def _of(news: Any, digest: Digest) -> Any:
    """True of what is still to be told by `digest`."""
    return (news.digest == digest.key) & is_ours(news) & is_open(news)


def _is_for(news: Any, waiting: Waiting) -> Any:
    his = news.recipient.in_((waiting.recipient, *waiting.others))
    return (news.channel == waiting.channel) & his


def _is_due(news: Any, now: int) -> Any:
    """True of news to try at `now`.

    Whatever `next_try_at` says, news of no episode is due once no failure would make it wait
    longer: a sweep of the version before can't tell it, and puts it off again and again.
    """
    in_vain = news.episode_id.is_null() & (fn.ABS(news.claimed_until) <= now - RETRY_MOST_S)
    return (news.next_try_at <= now) | in_vain


def _unclaimed(news: Any, digest: Digest, now: int) -> dict[Any, Any]:
    """Return how the end of a claim is kept: below zero where the digest was surely not taken.

    Else it is before any next try, and so differs from it.
    """
    return {news.claimed_until: now - 1 if digest.may_be_taken else -now}


def _finish(store: Store, digest: Digest, change: dict[Any, Any]) -> None:
    news = store.tables.news
    store.write(lambda tx: news.update(change).where(_of(news, digest)).execute())


def _read(store: Store, waiting: Waiting, key: str) -> Digest | None:
    news = store.tables.news
    (envelope,) = news.select(
        fn.MIN(news.queued_at).alias("queued_at"),
        fn.MAX(news.attempts).alias("attempts"),
        fn.MAX(news.claimed_until - news.next_try_at).alias("longer_s"),
    ).where((news.digest == key) & is_ours(news) & is_open(news))
    longer_s = envelope.pop("longer_s")
    if longer_s is None:
        # Its jobs were forgotten this very moment.
        return None
    rows = list(_rows(store, key))
    since = {row["id"]: row["episode_missed_at"] for row in rows if row["news_kind"] == Kind.FAILED}
    printed = runs.output_of_failures(store, since)
    told = tuple(
        News(
            *(row["news_id"], Kind(row["news_kind"]), episodes.as_episode(row)),
            output=printed.get(row["id"], ""),
        )
        for row in rows
    )
    return Digest(
        key=key,
        channel=waiting.channel,
        recipient=waiting.recipient,
        **envelope,
        news=told,
        replies_to=_told_before(store, waiting, key) if told else (),
        outage=None if told else operator_news.of_digest(store, key),
        redeclarations=() if told else redeclarations.of_digest(store, key),
        may_be_taken=longer_s > 0,
    )


def _rows(store: Store, key: str) -> Iterable[dict[str, Any]]:
    news, episode, job = store.tables.news, store.tables.episode, store.tables.job
    query: Iterable[dict[str, Any]] = (
        news.select(
            news.id.alias("news_id"),
            news.kind.alias("news_kind"),
            *episodes.columns(store),
        )
        .join(episode, on=(episode.id == news.episode_id))
        .join(job, on=(job.id == episode.job_id))
        .where((news.digest == key) & is_ours(news) & is_open(news))
        .order_by(episode.missed_at, job.account, job.cronname, news.id)
    )
    return query


def _ended_by(store: Store, key: str) -> Any:
    """A query for the episodes whose end the digest `key` tells; a list could be too long."""
    news = store.tables.news.alias("part")
    return news.select(news.episode_id).where((news.digest == key) & news.kind.in_(ENDS))


def _told_before(store: Store, waiting: Waiting, key: str) -> tuple[str, ...]:
    news = store.tables.news
    query = (
        news.select(news.digest, fn.MIN(news.id).alias("first"))
        .where(
            news.episode_id.in_(_ended_by(store, key))
            & news.kind.in_(BEGINNINGS)
            & _is_for(news, waiting)
            & news.digest.is_null(False)
            & (news.digest != key)
        )
        .group_by(news.digest)
        .order_by(fn.MIN(news.id))
    )
    return tuple(row["digest"] for row in query)

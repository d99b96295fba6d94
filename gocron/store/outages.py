"""Outages of sites and of gocron itself, and what their end sets free."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import chunked

from gocron.core.door import SAME_OUTAGE_LASTS_S, SAME_OUTAGE_S
from gocron.core.job import Status
from gocron.core.outage import Outage, OwnOutage
from gocron.store.database import ROWS_A_STATEMENT, Store

# A sweep that was killed while it told of an outage holds it no longer than this.
LEASE_S = 300

# Later than this an outage is no news.
NEWS_FOR_S = 7 * 86_400


@dataclass(frozen=True)
class Silence:
    """A gateway's silence beyond its deadline, that a check-in of its own has ended.

    `allowance_s` is for how long it might be silent, 0: not known.
    """

    id: int
    site_id: int
    began_at: int
    ended_at: int
    allowance_s: int


def returned(store: Store) -> list[Silence]:
    """Return the silences of gateways that nobody has looked at yet, the first first."""
    silence = store.tables.silence
    return [
        Silence(row["id"], row["job_id"], row["began_at"], row["ended_at"], row["allowance_s"])
        for row in silence.select().order_by(silence.id)
    ]


def of_sites(store: Store, ids: Iterable[int], since: int) -> list[Outage]:
    """Return the outages of these sites that lasted at `since` or later, the first first."""
    outage = store.tables.outage
    return _read(
        outage.select().where(
            outage.site_id.in_(list(ids)) & (outage.ended_at.is_null() | (outage.ended_at >= since))
        )
    )


def lasting(store: Store, site_id: int) -> Outage | None:
    """Return the outage of a site that lasts still, None where there is none."""
    outage = store.tables.outage
    mine = (outage.site_id == site_id) & outage.ended_at.is_null()
    return next(iter(_read(outage.select().where(mine))), None)


def own(store: Store, since: int) -> list[Outage]:
    """Return gocron's own outages that lasted at `since` or later, the first first."""
    outage = store.tables.outage
    return _read(
        outage.select().where(
            outage.site_id.is_null() & (outage.ended_at.is_null() | (outage.ended_at >= since))
        )
    )


def watched(store: Store, since: int) -> list[Outage]:
    """Return the outages of sites that last, or that ended at `since` or later."""
    outage = store.tables.outage
    return _read(
        outage.select().where(
            outage.site_id.is_null(False) & (outage.ended_at.is_null() | (outage.ended_at >= since))
        )
    )


def keep(
    store: Store, site_id: int, began: Sequence[tuple[int, int | None]], allowance_s: int
) -> None:
    """Keep outages of a site, as (from, to), one of them open at most.

    Part of the caller's transaction. They were longer than `allowance_s`.
    """
    outage = store.tables.outage
    for began_at, ended_at in began:
        kept = {"began_at": began_at, "ended_at": ended_at, "allowance_s": allowance_s}
        outage.insert({"site_id": site_id, **kept}).on_conflict("IGNORE").execute()


def end(store: Store, ended: Outage) -> None:
    """Keep when an outage of a site ended. Part of the caller's transaction."""
    outage = store.tables.outage
    outage.update({outage.ended_at: ended.ended_at}).where(outage.id == ended.id).execute()


def drop(store: Store, lasting: Outage) -> None:
    """Forget an outage that was none. Part of the caller's transaction."""
    outage = store.tables.outage
    outage.delete().where(outage.id == lasting.id).execute()


def look_again(store: Store, reprieves: Iterable[Status], account: str | None = None) -> None:
    """Have the next look at jobs that were held or suppressed now, since an outage ended.

    Part of the caller's transaction.
    """
    job = store.tables.job
    waits = job.reprieve.in_([reprieve.value for reprieve in reprieves])
    _look_again(store, waits if account is None else waits & (job.account == account))


def look_again_behind(store: Store, site_ids: Any) -> None:
    """Have the next look at what was suppressed in the accounts of these gateways now.

    Part of the caller's transaction. `site_ids` is a list of them, or a query.
    """
    job = store.tables.job
    site = job.alias("site")
    accounts = site.select(site.account).where(site.id.in_(site_ids))
    _look_again(store, (job.reprieve == Status.SUPPRESSED.value) & job.account.in_(accounts))


def _look_again(store: Store, waits: Any) -> None:
    job = store.tables.job
    change_jobs(store, waits, {job.judge_at: job.due_at})


def change_jobs(store: Store, which: Any, change: dict[Any, Any]) -> None:
    """Change the jobs that the condition `which` is true of. Part of the caller's transaction."""
    # Rows are locked in the order of all writers first: an update takes them as they lie.
    job = store.tables.job
    rows = store.locked(job.select(job.id).where(which).order_by(job.account, job.cronname))
    for ids in chunked([row["id"] for row in rows], ROWS_A_STATEMENT):
        job.update(change).where(job.id.in_(ids)).execute()


def forget_silence(store: Store, silence: Silence) -> bool:
    """Take a silence off the queue; False where another sweep has. Part of a transaction."""
    table = store.tables.silence
    return bool(table.delete().where(table.id == silence.id).execute())


def are_open(store: Store, ids: Iterable[int]) -> bool:
    """Tell whether these outages last still; their ends wait for the caller's transaction."""
    outage = store.tables.outage
    wanted = set(ids)
    rows = store.locked(
        outage.select(outage.id)
        .where(outage.id.in_(list(wanted)) & outage.ended_at.is_null())
        .order_by(outage.id)
    )
    return {row["id"] for row in rows} == wanted


def lock_open(store: Store, site_ids: Any) -> None:
    """Have the open outages of these sites, a query, stay so until the transaction ends."""
    outage = store.tables.outage
    mine = outage.site_id.in_(site_ids) & outage.ended_at.is_null()
    list(store.locked(outage.select(outage.id).where(mine).order_by(outage.id)))


def record_own(
    store: Store,
    began_at: int,
    ended_at: int | None,
    journalled: bool,
    now: int,
    found_late: bool = False,
    jumped_s: int = 0,
) -> None:
    """Keep an outage of gocron's own, as one with what it follows closely.

    Part of the caller's transaction. Where the check-ins of any part of it were lost, they
    count as lost. By `jumped_s` a clock jumped forth meanwhile. `found_late` tells that no
    sweep looked for a while: what is known of it is known from now on.
    """
    outage = store.tables.outage
    follows = (outage.ended_at >= began_at - SAME_OUTAGE_S) & (
        outage.noticed_at > began_at - SAME_OUTAGE_LASTS_S
    )
    near = outage.site_id.is_null() & (outage.ended_at.is_null() | follows)
    for row in list(store.locked(outage.select().where(near).order_by(outage.id.desc()).limit(1))):
        if ended_at is not None and ended_at <= (row["ended_at"] or 0):
            # Found anew, by a sweep that looks further back.
            return
        change = {
            outage.ended_at: ended_at,
            outage.journalled: bool(row["journalled"]) and journalled,
            outage.told_at: None,
            outage.jumped_s: row["jumped_s"] + jumped_s,
        }
        if row["ended_at"] is not None and found_late:
            change[outage.noticed_at] = now
        outage.update(change).where(outage.id == row["id"]).execute()
        return
    outage.insert(
        {
            "site_id": None,
            "began_at": began_at,
            "ended_at": ended_at,
            "journalled": journalled,
            "noticed_at": now,
            "jumped_s": jumped_s,
        }
    ).on_conflict("IGNORE").execute()


def newest_own(store: Store, since: int, limit: int) -> list[OwnOutage]:
    """Return gocron's own outages that lasted at `since` or later, the newest first."""
    outage = store.tables.outage
    found = outage.site_id.is_null() & (outage.ended_at.is_null() | (outage.ended_at >= since))
    query = outage.select().where(found).order_by(outage.began_at.desc()).limit(limit)
    return [OwnOutage(_outage(row), row["excused"]) for row in query]


def claim_untold(store: Store, now: int) -> OwnOutage | None:
    """Take an outage of gocron's own that is over, and of which the operator doesn't know yet.

    None where there is none, or where another sweep has it. It is over once no other that
    follows can be part of it.
    """
    outage = store.tables.outage
    mine = (
        outage.site_id.is_null()
        & (outage.ended_at < now - SAME_OUTAGE_S)
        & (outage.ended_at > now - NEWS_FOR_S)
        & outage.told_at.is_null()
        & (outage.claimed_until <= now)
    )
    for row in list(outage.select().where(mine).order_by(outage.id).limit(1)):
        claim = outage.update({outage.claimed_until: now + LEASE_S}).where(
            mine & (outage.id == row["id"])
        )
        if store.write(claim.execute):
            return OwnOutage(_outage(row), row["excused"])
    return None


def settle(store: Store, told: Outage, now: int | None) -> None:
    """Keep that the operator was told, or (None) that it must be tried again."""
    outage = store.tables.outage
    change = {outage.told_at: now, outage.claimed_until: 0}
    store.write(lambda: outage.update(change).where(outage.id == told.id).execute())


def count_excused(store: Store, outage_ids: Iterable[int]) -> None:
    """Count a job more for each of these outages. Part of the caller's transaction."""
    outage = store.tables.outage
    for outage_id, count in sorted(Counter(outage_ids).items()):
        outage.update({outage.excused: outage.excused + count}).where(
            outage.id == outage_id
        ).execute()


def drop_before(store: Store, before: int) -> None:
    """Remove what is older than `before`: outages, networks, lives of fronts."""
    outage, moved, presence = store.tables.outage, store.tables.moved, store.tables.presence

    def work() -> None:
        outage.delete().where(outage.ended_at < before).execute()
        moved.delete().where(moved.until_at < before).execute()
        presence.delete().where(presence.until_at < before).execute()

    store.write(work)


def _read(query: Any) -> list[Outage]:
    return sorted((_outage(row) for row in query), key=lambda one: (one.began_at, one.id))


def _outage(row: dict[str, Any]) -> Outage:
    return Outage(
        row["id"],
        row["site_id"],
        row["began_at"],
        row["ended_at"],
        bool(row["journalled"]),
        row["noticed_at"],
        row["allowance_s"],
        row["jumped_s"],
    )

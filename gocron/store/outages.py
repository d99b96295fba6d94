"""Outages of sites and of gocron itself."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from peewee import chunked

from gocron.core.outage import Outage, OwnOutage
from gocron.core.own_outage import SAME_OUTAGE_LASTS_S, SAME_OUTAGE_S
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction
from gocron.store.tables import OUTAGE


def of_sites(store: Store, ids: Iterable[int], since: int) -> list[Outage]:
    """Return the outages of these sites that lasted at `since` or later, the first first."""
    outage = store.tables.outage
    lasted = outage.ended_at.is_null() | (outage.ended_at >= since)
    found: list[Outage] = []
    for some in chunked(ids, ROWS_A_STATEMENT):
        found += _read(outage.select().where(outage.site_id.in_(some) & lasted))
    return sorted(found, key=_by_beginning)


def lasting(store: Store) -> dict[int, Outage]:
    """Return the outages of sites that last, by the id of their gateway."""
    outage = store.tables.outage
    found = _read(outage.select().where(outage.site_id.is_null(False) & outage.ended_at.is_null()))
    return {one.site_id or 0: one for one in found}


def own(store: Store, since: int) -> list[Outage]:
    """Return gocron's own outages that lasted at `since` or later, the first first."""
    outage = store.tables.outage
    return _read(
        outage.select().where(
            outage.site_id.is_null() & (outage.ended_at.is_null() | (outage.ended_at >= since))
        )
    )


def may_begin_again(store: Store, since: int) -> list[Outage]:
    """Return the outages of sites that ended at `since` or later, and whose gateway is missing."""
    outage, job = store.tables.outage, store.tables.job
    return _read(
        outage.select(*(getattr(outage, column) for column in OUTAGE))
        .join(job, on=(job.id == outage.site_id))
        .where((outage.ended_at >= since) & job.missed_at.is_null(False) & job.back_at.is_null())
    )


def keep(tx: Transaction, began: Iterable[Outage]) -> None:
    """Keep outages of sites, of each site one that lasts at most; their ids don't count.

    They were longer than their `allowance_s`.
    """
    outage = tx.tables.outage
    rows = [
        {
            "site_id": one.site_id,
            "began_at": one.began_at,
            "ended_at": one.ended_at,
            "allowance_s": one.allowance_s,
        }
        for one in began
    ]
    for some in chunked(rows, ROWS_A_STATEMENT):
        outage.insert(some).on_conflict("IGNORE").execute()


def end(tx: Transaction, ended: Outage) -> None:
    """Keep when an outage of a site ended."""
    outage = tx.tables.outage
    outage.update({outage.ended_at: ended.ended_at}).where(outage.id == ended.id).execute()


def drop(tx: Transaction, ids: Iterable[int]) -> None:
    """Forget outages that were none."""
    outage = tx.tables.outage
    for some in chunked(ids, ROWS_A_STATEMENT):
        outage.delete().where(outage.id.in_(some)).execute()


def still_open(tx: Transaction, ids: Iterable[int]) -> set[int]:
    """Return which of these outages last still; their ends wait for the transaction's."""
    outage = tx.tables.outage
    found: set[int] = set()
    for some in chunked(ids, ROWS_A_STATEMENT):
        mine = outage.id.in_(some) & outage.ended_at.is_null()
        rows = tx.locked(outage.select(outage.id).where(mine).order_by(outage.id))
        found |= {row["id"] for row in rows}
    return found


def record_own(
    tx: Transaction,
    began_at: int,
    ended_at: int | None,
    journalled: bool,
    now: int,
    found_late: bool = False,
    jumped_s: int = 0,
) -> None:
    """Keep an outage of gocron's own, as one with what it follows closely.

    Where the check-ins of any part of it were lost, they count as lost. By `jumped_s` a clock
    jumped forth meanwhile. `found_late` tells that no sweep looked for a while: what is known
    of it is known from now on.
    """
    outage = tx.tables.outage
    follows = (outage.ended_at >= began_at - SAME_OUTAGE_S) & (
        outage.noticed_at > began_at - SAME_OUTAGE_LASTS_S
    )
    near = outage.site_id.is_null() & (outage.ended_at.is_null() | follows)
    found = {"ended_at": ended_at, "journalled": journalled, "jumped_s": jumped_s}
    for row in list(tx.locked(outage.select().where(near).order_by(outage.id.desc()).limit(1))):
        _go_on(tx, row, found, now if found_late else row["noticed_at"])
        return
    began = {"site_id": None, "began_at": began_at, "noticed_at": now, **found}
    outage.insert(began).on_conflict("IGNORE").execute()


def _go_on(tx: Transaction, known: dict[str, Any], found: dict[str, Any], noticed_at: int) -> None:
    """Let a `known` outage of gocron's own last as long as what was `found`, a part of it."""
    outage, ended_at = tx.tables.outage, found["ended_at"]
    if ended_at is not None and ended_at <= (known["ended_at"] or 0):
        # Found anew, by a sweep that looks further back.
        return
    change = {
        outage.ended_at: ended_at,
        outage.journalled: bool(known["journalled"]) and found["journalled"],
        outage.told_at: None,
        outage.jumped_s: known["jumped_s"] + found["jumped_s"],
    }
    if known["ended_at"] is not None:
        change[outage.noticed_at] = noticed_at
    outage.update(change).where(outage.id == known["id"]).execute()


def newest_own(store: Store, since: int, limit: int) -> list[OwnOutage]:
    """Return gocron's own outages that lasted at `since` or later, the newest first."""
    outage = store.tables.outage
    found = outage.site_id.is_null() & (outage.ended_at.is_null() | (outage.ended_at >= since))
    query = outage.select().where(found).order_by(outage.began_at.desc()).limit(limit)
    return [OwnOutage(as_outage(row), row["excused"]) for row in query]


def count_excused(tx: Transaction, outage_ids: Iterable[int]) -> None:
    """Count a job more for each of these outages."""
    outage = tx.tables.outage
    for outage_id, count in sorted(Counter(outage_ids).items()):
        outage.update({outage.excused: outage.excused + count}).where(
            outage.id == outage_id
        ).execute()


def drop_before(store: Store, before: int) -> None:
    """Remove what is older than `before`: outages, networks, lives of fronts."""

    def work(tx: Transaction) -> None:
        outage, moved, presence = tx.tables.outage, tx.tables.moved, tx.tables.presence
        outage.delete().where(outage.ended_at < before).execute()
        moved.delete().where(moved.until_at < before).execute()
        presence.delete().where(presence.until_at < before).execute()

    store.write(work)


def _read(query: Any) -> list[Outage]:
    return sorted((as_outage(row) for row in query), key=_by_beginning)


def _by_beginning(one: Outage) -> tuple[int, int]:
    return one.began_at, one.id


def as_outage(row: dict[str, Any]) -> Outage:
    """Return the outage that `row` holds."""
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

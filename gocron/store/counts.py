"""Counts by account and in all, kept by adding up what changed; the sweep's sign of life."""

from collections import defaultdict
from collections.abc import Iterable

from peewee import EXCLUDED, chunked, fn

from gocron.core.job import Account, Totals
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction

_FOLD_LIMIT = 5_000


def fold_changes(store: Store, now: int) -> int:
    """Add the changes that job rows left behind to the counts; return how many there were."""
    folded = 0
    while count := store.write(lambda tx: _fold_some(tx, now)):
        folded += count
    return folded


def totals(store: Store) -> Totals:
    """Return the counts over all accounts as the last fold left them."""
    (row,) = store.tables.instance.select()
    return Totals(row["accounts"], row["jobs"], row["missing"], row["swept_at"])


def instance_name(store: Store) -> str:
    """Return the name that tells this database's mails from all others."""
    (row,) = store.tables.instance.select()
    return str(row["name"])


def record_sweep(store: Store, now: int) -> None:
    """Keep that a whole sweep ended at `now`."""
    instance = store.tables.instance
    store.write(lambda tx: instance.update({instance.swept_at: now}).execute())


def in_turn(store: Store, after: str, limit: int | None = None) -> list[Account]:
    """Return the accounts with jobs whose names follow `after`, by name, up to `limit`."""
    account = store.tables.account
    query = (
        account.select()
        .where((account.name > after) & (account.jobs > 0))
        .order_by(account.name)
        .limit(limit)
    )
    return [Account(**row) for row in query]


def changed_since(store: Store, since: int) -> list[Account]:
    """Return the accounts that changed at `since` or later, those now empty too, oldest first."""
    account = store.tables.account
    query = (
        account.select()
        .where(account.changed_at >= since)
        .order_by(account.changed_at, account.name)
    )
    return [Account(**row) for row in query]


def named(store: Store, names: Iterable[str]) -> list[Account]:
    """Return the accounts of these names, by name, those that are known."""
    account = store.tables.account
    found = []
    for some in chunked(names, ROWS_A_STATEMENT):
        found += [Account(**row) for row in account.select().where(account.name.in_(some))]
    return sorted(found, key=lambda one: one.name)


def drop_empty_before(store: Store, before: int) -> None:
    """Remove accounts without jobs that changed last before `before`."""
    account = store.tables.account
    store.write(
        lambda tx: (
            account.delete().where((account.changed_at < before) & (account.jobs <= 0)).execute()
        )
    )


def _fold_some(tx: Transaction, now: int) -> int:
    change = tx.tables.change
    rows = list(tx.locked(change.select().order_by(change.id).limit(_FOLD_LIMIT)))
    if not rows:
        return 0
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        sums[row["account"]][0] += row["jobs"]
        sums[row["account"]][1] += row["missing"]
    change.delete().where(change.id.in_([row["id"] for row in rows])).execute()
    _add(tx, sums, now)
    return len(rows)


def _add(tx: Transaction, sums: dict[str, list[int]], now: int) -> None:
    account, instance = tx.tables.account, tx.tables.instance
    account.insert(
        [
            {"name": name, "jobs": jobs, "missing": missing, "changed_at": now}
            for name, (jobs, missing) in sorted(sums.items())
        ]
    ).on_conflict(
        conflict_target=("name",),
        update={
            "jobs": account.jobs + EXCLUDED.jobs,
            "missing": account.missing + EXCLUDED.missing,
            "changed_at": EXCLUDED.changed_at,
        },
    ).execute()
    instance.update(
        {
            instance.jobs: instance.jobs + sum(jobs for jobs, _ in sums.values()),
            instance.missing: instance.missing + sum(missing for _, missing in sums.values()),
            instance.accounts: account.select(fn.COUNT(account.name)).where(account.jobs > 0),
        }
    ).execute()

"""A database full of quiet jobs, and some of them made to fall due."""

import time

from gocron.core.recent import KEPT, entry
from gocron.store.database import Store

ACCOUNT_JOBS = 100
RECIPIENTS = 50
DAY_S = 86_400

# A moment that no sweep looks back to, and that none finds old enough to forget.
LONG_AGO = int(time.time()) - 30 * DAY_S

# Through the table's triggers, as every job comes; `i` counts the jobs, `a` their accounts.
_FILL = """
INSERT INTO job (account, cronname, email, frequency_s, address, created_at, last_seen_at, due_at,
                 judge_at, recent)
SELECT 'account-' || a, 'job-' || (i - a * 100), 'team-' || (a - a / 50 * 50) || '@example.com',
       86400, '192.0.2.1', {now}, {now} - i / 300, {now} - i / 300 + 86400,
       {now} - i / 300 + 86400, '{recent}'
FROM (SELECT i, i / 100 AS a FROM {numbers}) AS numbers
"""
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n "
    "WHERE i + 1 < {count}) SELECT i FROM n)",
    "postgres": "generate_series(0, {count} - 1) AS i",
}

# What the sweep's fold adds up in steps, at once.
_FOLD = (
    "INSERT INTO account (name, jobs, missing, changed_at) "
    f"SELECT account, sum(jobs), sum(missing), {LONG_AGO} FROM change GROUP BY account",
    "DELETE FROM change",
    "UPDATE instance SET jobs = (SELECT sum(jobs) FROM account), "
    "accounts = (SELECT count(*) FROM account)",
)

_CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"


def fill(store: Store, count: int, now: int) -> None:
    """Put `count` jobs, heard within the last hour and due in a day, into an empty database."""
    numbers = _NUMBERS[store.kind].format(count=count)
    recent = "".join(entry(now - days * DAY_S) for days in range(KEPT))
    with store.connected():
        with store.writing():
            for statement in (_FILL.format(now=now, numbers=numbers, recent=recent), *_FOLD):
                store.db.execute_sql(statement)
        settle(store)


def settle(store: Store) -> None:
    """Do now what the database would do some time later, so that no figure has it in it."""
    after = ("VACUUM ANALYZE", "CHECKPOINT") if store.is_postgres else (_CHECKPOINT,)
    for statement in after:
        store.db.execute_sql(statement)


def make_due(store: Store, first: int, step: int, count: int, now: int) -> None:
    """Let `count` jobs, each `step`th from the number `first` on, have been due a minute ago."""
    with store.connected():
        with store.writing():
            for index in range(first, first + count * step, step):
                account, cronname = divmod(index, ACCOUNT_JOBS)
                store.db.execute_sql(
                    f"UPDATE job SET due_at = {now - 60}, judge_at = {now - 60}, "
                    f"last_seen_at = {now - 60 - DAY_S} "
                    f"WHERE account = 'account-{account}' AND cronname = 'job-{cronname}'"
                )
        settle(store)


def age_accounts(store: Store) -> None:
    """Let no account count as changed lately, as it is when some quiet minutes have passed."""
    with store.connected(), store.writing():
        store.db.execute_sql(f"UPDATE account SET changed_at = {LONG_AGO}")

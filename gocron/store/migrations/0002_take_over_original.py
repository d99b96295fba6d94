"""Take over the jobs of the Go program of the same name; its table stays as it is.

A job that it had alerted gets an open episode whose news counts as sent, so that it isn't
told of again and its return is.
"""

from typing import Any

from peewee import PostgresqlDatabase

JOBS = """
INSERT INTO job (account, cronname, email, frequency_s, grace_s, site, address,
                 created_at, last_seen_at, due_at, missed_at)
SELECT trim(account), trim(cronname), email, frequency_s, NULL, site, address, seen_at, seen_at,
       seen_at + frequency_s, CASE WHEN alerted THEN seen_at + frequency_s END
FROM (
    SELECT account, cronname, coalesce(email, '') AS email,
           greatest({frequency}, 1) AS frequency_s, coalesce(site, false) AS site,
           coalesce(nullif(ipaddress, ''), 'unknown') AS address,
           {lastruntime} AS seen_at, coalesce(alerted, false) AS alerted
    FROM gocron
) AS original
ORDER BY seen_at DESC
ON CONFLICT DO NOTHING
"""
# Early versions of the original kept numbers as text, where anything may stand.
NUMBER = "CASE WHEN {0}::text ~ '^[0-9]{{1,15}}$' THEN {0}::text::bigint ELSE 0 END"
EPISODES = """
INSERT INTO episode (job_id, missed_at, last_seen_at)
SELECT id, missed_at, last_seen_at FROM job WHERE missed_at IS NOT NULL
"""
NEWS = """
INSERT INTO news (episode_id, kind, channel, recipient, queued_at, next_try_at, sent_at)
SELECT episode.id, 'missed', 'mail', trim(one.recipient), episode.missed_at, episode.missed_at,
       episode.missed_at
FROM episode
JOIN job ON job.id = episode.job_id
CROSS JOIN LATERAL regexp_split_to_table(job.email, ',') AS one (recipient)
WHERE trim(one.recipient) <> ''
ON CONFLICT DO NOTHING
"""
COLUMNS = {
    "cronname",
    "account",
    "email",
    "ipaddress",
    "frequency",
    "lastruntime",
    "alerted",
    "site",
}


def up(migrator: Any, db: Any) -> None:
    """Copy jobs and their state, where this Postgres holds the original's table."""
    if not isinstance(db, PostgresqlDatabase) or "gocron" not in db.get_tables():
        return
    if not {column.name for column in db.get_columns("gocron")} >= COLUMNS:
        return
    numbers = {name: NUMBER.format(name) for name in ("frequency", "lastruntime")}
    for statement in (JOBS.format(**numbers), EPISODES, NEWS):
        db.execute_sql(statement)

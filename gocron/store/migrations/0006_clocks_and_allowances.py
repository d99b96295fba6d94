"""Keep for how long a gateway might be silent, which sweeps ever got in, and that a clock jumped.

- `allowance_s`: an outage is measured by the frequency of its time, not by one declared later.
- `entry`: a host whose sweeps never checked in by `self_url` can't tell by it that nobody can.
- `jumped_s`: a clock that jumps forth makes every job late; deadlines move by as much.
"""

from typing import Any

from peewee import PostgresqlDatabase

# The deadline that was missed lay so long after the last check-in.
RETURNED = """
INSERT INTO silence (job_id, began_at, ended_at, allowance_s)
    VALUES (NEW.id, OLD.last_seen_at, NEW.last_seen_at, OLD.due_at - OLD.last_seen_at);
"""
SQLITE = (
    "DROP TRIGGER job_returned",
    f"""CREATE TRIGGER job_returned AFTER UPDATE OF last_seen_at ON job
    WHEN NEW.site AND OLD.address <> '' AND NEW.last_seen_at > OLD.due_at
    BEGIN {RETURNED} END""",
)
POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION gocron_job_returned() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {RETURNED} RETURN NULL; END $$""",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns; an allowance is 0 where nobody knows it."""
    db.execute_sql("CREATE TABLE entry (host TEXT PRIMARY KEY, entered_at BIGINT NOT NULL)")
    for table in ("presence", "outage"):
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN jumped_s BIGINT NOT NULL DEFAULT 0")
    for table in ("silence", "outage"):
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN allowance_s BIGINT NOT NULL DEFAULT 0")
    for statement in POSTGRES if isinstance(db, PostgresqlDatabase) else SQLITE:
        db.execute_sql(statement)

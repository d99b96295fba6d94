"""Keep of each job whether its last run failed, how, and what it printed."""

from typing import Any

from peewee import PostgresqlDatabase

# `failed_at`: a failure that is to be told; `failing_at`: the one that was, while it lasts;
# `worked_at`: the first run after either that worked.
COLUMNS = (
    "failures BIGINT",
    "last_ok_at BIGINT",
    "failed_at BIGINT",
    "failing_at BIGINT",
    "worked_at BIGINT",
    "exit_status TEXT NOT NULL DEFAULT ''",
    "started_at BIGINT",
)
EPISODE_COLUMNS = ("kind TEXT NOT NULL DEFAULT 'missing'", "exit_status TEXT NOT NULL DEFAULT ''")

# A job may be missing and failing at once. A version before begins and ends what is missing only.
STATEMENTS = (
    "UPDATE job SET last_ok_at = last_seen_at WHERE address <> ''",
    "CREATE INDEX job_failed ON job (failed_at) WHERE failed_at IS NOT NULL",
    "CREATE INDEX job_failing ON job (failing_at) WHERE failing_at IS NOT NULL",
    "CREATE INDEX job_worked ON job (worked_at) WHERE worked_at IS NOT NULL",
    "DROP INDEX episode_open",
    "CREATE UNIQUE INDEX episode_open ON episode (job_id, kind) WHERE ended_at IS NULL",
    """CREATE TABLE output (
    job_id BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    printed_at BIGINT NOT NULL,
    printed TEXT NOT NULL,
    failed_at BIGINT,
    failed TEXT NOT NULL DEFAULT ''
)""",
)

# That the pages which show the job are to be written anew. Check-ins leave this column alone, and
# so pay nothing for the trigger.
CHANGED = "INSERT INTO change (account, jobs, missing) VALUES (NEW.account, 0, 0);"
WHEN = "coalesce(OLD.failing_at, 0) <> coalesce(NEW.failing_at, 0)"
SQLITE_TRIGGER = (
    f"CREATE TRIGGER job_failing AFTER UPDATE OF failing_at ON job WHEN {WHEN} BEGIN {CHANGED} END",
)
POSTGRES_TRIGGER = (
    f"""CREATE FUNCTION gocron_job_failing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {CHANGED} RETURN NULL; END $$""",
    f"""CREATE TRIGGER job_failing AFTER UPDATE OF failing_at ON job
FOR EACH ROW WHEN ({WHEN}) EXECUTE FUNCTION gocron_job_failing()""",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the table."""
    for column in COLUMNS:
        db.execute_sql(f"ALTER TABLE job ADD COLUMN {column}")
    for column in EPISODE_COLUMNS:
        db.execute_sql(f"ALTER TABLE episode ADD COLUMN {column}")
    is_postgres = isinstance(db, PostgresqlDatabase)
    for statement in (*STATEMENTS, *(POSTGRES_TRIGGER if is_postgres else SQLITE_TRIGGER)):
        db.execute_sql(statement)

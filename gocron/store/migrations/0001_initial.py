"""Make every table. SQL by hand: two dialects that differ in ids, collation and triggers."""

from typing import Any

from peewee import PostgresqlDatabase

# `COLLATE "C"` makes Postgres order keys as Python does: writers lock rows in one order.
POSTGRES = {
    "id": "BIGSERIAL PRIMARY KEY",
    "key": 'TEXT COLLATE "C" NOT NULL',
    "flag": "BOOLEAN",
}
SQLITE = {
    "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "key": "TEXT NOT NULL",
    "flag": "INTEGER",
}

TABLES = """
CREATE TABLE job (
    id {id},
    account {key},
    cronname {key},
    email TEXT NOT NULL,
    frequency_s BIGINT NOT NULL,
    grace_s BIGINT,
    site {flag},
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    missed_at BIGINT,
    back_at BIGINT,
    UNIQUE (account, cronname)
);
CREATE INDEX job_due ON job (due_at) WHERE missed_at IS NULL;
CREATE INDEX job_missing ON job (missed_at) WHERE missed_at IS NOT NULL;
CREATE INDEX job_back ON job (back_at) WHERE back_at IS NOT NULL;
CREATE TABLE episode (
    id {id},
    job_id BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    missed_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX episode_open ON episode (job_id) WHERE ended_at IS NULL;
CREATE INDEX episode_job ON episode (job_id);
CREATE INDEX episode_ended ON episode (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE news (
    id {id},
    episode_id BIGINT NOT NULL REFERENCES episode (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient {key},
    digest TEXT,
    queued_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    sent_at BIGINT,
    given_up_at BIGINT,
    UNIQUE (episode_id, kind, channel, recipient)
);
CREATE INDEX news_open ON news (next_try_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX news_given_up ON news (given_up_at) WHERE given_up_at IS NOT NULL;
CREATE INDEX news_digest ON news (digest);
CREATE TABLE account (
    name {key} PRIMARY KEY,
    jobs BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX account_changed ON account (changed_at);
CREATE TABLE change (
    id {id},
    account {key},
    jobs BIGINT NOT NULL,
    missing BIGINT NOT NULL
);
CREATE TABLE instance (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    accounts BIGINT NOT NULL,
    jobs BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    swept_at BIGINT
);
"""

# Every change of a count leaves a row, and a sweep adds these up: fronts that declare jobs
# of one account at the same time never wait for each other on a counter.
SQLITE_TRIGGERS = (
    """
CREATE TRIGGER job_added AFTER INSERT ON job BEGIN
    INSERT INTO change (account, jobs, missing)
    VALUES (NEW.account, 1, NEW.missed_at IS NOT NULL);
END""",
    """
CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN
    INSERT INTO change (account, jobs, missing)
    VALUES (OLD.account, -1, -(OLD.missed_at IS NOT NULL));
END""",
    """
CREATE TRIGGER job_turned AFTER UPDATE OF missed_at ON job
WHEN (OLD.missed_at IS NULL) <> (NEW.missed_at IS NULL) BEGIN
    INSERT INTO change (account, jobs, missing)
    VALUES (NEW.account, 0, CASE WHEN NEW.missed_at IS NULL THEN -1 ELSE 1 END);
END""",
)
POSTGRES_TRIGGERS = (
    """
CREATE FUNCTION gocron_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO change (account, jobs, missing)
        VALUES (NEW.account, 1, (NEW.missed_at IS NOT NULL)::int);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO change (account, jobs, missing)
        VALUES (OLD.account, -1, -(OLD.missed_at IS NOT NULL)::int);
    ELSE
        INSERT INTO change (account, jobs, missing)
        VALUES (NEW.account, 0, CASE WHEN NEW.missed_at IS NULL THEN -1 ELSE 1 END);
    END IF;
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER job_counted AFTER INSERT OR DELETE ON job
FOR EACH ROW EXECUTE FUNCTION gocron_count()""",
    """
CREATE TRIGGER job_turned AFTER UPDATE OF missed_at ON job
FOR EACH ROW WHEN ((OLD.missed_at IS NULL) <> (NEW.missed_at IS NULL))
EXECUTE FUNCTION gocron_count()""",
)


def up(migrator: Any, db: Any) -> None:
    """Make the tables, their indexes and the triggers that count."""
    is_postgres = isinstance(db, PostgresqlDatabase)
    for statement in TABLES.format(**(POSTGRES if is_postgres else SQLITE)).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    for trigger in POSTGRES_TRIGGERS if is_postgres else SQLITE_TRIGGERS:
        db.execute_sql(trigger)

"""One outbox: news may speak of an outage of gocron's own, or of a job that was declared anew.

The version before goes on with the tables. It asks for the jobs of what it claims by the episode:
of what is new it finds none, and tells nothing of it. But it claims it all the same, and so puts
`next_try_at` off each time that it finds it due. It doesn't know `claimed_until`, by which such
news is due therefore. Nor does it take such news into a digest that it makes: there is a key from
the start.
"""

from typing import Any

from peewee import PostgresqlDatabase

SUBJECTS = "episode_id", "outage_id", "redeclaration_id"
ONE_SUBJECT = " + ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END" for name in SUBJECTS)

# A job has one redeclaration that is open (not yet news) at most: it holds what the job declared
# before the first change, and the time and address of the last one. Whoever sweeps compares
# with what the job declares by then, so that a thousand changes are one piece of news.
REDECLARATION = """
CREATE TABLE redeclaration (
    id {id},
    job_id BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    changed_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    email_before TEXT NOT NULL,
    frequency_before_s BIGINT NOT NULL,
    grace_before_s BIGINT NOT NULL,
    site_before BOOLEAN NOT NULL,
    email_after TEXT,
    frequency_after_s BIGINT,
    grace_after_s BIGINT,
    site_after BOOLEAN,
    queued_at BIGINT
);
CREATE UNIQUE INDEX redeclaration_open ON redeclaration (job_id) WHERE queued_at IS NULL;
CREATE INDEX redeclaration_job ON redeclaration (job_id, queued_at);
CREATE INDEX redeclaration_queued ON redeclaration (queued_at) WHERE queued_at IS NOT NULL;
"""

DECLARED = "email, frequency_s, grace_s, site"
IS_REDECLARED = """NEW.email <> OLD.email
    OR NEW.frequency_s + coalesce(NEW.grace_s, 0) > OLD.frequency_s + coalesce(OLD.grace_s, 0)
    OR (coalesce(NEW.site, FALSE) AND NOT coalesce(OLD.site, FALSE))"""
REDECLARED = """
INSERT INTO redeclaration (job_id, changed_at, address, email_before, frequency_before_s,
                           grace_before_s, site_before)
    VALUES (NEW.id, NEW.last_seen_at, NEW.address, OLD.email, OLD.frequency_s,
            coalesce(OLD.grace_s, 0), coalesce(OLD.site, FALSE))
    ON CONFLICT (job_id) WHERE queued_at IS NULL
    DO UPDATE SET changed_at = excluded.changed_at, address = excluded.address;
"""

# SQLite can't take a NOT NULL away: the table is made anew.
SQLITE_NEWS = f"""
CREATE TABLE news_anew (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode_id BIGINT REFERENCES episode (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    digest TEXT,
    queued_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    sent_at BIGINT,
    given_up_at BIGINT,
    outage_id BIGINT REFERENCES outage (id) ON DELETE CASCADE,
    redeclaration_id BIGINT REFERENCES redeclaration (id) ON DELETE CASCADE,
    claimed_until BIGINT NOT NULL DEFAULT 0,
    UNIQUE (episode_id, kind, channel, recipient),
    CHECK ({ONE_SUBJECT} = 1)
);
INSERT INTO news_anew (id, episode_id, kind, channel, recipient, digest, queued_at, next_try_at,
                       attempts, last_error, sent_at, given_up_at)
SELECT id, episode_id, kind, channel, recipient, digest, queued_at, next_try_at,
       attempts, last_error, sent_at, given_up_at
FROM news;
DROP TABLE news;
ALTER TABLE news_anew RENAME TO news;
CREATE INDEX news_open ON news (next_try_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX news_given_up ON news (given_up_at) WHERE given_up_at IS NOT NULL;
CREATE INDEX news_digest ON news (digest);
"""  # noqa: S608 (all of it stands here)
POSTGRES_NEWS = f"""
ALTER TABLE news ALTER COLUMN episode_id DROP NOT NULL;
ALTER TABLE news ADD COLUMN outage_id BIGINT REFERENCES outage (id) ON DELETE CASCADE;
ALTER TABLE news
    ADD COLUMN redeclaration_id BIGINT REFERENCES redeclaration (id) ON DELETE CASCADE;
ALTER TABLE news ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE news ADD CHECK ({ONE_SUBJECT} = 1);
"""
# What is declared twice can't be told twice: each subject tells a recipient once.
UNIQUE = """
CREATE UNIQUE INDEX news_outage ON news (outage_id, kind, channel, recipient)
    WHERE outage_id IS NOT NULL;
CREATE UNIQUE INDEX news_redeclaration ON news (redeclaration_id, kind, channel, recipient)
    WHERE redeclaration_id IS NOT NULL;
"""

SQLITE_TRIGGER = (
    f"""CREATE TRIGGER job_redeclared AFTER UPDATE OF {DECLARED} ON job WHEN {IS_REDECLARED}
    BEGIN {REDECLARED} END""",
)
POSTGRES_TRIGGER = (
    f"""CREATE FUNCTION gocron_job_redeclared() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {REDECLARED} RETURN NULL; END $$""",
    f"""CREATE TRIGGER job_redeclared AFTER UPDATE OF {DECLARED} ON job
    FOR EACH ROW WHEN ({IS_REDECLARED}) EXECUTE FUNCTION gocron_job_redeclared()""",
)


def up(migrator: Any, db: Any) -> None:
    """Let news have other subjects than episodes; note what a job declared before a change."""
    is_postgres = isinstance(db, PostgresqlDatabase)
    number = "BIGSERIAL PRIMARY KEY" if is_postgres else "INTEGER PRIMARY KEY AUTOINCREMENT"
    statements = REDECLARATION.format(id=number)
    statements += (POSTGRES_NEWS if is_postgres else SQLITE_NEWS) + UNIQUE
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    for trigger in POSTGRES_TRIGGER if is_postgres else SQLITE_TRIGGER:
        db.execute_sql(trigger)

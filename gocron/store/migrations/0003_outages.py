"""Keep what tells a silent job from a silent network: sites, outages, the front's life."""

from typing import Any

from peewee import PostgresqlDatabase

COLUMNS = (
    "network TEXT NOT NULL DEFAULT ''",
    "gateway TEXT",
    "gap_1_s BIGINT",
    "gap_2_s BIGINT",
    "gap_3_s BIGINT",
    "judge_at BIGINT NOT NULL DEFAULT 0",
    "reprieve TEXT",
    "excused_until BIGINT",
    "excused_by BIGINT",
)
OTHER_COLUMNS = (
    "ALTER TABLE episode ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE instance ADD COLUMN open_at BIGINT",
)

STATEMENTS = """
UPDATE job SET judge_at = due_at;
DROP INDEX job_due;
CREATE INDEX job_judge ON job (judge_at) WHERE missed_at IS NULL;
CREATE INDEX job_network ON job (account, network) WHERE network <> '';
CREATE INDEX job_gateway ON job (account, gateway) WHERE gateway <> '';
CREATE INDEX job_site ON job (account) WHERE site;
CREATE INDEX job_reprieve ON job (reprieve) WHERE reprieve IS NOT NULL;
CREATE TABLE moved (
    job_id BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (job_id, network)
);
CREATE TABLE silence (
    id {id},
    job_id BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
);
CREATE TABLE outage (
    id {id},
    site_id BIGINT REFERENCES job (id) ON DELETE CASCADE,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    journalled BOOLEAN NOT NULL DEFAULT FALSE,
    excused BIGINT NOT NULL DEFAULT 0,
    noticed_at BIGINT NOT NULL DEFAULT 0,
    claimed_until BIGINT NOT NULL DEFAULT 0,
    told_at BIGINT
);
CREATE INDEX outage_site ON outage (site_id, began_at);
CREATE INDEX outage_ended ON outage (ended_at);
CREATE UNIQUE INDEX outage_open ON outage (coalesce(site_id, 0)) WHERE ended_at IS NULL;
CREATE TABLE presence (
    id {id},
    host TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    heard_at BIGINT NOT NULL
);
CREATE INDEX presence_until ON presence (until_at);
CREATE TABLE journal (
    name TEXT PRIMARY KEY,
    read_to BIGINT NOT NULL,
    settled_at BIGINT NOT NULL
);
"""

# `silence` is a queue: that a gateway is back after its deadline is known only in this moment.
MOVED = """
INSERT INTO moved (job_id, network, until_at)
    VALUES (NEW.id, OLD.network, NEW.last_seen_at)
    ON CONFLICT (job_id, network) DO UPDATE SET until_at = excluded.until_at;
"""
RETURNED = """
INSERT INTO silence (job_id, began_at, ended_at)
    VALUES (NEW.id, OLD.last_seen_at, NEW.last_seen_at);
"""
# The page of an account shows who is held, suppressed or excused.
REPRIEVED = "INSERT INTO change (account, jobs, missing) VALUES (NEW.account, 0, 0);"
TRIGGERS = {
    "job_moved": (
        "network",
        "NEW.site AND OLD.network <> '' AND NEW.network <> OLD.network",
        MOVED,
    ),
    "job_returned": (
        "last_seen_at",
        "NEW.site AND OLD.address <> '' AND NEW.last_seen_at > OLD.due_at",
        RETURNED,
    ),
    "job_reprieved": (
        "reprieve",
        "coalesce(OLD.reprieve, '') <> coalesce(NEW.reprieve, '')",
        REPRIEVED,
    ),
}
SQLITE = "CREATE TRIGGER {name} AFTER UPDATE OF {column} ON job WHEN {when} BEGIN {body} END"
POSTGRES_FUNCTION = """
CREATE FUNCTION gocron_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {body} RETURN NULL; END $$"""
POSTGRES = """
CREATE TRIGGER {name} AFTER UPDATE OF {column} ON job
FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION gocron_{name}()"""


def up(migrator: Any, db: Any) -> None:
    """Add columns, tables and triggers; every job is judged by its deadline as before."""
    is_postgres = isinstance(db, PostgresqlDatabase)
    for column in COLUMNS:
        db.execute_sql(f"ALTER TABLE job ADD COLUMN {column}")
    for statement in OTHER_COLUMNS:
        db.execute_sql(statement)
    number = "BIGSERIAL PRIMARY KEY" if is_postgres else "INTEGER PRIMARY KEY AUTOINCREMENT"
    for statement in STATEMENTS.format(id=number).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    for name, (column, when, body) in TRIGGERS.items():
        for sql in (POSTGRES_FUNCTION, POSTGRES) if is_postgres else (SQLITE,):
            db.execute_sql(sql.format(name=name, column=column, when=when, body=body))

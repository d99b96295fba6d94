"""Queue for the next sweep every job with a name that may have several spellings.

Fronts of a version before run on while hosts are upgraded, and store other spellings still.
"""

from typing import Any

from peewee import PostgresqlDatabase

NAMES = ("account", "cronname", "gateway")

QUEUE = """
CREATE TABLE spelling (
    job_id BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE
)"""
QUEUED = "INSERT INTO spelling (job_id) VALUES (NEW.id) ON CONFLICT (job_id) DO NOTHING;"
# All ASCII has one spelling, but for spaces around it; else there are more bytes than characters.
HAS_SEVERAL = "coalesce({bytes} <> length({name}) OR trim({name}) <> {name}, FALSE)"
TRIGGERS = {
    "job_named": ("INSERT", "{account} OR {cronname} OR {gateway}"),
    "job_gateway_named": (
        "UPDATE OF gateway",
        "coalesce(OLD.gateway, '') <> NEW.gateway AND {gateway}",
    ),
}
SQLITE_TRIGGER = (
    "CREATE TRIGGER {name} AFTER {event} ON job WHEN {when} BEGIN " + QUEUED + " END",
)
POSTGRES_TRIGGER = (
    "CREATE OR REPLACE FUNCTION gocron_job_named() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    + QUEUED
    + " RETURN NULL; END $$",
    "CREATE TRIGGER {name} AFTER {event} ON job FOR EACH ROW WHEN ({when}) "
    "EXECUTE FUNCTION gocron_job_named()",
)


def up(migrator: Any, db: Any) -> None:
    """Have each job queued that has, or gets, a name with several spellings."""
    is_postgres = isinstance(db, PostgresqlDatabase)
    db.execute_sql(QUEUE)
    several = " OR ".join(_has_several(is_postgres, name) for name in NAMES)
    db.execute_sql(f"INSERT INTO spelling (job_id) SELECT id FROM job WHERE {several}")  # noqa: S608
    new = {name: _has_several(is_postgres, f"NEW.{name}") for name in NAMES}
    for trigger, (event, when) in TRIGGERS.items():
        for sql in POSTGRES_TRIGGER if is_postgres else SQLITE_TRIGGER:
            db.execute_sql(sql.format(name=trigger, event=event, when=when.format(**new)))


def _has_several(is_postgres: bool, name: str) -> str:
    octets = f"octet_length({name})" if is_postgres else f"length(CAST({name} AS BLOB))"
    return HAS_SEVERAL.format(bytes=octets, name=name)

"""Spell every name as check-ins are spelled from now on: in NFC, without spaces around it.

Of jobs that become one by that the one heard last goes on, and the others are forgotten: no
check-in could reach them any more, and they would go missing for ever. Where any of them has an
episode, the next sweep makes them one: somebody may have to be told of its end.

Fronts of a version before run on while hosts are upgraded, and store other spellings still. So
whatever is stored by a name that may have several spellings is queued for the next sweep.
"""

import unicodedata
from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any

from peewee import PostgresqlDatabase, Table, chunked, fn

NAMES = ("account", "cronname", "gateway")
COLUMNS = ("id", *NAMES, "last_seen_at", "missed_at")
ROWS_A_STATEMENT = 500
Key = tuple[str, str]

QUEUE = """
CREATE TABLE IF NOT EXISTS spelling (
    job_id BIGINT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE
)"""
QUEUED = "INSERT INTO spelling (job_id) VALUES (NEW.id) ON CONFLICT (job_id) DO NOTHING;"
# Only what is not all ASCII has several spellings; it has more bytes than characters.
HAS_SEVERAL = "coalesce({bytes} <> length(NEW.{name}), FALSE)"
TRIGGERS = {
    "job_named": ("INSERT", "{account} OR {cronname} OR {gateway}"),
    "job_gateway_named": (
        "UPDATE OF gateway",
        "coalesce(OLD.gateway, '') <> NEW.gateway AND {gateway}",
    ),
}
SQLITE_TRIGGER = (
    "DROP TRIGGER IF EXISTS {name}",
    "CREATE TRIGGER {name} AFTER {event} ON job WHEN {when} BEGIN " + QUEUED + " END",
)
POSTGRES_TRIGGER = (
    "CREATE OR REPLACE FUNCTION gocron_job_named() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    + QUEUED
    + " RETURN NULL; END $$",
    "DROP TRIGGER IF EXISTS {name} ON job",
    "CREATE TRIGGER {name} AFTER {event} ON job FOR EACH ROW WHEN ({when}) "
    "EXECUTE FUNCTION gocron_job_named()",
)


def up(migrator: Any, db: Any) -> None:
    """Rename what is spelled otherwise; the counts of accounts follow with the next sweep."""
    job: Any = Table("job", COLUMNS, primary_key="id").bind(db)
    change: Any = Table("change", ("account", "jobs", "missing")).bind(db)
    _queue_from_now_on(db)
    for rows in _by_normal_key(db, job).values():
        heard_last, *others = sorted(rows, key=_heard, reverse=True)
        if others and _have_episodes(db, rows):
            _queue(db, rows)
            continue
        for other in others:
            job.delete().where(job.id == other["id"]).execute()
        _rename(job, change, heard_last)


def _queue_from_now_on(db: Any) -> None:
    """Have each job queued that gets a name with several spellings. It may be applied anew."""
    is_postgres = isinstance(db, PostgresqlDatabase)
    several = {
        name: HAS_SEVERAL.format(name=name, bytes=_sql_of_bytes(is_postgres, name))
        for name in NAMES
    }
    db.execute_sql(QUEUE)
    for trigger, (event, when) in TRIGGERS.items():
        for sql in POSTGRES_TRIGGER if is_postgres else SQLITE_TRIGGER:
            db.execute_sql(sql.format(name=trigger, event=event, when=when.format(**several)))


def _sql_of_bytes(is_postgres: bool, name: str) -> str:
    return f"octet_length(NEW.{name})" if is_postgres else f"length(CAST(NEW.{name} AS BLOB))"


def _have_episodes(db: Any, rows: list[dict[str, Any]]) -> bool:
    episode: Any = Table("episode", ("id", "job_id")).bind(db)
    theirs = episode.job_id.in_([row["id"] for row in rows])
    have: bool = episode.select(episode.id).where(theirs).exists()
    return have


def _queue(db: Any, rows: list[dict[str, Any]]) -> None:
    spelling: Any = Table("spelling", ("job_id",)).bind(db)
    ids = [{"job_id": row["id"]} for row in rows]
    spelling.insert(ids).on_conflict("IGNORE").execute()


def _by_normal_key(db: Any, job: Any) -> dict[Key, list[dict[str, Any]]]:
    """Return the rows to be renamed, and those that have their name, by what they are to be."""
    found: dict[Key, list[dict[str, Any]]] = {}
    for row in _odd(db, job):
        found.setdefault((_normal(row["account"]), _normal(row["cronname"])), []).append(row)
    for key, rows in found.items():
        taken = job.select().where((job.account == key[0]) & (job.cronname == key[1]))
        known = {row["id"] for row in rows}
        rows += [row for row in taken if row["id"] not in known]
    return found


def _odd(db: Any, job: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows to be renamed. A name in ASCII alone is normal, but for spaces."""
    names = [getattr(job, name) for name in NAMES]
    odd = [(fn.TRIM(name) != name) | (_bytes(db, name) != fn.LENGTH(name)) for name in names]
    ids = [row["id"] for row in job.select(job.id).where(reduce(or_, odd))]
    for some in chunked(ids, ROWS_A_STATEMENT):
        for row in job.select().where(job.id.in_(some)):
            if any(row[name] != _normal(row[name]) for name in NAMES):
                yield row


def _bytes(db: Any, name: Any) -> Any:
    if isinstance(db, PostgresqlDatabase):
        return fn.OCTET_LENGTH(name)
    return fn.LENGTH(name.cast("BLOB"))


def _rename(job: Any, change: Any, row: dict[str, Any]) -> None:
    names = {name: _normal(row[name]) for name in NAMES}
    job.update({getattr(job, name): value for name, value in names.items()}).where(
        job.id == row["id"]
    ).execute()
    # No trigger counts a change of name; a row of noughts has the account's page written anew.
    missing = int(row["missed_at"] is not None)
    for account, count in ((row["account"], -1), (names["account"], 1)):
        change.insert({"account": account, "jobs": count, "missing": count * missing}).execute()


def _heard(row: dict[str, Any]) -> tuple[int, int]:
    return row["last_seen_at"], row["id"]


def _normal(name: str | None) -> str | None:
    """Return `name` in NFC and trimmed; as it is where nothing would be left."""
    return name and (unicodedata.normalize("NFC", name).strip() or name)

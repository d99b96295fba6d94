"""Spell every name as check-ins are spelled from now on: in NFC, without spaces around it.

Of jobs that become one by that the one heard last goes on, and the others are forgotten: no
check-in could reach them any more, and they would go missing for ever. Where any of them has an
episode, a sweep makes them one, see 0012: somebody may have to be told of its end.
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


def up(migrator: Any, db: Any) -> None:
    """Rename what is spelled otherwise; the counts of accounts follow with the next sweep."""
    job: Any = Table("job", COLUMNS, primary_key="id").bind(db)
    change: Any = Table("change", ("account", "jobs", "missing")).bind(db)
    for rows in _by_normal_key(db, job).values():
        heard_last, *others = sorted(rows, key=_heard, reverse=True)
        if others and _have_episodes(db, rows):
            continue
        for other in others:
            job.delete().where(job.id == other["id"]).execute()
        _rename(job, change, heard_last)


def _have_episodes(db: Any, rows: list[dict[str, Any]]) -> bool:
    episode: Any = Table("episode", ("id", "job_id")).bind(db)
    theirs = episode.job_id.in_([row["id"] for row in rows])
    have: bool = episode.select(episode.id).where(theirs).exists()
    return have


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

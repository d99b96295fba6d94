"""Remember the last check-ins of each job, first those of which the gaps are known."""

from typing import Any

from peewee import PostgresqlDatabase

COLUMN = "ALTER TABLE job ADD COLUMN recent TEXT NOT NULL DEFAULT ''"
FILL = "UPDATE job SET recent = {entries} WHERE address <> ''"
MOMENTS = (
    "last_seen_at",
    "last_seen_at - gap_1_s",
    "last_seen_at - gap_1_s - gap_2_s",
    "last_seen_at - gap_1_s - gap_2_s - gap_3_s",
)
SQLITE_ENTRY = "coalesce(printf('%09x', {at}) || 'o-----', '')"
POSTGRES_ENTRY = "coalesce(lpad(to_hex({at}), 9, '0') || 'o-----', '')"


def up(migrator: Any, db: Any) -> None:
    """Add the column; a version before goes on with the gaps, and leaves it alone."""
    entry = POSTGRES_ENTRY if isinstance(db, PostgresqlDatabase) else SQLITE_ENTRY
    db.execute_sql(COLUMN)
    db.execute_sql(FILL.format(entries=" || ".join(entry.format(at=at) for at in MOMENTS)))

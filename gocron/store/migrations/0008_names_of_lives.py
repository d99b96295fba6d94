"""Name each life of a front, so that a sweep can tell the front's database from its copies."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; lives that began under a version before have no name."""
    db.execute_sql("ALTER TABLE presence ADD COLUMN name TEXT")

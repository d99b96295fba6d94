"""Remember from where a job came before, and how often it came back there."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the columns; of what was before nothing is known."""
    db.execute_sql("ALTER TABLE job ADD COLUMN came_from TEXT NOT NULL DEFAULT ','")
    db.execute_sql("ALTER TABLE job ADD COLUMN returns BIGINT NOT NULL DEFAULT 0")
    db.execute_sql("ALTER TABLE job ADD COLUMN returned_at BIGINT")

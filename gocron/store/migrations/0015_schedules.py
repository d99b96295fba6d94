"""Keep the schedule of a job that has one, and which of its slots was satisfied last."""

from typing import Any

COLUMNS = (
    "schedule TEXT",
    "zone TEXT",
    "early_s BIGINT",
    "slot_at BIGINT",
    "next_slot_at BIGINT",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns; a version before goes by the frequency, the longest gap of the schedule."""
    for column in COLUMNS:
        db.execute_sql(f"ALTER TABLE job ADD COLUMN {column}")

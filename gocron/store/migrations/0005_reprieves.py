"""Find who is overdue and not told of by an index that is in the order of the page."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Put account and cronname into the index of reprieves."""
    db.execute_sql("DROP INDEX job_reprieve")
    db.execute_sql(
        "CREATE INDEX job_reprieve ON job (account, cronname) WHERE reprieve IS NOT NULL"
    )

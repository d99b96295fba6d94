"""Find whom the version before held or suppressed until later, without looking at all spared."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add an index of the jobs that wait for news of a site, or for gocron to be reached."""
    db.execute_sql(
        "CREATE INDEX job_ahead ON job (judge_at) WHERE reprieve IN ('held', 'suppressed')"
    )

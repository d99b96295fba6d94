"""Find the gateways of one address by an index: to know a crowd of them when it is one."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Put the network into the index of gateways."""
    db.execute_sql("DROP INDEX job_site")
    db.execute_sql("CREATE INDEX job_site ON job (account, network) WHERE site")

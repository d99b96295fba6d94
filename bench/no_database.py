"""The front with the database call left out: what all else allows."""

from collections.abc import Callable
from typing import Any

from gocron import serve
from gocron.cli import front
from gocron.config import load_config
from gocron.core.checkin import CheckIn
from gocron.core.schedule import due_at
from gocron.store.database import Store
from gocron.store.door import Pulse
from gocron.store.group_commit import GroupCommit, Tell


class KeepsNothing(GroupCommit):
    """Tells of every check-in at once that it is kept."""

    def __init__(
        self, store: Store, announce: Callable[[Callable[[], None]], object], pulse: Pulse
    ) -> None:
        pass

    def submit(self, checkin: CheckIn, tell: Tell) -> None:
        tell(due_at(checkin.seen_at, checkin.frequency_s or 0, checkin.grace_s or 0))


def server() -> serve.Server:
    """Return what granian serves."""
    serve.GroupCommit = KeepsNothing  # type: ignore[attr-defined, assignment]
    return serve.Server(load_config())


def _granian(_target: str, **options: Any) -> Any:
    return granian("bench.no_database:server", **options)


if __name__ == "__main__":
    granian = serve.Granian  # type: ignore[attr-defined]
    serve.Granian = _granian  # type: ignore[attr-defined, assignment]
    raise SystemExit(front())

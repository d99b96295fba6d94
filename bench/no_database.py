"""The front with the database call left out: what all else allows."""

import socket
from collections.abc import Callable

from gocron.cli import front
from gocron.config import Config
from gocron.core.checkin import CheckIn
from gocron.core.schedule import due_at
from gocron.front import rsgi
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit, Tell
from gocron.store.lives import LifeSigns


class KeepsNothing(GroupCommit):
    """Tells of every check-in at once that it is kept."""

    def __init__(
        self, store: Store, announce: Callable[[Callable[[], None]], object], life_signs: LifeSigns
    ) -> None:
        pass

    def submit(self, checkin: CheckIn, tell: Tell) -> None:
        tell(due_at(checkin.seen_at, checkin.frequency_s or 0, checkin.grace_s or 0))


def _server(config: Config, listener: socket.socket) -> rsgi.Server:
    """Return what granian serves, in the process that serves it."""
    rsgi.GroupCommit = KeepsNothing  # type: ignore[attr-defined, assignment]
    return rsgi.Server(config, listener)


if __name__ == "__main__":
    rsgi._server = _server
    raise SystemExit(front())

"""The one clock, the database's, as those know it who don't ask it each time."""

from collections.abc import Callable

from gocron.host import uptime as uptime_of_host
from gocron.store.database import Store


class Clock:
    """Tells a front the time by the database's clock, without asking it for each stamp.

    The front measures by how much the database's clock is ahead of its host's uptime, which
    goes on evenly whatever becomes of the host's own clock. While the database is away the last
    measure holds.
    """

    def __init__(self, store: Store, uptime: Callable[[], float] = uptime_of_host) -> None:
        self._store = store
        self._uptime = uptime
        self._ahead_s: float | None = None

    def __call__(self) -> int:
        """Return the time in epoch seconds. Who calls before any measure holds a connection."""
        if not self._store.is_postgres:
            return self._store.now()
        if self._ahead_s is None:
            return self.measure()
        return int(self._uptime() + self._ahead_s)

    def measure(self) -> int:
        """Ask the database for the time in epoch seconds. The caller holds a connection."""
        asked_at = self._uptime()
        at = self._store.moment()
        # The answer was true about half-way between question and answer.
        self._ahead_s = at - (asked_at + self._uptime()) / 2
        return int(at)

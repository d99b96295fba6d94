"""The front's life as it leaves signs of it, and when the door was known to be open."""

import time
from collections.abc import Callable

from gocron.core.door import SHUT_AFTER_S, SIGN_EVERY_S, Presence
from gocron.store.database import Store


def _uptime() -> float:
    """Return for how long the host has been up, asleep or not; its clock has no part in it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Pulse:
    """The signs of life of one front, given by the thread that keeps its check-ins.

    A sign proves that a check-in could have been kept. Where signs failed for a while, a
    new life begins: what lies between was no life.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        host: str,
        uptime: Callable[[], float] = _uptime,
    ) -> None:
        self._store = store
        self._host = host
        self._clock = clock
        self._uptime = uptime
        self._up_at: float | None = None
        self._life: int | None = None
        self._given_at = -SHUT_AFTER_S
        self._heard_at = 0

    def heard(self) -> None:
        """Note that a check-in was kept."""
        self._heard_at = int(self._clock())

    @property
    def is_due(self) -> bool:
        """Whether it is time for a sign."""
        return not 0 <= self._clock() - self._given_at < SIGN_EVERY_S

    @property
    def is_alive(self) -> bool:
        """Whether the last sign is young enough."""
        return 0 <= self._clock() - self._given_at < SHUT_AFTER_S

    def give(self) -> None:
        """Give a sign of life. The caller holds a connection."""
        now, up_at = int(self._clock()), self._uptime()
        presence = self._store.tables.presence
        if not self.is_alive or not self._prolong(now):
            begun = {
                "host": self._host,
                "began_at": now,
                "until_at": now,
                "heard_at": self._heard_at,
                "jumped_s": self._jumped_s(now, up_at),
            }
            self._life = self._store.write(presence.insert(begun).execute)
        self._given_at, self._up_at = now, up_at

    def _jumped_s(self, now: int, up_at: float) -> int:
        """Return by how much more the clock went forth since the last sign than time did."""
        if self._up_at is None:
            return 0
        jumped_s = (now - self._given_at) - int(up_at - self._up_at)
        return jumped_s if jumped_s > SHUT_AFTER_S else 0

    def _prolong(self, now: int) -> bool:
        presence = self._store.tables.presence
        change = {presence.until_at: now, presence.heard_at: self._heard_at}
        prolong = presence.update(change).where(presence.id == self._life)
        return bool(self._store.write(prolong.execute, one_statement=True))


def presences(store: Store, since: int, host: str) -> list[Presence]:
    """Return the lives of fronts that ended at `since` or later, and the last one before.

    `host` is the one that asks.
    """
    presence = store.tables.presence
    is_here = (presence.host == host).alias("is_here")
    columns = (
        presence.began_at,
        presence.until_at,
        presence.heard_at,
        presence.jumped_s,
        is_here,
    )
    recent = presence.select(*columns).where(presence.until_at >= since)
    before = presence.select(*columns).where(presence.until_at < since)
    lives = [*recent, *before.order_by(presence.until_at.desc()).limit(1)]
    return [Presence(**{**row, "is_here": bool(row["is_here"])}) for row in lives]


def seen(store: Store) -> tuple[int | None, int | None]:
    """Return until when it is settled whether the door was open, and when a sweep last got in.

    None before the first look, and where none ever did by the door that check-ins take. Other
    sweeps wait with theirs until the caller's transaction ends.
    """
    (row,) = store.locked(store.tables.instance.select())
    return row["open_at"], row["entered_at"]


def settle(store: Store, at: int, entered_at: int | None) -> None:
    """Keep until when it is settled. Part of the caller's transaction."""
    instance = store.tables.instance
    instance.update({instance.open_at: at, instance.entered_at: entered_at}).execute()

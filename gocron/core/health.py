"""Is gocron itself well? Page, health check and `gocron check` ask here."""

from dataclasses import dataclass

# A sweep that is this many intervals old is a dead sweep, and what it wrote isn't trusted.
STALE_INTERVALS = 3

# News that was given up longer ago is history, unless the job that it tells of is missing still.
GIVEN_UP_SHOWN_S = 7 * 86_400


def stale_at(swept_at: int, interval_s: int) -> int:
    """Return from when on a sweep that ended at `swept_at` counts as the last of a dead one."""
    return swept_at + STALE_INTERVALS * interval_s


def is_stale(swept_at: int, interval_s: int, now: int) -> bool:
    """Tell whether sweeps are dead, of which the last one ended at `swept_at`."""
    return now >= stale_at(swept_at, interval_s)


def late_before(now: int, interval_s: int) -> int:
    """Return before when news was queued that counts as undelivered at `now`, if it waits still."""
    return now - interval_s


@dataclass(frozen=True)
class Known:
    """What a front knows of its gocron since its last sign of life.

    `instance` is the name of the database; `sign` names the front's life and its last sign.
    `not_kept` is why check-ins are not being kept, "" while they are.
    """

    instance: str = ""
    sign: str = ""
    swept_at: int | None = None
    undelivered: int = 0
    not_kept: str = "no sign of life yet"

    @property
    def is_keeping(self) -> bool:
        """Whether a check-in that comes in now would be kept."""
        return not self.not_kept

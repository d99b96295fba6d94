"""Times in which nobody could be heard: from a site, or by gocron itself."""

from collections.abc import Iterable
from dataclasses import dataclass

# By so much, of what a gateway may be silent and in seconds, a gateway is late that lost nothing.
LATE_SHARE = 4
LATE_S = 60


@dataclass(frozen=True)
class Outage:
    """One outage, from the last sign of life before it to the first one after it.

    `site_id` is the job whose site it was; None: gocron's own front could not be reached.
    `ended_at` is None while it lasts. `journalled` tells of an outage of gocron's own in which
    nginx kept the check-ins, so that none was lost. `noticed_at` is when a sweep found out.
    `allowance_s` is for how long the gateway might be silent when it began, 0: not known.
    `jumped_s` is by how much a clock jumped forth meanwhile: of an outage of gocron's own that
    may be that and nothing else.
    """

    id: int
    site_id: int | None
    began_at: int
    ended_at: int | None
    journalled: bool = False
    noticed_at: int = 0
    allowance_s: int = 0
    jumped_s: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it lasts still."""
        return self.ended_at is None

    @classmethod
    def unrecorded(
        cls, site_id: int, began_at: int, ended_at: int | None, allowance_s: int
    ) -> "Outage":
        """Return an outage of a site that the database doesn't know yet."""
        return cls(0, site_id, began_at, ended_at, allowance_s=allowance_s)

    def touches(self, first_at: int, last_at: int) -> bool:
        """Tell whether any of it lies between these moments, or on one of them."""
        return self.began_at <= last_at and (self.ended_at is None or self.ended_at >= first_at)


@dataclass(frozen=True)
class OwnOutage:
    """An outage of gocron's own as people are told of it, with how many jobs it excused."""

    outage: Outage
    excused: int


def longer_than_late_s(allowance_s: int) -> int:
    """Return how long a site's silence may be that is no outage yet, in seconds.

    A gateway that may be silent for `allowance_s` and comes a bit later has lost no check-in:
    cron started it late, or curl tried again. Were that an outage, a gateway without grace
    would excuse whoever is dead behind it every day.
    """
    return allowance_s + max(allowance_s // LATE_SHARE, LATE_S)


def away_s(outages: Iterable[Outage], since: int, until: int) -> int:
    """Return for how many seconds from `since` to `until` any of these `outages` lasted."""
    away, last = 0, since
    for one in sorted(outages, key=lambda one: one.began_at):
        ended_at = min(until if one.ended_at is None else one.ended_at, until)
        away += max(ended_at - max(one.began_at, last), 0)
        last = max(last, ended_at)
    return away


def stretches_of_silence(
    heard: Iterable[int], since: int, until: int, longer_than_s: int
) -> list[tuple[int, int]]:
    """Return the stretches from `since` to `until` in which nothing was heard for so long.

    `heard` are moments, in any order; those outside don't count.
    """
    signs = [(at, at) for at in heard if since < at < until]
    return without_a_sign([*signs, (until, until)], since, longer_than_s)


def without_a_sign(
    signs: Iterable[tuple[int, int]], since: int, longer_than_s: int
) -> list[tuple[int, int]]:
    """Return the stretches after `since`, and before the last sign, that are longer than so.

    A sign lasts from its first moment to its second; they come in any order.
    """
    found = []
    last = since
    for began_at, ended_at in sorted(signs):
        if began_at - last > longer_than_s:
            found.append((last, began_at))
        last = max(last, ended_at)
    return found

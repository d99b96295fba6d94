"""Times in which nobody could be heard: from a site, or by gocron itself."""

from collections.abc import Iterable
from dataclasses import dataclass


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

    def touches(self, first_at: int, last_at: int) -> bool:
        """Tell whether any of it lies between these moments, or on one of them."""
        return self.began_at <= last_at and (self.ended_at is None or self.ended_at >= first_at)


@dataclass(frozen=True)
class OwnOutage:
    """An outage of gocron's own as people are told of it, with how many jobs it excused."""

    outage: Outage
    excused: int


def silences(
    heard: Iterable[int], since: int, until: int, longer_than_s: int
) -> list[tuple[int, int]]:
    """Return the stretches from `since` to `until` in which nothing was heard for so long.

    `heard` are moments, in any order; those outside don't count.
    """
    found = []
    last = since
    for at in [*sorted(at for at in heard if since < at < until), until]:
        if at - last > longer_than_s:
            found.append((last, at))
        last = at
    return found

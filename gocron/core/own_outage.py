"""Was gocron's own front there? What the sweeps' knocks and the fronts' signs of life tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from gocron.core.outage import Outage, without_a_sign

# A front gives a sign of life this often, and is missed after three of them. The retries of
# the documented line (render/crontab.py) last longer: what is shorter has cost no check-in.
SIGN_EVERY_S = 10
SHUT_AFTER_S = 30

# A front on another host is alive while its last sign is this young.
ALIVE_WITHIN_S = 60

# A clock that was wrong by less leaves nothing to be mended: what lies ahead is soon over.
JUMP_S = 600

# What follows an outage within this is the same outage: a front that comes and goes.
SAME_OUTAGE_S = 600

# Outages are joined for so long at most after a sweep noticed the first one. Otherwise a front
# that restarts every few minutes would excuse its jobs for ever.
SAME_OUTAGE_LASTS_S = 90_000


class Knock(str, Enum):
    """What became of a sweep's own check-in.

    SLOW: somebody took the connection, and did not answer in time. ELSEWHERE: a front answered
    that keeps check-ins, but in another database than the one that the sweep reads.
    """

    KEPT = "kept"
    JOURNALLED = "journalled"
    SLOW = "slow"
    FAILED = "failed"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Knocked:
    """What became of a knock, and `why`.

    `sign` names the front's sign of life on which its answer rests, and `configured` is a digest
    of the options by which the front runs; both are "" where no front told them.
    """

    knock: Knock
    why: str = ""
    sign: str = ""
    configured: str = ""


@dataclass(frozen=True)
class Life:
    """One front's life, from its first sign to its last; `heard_at` is its last check-in.

    `is_here` tells that it is on the host of the sweep that asks. `jumped_s` is by how much the
    clock jumped forth when it began, though the front itself went on.
    """

    began_at: int
    until_at: int
    heard_at: int
    is_here: bool = True
    jumped_s: int = 0


@dataclass(frozen=True)
class Reached:
    """What a sweep finds out about the time since all could check in, as an earlier one knew.

    `open_at` is when it was open last. `ended` are outages that are over, as (from, to);
    `since` is when the one began that lasts still, or None.
    """

    open_at: int
    ended: tuple[tuple[int, int], ...] = ()
    since: int | None = None


@dataclass(frozen=True)
class Signs:
    """What tells a sweep whether all can check in, and could since `open_at`.

    `is_public` says that the knock took the way that check-ins take; one at the host's own
    front proves nothing where fronts of other hosts are alive. `fronts` are those that lived
    since `open_at` and the last one before; none at all: nothing is known yet, and nothing is
    wrong. `outage` is the one that was open before.
    """

    knock: Knock
    is_public: bool
    fronts: Sequence[Life]
    open_at: int
    outage: Outage | None

    @property
    def unknown_since(self) -> int:
        """From when on it is to be found out whether all could check in."""
        return self.open_at if self.outage is None else self.outage.began_at


def look(signs: Signs, now: int) -> Reached:
    """Return whether all can check in at `now`, and when they could not before."""
    fronts, is_own = signs.fronts, not signs.is_public
    nothing_known = not fronts and signs.knock is not Knock.ELSEWHERE
    if nothing_known and (is_own or signs.knock is Knock.KEPT):
        return Reached(now)
    away_s = [abs(now - front.until_at) for front in fronts]
    # Who answers gave a sign right before. One that seems older tells that the clock jumped since.
    has_jumped = min(away_s, default=0) > JUMP_S
    # A sign proves that check-ins were kept: a front that has no time for a sweep is at work.
    is_busy = signs.knock is Knock.SLOW and min(away_s, default=now) <= SHUT_AFTER_S
    failed = signs.knock in (Knock.SLOW, Knock.FAILED)
    if is_busy or (failed and is_own and others_live(fronts, now)):
        return Reached(now, _ended(signs, now))
    if signs.knock is Knock.KEPT and not has_jumped:
        return Reached(now, _ended(signs, now))
    return _not_reached(signs, now)


def others_live(fronts: Iterable[Life], now: int) -> bool:
    """Tell whether a front of another host is alive at `now`."""
    return any(
        abs(now - front.until_at) <= ALIVE_WITHIN_S and not front.is_here for front in fronts
    )


def _not_reached(signs: Signs, now: int) -> Reached:
    """Return since when nobody can check in, and when nobody could before."""
    fronts, outage, since = signs.fronts, signs.outage, signs.unknown_since
    last_signs = [front.until_at for front in fronts if front.until_at <= now]
    ended: tuple[tuple[int, int], ...] = ()
    none_left = not signs.is_public or now - max(last_signs, default=0) > SHUT_AFTER_S
    if none_left and signs.knock is not Knock.ELSEWHERE:
        # No front is left. Until its last sign of life one was there, if it came to life at all.
        gaps = _gaps(fronts, since, now)
        if outage is None or (gaps and gaps[0][0] <= since):
            ended, since = gaps, max([since, *last_signs])
    if signs.knock in (Knock.SLOW, Knock.FAILED) and signs.is_public:
        # Others checked in since then by a way that this sweep's own check-in didn't find.
        heard_at = max((front.heard_at for front in fronts if front.heard_at <= now), default=0)
        if outage is not None and heard_at > since + SHUT_AFTER_S:
            ended = (*ended, (since, heard_at))
        if outage is None or heard_at > since + SHUT_AFTER_S:
            since = max(since, heard_at)
    return Reached(max(signs.open_at, since), ended, since)


def _ended(signs: Signs, now: int) -> tuple[tuple[int, int], ...]:
    """Return the outages before `now`, at which all can check in; one that lasted until now too."""
    found = _gaps(signs.fronts, signs.unknown_since, now)
    outage = signs.outage
    if outage is None or (found and found[0][0] <= outage.began_at):
        return found
    # Fronts were alive. It was the way to them that was shut, or only the knock that failed.
    return ((outage.began_at, now),) if signs.is_public else ()


def _gaps(fronts: Sequence[Life], since: int, until: int) -> tuple[tuple[int, int], ...]:
    """Return when, from `since` to `until`, no front was alive for long."""
    lives = [
        (min(front.began_at, until), front.until_at)
        for front in fronts
        if front.began_at <= until + ALIVE_WITHIN_S
    ]
    return tuple(without_a_sign(lives, since, SHUT_AFTER_S))

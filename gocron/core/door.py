"""Was gocron's own front there? What the sweeps' knocks and the fronts' signs of life tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gocron.core.outage import Outage

# A front gives a sign of life this often, and is missed after three of them. curl's --retry 5
# bridges as much: what is shorter has cost no check-in.
SIGN_EVERY_S = 10
SHUT_AFTER_S = 30

# Hosts' clocks agree within this; a time further ahead was written by one that was wrong.
CLOCKS_DIFFER_S = 600

# What follows an outage within this is the same outage: a front that comes and goes.
SAME_OUTAGE_S = 600


class Knock(str, Enum):
    """What became of a sweep's own check-in through the front door."""

    KEPT = "kept"
    JOURNALLED = "journalled"
    FAILED = "failed"


@dataclass(frozen=True)
class Presence:
    """One front's life, from its first sign to its last; `heard_at` is its last check-in."""

    began_at: int
    until_at: int
    heard_at: int


@dataclass(frozen=True)
class Door:
    """What a sweep finds out about the time since an earlier one knew the door to be open.

    `open_at` is when it was open last. `ended` are outages that are over, as (from, to);
    `since` is when the one began that lasts still, or None.
    """

    open_at: int
    ended: tuple[tuple[int, int], ...] = ()
    since: int | None = None


def look(
    knock: Knock,
    is_public: bool,
    fronts: Sequence[Presence],
    open_at: int,
    outage: Outage | None,
    now: int,
) -> Door:
    """Return how the door stands at `now`, and how it stood since `open_at`.

    `is_public` says that the knock took the way that check-ins take; one at the host's own
    front proves nothing where other fronts are alive. `fronts` are those that lived since
    `open_at` and the last one before; none at all: nothing is known yet, and nothing is wrong.
    `outage` is the one that was open before.
    """
    if not fronts and not (is_public and knock is not Knock.KEPT):
        return Door(now)
    newest_s = min((abs(now - front.until_at) for front in fronts), default=0)
    if knock is Knock.KEPT and newest_s <= CLOCKS_DIFFER_S:
        return Door(now, _ended(fronts, open_at, outage, now))
    if knock is Knock.FAILED and not is_public and newest_s <= SHUT_AFTER_S:
        return Door(now, _ended(fronts, open_at, outage, now))
    ended: tuple[tuple[int, int], ...] = ()
    if newest_s > SHUT_AFTER_S and outage is None:
        # No front is left; until its last sign of life one was there.
        last_sign = max((front.until_at for front in fronts if front.until_at <= now), default=0)
        ended = _ended(fronts, open_at, None, max(open_at, last_sign))
        open_at = max(open_at, last_sign)
    if knock is Knock.FAILED and is_public:
        # Whoever else checked in since came through the door that we did not find.
        open_at = max([open_at, *(front.heard_at for front in fronts if front.heard_at <= now)])
    if outage is None:
        return Door(open_at, ended, since=open_at)
    if open_at > outage.began_at + SHUT_AFTER_S:
        return Door(open_at, ((outage.began_at, open_at),), since=open_at)
    return Door(open_at, since=outage.began_at)


def _ended(
    fronts: Sequence[Presence], open_at: int, outage: Outage | None, now: int
) -> tuple[tuple[int, int], ...]:
    """Return the outages between `open_at` and `now`, the one that was open before among them."""
    if outage is not None:
        open_at = outage.began_at
    lives = sorted(
        (front.began_at, min(front.until_at, now)) for front in fronts if front.began_at <= now
    )
    found = []
    last = open_at
    for began_at, until_at in [*lives, (now, now)] if lives else []:
        if began_at - last > SHUT_AFTER_S:
            found.append((last, began_at))
        last = max(last, until_at)
    if outage is not None and (not found or found[0][0] > open_at):
        # Fronts were alive: it was the way to them that was shut.
        return ((open_at, now),)
    return tuple(found)

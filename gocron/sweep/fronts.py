"""Gocron's own outages: what a sweep's check-in and the fronts' signs of life tell of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gocron.config import Config
from gocron.core.outage import Outage
from gocron.core.own_outage import (
    JUMP_S,
    SAME_OUTAGE_S,
    Knock,
    Knocked,
    Life,
    Reached,
    Signs,
    look,
)
from gocron.host import this_host
from gocron.render.moment import say_time
from gocron.store import counts, jumps, lives, operator_news, outages
from gocron.store.database import Store, Transaction

JUMPED = "the clock has jumped since the front's last sign of life"
ELSEWHERE = "the front keeps check-ins in another database than this one, or in another file"


def watch_fronts(
    store: Store, config: Config, knocked: Knocked, now: int, clock: Callable[[], int]
) -> list[str]:
    """Keep what a knock, and the fronts' signs of life, tell of the time since the last look.

    The knock ended at `now`, and `clock` tells when it is looked at. Return what is to be
    complained of: that nobody can check in, or that the sweep can't.
    """
    knocked = verified(store, knocked)
    since = store.write(lambda tx: _look(tx, config, knocked.knock, now, clock))
    if since is not None:
        why = knocked.why or JUMPED
        return [f"nobody can check in since {say_time(since)}: {why}; see `gocron check`"]
    failed = knocked.knock in (Knock.SLOW, Knock.ELSEWHERE)
    if failed or (config.self_url and knocked.knock is not Knock.KEPT):
        return [f"can't check in through the front door: {knocked.why}; see `gocron check`"]
    return []


def verified(store: Store, knocked: Knocked) -> Knocked:
    """Return `knocked` as it counts once its sign was looked for in the database.

    A front of an earlier version names no sign, and is believed.
    """
    if not knocked.sign or lives.has_sign(store, knocked.sign):
        return knocked
    return Knocked(Knock.ELSEWHERE, ELSEWHERE)


def _look(
    tx: Transaction, config: Config, knock: Knock, knocked_at: int, clock: Callable[[], int]
) -> int | None:
    """Return since when nobody can check in, None where all can; keep the outages until `now`."""
    store, open_at = tx.store, lives.known_until(tx)
    # Read while all other sweeps wait: what lies ahead of it was stamped before the clock was put
    # back. By a sweep that was held up since its knock, all that came meanwhile would lie ahead.
    now = clock()
    if config.self_url and knock in (Knock.KEPT, Knock.JOURNALLED):
        lives.enter(tx, this_host(), now)
    if jumps.was_ahead(store, now, open_at):
        open_at = min(open_at or now, jumps.bring_back(tx, now))
    jumps.stamp_late(tx, now)
    if open_at is None:
        lives.mark_known_until(tx, now)
        return None
    if knocked_at < open_at <= now or open_at > now + JUMP_S:
        # Another sweep knocked later, and knows better; or no front has seen the clock put back.
        return None
    open_at = min(open_at, now)
    lasting = next((one for one in outages.own(store, now) if one.is_open), None)
    fronts = lives.of_fronts(store, open_at, this_host())
    is_public = bool(config.self_url)
    if is_public and not lives.ever_entered(store, this_host()):
        # By this way we never came in: that it is shut says nothing. Signs of life do.
        is_public, fronts = False, [replace(front, is_here=False) for front in fronts]
    seen = look(Signs(knock, is_public, fronts, open_at, lasting), now)
    _keep_outages(tx, seen, fronts, lasting, knock, now)
    lives.mark_known_until(tx, seen.open_at)
    return seen.since


def _keep_outages(
    tx: Transaction,
    seen: Reached,
    fronts: Sequence[Life],
    lasting: Outage | None,
    knock: Knock,
    now: int,
) -> None:
    """Keep what was `seen` of outages; `lasting` is the one that was open before."""
    swept_at = counts.totals(tx.store).swept_at
    found_late = swept_at is not None and now - swept_at > SAME_OUTAGE_S
    for began_at, ended_at in seen.ended:
        journalled = lasting is not None and lasting.journalled
        jumped_s = max(
            (front.jumped_s for front in fronts if front.began_at == ended_at), default=0
        )
        outages.record_own(tx, began_at, ended_at, journalled, now, found_late, jumped_s)
    if seen.since is not None:
        journalled = knock is Knock.JOURNALLED
        # The first moment counts at which it was noticed. Otherwise an outage that looks new to
        # each sweep would hold jobs for another day each time.
        noticed_at = now if lasting is None or found_late else min(lasting.noticed_at, now)
        outages.record_own(tx, seen.since, None, journalled, noticed_at, found_late)
    if seen.ended or seen.since is not None:
        operator_news.withdraw(tx, now)
    if lasting is not None and seen.since is None and not seen.ended:
        # Signs of life tell that check-ins were kept all the time.
        outages.drop(tx, [lasting.id])

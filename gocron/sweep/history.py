"""What is older than anybody looks back is removed."""

from gocron.store import counts, episodes, outages, redeclarations
from gocron.store.database import Store

HISTORY_S = 400 * 86_400

# After so long without a sweep or a front nothing is removed for as long: the clock may be wrong.
TRUSTED_AFTER_S = 86_400


def drop_history(store: Store, now: int) -> None:
    """Remove what is older than anybody looks back; the first sweep of an hour does it.

    Not while it may be that it only looks old, by a clock that is wrong.
    """
    swept_at = counts.totals(store).swept_at
    if swept_at is None or not 0 <= now - swept_at <= TRUSTED_AFTER_S:
        return
    if not is_first_of_hour(store, now):
        return
    for away in outages.own(store, now - TRUSTED_AFTER_S):
        if (away.ended_at or now) - away.began_at > TRUSTED_AFTER_S:
            return
    episodes.drop_ended_before(store, now - HISTORY_S)
    redeclarations.drop_before(store, now - HISTORY_S)
    outages.drop_before(store, now - HISTORY_S)
    counts.drop_empty_before(store, now - HISTORY_S)


def is_first_of_hour(store: Store, now: int) -> bool:
    """Tell whether no whole sweep ended in the hour of `now` yet."""
    swept_at = counts.totals(store).swept_at
    return swept_at is None or swept_at // 3600 != now // 3600

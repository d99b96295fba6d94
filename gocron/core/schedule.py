"""When the next check-in is due."""


def due_at(seen_at: int, frequency_s: int, grace_s: int) -> int:
    """Return the last second at which a check-in is still in time.

    A job is overdue once `now` is later than this. All are epoch seconds or seconds.
    """
    return seen_at + frequency_s + grace_s

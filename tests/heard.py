"""The memory of a job that was heard at intervals."""

from itertools import accumulate

from gocron.core.recent import entry


def heard_at_gaps(last_seen_at: int, *gaps: int) -> str:
    """The text in a job's row: heard last at `last_seen_at`, and at these gaps before."""
    return "".join(entry(last_seen_at - before) for before in accumulate(gaps, initial=0))

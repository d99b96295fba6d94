"""What looks odd in what a job declares or does, and is taken all the same: it is only noted.

A note alarms nobody. It is one line of ASCII, fit to be a header.
"""

from collections.abc import Iterator
from functools import lru_cache

from gocron.core.duration import say_duration
from gocron.core.job import Job
from gocron.core.slots import Cron, smallest_gap_s

# What runs less often than this is not meant to be told of by the second.
LONG_S = 3_600

# A number below this is likely one that lacks its unit.
LEAST_S = 60

# A job that came back so often to an address that it had left, each time within a week of the
# time before, is checked in by more hosts than one. A host that moved comes back once, or never.
RETURNS = 3
RETURNS_WITHIN_S = 7 * 86_400

SEVERAL_HOSTS = "checked in from several addresses in turn; do several hosts use one name?"


@lru_cache(maxsize=1024)
def declared(
    frequency_s: int | None,
    grace_s: int | None,
    site: bool | None,
    interval_s: int,
    schedule: Cron | None = None,
) -> tuple[str, ...]:
    """Return what is odd in what a job declares; None is not told. All lengths are seconds.

    Sweeps look each `interval_s`. The frequency of a `schedule` is its longest gap.
    """
    return tuple(_odd(frequency_s, grace_s, site, interval_s, schedule))


def _odd(
    frequency_s: int | None,
    grace_s: int | None,
    site: bool | None,
    interval_s: int,
    schedule: Cron | None,
) -> Iterator[str]:
    if frequency_s is None:
        return
    if schedule is not None:
        frequency_s = smallest_gap_s(schedule)
        if grace_s and grace_s >= frequency_s:
            yield (
                f"a grace of {say_duration(grace_s)} lasts until the next run, which may come "
                f"after {say_duration(frequency_s)}"
            )
    if frequency_s < interval_s:
        often = "once a minute" if interval_s == 60 else f"every {say_duration(interval_s)}"
        yield f"checked {often} only{_meant(frequency_s, 'd')}"
    if frequency_s >= LONG_S and grace_s and grace_s < LEAST_S:
        yield f"a grace of {say_duration(grace_s)} is next to none{_meant(grace_s, 'h')}"
    if site and frequency_s > LONG_S:
        yield (
            f"a site that checks in every {say_duration(frequency_s)} says too late that its "
            "gateway is away; 5m is usual"
        )


def has_several_hosts(returns: int, returned_at: int | None, now: int) -> bool:
    """Tell whether a job comes from several addresses in turn, as far as they are remembered."""
    return returns >= RETURNS and returned_at is not None and now - returned_at <= RETURNS_WITHIN_S


def notes(job: Job, interval_s: int, now: int) -> list[str]:
    """Return all that is odd about `job`."""
    told = list(declared(job.frequency_s, job.grace_s, job.site, interval_s, job.schedule))
    if has_several_hosts(job.returns, job.returned_at, now):
        told.append(f"{SEVERAL_HOSTS} {', '.join((job.address, *job.former_addresses))}")
    return told


def _meant(seconds: int, unit: str) -> str:
    """Return the question for the unit that a small number lacks, "" for others."""
    if seconds >= LEAST_S:
        return ""
    return (
        f"; did you mean 1{unit}?"
        if seconds == 1
        else f"; did you mean {seconds}m or {seconds}{unit}?"
    )

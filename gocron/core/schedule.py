"""When the next check-in is due, and when it is to be expected."""

from gocron.core.job import GAPS, Job
from gocron.core.slots import next_after, opens_at

# A habit this much off what was declared is another period; less is the jitter of runs.
HABIT_DIFFERS = 0.1


def due_at(seen_at: int, frequency_s: int, grace_s: int) -> int:
    """Return the last second at which a check-in is still in time.

    A job is overdue once `now` is later than this. All are epoch seconds or seconds.
    """
    return seen_at + frequency_s + grace_s


def expected(job: Job) -> tuple[int, int]:
    """Return the first and the last moment at which the check-in after the last one may come.

    That is a usual gap after the last one, give or take the grace, and never later than the
    deadline. While too few gaps are known it may be any time: what is declared may be far
    more than what is usual. Both are epoch seconds.
    """
    if job.schedule is not None and job.next_slot_at is not None:
        return opens_at(job.schedule, job.early_s, job.next_slot_at), job.due_at
    habits = _habits(job)
    gaps = [*habits, usual_gap(job)]
    earliest = job.last_seen_at
    if len(habits) == GAPS:
        earliest += min(gaps) - job.grace_s
    latest = job.last_seen_at + max(gaps) + job.grace_s
    return max(earliest, job.last_seen_at), min(latest, job.due_at)


def expected_after(job: Job, outage_ended_at: int) -> tuple[int, int]:
    """Return when `job` may check in, first and last, where its check-in fell in an outage.

    At any time after the outage, and no later than a whole frequency and grace after it. The
    job may keep to its frequency so well, though, that one of its moments is known to be the
    first after the outage.
    """
    if job.schedule is not None:
        slot = next_after(job.schedule, outage_ended_at)
        return opens_at(job.schedule, job.early_s, slot), slot + job.grace_s
    at_last = due_at(outage_ended_at, job.frequency_s, job.grace_s)
    habits = _habits(job)
    # The largest error of one period: the drift over the last gaps, and what one late run, by at
    # most the grace, may hide of it.
    drift_s = (abs(sum(habits) - GAPS * job.frequency_s) + job.grace_s) // GAPS + 1
    if len(habits) < GAPS or drift_s >= job.frequency_s:
        return outage_ended_at, at_last
    away_s = outage_ended_at + job.grace_s - job.last_seen_at
    periods = max(-(-away_s // (job.frequency_s - drift_s)), 2)
    run_at = job.last_seen_at + periods * job.frequency_s
    off_s = job.grace_s + periods * drift_s
    if run_at + off_s > at_last:
        return outage_ended_at, at_last
    return max(run_at - off_s, outage_ended_at), run_at + off_s


def usual_gap(job: Job) -> int:
    """Return how long `job` usually is silent, in seconds: what it declared, or its habit."""
    habits = _habits(job)
    if len(habits) == GAPS:
        habit = sorted(habits)[GAPS // 2]
        if abs(habit - job.frequency_s) > job.frequency_s * HABIT_DIFFERS:
            return habit
    return job.frequency_s


def _habits(job: Job) -> list[int]:
    return [min(gap, job.frequency_s) for gap in job.gaps if gap > 0]

"""What to say of a job: the one judgement that page, sweep, rehearsal and tests share."""

from gocron.core.job import Job, Status


def judge(job: Job, now: int) -> Status:
    """Return how `job` stands at `now` (epoch seconds).

    OVERDUE and RECOVERED are what the next sweep acts on: it begins an episode for the one
    and ends it for the other. LATE means that the frequency is over and the grace is not.
    """
    if job.missed_at is not None:
        return Status.MISSED if job.back_at is None else Status.RECOVERED
    if now > job.due_at:
        return Status.OVERDUE
    return Status.LATE if now > job.due_at - job.grace_s else Status.UP

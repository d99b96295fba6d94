"""What is said of a job at one moment."""

import pytest

from gocron.core.job import Job, Status
from gocron.core.judge import standing
from gocron.core.schedule import due_at

SEEN = 1_800_000_000
FREQUENCY_S = 3600
GRACE_S = 600
DUE = SEEN + FREQUENCY_S + GRACE_S


def job(missed_at: int | None = None, back_at: int | None = None, grace_s: int = GRACE_S) -> Job:
    return Job(
        id=1,
        account="web-01",
        cronname="backup",
        email="ops@example.com",
        frequency_s=FREQUENCY_S,
        grace_s=grace_s,
        site=False,
        address="192.0.2.1",
        created_at=SEEN,
        last_seen_at=SEEN,
        due_at=due_at(SEEN, FREQUENCY_S, grace_s),
        missed_at=missed_at,
        back_at=back_at,
    )


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (SEEN, Status.UP),
        (SEEN - 3600, Status.UP),
        (SEEN + FREQUENCY_S, Status.UP),
        (SEEN + FREQUENCY_S + 1, Status.LATE),
        (DUE, Status.LATE),
        (DUE + 1, Status.OVERDUE),
        (DUE + 10**9, Status.OVERDUE),
    ],
)
def test_a_job_that_is_up_is_judged_by_the_time(now: int, status: Status) -> None:
    assert standing(job(), now) is status


@pytest.mark.parametrize("now", [0, SEEN, DUE, DUE + 1, DUE + 10**9])
def test_a_marked_job_stays_missed_until_it_is_heard_whatever_the_clock_says(now: int) -> None:
    assert standing(job(missed_at=DUE), now) is Status.MISSED
    assert standing(job(missed_at=DUE, back_at=DUE + 60), now) is Status.RECOVERED


def test_without_grace_a_job_is_overdue_one_second_after_its_frequency() -> None:
    assert standing(job(grace_s=0), SEEN + FREQUENCY_S) is Status.UP
    assert standing(job(grace_s=0), SEEN + FREQUENCY_S + 1) is Status.OVERDUE

"""When a check-in is to be expected, and by when after an outage."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import assume, example, given
from hypothesis import strategies as st

from gocron.core.job import Job
from gocron.core.schedule import due_at, expected, expected_after, usual_gap
from tests.heard import heard_at_gaps

SEEN = 1_800_000_000
HOUR = 3600


def job(*gaps: int, frequency_s: int = HOUR, grace_s: int = 600) -> Job:
    due = due_at(SEEN, frequency_s, grace_s)
    heard = heard_at_gaps(SEEN, *gaps)
    return Job(
        1, "a", "b", "", frequency_s, grace_s, False, "192.0.2.1", 0, SEEN, due, recent=heard
    )  # fmt: skip


def test_a_job_of_habit_is_expected_a_usual_gap_after_its_last_check_in() -> None:
    assert expected(job(HOUR, HOUR, HOUR)) == (SEEN + 3000, SEEN + 4200)


def test_a_job_without_habits_may_come_at_any_time_before_its_deadline() -> None:
    assert expected(job(HOUR, HOUR)) == (SEEN, SEEN + 4200)


def test_what_is_usual_is_what_is_declared_unless_the_habit_is_another() -> None:
    assert usual_gap(job(3500, 3700, 3600)) == HOUR
    assert usual_gap(job(600, 610, 590)) == 600
    assert expected(job(600, 610, 590)) == (SEEN, SEEN + 610 + 600)


def test_one_long_silence_changes_no_habit() -> None:
    assert usual_gap(job(600, 99_999, 600)) == 600


def test_after_an_outage_the_next_run_that_surely_lies_behind_it_counts() -> None:
    daily = job(86_400, 86_400, 86_400, frequency_s=86_400)
    ended_at = SEEN + 86_400 + 7200
    first, last = expected_after(daily, ended_at)
    run_at = SEEN + 2 * 86_400
    assert daily.grace_s < last - run_at < 2 * daily.grace_s, "late runs may hide a drift"
    assert last - run_at == run_at - first, "give or take"


def test_without_habits_any_moment_may_be_the_next_until_frequency_and_grace_are_over() -> None:
    ended_at = SEEN + 9000
    assert expected_after(job(), ended_at) == (ended_at, ended_at + HOUR + 600)


def test_a_job_whose_last_runs_were_all_late_by_its_grace_may_run_that_much_sooner() -> None:
    """Its run of two hours later came ten minutes sooner, within the outage, and was lost."""
    late = job(HOUR, HOUR, HOUR, grace_s=600)
    ended_at = SEEN + 2 * HOUR - 300
    lost, next_run = SEEN - 600 + 2 * HOUR, SEEN - 600 + 3 * HOUR
    assert lost < ended_at < next_run
    first, last = expected_after(late, ended_at)
    assert first <= next_run <= last


@example(60, 0.125, 10, [0.0, 0.0, 0.0, 1.0, 0.0], 0.875)
@given(
    st.integers(60, 90_000),
    st.floats(0, 1),
    st.integers(1, 400),
    st.lists(st.floats(0, 1), min_size=5, max_size=5),
    st.floats(0.5, 1),
)
def test_a_well_job_is_heard_within_what_an_outage_gives_it(
    frequency_s: int, share: float, periods: int, late: list[float], honest: float
) -> None:
    """Its crontab runs it each `period_s`, and each run is late by as much as its grace."""
    grace_s = int(frequency_s * share)
    period_s = max(int(frequency_s * honest), 1)
    heard = [number * period_s + int(jitter * grace_s) for number, jitter in enumerate(late[:4])]
    gaps = [after - before for before, after in pairwise(heard)]
    assume(min(gaps) > 0)
    one = replace(
        job(frequency_s=frequency_s, grace_s=grace_s),
        last_seen_at=heard[-1],
        recent=heard_at_gaps(heard[-1], *reversed(gaps)),
        due_at=due_at(heard[-1], frequency_s, grace_s),
    )
    ended_at = heard[-1] + periods * period_s // 7 + 1
    number = 4
    while number * period_s + int(late[4] * grace_s) < ended_at:
        number += 1
    assume(number > 4)
    runs = [later * period_s + int(late[4] * grace_s) for later in range(number, number + 400)]
    first, last = expected_after(one, ended_at)
    assert runs[0] <= last
    assert any(first <= run <= last for run in runs)

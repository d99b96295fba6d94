"""The memory of a job's last check-ins: bounded, whole, and fit for any clock."""

from hypothesis import given
from hypothesis import strategies as some

from gocron.core.recent import (
    KEPT,
    KEPT_WIDTH,
    WIDTH,
    Heard,
    entry,
    gaps,
    moments,
    recent,
    timed,
    usual_and_slowest_s,
)
from gocron.core.signal import FAIL, OK, START

times = some.integers(0, 16**9 - 1)


@given(times, some.none() | some.integers(0, 1_000_000))
def test_an_entry_says_when_what_and_how_long(at: int, duration_s: int | None) -> None:
    text = entry(at, duration_s=duration_s)
    assert len(text) == WIDTH
    assert list(recent(text)) == [Heard(at, "o", duration_s)]


@given(some.lists(times, max_size=KEPT + 5))
def test_the_newest_stand_first_and_no_more_than_is_kept(heard: list[int]) -> None:
    text = ""
    for at in heard:
        text = (entry(at) + text)[:KEPT_WIDTH]
    assert [one.at for one in recent(text)] == heard[::-1][:KEPT]


def test_what_is_too_long_for_an_entry_takes_no_more_room() -> None:
    assert list(recent(entry(16**9, duration_s=10**9))) == [Heard(16**9 - 1, "o", 16**5 - 1)]


def test_gaps_are_those_between_the_last_check_ins() -> None:
    text = "".join(entry(at) for at in (1000, 900, 700, 400, 0))
    assert gaps(text, 1000, 3) == (100, 200, 300)
    assert moments(text, 1000, 4) == [1000, 900, 700, 400]


def test_a_version_before_that_keeps_the_last_check_in_only_hides_none() -> None:
    assert gaps(entry(900) + entry(800), 1000, 3) == (100, 100)


def test_what_was_heard_by_a_clock_that_was_ahead_makes_no_gap() -> None:
    text = "".join(entry(at) for at in (1100, 9000, 1000))
    assert gaps(text, 1100, 3) == (100,)


def test_a_job_that_was_never_heard_has_no_gap() -> None:
    assert gaps("", 1000, 3) == ()


def durations(*entries: str) -> list[int | None]:
    """How long each check-in's run took; the entries are given oldest first."""
    return [one.duration_s for one in timed("".join(reversed(entries)))][::-1]


def test_a_run_took_what_its_end_told_or_else_the_time_since_its_start() -> None:
    assert durations(entry(100, START), entry(160, OK)) == [None, 60]
    assert durations(entry(100, START), entry(160, FAIL)) == [None, 60]
    assert durations(entry(100, START), entry(160, OK, 7)) == [None, 7]
    assert durations(entry(100, OK), entry(160, OK)) == [None, None]
    assert durations() == []
    assert durations(entry(100, START), entry(130, START), entry(160, OK)) == [None, None, 30]
    assert durations(entry(100, START), entry(160, OK), entry(170, OK)) == [None, 60, None]
    assert durations(entry(900, START), entry(160, OK)) == [None, None], "the clock was put back"


def test_what_is_usual_is_the_median_of_the_runs_that_worked() -> None:
    told = [
        Heard(1, OK, 5),
        Heard(2, FAIL, 900),
        Heard(3, OK, 50),
        Heard(4, OK, 7),
        Heard(5, OK, None),
    ]
    assert usual_and_slowest_s(told) == (7, 50, 3)
    assert usual_and_slowest_s([Heard(1, FAIL, 5), Heard(1, START, None)]) == (0, 0, 0)

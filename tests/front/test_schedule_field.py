"""A schedule rides in the crontab line, and is shown back in words."""

import pytest

from tests.front.conftest import Site

JOB = "cronname=backup&account=web-01&email=ops@example.com"


def test_a_schedule_is_answered_with_its_words_and_when_it_is_due(site: Site) -> None:
    answer = site.ask(query=f"{JOB}&schedule=17+3+*+*+1-5&tz=Europe/Berlin&grace=30m")
    assert answer.status == 201
    said = "At 03:17 on Monday through Friday, Europe/Berlin"
    assert answer.headers["Gocron-Schedule"] == said
    assert answer.headers["Gocron-Due"].endswith(":47:00Z")
    assert "Gocron-Note" not in answer.headers
    (job,) = site.jobs()
    assert (job.schedule.expression, job.schedule.zone) == ("17 3 * * 1-5", "Europe/Berlin")


def test_a_systemd_calendar_is_a_schedule_too(site: Site) -> None:
    answer = site.ask(query=f"{JOB}&schedule=calendar:Mon..Fri+03:00")
    assert answer.status == 201
    assert answer.headers["Gocron-Due"].endswith("T03:00:00Z")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("schedule=0+3+*+*+*&frequency=1d", "contradict"),
        ("schedule=@reboot", "send frequency= instead"),
        ("schedule=0+0+30+2+*", "never comes"),
        ("schedule=0+3+*+*+*+*", "more than five fields"),
        ("schedule=0+3+*+*+*&tz=Mars/Olympus", "tz"),
        ("frequency=1d&tz=UTC", "goes with a schedule"),
        ("frequency=1d&early=5m", "goes with a schedule"),
    ],
)
def test_what_contradicts_or_never_comes_is_refused_and_changes_nothing(
    site: Site, fields: str, why: str
) -> None:
    answer = site.ask(query=f"{JOB}&{fields}")
    assert answer.status == 400
    assert why in answer.line
    assert site.jobs() == []


def test_a_grace_that_lasts_until_the_next_run_is_taken_and_noted(site: Site) -> None:
    answer = site.ask(query=f"{JOB}&schedule=0+*+*+*+*&grace=2h")
    assert answer.status == 201
    assert "a grace of 2 h lasts until the next run" in answer.headers["Gocron-Note"]


def test_a_later_check_in_may_leave_the_schedule_out(site: Site) -> None:
    site.ask(query=f"{JOB}&schedule=@daily")
    assert site.ask(query="cronname=backup&account=web-01").status == 201
    assert site.jobs()[0].schedule.expression == "0 0 * * *"

"""A run that fails is told once, with how and what it printed, and once when it works again."""

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.job import Job
from gocron.core.signal import FAIL, LOG, START, Signal
from gocron.render.moment import say_time
from gocron.store import checkins, failing
from tests.sweep.conftest import HOUR, NOON, Gocron

MINUTE = 60
NAMES = "web-01", "backup"
FAILED = Signal(FAIL, "3", output="pg_dump: no space left")


def subjects(gocron: Gocron) -> list[str]:
    """The subjects of all mails so far, without the tag; they are forgotten."""
    found = [subject.strip().removeprefix("[gocron] ") for subject in gocron.mail.subjects]
    gocron.mail.received.clear()
    return found


def fail(gocron: Gocron, at: int, signal: Signal = FAILED, cronname: str = "backup") -> None:
    gocron.hear(cronname, at, signal=signal)


def test_a_failure_is_told_at_once_and_once_with_its_exit_status_and_output(gocron: Gocron) -> None:
    gocron.hear("backup", NOON - HOUR)
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    (mail,) = gocron.mail.mails
    assert mail["Subject"] == "[gocron] backup (web-01) failed with exit status 3"
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()
        assert "pg_dump: no space left" in text
        assert "exit status 3" in text
    gocron.mail.received.clear()
    for at in (NOON + 2 * MINUTE, NOON + 3 * MINUTE):
        gocron.sweep(at)
    fail(gocron, NOON + HOUR)
    gocron.sweep(NOON + HOUR + MINUTE)
    assert subjects(gocron) == []


def test_a_failure_is_a_sign_of_life(gocron: Gocron) -> None:
    fail(gocron, NOON)
    gocron.sweep(NOON + HOUR)
    fail(gocron, NOON + HOUR)
    gocron.sweep(NOON + HOUR + MINUTE)
    assert subjects(gocron) == ["backup (web-01) failed with exit status 3"]
    assert gocron.job("backup").missed_at is None
    gocron.sweep(NOON + 2 * HOUR + MINUTE)
    assert subjects(gocron) == ["backup (web-01) has not checked in"]


def test_a_run_that_works_ends_it_and_is_told_once(gocron: Gocron) -> None:
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.hear("backup", NOON + HOUR)
    gocron.hear("backup", NOON + HOUR + MINUTE)
    for minute in (2, 3):
        gocron.sweep(NOON + HOUR + minute * MINUTE)
    failed, works = gocron.mail.mails
    assert works["Subject"] == "[gocron] backup (web-01) works again after 1 h"
    assert works["In-Reply-To"] == failed["Message-ID"]


def test_a_failure_that_is_over_before_the_sweep_is_told_all_the_same(gocron: Gocron) -> None:
    fail(gocron, NOON)
    gocron.hear("backup", NOON + 10)
    gocron.sweep(NOON + MINUTE)
    assert subjects(gocron) == [
        "backup (web-01) failed with exit status 3 and works again after 10 s"
    ]


def test_one_that_fails_again_before_the_sweep_goes_on_failing(gocron: Gocron) -> None:
    fail(gocron, NOON)
    gocron.hear("backup", NOON + 10)
    fail(gocron, NOON + 20)
    gocron.sweep(NOON + MINUTE)
    assert subjects(gocron) == ["backup (web-01) failed with exit status 3"]
    gocron.hear("backup", NOON + 70)
    fail(gocron, NOON + 80)
    gocron.sweep(NOON + 2 * MINUTE)
    assert subjects(gocron) == []
    assert gocron.job("backup").failing_since == NOON


def test_a_job_that_fails_after_it_was_missing_is_one_mail_that_says_both(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + HOUR + MINUTE)
    gocron.mail.received.clear()
    fail(gocron, NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR + MINUTE)
    assert subjects(gocron) == ["backup (web-01) failed with exit status 3 and is back after 2 h"]


def test_a_failing_job_that_falls_silent_is_told_as_missing_too(gocron: Gocron) -> None:
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.sweep(NOON + HOUR + MINUTE)
    assert subjects(gocron) == [
        "backup (web-01) failed with exit status 3",
        "backup (web-01) has not checked in",
    ]
    gocron.hear("backup", NOON + 2 * HOUR)
    gocron.sweep(NOON + 2 * HOUR + MINUTE)
    assert subjects(gocron) == ["backup (web-01) is back after 2 h and works again after 2 h"]


def test_last_ok_and_last_heard_are_two_things(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    fail(gocron, NOON + HOUR)
    fail(gocron, NOON + 2 * HOUR)
    job: Job = gocron.job("backup")
    assert (job.last_ok_at, job.last_seen_at, job.failures) == (NOON, NOON + 2 * HOUR, 2)


def test_a_start_is_heard_and_neither_ends_a_failure_nor_counts_as_a_run(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    fail(gocron, NOON + HOUR)
    gocron.sweep(NOON + HOUR + MINUTE)
    gocron.mail.received.clear()
    gocron.hear("backup", NOON + 2 * HOUR, signal=Signal(START))
    gocron.sweep(NOON + 2 * HOUR + MINUTE)
    job = gocron.job("backup")
    assert (job.last_seen_at, job.started_at, job.last_ok_at) == (NOON + 2 * HOUR,) * 2 + (NOON,)
    assert job.failures == 1
    assert job.gaps == ()
    assert subjects(gocron) == []


@pytest.mark.parametrize("cronname", ["backup", "unknown"])
def test_what_was_only_logged_changes_nothing_but_the_output(gocron: Gocron, cronname: str) -> None:
    gocron.hear("backup", NOON)
    before = gocron.job("backup")
    gocron.hear(cronname, NOON + MINUTE, signal=Signal(LOG, output="half done"))
    assert gocron.job("backup") == before
    printed = [row["printed"] for row in gocron.rows("output")]
    assert printed == (["half done"] if cronname == "backup" else [])


def test_the_output_of_the_failure_is_kept_when_a_later_run_prints_too(gocron: Gocron) -> None:
    fail(gocron, NOON)
    gocron.hear("backup", NOON + MINUTE, signal=Signal(output="all well"))
    (row,) = gocron.rows("output")
    assert (row["printed"], row["failed"]) == ("all well", "pg_dump: no space left")


def test_no_failure_is_lost_while_mail_is_away(gocron: Gocron) -> None:
    gocron.mail.answers["DATA"] = "451 later"
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.hear("backup", NOON + HOUR)
    gocron.sweep(NOON + HOUR + MINUTE)
    gocron.mail.answers.clear()
    gocron.mail.received.clear()
    gocron.sweep(NOON + HOUR + 10 * MINUTE)
    gocron.sweep(NOON + HOUR + 20 * MINUTE)
    assert [subject.split(") ")[1] for subject in subjects(gocron)] == [
        "failed with exit status 3",
        "works again after 1 h",
    ]


def test_whoever_wants_no_news_of_ends_gets_none(gocron: Gocron) -> None:
    gocron.set(notify_recovery=False)
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.hear("backup", NOON + HOUR)
    gocron.sweep(NOON + HOUR + MINUTE)
    assert subjects(gocron) == ["backup (web-01) failed with exit status 3"]
    assert gocron.job("backup").failing_since is None


def test_a_failure_that_printed_nothing_is_not_told_with_the_output_of_an_older_one(
    gocron: Gocron,
) -> None:
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.hear("backup", NOON + HOUR)
    gocron.sweep(NOON + HOUR + MINUTE)
    gocron.mail.received.clear()
    fail(gocron, NOON + 2 * HOUR, Signal(FAIL, "4"))
    gocron.sweep(NOON + 2 * HOUR + MINUTE)
    (mail,) = gocron.mail.mails
    assert mail["Subject"] == "[gocron] backup (web-01) failed with exit status 4"
    assert "no space left" not in mail.as_string()


def test_an_address_that_a_job_gets_while_it_fails_is_told_of_the_failure_and_of_its_end(
    gocron: Gocron,
) -> None:
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.mail.received.clear()
    gocron.hear("backup", NOON + HOUR, email="new@example.com", signal=FAILED)
    for minute in (1, 2):
        gocron.sweep(NOON + HOUR + minute * MINUTE)
    told = {mail["To"]: mail["Subject"] for mail in gocron.mail.mails}
    assert len(gocron.mail.mails) == 2
    assert told["new@example.com"] == "[gocron] backup (web-01) failed with exit status 3"
    assert "declared anew" in told["ops@example.com"]
    gocron.mail.received.clear()
    gocron.hear("backup", NOON + 2 * HOUR, email="new@example.com")
    gocron.sweep(NOON + 2 * HOUR + MINUTE)
    assert sorted(mail["To"] for mail in gocron.mail.mails) == [
        *("new@example.com", "ops@example.com"),
    ]


def test_the_address_that_takes_the_place_of_one_that_was_given_up_is_told_of_the_failure(
    gocron: Gocron,
) -> None:
    gocron.mail.answers["RCPT"] = "550 5.1.1 no such user"
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    gocron.mail.answers.clear()
    gocron.mail.received.clear()
    gocron.hear("backup", NOON + HOUR, email="new@example.com", signal=FAILED)
    gocron.sweep(NOON + HOUR + MINUTE)
    told = [mail["Subject"] for mail in gocron.mail.mails if mail["To"] == "new@example.com"]
    assert told == ["[gocron] backup (web-01) failed with exit status 3"]


def test_a_failure_that_is_over_in_the_middle_of_a_sweep_is_told_before_its_end(
    gocron: Gocron,
) -> None:
    gocron.hear("backup", NOON)
    fail(gocron, NOON + 10)
    gocron.hear("backup", NOON + 20)
    with gocron.store.connected():
        # As where the failure came after the sweep had looked for some.
        assert failing.working(gocron.store, 10) == []
    gocron.sweep(NOON + MINUTE)
    assert subjects(gocron) == [
        "backup (web-01) failed with exit status 3 and works again after 10 s"
    ]
    assert gocron.job("backup").failing_since is None


def test_of_failures_between_two_sweeps_the_first_one_is_told(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    fail(gocron, NOON + 20)
    gocron.hear("backup", NOON + 30)
    fail(gocron, NOON + 40, Signal(FAIL, "TERM"))
    gocron.sweep(NOON + MINUTE)
    (mail,) = gocron.mail.mails
    text = mail.get_body(("plain",)).get_content()
    assert "failed with exit status 3" in mail["Subject"]
    assert f"last ok: {say_time(NOON)}" in text


def test_an_episode_that_a_version_before_ended_is_begun_anew_while_the_job_fails(
    gocron: Gocron,
) -> None:
    fail(gocron, NOON)
    gocron.sweep(NOON + MINUTE)
    with gocron.store.connected():
        episode = gocron.store.tables.episode
        gocron.store.write(lambda tx: episode.update({episode.ended_at: NOON + 90}).execute())
    gocron.sweep(NOON + 2 * MINUTE)
    gocron.hear("backup", NOON + 3 * MINUTE)
    gocron.sweep(NOON + 4 * MINUTE)
    assert [subject.rpartition(") ")[2] for subject in subjects(gocron)] == [
        "failed with exit status 3",
        "failed with exit status 3",
        "works again after 3 min",
    ]


def test_the_output_of_a_failure_outlives_what_comes_in_the_same_group(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    several = [
        CheckIn(*NAMES, None, None, None, None, "::1", NOON + 1, signal=FAILED),
        CheckIn(*NAMES, None, None, None, None, "::1", NOON + 2, signal=Signal(output="well")),
    ]
    with gocron.store.connected():
        gocron.store.write(lambda tx: checkins.record(tx, several))
    (row,) = gocron.rows("output")
    assert (row["printed"], row["failed"]) == ("well", "pg_dump: no space left")


def test_the_output_of_hundreds_of_failures_makes_no_mail_too_large(gocron: Gocron) -> None:
    long = Signal(FAIL, "1", output="\u6f22" * 3_000)
    for number in range(150):
        fail(gocron, NOON + number, long, f"job-{number}")
    gocron.sweep(NOON + HOUR)
    (mail,) = gocron.mail.mails
    assert len(mail.as_bytes()) < 2_000_000
    assert "\u6f22" in mail.get_body(("plain",)).get_content()

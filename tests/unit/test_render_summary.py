"""The summary as text."""

from dataclasses import replace

from gocron.core.job import Job, Totals
from gocron.core.news import Episode, Undelivered
from gocron.render.summary import Report, summary_text
from gocron.render.templates import Templates

NOW = 1_795_442_405


def job(name: str, account="web-01") -> Job:
    return Job(
        1,
        account,
        name,
        "",
        3600,
        600,
        False,
        "203.0.113.9",
        0,
        NOW - 11_700,
        NOW - 7500,
        NOW - 7500,
    )


def report(missing=(), left_out=0, ended=(), undelivered=(), jobs=42) -> Report:
    totals = Totals(2, jobs, len(missing) + left_out, NOW)
    return Report(NOW, NOW - 604_800, totals, missing, left_out, ended, len(ended) * 3, undelivered)


def test_odd_jobs_are_named_with_what_is_odd_about_them() -> None:
    told = said(replace(report(), odd=((job("a\nb"), ("one", "two")),), odd_count=3))
    assert "\nOdd, and watched all the same\n  a b (web-01): one; two\n  and 2 more\n" in told


def said(told: Report) -> str:
    return summary_text(Templates(), told)


def test_good_news_is_one_line():
    assert said(report()) == (
        "gocron: None of 42 jobs was missing, 2026-11-16 14:00:05 UTC to 2026-11-23 14:00:05 UTC.\n"
    )


def test_jobs_that_are_overdue_and_not_told_of_are_no_good_news():
    told = said(replace(report(), reprieved=3))
    assert told.startswith("gocron: Nothing is missing; 3 overdue jobs are held, suppressed or")


def test_no_job_is_no_good_news():
    assert said(report(jobs=0)).startswith("gocron: No job has checked in yet")


def test_missing_jobs_stand_below_their_account():
    told = said(report((job("backup"), job("rotate"), job("sync", "web-02")), left_out=2))
    assert told.splitlines()[0] == "gocron: 5 of 42 jobs are missing."
    assert (
        "Missing\n"
        "  web-01\n"
        "    backup: last heard 2026-11-23 10:45:05 UTC, silent for 3 h 15 min; "
        "runs every 1 h + 10 min grace\n"
    ) in told
    assert told.count("  web-01\n") == 1
    assert "  and 2 more jobs\n" in told


def test_jobs_that_fail_are_told_with_how_since_when_and_when_they_worked_last():
    broken = replace(
        job("sync"), exit_status="3", failing_at=NOW - 7200, last_ok_at=NOW - 86_400, failures=2
    )
    one = report()
    one = replace(one, failing=(broken,), totals=replace(one.totals, failing=2))
    told = said(one)
    assert told.splitlines()[0] == "gocron: 2 of 42 jobs fail."
    assert "0 missing, 2 failing." in told
    assert (
        "\nFailing\n"
        "  web-01\n"
        "    sync: failed with exit status 3, failing since 2026-11-23 12:00:05 UTC; "
        "last ok 2026-11-22 14:00:05 UTC\n"
        "  and 1 more job\n"
    ) in told
    both = report((job("backup"),))
    both = replace(both, failing=(broken,), totals=replace(both.totals, failing=1))
    assert said(both).startswith("gocron: 1 of 42 jobs is missing, 1 fails.\n")


def test_failures_that_ended_are_told_with_their_length():
    works = (Episode(1, job("sync"), NOW - 7500, 0, NOW - 4200),)
    told = said(replace(report(), works=works, works_count=2))
    assert told.startswith("gocron: Nothing is missing now; 2 failures ended.\n")
    assert "  sync (web-01): works since 2026-11-23 12:50:05 UTC, after 55 min\n" in told
    assert "  and 1 more\n" in told


def test_jobs_that_came_back_are_told_with_their_silence():
    told = said(report(ended=(Episode(1, job("sync"), NOW - 7500, NOW - 11_700, NOW - 4200),)))
    assert told.startswith("gocron: Nothing is missing now; 3 silences ended.\n")
    assert "  sync (web-01): back 2026-11-23 12:50:05 UTC, after 2 h 5 min\n" in told
    assert "  and 2 more\n" in told


def test_news_that_waits_is_told_with_its_reason():
    waiting = Undelivered("mail", "ops@example.com", 3, NOW, 4, NOW, None, "451 later\r\n")
    told = said(report(undelivered=(waiting,)))
    assert "news could not be delivered" in told
    assert "3 pieces of news by mail to ops@example.com" in told
    assert "    451 later\n" in told


def test_a_name_with_a_line_break_stays_one_line():
    assert "    a b: last heard" in said(report((job("a\r\nb"),)))

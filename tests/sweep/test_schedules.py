"""A job with a schedule is expected at its slots, in its zone, whenever it was heard."""

from datetime import datetime, timezone

from gocron.core.checkin import read_checkin
from gocron.core.signal import FAIL, Signal
from gocron.store import checkins, job_row
from tests.sweep.conftest import Gocron
from tests.sweep.test_own_outages import Front

MINUTE, HOUR, DAY = 60, 3600, 86_400
NIGHTLY = "17 3 * * 1-5"


def at(text: str) -> int:
    """A moment in UTC, in epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


def hear(gocron: Gocron, when: int, **told: str) -> int | None:
    """Let the job check in; return its deadline."""
    fields = {"account": "web-01", "cronname": "backup", **told}
    checkin = read_checkin(fields.items(), "203.0.113.9", when)
    with gocron.store.connected():
        (due,) = gocron.store.write(lambda tx: checkins.record(tx, [checkin]))
    return due


def declare(gocron: Gocron, when: int, schedule: str = NIGHTLY, **told: str) -> int | None:
    return hear(gocron, when, email="ops@example.com", schedule=schedule, **told)


def missing_at(gocron: Gocron, when: int) -> bool:
    gocron.sweep(when)
    return gocron.job("backup").missed_at is not None


def test_a_weekday_job_is_not_missing_at_the_weekend(gocron: Gocron) -> None:
    friday = at("2026-11-20 03:17:20")
    assert declare(gocron, friday, grace="30m") == at("2026-11-23 03:47:00")
    assert not missing_at(gocron, at("2026-11-23 03:46:59"))
    assert missing_at(gocron, at("2026-11-23 03:48:00"))


def test_the_zone_of_the_host_counts_when_clocks_change(gocron: Gocron) -> None:
    declare(gocron, at("2026-10-23 01:17:30"), "17 3 * * *", tz="Europe/Berlin", grace="10m")
    assert gocron.job("backup").due_at == at("2026-10-24 01:27:00")
    hear(gocron, at("2026-10-24 01:17:10"))
    assert gocron.job("backup").due_at == at("2026-10-25 02:27:00")


def test_an_early_run_counts_for_its_slot(gocron: Gocron) -> None:
    declare(gocron, at("2026-11-18 03:17:00"), "17 3 * * *")
    assert hear(gocron, at("2026-11-19 03:16:40")) == at("2026-11-20 03:17:00")


def test_a_run_by_hand_at_noon_moves_nothing(gocron: Gocron) -> None:
    due = declare(gocron, at("2026-11-18 03:17:00"), "17 3 * * *", grace="1h")
    assert hear(gocron, at("2026-11-18 12:00:00")) == due
    assert missing_at(gocron, at("2026-11-19 04:18:00"))


def test_a_job_first_heard_by_day_misses_nothing_that_lies_behind(gocron: Gocron) -> None:
    assert declare(gocron, at("2026-11-18 12:00:00"), "17 3 * * *") == at("2026-11-19 03:17:00")


def test_what_a_later_check_in_leaves_out_stays(gocron: Gocron) -> None:
    declare(gocron, at("2026-11-18 03:17:00"), "17 3 * * *", tz="Asia/Kolkata", grace="1h")
    hear(gocron, at("2026-11-18 21:47:30"))
    job = gocron.job("backup")
    assert (job.schedule.expression, job.schedule.zone) == ("17 3 * * *", "Asia/Kolkata")
    assert job.due_at == at("2026-11-19 22:47:00")


def test_a_frequency_takes_the_place_of_a_schedule_and_back(gocron: Gocron) -> None:
    noon = at("2026-11-18 12:00:00")
    declare(gocron, noon - DAY, "17 3 * * *")
    assert hear(gocron, noon, email="ops@example.com", frequency="3600") == noon + HOUR
    assert gocron.job("backup").schedule is None
    assert declare(gocron, noon, "0 18 * * *") == at("2026-11-18 18:00:00")


def test_another_schedule_counts_from_its_own_slots(gocron: Gocron) -> None:
    declare(gocron, at("2026-11-18 12:00:00"), "0 12 * * *")
    assert declare(gocron, at("2026-11-18 12:30:00"), "0 6 * * *") == at("2026-11-19 06:00:00")


def test_a_failure_satisfies_its_slot(gocron: Gocron) -> None:
    declare(gocron, at("2026-11-18 03:17:00"), "17 3 * * *", grace="1h")
    hear(gocron, at("2026-11-19 03:17:20"), state="fail")
    gocron.sweep(at("2026-11-19 04:30:00"))
    job = gocron.job("backup")
    assert job.missed_at is None
    assert job.failing_since == at("2026-11-19 03:17:20")


def test_a_run_lost_in_an_own_outage_is_expected_at_its_next_slot(gocron: Gocron) -> None:
    front = Front(gocron)
    declare(gocron, at("2026-11-18 03:17:00"), "17 3 * * *", grace="10m")
    front.live(at("2026-11-19 03:00:00"), at("2026-11-19 03:10:00"))
    gocron.sweep(at("2026-11-19 03:10:00"))
    front.live(at("2026-11-19 03:50:00"), at("2026-11-19 03:51:00"))
    gocron.sweep(at("2026-11-19 03:51:00"))
    assert gocron.job("backup").excused_until == at("2026-11-20 03:27:00")
    front.live(at("2026-11-19 03:51:00"), at("2026-11-20 03:29:00"))
    assert not missing_at(gocron, at("2026-11-20 03:26:00"))
    assert missing_at(gocron, at("2026-11-20 03:28:00"))


def test_the_mail_says_the_schedule_in_words(gocron: Gocron) -> None:
    declare(gocron, at("2026-11-20 03:17:20"), tz="Europe/Berlin", grace="30m")
    gocron.sweep(at("2026-11-24 12:00:00"))
    (mail,) = gocron.mail.mails
    text = mail.get_body(("plain",)).get_content()
    assert "runs: at 03:17 on Monday through Friday, Europe/Berlin + 30 min grace" in text


def test_a_wrong_clock_that_is_put_right_leaves_the_slots_right(gocron: Gocron) -> None:
    now = at("2026-11-18 12:00:00")
    declare(gocron, now - DAY, "17 3 * * *", grace="1h")
    hear(gocron, now + 40 * DAY, state="fail")
    with gocron.store.connected():
        job = gocron.store.tables.job
        gocron.store.write(lambda tx: job_row.hear_at(tx, job.last_seen_at > now, now, now))
    assert gocron.job("backup").due_at == at("2026-11-19 04:17:00")


def test_signals_and_schedules_go_together() -> None:
    told = {"account": "a", "cronname": "b", "schedule": "@daily", "exit": "3", "msg": "no"}
    checkin = read_checkin(told.items(), "192.0.2.1")
    assert checkin.signal == Signal(FAIL, "3", output="no")
    assert checkin.schedule is not None
    assert checkin.frequency_s == DAY


def test_a_slot_that_a_clock_ahead_satisfied_counts_no_more_once_it_is_right(
    gocron: Gocron,
) -> None:
    now = at("2026-11-18 12:00:00")
    declare(gocron, now + 365 * DAY, "0 * * * *")
    assert hear(gocron, now) == at("2026-11-18 13:00:00")


def test_whoever_was_told_until_then_is_told_of_a_schedule_that_leaves_more_time(
    gocron: Gocron,
) -> None:
    now = at("2026-11-18 12:00:00")
    declare(gocron, now, "*/5 * * * *")
    declare(gocron, now + 60, "*/5 0 29 2 *")
    gocron.sweep(now + 120)
    (subject,) = gocron.mail.subjects
    assert "declared" in subject

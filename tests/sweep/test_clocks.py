"""A clock that is wrong for a while: nobody is alarmed, and nothing is lost once it is right."""

import pytest

from gocron.core.job import Status
from gocron.core.judge import standing
from gocron.store import jobs, journal, lives
from gocron.sweep import sweep
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world
from tests.sweep.test_own_outages import MINUTE, Front

DAY = 86_400
JUMPED_AT = NOON + HOUR

every_jump = pytest.mark.parametrize("by", [5 * HOUR, 2 * DAY, 3_650 * DAY])


@pytest.fixture(autouse=True)
def operated(gocron: Gocron) -> None:
    gocron.set(status_dir="", operator_email="admin@example.com")


@pytest.fixture
def front(gocron: Gocron) -> Front:
    return Front(gocron)


def hear(gocron: Gocron, at: int, name: str = "job") -> None:
    gocron.hear(name, at, frequency_s=10 * MINUTE, grace_s=MINUTE)


def run_on(gocron: Gocron, front: Front, since: int, until: int, *names: str) -> None:
    """Let the front live, jobs check in each ten minutes, and a sweep run each minute."""
    for at in range(since, until, MINUTE):
        front.live(at, at + 50)
        for name in names:
            if (at - since) % (10 * MINUTE) == 0:
                hear(gocron, at, name)
        gocron.sweep(at + 55)


def jump(front: Front, since: int, to: int) -> None:
    """Let the clock of the front say `to` when it is `since`, for one sign of life."""
    front.ahead_s = to - since
    front.live(to, to)
    front.ahead_s = 0


def sweep_in_a_jump(gocron: Gocron, front: Front, by: int) -> None:
    """Let a job run for an hour, and then a front and a sweep once by a clock that is ahead."""
    run_on(gocron, front, NOON, JUMPED_AT, "job")
    jump(front, JUMPED_AT, JUMPED_AT + by)
    gocron.sweep(JUMPED_AT + by + 5)


def owners_mails(gocron: Gocron) -> list[str]:
    return [mail["Subject"] for to, mail in gocron.mail.received if to != "admin@example.com"]


@every_jump
def test_a_job_that_dies_after_the_clock_was_ahead_is_told_of(
    gocron: Gocron, front: Front, by: int
) -> None:
    sweep_in_a_jump(gocron, front, by)
    run_on(gocron, front, JUMPED_AT + MINUTE, JUMPED_AT + HOUR, "job")
    assert owners_mails(gocron) == []
    assert all(row["ended_at"] < JUMPED_AT + HOUR for row in gocron.rows("outage"))
    run_on(gocron, front, JUMPED_AT + HOUR, JUMPED_AT + HOUR + 15 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] job (web-01) has not checked in"]


@every_jump
def test_a_job_that_was_dead_when_the_clock_jumped_is_told_of(
    gocron: Gocron, front: Front, by: int
) -> None:
    sweep_in_a_jump(gocron, front, by)
    assert standing(gocron.job("job"), JUMPED_AT + by + 5) is Status.EXCUSED
    run_on(gocron, front, JUMPED_AT + MINUTE, JUMPED_AT + 30 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] job (web-01) has not checked in"]


def test_what_was_heard_by_a_clock_ahead_counts_as_heard_when_it_was_put_right(
    gocron: Gocron, front: Front
) -> None:
    run_on(gocron, front, NOON, JUMPED_AT, "job")
    jump(front, JUMPED_AT, JUMPED_AT + 2 * DAY)
    hear(gocron, JUMPED_AT + 2 * DAY)
    run_on(gocron, front, JUMPED_AT + MINUTE, JUMPED_AT + 2 * MINUTE)
    assert gocron.job("job").last_seen_at == JUMPED_AT + MINUTE
    run_on(gocron, front, JUMPED_AT + 2 * MINUTE, JUMPED_AT + 15 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] job (web-01) has not checked in"]


def test_a_missing_job_that_was_heard_by_a_clock_ahead_came_back_when_it_was_put_right(
    gocron: Gocron, front: Front
) -> None:
    run_on(gocron, front, NOON, NOON + MINUTE, "job")
    run_on(gocron, front, NOON + MINUTE, JUMPED_AT)
    jump(front, JUMPED_AT, JUMPED_AT + 2 * DAY)
    hear(gocron, JUMPED_AT + 2 * DAY)
    run_on(gocron, front, JUMPED_AT + MINUTE, JUMPED_AT + 3 * MINUTE)
    (episode,) = gocron.rows("episode")
    assert episode["ended_at"] == JUMPED_AT + MINUTE


def test_an_outage_of_a_site_that_a_clock_ahead_ended_ends_when_it_was_put_right(
    gocron: Gocron, front: Front
) -> None:
    def gateway(at: int) -> None:
        gocron.hear("office", at, frequency_s=5 * MINUTE, grace_s=MINUTE, site=True)

    front.live(NOON - 60, NOON)
    gateway(NOON)
    run_on(gocron, front, NOON, NOON + MINUTE, "job")
    run_on(gocron, front, NOON + MINUTE, JUMPED_AT)
    assert owners_mails(gocron) == ["[gocron] office (web-01) has not checked in"]
    jump(front, JUMPED_AT, JUMPED_AT + 2 * DAY)
    gateway(JUMPED_AT + 2 * DAY)
    gocron.sweep(JUMPED_AT + 2 * DAY + 5)
    run_on(gocron, front, JUMPED_AT + MINUTE, JUMPED_AT + 2 * MINUTE)
    outages = [row for row in gocron.rows("outage") if row["site_id"] is not None]
    assert [row["ended_at"] for row in outages] == [JUMPED_AT + MINUTE]
    # Its run fell in that outage, and the next one did not come either.
    assert standing(gocron.job("job"), JUMPED_AT + 2 * MINUTE) is Status.EXCUSED
    for at in range(JUMPED_AT + 2 * MINUTE, JUMPED_AT + 20 * MINUTE, 5 * MINUTE):
        run_on(gocron, front, at, at + 5 * MINUTE)
        gateway(at + 5 * MINUTE)
    assert "[gocron] job (web-01) has not checked in" in owners_mails(gocron)


def test_the_operator_is_told_that_a_clock_jumped(gocron: Gocron, front: Front) -> None:
    run_on(gocron, front, NOON, NOON + MINUTE)
    front.ahead_s = HOUR
    run_on(gocron, front, NOON + HOUR, NOON + HOUR + 15 * MINUTE)
    (mail,) = [mail for to, mail in gocron.mail.received if to == "admin@example.com"]
    told = mail.get_body(("plain",)).get_content()
    assert "clock jumped forth meanwhile: whoever was heard before has 1 h more" in told


def test_history_outlives_a_clock_that_is_years_ahead(gocron: Gocron, front: Front) -> None:
    run_on(gocron, front, NOON, NOON + MINUTE, "job")
    run_on(gocron, front, NOON + MINUTE, JUMPED_AT)
    hear(gocron, JUMPED_AT)
    gocron.sweep(JUMPED_AT + 50)
    far = JUMPED_AT + 730 * DAY
    front.ahead_s = 730 * DAY
    for at in range(far, far + 3 * HOUR, 30 * MINUTE):
        front.live(at, at + 30 * MINUTE - 10)
        gocron.sweep(at + 30 * MINUTE - 5)
    assert 1 in [episode["id"] for episode in gocron.rows("episode")]


def test_a_sweep_that_was_held_up_takes_no_check_in_for_one_by_a_clock_that_was_ahead(
    gocron: Gocron, front: Front
) -> None:
    """A host that sleeps while it sweeps, or a journal of hours: all that came since lies ahead."""
    run_on(gocron, front, NOON, JUMPED_AT, "job")
    awake_at = JUMPED_AT + 3 * HOUR
    front.live(JUMPED_AT, awake_at)
    hear(gocron, awake_at)
    times = iter([JUMPED_AT])
    with gocron.store.connected():
        world = quiet_world(gocron.config)
        sweep(gocron.store, gocron.config, lambda: next(times, awake_at), world)
        found = lives.of_fronts(gocron.store, 0, "front-01")
    assert gocron.job("job").last_seen_at == awake_at
    assert max(life.until_at for life in found) == awake_at
    assert gocron.rows("outage") == []


@pytest.mark.parametrize("by", [2 * MINUTE, 9 * MINUTE])
def test_an_outage_is_seen_in_minutes_that_a_clock_put_back_lives_anew(
    gocron: Gocron, front: Front, by: int
) -> None:
    run_on(gocron, front, NOON, JUMPED_AT, "job")
    front.ahead_s = by
    run_on(gocron, front, JUMPED_AT + by, JUMPED_AT + HOUR + by, "job")
    put_back_at = JUMPED_AT + HOUR
    front.ahead_s = 0
    front.live(put_back_at + 10, put_back_at + 20)
    gocron.sweep(put_back_at + 25)
    back_at = put_back_at + by - 10
    front.live(back_at, back_at + 10)
    gocron.sweep(back_at + 15)
    own = [(row["began_at"], row["ended_at"]) for row in gocron.rows("outage")]
    assert own[-1] == (put_back_at + 25, back_at), "since the last look, at which it was open"


def test_what_a_clock_ahead_put_off_is_not_put_off_until_it_gets_there(
    gocron: Gocron, front: Front
) -> None:
    """News, lines of the journal, and that a job was told of as declared anew today."""
    run_on(gocron, front, NOON, JUMPED_AT, "job")
    gocron.mail.stop()
    jump(front, JUMPED_AT, JUMPED_AT + 2 * DAY)
    gocron.hear("other", JUMPED_AT + 2 * DAY, email="before@example.com")
    gocron.hear("other", JUMPED_AT + 2 * DAY, email="after@example.com")
    gocron.sweep(JUMPED_AT + 2 * DAY + 5)
    with gocron.store.connected():
        journal.mark_read(gocron.store, "a", 1, JUMPED_AT + 2 * DAY)
    gocron.mail.start()
    run_on(gocron, front, JUMPED_AT + MINUTE, JUMPED_AT + 3 * MINUTE, "job")
    assert "before@example.com" in gocron.mail.recipients
    put_right_at = JUMPED_AT + MINUTE
    assert [row["queued_at"] for row in gocron.rows("redeclaration")] == [put_right_at]
    assert [row["settled_at"] for row in gocron.rows("journal")] == [put_right_at]


def test_a_front_that_goes_on_by_the_old_clock_for_a_moment_has_that_put_right_as_well(
    gocron: Gocron, front: Front
) -> None:
    """It measures with its next sign; a sweep has put all else right before."""
    run_on(gocron, front, NOON, JUMPED_AT, "job")
    jump(front, JUMPED_AT, JUMPED_AT + 2 * DAY)
    gocron.sweep(JUMPED_AT + 10)
    hear(gocron, JUMPED_AT + 2 * DAY + 15)
    front.live(JUMPED_AT + 20, JUMPED_AT + 60)
    gocron.sweep(JUMPED_AT + 65)
    assert gocron.job("job").last_seen_at <= JUMPED_AT + 65


def test_a_clock_that_is_put_back_hours_after_it_was_wrong_alarms_nobody(
    gocron: Gocron, front: Front
) -> None:
    """For three hours it was two hours ahead."""
    run_on(gocron, front, NOON, JUMPED_AT, "job", "late")
    ahead = JUMPED_AT + 2 * HOUR
    front.ahead_s = 2 * HOUR
    run_on(gocron, front, ahead, ahead + 3 * HOUR, "job", "late")
    front.ahead_s = 0
    run_on(gocron, front, JUMPED_AT + 3 * HOUR, JUMPED_AT + 4 * HOUR, "job")
    assert owners_mails(gocron) == ["[gocron] late (web-01) has not checked in"]
    with gocron.store.connected():
        assert all(job.last_seen_at < JUMPED_AT + 4 * HOUR for job in jobs.every_job(gocron.store))


@pytest.mark.parametrize("by", [20 * MINUTE, 67 * MINUTE, 9 * HOUR])
def test_a_clock_that_stays_ahead_alarms_nobody_who_is_well_and_tells_who_is_dead(
    gocron: Gocron, front: Front, by: int
) -> None:
    """The jobs run by the right time, and seem late by as much as it jumped."""
    periods = {"often": 10 * MINUTE, "hourly": HOUR, "rare": 4 * HOUR, "dead": 4 * HOUR}
    for at in range(NOON, NOON + 21 * HOUR, 10 * MINUTE):
        front.ahead_s = by if at > JUMPED_AT + 11 * HOUR else 0
        for name, period_s in periods.items():
            is_dead = name == "dead" and at > JUMPED_AT + 10 * HOUR
            if (at - NOON) % period_s == 0 and not is_dead:
                gocron.hear(name, at + front.ahead_s, frequency_s=period_s, grace_s=5 * MINUTE)
        if at > JUMPED_AT + 10 * HOUR:
            front.live(at + front.ahead_s, at + front.ahead_s + 9 * MINUTE + 50)
            gocron.sweep(at + front.ahead_s + 9 * MINUTE + 55)
    assert owners_mails(gocron) == ["[gocron] dead (web-01) has not checked in"]


@pytest.mark.parametrize("by", [30 * MINUTE, 2 * HOUR])
def test_what_was_heard_by_a_clock_behind_counts_as_heard_when_it_was_put_right(
    gocron: Gocron, front: Front, by: int
) -> None:
    """A host without a clock of its own boots, takes what curl tries again, and gets the time."""
    run_on(gocron, front, NOON, JUMPED_AT, "job", "dead")
    jump(front, JUMPED_AT + 5, JUMPED_AT - by)
    hear(gocron, JUMPED_AT - by)
    run_on(gocron, front, JUMPED_AT + 15, JUMPED_AT + 10 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] dead (web-01) has not checked in"]
    run_on(gocron, front, JUMPED_AT + 10 * MINUTE, JUMPED_AT + 30 * MINUTE)
    assert owners_mails(gocron)[1:] == ["[gocron] job (web-01) has not checked in"]


def test_a_site_that_is_down_is_down_by_a_clock_that_is_behind_too(
    gocron: Gocron, front: Front
) -> None:
    for at in range(NOON, JUMPED_AT, 5 * MINUTE):
        gocron.hear("office", at, frequency_s=5 * MINUTE, grace_s=MINUTE, site=True)
        run_on(gocron, front, at, at + 5 * MINUTE, *(["job"] if at % 600 == NOON % 600 else []))
    run_on(gocron, front, JUMPED_AT, JUMPED_AT + 30 * MINUTE)
    assert standing(gocron.job("job"), JUMPED_AT + 30 * MINUTE) is Status.SUPPRESSED
    front.ahead_s = -2 * HOUR
    run_on(gocron, front, JUMPED_AT - 90 * MINUTE, JUMPED_AT - 89 * MINUTE)
    front.ahead_s = 0
    run_on(gocron, front, JUMPED_AT + 31 * MINUTE, JUMPED_AT + 2 * HOUR)
    assert owners_mails(gocron) == ["[gocron] office (web-01) has not checked in"]


def test_a_sweep_whose_clock_is_behind_has_no_outage_told_of_again(
    gocron: Gocron, front: Front
) -> None:
    run_on(gocron, front, NOON - HOUR, NOON, "job")
    run_on(gocron, front, NOON + HOUR, NOON + 80 * MINUTE, "job")
    for at in range(NOON + 80 * MINUTE, NOON + 100 * MINUTE, MINUTE):
        gocron.sweep(at - 3 * HOUR + 5)
        run_on(gocron, front, at, at + MINUTE, "job")
    assert len(gocron.mail.received) == 1

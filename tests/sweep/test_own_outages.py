"""gocron was away itself: nobody is alarmed, nobody dead is forgotten, one mail tells of it."""

from pathlib import Path

import pytest

from gocron.core.channel import MAIL
from gocron.core.job import Status
from gocron.core.judge import standing
from gocron.core.own_outage import Knock
from gocron.render.moment import iso
from gocron.store import deliveries, lives, operator_news, outbox
from tests.sweep.conftest import HOUR, NOON, Gocron

MINUTE = 60
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def operated(gocron: Gocron) -> None:
    gocron.set(status_dir="", operator_email="admin@example.com")


class Front:
    """A front that leaves signs of life while it is up, by a clock that is told."""

    def __init__(self, gocron: Gocron) -> None:
        self.gocron = gocron
        self.now = NOON
        # By how much the clock is ahead of the time that the host has been up.
        self.ahead_s = 0
        self.life_signs = lives.LifeSigns(
            gocron.store, lambda: self.now, "front-01", lambda: self.now - self.ahead_s
        )

    def live(self, since: int, until: int) -> None:
        with self.gocron.store.connected():
            for self.now in range(since, until + 1, 10):
                self.life_signs.give()


@pytest.fixture
def front(gocron: Gocron) -> Front:
    return Front(gocron)


def hear_hourly(gocron: Gocron, number: int, since: int, until: int) -> None:
    for at in range(since, until, HOUR):
        gocron.hear(f"job-{number}", at + number * MINUTE, grace_s=5 * MINUTE)


def owners_mails(gocron: Gocron) -> list[str]:
    return [mail["Subject"] for to, mail in gocron.mail.received if to != "admin@example.com"]


def operators_mails(gocron: Gocron) -> list[str]:
    return [
        mail.get_body(("plain",)).get_content()
        for to, mail in gocron.mail.received
        if to == "admin@example.com"
    ]


def test_three_hours_away_alarm_nobody_and_what_died_meanwhile_is_found(
    gocron: Gocron, front: Front
) -> None:
    front.live(NOON - 60, NOON)
    for number in range(20):
        hear_hourly(gocron, number, NOON - 4 * HOUR, NOON)
    gocron.sweep(NOON)
    # The whole host is off. The first sweep comes before any job.
    back = NOON + 3 * HOUR
    front.live(back, back + 30)
    gocron.sweep(back + 30)
    assert gocron.mail.received == []
    assert standing(gocron.job("job-3"), back + 30) is Status.EXCUSED
    for at in range(back + 40, back + 3 * HOUR, 20 * MINUTE):
        front.live(at, at + 20 * MINUTE - 10)
        for number in set(range(20)) - {7}:
            run_at = at - (at - back) % HOUR + number * MINUTE
            if at < run_at + MINUTE <= at + 20 * MINUTE:
                gocron.hear(f"job-{number}", run_at, grace_s=5 * MINUTE)
        gocron.sweep(at + 20 * MINUTE - 10)
    assert owners_mails(gocron) == ["[gocron] job-7 (web-01) has not checked in"]
    (told,) = operators_mails(gocron)
    assert "gocron could not be reached for 3 h" in told
    assert "20 jobs whose run may have fallen into it have been excused once" in told


def test_a_sweep_that_was_away_alone_tells_what_died_at_once(gocron: Gocron, front: Front) -> None:
    front.live(NOON - 60, NOON)
    hear_hourly(gocron, 1, NOON - 4 * HOUR, NOON)
    gocron.sweep(NOON)
    front.live(NOON + 10, NOON + 3 * HOUR)
    gocron.sweep(NOON + 3 * HOUR)
    assert owners_mails(gocron) == ["[gocron] job-1 (web-01) has not checked in"]
    assert operators_mails(gocron) == []


def test_while_nobody_can_check_in_what_becomes_overdue_is_held(
    gocron: Gocron, front: Front
) -> None:
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON - 50 * MINUTE)
    gocron.sweep(NOON)
    gocron.knock = Knock.FAILED
    swept = gocron.sweep(NOON + 30 * MINUTE)
    assert gocron.mail.received == []
    assert standing(gocron.job("backup"), NOON + 30 * MINUTE) is Status.HELD
    assert swept.complaints[0].startswith("nobody can check in since 2026-09-21 14:13:20 UTC")


@pytest.mark.parametrize("self_url", ["", "https://gocron.example.com/"])
def test_a_sweep_whose_front_keeps_check_ins_in_another_database_holds_everything_and_says_so(
    gocron: Gocron, front: Front, self_url: str
) -> None:
    """A file restored under the front, two configurations on a host, production's self_url."""
    gocron.set(self_url=self_url)
    front.live(NOON - 60, NOON)
    gocron.sign = front.life_signs.sign
    gocron.hear("backup", NOON - 50 * MINUTE)
    assert gocron.sweep(NOON).complaints == []
    front.live(NOON + 10, NOON + 30 * MINUTE)
    gocron.sign = f"7-{'a' * 16}-{NOON}"
    swept = gocron.sweep(NOON + 30 * MINUTE)
    assert gocron.mail.received == []
    assert standing(gocron.job("backup"), NOON + 30 * MINUTE) is Status.HELD
    assert swept.complaints[0].startswith("nobody can check in since 2026-09-21 14:")
    assert "the front keeps check-ins in another database" in swept.complaints[0]
    gocron.sign = front.life_signs.sign
    assert gocron.sweep(NOON + 30 * MINUTE).complaints == []


def test_a_front_without_time_for_a_sweep_holds_nobody_while_its_signs_are_young(
    gocron: Gocron, front: Front
) -> None:
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON - 50 * MINUTE)
    gocron.sweep(NOON)
    gocron.knock = Knock.SLOW
    front.live(NOON + 10, NOON + 30 * MINUTE)
    swept = gocron.sweep(NOON + 30 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] backup (web-01) has not checked in"]
    assert "can't check in through the front door" in swept.complaints[0]


def test_a_public_door_that_is_shut_counts_though_fronts_are_alive(
    gocron: Gocron, front: Front
) -> None:
    gocron.set(self_url="https://gocron.example.com/")
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON - 50 * MINUTE)
    gocron.sweep(NOON)
    gocron.knock = Knock.FAILED
    front.live(NOON + 10, NOON + 30 * MINUTE)
    gocron.sweep(NOON + 30 * MINUTE)
    gocron.knock = Knock.KEPT
    front.live(NOON + 30 * MINUTE, NOON + 31 * MINUTE)
    gocron.sweep(NOON + 31 * MINUTE)
    assert gocron.mail.received == []
    assert standing(gocron.job("backup"), NOON + 31 * MINUTE) is Status.EXCUSED


def test_a_public_door_by_which_nobody_ever_came_in_holds_nobody(
    gocron: Gocron, front: Front
) -> None:
    """A host that can't reach its own public address says nothing of those outside."""
    gocron.set(self_url="https://gocron.example.com/")
    gocron.knock = Knock.FAILED
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON - 50 * MINUTE)
    gocron.sweep(NOON)
    front.live(NOON + 10, NOON + 11 * MINUTE)
    swept = gocron.sweep(NOON + 11 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] backup (web-01) has not checked in"]
    assert "can't check in through the front door" in swept.complaints[0]
    # That fronts are away is known without it.
    gocron.hear("backup", NOON + 12 * MINUTE)
    front.live(NOON + 11 * MINUTE, NOON + 12 * MINUTE)
    gocron.sweep(NOON + 12 * MINUTE)
    gocron.sweep(NOON + 2 * HOUR)
    assert standing(gocron.job("backup"), NOON + 2 * HOUR) is Status.HELD


def test_a_host_that_never_came_in_holds_nobody_though_another_host_did(
    gocron: Gocron, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    gocron.set(self_url="https://gocron.example.com/")
    gocron.hear("dead", NOON, frequency_s=10 * MINUTE, grace_s=MINUTE)
    for at in range(NOON + MINUTE, NOON + 13 * MINUTE, MINUTE):
        front.live(at - 50, at)
        for host, knock in (("balancer", Knock.FAILED), ("sweeper", Knock.KEPT)):
            monkeypatch.setattr("gocron.sweep.fronts.this_host", lambda host=host: host)
            gocron.knock = knock
            gocron.sweep(at + 5)
    assert owners_mails(gocron) == ["[gocron] dead (web-01) has not checked in"]
    assert [row for row in gocron.rows("outage") if row["ended_at"] is None] == []


def test_a_door_that_stays_shut_for_us_alone_delays_alerts_for_one_day_only(
    gocron: Gocron, front: Front
) -> None:
    """The sweep's way is broken, and others' is not: who can tell?"""
    gocron.set(self_url="https://gocron.example.com/")
    front.live(NOON - 60, NOON)
    for name in ("first", "second"):
        gocron.hear(name, NOON, frequency_s=HOUR)
    gocron.sweep(NOON)
    gocron.knock = Knock.FAILED
    for at in range(NOON + 10 * MINUTE, NOON + 33 * HOUR, 10 * MINUTE):
        gocron.hear("alive", at, frequency_s=20 * MINUTE)
        if at < NOON + 30 * HOUR:
            gocron.hear("second", at, frequency_s=HOUR)
        front.now = at
        front.life_signs.heard()
        front.live(at, at + 30)
        gocron.sweep(at + 35)
    missing = {row["job_id"]: row["missed_at"] for row in gocron.rows("episode")}
    queued = {row["episode_id"]: row["queued_at"] for row in gocron.rows("news")}
    assert list(missing) == [gocron.job("first").id, gocron.job("second").id]
    assert queued[1] - missing[1] < 25 * HOUR
    assert queued[2] - missing[2] < HOUR


def test_what_nginx_kept_meanwhile_excuses_nobody(gocron: Gocron, front: Front) -> None:
    gocron.set(self_url="https://gocron.example.com/")
    front.live(NOON - 60, NOON)
    gocron.hear("dead", NOON - 50 * MINUTE)
    gocron.hear("replayed", NOON - 50 * MINUTE)
    gocron.sweep(NOON)
    gocron.knock = Knock.JOURNALLED
    gocron.sweep(NOON + 60)
    gocron.hear("replayed", NOON + 9 * MINUTE)
    gocron.knock = Knock.KEPT
    front.live(NOON + 30 * MINUTE, NOON + 40 * MINUTE)
    gocron.sweep(NOON + 31 * MINUTE)
    assert owners_mails(gocron) == [], "another host may yet replay its journal"
    gocron.sweep(NOON + 40 * MINUTE)
    assert owners_mails(gocron) == ["[gocron] dead (web-01) has not checked in"]


def test_a_clock_that_jumps_five_hours_alarms_nobody(gocron: Gocron, front: Front) -> None:
    front.live(NOON - 60, NOON)
    for number in range(5):
        hear_hourly(gocron, number, NOON - 4 * HOUR, NOON)
    gocron.sweep(NOON)
    jumped = NOON + 5 * HOUR
    front.live(jumped, jumped + 50)
    gocron.sweep(jumped + 50)
    assert gocron.mail.received == []
    # Set right again.
    front.live(NOON + 60, NOON + 120)
    for number in range(5):
        gocron.hear(f"job-{number}", NOON + 60, grace_s=5 * MINUTE)
    gocron.sweep(NOON + 120)
    assert owners_mails(gocron) == []


def test_a_clock_that_jumps_between_a_fronts_sign_and_a_sweep_alarms_nobody(
    gocron: Gocron, front: Front
) -> None:
    front.live(NOON - 60, NOON)
    gocron.hear("backup", NOON - 60)
    gocron.sweep(NOON)
    swept = gocron.sweep(NOON + 5 * HOUR)
    assert gocron.mail.received == []
    assert "the clock has jumped since the front's last sign" in swept.complaints[0]


def test_a_restored_backup_is_an_outage(gocron: Gocron, front: Front) -> None:
    front.live(NOON - 60, NOON)
    for number in range(3):
        hear_hourly(gocron, number, NOON - 4 * HOUR, NOON)
    gocron.sweep(NOON)
    days_later = NOON + 50 * HOUR
    gocron.sweep(days_later)
    front.live(days_later + 60, days_later + 120)
    gocron.sweep(days_later + 120)
    assert owners_mails(gocron) == []


def test_the_operators_mail_waits_for_the_mail_server_and_comes_once(
    gocron: Gocron, front: Front
) -> None:
    front.live(NOON - 60, NOON)
    gocron.sweep(NOON)
    front.live(NOON + HOUR, NOON + HOUR + 20 * MINUTE)
    gocron.mail.stop()
    gocron.sweep(NOON + HOUR + 20 * MINUTE)
    gocron.mail.start()
    for late in range(1, 5):
        gocron.sweep(NOON + HOUR + (20 + late) * MINUTE)
    assert len(operators_mails(gocron)) == 1


def test_the_page_tells_of_an_outage_for_a_week(
    gocron: Gocron, front: Front, tmp_path: Path
) -> None:
    gocron.set(status_dir=str(tmp_path / "status"))
    front.live(NOON - 60, NOON)
    gocron.sweep(NOON)
    ended_at = NOON + HOUR
    # What follows within ten minutes would be the same outage.
    front.live(ended_at, ended_at + 11 * MINUTE)
    gocron.sweep(ended_at + 11 * MINUTE)
    for at, shown in ((ended_at + 7 * DAY, True), (ended_at + 7 * DAY + 1, False)):
        front.live(at, at)
        gocron.sweep(at)
        index = (tmp_path / "status/index.html").read_text()
        assert (iso(ended_at) in index) is shown


def away_for_an_hour(gocron: Gocron, front: Front) -> int:
    """Let gocron be away; return when a sweep can know that it is over."""
    front.live(NOON - 60, NOON)
    gocron.sweep(NOON)
    over = NOON + HOUR + 20 * MINUTE
    front.live(NOON + HOUR, over)
    return over


def test_an_operators_address_that_is_dead_is_given_up_once_and_complained_of(
    gocron: Gocron, front: Front
) -> None:
    gocron.mail.answers["admin@example.com"] = "550 5.1.1 no such user"
    over = away_for_an_hour(gocron, front)
    failures = [gocron.sweep(over + minute * MINUTE).delivered.failures for minute in range(20)]
    assert failures == [["admin@example.com: 550 5.1.1 no such user; given up"], *[[]] * 19]
    assert [one.recipient for one in gocron.sweep(over + HOUR).unresolved] == ["admin@example.com"]
    # Mended: the one who takes the place is told, once.
    gocron.set(operator_email="root@example.com")
    for minute in range(5):
        assert gocron.sweep(over + 2 * HOUR + minute * MINUTE).unresolved == ()
    assert gocron.mail.recipients == ["root@example.com"]


def put_off_by_a_sweep_of_before(gocron: Gocron, now: int) -> None:
    """Take all that is due as that version does, which tells no news but of episodes."""
    news = gocron.store.tables.news
    change = {news.next_try_at: now + outbox.LEASE_S, news.attempts: news.attempts + 1}
    is_open = news.sent_at.is_null() & news.given_up_at.is_null()
    with gocron.store.connected(), gocron.store.writing():
        news.update(change).where(is_open & (news.next_try_at <= now)).execute()


def test_a_sweep_of_the_version_before_keeps_no_news_from_the_operator(
    gocron: Gocron, front: Front
) -> None:
    over = away_for_an_hour(gocron, front)
    with gocron.store.connected():
        operator_news.queue(gocron.store, "admin@example.com", over, MAIL)
    put_off_by_a_sweep_of_before(gocron, over)
    gocron.mail.answers["DATA"] = "451 later"
    gocron.sweep(over)
    tried = [len(gocron.mail.mails)]
    for minute in range(1, 16):
        put_off_by_a_sweep_of_before(gocron, over + minute * MINUTE)
        gocron.sweep(over + minute * MINUTE)
        tried.append(len(gocron.mail.mails))
    assert tried == [1] * 5 + [2] * 5 + [3] * 5 + [4], "tried with a pause, and again and again"
    gocron.mail.answers.clear()
    gocron.sweep(over + 20 * MINUTE)
    gocron.sweep(over + 30 * MINUTE)
    assert len(gocron.mail.mails) == 5


def test_the_operators_news_is_put_off_a_little_longer_each_time(
    gocron: Gocron, front: Front
) -> None:
    gocron.mail.answers["DATA"] = "451 later"
    over = away_for_an_hour(gocron, front)
    for minute in range(30):
        gocron.sweep(over + minute * MINUTE)
    tried = [to for to, _ in gocron.mail.received]
    assert 5 <= len(tried) <= 9, "not each minute, and again and again"
    with gocron.store.connected():
        (waits,) = deliveries.undelivered(gocron.store, NOON, 0)
    assert (waits.recipient, waits.last_error) == ("admin@example.com", "451 later")


def test_an_outage_that_goes_on_after_it_was_told_is_told_as_a_whole(
    gocron: Gocron, front: Front
) -> None:
    over = away_for_an_hour(gocron, front)
    gocron.sweep(over)
    outage = gocron.store.tables.outage
    with gocron.store.connected(), gocron.store.writing():
        change = {outage.ended_at: NOON + HOUR + MINUTE, outage.told_at: None}
        outage.update(change).execute()
    gocron.sweep(over + 10)
    gocron.sweep(over + 20)
    first, second = operators_mails(gocron)
    assert "not be reached for 1 h." in first
    assert "not be reached for 1 h 1 min." in second
    keys = {mail["Message-ID"] for mail in gocron.mail.mails}
    assert len(keys) == 2


def test_an_outage_that_goes_on_before_its_news_has_left_is_one_mail_about_the_whole(
    gocron: Gocron, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, gone = NOON + HOUR, NOON + HOUR + 9 * MINUTE
    front.live(NOON - 60, NOON)
    gocron.sweep(NOON)
    front.live(back, gone)
    gocron.sweep(gone)
    gocron.mail.answers["DATA"] = "451 later"
    with monkeypatch.context() as broken:
        # This sweep can't look, and for all that it knows the outage is over.
        broken.delattr("gocron.sweep.watch_fronts")
        gocron.sweep(gone + 5 * MINUTE)
    assert len(gocron.rows("news")) == 1
    gocron.mail.received.clear()
    del gocron.mail.answers["DATA"]
    gocron.knock = Knock.FAILED
    for at in range(gone + 10 * MINUTE, gone + 30 * MINUTE, MINUTE):
        gocron.sweep(at)
    assert operators_mails(gocron) == []
    gocron.knock = Knock.KEPT
    for at in range(gone + 30 * MINUTE, gone + 50 * MINUTE, MINUTE):
        front.live(at, at + 50)
        gocron.sweep(at + 55)
    (told,) = operators_mails(gocron)
    assert "not be reached for 1 h 39 min" in told


def test_an_outage_of_more_than_a_week_ago_is_no_news(gocron: Gocron, front: Front) -> None:
    gocron.set(operator_email="")
    over = away_for_an_hour(gocron, front)
    gocron.sweep(over)
    gocron.set(operator_email="admin@example.com")
    for late_s, told in ((1, 0), (-1, 1)):
        at = NOON + HOUR + operator_news.NEWS_FOR_S + late_s
        with gocron.store.connected():
            operator_news.queue(gocron.store, "admin@example.com", at, MAIL)
        assert len(gocron.rows("news")) == told

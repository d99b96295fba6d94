"""One episode, one alert; one return, one notice."""

from email.utils import parsedate_to_datetime

from gocron.core.checkin import CheckIn
from gocron.store import declarations
from tests.sweep.conftest import HOUR, NOON, Gocron


def test_a_job_in_time_is_told_to_nobody(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + HOUR)
    assert gocron.mail.mails == []


def test_a_job_that_goes_silent_is_mailed_once(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    for late in range(1, 6):
        gocron.sweep(NOON + HOUR + 60 * late)
    assert gocron.mail.subjects == ["[gocron] backup (web-01) has not checked in"]
    assert gocron.mail.recipients == ["ops@example.com"]


def test_grace_is_part_of_the_deadline(gocron: Gocron) -> None:
    gocron.hear("backup", NOON, grace_s=600)
    gocron.sweep(NOON + HOUR + 600)
    assert gocron.mail.mails == []
    gocron.sweep(NOON + HOUR + 601)
    assert len(gocron.mail.mails) == 1


def test_a_job_that_comes_back_is_mailed_once_below_its_alert(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear("backup", NOON + 3 * HOUR)
    gocron.sweep(NOON + 3 * HOUR + 60)
    gocron.sweep(NOON + 3 * HOUR + 120)
    alert, notice = gocron.mail.mails
    assert notice["Subject"] == "[gocron] backup (web-01) is back after 3 h"
    assert notice["In-Reply-To"] == alert["Message-ID"]
    assert notice["Message-ID"] != alert["Message-ID"]


def test_a_mail_has_the_headers_of_an_automatic_one(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + 2 * HOUR)
    (alert,) = gocron.mail.mails
    assert alert["Auto-Submitted"] == "auto-generated"
    assert alert["From"] == "gocron <gocron@example.com>"
    assert parsedate_to_datetime(alert["Date"]).timestamp() == NOON + 2 * HOUR


def test_each_new_silence_is_told_anew(gocron: Gocron) -> None:
    for day in range(3):
        gocron.hear("backup", NOON + day * 10 * HOUR)
        gocron.sweep(NOON + day * 10 * HOUR + 1)
        gocron.sweep(NOON + day * 10 * HOUR + 2 * HOUR)
    gone = "[gocron] backup (web-01) has not checked in"
    back = "[gocron] backup (web-01) is back after 10 h"
    assert gocron.mail.subjects == [gone, back, gone, back, gone]


def test_many_silent_jobs_of_one_owner_are_one_mail(gocron: Gocron) -> None:
    for number in range(30):
        gocron.hear(f"job-{number}", NOON)
    gocron.hear("other", NOON, email="dev@example.com")
    gocron.sweep(NOON + 2 * HOUR)
    assert sorted(gocron.mail.recipients) == ["dev@example.com", "ops@example.com"]
    (digest,) = (mail for to, mail in gocron.mail.received if to == "ops@example.com")
    assert digest["Subject"].startswith("[gocron] 30 jobs have not checked in")


def test_every_recipient_of_a_job_is_told(gocron: Gocron) -> None:
    gocron.hear("backup", NOON, email="ops@example.com, dev@example.com")
    gocron.sweep(NOON + 2 * HOUR)
    assert sorted(gocron.mail.recipients) == ["dev@example.com", "ops@example.com"]


def test_who_was_told_of_the_silence_is_told_of_its_end(gocron: Gocron) -> None:
    gocron.hear("backup", NOON, email="old@example.com")
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear("backup", NOON + 3 * HOUR, email="new@example.com")
    gocron.sweep(NOON + 3 * HOUR + 60)
    told = [to for to, mail in gocron.mail.received if "declared anew" not in mail["Subject"]]
    assert told == ["old@example.com", "old@example.com"]


def test_recoveries_can_be_left_out(gocron: Gocron) -> None:
    gocron.set(notify_recovery=False)
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear("backup", NOON + 3 * HOUR)
    gocron.sweep(NOON + 3 * HOUR + 60)
    assert len(gocron.mail.mails) == 1
    assert gocron.job("backup").missed_at is None


def test_a_job_that_came_back_and_went_again_between_two_sweeps_is_told_both(
    gocron: Gocron,
) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + 2 * HOUR)
    gocron.hear("backup", NOON + 3 * HOUR)
    gocron.sweep(NOON + 9 * HOUR)
    assert len(gocron.rows("episode")) == 2
    assert gocron.mail.mails[-1]["Subject"].startswith("[gocron] 1 job has not checked in, 1 is")
    assert gocron.job("backup").missed_at == NOON + 4 * HOUR


def test_a_clock_that_steps_back_an_hour_tells_nothing_twice_and_loses_nothing(
    gocron: Gocron,
) -> None:
    gocron.hear("dead", NOON)
    gocron.hear("alive", NOON + HOUR)
    gocron.sweep(NOON + HOUR + 10)
    gocron.sweep(NOON + 10)
    gocron.hear("alive", NOON + 20)
    gocron.sweep(NOON + 30)
    assert gocron.mail.subjects == ["[gocron] dead (web-01) has not checked in"]
    gocron.sweep(NOON + 20 + HOUR + 1)
    assert gocron.mail.subjects[1:] == ["[gocron] alive (web-01) has not checked in"]


def test_a_job_without_a_usable_address_does_not_stop_the_others(gocron: Gocron) -> None:
    gocron.hear("odd", NOON, email="no address at all")
    gocron.hear("backup", NOON)
    swept = gocron.sweep(NOON + 2 * HOUR)
    assert gocron.mail.recipients == ["ops@example.com"]
    assert len(swept.delivered.failures) == 1


def test_a_job_that_was_declared_and_never_heard_is_told_of_as_such(gocron: Gocron) -> None:
    declared = CheckIn("web-01", "new", "ops@example.com", HOUR, None, None, "", NOON)
    with gocron.store.connected():
        assert declarations.declare(gocron.store, declared) == "added"
    gocron.sweep(NOON + 2 * HOUR)
    (alert,) = gocron.mail.mails
    assert "last heard: never, declared" in alert.get_body(("plain",)).get_content()


def test_sites_are_spoken_of_only_to_those_who_have_some(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON, account="office")
    gocron.hear("gateway", NOON + 2 * HOUR, account="office", site=True, address="192.0.2.1")
    gocron.sweep(NOON + 2 * HOUR)
    reasons = {one["job_id"]: one["reason"] for one in gocron.rows("episode")}
    without, among = (reasons[gocron.job("backup", account).id] for account in ("web-01", "office"))
    assert without.startswith("no check-in by ")
    assert "site" not in without
    assert among == f"{without}, and it is behind no site"

"""No alert is lost, and none is told twice, whatever the mail server does."""

from dataclasses import replace
from pathlib import Path

import pytest

from gocron.core.checkin import CheckIn
from gocron.store import checkins, deliveries, outbox
from tests.peers import SlackPeer, scripted_server
from tests.sweep.conftest import HOUR, NOON, Gocron

LATE = NOON + 2 * HOUR


def test_a_mail_server_that_is_down_for_five_sweeps_gets_every_alert_once(gocron: Gocron) -> None:
    for number in range(20):
        gocron.hear(f"job-{number}", NOON, email=f"owner-{number % 4}@example.com")
    gocron.mail.stop()
    for minute in range(5):
        swept = gocron.sweep(LATE + 60 * minute)
        assert swept.delivered.sent == 0
        assert len(swept.delivered.failures) <= 1
    gocron.mail.start()
    for minute in range(5, 15):
        gocron.sweep(LATE + 60 * minute)
    assert sorted(gocron.mail.recipients) == [f"owner-{number}@example.com" for number in range(4)]
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(20)}


def test_one_mailbox_in_several_spellings_gets_one_mail_in_the_first_of_them(
    gocron: Gocron,
) -> None:
    spellings = ("Ops@Example.com", "ops@example.com", "Ops@EXAMPLE.COM")
    for number, email in enumerate(spellings):
        gocron.hear(f"job-{number}", NOON + number, email=email)
    gocron.hear("job-3", NOON, email="dev@example.com, DEV@example.com")
    gocron.sweep(LATE)
    assert sorted(gocron.mail.recipients) == ["Ops@Example.com", "dev@example.com"]
    assert gocron.mail.told() == {"job-0": 1, "job-1": 1, "job-2": 1, "job-3": 1}


def test_a_mailbox_that_is_tried_again_is_one_still(gocron: Gocron) -> None:
    gocron.mail.answers["DATA"] = "451 greylisted"
    for number, email in enumerate(("ops@Example.com", "ops@example.com")):
        gocron.hear(f"job-{number}", NOON + number, email=email)
    gocron.sweep(LATE)
    gocron.mail.answers.clear()
    gocron.sweep(LATE + 60)
    first, second = gocron.mail.mails
    assert first["Message-ID"] == second["Message-ID"]
    for number in range(2):
        gocron.hear(f"job-{number}", LATE + 120, email="ops@example.com")
    gocron.sweep(LATE + 180)
    assert gocron.mail.mails[2]["In-Reply-To"] == first["Message-ID"]
    assert len(gocron.mail.mails) == 3


@pytest.mark.parametrize(
    "spellings",
    [
        ("\u00c4@example.com", "\u00e4@example.com", "a\u0308@example.com"),
        ("ops@example.com", "ops@example.com.", "OPS@example.com"),
        ('"o ps"@example.com', '"O PS"@example.com', '"o pS"@Example.com'),
    ],
)
def test_what_waits_for_one_mailbox_is_taken_as_it_was_found(
    gocron: Gocron, spellings: tuple[str, ...]
) -> None:
    for number, email in enumerate(spellings):
        gocron.hear(f"job-{number}", NOON, email=email)
    gocron.mail.stop()
    gocron.sweep(LATE)
    store, news = gocron.store, gocron.store.tables.news
    with store.connected():
        fresh = {news.digest: None, news.given_up_at: None, news.next_try_at: LATE}
        store.write(lambda tx: news.update(fresh).execute())
        (waiting,) = outbox.due(store, LATE)
        digest = outbox.claim(store, waiting, LATE)
        assert digest is not None and digest.size == len(spellings)
        assert outbox.due(store, LATE) == []
        outbox.put_back(store, digest, LATE, "451 later")
        (waiting,) = outbox.due(store, LATE + HOUR)
        again = outbox.claim(store, waiting, LATE + HOUR)
        assert again is not None and again.size == len(spellings)
        assert deliveries.retry(store, spellings[-1], LATE + 2 * HOUR) == len(spellings)


def test_a_spelling_that_is_refused_costs_no_other_spelling_its_news(gocron: Gocron) -> None:
    gocron.mail.answers["Ops@example.com"] = "550 5.1.1 no such user"
    gocron.hear("a", NOON, email="Ops@example.com")
    gocron.hear("b", NOON, email="ops@example.com")
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure.startswith("Ops@example.com: 550")
    gocron.sweep(LATE + 60)
    assert gocron.mail.recipients == ["ops@example.com"]
    assert gocron.mail.subjects == ["[gocron] b (web-01) has not checked in"]
    (unresolved,) = gocron.sweep(LATE + 120).unresolved
    assert (unresolved.recipient, unresolved.count) == ("Ops@example.com", 1)
    gocron.hear("a", LATE + 180, email="ops@example.com")
    gocron.hear("b", LATE + 180, email="ops@example.com")
    gocron.sweep(LATE + 240)
    assert [row["recipient"] for row in gocron.rows("news") if row["kind"] == "recovered"] == [
        "ops@example.com"
    ]


def test_a_dead_mail_server_is_asked_once_a_sweep(gocron: Gocron) -> None:
    for number in range(10):
        gocron.hear("backup", NOON, account=f"web-{number}", email=f"o{number}@example.com")
    gocron.mail.stop()
    assert len(gocron.sweep(LATE).delivered.failures) == 1


def test_a_recipient_that_is_refused_for_good_is_given_up_alone(gocron: Gocron) -> None:
    gocron.mail.answers["gone@example.com"] = "550 no such user"
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.hear("b", NOON)
    swept = gocron.sweep(LATE)
    assert gocron.mail.recipients == ["ops@example.com"]
    assert swept.delivered.failures == ["gone@example.com: 550 no such user; given up"]
    gocron.mail.answers.clear()
    assert gocron.sweep(LATE + 3 * HOUR).delivered.failures == []
    assert gocron.mail.recipients == ["ops@example.com"]


def test_what_was_given_up_is_still_told_of(gocron: Gocron) -> None:
    gocron.mail.answers["gone@example.com"] = "550 no such user"
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    with gocron.store.connected():
        (given_up,) = deliveries.undelivered(gocron.store, LATE, 0)
    assert (given_up.recipient, given_up.given_up_at) == ("gone@example.com", LATE)
    assert "550 no such user" in given_up.last_error


def test_nobody_hears_of_the_end_of_a_silence_he_could_not_be_told_of(gocron: Gocron) -> None:
    gocron.mail.answers["gone@example.com"] = "550 no such user"
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    gocron.mail.answers.clear()
    gocron.hear("a", LATE + 60, email="gone@example.com")
    gocron.sweep(LATE + 120)
    assert gocron.mail.mails == []


def test_a_recipient_that_is_refused_for_now_is_tried_later_with_the_same_message_id(
    gocron: Gocron,
) -> None:
    gocron.mail.answers["DATA"] = "451 greylisted"
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    gocron.mail.answers.clear()
    gocron.sweep(LATE + 10)
    assert len(gocron.mail.mails) == 1, "tried again before its time"
    gocron.sweep(LATE + 60)
    first, second = gocron.mail.mails
    assert first["Message-ID"] == second["Message-ID"]
    gocron.sweep(LATE + HOUR)
    assert len(gocron.mail.mails) == 2


def test_news_that_a_job_is_back_never_overtakes_the_news_that_it_was_missing(
    put_off: Gocron,
) -> None:
    put_off.hear("a", LATE + 5)
    put_off.sweep(LATE + 10)
    assert put_off.mail.mails == [], "the alert waits for its next try, and so must the end"
    put_off.sweep(LATE + 60)
    put_off.sweep(LATE + 61)
    assert [subject.split()[3] for subject in put_off.mail.subjects] == ["has", "is"]


def test_an_alert_and_its_end_that_never_left_come_in_one_mail(gocron: Gocron) -> None:
    gocron.mail.stop()
    gocron.hear("probe", NOON, email="first@example.com")
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    gocron.hear("a", LATE + 5)
    gocron.mail.start()
    gocron.sweep(LATE + 10)
    (mail,) = [mail for to, mail in gocron.mail.received if to == "ops@example.com"]
    assert mail["Subject"] == "[gocron] a (web-01) has not checked in and is back after 2 h"


def test_a_claim_keeps_other_sweeps_away_until_its_lease_ends(gocron: Gocron) -> None:
    gocron.hear("a", NOON)
    gocron.mail.stop()
    gocron.sweep(LATE)
    store, again = gocron.store, LATE + 60
    with store.connected():
        (waiting,) = outbox.due(store, again)
        assert outbox.claim(store, waiting, again) is not None
        assert outbox.claim(store, waiting, again) is None
        assert outbox.due(store, again + outbox.LEASE_S - 1) == []
        assert outbox.due(store, again + outbox.LEASE_S) == [waiting]


def test_slack_is_told_first_when_it_is_preferred(gocron: Gocron, slack: SlackPeer) -> None:
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    gocron.hear("a", LATE + 60)
    gocron.sweep(LATE + 120)
    assert len(slack.posts) == 2
    assert gocron.mail.mails == []


def test_mail_is_sent_when_slack_fails(gocron: Gocron, slack: SlackPeer) -> None:
    slack.status = 500
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    gocron.hear("a", NOON, email="ops@example.com, dev@example.com")
    swept = gocron.sweep(LATE)
    assert sorted(gocron.mail.recipients) == ["dev@example.com", "ops@example.com"]
    assert swept.delivered.failures == []
    gocron.sweep(LATE + 600)
    assert len(gocron.mail.mails) == 2
    assert len(slack.posts) == 1


def test_the_webhook_stands_in_no_error(gocron: Gocron, caplog: pytest.LogCaptureFixture) -> None:
    gocron.set(prefer_slack=True, slack_hook_url="http://127.0.0.1:9/services/T/B/secret")
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    assert "sending a mail instead" in caplog.text
    assert "secret" not in caplog.text


def test_a_login_that_fails_keeps_the_news_and_not_the_password(gocron: Gocron) -> None:
    gocron.config = replace(gocron.config, smtpaddress="ops", smtppassword="s3cret")
    gocron.hear("a", NOON)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert "s3cret" not in failure
    assert [row["channel"] for row in gocron.rows("news")] == ["mail"]


def test_more_jobs_than_a_statement_has_parameters_are_told_in_one_mail_each(
    gocron: Gocron, slack: SlackPeer
) -> None:
    slack.status = 500
    gocron.set(prefer_slack=True, slack_hook_url=slack.url, status_dir="")
    with gocron.store.connected():
        for start in range(0, 33_000, 1000):
            some = [
                CheckIn("web-01", f"job-{number}", "ops@example.com", HOUR, None, None, "::1", NOON)
                for number in range(start, start + 1000)
            ]
            gocron.store.write(lambda tx, some=some: checkins.record(tx, some))
    gocron.sweep(LATE)
    with gocron.store.connected(), gocron.store.writing():
        job = gocron.store.tables.job
        job.update({job.back_at: LATE + 60, job.due_at: LATE + HOUR}).execute()
    gocron.sweep(LATE + 120)
    assert [subject.split(":")[0] for subject in gocron.mail.subjects] == [
        "[gocron] 33,000 jobs have not checked in",
        "[gocron] 33,000 jobs are back",
    ]
    gone, back = gocron.mail.mails
    assert back["In-Reply-To"] == gone["Message-ID"]
    assert all(len(mail.as_bytes()) < 300_000 for mail in gocron.mail.mails)


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("ops@example.com", "530 authentication required"),
        ("ops@example.com", "550 5.7.1 relaying denied"),
        ("ops@example.com", "554 relay access denied"),
        ("DATA", "554 transaction failed"),
        ("DATA", "552 storage exceeded"),
    ],
)
def test_what_the_server_refuses_to_everybody_is_tried_again(
    gocron: Gocron, where: str, answer: str
) -> None:
    gocron.mail.answers[where] = answer
    gocron.hear("a", NOON)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert "will retry" in failure
    gocron.mail.answers.clear()
    gocron.mail.received.clear()
    gocron.sweep(LATE + HOUR)
    assert gocron.mail.recipients == ["ops@example.com"]


def test_a_server_that_greets_nobody_costs_no_alert(gocron: Gocron) -> None:
    with scripted_server(b"220 hello\r\n", b"554 go away\r\n", b"554 go away\r\n") as port:
        gocron.set(smtpport=port)
        gocron.hear("a", NOON)
        (failure,) = gocron.sweep(LATE).delivered.failures
    assert "will retry" in failure
    gocron.set(smtpport=gocron.mail.port)
    gocron.sweep(LATE + HOUR)
    assert gocron.mail.recipients == ["ops@example.com"]


def test_a_server_that_answers_by_drops_does_not_hold_the_sweep(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gocron.notify.mail.DELIVERY_LIMIT_S", 1)
    with scripted_server(*[b"220-wait\r\n"] * 1000, pause_s=0.05) as port:
        gocron.set(smtpport=port)
        gocron.hear("a", NOON)
        (failure,) = gocron.sweep(LATE).delivered.failures
    assert "not done within 1 s" in failure


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_a_slack_that_speaks_no_http_is_a_slack_that_failed(gocron: Gocron, answer: bytes) -> None:
    with scripted_server(answer) as port:
        gocron.set(prefer_slack=True, slack_hook_url=f"http://127.0.0.1:{port}/services/x")
        gocron.hear("a", NOON)
        gocron.sweep(LATE)
    assert gocron.mail.recipients == ["ops@example.com"]


def test_news_of_a_job_without_an_address_is_given_up_by_the_name_of_the_job(
    gocron: Gocron, slack: SlackPeer
) -> None:
    slack.status = 500
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    gocron.hear("orphan", NOON)
    with gocron.store.connected(), gocron.store.writing():
        gocron.store.tables.job.update({gocron.store.tables.job.email: ""}).execute()
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert "orphan (web-01) without a recipient" in failure


def test_of_several_jobs_without_an_address_one_is_named_and_the_others_are_counted(
    gocron: Gocron, slack: SlackPeer
) -> None:
    slack.status = 500
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    for name in ("a", "b", "c"):
        gocron.hear(name, NOON)
    with gocron.store.connected(), gocron.store.writing():
        gocron.store.tables.job.update({gocron.store.tables.job.email: ""}).execute()
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert "(web-01) and 2 more without a recipient" in failure


def test_news_that_a_wrong_clock_put_off_is_told_once_the_clock_is_right(gocron: Gocron) -> None:
    gocron.mail.stop()
    gocron.hear("a", NOON)
    gocron.sweep(LATE + 365 * 24 * HOUR)
    gocron.mail.start()
    gocron.sweep(LATE)
    assert gocron.mail.recipients == ["ops@example.com"]


def test_all_that_waits_for_a_dead_server_counts_as_undelivered(gocron: Gocron) -> None:
    for number in range(50):
        gocron.hear(f"job-{number}", NOON, email=f"owner-{number}@example.com")
    gocron.mail.stop()
    gocron.sweep(LATE)
    with gocron.store.connected():
        assert deliveries.count_undelivered(gocron.store, LATE, 0) == 50


def test_a_broken_template_of_the_site_does_not_stop_alerts(gocron: Gocron, tmp_path: Path) -> None:
    (tmp_path / "alert.txt.j2").write_text("{% if %}")
    gocron.set(reports_dir=str(tmp_path))
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    assert gocron.mail.recipients == ["ops@example.com"]

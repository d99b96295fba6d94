"""What is objected to in one job's name, or in one link, keeps nobody else from his alert."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from gocron.core.job import Job
from gocron.notify import DeliveryFailed, Lease
from gocron.notify.mail import Mail
from gocron.render import entry as render_entry
from gocron.render import mail as render_mail
from gocron.render import slack as render_slack
from gocron.store import outbox, parts
from gocron.sweep.attempt import PATIENCE_ATTEMPTS
from tests.peers import MailPeer, SlackPeer
from tests.sweep.conftest import HOUR, NOON, Gocron

LATE = NOON + 2 * HOUR
SPAM = "554 5.7.1 message contains a blacklisted word"
BAD = "job-13 viagra"


def hear_jobs(gocron: Gocron, count: int, **more: str) -> None:
    for number in range(count):
        gocron.hear(f"job-{number}", NOON, **more)


def text(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content()


def all_sent(gocron: Gocron) -> bool:
    return all(row["sent_at"] is not None for row in gocron.rows("news"))


def test_one_refused_name_keeps_nobody_else_from_his_alert(gocron: Gocron) -> None:
    hear_jobs(gocron, 40)
    gocron.hear(BAD, NOON)
    gocron.hear("elsewhere", NOON, email="dev@example.com")
    gocron.mail.objections["viagra"] = SPAM
    swept = gocron.sweep(LATE)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(40)}
    assert "dev@example.com" in gocron.mail.recipients
    (nameless,) = [mail for mail in gocron.mail.mails if "could not be sent" in text(mail)]
    assert nameless["Subject"] == "[gocron] 1 job has not checked in"
    assert "account: web-01" in text(nameless)
    assert swept.delivered.failures == [
        f"ops@example.com: {SPAM}; told without the name of {BAD} (web-01)"
    ]
    assert all_sent(gocron)
    received = len(gocron.mail.mails)
    assert gocron.sweep(LATE + HOUR).delivered.failures == []
    assert len(gocron.mail.mails) == received


def test_a_refused_account_is_not_named_either(gocron: Gocron) -> None:
    gocron.hear("a", NOON, account="viagra")
    gocron.mail.objections["viagra"] = SPAM
    gocron.sweep(LATE)
    (mail,) = gocron.mail.mails
    assert "1 job has not checked in" in mail["Subject"]
    assert "account" not in text(mail)


def test_a_refused_link_is_left_out_and_all_jobs_are_named(gocron: Gocron) -> None:
    gocron.set(public_url="http://status.example.com/")
    hear_jobs(gocron, 10)
    gocron.mail.objections["status.example.com"] = SPAM
    swept = gocron.sweep(LATE)
    (mail,) = gocron.mail.mails
    assert len(gocron.mail.told()) == 10
    assert len(gocron.mail.tries) == 2
    assert swept.delivered.failures == []
    assert mail.get_body(("html",)) is None


def test_what_is_told_of_one_job_is_never_told_in_two_mails(gocron: Gocron) -> None:
    gocron.mail.stop()
    for name in ("probe", BAD, "a"):
        gocron.hear(name, NOON)
    gocron.sweep(LATE)
    with gocron.store.connected(), gocron.store.writing():
        # As if their first digests had never been made.
        news = gocron.store.tables.news
        news.update({news.digest: None}).execute()
    for name in (BAD, "a"):
        gocron.hear(name, LATE + 5)
    gocron.mail.start()
    gocron.mail.objections["viagra"] = SPAM
    gocron.sweep(LATE + HOUR)
    subjects = [subject.replace("[gocron] ", "") for subject in gocron.mail.subjects]
    assert sorted(subject.split(":")[0] for subject in subjects if " back" in subject) == [
        "1 job has not checked in and is back after 2 h",
        "a (web-01) has not checked in and is back after 2 h",
    ]


def test_a_server_that_takes_nothing_of_us_gets_all_in_one_mail_once_it_does(
    gocron: Gocron,
) -> None:
    hear_jobs(gocron, 20)
    gocron.mail.objections["gocron"] = "554 transaction failed"
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure == "ops@example.com: 554 transaction failed; will retry"
    assert len({row["digest"] for row in gocron.rows("news")}) == 1
    assert {row["attempts"] for row in gocron.rows("news")} == {1}
    gocron.mail.objections.clear()
    gocron.sweep(LATE + HOUR)
    assert len(gocron.mail.mails) == 1
    assert len(gocron.mail.told()) == 20


def test_a_sweep_does_not_try_for_ever(gocron: Gocron, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gocron.sweep.deliver.TRIES_A_SWEEP", 6)
    hear_jobs(gocron, 16)
    gocron.hear(BAD, NOON - 1)
    gocron.mail.objections["viagra"] = SPAM
    gocron.hear("elsewhere", NOON, email="dev@example.com")
    swept = gocron.sweep(LATE)
    assert swept.delivered.failures == [
        f"ops@example.com: {SPAM}; told without the name of {BAD} (web-01)",
        f"ops@example.com: {SPAM}; the next sweep goes on",
    ]
    assert "dev@example.com" in gocron.mail.recipients
    assert len(gocron.mail.tries) <= 6 + 2
    for minute in range(1, 5):
        gocron.sweep(LATE + 60 * minute)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(16)}
    assert all_sent(gocron)


def test_a_server_that_puts_one_name_off_for_ever_holds_nobody_else(gocron: Gocron) -> None:
    hear_jobs(gocron, 5)
    gocron.hear(BAD, NOON)
    gocron.mail.objections["viagra"] = "451 4.3.0 filter failed, try again later"
    for number in range(PATIENCE_ATTEMPTS):
        assert gocron.mail.mails == []
        gocron.sweep(LATE + number * HOUR)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(5)}
    assert all_sent(gocron)


@pytest.mark.parametrize("dies_after", [False, True])
def test_a_sweep_that_is_killed_while_it_splits_has_nothing_told_twice(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch, dies_after: bool
) -> None:
    hear_jobs(gocron, 8)
    gocron.hear(BAD, NOON)
    gocron.mail.objections["viagra"] = SPAM
    split = parts.split

    def killed(*arguments: Any) -> None:
        if dies_after:
            split(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "split", killed)
    with pytest.raises(KeyboardInterrupt):
        gocron.sweep(LATE)
    assert gocron.mail.mails == []
    monkeypatch.undo()
    gocron.sweep(LATE + outbox.LEASE_S)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(8)}
    assert len(gocron.mail.mails) == len({mail["Message-ID"] for mail in gocron.mail.mails})
    assert all_sent(gocron)


def test_a_part_whose_server_breaks_off_keeps_its_id(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been taken: whoever gets it twice must see that it is the same."""
    hear_jobs(gocron, 2)
    gocron.hear(BAD, NOON)
    gocron.mail.objections["viagra"] = SPAM
    sent = Mail.send

    def breaks_off(self: Mail, mail: EmailMessage, to: str, lease: Lease) -> None:
        sent(self, mail, to, lease)
        raise DeliveryFailed("connection lost")

    monkeypatch.setattr(Mail, "send", breaks_off)
    gocron.sweep(LATE)
    monkeypatch.undo()
    gocron.sweep(LATE + HOUR)
    assert gocron.mail.told() == {"job-0": 1, "job-1": 1}
    ids = [mail["Message-ID"] for mail in gocron.mail.mails]
    assert sorted(ids) == sorted([*set(ids)] * 2)


@pytest.mark.parametrize("answer", ["552 5.3.4 message size exceeds fixed limit", "523 too long"])
def test_a_mail_that_is_too_large_is_told_in_brief_at_once(gocron: Gocron, answer: str) -> None:
    hear_jobs(gocron, 60)
    gocron.mail.objections["multipart/alternative"] = answer
    gocron.hear("elsewhere", NOON, email="dev@example.com")
    gocron.mail.objections["job-55"] = answer
    swept = gocron.sweep(LATE)
    assert sorted(gocron.mail.recipients) == ["dev@example.com", "ops@example.com"]
    assert swept.delivered.failures == []
    (brief,) = [mail for to, mail in gocron.mail.received if to == "ops@example.com"]
    assert "and 10 more" in text(brief)


def test_a_refused_name_in_a_mail_that_is_too_large_holds_nobody_else(gocron: Gocron) -> None:
    hear_jobs(gocron, 12)
    gocron.hear(BAD, NOON)
    gocron.mail.objections["multipart/alternative"] = "552 5.3.4 too large"
    gocron.mail.objections["viagra"] = SPAM
    gocron.sweep(LATE)
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(12)}
    assert all_sent(gocron)


def test_a_server_that_announces_how_much_it_takes_gets_no_more(gocron: Gocron) -> None:
    gocron.mail.stop()
    gocron.mail.size_limit = 20_000
    gocron.mail.start()
    hear_jobs(gocron, 300)
    gocron.hear("elsewhere", NOON, email="dev@example.com")
    assert gocron.sweep(LATE).delivered.failures == []
    assert sorted(gocron.mail.recipients) == ["dev@example.com", "ops@example.com"]
    assert len(gocron.mail.tries) == 2


def test_a_server_that_takes_next_to_nothing_is_told_how_many(gocron: Gocron) -> None:
    gocron.mail.stop()
    gocron.mail.size_limit = 2_000
    gocron.mail.start()
    hear_jobs(gocron, 300)
    gocron.sweep(LATE)
    assert gocron.mail.subjects == ["[gocron] 300 jobs have not checked in"]
    assert all_sent(gocron)


def test_one_name_that_slack_refuses_keeps_nobody_else_from_slack(
    gocron: Gocron, slack: SlackPeer
) -> None:
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    hear_jobs(gocron, 10)
    gocron.hear(BAD, NOON)
    slack.objections["viagra"] = "invalid_blocks"
    swept = gocron.sweep(LATE)
    told = str(slack.taken)
    assert all(f"job-{number}`" in told for number in range(10))
    assert "viagra" not in told
    assert "1 job has not checked in" in told
    assert gocron.mail.mails == []
    (failure,) = swept.delivered.failures
    assert failure.endswith(f"told without the name of {BAD} (web-01)")


def test_what_slack_takes_in_no_form_becomes_mail(gocron: Gocron, slack: SlackPeer) -> None:
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    hear_jobs(gocron, 10)
    slack.status, slack.said = 400, b"invalid_payload"
    assert gocron.sweep(LATE).delivered.failures == []
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(10)}
    assert len(gocron.mail.mails) == 1


def test_one_job_that_a_bug_keeps_from_being_written_is_told_without_its_name(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By mail and by Slack: what is refused by the writer is refused like any other content."""
    whole = render_mail.full_name

    def stumbles(job: Job, limit: int = 60) -> str:
        if job.cronname == BAD:
            raise KeyError("no such thing")
        return whole(job, limit)

    monkeypatch.setattr(render_mail, "full_name", stumbles)
    monkeypatch.setattr("gocron.render.wording.full_name", stumbles)
    monkeypatch.setattr(render_entry, "say_runs", lambda job: ("runs every", stumbles(job)))
    hear_jobs(gocron, 10)
    gocron.hear(BAD, NOON)
    gocron.hear("elsewhere", NOON, email="dev@example.com")
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure.startswith("ops@example.com: bug: KeyError('no such thing')")
    assert "\n" not in failure
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(10)}
    assert "dev@example.com" in gocron.mail.recipients
    assert all_sent(gocron)


def test_a_post_that_a_bug_keeps_from_being_written_holds_no_other(
    gocron: Gocron, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = render_slack._news_line
    monkeypatch.setattr(
        render_slack,
        "_news_line",
        lambda item, now, **alone: (
            1 / 0 if item.episode.job.cronname == BAD else line(item, now, **alone)
        ),
    )
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    hear_jobs(gocron, 10)
    gocron.hear(BAD, NOON)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert "bug: ZeroDivisionError" in failure
    assert all(f"job-{number}`" in str(slack.taken) for number in range(10))
    assert all_sent(gocron)


@pytest.mark.parametrize("by_slack", [False, True])
def test_remarks_that_a_bug_keeps_from_being_made_are_left_out(
    gocron: Gocron, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch, by_slack: bool
) -> None:
    monkeypatch.setattr("gocron.sweep.attempt.Remarks.on", lambda *_: 1 / 0)
    if by_slack:
        gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    gocron.hear("a", NOON)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert "bug: ZeroDivisionError" in failure
    assert len(slack.taken) + len(gocron.mail.mails) == 1


def test_a_digest_that_can_not_be_read_holds_no_other(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = outbox.claim

    def stumbles(store: object, waiting: outbox.Waiting, now: int) -> object:
        if waiting.recipient == "first@example.com":
            raise ValueError("'asleep' is not a valid Status")
        return claim(store, waiting, now)

    monkeypatch.setattr("gocron.store.outbox.claim", stumbles)
    gocron.hear("a", NOON, email="first@example.com")
    gocron.hear("b", NOON)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure.startswith("first@example.com: bug: ValueError")
    assert gocron.mail.recipients == ["ops@example.com"]
    monkeypatch.undo()
    gocron.sweep(LATE + HOUR)
    assert gocron.mail.recipients == ["ops@example.com", "first@example.com"]


def test_the_sites_template_is_not_asked_again_once_its_mail_was_refused(
    gocron: Gocron, tmp_path: Path, mail: MailPeer
) -> None:
    (tmp_path / "alert.txt.j2").write_text("buy viagra\n{{ headline }}\n")
    gocron.set(reports_dir=str(tmp_path))
    hear_jobs(gocron, 3)
    mail.objections["viagra"] = SPAM
    assert gocron.sweep(LATE).delivered.failures == []
    assert len(mail.told()) == 3

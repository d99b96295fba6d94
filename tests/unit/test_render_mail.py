"""What a mail says, and that no name can make it say anything else."""

import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.job import Job
from gocron.core.news import Digest, Episode, Kind, News
from gocron.render.form import Form
from gocron.render.mail import Letterhead, alert_mail, trial_mail
from gocron.render.templates import Templates

NOW = 1_795_442_405
TEMPLATES = Templates()
LETTERHEAD = Letterhead("gocron@example.com", "f00d", "https://gocron.example.com/")

# What names were never kept from holding: halves of characters, NULs, breaks, foreign headers.
HOSTILE = st.text(st.characters(), max_size=250) | st.lists(
    st.sampled_from(
        ["\r\n", "\n", "\0", "\ud800", "\u2028", "\x85", "\u202e", "=?utf-8?q?=0ABcc:_x?=", "=?"]
        + ["Bcc: eve@example.com", " ", "\u3000", "a" * 90, "é" * 40, "😀" * 30, "<b>", "{{ 1 }}"]
        + ['"', ",", ";", ":", "<", ">", "@", "\\", "\t", "=", "(", ")"]
    ),
    max_size=12,
).map("".join)


def news(name="backup", account="web-01", kind=Kind.MISSING, ended_at=None) -> News:
    job = Job(1, account, name, "", 3600, 600, False, "10.0.0.3", 0, NOW - 11_700, NOW - 7500)
    if kind is Kind.BACK:
        ended_at = NOW - 4200
    return News(1, kind, Episode(1, job, NOW - 7500, NOW - 11_700, ended_at))


def back(name="backup", account="web-01") -> News:
    return news(name, account, Kind.BACK)


def digest(*told: News, key="a1" * 16, recipient="ops@example.com", replies_to=()) -> Digest:
    return Digest(key, "mail", recipient, NOW, 1, told, replies_to)


def mail(*told: News, letterhead=LETTERHEAD, **more) -> EmailMessage:
    return alert_mail(TEMPLATES, digest(*told, **more), letterhead, NOW)


def text(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content()


def html(message: EmailMessage) -> str:
    return message.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        ([news()], "backup (web-01) has not checked in"),
        ([back()], "backup (web-01) is back after 2 h 5 min"),
        (
            [news("a"), news("b"), news("c")],
            "3 jobs have not checked in: a (web-01), b (web-01), c (web-01)",
        ),
        ([back("a"), back("b")], "2 jobs are back: a (web-01), b (web-01)"),
        (
            [back("d"), news("a"), news("b"), news("c")],
            "3 jobs have not checked in, 1 is back: a (web-01), b (web-01), c (web-01), d (web-01)",
        ),
        ([news("x" * 200, "y" * 200), news("b")], "2 jobs have not checked in"),
    ],
)
def test_the_subject_says_it_all(told, subject):
    assert mail(*told)["Subject"] == f"[gocron] {subject}"


def test_the_text_tells_what_one_needs_to_know_at_night():
    assert (
        text(mail(news()))
        .replace("\r\n", "\n")
        .startswith(
            "backup (web-01) has not checked in.\n"
            "\n"
            "backup\n"
            "account: web-01\n"
            "expected by: 2026-11-23 11:55:05 UTC\n"
            "late by: 2 h 5 min\n"
            "last heard: 2026-11-23 10:45:05 UTC\n"
            "last came from: 10.0.0.3\n"
            "runs every: 1 h + 10 min grace\n"
            "\n"
            "Status page:\n"
            "https://gocron.example.com/\n"
        )
    )


def failed(name="backup", account="web-01", exit_status="3", output="", **more) -> News:
    told = news(name, account, Kind.FAILED, **more)
    job = replace(told.episode.job, failures=2, exit_status=exit_status, failed_at=NOW - 60)
    episode = replace(told.episode, job=job, missed_at=NOW - 60, exit_status=exit_status)
    return replace(told, episode=episode, output=output)


@pytest.mark.parametrize(
    ("exit_status", "subject"),
    [
        ("3", "backup (web-01) failed with exit status 3"),
        ("TERM", "backup (web-01) was killed by TERM"),
        ("", "backup (web-01) failed"),
    ],
)
def test_the_subject_of_a_failure_says_how_it_failed(exit_status, subject):
    assert mail(failed(exit_status=exit_status))["Subject"] == f"[gocron] {subject}"


def test_the_mail_of_a_failure_has_last_ok_the_end_of_the_output_and_one_next_step():
    output = "\n".join(["a line", *("more" for _ in range(60)), "pg_dump: no space left", ""])
    said = text(mail(failed(output=output))).replace("\r\n", "\n")
    assert said.startswith(
        "backup (web-01) failed with exit status 3.\n"
        "\n"
        "backup\n"
        "account: web-01\n"
        "failed at: 2026-11-23 13:59:05 UTC\n"
        "failed in a row: 2 times\n"
        "last ok: 2026-11-23 10:45:05 UTC\n"
        "came from: 10.0.0.3\n"
        "runs every: 1 h + 10 min grace\n"
        "\n"
        "    \u2026\n"
    )
    assert "    pg_dump: no space left\n\nStatus page:" in said
    assert "a line" not in said
    assert said.count("exit status 3") == 1
    assert said.count("\nNext step, on the host of gocron:\ngocron explain web-01 backup\n") == 1


def test_how_a_job_failed_stands_with_it_where_the_headline_has_no_room():
    for said in (text, html):
        assert "exit status 4" in said(mail(failed("a"), failed("b", exit_status="4")))


@pytest.mark.parametrize(
    ("told", "step"),
    [
        ([news("a b", "x'y")], "gocron explain 'x'\"'\"'y' 'a b'"),
        ([news("a"), news("b")], "gocron jobs list --missing"),
        ([failed("a"), failed("b")], "gocron jobs list --failing"),
        ([news("a"), failed("b")], "gocron jobs list --missing --failing"),
        ([news("a"), failed("a")], "gocron explain web-01 a"),
        ([back()], ""),
    ],
)
def test_a_mail_of_what_is_wrong_names_one_next_step(told, step):
    said = text(mail(*told)).replace("\r\n", "\n")
    assert said.count("Next step") == bool(step)
    assert step in said


def test_a_job_that_failed_and_is_back_is_told_of_without_saying_anything_twice():
    said = text(mail(failed(), back())).replace("\r\n", "\n")
    lines = [line for line in said.split("\n") if ": " in line and not line.startswith("account")]
    assert len(lines) == len(set(lines)), said


def test_the_end_of_an_older_failure_is_not_told_as_the_end_of_a_newer_one():
    older = replace(failed().episode, id=2, missed_at=NOW - 9000, ended_at=NOW - 600)
    works = replace(failed(), kind=Kind.WORKS, episode=older)
    assert mail(failed(), works)["Subject"].startswith("[gocron] 1 job failed, 1 works again: ")


def test_of_one_very_long_line_the_end_is_told():
    said = text(mail(failed(output="x" * 9000 + " the end"))).replace("\r\n", "\n")
    assert " the end\n" in said
    assert len(said) < 5000


def test_text_and_html_tell_the_same():
    message = mail(news(), back("sync"))
    for fact in ("backup", "sync", "late by", "silent for", "2026-11-23 12:50:05 UTC"):
        assert fact in text(message)
        assert fact in html(message)


def test_late_news_of_a_job_that_is_back_says_so():
    said = text(mail(news(ended_at=NOW - 60)))
    assert "back since: 2026-11-23 13:59:05 UTC" in said
    assert "late by" not in said


def test_a_mail_lists_a_hundred_jobs_names_more_and_counts_the_rest():
    message = mail(*[news(f"job-{number}") for number in range(1300)])
    for said in (text(message), html(message)):
        assert "and 800 more of web-01 on the status page" in said
        assert len(re.findall(r"job-\d+", said)) == 500
        assert said.count("late by") == 100


def test_without_a_page_there_is_no_link():
    message = mail(news(), letterhead=Letterhead("gocron@example.com", "f00d", ""))
    assert "Status page" not in text(message)
    assert "href" not in html(message)


def test_the_message_id_is_the_same_whenever_the_digest_is_sent():
    first = mail(news())["Message-ID"]
    assert first == mail(news())["Message-ID"] == f"<{'a1' * 16}@f00d.gocron>"
    assert first != mail(news(), key="b2" * 16)["Message-ID"]


def test_the_news_that_a_job_is_back_answers_the_news_that_it_was_missing():
    keys = tuple(f"{number:032x}" for number in range(30))
    message = mail(back(), replies_to=keys)
    assert message["In-Reply-To"] == f"<{keys[-1]}@f00d.gocron>"
    assert len(message["References"].split()) == 20


def test_no_absence_notice_answers():
    message = mail(news())
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Date"] == "Mon, 23 Nov 2026 14:00:05 +0000"


def test_a_name_with_a_line_break_stays_one_header():
    message = mail(news("backup\r\nBcc: eve@example.com"))
    assert "Bcc" not in message_from_bytes(message.as_bytes())
    assert message["Subject"] == (
        "[gocron] backup Bcc: eve@example.com (web-01) has not checked in"
    )


def test_an_encoded_word_in_a_name_is_not_decoded():
    sent = message_from_bytes(mail(news("=?utf-8?q?=0ABcc:_x?=")).as_bytes(), policy=SMTP)
    assert "Bcc" not in sent
    assert "= ?utf-8?q?=0ABcc:_x?=" in sent["Subject"]


def test_a_long_name_is_cut_in_the_subject_only():
    message = mail(news("x" * 200))
    assert len(message["Subject"]) < 120
    assert "\u2026" in message["Subject"]
    assert "x" * 200 in text(message)


def test_a_long_word_that_is_half_ascii_can_be_read_in_the_subject():
    raw = mail(news("b", "x" * 200), news("b", "y" * 59 + "é")).as_bytes()
    sent = message_from_bytes(raw, policy=SMTP)
    assert f"b ({'x' * 59}\u2026)" in sent["Subject"]


def test_html_shows_a_name_and_does_not_run_it():
    assert "<script>" not in html(mail(news("<script>alert(1)</script>")))


@pytest.mark.parametrize("recipient", ["", "ops", "a b@example.com", "a@b\r\nBcc: c@d", "é@ü.de"])
def test_an_odd_recipient_stops_no_mail(recipient):
    message = mail(news(), recipient=recipient)
    assert message["To"] == "undisclosed-recipients:;"
    assert message["Bcc"] is None


@given(
    names=st.lists(HOSTILE, min_size=1, max_size=3),
    account=HOSTILE,
    key=HOSTILE,
    instance=HOSTILE,
    recipient=HOSTILE,
)
def test_no_name_can_break_a_mail(names, account, key, instance, recipient):
    message = mail(
        *[news(name, account) for name in names],
        key=key,
        recipient=recipient,
        replies_to=(key, "b2" * 16),
        letterhead=Letterhead("gocron@example.com", instance, "https://gocron.example.com/"),
    )
    raw = message.as_bytes()
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert head.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in head.replace(b"\r\n", b"")
    sent = message_from_bytes(raw, policy=SMTP)
    assert set(sent.keys()) == set(message.keys())
    assert not sent.defects
    assert re.search(rb"^Message-ID: <[\w-]+@[\w-]+\.gocron>\r$", head, re.MULTILINE)
    assert "=?" not in sent["References"]
    # Folding may move white space, and nothing else.
    assert "".join(sent["Subject"].split()) == "".join(message["Subject"].split())


@pytest.mark.parametrize("now", [-(2**63), 0, 2**63 - 1])
def test_no_moment_can_break_a_mail(now):
    assert alert_mail(TEMPLATES, digest(news()), LETTERHEAD, now).as_bytes()


def test_a_trial_mail_alarms_nobody():
    message = trial_mail("gocron@example.com", "ops@example.com", NOW)
    assert message["To"] == "ops@example.com"
    assert "Nothing is missing" in message.get_content()


@pytest.mark.parametrize("form", [Form.ACCOUNTS, Form.BARE])
@given(name=HOSTILE.filter(lambda name: len(name) > 3), account=HOSTILE)
def test_a_mail_without_names_holds_none_and_is_one_whatever_they_are(
    form: Form, name: str, account: str
) -> None:
    job = f"job {name} job"
    told = alert_mail(TEMPLATES, digest(news(job, account)), LETTERHEAD, NOW, form)
    read = message_from_bytes(told.as_bytes(policy=SMTP), policy=SMTP)
    assert read["Subject"] == "[gocron] 1 job has not checked in"
    assert read["Bcc"] is None
    assert job not in text(read)
    assert ("account: " in text(read)) == (form is Form.ACCOUNTS)


def test_a_mail_without_names_tells_how_many_and_how_to_find_them() -> None:
    told = digest(news("a"), news("b"), back("c", "web-02"))
    read = text(alert_mail(TEMPLATES, told, LETTERHEAD, NOW, Form.ACCOUNTS))
    assert read.startswith("2 jobs have not checked in, 1 is back.\n")
    assert "account: web-01\naccount: web-02\n" in read
    assert "gocron jobs list --missing" in read


def test_a_plain_mail_names_all_jobs_and_holds_no_link() -> None:
    told = digest(news("a"), back("b"))
    mail = alert_mail(TEMPLATES, told, LETTERHEAD, NOW, Form.PLAIN)
    assert mail.get_body(("html",)) is None
    assert "\na\n" in text(mail)
    assert "\nb\n" in text(mail)
    assert "gocron.example.com" not in text(mail)


def test_a_brief_mail_is_small_and_counts_what_it_leaves_out() -> None:
    many = digest(*(replace(news("j" * 190 + str(number)), id=number) for number in range(500)))
    mail = alert_mail(TEMPLATES, many, LETTERHEAD, NOW, Form.BRIEF)
    assert len(mail.as_bytes()) < 20_000
    assert "and 450 more" in text(mail)

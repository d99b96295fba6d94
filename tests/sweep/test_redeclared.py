"""A job that declares itself otherwise is told to those who were told until then, and no more."""

import shlex
from dataclasses import replace

import pytest

from gocron import cli
from gocron.commands import jobs_add
from gocron.core.checkin import CheckIn
from gocron.store import checkins, declarations, job_row
from gocron.sweep.rehearse import explain
from tests.peers import SlackPeer
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world

MINUTE = 60
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def without_a_page(gocron: Gocron) -> None:
    gocron.set(status_dir="")


def declare(gocron: Gocron, at: int, cronname: str = "backup", **more: object) -> None:
    told = CheckIn("web-01", cronname, None, None, None, None, "", at)
    with gocron.store.connected():
        declarations.declare(gocron.store, replace(told, **more))


def notices(gocron: Gocron) -> list[tuple[str, str]]:
    """Each mail that a job was declared anew: to whom, and its text."""
    return [
        (to, mail.get_body(("plain",)).get_content().replace("\r\n", "\n"))
        for to, mail in gocron.mail.received
        if "declared anew" in mail["Subject"]
    ]


def told(gocron: Gocron) -> list[str]:
    return sorted(to for to, _ in notices(gocron))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"email": "eve@example.net"}, "email: eve@example.net, before: ops@example.com"),
        (
            {"email": "ops@example.com, eve@example.net"},
            "email: ops@example.com, eve@example.net, before: ops@example.com",
        ),
        ({"frequency_s": 30 * DAY}, "runs every: 30 d, before: 1 h"),
        ({"grace_s": 7 * DAY}, "runs every: 1 h + 7 d grace, before: 1 h"),
        (
            {"frequency_s": HOUR - 1, "grace_s": 2},
            "runs every: 59 min 59 s + 2 s grace, before: 1 h",
        ),
        ({"site": True}, "site: yes, before: no; while it is silent, jobs behind it are not told"),
    ],
)
@pytest.mark.parametrize("way", ["a check-in", "`gocron jobs add`"])
def test_the_former_recipient_hears_who_changed_what_and_when(
    gocron: Gocron, change: dict, line: str, way: str
) -> None:
    gocron.hear("backup", NOON)
    gocron.sweep(NOON + 30)
    if way == "a check-in":
        gocron.hear("backup", NOON + MINUTE, address="198.51.100.66", **change)
        way = "a check-in from 198.51.100.66"
    else:
        declare(gocron, NOON + MINUTE, **change)
    gocron.sweep(NOON + 2 * MINUTE)
    ((to, text),) = notices(gocron)
    assert to == "ops@example.com"
    assert f"changed by: {way}\nchanged at: 2026-09-21 14:14:20 UTC\n" in text
    assert line in text
    gocron.sweep(NOON + 3 * MINUTE)
    assert len(notices(gocron)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"email": "Ops@Example.COM"},
        {"email": "a@example.com,  ops@example.com", "was": "ops@example.com, a@example.com"},
        {"email": "ops@example.com,ops@example.com"},
        {"frequency_s": HOUR - 1},
        {"frequency_s": HOUR - 10, "grace_s": 10},
        {"grace_s": 0},
        {"site": False},
        {"address": "198.51.100.66"},
        {"gateway": "router"},
    ],
)
def test_what_loses_no_alert_is_no_news(gocron: Gocron, change: dict) -> None:
    change = dict(change)
    email = change.pop("was", "ops@example.com")
    gocron.hear("backup", NOON, email=email)
    gocron.hear("backup", NOON + MINUTE, **{"email": email} | change)
    gocron.sweep(NOON + 2 * MINUTE)
    assert gocron.mail.received == []
    assert gocron.rows("redeclaration") == []


def test_a_first_declaration_is_no_news_and_neither_is_one_of_a_job_never_heard(
    gocron: Gocron,
) -> None:
    gocron.hear("heard", NOON)
    declare(gocron, NOON, email="ops@example.com", frequency_s=HOUR)
    declare(gocron, NOON + 10, email="dev@example.com", frequency_s=DAY)
    gocron.sweep(NOON + MINUTE)
    assert gocron.mail.received == []


def test_whoever_checks_in_first_for_a_declared_job_takes_it_from_nobody_in_silence(
    gocron: Gocron,
) -> None:
    declare(gocron, NOON, email="ops@example.com", frequency_s=HOUR)
    gocron.hear("backup", NOON + 10, email="eve@example.net")
    gocron.sweep(NOON + MINUTE)
    assert told(gocron) == ["ops@example.com"]


def test_all_former_recipients_hear_of_it_and_no_new_one(gocron: Gocron) -> None:
    gocron.hear("backup", NOON, email="a@example.com, b@example.com")
    gocron.hear("backup", NOON + 1, email="b@example.com, c@example.com")
    gocron.sweep(NOON + MINUTE)
    assert told(gocron) == ["a@example.com", "b@example.com"]


def test_a_thousand_declarations_between_two_sweeps_are_one_piece_of_news(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    some = [
        CheckIn("web-01", "backup", f"o{number}@example.net", HOUR, None, None, "::1", NOON + 1)
        for number in range(1000)
    ]
    with gocron.store.connected():
        gocron.store.write(lambda tx: checkins.record(tx, some))
    gocron.sweep(NOON + MINUTE)
    ((to, text),) = notices(gocron)
    assert to == "ops@example.com"
    assert "email: o999@example.net, before: ops@example.com" in text


def test_what_was_put_back_before_a_sweep_saw_it_is_no_news(gocron: Gocron) -> None:
    for at, email in ((0, "ops@example.com"), (1, "eve@example.net"), (2, "ops@example.com")):
        gocron.hear("backup", NOON + at, email=email)
    gocron.sweep(NOON + MINUTE)
    assert gocron.mail.received == []


def test_two_hosts_that_alternate_make_one_piece_of_news_a_day(gocron: Gocron) -> None:
    days = 3
    for minute in range(0, days * 24 * 60, 30):
        at = NOON + minute * MINUTE
        gocron.hear("backup", at, email="a@example.com")
        gocron.sweep(at + 10)
        gocron.hear("backup", at + 20, email="b@example.com")
        gocron.sweep(at + 30)
    assert days <= len(notices(gocron)) <= days + 1


def test_what_changes_within_a_day_of_the_last_change_is_told_after_that_day(
    gocron: Gocron,
) -> None:
    gocron.hear("backup", NOON, email="a@example.com", frequency_s=30 * DAY)
    gocron.hear("backup", NOON + 10, email="b@example.com", frequency_s=30 * DAY)
    gocron.sweep(NOON + MINUTE)
    gocron.hear("backup", NOON + HOUR, email="c@example.com", frequency_s=30 * DAY)
    gocron.sweep(NOON + DAY)
    assert told(gocron) == ["a@example.com"]
    gocron.sweep(NOON + DAY + 2 * MINUTE)
    assert told(gocron) == ["a@example.com", "b@example.com"]


def test_a_fleet_that_is_declared_anew_is_one_mail_a_recipient(gocron: Gocron) -> None:
    for frequency_s, at in ((HOUR, NOON), (DAY, NOON + 1)):
        some = [
            CheckIn(account, f"job-{number}", "ops@example.com", frequency_s, None, None, "::1", at)
            for account, count in (("flood", 1240), ("web-01", 1))
            for number in range(count)
        ]
        with gocron.store.connected():
            gocron.store.write(lambda tx, some=some: checkins.record(tx, some))
    gocron.sweep(NOON + MINUTE)
    ((_, text),) = notices(gocron)
    assert text.startswith("1,241 jobs were declared anew.")
    assert "account: web-01" in text
    assert "and 741 more of flood" in text


def test_the_mail_puts_the_job_back_as_it_was(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    gocron.hear("it's; rm -rf $HOME", NOON, grace_s=90, email="a@example.com, b@example.com")
    gocron.hear("it's; rm -rf $HOME", NOON + 1, frequency_s=DAY, site=True, email="eve@example.net")
    gocron.sweep(NOON + MINUTE)
    text = notices(gocron)[0][1]
    (command,) = [
        line.removeprefix("to put it back: ") for line in text.splitlines() if "back: g" in line
    ]
    program, *arguments = shlex.split(command)
    assert program == "gocron"
    asked = []
    monkeypatch.setattr(jobs_add, "run", lambda arguments, _: asked.append(arguments) or 0)
    assert cli.main(arguments) == 0
    (put_back,) = asked
    assert (put_back.account, put_back.cronname) == ("web-01", "it's; rm -rf $HOME")
    assert (put_back.email, put_back.frequency) == ("a@example.com, b@example.com", str(HOUR))
    assert (put_back.grace, put_back.site) == ("90", "0")


def test_where_alerts_go_by_slack_it_is_a_post(gocron: Gocron, slack: SlackPeer) -> None:
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    gocron.hear("backup", NOON)
    gocron.hear("<!channel>", NOON)
    gocron.hear("backup", NOON + 1, email="eve@example.net")
    gocron.hear("<!channel>", NOON + 1, grace_s=DAY)
    gocron.sweep(NOON + MINUTE)
    gocron.sweep(NOON + 2 * MINUTE)
    (post,) = slack.posts
    assert post["text"] == "2 jobs were declared anew"
    said = post["blocks"][1]["text"]["text"]
    assert "email: `eve@example.net, before: ops@example.com`" in said
    assert "<!channel>" not in said
    gocron.hear("*@here*", NOON)
    gocron.hear("*@here*", NOON + 1, email="eve@example.net")
    gocron.sweep(NOON + 3 * MINUTE)
    assert slack.posts[1]["text"] == "`*@here*` (`web-01`) was declared anew"
    assert gocron.mail.received == []


def test_a_post_that_slack_does_not_take_becomes_mail_to_the_former_recipients(
    gocron: Gocron, slack: SlackPeer
) -> None:
    slack.status = 500
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    gocron.hear("backup", NOON, email="a@example.com, b@example.com")
    gocron.hear("backup", NOON + 1, email="eve@example.net")
    gocron.sweep(NOON + MINUTE)
    gocron.sweep(NOON + 2 * MINUTE)
    assert told(gocron) == ["a@example.com", "b@example.com"]


def test_its_news_waits_in_the_outbox_as_all_other(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON + 1, email="eve@example.net")
    gocron.mail.answers["DATA"] = "451 later"
    assert "will retry" in gocron.sweep(NOON + MINUTE).delivered.failures[0]
    gocron.mail.answers.clear()
    gocron.mail.received.clear()
    gocron.sweep(NOON + 3 * MINUTE)
    assert told(gocron) == ["ops@example.com"]


def test_a_former_address_that_is_dead_is_complained_of_once_only(gocron: Gocron) -> None:
    gocron.mail.answers["gone@example.com"] = "550 5.1.1 no such user"
    gocron.hear("backup", NOON, email="gone@example.com")
    declare(gocron, NOON + 1, email="ops@example.com")
    swept = gocron.sweep(NOON + MINUTE)
    assert "gone@example.com" in swept.delivered.failures[0]
    assert swept.unresolved == ()


def test_a_takeover_of_which_nobody_could_be_told_is_complained_of_until_it_is_undone(
    gocron: Gocron,
) -> None:
    gocron.mail.answers["owner@example.com"] = "550 5.1.1 no such user"
    gocron.hear("backup", NOON, email="owner@example.com")
    gocron.hear("backup", NOON + 1, email="eve@example.net", address="198.51.100.66")
    for minute in (1, 2, 60):
        unresolved = gocron.sweep(NOON + minute * MINUTE).unresolved
        assert [one.recipient for one in unresolved] == ["owner@example.com"]
    gocron.hear("backup", NOON + 2 * HOUR, email="owner@example.com")
    assert gocron.sweep(NOON + 2 * HOUR).unresolved == ()


def test_a_takeover_of_which_one_former_recipient_was_told_is_left_at_that(
    gocron: Gocron,
) -> None:
    gocron.mail.answers["gone@example.com"] = "550 5.1.1 no such user"
    gocron.hear("backup", NOON, email="gone@example.com, ops@example.com")
    gocron.hear("backup", NOON + 1, email="eve@example.net", address="198.51.100.66")
    assert gocron.sweep(NOON + MINUTE).unresolved == ()
    assert told(gocron) == ["ops@example.com"]


@pytest.mark.parametrize("mended", ["new@example.com", "old-gone@example.com", "Gone@example.com"])
def test_an_address_that_was_mended_before_anybody_noted_it_is_told(
    gocron: Gocron, mended: str
) -> None:
    gocron.mail.answers["gone@example.com"] = "550 5.1.1 no such user"
    gocron.hear("backup", NOON, email="gone@example.com")
    gocron.sweep(NOON + 2 * HOUR)
    declare(gocron, NOON + 2 * HOUR, email=mended)
    # The version before noted no change.
    gocron.empty("redeclaration")
    gocron.mail.answers[mended] = "451 later"
    swept = gocron.sweep(NOON + 2 * HOUR + MINUTE)
    assert [one.recipient for one in swept.unresolved] == ["gone@example.com"]
    del gocron.mail.answers[mended]
    swept = [gocron.sweep(NOON + 2 * HOUR + minute * MINUTE) for minute in range(3, 6)][-1]
    assert (gocron.mail.recipients, swept.unresolved) == ([mended], ())


def test_explain_tells_what_became_of_the_news(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON + 1, email="eve@example.net", address="198.51.100.66")
    gocron.sweep(NOON + MINUTE)
    with gocron.store.connected():
        lines = explain(
            *(gocron.store, gocron.config, "web-01", "backup", lambda: NOON + HOUR),
            quiet_world(gocron.config),
        )
    assert lines[-2:] == [
        "  declared anew 2026-09-21 14:13:21 UTC from 198.51.100.66",
        "    redeclared to ops@example.com by mail: sent 2026-09-21 14:14:20 UTC",
    ]


def test_a_job_that_is_forgotten_takes_its_news_along(gocron: Gocron) -> None:
    gocron.hear("backup", NOON)
    gocron.hear("backup", NOON + 1, email="eve@example.net")
    gocron.mail.stop()
    gocron.sweep(NOON + MINUTE)
    with gocron.store.connected():
        job_row.forget(gocron.store, "web-01", "backup")
    gocron.mail.start()
    assert gocron.sweep(NOON + HOUR).undelivered == 0
    assert gocron.mail.received == []
    assert gocron.rows("redeclaration") == gocron.rows("news") == []


def test_a_name_that_is_refused_keeps_no_other_job_from_being_told(gocron: Gocron) -> None:
    for frequency_s, at in ((HOUR, NOON), (DAY, NOON + 1)):
        for name in (*(f"job-{number}" for number in range(8)), "viagra"):
            gocron.hear(name, at, frequency_s=frequency_s)
    gocron.mail.objections["viagra"] = "554 5.7.1 message contains a blacklisted word"
    swept = gocron.sweep(NOON + MINUTE)
    texts = [text for _, text in notices(gocron)]
    assert all(any(f"job-{number}\n" in text for text in texts) for number in range(8))
    (nameless,) = [text for text in texts if "could not be sent" in text]
    assert nameless.startswith("1 job was declared anew.\n\naccount: web-01\n")
    assert "told without the name of viagra (web-01)" in swept.delivered.failures[0]
    assert all(row["sent_at"] is not None for row in gocron.rows("news"))


def test_a_post_that_slack_objects_to_is_told_in_parts(gocron: Gocron, slack: SlackPeer) -> None:
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    for frequency_s, at in ((HOUR, NOON), (DAY, NOON + 1)):
        for name in ("job-1", "viagra", "job-2"):
            gocron.hear(name, at, frequency_s=frequency_s)
    slack.objections["viagra"] = "invalid_blocks"
    gocron.sweep(NOON + MINUTE)
    told = [str(post) for post in slack.posts if "viagra" not in str(post)]
    for words in ("job-1", "job-2", "1 job was declared anew"):
        assert any(words in post for post in told)
    assert gocron.mail.received == []

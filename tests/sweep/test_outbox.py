"""Nothing is given up in silence, nobody's news waits behind another's, and a backlog is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from gocron.commands.check import Finding, findings
from gocron.commands.summary import report
from gocron.core.checkin import CheckIn
from gocron.render import terminal
from gocron.render.slack import summary_post
from gocron.render.summary import summary_text
from gocron.render.templates import Templates
from gocron.store import checkins, declarations, deliveries, job_row, outbox
from gocron.sweep import Swept, sweep
from gocron.sweep.bulkhead import Bulkheads
from gocron.sweep.rehearse import explain
from tests.sweep.conftest import HOUR, NOON, Gocron, quiet_world

MINUTE = 60
DAY = 24 * HOUR
LATE = NOON + 2 * HOUR
GONE = "550 5.1.1 no such user"


@dataclass
class SlowPost:
    """Takes mails, each for `takes_s` of a clock that is told; refuses whom it is told to."""

    now: int
    takes_s: int = 0
    recipients: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    def send(self, message: EmailMessage, recipient: str, *_: object) -> None:
        self.now += self.takes_s
        self.recipients.append(recipient)
        self.mails.append(message)

    @contextmanager
    def opened(self) -> Iterator["SlowPost"]:
        yield self


def sweep_by(gocron: Gocron, post: SlowPost, reported: Callable[[], None] = lambda: None) -> Swept:
    world = quiet_world(gocron.config)
    world = replace(world, channel=lambda _: post.opened(), report_well=reported)
    with gocron.store.connected():
        return sweep(gocron.store, gocron.config, lambda: post.now, world)


def hear_many(gocron: Gocron, account: str, emails: list[str], at: int = NOON) -> None:
    some = [
        CheckIn(account, f"job-{number:05}", email, HOUR, None, None, "::1", at)
        for number, email in enumerate(emails)
    ]
    with gocron.store.connected():
        gocron.store.write(lambda tx: checkins.record(tx, some))


def listed(gocron: Gocron, now: int) -> list[dict]:
    with gocron.store.connected():
        found = deliveries.waiting_or_given_up(gocron.store, now)
    return json.loads(terminal.outbox_json(found))


def retry(gocron: Gocron, recipient: str | None, now: int) -> int:
    with gocron.store.connected():
        return deliveries.retry(gocron.store, recipient, now)


def outbox_finding(gocron: Gocron, now: int) -> Finding:
    return next(one for one in findings(gocron.config, now) if one.subject == "outbox")


def page(gocron: Gocron) -> str:
    return (Path(gocron.config.status_dir) / "index.html").read_text()


def declare(gocron: Gocron, cronname: str, at: int, **more: object) -> None:
    told = CheckIn("web-01", cronname, None, None, None, None, "", at)
    with gocron.store.connected():
        declarations.declare(gocron.store, replace(told, **more))


# Given up


def test_a_sweep_complains_of_what_was_given_up_for_a_day_and_speaks_of_it_once_an_hour(
    gocron: Gocron,
) -> None:
    gocron.mail.answers["gone@example.com"] = GONE
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    spoken = 0
    for at in range(LATE + 10 * MINUTE, LATE + DAY, 10 * MINUTE):
        swept = gocron.sweep(at)
        assert [one.recipient for one in swept.unresolved] == ["gone@example.com"]
        spoken += swept.is_hourly
    assert spoken == 24
    assert gocron.sweep(LATE + DAY + MINUTE).unresolved == ()


@pytest.mark.parametrize("mend", ["retry", "back", "new address", "forget"])
def test_what_was_given_up_is_resolved_once_it_can_be_left_at_that(
    gocron: Gocron, mend: str
) -> None:
    gocron.mail.answers["gone@example.com"] = GONE
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    gocron.mail.answers.clear()
    if mend == "retry":
        assert retry(gocron, "Gone@Example.com", LATE + MINUTE) == 1
    elif mend == "back":
        gocron.hear("a", LATE + MINUTE, email="gone@example.com")
    elif mend == "new address":
        declare(gocron, "a", LATE + MINUTE, email="new@example.com")
    else:
        with gocron.store.connected():
            job_row.forget(gocron.store, "web-01", "a")
    swept = gocron.sweep(LATE + 2 * MINUTE)
    assert (swept.unresolved, swept.undelivered, swept.delivered.failures) == ((), 0, [])
    told = {"retry": ["gone@example.com"], "new address": ["gone@example.com", "new@example.com"]}
    assert sorted(gocron.mail.recipients) == told.get(mend, [])


def test_what_is_tried_anew_carries_its_message_id_and_is_given_up_anew(gocron: Gocron) -> None:
    gocron.mail.answers["gone@example.com"] = GONE
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    (key,) = {row["digest"] for row in gocron.rows("news")}
    retry(gocron, None, LATE + MINUTE)
    assert "given up" in gocron.sweep(LATE + MINUTE).delivered.failures[0]
    gocron.mail.answers.clear()
    retry(gocron, None, LATE + 2 * MINUTE)
    gocron.sweep(LATE + 2 * MINUTE)
    (mail,) = gocron.mail.mails
    assert key in mail["Message-ID"]


def test_a_silence_that_lasts_is_tried_anew_however_long_ago_it_was_given_up(
    gocron: Gocron,
) -> None:
    gocron.mail.answers["gone@example.com"] = GONE
    gocron.hear("lasts", NOON, email="gone@example.com")
    gocron.hear("ended", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    gocron.hear("ended", LATE + MINUTE, email="gone@example.com", frequency_s=300 * DAY)
    gocron.sweep(LATE + 2 * MINUTE)
    gocron.mail.answers.clear()
    later = LATE + 30 * DAY
    gocron.sweep(later)
    assert [(one["state"], one["news"]) for one in listed(gocron, later)] == [("given up", 1)]
    assert retry(gocron, "gone@example.com", later) == 1
    gocron.sweep(later)
    assert gocron.mail.subjects == ["[gocron] lasts (web-01) has not checked in"]


def over(gocron: Gocron, recipient: str | None, now: int) -> int:
    with gocron.store.connected():
        return deliveries.count_over(gocron.store, recipient, now)


@pytest.mark.parametrize("is_swept", [True, False])
def test_a_silence_that_is_over_is_not_tried_anew(gocron: Gocron, is_swept: bool) -> None:
    gocron.mail.answers["gone@example.com"] = GONE
    gocron.hear("a", NOON, email="gone@example.com")
    gocron.hear("b", NOON, email="gone@example.com")
    gocron.sweep(LATE)
    gocron.hear("a", LATE + MINUTE, email="gone@example.com")
    if is_swept:
        gocron.sweep(LATE + 2 * MINUTE)
    assert over(gocron, "Gone@example.com", LATE + 3 * MINUTE) == 1
    assert retry(gocron, "Gone@example.com", LATE + 3 * MINUTE) == 1
    gocron.mail.answers.clear()
    gocron.sweep(LATE + 3 * MINUTE)
    gocron.sweep(LATE + 4 * MINUTE)
    assert gocron.mail.subjects == ["[gocron] b (web-01) has not checked in"]


def test_an_end_that_was_refused_to_whoever_knows_the_beginning_is_tried_anew(
    gocron: Gocron,
) -> None:
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    gocron.mail.answers["ops@example.com"] = GONE
    gocron.hear("a", LATE + MINUTE)
    gocron.sweep(LATE + 2 * MINUTE)
    gocron.mail.answers.clear()
    assert over(gocron, None, LATE + 3 * MINUTE) == 0
    assert retry(gocron, None, LATE + 3 * MINUTE) == 1
    gocron.sweep(LATE + 3 * MINUTE)
    assert [subject.split()[3] for subject in gocron.mail.subjects] == ["has", "is"]


def test_news_that_waits_is_tried_at_once_and_what_a_sweep_has_taken_is_left_to_it(
    put_off: Gocron,
) -> None:
    store = put_off.store
    with store.connected():
        (waiting,) = outbox.due(store, LATE + MINUTE)
        assert outbox.claim(store, waiting, LATE + MINUTE) is not None
        assert deliveries.retry(store, None, LATE + MINUTE) == 0
    after = LATE + MINUTE + outbox.LEASE_S
    assert retry(put_off, None, after) == 1
    put_off.sweep(after)
    assert put_off.mail.recipients == ["ops@example.com"]


def test_a_job_that_nobody_is_told_of_is_complained_of_until_it_has_an_address(
    gocron: Gocron,
) -> None:
    gocron.hear("orphan", NOON)
    job = gocron.store.tables.job
    with gocron.store.connected(), gocron.store.writing():
        job.update({job.email: ""}).execute()
    assert "orphan (web-01) without a recipient" in gocron.sweep(LATE).delivered.failures[0]
    assert [one.recipient for one in gocron.sweep(LATE + MINUTE).unresolved] == [""]
    assert listed(gocron, LATE + MINUTE)[0]["recipient"] is None
    assert retry(gocron, None, LATE + MINUTE) == 0, "nobody is no address"
    with gocron.store.connected(), gocron.store.writing():
        job.update({job.email: "ops@example.com"}).execute()
    assert gocron.sweep(LATE + 2 * MINUTE).unresolved == ()
    assert "[gocron] orphan (web-01) has not checked in" in gocron.mail.subjects


def test_an_address_that_a_missing_job_gets_is_told_once_and_hears_of_its_return(
    gocron: Gocron,
) -> None:
    gocron.hear("a", NOON, email="first@example.com")
    gocron.sweep(LATE)
    declare(gocron, "a", LATE + 10, email="first@example.com, second@example.com")
    declare(gocron, "a", LATE + 20, email="second@example.com, FIRST@example.com")
    for at in range(LATE + MINUTE, LATE + 10 * MINUTE, MINUTE):
        gocron.sweep(at)
    # Told within the day in which the job was declared anew already.
    declare(gocron, "a", LATE + 700, email="third@example.com")
    gocron.sweep(LATE + 720)
    gocron.hear("a", LATE + 800, email="third@example.com")
    gocron.sweep(LATE + 900)
    told = [
        (to, mail["Subject"].split(") ")[1].split(" after")[0])
        for to, mail in gocron.mail.received
        if "declared" not in mail["Subject"]
    ]
    assert sorted(told) == [
        *(("first@example.com", said) for said in ("has not checked in", "is back")),
        *(("second@example.com", said) for said in ("has not checked in", "is back")),
        *(("third@example.com", said) for said in ("has not checked in", "is back")),
    ]


# A backlog


def test_news_that_an_interval_had_no_room_for_is_undelivered_everywhere(gocron: Gocron) -> None:
    hear_many(gocron, "web-01", [f"o{number}@example.com" for number in range(5)])
    post, reports = SlowPost(LATE, takes_s=40), []
    swept = sweep_by(gocron, post, lambda: reports.append(post.now))
    assert len(post.recipients) == 2
    assert swept.delivered.failures == []
    assert swept.undelivered == 3
    assert reports == [], "the watchdog hears that all is well"
    found = outbox_finding(gocron, post.now)
    assert not found.good
    assert found.said.startswith("3 news undelivered")
    assert "News that was not delivered" in page(gocron)
    post.takes_s = 0
    assert sweep_by(gocron, post, lambda: reports.append(post.now)).undelivered == 0
    assert reports == [post.now]
    assert outbox_finding(gocron, post.now).good


def test_news_that_a_dead_sweep_holds_is_undelivered_once_it_is_older_than_an_interval(
    gocron: Gocron,
) -> None:
    gocron.hear("a", NOON)
    store = gocron.store

    class Killed(BaseException):
        pass

    class Killer(SlowPost):
        def send(self, message: EmailMessage, recipient: str, *_: object) -> None:
            raise Killed

    with pytest.raises(Killed):
        sweep_by(gocron, Killer(LATE))
    assert gocron.sweep(LATE + 30).undelivered == 0
    assert gocron.sweep(LATE + 90).undelivered == 1
    with store.connected():
        assert deliveries.count_undelivered(store, LATE + 90, MINUTE) == 1
    assert gocron.sweep(LATE + outbox.LEASE_S).undelivered == 0


def test_news_that_waits_for_its_first_try_is_no_backlog_yet(gocron: Gocron) -> None:
    hear_many(gocron, "web-01", ["a@example.com", "b@example.com"])
    with gocron.store.connected():
        assert deliveries.count_undelivered(gocron.store, LATE, 0) == 0
    assert sweep_by(gocron, SlowPost(LATE, takes_s=5)).undelivered == 0


def test_news_that_was_never_tried_is_said_to_be_so_everywhere(gocron: Gocron) -> None:
    hear_many(gocron, "web-01", ["a@example.com", "b@example.com"])
    gocron.mail.stop()
    gocron.sweep(LATE)
    assert [(one["state"], one["attempts"]) for one in listed(gocron, LATE)] == [
        ("tried", 1),
        ("waiting", 0),
    ]
    with gocron.store.connected():
        told = report(gocron.store, LATE, MINUTE, Bulkheads(gocron.store))
        post = str(summary_post(told, "", ""))
        explained = "\n".join(
            explain(
                *(gocron.store, gocron.config, "web-01", "job-00001", lambda: LATE),
                quiet_world(gocron.config),
            )
        )
    said = (page(gocron), summary_text(Templates(), told), post)
    assert all("1 attempt" in one and "never tried" in one for one in said)
    assert "never tried: 127.0.0.1:" in explained
    assert "0 attempts" not in " ".join((*said, explained))


# Fairness


@pytest.mark.parametrize("flood", ["recipients", "one recipient each"])
def test_one_accounts_flood_delays_itself_alone(gocron: Gocron, flood: str) -> None:
    gocron.set(status_dir="")
    many = [f"o{number}@example.com" for number in range(300)]
    if flood == "recipients":
        many = [",".join(many[start : start + 10]) for start in range(0, 300, 10)]
    hear_many(gocron, "flood", many)
    for number in range(5):
        gocron.hear(
            "backup", NOON + 1, account=f"web-{number}", email=f"owner-{number}@example.com"
        )
    post = SlowPost(LATE, takes_s=7)
    sweep_by(gocron, post)
    assert len(post.recipients) == 9
    assert {f"owner-{number}@example.com" for number in range(5)} < set(post.recipients)


def test_who_has_jobs_of_a_flooded_account_too_comes_in_the_turn_of_his_other_one(
    gocron: Gocron,
) -> None:
    gocron.set(status_dir="")
    hear_many(gocron, "flood", [f"o{number}@example.com" for number in range(99)])
    gocron.hear("z", NOON, account="flood", email="ops@example.com")
    gocron.hear("backup", NOON, account="web-01", email="ops@example.com")
    post = SlowPost(LATE, takes_s=25)
    sweep_by(gocron, post)
    assert "ops@example.com" in post.recipients


def test_no_real_alert_is_crowded_out_of_a_mail_by_another_account(gocron: Gocron) -> None:
    gocron.set(status_dir="")
    hear_many(gocron, "flood", ["ops@example.com"] * 1240)
    gocron.hear("backup", NOON + 9, account="web-01")
    gocron.sweep(LATE)
    (mail,) = gocron.mail.mails
    text = mail.get_body(("plain",)).get_content()
    assert "backup\naccount: web-01\nexpected by" in text.replace("\r\n", "\n")
    assert "and 741 more of flood" in text
    assert "backup (web-01)" in mail["Subject"]


# Of a later gocron


@pytest.mark.parametrize(
    "foreign",
    [{"kind": "escalated"}, {"channel": "apprise"}, {"kind": "escalated", "channel": "apprise"}],
)
@pytest.mark.parametrize("key", [None, "f00d"])
def test_news_of_a_later_gocron_is_left_to_it_and_stops_nobody(
    gocron: Gocron, foreign: dict, key: str | None
) -> None:
    gocron.hear("a", NOON)
    gocron.hear("b", NOON, email="other@example.com")
    gocron.mail.stop()
    gocron.sweep(LATE)
    gocron.mail.start()
    news = gocron.store.tables.news
    with gocron.store.connected(), gocron.store.writing():
        (row, *_) = news.select().where(news.recipient == "ops@example.com")
        row |= {"kind": "missed", "channel": "mail", "digest": key, "last_error": "", **foreign}
        row |= {"queued_at": LATE, "attempts": 0}
        del row["id"]
        news.insert(row).execute()
    for at in range(LATE + MINUTE, LATE + 20 * MINUTE, MINUTE):
        swept = gocron.sweep(at)
        assert (swept.undelivered, swept.unresolved, swept.delivered.failures) == (0, (), [])
    assert sorted(gocron.mail.recipients) == ["ops@example.com", "other@example.com"]
    (left,) = [one for one in gocron.rows("news") if one["sent_at"] is None]
    row["id"] = left["id"]
    assert left == row
    assert outbox_finding(gocron, at).good
    (waits,) = listed(gocron, at)
    assert waits["state"] == "left to a later gocron"
    assert waits["kind"] == foreign.get("kind", "missed")
    assert waits["channel"] == foreign.get("channel", "mail")
    assert foreign.get("kind", "missed") in page(gocron)
    with gocron.store.connected():
        assert deliveries.of_episode(gocron.store, left["episode_id"])[-1].kind == left["kind"]
    assert retry(gocron, None, at) == 0


def test_a_recipient_that_fails_and_news_of_a_later_gocron_are_told_apart(gocron: Gocron) -> None:
    gocron.mail.answers["DATA"] = "451 later"
    gocron.hear("a", NOON)
    gocron.sweep(LATE)
    news = gocron.store.tables.news
    with gocron.store.connected(), gocron.store.writing():
        (row,) = news.select()
        del row["id"]
        news.insert(row | {"kind": "escalated"}).execute()
    assert gocron.sweep(LATE + 30).undelivered == 1
    assert [one["kind"] for one in listed(gocron, LATE + 30)] == [None, "escalated"]


def test_the_list_of_the_outbox_says_who_why_since_when_and_when_next(gocron: Gocron) -> None:
    gocron.mail.answers |= {"gone@example.com": GONE, "slow@example.com": "451 later"}
    gocron.hear("a", NOON, email="gone@example.com, slow@example.com")
    gocron.sweep(LATE)
    with gocron.store.connected():
        found = deliveries.waiting_or_given_up(gocron.store, NOON)
    lines = terminal.outbox_table(found, LATE + HOUR).splitlines()
    assert lines[0].split("  ")[0] == "RECIPIENT"
    assert "given up" in lines[1]
    assert lines[1].endswith(f"never                    {GONE}")
    assert "1 h" in lines[2]
    assert lines[2].endswith("2026-09-21 16:14:20 UTC  451 later")
    assert terminal.outbox_table([], NOON) == "nothing waits, and nothing was given up"

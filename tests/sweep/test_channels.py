"""Whatever the channels: each is asked in turn, and one that fails holds up no other."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import pytest

from gocron.core.channel import CHANNELS, Traits
from gocron.core.news import Digest
from gocron.notify import DeliveryFailed, Lease, Refused, Unreachable
from gocron.render.form import Form
from gocron.store import operator_news
from gocron.sweep import channels
from gocron.sweep.channels import Entry
from tests.peers import SlackPeer
from tests.sweep.conftest import HOUR, NOON, Gocron

LATE = NOON + 2 * HOUR


@dataclass
class Pager:
    """A channel that is no mail and no Slack; raises what it is told to."""

    traits: Traits = field(default_factory=lambda: Traits("pager", "the pager", "page"))
    fails_by: DeliveryFailed | None = None
    fails_for: str = ""
    asked: list[str] = field(default_factory=list)
    pages: list[tuple[str, str]] = field(default_factory=list)
    called = "the pager"

    def send(self, message: str, recipient: str, lease: Lease | None = None) -> None:
        self.asked.append(recipient)
        if self.fails_by is not None and self.fails_for in recipient:
            raise self.fails_by
        self.pages.append((recipient, message))

    def check(self) -> str:
        return "it beeps"


def page(_desk: object, digest: Digest, form: Form, _now: int) -> str:
    return f"{digest.jobs[0][1] if digest.jobs else 'gocron'} {form.value}"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pager], Pager]:
    """Let a channel be one of the table, and the one by which jobs' news goes."""

    def installed(pager: Pager) -> Pager:
        table = {pager.traits.name: pager.traits, **CHANNELS}
        for module in (
            "core.channel",
            "store.outbox",
            "sweep.deliver",
            "sweep.attempt",
            "render.wording",
        ):
            monkeypatch.setattr(f"gocron.{module}.CHANNELS", table)
        entry = Entry("mail_from", "pager", lambda _: nullcontext(pager), page, page)
        monkeypatch.setitem(channels.TABLE, pager.traits.name, entry)
        for module in ("sweep", "sweep.verdicts"):
            monkeypatch.setattr(f"gocron.{module}.for_jobs", lambda _: pager.traits)
        return pager

    return installed


def mail_waits(gocron: Gocron) -> None:
    """Let a job's news wait to go by mail."""
    gocron.hear("by-mail", NOON - HOUR, email="by-mail@example.com")
    gocron.mail.stop()
    gocron.sweep(NOON + 1)
    gocron.mail.start()
    gocron.hear("by-mail", LATE, email="by-mail@example.com")


def test_a_channel_is_a_row_of_the_table_and_a_class(gocron: Gocron, install: Callable) -> None:
    pager = install(Pager())
    gocron.hear("a", NOON, email="ops@example.com, dev@example.com")
    assert gocron.sweep(LATE).delivered.failures == []
    told = [("ops@example.com", "a as it should be"), ("dev@example.com", "a as it should be")]
    assert sorted(pager.pages) == sorted(told)
    assert gocron.mail.mails == []


def test_a_channel_that_is_away_is_asked_once_and_holds_up_no_other(
    gocron: Gocron, install: Callable
) -> None:
    mail_waits(gocron)
    pager = install(Pager(fails_by=Unreachable("nothing beeps")))
    for number in range(5):
        gocron.hear(f"job-{number}", NOON, email=f"o{number}@example.com")
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure == "nothing beeps; will retry"
    assert len(pager.asked) == 1
    assert set(gocron.mail.recipients) == {"by-mail@example.com"}
    pager.fails_by = None
    gocron.sweep(LATE + HOUR)
    assert len(pager.pages) == 5


def test_a_recipient_that_a_channel_refuses_is_given_up_alone(
    gocron: Gocron, install: Callable
) -> None:
    install(Pager(fails_by=Refused("no such pager")))
    gocron.hear("a", NOON)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure == "ops@example.com: no such pager; given up"


@pytest.mark.parametrize("slack_status", [200, 500])
def test_what_a_channel_fails_to_tell_falls_back_step_by_step_within_one_sweep(
    gocron: Gocron, install: Callable, slack: SlackPeer, slack_status: int
) -> None:
    slack.status = slack_status
    gocron.set(slack_hook_url=slack.url)
    traits = Traits("pager", "the pager", "page", falls_back_to="slack")
    pager = install(Pager(traits, fails_by=Unreachable("nothing beeps")))
    gocron.hear("a", NOON, email="ops@example.com, dev@example.com")
    gocron.hear("b", NOON)
    assert gocron.sweep(LATE).delivered.failures == []
    assert len(pager.asked) == 1, "a pager that is away is asked once"
    if slack_status == 200:
        assert "`a`" in str(slack.taken)
        assert "`b`" in str(slack.taken)
        assert gocron.mail.mails == []
    else:
        assert sorted(gocron.mail.recipients) == ["dev@example.com", "ops@example.com"]


def test_what_a_channel_fails_to_tell_one_recipient_falls_back_for_him_alone(
    gocron: Gocron, install: Callable
) -> None:
    traits = Traits("pager", "the pager", "page", falls_back_to="mail")
    pager = install(Pager(traits, fails_by=Refused("no such pager"), fails_for="dev@example.com"))
    gocron.hear("a", NOON, email="ops@example.com, dev@example.com")
    gocron.hear("anew", NOON, email="dev@example.com, ops@example.com")
    gocron.hear("anew", NOON + 1, email="new@example.com", frequency_s=9 * HOUR)
    with gocron.store.connected(), gocron.store.writing():
        tables = gocron.store.tables
        times = {"began_at": LATE - 3 * HOUR, "ended_at": LATE - 2 * HOUR}
        tables.outage.insert(times | {"noticed_at": LATE}).execute()
    with gocron.store.connected():
        operator_news.queue(gocron.store, "dev@example.com", LATE, traits)
    assert gocron.sweep(LATE).delivered.failures == []
    assert {to for to, _ in pager.pages} == {"ops@example.com"}
    assert set(gocron.mail.recipients) == {"dev@example.com"}
    subjects = " ".join(gocron.mail.subjects)
    assert len(gocron.mail.mails) == 3
    for told in ("a (web-01) has not", "anew (web-01) was declared anew", "was not reached"):
        assert told in subjects


def test_a_channel_that_can_not_be_opened_by_a_bug_holds_up_no_other(
    gocron: Gocron, install: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_waits(gocron)
    install(Pager())
    gocron.hear("a", NOON)
    entry = replace(channels.TABLE["pager"], open=lambda _: 1 / 0)
    monkeypatch.setitem(channels.TABLE, "pager", entry)
    (failure,) = gocron.sweep(LATE).delivered.failures
    assert failure.startswith("ops@example.com: bug: ZeroDivisionError")
    assert set(gocron.mail.recipients) == {"by-mail@example.com"}


def test_each_channel_stands_before_the_one_that_it_falls_back_to() -> None:
    names = list(CHANNELS)
    for name, traits in CHANNELS.items():
        assert name == traits.name
        assert name in channels.TABLE
        if traits.falls_back_to:
            assert names.index(name) < names.index(traits.falls_back_to)

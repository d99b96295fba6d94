"""A sweep that was stopped while it delivered leaves its digest to whoever has it by now."""

from collections.abc import Callable

import pytest

from gocron.notify.slack import Slack
from gocron.render.templates import Templates
from gocron.store import outbox, parts
from gocron.store.outbox import Waiting
from gocron.sweep.attempt import Delivered
from gocron.sweep.channels import Desk
from gocron.sweep.deliver import deliver_news
from gocron.sweep.world import open_world
from tests.peers import SlackPeer
from tests.sweep.conftest import HOUR, NOON, Gocron

LATE = NOON + 2 * HOUR


class Uptime:
    """For how long the host has been up, in a test that may stop it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def stop(self, seconds: float) -> None:
        self.now += seconds


def queued(gocron: Gocron, *names: str) -> None:
    """Let these jobs be missing, and their news wait."""
    for name in names:
        gocron.hear(name, NOON)
    port = gocron.config.smtpport
    gocron.set(smtpport=9)
    gocron.sweep(LATE)
    gocron.set(smtpport=port)


def delivered(gocron: Gocron, at: int, uptime: Callable[[], float]) -> Delivered:
    desk, channel = Desk(gocron.config, "", Templates()), open_world(gocron.config).channel
    with gocron.store.connected():
        return deliver_news(gocron.store, desk, lambda: at, channel, uptime)


def stop_at_rcpt(gocron: Gocron, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]) -> None:
    rcpt = gocron.mail.handle_RCPT

    async def stopped(*arguments: object) -> str:
        stop()
        return await rcpt(*arguments)

    monkeypatch.setattr(gocron.mail, "handle_RCPT", stopped)


def test_a_mail_is_not_handed_over_once_its_claim_is_over(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(gocron, "a")
    uptime = Uptime()
    gocron.mail.stop()
    stop_at_rcpt(gocron, monkeypatch, lambda: uptime.stop(outbox.LEASE_S))
    gocron.mail.start()
    gocron.set(smtpport=gocron.mail.port)
    done = delivered(gocron, LATE + 60, uptime)
    assert (done.sent, gocron.mail.tries) == (0, [])
    (failure,) = done.failures
    assert "stopped for longer than a claim holds" in failure
    (row,) = gocron.rows("news")
    assert row["next_try_at"] == LATE + 60 + outbox.LEASE_S, "whoever has it by now keeps it"


def test_a_mail_is_handed_over_while_its_claim_holds(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(gocron, "a")
    uptime = Uptime()
    gocron.mail.stop()
    stop_at_rcpt(gocron, monkeypatch, lambda: uptime.stop(outbox.LEASE_S - 1))
    gocron.mail.start()
    gocron.set(smtpport=gocron.mail.port)
    assert delivered(gocron, LATE + 60, uptime).sent == 1


def test_a_post_is_not_handed_over_once_its_claim_is_over(
    gocron: Gocron, slack: SlackPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    uptime = Uptime()
    gocron.set(prefer_slack=True, slack_hook_url=slack.url)
    send = Slack.send

    def stopped(*arguments: object) -> None:
        uptime.stop(outbox.LEASE_S)
        send(*arguments)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Slack, "send", killed)
    gocron.hear("a", NOON)
    with pytest.raises(KeyboardInterrupt):
        gocron.sweep(LATE)
    monkeypatch.setattr(Slack, "send", stopped)
    done = delivered(gocron, LATE + outbox.LEASE_S, uptime)
    assert (done.sent, slack.posts, gocron.mail.mails) == (0, [], [])
    assert [row["channel"] for row in gocron.rows("news")] == ["slack"]


def test_a_failure_that_comes_after_the_claim_changes_nothing(gocron: Gocron) -> None:
    queued(gocron, "a")
    uptime = Uptime()
    gocron.set(smtpport=9)
    ticks = iter([1000.0, 1000.0])
    done = delivered(gocron, LATE + 60, lambda: next(ticks, uptime.now + outbox.LEASE_S))
    assert done.sent == 0
    (row,) = gocron.rows("news")
    assert row["next_try_at"] == LATE + 60 + outbox.LEASE_S


def test_what_another_sweep_has_claimed_is_not_split(gocron: Gocron) -> None:
    queued(gocron, "a", "b")
    store, again = gocron.store, LATE + 60
    with store.connected():
        (waiting,) = outbox.due(store, again)
        mine = outbox.claim(store, waiting, again)
        later = again + outbox.LEASE_S
        theirs = outbox.claim(store, waiting, later)
        assert mine is not None and theirs is not None
        assert parts.split(store, mine, again, later, "554 spam") == []
        both = parts.split(store, theirs, later, later, "554 spam")
        assert len({part.key for part in both} - {mine.key}) == 2
        told = [outbox.claim(store, part, later) for part in both]
    names = [item.episode.job.cronname for digest in told if digest for item in digest.news]
    assert names == ["a", "b"]


def test_a_part_that_another_sweep_has_taken_is_not_joined(gocron: Gocron) -> None:
    queued(gocron, "a", "b", "c")
    store, again = gocron.store, LATE + 60
    with store.connected():
        (waiting,) = outbox.due(store, again)
        whole = outbox.claim(store, waiting, again)
        assert whole is not None
        first, second = parts.split(store, whole, again, again, "554 spam")
        mine = outbox.claim(store, first, again)
        theirs = outbox.claim(store, second, again)
        assert mine is not None and theirs is not None
        parts.join(store, mine, [second], again)
        assert outbox.due(store, again) == [Waiting(mine.channel, mine.recipient, mine.key)]
        outbox.mark_sent(store, theirs, again)
    assert sum(row["sent_at"] is not None for row in gocron.rows("news")) == len(theirs.news)

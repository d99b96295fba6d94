"""The table of channels: how each is opened, and how what it sends is written."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property
from typing import Any

from gocron.config import Config
from gocron.core.channel import CHANNELS, MAIL, SHARED, SLACK, Traits
from gocron.core.news import Digest
from gocron.errors import ConfigError, PageError
from gocron.notify import Channel
from gocron.notify.mail import Mail
from gocron.notify.slack import Slack
from gocron.render.form import Form
from gocron.render.mail import Letterhead, alert_mail, trial_mail
from gocron.render.notices import outage_mail, redeclared_mail
from gocron.render.slack import alert_post, summary_post, trial_post
from gocron.render.summary import Report
from gocron.render.templates import Templates

log = logging.getLogger("gocron-sweep")

BUG_LIMIT = 200

# Opens the channel of a name.
Opener = Callable[[str], AbstractContextManager[Channel[Any]]]


@dataclass(frozen=True)
class Desk:
    """What messages are written with: `instance` is the name of this gocron."""

    config: Config
    instance: str = ""
    templates: Templates = field(default_factory=Templates)

    @cached_property
    def letterhead(self) -> Letterhead:
        """What all mails have in common."""
        sender = self.config.mail_from
        if not sender:
            import socket  # looks the host's name up; most set mail_from

            sender = f"gocron@{socket.getfqdn()}"
        return Letterhead(sender, self.instance, self.config.public_url)


@dataclass(frozen=True)
class Entry:
    """How a channel is opened, and how its messages are written.

    `option` has to be set for it, and `gocron check` calls it `checked_as`.
    """

    option: str
    checked_as: str
    open: Callable[[Config], AbstractContextManager[Channel[Any]]]
    digest: Callable[[Desk, Digest, Form, int], Any]
    trial: Callable[[Desk, str, int], Any]


def _mail(desk: Desk, digest: Digest, form: Form, now: int) -> EmailMessage:
    if digest.outage is not None:
        return outage_mail(digest, digest.outage, desk.letterhead, now)
    if digest.redeclarations:
        return redeclared_mail(digest, desk.letterhead, now, form)
    # What a site's own template adds may be what is objected to.
    templates = desk.templates if form is Form.WHOLE else Templates()
    try:
        return alert_mail(templates, digest, desk.letterhead, now, form)
    except PageError as error:
        # An alert in gocron's own words is better than none in the site's.
        log.warning("%s; using gocron's own template", error)
        return alert_mail(Templates(), digest, desk.letterhead, now, form)


def _post(desk: Desk, digest: Digest, form: Form, now: int) -> dict[str, Any]:
    return alert_post(digest, desk.config.slack_channel, desk.config.public_url, now, form)


TABLE = {
    MAIL.name: Entry(
        *("smtpserver", "mail server", Mail, _mail),
        lambda desk, recipient, now: trial_mail(desk.letterhead.sender, recipient, now),
    ),
    SLACK.name: Entry(
        *("slack_hook_url", "slack", lambda config: nullcontext(Slack(config)), _post),
        lambda desk, _, now: trial_post(desk.config.slack_channel, now),
    ),
}


def said_of_bug(error: Exception) -> str:
    """Return what people are told of a bug, and log the rest of it."""
    log.info("the bug in full", exc_info=error)
    return f"bug: {error!r}"[:BUG_LIMIT] + " (please report)"


def for_jobs(config: Config) -> Traits:
    """Return the channel by which news goes to the jobs' recipients."""
    return SLACK if config.prefer_slack else MAIL


def for_addresses() -> Traits:
    """Return the channel that reaches a mail address."""
    return MAIL


def required(config: Config, name: str) -> Entry:
    """Return the row of the channel `name`. Raises ConfigError where its option isn't set."""
    entry = TABLE[name]
    if not getattr(config, entry.option):
        raise ConfigError(entry.option, "not set", f"set it to send by {CHANNELS[name].label}")
    return entry


def post_summary(config: Config, report: Report) -> None:
    """Send `report` to the channel that all read. Raises ConfigError and DeliveryFailed."""
    with required(config, SLACK.name).open(config) as channel:
        channel.send(summary_post(report, config.slack_channel, config.public_url), "")


def send_on_trial(config: Config, receiver: str, now: int) -> str:
    """Send a message on trial to a shared channel or an address; say who took it.

    Raises ConfigError where the channel isn't set up, and DeliveryFailed.
    """
    traits = CHANNELS[receiver] if receiver in SHARED else for_addresses()
    recipient = "" if traits.is_shared else receiver
    entry = required(config, traits.name)
    with entry.open(config) as channel:
        channel.send(entry.trial(Desk(config), recipient, now), recipient)
    return f"{channel.called} took a {traits.message}" + (f" for {recipient}" if recipient else "")

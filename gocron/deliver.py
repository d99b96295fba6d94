"""Delivery: what waits in the outbox is claimed, sent and marked, one digest at a time."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from email.message import EmailMessage

from gocron.config import Config
from gocron.core.job import Channel, Digest
from gocron.errors import PageError
from gocron.notify import DeliveryFailed, Refused, Unreachable, slack
from gocron.outside import Courier
from gocron.render.mail import Letterhead, alert_mail, outage_mail
from gocron.render.slack import alert_post
from gocron.render.templates import Templates
from gocron.render.wording import full_name
from gocron.sites import with_remarks
from gocron.store import accounts, outages, outbox
from gocron.store.database import Store
from gocron.store.outbox import Waiting

log = logging.getLogger("gocron-sweep")


@dataclass
class Delivered:
    """What became of the digests of one sweep: how many were sent, and why others weren't."""

    sent: int = 0
    failures: list[str] = field(default_factory=list)


def deliver(
    store: Store,
    config: Config,
    templates: Templates,
    clock: Callable[[], int],
    couriers: Callable[[], AbstractContextManager[Courier]],
) -> Delivered:
    """Send what is due; keep what failed for later.

    One recipient that fails doesn't stop the others. A server that takes nothing is asked
    once: what else waits for it stays due, as does what an interval had no room for.
    `clock` is asked for each digest: a claim holds from when it is made, however long the
    ones before took.
    """
    done = Delivered()
    until = clock() + config.interval
    # Slack first: what fails there becomes mail within this very sweep.
    for waiting in outbox.due(store, clock()):
        if waiting.channel is Channel.SLACK and clock() <= until:
            _deliver_slack(store, config, waiting, clock(), done)
    mails = [one for one in outbox.due(store, clock()) if one.channel is Channel.MAIL]
    if not mails:
        return done
    with couriers() as courier:
        post = _Post(store, config, templates, courier, letterhead(store, config))
        for waiting in mails:
            if clock() > until or not post.deliver(waiting, clock(), done):
                break
    return done


def tell_operator(
    store: Store,
    config: Config,
    now: int,
    couriers: Callable[[], AbstractContextManager[Courier]],
) -> list[str]:
    """Mail the operator about gocron's own outages that are over; return why that failed."""
    while config.operator_email and (told := outages.claim_untold(store, now)):
        mail = outage_mail(
            told.outage, told.excused, config.operator_email, letterhead(store, config), now
        )
        try:
            with couriers() as courier:
                courier.send(mail, config.operator_email)
        except DeliveryFailed as error:
            outages.settle(store, told.outage, None)
            return [f"{config.operator_email}: {error}; will retry"]
        outages.settle(store, told.outage, now)
    return []


def letterhead(store: Store, config: Config) -> Letterhead:
    """Return what all mails of this installation have in common."""
    return Letterhead(
        sender=sender(config),
        instance=accounts.instance_name(store),
        page_url=config.public_url,
    )


def sender(config: Config) -> str:
    """Return the address that mails come from."""
    if config.mail_from:
        return config.mail_from
    import socket  # looks the host's name up; most set mail_from

    return f"gocron@{socket.getfqdn()}"


def _deliver_slack(
    store: Store, config: Config, waiting: Waiting, now: int, done: Delivered
) -> None:
    digest = outbox.claim(store, waiting, now)
    if digest is None:
        return
    told = with_remarks(store, digest)
    try:
        slack.post(
            config.slack_hook_url, alert_post(told, config.slack_channel, config.public_url, now)
        )
    except DeliveryFailed as error:
        log.warning("%s; mailing instead", error)
        outbox.move_to_mail(store, digest, now)
    else:
        outbox.mark_sent(store, digest, now)
        done.sent += 1
        log.info("posted %d news to Slack", len(digest.news))


@dataclass(frozen=True)
class _Post:
    """The way by which the mails of one sweep leave."""

    store: Store
    config: Config
    templates: Templates
    courier: Courier
    letterhead: Letterhead

    def deliver(self, waiting: Waiting, now: int, done: Delivered) -> bool:
        """Send what is `waiting`; return False where the server takes no mail at all."""
        digest = outbox.claim(self.store, waiting, now)
        if digest is None:
            return True
        told = with_remarks(self.store, digest)
        try:
            self.courier.send(self._written(told, now), digest.recipient)
        except Refused as error:
            outbox.give_up(self.store, digest, now, str(error))
            done.failures.append(f"{_addressee(digest)}: {error}; given up")
        except Unreachable as error:
            outbox.put_back(self.store, digest, now, str(error))
            outbox.blame(self.store, Channel.MAIL, now, str(error))
            done.failures.append(f"{error}; will retry")
            return False
        except DeliveryFailed as error:
            outbox.put_back(self.store, digest, now, str(error))
            done.failures.append(f"{_addressee(digest)}: {error}; will retry")
        except Exception as error:
            # A mail that can't even be written must not keep the others from leaving.
            log.exception("bug: mail to %s (please report)", digest.recipient)
            outbox.put_back(self.store, digest, now, repr(error))
            done.failures.append(f"{_addressee(digest)}: bug: {error!r}; will retry")
        else:
            outbox.mark_sent(self.store, digest, now)
            done.sent += 1
            log.info("mailed %d news to %s", len(digest.news), digest.recipient)
        return True

    def _written(self, digest: Digest, now: int) -> EmailMessage:
        try:
            return alert_mail(self.templates, digest, self.letterhead, now)
        except PageError as error:
            # An alert in gocron's own words is better than none in the site's.
            log.warning("%s; using gocron's own template", error)
            return alert_mail(Templates(), digest, self.letterhead, now)


def _addressee(digest: Digest) -> str:
    """Return who was to be told; where that is nobody, of what."""
    if digest.recipient:
        return digest.recipient
    job = digest.news[0].episode.job
    more = f" and {len(digest.news) - 1} more" if len(digest.news) > 1 else ""
    return f"{full_name(job)}{more} without a recipient"

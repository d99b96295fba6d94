"""Delivery: what waits in the outbox is claimed, sent and marked, one digest at a time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from gocron.config import Config
from gocron.core.job import Channel, Digest
from gocron.errors import GocronError
from gocron.notify import DeliveryFailed, Refused, Unreachable, slack
from gocron.notify.mail import MailServer
from gocron.render.mail import Letterhead, alert_mail
from gocron.render.slack import alert_post
from gocron.render.templates import Templates
from gocron.store import accounts, outbox
from gocron.store.database import Store

log = logging.getLogger("gocron-sweep")


@dataclass
class Delivered:
    """What became of the digests of one sweep: how many were sent, and why others weren't."""

    sent: int = 0
    failures: list[str] = field(default_factory=list)


def deliver(
    store: Store, config: Config, templates: Templates, clock: Callable[[], int]
) -> Delivered:
    """Send what is due; keep what failed for later.

    One recipient that fails doesn't stop the others. A server that takes nothing is asked
    once: what else waits for it stays due. `clock` is asked for each digest: a claim holds
    from when it is made, however long the ones before took.
    """
    done = Delivered()
    # Slack first: what fails there becomes mail within this very sweep.
    for waiting in outbox.due(store, clock()):
        if waiting.channel is Channel.SLACK:
            now = clock()
            if digest := outbox.claim(store, waiting, now):
                _deliver_slack(store, config, digest, now, done)
    with MailServer(config) as server:
        for waiting in outbox.due(store, clock()):
            if waiting.channel is not Channel.MAIL:
                continue
            now = clock()
            digest = outbox.claim(store, waiting, now)
            if digest is None:
                continue
            if not _deliver_mail(store, config, templates, server, digest, now, done):
                break
    return done


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


def _deliver_slack(store: Store, config: Config, digest: Digest, now: int, done: Delivered) -> None:
    try:
        slack.post(
            config.slack_hook_url, alert_post(digest, config.slack_channel, config.public_url, now)
        )
    except DeliveryFailed as error:
        log.warning("%s; mailing instead", error)
        outbox.move_to_mail(store, digest, now)
    else:
        outbox.mark_sent(store, digest, now)
        done.sent += 1
        log.info("posted %d news to Slack", len(digest.news))


def _deliver_mail(
    store: Store,
    config: Config,
    templates: Templates,
    server: MailServer,
    digest: Digest,
    now: int,
    done: Delivered,
) -> bool:
    """Send one digest; return False where the server takes no mail at all."""
    try:
        message = alert_mail(templates, digest, letterhead(store, config), now)
        server.send(message, digest.recipient)
    except Refused as error:
        outbox.give_up(store, digest, now, str(error))
        done.failures.append(f"{digest.recipient}: {error}; given up")
    except Unreachable as error:
        outbox.put_back(store, digest, now, str(error))
        done.failures.append(f"{error}; will retry")
        return False
    except (DeliveryFailed, GocronError) as error:
        outbox.put_back(store, digest, now, str(error))
        done.failures.append(f"{digest.recipient}: {error}; will retry")
    except Exception as error:
        # A mail that can't even be written must not keep the others from leaving.
        log.exception("bug: mail to %s (please report)", digest.recipient)
        outbox.put_back(store, digest, now, repr(error))
        done.failures.append(f"{digest.recipient}: bug: {error!r}; will retry")
    else:
        outbox.mark_sent(store, digest, now)
        done.sent += 1
        log.info("mailed %d news to %s", len(digest.news), digest.recipient)
    return True

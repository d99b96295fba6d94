"""The ways by which a digest goes out: written in a form, and handed over."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol, TypeVar

from gocron.config import Config
from gocron.core.job import Digest
from gocron.errors import PageError
from gocron.notify import Lease, Unreachable, Unwanted, slack
from gocron.outside import Courier
from gocron.render.form import Form
from gocron.render.mail import Letterhead, alert_mail
from gocron.render.notices import outage_mail, redeclared_mail
from gocron.render.slack import alert_post
from gocron.render.templates import Templates

log = logging.getLogger("gocron-sweep")

Message = TypeVar("Message")

BUG_LIMIT = 200


class Unwritable(Unwanted):
    """The message can't be written, by a bug: another one perhaps can."""


class Way(Protocol):
    """One channel, as a sweep uses it."""

    def tell(self, digest: Digest, form: Form, lease: Lease, now: int) -> None:
        """Return once `digest` was taken. Raises what `notify` has for it, and Unwritable."""


@dataclass(frozen=True)
class ByMail:
    """The way by which the mails of one sweep leave."""

    courier: Courier
    templates: Templates
    letterhead: Letterhead

    def tell(self, digest: Digest, form: Form, lease: Lease, now: int) -> None:
        """Mail `digest` to its recipient."""
        mail = _written(lambda: self._mail(digest, form, now))
        self.courier.send(mail, digest.recipient, lease)

    def _mail(self, digest: Digest, form: Form, now: int) -> EmailMessage:
        if digest.outage is not None:
            return outage_mail(digest, digest.outage, self.letterhead, now)
        if digest.redeclarations:
            return redeclared_mail(digest, self.letterhead, now, form)
        ours = Templates()
        # What a site's own template adds may be what is objected to.
        templates = self.templates if form is Form.WHOLE else ours
        try:
            return alert_mail(templates, digest, self.letterhead, now, form)
        except PageError as error:
            # An alert in gocron's own words is better than none in the site's.
            log.warning("%s; using gocron's own template", error)
            return alert_mail(ours, digest, self.letterhead, now, form)


class BySlack:
    """The way by which the posts of one sweep leave; a Slack that is away is asked once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._away: Unreachable | None = None

    def tell(self, digest: Digest, form: Form, lease: Lease, now: int) -> None:
        """Post `digest` to the channel."""
        if self._away is not None:
            raise self._away
        post = _written(lambda: self._post(digest, form, now))
        try:
            slack.post(self._config.slack_hook_url, post, lease)
        except Unreachable as error:
            self._away = error
            raise

    def _post(self, digest: Digest, form: Form, now: int) -> dict[str, Any]:
        return alert_post(digest, self._config.slack_channel, self._config.public_url, now, form)


def _written(write: Callable[[], Message]) -> Message:
    """Return what `write` does. Raises Unwritable for whatever goes wrong in it."""
    try:
        return write()
    except Exception as error:
        log.info("what could not be written", exc_info=True)
        raise Unwritable(f"bug: {error!r}"[:BUG_LIMIT] + " (please report)") from error

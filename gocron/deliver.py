"""Delivery: what waits in the outbox is claimed, sent and marked, one digest at a time."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from gocron.config import Config
from gocron.core.job import Channel, Digest
from gocron.errors import StoreError
from gocron.host import uptime as uptime_of_host
from gocron.notify import (
    Deferred,
    DeliveryFailed,
    Lease,
    LeaseOver,
    Refused,
    TooLarge,
    Unreachable,
    Unwanted,
)
from gocron.outside import Courier
from gocron.render.form import Form
from gocron.render.mail import Letterhead
from gocron.render.templates import Templates
from gocron.sites import Remarks
from gocron.store import accounts, outbox, parts
from gocron.store.database import Store
from gocron.store.outbox import Waiting
from gocron.ways import BUG_LIMIT, ByMail, BySlack, Way

# How often a sweep tells again, in another form or in parts, what was refused for what it holds.
# To find one job among thousands takes some thirty tries.
TRIES_A_SWEEP = 200
# From this attempt on a server that read a message and puts it off refuses it: greylisting and
# filters that are ill are over by then, as a rule.
PATIENCE_ATTEMPTS = 5

NAME_LIMIT = 130

_NAMELESS = (Form.ACCOUNTS, Form.BARE)

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
    uptime: Callable[[], float] = uptime_of_host,
) -> Delivered:
    """Send what is due; keep what failed for later.

    One recipient that fails doesn't stop the others. A server that takes nothing is asked
    once: what else waits for it stays due, as does what an interval had no room for.
    `clock` is asked for each digest: a claim holds from when it is made, however long the
    ones before took, and until `uptime` says that it is over.
    """
    ends_at, done = clock() + config.interval, Delivered()
    deliveries = _Round(store, clock, uptime, ends_at, done, Remarks(store), TRIES_A_SWEEP)
    by_slack = BySlack(config)
    # Slack first: what fails there becomes mail within this very sweep.
    for waiting in outbox.due(store, clock()):
        if waiting.channel is Channel.SLACK and deliveries.is_open:
            deliveries.deliver(by_slack, waiting)
    mails = [one for one in outbox.due(store, clock()) if one.channel is Channel.MAIL]
    if not mails:
        return done
    with couriers() as courier:
        by_mail = ByMail(courier, templates, letterhead(store, config))
        for waiting in mails:
            if not deliveries.is_open:
                break
            deliveries.deliver(by_mail, waiting)
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


@dataclass(frozen=True)
class _Claimed:
    """A digest that is this sweep's to tell, since `at`, while `lease` holds."""

    digest: Digest
    at: int
    lease: Lease
    is_part: bool

    @property
    def jobs(self) -> int:
        return len(self.digest.jobs)


@dataclass
class _Round:
    """The deliveries of one sweep, until `ends_at` or until the mail server takes no more."""

    store: Store
    clock: Callable[[], int]
    uptime: Callable[[], float]
    ends_at: int
    done: Delivered
    remarks: Remarks
    tries_left: int
    is_shut: bool = False

    @property
    def is_open(self) -> bool:
        """Whether there is time for more, and a server that takes it."""
        return not self.is_shut and self.clock() <= self.ends_at

    def deliver(self, way: Way, waiting: Waiting) -> None:
        """Send what is `waiting`; where its content is refused, with less in it or in parts."""
        claimed = self._claim(waiting)
        refused = claimed and self._tell(way, claimed, Form.WHOLE)
        if not claimed or not refused:
            return
        # News of gocron itself names no job that could be left out.
        if self.tries_left <= 0 or not claimed.jobs:
            self._put_off(claimed, refused)
            return
        form = Form.BRIEF if isinstance(refused, TooLarge) else Form.PLAIN
        left = self._tell_first(way, claimed, (form,), refused)
        is_about_names = not (form is Form.BRIEF and isinstance(left, TooLarge))
        if left and is_about_names and claimed.jobs > 1:
            self._tell_parts(way, claimed, left)
        elif left and (left := self._tell_first(way, claimed, _NAMELESS, left)):
            self._put_off(claimed, left)

    def _tell_parts(self, way: Way, whole: _Claimed, refused: Unwanted) -> None:
        """Tell of all jobs by name but of those whose name is refused.

        A server that takes no part, however little is in it, refuses us: what was split is
        joined again and waits as a whole, or it would come as a flood once the server takes it.
        """
        sent_before = self.done.sent
        waiting = self._split(whole, refused)
        while waiting and self.tries_left > 0 and self.is_open:
            part = self._claim(waiting.pop(0), is_part=True)
            left = part and self._tell_first(way, part, (Form.PLAIN,), refused)
            if not part or not left:
                continue
            if part.jobs > 1:
                waiting[:0] = self._split(part, left)
                continue
            left = self._tell_first(way, part, _NAMELESS, left)
            if left and self.done.sent == sent_before:
                self._put_off_joined(part, waiting, left)
                return
            if left:
                self._put_off(part, left)
        if waiting:
            self._complain(whole.digest, f"{refused}; the next sweep goes on")

    def _split(self, claimed: _Claimed, refused: Unwanted) -> list[Waiting]:
        return parts.split(self.store, claimed.digest, claimed.at, self.clock(), str(refused))

    def _put_off_joined(self, part: _Claimed, waiting: list[Waiting], refused: Unwanted) -> None:
        parts.join(self.store, part.digest, waiting, self.clock())
        joined = Waiting(part.digest.channel, part.digest.recipient, part.digest.key)
        if (whole := self._claim(joined)) is not None:
            self._put_off(whole, refused)

    def _claim(self, waiting: Waiting, is_part: bool = False) -> _Claimed | None:
        """Claim what is `waiting`, unless another sweep has it."""
        # Asked before the database is, so that the claim holds no longer here than there.
        lease = Lease(self.uptime() + outbox.LEASE_S, self.uptime)
        now = self.clock()
        try:
            with self.store.reporting():
                digest = outbox.claim(self.store, waiting, now)
        except StoreError as error:
            # A row that another transaction holds keeps no other news from leaving.
            if self.store.is_away(error):
                raise
            self._complain(waiting, f"{error}; will retry")
            return None
        except Exception as error:
            self._complain(waiting, f"{_bug(error)}; will retry")
            return None
        if digest is None:
            return None
        return _Claimed(self._with_remarks(digest), now, lease, is_part)

    def _with_remarks(self, digest: Digest) -> Digest:
        """Return `digest` with what it means for sites, or without: the alert counts."""
        try:
            with self.store.reporting():
                return self.remarks.on(digest)
        except StoreError:
            raise
        except Exception as error:
            self._complain(digest, f"{_bug(error)}; told without what it means for sites")
            return digest

    def _tell_first(
        self, way: Way, claimed: _Claimed, forms: Sequence[Form], refused: Unwanted
    ) -> Unwanted | None:
        """Tell in the first of `forms` that is not `refused` as those before; return why none."""
        for form in forms:
            self.tries_left -= 1
            left = self._tell(way, claimed, form, refused)
            if left is None:
                return None
            refused = left
        return refused

    def _tell(
        self, way: Way, claimed: _Claimed, form: Form, refused: Unwanted | None = None
    ) -> Unwanted | None:
        """Tell in `form` and keep what came of it; return why another form is to be tried."""
        digest = claimed.digest
        try:
            way.tell(digest, form, claimed.lease, claimed.at)
        except Unwanted as error:
            return error
        except Deferred as error:
            if digest.attempts >= PATIENCE_ATTEMPTS:
                return Unwanted(str(error))
            self._put_off(claimed, error)
        except DeliveryFailed as error:
            self._put_off(claimed, error)
        except LeaseOver as error:
            self._complain(digest, str(error))
        except Exception as error:
            # A bug in one delivery must not keep the others from leaving.
            self._put_off(claimed, DeliveryFailed(_bug(error)))
        else:
            self._keep_sent(claimed, form, refused)
        return None

    def _keep_sent(self, claimed: _Claimed, form: Form, refused: Unwanted | None) -> None:
        digest = claimed.digest
        outbox.mark_sent(self.store, digest, self.clock())
        self.done.sent += 1
        log.info("%s: told of %d news", _addressee(digest), digest.size)
        if form.is_nameless:
            self._complain(digest, f"{refused}; told without the name of {_names(digest)}")
        elif refused and not claimed.is_part:
            log.warning("%s: %s; told %s", _addressee(digest), refused, form.value)

    def _put_off(self, claimed: _Claimed, error: DeliveryFailed) -> None:
        """Keep that a digest was not taken, and what becomes of it."""
        digest, now = claimed.digest, self.clock()
        try:
            claimed.lease.left_s()
        except LeaseOver as over:
            # By now another sweep may be telling it.
            self._complain(digest, str(over))
            return
        if digest.channel is Channel.SLACK:
            log.warning("%s; mailing instead", error)
            outbox.move_to_mail(self.store, digest, now)
        elif isinstance(error, Refused):
            outbox.give_up(self.store, digest, now, str(error))
            self._complain(digest, f"{error}; given up")
        elif isinstance(error, Unreachable):
            outbox.put_back(self.store, digest, now, str(error))
            outbox.blame(self.store, digest.channel, now, str(error))
            self.done.failures.append(f"{error}; will retry")
            self.is_shut = True
        else:
            outbox.put_back(self.store, digest, now, str(error))
            self._complain(digest, f"{error}; will retry")

    def _complain(self, what: Digest | Waiting, why: str) -> None:
        self.done.failures.append(f"{_addressee(what)}: {why}")


def _bug(error: Exception) -> str:
    log.info("the bug in full", exc_info=error)
    return f"bug: {error!r}"[:BUG_LIMIT] + " (please report)"


def _addressee(what: Digest | Waiting) -> str:
    """Return who was to be told; where that is nobody, of what."""
    if what.channel is Channel.SLACK:
        return "Slack"
    if isinstance(what, Digest) and not what.recipient:
        return f"{_names(what)} without a recipient"
    return what.recipient or "nobody"


def _names(digest: Digest) -> str:
    """Return the jobs of `digest`, as they stand: what can't be written must not stop this."""
    names = [f"{cronname} ({account})"[:NAME_LIMIT] for account, cronname in digest.jobs]
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")

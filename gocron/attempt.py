"""One attempt to deliver: a digest is claimed, told in one form, and what came of it is kept."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gocron.core.job import Channel, Digest
from gocron.errors import StoreError
from gocron.notify import (
    Deferred,
    DeliveryFailed,
    Lease,
    LeaseOver,
    Refused,
    Unreachable,
    Unsure,
    Unwanted,
)
from gocron.render.form import Form
from gocron.sites import Remarks
from gocron.store import outbox
from gocron.store.database import Store
from gocron.store.outbox import Waiting
from gocron.ways import BUG_LIMIT, Way

# From this attempt on a server that read a message and puts it off refuses it: greylisting and
# filters that are ill are over by then, as a rule. A server that breaks off is met with less at
# each attempt that this divides: it may take each message and not say so.
PATIENCE_ATTEMPTS = 5
NAME_LIMIT = 130

log = logging.getLogger("gocron-sweep")


@dataclass
class Delivered:
    """What became of the digests of one sweep: how many were sent, and why others weren't."""

    sent: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass
class Claimed:
    """A digest that is this sweep's to tell, since `at`, while `lease` holds."""

    digest: Digest
    at: int
    lease: Lease
    is_part: bool

    @property
    def is_divisible(self) -> bool:
        """Whether it may be told in parts with ids of their own: nobody can have it as a whole."""
        return len(self.digest.jobs) > 1 and not self.digest.may_be_taken


@dataclass
class Attempts:
    """The attempts of one sweep, until `ends_at` or until the mail server takes no more.

    `tries_left` says how often what was refused for what it holds may still be told again.
    """

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

    @property
    def may_try_again(self) -> bool:
        """Whether what was refused for what it holds may be told otherwise by this sweep."""
        return self.tries_left > 0 and self.is_open

    def claim(self, waiting: Waiting, is_part: bool = False) -> Claimed | None:
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
            self.complain(waiting, f"{error}; will retry")
            return None
        except Exception as error:
            self.complain(waiting, f"{_bug(error)}; will retry")
            return None
        if digest is None:
            return None
        return Claimed(self._with_remarks(digest), now, lease, is_part)

    def _with_remarks(self, digest: Digest) -> Digest:
        """Return `digest` with what it means for sites, or without: the alert counts."""
        try:
            with self.store.reporting():
                return self.remarks.on(digest)
        except StoreError:
            raise
        except Exception as error:
            self.complain(digest, f"{_bug(error)}; told without what it means for sites")
            return digest

    def tell(
        self, way: Way, claimed: Claimed, form: Form, refused: Unwanted | None = None
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
            self.put_off(claimed, error)
        except Unsure as error:
            claimed.digest = replace(digest, may_be_taken=True)
            if digest.attempts % PATIENCE_ATTEMPTS == 0:
                return Unwanted(str(error))
            self.put_off(claimed, error)
        except DeliveryFailed as error:
            self.put_off(claimed, error)
        except LeaseOver as error:
            self.complain(digest, str(error))
        except Exception as error:
            # A bug in one delivery must not keep the others from leaving.
            self.put_off(claimed, DeliveryFailed(_bug(error)))
        else:
            self._keep_sent(claimed, form, refused)
        return None

    def _keep_sent(self, claimed: Claimed, form: Form, refused: Unwanted | None) -> None:
        digest = claimed.digest
        outbox.mark_sent(self.store, digest, self.clock())
        self.done.sent += 1
        log.info("%s: told of %d news", _addressee(digest), digest.size)
        if form.is_nameless or digest.unnamed:
            self.complain(digest, f"{refused}; told without the name of {_names(digest)}")
        elif refused and not claimed.is_part:
            log.warning("%s: %s; told %s", _addressee(digest), refused, form.value)

    def put_off(self, claimed: Claimed, error: DeliveryFailed) -> None:
        """Keep that a digest was not taken, and what becomes of it."""
        digest, now = claimed.digest, self.clock()
        try:
            claimed.lease.left_s()
        except LeaseOver as over:
            # By now another sweep may be telling it.
            self.complain(digest, str(over))
            return
        if digest.channel is Channel.SLACK:
            log.warning("%s; mailing instead", error)
            outbox.move_to_mail(self.store, digest, now)
        elif isinstance(error, Refused):
            outbox.give_up(self.store, digest, now, str(error))
            self.complain(digest, f"{error}; given up")
        elif isinstance(error, Unreachable):
            outbox.put_back(self.store, digest, now, str(error))
            outbox.blame(self.store, digest.channel, now, str(error))
            self.done.failures.append(f"{error}; will retry")
            self.is_shut = True
        else:
            outbox.put_back(self.store, digest, now, str(error))
            self.complain(digest, f"{error}; will retry")

    def complain(self, what: Digest | Waiting, why: str) -> None:
        """Let the sweep say, with the name of who was to be told, `why` he was not as he should."""
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
    jobs = [job for job in digest.jobs if not digest.unnamed or job in digest.unnamed]
    names = [f"{cronname} ({account})"[:NAME_LIMIT] for account, cronname in jobs]
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")

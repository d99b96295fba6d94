"""One attempt to deliver: a digest is claimed, told in one form, and what came of it is kept."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from gocron.core.channel import CHANNELS, Traits
from gocron.core.news import Digest
from gocron.errors import StoreError
from gocron.notify import (
    Channel,
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
from gocron.store import outbox
from gocron.store.database import Store
from gocron.store.outbox import Waiting
from gocron.sweep.channels import TABLE, Desk, Opener, said_of_bug
from gocron.sweep.sites import Remarks

# From this attempt on a server that read a message and puts it off refuses it: greylisting and
# filters that are ill are over by then, as a rule. A server that breaks off is met with less at
# each attempt that this divides: it may take each message and not say so.
PATIENCE_ATTEMPTS = 5
NAME_LIMIT = 130

log = logging.getLogger("gocron-sweep")


@dataclass
class Delivered:
    """What became of the digests of one sweep: how many were sent, and why others weren't.

    `retold` is how often one was told again for what it holds, in another form or in parts.
    """

    sent: int = 0
    retold: int = 0
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
    """The attempts of one sweep by one channel, until `ends_at`. One that is away is asked once."""

    store: Store
    clock: Callable[[], int]
    uptime: Callable[[], float]
    ends_at: int
    done: Delivered
    remarks: Remarks
    desk: Desk
    traits: Traits
    open: Opener
    stack: ExitStack
    _away: Unreachable | None = None

    @cached_property
    def _channel(self) -> Channel[Any]:
        return self.stack.enter_context(self.open(self.traits.name))

    @property
    def are_open(self) -> bool:
        """Whether there is time for more, and a channel to tell it, be it another one."""
        is_told = self._away is None or self.traits.falls_back_to != ""
        return is_told and self.clock() <= self.ends_at

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
            self.complain(waiting, f"{said_of_bug(error)}; will retry")
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
            self.complain(digest, f"{said_of_bug(error)}; told without what it means for sites")
            return digest

    def tell(
        self, claimed: Claimed, form: Form, refused: Unwanted | None = None
    ) -> Unwanted | None:
        """Tell in `form` and keep what came of it; return why another form is to be tried."""
        digest = claimed.digest
        try:
            self._send(claimed, form)
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
            self.put_off(claimed, DeliveryFailed(said_of_bug(error)))
        else:
            self._keep_sent(claimed, form, refused)
        return None

    def _send(self, claimed: Claimed, form: Form) -> None:
        if self._away is not None:
            raise self._away
        try:
            write = TABLE[self.traits.name].digest
            message = write(self.desk, claimed.digest, form, claimed.at)
        except Exception as error:
            # Written in another form, it perhaps meets no bug.
            raise Unwanted(said_of_bug(error)) from error
        try:
            self._channel.send(message, claimed.digest.recipient, claimed.lease)
        except Unreachable as error:
            self._away = error
            raise

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
        if fallback := self.traits.falls_back_to:
            log.warning("%s; sending a %s instead", error, CHANNELS[fallback].message)
            outbox.fall_back(self.store, digest, now, CHANNELS[fallback])
        elif isinstance(error, Refused):
            outbox.give_up(self.store, digest, now, str(error))
            self.complain(digest, f"{error}; given up")
        else:
            outbox.put_back(self.store, digest, now, str(error))
            if isinstance(error, Unreachable):
                outbox.blame(self.store, digest.channel, now, str(error))
                self.done.failures.append(f"{error}; will retry")
            else:
                self.complain(digest, f"{error}; will retry")

    def complain(self, what: Digest | Waiting, why: str) -> None:
        """Let the sweep say, with the name of who was to be told, `why` he was not as he should."""
        self.done.failures.append(f"{_addressee(what)}: {why}")


def _addressee(what: Digest | Waiting) -> str:
    """Return who was to be told; where that is nobody, of what."""
    if CHANNELS[what.channel].is_shared:
        return CHANNELS[what.channel].label
    if isinstance(what, Digest) and not what.recipient:
        return f"{_names(what)} without a recipient"
    return what.recipient or "nobody"


def _names(digest: Digest) -> str:
    """Return the jobs of `digest`, as they stand: what can't be written must not stop this."""
    jobs = [job for job in digest.jobs if not digest.unnamed or job in digest.unnamed]
    names = [f"{cronname} ({account})"[:NAME_LIMIT] for account, cronname in jobs]
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")

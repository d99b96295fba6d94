"""The records that everything else speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from gocron.core.mailbox import recipients_of
from gocron.core.outage import OwnOutage
from gocron.core.redeclaration import Redeclaration
from gocron.core.turns import shared


class Status(str, Enum):
    """How a job stands at one moment; `core.judge` says which."""

    UP = "up"
    LATE = "late"
    OVERDUE = "overdue"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXCUSED = "excused"
    MISSING = "missed"
    BACK = "recovered"
    # What a later gocron says in words that this one lacks; it is left to that one.
    UNKNOWN = "unknown"


# What keeps an overdue job from being told of, as far as this version knows.
SPARED = (Status.HELD, Status.SUPPRESSED, Status.EXCUSED)


class Kind(str, Enum):
    """What one piece of news tells."""

    MISSING = "missed"
    BACK = "recovered"
    # gocron itself could not be reached: for the operator.
    OUTAGE = "outage"
    # A job declares itself otherwise: for its former recipients.
    REDECLARED = "redeclared"


@dataclass(frozen=True)
class Job:
    """One cron job, known by (account, cronname). Times are epoch seconds.

    `due_at` is the last moment of a check-in in time, grace included. `missed_at` is the
    deadline that passed and began the open episode, None while the job is up. `back_at`
    is the first check-in after that, until a sweep has ended the episode. `last_seen_at` of
    a job that was declared and never heard is the time of its declaration.

    `network` is where it last checked in from, as sites compare it; "" proves nothing.
    `gateway` is the cronname of the site that it named. `gaps` are the lengths between its
    last check-ins, the newest first, up to three. Sweeps judge it from `judge_at` on.
    `spared` is why an overdue job is not told of: one of SPARED, or UNKNOWN.
    `excused_until` is the deadline that the outage `excused_by` gave it in place of `due_at`.

    `came_from` are the addresses before `address`, the last first, each between commas; at
    `returned_at` it came back to one of them, for the `returns`th time.
    """

    id: int
    account: str
    cronname: str
    email: str
    frequency_s: int
    grace_s: int
    site: bool
    address: str
    created_at: int
    last_seen_at: int
    due_at: int
    missed_at: int | None = None
    back_at: int | None = None
    network: str = ""
    gateway: str = ""
    gaps: tuple[int, ...] = ()
    judge_at: int = 0
    spared: Status | None = None
    excused_until: int | None = None
    excused_by: int | None = None
    came_from: str = ","
    returns: int = 0
    returned_at: int | None = None

    @property
    def allowance_s(self) -> int:
        """For how many seconds it may be silent."""
        return self.frequency_s + self.grace_s

    @property
    def deadline(self) -> int:
        """The deadline that counts: `due_at`, or the one it got instead."""
        return self.due_at if self.excused_until is None else self.excused_until

    @property
    def was_heard(self) -> bool:
        """Whether it ever checked in; a job that was only declared has no address yet."""
        return self.address != ""

    @property
    def former_addresses(self) -> tuple[str, ...]:
        """From where else it came before, each once, the last first, as far as is remembered."""
        # What follows the last comma was cut off.
        known = dict.fromkeys(self.came_from.split(",")[1:-1])
        return tuple(address for address in known if address != self.address)

    @property
    def told(self) -> tuple[str, ...]:
        """Whom news goes to. Without an address that is "": given up on, but not silently."""
        return self.recipients or ("",)

    @property
    def recipients(self) -> tuple[str, ...]:
        """The mail addresses in `email`, each mailbox once, in the order and spelling written."""
        return recipients_of(self.email)


@dataclass(frozen=True)
class Episode:
    """One silence of one job, from the deadline that passed to the check-in that ended it.

    `last_seen_at` is the last check-in before the silence. `ended_at` is None while it lasts.
    `reason` says in one line why it was told.
    """

    id: int
    job: Job
    missed_at: int
    last_seen_at: int
    ended_at: int | None = None
    reason: str = ""

    @property
    def silent_s(self) -> int | None:
        """How long nothing was heard, in seconds; None while the silence lasts."""
        return None if self.ended_at is None else max(self.ended_at - self.last_seen_at, 0)


@dataclass(frozen=True)
class News:
    """One thing to tell one recipient: that an episode began, or that it ended.

    `remarks` are further facts, as (label, text): what a gateway's silence means for its site.
    """

    id: int
    kind: Kind
    episode: Episode
    remarks: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> tuple[str, str]:
        """The job that it tells of, as (account, cronname)."""
        return self.episode.job.account, self.episode.job.cronname


Told = TypeVar("Told", News, Redeclaration)


@dataclass(frozen=True)
class Digest:
    """All the news that goes to one recipient in one message.

    `channel` is the name of one. `key` stays the same however often delivery is tried: the
    Message-ID is made of it.
    `replies_to` are the keys of the digests that told of the episodes which this one ends.
    A digest tells of episodes (`news`), of an outage of gocron's own, or of redeclarations.
    `may_be_taken` tells that a server got it before, and that nobody knows what became of it.
    `unnamed` are jobs that are only counted, as (account, cronname).
    """

    key: str
    channel: str
    recipient: str
    queued_at: int
    attempts: int
    news: tuple[News, ...]
    replies_to: tuple[str, ...] = ()
    outage: OwnOutage | None = None
    redeclarations: tuple[Redeclaration, ...] = ()
    may_be_taken: bool = False
    unnamed: frozenset[tuple[str, str]] = frozenset()

    @property
    def missing(self) -> tuple[News, ...]:
        """The news of silences that began."""
        return tuple(item for item in self.news if item.kind is Kind.MISSING)

    @property
    def back(self) -> tuple[News, ...]:
        """The news of silences that ended."""
        return tuple(item for item in self.news if item.kind is Kind.BACK)

    @property
    def in_order(self) -> tuple[News, ...]:
        """The news as it is told: who is missing first."""
        return self.missing + self.back

    @property
    def size(self) -> int:
        """How many pieces of news it holds."""
        return len(self.news) + len(self.redeclarations) + (self.outage is not None)

    @property
    def jobs(self) -> tuple[tuple[str, str], ...]:
        """The jobs that it tells of as (account, cronname), each once."""
        names = [item.name for item in self.news]
        return tuple(dict.fromkeys([*names, *(one.name for one in self.redeclarations)]))

    def shared(self, items: Sequence[Told], *rooms: int) -> list[list[Told]]:
        """Return the items of this digest that have their place in each of `rooms`, and the rest.

        A job that is not to be named has no place.
        """
        named = [item for item in items if item.name not in self.unnamed]
        *placed, rest = shared(named, lambda item: item.name[0], *rooms)
        return [*placed, rest + [item for item in items if item.name in self.unnamed]]


@dataclass(frozen=True)
class Undelivered:
    """News that waits in the outbox, or was given up on, as people are told of it.

    `given_up_at` is None while delivery is still tried, next at `next_try_at`. `later_kind` is
    what a later gocron calls news that this version leaves alone, "" of all other.
    """

    channel: str
    recipient: str
    count: int
    queued_at: int
    attempts: int
    next_try_at: int
    given_up_at: int | None
    last_error: str
    later_kind: str = ""


@dataclass(frozen=True)
class Account:
    """How many jobs an account has, and how many of them are missing."""

    name: str
    jobs: int
    missing: int
    changed_at: int


@dataclass(frozen=True)
class Totals:
    """The counts over all accounts. `swept_at` is the end of the last whole sweep, or None."""

    accounts: int
    jobs: int
    missing: int
    swept_at: int | None

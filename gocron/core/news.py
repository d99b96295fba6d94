"""What is told: episodes of jobs, the news of them, and digests of news."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from gocron.core.job import Job
from gocron.core.outage import OwnOutage
from gocron.core.redeclaration import Redeclaration
from gocron.core.turns import shared


class Kind(str, Enum):
    """What one piece of news tells."""

    MISSING = "missed"
    BACK = "recovered"
    FAILED = "failed"
    WORKS = "works"
    # gocron itself could not be reached: for the operator.
    OUTAGE = "outage"
    # A job declares itself otherwise: for its former recipients.
    REDECLARED = "redeclared"


class Trouble(str, Enum):
    """What an episode is of."""

    MISSING = "missing"
    FAILING = "failing"


# What tells that an episode began, and that it ended.
NEWS_OF = {
    Trouble.MISSING: (Kind.MISSING, Kind.BACK),
    Trouble.FAILING: (Kind.FAILED, Kind.WORKS),
}


BEGINNINGS = tuple(begun.value for begun, _ in NEWS_OF.values())
ENDS = tuple(ended.value for _, ended in NEWS_OF.values())


@dataclass(frozen=True)
class Episode:
    """One silence of one job, from the deadline that passed to the check-in that ended it.

    Or a row of failures, from the first one to the run that worked again: of which, `kind` tells.
    `last_seen_at` is the last check-in before the silence, or the last run that worked. `ended_at`
    is None while it lasts. `reason` says in one line why it was told; `exit_status` is how the
    first run failed.
    """

    id: int
    job: Job
    missed_at: int
    last_seen_at: int
    ended_at: int | None = None
    reason: str = ""
    kind: Trouble = Trouble.MISSING
    exit_status: str = ""

    @property
    def silent_s(self) -> int | None:
        """How long nothing was heard, in seconds; None while the silence lasts."""
        return None if self.ended_at is None else max(self.ended_at - self.last_seen_at, 0)


@dataclass(frozen=True)
class News:
    """One thing to tell one recipient: that an episode began, or that it ended.

    `remarks` are further facts, as (label, text): what a gateway's silence means for its site.
    `output` is what the run that failed printed last, "" where nothing is known of it.
    """

    id: int
    kind: Kind
    episode: Episode
    remarks: tuple[tuple[str, str], ...] = ()
    output: str = ""

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
    def failed(self) -> tuple[News, ...]:
        """The news of jobs whose runs began to fail."""
        return tuple(item for item in self.news if item.kind is Kind.FAILED)

    @property
    def works(self) -> tuple[News, ...]:
        """The news of jobs that work again."""
        return tuple(item for item in self.news if item.kind is Kind.WORKS)

    @property
    def in_order(self) -> tuple[News, ...]:
        """The news as it is told: what is wrong first."""
        return self.missing + self.failed + self.back + self.works

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

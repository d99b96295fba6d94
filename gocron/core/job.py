"""The records that everything else speaks of."""

from dataclasses import dataclass
from enum import Enum

from gocron.core.mailbox import recipients_of
from gocron.core.recent import gaps, recent
from gocron.core.signal import OK
from gocron.core.slots import Cron

# As many gaps tell how often a job really checks in.
GAPS = 3


class Status(str, Enum):
    """How a job stands at one moment; `core.judge` says which."""

    UP = "up"
    LATE = "late"
    # Only declared so far, and in time.
    UNHEARD = "unheard"
    # In time, but its last run failed.
    FAILING = "failing"
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


@dataclass(frozen=True)
class Job:
    """One cron job, known by (account, cronname). Times are epoch seconds.

    `due_at` is the last moment of a check-in in time, grace included. `missed_at` is the
    deadline that passed and began the open episode, None while the job is up. `back_at`
    is the first check-in after that, until a sweep has ended the episode. `last_seen_at` of
    a job that was declared and never heard is the time of its declaration.

    `network` is where it last checked in from, as sites compare it; "" proves nothing.
    `gateway` is the cronname of the site that it named. `recent` holds its last check-ins, as
    `core.recent` has them. Sweeps judge it from `judge_at` on.
    `spared` is why an overdue job is not told of: one of SPARED, or UNKNOWN.
    `excused_until` is the deadline that the outage `excused_by` gave it in place of `due_at`.

    `came_from` are the addresses before `address`, the last first, each between commas; at
    `returned_at` it came back to one of them, for the `returns`th time.

    Its last `failures` runs failed; the last one that ever did ended with `exit_status`.
    `failed_at` is the first of them while nobody was told of it, `failing_at` while the episode is
    open; `worked_at` is the first run after that which worked, until a sweep has ended the episode.
    `last_ok_at` is the last run that worked, `started_at` the beginning of the one that lasts.

    With a `schedule` its frequency is the longest gap of that. `slot_at` is the slot that was
    satisfied last, `next_slot_at` the one that is expected; `early_s` is as it declared it.
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
    recent: str = ""
    judge_at: int = 0
    spared: Status | None = None
    excused_until: int | None = None
    excused_by: int | None = None
    came_from: str = ","
    returns: int = 0
    returned_at: int | None = None
    failures: int = 0
    last_ok_at: int | None = None
    failed_at: int | None = None
    failing_at: int | None = None
    worked_at: int | None = None
    exit_status: str = ""
    started_at: int | None = None
    schedule: Cron | None = None
    early_s: int | None = None
    slot_at: int | None = None
    next_slot_at: int | None = None

    @property
    def gaps(self) -> tuple[int, ...]:
        """The lengths between its last runs in seconds, the newest first, up to three."""
        return gaps(self.recent, self.last_seen_at, GAPS)

    @property
    def ok_at(self) -> tuple[int, ...]:
        """When its last runs that worked ended, the newest first, as far as is remembered."""
        return tuple(one.at for one in recent(self.recent) if one.kind == OK)

    @property
    def failing_since(self) -> int | None:
        """Since when its runs fail, told or not yet; None where the last one worked."""
        if self.worked_at is not None:
            return None
        return self.failed_at if self.failing_at is None else self.failing_at

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
class Account:
    """How many jobs an account has, and how many of them are missing, and failing."""

    name: str
    jobs: int
    missing: int
    changed_at: int
    failing: int = 0


@dataclass(frozen=True)
class Totals:
    """The counts over all accounts. `swept_at` is the end of the last whole sweep, or None."""

    accounts: int
    jobs: int
    missing: int
    swept_at: int | None
    failing: int = 0

"""What a job declared, and declares now: which of these changes is news for its recipients."""

from dataclasses import dataclass

from gocron.core.mailbox import mailbox_of, recipients_of


@dataclass(frozen=True)
class Declaration:
    """What decides whether, when and to whom a job's silence is told."""

    email: str
    frequency_s: int
    grace_s: int
    site: bool

    @property
    def allowance_s(self) -> int:
        """For how many seconds the job may be silent."""
        return self.frequency_s + self.grace_s

    @property
    def recipients(self) -> tuple[str, ...]:
        """The mail addresses in `email`, each mailbox once, in the order and spelling written."""
        return recipients_of(self.email)


@dataclass(frozen=True)
class Redeclaration:
    """A job of (account, cronname) declares itself otherwise than before.

    `address` is where the check-in came from that did it, "" for `gocron jobs add`;
    `changed_at` is when, epoch seconds.
    """

    id: int
    account: str
    cronname: str
    address: str
    changed_at: int
    before: Declaration
    after: Declaration

    @property
    def name(self) -> tuple[str, str]:
        """The job that it tells of, as (account, cronname)."""
        return self.account, self.cronname


def moved(before: Declaration, after: Declaration) -> bool:
    """Tell whether others are told now; another order or spelling of addresses is no change."""
    return _mailboxes(before) != _mailboxes(after)


def may_be_silent_longer(before: Declaration, after: Declaration) -> bool:
    """Tell whether it takes longer now until a silence is told."""
    return after.allowance_s > before.allowance_s


def speaks_for_a_site(before: Declaration, after: Declaration) -> bool:
    """Tell whether the job became a gateway, whose silence excuses the jobs behind it."""
    return after.site and not before.site


def is_news(before: Declaration, after: Declaration) -> bool:
    """Tell whether the former recipients are to know: by each of these an alert can be lost."""
    return (
        moved(before, after)
        or may_be_silent_longer(before, after)
        or speaks_for_a_site(before, after)
    )


def _mailboxes(declared: Declaration) -> frozenset[str]:
    return frozenset(mailbox_of(recipient) for recipient in declared.recipients)

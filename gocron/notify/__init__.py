"""Who is told: one file a channel, and what can go wrong on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

Message = TypeVar("Message", contravariant=True)


class DeliveryFailed(Exception):
    """The message was not taken this time; a later try may do."""


class Refused(DeliveryFailed):
    """The message will never be taken for this recipient."""


class Unreachable(DeliveryFailed):
    """The server takes no message at all at the moment."""


class Deferred(DeliveryFailed):
    """The server read the message, and did not take it, for whatever reason."""


class Unsure(DeliveryFailed):
    """The server got the whole message and did not say what became of it: it may have taken it."""


class Unwanted(DeliveryFailed):
    """The server does not take this message as it is: another one it may take."""


class TooLarge(Unwanted):
    """The message is larger than the server takes."""


class LeaseOver(Exception):
    """The claim on a digest ended before it was handed over: it is another sweep's by now."""


@dataclass(frozen=True)
class Lease:
    """For how long a claim holds: until `uptime` says `until`, in seconds.

    `uptime` goes on while a process is stopped and while its machine sleeps, and nobody sets it.
    """

    until: float
    uptime: Callable[[], float]

    def left_s(self) -> float:
        """Return for how many seconds it holds still. Raises LeaseOver where it doesn't."""
        left_s = self.until - self.uptime()
        if left_s <= 0:
            raise LeaseOver("stopped for longer than a claim holds; left to the next sweep")
        return left_s


class Channel(Protocol[Message]):
    """One way by which messages leave."""

    @property
    def called(self) -> str:
        """Who takes the messages, as people are told of it."""

    def send(self, message: Message, recipient: str, lease: Lease | None = None) -> None:
        """Return once the receiver itself took `message`; hand it over while `lease` holds.

        Raises Refused where this recipient will never be reached, Unreachable where nobody can
        be reached, LeaseOver, else DeliveryFailed, or one of its kinds.
        """

    def check(self) -> str:
        """Say where messages go, without sending any. Raises DeliveryFailed."""

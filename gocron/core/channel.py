"""The channels by which news leaves, as far as the outbox and people have to know them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Traits:
    """What sets a channel apart: its `name` in the outbox, and the `label` that people read.

    A channel that `is_shared` tells all at once: its news has no recipient. What it fails to
    tell, the channel named `falls_back_to` tells each recipient; "" is none. `message` is what
    one message is called.
    """

    name: str
    label: str
    message: str
    is_shared: bool = False
    falls_back_to: str = ""

    def recipients(self, told: Sequence[str]) -> Sequence[str]:
        """Return to whom news goes that is for `told`."""
        return ("",) if self.is_shared else told


SLACK = Traits("slack", "Slack", "post", is_shared=True, falls_back_to="mail")
MAIL = Traits("mail", "mail", "mail")

# By name. Each stands before the one that it falls back to: so a sweep tells by that one, too.
CHANNELS = {one.name: one for one in (SLACK, MAIL)}
ADDRESSED = tuple(one.name for one in CHANNELS.values() if not one.is_shared)
SHARED = tuple(one.name for one in CHANNELS.values() if one.is_shared)

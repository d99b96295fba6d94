"""Who is told: one file a channel, and what can go wrong on the way."""


class DeliveryFailed(Exception):
    """The message was not taken this time; a later try may do."""


class Refused(DeliveryFailed):
    """The message will never be taken for this recipient."""


class Unreachable(DeliveryFailed):
    """The server takes no message at all at the moment."""

"""Why a check-in can't be taken."""


class Refused(Exception):
    """A check-in that can't be taken; the message is one line for the person at the crontab."""

    def __init__(self, field: str, what: str) -> None:
        self.field = field
        super().__init__(f"{field}: {what}")

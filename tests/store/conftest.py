"""Check-ins as the store gets them."""

from gocron.core.checkin import CheckIn

NOON = 1_790_000_000
HOUR = 3600


def checkin(cronname: str = "backup", seen_at: int = NOON, **told: object) -> CheckIn:
    """A whole check-in; what `told` names replaces a part of it."""
    parts = {
        "account": "web-01",
        "cronname": cronname,
        "email": "ops@example.com",
        "frequency_s": HOUR,
        "grace_s": None,
        "site": None,
        "address": "203.0.113.9",
        "seen_at": seen_at,
    }
    return CheckIn(**{**parts, **told})

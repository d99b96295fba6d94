"""Moments as people and programs read them: always UTC, always with the zone."""

from datetime import datetime, timedelta

# Without a zone: isoformat() would say +00:00.
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_FIRST = -62_135_596_800
LAST_SECOND = 253_402_300_799


def iso(at: int) -> str:
    """Return `at` (epoch seconds) for programs: `2026-11-23T14:00:00Z`.

    Never raises: what lies outside the years 1 to 9999 becomes the nearest second in them.
    """
    return f"{_inside(at).isoformat()}Z"


def say_time(at: int) -> str:
    """Return `at` (epoch seconds) for people: `2026-11-23 14:00:05 UTC`. Never raises."""
    return f"{_inside(at).isoformat(' ')} UTC"


def _inside(at: int) -> datetime:
    return _EPOCH + timedelta(seconds=min(max(at, _FIRST), LAST_SECOND))

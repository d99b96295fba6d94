"""A check-in's deadline in SQL: the same as `core.schedule.due_at`, where values are columns."""

from typing import Any

from peewee import fn


def due_at(seen_at: Any, frequency_s: Any, grace_s: Any) -> Any:
    """Return the expression for the last second in time; a grace of NULL is none."""
    return seen_at + frequency_s + fn.COALESCE(grace_s, 0)

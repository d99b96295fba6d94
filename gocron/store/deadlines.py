"""A check-in's deadline in SQL: the same as `core.schedule.due_at`, where values are columns."""

from typing import Any

from peewee import fn


def due_at(seen_at: Any, frequency_s: Any, grace_s: Any, next_slot_at: Any = None) -> Any:
    """Return the expression for the last second in time; a grace of NULL is none.

    Where there is a slot to come, it counts in place of the frequency.
    """
    expected_at = seen_at + frequency_s
    if next_slot_at is not None:
        expected_at = fn.COALESCE(next_slot_at, expected_at)
    return expected_at + fn.COALESCE(grace_s, 0)

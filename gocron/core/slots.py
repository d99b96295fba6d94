"""At which moments a job is expected, and which of them a check-in satisfies.

A job with a frequency is expected that long after its last check-in. A job with a schedule has
slots: moments that don't depend on when it was heard. A check-in satisfies the latest slot that
has begun, or whose window has: it opens `early` before the slot. No slot is satisfied twice.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile

from gocron.core.cron import canonical_cron, cron_in_words, cron_timetable
from gocron.core.duration import say_duration
from gocron.core.oncalendar import calendar_timetable, canonical_calendar
from gocron.core.refused import Refused
from gocron.core.timetable import Timetable
from gocron.core.zone import UTC, read_zone

SCHEDULE_LIMIT = 200
CALENDAR = "calendar:"

# How much of the gap before a slot a check-in may be early, and never more than so long.
EARLY_SHARE = 10
EARLY_LIMIT_S = 300


@dataclass(frozen=True)
class Every:
    """Expected `frequency_s` after the last check-in: each moment of a check-in is a slot."""

    frequency_s: int


@dataclass(frozen=True)
class Cron:
    """Expected when cron or a timer of systemd runs it in `zone`.

    `expression` has five fields, or is a calendar after `calendar:`; `read_schedule` makes one.
    """

    expression: str
    zone: str = UTC


Schedule = Every | Cron


@lru_cache(maxsize=4096)
def read_schedule(text: str, tz: str = UTC) -> Cron:
    """Return the schedule that `text` says, by the clocks of the zone `tz`, both canonical.

    A space may be a +, as in an address. Raises Refused for what is no schedule, or no zone.
    """
    if len(text) > SCHEDULE_LIMIT:
        what = f"{len(text)} characters long; at most {SCHEDULE_LIMIT} are taken"
        raise Refused("schedule", what)
    if not (text.isascii() and text.isprintable()):
        raise Refused("schedule", "has a character that no schedule has; send plain ASCII")
    words = " ".join(text.replace("+", " ").split())
    zone = read_zone(tz)
    if not words.lower().startswith(CALENDAR):
        return Cron(canonical_cron(words), zone)
    return Cron(CALENDAR + canonical_calendar(words[len(CALENDAR) :].strip()), zone)


def next_after(schedule: Schedule, at: int) -> int:
    """Return the first slot after the moment `at`, in epoch seconds."""
    if isinstance(schedule, Every):
        return at + schedule.frequency_s
    return _next_after(schedule, _since(schedule, at))


def latest_at_or_before(schedule: Schedule, at: int) -> int:
    """Return the last slot that isn't after the moment `at`, in epoch seconds."""
    if isinstance(schedule, Every):
        return at
    return _latest_at_or_before(schedule, _since(schedule, at))


def slots_between(schedule: Cron, after: int, until: int, limit: int) -> list[int]:
    """Return the slots after `after` and not after `until`, the first `limit` of them."""
    later = _timetable(schedule).later(schedule.zone, after)
    return list(takewhile(lambda slot: slot <= until, islice(later, limit)))


def gap_before_s(schedule: Schedule, slot: int) -> int:
    """Return the time from the slot before `slot` to it, in seconds."""
    if isinstance(schedule, Every):
        return schedule.frequency_s
    return slot - latest_at_or_before(schedule, slot - 1)


@lru_cache(maxsize=1024)
def smallest_gap_s(schedule: Schedule) -> int:
    """Return the shortest time between two slots, in seconds, where no clock is changed."""
    if isinstance(schedule, Every):
        return schedule.frequency_s
    return _timetable(schedule).gaps_s[0]


@lru_cache(maxsize=1024)
def longest_gap_s(schedule: Schedule) -> int:
    """Return the longest time between two slots, in seconds, where no clock is changed."""
    if isinstance(schedule, Every):
        return schedule.frequency_s
    return _timetable(schedule).gaps_s[1]


def opens_at(schedule: Schedule, early_s: int | None, slot: int) -> int:
    """Return the first moment at which a check-in counts for `slot`, in epoch seconds.

    `early_s` is what the job said, None for a tenth of the gap before, five minutes at most. More
    than half of that gap would take check-ins away from the slot before.
    """
    if isinstance(schedule, Every):
        return slot
    gap_s = gap_before_s(schedule, slot)
    usual_s = min(gap_s // EARLY_SHARE, EARLY_LIMIT_S)
    return slot - (usual_s if early_s is None else min(early_s, gap_s // 2))


def satisfied(schedule: Schedule, early_s: int | None, last: int | None, at: int) -> int | None:
    """Return the slot that a check-in at `at` satisfies; None where that was satisfied before.

    `last` is the latest slot that was satisfied, None for a job first heard.
    """
    slot, _ = slots_at(schedule, early_s, at)
    return slot if last is None or slot > last else None


def slots_at(schedule: Schedule, early_s: int | None, at: int) -> tuple[int, int]:
    """Return the latest slot that a check-in at `at` can satisfy, and the next one.

    Where `at` lies in no window that is the slot before, whoever ran then: so what is expected of a
    job first heard is the next one, and nothing that lies behind is missing.
    """
    slot = next_after(schedule, at)
    if isinstance(schedule, Every) or opens_at(schedule, early_s, slot) > at:
        slot = latest_at_or_before(schedule, at)
    return slot, next_after(schedule, slot)


def due_after(schedule: Schedule, slot: int, grace_s: int) -> int:
    """Return the last second at which a check-in after that of `slot` is still in time.

    For a job that was declared and not heard yet, `slot` is the moment of its declaration.
    """
    return next_after(schedule, slot) + grace_s


def ends_episode(missed_slot: int, slot: int | None, at: int) -> bool:
    """Tell whether a check-in at `at`, which satisfied `slot`, ends a silence since `missed_slot`.

    A late report of a run before that doesn't.
    """
    return at > missed_slot or (slot is not None and slot >= missed_slot)


@lru_cache(maxsize=4096)
def in_words(schedule: Schedule) -> str:
    """Return what people read: "At 03:17 on Monday through Friday, Europe/Berlin"."""
    if isinstance(schedule, Every):
        return f"Every {say_duration(schedule.frequency_s)}"
    expression, calendar = schedule.expression, schedule.expression.removeprefix(CALENDAR)
    said = f"Calendar {calendar}" if calendar != expression else cron_in_words(expression)
    return f"{said}, {schedule.zone}"


@lru_cache(maxsize=1024)
def _timetable(schedule: Cron) -> Timetable:
    calendar = schedule.expression.removeprefix(CALENDAR)
    if calendar != schedule.expression:
        return calendar_timetable(calendar)
    return cron_timetable(calendar)


def _since(schedule: Cron, at: int) -> int:
    """Return the start of the minute of `at`, which has the same slots before and after it.

    Everybody who asks in one minute asks the same, so that a cron storm is answered from memory.
    """
    return at - (at - _timetable(schedule).second) % 60


@lru_cache(maxsize=8192)
def _next_after(schedule: Cron, at: int) -> int:
    return next(_timetable(schedule).later(schedule.zone, at))


@lru_cache(maxsize=8192)
def _latest_at_or_before(schedule: Cron, at: int) -> int:
    return _timetable(schedule).latest(schedule.zone, at)

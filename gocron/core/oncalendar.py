"""Calendars of systemd timers, as OnCalendar= has them."""

import re
from datetime import date, timedelta

from gocron.core.refused import Refused
from gocron.core.timetable import Timetable

_SHORT = {
    "minutely": "*-*-* *:*",
    "hourly": "*-*-* *:00",
    "daily": "*-*-* 00:00",
    "weekly": "Mon *-*-* 00:00",
    "monthly": "*-*-01 00:00",
    "quarterly": "*-01,04,07,10-01 00:00",
    **dict.fromkeys(("semiannually", "semi-annually"), "*-01,07-01 00:00"),
    **dict.fromkeys(("biannually", "bi-annually"), "*-01,07-01 00:00"),
    **dict.fromkeys(("yearly", "annually"), "*-01-01 00:00"),
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FULL = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT_DAY = {day.lower(): day[:3] for day in (*_DAYS, *_FULL)}
_PART = re.compile(r"(\d{1,2})(?:\.\.(\d{1,2}))?(?:/(\d{1,2}))?", re.ASCII)


def canonical_calendar(text: str) -> str:
    """Return the calendar `text`, words with one space between them, in its canonical form.

    Raises Refused for what is none, names a year or a zone, or never comes.
    """
    told = " ".join(_parts(text))
    if not calendar_timetable(told).ever_comes:
        raise _refused(f"{told} never comes", "send one that does")
    return told


def calendar_timetable(calendar: str) -> Timetable:
    """Return the times of a canonical `calendar`. Raises Refused for what is none.

    As systemd has it, a time that clocks leave out doesn't come, and one that they show twice
    comes the first time.
    """
    *weekdays, days, time = calendar.split()
    hours, minutes, seconds = time.split(":")
    _, months, day = re.split("[-~]", days)
    # The shortest month has 28 days to count from its end.
    in_month = _numbers("day", day, 1, 28 if "~" in days else 31, from_end="~" in days)
    on = _weekdays(*weekdays)

    def matches(day: date) -> bool:
        if day.weekday() not in on:
            return False
        first_of_next = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        return day.day in in_month or (day - first_of_next).days in in_month

    second, *more = sorted(_numbers("second", seconds, 0, 59))
    if more:
        raise _refused(f"{seconds} is more than one second of a minute", "send one")
    return Timetable(
        hours=tuple(sorted(_numbers("hour", hours, 0, 23))),
        minutes=tuple(sorted(_numbers("minute", minutes, 0, 59))),
        second=second,
        months=_numbers("month", months, 1, 12),
        matches=matches,
        after_gap=False,
        twice=False,
    )


def _parts(text: str) -> list[str]:
    """Return the weekdays, if any, the days and the time of a calendar, written in full."""
    words = _SHORT.get(text.lower(), text).split()
    if len(words) > 1 and words[-1][0].isalpha():
        raise _refused("has a zone in it", "send the zone as tz=, such as tz=Europe/Berlin")
    time = words.pop() if words and ":" in words[-1] else "00:00" if words else ""
    days = words.pop() if words and words[-1][0] in "0123456789*" else "*-*"
    time += ":00" if time.count(":") == 1 else ""
    days = f"*-{days}" if len(re.findall("[-~]", days)) == 1 else days
    if time.count(":") != 2 or not re.fullmatch("[^-~]+-[^-~]+[-~][^-~]+", days) or words[1:]:
        raise _refused(f"{text[:40]!a} is no weekday, date and time")
    if not days.startswith("*-"):
        raise _refused(f"{days[:40]!a} names a year", "send * in its place")
    on = [_written((word.removesuffix(",") or word).replace("-", "..")) for word in words]
    return [*on, _written(days), _written(time)]


def _written(word: str) -> str:
    """Return `word` with two digits a number and three letters a weekday."""
    word = re.sub(r"\d+", lambda found: found[0].zfill(2), word)
    return re.sub("[A-Za-z]+", lambda found: _SHORT_DAY.get(found[0].lower(), found[0]), word)


def _weekdays(told: str = "Mon..Sun") -> frozenset[int]:
    """Return the weekdays of a list such as Mon..Wed,Fri; Monday is 0."""
    on: set[int] = set()
    for part in told.split(","):
        first, _, last = part.partition("..")
        try:
            days = range(_DAYS.index(first), _DAYS.index(last or first) + 1)
        except ValueError:
            days = range(0)
        if not days:
            raise _refused(f"bad weekday {told[:40]!a}")
        on.update(days)
    return frozenset(on)


def _numbers(name: str, told: str, low: int, high: int, from_end: bool = False) -> frozenset[int]:
    """Return the numbers of a list such as 01,04..10/2; days from a month's end are negative."""
    if told == "*" and not from_end:
        return frozenset(range(low, high + 1))
    numbers: set[int] = set()
    for part in told.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise _refused(f"bad {name} {told[:40]!a}")
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        run = range(first, last + 1, step or 1)
        if found[3] and not found[2]:
            run = range(-first, 0, step or 1) if from_end else range(first, high + 1, step or 1)
        steps = len(run) > 1 or not found[3] or found[2]
        if not (run and step and steps and all(low <= abs(number) <= high for number in run)):
            raise _refused(f"bad {name} {told[:40]!a}")
        numbers.update(-abs(number) if from_end else number for number in run)
    return frozenset(numbers)


def _refused(what: str, instead: str = "send such as Mon..Fri 03:00, or *-*-01 04:30") -> Refused:
    return Refused("schedule", f"calendar: {what}; {instead}")

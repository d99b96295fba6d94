"""Cron expressions as they stand in a crontab."""

import re
from datetime import datetime

from cronsim import CronSim, CronSimError

from gocron.core.refused import Refused
from gocron.core.timetable import Timetable

_SHORT = {
    "@HOURLY": "0 * * * *",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@WEEKLY": "0 0 * * 0",
    "@MONTHLY": "0 0 1 * *",
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
}
_FIVE = "send five fields: minute hour day month weekday, such as 17 3 * * 1-5"
# What is no expression of five fields, or has no times that can be known.
_UNFIT = (
    (r"^@REBOOT", "@reboot comes at no time; send frequency= instead"),
    (r"^@", "{} is unknown; send @hourly, @daily, @weekly, @monthly or @yearly, or frequency="),
    (r"TZ=", "has a zone in it; send the zone as tz=, such as tz=Europe/Berlin"),
    (r"^(\S+ ){5}", f"{{}} has more than five fields; {_FIVE}, without seconds and command"),
    (r"^(?!(\S+ ){4})", f"{{}} has too few fields; {_FIVE}"),
    (r"~", "~ is a time by chance; send the last one that it may be, and the rest as grace="),
    (r"\?", "? is no cron's; send * in its place"),
    (r"\bH\b", "H is a time that Jenkins chooses; send the time that it chose"),
)
_NEVER = "{} never comes, for there is no such day; send one that there is"
# The words of cronsim for the 21st, 22nd, 23rd and 31st.
_ORDINAL = re.compile(r"\b([23]1|22|23)th\b")
_ENDINGS = {"1": "st", "2": "nd", "3": "rd"}


def canonical_cron(text: str) -> str:
    """Return the expression `text`, words with one space between them, in its canonical form.

    Raises Refused for what is none, has no five fields or never comes.
    """
    shown = ascii(text[:40])
    told = text.upper()
    told = _SHORT.get(told, told)
    for unfit, what in _UNFIT:
        if re.search(unfit, told):
            raise Refused("schedule", what.format(shown))
    try:
        comes = cron_timetable(told).ever_comes
    except CronSimError as error:
        # A day that the months told don't have is no error of the expression.
        minute, hour, day, _, weekday = told.split()
        if "day-of-month" not in str(error) or not _is_cron(f"{minute} {hour} {day} * {weekday}"):
            raise Refused("schedule", f"{str(error).lower()} in {shown}; {_FIVE}") from None
        comes = False
    if not comes:
        raise Refused("schedule", _NEVER.format(shown))
    return told


def cron_timetable(expression: str) -> Timetable:
    """Return the times of `expression` as Debian's cron has them. Raises CronSimError.

    Where neither minute nor hour begins with a star, a run that clocks leave out in spring is
    made up for after the gap, and none is repeated in autumn; other runs go by what clocks show.
    """
    read = CronSim(expression, datetime(2000, 1, 1))  # noqa: DTZ001 - only read, not walked
    minute, hour, *_ = expression.split()
    by_the_clock = minute.startswith("*") or hour.startswith("*")
    return Timetable(
        hours=tuple(sorted(read.hours)),
        minutes=tuple(sorted(read.minutes)),
        second=0,
        months=frozenset(read.months),
        matches=read.match_day,
        after_gap=not by_the_clock,
        twice=by_the_clock,
    )


def cron_in_words(expression: str) -> str:
    """Return `expression` as a sentence: "At 03:17 on Monday through Friday"."""
    words = CronSim(expression, datetime(2000, 1, 1)).explain()  # noqa: DTZ001 - only read
    return _ORDINAL.sub(lambda found: found[1] + _ENDINGS[found[1][-1]], words)


def _is_cron(expression: str) -> bool:
    try:
        cron_timetable(expression)
    except CronSimError:
        return False
    return True

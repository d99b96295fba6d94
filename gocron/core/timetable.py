"""At which times of which days a schedule has its slots, in any zone."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise

from gocron.core.zone import clock, offset_s

DAY_S = 86_400
# The 29th of February falls on a given weekday again after 40 years at most.
_SEARCHED_DAYS = 41 * 366
# From then on each date falls on each weekday within 28 years.
_FIRST_DAY = date(2001, 1, 1)
_ALL_DAYS = 28 * 366
# How many of the days that match are looked at for the two that are closest.
# More than a year of one that comes each day.
_SAMPLE = 400
_EPOCH = date(1970, 1, 1).toordinal()


# A timetable is equal to no other: days are remembered by it, and its functions can't be compared.
@dataclass(frozen=True, eq=False)
class Timetable:
    """What a cron expression or a calendar comes down to: times of day, on the days that match.

    `after_gap`: a time that clocks leave out in spring counts at the end of the gap; otherwise it
    doesn't come that day. `twice`: a time that clocks show twice in autumn counts twice.
    """

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    second: int
    months: frozenset[int]
    matches: Callable[[date], bool]
    after_gap: bool
    twice: bool

    @property
    def times(self) -> tuple[int, ...]:
        """The times of a day, in seconds since midnight."""
        return _times(self.hours, self.minutes, self.second)

    def days(self, day: date, step: int, limit: int = _SEARCHED_DAYS) -> Iterator[date]:
        """Return the days that match, from `day` on, forwards (1) or backwards (-1).

        Beyond `limit` days none is looked for.
        """
        one, end = timedelta(days=step), day + timedelta(days=step * limit)
        while (day < end) if step > 0 else (day > end):
            if day.month not in self.months:
                first = day.replace(day=1)
                next_month = (first + timedelta(days=31)).replace(day=1)
                day = next_month if step > 0 else first - timedelta(days=1)
                continue
            if self.matches(day):
                yield day
            day += one

    @property
    def ever_comes(self) -> bool:
        """Whether there is a day that matches."""
        return any(True for _ in self.days(_FIRST_DAY, 1, _ALL_DAYS))

    @property
    def gaps_s(self) -> tuple[int, int]:
        """The shortest and the longest time between two slots, in seconds, but for clocks' changes.

        They are those of the first years, or of as many as it takes to have enough days.
        """
        times = self.times
        within = [after - before for before, after in pairwise(times)]
        days = islice(self.days(_FIRST_DAY, 1, _ALL_DAYS), _SAMPLE)
        apart = {(after - before).days for before, after in pairwise(days)} or {_ALL_DAYS}
        overnight = [days * DAY_S - times[-1] + times[0] for days in (min(apart), max(apart))]
        return min(within + overnight), max(within + overnight)

    def later(self, zone: str, at: int) -> Iterator[int]:
        """Return the slots after the moment `at`, the first one first, in epoch seconds."""
        for day in self.days(_local_day(zone, at), 1):
            base, times = _slots(self, zone, day)
            for time in times[bisect_right(times, at - base) :]:
                # The end of a gap at midnight may be a slot of both days.
                if base + time > at:
                    at = base + time
                    yield at

    def latest(self, zone: str, at: int) -> int:
        """Return the last slot that isn't after the moment `at`, in epoch seconds."""
        for day in self.days(_local_day(zone, at), -1):
            base, times = _slots(self, zone, day)
            if place := bisect_right(times, at - base):
                return base + times[place - 1]
        raise LookupError("a schedule that never comes")


@lru_cache(maxsize=512)
def _slots(table: Timetable, zone: str, day: date) -> tuple[int, Sequence[int]]:
    """Return the slots of `day`, as seconds after a moment."""
    midnight = (day.toordinal() - _EPOCH) * DAY_S
    ahead = _offset_at_midnight(zone, day, fold=0)
    ahead_then = _offset_at_midnight(zone, day + timedelta(days=1), fold=1)
    if ahead == ahead_then:
        return midnight - ahead, table.times
    changed_at = _changed_at(zone, midnight, ahead, ahead_then)
    slots = set()
    for time in table.times:
        before, after = midnight + time - ahead, midnight + time - ahead_then
        if before < changed_at:
            slots.add(before)
        if after >= changed_at and (table.twice or before >= changed_at):
            slots.add(after)
        if before >= changed_at > after and table.after_gap:
            slots.add(changed_at)
    return 0, tuple(sorted(slots))


@lru_cache(maxsize=256)
def _times(hours: tuple[int, ...], minutes: tuple[int, ...], second: int) -> tuple[int, ...]:
    return tuple(hour * 3600 + minute * 60 + second for hour in hours for minute in minutes)


def _local_day(zone: str, at: int) -> date:
    return datetime.fromtimestamp(at, clock(zone)).date()


def _offset_at_midnight(zone: str, day: date, fold: int) -> int:
    ahead = datetime(day.year, day.month, day.day, tzinfo=clock(zone), fold=fold).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def _changed_at(zone: str, midnight: int, ahead: int, ahead_then: int) -> int:
    """Return the first moment of a day at which clocks go by `ahead_then`, in epoch seconds."""
    since = midnight - ahead
    moments = range(since, midnight + DAY_S - min(ahead, ahead_then) + 1)
    place = bisect_left(moments, True, key=lambda at: offset_s(zone, at) == ahead_then)
    return since + place

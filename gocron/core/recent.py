"""The last check-ins of a job, as one text of limited length in its row.

Each is an entry of `WIDTH` characters, the newest first: when (hexadecimal), what, how long.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from gocron.core.signal import FAIL, OK, START

KEPT = 32

_AT_DIGITS = 9
_DURATION_DIGITS = 5
WIDTH = _AT_DIGITS + 1 + _DURATION_DIGITS
KEPT_WIDTH = KEPT * WIDTH

_AT_LIMIT = 16**_AT_DIGITS - 1
_DURATION_LIMIT_S = 16**_DURATION_DIGITS - 1
_UNTOLD = "-" * _DURATION_DIGITS


class Heard(NamedTuple):
    """One check-in: when, in epoch seconds; what kind of signal; how many seconds the run took.

    The last is None where nobody said so.
    """

    at: int
    kind: str
    duration_s: int | None


def entry(at: int, kind: str = OK, duration_s: int | None = None) -> str:
    """Return the entry of a check-in; a duration of weeks counts as twelve days."""
    took = _UNTOLD if duration_s is None else f"{min(duration_s, _DURATION_LIMIT_S):05x}"
    return f"{at if at < _AT_LIMIT else _AT_LIMIT:09x}{kind}{took}"


def recent(text: str) -> Iterator[Heard]:
    """Yield the check-ins that `text` holds, the newest first."""
    for start in range(0, len(text) - WIDTH + 1, WIDTH):
        at, kind, took = (
            text[start : start + _AT_DIGITS],
            text[start + _AT_DIGITS],
            text[start + _AT_DIGITS + 1 : start + WIDTH],
        )
        yield Heard(int(at, 16), kind, None if took == _UNTOLD else int(took, 16))


def timed(text: str) -> list[Heard]:
    """Return the check-ins that `text` holds, the newest first, each run with how long it took.

    That is what its end told, or else the time since its start, if that is the check-in before it.
    """
    heard = list(recent(text))
    before_each: list[Heard | None] = [*heard[1:], None]
    return [
        one._replace(duration_s=one.at - before.at)
        if one.duration_s is None and before is not None and _ends(one, before)
        else one
        for one, before in zip(heard, before_each, strict=False)
    ]


def _ends(one: Heard, before: Heard) -> bool:
    """Tell whether a run ended with `one` that began with the check-in `before` it."""
    return before.kind == START and one.kind in (OK, FAIL) and one.at >= before.at


def usual_and_slowest_s(heard: Iterable[Heard]) -> tuple[int, int, int]:
    """Return how long runs that worked took, the median and the most, and how many of them told.

    One that failed says nothing of that: it may have ended at once.
    """
    took = sorted(one.duration_s for one in heard if one.kind == OK and one.duration_s is not None)
    return (took[len(took) // 2], took[-1], len(took)) if took else (0, 0, 0)


def moments(text: str, last_seen_at: int, count: int) -> list[int]:
    """Return when runs of a job ended, at most so many times, the newest first.

    Where the clock was put back what lies ahead of it doesn't count. While a run lasts nothing is
    known of when the next one ends.
    """
    if text[_AT_DIGITS : _AT_DIGITS + 1] == START:
        return [last_seen_at]
    found = [last_seen_at]
    for start in range(0, len(text), WIDTH):
        if len(found) == count:
            break
        at = int(text[start : start + _AT_DIGITS], 16)
        if at < found[-1] and text[start + _AT_DIGITS] != START:
            found.append(at)
    return found


def gaps(text: str, last_seen_at: int, count: int) -> tuple[int, ...]:
    """Return the lengths between the last check-ins in seconds, so many at most, newest first."""
    heard = moments(text, last_seen_at, count + 1)
    return tuple(later - earlier for later, earlier in pairwise(heard))

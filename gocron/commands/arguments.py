"""What several commands take: a job, JSON, a moment in words."""

import argparse
from datetime import datetime, timezone

from gocron.core.duration import parse_duration
from gocron.errors import UsageError
from gocron.render.moment import say_time


def names_a_job(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Take a job, named in whatever spelling."""
    for name in ("account", "cronname"):
        parser.add_argument(name, metavar=name.upper(), nargs=nargs)


def may_print_json(parser: argparse.ArgumentParser) -> None:
    """Take `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def moment_to_come(option: str, text: str, now: int) -> int:
    """Return the moment that `text` means: ISO 8601, UTC unless it says otherwise, or +2h.

    `now` is by the database's clock, as all times are. Raises UsageError, also for what is over.
    """
    try:
        moment = now + parse_duration(text[1:]) if text[:1] == "+" else _iso(text)
    except ValueError:
        raise UsageError(option, f"{text!r} is no time such as 2026-11-25T03:00") from None
    if moment < now - 60:
        raise UsageError(option, f"{text} is over: it is {say_time(now)} now")
    return moment


def moment_past(option: str, text: str, now: int) -> int:
    """Return the moment that `text` means: 30d, which is so long ago, or ISO 8601 as above.

    Raises UsageError, also for what isn't over.
    """
    try:
        moment = now - _length(text)
    except ValueError:
        try:
            moment = _iso(text)
        except ValueError:
            said = f"{text!r} is neither a length such as 30d nor a time such as 2026-11-25"
            raise UsageError(option, said) from None
    if moment >= now:
        raise UsageError(option, f"{text} is not over yet: each job would be forgotten")
    return moment


def _length(text: str) -> int:
    """Return the seconds that a length with a unit means. Raises ValueError."""
    if not text[-1:].isalpha():
        # A plain number would be seconds to one, and a date to another.
        raise ValueError
    return parse_duration(text)


def _iso(text: str) -> int:
    """Return the moment that ISO 8601 means, in UTC unless it says otherwise. Raises ValueError."""
    if text.isdecimal():
        raise ValueError
    at = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    return int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())

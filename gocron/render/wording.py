"""How names, counts and frequencies read, whatever a name holds."""

import re
from collections.abc import Callable, Sequence

from gocron.core.duration import say_duration
from gocron.core.job import Job, Kind, News, Status
from gocron.render.moment import say_time

NO_NAME = "(no name)"
ELLIPSIS = "\u2026"

# How a job stands, in one word: page, terminal and JSON say the same.
STATES = {
    Status.UP: "up",
    Status.LATE: "late",
    Status.OVERDUE: "overdue",
    Status.HELD: "held",
    Status.SUPPRESSED: "suppressed",
    Status.EXCUSED: "excused",
    Status.MISSED: "missing",
    Status.RECOVERED: "back",
    Status.UNKNOWN: "unknown",
}

# Names that older programs stored were never checked. Line breaks would end a header or a
# line; the rest can't be encoded, or turns the writing direction of what follows it.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def shown(name: str) -> str:
    """Return `name` fit for one line of any output: breaks become a space, the unfit U+FFFD."""
    if not name.isprintable():
        name = _UNFIT.sub("\ufffd", _BREAKS.sub(" ", name))
    return name.strip() or NO_NAME


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def count(number: int, one: str, more: str = "") -> str:
    """Return `number` with its noun: `1 job`, `1,240 jobs`; `more` is an odd plural."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def say_frequency(job: Job) -> str:
    """Return how often `job` is declared to run: `1 h`, or `1 h + 10 min grace`."""
    grace = f" + {say_duration(job.grace_s)} grace" if job.grace_s else ""
    return say_duration(job.frequency_s) + grace


def say_last_seen(job: Job, at: int) -> str:
    """Return when `job` was last heard, as of `at`; one that was only declared, never."""
    return say_time(at) if job.was_heard else f"never, declared {say_time(job.created_at)}"


def headline(news: Sequence[News], name_of: Callable[[Job], str] | None = None) -> str:
    """Return what `news` tells in one line; `name_of` says how a job is named in it."""
    if len(news) == 1:
        return _one(news[0], (name_of or full_name)(news[0].episode.job))
    missed = sum(item.kind is Kind.MISSED for item in news)
    back = len(news) - missed
    parts = []
    if missed:
        parts.append(f"{count(missed, 'job')} {'has' if missed == 1 else 'have'} not checked in")
    if back:
        jobs = f"{back:,}" if missed else count(back, "job")
        parts.append(f"{jobs} {'is' if back == 1 else 'are'} back")
    return ", ".join(parts) or "no news"


def full_name(job: Job, limit: int = 60) -> str:
    """Return `job` with its account, `backup (web-01)`, each cut to `limit` characters."""
    return f"{cut(shown(job.cronname), limit)} ({cut(shown(job.account), limit)})"


def _one(item: News, name: str) -> str:
    if item.kind is Kind.MISSED:
        return f"{name} has not checked in"
    silent_s = item.episode.silent_s
    return f"{name} is back" + ("" if silent_s is None else f" after {say_duration(silent_s)}")

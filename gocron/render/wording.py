"""How names, counts and frequencies read, whatever a name holds."""

import re
from collections.abc import Callable, Iterable, Sequence

from gocron.core.channel import ADDRESSED, CHANNELS
from gocron.core.duration import say_duration
from gocron.core.job import Job, Status
from gocron.core.news import Kind, News
from gocron.core.slots import in_words
from gocron.core.turns import counted
from gocron.render.moment import say_time

NO_NAME = "(no name)"

# The rest of a message is told for so many accounts one by one.
ACCOUNTS_OF_REST = 10
ELLIPSIS = "\u2026"

# How a job stands, in one word: page, terminal and JSON say the same.
STATES = {
    Status.UP: "up",
    Status.LATE: "late",
    Status.UNHEARD: "unheard",
    Status.FAILING: "failing",
    Status.OVERDUE: "overdue",
    Status.HELD: "held",
    Status.SUPPRESSED: "suppressed",
    Status.EXCUSED: "excused",
    Status.MISSING: "missing",
    Status.BACK: "back",
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


def say_often(job: Job) -> str:
    """Return how often `job` runs in few letters: `1 d`, or `17 3 * * 1-5 Europe/Berlin`."""
    if job.schedule is None:
        return say_duration(job.frequency_s)
    return f"{job.schedule.expression} {job.schedule.zone}"


def say_runs(job: Job) -> tuple[str, str]:
    """Return when `job` is declared to run: `runs every` and `1 h + 10 min grace`, for example.

    With a schedule that is `runs` and `at 03:17 on Monday through Friday, Europe/Berlin`.
    """
    grace = f" + {say_duration(job.grace_s)} grace" if job.grace_s else ""
    if job.schedule is None:
        return "runs every", say_duration(job.frequency_s) + grace
    words = in_words(job.schedule)
    return "runs", words[:1].lower() + words[1:] + grace


def say_last_seen(job: Job, at: int) -> str:
    """Return when `job` was last heard, as of `at`; one that was only declared, never."""
    return say_time(at) if job.was_heard else f"never, declared {say_time(job.created_at)}"


# What of a kind of news one job is said to do, and several.
_DO = {
    Kind.MISSING: ("has not checked in", "have not checked in"),
    Kind.FAILED: ("failed", "failed"),
    Kind.BACK: ("is back", "are back"),
    Kind.WORKS: ("works again", "work again"),
}


def headline(news: Sequence[News], called: Callable[[Job], str] | None = None) -> str:
    """Return what `news` tells in one line; `called` says how a job is named in it."""
    if is_one_story(news):
        said = " and ".join(map(_done, news))
        return f"{(called or full_name)(news[0].episode.job)} {said}"
    parts: list[str] = []
    for kind, (does, do) in _DO.items():
        if number := len({item.name for item in news if item.kind is kind}):
            jobs = f"{number:,}" if parts else count(number, "job")
            parts.append(f"{jobs} {does if number == 1 else do}")
    return ", ".join(parts) or "no news"


def is_one_story(news: Sequence[News]) -> bool:
    """Tell whether `news` is of one job, and reads in its order as what happened.

    What waited for a mail server may tell of several episodes: the end of an older one is no end
    of the newer.
    """
    troubles = {item.episode.kind for item in news}
    return (
        len({item.name for item in news}) == 1
        and len({item.kind for item in news}) == len(news)
        and len({(item.episode.kind, item.episode.id) for item in news}) == len(troubles)
    )


def say_failure(exit_status: str) -> str:
    """Return how a run failed: with an exit status, by a signal, or nobody said how."""
    if not exit_status:
        return "failed"
    verb = "failed with" if exit_status.isdecimal() else "was"
    return f"{verb} {say_exit(exit_status)}"


def say_exit(exit_status: str) -> str:
    """Return how a run ended that failed, in as few words as there are; "" where nobody said so."""
    if not exit_status:
        return ""
    is_status = exit_status.isdecimal()
    return f"exit status {exit_status}" if is_status else f"killed by {shown(exit_status)}"


def say_last_ok(job: Job, at: int | None = None) -> str:
    """Return when a run of `job` worked last, as of `at` where that is known."""
    at = at or job.last_ok_at
    return say_time(at) if at else "never"


def say_accounts(accounts: Iterable[str], called: Callable[[str], str] | None = None) -> str:
    """Return of which accounts the jobs are that a message has no room for.

    `1,240 more of web-07 and 3 more of db-01`; `called` says how an account is named in it.
    """
    named, others = counted(accounts, ACCOUNTS_OF_REST)
    parts = [f"{number:,} more of {(called or shown)(account)}" for number, account in named]
    if others:
        parts.append(f"{others:,} more of other accounts")
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def say_channel(channel: str) -> str:
    """Return by what news goes out, as people call it; a later gocron's as it calls it."""
    return CHANNELS[channel].label if channel in CHANNELS else shown(channel)


def say_attempts(attempts: int) -> str:
    """Return how often delivery was tried: news that waits for a server that is away, never."""
    return count(attempts, "attempt") if attempts else "never tried"


def say_recipient(channel: str, recipient: str) -> str:
    """Return whom news goes to, as a terminal shows it."""
    if recipient:
        return shown(recipient)
    return "nobody" if channel in ADDRESSED else say_channel(channel)


def full_name(job: Job, limit: int = 60) -> str:
    """Return `job` with its account, `backup (web-01)`, each cut to `limit` characters."""
    return name_of(job.account, job.cronname, limit)


def name_of(account: str, cronname: str, limit: int = 60) -> str:
    """Return a job with its account, `backup (web-01)`, each cut to `limit` characters."""
    return f"{cut(shown(cronname), limit)} ({cut(shown(account), limit)})"


def _done(item: News) -> str:
    """Return what a job did, by one piece of news, and for how long it had not."""
    episode = item.episode
    if item.kind is Kind.FAILED:
        return say_failure(episode.exit_status)
    does, _ = _DO[item.kind]
    if item.kind is Kind.MISSING:
        lasted_s = None
    elif item.kind is Kind.BACK:
        lasted_s = episode.silent_s
    else:
        lasted_s = None if episode.ended_at is None else episode.ended_at - episode.missed_at
    return does if lasted_s is None else f"{does} after {say_duration(lasted_s)}"

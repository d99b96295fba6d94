"""The summary: what was silent since the last one, as text."""

from dataclasses import dataclass

from gocron.core.duration import say_duration
from gocron.core.job import Job, Totals
from gocron.core.news import Episode, Undelivered
from gocron.render.moment import say_time
from gocron.render.templates import Templates
from gocron.render.wording import (
    count,
    cut,
    say_attempts,
    say_channel,
    say_frequency,
    say_last_seen,
    shown,
)

_ERROR_LIMIT = 200


@dataclass(frozen=True)
class Report:
    """What the summary at `now` tells of the time since `since`, both epoch seconds.

    `missing` goes by account and leaves out `missing_left_out` jobs; `ended` holds the first
    of `ended_count` episodes that ended in that time. `reprieved` are overdue and not told of.
    `odd` are the first of `odd_count` jobs about which there are notes.
    """

    now: int
    since: int
    totals: Totals
    missing: tuple[Job, ...]
    missing_left_out: int
    ended: tuple[Episode, ...]
    ended_count: int
    undelivered: tuple[Undelivered, ...]
    reprieved: int = 0
    odd: tuple[tuple[Job, tuple[str, ...]], ...] = ()
    odd_count: int = 0


def verdict(report: Report) -> str:
    """Return the summary in one line, without a full stop."""
    totals = report.totals
    if not totals.jobs:
        return "No job has checked in yet"
    if totals.missing:
        verb = "is" if totals.missing == 1 else "are"
        return f"{totals.missing:,} of {count(totals.jobs, 'job')} {verb} missing"
    if report.ended_count:
        return f"Nothing is missing now; {count(report.ended_count, 'silence')} ended"
    if report.undelivered:
        return "Nothing is missing, but news could not be delivered"
    if report.reprieved:
        verb = "is" if report.reprieved == 1 else "are"
        overdue = count(report.reprieved, "overdue job")
        return f"Nothing is missing; {overdue} {verb} held, suppressed or excused"
    return (
        "The one job was not missing"
        if totals.jobs == 1
        else f"None of {totals.jobs:,} jobs was missing"
    )


def summary_text(templates: Templates, report: Report) -> str:
    """Return `report` as text, one line where nothing is wrong.

    Raises PageError where the template doesn't work.
    """
    return templates.text(
        "summary",
        report=report,
        verdict=verdict(report),
        missing=_by_account(report),
        ended=[ended_row(episode, report.now) for episode in report.ended],
        undelivered=[_undelivered(item) for item in report.undelivered],
        odd=[
            {"name": shown(job.cronname), "account": shown(job.account), "notes": "; ".join(notes)}
            for job, notes in report.odd
        ],
        since=say_time(report.since),
        now=say_time(report.now),
        count=count,
    )


def missing_row(job: Job, now: int) -> dict[str, str]:
    """Return what the summary at `now` says of a missing job."""
    return {
        "name": shown(job.cronname),
        "last_seen": say_last_seen(job, job.last_seen_at),
        "silent_for": say_duration(now - job.last_seen_at),
        "frequency": say_frequency(job),
    }


def ended_row(episode: Episode, now: int) -> dict[str, str]:
    """Return what the summary at `now` says of an episode that ended."""
    return {
        "name": shown(episode.job.cronname),
        "account": shown(episode.job.account),
        "back_at": say_time(now if episode.ended_at is None else episode.ended_at),
        "silent_for": say_duration(episode.silent_s or 0),
    }


def _by_account(report: Report) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for job in report.missing:
        groups.setdefault(shown(job.account), []).append(missing_row(job, report.now))
    return groups


def _undelivered(item: Undelivered) -> dict[str, str]:
    given_up = item.given_up_at is not None
    news = count(item.count, "piece of news", "pieces of news")
    return {
        "what": f"{news} by {say_channel(item.channel)}",
        "to": f" to {shown(item.recipient)}" if item.recipient else "",
        "state": "given up" if given_up else f"next try {say_time(item.next_try_at)}",
        "tried": say_attempts(item.attempts),
        "since": say_time(item.queued_at),
        "error": cut(shown(item.last_error), _ERROR_LIMIT) if item.last_error else "",
    }

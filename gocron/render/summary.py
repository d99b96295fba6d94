"""The summary: what was silent since the last one, as text."""

from collections.abc import Callable, Iterable
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
    say_failure,
    say_last_ok,
    say_last_seen,
    say_runs,
    shown,
)

_ERROR_LIMIT = 200


@dataclass(frozen=True)
class Report:
    """What the summary at `now` tells of the time since `since`, both epoch seconds.

    `missing` goes by account and leaves out `missing_left_out` jobs; `ended` holds the first
    of `ended_count` silences that ended in that time. `reprieved` are overdue and not told of.
    `odd` are the first of `odd_count` jobs about which there are notes. `failing` are the first of
    the jobs that fail, and `works` the first of `works_count` failures that ended.
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
    failing: tuple[Job, ...] = ()
    works: tuple[Episode, ...] = ()
    works_count: int = 0

    @property
    def failing_left_out(self) -> int:
        """How many jobs fail that are not among `failing`."""
        return max(self.totals.failing - len(self.failing), 0)


def verdict(report: Report) -> str:
    """Return the summary in one line, without a full stop."""
    totals = report.totals
    if not totals.jobs:
        return "No job has checked in yet"
    if totals.missing or totals.failing:
        return _wrong(totals)
    if report.ended_count or report.works_count:
        silences = count(report.ended_count, "silence") if report.ended_count else ""
        failures = count(report.works_count, "failure") if report.works_count else ""
        return f"Nothing is missing now; {' and '.join(filter(None, (silences, failures)))} ended"
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


def _wrong(totals: Totals) -> str:
    """Return how many jobs are missing and how many fail, of how many."""
    of_all = f"of {count(totals.jobs, 'job')}"
    fail = f"{'fails' if totals.failing == 1 else 'fail'}"
    if not totals.missing:
        return f"{totals.failing:,} {of_all} {fail}"
    missing = f"{totals.missing:,} {of_all} {'is' if totals.missing == 1 else 'are'} missing"
    return f"{missing}, {totals.failing:,} {fail}" if totals.failing else missing


def summary_text(templates: Templates, report: Report) -> str:
    """Return `report` as text, one line where nothing is wrong.

    Raises PageError where the template doesn't work.
    """
    return templates.text(
        "summary",
        report=report,
        verdict=verdict(report),
        missing=_by_account(report.missing, lambda job: missing_row(job, report.now)),
        ended=[ended_row(episode, report.now) for episode in report.ended],
        failing=_by_account(report.failing, failing_row),
        works=[works_row(episode, report.now) for episode in report.works],
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
        "runs": " ".join(say_runs(job)),
    }


def ended_row(episode: Episode, now: int) -> dict[str, str]:
    """Return what the summary at `now` says of an episode that ended."""
    return {
        "name": shown(episode.job.cronname),
        "account": shown(episode.job.account),
        "back_at": say_time(now if episode.ended_at is None else episode.ended_at),
        "silent_for": say_duration(episode.silent_s or 0),
    }


def failing_row(job: Job) -> dict[str, str]:
    """Return what the summary says of a job that fails."""
    since = say_time(job.failing_since or 0)
    return {
        "name": shown(job.cronname),
        "failed": f"{say_failure(job.exit_status)}, failing since {since}",
        "last_ok": say_last_ok(job),
    }


def works_row(episode: Episode, now: int) -> dict[str, str]:
    """Return what the summary at `now` says of a failure that ended."""
    ended_at = now if episode.ended_at is None else episode.ended_at
    return {
        "name": shown(episode.job.cronname),
        "account": shown(episode.job.account),
        "works_since": say_time(ended_at),
        "failed_for": say_duration(ended_at - episode.missed_at),
    }


def _by_account(
    some: Iterable[Job], row: Callable[[Job], dict[str, str]]
) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for job in some:
        groups.setdefault(shown(job.account), []).append(row(job))
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

"""What a mail says of one job: its name, and facts in the order to read them."""

from dataclasses import dataclass

from gocron.core.duration import say_duration
from gocron.core.job import Job
from gocron.core.news import Kind, News
from gocron.render.moment import say_time
from gocron.render.wording import (
    ELLIPSIS,
    say_exit,
    say_last_ok,
    say_last_seen,
    say_runs,
    shown,
)

# A mail tells as much of what a run printed, the end of it.
OUTPUT_LINES = 40
OUTPUT_CHARACTERS = 4_000


@dataclass(frozen=True)
class Entry:
    """One job as a mail tells of it: the facts are (label, value) in the order to read them.

    `output` are the last lines that the run printed.
    """

    job: Job
    back: bool
    name: str
    account: str
    facts: tuple[tuple[str, str], ...]
    output: str = ""


def entry(item: News, now: int, is_alone: bool = False) -> Entry:
    """Return what a mail says at `now` of one piece of news.

    Where its job `is_alone` in the mail the headline says how it failed.
    """
    job = item.episode.job
    return Entry(
        job=job,
        back=item.kind in (Kind.BACK, Kind.WORKS),
        name=shown(job.cronname),
        account=shown(job.account),
        facts=tuple(_facts(item, now, is_alone)),
        output=last_lines(item.output) if item.kind is Kind.FAILED else "",
    )


def _facts(item: News, now: int, is_alone: bool) -> list[tuple[str, str]]:
    if item.kind is Kind.BACK:
        return _back_facts(item)
    if item.kind is Kind.FAILED:
        return _failed_facts(item, is_alone)
    return _works_facts(item) if item.kind is Kind.WORKS else _missed_facts(item, now)


def _missed_facts(item: News, now: int) -> list[tuple[str, str]]:
    episode, job = item.episode, item.episode.job
    facts = [("expected by", say_time(episode.missed_at))]
    if episode.ended_at is None:
        facts.append(("late by", say_duration(now - episode.missed_at)))
    else:
        facts.append(("back since", say_time(episode.ended_at)))
    facts.append(("last heard", say_last_seen(job, episode.last_seen_at)))
    facts.append(("last came from", shown(job.address) if job.address else "unknown"))
    facts.append(say_runs(job))
    facts += item.remarks
    if episode.reason:
        facts.append(("why", episode.reason))
    return facts


def _back_facts(item: News) -> list[tuple[str, str]]:
    episode, job = item.episode, item.episode.job
    facts = []
    if episode.ended_at is not None:
        facts.append(("back since", say_time(episode.ended_at)))
        facts.append(("silent for", say_duration(episode.silent_s or 0)))
    facts.append(("was expected by", say_time(episode.missed_at)))
    facts.append(("heard before that", say_time(episode.last_seen_at)))
    facts.append(("came from", shown(job.address) if job.address else "unknown"))
    facts.append(say_runs(job))
    facts += item.remarks
    return facts


def _failed_facts(item: News, is_alone: bool) -> list[tuple[str, str]]:
    episode, job = item.episode, item.episode.job
    facts = [("failed at", say_time(episode.missed_at))]
    if episode.exit_status and not is_alone:
        facts.append(("how", say_exit(episode.exit_status)))
    if job.failures > 1:
        facts.append(("failed in a row", f"{job.failures:,} times"))
    if episode.ended_at is not None:
        facts.append(("works since", say_time(episode.ended_at)))
    facts.append(("last ok", say_last_ok(job, episode.last_seen_at)))
    facts.append(("came from", shown(job.address) if job.address else "unknown"))
    facts.append(say_runs(job))
    return facts


def _works_facts(item: News) -> list[tuple[str, str]]:
    episode, job = item.episode, item.episode.job
    facts = []
    if episode.ended_at is not None:
        facts.append(("works since", say_time(episode.ended_at)))
        facts.append(("failed for", say_duration(episode.ended_at - episode.missed_at)))
    facts.append(("failed first", say_time(episode.missed_at)))
    facts.append(("came from", shown(job.address) if job.address else "unknown"))
    facts.append(say_runs(job))
    return facts


def last_lines(output: str, lines: int = OUTPUT_LINES, characters: int = OUTPUT_CHARACTERS) -> str:
    """Return the end of what a run printed, as much as there is room for, in whole lines."""
    printed = [line.rstrip() for line in output.strip("\n").rstrip().split("\n")]
    text = "\n".join(printed[-lines:])
    left_out = len(printed) > lines or len(text) > characters
    if len(text) > characters:
        # Of one line that is longer than all the room its end is told.
        text = text[-characters:]
        text = text.partition("\n")[2] or text
    return f"{ELLIPSIS}\n{text}" if left_out else text

"""`gocron-summary`: what is missing, what came back, what could not be told in a week."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace

from gocron.config import Config
from gocron.core.job import Job
from gocron.core.news import Episode, Trouble
from gocron.core.odd import notes
from gocron.errors import ExitStatus, GocronError, worst
from gocron.notify import DeliveryFailed
from gocron.output import complain, flush, say
from gocron.render.summary import (
    Report,
    ended_row,
    failing_row,
    missing_row,
    summary_text,
    works_row,
)
from gocron.render.templates import Templates
from gocron.render.wording import full_name
from gocron.store import counts, deliveries, episodes, failing, jobs
from gocron.store.database import Store
from gocron.store.schema import opened
from gocron.sweep.bulkhead import Bulkheads, Item
from gocron.sweep.channels import post_summary

PERIOD_S = 7 * 86_400
MISSING_LISTED = 1000
FAILING_LISTED = 1000
ENDED_LISTED = 100
ODD_LISTED = 20


def arguments(parser: ArgumentParser) -> None:
    """Take whether Slack is told too."""
    parser.add_argument(
        "--slack", "--verbose", dest="is_posted", action="store_true", help="post it to Slack too"
    )


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print the summary, and post it where asked to."""
    return tell_summary(config, arguments.is_posted)


def tell_summary(config: Config, is_posted: bool) -> ExitStatus:
    """Print the summary, and post it if it is to be posted: what can't be printed is, too."""
    with opened(config.database_url) as store:
        reported = report(store, store.now(), config.interval, bulkheads := Bulkheads(store))
    for complaint in bulkheads.complaints:
        complain("gocron-summary", complaint)
    statuses = [bulkheads.status]
    if is_posted:
        try:
            post_summary(config, reported)
        except DeliveryFailed as error:
            complain("gocron-summary", f"not posted: {error}; try again later")
            statuses.append(ExitStatus.UNDELIVERED)
    try:
        say(summary_text(Templates(config.reports_dir), reported), end="")
        flush()
    except GocronError as error:
        complain("gocron-summary", str(error))
        statuses.append(error.status)
    return worst(statuses)


def report(store: Store, now: int, interval_s: int, bulkheads: Bulkheads) -> Report:
    """Return what there is to report at `now` of the week before; sweeps run each `interval_s`.

    News that waits and is older than `interval_s` counts as undelivered. What can't be shown is
    left out, and told of by `bulkheads`.
    """
    since = now - PERIOD_S
    counts.fold_changes(store, now)
    totals = counts.totals(store)
    longest = jobs.longest_silent(store, MISSING_LISTED)
    missing = sorted(longest, key=lambda job: (job.account, job.cronname))
    odd, odd_count = jobs.odd(store, interval_s, now, ODD_LISTED)
    ended, ended_count = episodes.ended_since(store, Trouble.MISSING, since, ENDED_LISTED)
    works, works_count = _works(store, since, now, bulkheads)
    return Report(
        now=now,
        since=since,
        totals=replace(totals, failing=failing.count_by_account(store).total()),
        missing=_showable(
            bulkheads, "summing up", missing, lambda job: missing_row(job, now), full_name
        ),
        missing_left_out=max(totals.missing - len(missing), 0),
        ended=_showable(
            bulkheads,
            "summing up the silence of",
            ended,
            lambda episode: ended_row(episode, now),
            lambda episode: full_name(episode.job),
        ),
        ended_count=ended_count,
        undelivered=tuple(deliveries.undelivered(store, now, interval_s)),
        reprieved=jobs.count_spared(store),
        odd=tuple((job, tuple(notes(job, interval_s, now))) for job in odd),
        odd_count=odd_count,
        failing=_failing(store, bulkheads),
        works=works,
        works_count=works_count,
    )


def _failing(store: Store, bulkheads: Bulkheads) -> tuple[Job, ...]:
    """Return the jobs that fail longest, by account and name."""
    some = failing.failing_longest(store, FAILING_LISTED)
    some.sort(key=lambda job: (job.account, job.cronname))
    return _showable(bulkheads, "summing up", some, failing_row, full_name)


def _works(
    store: Store, since: int, now: int, bulkheads: Bulkheads
) -> tuple[tuple[Episode, ...], int]:
    """Return the failures that ended since then, and how many they are."""
    some, number = episodes.ended_since(store, Trouble.FAILING, since, ENDED_LISTED)
    fit = _showable(
        bulkheads,
        "summing up the failure of",
        some,
        lambda episode: works_row(episode, now),
        lambda episode: full_name(episode.job),
    )
    return fit, number


def _showable(
    bulkheads: Bulkheads,
    doing: str,
    some: Sequence[Item],
    show: Callable[[Item], object],
    name: Callable[[Item], str],
) -> tuple[Item, ...]:
    """Return those of `some` that can be shown; `bulkheads` tells of the others."""
    bad = bulkheads.each(
        doing, some, lambda few: [show(one) for one in few], name, "the summary leaves it out"
    )
    return tuple(one for one in some if one not in bad)

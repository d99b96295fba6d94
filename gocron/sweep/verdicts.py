"""Verdicts: end the episodes of jobs that are back, judge who is overdue, keep what was judged."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from gocron.config import Config
from gocron.core.excuse import Limits, deadline_of
from gocron.core.job import Job
from gocron.core.judge import Judgement, judge
from gocron.core.outage import Outage
from gocron.render.reason import say_reason
from gocron.render.wording import full_name
from gocron.store import episodes, failing, verdicts
from gocron.store.database import Store
from gocron.store.episodes import Silence
from gocron.store.verdicts import Spared
from gocron.sweep.bulkhead import Bulkheads
from gocron.sweep.channels import for_jobs
from gocron.sweep.witnesses import Witnesses

# Jobs that one transaction marks: enough to be fast, few enough to hold no lock for long.
BATCH = 500

PUT_OFF = "put off for an hour"
AGAIN = "each sweep tries again"

log = logging.getLogger("gocron-sweep")

Judged = tuple[Job, Judgement]


def limits(config: Config) -> Limits:
    """Return how long what is overdue may stay untold."""
    return Limits(config.site_hold_max, config.site_settle, config.site_suppress_max)


def end_episodes(
    store: Store, config: Config, now: int, bulkheads: Bulkheads, ended: list[Job]
) -> None:
    """End the silence of every job that has checked in again; add these jobs to `ended`."""

    def end(back: Sequence[Job]) -> None:
        for job in episodes.end(store, back, now, config.notify_recovery):
            log.info("back: %s", full_name(job))
            ended.append(job)

    for some in _in_batches(partial(episodes.back, store), lambda job: job.back_at):
        bulkheads.each("ending the episode of", some, end, full_name, AGAIN)


def tell_failures(store: Store, config: Config, now: int, bulkheads: Bulkheads) -> None:
    """Begin an episode of each job that failed since the last sweep; end those that are over.

    No network and no site excuses a failure: the job said so itself.
    """

    def begin(some: Sequence[Job]) -> None:
        for job in failing.begin(store, some, now, for_jobs(config)):
            log.info("failing: %s", full_name(job))

    def end(some: Sequence[Job]) -> None:
        for job in failing.end(store, some, now, config.notify_recovery):
            log.info("works again: %s", full_name(job))

    failing.take_up(store)
    for some in _in_batches(partial(failing.failed, store), lambda job: job.failed_at):
        bulkheads.each("telling that runs failed of", some, begin, full_name, AGAIN)
    for some in _in_batches(partial(failing.working, store), lambda job: job.worked_at):
        bulkheads.each("ending the failures of", some, end, full_name, AGAIN)


def _in_batches(
    find: Callable[[int, tuple[int, int] | None], list[Job]], moment: Callable[[Job], int | None]
) -> Iterator[list[Job]]:
    """Yield what `find` finds, each time so many after the last one, in the order of `moment`."""
    after = None
    while found := find(BATCH, after):
        after = moment(found[-1]) or 0, found[-1].id
        yield found


def judge_overdue(
    store: Store, config: Config, now: int, bulkheads: Bulkheads, begun: list[Job]
) -> None:
    """Judge every job that is overdue; begin an episode where it is to be told, add it to `begun`.

    Sites come first: what is said of a job depends on how its gateway stands.
    """
    if not verdicts.overdue(store, now, 1):
        return
    witnesses = Witnesses(store, now)
    for sites in (True, False):
        for judged in judged_in_batches(store, config, now, witnesses, bulkheads, sites):
            begun += keep(store, config, judged, now, witnesses, bulkheads)
        witnesses.forget_sites()


def judged_in_batches(
    store: Store, config: Config, now: int, witnesses: Witnesses, bulkheads: Bulkheads, sites: bool
) -> Iterator[list[Judged]]:
    """Judge the jobs that are overdue, with `sites` those that speak for one only.

    A job at which that fails is put off.
    """
    bounds = limits(config)
    away_since = witnesses.own_outage_since(bounds)
    after = None
    while found := verdicts.overdue(store, now, BATCH, after, sites, away_since):
        after = found[-1].judge_at, found[-1].id
        judged: dict[int, Judged] = {}

        def judge_all(some: Sequence[Job], judged: dict[int, Judged] = judged) -> None:
            witnesses.ask(some)
            for job in some:
                judged[job.id] = job, judge(job, now, witnesses.of(job), bounds)

        bad = bulkheads.each("judging", found, judge_all, full_name, PUT_OFF)
        verdicts.put_off(store, bad, now)
        yield list(judged.values())
        if len(found) < BATCH:
            break


def keep(
    store: Store,
    config: Config,
    judged: Sequence[Judged],
    now: int,
    witnesses: Witnesses,
    bulkheads: Bulkheads,
) -> list[Job]:
    """Keep what was judged, where it is true still; return who is missing.

    A job at which that fails is put off.
    """
    missing: list[Job] = []

    def keep_all(some: Sequence[Judged]) -> None:
        told = [(job, one) for job, one in some if one.is_to_be_told]
        deadlines = [(job, deadline_of(job, one.excuse)) for job, one in told]
        found = witnesses.outages_at_deadlines(deadlines)
        missed = [_missed(job, one, found.get(job.id, ())) for job, one in told]
        for job in episodes.begin(store, missed, now, for_jobs(config)):
            log.info("missing: %s", full_name(job))
            missing.append(job)
        waits = [as_spared(job, one) for job, one in some if not one.is_to_be_told]
        for job in verdicts.spare(store, waits):
            log.info("not told of yet: %s", full_name(job))

    bad = bulkheads.each(
        "keeping what was judged of", judged, keep_all, lambda one: full_name(one[0]), PUT_OFF
    )
    verdicts.put_off(store, [job for job, _ in bad], now)
    return missing


def _missed(job: Job, judged: Judgement, found: Sequence[Outage]) -> Silence:
    """Return what is to be kept of a judgement that `job` is to be told of."""
    excuse = judged.excuse
    return Silence(job, say_reason(job, judged), found, None if excuse is None else excuse.until)


def as_spared(job: Job, judged: Judgement) -> Spared:
    """Return what is to be kept of a judgement that spares `job`."""
    excuse = judged.excuse
    if excuse is None:
        return Spared(job, judged.status, None, None)
    return Spared(job, judged.status, excuse.until, excuse.outage_id)

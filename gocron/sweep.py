"""The sweep: listen, judge, queue, deliver, publish. Any number may run at once, on any host."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gocron.config import Config
from gocron.core.door import Knock
from gocron.core.job import Channel, Job
from gocron.core.judge import Ground, Judgement, Limits, RestsOn, deadline_of, judge
from gocron.deliver import Delivered, deliver, tell_operator
from gocron.door import watch_door
from gocron.journal import replay_journal
from gocron.outside import Outside, WatchdogAway, check_in_url, outside
from gocron.publish import publish
from gocron.render.reason import say_reason
from gocron.render.templates import Templates
from gocron.render.wording import full_name
from gocron.sites import Witnesses, outages_at_deadline, watch_sites
from gocron.store import accounts, episodes, outages, reprieves
from gocron.store.database import Store
from gocron.store.episodes import Missed
from gocron.store.reprieves import Spared

# Jobs that one transaction marks: enough to be fast, few enough to hold no lock for long.
BATCH = 500

HISTORY_S = 400 * 86_400

# After so long without a sweep or a front nothing is removed for as long: the clock may be wrong.
TRUSTED_AFTER_S = 86_400

log = logging.getLogger("gocron-sweep")

Judged = tuple[Job, Judgement]


@dataclass(frozen=True)
class Swept:
    """What one sweep did, and what is to be complained of beside news that was not delivered."""

    begun: int
    ended: int
    delivered: Delivered
    complaints: list[str] = field(default_factory=list)


def sweep(
    store: Store, config: Config, clock: Callable[[], int], world: Outside | None = None
) -> Swept:
    """Tell of every job that went silent or came back, and publish the page.

    All is judged at one moment, the one at which `clock` (epoch seconds) is asked first, once
    it is known what could be heard. Each step leaves the database right by itself: a sweep
    that dies between two of them is finished by the next one. Raises StoreError and PageError;
    undelivered news is no error but part of what is returned.
    """
    world = world or outside(config)
    templates = Templates(config.reports_dir)
    knocked = world.knock(accounts.instance_name(store))
    now = clock()
    complaints = replay_journal(store, config, now)
    complaints += look_around(store, config, knocked, now)
    ended = end_episodes(store, config, now)
    for job in ended:
        log.info("back: %s", full_name(job))
    begun = judge_overdue(store, config, now)
    accounts.fold_changes(store, clock())
    delivered = deliver(store, config, templates, clock, world.couriers)
    delivered.failures += tell_operator(store, config, clock(), world.couriers)
    drop_history(store, now)
    accounts.record_sweep(store, clock())
    if config.status_dir:
        folder = Path(config.status_dir)
        publish(store, folder, templates, config.interval, clock(), check_in_url(config))
    if not delivered.failures and not complaints:
        complaints += _report_well(world)
    return Swept(begun, len(ended), delivered, complaints)


def look_around(store: Store, config: Config, knocked: tuple[Knock, str], now: int) -> list[str]:
    """Learn who could be heard until `now`; return what is to be complained of."""
    complaints = watch_door(store, config, knocked, now)
    watch_sites(store, now)
    return complaints


def limits(config: Config) -> Limits:
    """Return how long what is overdue may stay untold."""
    return Limits(config.site_hold_max, config.site_settle, config.site_suppress_max)


def end_episodes(store: Store, config: Config, now: int) -> list[Job]:
    """End the silence of every job that has checked in again; return these jobs."""
    ended: list[Job] = []
    while found := episodes.returned(store, BATCH):
        ended += episodes.end(store, found, now, config.notify_recovery)
        if len(found) < BATCH:
            break
    return ended


def judge_overdue(store: Store, config: Config, now: int) -> int:
    """Judge every job that is overdue; begin an episode where it is to be told, return how many.

    Sites come first: what is said of a job depends on how its gateway stands.
    """
    if not reprieves.overdue(store, now, 1):
        return 0
    witnesses = Witnesses(store, now)
    begun = 0
    for sites in (True, False):
        for judged in judged_in_batches(store, config, now, witnesses, sites):
            missing, spared = keep(store, config, judged, now)
            begun += len(missing)
            for job in missing:
                log.info("missing: %s", full_name(job))
            for job in spared:
                log.info("not told of yet: %s", full_name(job))
        witnesses.forget_sites()
    return begun


def judged_in_batches(
    store: Store, config: Config, now: int, witnesses: Witnesses, sites: bool
) -> Iterator[list[Judged]]:
    """Judge the jobs that are overdue, with `sites` those that speak for one only."""
    bounds = limits(config)
    after = None
    while found := reprieves.overdue(store, now, BATCH, after, sites):
        after = found[-1].judge_at, found[-1].id
        yield [(job, judge(job, now, witnesses.of(job), bounds)) for job in found]
        if len(found) < BATCH:
            break


def keep(
    store: Store, config: Config, judged: Sequence[Judged], now: int
) -> tuple[list[Job], list[Job]]:
    """Keep what was judged, where it is true still; return who is missing, and who is spared."""
    channel = Channel.SLACK if config.prefer_slack else Channel.MAIL
    missed = [_missed(store, job, one) for job, one in judged if one.is_to_be_told]
    missing = episodes.begin(store, missed, now, channel)
    spared = [
        job
        for rests_on, some in _by_ground(judged).items()
        for job in reprieves.spare(store, some, rests_on)
    ]
    return missing, spared


def _missed(store: Store, job: Job, judged: Judgement) -> Missed:
    """Return what is to be kept of a judgement that `job` is to be told of."""
    excuse = judged.excuse
    found = outages_at_deadline(store, job, deadline_of(job, excuse)) if job.site else ()
    return Missed(job, say_reason(job, judged), found, None if excuse is None else excuse.until)


def _spared(job: Job, judged: Judgement) -> Spared:
    """Return what is to be kept of a judgement that spares `job`."""
    excuse = judged.excuse
    # Who is held for its site is looked at by every sweep: the site may be heard any moment.
    judge_at = job.judge_at if judged.ground is Ground.SITE_ASKED else judged.until or job.judge_at
    return Spared(
        job,
        judged.status,
        judge_at,
        None if excuse is None else excuse.until,
        None if excuse is None else excuse.outage_id,
    )


def _by_ground(judged: Sequence[Judged]) -> dict[RestsOn, list[Spared]]:
    """Return what spares a job and changes anything, together where it rests on the same."""
    groups: dict[RestsOn, list[Spared]] = {}
    for job, judgement in judged:
        if judgement.is_to_be_told:
            continue
        one = _spared(job, judgement)
        before = (job.reprieve, job.judge_at, job.excused_until)
        if before != (one.reprieve, one.judge_at, one.excused_until):
            groups.setdefault(judgement.rests_on, []).append(one)
    return groups


def _report_well(world: Outside) -> list[str]:
    try:
        world.report_well()
    except WatchdogAway as error:
        return [str(error)]
    return []


def drop_history(store: Store, now: int) -> None:
    """Remove what is older than anybody looks back; the first sweep of an hour does it.

    Not while it may be that it only looks old, by a clock that is wrong.
    """
    swept_at = accounts.totals(store).swept_at
    if swept_at is None or not 0 <= now - swept_at <= TRUSTED_AFTER_S:
        return
    if swept_at // 3600 == now // 3600:
        return
    for away in outages.own(store, now - TRUSTED_AFTER_S):
        if (away.ended_at or now) - away.began_at > TRUSTED_AFTER_S:
            return
    episodes.drop_ended_before(store, now - HISTORY_S)
    outages.drop_before(store, now - HISTORY_S)
    accounts.drop_empty_before(store, now - HISTORY_S)

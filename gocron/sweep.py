"""The sweep: listen, judge, queue, deliver, publish. Any number may run at once, on any host."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gocron.attempt import Delivered
from gocron.bulkhead import Bulkheads
from gocron.channels import Desk, for_addresses, for_jobs
from gocron.config import Config
from gocron.core.door import Knocked
from gocron.core.job import Job, Undelivered
from gocron.core.judge import Judgement, Limits, deadline_of, judge
from gocron.core.outage import Outage
from gocron.deliver import deliver
from gocron.door import watch_door
from gocron.errors import ExitStatus
from gocron.history import drop_history, is_first_of_hour
from gocron.journal import replay_journal
from gocron.outside import Outside, WatchdogAway, check_in_url, outside
from gocron.publish import Press, publish
from gocron.render.reason import say_reason
from gocron.render.templates import Templates
from gocron.render.wording import full_name
from gocron.sites import watch_sites
from gocron.spelling import spell_names
from gocron.store import accounts, deliveries, episodes, operator_news, redeclarations, reprieves
from gocron.store.database import Store
from gocron.store.episodes import Missed
from gocron.store.reprieves import PUT_OFF_S, Spared
from gocron.witnesses import Witnesses

# Jobs that one transaction marks: enough to be fast, few enough to hold no lock for long.
BATCH = 500

PUT_OFF = "put off for an hour"

log = logging.getLogger("gocron-sweep")

Judged = tuple[Job, Judgement]
Clock = Callable[[], int]


@dataclass(frozen=True)
class Swept:
    """What one sweep did, and what is to be complained of beside news that was not delivered.

    `status` is the exit status that the complaints make.
    `undelivered` is how many news wait too long, or were tried in vain. `unresolved` was given up
    within a day; `is_hourly` says whether this is the sweep of its hour that tells of it.
    """

    begun: int
    ended: int
    delivered: Delivered
    complaints: list[str] = field(default_factory=list)
    status: ExitStatus = ExitStatus.OK
    undelivered: int = 0
    unresolved: tuple[Undelivered, ...] = ()
    is_hourly: bool = False


def sweep(
    store: Store, config: Config, clock: Clock, world: Outside | None = None, is_well: bool = True
) -> Swept:
    """Tell of every job that went silent or came back, and publish the page.

    The watchdog is told that all is well where it is, and `is_well` as far as the caller knows.

    All is judged at one moment, the one at which `clock` (epoch seconds) is asked first, once
    it is known what could be heard. Each step leaves the database right by itself: a sweep
    that dies between two of them is finished by the next one. A step that fails stops no other
    and is part of what is returned, as undelivered news is; but while listening fails nobody is
    judged, for an hour at most. Raises StoreError.
    """
    world = world or outside(config)
    templates = Templates(config.reports_dir)
    bulkheads = Bulkheads(store)
    now, complaints = _listen(store, config, clock, world, bulkheads)
    is_known_who_was_heard = bulkheads.is_whole or _is_in_vain_to_wait(store, now)
    ended: list[Job] = []
    begun: list[Job] = []
    delivered = Delivered()
    with bulkheads.step("ending episodes"):
        end_episodes(store, config, now, bulkheads, ended)
    with bulkheads.step("telling of jobs that were declared anew"):
        tell_former_recipients(store, config, now)
    with bulkheads.step("judging"):
        if is_known_who_was_heard:
            judge_overdue(store, config, now, bulkheads, begun)
    with bulkheads.step("counting"):
        accounts.fold_changes(store, clock())
    with bulkheads.step("telling the operator"):
        tell_operator(store, config, clock())
    with bulkheads.step("delivering"):
        desk = Desk(config, accounts.instance_name(store), templates)
        delivered = deliver(store, desk, clock, world.channel)
    is_hourly = is_first_of_hour(store, now)
    with bulkheads.step("removing history"):
        drop_history(store, now)
    # Who asks how gocron does learns of a step that fails by the age of the last whole sweep.
    if bulkheads.is_whole:
        accounts.record_sweep(store, clock())
    with bulkheads.step("writing the page"):
        if config.status_dir:
            _publish(store, config, templates, clock(), bulkheads)
    status = ExitStatus.CHECK_FAILED if complaints else ExitStatus.OK
    complaints += bulkheads.complaints
    undelivered = deliveries.count_undelivered(store, clock(), config.interval)
    unresolved = tuple(deliveries.unresolved(store, clock()))
    is_well = is_well and not complaints and not undelivered and not unresolved
    if is_well and not delivered.failures:
        complaints += _report_well(world)
        status = ExitStatus.CHECK_FAILED if complaints else ExitStatus.OK
    return Swept(
        *(len(begun), len(ended), delivered, complaints, bulkheads.status or status),
        undelivered=undelivered,
        unresolved=unresolved,
        is_hourly=is_hourly,
    )


def _publish(
    store: Store, config: Config, templates: Templates, now: int, bulkheads: Bulkheads
) -> None:
    folder = Path(config.status_dir)
    url = check_in_url(config)
    publish(Press(store, folder, templates, config.interval, now, bulkheads, url))


def _listen(
    store: Store, config: Config, clock: Clock, world: Outside, bulkheads: Bulkheads
) -> tuple[int, list[str]]:
    """Keep what nginx took, and learn who could be heard.

    Return up to when, and what is to be complained of.
    """
    knocked = None
    with bulkheads.step("checking in"):
        knocked = world.knock(accounts.instance_name(store))
    now = clock()
    complaints: list[str] = []
    with bulkheads.step("reading the journal"):
        complaints += replay_journal(store, config, now, world.host_clock)
    return now, complaints + look_around(store, config, knocked, now, clock, bulkheads)


def _is_in_vain_to_wait(store: Store, now: int) -> bool:
    """Tell whether listening has failed for so long that to judge without it is the lesser harm.

    Until then nobody is judged: whose check-ins were not read would look silent.
    """
    swept_at = accounts.totals(store).swept_at
    return swept_at is None or not 0 <= now - swept_at <= PUT_OFF_S


def look_around(
    store: Store,
    config: Config,
    knocked: Knocked | None,
    now: int,
    clock: Clock,
    bulkheads: Bulkheads,
) -> list[str]:
    """Learn who could be heard until `now`; return what is to be complained of.

    `knocked` is None where it isn't known how that went.
    """
    complaints: list[str] = []
    spell_names(store, bulkheads)
    with bulkheads.step("watching the door"):
        if knocked is not None:
            complaints += watch_door(store, config, knocked, now, clock)
    with bulkheads.step("watching sites"):
        complaints += watch_sites(store, now, bulkheads)
    return complaints


def limits(config: Config) -> Limits:
    """Return how long what is overdue may stay untold."""
    return Limits(config.site_hold_max, config.site_settle, config.site_suppress_max)


def tell_former_recipients(store: Store, config: Config, now: int) -> None:
    """Queue news of jobs that declare themselves otherwise."""
    redeclarations.queue(store, now, for_jobs(config))


def tell_operator(store: Store, config: Config, now: int) -> None:
    """Queue news of gocron's own outages that are over."""
    if config.operator_email:
        operator_news.queue(store, config.operator_email, now, for_addresses())


def end_episodes(
    store: Store, config: Config, now: int, bulkheads: Bulkheads, ended: list[Job]
) -> None:
    """End the silence of every job that has checked in again; add these jobs to `ended`."""

    def end(back: Sequence[Job]) -> None:
        for job in episodes.end(store, back, now, config.notify_recovery):
            log.info("back: %s", full_name(job))
            ended.append(job)

    after = None
    while found := episodes.returned(store, BATCH, after):
        after = found[-1].back_at or 0, found[-1].id
        bulkheads.each("ending the episode of", found, end, full_name, "each sweep tries again")


def judge_overdue(
    store: Store, config: Config, now: int, bulkheads: Bulkheads, begun: list[Job]
) -> None:
    """Judge every job that is overdue; begin an episode where it is to be told, add it to `begun`.

    Sites come first: what is said of a job depends on how its gateway stands.
    """
    if not reprieves.overdue(store, now, 1):
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
    deaf_since = witnesses.deaf_since(bounds)
    after = None
    while found := reprieves.overdue(store, now, BATCH, after, sites, deaf_since):
        after = found[-1].judge_at, found[-1].id
        judged: dict[int, Judged] = {}

        def judge_all(some: Sequence[Job], judged: dict[int, Judged] = judged) -> None:
            witnesses.ask(some)
            for job in some:
                judged[job.id] = job, judge(job, now, witnesses.of(job), bounds)

        bad = bulkheads.each("judging", found, judge_all, full_name, PUT_OFF)
        reprieves.put_off(store, bad, now)
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
        for job in reprieves.spare(store, waits):
            log.info("not told of yet: %s", full_name(job))

    bad = bulkheads.each(
        "keeping what was judged of", judged, keep_all, lambda one: full_name(one[0]), PUT_OFF
    )
    reprieves.put_off(store, [job for job, _ in bad], now)
    return missing


def _missed(job: Job, judged: Judgement, found: Sequence[Outage]) -> Missed:
    """Return what is to be kept of a judgement that `job` is to be told of."""
    excuse = judged.excuse
    return Missed(job, say_reason(job, judged), found, None if excuse is None else excuse.until)


def as_spared(job: Job, judged: Judgement) -> Spared:
    """Return what is to be kept of a judgement that spares `job`."""
    excuse = judged.excuse
    if excuse is None:
        return Spared(job, judged.status, None, None)
    return Spared(job, judged.status, excuse.until, excuse.outage_id)


def _report_well(world: Outside) -> list[str]:
    try:
        world.report_well()
    except WatchdogAway as error:
        return [str(error)]
    return []

"""The sweep: listen, judge, queue, deliver, publish. Any number may run at once, on any host."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gocron.config import Config
from gocron.core.job import Job
from gocron.core.news import Undelivered
from gocron.core.own_outage import Knocked
from gocron.errors import ExitStatus
from gocron.render.templates import Templates
from gocron.store import counts, deliveries, operator_news, redeclarations
from gocron.store.database import Store
from gocron.store.verdicts import PUT_OFF_S
from gocron.sweep.attempt import Delivered
from gocron.sweep.bulkhead import Bulkheads
from gocron.sweep.channels import Desk, for_addresses, for_jobs
from gocron.sweep.deliver import deliver_news
from gocron.sweep.fronts import watch_fronts
from gocron.sweep.history import drop_history, is_first_of_hour
from gocron.sweep.journal import replay_journal
from gocron.sweep.publish import Press, write_pages
from gocron.sweep.sites import watch_sites
from gocron.sweep.spelling import spell_names
from gocron.sweep.verdicts import end_episodes, judge_overdue, tell_failures
from gocron.sweep.world import WatchdogAway, World, check_in_url, open_world

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
    store: Store, config: Config, clock: Clock, world: World | None = None, is_well: bool = True
) -> Swept:
    """Tell of every job that went silent or came back, and publish the page.

    All is judged at one moment, the one at which `clock` (epoch seconds) is asked first, once
    it is known what could be heard. Each step leaves the database right by itself: a sweep
    that dies between two of them is finished by the next one. A step that fails stops no other
    and is part of what is returned, as undelivered news is; but while listening fails nobody is
    judged, for an hour at most. The watchdog is told that all is well where it is, and `is_well`
    as far as the caller knows. Raises StoreError.
    """
    world = world or open_world(config)
    templates = Templates(config.reports_dir)
    bulkheads = Bulkheads(store)
    now, complaints = _listen(store, config, clock, world, bulkheads)
    ended, begun = _queue_news(store, config, now, clock, bulkheads)
    with bulkheads.step("counting"):
        counts.fold_changes(store, clock())
    delivered = Delivered()
    with bulkheads.step("delivering"):
        desk = Desk(config, counts.instance_name(store), templates)
        delivered = deliver_news(store, desk, clock, world.channel)
    is_hourly = is_first_of_hour(store, now)
    with bulkheads.step("removing history"):
        drop_history(store, now)
    # Who asks how gocron does learns of a step that fails by the age of the last whole sweep.
    if bulkheads.is_whole:
        counts.record_sweep(store, clock())
    with bulkheads.step("writing the page"):
        _publish(store, config, templates, clock(), bulkheads)
    status = ExitStatus.CHECK_FAILED if complaints else ExitStatus.OK
    swept = Swept(
        *(len(begun), len(ended), delivered),
        *(complaints + bulkheads.complaints, bulkheads.status or status),
        undelivered=deliveries.count_undelivered(store, clock(), config.interval),
        unresolved=tuple(deliveries.unresolved(store, clock())),
        is_hourly=is_hourly,
    )
    return _report_well(swept, world) if is_well else swept


def _queue_news(
    store: Store, config: Config, now: int, clock: Clock, bulkheads: Bulkheads
) -> tuple[list[Job], list[Job]]:
    """Queue all that is to be told; return the jobs whose episode ended, and whose one began.

    While it isn't known who was heard, nobody is judged.
    """
    is_known_who_was_heard = bulkheads.is_whole or _is_in_vain_to_wait(store, now)
    ended: list[Job] = []
    begun: list[Job] = []
    with bulkheads.step("ending episodes"):
        end_episodes(store, config, now, bulkheads, ended)
    with bulkheads.step("telling of failures"):
        tell_failures(store, config, now, bulkheads)
    with bulkheads.step("telling of jobs that were declared anew"):
        tell_former_recipients(store, config, now)
    with bulkheads.step("judging"):
        if is_known_who_was_heard:
            judge_overdue(store, config, now, bulkheads, begun)
    with bulkheads.step("telling the operator"):
        tell_operator(store, config, clock())
    return ended, begun


def _publish(
    store: Store, config: Config, templates: Templates, now: int, bulkheads: Bulkheads
) -> None:
    """Write the pages, where there is a folder for them."""
    if not config.status_dir:
        return
    folder = Path(config.status_dir)
    url = check_in_url(config)
    write_pages(Press(store, folder, templates, config.interval, now, bulkheads, url))


def _listen(
    store: Store, config: Config, clock: Clock, world: World, bulkheads: Bulkheads
) -> tuple[int, list[str]]:
    """Keep what nginx took, and learn who could be heard.

    Return up to when, and what is to be complained of.
    """
    knocked = None
    with bulkheads.step("checking in"):
        knocked = world.knock(counts.instance_name(store))
    now = clock()
    complaints: list[str] = []
    with bulkheads.step("reading the journal"):
        complaints += replay_journal(store, config, now, world.host_clock)
    return now, complaints + learn_who_was_heard(store, config, knocked, now, clock, bulkheads)


def _is_in_vain_to_wait(store: Store, now: int) -> bool:
    """Tell whether listening has failed for so long that to judge without it is the lesser harm.

    Until then nobody is judged: whose check-ins were not read would look silent.
    """
    swept_at = counts.totals(store).swept_at
    return swept_at is None or not 0 <= now - swept_at <= PUT_OFF_S


def learn_who_was_heard(
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
    with bulkheads.step("watching the fronts"):
        if knocked is not None:
            complaints += watch_fronts(store, config, knocked, now, clock)
    with bulkheads.step("watching sites"):
        complaints += watch_sites(store, now, bulkheads)
    return complaints


def tell_former_recipients(store: Store, config: Config, now: int) -> None:
    """Queue news of jobs that declare themselves otherwise."""
    redeclarations.queue(store, now, for_jobs(config))


def tell_operator(store: Store, config: Config, now: int) -> None:
    """Queue news of gocron's own outages that are over."""
    if config.operator_email:
        operator_news.queue(store, config.operator_email, now, for_addresses())


def _report_well(swept: Swept, world: World) -> Swept:
    """Tell the watchdog where all was well; return `swept`, with a complaint where that failed."""
    if swept.complaints or swept.undelivered or swept.unresolved or swept.delivered.failures:
        return swept
    try:
        world.report_well()
    except WatchdogAway as error:
        return replace(swept, complaints=[str(error)], status=ExitStatus.CHECK_FAILED)
    return swept

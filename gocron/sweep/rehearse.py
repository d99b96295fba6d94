"""What a sweep would do, and why: it is done in a private copy of the database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from gocron.config import Config
from gocron.core.duration import say_duration
from gocron.core.job import Job, Status
from gocron.core.judge import Judgement, judge
from gocron.core.recent import Heard
from gocron.core.schedule import expected
from gocron.core.site import Site
from gocron.render.moment import say_time
from gocron.render.reason import say_reason, say_verdict
from gocron.render.runs import run_facts
from gocron.render.wording import (
    STATES,
    count,
    full_name,
    say_attempts,
    say_channel,
    say_exit,
    say_failure,
    say_last_seen,
    say_recipient,
    say_runs,
    shown,
)
from gocron.store import counts, deliveries, episodes, failing, jobs, outbox, redeclarations
from gocron.store.database import Store
from gocron.store.deliveries import Delivery
from gocron.store.rehearsal import private_copy
from gocron.sweep import learn_who_was_heard, tell_former_recipients
from gocron.sweep.bulkhead import Bulkheads
from gocron.sweep.journal import replay_journal
from gocron.sweep.verdicts import (
    BATCH,
    PUT_OFF,
    as_spared,
    end_episodes,
    judged_in_batches,
    keep,
    limits,
)
from gocron.sweep.witnesses import Witnesses
from gocron.sweep.world import World, open_world

EPISODES_SHOWN = 5

_LABEL_WIDTH = 15


def rehearse(
    store: Store,
    config: Config,
    clock: Callable[[], int],
    at: int | None = None,
    world: World | None = None,
) -> list[str]:
    """Return, a line each, what a sweep would do now, or `at` a later time if nothing came in.

    It checks in and keeps what nginx took, as a sweep does; nothing else
    leaves a trace.
    """
    with _heard_all(store, config, clock, world) as (store, now, complaints, bulkheads):
        at = now if at is None else max(at, now)
        tell_former_recipients(store, config, now)
        lines = [
            f"would deliver news to {say_recipient(waiting.channel, waiting.recipient)}"
            for waiting in outbox.due(store, at)
        ]
        lines += [
            f"would end the episode of {full_name(job)}, back at {say_time(job.back_at or 0)}"
            for job in episodes.back(store)
        ]
        lines += [
            f"would tell that {full_name(job)} {say_failure(job.exit_status)}"
            for job in failing.failed(store, BATCH)
        ]
        end_episodes(store, config, now, bulkheads, [])
        witnesses = Witnesses(store, at)
        found = _judge_gateways(store, config, at, witnesses, bulkheads)
        for some in judged_in_batches(store, config, at, witnesses, bulkheads, sites=False):
            found.update({judged[0].id: judged for judged in some})
        lines += [
            _line(job, judged, at)
            for job, judged in found.values()
            if judged.is_to_be_told or as_spared(job, judged).is_new
        ]
        complaints += bulkheads.complaints
    return [f"would complain: {complaint}" for complaint in complaints] + lines


def explain(
    store: Store,
    config: Config,
    account: str,
    cronname: str,
    clock: Callable[[], int],
    world: World | None = None,
) -> list[str]:
    """Return, a line each, all that bears on what is told of one job. Raises UnknownJob."""
    known = jobs.find(store, account, cronname)
    history = _history(store, known)
    heard = _heard_all(store, config, clock, world, known.account)
    with heard as (store, now, complaints, bulkheads):
        job = jobs.find(store, account, cronname)
        end_episodes(store, config, now, bulkheads, [])
        witnesses = Witnesses(store, now)
        found = _judge_gateways(store, config, now, witnesses, bulkheads)
        # A sweep judges the gateways once more, by what became of those that they are behind.
        for some in judged_in_batches(store, config, now, witnesses, bulkheads, sites=True):
            found.update({one[0].id: one for one in some})
        facts = [("job", full_name(job)), ("due", say_time(job.due_at))]

        def judge_one(some: Sequence[Job]) -> None:
            (one,) = some
            evidence = witnesses.of(one)
            _, judged = found.get(one.id, (one, judge(one, now, evidence, limits(config))))
            facts[:] = _facts(one, jobs.heard(store, one), evidence.site, judged)

        bulkheads.each("judging", [job], judge_one, full_name, PUT_OFF)
        complaints += bulkheads.complaints
    facts += [("complaint", complaint) for complaint in complaints]
    return [f"{label + ':':{_LABEL_WIDTH}}{text}" for label, text in facts] + history


@contextmanager
def _heard_all(
    store: Store,
    config: Config,
    clock: Callable[[], int],
    world: World | None,
    account: str | None = None,
) -> Iterator[tuple[Store, int, list[str], Bulkheads]]:
    """Let the block see what a sweep knows once it has listened, in a copy of its own.

    With the copy come the time, and what the sweep would complain of. With `account` the copy
    may lack other accounts' jobs. What nginx took meanwhile is kept for good: that may be much.
    """
    world = world or open_world(config)
    knocked = world.knock(counts.instance_name(store))
    now = clock()
    complaints = replay_journal(store, config, now, world.host_clock)
    with private_copy(store, account) as copy:
        bulkheads = Bulkheads(copy)
        complaints += learn_who_was_heard(copy, config, knocked, now, clock, bulkheads)
        yield copy, now, complaints, bulkheads


def _judge_gateways(
    store: Store, config: Config, at: int, witnesses: Witnesses, bulkheads: Bulkheads
) -> dict[int, tuple[Job, Judgement]]:
    """Judge the gateways that are overdue, keep it in the copy, and return it by id."""
    found = {}
    for some in judged_in_batches(store, config, at, witnesses, bulkheads, sites=True):
        found.update({job.id: (job, judged) for job, judged in some})
        keep(store, config, some, at, witnesses, bulkheads)
    witnesses.forget_sites()
    return found


def _facts(
    job: Job, heard: Sequence[Heard], site: Site | None, judged: Judgement
) -> list[tuple[str, str]]:
    first, last = expected(job)
    return [
        ("job", full_name(job)),
        say_runs(job),
        ("last heard", _last_seen(job)),
        *run_facts(job, heard),
        ("expected", f"from {say_time(first)} to {say_time(last)}"),
        ("due", say_time(job.due_at)),
        *_site_facts(job, site),
        *_spared_facts(job),
        ("now", f"{STATES[judged.status]}: {say_reason(job, judged)}"),
        ("next sweep", say_verdict(job, judged)),
    ]


def _line(job: Job, judged: Judgement, at: int) -> str:
    why = say_reason(job, judged)
    if judged.is_to_be_told:
        whom = ", ".join(job.recipients) or "nobody"
        late = say_duration(at - job.due_at)
        return f"would tell {whom} that {full_name(job)} is missing, {late} overdue: {why}"
    done = {Status.HELD: "hold", Status.SUPPRESSED: "suppress", Status.EXCUSED: "excuse"}
    until = say_time(judged.until or at)
    return f"would {done[judged.status]} {full_name(job)} until {until}: {why}"


def _last_seen(job: Job) -> str:
    source = f" from {shown(job.address)}" if job.address else ""
    return f"{say_last_seen(job, job.last_seen_at)}{source}"


def _site_facts(job: Job, site: Site | None) -> list[tuple[str, str]]:
    if site is None:
        if job.gateway:
            return [("site", f"it names {shown(job.gateway)}, which is no site of this account")]
        why = "" if job.network else ": its address tells nothing of a gateway"
        return [("site", f"none{why}")]
    facts = []
    for gateway in site.gateways:
        link = "it named it" if job.gateway else f"they share the address {job.network}"
        standing = "missing" if gateway.missed_at is not None else "not missing"
        facts.append(
            (
                "site",
                f"{shown(gateway.cronname)}, since {link}; its gateway is {standing}, due by "
                f"{say_time(gateway.deadline)}",
            )
        )
    facts.append(("site heard", f"{say_time(site.heard_at)}, from it or a job behind it"))
    for outage in site.outages[-EPISODES_SHOWN:]:
        end = "and lasts" if outage.ended_at is None else f"to {say_time(outage.ended_at)}"
        facts.append(("site outage", f"from {say_time(outage.began_at)} {end}"))
    return facts


def _spared_facts(job: Job) -> list[tuple[str, str]]:
    facts = []
    if job.spared is not None:
        is_put_off = job.judge_at > job.due_at
        next_look = (
            f"looked at again by {say_time(job.judge_at)}"
            if is_put_off
            else "judged anew by each sweep"
        )
        facts.append(("not told of", f"{job.spared.value}, {next_look}"))
    if job.excused_until is not None:
        facts.append(("excused until", say_time(job.excused_until)))
    return facts


def _history(store: Store, job: Job) -> list[str]:
    told = episodes.of_job(store, job, EPISODES_SHOWN)
    lines = [f"{'episodes:':{_LABEL_WIDTH}}{count(len(told), 'episode') if told else 'none'}"]
    for episode in told:
        end = "lasts" if episode.ended_at is None else f"ended {say_time(episode.ended_at)}"
        lines.append(f"  {episode.kind.value} since {say_time(episode.missed_at)}, {end}")
        if why := episode.reason or say_exit(episode.exit_status):
            lines.append(f"    why: {why}")
        lines += [f"    {_say_delivery(one)}" for one in deliveries.of_episode(store, episode.id)]
    for redeclared in redeclarations.of_job(store, job, EPISODES_SHOWN):
        source = f"from {shown(redeclared.address)}" if redeclared.address else "by hand"
        lines.append(f"  declared anew {say_time(redeclared.changed_at)} {source}")
        found = deliveries.of_redeclaration(store, redeclared.id)
        lines += [f"    {_say_delivery(one)}" for one in found]
    return lines


def _say_delivery(one: Delivery) -> str:
    whom = say_recipient(one.channel, one.recipient)
    if one.sent_at is not None:
        became = f"sent {say_time(one.sent_at)}"
    elif one.given_up_at is not None:
        became = f"given up {say_time(one.given_up_at)}: {shown(one.last_error)}"
    else:
        became = f"waits, next try {say_time(one.next_try_at)}"
        if one.last_error:
            became += f", {say_attempts(one.attempts)}: {shown(one.last_error)}"
    return f"{shown(one.kind)} to {whom} by {say_channel(one.channel)}: {became}"

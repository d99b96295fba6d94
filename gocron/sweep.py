"""The sweep: judge, queue, deliver, publish. Any number may run at once, on any host."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gocron.config import Config
from gocron.core.duration import say_duration
from gocron.core.job import Channel, Job, Status
from gocron.core.judge import judge
from gocron.deliver import Delivered, deliver
from gocron.publish import publish
from gocron.render.moment import say_time
from gocron.render.templates import Templates
from gocron.render.wording import full_name
from gocron.store import accounts, episodes, outbox
from gocron.store.database import Store

# Jobs that one transaction marks: enough to be fast, few enough to hold no lock for long.
BATCH = 500

HISTORY_S = 400 * 86_400

log = logging.getLogger("gocron-sweep")


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    begun: int
    ended: int
    delivered: Delivered


def sweep(store: Store, config: Config, clock: Callable[[], int]) -> Swept:
    """Tell of every job that went silent or came back, and publish the page.

    All is judged at one moment, the one at which `clock` (epoch seconds) is asked first.
    Each step leaves the database right by itself: a sweep that dies between two of them is
    finished by the next one. Raises StoreError and PageError; undelivered news is no error
    but part of what is returned.
    """
    now = clock()
    templates = Templates(config.reports_dir)
    ended = end_episodes(store, config, now)
    begun = begin_episodes(store, config, now)
    accounts.fold_changes(store, clock())
    delivered = deliver(store, config, templates, clock)
    drop_history(store, now)
    accounts.record_sweep(store, clock())
    if config.status_dir:
        publish(store, Path(config.status_dir), templates, config.interval, clock())
    return Swept(begun, ended, delivered)


def end_episodes(store: Store, config: Config, now: int) -> int:
    """End the silence of every job that has checked in again; return how many ended."""

    def end(back: Sequence[Job]) -> list[Job]:
        return episodes.end(store, back, now, config.notify_recovery)

    return _in_batches(lambda: episodes.returned(store, BATCH), Status.RECOVERED, end, now)


def begin_episodes(store: Store, config: Config, now: int) -> int:
    """Begin an episode for every job that is overdue; return how many began."""
    channel = Channel.SLACK if config.prefer_slack else Channel.MAIL

    def begin(silent: Sequence[Job]) -> list[Job]:
        return episodes.begin(store, silent, now, channel)

    return _in_batches(lambda: episodes.overdue(store, now, BATCH), Status.OVERDUE, begin, now)


def drop_history(store: Store, now: int) -> None:
    """Remove what is older than anybody looks back."""
    episodes.drop_ended_before(store, now - HISTORY_S)
    accounts.drop_empty_before(store, now - HISTORY_S)


def rehearse(store: Store, now: int) -> list[str]:
    """Return, a line each, what a sweep at `now` would do. Changes nothing."""
    lines = [
        f"would end the episode of {full_name(job)}, back at {say_time(job.back_at or 0)}"
        for job in episodes.returned(store)
    ]
    lines += [
        f"would tell {', '.join(job.recipients) or 'nobody'} that {full_name(job)} is missing, "
        f"{say_duration(now - job.due_at)} overdue"
        for job in episodes.overdue(store, now)
    ]
    lines += [
        f"would deliver news to {waiting.recipient or waiting.channel.value}"
        for waiting in outbox.due(store, now)
    ]
    return lines


def _in_batches(
    find: Callable[[], Sequence[Job]],
    expected: Status,
    change: Callable[[Sequence[Job]], Sequence[Job]],
    now: int,
) -> int:
    """Find, judge and change batch by batch until nothing is left; return how many changed."""
    total = 0
    while found := find():
        changed = change([job for job in found if judge(job, now) is expected])
        for job in changed:
            log.info("%s: %s", expected.value, full_name(job))
        total += len(changed)
        if len(found) < BATCH:
            break
    return total

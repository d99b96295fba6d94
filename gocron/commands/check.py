"""`gocron check`: is everything in place? One line a question."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from gocron.commands.questions import (
    Bad,
    Finding,
    ask,
    before_start,
    database,
    page_folder,
    require_room,
)
from gocron.config import Config, config_file
from gocron.core.duration import say_duration
from gocron.core.health import is_stale
from gocron.core.odd import notes
from gocron.core.own_outage import Knock, others_live
from gocron.core.site import CROWD
from gocron.errors import ExitStatus, GocronError, StoreError, worst
from gocron.front.check_in import configured_by
from gocron.host import clock, dead_schedule, this_host
from gocron.notify.http import NoAnswer, fetch
from gocron.output import say
from gocron.promise import flags
from gocron.render.page import swept_at_of
from gocron.render.terminal import printable
from gocron.store import counts, deliveries, jobs, sites
from gocron.store.database import Store
from gocron.store.lives import of_fronts
from gocron.store.schema import later, pending
from gocron.sweep.channels import TABLE, Entry
from gocron.sweep.fronts import verified
from gocron.sweep.world import TRY_LIMIT_S, here_url, knock, knock_url, open_world

NO_SWEEP = "is gocron-sweep in cron, or gocron-back running?"

# Odd jobs are named up to here; the summary names more.
ODD_SHOWN = 3


def arguments(parser: ArgumentParser) -> None:
    """Take whether gocron is yet to be started."""
    parser.add_argument(
        "--before-start",
        action="store_true",
        help="only whether gocron-front could start: port, database, tables, page folder",
    )


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print what is found, a line each."""
    file = config_file(arguments.config, os.environ)
    say(f"ok    configuration: {file if file.exists() else 'built-in defaults'}")
    statuses = []
    for finding in before_start(config) if arguments.before_start else findings(config):
        say(f"{'ok  ' if finding.good else 'FAIL'}  {finding.subject}: {printable(finding.said)}")
        statuses.append(finding.status)
    status = worst(statuses)
    return ExitStatus.CHECK_FAILED if status and not arguments.before_start else status


def findings(config: Config, now: int | None = None) -> Iterator[Finding]:
    """Yield what is found, from the database to the folder of the page.

    `now` is by the database's clock.
    """
    reached = ask("database", lambda: _reach(config))
    yield ask("database", lambda: database(config)) if reached.good else reached
    at = _time(config, reached) if now is None else now
    if reached.good:
        store = Store(config.database_url)
        schema = ask("schema", lambda: _schema(store))
        yield schema
        if schema.good:
            yield ask("last sweep", lambda: _last_sweep(store, config, at))
            yield ask("outbox", lambda: _outbox(store, config, at))
            yield ask("front door", lambda: _front_door(store, config, at))
            yield ask("sites", lambda: _sites(store))
            yield from _odd_jobs(store, config, at)
    yield ask("journal", lambda: _journal(config))
    for entry in TABLE.values():
        yield ask(entry.checked_as, partial(_channel, entry, config))
    yield ask("page folder", lambda: page_folder(config))
    if config.public_url:
        yield ask("page", lambda: _page(config, at))


def _time(config: Config, reached: Finding) -> int:
    """Return the time by the database's clock; where it can't be asked, by the host's."""
    if reached.good:
        with suppress(StoreError), (store := Store(config.database_url)).connected(False):
            return store.now()
    return int(clock())


def _reach(config: Config) -> str:
    store = Store(config.database_url)
    if store.lacks_file():
        raise Bad(f"{store.name} is not there yet; start gocron-front")
    with store.connected():
        return store.server_version()


def _schema(store: Store) -> str:
    with store.connected():
        lacking, more = pending(store), later(store)
    if more:
        raise Bad(f"was upgraded by a later gocron ({more[-1]}); install that version here too")
    if lacking:
        raise Bad(f"{len(lacking)} migrations pending; run `gocron db upgrade`")
    return "up to date"


def _last_sweep(store: Store, config: Config, now: int) -> str:
    with store.connected():
        swept_at = counts.totals(store).swept_at
    if swept_at is None:
        raise Bad(f"never; {dead_schedule() or NO_SWEEP}")
    said = f"{say_duration(max(now - swept_at, 0))} ago"
    if is_stale(swept_at, config.interval, now):
        raise Bad(f"{said}; {dead_schedule() or NO_SWEEP}")
    if dead := dead_schedule():
        raise Bad(f"{said}, but {dead}")
    return said


def _outbox(store: Store, config: Config, now: int) -> str:
    with store.connected():
        found = deliveries.undelivered(store, now, config.interval)
    ours = [one for one in found if not one.later_kind]
    if ours:
        worst = ours[0]
        reason = f": {worst.last_error}" if worst.last_error else ""
        raise Bad(
            f"{sum(one.count for one in ours)} news undelivered, the oldest to "
            f"{worst.recipient or worst.channel} for "
            f"{say_duration(now - worst.queued_at)}{reason}; see `gocron outbox list`"
        )
    return "nothing undelivered"


def _front_door(store: Store, config: Config, now: int) -> str:
    with store.connected():
        name = counts.instance_name(store)
        fronts = of_fronts(store, now, this_host())
        knocked = verified(store, open_world(config).knock(name))
        here = knocked
        if config.self_url:
            here = verified(store, knock(here_url(config), name, is_here=True))
    if here.knock is Knock.ELSEWHERE:
        raise Bad(f"{here.why}; restart gocron-front, and see database_url")
    if here.configured not in ("", configured_by(config)):
        raise Bad("gocron-front runs by another configuration than this one; restart gocron-front")
    if knocked.knock is Knock.KEPT:
        return f"a check-in at {knock_url(config)} is kept"
    if not config.self_url and knocked.knock is Knock.FAILED and others_live(fronts, now):
        return "no front on this host, but on others; self_url could tell more"
    what_next = "see self_url" if config.self_url else "is gocron-front running?"
    raise Bad(f"can't check in: {knocked.why}; {what_next}")


def _sites(store: Store) -> str:
    with store.connected():
        crowds = sites.crowds(store)
    if crowds:
        account, network, count = crowds[0]
        more = f", and {len(crowds) - 1} more such addresses" if crowds[1:] else ""
        raise Bad(
            f"{count} jobs of {account} at {network} say site=1{more}; with more than "
            f"{CROWD} none speaks for a site: leave it to the gateway, send site=0 with the others"
        )
    return "no address with too many gateways"


def _odd_jobs(store: Store, config: Config, now: int) -> Iterator[Finding]:
    """Yield a line for each of the first odd jobs: gocron is well all the same."""
    try:
        with store.connected():
            found, number = jobs.odd(store, config.interval, now, ODD_SHOWN)
    except GocronError as error:
        yield Finding("jobs", str(error), error.status)
        return
    for job in found:
        said = "; ".join(notes(job, config.interval, now))
        yield Finding("odd job", f"{job.cronname} ({job.account}): {said}")
    if number > len(found):
        yield Finding("odd jobs", f"{number - len(found):,} more; the summary tells of them")


def _journal(config: Config) -> str:
    path = Path(config.journal)
    if not config.journal or not path.exists():
        return "none on this host"
    if not os.access(path, os.R_OK):
        raise Bad(f"{path} can't be read by this user; check its group")
    if not os.access(flags(path), os.W_OK | os.X_OK):
        raise Bad(f"{flags(path)} can't be written by this user, so nginx keeps no check-ins")
    require_room(path)
    return str(path)


def _channel(entry: Entry, config: Config) -> str:
    with entry.open(config) as channel:
        return channel.check()


def _page(config: Config, now: int) -> str:
    """Look at the page as its readers do, by the little script that tells its age."""
    folder = config.public_url
    if "." not in urlsplit(folder).path.rpartition("/")[2]:
        folder = f"{folder.rstrip('/')}/"
    try:
        answer = fetch(urljoin(folder, "age.js"), TRY_LIMIT_S, follow=True)
    except NoAnswer as error:
        raise Bad(f"{config.public_url}: {error}; see public_url") from None
    if answer.status in (401, 403):
        return f"{config.public_url} asks who one is, so its age can't be told"
    if answer.status != 200:
        raise Bad(f"{config.public_url}: {answer}; see public_url")
    swept_at = swept_at_of(answer.body.decode("ascii", "replace"))
    if swept_at is None:
        raise Bad(f"{config.public_url} answers, but is no page of gocron's; see public_url")
    age = f"{say_duration(max(now - swept_at, 0))} old"
    if is_stale(swept_at, config.interval, now):
        raise Bad(f"{config.public_url} is {age}; is it the one that is written to status_dir?")
    return f"{config.public_url} is {age}"

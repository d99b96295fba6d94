"""What each command does. It imports what it needs when it runs: a sweep starts each minute."""

import logging
import os
import signal
import threading
import time
from argparse import Namespace as Arguments
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from gocron.config import Config, config_file
from gocron.errors import ExitStatus, GocronError, worst
from gocron.output import complain, flush, say

if TYPE_CHECKING:
    from gocron.store.database import Store


log = logging.getLogger("gocron")


def _now() -> int:
    return int(time.time())


def front(arguments: Arguments, config: Config) -> int:
    """Serve check-ins."""
    from gocron.serve import serve
    from gocron.store.schema import open_store

    open_store(config.database_url)
    serve(config, arguments.config)
    return ExitStatus.OK


def sweep(arguments: Arguments, config: Config) -> int:
    """Sweep once, or tell what a sweep would do."""
    from gocron.listing import printable
    from gocron.rehearse import rehearse

    if arguments.at is not None and not arguments.dry_run:
        # A rehearsal was meant, and a sweep sends mails.
        complain("gocron-sweep", "--at: only with --dry-run; nothing was done")
        return ExitStatus.USAGE
    if not arguments.dry_run:
        return _sweep_once("gocron-sweep", config)
    with opened(config) as store:
        for line in rehearse(store, config, _now, arguments.at):
            say(printable(line))
    return ExitStatus.OK


def _sweep_once(program: str, config: Config) -> int:
    """Sweep; complain of what could not be told or heard, in one line each."""
    from gocron.listing import say_unresolved
    from gocron.promise import renew_promise
    from gocron.sweep import sweep

    # First of all: while the database is away, the journal is what check-ins are kept in.
    lacks_room = renew_promise(config, _now())
    for complaint in lacks_room:
        complain(program, complaint)
    with opened(config) as store:
        swept = sweep(store, config, _now)
    for complaint in swept.complaints:
        complain(program, complaint)
    statuses = [swept.status, ExitStatus.CHECK_FAILED if lacks_room else ExitStatus.OK]
    failures = swept.delivered.failures
    if failures:
        more = f"; and {len(failures) - 2} more" if len(failures) > 2 else ""
        complain(program, f"not delivered: {'; '.join(failures[:2])}{more}")
    elif swept.undelivered:
        complain(program, f"{swept.undelivered} news wait undelivered; see `gocron outbox list`")
    elif swept.unresolved and swept.is_hourly:
        # Each minute would be a mail of cron's each minute; the exit status is there each time.
        complain(program, say_unresolved(swept.unresolved))
    if failures or swept.undelivered or swept.unresolved:
        statuses.append(ExitStatus.UNDELIVERED)
    return worst(statuses)


def back(arguments: Arguments, config: Config) -> int:
    """Sweep every interval until a signal ends it."""
    if arguments.summary:
        return _tell_summary(config, arguments.verbose)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping.is_set():
        began = time.monotonic()
        try:
            _sweep_once("gocron-back", config)
        except GocronError as error:
            complain("gocron-back", str(error))
        except Exception as error:
            # Nobody starts it again where it isn't a service.
            log.exception("bug: %r (please report)", error)
        stopping.wait(max(config.interval - (time.monotonic() - began), 0.1))
    return ExitStatus.OK


def summary(arguments: Arguments, config: Config) -> int:
    """Print the summary, and post it where asked to."""
    return _tell_summary(config, arguments.slack)


def _tell_summary(config: Config, to_slack: bool) -> int:
    from gocron.bulkhead import Bulkheads
    from gocron.errors import ConfigError
    from gocron.notify import DeliveryFailed
    from gocron.render.summary import summary_text
    from gocron.render.templates import Templates
    from gocron.summary import post_summary, report

    if to_slack and not config.slack_hook_url:
        raise ConfigError("slack_hook_url", "not set", "set it, or leave --slack out")
    with opened(config) as store:
        told = report(store, _now(), config.interval, bulkheads := Bulkheads(store))
    for complaint in bulkheads.complaints:
        complain("gocron-summary", complaint)
    statuses: list[int] = [bulkheads.status]
    try:
        say(summary_text(Templates(config.reports_dir), told), end="")
        flush()
    except GocronError as error:
        # What can't be printed is posted all the same.
        complain("gocron-summary", str(error))
        statuses.append(error.status)
    if to_slack:
        try:
            post_summary(config, told)
        except DeliveryFailed as error:
            complain("gocron-summary", f"not posted: {error}; try again later")
            statuses.append(ExitStatus.UNDELIVERED)
    return worst(statuses)


def jobs_list(arguments: Arguments, config: Config) -> int:
    """List jobs; complain of those that can't be shown."""
    from gocron import listing
    from gocron.bulkhead import Bulkheads
    from gocron.render.wording import full_name
    from gocron.store import jobs

    with opened(config) as store:
        found = list(jobs.every_job(store, arguments.account, arguments.missing))
    now, bulkheads = _now(), Bulkheads(store)
    bad = bulkheads.each(
        "showing",
        found,
        lambda some: listing.can_be_shown(some, now),
        full_name,
        "all others are listed",
    )
    fit = [job for job in found if job not in bad]
    say((listing.as_json if arguments.json else listing.table)(fit, now))
    for complaint in bulkheads.complaints:
        complain("gocron jobs list", complaint)
    return bulkheads.status


def jobs_show(arguments: Arguments, config: Config) -> int:
    """Show one job."""
    from gocron import listing
    from gocron.store import jobs

    with opened(config) as store:
        job = jobs.find(store, arguments.account, arguments.cronname)
    say(listing.as_json([job], _now()) if arguments.json else listing.details(job, _now()))
    return ExitStatus.OK


def jobs_add(arguments: Arguments, config: Config) -> int:
    """Declare a job; print whether that added, changed or left it, and what is odd about it."""
    from gocron.core import odd
    from gocron.core.checkin import Refused, first_time_needs, read_checkin
    from gocron.store import jobs

    told = {name: getattr(arguments, name) for name in ("account", "cronname")}
    told |= {
        name: value
        for name in ("email", "frequency", "grace", "site", "gateway")
        if (value := getattr(arguments, name)) is not None
    }
    try:
        declared = read_checkin(told.items(), address="", seen_at=_now())
        with opened(config) as store:
            if (needs := first_time_needs(declared)) and not jobs.is_known(store, declared.key):
                raise needs
            say(jobs.declare(store, declared))
        lengths = declared.frequency_s, declared.grace_s
        for note in odd.declared(*lengths, declared.site, config.interval):
            complain("gocron jobs add", note)
    except Refused as refused:
        complain("gocron jobs add", str(refused))
        return ExitStatus.USAGE
    return ExitStatus.OK


def jobs_forget(arguments: Arguments, config: Config) -> int:
    """Remove a job, or those of an account; print how many where that isn't told beforehand."""
    from gocron.render.wording import count
    from gocron.store import jobs

    one = (arguments.account, arguments.cronname)
    whole, since = arguments.whole_account, arguments.never_heard_since
    is_one = whole is None and since is None and None not in one
    if not is_one and (whole is None or one != (None, None)):
        complain("gocron jobs forget", "want ACCOUNT and CRONNAME, or --account; see --help")
        return ExitStatus.USAGE
    with opened(config) as store:
        if is_one:
            jobs.forget(store, *one)
            return ExitStatus.OK
        forgotten = jobs.forget_account(store, whole, since)
    say(f"forgot {count(forgotten, 'job')} of {whole}")
    return ExitStatus.OK


def outbox_list(arguments: Arguments, config: Config) -> int:
    """List the news that waits, or was given up."""
    from gocron import listing
    from gocron.store import deliveries

    with opened(config) as store:
        found = deliveries.waiting_or_given_up(store, _now())
    say(listing.outbox_json(found) if arguments.json else listing.outbox_table(found, _now()))
    return ExitStatus.OK


def outbox_retry(arguments: Arguments, config: Config) -> int:
    """Have news that waits, or was given up, tried by the next sweep."""
    from gocron.store import deliveries

    address = arguments.address
    with opened(config) as store:
        count = deliveries.retry(store, None if address == "all" else address, _now())
    if not count and address != "all":
        said = "no news waits for it, nor was given up; see `gocron outbox list`"
        complain("gocron outbox retry", f"{address}: {said}")
        return ExitStatus.USAGE
    say(f"{count} news due now; the next sweep tries them")
    return ExitStatus.OK


def explain(arguments: Arguments, config: Config) -> int:
    """Print why a job is told of, or is not."""
    from gocron.listing import printable
    from gocron.rehearse import explain

    with opened(config) as store:
        for line in explain(store, config, arguments.account, arguments.cronname, _now):
            say(printable(line))
    return ExitStatus.OK


def check(arguments: Arguments, config: Config) -> int:
    """Print what is found, a line each."""
    from gocron.check import findings
    from gocron.listing import printable

    file = config_file(arguments.config, os.environ)
    say(f"ok    configuration: {file if file.exists() else 'built-in defaults'}")
    good = True
    for finding in findings(config, _now()):
        say(f"{'ok  ' if finding.good else 'FAIL'}  {finding.subject}: {printable(finding.said)}")
        good &= finding.good
    return ExitStatus.OK if good else ExitStatus.CHECK_FAILED


def test_mail(arguments: Arguments, config: Config) -> int:
    """Send a mail on trial."""
    from gocron.deliver import sender
    from gocron.notify import DeliveryFailed
    from gocron.notify.mail import MailServer
    from gocron.render.mail import trial_mail

    message = trial_mail(sender(config), arguments.address, _now())
    try:
        with MailServer(config) as server:
            server.send(message, arguments.address)
    except DeliveryFailed as error:
        complain("gocron test-mail", f"{error}; see `gocron check`")
        return ExitStatus.UNDELIVERED
    say(f"{config.smtpserver} took a mail for {arguments.address}")
    return ExitStatus.OK


def db_upgrade(arguments: Arguments, config: Config) -> int:
    """Bring the schema up to date; print what was applied."""
    from gocron.store.database import Store
    from gocron.store.schema import pending, upgrade

    store = Store(config.database_url)
    with store.connected():
        applied = upgrade(store) if pending(store) else []
    say("\n".join(f"applied {name}" for name in applied) or "up to date")
    return ExitStatus.OK


def print_config(arguments: Arguments) -> int:
    """Print the example file."""
    from gocron.config import example

    say(example(), end="")
    return ExitStatus.OK


def demo(arguments: Arguments) -> int:
    """Run the demonstration."""
    from gocron.demo import demo

    return demo(arguments.port)


@contextmanager
def opened(config: Config) -> Iterator["Store"]:
    """Hold the store, its schema up to date and a connection open, for the length of the block."""
    from gocron.store.schema import open_store

    store = open_store(config.database_url)
    with store.connected():
        yield store

"""What each command does. It imports what it needs when it runs: a sweep starts each minute."""

import os
import signal
import sys
import threading
import time
from argparse import Namespace as Arguments
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from gocron.config import Config, config_file
from gocron.errors import ExitStatus, GocronError

if TYPE_CHECKING:
    from gocron.store.database import Store


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
            print(printable(line))
    return ExitStatus.OK


def _sweep_once(program: str, config: Config) -> int:
    """Sweep; complain of what could not be told or heard, in one line each."""
    from gocron.store import outbox
    from gocron.sweep import sweep

    with opened(config) as store:
        swept = sweep(store, config, _now)
        waiting = outbox.count_tried(store)
    for complaint in swept.complaints:
        complain(program, complaint)
    failures = swept.delivered.failures
    if not failures and not waiting:
        return ExitStatus.CHECK_FAILED if swept.complaints else ExitStatus.OK
    if failures:
        more = f"; and {len(failures) - 2} more" if len(failures) > 2 else ""
        complain(program, f"not delivered: {'; '.join(failures[:2])}{more}")
    else:
        complain(program, f"{waiting} news wait for their next try; see `gocron check`")
    return ExitStatus.UNDELIVERED


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
        stopping.wait(max(config.interval - (time.monotonic() - began), 0.1))
    return ExitStatus.OK


def summary(arguments: Arguments, config: Config) -> int:
    """Print the summary, and post it where asked to."""
    return _tell_summary(config, arguments.slack)


def _tell_summary(config: Config, to_slack: bool) -> int:
    from gocron.errors import ConfigError
    from gocron.notify import DeliveryFailed
    from gocron.render.summary import summary_text
    from gocron.render.templates import Templates
    from gocron.summary import post_summary, report

    if to_slack and not config.slack_hook_url:
        raise ConfigError("slack_hook_url", "not set", "set it, or leave --slack out")
    with opened(config) as store:
        told = report(store, _now())
    print(summary_text(Templates(config.reports_dir), told), end="")
    if to_slack:
        try:
            post_summary(config, told)
        except DeliveryFailed as error:
            complain("gocron-summary", f"not posted: {error}; try again later")
            return ExitStatus.UNDELIVERED
    return ExitStatus.OK


def jobs_list(arguments: Arguments, config: Config) -> int:
    """List jobs."""
    from gocron import listing
    from gocron.store import jobs

    with opened(config) as store:
        found = list(jobs.every_job(store, arguments.account, arguments.missing))
    print((listing.as_json if arguments.json else listing.table)(found, _now()))
    return ExitStatus.OK


def jobs_show(arguments: Arguments, config: Config) -> int:
    """Show one job."""
    from gocron import listing
    from gocron.store import jobs

    with opened(config) as store:
        job = jobs.find(store, arguments.account, arguments.cronname)
    print(listing.as_json([job], _now()) if arguments.json else listing.details(job, _now()))
    return ExitStatus.OK


def jobs_add(arguments: Arguments, config: Config) -> int:
    """Declare a job; print whether that added, changed or left it."""
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
            print(jobs.declare(store, declared))
    except Refused as refused:
        complain("gocron jobs add", str(refused))
        return ExitStatus.USAGE
    return ExitStatus.OK


def jobs_forget(arguments: Arguments, config: Config) -> int:
    """Remove a job."""
    from gocron.store import jobs

    with opened(config) as store:
        jobs.forget(store, arguments.account, arguments.cronname)
    return ExitStatus.OK


def explain(arguments: Arguments, config: Config) -> int:
    """Print why a job is told of, or is not."""
    from gocron.listing import printable
    from gocron.rehearse import explain

    with opened(config) as store:
        for line in explain(store, config, arguments.account, arguments.cronname, _now):
            print(printable(line))
    return ExitStatus.OK


def check(arguments: Arguments, config: Config) -> int:
    """Print what is found, a line each."""
    from gocron.check import findings
    from gocron.listing import printable

    file = config_file(arguments.config, os.environ)
    print(f"ok    configuration: {file if file.exists() else 'built-in defaults'}")
    good = True
    for finding in findings(config, _now()):
        print(f"{'ok  ' if finding.good else 'FAIL'}  {finding.subject}: {printable(finding.said)}")
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
    print(f"{config.smtpserver} took a mail for {arguments.address}")
    return ExitStatus.OK


def db_upgrade(arguments: Arguments, config: Config) -> int:
    """Bring the schema up to date; print what was applied."""
    from gocron.store.database import Store
    from gocron.store.schema import pending, upgrade

    store = Store(config.database_url)
    with store.connected():
        applied = upgrade(store) if pending(store) else []
    print("\n".join(f"applied {name}" for name in applied) or "up to date")
    return ExitStatus.OK


def print_config(arguments: Arguments) -> int:
    """Print the example file."""
    from gocron.config import example

    print(example(), end="")
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


def complain(program: str, line: str) -> None:
    """Say what went wrong in one line."""
    from gocron.listing import printable

    print(f"{program}: {printable(line)}", file=sys.stderr, flush=True)

"""`gocron jobs list`: list jobs."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import may_print_json
from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import complain, say
from gocron.render import terminal
from gocron.render.wording import full_name
from gocron.store import jobs
from gocron.store.schema import opened
from gocron.sweep.bulkhead import Bulkheads


def arguments(parser: ArgumentParser) -> None:
    """Take which jobs, and how they are printed."""
    parser.add_argument("--account", help="only those of this account")
    parser.add_argument(
        "--missing",
        action="store_true",
        help="only those that are missing; with --failing these too",
    )
    parser.add_argument("--failing", action="store_true", help="only those whose last run failed")
    may_print_json(parser)


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """List jobs; complain of those that can't be shown."""
    with opened(config.database_url) as store:
        which = (arguments.account, arguments.missing, arguments.failing)
        found = list(jobs.every_job(store, *which))
        at, bulkheads = store.now(), Bulkheads(store)
    bad = bulkheads.each(
        "showing",
        found,
        lambda some: terminal.can_be_shown(some, at),
        full_name,
        "all others are listed",
    )
    fit = [job for job in found if job not in bad]
    say((terminal.as_json if arguments.json else terminal.table)(fit, at))
    for complaint in bulkheads.complaints:
        complain("gocron jobs list", complaint)
    return bulkheads.status

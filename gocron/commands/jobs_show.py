"""`gocron jobs show`: show one job."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import may_print_json, names_a_job
from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import say
from gocron.render import terminal
from gocron.store import jobs, runs
from gocron.store.schema import opened


def arguments(parser: ArgumentParser) -> None:
    """Take a job, and how it is printed."""
    names_a_job(parser)
    parser.add_argument(
        "--output",
        action="store_true",
        help="what the last run printed, and the last one that failed, as far as they sent it",
    )
    may_print_json(parser)


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print all that is known of a job, or what its runs printed."""
    with opened(config.database_url) as store:
        job, now = jobs.find(store, arguments.account, arguments.cronname), store.now()
        heard = jobs.heard(store, job)
        output = runs.output_of(store, job) if arguments.output else None
    if arguments.json:
        more = terminal.output_record(output) if arguments.output else {}
        say(terminal.as_json([job], now, **more))
    elif arguments.output:
        say(terminal.output_lines(output))
    else:
        say(terminal.details(job, heard, now))
    return ExitStatus.OK

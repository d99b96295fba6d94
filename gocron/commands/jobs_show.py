"""`gocron jobs show`: show one job."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import may_print_json, names_a_job
from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import say
from gocron.render import terminal
from gocron.store import jobs
from gocron.store.schema import opened


def arguments(parser: ArgumentParser) -> None:
    """Take a job, and how it is printed."""
    names_a_job(parser)
    may_print_json(parser)


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print all that is known of a job."""
    with opened(config.database_url) as store:
        job, now = jobs.find(store, arguments.account, arguments.cronname), store.now()
    say(terminal.as_json([job], now) if arguments.json else terminal.details(job, now))
    return ExitStatus.OK

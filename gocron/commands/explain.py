"""`gocron explain`: why a job is told of, or is not."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import names_a_job
from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import say
from gocron.render.terminal import printable
from gocron.store.schema import opened
from gocron.sweep.rehearse import explain


def arguments(parser: ArgumentParser) -> None:
    """Take a job."""
    names_a_job(parser)


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print what bears on a job, and what the next sweep will do."""
    with opened(config.database_url) as store:
        for line in explain(store, config, arguments.account, arguments.cronname, store.now):
            say(printable(line))
    return ExitStatus.OK

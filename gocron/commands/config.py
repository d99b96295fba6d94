"""`gocron config`: print every option as a configuration file."""

from argparse import ArgumentParser, Namespace

from gocron.config import example
from gocron.errors import ExitStatus
from gocron.output import say


def arguments(parser: ArgumentParser) -> None:
    """Do without a configuration."""
    parser.set_defaults(configured=False)


def run(arguments: Namespace) -> ExitStatus:
    """Print the example file."""
    say(example(), end="")
    return ExitStatus.OK

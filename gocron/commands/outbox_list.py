"""`gocron outbox list`: list the news that waits, or was given up."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import may_print_json
from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import say
from gocron.render import terminal
from gocron.store import deliveries
from gocron.store.schema import opened


def arguments(parser: ArgumentParser) -> None:
    """Take how it is printed."""
    may_print_json(parser)


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print it by recipient."""
    with opened(config.database_url) as store:
        now = store.now()
        found = deliveries.waiting_or_given_up(store, now)
    say(terminal.outbox_json(found) if arguments.json else terminal.outbox_table(found, now))
    return ExitStatus.OK

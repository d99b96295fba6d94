"""`gocron-front`: serve check-ins."""

from argparse import ArgumentParser, Namespace

from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.front.rsgi import serve
from gocron.store.schema import open_store


def arguments(parser: ArgumentParser) -> None:
    """Take nothing but what all commands take."""


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Serve until a signal ends it."""
    open_store(config.database_url)
    serve(config, arguments.config)
    return ExitStatus.OK

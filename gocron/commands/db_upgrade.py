"""`gocron db upgrade`: bring the database's tables up to date."""

from argparse import ArgumentParser, Namespace

from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import say
from gocron.store.database import Store
from gocron.store.schema import pending, upgrade


def arguments(parser: ArgumentParser) -> None:
    """Take nothing but what all commands take."""


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Bring the schema up to date; print what was applied."""
    store = Store(config.database_url)
    with store.connected():
        applied = upgrade(store) if pending(store) else []
    say("\n".join(f"applied {name}" for name in applied) or "up to date")
    return ExitStatus.OK

"""`gocron demo`: show it all, until Ctrl-C."""

from argparse import ArgumentParser, Namespace

from gocron.demo import demo
from gocron.errors import ExitStatus


def arguments(parser: ArgumentParser) -> None:
    """Take a port; do without a configuration."""
    parser.add_argument("--port", type=int, default=8080, help="port for check-ins, if it is free")
    parser.set_defaults(configured=False)


def run(arguments: Namespace) -> ExitStatus:
    """Run the demonstration."""
    return demo(arguments.port)

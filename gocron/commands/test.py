"""`gocron test`: send a message on trial, to see whether messages arrive."""

from argparse import ArgumentParser, Namespace

from gocron.config import Config
from gocron.core.channel import SHARED
from gocron.errors import ExitStatus
from gocron.host import clock
from gocron.notify import DeliveryFailed
from gocron.output import complain, say
from gocron.sweep.channels import send_on_trial


def arguments(parser: ArgumentParser) -> None:
    """Take a channel, or the address of one recipient."""
    parser.add_argument(
        "receiver",
        metavar="CHANNEL-OR-ADDRESS",
        help=f"a mail address, or {' or '.join(SHARED)}",
    )


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Send a message on trial, and say who took it."""
    try:
        say(send_on_trial(config, arguments.receiver, int(clock())))
    except DeliveryFailed as error:
        complain("gocron test", f"{error}; see `gocron check`")
        return ExitStatus.UNDELIVERED
    return ExitStatus.OK

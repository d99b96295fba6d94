"""`gocron test-mail`: send a mail to see whether mails arrive."""

from argparse import ArgumentParser, Namespace

from gocron.commands import now
from gocron.config import Config
from gocron.deliver import sender
from gocron.errors import ExitStatus
from gocron.notify import DeliveryFailed
from gocron.notify.mail import MailServer
from gocron.output import complain, say
from gocron.render.mail import trial_mail


def arguments(parser: ArgumentParser) -> None:
    """Take an address."""
    parser.add_argument("address", metavar="ADDRESS")


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Send a mail on trial."""
    message = trial_mail(sender(config), arguments.address, now())
    try:
        with MailServer(config) as server:
            server.send(message, arguments.address)
    except DeliveryFailed as error:
        complain("gocron test-mail", f"{error}; see `gocron check`")
        return ExitStatus.UNDELIVERED
    say(f"{config.smtpserver} took a mail for {arguments.address}")
    return ExitStatus.OK

"""`gocron outbox retry`: have the next sweep try news that waits, or was given up."""

from argparse import ArgumentParser, Namespace

from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import complain, say
from gocron.store import deliveries
from gocron.store.schema import opened


def arguments(parser: ArgumentParser) -> None:
    """Take whose news."""
    parser.add_argument("address", metavar="ADDRESS", help="of the recipient, or all")


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Have the news of an address, or all news, tried by the next sweep."""
    address = arguments.address
    recipient = None if address == "all" else address
    with opened(config.database_url) as store:
        now = store.now()
        over = deliveries.count_over(store, recipient, now)
        count = deliveries.retry(store, recipient, now)
    if not count and not over and recipient is not None:
        said = "no news waits for it, nor was given up; see `gocron outbox list`"
        complain("gocron outbox retry", f"{address}: {said}")
        return ExitStatus.USAGE
    if count or not over:
        say(f"{count} news due now; the next sweep tries them")
    if over:
        say(f"{over} news left given up: the silence is over, and its job is back")
    return ExitStatus.OK

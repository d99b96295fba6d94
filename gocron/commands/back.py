"""`gocron-back`: sweep again and again, for hosts without cron."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser, Namespace
from types import FrameType

from gocron.commands.summary import tell_summary
from gocron.commands.sweep import sweep_once
from gocron.config import Config
from gocron.errors import ExitStatus, GocronError
from gocron.output import complain

log = logging.getLogger("gocron")


def arguments(parser: ArgumentParser) -> None:
    """Take the summary, as crontabs of the original ask for it."""
    parser.add_argument("--summary", action="store_true", help="print the summary and stop")
    parser.add_argument("--verbose", action="store_true", help="with --summary: to Slack too")


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Sweep every interval until a signal ends it."""
    if arguments.summary:
        return tell_summary(config, arguments.verbose)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping.is_set():
        began = time.monotonic()
        try:
            sweep_once("gocron-back", config)
        except GocronError as error:
            complain("gocron-back", str(error))
        except Exception as error:
            # Nobody starts it again where it isn't a service.
            log.exception("bug: %r (please report)", error)
        stopping.wait(max(config.interval - (time.monotonic() - began), 0.1))
    return ExitStatus.OK

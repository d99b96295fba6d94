"""The commands: thin. Errors become one line and an exit status."""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from gocron import __version__
from gocron.config import Config, load_config
from gocron.errors import ExitStatus, GocronError

if TYPE_CHECKING:
    from gocron.store.database import Store

Arguments = argparse.Namespace
Command = Callable[[Arguments, Config], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gocron`."""
    parser = _parser("gocron", "A dead man's switch for cron jobs.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _jobs_commands(commands)
    _add(commands, "check", "Tell whether everything is in place.", _check)
    test_mail = _add(commands, "test-mail", "Send a mail to see whether mails arrive.", _test_mail)
    test_mail.add_argument("address", metavar="ADDRESS")
    db = commands.add_parser("db", help="Look after the database.", description="Database.")
    db_commands = db.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(db_commands, "upgrade", "Bring the database's tables up to date.", _db_upgrade)
    _add(commands, "config", "Print a configuration file with every option.", _config)
    demo = _add(commands, "demo", "Show it all on this machine, until Ctrl-C.", _demo)
    demo.add_argument("--port", type=int, default=8080, help="port for check-ins, if it is free")
    return _run(parser, argv)


def front(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-front`."""
    parser = _parser("gocron-front", "Take check-ins over HTTP and keep them.")
    parser.set_defaults(command=_front)
    return _run(parser, argv)


def sweep(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-sweep`."""
    parser = _parser("gocron-sweep", "Mail about jobs that went silent, and write the page.")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done")
    parser.set_defaults(command=_sweep)
    return _run(parser, argv)


def back(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-back`."""
    parser = _parser("gocron-back", "Sweep again and again, for hosts without cron.")
    parser.add_argument("--summary", action="store_true", help="print the summary and stop")
    parser.add_argument("--verbose", action="store_true", help="with --summary: to Slack too")
    parser.set_defaults(command=_back)
    return _run(parser, argv)


def summary(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-summary`."""
    parser = _parser("gocron-summary", "Print what is missing, and post it to Slack.")
    parser.add_argument(
        "--slack", "--verbose", dest="slack", action="store_true", help="post it to Slack too"
    )
    parser.set_defaults(command=_summary)
    return _run(parser, argv)


def _parser(program: str, purpose: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=purpose)
    parser.add_argument("--version", action="version", version=f"{program} {__version__}")
    _common(parser)
    return parser


def _common(parser: argparse.ArgumentParser, suppress: bool = False) -> None:
    default = argparse.SUPPRESS if suppress else None
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default,
        help="configuration file (default: $GOCRON_CONFIG, then /etc/gocron/config.yml)",
    )
    parser.add_argument(
        "-v",
        dest="talk",
        action="store_true",
        default=argparse.SUPPRESS if suppress else False,
        help="tell what is done",
    )


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    purpose: str,
    command: Command,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=purpose, description=purpose)
    _common(parser, suppress=True)
    parser.set_defaults(command=command)
    return parser


def _jobs_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    jobs = commands.add_parser("jobs", help="List, show, add and forget jobs.", description="Jobs.")
    subcommands = jobs.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _add(subcommands, "list", "List jobs.", _jobs_list)
    listed.add_argument("--account", help="only those of this account")
    listed.add_argument("--missing", action="store_true", help="only those that are missing")
    shown = _add(subcommands, "show", "Show all that is known of a job.", _jobs_show)
    added = _add(subcommands, "add", "Declare a job before its first check-in.", _jobs_add)
    for name in ("email", "frequency"):
        added.add_argument(f"--{name}", help="as in a check-in; needed for a new job")
    added.add_argument("--grace", help="as in a check-in")
    added.add_argument("--site", help="as in a check-in")
    forgotten = _add(subcommands, "forget", "Remove a job and its history.", _jobs_forget)
    for parser in (shown, added, forgotten):
        parser.add_argument("account", metavar="ACCOUNT")
        parser.add_argument("cronname", metavar="CRONNAME")
    for parser in (listed, shown):
        parser.add_argument("--json", action="store_true", help="print JSON")


def _run(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    arguments = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if arguments.talk else logging.WARNING,
        format=f"{parser.prog}: %(message)s",
        stream=sys.stderr,
    )
    try:
        status: int = arguments.command(arguments, load_config(arguments.config))
        return status
    except GocronError as error:
        _complain(parser.prog, str(error))
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return ExitStatus.OK


@contextmanager
def _opened(config: Config) -> Iterator["Store"]:
    """Hold the store, its schema up to date and a connection open, for the length of the block."""
    with _opened(config) as store:
        yield store


def _complain(program: str, line: str) -> None:
    print(f"{program}: {line}", file=sys.stderr, flush=True)


def _now() -> int:
    return int(time.time())


def _front(arguments: Arguments, config: Config) -> int:
    from gocron.serve import serve
    from gocron.store.schema import open_store

    open_store(config.database_url)
    serve(config, arguments.config)
    return ExitStatus.OK


def _sweep(arguments: Arguments, config: Config) -> int:
    from gocron.sweep import rehearse

    if not arguments.dry_run:
        return _sweep_once("gocron-sweep", config)
    with _opened(config) as store:
        for line in rehearse(store, _now()):
            print(line)
    return ExitStatus.OK


def _sweep_once(program: str, config: Config) -> int:
    """Sweep; complain of what could not be told, in one line."""
    from gocron.store import outbox
    from gocron.sweep import sweep

    with _opened(config) as store:
        failures = sweep(store, config, _now).delivered.failures
        waiting = outbox.count_tried(store)
    if not failures and not waiting:
        return ExitStatus.OK
    reasons = "; ".join(failures) if len(failures) < 3 else f"{failures[0]}; and more"
    _complain(program, f"{waiting} news undelivered: {reasons or 'next try later'}")
    return ExitStatus.UNDELIVERED


def _back(arguments: Arguments, config: Config) -> int:
    if arguments.summary:
        return _tell_summary(config, arguments.verbose)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping.is_set():
        began = time.monotonic()
        try:
            _sweep_once("gocron-back", config)
        except GocronError as error:
            _complain("gocron-back", str(error))
        stopping.wait(max(config.interval - (time.monotonic() - began), 0.1))
    return ExitStatus.OK


def _summary(arguments: Arguments, config: Config) -> int:
    return _tell_summary(config, arguments.slack)


def _tell_summary(config: Config, to_slack: bool) -> int:
    from gocron.errors import ConfigError
    from gocron.notify import DeliveryFailed
    from gocron.render.summary import summary_text
    from gocron.render.templates import Templates
    from gocron.summary import post_summary, report

    if to_slack and not config.slack_hook_url:
        raise ConfigError("slack_hook_url", "not set", "set it, or leave --slack out")
    with _opened(config) as store:
        told = report(store, _now())
    print(summary_text(Templates(config.reports_dir), told))
    if to_slack:
        try:
            post_summary(config, told)
        except DeliveryFailed as error:
            _complain("gocron-summary", f"not posted: {error}; try again later")
            return ExitStatus.UNDELIVERED
    return ExitStatus.OK


def _jobs_list(arguments: Arguments, config: Config) -> int:
    from gocron import listing
    from gocron.store import jobs

    with _opened(config) as store:
        found = list(jobs.every_job(store, arguments.account, arguments.missing))
    print((listing.as_json if arguments.json else listing.table)(found, _now()))
    return ExitStatus.OK


def _jobs_show(arguments: Arguments, config: Config) -> int:
    from gocron import listing
    from gocron.store import jobs

    with _opened(config) as store:
        job = jobs.find(store, arguments.account, arguments.cronname)
    print(listing.as_json([job], _now()) if arguments.json else listing.details(job, _now()))
    return ExitStatus.OK


def _jobs_add(arguments: Arguments, config: Config) -> int:
    from gocron.core.checkin import Refused, first_time_needs, read_checkin
    from gocron.store import jobs

    told = {name: getattr(arguments, name) for name in ("account", "cronname")}
    told |= {
        name: value
        for name in ("email", "frequency", "grace", "site")
        if (value := getattr(arguments, name)) is not None
    }
    try:
        declared = read_checkin(told.items(), address="", seen_at=_now())
        with _opened(config) as store:
            if (needs := first_time_needs(declared)) and not jobs.is_known(store, declared.key):
                raise needs
            print(jobs.declare(store, declared))
    except Refused as refused:
        _complain("gocron jobs add", str(refused))
        return ExitStatus.USAGE
    return ExitStatus.OK


def _jobs_forget(arguments: Arguments, config: Config) -> int:
    from gocron.store import jobs

    with _opened(config) as store:
        jobs.forget(store, arguments.account, arguments.cronname)
    return ExitStatus.OK


def _check(arguments: Arguments, config: Config) -> int:
    from gocron.check import findings

    print("ok    configuration")
    good = True
    for finding in findings(config, _now()):
        print(f"{'ok  ' if finding.good else 'FAIL'}  {finding.subject}: {finding.said}")
        good &= finding.good
    return ExitStatus.OK if good else ExitStatus.CHECK_FAILED


def _test_mail(arguments: Arguments, config: Config) -> int:
    from gocron.deliver import sender
    from gocron.notify import DeliveryFailed
    from gocron.notify.mail import MailServer
    from gocron.render.mail import trial_mail

    message = trial_mail(sender(config), arguments.address, _now())
    try:
        with MailServer(config) as server:
            server.send(message, arguments.address)
    except DeliveryFailed as error:
        _complain("gocron test-mail", f"{error}; see `gocron check`")
        return ExitStatus.UNDELIVERED
    print(f"{config.smtpserver} took a mail for {arguments.address}")
    return ExitStatus.OK


def _db_upgrade(arguments: Arguments, config: Config) -> int:
    from gocron.store.database import Store
    from gocron.store.schema import pending, upgrade

    store = Store(config.database_url)
    with store.connected():
        applied = upgrade(store) if pending(store) else []
    print("\n".join(f"applied {name}" for name in applied) or "up to date")
    return ExitStatus.OK


def _config(arguments: Arguments, config: Config) -> int:
    from gocron.config import example

    print(example(), end="")
    return ExitStatus.OK


def _demo(arguments: Arguments, config: Config) -> int:
    from gocron.demo import demo

    return demo(arguments.port)

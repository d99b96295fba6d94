"""The commands: thin. Errors become one line and an exit status."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import datetime, timezone
from io import StringIO
from pathlib import Path

from gocron import __version__, commands, output
from gocron.config import Config, config_file, load_config
from gocron.core.duration import parse_duration
from gocron.core.name import normal
from gocron.errors import ExitStatus, GocronError
from gocron.ownership import become_author, become_owner
from gocron.render.moment import say_time


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gocron`."""
    parser = _parser("gocron", "A dead man's switch for cron jobs.")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _jobs_commands(subcommands)
    _outbox_commands(subcommands)
    _add(subcommands, "check", "Tell whether everything is in place.", commands.check)
    explained = _add(
        subcommands, "explain", "Tell why a job is told of, or is not.", commands.explain
    )
    _names_a_job(explained)
    test_mail = _add(
        subcommands, "test-mail", "Send a mail to see whether mails arrive.", commands.test_mail
    )
    test_mail.add_argument("address", metavar="ADDRESS")
    db = subcommands.add_parser("db", help="Look after the database.", description="Database.")
    db_commands = db.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(db_commands, "upgrade", "Bring the database's tables up to date.", commands.db_upgrade)
    _add(
        subcommands,
        "config",
        "Print every option as a configuration file.",
        commands.print_config,
        configured=False,
    )
    demo = _add(subcommands, "demo", "Show it all, until Ctrl-C.", commands.demo, configured=False)
    demo.add_argument("--port", type=int, default=8080, help="port for check-ins, if it is free")
    return _run(parser, argv)


def front(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-front`."""
    parser = _parser("gocron-front", "Take check-ins over HTTP and keep them.")
    parser.set_defaults(command=commands.front)
    return _run(parser, argv)


def sweep(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-sweep`."""
    parser = _parser("gocron-sweep", "Mail about jobs that went silent, and write the page.")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done")
    parser.add_argument(
        "--at",
        type=_moment,
        metavar="TIME",
        help="with --dry-run: at that time, if nothing else came in; 2026-11-25T03:00, +2h",
    )
    parser.set_defaults(command=commands.sweep)
    return _run(parser, argv)


def _moment(text: str) -> int:
    """Return the moment that `text` means: ISO 8601, UTC unless it says otherwise, or +2h."""
    try:
        moment = int(time.time()) + parse_duration(text[1:]) if text[:1] == "+" else _iso(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-25T03:00") from None
    if moment < time.time() - 60:
        raise argparse.ArgumentTypeError(f"{text} is over: it is {say_time(int(time.time()))} now")
    return moment


def _past(text: str) -> int:
    """Return the moment that `text` means: 30d, which is so long ago, or ISO 8601 as above."""
    try:
        moment = int(time.time()) - _length(text)
    except ValueError:
        try:
            moment = _iso(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is neither a length such as 30d nor a time such as 2026-11-25"
            ) from None
    if moment >= int(time.time()):
        raise argparse.ArgumentTypeError(f"{text} is not over yet: each job would be forgotten")
    return moment


def _length(text: str) -> int:
    """Return the seconds that a length with a unit means. Raises ValueError."""
    if not text[-1:].isalpha():
        # A plain number would be seconds to one, and a date to another.
        raise ValueError
    return parse_duration(text)


def _iso(text: str) -> int:
    """Return the moment that ISO 8601 means, in UTC unless it says otherwise. Raises ValueError."""
    if text.isdecimal():
        raise ValueError
    at = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    return int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())


def back(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-back`."""
    parser = _parser("gocron-back", "Sweep again and again, for hosts without cron.")
    parser.add_argument("--summary", action="store_true", help="print the summary and stop")
    parser.add_argument("--verbose", action="store_true", help="with --summary: to Slack too")
    parser.set_defaults(command=commands.back)
    return _run(parser, argv)


def summary(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-summary`."""
    parser = _parser("gocron-summary", "Print the report of the last seven days.")
    parser.add_argument(
        "--slack", "--verbose", dest="slack", action="store_true", help="post it to Slack too"
    )
    parser.set_defaults(command=commands.summary)
    return _run(parser, argv)


def _parser(program: str, purpose: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=purpose)
    parser.add_argument("--version", action="version", version=f"{program} {__version__}")
    parser.set_defaults(configured=True)
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
    parent: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    purpose: str,
    command: Callable[..., int],
    configured: bool = True,
) -> argparse.ArgumentParser:
    parser = parent.add_parser(name, help=purpose, description=purpose)
    _common(parser, suppress=True)
    parser.set_defaults(command=command, configured=configured)
    return parser


def _jobs_commands(parent: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    jobs = parent.add_parser("jobs", help="List, show, add and forget jobs.", description="Jobs.")
    subcommands = jobs.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _add(subcommands, "list", "List jobs.", commands.jobs_list)
    listed.add_argument("--account", type=normal, help="only those of this account")
    listed.add_argument("--missing", action="store_true", help="only those that are missing")
    shown = _add(subcommands, "show", "Show all that is known of a job.", commands.jobs_show)
    added = _add(subcommands, "add", "Declare a job before its first check-in.", commands.jobs_add)
    for name in ("email", "frequency"):
        added.add_argument(f"--{name}", help="as in a check-in; needed for a new job")
    added.add_argument("--grace", help="as in a check-in")
    added.add_argument("--site", help="as in a check-in")
    added.add_argument("--gateway", help="as in a check-in")
    forgotten = _add(
        subcommands,
        "forget",
        "Remove a job, or the jobs of an account, with their history.",
        commands.jobs_forget,
    )
    forgotten.add_argument(
        "--account",
        dest="whole_account",
        type=normal,
        metavar="ACCOUNT",
        help="in place of one job: all jobs of this account, and print how many they were",
    )
    forgotten.add_argument(
        "--never-heard-since",
        type=_past,
        metavar="TIME",
        help="with --account: only those without a check-in since then; 90d, 2026-11-25",
    )
    _names_a_job(forgotten, nargs="?")
    for parser in (shown, added):
        _names_a_job(parser)
    for parser in (listed, shown):
        parser.add_argument("--json", action="store_true", help="print JSON")


def _names_a_job(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Have a job named as it is stored, however the terminal spells it."""
    for name in ("account", "cronname"):
        parser.add_argument(name, metavar=name.upper(), type=normal, nargs=nargs)


def _outbox_commands(parent: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    outbox = parent.add_parser(
        "outbox", help="List and retry news that waits or was given up.", description="The outbox."
    )
    subcommands = outbox.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _add(
        subcommands, "list", "List news that waits or was given up.", commands.outbox_list
    )
    listed.add_argument("--json", action="store_true", help="print JSON")
    retried = _add(
        subcommands,
        "retry",
        "Have the next sweep try news that waits or was given up.",
        commands.outbox_retry,
    )
    retried.add_argument("address", metavar="ADDRESS", help="of the recipient, or all")


def _run(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    output.prepare()
    try:
        arguments = _arguments(parser, argv)
        logging.basicConfig(
            level=logging.INFO if arguments.talk else logging.WARNING,
            format=f"{parser.prog}: %(message)s",
            stream=sys.stderr,
        )
        if broken := [name for name, value in vars(arguments).items() if not _is_text(value)]:
            output.complain(parser.prog, f"{broken[0]}: is no UTF-8; write it in UTF-8")
            return ExitStatus.USAGE
        config = [_configured(arguments.config)] if arguments.configured else []
        status: int = arguments.command(arguments, *config)
        output.flush()
        return status
    except GocronError as error:
        output.complain(parser.prog, str(error))
        return error.status
    except KeyboardInterrupt:
        return 130
    finally:
        output.finish()


def _arguments(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments. Raises SystemExit, and OutputError where help can't be written."""
    # argparse keeps to itself that what it printed is lost.
    said = StringIO()
    try:
        with redirect_stdout(said):
            return parser.parse_args(argv)
    except SystemExit:
        output.say(said.getvalue(), end="")
        output.flush()
        raise
    except OSError:
        # What is wrong with them can't be written either.
        raise SystemExit(ExitStatus.USAGE) from None


def _configured(file: Path | None) -> Config:
    """Return the configuration; from here on root is the user to whom the data belongs."""
    become_author(config_file(file, os.environ))
    config = load_config(file)
    become_owner(config)
    return config


def _is_text(value: object) -> bool:
    """Tell whether `value` is anything but a text with bytes that are no UTF-8."""
    return not isinstance(value, str) or not any("\ud800" <= char <= "\udfff" for char in value)

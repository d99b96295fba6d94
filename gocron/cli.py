"""The programs and their commands. Errors become one line and an exit status."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from gocron import __version__, output
from gocron.config import Config, config_file, load_config
from gocron.errors import ExitStatus, GocronError
from gocron.ownership import become_author, become_owner

# Each program, and what it is for. But for `gocron`, it is one command.
PROGRAMS = {
    "gocron": "A dead man's switch for cron jobs.",
    "gocron-front": "Take check-ins over HTTP and keep them.",
    "gocron-sweep": "Mail about jobs that went silent, and write the page.",
    "gocron-back": "Sweep again and again, for hosts without cron.",
    "gocron-summary": "Print the report of the last seven days.",
}

# Each command of `gocron`, or group of such, and what it is for. A command's module in
# gocron.commands has its name, with _ for what joins the words.
GROUPS = {
    "jobs": "List, show, add and forget jobs.",
    "outbox": "List and retry news that waits or was given up.",
    "db": "Look after the database.",
}
COMMANDS = {
    "jobs list": "List jobs.",
    "jobs show": "Show all that is known of a job.",
    "jobs add": "Declare a job before its first check-in.",
    "jobs forget": "Remove a job, or the jobs of an account, with their history.",
    "outbox list": "List news that waits or was given up.",
    "outbox retry": "Have the next sweep try news that waits or was given up.",
    "check": "Tell whether everything is in place.",
    "explain": "Tell why a job is told of, or is not.",
    "test": "Send a message on trial, to see whether messages arrive.",
    "db upgrade": "Bring the database's tables up to date.",
    "config": "Print every option as a configuration file.",
    "config get": "Print what options are set to.",
    "demo": "Show it all, until Ctrl-C.",
}
# Names by which a command went before.
ALIASES = {"test": ["test-mail"]}


class Parser(argparse.ArgumentParser):
    """The parser of a program, a group or a command, whose module is imported once it is chosen."""

    def __init__(self, *, command: str = "", **more: Any) -> None:
        super().__init__(**more)
        self._command = command
        self._below: argparse._SubParsersAction[Parser] | None = None

    def add(self, name: str, purpose: str, command: str = "") -> "Parser":
        """Return the parser of `name` below this one: a group, or else a command."""
        if self._below is None:
            self._below = self.add_subparsers(
                title="commands", metavar="COMMAND", required=not self._command
            )
        parser = self._below.add_parser(
            name, help=purpose, description=purpose, command=command, aliases=ALIASES.get(name, ())
        )
        _common(parser, suppress=True)
        return parser

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; ask the command's module first what it takes."""
        self._fill()
        return super().parse_known_args(args, namespace)

    def whole(self) -> "Parser":
        """Return this parser once it, and all below it, know what their commands take."""
        self._fill()
        for parser in self._below.choices.values() if self._below else ():
            parser.whole()
        return self

    def _fill(self) -> None:
        if self._command:
            command = import_module(f"gocron.commands.{self._command}")
            self._command = ""
            self.set_defaults(run=command.run, configured=True)
            command.arguments(self)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gocron`."""
    return _run("gocron", argv)


def front(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-front`."""
    return _run("gocron-front", argv)


def sweep(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-sweep`."""
    return _run("gocron-sweep", argv)


def back(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-back`."""
    return _run("gocron-back", argv)


def summary(argv: Sequence[str] | None = None) -> int:
    """Run `gocron-summary`."""
    return _run("gocron-summary", argv)


def parser_of(program: str) -> Parser:
    """Return the parser of one of `PROGRAMS`."""
    command = program.removeprefix("gocron").removeprefix("-")
    parser = Parser(prog=program, description=PROGRAMS[program], command=command)
    parser.add_argument("--version", action="version", version=f"{program} {__version__}")
    _common(parser)
    if command:
        return parser
    made = {"": parser}
    for words, purpose in COMMANDS.items():
        group, _, name = words.rpartition(" ")
        if group not in made:
            made[group] = parser.add(group, GROUPS[group])
        module = words.replace(" ", "_").replace("-", "_")
        made[words] = made[group].add(name, purpose, module)
    return parser


def _common(parser: argparse.ArgumentParser, suppress: bool = False) -> None:
    """Take what all commands take; with `suppress`, only where it is given."""
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


def _run(program: str, argv: Sequence[str] | None) -> int:
    output.prepare()
    try:
        arguments = _arguments(parser_of(program), argv)
        logging.basicConfig(
            level=logging.INFO if arguments.talk else logging.WARNING,
            format=f"{program}: %(message)s",
            stream=sys.stderr,
        )
        if broken := [name for name, value in vars(arguments).items() if not _is_text(value)]:
            output.complain(program, f"{broken[0]}: is no UTF-8; write it in UTF-8")
            return ExitStatus.USAGE
        config = [_configured(arguments.config)] if arguments.configured else []
        status: int = arguments.run(arguments, *config)
        output.flush()
        return status
    except GocronError as error:
        output.complain(program, str(error))
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

"""`gocron config`: print every option as a configuration file."""

import json
import textwrap
from argparse import ArgumentParser, Namespace

from gocron.config import OPTIONS
from gocron.errors import ExitStatus
from gocron.output import say


def arguments(parser: ArgumentParser) -> None:
    """Do without a configuration."""
    parser.set_defaults(configured=False)


def run(arguments: Namespace) -> ExitStatus:
    """Print the example file."""
    say(example(), end="")
    return ExitStatus.OK


def example() -> str:
    """Return a configuration file that names every option with its default and its meaning."""
    lines = ["# /etc/gocron/config.yml: every option with its default."]
    lines.append("# A variable GC_ + NAME in the environment wins over this file.")
    for option in OPTIONS:
        lines += ["", *(f"# {line}" for line in textwrap.wrap(option.help, 90))]
        if option.secret:
            lines.append("# A secret: it may stand in a file of its own, as file:/path.")
        lines.append(f"#{option.name}: {json.dumps(option.default)}")
    return "\n".join(lines) + "\n"

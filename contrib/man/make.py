"""Write the man pages and the completion for bash: `.venv/bin/python contrib/man/make.py`.

Commands, arguments and options are read off the parsers and the table of options.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from gocron.cli import parser_of
from gocron.config import OPTIONS
from gocron.errors import ExitStatus

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("gocron.1", "gocron-front.8", "gocron-back.8", "gocron-sweep.8", "gocron-summary.1")
CONFIG_PAGE = "gocron-config.5"

STATUSES = {
    ExitStatus.OK: "Done.",
    ExitStatus.BUG: "A failure that nobody expected: report it. A sweep has put off what failed, "
    "and done all else.",
    ExitStatus.USAGE: "The command line can't be understood, or names a job or an option that "
    "isn't known, or a job that the database can't hold.",
    ExitStatus.CONFIG: "The configuration can't be used, the port is taken, or the page can't be "
    "written.",
    ExitStatus.STORE: "The database can't be reached, or refused.",
    ExitStatus.UNDELIVERED: "Some news could not be delivered, or waits for longer than an "
    "interval; it is kept for the next sweep, unless the line says that it was told without a "
    "name. Or it was given up within a day, and is unresolved: see `gocron outbox list`.",
    ExitStatus.CHECK_FAILED: "`gocron check` found something; or a sweep could not check in "
    "through the front door, read the journal, keep a line of it or find room for it, or reach "
    "the watchdog.",
    ExitStatus.OUTPUT: "Standard output can't be written. What the command was to do besides is "
    "done.",
}

MORE = {
    "gocron.1": "Run by root it becomes the user to whom the data belongs, before it opens any of "
    "it, as all programs of gocron do.",
    "gocron-front.8": "Runs until a signal ends it, usually as gocron-front.service. It makes and "
    "upgrades the database's tables when it starts. Any number of fronts may share one Postgres.",
    "gocron-back.8": "Does what `gocron-sweep` does, each `interval` seconds, until a signal ends "
    "it. On a host with cron or systemd's timers, use `gocron-sweep` instead.",
    "gocron-sweep.8": "Started each minute by /etc/cron.d/gocron or by gocron-sweep.timer, never "
    "by both. It prints nothing while all is well. Any number may run at the same time.",
    "gocron-summary.1": "Started once a week by /etc/cron.d/gocron or by gocron-summary.timer.",
}


def generated() -> dict[Path, str]:
    """Return the content of each file that is made here."""
    parsers = {name: parser_of(name.partition(".")[0]).whole() for name in PAGES}
    pages = {name: page(name, parser) for name, parser in parsers.items()}
    pages[CONFIG_PAGE] = config_page()
    files = {ROOT / "contrib/man" / name: text for name, text in pages.items()}
    files[ROOT / "contrib/completion/gocron"] = completion(list(parsers.values()))
    return files


def page(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the page of one command."""
    lines = [*_head(name, parser.prog, parser.description or ""), ".SH SYNOPSIS"]
    for command in _leaves(parser):
        lines += [".PP", _synopsis(command)]
    lines += [".SH DESCRIPTION", _text(parser.description or "")]
    if name in MORE:
        lines += [".PP", _text(MORE[name])]
    own = [command for command in _leaves(parser) if command is not parser]
    if own:
        lines += [".SH COMMANDS"]
    for command in own:
        lines += [".SS " + _escape(command.prog), _text(command.description or "")]
        lines += _options(_particular(command))
    lines += [".SH OPTIONS", *_options(_actions(parser))]
    lines += [".SH EXIT STATUS"]
    for status, meaning in STATUSES.items():
        lines += [".TP", str(int(status)), _text(meaning)]
    lines += [
        ".SH ENVIRONMENT",
        ".TP",
        ".B GOCRON_CONFIG",
        "The configuration file.",
        ".TP",
        ".BI GC_ OPTION",
        _text("Any option of gocron-config(5); it wins over the file."),
        ".SH FILES",
        ".TP",
        ".I /etc/gocron/config.yml",
        _text("The configuration; see gocron-config(5)."),
    ]
    if name in ("gocron-sweep.8", "gocron-back.8"):
        lines += [
            ".TP",
            ".I /var/log/gocron/journal.log",
            _text("What nginx kept while no front answered; /etc/logrotate.d/gocron rotates it."),
        ]
    return _finished(name, lines)


def config_page() -> str:
    """Return the page of the configuration file."""
    lines = [
        *_head(CONFIG_PAGE, "gocron-config", "the configuration of gocron"),
        ".SH SYNOPSIS",
        ".I /etc/gocron/config.yml",
        ".SH DESCRIPTION",
        _text(
            "YAML, one `option: value` a line. Case and underscores of an option don't matter. A "
            "variable GC_ + option in the environment wins over the file. `gocron config` prints "
            "a file with every option and its default; `gocron check` tells whether yours works."
        ),
        ".PP",
        _text("A secret may stand in a file of its own, as `file:/path`."),
        ".SH OPTIONS",
    ]
    for option in OPTIONS:
        default = f"Default: `{option.default}`." if option.default else "Default: empty."
        secret = " A secret." if option.secret else ""
        lines += [".TP", f".B {_escape(option.name)}", _text(f"{option.help}{secret}"), ".br"]
        lines += [_text(default)]
    return _finished(CONFIG_PAGE, lines)


def completion(parsers: list[argparse.ArgumentParser]) -> str:
    """Return what bash needs to complete the commands."""
    cases = []
    for parser in [command for top in parsers for command in _every(top)]:
        words = [*_subcommands(parser), *_flags(parser)]
        cases.append(f'    "{parser.prog}") words="{" ".join(words)}" ;;')
    names = " ".join(parser.prog for parser in parsers)
    return f"""\
# Completion for bash. Made by contrib/man/make.py.
# shellcheck shell=bash
_gocron() {{
    local word command=${{1##*/}} words="" known=" {" ".join(_paths(parsers))} "
    if [[ ${{COMP_WORDS[COMP_CWORD - 1]}} == --config ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        return
    fi
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $known in
        *" ${{command// /_}}_$word "*) command="$command $word" ;;
        esac
    done
    case $command in
{chr(10).join(cases)}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}}
complete -F _gocron {names}
"""


def _paths(parsers: list[argparse.ArgumentParser]) -> list[str]:
    every = [command.prog for parser in parsers for command in _every(parser)]
    return [prog.replace(" ", "_") for prog in every if " " in prog]


def _every(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those below it."""
    yield parser
    # A command that has another name, too, is one.
    for command in dict.fromkeys(_subcommands(parser).values()):
        yield from _every(command)


def _leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return what can be run, of a parser and those below it; groups can't."""
    return [command for command in _every(parser) if command.get_default("run")]


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [
        action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)
    ]


def _particular(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return what only this command of `gocron` takes."""
    common = ("--help", "--config", "-v")
    return [action for action in _actions(parser) if not set(common) & set(action.option_strings)]


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in _actions(parser) for flag in action.option_strings]


def _synopsis(parser: argparse.ArgumentParser) -> str:
    """Return the line that shows how to call a command, in roff."""
    words = [f"\\fB{_escape(parser.prog)}\\fR"]
    for action in _particular(parser):
        if "--version" in action.option_strings:
            continue
        word = _named(action)
        words.append(f"[{word}]" if action.option_strings and not action.required else word)
    return " ".join(words)


def _named(action: argparse.Action) -> str:
    value = action.metavar or action.dest.upper()
    if not action.option_strings:
        return f"\\fI{_escape(str(value))}\\fR"
    flags = ", ".join(f"\\fB{_escape(flag)}\\fR" for flag in action.option_strings)
    return flags if action.nargs == 0 else f"{flags} \\fI{_escape(str(value))}\\fR"


def _options(actions: list[argparse.Action]) -> list[str]:
    lines = []
    for action in actions:
        if action.help or action.option_strings:
            lines += [".TP", _named(action), _text(_sentence(action.help or ""))]
    return lines


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") or not text else ".")


def _head(name: str, title: str, purpose: str) -> list[str]:
    section = name.rpartition(".")[2]
    first = purpose[:1].lower() + purpose[1:].rstrip(".")
    return [
        '.\\" Made by contrib/man/make.py.',
        f'.TH {title.upper()} {section} "" gocron',
        ".SH NAME",
        f"{_escape(title)} \\- {_escape(first)}",
    ]


def _finished(name: str, lines: list[str]) -> str:
    others = [other for other in sorted([*PAGES, CONFIG_PAGE]) if other != name]
    see = ", ".join("{0}({2})".format(*other.rpartition(".")) for other in others)
    return "\n".join([*lines, ".SH SEE ALSO", _escape(see)]) + "\n"


def _text(text: str) -> str:
    """Return a paragraph in roff; what stands in backticks is bold."""
    bold = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", _escape(text))
    return f"\\&{bold}" if bold.startswith((".", "'")) else bold


def _escape(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def main() -> None:
    """Write all files."""
    for path, content in generated().items():
        path.write_text(content, "utf-8")


if __name__ == "__main__":
    main()

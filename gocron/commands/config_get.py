"""`gocron config get`: print what options are set to."""

from argparse import ArgumentParser, Namespace

from gocron.config import Config, find_option, say_unknown
from gocron.errors import ExitStatus
from gocron.output import complain, say
from gocron.yaml_text import as_text


def arguments(parser: ArgumentParser) -> None:
    """Take the names of options."""
    parser.add_argument("names", metavar="NAME", nargs="+", help="of an option that is no secret")


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Print the value of each option, a line each, as gocron goes by it; or refuse them all."""
    options = [find_option(name) for name in arguments.names]
    for name, option in zip(arguments.names, options, strict=True):
        if option is None:
            complain("gocron config get", f"{say_unknown(name)}; see `gocron config`")
            return ExitStatus.USAGE
        if option.secret:
            complain("gocron config get", f"{option.name}: is a secret; look into the file")
            return ExitStatus.USAGE
    say("\n".join(as_text(getattr(config, option.name)) for option in options if option))
    return ExitStatus.OK

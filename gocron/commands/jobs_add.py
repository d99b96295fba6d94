"""`gocron jobs add`: declare a job before its first check-in, or change one."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from gocron.commands.arguments import names_a_job
from gocron.config import Config
from gocron.core import odd
from gocron.core.checkin import Refused, first_time_needs, read_checkin
from gocron.errors import ExitStatus
from gocron.output import complain, say
from gocron.store import declarations, jobs
from gocron.store.schema import opened

FIELDS = ("email", "frequency", "schedule", "tz", "early", "grace", "site", "gateway")


def arguments(parser: ArgumentParser) -> None:
    """Take a job, and the fields of a check-in."""
    for name in FIELDS:
        needed = "; needed for a new job" if name in ("email", "frequency") else ""
        parser.add_argument(f"--{name}", help=f"as in a check-in{needed}")
    names_a_job(parser)


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Declare a job; print whether that added, changed or left it, and what is odd about it."""
    fields = [
        (name, value)
        for name in ("account", "cronname", *FIELDS)
        if (value := getattr(arguments, name)) is not None
    ]
    try:
        declared = read_checkin(fields, address="")
        with opened(config.database_url) as store:
            if (needs := first_time_needs(declared)) and not jobs.is_known(store, declared.key):
                raise needs
            say(declarations.declare(store, replace(declared, seen_at=store.now())))
        lengths = declared.frequency_s, declared.grace_s
        for note in odd.declared(*lengths, declared.site, config.interval, declared.schedule):
            complain("gocron jobs add", note)
    except Refused as refused:
        complain("gocron jobs add", str(refused))
        return ExitStatus.USAGE
    return ExitStatus.OK

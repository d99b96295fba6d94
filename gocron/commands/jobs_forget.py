"""`gocron jobs forget`: remove a job, or the jobs of an account, with their history."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import moment_past, names_a_job
from gocron.config import Config
from gocron.errors import ExitStatus
from gocron.output import complain, say
from gocron.render.wording import count
from gocron.store import job_row
from gocron.store.schema import opened


def arguments(parser: ArgumentParser) -> None:
    """Take a job, or an account."""
    parser.add_argument(
        "--account",
        dest="whole_account",
        metavar="ACCOUNT",
        help="in place of one job: all jobs of this account, and print how many they were",
    )
    parser.add_argument(
        "--never-heard-since",
        metavar="TIME",
        help="with --account: only those without a check-in since then; 90d, 2026-11-25",
    )
    names_a_job(parser, nargs="?")


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Remove a job, or those of an account; print how many where that isn't told beforehand."""
    one = (arguments.account, arguments.cronname)
    whole, since = arguments.whole_account, arguments.never_heard_since
    is_one = whole is None and since is None and None not in one
    if not is_one and (whole is None or one != (None, None)):
        complain("gocron jobs forget", "want ACCOUNT and CRONNAME, or --account; see --help")
        return ExitStatus.USAGE
    with opened(config.database_url) as store:
        if is_one:
            job_row.forget(store, *one)
            return ExitStatus.OK
        if since is not None:
            since = moment_past("--never-heard-since", since, store.now())
        forgotten = job_row.forget_account(store, whole, since)
    say(f"forgot {count(forgotten, 'job')} of {whole}")
    return ExitStatus.OK

"""`gocron-sweep`: sweep once, or tell what a sweep would do."""

from argparse import ArgumentParser, Namespace

from gocron.commands.arguments import moment_to_come
from gocron.config import Config
from gocron.errors import ExitStatus, worst
from gocron.host import clock
from gocron.output import complain, say
from gocron.promise import renew_promise
from gocron.render.terminal import printable, say_unresolved
from gocron.store.schema import opened
from gocron.sweep import sweep


def arguments(parser: ArgumentParser) -> None:
    """Take a rehearsal, and its moment."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be done")
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="with --dry-run: at that time, if nothing else came in; 2026-11-25T03:00, +2h",
    )


def run(arguments: Namespace, config: Config) -> ExitStatus:
    """Sweep once, or print what a sweep would do."""
    if arguments.at is not None and not arguments.dry_run:
        # A rehearsal was meant, and a sweep sends mails.
        complain("gocron-sweep", "--at: only with --dry-run; nothing was done")
        return ExitStatus.USAGE
    if not arguments.dry_run:
        return sweep_once("gocron-sweep", config)
    # Imported here: a sweep starts each minute, and rehearses nothing.
    from gocron.sweep.rehearse import rehearse

    with opened(config.database_url) as store:
        at = arguments.at
        if at is not None:
            at = moment_to_come("--at", at, store.now())
        for line in rehearse(store, config, store.now, at):
            say(printable(line))
    return ExitStatus.OK


def sweep_once(program: str, config: Config) -> ExitStatus:
    """Sweep; complain of what could not be told or heard, in one line each."""
    # First of all: while the database is away, the journal is what check-ins are kept in.
    lacks_room = renew_promise(config, int(clock()))
    for complaint in lacks_room:
        complain(program, complaint)
    with opened(config.database_url) as store:
        swept = sweep(store, config, store.now, is_well=not lacks_room)
    for complaint in swept.complaints:
        complain(program, complaint)
    statuses = [swept.status, ExitStatus.CHECK_FAILED if lacks_room else ExitStatus.OK]
    failures = swept.delivered.failures
    if failures:
        more = f"; and {len(failures) - 2} more" if len(failures) > 2 else ""
        complain(program, f"not delivered: {'; '.join(failures[:2])}{more}")
    elif swept.undelivered:
        complain(program, f"{swept.undelivered} news wait undelivered; see `gocron outbox list`")
    elif swept.unresolved and swept.is_hourly:
        # Each minute would be a mail of cron's each minute; the exit status is there each time.
        complain(program, say_unresolved(swept.unresolved))
    if failures or swept.undelivered or swept.unresolved:
        statuses.append(ExitStatus.UNDELIVERED)
    return worst(statuses)

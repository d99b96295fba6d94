"""`gocron check`: is everything in place? One line a question."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gocron.config import Config
from gocron.core.door import ALIVE_WITHIN_S, Knock
from gocron.core.duration import say_duration
from gocron.core.odd import notes
from gocron.core.site import CROWD
from gocron.errors import GocronError
from gocron.front import STALE_AFTER_INTERVALS
from gocron.host import this_host
from gocron.notify import DeliveryFailed
from gocron.notify.mail import MailServer
from gocron.outside import door_url, outside
from gocron.store import accounts, deliveries, jobs, sites
from gocron.store.database import Store
from gocron.store.deliveries import GIVEN_UP_SHOWN_S
from gocron.store.door import presences
from gocron.store.schema import later, pending

# The encodings of a database in which every name has its place.
ENCODINGS = ("UTF8", "SQL_ASCII")

log = logging.getLogger("gocron")

# Odd jobs are named up to here; the summary names more.
ODD_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """The answer to one question."""

    good: bool
    subject: str
    said: str


class _Bad(Exception):
    """A question whose answer is not good."""


def findings(config: Config, now: int) -> Iterator[Finding]:
    """Yield what is found, from the database to the folder of the page."""
    store: Store | None = None

    def database() -> str:
        nonlocal store
        candidate = Store(config.database_url)
        if candidate.lacks_file():
            raise _Bad(f"{candidate.name} is not there yet; start gocron-front")
        with candidate.connected(), candidate.writing():
            version = candidate.server_version()
            encoding = candidate.encoding()
        store = candidate
        if encoding not in ENCODINGS:
            raise _Bad(
                f"{candidate.name} keeps text as {encoding} and can't hold every name; make one "
                "with ENCODING 'UTF8', and restore a dump of this one into it"
            )
        return f"{candidate.name}, {candidate.kind} {version}"

    yield _ask("database", database)
    if store is not None:
        known = store
        schema = _ask("schema", lambda: _schema(known))
        yield schema
        if schema.good:
            yield _ask("last sweep", lambda: _last_sweep(known, config, now))
            yield _ask("outbox", lambda: _outbox(known, config, now))
            yield _ask("front door", lambda: _front_door(known, config, now))
            yield _ask("sites", lambda: _sites(known))
            yield from _odd_jobs(known, config, now)
    yield _ask("journal", lambda: _journal(config))
    yield _ask("mail server", lambda: _mail_server(config))
    yield _ask("slack", lambda: _slack(config))
    yield _ask("page folder", lambda: _page_folder(config))


def _ask(subject: str, question: Callable[[], str]) -> Finding:
    try:
        return Finding(True, subject, question())
    except (GocronError, DeliveryFailed, _Bad) as error:
        return Finding(False, subject, str(error))
    except Exception as error:
        log.exception("bug: %s", subject)
        return Finding(False, subject, f"bug: {error!r} (please report)")


def _schema(store: Store) -> str:
    with store.connected():
        lacking, more = pending(store), later(store)
    if more:
        raise _Bad(f"was upgraded by a later gocron ({more[-1]}); install that version here too")
    if lacking:
        raise _Bad(f"{len(lacking)} migrations pending; run `gocron db upgrade`")
    return "up to date"


def _last_sweep(store: Store, config: Config, now: int) -> str:
    with store.connected():
        swept_at = accounts.totals(store).swept_at
    if swept_at is None:
        raise _Bad("never; is gocron-sweep in cron, or gocron-back running?")
    age_s = max(now - swept_at, 0)
    if age_s >= STALE_AFTER_INTERVALS * config.interval:
        raise _Bad(
            f"{say_duration(age_s)} ago; is gocron-sweep in cron, or gocron-back running? "
            "What does it complain of?"
        )
    return f"{say_duration(age_s)} ago"


def _outbox(store: Store, config: Config, now: int) -> str:
    with store.connected():
        found = deliveries.undelivered(store, now - GIVEN_UP_SHOWN_S, now - config.interval)
    ours = [one for one in found if not one.later_kind]
    if ours:
        worst = ours[0]
        reason = f": {worst.last_error}" if worst.last_error else ""
        raise _Bad(
            f"{sum(one.count for one in ours)} news undelivered, the oldest to "
            f"{worst.recipient or worst.channel} for "
            f"{say_duration(now - worst.queued_at)}{reason}; see `gocron outbox list`"
        )
    return "nothing undelivered"


def _front_door(store: Store, config: Config, now: int) -> str:
    with store.connected():
        name = accounts.instance_name(store)
        fronts = presences(store, now, this_host())
    answer, why = outside(config).knock(name)
    if answer is Knock.KEPT:
        return f"a check-in at {door_url(config)} is kept"
    elsewhere = any(
        abs(now - front.until_at) <= ALIVE_WITHIN_S and not front.is_here for front in fronts
    )
    if elsewhere and not config.self_url:
        return "no front on this host, but on others; self_url could tell more"
    what_next = "see self_url" if config.self_url else "is gocron-front running?"
    raise _Bad(f"can't check in: {why}; {what_next}")


def _sites(store: Store) -> str:
    with store.connected():
        crowds = sites.crowds(store)
    if crowds:
        account, network, count = crowds[0]
        more = f", and {len(crowds) - 1} more such addresses" if crowds[1:] else ""
        raise _Bad(
            f"{count} jobs of {account} at {network} say site=1{more}; with more than "
            f"{CROWD} none speaks for a site: leave it to the gateway, send site=0 with the others"
        )
    return "no address with too many gateways"


def _odd_jobs(store: Store, config: Config, now: int) -> Iterator[Finding]:
    """Yield a line for each of the first odd jobs: gocron is well all the same."""
    try:
        with store.connected():
            found, number = jobs.odd(store, config.interval, now, ODD_SHOWN)
    except GocronError as error:
        yield Finding(False, "jobs", str(error))
        return
    for job in found:
        said = "; ".join(notes(job, config.interval, now))
        yield Finding(True, "odd job", f"{job.cronname} ({job.account}): {said}")
    if number > len(found):
        yield Finding(True, "odd jobs", f"{number - len(found):,} more; the summary tells of them")


def _journal(config: Config) -> str:
    path = Path(config.journal)
    if not config.journal or not path.exists():
        return "none on this host"
    if not os.access(path, os.R_OK):
        raise _Bad(f"{path} can't be read by this user; check its group")
    return str(path)


def _mail_server(config: Config) -> str:
    with MailServer(config) as server:
        server.check()
    login = f", login as {config.smtpaddress}" if config.smtppassword else ""
    return f"{config.smtpserver}:{config.smtpport} answers ({config.smtp_security}{login})"


def _slack(config: Config) -> str:
    if not config.slack_hook_url:
        return "not set"
    parts = urlsplit(config.slack_hook_url)
    if parts.scheme != "https" or not parts.path.startswith("/services/"):
        raise _Bad("slack_hook_url is no URL like https://hooks.slack.com/services/T.../B.../...")
    return f"webhook at {parts.hostname}"


def _page_folder(config: Config) -> str:
    if not config.status_dir:
        return "not set, no page is written"
    folder = Path(config.status_dir)
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise _Bad(f"{existing} can't be written by this user; check status_dir")
    return str(folder)

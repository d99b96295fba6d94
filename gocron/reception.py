"""What a check-in goes through, whichever server took it: read, kept, answered."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import randint
from typing import Any
from urllib.parse import urlsplit

from gocron import __version__
from gocron.config import Config
from gocron.core import odd
from gocron.core.address import Client, client_network, client_of
from gocron.core.checkin import CheckIn, Refused, first_time_needs, read_checkin
from gocron.core.health import Known, is_stale
from gocron.errors import Bug, StoreError, Unfit
from gocron.fields import CONFIGURED_HEADER, KNOCK_FIELD, SIGN_HEADER, read_fields
from gocron.render.crontab import SAMPLE, query
from gocron.render.moment import iso
from gocron.store.checkins import DueOfSeveral
from gocron.store.database import Store, nameless
from gocron.store.group_commit import Outcome

# When a client is to come again, from and to. A crontab's curl tries six times more: together
# that is longer than the shortest outage that sweeps see. A fleet must not come back in step.
RETRY_AFTER_S = (8, 12)

HELP = f"gocron: check in with /?{query(SAMPLE)}"

NO_BROWSER = (
    "gocron: a web page asks for this, and pages are not answered; use curl, or type the address "
    "into the browser yourself"
)

ANOTHER = "gocron: self: this is another gocron than the one you look for"

log = logging.getLogger("gocron-front")


@dataclass(frozen=True)
class Request:
    """What a check-in needs of an HTTP request.

    `whole` unless its body broke off; `by_page` where a browser sent it on behalf of a web page.
    """

    query: str
    content_type: str
    body: bytes
    whole: bool
    peer: str
    forwarded: str
    by_page: bool = False


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `body` is one line, or empty."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str = ""


_HEADERS = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


@dataclass(frozen=True)
class KnockedBy:
    """A sweep's own check-in: `instance` is the name of the gocron that it looks for."""

    instance: str


class Front:
    """What a check-in goes through: read, kept by whom it is handed to, answered."""

    def __init__(self, config: Config, store: Store, clock: Callable[[], float]) -> None:
        self.config = config
        self.store = store
        self.clock = clock
        self._failing = False
        self._configured = configured_by(config)
        self._network = lru_cache(maxsize=4096)(self._network_of)

    def _network_of(self, client: Client) -> str:
        return client_network(client, self.config.trusted_proxies, self.config.site_ipv6_prefix)

    def read(self, asked: Request) -> CheckIn | KnockedBy | Answer:
        """Return the check-in that `asked` declares, or the answer to what is none."""
        if asked.by_page:
            log.info("refused %s: from a web page", self.client(asked).address)
            return text(403, NO_BROWSER)
        try:
            if not asked.whole:
                # Half a body may read well: frequency=36 of frequency=3600.
                raise Refused("request", "has a body that is not as long as its Content-Length")
            fields = read_fields(asked.query, asked.content_type, asked.body)
            if not fields:
                return text(404, HELP)
            if len(fields) == 1 and fields[0][0] == KNOCK_FIELD:
                return KnockedBy(fields[0][1])
            client = self.client(asked)
            now = int(self.clock())
            return read_checkin(fields, client.address, now, self._network(client))
        except Refused as refused:
            log.info("refused %s: %s", self.client(asked).address, refused)
            return text(400, f"gocron: {refused}")

    def answer(self, checkin: CheckIn, outcome: Outcome) -> Answer:
        """Return the answer to `checkin` once it is known what became of it."""
        if isinstance(outcome, Unfit):
            log.info("refused %s: %s", checkin.address, outcome)
            return text(400, f"gocron: request: {outcome.what}; send it without that")
        if isinstance(outcome, Bug):
            # The log has it. curl's --retry asks again, perhaps a fixed version.
            return retry_later("gocron: a bug keeps this check-in from being kept; try again")
        if isinstance(outcome, StoreError):
            return self.unavailable(outcome)
        if self._failing:
            self._failing = False
            log.warning("%s: back again", self.store.name)
        if outcome is None:
            refused = first_time_needs(checkin)
            log.info("refused %s: %s", checkin.address, refused)
            return text(400, f"gocron: {refused}")
        noted = "; ".join(self._notes(checkin, outcome))
        note = (("Gocron-Note", noted),) if noted else ()
        return Answer(201, (("Gocron-Due", iso(outcome)), *note, *_HEADERS))

    def _notes(self, checkin: CheckIn, due: int) -> Iterator[str]:
        interval_s = self.config.interval
        yield from odd.declared(checkin.frequency_s, checkin.grace_s, checkin.site, interval_s)
        if isinstance(due, DueOfSeveral):
            yield odd.SEVERAL_HOSTS

    def knocked(self, knocked: KnockedBy, known: Known) -> Answer:
        """Return the answer to a sweep's own check-in, by what is `known` of all the others.

        It names the sign of life on which it rests: the sweep looks for that in its database.
        """
        if not known.instance:
            return retry_later("gocron: the database is away; try again")
        if knocked.instance != known.instance:
            return text(400, ANOTHER)
        if known.not_kept:
            # Whoever knows the name may know why.
            return retry_later(f"gocron: check-ins are not being kept: {known.not_kept}")
        told = ((SIGN_HEADER, known.sign), (CONFIGURED_HEADER, self._configured))
        return Answer(201, (*((name, value) for name, value in told if value), *_HEADERS))

    def health(self, known: Known) -> Answer:
        """Tell whether check-ins are kept and a sweep ran lately."""
        body: dict[str, Any] = {
            "version": __version__,
            "database": "ok" if known.is_keeping else "away",
            "last_sweep": None,
            "undelivered": known.undelivered,
        }
        stale = False
        if known.swept_at is not None:
            now = int(self.clock())
            stale = is_stale(known.swept_at, self.config.interval, now)
            body |= {
                "last_sweep": iso(known.swept_at),
                "last_sweep_age_s": max(now - known.swept_at, 0),
                "sweep": "silent" if stale else "ok",
            }
        headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
        return Answer(200 if known.is_keeping and not stale else 503, headers, _line(body))

    def unavailable(self, error: StoreError) -> Answer:
        """Return the answer while the database is away: curl's --retry heeds it."""
        if not self._failing:
            self._failing = True
            log.warning("%s; answering 503 until it is back", error)
        return retry_later("gocron: the database is away; try again")

    def client(self, asked: Request) -> Client:
        """Return where `asked` came from."""
        return client_of(asked.peer, asked.forwarded, self.config.trusted_proxies)


def is_by_page(header: Callable[[str], str | None]) -> bool:
    """Tell whether a browser says by its headers that a web page had it ask.

    Any page can make its visitors' browsers ask any address, those inside a firewall too. What a
    person types into the address bar is by no page: `Sec-Fetch-Site: none`.
    """
    asked_by = header("sec-fetch-site")
    return header("origin") is not None or asked_by not in (None, "none")


def own_names(config: Config) -> frozenset[str]:
    """Return the names by which `config` says that gocron is asked."""
    urls = (config.self_url, config.public_url, f"//{config.listen_host}")
    return frozenset(name for url in urls if (name := _host_of(url)))


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def configured_by(config: Config) -> str:
    """Return a digest of the options by which a front runs; it tells none of them."""
    # Without the password of the database, which a digest would let people try out.
    options = (
        nameless(config.database_url),
        config.listen_host,
        config.listen_port,
        config.trusted_proxies,
        config.site_ipv6_prefix,
        config.api_allow,
        config.interval,
        sorted(own_names(config)),
    )
    return hashlib.sha256(repr(options).encode()).hexdigest()[:16]


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content) + "\n"


def text(status: int, line: str) -> Answer:
    """Return an answer of one line."""
    return Answer(status, _HEADERS, f"{line}\n")


def retry_later(line: str) -> Answer:
    """Return a 503 that tells the client to come back soon."""
    retry_after = str(randint(*RETRY_AFTER_S))  # noqa: S311 (no secret)
    return Answer(503, (("Retry-After", retry_after), *_HEADERS), f"{line}\n")

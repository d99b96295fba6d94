"""What a check-in goes through: read, kept by whom it is handed to, answered."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from gocron import __version__
from gocron.config import Config
from gocron.core import odd
from gocron.core.checkin import CheckIn, Refused, first_time_needs, read_checkin
from gocron.core.health import Known, is_stale
from gocron.core.network import client_network, client_of
from gocron.core.slots import in_words
from gocron.errors import Bug, StoreError, Unfit
from gocron.fields import CONFIGURED_HEADER, KNOCK_FIELD, SIGN_HEADER, read_fields
from gocron.front.listing import own_names
from gocron.front.request import (
    Answer,
    Later,
    Request,
    in_json,
    retry_later,
    text,
)
from gocron.render.crontab import SAMPLE, query
from gocron.render.moment import iso
from gocron.store import deliveries
from gocron.store.checkins import DueOfSeveral
from gocron.store.database import Store
from gocron.store.failures import nameless
from gocron.store.group_commit import LOOK_PATIENCE_S, PATIENCE_S, GroupCommit, Outcome

HELP = f"gocron: check in with /?{query(SAMPLE)}"

ANOTHER = "gocron: self: this is another gocron than the one you look for"

AWAY = "gocron: the database is away; try again"

# More than two hops of IPv6 with their ports.
_FORWARDED_LIMIT = 120

log = logging.getLogger("gocron-front")


@dataclass(frozen=True)
class Wording:
    """How a check-in is answered that is kept, whose job is not known, or that can't be held.

    `kept` is told its outcome and our headers, `unfit` the client's address and why.
    """

    kept: Callable[..., Answer]
    unknown: Callable[[CheckIn], Answer]
    unfit: Callable[[str, object], Answer]


class CheckIns:
    """Handlers of check-ins, of sweeps that knock, and of who asks whether check-ins are kept."""

    def __init__(
        self, config: Config, clock: Callable[[], float], group_commit: GroupCommit
    ) -> None:
        self._config = config
        self._clock = clock
        self._group_commit = group_commit
        # Which database is away, as far as the last answer tells.
        self._away = ""
        self._configured = configured_by(config)
        group_commit.count_undelivered = self._count_undelivered
        group_commit.clock = clock
        self._known_origin = lru_cache(maxsize=4096)(self._origin_of)

    def check_in(self, request: Request) -> Answer | Later[Outcome] | Later[Known]:
        """Keep what `request` declares. What is none, or can't be read, is answered at once."""
        address, network = self.origin(request)
        try:
            if not request.whole:
                # Half a body may read well: frequency=36 of frequency=3600.
                raise Refused("request", "has a body that is not as long as its Content-Length")
            content_type = request.header("content-type") if request.body else None
            fields = read_fields(request.query, content_type or "", request.body)
            if not fields:
                return text(404, HELP)
            if len(fields) == 1 and fields[0][0] == KNOCK_FIELD:
                return self._known(partial(self._knocked, fields[0][1]))
            checkin = read_checkin(fields, address, network=network)
        except Refused as refused:
            return _refuse(address, refused)
        return self.keep(checkin, _PLAIN)

    def keep(self, checkin: CheckIn, wording: Wording) -> Later[Outcome]:
        """Hand `checkin` in, and answer in this `wording` what became of it."""
        group_commit = self._group_commit
        ask = partial(group_commit.submit, checkin)
        answer = partial(self._answer, checkin, wording)
        return Later(ask, PATIENCE_S, group_commit.too_late, answer)

    def health(self, _: Request) -> Later[Known]:
        """Tell whether check-ins are kept and a sweep ran lately."""
        return self._known(self._health)

    def unavailable(self, error: StoreError) -> Answer:
        """Return the answer while the database is away."""
        if not self._away:
            self._away = error.where
            log.warning("%s; answering 503 until it is back", error)
        return retry_later(AWAY)

    def _count_undelivered(self, store: Store) -> int:
        return deliveries.count_undelivered(store, int(self._clock()), self._config.interval)

    def origin(self, request: Request) -> tuple[str, str]:
        """Return the client's address, and what of it sites compare."""
        forwarded = request.forwarded
        # A header that is made to be long must not fill the memory.
        is_short = len(forwarded) <= _FORWARDED_LIMIT
        return (self._known_origin if is_short else self._origin_of)(request.peer, forwarded)

    def _origin_of(self, peer: str, forwarded: str) -> tuple[str, str]:
        trusted = self._config.trusted_proxies
        client = client_of(peer, forwarded, trusted)
        return client.address, client_network(client, trusted, self._config.site_ipv6_prefix)

    def _known(self, answer: Callable[[Known], Answer]) -> Later[Known]:
        group_commit = self._group_commit
        return Later(group_commit.ask, LOOK_PATIENCE_S, lambda: group_commit.known, answer)

    def _answer(self, checkin: CheckIn, wording: Wording, outcome: Outcome) -> Answer:
        """Return the answer to `checkin` once it is known what became of it."""
        if isinstance(outcome, Unfit):
            why = f"request: {outcome.what}; send it without that"
            return wording.unfit(checkin.address, why)
        if isinstance(outcome, Bug):
            # The log has it. curl's --retry asks again, perhaps a fixed version.
            return retry_later("gocron: a bug keeps this check-in from being kept; try again")
        if isinstance(outcome, StoreError):
            return self.unavailable(outcome)
        if self._away:
            log.warning("%s: back again", self._away)
            self._away = ""
        if outcome is None:
            return wording.unknown(checkin)
        notes = self._notes(checkin, outcome)
        headers = [("Gocron-Due", iso(outcome))]
        if checkin.schedule is not None:
            headers.append(("Gocron-Schedule", in_words(checkin.schedule)))
        if notes:
            headers.append(("Gocron-Note", "; ".join(notes)))
        return wording.kept(outcome, *headers)

    def _notes(self, checkin: CheckIn, due: int) -> tuple[str, ...]:
        interval_s = self._config.interval
        lengths = checkin.frequency_s, checkin.grace_s
        notes = odd.declared(*lengths, checkin.site, interval_s, checkin.schedule)
        return (*notes, odd.SEVERAL_HOSTS) if isinstance(due, DueOfSeveral) else notes

    def _knocked(self, instance: str, known: Known) -> Answer:
        """Return the answer to a sweep's own check-in, by what is `known` of all the others.

        `instance` is the gocron that it looks for. The answer names the sign of life on which it
        rests: the sweep looks for that in its database.
        """
        if not known.instance:
            return retry_later(AWAY)
        if instance != known.instance:
            return text(400, ANOTHER)
        if known.not_kept:
            # Whoever knows the name may know why.
            return retry_later(f"gocron: check-ins are not being kept: {known.not_kept}")
        told = ((SIGN_HEADER, known.sign), (CONFIGURED_HEADER, self._configured))
        return text(201, "", *((name, value) for name, value in told if value))

    def _health(self, known: Known) -> Answer:
        body: dict[str, Any] = {
            "version": __version__,
            "database": "ok" if known.is_keeping else "away",
            "last_sweep": None,
            "undelivered": known.undelivered,
        }
        stale = False
        if known.swept_at is not None:
            now = int(self._clock())
            stale = is_stale(known.swept_at, self._config.interval, now)
            body |= {
                "last_sweep": iso(known.swept_at),
                "last_sweep_age_s": max(now - known.swept_at, 0),
                "sweep": "silent" if stale else "ok",
            }
        return in_json(200 if known.is_keeping and not stale else 503, body)


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


def _refuse(address: str, why: object) -> Answer:
    log.info("refused %s: %s", address, why)
    return text(400, f"gocron: {why}")


def _kept(_: int, *headers: tuple[str, str]) -> Answer:
    return text(201, "", *headers)


def _unknown(checkin: CheckIn) -> Answer:
    return _refuse(checkin.address, first_time_needs(checkin))


_PLAIN = Wording(_kept, _unknown, _refuse)

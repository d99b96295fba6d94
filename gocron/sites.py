"""Sites as a sweep sees them: which of them are down, and what that says of a silent job."""

from bisect import bisect_left, bisect_right
from dataclasses import replace
from sys import maxsize

from gocron.bulkhead import Bulkheads
from gocron.core.job import Digest, Job, Kind, News, Status
from gocron.core.judge import Evidence
from gocron.core.outage import Outage, silences
from gocron.core.site import Gateway, Gateways, Site, site_report
from gocron.render.mail import LISTED_LIMIT
from gocron.render.reason import site_remarks
from gocron.store import outages, sites
from gocron.store.database import Store
from gocron.store.outages import Silence

# An outage that ended this long ago is over, whatever its gateway does.
WATCHED_S = 86_400

_SET_FREE = (Status.HELD, Status.SUPPRESSED)


class Witnesses:
    """What is known of the sites of overdue jobs, each asked for once a sweep."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now
        self._own = sorted(outages.own(store, 0), key=_ends)
        self._gateways: dict[str, Gateways] = {}
        self._sites: dict[tuple[int, ...], Site] = {}
        self._recorded: dict[tuple[int, ...], tuple[int, list[Outage]]] = {}

    def of(self, job: Job) -> Evidence:
        """Return what speaks for `job`."""
        # What ended before it was heard last says nothing of it.
        own = tuple(self._own[bisect_right(self._own, job.last_seen_at, key=_ends) :])
        if job.account not in self._gateways:
            self._gateways[job.account] = Gateways(sites.gateways(self._store, job.account))
        gateways = self._gateways[job.account]
        mine = gateways.of(job)
        if not mine:
            return Evidence(None, own, has_sites=bool(gateways))
        key = tuple(gateway.job.id for gateway in mine)
        if key not in self._sites:
            self._sites[key] = self._site(mine)
        site = self._sites[key]
        since = min(job.last_seen_at, *(gateway.last_seen_at for gateway in site.gateways))
        recorded = self._recorded_since(key, since)
        return Evidence(replace(site, outages=(*recorded, *site.outages)), own)

    def forget_sites(self) -> None:
        """Ask again: gateways have been judged since."""
        self._gateways.clear()
        self._sites.clear()
        self._recorded.clear()

    def _recorded_since(self, key: tuple[int, ...], since: int) -> list[Outage]:
        """Return the outages of these gateways that lasted at `since` or later."""
        known_since, found = self._recorded.get(key, (maxsize, []))
        if since < known_since:
            # Twice as far back: who is asked for next may have been silent for longer.
            known_since = since - max(self._now - since, 0)
            found = sorted(outages.of_sites(self._store, key, known_since), key=_ends)
            self._recorded[key] = known_since, found
        return found[bisect_left(found, since, key=_ends) :]

    def _site(self, mine: tuple[Gateway, ...]) -> Site:
        """Return what is known of a site, but for its outages that are recorded."""
        gateways = [one.job for one in mine]
        missing = [one for one in gateways if one.missed_at is not None]
        return Site(
            gateways=tuple(gateways),
            heard_at=max(sites.heard_at(self._store, one) for one in mine),
            outages=tuple(one for gateway in mine for one in self._unrecorded(gateway)),
            told=all(sites.is_told(self._store, one.id) for one in missing),
        )

    def _unrecorded(self, gateway: Gateway) -> list[Outage]:
        """Return outages that are recorded once the gateway is heard: it is excused until then."""
        job = gateway.job
        if job.missed_at is not None or self._now <= job.due_at:
            return []
        spans, _ = _silences(self._store, gateway)
        return [Outage(0, job.id, *span) for span in spans]


def watch_sites(store: Store, now: int, bulkheads: Bulkheads | None = None) -> None:
    """Find out which sites have come back, or gone again, since the last sweep.

    A site's outage lasts from the last check-in that came from there to the first one after,
    and longer than its gateway may be silent.
    """
    bulkheads = bulkheads or Bulkheads(store)
    for silence in outages.returned(store):
        bulkheads.each(
            "settling the silence of gateway",
            [silence],
            lambda some: _settle(store, some[0]),
            lambda one: f"no. {one.site_id}",
            "each sweep tries again",
        )
    latest = {outage.site_id or 0: outage for outage in outages.watched(store, now - WATCHED_S)}
    for outage in latest.values():
        bulkheads.each(
            "watching the site of gateway",
            [outage],
            lambda some: _watch(store, some[0], now),
            lambda one: f"no. {one.site_id}",
            "each sweep tries again",
        )


def _watch(store: Store, outage: Outage, now: int) -> None:
    site = sites.gateway(store, outage.site_id or 0)
    if site is None:
        _drop_of_nobody(store, outage)
    elif (ended := _followed(store, site, outage)) is not None:
        _follow_again(store, site, ended, now)


def outages_at_deadline(store: Store, job: Job, deadline: int) -> list[tuple[int, int | None]]:
    """Return the outages, as (from, to), in which a job that is a gateway ran past `deadline`.

    The last one lasts still where nobody was heard from there since the deadline.
    """
    site = sites.gateway(store, job.id)
    if site is None:
        return []
    spans, last = _silences(store, site)
    return [*spans] if last > deadline else [*spans, (last, None)]


def with_remarks(store: Store, digest: Digest) -> Digest:
    """Return `digest` with what its news of gateways means for their sites."""
    # More than are told in full need none.
    news = digest.in_order
    told = [_with_remarks(store, item) for item in news[:LISTED_LIMIT]]
    return replace(digest, news=(*told, *news[LISTED_LIMIT:]))


def _with_remarks(store: Store, item: News) -> News:
    episode = item.episode
    site = sites.gateway(store, episode.job.id) if episode.job.site else None
    if site is None:
        return item
    found = outages.of_sites(store, [episode.job.id], episode.last_seen_at)
    if episode.ended_at is not None:
        found = [one for one in found if one.began_at <= episode.ended_at]
    report = site_report(sites.behind(store, site), found)
    return replace(item, remarks=site_remarks(report, back=item.kind is Kind.RECOVERED))


def _silences(store: Store, site: Gateway) -> tuple[list[tuple[int, int]], int]:
    """Return the site's outages since its gateway was heard, and when anybody was heard last."""
    since = site.job.last_seen_at
    heard = sites.heard_since(store, site, since)
    last = max([since, *heard])
    return silences(heard, since, last, site.job.allowance_s), last


def _ends(outage: Outage) -> int:
    return maxsize if outage.ended_at is None else outage.ended_at


def _drop_of_nobody(store: Store, outage: Outage) -> None:
    """Forget an outage of a job that speaks for no site any more, and free who waits for it."""
    if not outage.is_open:
        return

    def work() -> None:
        outages.drop(store, outage)
        outages.look_again_behind(store, [outage.site_id])

    store.write(work)


def _settle(store: Store, silence: Silence) -> None:
    """Keep the outages that a gateway's silence was, now that it is over."""
    site = sites.gateway(store, silence.site_id)
    lasting = outages.lasting(store, silence.site_id)
    began_at, allowance_s = silence.began_at, silence.allowance_s
    if lasting is not None:
        began_at, allowance_s = lasting.began_at, lasting.allowance_s
    found: list[tuple[int, int]] = []
    if site is not None:
        allowance_s = allowance_s or site.job.allowance_s
        # A gateway that sweeps saw missing, and no outage with it, had a site that was alive.
        was_alone = site.job.back_at == silence.ended_at and lasting is None
        if not was_alone:
            heard = sites.heard_since(store, site, silence.began_at)
            found = silences(heard, began_at, silence.ended_at, allowance_s)

    def work() -> None:
        if not outages.forget_silence(store, silence):
            return
        if lasting is not None:
            outages.drop(store, lasting)
        outages.keep(store, silence.site_id, found, allowance_s)
        if site is not None:
            outages.look_again(store, _SET_FREE, site.job.account)
        elif lasting is not None:
            outages.look_again_behind(store, [silence.site_id])

    store.write(work)


def _followed(store: Store, site: Gateway, lasting: Outage) -> Outage | None:
    """Return an outage that is over, None where it lasts or was none.

    It ends with the first check-in from there, though the gateway's own is missing.
    """
    if not lasting.is_open:
        return lasting
    heard = sites.heard_since(store, site, lasting.began_at)
    if site.job.last_seen_at > lasting.began_at:
        heard.append(site.job.last_seen_at)
    if not heard:
        return None
    ended = replace(lasting, ended_at=min(heard))
    # What it tells since, it told of another time.
    was_one = min(heard) - lasting.began_at > (lasting.allowance_s or site.job.allowance_s)

    def work() -> bool:
        if not outages.are_open(store, [lasting.id]):
            return False
        if was_one:
            outages.end(store, ended)
        else:
            outages.drop(store, lasting)
        outages.look_again(store, _SET_FREE, site.job.account)
        return was_one

    return ended if store.write(work) else None


def _follow_again(store: Store, site: Gateway, ended: Outage, now: int) -> None:
    """See to a site that was heard for a moment, and then neither it nor its gateway again.

    Once only: if others are heard after that, it is the gateway alone that is gone.
    """
    ended_at = ended.ended_at or 0
    is_silent = site.job.missed_at is not None and site.job.back_at is None
    if not is_silent or ended.began_at > site.job.deadline:
        return
    allowance_s = site.job.allowance_s
    last = max([ended_at, *sites.heard_since(store, site, ended_at)])
    if last <= ended_at + allowance_s < now and now - last > allowance_s:
        store.write(lambda: outages.keep(store, site.job.id, [(last, None)], allowance_s))

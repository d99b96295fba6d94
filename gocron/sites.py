"""Sites as a sweep sees them: which of them are down, and what that says of a silent job."""

from collections.abc import Sequence
from dataclasses import replace

from gocron.core.job import Digest, Job, Kind, News, Status
from gocron.core.judge import Evidence
from gocron.core.outage import Outage, silences
from gocron.core.site import Moved, Site, allowance, gateways_of, site_report
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
        self.own = tuple(outages.own(store, 0))
        self._gateways: dict[str, tuple[list[Job], dict[int, list[Moved]]]] = {}
        self._sites: dict[tuple[int, ...], Site] = {}
        self._supposed: dict[int, tuple[Outage, ...]] = {}

    def suppose(self, gateway: Job, found: Sequence[tuple[int, int | None]]) -> None:
        """Take `gateway` for told as missing, with these outages, though it is not yet."""
        self._supposed[gateway.id] = tuple(
            Outage(0, gateway.id, began_at, ended_at) for began_at, ended_at in found
        )

    def of(self, job: Job) -> Evidence:
        """Return what speaks for `job`."""
        if job.account not in self._gateways:
            found = sites.gateways(self._store, job.account)
            self._gateways[job.account] = found, sites.moved(self._store, found)
        every, moved = self._gateways[job.account]
        mine = gateways_of(job, every, moved)
        if not mine:
            return Evidence(None, self.own)
        key = tuple(gateway.id for gateway in mine)
        if key not in self._sites:
            self._sites[key] = self._site(mine, moved)
        return Evidence(self._sites[key], self.own)

    def forget_sites(self) -> None:
        """Ask again: gateways have been judged since."""
        self._gateways.clear()
        self._sites.clear()

    def _site(self, mine: tuple[Job, ...], moved: dict[int, list[Moved]]) -> Site:
        missing = [one for one in mine if one.missed_at is not None]
        found = outages.of_sites(self._store, [one.id for one in mine], 0)
        found += [one for gateway in mine for one in self._unrecorded(gateway, moved)]
        supposed = [one for gateway in mine for one in self._supposed.get(gateway.id, ())]
        mine = tuple(
            replace(one, missed_at=one.due_at) if one.id in self._supposed else one for one in mine
        )
        return Site(
            gateways=mine,
            heard_at=max(sites.heard_at(self._store, one, moved.get(one.id, ())) for one in mine),
            outages=(*found, *supposed),
            told=all(sites.is_told(self._store, one) for one in missing),
        )

    def _unrecorded(self, gateway: Job, moved: dict[int, list[Moved]]) -> list[Outage]:
        """Return outages that are recorded once the gateway is heard: it is excused until then."""
        if gateway.missed_at is not None or self._now <= gateway.due_at:
            return []
        past = moved.get(gateway.id, ())
        heard = sites.heard_since(self._store, gateway, past, gateway.last_seen_at)
        last = max([gateway.last_seen_at, *heard])
        spans = silences(heard, gateway.last_seen_at, last, allowance(gateway))
        return [Outage(0, gateway.id, *span) for span in spans]


def watch_sites(store: Store, now: int) -> None:
    """Find out which sites have come back, or gone again, since the last sweep.

    A site's outage lasts from the last check-in that came from there to the first one after,
    and longer than its gateway may be silent.
    """
    for silence in outages.returned(store):
        _settle(store, silence)
    for outage in outages.watched(store, now):
        site = sites.gateway(store, outage.site_id or 0)
        if site is None:
            _drop_of_nobody(store, outage)
        elif outage.is_open:
            _follow(store, site, outage)
    latest = {outage.site_id: outage for outage in outages.watched(store, now - WATCHED_S)}
    for outage in latest.values():
        site = sites.gateway(store, outage.site_id or 0)
        silent = site is not None and site.missed_at is not None and site.back_at is None
        if site is not None and silent and not outage.is_open:
            _follow_again(store, site, outage, now)


def outages_at_deadline(store: Store, site: Job, deadline: int) -> list[tuple[int, int | None]]:
    """Return the outages, as (from, to), in which a gateway ran past the deadline that counts.

    The last one lasts still where nobody was heard from there since the deadline.
    """
    heard = sites.heard_since(store, site, _moved(store, site), site.last_seen_at)
    last = max([site.last_seen_at, *heard])
    found: list[tuple[int, int | None]] = []
    found += silences(heard, site.last_seen_at, last, allowance(site))
    return found if last > deadline else [*found, (last, None)]


def with_remarks(store: Store, digest: Digest) -> Digest:
    """Return `digest` with what its news of gateways means for their sites."""
    # More than are told in full need none.
    told = [_with_remarks(store, item) for item in digest.news[:LISTED_LIMIT]]
    return replace(digest, news=(*told, *digest.news[LISTED_LIMIT:]))


def _with_remarks(store: Store, item: News) -> News:
    episode = item.episode
    if not episode.job.site:
        return item
    behind = sites.behind(store, episode.job, _moved(store, episode.job))
    found = outages.of_sites(store, [episode.job.id], episode.last_seen_at)
    if episode.ended_at is not None:
        found = [one for one in found if one.began_at <= episode.ended_at]
    report = site_report(behind, found)
    return replace(item, remarks=site_remarks(report, back=item.kind is Kind.RECOVERED))


def _moved(store: Store, site: Job) -> Sequence[Moved]:
    return sites.moved(store, [site]).get(site.id, ())


def _drop_of_nobody(store: Store, outage: Outage) -> None:
    """Forget an outage of a job that speaks for no site any more, and free who waits for it."""

    def work() -> None:
        outages.drop(store, outage)
        outages.look_again_behind(store, [outage.site_id])

    store.write(work)


def _settle(store: Store, silence: Silence) -> None:
    """Keep the outages that a gateway's silence was, now that it is over."""
    site = sites.gateway(store, silence.site_id)
    lasting = [one for one in outages.of_sites(store, [silence.site_id], 0) if one.is_open]
    found: list[tuple[int, int]] = []
    if site is not None:
        heard = sites.heard_since(store, site, _moved(store, site), silence.began_at)
        # A gateway that sweeps saw missing, and no outage with it, had a site that was alive.
        was_alone = site.back_at == silence.ended_at and not lasting
        if not was_alone:
            began_at = lasting[0].began_at if lasting else silence.began_at
            found = silences(heard, began_at, silence.ended_at, allowance(site))

    def work() -> None:
        if not outages.forget_silence(store, silence):
            return
        for outage in lasting:
            outages.drop(store, outage)
        outages.keep(store, silence.site_id, found)
        if site is not None:
            outages.look_again(store, _SET_FREE, site.account)

    store.write(work)


def _follow(store: Store, site: Job, lasting: Outage) -> None:
    """End an outage with the first check-in from there, though the gateway's own is missing."""
    heard = sites.heard_since(store, site, _moved(store, site), lasting.began_at)
    if site.last_seen_at > lasting.began_at:
        heard.append(site.last_seen_at)
    if not heard:
        return

    def work() -> None:
        if not outages.are_open(store, [lasting.id]):
            return
        if min(heard) - lasting.began_at > allowance(site):
            outages.end(store, lasting, min(heard))
        else:
            outages.drop(store, lasting)
        outages.look_again(store, _SET_FREE, site.account)

    store.write(work)


def _follow_again(store: Store, site: Job, ended: Outage, now: int) -> None:
    """See to a site that was heard for a moment, and then neither it nor its gateway again.

    Once only: if others are heard after that, it is the gateway alone that is gone.
    """
    ended_at = ended.ended_at or 0
    if ended.began_at > site.deadline:
        return
    heard = sites.heard_since(store, site, _moved(store, site), ended_at)
    last = max([ended_at, *heard])
    if last <= ended_at + allowance(site) < now and now - last > allowance(site):
        store.write(lambda: outages.keep(store, site.id, [(last, None)]))

"""What speaks for overdue jobs: their sites, as far as anything is known of them, and gocron."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from sys import maxsize

from gocron.core.excuse import Evidence, Limits
from gocron.core.job import Job
from gocron.core.judge import own_outage_since
from gocron.core.outage import Outage, longer_than_late_s, stretches_of_silence
from gocron.core.site import Gateway, Gateways, Site
from gocron.store import late_returns, outages, sites
from gocron.store.database import Store
from gocron.store.heard import Heard


class Witnesses:
    """What is known of the sites of overdue jobs, each asked for once a sweep."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now
        self._own = sorted(outages.own(store, 0), key=_ends)
        self.forget_sites()

    def forget_sites(self) -> None:
        """Ask again: gateways have been judged since."""
        self._heard = Heard(self._store)
        self._gateways: dict[str, dict[int, Gateway]] = {}
        self._near: dict[str, Gateways] = {}
        self._sites: dict[tuple[int, ...], Site] = {}
        self._recorded: dict[tuple[int, ...], tuple[int, list[Outage]]] = {}

    def own_outage_since(self, limits: Limits) -> int | None:
        """Return since when gocron itself can't be reached, None where it can."""
        return own_outage_since(self._own, self._now, limits)

    def ask(self, some: Sequence[Job]) -> None:
        """Learn what speaks for each of these jobs, in few statements."""
        self._ask_gateways({job.account for job in some})
        behind = [(job, self._near[job.account].of(job)) for job in some]
        self._ask_sites({_key(mine): mine for _, mine in behind if mine})
        self._ask_recorded([(_key(mine), job) for job, mine in behind if mine])

    def of(self, job: Job) -> Evidence:
        """Return what speaks for `job`."""
        self.ask([job])
        # What ended before it was heard last says nothing of it.
        own = tuple(self._own[bisect_right(self._own, job.last_seen_at, key=_ends) :])
        key = _key(self._near[job.account].of(job))
        if not key:
            return Evidence(None, own, has_sites=bool(self._near[job.account]))
        site, (_, recorded) = self._sites[key], self._recorded[key]
        since = min(job.last_seen_at, *(one.last_seen_at for one in site.gateways))
        recorded = recorded[bisect_left(recorded, since, key=_ends) :]
        return Evidence(replace(site, outages=(*recorded, *site.outages)), own)

    def outages_at_deadlines(self, missed: Iterable[tuple[Job, int]]) -> dict[int, list[Outage]]:
        """Return by id the outages in which gateways ran past their deadlines, as (job, deadline).

        The last one lasts still where nobody was heard from there since the deadline. Where
        nobody is behind a gateway, there is none.
        """
        deadlines = {job.id: deadline for job, deadline in missed if job.site}
        accounts = {job.account for job, _ in missed if job.site}
        self._ask_gateways(accounts)
        some = [
            gateway
            for account in accounts
            for gateway in self._gateways[account].values()
            if gateway.job.id in deadlines
        ]
        matter = sites.speaking(self._store, some)
        some = [gateway for gateway in some if gateway.job.id in matter]
        self._ask_heard(some)
        found = {}
        for gateway in some:
            spans, last = self._silences(gateway)
            if last <= deadlines[gateway.job.id]:
                spans.append(Outage.unrecorded(gateway.job.id, last, None, gateway.job.allowance_s))
            found[gateway.job.id] = spans
        return found

    def _ask_gateways(self, accounts: set[str]) -> None:
        new = [account for account in accounts if account not in self._gateways]
        if not new:
            return
        found = sites.gateways(self._store, new)
        for account in new:
            mine = found.get(account, [])
            self._gateways[account] = {one.job.id: one for one in mine}
            self._near[account] = Gateways(mine)

    def _ask_sites(self, some: dict[tuple[int, ...], tuple[Gateway, ...]]) -> None:
        """Learn what is known of these sites, but for their outages that are recorded."""
        new = {key: mine for key, mine in some.items() if key not in self._sites}
        if not new:
            return
        gateways = {one.job.id: one for mine in new.values() for one in mine}
        self._heard.ask_latest(gateways.values())
        missing = [at for at, one in gateways.items() if one.job.missed_at is not None]
        told = sites.told(self._store, missing)
        unrecorded = self._unrecorded(gateways)
        for key, mine in new.items():
            self._sites[key] = Site(
                gateways=tuple(one.job for one in mine),
                heard_at=max(self._heard.at(one) for one in mine),
                outages=tuple(outage for one in mine for outage in unrecorded[one.job.id]),
                told=all(one.job.missed_at is None or one.job.id in told for one in mine),
            )

    def _unrecorded(self, gateways: dict[int, Gateway]) -> dict[int, list[Outage]]:
        """Return outages that will be recorded: once a gateway is heard, or seen to."""
        found: dict[int, list[Outage]] = defaultdict(list)
        late = [
            one
            for one in gateways.values()
            if one.job.missed_at is None and self._now > one.job.due_at
        ]
        self._ask_heard(late)
        for one in late:
            found[one.job.id] += self._silences(one)[0]
        for silence in late_returns.waiting(self._store, list(gateways)):
            if not silence.is_lateness:
                span = silence.began_at, silence.ended_at
                outage = Outage.unrecorded(silence.site_id, *span, silence.allowance_s)
                found[silence.site_id].append(outage)
        return found

    def _ask_recorded(self, some: Sequence[tuple[tuple[int, ...], Job]]) -> None:
        """Find the outages of these sites that bear on these jobs."""
        new: dict[tuple[int, ...], int] = {}
        for key, job in some:
            since = min(job.last_seen_at, *(one.last_seen_at for one in self._sites[key].gateways))
            if since < self._recorded.get(key, (maxsize, []))[0]:
                new[key] = min(since, new.get(key, since))
        if not new:
            return
        since = min(new.values())
        by_site: dict[int, list[Outage]] = defaultdict(list)
        for one in outages.of_sites(self._store, {at for key in new for at in key}, since):
            by_site[one.site_id or 0].append(one)
        for key in new:
            found = [one for gateway_id in key for one in by_site[gateway_id]]
            self._recorded[key] = since, sorted(found, key=_ends)

    def _ask_heard(self, some: Sequence[Gateway]) -> None:
        if some:
            self._heard.ask(some, min(one.job.last_seen_at for one in some))

    def _silences(self, gateway: Gateway) -> tuple[list[Outage], int]:
        """Return the site's outages since its gateway was heard, and when anybody was last."""
        job = gateway.job
        heard = self._heard.since(gateway, job.last_seen_at)
        last = max([job.last_seen_at, *heard])
        spans = stretches_of_silence(
            heard, job.last_seen_at, last, longer_than_late_s(job.allowance_s)
        )
        return [Outage.unrecorded(job.id, *span, job.allowance_s) for span in spans], last


def _key(mine: Iterable[Gateway]) -> tuple[int, ...]:
    return tuple(gateway.job.id for gateway in mine)


def _ends(outage: Outage) -> int:
    return maxsize if outage.ended_at is None else outage.ended_at

"""Sites as a sweep sees them: which have come back or gone again, and what to tell of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gocron.core.news import NEWS_OF, Digest, Kind, News, Trouble
from gocron.core.outage import Outage, longer_than_late_s, stretches_of_silence
from gocron.core.site import Gateway
from gocron.render.mail import LISTED_LIMIT
from gocron.render.reason import NAMES_SHOWN, site_remarks
from gocron.render.wording import shown
from gocron.store import job_row, late_returns, outages, sites
from gocron.store.database import Store, Transaction
from gocron.store.heard import Heard
from gocron.store.late_returns import LateReturn
from gocron.sweep.bulkhead import Bulkheads

# An outage that ended this long ago is over, whatever its gateway does.
WATCHED_S = 86_400

# So many gateways of one account that came back late are seen to in one sweep.
RETURNS_A_SWEEP = 2_000

# So many gateways one transaction writes of: few enough to hold no lock for long.
BATCH = 500

_THEN = "each sweep tries again"

_Part = TypeVar("_Part")


def watch_sites(store: Store, now: int, bulkheads: Bulkheads | None = None) -> list[str]:
    """Find out which sites have come back, or gone again, since the last sweep.

    A site's outage lasts from the last check-in that came from there to the first one after,
    and longer than a gateway may be late. Return what is to be complained of.
    """
    heard = Heard(store)
    bulkheads = bulkheads or Bulkheads(store)
    complaints = _see_to_returns(store, heard, bulkheads)
    lasting = outages.lasting(store)
    ended = {one.site_id or 0: one for one in outages.may_begin_again(store, now - WATCHED_S)}

    def follow(some: Sequence[int]) -> None:
        ended.update(_follow(store, heard, {at: lasting[at] for at in some}))

    def follow_again(some: Sequence[int]) -> None:
        _follow_again(store, heard, {at: ended[at] for at in some}, now)

    for part in _parts(sorted(lasting)):
        bulkheads.each("watching the site of gateway", part, follow, _number, _THEN)
    for part in _parts(sorted(ended)):
        bulkheads.each("watching the site of gateway", part, follow_again, _number, _THEN)
    return complaints


class Remarks:
    """What news of gateways means for their sites; each is looked up once a sweep."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[int, Kind], tuple[tuple[str, str], ...]] = {}

    def on(self, digest: Digest) -> Digest:
        """Return `digest` with remarks on its news of gateways."""
        # What is not told in full needs none.
        listed, rest = digest.shared(digest.in_order, LISTED_LIMIT)
        self._look_up([item for item in listed if item.episode.job.site])
        told = [replace(item, remarks=self._known.get(_id(item), ())) for item in listed]
        return replace(digest, news=(*told, *rest))

    def _look_up(self, some: Sequence[News]) -> None:
        silences = [item for item in some if item.kind in NEWS_OF[Trouble.MISSING]]
        new = [item for item in silences if _id(item) not in self._known]
        gateways = sites.some_gateways(self._store, {item.episode.job.id for item in new})
        since = min((item.episode.last_seen_at for item in new), default=0)
        found: dict[int | None, list[Outage]] = defaultdict(list)
        for one in outages.of_sites(self._store, gateways, since):
            found[one.site_id].append(one)
        for item in new:
            episode = item.episode
            site = gateways.get(episode.job.id)
            if site is None:
                continue
            mine = [
                one
                for one in found[episode.job.id]
                if (one.ended_at is None or one.ended_at >= episode.last_seen_at)
                and (episode.ended_at is None or one.began_at <= episode.ended_at)
            ]
            report = sites.report(self._store, site, mine, NAMES_SHOWN)
            self._known[_id(item)] = site_remarks(report, back=item.kind is Kind.BACK)


@dataclass(frozen=True)
class _Return:
    """What there is to keep of silences of one account's gateways, now that they are over."""

    silences: list[LateReturn]
    lasting: dict[int, Outage]
    found: dict[int, list[Outage]]


def _see_to_returns(store: Store, heard: Heard, bulkheads: Bulkheads) -> list[str]:
    """Keep the outages that silences of gateways were; return what is to be complained of.

    Of an account that has more of them than one sweep sees to, those that wait longest.
    """
    by_account: dict[str, dict[int, list[LateReturn]]] = defaultdict(lambda: defaultdict(list))
    for silence in late_returns.waiting(store):
        by_account[silence.account][silence.site_id].append(silence)
    lasting = outages.lasting(store) if by_account else {}
    complaints = []
    for account, of_account in by_account.items():
        late: list[int] = []
        away: list[int] = []
        for site_id, some in of_account.items():
            is_late = site_id not in lasting and all(one.is_lateness for one in some)
            (late if is_late else away).append(site_id)
        if len(away) > RETURNS_A_SWEEP:
            complaints.append(
                f"account {shown(account)}: {len(away):,} gateways came back late; "
                f"{RETURNS_A_SWEEP:,} seen to in this sweep, the others in the next ones"
            )

        def see_to(
            ids: Sequence[int],
            account: str = account,
            mine: dict[int, list[LateReturn]] = of_account,
        ) -> None:
            returns = [one for site_id in ids for one in mine[site_id]]
            last = {site_id: lasting[site_id] for site_id in ids if site_id in lasting}
            _keep(store, _read_returns(store, heard, returns, last))

        for ids in (*_parts(late), *_parts(away[:RETURNS_A_SWEEP])):
            bulkheads.each("seeing to the return of gateway", ids, see_to, _number, _THEN)
    return complaints


def _read_returns(
    store: Store, heard: Heard, returns: list[LateReturn], lasting: dict[int, Outage]
) -> _Return:
    """Find out which outages these silences were. `lasting` are those of their gateways."""
    ids = {one.site_id for one in returns if one.site_id in lasting or not one.is_lateness}
    gateways = sites.some_gateways(store, ids)
    matter = sites.speaking(store, gateways.values())
    some = [gateways[site_id] for site_id in matter]
    if some:
        heard.ask(some, min(one.began_at for one in returns))
    ends = {at: _that_ends(outage, returns) for at, outage in lasting.items()}
    found = {
        one.id: _were(
            heard,
            gateways[one.site_id],
            one,
            lasting[one.site_id] if one is ends.get(one.site_id) else None,
        )
        for one in returns
        if one.site_id in matter
    }
    return _Return(returns, lasting, found)


def _that_ends(outage: Outage, returns: Sequence[LateReturn]) -> LateReturn | None:
    """Return the silence of its gateway that `outage`, which lasts, was.

    Where no sweep came for long the gateway may have come late again and again since: the first
    return ends the outage, and the others are silences of their own.
    """
    mine = [one for one in returns if one.site_id == outage.site_id]
    since = [one for one in mine if one.ended_at > outage.began_at]
    return since[0] if since else mine[-1] if mine else None


def _were(heard: Heard, site: Gateway, silence: LateReturn, lasting: Outage | None) -> list[Outage]:
    """Return the outages that a silence was, of which `lasting` is known to sweeps."""
    if lasting is None and site.job.back_at == silence.ended_at:
        # A gateway that sweeps saw missing, and no outage with it, had a site that was alive.
        return []
    began_at, allowance_s = silence.began_at, silence.allowance_s
    if lasting is not None:
        began_at, allowance_s = lasting.began_at, lasting.allowance_s
    allowance_s = allowance_s or site.job.allowance_s
    spans = stretches_of_silence(
        heard.since(site, silence.began_at),
        began_at,
        silence.ended_at,
        longer_than_late_s(allowance_s),
    )
    return [Outage.unrecorded(site.job.id, *span, allowance_s) for span in spans]


def _keep(store: Store, read: _Return) -> None:
    """Keep what silences were, but for those that another sweep has taken."""
    ids = {one.site_id for one in read.silences}

    def work(tx: Transaction) -> None:
        # An outage can't be kept while another transaction holds its gateway's row.
        free = job_row.lock_free(tx, ids)
        taken = late_returns.take(tx, [one for one in read.silences if one.site_id in free])
        mine = {one.site_id for one in read.silences if one.id in taken}
        outages.drop(tx, [one.id for at, one in read.lasting.items() if at in mine])
        outages.keep(tx, [one for at in sorted(taken) for one in read.found.get(at, ())])

    store.write(work)


def _follow(store: Store, heard: Heard, lasting: dict[int, Outage]) -> dict[int, Outage]:
    """End the outages of sites from which anybody was heard; return them by gateway.

    An outage ends with the first check-in from there, though the gateway's own is missing.
    """
    gateways = sites.some_gateways(store, lasting)
    nobodys = [one for at, one in lasting.items() if at not in gateways]
    if nobodys:
        # Of jobs that speak for no site any more.
        store.write(lambda tx: outages.drop(tx, [one.id for one in nobodys]))
    if gateways:
        heard.ask(gateways.values(), min(lasting[at].began_at for at in gateways))
    ends: dict[str, list[tuple[Outage, bool]]] = defaultdict(list)
    for at, site in gateways.items():
        outage = lasting[at]
        moments = heard.since(site, outage.began_at)
        if site.job.last_seen_at > outage.began_at:
            moments.append(site.job.last_seen_at)
        if moments:
            # A frequency that was declared since says nothing of the time before.
            longest_s = longer_than_late_s(outage.allowance_s or site.job.allowance_s)
            was_one = min(moments) - outage.began_at > longest_s
            ends[site.job.account].append((replace(outage, ended_at=min(moments)), was_one))
    found = {}
    for account, of_account in ends.items():
        for outage in _end(store, account, of_account):
            found[outage.site_id or 0] = outage
    return found


def _end(store: Store, account: str, ended: Sequence[tuple[Outage, bool]]) -> list[Outage]:
    """Keep which outages of an account's sites are over, and which were none; return the first."""

    def work(tx: Transaction) -> list[Outage]:
        still = outages.still_open(tx, [outage.id for outage, _ in ended])
        mine = [(outage, was_one) for outage, was_one in ended if outage.id in still]
        outages.drop(tx, [outage.id for outage, was_one in mine if not was_one])
        over = [outage for outage, was_one in mine if was_one]
        for outage in over:
            outages.end(tx, outage)
        return over

    return store.write(work)


def _follow_again(store: Store, heard: Heard, ended: dict[int, Outage], now: int) -> None:
    """See to sites that were heard for a moment, and then neither they nor their gateways again.

    Once only: if others are heard after that, it is the gateway alone that is gone.
    """
    silent = {
        at: site
        for at, site in sites.some_gateways(store, ended).items()
        if site.job.missed_at is not None and site.job.back_at is None
        if ended[at].began_at <= site.job.deadline
    }
    if not silent:
        return
    heard.ask(silent.values(), min(ended[at].ended_at or 0 for at in silent))
    again = []
    for at, site in silent.items():
        ended_at, allowance_s = ended[at].ended_at or 0, site.job.allowance_s
        last = max([ended_at, *heard.since(site, ended_at)])
        if last <= ended_at + allowance_s < now and now - last > allowance_s:
            again.append(Outage.unrecorded(site.job.id, last, None, site.job.allowance_s))

    def keep(tx: Transaction) -> None:
        free = job_row.lock_free(tx, [one.site_id or 0 for one in again])
        outages.keep(tx, [one for one in again if one.site_id in free])

    if again:
        store.write(keep)


def _id(item: News) -> tuple[int, Kind]:
    return item.episode.id, item.kind


def _number(gateway_id: int) -> str:
    return f"no. {gateway_id}"


def _parts(some: Sequence[_Part]) -> Iterator[Sequence[_Part]]:
    return (some[first : first + BATCH] for first in range(0, len(some), BATCH))

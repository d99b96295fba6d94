"""Which jobs are behind which site: by the address that they share, or by name."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gocron.core.job import Job, Status
from gocron.core.outage import Outage

# More gateways than this at one address are none: somebody gave every job `site=1`.
CROWD = 20


@dataclass(frozen=True)
class Way:
    """A network from which a gateway checks in, or from which it did before it moved.

    Who was last heard from there by `until_at` is behind the gateway; None: everybody, and
    since `since_at` it is sure that the gateway was there.
    """

    network: str
    until_at: int | None = None
    since_at: int = 0

    def leads(self, job: Job) -> bool:
        """Tell whether `job` was heard of this way."""
        in_time = self.until_at is None or job.last_seen_at <= self.until_at
        return job.network == self.network and in_time


@dataclass(frozen=True)
class Gateway:
    """A job that speaks for a site, and the ways by which others are known to be behind it."""

    job: Job
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True)
class Site:
    """What is known of the way by which a job's check-ins come.

    `gateways` are the jobs that speak for it, one at least. `heard_at` is the last check-in
    of any of them or of any job behind them, `outages` are theirs. `told` says that whoever
    must know of the gateways' own silence has been told, or will be.
    """

    gateways: tuple[Job, ...]
    heard_at: int
    outages: tuple[Outage, ...] = ()
    told: bool = True

    @property
    def down_since(self) -> int | None:
        """Since when no gateway lets anything through, None where one may."""
        opened = {outage.site_id: outage.began_at for outage in self.outages if outage.is_open}
        began = [opened.get(gateway.id) for gateway in self.gateways]
        suppressed = [gateway.spared is Status.SUPPRESSED for gateway in self.gateways]
        if not all(at is not None or also for at, also in zip(began, suppressed, strict=True)):
            return None
        return max((at for at in began if at is not None), default=self.heard_at)

    @property
    def speaks_until(self) -> int | None:
        """Until when a gateway may yet be heard; None where all of them are dead.

        If others behind it were heard first, a missing gateway gets one more allowance from that
        moment on. If nobody was heard after that first sign, the site may be down again.
        """
        return max((at for one in self.gateways if (at := self._speaks_until(one))), default=None)

    def _speaks_until(self, gateway: Job) -> int | None:
        if gateway.missed_at is None:
            return gateway.deadline
        mine = [one for one in self.outages if one.site_id == gateway.id]
        if not mine or mine[-1].ended_at is None or mine[-1].began_at > gateway.deadline:
            return None
        first_sign_at = mine[-1].ended_at
        heard_again = self.heard_at > first_sign_at + gateway.allowance_s
        return None if heard_again else max(self.heard_at, first_sign_at) + gateway.allowance_s


@dataclass(frozen=True)
class Named:
    """Some of the jobs behind a gateway: how many, and the first of them by name."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteReport:
    """What the news of a gateway tells of the site: how many are behind it, and how they stand.

    `silences` are outages, as (from, to), None for one that lasts. `back` were heard after the
    last one, `fell` are excused by one and waited for, `missing` are told of by themselves.
    """

    behind: int
    silences: tuple[tuple[int, int | None], ...] = ()
    back: Named = Named()
    fell: Named = Named()
    missing: Named = Named()


class Gateways:
    """The gateways of one account, to be asked which of them a job is behind."""

    def __init__(self, gateways: Iterable[Gateway]) -> None:
        self._by_name: dict[str, Gateway] = {}
        self._by_network: dict[str, list[tuple[Way, Gateway]]] = defaultdict(list)
        for gateway in gateways:
            self._by_name[gateway.job.cronname] = gateway
            for way in gateway.ways:
                self._by_network[way.network].append((way, gateway))

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._by_name)

    def of(self, job: Job) -> tuple[Gateway, ...]:
        """Return the gateways that `job`, one of the account, is behind.

        The one that it named, else those that share its network, else those that did when it
        last checked in. A gateway is behind another only where it named it.
        """
        if job.gateway:
            named = self._by_name.get(job.gateway)
            return (named,) if named is not None and named.job.id != job.id else ()
        if job.site or not job.network:
            return ()
        near = [one for one in self._by_network.get(job.network, ()) if one[0].leads(job)]
        # Who has moved away no longer speaks for those who stayed with another one; and who
        # has moved in since not for those who were heard from there before.
        is_here = [(way, one) for way, one in near if way.until_at is None]
        here = [one for way, one in is_here if job.last_seen_at >= way.since_at]
        left = [one for way, one in near if way.until_at is not None]
        return tuple(here or left or (one for _, one in is_here))


def ways_of(gateway: Job, left: Iterable[tuple[str, int]]) -> tuple[Way, ...]:
    """Return the ways of `gateway`, which `left` networks, as (network, until), when it moved.

    A job may have moved with the gateway, and have been heard from the old network last.
    """
    left = list(left)
    since_at = max((until_at - gateway.allowance_s for _, until_at in left), default=0)
    now = [Way(gateway.network, since_at=since_at)] if gateway.network else []
    former = [
        Way(network, until_at + gateway.allowance_s)
        for network, until_at in left
        if network != gateway.network
    ]
    return (*now, *former)

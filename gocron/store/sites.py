"""Sites: their gateways, by which ways these came, and when anybody behind them was heard."""

from collections import Counter, defaultdict
from functools import reduce
from operator import or_
from typing import Any

from peewee import chunked, fn

from gocron.core.job import Job, Kind
from gocron.core.site import CROWD, Gateway, ways_of
from gocron.store import jobs
from gocron.store.database import ROWS_A_STATEMENT, Store
from gocron.store.tables import GAP_COLUMNS

# A gateway had so many networks before; more, and its address tells nothing any more.
NETWORKS_ASKED = 50


def gateways(store: Store, account: str) -> list[Gateway]:
    """Return the gateways of `account`, by cronname."""
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where((job.account == account) & job.site)
    # To be asked for them in order makes SQLite walk through the whole account.
    found = sorted((jobs.as_job(row) for row in query), key=lambda one: one.cronname)
    near = Counter(one.network for one in found)
    return _with_ways(store, found, {network for network, count in near.items() if count > CROWD})


def gateway(store: Store, job_id: int) -> Gateway | None:
    """Return the job `job_id` as the gateway that it is, else None."""
    job = store.tables.job
    for row in job.select(*jobs.columns(store)).where((job.id == job_id) & job.site):
        found = jobs.as_job(row)
        near = job.select(job.id).where(
            (job.account == found.account) & (job.network == found.network) & job.site
        )
        is_crowded = len(list(near.limit(CROWD + 1))) > CROWD
        (one,) = _with_ways(store, [found], {found.network} if is_crowded else set())
        return one
    return None


def heard_at(store: Store, site: Gateway) -> int:
    """Return when the gateway, or any job behind it, was heard last."""
    job = store.tables.job
    query = job.select(fn.MAX(job.last_seen_at).alias("at")).where(_others(job, site))
    (row,) = query
    return max(site.job.last_seen_at, row["at"] or 0)


def heard_since(store: Store, site: Gateway, since: int) -> list[int]:
    """Return all check-ins that are known of jobs behind the gateway, later than `since`.

    Known are the last ones of each job, as far back as its gaps reach.
    """
    job = store.tables.job
    query = job.select(job.last_seen_at, *(getattr(job, column) for column in GAP_COLUMNS)).where(
        _others(job, site) & (job.last_seen_at > since)
    )
    heard = []
    for row in query:
        at = row["last_seen_at"]
        heard.append(at)
        for column in GAP_COLUMNS:
            if row[column] is None or at - row[column] <= since:
                break
            at -= row[column]
            heard.append(at)
    return heard


def behind(store: Store, site: Gateway) -> list[Job]:
    """Return the jobs behind the gateway by cronname; other sites are there by name only."""
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where(_others(job, site)).order_by(job.cronname)
    every = [jobs.as_job(row) for row in query]
    return [one for one in every if not one.site or one.gateway == site.job.cronname]


def crowds(store: Store) -> list[tuple[str, str, int]]:
    """Return where more gateways than can be share an address: account, network, how many."""
    job = store.tables.job
    counted = fn.COUNT(job.id)
    query = (
        job.select(job.account, job.network, counted.alias("count"))
        .where(job.site & (job.network != ""))
        .group_by(job.account, job.network)
        .having(counted > CROWD)
        .order_by(counted.desc(), job.account)
    )
    return [(row["account"], row["network"], row["count"]) for row in query]


def is_told(store: Store, gateway_id: int) -> bool:
    """Tell whether news of the gateway's open episode was sent, or still may be."""
    news, episode = store.tables.news, store.tables.episode
    told: bool = (
        news.select(news.id)
        .join(episode, on=(episode.id == news.episode_id))
        .where(
            (episode.job_id == gateway_id)
            & episode.ended_at.is_null()
            & (news.kind == Kind.MISSED.value)
            & news.given_up_at.is_null()
        )
        .exists()
    )
    return told


def _with_ways(store: Store, some: list[Job], crowded: set[str]) -> list[Gateway]:
    """Return the gateways that these jobs are. In a crowd an address leads to none of them."""
    left = _left(store, [one.id for one in some if one.network not in crowded])
    return [
        Gateway(one, () if one.network in crowded else ways_of(one, left.get(one.id, ())))
        for one in some
    ]


def _left(store: Store, ids: list[int]) -> dict[int, list[tuple[str, int]]]:
    """Return by id which networks these gateways left, and when, the latest first.

    Of one that never keeps its address no more than the latest few are asked for: each
    becomes part of a statement, which takes so many parts and no more.
    """
    moved = store.tables.moved
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for some in chunked(ids, ROWS_A_STATEMENT):
        query = moved.select().where(moved.job_id.in_(some)).order_by(moved.until_at.desc())
        for row in query:
            if len(found[row["job_id"]]) < NETWORKS_ASKED:
                found[row["job_id"]].append((row["network"], row["until_at"]))
    return found


def _others(job: Any, site: Gateway) -> Any:
    """True of jobs that share the gateway's ways, other gateways among them; see core.site."""
    account, name = site.job.account, site.job.cronname
    unnamed = job.gateway.is_null() | (job.gateway == "")
    # An index serves each part by itself, and only where it's sure of what the index leaves out.
    near = [(job.account == account) & (job.gateway == name) & (job.gateway != "")]
    for way in site.ways:
        came = (job.account == account) & (job.network == way.network) & (job.network != "")
        came &= unnamed
        near.append(came if way.until_at is None else came & (job.last_seen_at <= way.until_at))
    never_heard = job.address == ""
    return reduce(or_, near) & (job.id != site.job.id) & ~never_heard

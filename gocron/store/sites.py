"""Sites: their gateways, which networks these had, and when anybody behind them was heard."""

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from peewee import chunked, fn

from gocron.core.job import Job, Kind
from gocron.core.site import Moved, allowance
from gocron.store import jobs
from gocron.store.database import ROWS_A_STATEMENT, Store
from gocron.store.tables import GAP_COLUMNS

# A gateway had so many networks before; more, and its address tells nothing any more.
NETWORKS_ASKED = 50


def gateways(store: Store, account: str) -> list[Job]:
    """Return the jobs of `account` that speak for a site, by cronname."""
    job = store.tables.job
    query = (
        job.select(*jobs.columns(store))
        .where((job.account == account) & job.site)
        .order_by(job.cronname)
    )
    return [jobs.as_job(row) for row in query]


def gateway(store: Store, job_id: int) -> Job | None:
    """Return the job `job_id` while it speaks for a site, else None."""
    job = store.tables.job
    for row in job.select(*jobs.columns(store)).where((job.id == job_id) & job.site):
        return jobs.as_job(row)
    return None


def moved(store: Store, some: Iterable[Job]) -> dict[int, list[Moved]]:
    """Return by id from which networks these gateways checked in before, the latest first.

    Of one that never keeps its address no more than the latest few are asked for: each
    becomes part of a statement, which takes so many parts and no more.
    """
    table = store.tables.moved
    found: dict[int, list[Moved]] = defaultdict(list)
    for ids in chunked([site.id for site in some], ROWS_A_STATEMENT):
        query = table.select().where(table.job_id.in_(ids)).order_by(table.until_at.desc())
        for row in query:
            if len(found[row["job_id"]]) < NETWORKS_ASKED:
                found[row["job_id"]].append(Moved(row["network"], row["until_at"]))
    return found


def heard_at(store: Store, site: Job, past: Iterable[Moved]) -> int:
    """Return when the gateway, or any job behind it, was heard last."""
    job = store.tables.job
    query = job.select(fn.MAX(job.last_seen_at).alias("at")).where(_others(job, site, past))
    (row,) = query
    return max(site.last_seen_at, row["at"] or 0)


def heard_since(store: Store, site: Job, past: Iterable[Moved], since: int) -> list[int]:
    """Return all check-ins that are known of jobs behind the gateway, later than `since`.

    Known are the last ones of each job, as far back as its gaps reach.
    """
    job = store.tables.job
    query = job.select(job.last_seen_at, *(getattr(job, column) for column in GAP_COLUMNS)).where(
        _others(job, site, past) & (job.last_seen_at > since)
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


def behind(store: Store, site: Job, past: Iterable[Moved]) -> list[Job]:
    """Return the jobs behind the gateway by cronname; other sites are there by name only."""
    job = store.tables.job
    query = job.select(*jobs.columns(store)).where(_others(job, site, past)).order_by(job.cronname)
    every = [jobs.as_job(row) for row in query]
    return [one for one in every if not one.site or one.gateway == site.cronname]


def is_told(store: Store, site: Job) -> bool:
    """Tell whether news of the gateway's open episode was sent, or still may be."""
    news, episode = store.tables.news, store.tables.episode
    told: bool = (
        news.select(news.id)
        .join(episode, on=(episode.id == news.episode_id))
        .where(
            (episode.job_id == site.id)
            & episode.ended_at.is_null()
            & (news.kind == Kind.MISSED.value)
            & news.given_up_at.is_null()
        )
        .exists()
    )
    return told


def _others(job: Any, site: Job, past: Iterable[Moved]) -> Any:
    """True of jobs that share the gateway's way, other gateways among them; see core.site."""
    ways = [job.gateway == site.cronname]
    unnamed = job.gateway.is_null() | (job.gateway == "")
    if site.network:
        ways.append((job.network == site.network) & unnamed)
    ways += [
        (job.network == former.network)
        & (job.last_seen_at <= former.until_at + allowance(site))
        & unnamed
        for former in past
    ]
    never_heard = job.address == ""
    return (job.account == site.account) & (job.id != site.id) & ~never_heard & reduce(or_, ways)

"""Sites: their gateways, by which ways these came, and how the jobs behind them stand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from sys import maxsize
from typing import Any

from peewee import Case, chunked, fn

from gocron.core.job import Job, Status
from gocron.core.news import Kind
from gocron.core.outage import Outage
from gocron.core.site import CROWD, Gateway, Named, SiteReport, ways_of
from gocron.store import jobs
from gocron.store.database import ROWS_A_STATEMENT, Store
from gocron.store.heard import jobs_behind, unnamed

# A gateway had so many networks before; more, and its address tells nothing any more.
NETWORKS_ASKED = 50


def gateways(store: Store, accounts: Iterable[str]) -> dict[str, list[Gateway]]:
    """Return the gateways of `accounts` by account, each account's by cronname."""
    job = store.tables.job
    found: list[Job] = []
    for some in chunked(accounts, ROWS_A_STATEMENT):
        query = job.select(*jobs.columns(store)).where(job.account.in_(some) & job.site)
        found += [jobs.as_job(row) for row in query]
    by_account: dict[str, list[Gateway]] = defaultdict(list)
    # To be asked for them in order makes SQLite walk through the whole account.
    for one in _with_ways(store, sorted(found, key=lambda one: one.cronname)):
        by_account[one.job.account].append(one)
    return by_account


def some_gateways(store: Store, ids: Iterable[int]) -> dict[int, Gateway]:
    """Return by id which of these jobs are gateways."""
    job = store.tables.job
    found: list[Job] = []
    for some in chunked(ids, ROWS_A_STATEMENT):
        query = job.select(*jobs.columns(store)).where(job.id.in_(some) & job.site)
        found += [jobs.as_job(row) for row in query]
    return {one.job.id: one for one in _with_ways(store, found)}


def speaking(store: Store, some: Iterable[Gateway]) -> set[int]:
    """Return the ids of those of these gateways that any other job is behind."""
    job, moved = store.tables.job, store.tables.moved
    site = job.alias("site")
    mine = (job.account == site.account) & (job.id != site.id)
    named = job.select(job.id).where(mine & (job.gateway == site.cronname) & (job.gateway != ""))
    came = mine & (job.network != "") & unnamed(job)
    near = job.select(job.id).where(came & (job.network == site.network))
    # Not a join: SQLite would walk through the whole account.
    there = fn.EXISTS(job.select(job.id).where(came & (job.network == moved.network)))
    left = moved.select(moved.job_id).where((moved.job_id == site.id) & there)
    some = list(some)
    by_name, by_way = fn.EXISTS(named), fn.EXISTS(near) | fn.EXISTS(left)
    found: set[int] = set()
    for which, ids in (
        (by_name, [one.job.id for one in some]),
        (by_way, [one.job.id for one in some if one.ways]),
    ):
        for part in chunked(ids, ROWS_A_STATEMENT):
            found |= {row["id"] for row in site.select(site.id).where(site.id.in_(part) & which)}
    return found


def report(store: Store, site: Gateway, found: Sequence[Outage], names: int) -> SiteReport:
    """Return how the jobs behind a gateway came through its outages `found`, the last one last.

    Of each kind the first `names` are named. Other sites are behind it by name only.
    """
    job = store.tables.job
    behind = _others(job, site) & (
        job.site.is_null() | ~job.site | (job.gateway == site.job.cronname)
    )
    ended_at = found[-1].ended_at if found else None
    missing = job.missed_at.is_null(False) & job.back_at.is_null()
    back = ~missing & (job.last_seen_at >= (maxsize if ended_at is None else ended_at))
    fell = ~missing & (job.reprieve == Status.EXCUSED.value)
    fell &= job.excused_by.in_([one.id for one in found]) & ~back
    kinds = {"back": back, "fell": fell, "missing": missing}
    counts = [fn.SUM(Case(None, [(which, 1)], 0)).alias(name) for name, which in kinds.items()]
    (row,) = job.select(fn.COUNT(job.id).alias("behind"), *counts).where(behind)

    def named(kind: str) -> Named:
        if not row[kind]:
            return Named(0)
        query = job.select(job.cronname).where(behind & kinds[kind]).order_by(job.cronname)
        return Named(row[kind], tuple(one["cronname"] for one in query.limit(names)))

    spans = tuple((one.began_at, one.ended_at) for one in found)
    return SiteReport(row["behind"], spans, named("back"), named("fell"), named("missing"))


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


def told(store: Store, gateway_ids: Iterable[int]) -> set[int]:
    """Return of which of these gateways' open episodes news was sent, or still may be."""
    news, episode = store.tables.news, store.tables.episode
    found: set[int] = set()
    for some in chunked(gateway_ids, ROWS_A_STATEMENT):
        query = (
            news.select(episode.job_id)
            .join(episode, on=(episode.id == news.episode_id))
            .where(
                episode.job_id.in_(some)
                & episode.ended_at.is_null()
                & (news.kind == Kind.MISSING.value)
                & news.given_up_at.is_null()
            )
        )
        found |= {row["job_id"] for row in query}
    return found


def _with_ways(store: Store, some: list[Job]) -> list[Gateway]:
    """Return the gateways that these jobs are. In a crowd an address leads to none of them."""
    crowded = _crowded(store, some)
    left = _left(store, [one.id for one in some if (one.account, one.network) not in crowded])
    return [
        Gateway(
            one,
            () if (one.account, one.network) in crowded else ways_of(one, left.get(one.id, ())),
        )
        for one in some
    ]


def _crowded(store: Store, some: list[Job]) -> set[tuple[str, str]]:
    """Return where, as (account, network), more gateways than can be are with these ones."""
    job = store.tables.job
    networks: dict[str, set[str]] = defaultdict(set)
    for one in some:
        if one.network:
            networks[one.account].add(one.network)
    found: set[tuple[str, str]] = set()
    for account, mine in networks.items():
        for part in chunked(sorted(mine), ROWS_A_STATEMENT):
            query = (
                job.select(job.network)
                .where((job.account == account) & job.network.in_(part) & job.site)
                .group_by(job.network)
                .having(fn.COUNT(job.id) > CROWD)
            )
            found |= {(account, row["network"]) for row in query}
    return found


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
    account = site.job.account
    # An index serves each part by itself.
    near = [jobs_behind(job, account, True, [site.job.cronname])]
    for way in site.ways:
        came = jobs_behind(job, account, False, [way.network])
        near.append(came if way.until_at is None else came & (job.last_seen_at <= way.until_at))
    return reduce(or_, near) & (job.id != site.job.id)

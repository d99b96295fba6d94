"""When anybody was heard behind a gateway: of its name, or from a network of its own."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from sys import maxsize
from typing import Any, NamedTuple

from peewee import chunked, fn

from gocron.core.job import GAPS
from gocron.core.recent import moments
from gocron.core.site import Gateway
from gocron.store.database import ROWS_A_STATEMENT, Store


class _Path(NamedTuple):
    """By what the jobs of an account are behind a gateway: its cronname, or a network."""

    account: str
    by_name: bool
    value: str


class Heard:
    """When anybody behind gateways was heard; each way is asked for once, many ways together.

    One that was heard from a network after the gateway had left it doesn't count.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # By path: since when all is known, and each check-in since with the job's last one.
        self._since: dict[_Path, tuple[int, list[tuple[int, int]]]] = {}
        self._latest: dict[_Path, int] = {}

    def ask(self, some: Iterable[Gateway], since: int) -> None:
        """Find all check-ins later than `since` that are known of jobs behind these gateways.

        Known are the last ones of each job, as far back as its gaps reach.
        """
        wanted = {path for one in some for path, _ in _paths(one)}
        wanted = {path for path in wanted if self._since.get(path, (maxsize, []))[0] > since}
        self._since.update((path, (since, [])) for path in wanted)
        job = self._store.tables.job
        for account, by_name, values in _together(wanted):
            column = job.gateway if by_name else job.network
            behind = jobs_behind(job, account, by_name, values) & (job.last_seen_at > since)
            for row in job.select(column.alias("way"), job.last_seen_at, job.recent).where(behind):
                last = row["last_seen_at"]
                found = self._since[_Path(account, by_name, row["way"])][1]
                heard = moments(row["recent"], last, GAPS + 1)
                found += [(at, last) for at in heard if at > since]
        for path in wanted:
            self._since[path][1].sort()

    def since(self, site: Gateway, since: int) -> list[int]:
        """Return all check-ins later than `since` that are known of jobs behind `site`."""
        self.ask([site], since)
        found: list[int] = []
        for path, until_at in _paths(site):
            known = self._since[path][1]
            later = known[bisect_right(known, (since, maxsize)) :]
            found += [at for at, last in later if until_at is None or last <= until_at]
        return found

    def ask_latest(self, some: Iterable[Gateway]) -> None:
        """Find when any job behind each of these gateways was heard last."""
        every = (path for one in some for path, _ in _paths(one))
        wanted = {path for path in every if path not in self._latest}
        self._latest.update(dict.fromkeys(wanted, 0))
        job = self._store.tables.job
        for account, by_name, values in _together(wanted):
            column = job.gateway if by_name else job.network
            behind = jobs_behind(job, account, by_name, values)
            latest = fn.MAX(job.last_seen_at).alias("at")
            for row in job.select(column.alias("way"), latest).where(behind).group_by(column):
                self._latest[_Path(account, by_name, row["way"])] = row["at"]

    def at(self, site: Gateway) -> int:
        """Return when the gateway, or any job behind it, was heard last."""
        self.ask_latest([site])
        found = [site.job.last_seen_at]
        for path, until_at in _paths(site):
            latest = self._latest[path]
            if until_at is not None and latest > until_at:
                latest = self._latest_until(path, until_at)
            found.append(latest)
        return max(found)

    def _latest_until(self, path: _Path, until_at: int) -> int:
        job = self._store.tables.job
        behind = jobs_behind(job, path.account, path.by_name, [path.value])
        query = job.select(fn.MAX(job.last_seen_at).alias("at"))
        (row,) = query.where(behind & (job.last_seen_at <= until_at))
        return row["at"] or 0


def jobs_behind(job: Any, account: str, by_name: bool, values: Sequence[str]) -> Any:
    """True of jobs that were heard and are behind a gateway by one of these values."""
    was_heard = (job.account == account) & (job.address != "")
    # An index serves only where it's sure of what the index leaves out.
    if by_name:
        return was_heard & job.gateway.in_(values) & (job.gateway != "")
    return was_heard & job.network.in_(values) & (job.network != "") & unnamed(job)


def unnamed(job: Any) -> Any:
    """True of jobs that named no gateway."""
    return job.gateway.is_null() | (job.gateway == "")


def _paths(site: Gateway) -> list[tuple[_Path, int | None]]:
    """Return by what others are behind `site`, each with until when; None: still."""
    account = site.job.account
    return [
        (_Path(account, True, site.job.cronname), None),
        *((_Path(account, False, way.network), way.until_at) for way in site.ways),
    ]


def _together(paths: Iterable[_Path]) -> Iterable[tuple[str, bool, list[str]]]:
    """Yield what one statement can ask for: an account, whether by name, and by which values."""
    alike: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for path in sorted(paths):
        alike[path.account, path.by_name].append(path.value)
    for (account, by_name), values in alike.items():
        for some in chunked(values, ROWS_A_STATEMENT):
            yield account, by_name, some

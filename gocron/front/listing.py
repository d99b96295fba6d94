"""What the front tells of jobs and of itself: /cron and /version, which change nothing."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from gocron import __version__
from gocron.config import Config
from gocron.core.job import Job
from gocron.core.name import normal
from gocron.core.network import is_within, leads_here, read_address
from gocron.errors import StoreError, Unfit
from gocron.front.request import Answer, Later, Request, in_json, retry_later, safely, text
from gocron.store import jobs
from gocron.store.database import Store

READING_THREADS = 4

# Longer than the database takes for a statement at most.
PATIENCE_S = 90.0

_PROXY_HEADERS = ("x-forwarded", "x-real-ip", "forwarded", "via")

NOT_BY_THIS_ADDRESS = "gocron: this address may not read jobs; see api_allow"
NOT_BY_THIS_NAME = (
    "gocron: jobs are not read by this name, which may be a web page's; ask by an address, by "
    "localhost, or by the name in public_url or self_url"
)

Content = dict[str, Any] | None


class Listing:
    """Handlers that read, in a few threads: a database that is slow holds up nobody else."""

    def __init__(
        self,
        config: Config,
        store: Store,
        unavailable: Callable[[StoreError], Answer],
        announce: Callable[[Callable[[], None]], object],
    ) -> None:
        self._config = config
        self._names = own_names(config)
        self._store = store
        self._unavailable = unavailable
        self._announce = announce
        self._readers = ThreadPoolExecutor(READING_THREADS, "reading")

    def version(self, request: Request) -> Answer | Later[Answer]:
        """Tell the versions of gocron and its database, as the original does."""
        return self._read(
            request,
            lambda: {
                "version": __version__,
                "database": {"type": self._store.kind, "version": self._store.server_version()},
            },
        )

    def all(self, request: Request) -> Answer | Later[Answer]:
        """List all jobs, as the original does."""
        return self._read(request, lambda: _listing(jobs.every_job(self._store)))

    def missed(self, request: Request) -> Answer | Later[Answer]:
        """List the missing jobs, as the original does."""
        return self._read(request, lambda: _listing(jobs.every_job(self._store, missing=True)))

    def of_account(self, request: Request) -> Answer | Later[Answer]:
        """List the jobs of one account, as the original does; 404 where it has none."""

        def read() -> Content:
            name = normal(request.path.removeprefix("/cron/"))
            listing = _listing(jobs.every_job(self._store, account=name))
            return {"Account": name, **listing} if listing["Count"] else None

        return self._read(request, read)

    def _read(self, request: Request, read: Callable[[], Content]) -> Answer | Later[Answer]:
        if not self._may_read(request):
            return text(403, NOT_BY_THIS_ADDRESS)
        if not leads_here(request.header("host") or "", self._names):
            return text(403, NOT_BY_THIS_NAME)

        def ask(tell: Callable[[Answer], None]) -> None:
            def work() -> None:
                answer = safely(lambda: self._looked_up(read))
                self._announce(partial(tell, answer))

            self._readers.submit(work)

        too_late = retry_later("gocron: the database is away; try again")
        return Later(ask, PATIENCE_S, lambda: too_late, lambda answer: answer)

    def _looked_up(self, read: Callable[[], Content]) -> Answer:
        try:
            with self._store.connected(makes_file=False):
                content = read()
        except Unfit:
            # The database can't hold such a name, so no job has it.
            content = None
        except StoreError as error:
            return self._unavailable(error)
        return (
            text(404, "gocron: no job of this account")
            if content is None
            else in_json(200, content)
        )

    def _may_read(self, request: Request) -> bool:
        """Tell whether the client is in `api_allow`.

        Through a proxy neither loopback counts nor the proxy's own address.
        """
        client = request.client(self._config.trusted_proxies)
        address = read_address(client.address)
        proxied = any(name.startswith(_PROXY_HEADERS) for name in request.header_names())
        if address is not None and proxied and (address.is_loopback or not client.is_named):
            return False
        return is_within(address, self._config.api_allow)


def own_names(config: Config) -> frozenset[str]:
    """Return the names by which `config` says that gocron is asked."""
    urls = (config.self_url, config.public_url, f"//{config.listen_host}")
    return frozenset(name for url in urls if (name := _host_of(url)))


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _listing(found: Iterable[Job]) -> dict[str, Any]:
    crons = [
        {
            "Cronname": job.cronname,
            "Account": job.account,
            "Email": job.email,
            "Frequency": job.frequency_s,
            "Site": job.site,
            "Ipaddress": job.address,
            "Lastruntime": job.last_seen_at,
            "Alerted": job.missed_at is not None and job.back_at is None,
        }
        for job in found
    ]
    return {"Count": len(crons), "Crons": crons}

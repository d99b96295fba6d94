"""The front: a check-in comes in, is kept, and is answered. Plain WSGI, made with Bottle."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from bottle import Bottle, HTTPError, HTTPResponse, request

from gocron import __version__
from gocron.config import load_config
from gocron.core.address import is_within, leads_here, read_address
from gocron.core.job import Job
from gocron.core.name import normal
from gocron.errors import StoreError, Unfit
from gocron.fields import BODY_LIMIT
from gocron.host import this_host
from gocron.reception import (
    NO_BROWSER,
    Answer,
    Front,
    KnockedBy,
    Request,
    is_by_page,
    own_names,
    text,
)
from gocron.store import deliveries, jobs
from gocron.store.database import Store
from gocron.store.door import Pulse
from gocron.store.group_commit import GroupCommit
from gocron.store.schema import open_store

_PROXY_HEADERS = ("HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")

NOT_BY_THIS_NAME = (
    "gocron: jobs are not read by this name, which may be a web page's; ask by an address, by "
    "localhost, or by the name in public_url or self_url"
)

log = logging.getLogger("gocron-front")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve one request, as WSGI asks; the first one reads the configuration."""
    global _app
    with _making:
        if _app is None:
            config = load_config()
            store = open_store(config.database_url)
            group_commit = GroupCommit(store, pulse=Pulse(store, time.time, this_host()))
            # Who reads gets a store of his own: of one store's threads one connects at a time.
            readable = Store(config.database_url)
            _app = make_app(Front(config, readable, time.time), group_commit)
    response: Iterable[bytes] = _app(environ, start_response)
    return response


_app: Bottle | None = None
_making = threading.Lock()


def make_app(front: Front, group_commit: GroupCommit) -> Bottle:
    """Return the WSGI application: `front` with its routes."""
    group_commit.count_undelivered = lambda store: deliveries.count_undelivered(
        store, int(front.clock()), front.config.interval
    )
    app = Bottle()
    app.default_error_handler = _plain_error
    reading = _Reading(front)

    @app.hook("before_request")  # type: ignore[untyped-decorator]
    def refuse_pages() -> None:
        # A page can give its own host name this host's address, and would then read the jobs
        # through a visitor on this host: whatever a page asks is refused, preflights too.
        if is_by_page(_header):
            raise _bottled(text(403, NO_BROWSER))

    @app.route("/", ["GET", "POST", "HEAD"])  # type: ignore[untyped-decorator]
    def check_in() -> HTTPResponse:
        came = front.read(_asked())
        if isinstance(came, KnockedBy):
            return _bottled(front.knocked(came, group_commit.look()))
        return _bottled(
            came if isinstance(came, Answer) else front.answer(came, group_commit.record(came))
        )

    app.route("/healthcheck", "GET", lambda: _bottled(front.health(group_commit.look())))
    app.route("/version", "GET", reading.version)
    app.route("/cron", "GET", reading.crons)
    app.route("/cron/missed", "GET", reading.missed_crons)
    app.route("/cron/<account:path>", "GET", reading.account_crons)
    return app


class _Reading:
    """The routes that tell and change nothing."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.store = front.store
        self._names = own_names(front.config)

    def version(self) -> HTTPResponse:
        """Tell the versions of gocron and its database, as the original does."""
        return self._read(
            lambda: {
                "version": __version__,
                "database": {"type": self.store.kind, "version": self.store.server_version()},
            }
        )

    def crons(self) -> HTTPResponse:
        """List all jobs, as the original does."""
        return self._read(lambda: _listing(jobs.every_job(self.store)))

    def missed_crons(self) -> HTTPResponse:
        """List the missing jobs, as the original does."""
        return self._read(lambda: _listing(jobs.every_job(self.store, missing=True)))

    def account_crons(self, account: str) -> HTTPResponse:
        """List the jobs of one account, as the original does; 404 where it has none."""

        def read() -> dict[str, Any] | None:
            name = normal(account)
            listing = _listing(jobs.every_job(self.store, account=name))
            return {"Account": name, **listing} if listing["Count"] else None

        return self._read(read)

    def _read(self, read: Callable[[], dict[str, Any] | None]) -> HTTPResponse:
        if not self._may_read():
            return _bottled(text(403, "gocron: this address may not read jobs; see api_allow"))
        if not leads_here(_header("host") or "", self._names):
            return _bottled(text(403, NOT_BY_THIS_NAME))
        try:
            with self.store.connected(makes_file=False):
                content = read()
        except Unfit:
            # The database can't hold such a name, so no job has it.
            content = None
        except StoreError as error:
            return _bottled(self.front.unavailable(error))
        if content is None:
            return _bottled(text(404, "gocron: no job of this account"))
        return _json(200, content)

    def _may_read(self) -> bool:
        """Tell whether the client is in `api_allow`.

        Through a proxy neither loopback counts nor the proxy's own address.
        """
        client = self.front.client(_asked())
        address = read_address(client.address)
        proxied = any(name.startswith(_PROXY_HEADERS) for name in request.environ)
        if address is not None and proxied and (address.is_loopback or not client.is_named):
            return False
        return is_within(address, self.front.config.api_allow)


def _header(name: str) -> str | None:
    value: str | None = request.environ.get(f"HTTP_{name.upper().replace('-', '_')}")
    return value and value.encode("latin-1").decode("ascii", "replace")


def _asked() -> Request:
    environ = request.environ
    body, whole = _body(environ) if environ.get("REQUEST_METHOD") == "POST" else (b"", True)
    return Request(
        # WSGI hands bytes over as Latin-1; what is no UTF-8 becomes what `core` refuses.
        query=(environ.get("QUERY_STRING") or "")
        .encode("latin-1")
        .decode("utf-8", "surrogateescape"),
        content_type=environ.get("CONTENT_TYPE") or "",
        body=body,
        whole=whole,
        peer=environ.get("REMOTE_ADDR") or "",
        forwarded=_header("x-forwarded-for") or "",
        by_page=is_by_page(_header),
    )


def _body(environ: dict[str, Any]) -> tuple[bytes, bool]:
    """Return as much of the body as tells that it is too long, and whether all of it came."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        # A body in chunks tells no length: the server must know where it ends.
        if not environ.get("wsgi.input_terminated"):
            return b"", False
        return environ["wsgi.input"].read(BODY_LIMIT + 1), True
    length = environ.get("CONTENT_LENGTH") or ""
    size = min(int(length), BODY_LIMIT + 1) if length.isdecimal() else 0
    body: bytes = environ["wsgi.input"].read(size) if size else b""
    return body, len(body) == size


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


def _bottled(answer: Answer) -> HTTPResponse:
    return HTTPResponse(answer.body, answer.status, dict(answer.headers))


def _json(status: int, content: dict[str, Any]) -> HTTPResponse:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return HTTPResponse(json.dumps(content) + "\n", status, headers)


def _plain_error(error: HTTPError) -> str:
    """Answer in one line what Bottle would answer in HTML."""
    if error.exception is not None:
        log.error("bug: %r (please report)", error.exception, exc_info=error.exception)
    error.content_type = "text/plain; charset=utf-8"
    said = {404: "no such page", 405: "use GET, POST or HEAD", 500: "a bug; see the front's log"}
    return f"gocron: {said.get(error.status_code, error.body)}\n"

"""How the front is served: granian's event loop reads requests, one thread commits.

A check-in needs no thread of its own: it is read and answered in the event loop and waits
there for its group's commit. So a client that sends its request by drops holds nothing that
others need. All other requests go to the WSGI application in a few threads.
"""

import asyncio
import io
import logging
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gocron import processes
from gocron.config import Config, load_config
from gocron.core.address import UNREADABLE
from gocron.core.checkin import CheckIn
from gocron.core.health import Known
from gocron.errors import ConfigError
from gocron.fields import BODY_LIMIT
from gocron.front import make_app
from gocron.host import this_host
from gocron.listening import open_listener
from gocron.processes import Stop
from gocron.promise import renew_promise
from gocron.reception import Answer, Front, KnockedBy, Request, is_by_page, retry_later
from gocron.store.database import Store
from gocron.store.door import Pulse
from gocron.store.group_commit import LOOK_PATIENCE_S, PATIENCE_S, GroupCommit, Outcome

BODY_PATIENCE_S = 5.0
READING_THREADS = 4

_CHECK_IN_METHODS = ("GET", "POST", "HEAD")

log = logging.getLogger("gocron-front")


def serve(config: Config, path: Path | None) -> None:
    """Serve check-ins until a signal ends it. Raises ConfigError where the port can't be had."""
    listener = open_listener(config.listen_host, config.listen_port)
    # Until the first sweep, which says where there is no room.
    renew_promise(config, int(time.time()))
    # The process that serves reads the configuration anew.
    if path is not None:
        os.environ["GOCRON_CONFIG"] = str(path.resolve())
    processes.run(listener, partial(_server, config, listener))


def _server(config: Config, listener: socket.socket) -> Any:
    """Return what granian serves, in the process that serves it.

    `config` is the one that this front began with: it goes on by that where what stands in the
    file by now can't be used, or a slip in it would end a front that works.
    """
    try:
        config = load_config()
    except ConfigError as error:
        log.warning("%s; going on with the configuration of the start", error)
    return Server(config, listener)


@dataclass(frozen=True)
class _Body:
    """What came of a request's body: no more than tells that it is too long."""

    content: bytes = b""
    broke_off: bool = False


class Server:
    """The RSGI application: one for each process, made in the process that serves."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make what belongs to the event loop that will serve."""
        # Its schema was seen to before: a database that is away now is no reason not to serve.
        store = Store(self._config.database_url)
        self._loop = loop
        # Who reads gets a store of his own: of one store's threads one connects at a time.
        self._front = Front(self._config, Store(self._config.database_url), time.time)
        self._group_commit = GroupCommit(
            store,
            announce=loop.call_soon_threadsafe,
            pulse=Pulse(store, time.time, this_host()),
        )
        self._app = make_app(self._front, self._group_commit)
        self._readers = ThreadPoolExecutor(READING_THREADS, "reading")
        self._stop = Stop(self._listener, loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer what came at the last moment."""
        self._stop.drain()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Serve one request."""
        try:
            body = await _body(protocol) if scope.method == "POST" else _Body()
        except (asyncio.TimeoutError, OSError):
            late = retry_later("gocron: the request's body did not come in time; try again")
            self._respond(protocol, late)
            return
        self._stop.began()
        try:
            self._respond(protocol, await self._serve(scope, body))
        finally:
            self._stop.ended()

    def _respond(self, protocol: Any, answer: Answer) -> None:
        # Else a client that keeps its connection open would go on asking for ever.
        headers = [*answer.headers, *([("Connection", "close")] if self._stop.is_asked else [])]
        protocol.response_bytes(answer.status, headers, answer.body.encode("utf-8", "replace"))

    async def _serve(self, scope: Any, body: _Body) -> Answer:
        if scope.path == "/healthcheck" and scope.method in ("GET", "HEAD"):
            return self._front.health(await self._known())
        if scope.path != "/" or scope.method not in _CHECK_IN_METHODS:
            return await self._loop.run_in_executor(self._readers, self._read, scope, body.content)
        came = self._front.read(_asked(scope, body))
        if isinstance(came, Answer):
            return came
        if isinstance(came, KnockedBy):
            return self._front.knocked(came, await self._known())
        return self._front.answer(came, await self._recorded(came))

    def _recorded(self, checkin: CheckIn) -> "asyncio.Future[Outcome]":
        """Return what will tell the outcome of `checkin`, too late being one."""
        future: asyncio.Future[Outcome] = self._loop.create_future()

        def tell(outcome: Outcome) -> None:
            if not future.done():
                timer.cancel()
                future.set_result(outcome)

        timer = self._loop.call_later(PATIENCE_S, lambda: tell(self._group_commit.too_late()))
        self._group_commit.submit(checkin, tell)
        return future

    def _known(self) -> "asyncio.Future[Known]":
        """Return what will tell how gocron is; no thread waits for it, and no connection."""
        future: asyncio.Future[Known] = self._loop.create_future()

        def tell(known: Known) -> None:
            if not future.done():
                timer.cancel()
                future.set_result(known)

        timer = self._loop.call_later(LOOK_PATIENCE_S, lambda: tell(self._group_commit.known))
        self._group_commit.ask(tell)
        return future

    def _read(self, scope: Any, body: bytes) -> Answer:
        """Ask the WSGI application."""
        began: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            began[:] = [int(status[:3]), tuple(headers)]

        content = b"".join(self._app(_environ(scope, body), start_response))
        return Answer(began[0], began[1], content.decode("utf-8"))


async def _body(protocol: Any) -> _Body:
    """Return the body. Raises TimeoutError where it doesn't come."""

    async def read() -> _Body:
        came = bytearray()
        empty = 0
        async for chunk in protocol:
            came += chunk
            empty += not chunk
            if len(came) > BODY_LIMIT:
                return _Body(bytes(came))
        # granian ends each body with an empty chunk; one that broke off has another before it.
        return _Body(bytes(came), broke_off=empty != 1)

    return await asyncio.wait_for(read(), BODY_PATIENCE_S)


def _peer(scope: Any) -> str:
    host: str = scope.client.rpartition(":")[0]
    return host.strip("[]")


def _header(headers: Any, name: str) -> str | None:
    """Return a header, its lines as one; None where there is none.

    granian hides a line with bytes that are no ASCII: the others count, and the one is not nothing.
    Where it hides another than the first nobody can tell.
    """
    if name not in headers:
        return None
    lines = headers.get_all(name)
    return ", ".join(lines if headers.get(name) is not None else [UNREADABLE, *lines])


def _asked(scope: Any, body: _Body) -> Request:
    header = partial(_header, scope.headers)
    return Request(
        query=scope.query_string,
        content_type=header("content-type") or "" if body.content else "",
        body=body.content,
        whole=_is_whole(scope, body),
        peer=_peer(scope),
        forwarded=header("x-forwarded-for") or "",
        by_page=is_by_page(header),
    )


def _is_whole(scope: Any, body: _Body) -> bool:
    """Tell whether `body` is all of it; one that is too long is refused for that."""
    if scope.method != "POST" or len(body.content) > BODY_LIMIT:
        return True
    length = scope.headers.get("content-length", str(len(body.content)))
    is_as_told = length.isdecimal() and int(length) == len(body.content)
    return is_as_told and not body.broke_off


def _as_wsgi(text: str) -> str:
    """Return `text` as WSGI wants it: its bytes, each as one character."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _environ(scope: Any, body: bytes) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_wsgi(scope.path),
        "QUERY_STRING": _as_wsgi(scope.query_string),
        "SERVER_NAME": "gocron",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": _peer(scope),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name in scope.headers.keys():  # noqa: SIM118 (granian's headers aren't iterable)
        # X_Forwarded_For would end up as X-Forwarded-For does; no honest proxy sends it.
        if name not in ("content-length", "content-type") and "_" not in name:
            told = _header(scope.headers, name) or ""
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = told.encode().decode("latin-1")
    return environ

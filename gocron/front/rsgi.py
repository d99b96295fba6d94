"""The front under granian: its event loop reads and answers requests, one thread commits.

A check-in needs no thread of its own: it waits in the event loop for its group's commit. So a
client that sends its request by drops holds nothing that others need.
"""

import asyncio
import contextlib
import logging
import os
import socket
from functools import partial
from pathlib import Path
from typing import Any

from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]

from gocron.config import Config, load_config
from gocron.core.network import UNREADABLE
from gocron.core.ping import PREFIX
from gocron.errors import ConfigError
from gocron.fields import BODY_LIMIT
from gocron.front import processes
from gocron.front.listening import open_listener
from gocron.front.processes import Stop
from gocron.front.request import Answer, Found, Later, OutputEnd, Request, retry_later
from gocron.front.routes import Front
from gocron.host import clock as host_clock
from gocron.host import this_host
from gocron.promise import renew_promise
from gocron.store.clocks import Clock
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns

BODY_PATIENCE_S = 5.0

TOO_SLOW = "gocron: the request's body did not come in time; try again"

log = logging.getLogger("gocron-front")


def serve(config: Config, path: Path | None) -> None:
    """Serve check-ins until a signal ends it. Raises ConfigError where the port can't be had."""
    listener = open_listener(config.listen_host, config.listen_port)
    # Until the first sweep, which says where there is no room.
    renew_promise(config, int(host_clock()))
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


class Server:
    """The RSGI application: one for each process, made in the process that serves."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make what belongs to the event loop that will serve."""
        # Its schema was seen to before: a database that is away now is no reason not to serve.
        store = Store(self._config.database_url)
        announce = loop.call_soon_threadsafe
        clock = Clock(store)
        group_commit = GroupCommit(store, announce, LifeSigns(store, clock.measure, this_host()))
        # Who reads gets a store of his own: of one store's threads one connects at a time.
        readable = Store(self._config.database_url)
        self._front = Front(self._config, readable, clock, group_commit, announce)
        self._loop = loop
        self._stop = Stop(self._listener, loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer what came at the last moment."""
        self._stop.drain()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Serve one request."""
        try:
            body, whole = await _body(scope, protocol)
        except (asyncio.TimeoutError, OSError):
            self._respond(protocol, retry_later(TOO_SLOW))
            return
        self._stop.began()
        try:
            answer = self._front.answer(_request(scope, body, whole))
            if isinstance(answer, Later):
                answer = answer.finish(await self._found(answer))
            self._respond(protocol, answer)
        finally:
            self._stop.ended()

    def _respond(self, protocol: HTTPProtocol, answer: Answer) -> None:
        # Else a client that keeps its connection open would go on asking for ever.
        headers = [*answer.headers, *([("Connection", "close")] if self._stop.is_asked else [])]
        protocol.response_bytes(answer.status, headers, answer.body.encode("utf-8", "replace"))

    def _found(self, later: Later[Found]) -> "asyncio.Future[Found]":
        """Return what will tell what the answer rests on; no thread waits for it."""
        future: asyncio.Future[Found] = self._loop.create_future()

        def tell(found: Found) -> None:
            if not future.done():
                timer.cancel()
                future.set_result(found)

        timer = self._loop.call_later(later.patience_s, lambda: tell(later.give_up()))
        later.ask(tell)
        return future


async def _body(scope: Scope, protocol: HTTPProtocol) -> tuple[bytes, bool]:
    """Return as much of the body as tells that it is too long, and whether all of it came.

    Raises TimeoutError where it doesn't come.
    """

    async def read() -> tuple[bytes, bool]:
        came = bytearray()
        empty = 0
        async for chunk in protocol:
            came += chunk
            empty += not chunk
            if len(came) > BODY_LIMIT:
                return bytes(came), True
        length = scope.headers.get("content-length", str(len(came)))
        # granian ends each body with an empty chunk; one that broke off has another before it.
        whole = empty == 1 and length.isdecimal() and int(length) == len(came)
        return bytes(came), whole

    if scope.method != "POST":
        return b"", True
    if scope.path.startswith(PREFIX):
        return await _output(protocol), True
    return await asyncio.wait_for(read(), BODY_PATIENCE_S)


async def _output(protocol: HTTPProtocol) -> bytes:
    """Return the end of what came in time: the URL has said all that counts."""
    end = OutputEnd()

    async def read() -> None:
        async for part in protocol:
            if not end.add(part):
                return

    with contextlib.suppress(asyncio.TimeoutError, OSError):
        await asyncio.wait_for(read(), BODY_PATIENCE_S)
    return bytes(end)


def _request(scope: Scope, body: bytes, whole: bool) -> Request:
    return Request(
        method=scope.method,
        path=scope.path,
        query=scope.query_string,
        peer=scope.client.rpartition(":")[0].strip("[]"),
        header=partial(_header, scope.headers),
        header_names=scope.headers.keys,
        body=body,
        whole=whole,
    )


def _header(headers: Any, name: str) -> str | None:
    """Return a header, its lines as one; None where there is none.

    granian hides a line with bytes that are no ASCII: the others count, and the one is not nothing.
    Where it hides another than the first nobody can tell.
    """
    if name not in headers:
        return None
    lines = headers.get_all(name)
    return ", ".join(lines if headers.get(name) is not None else [UNREADABLE, *lines])

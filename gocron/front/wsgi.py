"""The front as a WSGI application, made with Bottle, for any WSGI server."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from bottle import Bottle, HTTPResponse, request

from gocron.config import load_config
from gocron.core.ping import PREFIX
from gocron.fields import BODY_LIMIT
from gocron.front.request import OUTPUT_READ_LIMIT_B, Later, OutputEnd, Request, safely
from gocron.front.routes import Front
from gocron.host import this_host
from gocron.store.clocks import Clock
from gocron.store.database import Result, Store
from gocron.store.group_commit import GroupCommit
from gocron.store.lives import LifeSigns
from gocron.store.schema import open_store

_app: Bottle | None = None
_making = threading.Lock()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve one request, as WSGI asks; the first one reads the configuration."""
    global _app
    with _making:
        if _app is None:
            config = load_config()
            store = open_store(config.database_url)
            clock = Clock(store)
            group_commit = GroupCommit(
                store, life_signs=LifeSigns(store, clock.measure, this_host())
            )
            # Who reads gets a store of his own: of one store's threads one connects at a time.
            readable = Store(config.database_url)
            _app = make_app(Front(config, readable, clock, group_commit))
    response: Iterable[bytes] = _app(environ, start_response)
    return response


def make_app(front: Front) -> Bottle:
    """Return the WSGI application of `front`."""
    app = Bottle()

    # Line breaks too: of what it has no route for Bottle tells in HTML.
    @app.route(r"<:re:[\s\S]*>", "ANY")  # type: ignore[untyped-decorator]
    def answer() -> HTTPResponse:
        answer = safely(lambda: front.answer(_request(request.environ)))
        if isinstance(answer, Later):
            found = awaited(answer.ask, answer.patience_s, answer.give_up)
            answer = answer.finish(found)
        return HTTPResponse(answer.body, answer.status, dict(answer.headers))

    return app


def _request(environ: dict[str, Any]) -> Request:
    # WSGI hands bytes over as Latin-1. Bottle leaves out of the path what is no UTF-8.
    path = environ["bottle.raw_path"].encode("latin-1").decode("utf-8", "replace")
    body, whole = b"", True
    if environ["REQUEST_METHOD"] == "POST":
        body, whole = _output(environ) if path.startswith(PREFIX) else _body(environ)

    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        value: str | None = environ.get(key if key == "CONTENT_TYPE" else f"HTTP_{key}")
        return value

    def header_names() -> list[str]:
        names = (name[5:] for name in environ if name.startswith("HTTP_"))
        return [name.lower().replace("_", "-") for name in names]

    return Request(
        method=environ["REQUEST_METHOD"],
        path=path,
        # What is no UTF-8 becomes what `core` refuses.
        query=(environ.get("QUERY_STRING") or "")
        .encode("latin-1")
        .decode("utf-8", "surrogateescape"),
        peer=environ.get("REMOTE_ADDR") or "",
        header=header,
        header_names=header_names,
        body=body,
        whole=whole,
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


def _output(environ: dict[str, Any]) -> tuple[bytes, bool]:
    """Return the end of the body: the URL has said all that counts."""
    length = environ.get("CONTENT_LENGTH") or ""
    left = int(length) if length.isdecimal() else 0
    if "HTTP_TRANSFER_ENCODING" in environ:
        left = OUTPUT_READ_LIMIT_B if environ.get("wsgi.input_terminated") else 0
    end = OutputEnd()
    while left > 0 and (part := environ["wsgi.input"].read(min(left, BODY_LIMIT))):
        left -= len(part)
        if not end.add(part):
            break
    return bytes(end), True


def awaited(
    ask: Callable[[Callable[[Result], None]], object],
    patience_s: float,
    give_up: Callable[[], Result],
) -> Result:
    """Wait for what `ask` has told; after `patience_s` return what `give_up` does."""
    told: list[Result] = []
    done = threading.Event()

    def tell(found: Result) -> None:
        told.append(found)
        done.set()

    ask(tell)
    return told[0] if done.wait(patience_s) else give_up()

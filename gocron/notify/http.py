"""The one way out by HTTP: Slack's hook, the watchdog, a sweep's own check-in.

A URL may be a secret: nothing that is raised or said holds any part of it.
"""

import base64
import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

from gocron.notify import Lease
from gocron.notify.deadline import within
from gocron.notify.said import said

BODY_LIMIT = 65_536
_SAID_LIMIT = 200
# Not by its type: Slack says of its `ok` that it is HTML.
_PAGE = re.compile(rb"\s*<|.*<(?:!doctype|html|head|body|meta|script|title)\b", re.I | re.S)


@dataclass(frozen=True)
class Answer:
    """What a server answered; `body` is its beginning, up to BODY_LIMIT bytes.

    `text` is the body for people: one line, empty where it is a page or quotes the URL.
    """

    status: int
    headers: Message
    body: bytes
    text: str

    @property
    def is_redirect(self) -> bool:
        """Whether it sends the client elsewhere."""
        return 300 <= self.status < 400 or "refresh" in self.headers

    @property
    def is_page(self) -> bool:
        """Whether it is a web page by its look, as those of proxies and logins are."""
        # Some are in UTF-16.
        plain = self.body.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
        return _PAGE.match(plain) is not None

    @property
    def is_encoded(self) -> bool:
        """Whether the body is compressed, which nobody asked for, so that it can't be read."""
        return self.headers.get("Content-Encoding", "identity").lower() not in ("identity", "")

    def __str__(self) -> str:
        what = ", a redirect" if self.is_redirect else ", a web page" if self.is_page else ""
        return f"answered {self.status}{what} {self.text}".rstrip()


class NoAnswer(Exception):
    """No server answered in HTTP and whole; the message says why."""


class NoAnswerInTime(NoAnswer):
    """A server took the connection, and then said nothing for as long as a step may take."""


def fetch(
    url: str,
    limit_s: float,
    body: bytes | None = None,
    content_type: str = "",
    direct: bool = False,
    follow: bool = False,
    lease: Lease | None = None,
    step_s: float | None = None,
) -> Answer:
    """Return what the server at `url` answers to a GET, or to a POST of `body`.

    It takes at most `limit_s` seconds in all, and `step_s` for each step. Proxies are those that
    the environment names, with `direct` none. Only with `follow` it goes where a redirect leads.
    Raises NoAnswer, and LeaseOver where `lease` is over once there is a connection: then nothing
    was sent.
    """
    try:
        parts = _parts(url)
    except ValueError:
        raise NoAnswer("is no URL") from None
    headers = {"User-Agent": "gocron"} | ({"Content-Type": content_type} if content_type else {})
    try:
        request = urllib.request.Request(parts.bare, body, headers)  # noqa: S310
        if parts.login:
            # Not for whoever a redirect leads to.
            request.add_unredirected_header("Authorization", f"Basic {parts.login}")
        with within(limit_s):
            return _answer(
                request, _opener(direct, follow, lease), step_s or limit_s, parts.secrets
            )
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoAnswer(_why(error, parts.secrets)) from None


def _answer(
    request: urllib.request.Request,
    opener: urllib.request.OpenerDirector,
    step_s: float,
    secrets: tuple[str, ...],
) -> Answer:
    try:
        with opener.open(request, timeout=step_s) as response:
            status, headers, body = response.status, response.headers, _whole(response)
    except TimeoutError:
        # What fails before there is a connection is another error: urllib's own.
        raise NoAnswerInTime(f"no answer within {step_s:.0f} s") from None
    except urllib.error.HTTPError as error:
        with error:
            status, headers, body = error.code, error.headers, _beginning(error)
    found = Answer(status, headers, body, "")
    if found.is_page or found.is_encoded:
        return found
    return Answer(status, headers, body, said(body, secrets, _SAID_LIMIT))


def _whole(response: http.client.HTTPResponse) -> bytes:
    """Return the body, or so much of it that it is too long. Raises IncompleteRead."""
    body = response.read(BODY_LIMIT + 1)
    if len(body) <= BODY_LIMIT and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return body


def _beginning(error: urllib.error.HTTPError) -> bytes:
    """Return what there is of the body: the status alone says that it was no success."""
    try:
        return error.read(BODY_LIMIT)
    except (OSError, ValueError, http.client.HTTPException):
        return b""


def _opener(direct: bool, follow: bool, lease: Lease | None) -> urllib.request.OpenerDirector:
    """Return what opens HTTP and nothing else: a redirect may not lead to a file or to FTP."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({} if direct else None),
        urllib.request.UnknownHandler(),
        _Handler(lease),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ]
    if follow:
        handlers.append(urllib.request.HTTPRedirectHandler())
    for handler in handlers:
        opener.add_handler(handler)
    return opener


class _Connection(http.client.HTTPConnection):
    """The library's, with a lease to look at right before anything is sent."""

    lease: Lease | None = None

    def connect(self) -> None:
        super().connect()
        if self.lease is not None:
            self.lease.left_s()


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same by TLS."""


class _Handler(urllib.request.HTTPHandler):
    """Opens connections with and without TLS; the library's makes a TLS context for either."""

    https_request = urllib.request.HTTPHandler.http_request

    def __init__(self, lease: Lease | None) -> None:
        super().__init__()
        self._lease = lease

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._leased(_Connection), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._leased(_TlsConnection), req)

    def _leased(self, kind: type[_Connection]) -> Callable[..., Any]:
        def connection(host: str, **more: Any) -> _Connection:
            made = kind(host, **more)
            made.lease = self._lease
            return made

        return connection


@dataclass(frozen=True)
class _Parts:
    """A URL without its login, the login as a header has it, and what nobody may be told."""

    bare: str
    login: str
    secrets: tuple[str, ...]


def _parts(url: str) -> _Parts:
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    login = base64.b64encode(unquote(userinfo).encode()).decode() if userinfo else ""
    values = [pair.partition("=")[2] or pair for pair in re.split("[&;]", parts.query)]
    pieces = [*parts.path.split("/"), *values, parts.fragment, *userinfo.split(":"), login]
    secrets = (*pieces, *map(unquote, pieces), *map(unquote_plus, pieces))
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    return _Parts(bare, login, secrets)


def _why(error: Exception, secrets: tuple[str, ...]) -> str:
    """Return what went wrong. What an exception says of a URL is dropped: it quotes it."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return said(f"certificate not trusted: {reason.verify_message}", secrets)
    if isinstance(reason, http.client.IncompleteRead):
        return "the answer broke off"
    if isinstance(reason, OSError):
        return said(reason.strerror or str(reason), secrets) or type(reason).__name__
    return f"no HTTP: {type(reason).__name__}" if isinstance(reason, Exception) else "no HTTP"

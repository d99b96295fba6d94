"""What comes in and what goes out, whichever server takes it: a request, and its answer."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import randint
from typing import Any, Generic, TypeVar

from gocron.core.network import Client, Network, client_of
from gocron.core.signal import OUTPUT_LIMIT_B

# When a client is to come again, from and to. A crontab's curl tries six times more: together
# that is longer than the shortest outage that sweeps see. A fleet must not come back in step.
RETRY_AFTER_S = (8, 12)

# Of what a run printed no more is read than this: a client that never ends is answered.
OUTPUT_READ_LIMIT_B = 16 * 2**20

# Each part costs as much as this many bytes: who sends a byte at a time may send less.
_LEAST_PART_B = 1024

# One byte more than is kept tells that it was cut.
_END_B = OUTPUT_LIMIT_B + 1

log = logging.getLogger("gocron-front")

Found = TypeVar("Found")


@dataclass(frozen=True)
class Request:
    """An HTTP request, whichever server took it.

    `header` returns the lines of a header as one, by its name in small letters; None where there
    is none, and UNREADABLE for what is no ASCII. `whole` unless the body broke off.
    """

    method: str
    path: str
    query: str
    peer: str
    header: Callable[[str], str | None]
    header_names: Callable[[], Iterable[str]]
    body: bytes = b""
    whole: bool = True

    def client(self, trusted: Sequence[Network]) -> Client:
        """Return where it came from, seen through `trusted` proxies."""
        return client_of(self.peer, self.forwarded, trusted)

    @property
    def forwarded(self) -> str:
        """The hops that proxies say they heard it from, "" where none does."""
        return self.header("x-forwarded-for") or ""

    @property
    def by_page(self) -> bool:
        """Whether a browser says by its headers that a web page had it ask.

        Any page can make its visitors' browsers ask any address, those inside a firewall too. What
        a person types into the address bar is by no page: `Sec-Fetch-Site: none`.
        """
        asked_by = self.header("sec-fetch-site")
        return self.header("origin") is not None or asked_by not in (None, "none")


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `body` is one line, or empty."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str = ""


@dataclass(frozen=True)
class Later(Generic[Found]):
    """An answer that rests on what another thread finds: no server's thread need wait for it.

    `ask` has its argument called with that, and where the requests wait, for example in their event
    loop. After `patience_s` it is what `give_up` returns.
    """

    ask: Callable[[Callable[[Found], None]], object]
    patience_s: float
    give_up: Callable[[], Found]
    answer: Callable[[Found], Answer]

    def finish(self, found: Found) -> Answer:
        """Return the answer, once it is known what it rests on."""
        return safely(lambda: self.answer(found))


class OutputEnd:
    """The end of what a client sends as output, however long that is."""

    def __init__(self) -> None:
        self._end = bytearray()
        self._came = 0

    def add(self, part: bytes) -> bool:
        """Take the next part; tell whether to read on."""
        self._end += part
        if len(self._end) > 2 * _END_B:
            del self._end[:-_END_B]
        self._came += max(len(part), _LEAST_PART_B)
        return self._came < OUTPUT_READ_LIMIT_B

    def __bytes__(self) -> bytes:
        return bytes(self._end[-_END_B:])


_NO_STORE = ("Cache-Control", "no-store")
_HEADERS = (("Content-Type", "text/plain; charset=utf-8"), _NO_STORE)


def text(status: int, line: str, *headers: tuple[str, str]) -> Answer:
    """Return an answer of one line, or of none."""
    return Answer(status, (*headers, *_HEADERS), f"{line}\n" if line else "")


def retry_later(line: str) -> Answer:
    """Return a 503 that tells the client to come back soon: curl's --retry heeds it."""
    retry_after = str(randint(*RETRY_AFTER_S))  # noqa: S311 (no secret)
    return text(503, line, ("Retry-After", retry_after))


def in_json(status: int, content: dict[str, Any]) -> Answer:
    """Return an answer of one line of JSON."""
    headers = (("Content-Type", "application/json"), _NO_STORE)
    return Answer(status, headers, json.dumps(content) + "\n")


def safely(work: Callable[[], Found]) -> Found | Answer:
    """Return what `work` does, and of a bug an answer."""
    try:
        return work()
    except Exception as error:
        log.exception("bug: %r (please report)", error)
        return text(500, "gocron: a bug; see the front's log")
